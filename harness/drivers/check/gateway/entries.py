"""The Services at the addresses that the target file names as entries: they may lead to the gateway, and to nothing that is behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from harness.drivers.check.flow_log import FlowKey, FlowLog
from harness.drivers.facts import FactReading
from harness.targets import Target
from harness.targets.kubernetes import Object, workload_of

_NO_LOG = "not known, since the target file names no log of connections; hint: write `flows: {log: FILE, …}`"


class EntriesSeen:
    """Where the entries in front of the gateway lead, by the log of connections.

    Args:
        target: target; its log of connections is read from now on, if it names one.
        namespaces: namespaces of the regions.
        entries: Services at the addresses of the entries, by region; without those of the gateway itself.
        gateway: label of the gateway's pods.
    """

    def __init__(
        self, target: Target, namespaces: Mapping[str, str], entries: Mapping[str, Sequence[Object]], gateway: str
    ) -> None:
        self._namespaces, self._gateway = namespaces, gateway
        self._pods = {region: {workload_of(one["spec"]["selector"]) for one in own} for region, own in entries.items()}
        self._log = FlowLog(target) if target.flows is not None and any(entries.values()) else None
        self._connections: Counter[FlowKey] = Counter()

    def readings(self, places: Mapping[str, str]) -> Iterator[FactReading]:
        """A reading for each entry; `places` has the names of the regions for people. Each must have been called before."""
        why = _NO_LOG
        if self._log is not None:
            read = self._log.read()
            self._connections.update(read.connections)
            why = read.why
        for region, pods in self._pods.items():
            for pod in sorted(pods):
                yield self._reading(places[region], self._namespaces[region], pod, why)

    def _reading(self, place: str, namespace: str, pod: str, why: str) -> FactReading:
        led = Counter(
            {
                key.destination: n
                for key, n in self._connections.items()
                if (key.source_namespace, key.source, key.verdict) == (namespace, pod, "FORWARDED")
                and key.namespace in self._namespaces.values()
            }
        )
        seen = led.pop(self._gateway, 0)
        led.pop(pod, None)
        subject, expected = f"{place}: entry {pod}", f"leads to {self._gateway} alone"
        if led:
            observed = ", ".join(f"{n} connections to {one}" for one, n in led.most_common())
            return FactReading(subject=subject, expected=expected, observed=observed, ok=False, sure=True)
        if not seen or why:
            why = why or f"no connection from it to {self._gateway} is in the log"
            return FactReading(subject=subject, expected=expected, observed=why, ok=None)
        return FactReading(subject=subject, expected=expected, observed=expected, ok=True)
