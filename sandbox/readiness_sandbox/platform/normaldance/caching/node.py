"""cache: one server of the Valkey cluster, which forms itself.

Each pod begins with an id of its own, made of its name, and the first pod of each region with a third of the hash slots. A child joins the pod to the others and
ends; this process becomes the server.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Final

from ..kit.settings import PodSettings  # noqa: TID252 - of the platform
from .cluster import SLOTS
from .joining import join
from .programs import valkey_server

CONFIG: Final = "nodes.conf"
MEMORY: Final = "32mb"
POLICY: Final = "allkeys-lru"
SNAPSHOT_S: Final = 1440
"""A snapshot each day, at the time scale of 60, if a key has changed."""
NODE_TIMEOUT_MS: Final = 4000
"""A server without an answer for so long is gone when most primaries agree; then its replica takes over."""
_BUS: Final = 10_000
"""The port of the servers among each other is so much higher."""
_FIRST, _REPLICA = "0", "1"


def id_of(pod: str) -> str:
    """The id of a pod's server."""
    return hashlib.sha1(pod.encode(), usedforsecurity=False).hexdigest()


def primaries(regions: list[str]) -> dict[str, range]:
    """The first pod of each region, and the slots that it begins with."""
    share = -(-SLOTS // len(regions))
    return {
        f"cache-{region}-{_FIRST}": range(share * number, min(share * (number + 1), SLOTS))
        for number, region in enumerate(regions)
    }


def primary_of(pod: str, regions: list[str]) -> str:
    """The pod whose replica this one is: the first pod of the next region; empty: it is a primary."""
    region, _, number = pod.removeprefix("cache-").rpartition("-")
    return "" if number != _REPLICA else f"cache-{regions[(regions.index(region) + 1) % len(regions)]}-{_FIRST}"


def first_config(pod: str, regions: list[str], address: str, port: int) -> str:
    """What a server knows that has never run: itself, and its slots."""
    slots = primaries(regions).get(pod)
    epoch = 1 + [*primaries(regions)].index(pod) if slots else 0
    served = f" {slots.start}-{slots.stop - 1}" if slots else ""
    myself = f"{id_of(pod)} {address}:{port}@{port + _BUS} myself,master - 0 0 {epoch} connected{served}"
    return f"{myself}\nvars currentEpoch {epoch} lastVoteEpoch 0\n"


def command(settings: PodSettings, home: Path, password: str) -> list[str]:
    """The command line of the server."""
    options = {
        "bind": settings.address,
        "bind-source-addr": settings.address,
        "port": settings.port,
        "dir": home,
        "requirepass": password,
        "primaryauth": password,
        "maxmemory": MEMORY,
        "maxmemory-policy": POLICY,
        "save": f"{SNAPSHOT_S} 1",
        "appendonly": "no",
        "repl-diskless-sync-delay": 0,
        "repl-backlog-size": "1mb",
        "cluster-enabled": "yes",
        "cluster-config-file": CONFIG,
        "cluster-announce-ip": settings.address,
        "cluster-node-timeout": NODE_TIMEOUT_MS,
        "cluster-require-full-coverage": "no",
        "cluster-allow-replica-migration": "no",
        "cluster-replica-no-failover": os.environ.get("DEFECT_NO_FAILOVER", "no"),  # planted: no replica takes over
        "latency-tracking-info-percentiles": os.environ.get("DEFECT_PERCENTILES", "50 95 99"),  # planted: no p95
        "hz": 5,
        "loglevel": "notice",
        "daemonize": "no",
    }
    return [valkey_server(), *(word for name, value in options.items() for word in (f"--{name}", str(value)))]


def main() -> None:
    """Be the server of this pod, with all its files under CACHE_HOME."""
    settings, home = PodSettings.from_env("cache"), Path(os.environ["CACHE_HOME"])
    regions, password = os.environ["CACHE_REGIONS"].split(), os.environ["CACHE_PASSWORD"]
    home.mkdir(parents=True, exist_ok=True)
    if not (home / CONFIG).exists():
        (home / CONFIG).write_text(first_config(settings.pod, regions, settings.address, settings.port))
    sys.stderr.write(f"cache {settings.release}: {settings.address}:{settings.port}\n")
    sys.stderr.flush()
    argv = command(settings, home, password)
    if os.fork() == 0:
        if os.fork() == 0:  # its parent is not the server, which waits for its own children alone
            join(settings, regions, password)
        os._exit(0)
    os.wait()
    os.execv(argv[0], argv)  # noqa: S606 - the program of the package


if __name__ == "__main__":
    main()
