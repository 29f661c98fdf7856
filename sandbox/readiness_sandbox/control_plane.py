"""The control plane: API server, controllers, scheduler and kubelets in one process.

Started by the supervisor as `python -m readiness_sandbox.control_plane SETTINGS`, SETTINGS being a `SandboxSettings`. It tells
on its socket: {"say": text}, {"ready": path of target.yaml or kubeconfig}, {"failed": {"what", "where", "hint"}}.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import secrets
import socket
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import uvloop

from harness import clock
from harness.errors import HarnessError, SandboxError
from harness.priority import go_first
from readiness_sandbox import messages, progress
from readiness_sandbox.apply import apply
from readiness_sandbox.cluster import kubeconfig
from readiness_sandbox.cluster.api import build_app
from readiness_sandbox.cluster.audit import AuditLog
from readiness_sandbox.cluster.authorization.accounts import Accounts
from readiness_sandbox.cluster.controllers.manager import Manager
from readiness_sandbox.cluster.controllers.nodes import NodeLifecycle
from readiness_sandbox.cluster.controllers.view import DEPLOYMENT, NODE, POD, STATEFULSET, key
from readiness_sandbox.cluster.custom.definitions import shipped
from readiness_sandbox.cluster.kubelet.account import AccountFiles
from readiness_sandbox.cluster.kubelet.agent import Agent
from readiness_sandbox.cluster.kubelet.launcher import Launcher
from readiness_sandbox.cluster.kubelet.logs import LogOptions, pod_directory
from readiness_sandbox.cluster.kubelet.status import condition
from readiness_sandbox.cluster.kubelet.volumes import removing
from readiness_sandbox.cluster.kubelet.worker import Directories
from readiness_sandbox.cluster.metrics.measured import ClusterMeters
from readiness_sandbox.cluster.recorder import recorder
from readiness_sandbox.cluster.serving import serve
from readiness_sandbox.cluster.store import Object, Store
from readiness_sandbox.cluster.tls import Authority
from readiness_sandbox.cluster.turns import Turns
from readiness_sandbox.directory import Directory
from readiness_sandbox.network.addresses import api_address
from readiness_sandbox.network.loopback import Loopback
from readiness_sandbox.network.seam import HOST, Endpoint
from readiness_sandbox.settings import IMPORTS, SandboxSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

API_PORT = 6443
CHECK_S = 0.25
BEAT_S = 1.0
"""A heartbeat is due so long after the last one."""
READY_WITHIN_S = 90.0
HOPELESS = 5
"""A container that was started again so often while the platform comes up will not come up."""


class Machinery:
    """Controllers and kubelets behind the API's hooks."""

    def __init__(self, settings: SandboxSettings, store: Store, account: AccountFiles) -> None:
        directory = Directory(Path(settings.directory))
        self._turns = Turns()
        self.network = Loopback(settings.octet, messages.asking(settings.forwarder))
        self.agent = Agent(
            store=store,
            network=self.network,
            launcher=Launcher(messages.asking(settings.zygote)),
            directories=Directories(
                pods=directory.pods,
                claims=directory.claims,
                logs=directory.logs,
                imports=IMPORTS,
            ),
            account=account,
            record=recorder(store, "kubelet"),
            turns=self._turns,
        )
        store.subscribe(removing(directory.claims))
        self.meters = ClusterMeters(store, self.agent, self.network)
        self.manager = Manager(store, self.network, self.agent, self._turns)
        self._nodes = NodeLifecycle(store, self.agent, recorder(store, "node-controller"))

    async def delete_pod(self, namespace: str, name: str, grace_seconds: int | None) -> Object:
        """Begin to end a pod; with a grace of 0 it is gone, and its owners know, when this returns."""
        pod = await self.agent.delete(namespace, name, grace_seconds)
        await self.manager.settle()
        return pod

    def logs(
        self,
        namespace: str,
        name: str,
        *,
        container: str | None,
        follow: bool,
        tail_lines: int | None,
        since: datetime | None,
        previous: bool,
        timestamps: bool,
        limit_bytes: int | None,
    ) -> AsyncIterator[bytes]:
        """The bytes of a container's log. Raises StatusError at once."""
        options = LogOptions(
            follow=follow,
            tail_lines=tail_lines,
            since=since,
            timestamps=timestamps,
            limit_bytes=limit_bytes,
        )
        return self.agent.logs(namespace, name, container=container, previous=previous, options=options)

    async def settle(self) -> None:
        """Run the controllers to a fixed point."""
        await self.manager.settle()

    async def tick(self) -> None:
        """Heartbeats, what depends on time, and the judgement of nodes, for ever.

        A heartbeat that is due comes before each judgement, so that a stall harms no node. What a step of controllers or kubelets has raised
        is raised here, where it ends the sandbox.
        """
        due = clock.Deadline.after(0)
        while True:
            self._turns.raise_failed()
            if due.over:
                due = clock.Deadline.after(BEAT_S)
                self.agent.beat()
                self.manager.tick()
                gc.collect(1)
                gc.freeze()  # walking all objects and their history stopped every probe for 0.9 s, and pods were unready by it
            self._nodes.check()
            await clock.asleep(CHECK_S)


class ControlPlane:
    """Brings the cluster up and says how it goes."""

    def __init__(self, settings: SandboxSettings, supervisor: socket.socket) -> None:
        self._settings = settings
        self._directory = Directory(Path(settings.directory))
        self._supervisor = supervisor
        self._store = Store()
        self._authority, self._token = Authority(), secrets.token_urlsafe(32)
        self._accounts = Accounts(self._store, self._token)
        account = AccountFiles(
            store=self._store,
            accounts=self._accounts,
            host=api_address(settings.octet),
            port=API_PORT,
            authority=self._authority.certificate,
        )
        self._machinery = Machinery(settings, self._store, account)

    async def run(self) -> None:
        """Serve until killed. Raises HarnessError when the cluster cannot come up."""
        stop, ready = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._serve(stop, ready))
            group.create_task(self._machinery.tick())
            await ready.wait()
            await self._bring_up()

    async def _serve(self, stop: asyncio.Event, ready: asyncio.Event) -> None:
        address = api_address(self._settings.octet)
        sock = self._machinery.network.listen(Endpoint(address=address, port=API_PORT))
        authority, token = self._authority, self._token
        certificate, key = self._directory.secrets / "api.crt", self._directory.secrets / "api.key"
        authority.issue("api", addresses=[address]).write(certificate, key)
        server = f"https://{address}:{API_PORT}"
        kubeconfig.write(self._directory.kubeconfig, server=server, authority=authority.certificate, token=token)
        machinery, audit = self._machinery, AuditLog(self._directory.audit)
        app = build_app(
            self._store,
            machinery,
            token,
            machinery.meters,
            audit=audit,
            commands=machinery.agent,
            accounts=self._accounts,
        )
        await serve(app, sock, certificate=certificate, key=key, stop=stop, ready=ready)

    async def _bring_up(self) -> None:
        from readiness_sandbox import target
        from readiness_sandbox.platform import candidates, certificates, control, parts, render, repository
        from readiness_sandbox.platform.credentials import Credentials
        from readiness_sandbox.releases import load_release

        apply(self._store, shipped())
        apply(self._store, render.nodes())
        await self._until_nodes_are_ready()
        if self._settings.release is None:
            self._tell({"ready": str(self._directory.kubeconfig)})
            return
        release = load_release(self._settings.release)
        front = partial(self._machinery.network.front, HOST)
        credentials = Credentials.generate(target.entry_url(front(*target.ENTRY), self._settings.parts))
        objects = render.render(release, credentials, self._settings.parts)
        if certificates.PART in parts.with_needs(self._settings.parts):
            issued = certificates.IssuedCertificates()
            issued.write(self._directory.secrets)
            objects = render.ordered([*objects, *issued.secrets(objects, front)])
        nodes = (node["metadata"]["name"] for node in self._store.list(NODE))
        apply(self._store, [*objects, *control.objects(nodes)])
        await asyncio.to_thread(repository.write, self._directory.repository, release, objects)
        await asyncio.to_thread(candidates.write, self._directory.candidates, self._settings.parts)
        await self._until_workloads_are_ready()
        target.write(self._store, self._directory, credentials, release.version, self._settings.parts)
        self._tell({"ready": str(self._directory.target)})

    async def _until_nodes_are_ready(self) -> None:
        while any(condition(node, "Ready").get("status") != "True" for node in self._store.list(NODE)):
            await clock.asleep(0.01)

    async def _until_workloads_are_ready(self) -> None:
        deadline, said, said_s = clock.Deadline.after(READY_WITHIN_S), "", 0.0
        while True:
            workloads = [progress.workload(each) for each in self._workloads()]
            sentence = progress.sentence(workloads)
            if sentence != said and clock.now_s() - said_s > 1.0:
                said, said_s = sentence, clock.now_s()
                self._tell({"say": sentence})
            if workloads and all(each.settled for each in workloads):
                self._tell({"say": sentence})
                return
            if deadline.over:
                self._give_up(sentence)
            if any(each["restartCount"] >= HOPELESS for pod in self._store.list(POD) for each in _containers(pod)):
                self._give_up(sentence)
            await clock.asleep(0.05)

    def _workloads(self) -> list[Object]:
        rollouts = self._store.kinds.by_api_version("argoproj.io/v1alpha1", "Rollout")
        kinds = [DEPLOYMENT, STATEFULSET, *([rollouts] if rollouts is not None else [])]
        return [each for kind in kinds for each in self._store.list(kind)]

    def _give_up(self, sentence: str) -> NoReturn:
        """Say which pod does not come up, why, and what it has said last."""
        reasons = [f"{'/'.join(key(pod))}: {why}" for pod in self._store.list(POD) if (why := self._trouble(pod))]
        raise SandboxError(
            "; ".join([f"the platform is not ready: {sentence}", *reasons[:3]]),
            where=str(self._directory.logs),
            hint="read the pods' logs there; `readiness doctor` lists missing prerequisites of this machine",
        )

    def _trouble(self, pod: Object) -> str:
        """Why a pod does not run, and the last line of its log; empty when it does."""
        for each in _containers(pod):
            waiting = each["state"].get("waiting") or {}
            if waiting.get("reason", "ContainerCreating") != "ContainerCreating" or each["restartCount"]:
                log = pod_directory(self._directory.logs, pod) / each["name"] / f"{each['restartCount']}.log"
                lines = log.read_text(errors="replace").split("\n") if log.exists() else []
                last = next((line for line in reversed(lines) if line.strip()), "")
                return ", ".join(filter(None, (waiting.get("reason", "restarted"), waiting.get("message"), last)))
        return ""

    def _tell(self, message: messages.Message) -> None:
        messages.send(self._supervisor, message)


async def main(settings: SandboxSettings) -> int:
    """Run; tell the supervisor why when it cannot."""
    failed: HarnessError | None = None
    with socket.socket(fileno=settings.supervisor) as supervisor:
        try:
            await ControlPlane(settings, supervisor).run()
        except* HarnessError as group:
            failed = next(each for each in _leaves(group) if isinstance(each, HarnessError))
        if failed is not None:
            messages.send(supervisor, {"failed": {"what": failed.what, "where": failed.where, "hint": failed.hint}})
    return 0 if failed is None else failed.exit_code


def _containers(pod: Object) -> list[Object]:
    found: list[Object] = (pod.get("status") or {}).get("containerStatuses") or []
    return found


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf
        for each in group.exceptions
        for leaf in (_leaves(each) if isinstance(each, BaseExceptionGroup) else [each])
    ]


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    go_first()
    sys.exit(uvloop.run(main(SandboxSettings.parse(sys.argv[1]))))
