"""While a service that the platform can do without is gone, no request fails, and the response times stay below a limit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from harness.judgement.figures.fault_free import all_files
from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import errors_by_kind, failed
from harness.judgement.figures.recovery.phases import by_experiment
from harness.judgement.figures.sentence import FigureSentence
from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.figures.traffic.response_time import response_times
from harness.judgement.measures import Case
from harness.judgement.receipts.faults.attempts import counted_attempt
from harness.judgement.receipts.faults.hits import whole_service_receipt
from harness.judgement.receipts.load import joined_load_receipt
from harness.judgement.shapes.amount import Amount, amount
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Op, Phase, Receipt, Window

_FAILED: Final = "requests that failed while the service was gone"
_NONE: Final = "no request was due while the service was gone"


def without_service(case: Case) -> Iterable[Measure]:
    """From the loss of a service to the target restored: the quantile of the response times, and the number of failed requests, which must be 0. Every pod of the service was hit."""
    yield from response_times(case)

    def judged(windows: Sequence[Window], proofs: Mapping[str, Receipt]) -> Iterable[Measure]:
        yield _failures(case, windows, proofs)

    yield from by_experiment(case, _FAILED, judged)


def _failures(case: Case, windows: Sequence[Window], proofs: Mapping[str, Receipt]) -> Measure:
    service = case.objective.params["service"]
    attempt = counted_attempt(case.plan, case.evidence, windows[0].experiment, case.objective.scope.traffic)
    fault = proofs.get("fault")
    if attempt is not None and fault is not None and fault.ok:
        proofs = {**proofs, "fault": whole_service_receipt(case.evidence, attempt, service)}
    tables = [window.samples for window in windows]
    n, bad = sum(len(one) for one in tables), sum(int(failed(one).sum()) for one in tables)
    kinds = [f"{kind} {count}" for one in tables for kind, count in errors_by_kind(one).items()]
    said = f" ({', '.join(kinds[:4])})" if kinds else ""
    found = Amount(
        low=bad,
        high=bad,
        text=f"{bad} of {n} requests failed while {service} was gone{said}",
        expected="none",
        limit=0.0,
        op=Op.AT_MOST,
        unknown="" if n else _NONE,
        method="requests that were due from the loss to the restore, counted",
        files=tuple(all_files(windows)),
        receipts={**proofs, "load": joined_load_receipt(case.plan, windows, latencies=False)},
        needs=("fault",),
        n=n,
        said="none",
    )
    return replace(amount(case, found, _FAILED), unit="")


SPEC: Final = Spec(
    figure=Figure.WITHOUT_SERVICE,
    judge=without_service,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    timed=True,
    unit="ms",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=load_files,
    sentences=(
        FigureSentence(
            text="with the <service:name> gone no request fails and the response time <quantile> is below <limit:duration> during the fault",
            example="with the cache gone no request fails and the response time p95 is below 1000 ms during the fault",
            op=Op.BELOW,
        ),
    ),
)
