"""Sends the requests of a question to an S3 server, at once or in an event loop; what fails for a while is sent again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from harness import clock
from harness.clock import Deadline
from harness.errors import TargetUnreachable
from harness.targets.files.target import Target
from harness.targets.http import http_client, proxy_for, tls_context
from harness.targets.stores.s3 import S3Answer, S3Place, S3Request, Steps, refuse_answer

if TYPE_CHECKING:
    import httpx

_FOR_A_WHILE: Final = frozenset({429, 500, 502, 503, 504})
"""Statuses after which a request is sent again."""
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0
_ONE_S: Final = 10.0
"""Time for one answer, in s."""
_T = TypeVar("_T")


def asked(target: Target, place: S3Place, steps: Steps[_T], deadline: Deadline) -> _T:
    """What a question finds out.

    Raises:
        DriverError: the server refuses a request. TargetUnreachable: it gave no answer until the deadline.
    """
    with http_client(target, place.endpoint, timeout_s=_ONE_S) as client:
        request = next(steps)
        while True:
            answer = _answer(client, place, request, deadline)
            try:
                request = steps.send(answer)
            except StopIteration as done:
                found: _T = done.value
                return found


async def asked_in_loop(client: httpx.AsyncClient, place: S3Place, steps: Steps[_T], deadline: Deadline) -> _T:
    """Like `asked`, in an event loop."""
    request = next(steps)
    while True:
        answer = await _answer_in_loop(client, place, request, deadline)
        try:
            request = steps.send(answer)
        except StopIteration as done:
            found: _T = done.value
            return found


def loop_client(target: Target, place: S3Place) -> httpx.AsyncClient:
    """A client for `asked_in_loop`, which ignores environment variables."""
    import httpx

    return httpx.AsyncClient(
        timeout=_ONE_S, proxy=proxy_for(target, place.endpoint), verify=tls_context(target), trust_env=False
    )


@contextmanager
def streamed(target: Target, place: S3Place, name: str, deadline: Deadline) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The tag and the content of an object below the place.

    Raises:
        DriverError: the server refuses it. TargetUnreachable: the connection fails, it has no answer for now, or the deadline is over before the end.
    """
    import httpx

    request = S3Request(key=f"{place.prefix}{name}")

    def parts(response: httpx.Response) -> Iterator[bytes]:
        for part in response.iter_raw():
            if deadline.over:
                raise TargetUnreachable("the object was not read as a whole in time", where=f"{place.url}{name}")
            yield part

    try:
        with http_client(target, place.endpoint, timeout_s=_ONE_S) as client:
            for pause_s in _pauses(deadline):
                url, headers = place.addressed(request)
                with client.stream("GET", url, headers={**headers, "accept-encoding": "identity"}) as response:
                    if response.status_code not in _FOR_A_WHILE:
                        if response.status_code != 200:
                            refuse_answer(place, _read(response, response.read(), 0))
                        yield response.headers.get("etag", ""), parts(response)
                        return
                clock.sleep(pause_s)
        raise _unreachable(place, f"status {response.status_code}")
    except httpx.HTTPError as error:
        raise TargetUnreachable(f"the object cannot be read: {_failure(error)}", where=f"{place.url}{name}") from error


def _answer(client: httpx.Client, place: S3Place, request: S3Request, deadline: Deadline) -> S3Answer:
    import httpx

    why = ""
    for pause_s in _pauses(deadline):
        url, headers = place.addressed(request)
        sent_ns = clock.now_ns()
        try:
            response = client.request(request.method, url, headers=headers)
        except httpx.HTTPError as error:
            why = _failure(error)
        else:
            if response.status_code not in _FOR_A_WHILE:
                return _read(response, response.content, sent_ns)
            why = f"status {response.status_code}"
        clock.sleep(pause_s)
    raise _unreachable(place, why)


async def _answer_in_loop(
    client: httpx.AsyncClient, place: S3Place, request: S3Request, deadline: Deadline
) -> S3Answer:
    import httpx

    why = ""
    for pause_s in _pauses(deadline):
        url, headers = place.addressed(request)
        sent_ns = clock.now_ns()
        try:
            response = await client.request(request.method, url, headers=headers)
        except httpx.HTTPError as error:
            why = _failure(error)
        else:
            if response.status_code not in _FOR_A_WHILE:
                return _read(response, response.content, sent_ns)
            why = f"status {response.status_code}"
        await clock.asleep(pause_s)
    raise _unreachable(place, why)


def _pauses(deadline: Deadline) -> Iterator[float]:
    """The pause after each attempt, in s, until the deadline; the first attempt is always made."""
    pause_s = _FIRST_PAUSE_S
    while True:
        yield min(pause_s, deadline.left_s)
        if deadline.over:
            return
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _read(response: httpx.Response, body: bytes, sent_ns: int) -> S3Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return S3Answer(status=response.status_code, headers=headers, body=body, sent_ns=sent_ns, done_ns=clock.now_ns())


def _failure(error: Exception) -> str:
    return str(error) or type(error).__name__


def _unreachable(place: S3Place, why: str) -> TargetUnreachable:
    hint = "check `endpoint` of `backups`, or give more time with `within`"
    return TargetUnreachable(f"the store gave no list or answer in time: {why}", where=place.url, hint=hint)
