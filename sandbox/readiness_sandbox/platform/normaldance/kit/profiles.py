"""The CPU profile of a service's own process, by the protocol of pprof: `GET /debug/pprof/profile?seconds=N`.

During a request, and only then, a timer of the process's CPU time interrupts it and the stack of its main thread is taken. The answer
is a gzip'ed `Profile` of pprof's profile.proto.
"""

from __future__ import annotations

import asyncio
import gzip
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

PATH: Final = "/debug/pprof/profile"
EVERY_S: Final = 0.001
"""Of CPU time between two samples; the kernel takes them at its own ticks, if those are further apart."""
MOST_S: Final = 60.0
_USUAL_S: Final = 30.0
_DEEPEST: Final = 64

Place = tuple[str, str, int]
"""A function, its file, and the line in it."""


async def profile(request: web.Request) -> web.Response:
    """Sample for `seconds`; one caller at a time, and none from outside."""
    if "x-forwarded-for" in request.headers:
        raise web.HTTPNotFound
    try:
        seconds = float(request.query.get("seconds", _USUAL_S))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MOST_S:
        return web.Response(status=400, text=f"`seconds` must be above 0 and at most {MOST_S:g}\n")
    if signal.getitimer(signal.ITIMER_PROF) != (0.0, 0.0):
        return web.Response(status=500, text="Could not enable CPU profiling: cpu profiling already in use\n")
    sampler = Sampler()
    sampler.begin()
    try:
        await asyncio.sleep(seconds)
    finally:
        sampler.end()
    return web.Response(
        body=gzip.compress(sampler.encoded(), 1, mtime=0),
        content_type="application/octet-stream",
        headers={"content-disposition": 'attachment; filename="profile"'},
    )


class Sampler:
    """Takes the main thread's stack as CPU time passes."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[Place, ...]] = Counter()
        self.cpu_ns: Counter[tuple[Place, ...]] = Counter()
        self._taking = False
        self._began_ns = self._took_ns = self._wall_ns = self._cpu_ns = 0

    def begin(self) -> None:
        """Start the timer; raises ValueError outside of the main thread."""
        signal.signal(signal.SIGPROF, self._sample)
        signal.siginterrupt(signal.SIGPROF, False)  # noqa: FBT003 - positional only
        self._wall_ns, self._began_ns, self._cpu_ns = time.time_ns(), time.monotonic_ns(), time.process_time_ns()
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)

    def end(self) -> None:
        """Stop it."""
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)
        self._took_ns = time.monotonic_ns() - self._began_ns

    def _sample(self, _: int, frame: FrameType | None) -> None:
        """A sample stands for the CPU time since the one before; one that comes while another is taken is dropped."""
        if self._taking:
            return
        self._taking = True
        stack: list[Place] = []
        while frame is not None and len(stack) < _DEEPEST:
            code = frame.f_code
            stack.append(
                (code.co_qualname, code.co_filename, frame.f_lineno or 0)
            )  # typeshed does not say that it may be None
            frame = frame.f_back
        used_ns = time.process_time_ns()
        if stack:
            self.counts[tuple(stack)] += 1
            self.cpu_ns[tuple(stack)] += used_ns - self._cpu_ns
        self._cpu_ns = used_ns
        self._taking = False

    def encoded(self) -> bytes:
        """The samples as a `Profile`: of each stack how often it was met and its CPU time."""
        texts, functions, places = _Numbers([""]), _Numbers(), _Numbers()
        samples = b"".join(
            _field(2, _packed(1, (places[place] + 1 for place in stack)) + _packed(2, (count, self.cpu_ns[stack])))
            for stack, count in self.counts.items()
        )
        located = b"".join(
            _field(
                4,
                _number(1, at) + _field(4, _number(1, functions[(place[0], place[1])] + 1) + _number(2, place[2])),
            )
            for at, place in enumerate(list(places), 1)
        )
        named = b"".join(
            _field(5, _number(1, at) + _number(2, texts[name]) + _number(3, texts[name]) + _number(4, texts[file]))
            for at, (name, file) in enumerate(list(functions), 1)
        )
        counted = _number(1, texts["samples"]) + _number(2, texts["count"])
        cpu = _number(1, texts["cpu"]) + _number(2, texts["nanoseconds"])
        times = _number(9, self._wall_ns) + _number(10, self._took_ns)
        period = _field(11, cpu) + _number(12, round(EVERY_S * 1e9))
        table = b"".join(_field(6, text.encode()) for text in texts)
        return _field(1, counted) + _field(1, cpu) + samples + located + named + table + times + period


class _Numbers(dict):  # type: ignore[type-arg]
    """Things by their place in the order in which they were first met."""

    def __init__(self, first: Iterable[object] = ()) -> None:
        super().__init__((thing, at) for at, thing in enumerate(first))

    def __missing__(self, thing: object) -> int:
        self[thing] = len(self)
        return int(self[thing])


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _packed(field: int, values: Iterable[int]) -> bytes:
    return _field(field, b"".join(map(_varint, values)))
