"""The kubelets' expositions: `/metrics/cadvisor` and `/metrics/resource` of one node, under cAdvisor's and the kubelet's own names.

As on a real node both have `container_cpu_usage_seconds_total`, so whoever scrapes both counts twice; and cAdvisor's has a series of
each pod's whole (`container=""`) beside those of its containers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness_sandbox.cluster.metrics.exposition import Family, exposed
from readiness_sandbox.cluster.quantities import amount
from readiness_sandbox.cluster.timestamps import moment
from readiness_sandbox.scales import CPU_SCALE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from readiness_sandbox.cluster.kubelet.usage import UsageSample
    from readiness_sandbox.cluster.store import Object

_CPU_HELP = f"Cumulative cpu time consumed, in core-seconds, under the sandbox's CPU scale of {CPU_SCALE}"
_MEMORY_HELP = "Current working set, in bytes: the proportional set size of all its processes"


def cadvisor(
    pods: Sequence[tuple[Object, Sequence[tuple[str, UsageSample]]]], traffic: Mapping[str, tuple[int, int]]
) -> str:
    """`/metrics/cadvisor`.

    Args:
        pods: the pods of the node that run, and the last sample of each container.
        traffic: by pod address, bytes received and sent through Services.
    """
    families = _Cadvisor()
    for pod, samples in pods:
        uid, containers = pod["metadata"]["uid"], {each["name"]: each for each in pod["spec"]["containers"]}
        for name, sample in samples:
            spec = containers.get(name, {})
            labels = _labels(pod, name, spec.get("image", ""), f"/kubepods/pod{uid}/{name}")
            families.usage([sample], labels)
            families.limits(pod, name, spec, labels)
        whole = _labels(pod, "", "", f"/kubepods/pod{uid}")
        families.usage([sample for _, sample in samples], whole)
        families.network(traffic.get((pod.get("status") or {}).get("podIP", ""), (0, 0)), whole)
    return families.text()


def resource(pods: Sequence[tuple[Object, Sequence[tuple[str, UsageSample]]]]) -> str:
    """`/metrics/resource`."""
    cpu, memory = "cpu_usage_seconds_total", "memory_working_set_bytes"
    scopes = ("container", "node", "pod")
    families = {f"{of}_{cpu}": Family(f"{of}_{cpu}", "counter", _CPU_HELP) for of in scopes}
    families |= {f"{of}_{memory}": Family(f"{of}_{memory}", "gauge", _MEMORY_HELP) for of in scopes}

    def add(of: str, samples: Sequence[UsageSample], **labels: str) -> None:
        at_ms = max((_ms(each) for each in samples), default=None)
        families[f"{of}_{cpu}"].add(_cpu_s(samples), labels, at_ms=at_ms)
        families[f"{of}_{memory}"].add(sum(each.memory_bytes for each in samples), labels, at_ms=at_ms)

    for pod, samples in pods:
        place = {"namespace": pod["metadata"]["namespace"], "pod": pod["metadata"]["name"]}
        for name, sample in samples:
            add("container", [sample], container=name, **place)
        add("pod", [sample for _, sample in samples], **place)
    add("node", [sample for _, samples in pods for _, sample in samples])
    return exposed(families.values())


class _Cadvisor:
    """The families of cAdvisor that are exposed here."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}
        for name, help_ in (
            ("container_cpu_usage_seconds_total", _CPU_HELP),
            ("container_fs_reads_bytes_total", "Cumulative count of bytes read from storage"),
            ("container_fs_writes_bytes_total", "Cumulative count of bytes written to storage"),
            ("container_network_receive_bytes_total", "Cumulative count of bytes received through Services"),
            ("container_network_transmit_bytes_total", "Cumulative count of bytes sent through Services"),
        ):
            self._families[name] = Family(name, "counter", help_)
        for name, help_ in (
            ("container_memory_working_set_bytes", _MEMORY_HELP),
            ("container_memory_usage_bytes", _MEMORY_HELP),
            ("container_memory_rss", "Size of RSS in bytes: the resident anonymous memory of all its processes"),
            ("container_spec_memory_limit_bytes", "Memory limit of the container, 0 when it has none"),
            ("container_spec_cpu_quota", "CPU quota of the container in microseconds of a period"),
            ("container_spec_cpu_period", "CPU period of the container in microseconds"),
            ("container_start_time_seconds", "Start time of the container since unix epoch in seconds"),
        ):
            self._families[name] = Family(name, "gauge", help_)

    def usage(self, samples: Sequence[UsageSample], labels: dict[str, str]) -> None:
        at_ms = max((_ms(each) for each in samples), default=None)
        memory = sum(each.memory_bytes for each in samples)
        for name, value in (
            ("container_cpu_usage_seconds_total", _cpu_s(samples)),
            ("container_memory_working_set_bytes", memory),
            ("container_memory_usage_bytes", memory),
            ("container_memory_rss", sum(each.resident_bytes for each in samples)),
            ("container_fs_reads_bytes_total", sum(each.read_bytes for each in samples)),
            ("container_fs_writes_bytes_total", sum(each.written_bytes for each in samples)),
        ):
            self._families[name].add(value, labels, at_ms=at_ms)

    def limits(self, pod: Object, name: str, spec: Object, labels: dict[str, str]) -> None:
        limits = (spec.get("resources") or {}).get("limits") or {}
        self._families["container_spec_memory_limit_bytes"].add(float(amount(limits.get("memory", 0))), labels)
        if "cpu" in limits:
            self._families["container_spec_cpu_quota"].add(float(amount(limits["cpu"]) * 100_000), labels)
            self._families["container_spec_cpu_period"].add(100_000, labels)
        if started := _started_s(pod, name):
            self._families["container_start_time_seconds"].add(started, labels)

    def network(self, traffic: tuple[int, int], labels: dict[str, str]) -> None:
        received, sent = traffic
        self._families["container_network_receive_bytes_total"].add(received, labels | {"interface": "lo"})
        self._families["container_network_transmit_bytes_total"].add(sent, labels | {"interface": "lo"})

    def text(self) -> str:
        return exposed(self._families.values())


def _labels(pod: Object, container: str, image: str, cgroup: str) -> dict[str, str]:
    meta = pod["metadata"]
    return {
        "container": container,
        "id": cgroup,
        "image": image,
        "name": f"{meta['uid']}/{container}" if container else "",
        "namespace": meta["namespace"],
        "pod": meta["name"],
    }


def _cpu_s(samples: Sequence[UsageSample]) -> float:
    return sum(each.cpu_ns for each in samples) / 1e9


def _ms(sample: UsageSample) -> int:
    return round(sample.wall.timestamp() * 1000)


def _started_s(pod: Object, container: str) -> float | None:
    for each in (pod.get("status") or {}).get("containerStatuses") or ():
        if each["name"] == container and (running := each["state"].get("running")):
            return moment(running["startedAt"]).timestamp()
    return None
