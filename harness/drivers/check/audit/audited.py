"""`audit-of-traffic`, `audit-of-everything` and `audit-of-planted`: checks that each state change and each refusal has exactly one audit entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from harness import clock
from harness.drivers.check.audit.entries import EntriesRead, audit_of, read_entries
from harness.drivers.check.audit.matching import (
    CLOCKS_NS,
    Happened,
    Said,
    by_count,
    by_request,
    id_in,
    unknown_entries,
)
from harness.drivers.check.audit.of_traffic import TrafficRequests, traffic_requests
from harness.drivers.check.claim import RUN, When, claim
from harness.drivers.check.needs import within
from harness.drivers.check.planted.calls import TRACE, CallMaker, PlantedCall, require_allowed
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.files.audit import AuditedCall, AuditSettings
from harness.units import NS_PER_S

AUDIT: Final = RequiredKey("audit", "the entries of the audit log are read")
_CHANGES: Final = within("audit.changes", "calls that change something are planted")
_REFUSALS: Final = within("audit.refusals", "calls that are refused are planted")
_CLIENT: Final = within("audit.client", "entries name the address of this machine")
_MAY_WRITE: Final = RequiredKey("may_write", "planted calls may write")
_SIGN_IN: Final = RequiredKey("sign_in", "a user signs in for planted calls")
_TRAFFIC: Final = within("audit.traffic", "the entries of the traffic's routes are compared")
_FORM: Final = SentenceForm(
    "audited",
    "there is exactly one audit entry <of:noun>",
    "Entries are matched by the id of the request where the platform records it, else by user, operation and time, as numbers.",
)
_SETTLES_S: Final = 1.0
"""Time after the last missing entry has come in which a second one may come."""
_POLL_S: Final = 0.5
_CHANGED: Final = 4
"""One planted call in this many changes something, the others are refused."""


@dataclass(kw_only=True, slots=True)
class AuditTrial:
    """What must have an entry, and what is not known.

    Attributes:
        target: target. audit: its section.
        said: what entries must say.
        since_ns: time of the first request, in ns since 1970.
        planted, of_traffic: requests that must have an entry.
        unclear: facts on what was not tried.
        oldest_ns: time of the oldest entry before calls were planted, in ns since 1970; None: it is not known.
    """

    target: Target
    audit: AuditSettings
    said: Said
    since_ns: int
    planted: list[Happened] = field(default_factory=list)
    of_traffic: list[Happened] = field(default_factory=list)
    unclear: list[FactReading] = field(default_factory=list)
    oldest_ns: int | None = None

    @classmethod
    def of(cls, target: Target, *, whence: bool) -> AuditTrial:
        """A trial that begins now. Raises ConfigurationError if entries must say whence, and nothing says which addresses are right."""
        audit = audit_of(target)
        if whence and not (audit.fields.whence and audit.client):
            raise ConfigurationError(
                "names no field or no address for `whence`",
                where=f"{target.file}: audit",
                hint="write `fields: {whence: FIELD}` and `client: [ADDRESS]`, with the address that the platform sees",
            )
        said = Said(whence=audit.client if whence else (), within_ns=round(audit.within_s * NS_PER_S))
        return cls(target=target, audit=audit, said=said, since_ns=clock.wall_ns(clock.wall()) - CLOCKS_NS)

    def plant(self, maker: CallMaker, count: int) -> None:
        """Send planted calls: a quarter changes something, the others are refused."""
        audit = self.audit
        require_allowed(self.target, [*audit.changes, *audit.refusals], maker.user)
        if not audit.sql:  # of which the query gives all that are new
            with suppress(DriverError):  # a file is there with the first entry
                self.oldest_ns = self._read(maker).oldest_ns
        changes = _spread(audit.changes, max(count // _CHANGED, len(audit.changes)))
        refusals = _spread(audit.refusals, max(count - count // _CHANGED, len(audit.refusals)))
        for one in maker.send(changes):
            self._keep(one, right=200 <= one.answer.status < 300, expected="status 2xx")
        allowed = " or ".join(map(str, audit.refused))
        for one in maker.send(refusals):
            self._keep(one, right=one.answer.status in audit.refused, expected=f"status {allowed}")

    def _keep(self, one: PlantedCall, *, right: bool, expected: str) -> None:
        declared = one.declared
        if not right:
            self.unclear.append(FactReading(subject=str(one), expected=expected, observed=one.got, ok=None))
            return
        assert isinstance(declared, AuditedCall)  # noqa: S101 - of `audit`
        self.planted.append(
            Happened(
                subject=str(one),
                id=one.id if self.audit.fields.request and not declared.counted else "",
                who=self.audit.people.get(one.who, one.who),
                nameless=declared.by in {"none", "forged"},
                what=declared.what,
                sent_ns=one.sent_ns,
                done_ns=one.done_ns,
            )
        )

    def take(self, traffic: TrafficRequests, *, refusals: bool) -> None:
        """Add the requests of the traffic."""
        mine = [*traffic.changes, *(traffic.refusals if refusals else ())]
        by_id = self.audit.fields.request and self.audit.header.lower() == TRACE
        known = [one for one in mine if one.id and by_id]
        self.of_traffic += known
        if mine:
            self.since_ns = min(self.since_ns, min(one.sent_ns for one in mine) - CLOCKS_NS)
        hint = "declare the field with the trace id as `audit.fields.request`, with `header: traceparent`"
        nameless = len(mine) - len(known)
        if nameless:
            said = f"{nameless} of {len(mine)} have no trace id that an entry could name: {hint}"
            self.unclear.append(FactReading(subject="requests of the traffic", expected="ids", observed=said, ok=None))
        if not traffic.changes:
            said = f"none of {traffic.read} requests changed something"
            self.unclear.append(
                FactReading(subject="state changes of the traffic", expected="at least 1", observed=said, ok=None)
            )
        for route, n in traffic.undeclared.items():
            said = f"{n} requests, of which it is not declared whether they change something"
            expected = "named in `audit.traffic` or `audit.unchanged`"
            self.unclear.append(FactReading(subject=f"route {route}", expected=expected, observed=said, ok=None))

    def judged(self, maker: CallMaker) -> list[FactReading]:
        """The facts: as soon as nothing is missing, else at the end of the time in which an entry must be there."""
        deadline, facts, read = clock.Deadline.after(self.audit.within_s), list[FactReading](), self._read(maker)
        for _ in deadline.ticks(_POLL_S):
            read = self._read(maker)
            facts = self._facts(read, maker)
            if all(one.ok for one in [*facts, *self._twice(read)]):
                clock.sleep(_SETTLES_S)
                read = self._read(maker)
                facts = self._facts(read, maker)
                break
        unread = [
            FactReading(subject=place, expected="an entry", observed="another line than a JSON object", ok=None)
            for place in read.unread
        ]
        return [*facts, *self.unclear, *unread, *self._twice(read)]

    def _twice(self, read: EntriesRead) -> list[FactReading]:
        """A fact on planted calls whose entry was on two pages: the log grew while it was read, or it has them twice."""
        ids, whats = {one.id for one in self.planted} - {""}, {one.what for one in self.planted if not one.id}
        mine = sum(bool(id_in(one.request, ids)) or one.what in whats for one in read.twice)
        said = f"{mine} are on two pages: the log grew while it was read, or has them twice"
        fact = FactReading(subject="entries of planted calls", expected="on one page each", observed=said, ok=None)
        return [fact] if mine else []

    def _read(self, maker: CallMaker) -> EntriesRead:
        return read_entries(self.target, self.since_ns, maker.token)

    def _facts(self, read: EntriesRead, maker: CallMaker) -> list[FactReading]:
        cut = self.oldest_ns is not None and (read.oldest_ns is None or read.oldest_ns > self.oldest_ns)
        said = replace(self.said, cut=cut)
        facts = [
            *self._of_group("planted calls", self.planted, read, said),
            *self._of_group("the traffic", self.of_traffic, read, said),
        ]
        if self.audit.user:
            users = frozenset({self.audit.people.get(maker.user, maker.user)})
            counted = {one.what for one in self.planted if not one.id}
            own = [one for one in read.entries if not id_in(one.request, maker.sign_ins) and one.what not in counted]
            facts += unknown_entries([*self.planted, *self.of_traffic], self.planted, own, users)
        return facts

    @staticmethod
    def _of_group(name: str, group: Sequence[Happened], read: EntriesRead, said: Said) -> list[FactReading]:
        """The facts of requests with ids, and those of requests without ids.

        Where no entry names any of the ids, and some say what was done, the ids are not recorded, and nothing is known of what is missing.
        """
        named = [one for one in group if one.id]
        ids, whats = {one.id for one in named}, {one.what for one in named}
        facts = by_count([one for one in group if not one.id], read.entries, said)
        alike = sum(one.what in whats for one in read.entries)
        if named and alike and not any(id_in(one.request, ids) for one in read.entries):
            observed = f"none of {alike} entries with {', '.join(sorted(whats))} names one of {len(ids)} ids"
            expected = "in entries (correct `audit.header` and `audit.fields.request`)"
            return [*facts, FactReading(subject=f"ids of {name}", expected=expected, observed=observed, ok=None)]
        return [*facts, *by_request(named, read.entries, said)]


def _spread(calls: Sequence[AuditedCall], count: int) -> list[AuditedCall]:
    """So many calls, each of them in turn."""
    return [calls[index % len(calls)] for index in range(count)] if calls else []


def _maker(target: Target) -> CallMaker:
    audit = audit_of(target)
    return CallMaker(target=target, header=audit.header, name=audit.user)


@claim(
    _FORM,
    "with who, what and when for every state change made by the traffic",
    needs=(AUDIT, _TRAFFIC),
    when=When.AFTER_TRAFFIC,
    seconds=5.0,
    again=False,
)
def audit_of_traffic(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Each request of the traffic that changed something has one entry that names its trace id."""
    directory = _run_directory(params)

    def probe() -> Sequence[FactReading]:
        trial = AuditTrial.of(target, whence=False)
        trial.take(traffic_requests(directory, trial.audit), refusals=False)
        return trial.judged(_maker(target))

    return probe


@claim(
    _FORM,
    "with who, what, when and whence for every state change and every refusal of the traffic and of <calls:count> planted calls",
    example="there is exactly one audit entry with who, what, when and whence for every state change and every refusal of the traffic and of 400 planted calls",
    needs=(AUDIT, _TRAFFIC, _CHANGES, _REFUSALS, _MAY_WRITE, _SIGN_IN, _CLIENT),
    when=When.AFTER_TRAFFIC,
    seconds=20.0,
    touches=("entry",),
    again=False,
)
def audit_of_everything(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Each request of the traffic, and each planted call, that changed something or was refused has one entry; a quarter of the planted calls change something."""
    directory, count = _run_directory(params), int(params["calls"])

    def probe() -> Sequence[FactReading]:
        trial, maker = AuditTrial.of(target, whence=True), _maker(target)
        trial.plant(maker, count)
        trial.take(traffic_requests(directory, trial.audit), refusals=True)
        return trial.judged(maker)

    return probe


@claim(
    _FORM,
    "with who, what, when and whence for every state change and every refusal of <calls:count> planted calls",
    example="there is exactly one audit entry with who, what, when and whence for every state change and every refusal of 400 planted calls",
    needs=(AUDIT, _CHANGES, _REFUSALS, _MAY_WRITE, _SIGN_IN, _CLIENT),
    seconds=20.0,
    touches=("entry",),
    again=False,
)
def audit_of_planted(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Each planted call that changed something or was refused has one entry; a quarter of them change something."""
    count = int(params["calls"])

    def probe() -> Sequence[FactReading]:
        trial, maker = AuditTrial.of(target, whence=True), _maker(target)
        trial.plant(maker, count)
        return trial.judged(maker)

    return probe


def _run_directory(params: Mapping[str, str]) -> Path:
    """The directory of the run. Raises DriverError outside a run, where no traffic was recorded."""
    if not params.get(RUN):
        hint = "run the sentence with `readiness run`, with traffic"
        raise DriverError("there is no run whose traffic could be read", hint=hint)
    return Path(params[RUN])
