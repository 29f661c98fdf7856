"""What the machinery measures, as the API serves it: `metrics.k8s.io/v1beta1`, and the expositions of kubelets and objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from harness import clock
from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.kubelet.nodes import is_powered
from readiness_sandbox.cluster.metrics import kubelet, state
from readiness_sandbox.cluster.quantities import kibibytes, nanocores
from readiness_sandbox.cluster.statuses import StatusError, no_such_path
from readiness_sandbox.cluster.timestamps import now_text, timestamp
from readiness_sandbox.scales import CPU_SCALE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.kubelet.usage import ContainerRate, UsageSample
    from readiness_sandbox.cluster.store import Object, Store

NODE = kinds.by_name("Node")
POD = kinds.by_name("Pod")
POD_METRICS = kinds.by_name("PodMetrics")
COUNTED_FOR_S: Final = 0.5
"""So long is what the network has counted told to every kubelet: each question stops the API server until it is answered. cAdvisor counts every 10 s."""
SCALED: Final = "sandbox.readiness/cpu-scale"
"""The annotation of a measured object that names the CPU scale."""


class UsageSource(Protocol):
    """The kubelets, as far as they measure."""

    def usage(self, pod: Object) -> Sequence[tuple[str, UsageSample]]:
        """Name and last sample of each container that runs."""
        ...

    def rates(self, pod: Object) -> Sequence[ContainerRate] | None:
        """What its containers use now; None while one of them has not been measured twice."""
        ...


class TrafficSource(Protocol):
    """The network, as far as it counts."""

    def traffic(self) -> Mapping[str, tuple[int, int]]:
        """By address: bytes received and sent."""
        ...


class ClusterMeters:
    """Objects and texts, made when they are asked for."""

    def __init__(self, store: Store, source: UsageSource, network: TrafficSource) -> None:
        self._store = store
        self._source = source
        self._network = network
        self._counted: Mapping[str, tuple[int, int]] = {}
        self._counted_until = clock.Deadline.after(0)

    def objects(self, kind: Kind, namespace: str | None) -> list[Object]:
        """All PodMetrics of a namespace (None: of all), or all NodeMetrics; what was not measured twice is left out."""
        if kind is POD_METRICS:
            found = [self._of_pod(pod) for pod in self._store.list(POD, namespace)]
        else:
            found = [self._of_node(node) for node in self._store.list(NODE)]
        return [each for each in found if each is not None]

    def exposition(self, node: str, path: str) -> str:
        """What the kubelet of a node exposes. Raises StatusError 404; 503 when the node has no power."""
        obj = self._store.get(NODE, None, node)
        if not is_powered(obj):
            raise StatusError(
                503, "ServiceUnavailable", f"error trying to reach service: the kubelet of {node} is down"
            )
        pods = [(pod, self._source.usage(pod)) for pod in self._on(node)]
        match path:
            case "/metrics/cadvisor":
                return kubelet.cadvisor(pods, self._traffic())
            case "/metrics/resource":
                return kubelet.resource(pods)
        raise no_such_path()

    def state(self) -> str:
        """What kube-state-metrics exposes."""
        return state.exposition(self._store)

    def _traffic(self) -> Mapping[str, tuple[int, int]]:
        if self._counted_until.over:
            self._counted, self._counted_until = self._network.traffic(), clock.Deadline.after(COUNTED_FOR_S)
        return self._counted

    def _on(self, node: str) -> list[Object]:
        return [pod for pod in self._store.list(POD) if pod["spec"].get("nodeName") == node]

    def _of_pod(self, pod: Object) -> Object | None:
        rates = self._source.rates(pod)
        if not rates:
            return None
        return {
            "kind": "PodMetrics",
            "apiVersion": POD_METRICS.api_version,
            "metadata": _metadata(pod) | {"namespace": pod["metadata"]["namespace"]},
            **_window(rates),
            "containers": [{"name": each.container, "usage": _usage([each])} for each in rates],
        }

    def _of_node(self, node: Object) -> Object | None:
        rates = list(self._rates_on(node["metadata"]["name"])) if is_powered(node) else []
        if not rates:
            return None
        return {
            "kind": "NodeMetrics",
            "apiVersion": POD_METRICS.api_version,
            "metadata": _metadata(node),
            **_window(rates),
            "usage": _usage(rates),
        }

    def _rates_on(self, node: str) -> Iterator[ContainerRate]:
        for pod in self._on(node):
            yield from self._source.rates(pod) or ()


def _metadata(obj: Object) -> Object:
    """Name and labels of what was measured, and the scale."""
    meta = obj["metadata"]
    return {
        "name": meta["name"],
        "creationTimestamp": now_text(),
        "labels": meta.get("labels") or {},
        "annotations": {SCALED: str(CPU_SCALE)},
    }


def _window(rates: Sequence[ContainerRate]) -> Object:
    ends = max(each.last.wall for each in rates)
    return {"timestamp": timestamp(ends), "window": f"{max(each.window_s for each in rates):.3f}s"}


def _usage(rates: Sequence[ContainerRate]) -> Object:
    return {
        "cpu": nanocores(sum(each.cores for each in rates)),
        "memory": kibibytes(sum(each.memory_bytes for each in rates)),
    }
