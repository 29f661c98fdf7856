"""The kubelets of all nodes in one agent.

Pods that are bound live here, nodes beat, power fails and comes back.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.errors import SandboxError
from readiness_sandbox.cluster.kubelet import logs
from readiness_sandbox.cluster.kubelet.nodes import LEASES, NODE, beat, is_powered, with_kubelet_status
from readiness_sandbox.cluster.kubelet.strain import StressProcesses
from readiness_sandbox.cluster.kubelet.throttle import CpuLimits
from readiness_sandbox.cluster.kubelet.usage import ContainerRate, Meter, UsageSample
from readiness_sandbox.cluster.kubelet.worker import POD, Directories, PodWorker
from readiness_sandbox.cluster.statuses import bad_request
from readiness_sandbox.cluster.store import Object, StatusError, Store, WatchEvent
from readiness_sandbox.cluster.timestamps import timestamp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from readiness_sandbox.cluster.kubelet.account import AccountFiles
    from readiness_sandbox.cluster.kubelet.commands import RunningCommand
    from readiness_sandbox.cluster.kubelet.launcher import Launcher
    from readiness_sandbox.cluster.recorder import Recorder
    from readiness_sandbox.cluster.turns import Turns
    from readiness_sandbox.network.seam import Network

__all__ = ["LEASES", "Agent"]


RETRY_S = 1.0
"""Pause before a pod that got no address is tried again."""
MEASURED_EACH: Final = 2
"""Heartbeats from one measurement of all containers to the next; at each heartbeat it would be a third of the processor time of kubelets and API server."""


class Agent:
    """All kubelets. Everything is driven by the store's events and by `beat` once a second; pods are begun in `turns`."""

    def __init__(
        self,
        *,
        store: Store,
        network: Network,
        launcher: Launcher,
        directories: Directories,
        account: AccountFiles,
        record: Recorder,
        turns: Turns,
    ) -> None:
        self._store = store
        self._network = network
        self._launcher = launcher
        self._dirs = directories
        self._account = account
        self._record = record
        self._turns = turns
        self._workers: dict[str, PodWorker] = {}
        self._times = logs.LogTimes()
        self._meter = Meter()
        self._stress = StressProcesses()
        self._limits = CpuLimits()
        self._powered: dict[str, bool] = {}
        self._beats = 0
        store.subscribe(self._on_event)

    def beat(self) -> None:
        """Once a second: a heartbeat of each node that has power; then, in their turn, logs and, at each second heartbeat, what is measured."""
        for node in self._store.list(NODE):
            if is_powered(node):
                beat(self._store, node["metadata"]["name"])
        self._turns.add(self._sample_logs)
        self._turns.add(self._renew_tokens)
        self._beats += 1
        if self._beats % MEASURED_EACH == 0:
            self._turns.add(self._measure)

    def _renew_tokens(self) -> None:
        """The tokens of the pods' ServiceAccounts, before they expire."""
        for worker in self._workers.values():
            worker.renew_token()

    def _sample_logs(self) -> None:
        """When which log has grown."""
        for worker in self._workers.values():
            for path in worker.log_files:
                self._times.sample(path)

    def _measure(self) -> None:
        """What containers use, memory and CPU limits."""
        self._meter.sample(
            {
                start: [pid, *self._stress.pids_of(start)]
                for worker in self._workers.values()
                for start, pid in worker.processes.items()
            },
            self._stress.uncharged,
        )
        for worker in self._workers.values():
            for name in worker.hold_memory_limits(self._meter):
                self._stress.end_all(worker.uid, name)
        self._limits.hold(
            {
                start: (cores, self._meter.members.get(start, ()))
                for worker in self._workers.values()
                for start, cores in worker.cpu_limits.items()
            }
        )

    def stress(self, pod: Object, container: str, stressors: Object) -> int:
        """Use CPU and memory on a container's account; the number of this stress. Raises StatusError 400 when it does not run, or for too much."""
        worker = self._workers.get(pod["metadata"]["uid"])
        spec = next((each for each in pod["spec"]["containers"] if each["name"] == container), None)
        found = [each for each in worker.processes.items() if each[0].container == container] if worker else []
        if spec is None or not found:
            raise bad_request(f'container "{container}" of pod "{pod["metadata"]["name"]}" does not run')
        return self._stress.begin(*found[0], spec, stressors)

    def relieve(self, stress: int) -> None:
        """End a stress; nothing when it was ended before."""
        self._stress.end(stress)

    def execute(self, pod: Object, container: str, argv: Sequence[str]) -> RunningCommand:
        """Start a command beside a container. Raises StatusError when it does not run, or there is no such program."""
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is None:
            raise bad_request(f'pod "{pod["metadata"]["name"]}" is not on a node yet')
        return worker.execute(container, argv)

    def usage(self, pod: Object) -> list[tuple[str, UsageSample]]:
        """Name and last sample of each container of a pod that runs and was measured."""
        worker = self._workers.get(pod["metadata"]["uid"])
        starts = worker.starts if worker is not None else ()
        return [(each.container, sample) for each in starts if (sample := self._meter.last(each)) is not None]

    def rates(self, pod: Object) -> list[ContainerRate] | None:
        """What the containers of a pod use now; None while one of them has not been measured twice since its start."""
        worker = self._workers.get(pod["metadata"]["uid"])
        found = [self._meter.rate(each) for each in worker.starts] if worker is not None else []
        rates = [each for each in found if each is not None]
        return rates if rates and len(rates) == len(found) else None

    def begin_delete(self, namespace: str, name: str, grace_s: int | None) -> Object:
        """Mark a pod as ending and begin to end it; one that runs nowhere is gone at once.

        Raises StatusError 404.
        """
        pod = self._store.get(POD, namespace, name)
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is None:
            return self._store.delete(POD, namespace, name)
        grace = worker.grace_s if grace_s is None else max(0, grace_s)
        earlier = pod["metadata"].get("deletionGracePeriodSeconds")
        if earlier is None or grace < earlier:
            by = timestamp(clock.wall() + timedelta(seconds=grace))
            marks = {"deletionTimestamp": by, "deletionGracePeriodSeconds": grace}
            pod = self._store.update(POD, {**pod, "metadata": {**pod["metadata"], **marks}})
        worker.end(grace)
        return pod

    async def delete(self, namespace: str, name: str, grace_s: int | None) -> Object:
        """`begin_delete`; with a grace of 0 it is gone when this returns."""
        uid = self._store.get(POD, namespace, name)["metadata"]["uid"]
        worker = self._workers.get(uid)
        pod = self.begin_delete(namespace, name, grace_s)
        if worker is not None and pod["metadata"].get("deletionGracePeriodSeconds") == 0:
            await worker.gone.wait()
        return pod

    async def close(self) -> None:
        """Kill every pod and wait until all are gone."""
        self._limits.close()
        workers = list(self._workers.values())
        for worker in workers:
            worker.end(0)
        await asyncio.gather(*(worker.gone.wait() for worker in workers))

    def logs(
        self, namespace: str, name: str, *, container: str | None, previous: bool, options: logs.LogOptions
    ) -> AsyncIterator[bytes]:
        """The log of a container's last start, or of the one before. Raises StatusError 404 or 400 at once, not when it is read."""
        pod = self._store.get(POD, namespace, name)
        uid = pod["metadata"]["uid"]
        which = logs.chosen(pod, container)
        worker = self._workers.get(uid)
        if worker is None:
            raise bad_request(f'container "{which}" in pod "{name}" is waiting to start: the pod is not on a node yet')
        number = worker.restarts(which)
        if previous and number == 0:
            raise bad_request(f'previous terminated container "{which}" in pod "{name}" not found')
        path = worker.log_file(which, number - 1 if previous else number)
        if not path.exists():
            raise bad_request(f'container "{which}" in pod "{name}" is waiting to start: it has not been started yet')

        def ended() -> bool:
            return previous or uid not in self._workers or not worker.runs(which, number)

        return logs.read(path, options, self._times, ended)

    def _on_event(self, event: WatchEvent) -> None:
        """Only enqueues: the store must not be written from within its own notice."""
        if event.kind is NODE:
            self._turns.add(partial(self._on_node, event))
        elif event.kind is POD and self._concerns(event):
            self._turns.add(partial(self._on_pod, event))

    def _concerns(self, event: WatchEvent) -> bool:
        """Whether a pod is to be begun or ended: most changes of pods are those of their status."""
        runs = event.object["metadata"]["uid"] in self._workers
        return runs if event.type == "DELETED" else not runs and bool(event.object["spec"].get("nodeName"))

    def _on_pod(self, event: WatchEvent) -> None:
        pod = event.object
        uid, node_name = pod["metadata"]["uid"], pod["spec"].get("nodeName")
        worker = self._workers.get(uid)
        if event.type == "DELETED":
            if worker is not None and not worker.gone.is_set():
                worker.end(0)
            return
        if worker is not None or not node_name:
            return
        with suppress(StatusError):
            current = self._store.get(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
            node = self._store.get(NODE, None, node_name)
            if current["metadata"]["uid"] == uid and is_powered(node):
                self._adopt(current, node)

    def _adopt(self, pod: Object, node: Object) -> None:
        try:
            worker = PodWorker(
                pod=pod,
                host=next(each["address"] for each in node["status"]["addresses"]),
                store=self._store,
                network=self._network,
                launcher=self._launcher,
                directories=self._dirs,
                account=self._account,
                record=self._record,
            )
        except SandboxError as error:
            self._record(pod, "Warning", "FailedCreatePodSandBox", str(error))
            again = WatchEvent("MODIFIED", POD, pod, self._store.resource_version)
            asyncio.get_running_loop().call_later(RETRY_S, self._on_pod, again)
            return
        self._workers[worker.uid] = worker
        worker.begin()
        asyncio.create_task(self._forget(worker))  # noqa: RUF006 - it lives exactly as long as the worker, which is held

    async def _forget(self, worker: PodWorker) -> None:
        await worker.gone.wait()
        del self._workers[worker.uid]
        self._times.forget(worker.log_directory)

    def _on_node(self, event: WatchEvent) -> None:
        name = event.object["metadata"]["name"]
        if event.type == "DELETED":
            self._powered.pop(name, None)
            for worker in self._on(name):
                worker.end(0)
            with suppress(StatusError):
                self._store.delete(LEASES, "kube-node-lease", name)
            return
        with suppress(StatusError):
            node = self._store.get(NODE, None, name)
            powered = is_powered(node)
            before = self._powered.get(name)
            self._powered[name] = powered
            if before is None and powered:
                with_kubelet_status(self._store, node)
                beat(self._store, name)
            if before is not False and not powered:
                for worker in self._on(name):
                    worker.freeze()
            if before is False and powered:
                self._power_on(name)

    def _power_on(self, name: str) -> None:
        """Heartbeats and pods come back; that the node is Ready is for the node controller to say."""
        beat(self._store, name)
        for worker in self._on(name):
            worker.thaw()
        for pod in self._store.list(POD):
            if pod["spec"].get("nodeName") == name and pod["metadata"]["uid"] not in self._workers:
                self._adopt(pod, self._store.get(NODE, None, name))

    def _on(self, node: str) -> list[PodWorker]:
        return [worker for worker in self._workers.values() if worker.node == node]
