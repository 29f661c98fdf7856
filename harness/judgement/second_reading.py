"""Judges a figure a second time, without the requests that a starved machine delayed.

* A FAIL on a starved machine stays a FAIL if it is proven without the starved seconds and the 15 s after each; it never becomes a PASS.
* An undecided response time becomes a PASS if it passes without the answers that starved seconds (at most a tenth of the time) made late. Requests that
  failed, or that took as long as the limit outside of the starved seconds, still count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from harness.judgement.figures.spec import Spec
from harness.judgement.measures import Case
from harness.judgement.receipts.machine import undisturbed, without_starved
from harness.model import Evidence, Measure, Outcome, Phase
from harness.units import NS_PER_MS

_SOUND: Final = "without the requests of the time in which the machine was starved"


def read_again(case: Case, spec: Spec, made: Sequence[tuple[Measure, Measure]]) -> Sequence[Measure]:
    """The measures of an objective after the second judgement.

    Args:
        case: case of the objective.
        spec: specification of the figure.
        made: each measure before and after the machine receipt was applied.
    """
    found = [after for _, after in made]
    if not spec.undisturbed or case.objective.scope.phase is not Phase.STEADY or case.evidence.clock_steps:
        return found
    if excused := [after for before, after in made if before.outcome is not after.outcome]:
        proven = [one for one in _read(case, spec, undisturbed(case.plan, case.evidence)) if _fails(one)]
        return [_replaced(one, proven) if one in excused else one for one in found]
    undecided = [one for one in found if one.outcome is Outcome.INCONCLUSIVE]
    if not undecided or any(map(_fails, found)) or case.objective.limit.dimension != "time":
        return found
    limit_ns = round(case.scaled.in_unit("ms") * NS_PER_MS)
    again = _read(case, spec, without_starved(case.plan, case.evidence, case.objective.scope.traffic, limit_ns))
    if not again or any(map(_fails, again)):
        return found
    passed = [one for one in again if one.outcome is Outcome.PASS]
    return [_replaced(one, passed) if one in undecided else one for one in found]


def _read(case: Case, spec: Spec, evidence: Evidence | None) -> list[Measure]:
    """The measures by other evidence; none without evidence."""
    return [] if evidence is None else list(spec.judge(replace(case, evidence=evidence)))


def _fails(one: Measure) -> bool:
    return one.outcome is Outcome.FAIL


def _replaced(one: Measure, among: Iterable[Measure]) -> Measure:
    """The measure of the same name and scope, with a note on what it leaves out; this one if there is none."""
    again = next((each for each in among if (each.name, each.scope) == (one.name, one.scope)), None)
    if again is None:
        return one
    return replace(again, because=replace(again.because, text=f"{again.because.text}; {_SOUND}"))
