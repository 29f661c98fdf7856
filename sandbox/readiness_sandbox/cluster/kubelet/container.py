"""One container: start, probe, wait, back off, start again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from harness import clock
from readiness_sandbox.cluster.kubelet import probes
from readiness_sandbox.cluster.kubelet.environment import ConfigError
from readiness_sandbox.cluster.kubelet.launcher import CannotStart
from readiness_sandbox.cluster.kubelet.status import ContainerFacts, Running, State, Terminated, Waiting, image_id
from readiness_sandbox.cluster.quantities import amount, kibibytes

if TYPE_CHECKING:
    from readiness_sandbox.cluster.kubelet.launcher import Launch, Launcher, Process
    from readiness_sandbox.cluster.store import Object

BACK_OFF_S = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
"""Pause before each restart in a row.

A stated deviation: Kubernetes goes from 10 s to 5 min.
"""
FORGIVEN_AFTER_S = 30.0
"""A container that has run that long begins the row anew."""
PULL_S = 1.0


class Owner(Protocol):
    """The pod, as its containers see it."""

    def prepare(self, container: Object, restarts: int) -> tuple[Launch, probes.ProbePlace]:
        """What to start, and where it will be. Raises ConfigError."""
        ...

    def changed(self) -> None:
        """A container's facts have changed."""
        ...

    def happened(self, kind: str, reason: str, message: str) -> None:
        """Something worth an Event: kind is Normal or Warning."""
        ...


@dataclass(slots=True, eq=False)
class Container:
    """A container's facts, and the loop that makes them."""

    spec: Object
    owner: Owner
    launcher: Launcher
    restart_policy: str
    grace_s: float
    state: State = field(default_factory=Waiting)
    last: Terminated | None = None
    restarts: int = 0
    ready: bool = False
    started: bool = False
    stopping: bool = False
    process: Process | None = None
    place: probes.ProbePlace | None = None
    _row: int = 0
    _out_of_memory: bool = False

    @property
    def facts(self) -> ContainerFacts:
        """What is known now."""
        return ContainerFacts(
            name=self.spec["name"],
            image=self.spec.get("image", ""),
            image_id=image_id(self.spec),
            state=self.state,
            last=self.last,
            restarts=self.restarts,
            ready=self.ready,
            started=self.started,
        )

    async def run(self) -> None:
        """Live until the restart policy says that it is over; killed when cancelled."""
        if isinstance(self.state, Terminated) and not self._again(self.state.code):
            return
        if not self.spec.get("command"):
            await self._refuse_image()
        while True:
            process = await self._begin()
            began = clock.now_s()
            probing = asyncio.create_task(self._probe(process))
            try:
                code = await process.wait()
            finally:
                probing.cancel()
                process.kill()
            self._end(code)
            if self.stopping or not self._again(code):
                return
            if clock.now_s() - began > FORGIVEN_AFTER_S:
                self._row = 0
            await self._back_off("CrashLoopBackOff", f"back-off restarting failed container {self.spec['name']}")
            self.count_restart()

    async def stop(self, grace_s: float) -> None:
        """SIGTERM after the preStop hook, SIGKILL when the grace is over.

        Done when all its processes are gone.
        """
        self.stopping = True
        process = self.process
        if process is None:
            return
        deadline = clock.Deadline.after(grace_s)
        hook = (self.spec.get("lifecycle") or {}).get("preStop")
        if hook and self.place is not None and grace_s > 0:
            await probes.attempt(hook, self.place, grace_s)
        if deadline.left_s > 0:
            process.terminate()
            await asyncio.wait([process.ended], timeout=deadline.left_s)
        process.kill()
        await process.wait()

    def hold_memory_limit(self, used: int) -> bool:
        """Kill all its processes when they use more bytes than the limit, as the kernel does for a cgroup. Whether it did."""
        limit = ((self.spec.get("resources") or {}).get("limits") or {}).get("memory")
        if self.process is None or self._out_of_memory or limit is None or used <= amount(limit):
            return False
        self._out_of_memory = True
        why = f"Memory cgroup out of memory: container {self.spec['name']} uses {kibibytes(used)} of {limit}"
        self.owner.happened("Warning", "OOMKilling", why)
        self.process.kill()
        return True

    def count_restart(self) -> None:
        """The next start is one more; what ended last is remembered."""
        self.restarts += 1

    async def _begin(self) -> Process:
        """Start; when that cannot be, say why and try again later, as long as it takes."""
        while True:
            try:
                launch, self.place = self.owner.prepare(self.spec, self.restarts)
                self.process = self.launcher.start(launch)
            except ConfigError as error:
                await self._back_off("CreateContainerConfigError", str(error))
            except CannotStart as error:
                await self._back_off("CreateContainerError", str(error))
            except OSError as error:
                await self._back_off("CreateContainerError", f"{error.strerror}: {error.filename}")
            else:
                break
        self.state = Running(started_at=clock.wall_text())
        self.started = not self.spec.get("startupProbe")
        self.ready = self.started and not self.spec.get("readinessProbe")
        self.owner.happened("Normal", "Started", f"Started container {self.spec['name']}")
        self.owner.changed()
        return self.process

    def _end(self, code: int) -> None:
        began = self.state.started_at if isinstance(self.state, Running) else clock.wall_text()
        reason = "OOMKilled" if self._out_of_memory else ""
        self._out_of_memory = False
        self.state = self.last = Terminated(code=code, started_at=began, finished_at=clock.wall_text(), reason=reason)
        self.process = None
        self.ready = self.started = False
        self.owner.changed()

    def _again(self, code: int) -> bool:
        return self.restart_policy == "Always" or (self.restart_policy == "OnFailure" and code != 0)

    async def _back_off(self, reason: str, message: str) -> None:
        pause = BACK_OFF_S[min(self._row, len(BACK_OFF_S) - 1)]
        self._row += 1
        if pause or reason != "CrashLoopBackOff":
            self.state = Waiting(reason=reason, message=message)
            self.owner.happened("Warning", "BackOff" if reason == "CrashLoopBackOff" else "Failed", message)
            self.owner.changed()
        await clock.asleep(max(pause, BACK_OFF_S[1]) if reason != "CrashLoopBackOff" else pause)

    async def _refuse_image(self) -> None:
        image = self.spec.get("image", "")
        message = f'failed to pull image "{image}": this cluster runs a container\'s `command`, and none is given'
        for reason in ("ErrImagePull", "ImagePullBackOff"):
            self.state = Waiting(reason=reason, message=message)
            self.owner.happened("Warning", "Failed", message)
            self.owner.changed()
            await clock.asleep(PULL_S)
        await asyncio.get_running_loop().create_future()

    async def _probe(self, process: Process) -> None:
        """The startup probe first; then readiness and liveness side by side."""
        if self.place is None:
            return
        if startup := self.spec.get("startupProbe"):
            await probes.watch(startup, self.place, lambda result: self._on_startup(process, result))
        async with asyncio.TaskGroup() as group:
            if readiness := self.spec.get("readinessProbe"):
                group.create_task(probes.watch(readiness, self.place, self._on_readiness, eager_s=probes.EAGER_S))
            if liveness := self.spec.get("livenessProbe"):
                group.create_task(self._watch_liveness(liveness, self.place, process))

    async def _watch_liveness(self, probe: Object, place: probes.ProbePlace, process: Process) -> None:
        """Begins a period late: a container that starts slowly is not killed for it."""
        first_s = probe.get("periodSeconds", 10)
        await probes.watch(probe, place, lambda result: self._on_liveness(process, result), first_s=first_s)

    def _on_startup(self, process: Process, result: probes.Result) -> bool:
        if not result.ok:
            return self._kill_unhealthy(process, "Startup", result)
        self.started = True
        self.ready = not self.spec.get("readinessProbe")
        self.owner.changed()
        return True

    def _on_readiness(self, result: probes.Result) -> bool:
        self.ready = result.ok
        if not result.ok:
            self.owner.happened("Warning", "Unhealthy", f"Readiness probe failed: {result.saw}")
        self.owner.changed()
        return False

    def _on_liveness(self, process: Process, result: probes.Result) -> bool:
        return not result.ok and self._kill_unhealthy(process, "Liveness", result)

    def _kill_unhealthy(self, process: Process, which: str, result: probes.Result) -> bool:
        self.owner.happened("Warning", "Unhealthy", f"{which} probe failed: {result.saw}")
        self.owner.happened("Normal", "Killing", f"Container {self.spec['name']} failed {which.lower()} probe")
        self.ready = False
        self.owner.changed()
        process.terminate()
        asyncio.get_running_loop().call_later(self.grace_s, process.kill)
        return True
