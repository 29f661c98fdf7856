"""The judge: a recorded run in, a judgement out. A figure whose function raises is INCONCLUSIVE with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from harness.judgement.checks import checks
from harness.judgement.decision import decide
from harness.judgement.discovery import first_requests
from harness.judgement.indicators import error_rates, region_shares, replication_lags, response_times, uptimes
from harness.judgement.loss import account_of, losses
from harness.judgement.measures import Case, inconclusive
from harness.judgement.missing import lacking
from harness.judgement.recoveries import recoveries
from harness.judgement.summaries import absent, experiment_result, traffic_results
from harness.judgement.verdicts import claim_verdict, requirement_verdict
from harness.model import (
    Claim,
    ClaimVerdict,
    Evidence,
    ExperimentResult,
    Figure,
    Judgement,
    Measure,
    Plan,
    TrafficResult,
    Window,
)

JUDGES: Final[Mapping[Figure, Callable[[Case], Iterable[Measure]]]] = {
    Figure.RESPONSE_TIME: response_times,
    Figure.ERROR_RATE: error_rates,
    Figure.UPTIME: uptimes,
    Figure.REGION_SHARE: region_shares,
    Figure.REPLICATION_LAG: replication_lags,
    Figure.RECOVERY: recoveries,
    Figure.LOST_WRITES: losses,
    Figure.FIRST_REQUEST: first_requests,
    Figure.CHECK: checks,
}


def judge(plan: Plan, evidence: Evidence) -> Judgement:
    """Judge a recorded run by its plan and its evidence, and nothing else. Never raises."""
    claims = [_claim(plan, evidence, claim) for claim in plan.claims]
    verdicts = tuple(
        requirement_verdict(requirement, [c for c in claims if c.requirement == requirement.id], plan, evidence)
        for requirement in plan.requirements
    )
    names = (*plan.experiments, *(name for name in evidence.experiments if name not in plan.experiments))
    return Judgement(
        decision=decide(plan, evidence, verdicts),
        verdicts=verdicts,
        experiments=tuple(_experiment(plan, evidence, name) for name in names),
        traffic=tuple(result for window in evidence.windows.values() for result in _traffic(plan, window)),
        missing=tuple(f"{item.file}: {item.why}" for item in evidence.missing),
    )


def _claim(plan: Plan, evidence: Evidence, claim: Claim) -> ClaimVerdict:
    cases = [Case(plan=plan, evidence=evidence, claim=claim, objective=o) for o in claim.objectives]
    return claim_verdict(claim, [_measures(case) for case in cases])


def _measures(case: Case) -> tuple[Measure, ...]:
    """All measures of one objective; evidence that is not whole bears neither PASS nor FAIL."""
    name = case.objective.figure.value
    gone = lacking(case)
    if gone is not None:
        why = f"{gone.file} is not whole: {gone.why}"
        return (inconclusive(case, name, why, "bring the file back, or run again"),)
    try:
        return tuple(JUDGES[case.objective.figure](case))
    except Exception as error:  # noqa: BLE001 - the judge's seam: one figure that cannot be made takes down no other
        return (inconclusive(case, name, _raised(error), "tell the makers of the harness, with the run's files"),)


def _experiment(plan: Plan, evidence: Evidence, name: str) -> ExperimentResult:
    try:
        return experiment_result(plan, evidence, name, account_of(evidence.ledger))
    except Exception as error:  # noqa: BLE001 - the judge's seam, as above
        return absent(name, "", _raised(error))


def _traffic(plan: Plan, window: Window) -> tuple[TrafficResult, ...]:
    try:
        return tuple(traffic_results(plan, window))
    except Exception as error:  # noqa: BLE001 - the judge's seam, as above
        return (
            TrafficResult(
                name=window.traffic,
                experiment=window.experiment,
                route="",
                offered_rps=0.0,
                achieved_rps=0.0,
                n=0,
                errors=0,
                p50_ms=None,
                p95_ms=None,
                p99_ms=None,
                lag_ms_p99=None,
                valid=False,
                why=_raised(error),
            ),
        )


def _raised(error: Exception) -> str:
    return f"the judge could not make this figure: {type(error).__name__}: {error}"
