"""`docs/verdict.schema.json` describes `verdict.json`, wholly and exactly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator, ValidationError
from report_builders import go, no_go, nothing

from harness.judgement import judge
from harness.model import PipelineResult
from harness.report import render_verdict
from harness.report.document import json_schema, verdict_document

SCHEMA: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "docs/verdict.schema.json").read_text(encoding="utf-8")
)
MAPS = (
    "scope",
    "share",
    "errors",
    "missing",
    "regions",
    "users",
    "users_thin",
    "inputs",
    "observed",
    "before",
    "after",
)
RUNS = {"go": go, "no_go": no_go, "nothing": nothing}
VALIDATOR: Final = Draft202012Validator(SCHEMA)


def _document(name: str = "no_go") -> dict[str, Any]:
    given, _, judged = RUNS[name]()
    document: dict[str, Any] = json.loads(render_verdict(given, judged))
    return document


def _validate(document: dict[str, Any]) -> None:
    VALIDATOR.validate(document)


def _brief(value: Any) -> Any:
    """The document with the first object of each list alone, whose fields the others have too."""
    if isinstance(value, dict):
        return {key: _brief(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_brief(inner) for inner in (value[:1] if value and isinstance(value[0], dict) else value)]
    return value


def _objects(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to every object of the document with fixed keys; free maps are not among them."""
    if isinstance(value, dict):
        if not path or path[-1] not in MAPS:
            yield path
        for key, inner in value.items():
            yield from _objects(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value[:1]):
            yield from _objects(inner, (*path, index))


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def test_every_field_is_described_and_every_object_closed() -> None:
    """Objects either list their fields, all required but `worst_requests`, which few figures have, or say what their values are."""

    def walk(schema: Any, where: str) -> Iterator[str]:
        for name, field in schema.get("properties", {}).items():
            if not field.get("description"):
                yield f"{where}.{name} is not described"
            yield from walk(field, f"{where}.{name}")
        if "properties" in schema and (
            schema.get("additionalProperties") is not False
            or schema["required"] != [name for name in schema["properties"] if name != "worst_requests"]
        ):
            yield f"{where} is open"
        if isinstance(schema.get("items"), dict):
            yield from walk(schema["items"], f"{where}[]")
        for name, definition in schema.get("$defs", {}).items():
            yield from walk(definition, name)

    assert list(walk(SCHEMA, "verdict")) == []


@pytest.mark.parametrize("name", RUNS)
def test_real_documents_validate(name: str) -> None:
    """GO, NO-GO, and a run that recorded nothing."""
    _validate(_document(name))


def test_what_the_judge_itself_says_validates() -> None:
    """Of the same evidence, and of none."""
    for name in ("no_go", "nothing"):
        given, evidence, _ = RUNS[name]()
        _validate(json.loads(render_verdict(given, judge(given, evidence))))


def test_a_document_with_a_field_too_many_does_not_validate() -> None:
    """At whatever depth it is."""
    document = _brief(_document())
    _validate(document)
    missed = []
    for path in _objects(document):
        holder = _at(document, path)
        holder["surprise"] = 1
        if VALIDATOR.is_valid(document):
            missed.append(path)
        del holder["surprise"]
    assert missed == []


def test_a_wrong_value_does_not_validate(subtests: pytest.Subtests) -> None:
    """Neither of another type nor out of its range."""
    for path, value in [
        (("schema",), 1),
        (("decision",), "MAYBE"),
        (("time_scale",), 0),
        (("requirements", 0, "verdict"), "NOT ASSESSED"),
        (("requirements", 0, "gate"), "minor"),
        (("requirements", 0, "measures", 0, "value"), "41.2 ms"),
        (("requirements", 0, "measures", 0, "receipts", "load"), True),
        (("experiments", 0, "verdict"), "FAIL"),
        (("experiments", 0, "recovery_s", "writes", "outages"), [[1.0]]),
        (("traffic", 0, "n"), 1.5),
        (("traffic", 0, "model"), "half-open"),
        (("traffic", 0, "workers", 0, "cpu"), "41 %"),
        (("ledger", "missing"), {"database": 0.5}),
        (("pipeline", "lost"), -1),
        (("watchers", 0, "blind_s"), None),
        (("experiments", 0, "failed_probes", 0, "operation"), "deletes"),
        (("experiments", 3, "regions", "us-east-1", "stalls"), [[1.0]]),
    ]:
        with subtests.test(path=path):
            document = _document()
            _at(document, path[:-1])[path[-1]] = value
            with pytest.raises(ValidationError):
                _validate(document)


def test_the_file_carries_what_the_page_shows_of_watchers_ledger_pipeline_and_generators() -> None:
    """One name a figure, as in the model."""
    document = _document("go")
    assert document["watchers"][2]["longest_gap_ms"] == 812.0
    assert document["watchers"][2]["blind_s"] == 0.812
    assert document["ledger"]["missing"] == {"database": 0, "us-east-1": 0}
    assert document["pipeline"]["visible_p95_s"] == 0.187
    assert document["traffic"][0]["model"] == "open"
    assert document["traffic"][0]["workers"][1]["offset_ns"] == 1_800_000
    assert document["doors"][1] == {
        "region": "us-east-1",
        "n": 8400,
        "failed": 7,
        "share": 0.999167,
        "down_s": 0.35,
        "watched_s": 420.0,
        "longest_s": 0.2,
        "worst": "experiment:pod-loss/after",
    }
    assert document["experiments"][3]["regions"]["us-east-1"]["on_heal"] is True
    assert document["experiments"][3]["recovery_s"]["reads"]["stalls"] == [[0.5, 1.2]]
    assert document["experiments"][3]["failed_probes"][1] == {
        "operation": "writes",
        "null_run": 0.0001,
        "under_fault": 0.360645,
        "difference": 0.360545,
    }


def test_figures_carry_six_digits_and_nothing_that_json_has_no_word_for() -> None:
    """What it divides and adds up itself is rounded too; an infinite bound is null."""
    given, _, judged = go()
    ledger = PipelineResult(visible_p50_s=0.000123456789, visible_p95_s=float("inf"))
    traffic = tuple(replace(traffic, p95_ms=1234567.8, p99_ms=float("nan")) for traffic in judged.traffic)
    document = verdict_document(given, replace(judged, pipeline=ledger, traffic=traffic))
    assert (document["pipeline"]["visible_p50_s"], document["pipeline"]["visible_p95_s"]) == (0.000123457, None)
    assert (document["traffic"][0]["p95_ms"], document["traffic"][0]["p99_ms"]) == (1234570.0, None)
    assert document["journeys"][0]["share"] == 0.00210674


def test_what_the_run_was_made_from_is_named_by_hash() -> None:
    """And the files of the project that replace the package's own."""
    given, _, judged = go()
    given = replace(
        given,
        inputs={"features/normaldance/technical-kpis.feature": "ab" * 32},
        shadowed=("features/normaldance/technical-kpis.feature",),
    )
    document = verdict_document(given, judged)
    assert document["inputs"] == {"features/normaldance/technical-kpis.feature": "ab" * 32}
    assert document["shadowed"] == ("features/normaldance/technical-kpis.feature",)


def test_the_schema_in_the_docs_is_that_of_the_types() -> None:
    """Made by `python -m harness.report.document > docs/verdict.schema.json`."""
    assert json_schema() == SCHEMA


def test_a_document_without_any_one_field_does_not_validate() -> None:
    """At whatever depth it is missing."""
    document = _brief(_document())
    _validate(document)
    missed = []
    for path in _objects(document):
        holder = _at(document, path)
        for key, value in [*holder.items()]:
            del holder[key]
            if VALIDATOR.is_valid(document):
                missed.append((*path, key))
            holder[key] = value
    assert missed == []
