"""Facts: how often each is read before it counts, and how they are recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from harness import clock
from harness.errors import DriverError, HarnessError
from harness.evidence.checks import MANY, write_facts
from harness.model import Check, Demand, Fact, FactAmount, FactTable, Sink

ATTEMPTS: Final = 3
"""A fact that is not as expected is read twice more, and counts only when all three agree."""

PAUSE_S: Final = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class FactReading:
    """One fact as one probe read it; fields as in `Fact`.

    Attributes:
        sure: whether this one reading proves what it says, so that an earlier one of the same subject does not excuse it.
    """

    subject: str
    expected: str
    observed: str
    ok: bool | None
    sure: bool = False
    amount: FactAmount | None = None


FactProbe = Callable[[], Sequence[FactReading]]
"""Reads everything that the check is about."""


def settled(probe: FactProbe) -> tuple[Fact, ...]:
    """Read everything, and again while something is not as expected, at most `ATTEMPTS` times.

    What was as expected once stays so, unless a later reading is sure that it is not; what a later reading no longer finds is no longer
    part of the check. Of several readings of one subject in one probe the worst counts.
    """
    facts: dict[str, Fact] = {}
    for attempt in range(1, ATTEMPTS + 1):
        if attempt > 1:
            clock.sleep(PAUSE_S)
        facts = _merged(facts, probe())
        if all(fact.ok for fact in facts.values()):
            break
    return tuple(facts.values())


def _merged(before: dict[str, Fact], seen: Sequence[FactReading]) -> dict[str, Fact]:
    facts = {subject: fact for subject, fact in before.items() if fact.ok}
    for one in _each_subject_once(seen):
        if one.sure or one.subject not in facts:
            earlier = before[one.subject].attempts if one.subject in before else 0
            facts[one.subject] = Fact(
                subject=one.subject,
                expected=one.expected,
                observed=one.observed,
                ok=one.ok,
                attempts=earlier + 1,
                at_ns=clock.now_ns(),
                amount=one.amount,
            )
    return facts


def _each_subject_once(seen: Sequence[FactReading]) -> list[FactReading]:
    """The worst reading of each subject: whichever order a target lists things of one name in, none of them is passed over."""
    alike: dict[str, list[FactReading]] = {}
    for one in seen:
        alike.setdefault(one.subject, []).append(one)
    return [_worst(readings) for readings in alike.values()]


def _worst(readings: Sequence[FactReading]) -> FactReading:
    worst = min(readings, key=lambda one: (one.ok is not False, one.ok is not None, not one.sure))
    if all((one.expected, one.observed) == (worst.expected, worst.observed) for one in readings):
        return worst
    return replace(worst, observed=f"{worst.observed} (the worst of {len(readings)} of this name)")


def once(seen: Sequence[FactReading]) -> tuple[Fact, ...]:
    """Facts of what does not change while it is read, such as files: each is read once."""
    return tuple(
        Fact(
            subject=one.subject,
            expected=one.expected,
            observed=one.observed,
            ok=one.ok,
            attempts=1,
            at_ns=clock.now_ns(),
            amount=one.amount,
        )
        for one in seen
    )


def record_facts(
    demand: Demand, find: Callable[[], tuple[Fact, ...]], sink: Sink, run_directory: Path | None = None
) -> Check:
    """Record what a demand finds: one `check.fact` a fact and `check.done`, or `check.failed` when it could not be done.

    Many facts go into a table of the run directory. What cannot be done says why and has no facts; nothing is raised for
    what a target, a file or a report is like.
    """
    key = demand.key
    try:
        facts = find()
        if not facts:
            raise DriverError("there is nothing to check", where=key, hint="check what the target file names for it")
    except HarnessError as error:
        sink.put("check.failed", key, demand=key, why=str(error))
        return Check(demand=key, facts=(), why=str(error))
    if run_directory is not None and len(facts) > MANY:
        subjects = len({fact.subject for fact in facts})
        read = len({fact.subject for fact in facts if fact.ok is not None})
        file = write_facts(run_directory, key, facts)
        sink.put("check.done", key, demand=key, facts=len(facts), file=file, covered=read, of=subjects)
        return Check(demand=key, facts=(), matrix=FactTable.made(facts, read, subjects))
    for fact in facts:
        sink.put(
            "check.fact",
            fact.subject,
            demand=key,
            expected=fact.expected,
            observed=fact.observed,
            ok=fact.ok,
            attempts=fact.attempts,
            at_ns=fact.at_ns,
            **({} if fact.amount is None else asdict(fact.amount)),
        )
    sink.put("check.done", key, demand=key, facts=len(facts))
    return Check(demand=key, facts=facts)
