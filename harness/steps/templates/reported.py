"""Figures of load reports that other tools wrote. Sentences under Then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from harness.drivers.claim import keys_of
from harness.drivers.ingest.reports import YOUNGER
from harness.model import Figure, Op
from harness.steps.objectives import of_load_report
from harness.steps.template import Noun, form

_OF_ROUTES: Final = "[ of <routes>]"
_FORM: Final = form(
    "reported-load",
    f"the reported <figure:noun> is <bound:noun>{YOUNGER}",
    (
        "Of the load report that the scenario has read. Single requests have the bounds of the run's own load; of a summary the counts have exact bounds, and "
        "a percentile counts only where the tool states it."
    ),
    Noun(
        (f"response time <quantile>{_OF_ROUTES}", "below <limit:duration>"),
        of_load_report(Figure.REPORTED_TIME),
        "A quantile of the response times of a load report; a request without an answer counts as over any limit.",
        'the reported response time p99 of route "checkout" is below 400 ms, younger than 7 d',
    ),
    Noun(
        (f"mean response time{_OF_ROUTES}", "below <limit:duration>"),
        of_load_report(Figure.REPORTED_MEAN),
        "The mean of the response times of a load report; a request without an answer makes it unbounded above.",
        "the reported mean response time is below 100 ms",
    ),
    Noun(
        (f"error rate{_OF_ROUTES}", "below <limit:ratio>"),
        of_load_report(Figure.REPORTED_ERRORS),
        "Requests that failed, as the tool says, over all requests of a load report.",
        'the reported error rate of route "checkout" is below 1 %',
    ),
    Noun(
        ("number of requests served per second", "at least <limit:count>/s"),
        of_load_report(Figure.REPORTED_RATE, Op.AT_LEAST),
        "Requests of a load report that did not fail, over the length of its load.",
        "the reported number of requests served per second is at least 100/s",
    ),
    Noun(
        (f"number of requests{_OF_ROUTES}", "at least <limit:count>"),
        of_load_report(Figure.REPORTED_REQUESTS, Op.AT_LEAST),
        "Requests of a load report, failed ones too.",
        "the reported number of requests is at least 10000",
    ),
)


def _keys(params: Mapping[str, str]) -> Iterable[str]:
    return keys_of(("evidence.load.<report>",), params)


REPORTED: Final = (replace(_FORM, keys=_keys, nouns=tuple(replace(one, keys=_keys) for one in _FORM.nouns)),)
