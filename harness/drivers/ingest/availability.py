"""Which share of a window a service was available, as Prometheus recorded it; a missing point counts as unknown."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.drivers.claim import claim
from harness.drivers.facts import FactReading
from harness.drivers.ingest.formats.plain import LARGEST_TEXT, read_report
from harness.drivers.ingest.formats.samples import RangeAnswer, range_answer
from harness.drivers.ingest.reports import age_of, key_of, matching
from harness.drivers.paper import Asked
from harness.errors import ConfigurationError, DriverError, TargetUnreachable
from harness.model import FactAmount, Quantity
from harness.targets.files.paper import PrometheusQuery
from harness.words import some

if TYPE_CHECKING:
    import httpx

MOST_POINTS: Final = 10_000
"""Most points of one request; Prometheus refuses more than 11 000."""
ANSWER_S: Final = 10.0
"""Timeout in s for connecting, and between two parts of an answer."""
COMPLETE_S: Final = 60.0
"""Timeout in s for all answers together."""


@claim(
    "at least <share:ratio> of the last <window:duration> was available",
    needs=("evidence.prometheus.<report>",),
    example="at least 99.9 % of the last 30 d was available",
)
def was_available(asked: Asked) -> Sequence[FactReading]:
    """The mean of the query over every step of the window; PASS or FAIL only if it does not depend on missing points."""
    query = _query(asked)
    least, window = Quantity.parse(asked.params["share"]), asked.params["window"]
    step = max(1, round(query.step_s))
    points = max(1, round(age_of(window).total_seconds() / step))
    end = int(asked.today.timestamp()) // step * step
    times = range(end - (points - 1) * step, end + 1, step)
    answers = _saved(asked, query.answers) if query.answers else _answers(asked, query, times)
    values = _values(answers, times)
    warnings = [warning for answer in answers for warning in answer.warnings]
    facts = [_share(values, points, least, f"available in the last {window} before {asked.today:%Y-%m-%d %H:%M} UTC")]
    if warnings:
        facts.append(
            FactReading(subject="answer", expected="complete", observed=f"Prometheus warns: {some(warnings)}", ok=None)
        )
    return facts


def _query(asked: Asked) -> PrometheusQuery:
    if asked.params.get("format") != "prometheus":
        what = "the sentence is about a Prometheus query"
        raise ConfigurationError(what, where=key_of(asked), hint="name the query in the When step")
    query = asked.target.evidence.prometheus.get(asked.params["report"])
    if query is None:
        raise ConfigurationError("is not in the target file", where=key_of(asked), hint="give it a `query`")
    return query


def _saved(asked: Asked, patterns: Sequence[str]) -> list[RangeAnswer]:
    """The answers of the query from files in which they were saved."""
    answers = []
    for path in matching(asked, patterns):
        answers.append(range_answer(read_report(path, LARGEST_TEXT), str(path)))
        asked.keep(path)
    return answers


def _values(answers: Sequence[RangeAnswer], times: range) -> dict[int, float]:
    """The value at each time, from points at it or less than a step before it, since saved answers may lie between; the lowest counts."""
    found: dict[int, float] = {}
    for answer in answers:
        for at, value in answer.values.items():
            due = times.start + -(-(at - times.start) // times.step) * times.step
            if due in times:
                found[due] = min(value, found.get(due, value))
    return found


def _answers(asked: Asked, query: PrometheusQuery, points: range) -> list[RangeAnswer]:
    """The answers of Prometheus, in as few requests as it allows; each answer is kept with the run."""
    from harness.targets.http import http_client

    url = query.url or asked.target.prometheus
    if not url:
        raise ConfigurationError("has no address", where=key_of(asked), hint="add `url`, or `prometheus` to the target")
    deadline, answers = clock.Deadline.after(COMPLETE_S), []
    with tempfile.TemporaryDirectory() as directory, http_client(asked.target, url, timeout_s=ANSWER_S) as client:
        for number, start in enumerate(range(0, len(points), MOST_POINTS), start=1):
            part = points[start : start + MOST_POINTS]
            params = {"query": query.query, "start": str(part[0]), "end": str(part[-1]), "step": str(points.step)}
            body = _body(client, params, url, deadline)
            copy = Path(directory) / f"{asked.params['report']}-{number}.json"
            copy.write_bytes(body)
            asked.keep(copy)
            answers.append(range_answer(body, f"{url}/api/v1/query_range"))
    return answers


def _body(client: httpx.Client, params: dict[str, str], url: str, deadline: clock.Deadline) -> bytes:
    """The body of one answer; also that of an error in JSON, which says what is wrong."""
    import httpx

    where, hint = f"{url}/api/v1/query_range", "see that Prometheus answers there, then run again"
    try:
        with client.stream("GET", "/api/v1/query_range", params=params) as answer:
            body = b"".join(_pieces(answer, deadline, where))
    except httpx.TimeoutException as error:
        raise TargetUnreachable(f"no answer within {ANSWER_S:g} s", where=where, hint=hint) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TargetUnreachable(f"no answer: {error}", where=where, hint=hint) from error
    if not answer.is_success and not body.lstrip().startswith(b"{"):
        raise DriverError(f"answers with status {answer.status_code}", where=where, hint=hint)
    return body


def _pieces(answer: httpx.Response, deadline: clock.Deadline, where: str) -> Iterator[bytes]:
    size = 0
    for piece in answer.iter_bytes():
        size += len(piece)
        if size > LARGEST_TEXT:
            raise DriverError(f"answers with more than {LARGEST_TEXT} bytes", where=where, hint="make `step` longer")
        if deadline.over:
            raise DriverError(
                f"the answers of Prometheus did not complete within {COMPLETE_S:g} s",
                where=where,
                hint="make `step` longer",
            )
        yield piece


def _share(values: dict[int, float], points: int, least: Quantity, subject: str) -> FactReading:
    """PASS if the share suffices even if every missing point was down; FAIL if it does not even if every missing point was up."""
    expected = f"at least {least}"
    if any(not 0 <= value <= 1 for value in values.values()):
        odd = next(value for value in values.values() if not 0 <= value <= 1)
        seen = f"the query gives {odd:g}, and a share is from 0 to 1"
        return FactReading(subject=subject, expected=expected, observed=seen, ok=None)
    up, missing = sum(values.values()), points - len(values)
    low, high = up / points, (up + missing) / points
    seen = f"{100 * low:.5g} %" if not missing else f"{100 * low:.5g} % to {100 * high:.5g} %"
    seen += f", {missing} of {points} points are missing" if missing else f" of {points} points"
    ok = True if low >= least.base else False if high < least.base else None
    amount = FactAmount(value=low, unit="ratio", at_least=True)
    return FactReading(subject=subject, expected=expected, observed=seen, ok=ok, amount=amount)
