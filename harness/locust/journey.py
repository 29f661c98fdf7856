"""What one user does, from arriving to leaving; a journey file reads like prose."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Final

import gevent

from harness import clock
from harness.locust.connection import close, kept_connection
from harness.locust.failures import kind_of
from harness.locust.recorder import Outcome, Request

if TYPE_CHECKING:
    from harness.locust.worker import Worker

_SERVED: Final = {"region": "x-served-region", "pod": "x-served-pod", "release": "x-release"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        ok: whether it was as expected.
        status: HTTP's; 0: no answer.
        body: the JSON value, read only where the journey expected something of it.
        error: kind of failure: `timeout`, `refused`, `reset`, `status 503`, `wrong body`…; None when ok.
    """

    ok: bool
    status: int
    body: Any = None
    error: str | None = None

    def __getitem__(self, key: str) -> Any:
        return self.body[key]


class Journey:
    """One user on a connection of their own.

    The first request is due when the journey is, each later one at the end of the one before plus the time thought
    in between: open between journeys, closed within one. A failed request does not end the journey.

    Attributes:
        random: for all that the journey draws; the same seed draws the same.
    """

    def __init__(
        self, worker: Worker, *, name: str, key: str, due_ns: int, host: str, timeout_s: float, random: Random
    ) -> None:
        self.random = random
        self._worker = worker
        self._name = name
        self._key = key
        self._due_ns = due_ns
        self._host = host
        self._timeout_s = timeout_s
        self._headers: dict[str, str] = {}
        self._step = 0
        self._http = kept_connection(host, worker.request_event)

    def get(
        self, path: str, *, name: str, status: int | None = None, expect: Mapping[str, object] | None = None
    ) -> Answer:
        """GET the path; see `request`."""
        return self.request("GET", path, name=name, status=status, expect=expect)

    def post(
        self,
        path: str,
        *,
        name: str,
        json: Mapping[str, object] | None = None,
        status: int | None = None,
        expect: Mapping[str, object] | None = None,
        once: bool = False,
    ) -> Answer:
        """POST the JSON; `once` sends an Idempotency-Key that no other request has."""
        headers = {"Idempotency-Key": f"{self._key}-{self._step + 1}"} if once else {}
        return self.request("POST", path, name=name, json=json, headers=headers, status=status, expect=expect)

    def sign_in(self, token: str) -> None:
        """Send this bearer token from now on."""
        self._headers["Authorization"] = f"Bearer {token}"

    def think(self, seconds: float) -> None:
        """Look at the answer so long; the next request is due then."""
        self._due_ns += round(seconds * clock.NS_PER_S)
        self._worker.think_until(self._due_ns)

    def request(
        self,
        method: str,
        path: str,
        *,
        name: str,
        json: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
        expect: Mapping[str, object] | None = None,
    ) -> Answer:
        """Send one request, check the answer, record both.

        Args:
            method: HTTP's.
            path: below the host.
            name: the route in all reports.
            json: the body.
            headers: beside those of the journey.
            status: the only status that is right; None: any below 400.
            expect: keys that the answer's JSON object must have, each with its value, or with the type of its value.
        """
        self._step += 1
        request = Request(
            journey=self._name,
            step=self._step,
            name=name,
            method=method,
            intended_ns=self._due_ns,
            sent_ns=clock.now_ns(),
        )
        self._worker.recorder.begin(request)
        ended = None
        try:
            with gevent.Timeout(self._timeout_s):
                response = self._http.request(
                    method,
                    path,
                    name=name,
                    json=json,
                    headers={**self._headers, **(headers or {})},
                    catch_response=True,
                )
            ended = clock.now_ns()
            return self._read(request, response, ended, status, expect)
        finally:
            # only a journey that broke is still under way here: a mistake in its file must not go unrecorded
            lost = Outcome(done_ns=ended or clock.now_ns(), error="broken journey", served={})
            self._worker.recorder.end(request, lost)

    def _read(
        self,
        request: Request,
        response: Any,
        done_ns: int,
        status: int | None,
        expect: Mapping[str, object] | None,
    ) -> Answer:
        answer = _judged(response, status, expect)
        broken = response.request_meta["exception"] is not None and answer.status < 400
        self._worker.recorder.end(
            request,
            Outcome(
                done_ns=done_ns,
                status=answer.status,
                size=response.request_meta["response_length"],
                error=answer.error,
                served={key: _header(response, header) for key, header in _SERVED.items()},
            ),
        )
        with response:  # Locust's own statistics show the same latency and the same failures
            response.request_meta["response_time"] = (done_ns - request.intended_ns) / clock.NS_PER_MS
            if answer.error:
                response.failure(answer.error)
            else:
                response.success()
        if broken:
            self._reconnect()  # an exchange that was not read to its end leaves the connection in no known state
        self._due_ns = done_ns
        return answer

    def _reconnect(self) -> None:
        cookies = self._http.cookiejar
        close(self._http)
        self._http = kept_connection(self._host, self._worker.request_event)
        self._http.cookiejar = self._http.client.cookiejar = cookies

    def leave(self) -> None:
        """Close the connection; the journey is over."""
        close(self._http)


def _judged(response: Any, status: int | None, expect: Mapping[str, object] | None) -> Answer:
    seen = response.status_code or 0
    broken = response.request_meta["exception"]
    if broken is not None:
        return Answer(ok=False, status=seen, error=kind_of(broken, seen))
    if status not in {None, seen}:
        return Answer(ok=False, status=seen, error=f"status {seen}")
    if expect is None:
        return Answer(ok=True, status=seen)
    try:
        body = jsonlib.loads(response.content or b"")
    except ValueError:
        return Answer(ok=False, status=seen, error="wrong body")
    right = isinstance(body, dict) and all(
        key in body and _as_expected(body[key], value) for key, value in expect.items()
    )
    return Answer(ok=right, status=seen, body=body, error=None if right else "wrong body")


def _as_expected(seen: object, wanted: object) -> bool:
    return isinstance(seen, wanted) if isinstance(wanted, type) else seen == wanted


def _header(response: Any, name: str) -> str | None:
    value = response.headers.get(name) if response.headers is not None else None
    return value if isinstance(value, str) else None
