"""k6's single requests: the lines of JSON that `k6 run --out json=FILE` writes, plain or in gzip.

Source: https://grafana.com/docs/k6/latest/results-output/real-time/json/ (times are in ms) and
https://grafana.com/docs/k6/latest/using-k6/metrics/reference/. `http_req_duration` is from the first byte sent to the last
byte received, without DNS and connecting; its `time` is the end. A request failed where its tag `expected_response` is not
`true`; without the tag where its status is not 200 to 399, k6's default. Status 0 is a request without an answer.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from harness.drivers.ingest.formats.plain import shown
from harness.drivers.ingest.load.fields import Rfc3339, number_at
from harness.drivers.ingest.load.protocol import (
    ANSWERED,
    UNANSWERED,
    LoadFormat,
    LoadRemarks,
    LoadSample,
    ms_to_ns,
)
from harness.drivers.ingest.load.stream import ReportStream

_DURATION: Final = "http_req_duration"
_COUNTED: Final = ("http_reqs", _DURATION, "http_req_failed")
"""Metrics with one point for each request."""
_TOLD: Final = ("release", "commit", "environment", "target")
"""Tags that say where a report comes from: `k6 run --tag commit=…`."""
_HINT: Final = "write it again with `k6 run --out json=FILE`, and let k6 end by itself"
_TAGS: Final = "keep the system tags `status`, `name` and `expected_response` (`--system-tags`), then run k6 again"


def points(source: ReportStream, remarks: LoadRemarks) -> Iterator[LoadSample]:
    """The requests of a file, by their points of `http_req_duration`."""
    clock, declared, counts, failures = Rfc3339(), Counter[str](), Counter[str](), Counter[str]()
    for text in source.lines():
        metric, data = _point(text, source)
        if data is None:
            declared[metric] += 1
            continue
        counts[metric] += 1
        if metric == _DURATION:
            sample = _request(data, clock, source, remarks)
            failures["by tags"] += bool(sample.error)
            yield sample
        elif metric == "http_req_failed":
            failures["by points"] += bool(number_at(data, "value", source.at()))
        elif metric == "dropped_iterations":
            remarks.dropped += int(number_at(data, "value", source.at(), whole_number=True))
    remarks.doubts += _differences(counts, failures)
    if again := [metric for metric, n in declared.items() if n > 1]:
        remarks.doubts.append(
            f"declares the metric {shown(again[0])} {declared[again[0]]} times: it is of several runs"
        )


def _differences(counts: Mapping[str, int], failures: Mapping[str, int]) -> Iterator[str]:
    seen = {metric: counts[metric] for metric in _COUNTED if counts[metric] or metric != "http_req_failed"}
    if len(set(seen.values())) > 1:
        numbers = ", ".join(f"{n} points of {metric}" for metric, n in seen.items())
        yield f"{numbers}, expected one of each for a request: the file is cut short, or k6 left metrics out"
    if "http_req_failed" in seen and failures["by tags"] != failures["by points"]:
        yield f"{failures['by points']} points of http_req_failed are 1, and {failures['by tags']} requests have a tag of a failure"


def _point(text: str, source: ReportStream) -> tuple[str, Mapping[str, Any] | None]:
    """The metric of a line and its point; None: the line declares the metric."""
    try:
        value = json.loads(text, parse_constant=_not_a_number)
    except (ValueError, RecursionError) as error:
        raise source.refuse("is not a line of JSON", _HINT) from error
    if not isinstance(value, dict) or value.get("type") not in ("Metric", "Point") or "metric" not in value:
        raise source.refuse("is neither a `Metric` nor a `Point`", _HINT)
    data = value.get("data")
    if not isinstance(data, dict) or not isinstance(value["metric"], str):
        raise source.refuse("has no object `data`, or no name of a metric", _HINT)
    return value["metric"], data if value["type"] == "Point" else None


def _not_a_number(name: str) -> NoReturn:
    raise ValueError(name)


def _request(data: Mapping[str, Any], clock: Rfc3339, source: ReportStream, remarks: LoadRemarks) -> LoadSample:
    tags = data.get("tags")
    if not isinstance(tags, dict) or not isinstance(status := tags.get("status"), str) or not status.isdecimal():
        raise source.refuse("a point of http_req_duration has no tag `status` with a number", _TAGS)
    name = tags.get("name") or tags.get("url")
    if not isinstance(name, str) or len(status) > 3:
        raise source.refuse(f"a point of http_req_duration has no tag `name`, or the status {shown(status)}", _TAGS)
    for key in _TOLD:
        if key in tags:
            remarks.origin.setdefault(key, set()).add(str(tags[key]))
    expected = tags.get("expected_response", "true" if 200 <= int(status) < 400 else "false")
    done_ns = clock.ns(data.get("time"), source, "time")
    took_ns = ms_to_ns(number_at(data, "value", source.at()))
    kind = f"status {int(status)}" if int(status) else f"error_code {shown(str(tags.get('error_code', 'unknown')))}"
    error = "" if expected == "true" else kind
    answered = ANSWERED if int(status) else UNANSWERED
    return LoadSample(source.line, done_ns - took_ns, done_ns, name, error, answered)


def _recognises(head: bytes) -> bool:
    line = head.partition(b"\n")[0]
    return line.lstrip().startswith(b"{") and b'"metric"' in line and (b'"Metric"' in line or b'"Point"' in line)


K6_POINTS: Final = LoadFormat(tool="k6", what="k6's lines of JSON", recognises=_recognises, samples=points)
