"""Signed-in users: every session that was served before a fault is served again after the target's restore, and is not refused in between.

An answer that is neither, such as one of 500 and above, and no answer are no sign-out; but a session that was never served again is undecided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from harness.judgement.figures.recovery.phases import of_each_attempt
from harness.judgement.figures.spec import Basis, Need, Spec, in_words
from harness.judgement.measures import HINTS, Case
from harness.judgement.receipts.faults.attempts import answered_until_ns, known_until_ns
from harness.judgement.receipts.faults.fault import claimed_fault_receipt
from harness.judgement.receipts.faults.restore import restore_receipt
from harness.judgement.receipts.watch import followed
from harness.judgement.shapes.every import Gap, Things, every_one
from harness.model import Experiment, Figure, Measure, Phase, Table
from harness.model.records.table import SESSIONS

FIGURE: Final = Figure.SIGNED_OUT
PER_S: Final = 2.0
"""Requests of all sessions together per second without a fault."""
_FILE: Final = "watch/sessions.parquet"
_NAMED: Final = 3
_BEGIN: Final = "make sure that the users of `identity.users` that `may_write` allows can sign in, then run again"
_PAGE: Final = "write the path of a page that only a signed-in user gets into `identity.session.page`, then run again"
_AGAIN: Final = (
    "find out in watch/sessions.parquet why these sessions were not served after the restore, then run again"
)


def signed_out(case: Case) -> Iterable[Measure]:
    """One measure per experiment: the sessions that were served when the fault was sent, and those of them that were refused afterwards."""
    return of_each_attempt(
        case,
        FIGURE.value,
        partial(_of, case),
        add="add an experiment that kills a node of the cache, and one that kills a pod",
        nothing=("the run has no record of the experiment {experiment}", HINTS["fault"]),
        unconfirmed=True,  # a user who was signed out by a fault that was sent is one, whether it was confirmed or not
    )


def _of(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    sent_ns = attempt.fault.sent_ns or attempt.observed_from_ns
    restored_ns, until_ns = answered_until_ns(case.evidence, attempt), known_until_ns(case.evidence, attempt)
    rows = (case.evidence.recorded.get(SESSIONS.name) or Table.empty(SESSIONS)).sorted_by("sent_ns")
    before = _Before.of(rows.where(rows.ints["done_ns"] < sent_ns))
    theirs = rows.where(rows.words["session"].among(before.served))
    refused = _sessions(theirs.between("sent_ns", sent_ns, until_ns), "refused")
    # the next fault may be sent at once: a session that is served under it was not ended by this one
    silent = before.served - refused - _sessions(theirs.where(theirs.ints["sent_ns"] >= restored_ns), "served")
    found = Things(
        bad=len(refused),
        n=len(before.served),
        text=f"{len(refused)} of {len(before.served)} signed-in users were signed out{_listed(refused)}, expected none",
        gaps=(
            Gap(_some(before.open, "the page was served without a session, too"), _PAGE),
            Gap(_some(before.others, "the user was not signed in when the fault was sent"), _BEGIN),
            Gap(_some(silent, "the session was not served after the restore"), _AGAIN),
        ),
        none=Gap("no user was signed in when the fault was sent", _BEGIN),
        scope=scope,
        receipts={
            "fault": claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective),
            "restore": restore_receipt(case.evidence, attempt),
            "watch": followed(case.evidence, "sessions", (), files=(_FILE,)),
        },
        method="sessions that were served before the fault, and what each was answered from then on",
        files=(*attempt.files, _FILE),
    )
    yield every_one(case, found, FIGURE.value)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Before:
    """The sessions of the time before a fault.

    Attributes:
        served: sessions that were served last.
        others: users whose last sign-in failed, or whose last session was refused.
        open: sessions before whose sign-in the page was not refused.
    """

    served: frozenset[str]
    others: frozenset[str]
    open: frozenset[str]

    @classmethod
    def of(cls, rows: Table) -> _Before:
        """Of the rows that were answered before the fault, in their order."""
        last, visitors = dict[str, tuple[str, str]](), dict[str, str]()
        kinds, outcomes = (rows.words[column].text() for column in ("kind", "outcome"))
        for session, kind, outcome in zip(rows.words["session"].text(), kinds, outcomes, strict=True):
            user = str(session).rpartition(".")[0]
            if kind == "visitor":
                visitors[str(session)] = str(outcome)
            elif kind == "sign-in" or outcome != "unknown":
                last[user] = str(session), str(outcome)
        served = frozenset(session for session, outcome in last.values() if outcome == "served")
        return cls(
            served=served,
            others=frozenset(user for user, (_, outcome) in last.items() if outcome != "served"),
            open=frozenset(session for session in served if visitors.get(session) != "refused"),
        )


def _sessions(rows: Table, outcome: str) -> frozenset[str]:
    """The sessions with such an answer."""
    return frozenset(rows.where(rows.words["outcome"].equals(outcome)).words["session"].present)


def _listed(names: frozenset[str]) -> str:
    """The first names in brackets; empty without names."""
    more = ", …" if len(names) > _NAMED else ""
    return f" ({', '.join(sorted(names)[:_NAMED])}{more})" if names else ""


def _some(names: frozenset[str], why: str) -> str:
    """Why the result is unknown for these sessions or users; empty without any."""
    return f"{why}: {len(names)}{_listed(names)}" if names else ""


SPEC: Final = Spec(
    figure=FIGURE,
    judge=signed_out,
    limit=None,
    unit="",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: ("watch/sessions.", "history/watch.", "history/pods."),
    needs=lambda _objective: (
        Need(key="identity", why="test users are signed in before the fault"),
        Need(key="may_write", why="test users sign in", hint="write `may_write: [{users: 'test-*'}]`"),
    ),
    rates={"sessions": PER_S},
    words=lambda objective: in_words(objective, "none after a fault"),
    clocked=True,
)
