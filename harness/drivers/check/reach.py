"""Sends requests to pods: directly if the pod's address is on this machine, else through the API server's proxy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlencode

from harness.drivers.check.calls.together import CallPlan
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
_OF_THE_API_SERVER: Final = frozenset({401, 403, 404, 502, 503})
"""Statuses with which the API server itself answers for a pod: it refuses, the pod is gone, or nothing listens there."""
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
        return self.send(pod, CallPlan(method="GET", path=path), port)

    def send(self, pod: Object, call: CallPlan, port: int | None = None) -> PodAnswer:
        """The answer to a request on a port; without a port on the pod's HTTP port. Redirects are not followed."""
        address, port = (pod.get("status") or {}).get("podIP") or "", port or http_port(pod)
        if not address:
            return PodAnswer(0, why="the pod has no address yet")
        if is_loopback(address):
            return self._directly(f"http://{address}:{port}", call)
        return self._through_api(pod, port, call)

    def _directly(self, server: str, call: CallPlan) -> PodAnswer:
        import httpx

        try:
            answer = self._direct.request(
                call.method, server + call.path, json=call.body, data=call.form, headers=call.headers
            )
        except httpx.TimeoutException:
            return PodAnswer(0, why="no answer in time")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return PodAnswer(0, why=f"no answer: {error}")
        return PodAnswer(
            answer.status_code, answer.text, headers=_lower(answer.headers.items()), content=answer.content
        )

    def _through_api(self, pod: Object, port: int, call: CallPlan) -> PodAnswer:
        from urllib3.exceptions import HTTPError

        # the client's own call for this path has no place for a query
        api: Any = self._api
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        proxy = f"{api.configuration.host}/api/v1/namespaces/{namespace}/pods/{name}:{port}/proxy"
        headers = {one["key"]: one["value"] for one in api.configuration.auth_settings().values()}
        headers["User-Agent"] = USER_AGENT
        body, media = _body_of(call)
        try:
            answer = api.rest_client.pool_manager.request(
                call.method,
                f"{proxy}/{call.path.lstrip('/')}",
                body=body,
                headers={**media, **call.headers, **headers},
                timeout=self.within_s,
                retries=False,
                redirect=False,
            )
        except HTTPError as error:
            return PodAnswer(0, why=f"no answer: {error}")
        content = bytes(answer.data)
        text, status = content.decode("utf-8", "replace"), int(answer.status)
        message = status_message(text) if status in _OF_THE_API_SERVER else ""
        if message:
            return PodAnswer(status, why=f"the API server answered {status} {message}")
        return PodAnswer(status, text, headers=_lower(answer.headers.itermerged()), content=content)

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


def _body_of(call: CallPlan) -> tuple[bytes | None, Mapping[str, str]]:
    """The body of a request, and the header with its type."""
    if call.form is not None:
        return urlencode(call.form).encode(), {"content-type": "application/x-www-form-urlencoded"}
    if call.body is not None:
        return json.dumps(call.body).encode(), {"content-type": "application/json"}
    return None, {}
