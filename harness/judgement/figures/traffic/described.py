"""Answers as described: every answer to the traffic, held against the API description by the load worker that got it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from harness.judgement.figures.fault_free import all_files, fault_free_windows, judged, over_windows
from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import scope_of
from harness.judgement.figures.sentence import FigureSentence
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import Case, inconclusive
from harness.judgement.receipts.load import joined_load_receipt
from harness.judgement.shapes.amount import Amount, amount
from harness.model import Figure, Measure, Objective, Op, Phase, ReasonKind, Window
from harness.model.observations import AnswerCompared
from harness.model.records.table import AS_DESCRIBED, NOT_AS_DESCRIBED, NOT_COMPARABLE, NOT_COMPARED

_SHOWN: Final = 3
"""Maximum number of examples in a reason."""


def answers_as_described(case: Case) -> Iterable[Measure]:
    """Every answer to the traffic, in all fault-free windows, is as the API description says: status, media type, needed headers and body.

    One answer that is not is a FAIL. Where an answer was not compared, or its operation is not described, nothing passes.
    """
    name = Figure.AS_DESCRIBED.value
    windows = fault_free_windows(case, name)
    if isinstance(windows, Measure):
        yield windows
        return
    traffic = case.objective.params.get("traffic", windows[0].traffic)
    if traffic != windows[0].traffic:
        why = f"the scenario runs {windows[0].traffic} traffic, and the sentence names {traffic}"
        yield inconclusive(case, name, why, "name the traffic of the When step in the sentence")
        return
    counts = dict.fromkeys((NOT_COMPARED, AS_DESCRIBED, NOT_AS_DESCRIBED, NOT_COMPARABLE), 0)
    for window in windows:
        samples = judged(window)
        codes = samples.ints["described"][samples.ints["status"] > 0]
        for code in counts:
            counts[code] += int((codes == code).sum())
    answers = sum(counts.values())
    bad, unknown = counts[NOT_AS_DESCRIBED], counts[NOT_COMPARED] + counts[NOT_COMPARABLE]
    yield amount(
        case,
        Amount(
            low=bad,
            high=bad + (unknown if counts[AS_DESCRIBED] else max(unknown, 1)),
            value=bad,
            limit=0.0,
            op=Op.AT_MOST,
            text=_words(case, windows, counts, answers),
            expected="0",
            method="each answer, compared by its load worker when it came",
            files=all_files(windows),
            scope=scope_of(windows[0], case.objective, ""),
            receipts={"load": joined_load_receipt(case.plan, windows, latencies=False)},
            n=answers,
            hint=_hint(counts),
            kind=ReasonKind.NO_RECORD,
        ),
        name,
    )


def _words(case: Case, windows: Sequence[Window], counts: dict[int, int], answers: int) -> str:
    bad, traffic = counts[NOT_AS_DESCRIBED], windows[0].traffic
    text = f"{bad} of {answers} answers to {traffic} traffic are not as the API description says"
    for code, words in ((NOT_COMPARED, "were not compared"), (NOT_COMPARABLE, "could not be compared")):
        if counts[code]:
            text += f"; {counts[code]} {words}"
    if len(windows) > 1:
        text += f" ({over_windows(windows)})"
    shown = [one for one in case.evidence.every(AnswerCompared) if one.subject == traffic]
    examples = dict.fromkeys(
        f"{one.operation}: {one.what}"
        for one in sorted(shown, key=lambda one: (one.code != NOT_AS_DESCRIBED, one.at_ns))
    )
    return "; ".join([text, *[*examples][:_SHOWN]])


def _hint(counts: dict[int, int]) -> str:
    """What to do where answers were not compared."""
    if counts[NOT_COMPARABLE]:
        return "describe the operation, or correct `api.description` in the target file, then run again"
    if counts[AS_DESCRIBED]:
        return "raise `workers` in loadtests/*.yaml, so that each worker has time to compare its answers"
    return "see load/*/locust.log in the run directory for why no answer was compared, then run again"


def _needs(_objective: Objective) -> Sequence[Need]:
    return (
        Need(
            key="api",
            why="answers are compared with the API description",
            hint="write `api: {description: openapi.yaml}` in the target file",
            lacks="API description",
        ),
    )


SPEC: Final = Spec(
    figure=Figure.AS_DESCRIBED,
    judge=answers_as_described,
    limit=None,
    unit="",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=load_files,
    timed=True,  # a gateway that is late is answered for by the balancer, whose answer no description has
    undisturbed=True,
    words=lambda _objective: "every answer is as the API description says",
    needs=_needs,
    sentences=(
        FigureSentence(
            text='every answer to "<traffic>" traffic matches the API description[ <phase>]',
            example='every answer to "everyday" traffic matches the API description in the steady state',
            op=Op.HOLDS,
        ),
    ),
)
