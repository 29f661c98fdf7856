"""Watcher of the pipeline: numbered events that must become visible once and unchanged."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from harness import clock
from harness.drivers.watch.settings import FOLLOW_S, Rates
from harness.drivers.watch.watching import Pace, Watcher, Watching
from harness.evidence.rows import RowWriter
from harness.model.records.items import PIPELINE
from harness.targets.files.target import Target
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.drivers.watch.entry.wires import ProbeResponse, Wires
    from harness.drivers.watch.recorder import WatchRecorder
    from harness.drivers.watch.schedule import ProbeSchedule

OUTSIDE_PER_S: Final = 2.0
"""Events per second outside of fault-free windows, at most: each is a handful of requests to the target."""
ACCEPT_S: Final = 2.0
"""Timeout in s of sending an event."""

POLL_TIMEOUT_S: Final = 1.0
OVERDUE_S: Final = 60.0
"""Seconds for which an event is polled; later it is requested once more at the end of the run."""

_FIRST_PAUSE_S: Final = 0.05
_GROWTH: Final = 1.25
"""Growth of the pauses between polls: the duration of an event is then known to about a fifth."""
_LONGEST_PAUSE_S: Final = 5.0
_BEFORE: Final = 0.02
"""Share of a limit before which a request is sent; another follows right after the limit."""
_AGAIN_S: Final = 5.0
"""Delay in s from the first visible copy to the check for a second copy."""

_REPEAT_EACH: Final = 10
"""About one in this number of accepted events is sent again with its key; it must not become visible twice."""

_AT_ONCE: Final = 20
"""Maximum number of concurrent requests; at the end of the run all open events are due."""

_END_PAUSE_S: Final = 0.2

_ACCEPTED: Final = frozenset({200, 201, 202})
_MAYBE_ACCEPTED: Final = frozenset({408, 409})


def checksum(event: str) -> str:
    """The checksum in an event, 16 hexadecimal digits."""
    return hashlib.sha256(f"event:{event}".encode()).hexdigest()[:16]


def outcome(answer: ProbeResponse) -> str:
    """The outcome of an event: `accepted` (200, 201, 202), `refused` (certainly not accepted) or `unknown`."""
    if answer.error is not None:
        return "unknown" if answer.on_the_way else "refused"
    if answer.status in _ACCEPTED:
        return "accepted"
    return "refused" if 400 <= answer.status < 500 and answer.status not in _MAYBE_ACCEPTED else "unknown"


@dataclass(slots=True)
class _EventState:
    """The observed state of one event; `error` is why the last request gave none."""

    at_ns: int = 0
    unseen_ns: int = 0
    copies: int = 0
    intact: bool = True
    error: str | None = None

    @property
    def state(self) -> str:
        """The state in the row; `unknown` if the event was never found and the last request got no answer."""
        if not self.copies:
            return "unknown" if self.error else "absent"
        if not self.intact:
            return "wrong"
        return "twice" if self.copies > 1 else "found"


def marks_of(limits_s: Iterable[float]) -> tuple[float, ...]:
    """Times in s at which each event is requested: shortly before and at each limit.

    They count from the acceptance, in ascending order. Pure.
    """
    return tuple(sorted(mark for limit in limits_s for mark in ((1 - _BEFORE) * limit, limit)))


def next_request_s(age_s: float, pause_s: float, marks_s: Iterable[float]) -> float:
    """Time in s until the next request: the pause, or less if a mark comes sooner. Pure."""
    return min((mark - age_s for mark in marks_s if age_s < mark < age_s + pause_s), default=pause_s)


class PipelineClient:
    """Sends events and polls each event until it is visible; writes one row of PIPELINE per event."""

    def __init__(
        self,
        *,
        run: int,
        accept: str,
        visible: str,
        wires: Wires,
        rows: RowWriter,
        limits_s: Iterable[float] = (),
        follow_s: float = FOLLOW_S,
    ) -> None:
        """Prepare the client.

        `run` is a unique number of the run, `visible` the path of an event with `{id}` in it. `limits_s` and `follow_s`
        are described in `WatchSettings`.
        """
        self._run = run
        self._accept = accept
        self._visible = visible
        self._wires = wires
        self._rows = rows
        self._marks_s = marks_of(limits_s)
        self._follow_s = follow_s
        self._count = 0
        self._ending = asyncio.Event()
        self._grace = clock.Deadline(0)
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def send(self, _due_ns: int) -> None:
        """Send the next event, follow it until it is visible, and record it."""
        sequence = self._count
        self._count += 1
        event = f"{self._run}-{sequence}"
        answer = await self._post(event)
        came, again = outcome(answer), 0
        seen = _EventState(error="not queried")
        try:
            if came == "accepted" and sequence % _REPEAT_EACH == 1:
                again = (await self._post(event)).status
            if came != "refused":
                await self._follow(event, seen, answer.done_ns)
        except asyncio.CancelledError:
            seen.error = "given up"
            raise
        finally:  # an event without a row would count as never sent
            error = answer.error or f"status {answer.status}" if came != "accepted" else seen.error
            self._rows.put(
                (
                    sequence,
                    answer.sent_ns,
                    answer.done_ns,
                    seen.at_ns,
                    seen.copies,
                    answer.status,
                    seen.unseen_ns,
                    again,
                ),
                (came, seen.state, error),
            )

    async def _post(self, event: str) -> ProbeResponse:
        return await self._wires.ask(
            "POST",
            self._accept,
            within_s=ACCEPT_S,
            headers={"content-type": "application/json", "idempotency-key": f"event-{event}"},
            content=json.dumps({"id": event, "checksum": checksum(event)}).encode(),
        )

    def end(self, *, at_once: bool = False) -> None:
        """Request open events once more at the end of the run.

        Events that are not overdue are followed, unless `at_once` is set.
        """
        self._grace = clock.Deadline.after(FOLLOW_S if at_once else self._follow_s)
        self._ending.set()

    async def _follow(self, event: str, seen: _EventState, accepted_ns: int) -> None:
        """Poll with growing pauses, and on both sides of each limit, until it is visible; then once more for a second copy.

        At the end of the run the pauses begin anew.
        """
        overdue = clock.Deadline.after(max(OVERDUE_S, self._follow_s))
        pause_s, ending = _FIRST_PAUSE_S, False
        while True:
            age_s = (clock.now_ns() - accepted_ns) / NS_PER_S
            await self._pause(None if overdue.over else next_request_s(age_s, pause_s, self._marks_s))
            await self._request(event, seen)
            if seen.copies or (self._ending.is_set() and (overdue.over or self._grace.over)):
                break
            begins, ending = self._ending.is_set() and not ending, self._ending.is_set()
            pause_s = _END_PAUSE_S if begins else min(_GROWTH * pause_s, _LONGEST_PAUSE_S)
        again = clock.Deadline.after(_AGAIN_S)
        await self._pause(again.left_s)
        if not again.over and self._ending.is_set():
            await self._pause(again.left_s)
        await self._request(event, seen)

    async def _pause(self, seconds: float | None) -> None:
        """Pause for `seconds` (None: no limit) or until the run ends; while it ends, not beyond its grace."""
        if self._ending.is_set():
            await clock.asleep(min(seconds or 0.0, max(self._grace.left_s, 0.0)))
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)

    async def _request(self, event: str, seen: _EventState) -> None:
        async with self._at_once:
            answer = await self._wires.ask("GET", self._visible.replace("{id}", event), within_s=POLL_TIMEOUT_S)
        shown = _shown(answer)
        seen.error = shown if isinstance(shown, str) else None
        if shown is None and not seen.at_ns:
            seen.unseen_ns = answer.sent_ns
        if isinstance(shown, tuple):
            copies, held = shown
            seen.at_ns = seen.at_ns or answer.done_ns
            seen.copies = max(seen.copies, copies)
            seen.intact = seen.intact and held == checksum(event)


def _shown(answer: ProbeResponse) -> tuple[int, object] | str | None:
    """Copies and checksum; None if not visible (404, or no copies); else what is wrong."""
    if answer.error is not None:
        return answer.error
    if answer.status == 404:
        return None
    if answer.status != 200:
        return f"status {answer.status}"
    try:
        body = json.loads(answer.body)
        copies = int(body["copies"])
        return (copies, body["checksum"]) if copies > 0 else None
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return "wrong body"


class PipelineWatcher(Watcher):
    """Sends numbered events, which must become visible once and complete."""

    name: ClassVar[str] = "pipeline"
    file: ClassVar[str] = "watch/pipeline.rows"

    _client: PipelineClient | None = None
    _events: ProbeSchedule
    _recorder: WatchRecorder
    _rates: Rates

    def needs(self, target: Target) -> bool:
        """Whether the target has the key `pipeline`."""
        return target.pipeline is not None

    def per_s(self, rates: Rates) -> float:
        """Planned events per second."""
        return rates.pipeline

    def begin(self, here: Watching) -> None:
        """Start one schedule that sends events; each event is then polled by a separate task."""
        pipeline = here.target.pipeline
        if pipeline is None:
            return
        self._client = PipelineClient(
            run=here.settings.clients[0],
            accept=pipeline.accept,
            visible=pipeline.visible,
            wires=here.wires_to(here.target.entry),
            rows=here.recorder.rows(self.name, PIPELINE),
            limits_s=here.settings.limits_s,
            follow_s=here.settings.follow_s,
        )
        self._recorder, self._rates = here.recorder, here.settings.rates
        self._events = here.schedule(self.name, self._rates.pipeline, self._client.send, phase=0.1)

    def pace(self, pace: Pace) -> None:
        """Send as many events as figures need in a fault-free window only."""
        per_s = self._rates.pipeline if pace.window_open else min(self._rates.pipeline, OUTSIDE_PER_S)
        self.respace(self._recorder, per_s, [self._events])

    def ending(self, *, at_once: bool) -> None:
        """Request the open events once more."""
        if self._client:
            self._client.end(at_once=at_once)
