"""`health-of-pods`: does every pod of every service in every region say that it is healthy?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import quote

from harness import clock
from harness.drivers.check.gateways import answered
from harness.drivers.check.places import Clusters, is_of_workload, namespaces
from harness.drivers.facts import Look, Seen
from harness.model import Quantity
from harness.targets import Target
from harness.targets.http import http_client, is_loopback
from harness.targets.kubernetes import Object, labels_of

_AT_ONCE: Final = 4


def health_of_pods(target: Target, params: Mapping[str, str]) -> Look:
    """Asks each pod of each workload in each region's namespace for `path`; 200 must come `within` (a time, `1 s`)."""
    path, within_s = params["path"], Quantity.parse(params["within"]).base
    places, clusters = namespaces(target), Clusters(target)

    def look() -> Sequence[Seen]:
        seen: list[Seen] = []
        for region, namespace in places.items():
            cluster = clusters.of(region)
            pods = [pod for pod in cluster.pods(namespace) if is_of_workload(pod)]
            reach = _Reach(clusters.target_of(region), within_s)
            try:
                with ThreadPoolExecutor(_AT_ONCE) as pool:
                    seen += pool.map(lambda pod, reach=reach: _asked(reach, pod, path), pods)
            finally:
                reach.close()
            empty = (one for one in cluster.deployments(namespace) if not _has_pods(one, pods))
            seen += [
                Seen(subject=f"{namespace}/{one['metadata']['name']}", expected="a pod", seen="none", ok=False)
                for one in empty
            ]
        return seen

    return look


class _Reach:
    """The ways to a pod: its own address where that is on this machine, else the API server's proxy."""

    def __init__(self, target: Target, within_s: float) -> None:
        from harness.targets.kubernetes import api_client

        self.within_s = within_s
        self._direct = http_client(target, "http://localhost", timeout_s=within_s)  # loopback: never through a proxy
        self._api = api_client(target)

    def ask(self, pod: Object, path: str) -> str:
        """`status 200`, or what kept an answer from coming."""
        address, port = pod["status"]["podIP"], _port(pod)
        if is_loopback(address):
            return answered(self._direct, f"http://{address}:{port}{path}")
        return self._through_api(pod, port, path)

    def _through_api(self, pod: Object, port: int, path: str) -> str:
        from kubernetes.client import ApiException, CoreV1Api
        from urllib3.exceptions import HTTPError

        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        try:
            answer: Any = CoreV1Api(self._api).connect_get_namespaced_pod_proxy_with_path(
                f"{name}:{port}",
                namespace,
                quote(path.lstrip("/")),
                _preload_content=False,
                _request_timeout=self.within_s,
            )
        except ApiException as error:
            return f"status {error.status}"
        except HTTPError as error:
            return f"no answer: {error}"
        return f"status {answer.status}"

    def close(self) -> None:
        self._direct.close()
        self._api.close()  # type: ignore[no-untyped-call]


def _asked(reach: _Reach, pod: Object, path: str) -> Seen:
    began_ns = clock.now_ns()
    answer = reach.ask(pod, path) if (pod.get("status") or {}).get("podIP") else "it has no address yet"
    seconds = (clock.now_ns() - began_ns) / clock.NS_PER_S
    in_time = seconds <= reach.within_s
    return Seen(
        subject=f"{pod['metadata']['namespace']}/{pod['metadata']['name']}",
        expected=f"GET {path}: status 200 within {reach.within_s:g} s",
        seen=answer if in_time else f"{answer} after {seconds:.1f} s",
        ok=answer == "status 200" and in_time,
    )


def _has_pods(deployment: Object, pods: Sequence[Object]) -> bool:
    """Whether a pod carries the labels that the deployment selects; one scaled to none wants none."""
    expected = (deployment["spec"].get("selector") or {}).get("matchLabels") or {}
    return deployment["spec"].get("replicas") == 0 or any(expected.items() <= labels_of(pod).items() for pod in pods)


def _port(pod: Object) -> int:
    """The port named `http`, else the first one declared, else 80."""
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports") or []]
    named = [port for port in ports if port.get("name") == "http"]
    return int((named or ports or [{"containerPort": 80}])[0]["containerPort"])
