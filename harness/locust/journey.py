"""A journey: the actions of one user from arrival to departure."""

from __future__ import annotations

import json as jsonlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple

from harness import clock
from harness.locust.answer import ERRORS, Answer, judged, number_in
from harness.locust.client.connection import Connections
from harness.locust.client.deadlines import Deadlines, GaveUp
from harness.locust.client.failures import FAILURES, kind_of
from harness.locust.client.session import HttpSession
from harness.locust.process.recorder import Request
from harness.locust.schedule.arrivals import random_of
from harness.model.digest import digest_of
from harness.model.records.items import outcome_of
from harness.model.records.traces import names_a_trace
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from harness.locust.client.response import Response
    from harness.locust.process.worker import LocustWorker

_SERVED: Final = ("x-served-region", "x-served-pod")
_JSON: Final = "Content-Type: application/json\r\n"
_ACCOUNTS: Final = (1 << 15) - 1
"""Maximum number of different users, since a user number has two bytes."""
_REDIRECTED: Final = "redirected"
"""Kind of failure of a write whose redirect (301, 302, 303) became a GET.

Such a redirect leads to a sign-in page, or to the same path with a `/`. The answer is 200, but nothing was written.
"""


class _Keyed(NamedTuple):
    """A write that carries a key: all that sending it again needs."""

    path: str
    json: Mapping[str, object] | None
    headers: Mapping[str, str]
    follow: bool


class _Again(NamedTuple):
    """A write that was sent a second time: when it was sent and answered, and the answer; None: there was none."""

    sent_ns: int
    done_ns: int
    response: Response | None

    def report(self, worker: LocustWorker, account: str, item: int | str, item_id: int, first_ns: int) -> None:
        """Record the repetition of a write. `item` is the id of the written item, or the key of the answer with the id."""
        status, named = 0, -1
        if self.response is not None:
            status = self.response.status_code
            named = number_in(self.response, item) if isinstance(item, str) else item_id
        answer = (status, named)
        worker.repeats.put(
            account, item_id, first_ns=first_ns, sent_ns=self.sent_ns, done_ns=self.done_ns, answer=answer
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """The settings that all journeys of one class share.

    They are made once, since a journey is made for each arrival.

    Attributes:
        worker: worker that runs the journeys.
        name: name of the journey in all reports.
        host: base URL of the paths.
        deadlines: deadlines of exchanges.
        connections: pool of connections.
        closed: whether a request is due when it is sent.
    """

    worker: LocustWorker
    name: str
    host: str
    deadlines: Deadlines
    connections: Connections
    closed: bool


class Journey:
    """One user with a separate connection and separate cookies.

    The first request is due when the journey is due. Each later request is due at the end of the previous request plus
    the think time. So the model is open between journeys and closed within a journey. A failed request does not end the
    journey.

    Attributes:
        failed: whether a request has failed; a later error of the journey is then not counted as a mistake in its code.
    """

    def __init__(self, terms: Terms, due_ns: int, seed: tuple[int, ...]) -> None:
        self._terms = terms
        self._arrival = next(terms.worker.arrivals)
        self._due_ns = due_ns
        self._seed = seed
        self._signed_in = ""
        self._account = 0
        self._step = 0
        self._last = (0, 0)  # when the last request was sent, and answered
        self._keyed: _Keyed | None = None
        self._again: _Again | None = None
        self.failed = False
        self._session = HttpSession(terms.host, terms.connections)

    @property
    def number(self) -> int:
        """Number of the journey, from 1, in the order of arrival in this worker.

        If the traffic has a number of users, `number` modulo this number identifies the user.
        """
        return self._arrival

    @cached_property
    def random(self) -> Random:
        """The random generator of the journey; equal seeds give equal numbers."""
        return random_of(*self._seed)

    @cached_property
    def _key(self) -> str:
        # no draw from the seed: a write of this run must not look like one of another run, or worker, repeated
        return uuid.uuid4().hex

    def get(
        self, path: str, *, name: str, status: int | None = None, expect: Mapping[str, object] | None = None
    ) -> Answer:
        """Send a GET request.

        Args:
            path: path below the host.
            name: route in all reports.
            status: only correct HTTP status; None: any status below 400.
            expect: expected keys of the answer's JSON object, each with a value or a type.
        """
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
        """Send a POST request with a JSON body.

        Args:
            path: path below the host.
            name: route in all reports.
            json: JSON body.
            status: only correct HTTP status; None: any status below 400.
            expect: expected keys of the answer's JSON object, each with a value or a type.
            once: whether to send an Idempotency-Key, which is unique to this write.
        """
        headers = {"Idempotency-Key": f"{self._key}-{self._step + 1}"} if once else None
        answer = self.request("POST", path, name=name, json=json, headers=headers, status=status, expect=expect)
        if headers:
            self._keyed = _Keyed(path, json, headers, _follows(status))
        return answer

    def wrote(
        self,
        account: str,
        answer: Answer,
        *,
        item: int | str,
        count: str = "",
        fields: Mapping[str, object] | None = None,
    ) -> None:
        """Report the last write, so that it is read back after the load.

        The size file of the traffic tells under `accounts` how. During the warm-up an acknowledged write with `once` is
        sent a second time with its key, as by a client that has lost the answer; this second request is in no figure of
        the load.

        Args:
            account: name under `accounts` in the size file.
            answer: answer to the write.
            item: id of the written item, or the key of the answer with the id.
            count: key of the answer with the value of the counter after this write; empty if it is no counter.
            fields: values that must be read back for an item.
        """
        if answer.ok:
            item_id = answer[item] if isinstance(item, str) else item
            value = int(answer[count]) if count else digest_of(fields or {})
        elif isinstance(item, int):
            item_id, value = item, 0
        else:
            return  # without an answer the id is unknown
        sent_ns, done_ns = self._last
        self._terms.worker.writes.put(
            account, self._outcome(answer), item=int(item_id), value=value, sent_ns=sent_ns, done_ns=done_ns
        )
        if answer.ok and self._keyed and self._terms.worker.warms_up:
            self._again = self._again or self._sent_again(self._keyed)
            self._again.report(self._terms.worker, account, item, int(item_id), sent_ns)

    def sign_in(self, token: str) -> None:
        """Send a bearer token with every later request.

        Args:
            token: value after `Bearer`.
        """
        self._signed_in = f"Authorization: Bearer {token}\r\n"

    def signed_in(self, user: str, answer: Answer) -> None:
        """Report the last request as a sign-in, so that active users can be counted.

        Later requests of the journey are recorded for this user, since failures of one user depend on each other.

        Args:
            user: name of the user; only a digest is recorded.
            answer: answer to the sign-in.
        """
        sent_ns, done_ns = self._last
        digest = digest_of({"user": user})
        self._account = 1 + digest % _ACCOUNTS
        self._terms.worker.sign_ins.put(self._outcome(answer), user=digest, sent_ns=sent_ns, done_ns=done_ns)

    def _outcome(self, answer: Answer) -> str:
        """The outcome of the last request by its answer; after a redirect the status belongs to another request."""
        return outcome_of(ok=answer.ok, status=0 if self._session.redirected else answer.status)

    def think(self, seconds: float) -> None:
        """Pause; the next request is due after the pause.

        Args:
            seconds: length of the pause, in seconds.
        """
        self._due_ns += round(seconds * NS_PER_S)
        self._terms.worker.think_until(self._due_ns)

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
        """Send one request, check the answer, and record both.

        Redirects are followed, unless a redirect has the expected status; the row has the last answer. If a redirect
        (301, 302, 303) changes another method to GET, the request counts as failed, unless `status` or `expect` is
        given.

        Args:
            method: HTTP method.
            path: path below the host.
            name: route in all reports.
            json: JSON body.
            headers: headers in addition to those of the journey; a `traceparent` replaces that of the harness.
            status: only correct status; None: any status below 400.
            expect: expected keys of the answer's JSON object, each with a value or a type.
        """
        recorder = self._terms.worker.recorder
        self._keyed = self._again = None
        recorder.begin(request := self._begun(method, name))
        if headers and names_a_trace(headers):
            self._terms.worker.traced_elsewhere(name)
        done_ns, answer = 0, None
        try:
            error = self._exchange(method, path, json, headers, follow=_follows(status))
            self._due_ns = done_ns = clock.now_ns()
            request.connection = self._session.connection
            self._last = (request.sent_ns, done_ns)
            response = self._session.response
            answer = judged(response, error, status, expect)
            if answer.ok and self._session.became_get and status is None and expect is None:
                answer = Answer(ok=False, status=answer.status, error=_REDIRECTED)
            recorder.end(
                request,
                done_ns,
                response=response,
                error=answer.error,
                served=self._served(response),
                served_us=response.served_us(self._terms.worker.options.timing) if response is not None else 0,
                described=self._described(method, path, response, error),
            )
            if answer.error is not None:
                self.failed = True
            return answer
        finally:
            if answer is None:  # the journey broke: a mistake in its file must not go unrecorded
                recorder.end(request, done_ns or clock.now_ns(), error="broken journey")
                self.failed = True

    def leave(self) -> None:
        """End the journey, and return its connection to the pool."""
        self._session.leave()

    def _served(self, response: Response | None) -> tuple[str | None, str | None, str | None]:
        """Region, pod and release that the answer names; an empty header names none."""
        if response is None:
            return None, None, None
        region, pod = map(response.headers.get, _SERVED)
        header = self._terms.worker.options.release_header
        return region, pod, (response.headers.get(header) or None) if header else None

    def _described(self, method: str, path: str, response: Response | None, error: str | None) -> int:
        """Whether the answer is as described; the answer to a redirected request is of another request."""
        if response is None or error is not None or self._session.redirected:
            return 0
        terms = self._terms
        return terms.worker.comparer.of(
            method, terms.host, path, response.status_code, lambda: (response.headers, response.content)
        )

    def _sent_again(self, keyed: _Keyed) -> _Again:
        sent_ns = clock.now_ns()
        error = self._exchange("POST", keyed.path, keyed.json, keyed.headers, follow=keyed.follow)
        self._due_ns = done_ns = clock.now_ns()
        answered = error is None and not self._session.became_get
        return _Again(sent_ns, done_ns, self._session.response if answered else None)

    def _begun(self, method: str, name: str) -> Request:
        self._step += 1
        now = clock.now_ns()
        return Request(
            journey=self._terms.name,
            step=self._step,
            name=name,
            method=method,
            intended_ns=now if self._terms.closed else self._due_ns,
            sent_ns=now,
            arrival=self._arrival,
            account=self._account,
        )

    def _exchange(
        self,
        method: str,
        path: str,
        json: Mapping[str, object] | None,
        headers: Mapping[str, str] | None,
        *,
        follow: bool,
    ) -> str | None:
        """Run an exchange with one timeout from connecting to the last byte; returns the kind of failure, or None."""
        lines = self._signed_in
        if headers:
            lines += "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        trace = ""
        if (ids := self._terms.worker.traces) is not None and not (headers and names_a_trace(headers)):
            trace = ids.header(self._arrival, self._step)
        body = b""
        if json is not None:
            lines, body = lines + _JSON, jsonlib.dumps(json).encode()
        deadlines = self._terms.deadlines
        deadlines.start()
        try:
            self._session.request(method, path, lines, body, follow=follow, trace=trace)
        except (*FAILURES, GaveUp) as error:
            return kind_of(error)
        finally:
            deadlines.stop()
        return None


def _follows(status: int | None) -> bool:
    """Whether redirects are followed: unless one of them is the status that is right."""
    return status is None or not 300 <= status < ERRORS
