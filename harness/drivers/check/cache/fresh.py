"""`cache-fresh`: checks that no read of a cached route is older than the time to live after a write."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from harness import clock
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import within
from harness.drivers.check.planted.calls import SAFE, CallMaker
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.caches import CACHE, cache_of
from harness.targets.files.cache import CachedRoute
from harness.targets.files.planted import DeclaredCall
from harness.units import NS_PER_S

_VALUE: Final = "{value}"
_OK: Final = "status 200"
_EVERY_S: Final = 0.05
_LONGEST_S: Final = 30
"""Time after the time to live within which the reads are done, in s."""
_READS: Final = 20
"""Reads at each entry after the time to live, so that copies of a service with caches of their own are read too."""


@claim(
    "no read is older than its declared time to live after the write",
    needs=(
        CACHE,
        within("cache.routes", "the routes whose answers are cached are declared"),
        RequiredKey("may_write", "what the routes read is written"),
    ),
    seconds=32.0,
    touches=("entry",),
    again=False,
)
def cache_fresh(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """What each route in `cache.routes` reads is written twice; after the second write every entry is read until the time to live is over, and twenty times after it.

    The first write is read at every entry before the second, so that it is in the caches.
    """
    if not (routes := cache_of(target).routes):
        hint = "write `cache: {routes: {NAME: {write: {call: PUT /PATH}, read: {call: GET /PATH}, ttl: 5 s}}}`"
        raise ConfigurationError("names no cached route", where=f"{target.file}: cache.routes", hint=hint)
    for name, route in routes.items():
        _refuse(target, f"{target.file}: cache.routes.{name}", route)

    def probe() -> Sequence[FactReading]:
        return [fact for name, route in routes.items() for fact in _RouteTrial(target, name, route).facts()]

    return probe


def _refuse(target: Target, where: str, route: CachedRoute) -> None:
    """Refuse a route that cannot be tried, or that may not be written."""
    if _VALUE not in json.dumps(dict(route.write.body)) + route.write.path:
        raise ConfigurationError(
            f"the write has no `{_VALUE}` in its body", where=where, hint=f'write `body: {{title: "{_VALUE}"}}`'
        )
    if route.read.method not in SAFE:
        raise ConfigurationError(
            f"`{route.read.call}` changes something, a read was expected",
            where=where,
            hint="write `read: {call: GET /PATH}`",
        )
    allowed = any(fnmatchcase(route.write.call, one.operations) for one in target.may_write if one.operations)
    if not (target.breakable or allowed):
        hint = f"write `may_write: [{{operations: '{route.write.call}'}}]` if the check may change what the route reads"
        raise ConfigurationError(f"`{route.write.call}` is not allowed", where=where, hint=hint)


@dataclass(kw_only=True, slots=True)
class _EntrySeen:
    """What the reads at one entry showed after the second write.

    Attributes:
        stale_ns: latest sending of a read, after the acknowledgement, that got the first word; None: none got it.
        after: reads that were sent after the time to live.
        stale: those of them that got the first word. unclear: those that got neither.
        words: the last unclear answer.
    """

    stale_ns: int | None = None
    after: int = 0
    stale: int = 0
    unclear: int = 0
    words: str = ""


@dataclass(slots=True)
class _RouteTrial:
    """Two writes to what a route reads, and the reads."""

    target: Target
    name: str
    route: CachedRoute
    seen: dict[str, _EntrySeen] = field(default_factory=dict)

    def facts(self) -> list[FactReading]:
        """A fact for each entry; what hinders it is one fact that is not known."""
        try:
            return self._tried()
        except DriverError as error:
            return [self._fact("", error.what, ok=None)]

    def _tried(self) -> list[FactReading]:
        entries = self.target.doors or {"": self.target.entry}
        writer = CallMaker(target=self.target)
        token = writer.token() if "user" in {self.route.read.by, self.route.write.by} else ""
        readers = {one: CallMaker(target=self.target, entry=at, access=token) for one, at in entries.items()}
        first, second = f"r{secrets.token_hex(8)}", f"r{secrets.token_hex(8)}"
        written_ns = self._write(writer, first)
        if unread := self._until_read(readers, first, written_ns):
            alone = len(unread) == len(readers)
            return [
                self._fact(one, why, ok=None if alone or not why.startswith(_OK) else False)
                for one, why in unread.items()
            ]
        written_ns = self._write(writer, second)
        self.seen = {one: _EntrySeen() for one in entries}
        over_ns = written_ns + int(self.route.ttl_s * NS_PER_S)
        until_ns = over_ns + _LONGEST_S * NS_PER_S
        while any(one.after < _READS for one in self.seen.values()) and clock.now_ns() < until_ns:
            for one, reader in readers.items():
                self._note(one, reader, (first, second), (written_ns, over_ns))
            clock.sleep(_EVERY_S)
        return [self._of_entry(one, written_ns) for one in entries]

    def _write(self, writer: CallMaker, value: str) -> int:
        """Write a word, and say when that was acknowledged."""
        body = json.loads(json.dumps(dict(self.route.write.body)).replace(_VALUE, value))
        call = self.route.write.call.replace(_VALUE, value)
        (sent,) = writer.send([self.route.write.model_copy(update={"body": body, "call": call})])
        if sent.answer.status not in range(200, 300):
            raise DriverError(f"`{self.route.write.call}` got {sent.got}", where=self.target.entry)
        return clock.now_ns()

    def _until_read(self, readers: Mapping[str, CallMaker], value: str, written_ns: int) -> dict[str, str]:
        """Read until every entry has the word, a second longer than twice the time to live at most; what the rest answered.

        An entry that answers without the word, while another has it, answers with an older value: it is beyond the time to live.
        """
        left = dict.fromkeys(readers, "no answer")
        limit_ns = written_ns + int(2 * self.route.ttl_s * NS_PER_S) + NS_PER_S
        while left and clock.now_ns() < limit_ns:
            for one in [*left]:
                text, words = _read(readers[one], self.route.read)
                if value in text:
                    del left[one]
                else:
                    left[one] = f"{words} without the first write, {2 * self.route.ttl_s + 1:g} s after it"
            clock.sleep(_EVERY_S)
        return left

    def _note(self, one: str, reader: CallMaker, words: tuple[str, str], times: tuple[int, int]) -> None:
        seen, sent_ns = self.seen[one], clock.now_ns()
        text, said = _read(reader, self.route.read)
        late, old, new = sent_ns > times[1], words[0] in text, words[1] in text
        seen.after += late
        if old and not new:
            seen.stale_ns = sent_ns
            seen.stale += late
        elif not new:
            seen.unclear += late
            seen.words = said if late else seen.words

    def _of_entry(self, one: str, written_ns: int) -> FactReading:
        seen = self.seen[one]
        old_s = ((seen.stale_ns or written_ns) - written_ns) / NS_PER_S
        said = f"the older value was read up to {old_s:.2f} s after the write" if seen.stale_ns else "never stale"
        if seen.stale:
            return self._fact(one, f"{said}, in {seen.stale} of {seen.after} reads after the time to live", ok=False)
        if not seen.after:
            return self._fact(one, "no read was answered after the time to live", ok=None)
        if seen.unclear:
            return self._fact(one, f"{seen.unclear} of {seen.after} reads have neither value: {seen.words}", ok=None)
        return self._fact(one, said, ok=True)

    def _fact(self, entry: str, observed: str, *, ok: bool | None) -> FactReading:
        expected = f"the newest value from {self.route.ttl_s:g} s after the write"
        subject = f"{self.name} in {entry}" if entry else self.name
        return FactReading(subject=subject, expected=expected, observed=observed, ok=ok)


def _read(reader: CallMaker, call: DeclaredCall) -> tuple[str, str]:
    """Text of an answer, and the answer in words."""
    (sent,) = reader.send([call])
    text: Any = sent.answer.body.decode("utf-8", "replace")
    return (text if sent.answer.status == 200 else ""), sent.got
