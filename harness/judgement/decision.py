"""What is said of the release: every gating requirement passed or waived is GO, one failed is NO-GO, else no decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from harness.judgement.measures import six
from harness.judgement.whole import Whole
from harness.model import Decision, DecisionOutcome, Outcome, Plan, Verdict

_GOOD = frozenset({Outcome.PASS, Outcome.WAIVED})
_WORDS = {
    Outcome.FAIL: "failed",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.PASS: "passed",
    Outcome.WAIVED: "waived",
    Outcome.NOT_ASSESSED: "not assessable here",
}
_ORDER = {Outcome.FAIL: 0, Outcome.INCONCLUSIVE: 1, Outcome.NOT_ASSESSED: 2, Outcome.WAIVED: 3, Outcome.PASS: 4}


def decide(plan: Plan, verdicts: Sequence[Verdict], whole: Whole) -> Decision:
    """Decide. The score is the share of gating requirements that passed, a waived one has not: for trend only, it decides nothing."""
    by_id = {verdict.requirement: verdict for verdict in verdicts}
    gating = [by_id[r.id] for r in plan.requirements if r.gates_in(plan.environment)]
    blemishes = [*filter(None, [whole.void]), *whole.blemishes]
    outcome = _outcome(plan, gating, blemishes)
    asked = [v for v in gating if v.claims or not plan.deselected]  # what a filter left out is counted, not listed
    bad = sorted((v for v in asked if v.outcome is not Outcome.PASS), key=lambda v: _ORDER[v.outcome])
    passed = sum(verdict.outcome is Outcome.PASS for verdict in gating)
    return Decision(
        outcome=outcome,
        headline=" · ".join([_headline(plan, outcome, verdicts), *whole.notes]),
        reasons=(
            *(f"{v.requirement} {v.outcome.value}: {v.reason}" for v in bad),
            *blemishes,
            *([f"a filter left {len(plan.deselected)} scenarios out"] if plan.deselected else []),
            *([] if gating else ["no requirement of this profile gates here"]),
        ),
        score=six(passed / len(gating)) or 0.0 if gating else 0.0,
    )


def _outcome(plan: Plan, gating: Sequence[Verdict], blemishes: Sequence[str]) -> DecisionOutcome:
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
    head = f"{outcome.value} for {plan.environment} · profile {plan.profile} · {plan.release}"
    return " · ".join([head, *parts])
