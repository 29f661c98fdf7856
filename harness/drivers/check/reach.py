"""The ways to a pod: its own address where that is on this machine, else the API server's proxy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import httpx

from harness.targets import Target
from harness.targets.http import http_client, is_loopback
from harness.targets.kubeconfig import api_client
from harness.targets.kubernetes import Object, status_message

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class PodAnswer(NamedTuple):
    """What a pod answered: a status, a body and headers (their names in lower case); or why it did not."""

    status: int
    body: str = ""
    why: str = ""
    headers: Mapping[str, str] = _NONE

    @property
    def words(self) -> str:
        """`status 200`, or what kept an answer from coming."""
        return self.why or f"status {self.status}"


class PodReach:
    """Asks pods by HTTP.

    Args:
        target: as reached from the pods' region.
        within_s: each answer is waited for so long.
    """

    def __init__(self, target: Target, within_s: float) -> None:
        self.within_s = within_s
        self._direct = http_client(target, "http://localhost", timeout_s=within_s)  # loopback: never through a proxy
        self._api = api_client(target)

    def ask(self, pod: Object, path: str) -> str:
        """`status 200`, or what kept an answer from coming."""
        return self.get(pod, path).words

    def get(self, pod: Object, path: str) -> PodAnswer:
        """What GET of a path gave, on the pod's HTTP port."""
        address, port = (pod.get("status") or {}).get("podIP") or "", _port(pod)
        if not address:
            return PodAnswer(0, why="it has no address yet")
        if is_loopback(address):
            return self._directly(f"http://{address}:{port}{path}")
        return self._through_api(pod, port, path)

    def _directly(self, url: str) -> PodAnswer:
        try:
            answer = self._direct.get(url)
        except httpx.TimeoutException:
            return PodAnswer(0, why="no answer in time")
        except httpx.HTTPError as error:
            return PodAnswer(0, why=f"no answer: {error}")
        return PodAnswer(answer.status_code, answer.text, headers=_lower(answer.headers.items()))

    def _through_api(self, pod: Object, port: int, path: str) -> PodAnswer:
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
            message = status_message(error.body) if error.status in {401, 403} else ""
            why = f"the API server answered {error.status} {message}" if message else ""
            return PodAnswer(int(error.status or 0), why=why)
        except HTTPError as error:
            return PodAnswer(0, why=f"no answer: {error}")
        body = bytes(answer.data).decode("utf-8", "replace")
        return PodAnswer(int(answer.status), body, headers=_lower(answer.headers.items()))

    def close(self) -> None:
        """Close the connections."""
        self._direct.close()
        self._api.close()  # type: ignore[no-untyped-call]


def _lower(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers}


def _port(pod: Object) -> int:
    """The port named `http`, else the first one declared, else 80."""
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports") or []]
    named = [port for port in ports if port.get("name") == "http"]
    return int((named or ports or [{"containerPort": 80}])[0]["containerPort"])
