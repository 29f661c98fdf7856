"""Sends requests to pods: directly if the pod's address is on this machine, else through the API server's proxy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar

from harness.targets import Target
from harness.targets.cluster.bodies import status_message
from harness.targets.cluster.kubeconfig import USER_AGENT, api_client
from harness.targets.cluster.workloads import http_port
from harness.targets.http import http_client, is_loopback
from harness.targets.kubernetes import Object

_T = TypeVar("_T")

AT_ONCE: Final = 4
"""Number of pods that are read at the same time."""
CONNECTIONS: Final = 200
"""Number of pods to which a connection is kept from one reading to the next."""
WITHIN_S: Final = 2.0
"""Default timeout of an answer in s, if no sentence gives one."""
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class PodAnswer(NamedTuple):
    """The answer of a pod: status, body as text and as bytes, and headers (names in lower case); or why there is none."""

    status: int
    body: str = ""
    why: str = ""
    headers: Mapping[str, str] = _NONE
    content: bytes = b""

    @property
    def words(self) -> str:
        """`status 200`, or the reason why there is no answer."""
        return self.why or f"status {self.status}"


class PodReach:
    """Sends HTTP requests to pods.

    Args:
        target: target, as reached from the pods' region.
        within_s: timeout of each answer, in seconds.
    """

    def __init__(self, target: Target, within_s: float) -> None:
        self.within_s = within_s
        # loopback: never through a proxy
        self._direct = http_client(target, "http://localhost", timeout_s=within_s, connections=CONNECTIONS)
        self._api = api_client(target)

    def ask(self, pod: Object, path: str, port: int | None = None) -> str:
        """`status 200`, or the reason why there is no answer."""
        return self.get(pod, path, port).words

    def get(self, pod: Object, path: str, port: int | None = None) -> PodAnswer:
        """The answer to GET of a path, with or without a query, on a port; without a port on the pod's HTTP port."""
        address, port = (pod.get("status") or {}).get("podIP") or "", port or http_port(pod)
        if not address:
            return PodAnswer(0, why="the pod has no address yet")
        if is_loopback(address):
            return self._directly(f"http://{address}:{port}{path}")
        return self._through_api(pod, port, path)

    def _directly(self, url: str) -> PodAnswer:
        import httpx

        try:
            answer = self._direct.get(url)
        except httpx.TimeoutException:
            return PodAnswer(0, why="no answer in time")
        except httpx.HTTPError as error:
            return PodAnswer(0, why=f"no answer: {error}")
        return PodAnswer(
            answer.status_code, answer.text, headers=_lower(answer.headers.items()), content=answer.content
        )

    def _through_api(self, pod: Object, port: int, path: str) -> PodAnswer:
        from urllib3.exceptions import HTTPError

        # the client's own call for this path has no place for a query
        api: Any = self._api
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        url = f"{api.configuration.host}/api/v1/namespaces/{namespace}/pods/{name}:{port}/proxy/{path.lstrip('/')}"
        headers = {one["key"]: one["value"] for one in api.configuration.auth_settings().values()}
        headers["User-Agent"] = USER_AGENT
        try:
            answer = api.rest_client.pool_manager.request(
                "GET", url, headers=headers, timeout=self.within_s, retries=False, redirect=False
            )
        except HTTPError as error:
            return PodAnswer(0, why=f"no answer: {error}")
        content = bytes(answer.data)
        body, status = content.decode("utf-8", "replace"), int(answer.status)
        message = status_message(body) if status in {401, 403} else ""
        if message:
            return PodAnswer(status, why=f"the API server answered {status} {message}")
        return PodAnswer(status, body, headers=_lower(answer.headers.items()), content=content)

    def close(self) -> None:
        """Close the connections."""
        self._direct.close()
        self._api.close()  # type: ignore[no-untyped-call]


def of_each(
    target: Target, pods: Sequence[Object], read: Callable[[PodReach, Object], _T], *, within_s: float = WITHIN_S
) -> list[_T]:
    """The results of `read` for each pod, in the order of the pods; several pods are read at once.

    Args:
        target: target, as reached from the pods' region.
        pods: pods of that region.
        read: function that reads one pod.
        within_s: timeout of each answer, in seconds.
    """
    with closing(PodReach(target, within_s)) as reach:
        return each_through(reach, pods, read)


def each_through(reach: PodReach, pods: Sequence[Object], read: Callable[[PodReach, Object], _T]) -> list[_T]:
    """The results of `read` for each pod, in the order of the pods; several pods are read at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(partial(read, reach), pods))


def _lower(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers}
