"""The judge: a recorded run in, a judgement out. A figure whose function raises is INCONCLUSIVE with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from harness.judgement.account import account_of
from harness.judgement.decision import decide
from harness.judgement.figures.baseline import improvements
from harness.judgement.figures.checks import checks
from harness.judgement.figures.discovery import first_requests
from harness.judgement.figures.drift import drifts
from harness.judgement.figures.indicators import error_rates, region_shares, replication_lags, response_times, uptimes
from harness.judgement.figures.loss import ledger_result, losses
from harness.judgement.figures.pipelines import events, pipeline_result
from harness.judgement.figures.recoveries import recoveries
from harness.judgement.figures.releases import error_differences, slowdowns
from harness.judgement.measures import Case, inconclusive
from harness.judgement.receipts.missing import lacking
from harness.judgement.summaries import absent, experiment_results, traffic_results, unknown_traffic
from harness.judgement.verdicts import claim_verdict, requirement_verdict
from harness.judgement.watchers import watcher_results
from harness.model import (
    Claim,
    ClaimVerdict,
    Evidence,
    ExperimentResult,
    Figure,
    Judgement,
    LedgerResult,
    Measure,
    PipelineResult,
    Plan,
    TrafficResult,
    WatcherResult,
    Window,
    untenable,
)

_Made = TypeVar("_Made")

JUDGES: Final[Mapping[Figure, Callable[[Case], Iterable[Measure]]]] = {
    Figure.RESPONSE_TIME: response_times,
    Figure.ERROR_RATE: error_rates,
    Figure.UPTIME: uptimes,
    Figure.REGION_SHARE: region_shares,
    Figure.REPLICATION_LAG: replication_lags,
    Figure.RECOVERY: recoveries,
    Figure.LOST_WRITES: losses,
    Figure.FIRST_REQUEST: first_requests,
    Figure.EVENTS: events,
    Figure.CHECK: checks,
    Figure.DRIFT: drifts,
    Figure.IMPROVEMENT: improvements,
    Figure.MORE_ERRORS: error_differences,
    Figure.SLOWDOWN: slowdowns,
}


def judge(plan: Plan, evidence: Evidence) -> Judgement:
    """Judge a recorded run by its plan and its evidence, and nothing else. Never raises."""
    claims = [_claim(plan, evidence, claim) for claim in plan.claims]
    verdicts = tuple(
        requirement_verdict(requirement, [c for c in claims if c.requirement == requirement.id], plan, evidence)
        for requirement in plan.requirements
    )
    return Judgement(
        decision=decide(plan, evidence, verdicts),
        verdicts=verdicts,
        experiments=_experiments(plan, evidence),
        traffic=tuple(result for window in evidence.windows.values() for result in _traffic(plan, window)),
        missing=tuple(f"{item.file}: {item.why}" for item in evidence.missing),
        watchers=_seam(lambda: tuple(watcher_results(evidence)), lambda why: (WatcherResult(name="all", why=why),)),
        ledger=_seam(lambda: ledger_result(evidence), lambda why: LedgerResult(why=why)),
        pipeline=_seam(lambda: pipeline_result(evidence), lambda why: PipelineResult(why=why)),
    )


def _claim(plan: Plan, evidence: Evidence, claim: Claim) -> ClaimVerdict:
    cases = [Case(plan=plan, evidence=evidence, claim=claim, objective=o) for o in claim.objectives]
    return claim_verdict(claim, [_measures(case) for case in cases])


def _measures(case: Case) -> tuple[Measure, ...]:
    """All measures of one objective; evidence that is not whole bears neither PASS nor FAIL."""
    name = case.objective.figure.value
    if why := untenable(case.objective):
        return (
            inconclusive(case, name, why, f"fix the sentence at {case.objective.at or 'its place'}, then run again"),
        )
    gone = lacking(case)
    if gone is not None:
        why = f"{gone.file} is not whole: {gone.why}"
        return (inconclusive(case, name, why, "bring the file back, or run again"),)
    hint = "tell the makers of the harness, with the run's files"
    return _seam(lambda: tuple(JUDGES[case.objective.figure](case)), lambda why: (inconclusive(case, name, why, hint),))


def _experiments(plan: Plan, evidence: Evidence) -> tuple[ExperimentResult, ...]:
    names = (*plan.experiments, *(name for name in evidence.experiments if name not in plan.experiments))

    def described() -> tuple[ExperimentResult, ...]:
        account = account_of(evidence.ledger)
        return tuple(result for name in names for result in experiment_results(plan, evidence, name, account))

    return _seam(described, lambda why: tuple(absent(name, "", why) for name in names))


def _traffic(plan: Plan, window: Window) -> tuple[TrafficResult, ...]:
    return _seam(lambda: tuple(traffic_results(plan, window)), lambda why: (unknown_traffic(window, why),))


def _seam(make: Callable[[], _Made], otherwise: Callable[[str], _Made]) -> _Made:
    """The judge's seam: what cannot be made takes down nothing else, and says why."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - one of the four seams
        return otherwise(f"the judge could not make this figure: {type(error).__name__}: {error}")
