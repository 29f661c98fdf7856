"""Converts a judgement into rows of text for the tables of all reports; decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.model import (
    Claim,
    ClaimVerdict,
    Judgement,
    Measure,
    Op,
    Outcome,
    Plan,
    Reason,
    ReasonKind,
    Requirement,
    Verdict,
    leading_first,
    share_of_limit,
)
from harness.report.view.offered import silent_guards
from harness.report.view.people import people_of
from harness.report.view.wording import (
    MARKS,
    NOTHING,
    at_scale,
    confidence,
    expected,
    give_or_take,
    is_fact,
    is_scaled,
    said,
    scope_text,
    span,
)
from harness.words import counted, some

_LEFT_OUT: Final = Reason(
    kind=ReasonKind.HARNESS,
    text="the judge gave no verdict for this requirement of the plan",
    hint="this is a bug in the harness: report it and attach the run directory",
)
_RANK = {outcome: rank for rank, outcome in enumerate(MARKS)}
_MOST_NAMED = 24
"""Maximum number of ids in one sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiptLine:
    """One receipt of a figure, or the worst receipt of a requirement's figures.

    Attributes:
        name: kind of the receipt.
        word: `ok`, `not ok` or `unknown`.
        why: reason of the receipt.
    """

    name: str
    word: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasureLine:
    """One measure as texts for a table.

    Attributes:
        confidence: confidence of each bound, `95 % each`; empty without bounds.
        used: figure divided by its limit, 0 to 1 and over; None if this has no meaning.
        is_fact: True for a fact, which is as expected or not; False for a figure.
        part: for a derived requirement, id of the requirement with this outcome; otherwise empty.
    """

    name: str
    scope: str
    part: str
    is_fact: bool
    outcome: Outcome
    value: str
    bounds: str
    confidence: str
    expected: str
    n: str
    resolution: str
    method: str
    used: float | None
    because: Reason
    sentence: str
    at: str
    receipts: tuple[ReceiptLine, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Grounds:
    """Method, receipts and files of figures; `of` names the figures, and is empty for all figures of the requirement."""

    of: str
    method: str
    receipts: tuple[ReceiptLine, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One requirement as texts for a table.

    Attributes:
        requirement: the requirement.
        verdict: verdict of the requirement.
        gating: whether the requirement can stop this release.
        telling: the measure that decided; of several, the measure closest to its limit; None if nothing was measured.
        value: figure of `telling`, or the number of facts that are as expected.
        of_limit: figure and limit, `22.4 s of 4 h (240 s at scale 60)`; empty without a figure.
        scaled: whether a length of time in its sentences was divided by the time scale; a pass then proves the mechanism, not the limit.
        times: every length of time in its sentences: `limit scaled by 60: 4 h → 240 s`, `limit not scaled: 45 s`.
        receipts: the worst receipt of each kind.
        lines: all measures of the requirement.
        scenarios: the scenarios that test the requirement.
        grounds: method, receipts and files of its figures, without duplicates.
        missing: kinds of experiments in its criterion that the run did not try.
        in_part: tried and untried kinds of experiments of a pass; empty if it did not pass or all were tried.
        people: label and text of its waiver and attestations.
    """

    requirement: Requirement
    verdict: Verdict
    gating: bool
    telling: MeasureLine | None
    value: str
    of_limit: str
    scaled: bool
    times: tuple[str, ...]
    receipts: tuple[ReceiptLine, ...]
    lines: tuple[MeasureLine, ...]
    scenarios: tuple[str, ...]
    grounds: tuple[Grounds, ...]
    missing: tuple[str, ...]
    in_part: str = ""
    people: tuple[tuple[str, str], ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Outcome of the requirement."""
        return self.verdict.outcome

    @property
    def leading(self) -> Reason:
        """The reason of the figure that gave the verdict its reason."""
        return replace(self.verdict.because, more=0)


def rows(plan: Plan, judgement: Judgement) -> tuple[Row, ...]:
    """A row for every requirement of the plan: worst first, gating requirements first, then in catalogue order.

    A requirement without a verdict is included as INCONCLUSIVE.
    """
    known = {requirement.id: requirement for requirement in plan.requirements}
    claims: dict[str, list[Claim]] = {}
    for claim in plan.claims:
        claims.setdefault(claim.requirement, []).append(claim)
    judged = {verdict.requirement: verdict for verdict in judgement.verdicts if verdict.requirement in known}
    lost = (Verdict(requirement=name, outcome=Outcome.INCONCLUSIVE, because=_LEFT_OUT, claims=()) for name in known)
    every = [*judged.values(), *(verdict for verdict in lost if verdict.requirement not in judged)]
    found = [_row(plan, known[v.requirement], v, claims.get(v.requirement, ())) for v in every]
    return tuple(sorted(found, key=lambda row: (_RANK[row.outcome], not row.gating)))


def measures_of(verdict: Verdict) -> tuple[Measure, ...]:
    """Every measure of every sentence of every scenario."""
    return tuple(measure for claim in verdict.claims for measure in claim_measures(claim))


def claim_measures(claim: ClaimVerdict) -> tuple[Measure, ...]:
    """Every measure of every sentence of one scenario."""
    return tuple(measure for group in claim.measures for measure in group)


def measure_line(measure: Measure, time_scale: float) -> MeasureLine:
    """One measure as texts for a table."""
    needed = "" if measure.n_needed is None else f" / {measure.n_needed}"
    return MeasureLine(
        name=measure.name,
        scope=scope_text(measure),
        part=measure.scope.get("part", ""),
        is_fact=is_fact(measure),
        outcome=measure.outcome,
        value=_fact(measure) if measure.value is None else said(measure),
        bounds=span(measure.low, measure.high, measure.unit),
        confidence=confidence(measure),
        expected=expected(measure, time_scale),
        n=NOTHING if measure.n is None else f"{measure.n}{needed}",
        resolution=NOTHING if measure.resolution is None else give_or_take(measure.resolution, measure.unit),
        method=measure.method,
        used=share_of_limit(measure),
        because=measure.because,
        sentence=measure.sentence,
        at=measure.at,
        receipts=tuple(_receipts((measure,))),
        files=measure.files,
    )


def _fact(measure: Measure) -> str:
    """The texts of a fact, which has no figure: it is as expected or not."""
    if not is_fact(measure):
        return NOTHING
    words = {Outcome.PASS: "as expected", Outcome.FAIL: "not as expected", Outcome.NOT_ASSESSED: NOTHING}
    return words.get(measure.outcome, "not read")


def _row(plan: Plan, requirement: Requirement, verdict: Verdict, claims: Iterable[Claim]) -> Row:
    measures = measures_of(verdict)
    telling = _telling(verdict, measures)
    objectives = [objective for claim in claims for objective in claim.objectives]
    lines = tuple(measure_line(measure, plan.time_scale) for measure in measures)
    return Row(
        requirement=requirement,
        verdict=verdict,
        gating=requirement.gates_in(plan.environment),
        telling=_telling_line(telling, measures, plan.time_scale),
        value=_value(telling, measures),
        of_limit=_of_limit(telling, plan.time_scale),
        scaled=any(is_scaled(measure) for measure in measures),
        times=tuple(dict.fromkeys(length.words for measure in measures for length in measure.times)),
        receipts=tuple(_receipts(measures)),
        lines=lines,
        scenarios=tuple(claim.scenario.location for claim in verdict.claims),
        grounds=tuple(_grounds(lines)),
        missing=tuple(dict.fromkeys(name for o in objectives for name in o.scope.missing_experiments)),
        in_part=in_part(plan, requirement, verdict.outcome),
        people=tuple(people_of(plan, verdict)),
    )


def in_part(plan: Plan, requirement: Requirement, outcome: Outcome) -> str:
    """A text about untried kinds of experiments of a passed requirement; empty if it did not pass or all were tried.

    For example: `proven in part, on loss of the primary; not tried: loss of all database members`.
    """
    left = plan.not_tried(requirement.id)
    if outcome is not Outcome.PASS or not left:
        return ""
    return f"proven in part, on {', '.join(requirement.in_part)}; not tried: {', '.join(left)}"


def _telling(verdict: Verdict, measures: Sequence[Measure]) -> Measure | None:
    """The deciding measure that the reason names: the worst failed one, else the one closest to its limit."""
    deciding = leading_first(m for m in measures if m.outcome is verdict.outcome) or list(measures)
    deciding = [measure for measure in deciding if measure.because.kind is deciding[0].because.kind]
    if verdict.outcome is Outcome.FAIL:
        return next(iter(deciding), None)
    alike = [m for m in deciding if (m.unit, m.limit) == (deciding[0].unit, deciding[0].limit)]
    return max(alike, key=lambda measure: share_of_limit(measure) or 0.0, default=None)


def _telling_line(telling: Measure | None, measures: Sequence[Measure], time_scale: float) -> MeasureLine | None:
    """The texts of the deciding measure; equal passes are summarized together."""
    if telling is None:
        return None
    line = measure_line(telling, time_scale)
    if not is_fact(telling):
        twins = [measure for measure in measures if (measure.name, measure.value) == (telling.name, telling.value)]
        return replace(line, scope="") if telling.outcome is Outcome.PASS and len(twins) > 1 else line
    if telling.outcome is not Outcome.PASS:
        return replace(line, n=NOTHING)
    alike = len({measure.limit for measure in measures}) == 1
    return replace(line, n=NOTHING, scope="", expected=line.expected if alike else NOTHING)


def _value(telling: Measure | None, measures: Sequence[Measure]) -> str:
    if telling is None:
        return NOTHING
    if telling.value is not None:
        return said(telling)
    parts = [measure for measure in measures if "part" in measure.scope]
    if parts:
        good = sum(part.outcome is Outcome.PASS for part in parts)
        return f"{good} of {counted(len(parts), 'requirement')} passed"
    if not is_fact(telling) or telling.outcome is Outcome.NOT_ASSESSED:
        return NOTHING
    facts = [measure for measure in measures if is_fact(measure)]
    good = sum(fact.outcome is Outcome.PASS for fact in facts)
    return f"{good} of {counted(len(facts), 'fact')} as expected"


def _of_limit(measure: Measure | None, time_scale: float) -> str:
    if measure is None or measure.value is None or measure.scaled_limit is None:
        return ""
    if measure.op in (Op.BELOW, Op.AT_MOST):
        return f"{said(measure)} of {at_scale(measure, time_scale)}"
    return f"{said(measure)}, expected {expected(measure, time_scale)}"


def _receipts(measures: Iterable[Measure]) -> Iterable[ReceiptLine]:
    """The worst receipt of each kind; failed is worse than unknown, unknown worse than ok."""
    rank: Mapping[bool | None, int] = {False: 0, None: 1, True: 2}
    words: Mapping[bool | None, str] = {False: "not ok", None: "unknown", True: "ok"}
    every = [(name, receipt) for measure in measures for name, receipt in measure.receipts.items()]
    for name in sorted({name for name, _ in every}):
        worst = min((receipt for key, receipt in every if key == name), key=lambda receipt: rank[receipt.ok])
        yield ReceiptLine(name=name, word=words[worst.ok], why=worst.why)


def _grounds(lines: Sequence[MeasureLine]) -> Iterable[Grounds]:
    """Figures grouped by equal method, receipts and files, in the order of the first figure of each group."""
    alike: dict[tuple[str, tuple[ReceiptLine, ...], tuple[str, ...]], list[str]] = {}
    told_by_scope = len({line.scope for line in lines}) == len(lines)
    for line in lines:
        name = line.scope if told_by_scope and line.scope else f"{line.name} {line.scope}".rstrip()
        alike.setdefault((line.method, line.receipts, line.files), []).append(name)
    for (method, receipts, files), of in alike.items():
        if method or receipts or files:
            yield Grounds(
                of=some(of, between="; ") if len(alike) > 1 else "", method=method, receipts=receipts, files=files
            )


def closest(every: Sequence[Row], most: int = 3) -> tuple[Row, ...]:
    """The passed rows that are closest to their limits."""
    passed = [row for row in every if row.outcome is Outcome.PASS and row.telling and row.telling.used]
    return tuple(sorted(passed, key=lambda row: -(row.telling.used or 0.0) if row.telling else 0.0)[:most])


@dataclass(frozen=True, kw_only=True, slots=True)
class Unverified:
    """One item that this run did not verify, or only in part.

    Attributes:
        id: id of the requirement; empty if the item concerns the whole run.
        text: description of the item.
    """

    id: str
    text: str


def unverified(plan: Plan, judgement: Judgement, every: Sequence[Row]) -> tuple[Unverified, ...]:
    """The items that were not verified, apart from requirements that were not assessed (see `causes`).

    These are requirements proven in part, missing experiments, faults that affected no request, scenarios left out, files that the
    project replaces, evidence that is missing or used by no rule, and scaled times.
    """
    found = [
        Unverified(id=row.requirement.id, text=f"without an experiment of: {', '.join(row.missing)}")
        for row in every
        if row.missing and row.outcome is not Outcome.NOT_ASSESSED
    ]
    found += [Unverified(id=row.requirement.id, text=row.in_part) for row in every if row.in_part]
    unmet = dict.fromkeys(one.name for one in judgement.experiments if one.unmet)
    found += [
        Unverified(id="", text=f"{name}: the fault affected no request, so the run does not show a failover")
        for name in unmet
    ]
    if plan.deselected:
        left_out = f"{counted(len(plan.deselected), 'scenario')} left out by a filter: a filtered run never decides"
        found.append(Unverified(id="", text=left_out))
    if plan.shadowed:
        files = counted(len(plan.shadowed), "file")
        text = f"the scenarios in {files} of the package, which the project replaces: {', '.join(plan.shadowed)}"
        found.append(Unverified(id="", text=text))
    found += [Unverified(id="", text=f"evidence is missing: {item}") for item in judgement.missing]
    if silent := silent_guards(judgement):
        found.append(Unverified(id="", text=silent))
    found += [Unverified(id="", text=text) for text in judgement.for_people]
    scaled = [row.requirement.id for row in every if row.scaled and row.outcome is Outcome.PASS]
    if scaled:
        text = (
            f"RTO, RPO and windows were divided by {plan.time_scale:g}. A pass with divided times proves that the mechanism works, "
            f"not that the real limit is kept: {some(scaled, _MOST_NAMED)}"
        )
        found.append(Unverified(id="", text=text))
    return tuple(found)
