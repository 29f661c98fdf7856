"""One pod on its node: a seat, volumes, init containers, containers, status, and its end."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness import clock
from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.kubelet import environment, logs
from readiness_sandbox.cluster.kubelet.account import PodAccount
from readiness_sandbox.cluster.kubelet.commands import RunningCommand
from readiness_sandbox.cluster.kubelet.container import Container
from readiness_sandbox.cluster.kubelet.launcher import Launch, Launcher
from readiness_sandbox.cluster.kubelet.mounted import kept_fresh
from readiness_sandbox.cluster.kubelet.status import TOO_LONG, PodFacts, Terminated, pod_status
from readiness_sandbox.cluster.kubelet.throttle import limit_of
from readiness_sandbox.cluster.kubelet.usage import ContainerStart, Meter
from readiness_sandbox.cluster.statuses import bad_request
from readiness_sandbox.cluster.store import Object, StatusError, Store
from readiness_sandbox.cluster.timestamps import passed_s
from readiness_sandbox.network.seam import Network, Pod, Seat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from readiness_sandbox.cluster.kubelet.account import AccountFiles
    from readiness_sandbox.cluster.kubelet.probes import ProbePlace
    from readiness_sandbox.cluster.recorder import Recorder

POD = kinds.by_name("Pod")
CONTAINER_PID: Final = "CONTAINER_PID"
"""Of a command: the container's first process, which here is a process of the machine and not number 1."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Directories:
    """Where a sandbox keeps what its pods need, and the path that all of them import from."""

    pods: Path
    claims: Path
    logs: Path
    imports: Path


@dataclass(frozen=True, slots=True)
class ContainerPlace:
    """Where a container is, for probes and hooks."""

    seat: Seat
    network: Network
    env: Mapping[str, str]
    cwd: Path
    ports: Mapping[str, int]

    @property
    def address(self) -> str:
        """The pod's address."""
        return self.seat.address

    def run(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a command beside the container; nothing reads what it writes. Raises OSError."""
        return self.network.start(self.seat, _words(argv), env=self.env, cwd=self.cwd, stdout=subprocess.DEVNULL)

    def command(self, argv: Sequence[str], pid: int) -> subprocess.Popen[bytes]:
        """Start one whose two streams are read, with the pid of the container's first process among its variables. Raises OSError."""
        env = {**self.env, CONTAINER_PID: str(pid)}
        pipe = subprocess.PIPE
        return self.network.start(self.seat, _words(argv), env=env, cwd=self.cwd, stdout=pipe, stderr=pipe)


def _words(argv: Sequence[str]) -> list[str]:
    """The command line; `python` is the one that the sandbox runs with."""
    return [sys.executable if number == 0 and word == "python" else word for number, word in enumerate(argv)]


class PodWorker:
    """Runs one pod until it is over or told to end."""

    def __init__(
        self,
        *,
        pod: Object,
        host: str,
        store: Store,
        network: Network,
        launcher: Launcher,
        directories: Directories,
        account: AccountFiles,
        record: Recorder,
    ) -> None:
        meta = pod["metadata"]
        self.key: tuple[str, str] = (meta["namespace"], meta["name"])
        self.uid: str = meta["uid"]
        self.node: str = pod["spec"]["nodeName"]
        self.gone = asyncio.Event()
        self._host = host
        self._store = store
        self._network = network
        self._launcher = launcher
        self._dirs = directories
        self._record = record
        self._pod = pod
        self._root = directories.pods / self.uid
        self._account = PodAccount(account, self._root)
        self.log_directory = logs.pod_directory(directories.logs, pod)
        self._seat = network.attach(
            Pod(namespace=self.key[0], name=self.key[1], keeps_address=_is_stateful(pod)),
        )
        self._init = self._containers("initContainers")
        self._main = self._containers("containers")
        self._initialized = not self._init
        self._started_at = clock.wall_text()
        self._frozen = False
        self._expired = False
        self._life: asyncio.Task[None] | None = None
        self._end: asyncio.Task[None] | None = None
        self._grace_over = asyncio.Event()

    def renew_token(self) -> None:
        """Replace the token of the pod's account when it is time."""
        if not self.gone.is_set():
            self._account.renew(self._pod)

    @property
    def grace_s(self) -> int:
        """The pod's own grace period."""
        return int(self._pod["spec"].get("terminationGracePeriodSeconds", 30))

    @property
    def log_files(self) -> list[Path]:
        """The logs that are being written now."""
        return [self.log_file(each.spec["name"], each.restarts) for each in (*self._init, *self._main) if each.process]

    @property
    def processes(self) -> dict[ContainerStart, int]:
        """The containers that run, and the pid of the first process of each."""
        return {self._start_of(each): each.process.pid for each in self._main if each.process and each.process.pid}

    @property
    def starts(self) -> list[ContainerStart]:
        """The last start of each container, whether it still runs or not."""
        return [self._start_of(each) for each in self._main]

    @property
    def cpu_limits(self) -> dict[ContainerStart, float]:
        """Of the containers that run, those whose CPU limit is held, with their cores."""
        running = (
            (self._start_of(each), each.spec["name"]) for each in self._main if each.process and each.process.pid
        )
        return {start: cores for start, name in running if (cores := limit_of(self._pod, name)) is not None}

    def hold_memory_limits(self, meter: Meter) -> list[str]:
        """Kill the containers that use more memory than they may; their names."""
        return [
            container.spec["name"]
            for container in self._main
            if (sample := meter.last(self._start_of(container))) is not None
            and container.hold_memory_limit(sample.memory_bytes)
        ]

    def begin(self) -> None:
        """Start to live; on a node that has power."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._life = asyncio.create_task(self._live())
        self._life.add_done_callback(_complain)
        self.changed()

    def freeze(self) -> None:
        """The node has lost power: everything is killed and nothing is reported."""
        self._frozen = True
        if self._end:
            self._grace_over.set()
        for container in (*self._init, *self._main):
            if container.process:
                container.process.kill()
        if self._life:
            self._life.cancel()
            self._life = None

    def thaw(self) -> None:
        """Power is back: what had run is started again."""
        if not self._frozen:
            return
        self._frozen = False
        now = clock.wall_text()
        for container in (*self._init, *self._main):
            container.ready = container.started = False
            if container.process:
                container.state = container.last = Terminated(code=137, started_at=self._started_at, finished_at=now)
                container.process = None
                container.count_restart()
        self.begin()

    def end(self, grace_s: float) -> None:
        """Begin to end; a second call may only shorten the grace."""
        if grace_s <= 0 or self._frozen:
            self._grace_over.set()
        if self._end is None:
            self._end = asyncio.create_task(self._die(grace_s))
            self._end.add_done_callback(_complain)

    def execute(self, container: str, argv: Sequence[str]) -> RunningCommand:
        """Start a command beside a container. Raises StatusError when it does not run, or there is no such program."""
        found = next((each for each in self._main if each.spec["name"] == container), None)
        if found is None or found.process is None or not isinstance(found.place, ContainerPlace):
            raise bad_request(f'container "{container}" of pod "{self.key[1]}" does not run')
        try:
            return RunningCommand(found.place.command(argv, found.process.pid))
        except OSError as error:
            raise StatusError(500, "InternalError", f'exec: "{argv[0]}": {error.strerror}') from error

    def log_file(self, container: str, number: int) -> Path:
        """Where the log of a container's start number `number` is."""
        return self.log_directory / container / f"{number}.log"

    def restarts(self, container: str) -> int:
        """How often that container was started again."""
        return self._named(container).restarts

    def runs(self, container: str, number: int) -> bool:
        """Whether a container is in its start number `number`, and its processes have not ended."""
        found = self._named(container)
        return found.restarts == number and found.process is not None and not found.process.ended.done()

    def prepare(self, container: Object, restarts: int) -> tuple[Launch, ProbePlace]:
        """What to start for a container of this pod. Raises ConfigError."""
        pod = self._store.get(POD, *self.key)
        claims = self._dirs.claims / self.key[0]
        volumes = environment.materialize(pod, self._root / "volumes", claims, self._lookup)
        mounted = environment.mounts(container, volumes)
        env = environment.variables(pod, container, self._base_env(pod), self._lookup)
        log = self.log_file(container["name"], restarts)
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mounted, binds = self._account.mount(pod, mounted)
        owned = [self._root, *(path for path in volumes.values() if path.is_relative_to(claims))]
        launch = Launch(
            argv=environment.command_line(container, env, mounted),
            env=environment.relocated(env, mounted),
            cwd=self._cwd(container, mounted),
            log=log,
            owned=owned,
            binds=binds,
        )
        ports = {each["name"]: each["containerPort"] for each in container.get("ports") or () if each.get("name")}
        return launch, ContainerPlace(self._seat, self._network, launch.env, launch.cwd, ports)

    def changed(self) -> None:
        """Write the status, unless the node is dead or the pod gone."""
        if self._frozen or self.gone.is_set():
            return
        facts = PodFacts(
            address=self._seat.address,
            host=self._host,
            started_at=self._started_at,
            init=[each.facts for each in self._init],
            containers=[each.facts for each in self._main],
            initialized=self._initialized,
            expired=self._expired,
        )
        with suppress(StatusError):
            self._pod = self._store.get(POD, *self.key)
            status = pod_status(self._pod, facts, clock.wall_text())
            self._pod = self._store.update(POD, {**self._pod, "status": status}, subresource="status")

    def happened(self, kind: str, reason: str, message: str) -> None:
        """An Event about this pod."""
        self._record(self._pod, kind, reason, message)

    async def _live(self) -> None:
        """Run the containers, until they are over or the pod was active for as long as it may be."""
        if self._expired:
            return
        longest_s = self._pod["spec"].get("activeDeadlineSeconds")
        left_s = None if longest_s is None else max(0.0, longest_s - passed_s(self._started_at, clock.wall()))
        running = asyncio.create_task(self._run())
        fresh = asyncio.create_task(kept_fresh(self._pod, self._root / "volumes", self._lookup))
        try:
            over, _ = await asyncio.wait([running], timeout=left_s)
            if over:
                running.result()
            else:
                self._expired = True
                self.happened("Normal", "DeadlineExceeded", TOO_LONG)
                self.changed()
                await self._stop(self.grace_s)
        finally:
            fresh.cancel()
            running.cancel()  # what waits for its next start

    async def _run(self) -> None:
        for container in self._init:
            await container.run()
            if not isinstance(container.state, Terminated) or container.state.code != 0:
                return
        self._initialized = True
        self.changed()
        async with asyncio.TaskGroup() as group:
            for container in self._main:
                group.create_task(container.run())

    async def _die(self, grace_s: float) -> None:
        containers = (*self._init, *self._main)
        for container in containers:
            container.stopping = True
        if containers and not self._grace_over.is_set():
            self.happened("Normal", "Killing", f"Stopping pod {self.key[1]}")
            stopping = asyncio.create_task(self._stop(grace_s))
            over = asyncio.create_task(self._grace_over.wait())
            await asyncio.wait([stopping, over], return_when=asyncio.FIRST_COMPLETED)
            over.cancel()
            stopping.cancel()
        await self._kill()
        self._network.detach(self._seat)
        shutil.rmtree(self._root, ignore_errors=True)
        with suppress(StatusError):
            self._store.delete(POD, *self.key, uid=self.uid)
        self.gone.set()

    async def _stop(self, grace_s: float) -> bool:
        await asyncio.gather(*(each.stop(grace_s) for each in (*self._init, *self._main)))
        return True

    async def _kill(self) -> None:
        ended = [each.process.ended for each in (*self._init, *self._main) if each.process]
        for container in (*self._init, *self._main):
            if container.process:
                container.process.kill()
        if self._life:
            self._life.cancel()
        if ended:
            await asyncio.wait(ended)

    def _named(self, name: str) -> Container:
        return next(each for each in (*self._init, *self._main) if each.spec["name"] == name)

    def _start_of(self, container: Container) -> ContainerStart:
        return ContainerStart(pod=self.uid, container=container.spec["name"], restarts=container.restarts)

    def _containers(self, key: str) -> list[Container]:
        policy = self._pod["spec"].get("restartPolicy", "Always")
        if key == "initContainers":
            policy = "Never" if policy == "Never" else "OnFailure"
        return [
            Container(spec=spec, owner=self, launcher=self._launcher, restart_policy=policy, grace_s=self.grace_s)
            for spec in self._pod["spec"].get(key) or ()
        ]

    def _base_env(self, pod: Object) -> dict[str, str]:
        """The environment of every container.

        It has a home, a path, where the Services are, and how to reach the API if it may.
        """
        env = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self._root),
            "TMPDIR": str(self._root),
            "HOSTNAME": pod["spec"].get("hostname") or self.key[1],
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(self._dirs.imports),
            "PYTHONUNBUFFERED": "1",
            "NO_PROXY": "127.0.0.0/8,localhost",
            "no_proxy": "127.0.0.0/8,localhost",
        }
        links = self._seat.env if pod["spec"].get("enableServiceLinks", True) else {}
        return {**env, **links, **self._account.variables(pod)}

    def _cwd(self, container: Object, mounted: environment.Mounts) -> Path:
        directory = Path(environment.relocate(container.get("workingDir", ""), mounted))
        return directory if container.get("workingDir") and directory.is_dir() else self._root

    def _lookup(self, kind: str, name: str) -> Object | None:
        row = kinds.by_name(kind)
        try:
            return self._store.get(row, self.key[0] if row.namespaced else None, name)
        except StatusError:
            return None


def _is_stateful(pod: Object) -> bool:
    return any(owner["kind"] == "StatefulSet" for owner in pod["metadata"].get("ownerReferences") or ())


def _complain(task: asyncio.Task[None]) -> None:
    """A pod whose task breaks must not do so in silence."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOG.error("a pod's task has failed", exc_info=error)
