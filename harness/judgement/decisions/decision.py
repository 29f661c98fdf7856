"""The release decision: GO if every gating requirement passed or is waived, NO-GO if at least one failed, else INCONCLUSIVE."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from harness.judgement.decisions.waivers import accepted_figures, accepted_harm
from harness.judgement.whole import Whole
from harness.model import Decision, DecisionOutcome, DecisionReason, Outcome, Plan, Reason, ReasonKind, Verdict, Waiver
from harness.model.judged.harm import UnjudgedHarm

_GOOD = frozenset({Outcome.PASS, Outcome.WAIVED})
_WORDS = {
    Outcome.FAIL: "failed",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.PASS: "passed",
    Outcome.WAIVED: "waived",
    Outcome.NOT_ASSESSED: "not assessed",
}
_ORDER = {Outcome.FAIL: 0, Outcome.INCONCLUSIVE: 1, Outcome.NOT_ASSESSED: 2, Outcome.WAIVED: 3, Outcome.PASS: 4}


def decide(plan: Plan, verdicts: Sequence[Verdict], whole: Whole, harm: Sequence[UnjudgedHarm] = ()) -> Decision:
    """The decision on the release.

    The score is the share of gating requirements that passed; a waived requirement did not pass. It shows a trend and decides nothing.

    Harm that no claim judges is on the decision line and prevents GO.
    """
    by_id = {verdict.requirement: verdict for verdict in verdicts}
    gating = [by_id[r.id] for r in plan.requirements if r.gates_in(plan.environment)]
    blemishes = [*([whole.void] if whole.void else []), *whole.blemishes]
    cut = [whole.cut] if whole.cut else []
    accepted = accepted_harm(harm, plan)
    bare = [one for one in harm if one not in accepted]
    unjudged = [f"harm that no requirement judges: {_counted(bare)}"] if bare else []
    unclaimed = [_unclaimed(plan, text) for text in unjudged]
    outcome = _outcome(plan, gating, [*cut, *unclaimed, *blemishes])
    asked = [v for v in gating if v.claims or not plan.deselected]  # what a filter left out is counted, not listed
    bad = sorted((v for v in asked if v.outcome is not Outcome.PASS), key=lambda v: _ORDER[v.outcome])
    passed = sum(verdict.outcome is Outcome.PASS for verdict in gating)
    return Decision(
        outcome=outcome,
        headline=" · ".join(
            [
                _headline(plan, outcome, verdicts),
                *_in_part(plan, verdicts),
                *unjudged,
                *_waivers(verdicts, accepted),
                *whole.notes,
            ]
        ),
        because=(
            *map(_alone, cut),
            *(DecisionReason(requirement=v.requirement, outcome=v.outcome, because=v.because) for v in bad),
            *map(_alone, (*unclaimed, *blemishes, *_of_plan(plan, gating))),
        ),
        score=passed / len(gating) if gating else 0.0,
    )


def _counted(harm: Iterable[UnjudgedHarm]) -> str:
    """Each kind of harm once, with the number of all its cases."""
    counts: Counter[str] = Counter()
    for one in harm:
        counts[one.harm.value] += one.count
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def _in_part(plan: Plan, verdicts: Sequence[Verdict]) -> Iterable[str]:
    """Text about requirements that passed although parts of their criterion were not tried, with these parts."""
    left = {v.requirement: plan.not_tried(v.requirement) for v in verdicts if v.outcome is Outcome.PASS}
    rows = [requirement for requirement, kinds in left.items() if kinds]
    if rows and not plan.deselected:
        kinds = dict.fromkeys(kind for every in left.values() for kind in every)
        noun = "requirement" if len(rows) == 1 else "requirements"
        yield f"{len(rows)} {noun} proven in part: {', '.join(rows)}; not tried: {', '.join(kinds)}"


def _waivers(verdicts: Sequence[Verdict], accepted: Mapping[UnjudgedHarm, Waiver]) -> Iterable[str]:
    """Texts about all waivers, for the decision line."""
    waived = [(v, v.waiver) for v in verdicts if v.outcome is Outcome.WAIVED and v.waiver is not None]
    yield from (f"waived: {waiver.sentence}{accepted_figures(verdict, waiver)}" for verdict, waiver in waived)
    yield from (f"waived: {one}; {waiver.sentence}" for one, waiver in accepted.items())


def _alone(reason: Reason) -> DecisionReason:
    """A reason of the decision that belongs to no requirement."""
    return DecisionReason(because=reason)


def _unclaimed(plan: Plan, text: str) -> Reason:
    """The reason against a GO: harm that no claim judges."""
    hint = f"add a scenario about this harm to the profile {plan.profile}, or correct its cause and run again"
    if plan.deselected:
        text, hint = f"{text} in this filtered run", f"run without the filter: {plan.command(unfiltered=True)}"
    return Reason(kind=ReasonKind.HARM, text=text, hint=hint)


def _of_plan(plan: Plan, gating: Sequence[Verdict]) -> Iterable[Reason]:
    """Properties of the plan that rule out a GO, whatever was measured."""
    if plan.deselected:
        given = f"the filter `{plan.filter}`" if plan.filter else "a filter"
        text, hint = (
            f"{given} left {len(plan.deselected)} scenarios out",
            f"run without the filter: {plan.command(unfiltered=True)}",
        )
        yield Reason(kind=ReasonKind.FILTERED, text=text, hint=hint)
    if not gating:
        text = f"no requirement of profile {plan.profile} gates in {plan.environment}"
        hint = "choose another profile, or an environment in which a requirement of this profile gates"
        yield Reason(kind=ReasonKind.UNCLAIMED, text=text, hint=hint)


def _outcome(plan: Plan, gating: Sequence[Verdict], blemishes: Sequence[Reason]) -> DecisionOutcome:
    if plan.deselected:
        return DecisionOutcome.PARTIAL
    if any(verdict.outcome is Outcome.FAIL for verdict in gating):
        return DecisionOutcome.NO_GO
    if gating and not blemishes and all(verdict.outcome in _GOOD for verdict in gating):
        return DecisionOutcome.GO
    return DecisionOutcome.INCONCLUSIVE


def _headline(plan: Plan, outcome: DecisionOutcome, verdicts: Sequence[Verdict]) -> str:
    if outcome is DecisionOutcome.PARTIAL:
        claimed = {claim.requirement for claim in plan.claims}
        return f"PARTIAL · {len(claimed)} of {len(verdicts)} · no decision"
    counts: Mapping[Outcome, int] = Counter(verdict.outcome for verdict in verdicts)
    always = {Outcome.PASS, Outcome.NOT_ASSESSED}
    parts = [f"{counts.get(o, 0)} {word}" for o, word in _WORDS.items() if counts.get(o) or o in always]
    head = f"{outcome.value} for {_platform(plan)} · profile {plan.profile} · {plan.release}"
    as_of = [f"as of {plan.as_of}"] if plan.as_of else []
    scaled = [plan.traffic_scaled] if plan.traffic_scaled else []
    return " · ".join([head, *scaled, *as_of, *parts])


def _platform(plan: Plan) -> str:
    """The target, with its environment where the name does not say it."""
    played = f"simulated by the sandbox, RTO and RPO divided by {plan.time_scale:g}" if plan.stands_in else ""
    named = plan.environment if plan.environment != plan.target else ""
    more = ", ".join(filter(None, (named, played)))
    return f"{plan.target} ({more})" if more else plan.target
