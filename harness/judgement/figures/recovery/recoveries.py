"""Recovery objectives (rule 8): for each attempt the recovery of reads, of writes and of the users' own requests.

Every attempt whose action was sent can fail the objective. One attempt, whose receipts are ok, can pass it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from harness.judgement.figures.files import load_files
from harness.judgement.figures.recovery.aftermath import aftermath, manual_steps
from harness.judgement.figures.recovery.recovered import recovered
from harness.judgement.figures.recovery.recovered_users import recovered_users
from harness.judgement.figures.spec import Basis, Need, Spec, until_the_limit
from harness.judgement.measures import Case, inconclusive
from harness.judgement.receipts.faults.attempts import counted_attempt, harmful_attempts
from harness.judgement.receipts.records.missing import NONE_PLANNED, UNFILTERED
from harness.model import ONLY_BELOW, Experiment, Figure, LimitRule, Measure, Objective, Phase
from harness.model.records.recorded import OF_CACHES


def recoveries(case: Case) -> Iterable[Measure]:
    """Measures per experiment: recovery of reads, writes and users, outages after the undo, and manual steps if the sentence names them."""
    if not case.experiments:
        yield inconclusive(case, "recovery", NONE_PLANNED, "add an experiment to `experiments/`")
    for name in case.experiments:
        attempt = counted_attempt(case.plan, case.evidence, name, case.objective.scope.traffic)
        scope = {"experiment": name, "phase": case.objective.scope.phase.value}
        if attempt is None:
            yield inconclusive(
                case, "recovery", f"the run has no record of the experiment {name}", UNFILTERED, scope=scope
            )
            continue
        for harmful in harmful_attempts(case.plan, case.evidence, name, case.objective.scope.traffic):
            yield from _attempt(case, harmful, {**scope, "attempt": str(harmful.attempt)}, proves=False)
        yield from _attempt(case, attempt, scope, proves=True)
        yield from aftermath(case, attempt, scope)
        if "manual_steps" in case.objective.params:
            yield manual_steps(case, attempt, scope)


def _attempt(case: Case, attempt: Experiment, scope: Mapping[str, str], *, proves: bool) -> Iterable[Measure]:
    for operation in case.objective.scope.operations:
        yield from recovered(case, attempt, operation, {**scope, "operation": operation}, proves=proves)
    if case.objective.scope.traffic and not _of_caches(case.objective):
        yield from recovered_users(case, attempt, scope, proves=proves)


def _of_caches(objective: Objective) -> bool:
    """Whether the sentence is about the caches alone, whose recovery is no matter of the users' requests."""
    asked = {*objective.scope.operations}
    return bool(asked) and asked <= OF_CACHES.keys()


def _files(case: Case) -> Iterable[str]:
    if _of_caches(case.objective):
        yield "watch/cache."
    yield from ("watch/entry.", "watch/ledger-writes.", "history/watch.", "history/pods.")
    if case.objective.scope.traffic:
        yield from load_files(case)


def _needs(objective: Objective) -> Sequence[Need]:
    if _of_caches(objective):
        hint = "write `cache: {servers: …}` and `may_write: [{keys: 'readiness:*'}]` into the target file"
        why = "the recovery of a cache is measured by keys of the harness"
        return (Need(key="caches_probed", why=why, hint=hint, lacks="`cache.servers` with `may_write: [{keys: …}]`"),)
    if "writes" not in objective.scope.operations:
        return ()
    return (Need(key="ledger", why="the recovery of writes is measured by the write ledger"),)


SPEC: Final = Spec(
    figure=Figure.RECOVERY,
    judge=recoveries,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    timed=True,
    unit="s",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=_files,
    needs=_needs,
    watched=until_the_limit,
)
