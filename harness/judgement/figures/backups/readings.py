"""The readings of a place of backups, put together from what changed between them.

A reading has the store's own time: the store's clock at a moment of the run is known between two values, from the answer with its time and from
the request before it. Times in names are by the clock of who made the backup, which is neither: there this machine's clock is held against the
store's, and an age is what it is by either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from harness.errors import HINT
from harness.judgement.figures.spec import Need
from harness.judgement.measures import Case
from harness.judgement.wording import formatted
from harness.model import Evidence, Receipt
from harness.model.observations import BackupsListed
from harness.units import NS_PER_S
from harness.words import some

FILE: Final = "history/backups.ndjson"
FILES: Final = ("history/backups.", "history/watch.")
WATCHER: Final = "backups"
NEED: Final = Need(
    key="backups",
    why="the place of the backups is read during the run",
    hint="add `backups: {NAME: {at: …, files: […]}}` to the target file",
)
AGAIN: Final = (
    "see history/backups.ndjson for the times of the readings, correct what kept them from the store, then run again"
)
AHEAD_NS: Final = 5 * NS_PER_S
"""A backup may be later than the store's time by this much, for times that are cut to seconds."""
_BACKUP: Final = "backup"
_UNKNOWN: Final = "unknown"
_VERIFICATION: Final = "verification"


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenBackup:
    """A finished backup: its name, when its state was saved and when it was stored (ns since 1970), and whether it was stored before it was saved."""

    name: str
    saved_ns: int
    early: bool = False
    stored_ns: int = 0


class SeenVerification(NamedTuple):
    """What shows that a backup was verified: the backup's name, and when it was stored (ns since 1970)."""

    of: str
    stored_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceReading:
    """One complete reading.

    Attributes:
        sent_ns, done_ns: begin and end on the run's clock.
        behind_ns: the least by which the store's clock (ns since 1970) is ahead of the run's; with times in names, or this machine's clock.
        ahead_ns: the most.
        there: every finished backup, by name; the same object as of the reading before, if nothing changed.
        newest: the one that was saved last; None: there is none.
        gone: those of the reading before that are gone or have other content, by name, with the reason.
        unknown: names that the target file does not explain.
        removed_within_s: time after which an expired backup is gone.
        verified: what shows that backups were verified.
        step_ns: the store's times are cut to steps of this length.
    """

    sent_ns: int
    done_ns: int
    behind_ns: int
    ahead_ns: int
    there: Mapping[str, SeenBackup]
    newest: SeenBackup | None
    gone: Mapping[str, str]
    unknown: Sequence[str]
    removed_within_s: float
    verified: Sequence[SeenVerification] = ()
    step_ns: int = 0

    def least_age_ns(self, one: SeenBackup) -> int:
        """Age of a backup at the begin of the reading, at least."""
        return self.sent_ns + self.behind_ns - one.saved_ns

    def most_age_ns(self, one: SeenBackup) -> int:
        """Age of a backup at the end of the reading, at most."""
        return self.done_ns + self.ahead_ns - one.saved_ns

    def stayed(self, then: PlaceReading) -> SeenBackup | None:
        """The newest backup that is also in the next reading, with the same content; None: there is none."""
        if self.newest is None or self.newest.name not in then.gone:
            return self.newest
        return newest_of(one for name, one in self.there.items() if name not in then.gone)


def newest_of(backups: Iterable[SeenBackup]) -> SeenBackup | None:
    """The backup that was saved last; None: there is none."""
    return max(backups, key=lambda one: (one.saved_ns, one.name), default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceRecord:
    """All readings of a place, in order.

    Attributes:
        readings: complete readings.
        failed: why other readings failed; empty: none did.
        broken: why the records are not those of one watch; empty: they are.
        uneven: that the store's clock did not run as this machine's; empty: it did.
        apart: that the two differ, where names have times; empty: they do not.
    """

    readings: Sequence[PlaceReading]
    failed: str = ""
    broken: str = ""
    uneven: str = ""
    apart: str = ""

    @property
    def early(self) -> str:
        """Why ages are not known: backups whose time is later than the store's own, or a store's clock that did not run evenly; empty: they are."""
        if self.uneven:
            return self.uneven
        found: dict[str, None] = {}
        before: Mapping[str, SeenBackup] = {}
        for reading in self.readings:
            if reading.there is not before:
                new = (one for name, one in reading.there.items() if before.get(name) != one)
                found |= {one.name: None for one in new if one.early or reading.most_age_ns(one) < -AHEAD_NS}
                before = reading.there
        why = "the time is later than the store's clock, so the clocks differ"
        return f"{some([*found])}: {why}" if found else ""

    @property
    def unknown(self) -> str:
        """The names that the target file does not explain; empty: there is none."""
        found = [*dict.fromkeys(name for reading in self.readings for name in reading.unknown)]
        why = "the target file does not say what it is, or the name has no time, or one with a zone that `time` lacks"
        return f"{some(found)}: {why}" if found else ""

    @property
    def unread(self) -> str:
        """That readings failed, and why, or that clocks differ; empty: neither."""
        why, _, cure = self.failed.partition(HINT)
        return f"; a reading failed: {why}{f' ({cure})' if cure else ''}" if why else self.apart


def place_record(evidence: Evidence, name: str) -> PlaceRecord:
    """The readings of the backups with this name in the target file."""
    return evidence.once((place_record, name), lambda: _record(evidence, name))


def watch_of(case: Case, record: PlaceRecord) -> Receipt:
    """Whether the place was read during the whole load of the scenario's traffic, by a watcher that ended normally."""
    if record.broken:
        return Receipt(
            ok=False, why=record.broken, hint="do not change the files of a run, and run again", files=(FILE,)
        )
    source = case.evidence.watchers.get(WATCHER)
    if source is None or source.why or not source.closed:
        why = (source.why or "its file is incomplete: the writer did not close it") if source else "it wrote no record"
        return Receipt(ok=False, why=f"the watcher {WATCHER!r}: {why}", hint=AGAIN, files=(FILE,))
    traffic = case.objective.scope.traffic
    spans = [window.span for window in case.evidence.windows.values() if traffic in (None, window.traffic)]
    if not spans:
        return Receipt(ok=False, why="no load was recorded", hint=AGAIN, files=(FILE,))
    first, last = record.readings[0], record.readings[-1]
    late_s = (first.done_ns - min(span[0] for span in spans)) / NS_PER_S
    short_s = (max(span[1] for span in spans) - last.sent_ns) / NS_PER_S
    if late_s > 0:
        why = f"the list was first read {late_s:.3g} s after the load began{record.unread}"
        return Receipt(ok=False, why=why, hint=AGAIN, files=(FILE,))
    if short_s > 0:
        why = f"the list was last read {short_s:.3g} s before the load ended{record.unread}"
        return Receipt(ok=False, why=why, hint=AGAIN, files=(FILE,))
    return Receipt(ok=True, why=f"{len(record.readings)} readings{record.unread}", files=(FILE,))


def _record(evidence: Evidence, name: str) -> PlaceRecord:
    said = sorted((one for one in evidence.every(BackupsListed) if one.subject == name), key=lambda one: one.when_ns)
    failed = next((one.why for one in said if one.why), "")
    readings: list[PlaceReading] = []
    there: dict[str, SeenBackup] = {}
    others: dict[str, str | SeenVerification] = {}
    newest: SeenBackup | None = None
    offsets = list[tuple[int, int]]()
    for number, one in enumerate(one for one in said if not one.why):
        gone = {str(each.get("name")): str(each.get("why", "")) for each in one.gone}
        if number != one.reading or not all(key in there or key in others for key in gone):
            return PlaceRecord(readings=readings, failed=failed, broken="readings are missing, or are there twice")
        lost = {key: why for key, why in gone.items() if key in there}
        if gone or one.appeared:
            there, others = _changed(there, others, gone, one.appeared)
            newest = newest_of(there.values())
        if len(there) != one.backups:
            why = f"a reading counted {one.backups} backups, and its records have {len(there)}"
            return PlaceRecord(readings=readings, failed=failed, broken=why)
        offsets.append((one.store_ns - one.answered_ns, one.store_ns + one.step_ns - one.sent_ns))
        machine_ns = [one.machine_ns - one.answered_ns] if one.machine_ns else []
        readings.append(
            PlaceReading(
                sent_ns=one.sent_ns,
                done_ns=one.when_ns,
                behind_ns=min(offsets[-1][0], *machine_ns, offsets[-1][0]),
                ahead_ns=max(offsets[-1][1], *machine_ns, offsets[-1][1]),
                there=there,
                newest=newest,
                gone=lost,
                unknown=[key for key, what in others.items() if what == _UNKNOWN],
                removed_within_s=one.removed_within_s,
                verified=[what for what in others.values() if isinstance(what, SeenVerification)],
                step_ns=one.step_ns,
            )
        )
    uneven_ns = max((low for low, _ in offsets), default=0) - min((high for _, high in offsets), default=0)
    uneven = f"the store's clock went {formatted(uneven_ns / NS_PER_S, 's')} faster or slower than this machine's during the run"
    widest_ns = max(
        (one.ahead_ns - one.behind_ns - (high - low) for one, (low, high) in zip(readings, offsets, strict=True)),
        default=0,
    )
    apart = f"; this machine's clock and the store's differ by {formatted(widest_ns / NS_PER_S, 's')}, and times in names may be by either"
    return PlaceRecord(
        readings=readings,
        failed=failed,
        uneven=uneven if uneven_ns > AHEAD_NS else "",
        apart=apart if widest_ns > AHEAD_NS else "",
    )


def _changed(
    there: Mapping[str, SeenBackup],
    others: Mapping[str, str | SeenVerification],
    gone: Mapping[str, str],
    appeared: Sequence[Mapping[str, Any]],
) -> tuple[dict[str, SeenBackup], dict[str, str | SeenVerification]]:
    """The backups and the other objects after what changed."""
    now = {key: value for key, value in there.items() if key not in gone}
    rest = {key: value for key, value in others.items() if key not in gone}
    for each in appeared:
        key, what, saved_ns = str(each.get("name")), str(each.get("what")), each.get("saved_ns")
        stored_ns = each.get("modified_ns")
        stored_ns = stored_ns if type(stored_ns) is int else 0
        if what == _BACKUP and type(saved_ns) is int:
            now[key] = SeenBackup(name=key, saved_ns=saved_ns, early=each.get("early") is True, stored_ns=stored_ns)
        elif what == _VERIFICATION:
            rest[key] = SeenVerification(of=str(each.get("of")), stored_ns=stored_ns)
        else:
            rest[key] = what
    return now, rest
