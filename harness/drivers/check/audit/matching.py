"""Holds the entries of an audit log against what happened: each state change and each refusal has one entry. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

from harness.drivers.check.audit.entries import AuditEntry
from harness.drivers.facts import FactReading
from harness.units import NS_PER_S

CLOCKS_NS: Final = 5 * NS_PER_S
"""Allowed difference in ns between the clock of this machine and that of the log."""
_GONE: Final = "but entries that were read before are gone: it does not give all of them, or they were moved"
_SHOWN: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Happened:
    """A request that must have one entry.

    Attributes:
        subject: request, as the fact names it.
        id: id that the entry names; empty: none is known.
        who: what the entry must say; empty: any text. nameless: whether it may say nothing, since no user was signed in.
        what: what the entry must say; empty: any text.
        sent_ns, done_ns: wall-clock time of the request, in ns since 1970.
        decided: whether the answer says that it happened. If not, one entry or none are right.
    """

    subject: str
    id: str
    who: str
    nameless: bool
    what: str
    sent_ns: int
    done_ns: int
    decided: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What entries must say beside `who`, `what` and `when`.

    Attributes:
        whence: addresses, with `*`; empty: entries need not say whence.
        within_ns: time after the answer in which the entry's time must be, in ns.
        cut: whether entries that were there before are gone: then a missing entry may be gone too.
    """

    whence: Sequence[str] = ()
    within_ns: int = 0
    cut: bool = False

    @property
    def words(self) -> str:
        """The fields, for people."""
        return "who, what, when and whence" if self.whence else "who, what and when"


def by_request(happened: Sequence[Happened], entries: Sequence[AuditEntry], said: Said) -> list[FactReading]:
    """The fact of each request whose id is known, from the entries that name the id."""
    named: dict[str, list[AuditEntry]] = defaultdict(list)
    ids = {one.id for one in happened}
    for entry in entries:
        named[id_in(entry.request, ids)].append(entry)
    facts = [_fact(one, named.get(one.id, []), said) for one in happened]
    missing = Counter(one.what for one in happened if one.decided and one.id not in named)
    nameless = Counter(one.what for one in entries if not one.request)
    return [
        replace(fact, observed=f"no entry with its id, and {nameless[one.what]} of {one.what} without an id", ok=None)
        if fact.ok is False and one.id not in named and nameless[one.what] >= missing[one.what]
        else fact
        for one, fact in zip(happened, facts, strict=True)
    ]


def id_in(text: str, ids: set[str]) -> str:
    """The id that a text names: it is the id, or a `traceparent` with it; empty: it names none of them."""
    if text in ids:
        return text
    return next((part for part in text.replace("-", " ").split() if part in ids), "")


def _fact(one: Happened, mine: Sequence[AuditEntry], said: Said) -> FactReading:
    expected = f"one entry with {said.words}"
    if len(mine) != 1:
        word = f"{len(mine)} entries" if mine else "no entry"
        ok: bool | None = not one.decided and not mine  # without an answer one entry or none are right
        if said.cut and not mine and not ok:
            ok, word = None, f"{word}, {_GONE}"
        return FactReading(subject=one.subject, expected=expected, observed=word, ok=ok)
    wrong = list(_wrong(one, mine[0], said))
    return FactReading(subject=one.subject, expected=expected, observed="; ".join(wrong) or "one entry", ok=not wrong)


def _wrong(one: Happened, entry: AuditEntry, said: Said) -> Iterator[str]:
    if one.who and entry.who != one.who:
        yield f"who is {entry.who or 'missing'}, expected {one.who}"
    elif not entry.who and not one.nameless:
        yield "who is missing"
    if not entry.what or (one.what and entry.what != one.what):
        yield f"what is {entry.what or 'missing'}, expected {one.what or 'any text'}"
    if entry.at_ns is None:
        yield "when is missing or invalid"
    elif not one.sent_ns - CLOCKS_NS <= entry.at_ns <= one.done_ns + said.within_ns + CLOCKS_NS:
        off_s = (entry.at_ns - one.sent_ns) / NS_PER_S
        yield f"when is {abs(off_s):.0f} s {'after' if off_s > 0 else 'before'} the request"
    if said.whence and not _is_from(entry, said):
        yield f"whence is {entry.whence or 'missing'}, expected {' or '.join(said.whence)}"


def by_count(happened: Sequence[Happened], entries: Sequence[AuditEntry], said: Said) -> list[FactReading]:
    """One fact for each user and operation: as many entries as requests, in the time of these requests."""
    groups: dict[tuple[str, str], list[Happened]] = defaultdict(list)
    for one in happened:
        groups[one.who, one.what].append(one)
    return [_counted(who, what, own, entries, said) for (who, what), own in groups.items()]


def _counted(who: str, what: str, own: Sequence[Happened], entries: Sequence[AuditEntry], said: Said) -> FactReading:
    least = sum(one.decided for one in own)
    begin = min(one.sent_ns for one in own) - CLOCKS_NS
    end = max(one.done_ns for one in own) + said.within_ns + CLOCKS_NS
    mine = [
        one
        for one in entries
        if one.what == what and (not who or one.who == who) and one.at_ns is not None and begin <= one.at_ns <= end
    ]
    if not who and said.whence:  # entries of other clients have other addresses
        mine = [one for one in mine if _is_from(one, said)] if sum(_is_from(one, said) for one in mine) else mine
    wrong = Counter(
        word for entry in mine for word in _wrong(own[0], entry, said) if word.startswith(("whence", "who"))
    )
    most = len(own)
    observed = ", ".join([f"{len(mine)} entries", *(f"of {n} {word}" for word, n in wrong.items())])
    ok: bool | None = least <= len(mine) <= most and not wrong
    if not who and len(mine) > most and not wrong:
        ok, observed = None, f"{observed}, of which some may be of others, since no user was signed in"
    if said.cut and len(mine) < least and not wrong:
        ok, observed = None, f"{observed}, {_GONE}"
    expected = f"{most} entries" if least == most else f"{least} to {most} entries"
    subject = f"{most} requests for {what} {f'by {who}' if who else 'without a user'}"
    return FactReading(subject=subject, expected=f"{expected} with {said.words}", observed=observed, ok=ok)


def _is_from(entry: AuditEntry, said: Said) -> bool:
    return any(fnmatchcase(entry.whence, pattern) for pattern in said.whence)


def unknown_entries(
    happened: Iterable[Happened], planted: Sequence[Happened], entries: Sequence[AuditEntry], users: frozenset[str]
) -> Iterator[FactReading]:
    """Entries of the planted users, since the first request was planted, that no request explains: of what they are is not known."""
    known, since_ns = {one.id for one in happened}, min((one.sent_ns for one in planted), default=None)
    if since_ns is None:
        return
    own = (one for one in entries if one.who in users and (one.at_ns is None or one.at_ns >= since_ns))
    strange = [one for one in own if not id_in(one.request, known)]
    kinds = Counter(f"{one.what or 'nothing'} with {'another id' if one.request else 'no id'}" for one in strange)
    if kinds:
        shown = ", ".join(f"{n} of {kind}" for kind, n in kinds.most_common(_SHOWN))
        yield FactReading(
            subject=f"entries of {', '.join(sorted(users))} that no request of the run explains",
            expected="none",
            observed=f"{len(strange)}: {shown}",
            ok=None,
        )
