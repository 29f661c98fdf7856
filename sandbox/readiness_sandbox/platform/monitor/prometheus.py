"""prometheus: scrapes, evaluates rules, tells Alertmanager, answers Prometheus' HTTP API.

    python -m monitor.prometheus /etc/prometheus/prometheus.yml

In the file `$(NAME)` stands for a variable of the environment. Where a real `prometheus` is on PATH, this process becomes it, unless its
own `promtool` says that it cannot follow the configuration: Debian builds it without the discovery in Kubernetes.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml
from aiohttp import web

from .api import Monitored, application
from .notifying import RESEND_S, Notifier
from .rules.alerting import Group
from .rules.rulefiles import RuleFileError
from .scrape.config import Config, read_config
from .scrape.discovery import Discovered, FollowedObjects
from .scrape.relabel import ConfigRefused
from .scrape.scraping import Scraper
from .storage import Storage
from .variables import effective

PORT: Final = 9090
_FREEZE_EACH_S: Final = 5.0


def cluster_access(home: Path) -> dict[str, str]:
    """The Kubernetes API's address, CA file and token file, from $KUBECONFIG; none without one."""
    if not os.environ.get("KUBECONFIG"):
        return {}
    content = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text("utf-8"))
    cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
    ca, token = home / "ca.crt", home / "token"
    ca.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    token.touch(mode=0o600)
    token.write_text(user["token"], "utf-8")
    server = str(cluster["server"])
    return {
        "KUBERNETES_API": server,
        "KUBERNETES_API_HOST": server.partition("://")[2],
        "KUBERNETES_CA_FILE": str(ca),
        "KUBERNETES_TOKEN_FILE": str(token),
    }


class Prometheus:
    """The embedded one."""

    def __init__(self, config: Config, access: dict[str, str]) -> None:
        self._config = config
        self._access = access
        self._storage = Storage()
        self._groups = tuple(Group(group, self._storage) for group in config.groups)
        self._roles: dict[str, FollowedObjects] = {}
        self._scraper = Scraper(config.jobs, self._storage, self._found)
        self._notifier = Notifier(config.receivers)

    async def serve(self, address: str, port: int) -> None:
        """Until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        runner = web.AppRunner(
            application(Monitored(storage=self._storage, groups=self._groups, scraper=self._scraper)), access_log=None
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, address, port, reuse_address=True).start()
            async with self._session() as session, asyncio.TaskGroup() as group:
                roles = sorted({role for job in self._config.jobs for role in job.roles})
                self._roles = {role: FollowedObjects(session, self._access["KUBERNETES_API"], role) for role in roles}
                runs = [each.follow() for each in self._roles.values()] + [
                    each.run() for each in (self._scraper, self._notifier)
                ]
                tasks = [group.create_task(run) for run in (*runs, _freeze(), *map(self._evaluate, self._groups))]
                await stop.wait()
                for task in tasks:
                    task.cancel()
        finally:
            await runner.cleanup()

    def _session(self) -> aiohttp.ClientSession:
        """For the Kubernetes API."""
        if not self._access:
            return aiohttp.ClientSession()
        tls = ssl.create_default_context(cafile=self._access["KUBERNETES_CA_FILE"])
        token = Path(self._access["KUBERNETES_TOKEN_FILE"]).read_text("utf-8")
        headers = {"authorization": f"Bearer {token}"}
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls), headers=headers, trust_env=False)

    def _found(self, role: str) -> list[Discovered]:
        return self._roles[role].targets if role in self._roles else []

    async def _evaluate(self, group: Group) -> None:
        """On the group's own grid of moments, as long as this process lives.

        Scrapes go on between two rules: all rules at once, on a busy machine, took longer than a scrape may, and targets that were up were down.
        """
        interval_s = group.group.interval_s
        while True:
            await asyncio.sleep(interval_s - time.time() % interval_s)
            for _ in group.steps(time.time()):
                await asyncio.sleep(0)
            self._notifier.tell([group])


async def _freeze() -> None:
    """Take what has come to stay out of the garbage collector's sight, for ever: walking all series and samples stopped the process for 0.4 s."""
    while True:
        await asyncio.sleep(_FREEZE_EACH_S)
        gc.collect(1)
        gc.freeze()


def real(config: Path, home: Path, address: str, port: int) -> list[str] | None:
    """The command of a real Prometheus; None: there is none on PATH, or it cannot follow the configuration."""
    program, tool = shutil.which("prometheus"), shutil.which("promtool")
    if program is None:
        return None
    if tool is not None:
        checked = subprocess.run([tool, "check", "config", str(config)], capture_output=True, text=True, check=False)
        if checked.returncode:
            why = (checked.stderr or checked.stdout).strip().splitlines()[-1:]
            sys.stderr.write(f"{program} cannot follow the configuration, the embedded one does: {''.join(why)}\n")
            return None
    return [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={home / 'data'}",
        "--storage.tsdb.retention.time=1h",
        f"--web.listen-address={address}:{port}",
        f"--rules.alert.resend-delay={RESEND_S:g}s",
    ]


def rules_in(directory: Path, home: Path, access: Mapping[str, str]) -> Path:
    """The rule files of a directory with their variables replaced, in a directory below `home`."""
    written = home / "rules"
    written.mkdir(exist_ok=True)
    for file in sorted(directory.glob("*.yaml")):
        effective(file, written, access)
    return written


def main(arguments: list[str]) -> int:
    """Serve as a pod."""
    home, address, port = Path.cwd(), os.environ.get("POD_IP", "127.0.0.1"), int(os.environ.get("PORT", str(PORT)))
    access: dict[str, Any] = cluster_access(home)
    if rules := os.environ.get("RULES_DIR"):
        access["RULES_DIR"] = str(rules_in(Path(rules), home, access))
    config = effective(Path(arguments[0]), home, access)
    if (command := real(config, home, address, port)) is not None:
        os.execv(command[0], command)  # noqa: S606 - no shell is needed
    try:
        read = read_config(config)
    except (ConfigRefused, RuleFileError) as error:
        sys.stderr.write(f"prometheus: {error}\n")
        return 2
    asyncio.run(Prometheus(read, access).serve(address, port))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
