"""A run of every requirement of the bundled catalogue: one failed, one undecided, one of a person's, most wait for a part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from report_evidence import evidence
from report_plan import plan

from harness.catalogue import load_catalogue
from harness.judgement.measures import because
from harness.model import (
    ClaimVerdict,
    Decision,
    DecisionOutcome,
    DecisionReason,
    Evidence,
    Judgement,
    Measure,
    Outcome,
    Plan,
    ReasonKind,
    Requirement,
    Verdict,
)
from tests.builders.scenarios import scenario

FAILED, UNSURE, DERIVED, LONE = "ND-KPI-P95", "AT-PERF-P95", "ND-PHASE-1", "FI-UA-API"
PARTS: Mapping[str, str] = {"ND": "monitor", "DA": "monitor", "AT": "identity", "FI": "ledger", "IP": "bus"}
"""The part that rows without a scenario wait for, by the beginning of their ids."""


def waits(part: str) -> str:
    """The reason of a row that waits."""
    return f"waits for the part `{part}` of a later stage"


@cache
def requirements() -> tuple[Requirement, ...]:
    """All of the bundled catalogue, in its order."""
    known = load_catalogue()
    return known.profile(("normaldance", "atomos", "feature-integration", "integration-platform"))


def _measures(row: Requirement, number: int) -> list[Measure]:
    if row.id == FAILED:
        return [_one(row, Outcome.FAIL, "response time p95 of read-track is 268.4 ms, expected below 200 ms")]
    if row.id == UNSURE:
        return [_one(row, Outcome.INCONCLUSIVE, "response time p95 is between 180 ms and 220 ms")]
    return [
        _one(row, Outcome.PASS, f"pod {each} has 3 ready replicas", subject=f"pod-{each}") for each in range(number)
    ]


def _one(row: Requirement, outcome: Outcome, text: str, **scope: str) -> Measure:
    return Measure(
        name="deployment-size",
        scope=scope,
        sentence=row.criterion,
        at=f"features/{row.profile}/all.feature:12",
        value=None,
        unit="",
        op="holds",
        limit="3 ready replicas",
        method="read from the live target",
        outcome=outcome,
        because=because(outcome, text, "" if outcome is Outcome.PASS else "fix it"),
        files=("checks/deployment-size.parquet",),
    )


def verdict_of(row: Requirement, number: int) -> Verdict:
    """Every second row is decided; of the others each waits for a part."""
    if row.id == LONE:
        why = because(
            Outcome.NOT_ASSESSED,
            "no scenario claims it",
            f"write a scenario tagged @{row.id}",
            kind=ReasonKind.UNCLAIMED,
        )
        return Verdict(requirement=row.id, outcome=Outcome.NOT_ASSESSED, because=why, claims=())
    if row.id == DERIVED:
        return _derived(row)
    if number % 2 and row.id not in (FAILED, UNSURE):
        part = PARTS[row.id.partition("-")[0]]
        why = because(Outcome.NOT_ASSESSED, waits(part), f"it comes with the part `{part}`", kind=ReasonKind.NO_MEANS)
        return Verdict(requirement=row.id, outcome=Outcome.NOT_ASSESSED, because=why, claims=())
    measures = _measures(row, 1 + number % 7)
    return _verdict(row, measures)


def _verdict(row: Requirement, measures: list[Measure]) -> Verdict:
    first = measures[0]
    own = ClaimVerdict(
        scenario=scenario(row.title, f"then: {row.criterion}", file=f"features/{row.profile}/all.feature", tag=row.id),
        requirement=row.id,
        outcome=first.outcome,
        because=first.because,
        measures=(tuple(measures),),
    )
    return Verdict(requirement=row.id, outcome=first.outcome, because=first.because, claims=(own,))


def _derived(row: Requirement) -> Verdict:
    """Made of a part that passed and of one that waits."""
    waiting = next(one.id for number, one in enumerate(requirements()) if number % 2 and one.id.startswith("ND-ARCH"))
    parts = {waiting: Outcome.NOT_ASSESSED, "ND-PH1-GATEWAY": Outcome.PASS}
    texts = {part: f"{part} {outcome.value}: {waits('monitor')}" for part, outcome in parts.items()}
    return _verdict(row, [_one(row, outcome, texts[part], part=part) for part, outcome in parts.items()])


def many() -> tuple[Plan, Evidence, Judgement]:
    """771 rows of all documents."""
    given = replace(plan(), requirements=requirements(), profile="normaldance+atomos")
    verdicts = tuple(verdict_of(row, number) for number, row in enumerate(requirements()))
    gates = {row.id: row.gates_in("sandbox") for row in requirements()}
    order = list(Outcome)
    bad = sorted(
        (v for v in verdicts if v.outcome is not Outcome.PASS and gates[v.requirement]),
        key=lambda v: order.index(v.outcome),
    )
    decision = Decision(
        outcome=DecisionOutcome.NO_GO,
        headline="NO-GO for sandbox",
        because=tuple(DecisionReason(requirement=v.requirement, outcome=v.outcome, because=v.because) for v in bad),
        score=0.5,
    )
    return given, evidence(), Judgement(decision=decision, verdicts=verdicts, experiments=(), traffic=(), missing=())
