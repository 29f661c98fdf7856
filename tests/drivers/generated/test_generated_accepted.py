"""What the last accepted release answered, what is served, and what services call: against a shop with one difference at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from harness.drivers.facts import FactReading
from harness.drivers.generated import contracts
from harness.drivers.generated.contracts import Answered, contract_facts
from harness.drivers.generated.findings import DrawnInputs
from harness.drivers.generated.kept import kept_facts
from harness.drivers.generated.served import served_facts, served_in
from harness.errors import ConfigurationError
from harness.targets import Target, load_target
from harness.targets.openapi.source import DescriptionText
from tests.drivers.generated.described_shop import DESCRIPTION, serving


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written outside the test's directory, and no test waits for callers."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(contracts, "COUNTED_S", 0.0)


def target_of(
    directory: Path,
    entry: str,
    api: str = "",
    *,
    now: Mapping[str, Any] = DESCRIPTION,
    accepted: Mapping[str, Any] = DESCRIPTION,
) -> Target:
    """A target that may be written to, with its description now and that of the last accepted release."""
    for name, content in (("now", now), ("accepted", accepted)):
        (directory / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    file = directory / "target.yaml"
    descriptions = "  description: {entry: now.json, orders: now.json}\n  accepted: accepted.json"
    head = f"name: shop\nenvironment: staging\nentry: {entry}\ndisposable: true"
    file.write_text(f"{head}\napi:\n{descriptions}\n{api}\n", encoding="utf-8")
    return load_target(file)


def asked(target: Target) -> DrawnInputs:
    """Twelve inputs to each operation."""
    assert target.api is not None
    return DrawnInputs(target=target, api=target.api, count=12, seed=1)


def changed(change: str) -> dict[str, Any]:
    """The description with one change."""
    other: dict[str, Any] = deepcopy(DESCRIPTION)
    order = other["components"]["schemas"]["Order"]
    if change == "an operation more":
        other["paths"]["/prices"] = {"get": {"responses": {"200": {"description": ""}}}}
    elif change == "no other fields":
        del order["properties"]["amount"]
        order["additionalProperties"] = False
    else:
        order["properties"]["price"] = {"type": "integer"}
        order["required"] = [*order["required"], *(["price"] if change == "a field more that must be there" else [])]
    return other


def bad(facts: Sequence[FactReading], *, ok: bool | None = False) -> list[str]:
    """The facts with an outcome."""
    return [f"{one.subject}: {one.observed}" for one in facts if one.ok is ok]


def test_a_release_that_answers_what_the_accepted_one_did_passes(tmp_path: Path) -> None:
    """Each field that is described is a fact."""
    with serving() as shop:
        facts = kept_facts(asked(target_of(tmp_path, shop.entry)))
    assert (bad(facts), bad(facts, ok=None)) == ([], [])
    fields = [one.subject for one in facts if ": field " in one.subject and one.subject.startswith("GET")]
    assert fields == [f"GET /orders/{{id}}: field {name}" for name in ("amount", "item", "note")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("a field more that must be there", "at $: 'price' is a required property"),
        (
            "a field more that may be there",
            "GET /orders/{id}: field price: in none of 12 answers, and no longer in the description",
        ),
        ("an operation more", "GET /prices: status 400"),
    ],
)
def test_what_is_gone_from_answer_and_description_fails(tmp_path: Path, change: str, said: str) -> None:
    """The accepted description has it, the present one has not, and no answer has."""
    with serving() as shop:
        facts = kept_facts(asked(target_of(tmp_path, shop.entry, accepted=changed(change))))
    assert any(said in one for one in bad(facts)), bad(facts)


def test_an_optional_field_that_is_still_described_is_kept(tmp_path: Path) -> None:
    """No answer needs to have it: a feature may be off."""
    both = changed("a field more that may be there")
    with serving() as shop:
        facts = kept_facts(asked(target_of(tmp_path, shop.entry, now=both, accepted=both)))
    assert bad(facts) == []


def test_a_parameter_of_another_name_is_the_same_operation(tmp_path: Path) -> None:
    """`/orders/{number}` was accepted and `/orders/{id}` is described: no client sees the name, and nothing is gone."""
    accepted = deepcopy(DESCRIPTION)
    accepted["paths"]["/orders/{number}"] = accepted["paths"].pop("/orders/{id}")
    for one in accepted["paths"]["/orders/{number}"]["get"]["parameters"]:
        one["name"] = "number" if one["name"] == "id" else one["name"]
    with serving("404") as shop:
        facts = kept_facts(asked(target_of(tmp_path, shop.entry, accepted=accepted)))
    assert [one for one in bad(facts) if "no longer has it" in one] == []


def test_fields_that_came_later_are_no_loss(tmp_path: Path) -> None:
    """The accepted description forbids other fields: a later release may have more."""
    with serving() as shop:
        facts = kept_facts(asked(target_of(tmp_path, shop.entry, accepted=changed("no other fields"))))
    assert [one for one in bad(facts) if one.startswith("GET")] == []


def test_without_an_accepted_description_the_key_is_named(tmp_path: Path) -> None:
    """One clear error."""
    file = target_of(tmp_path, "http://127.0.0.1:9").file
    file.write_text(file.read_text().replace("  accepted: accepted.json\n", ""))
    with pytest.raises(ConfigurationError, match="the description of the last accepted release is missing"):
        kept_facts(asked(load_target(file)))


def served(tmp_path: Path, listed: str = "", routes: Any = "no metrics", allowed: str = "") -> Sequence[FactReading]:
    """What is served beside the description."""
    (tmp_path / "served.txt").write_text(listed)
    api = "  served: served.txt" if listed else ""
    return served_facts(target_of(tmp_path, "http://127.0.0.1:9", api), lambda: routes, lambda _: allowed)


ALL = "# the routes\nGET /health\nHEAD /health\nGET /orders/:number\nPOST /orders\n"


def test_a_list_of_what_is_served_that_is_described_passes(tmp_path: Path) -> None:
    """Names of parameters may differ, and HEAD and OPTIONS are nobody's to describe."""
    facts = served(tmp_path, ALL)
    assert (bad(facts), bad(facts, ok=None)) == ([], [])


@pytest.mark.parametrize(
    ("listed", "routes", "allowed", "said"),
    [
        (f"{ALL}DELETE /orders/{{id}}\n", "", "", ["DELETE /orders/{id}: in the list of served operations, not in the description"]),
        ("", {"createOrder": {"201": 5.0}, "refund": {"200": 2.0}}, "", ["route refund: 2 answers in the metrics of the entry, not in the description"]),
        ("", {"/orders/{id}": {"200": 1.0}, "POST /orders": {"201": 1.0}, "none": {"404": 7.0}, "GET /refunds": {"500": 1.0}}, "", ["route GET /refunds: 1 answers in the metrics of the entry, not in the description"]),
        (ALL, "", "GET, HEAD, DELETE", ["methods of /health: allows DELETE, GET; DELETE not in the description", "methods of /orders/{id}: allows DELETE, GET; DELETE not in the description", "methods of /orders: allows DELETE, GET; DELETE, GET not in the description"]),
    ],
)  # fmt: skip
def test_what_is_served_and_not_described_is_named(
    tmp_path: Path, listed: str, routes: Any, allowed: str, said: list[str]
) -> None:
    """By the list, by the metrics of the entry, and by the methods that paths allow; a route that nobody was served is none."""
    assert bad(served(tmp_path, listed, routes, allowed)) == said


def test_requests_that_met_no_route_are_no_operation_unless_one_was_carried_out(tmp_path: Path) -> None:
    """Their label is that of `metrics.unmatched`; where the file does not name it, it is a route like others."""

    def said(label: str, statuses: Mapping[str, float]) -> list[str]:
        (tmp_path / "served.txt").write_text(ALL)
        file = target_of(tmp_path, "http://127.0.0.1:9", "  served: served.txt").file
        with file.open("a") as text:
            text.write(f"metrics: {{entry: shop, unmatched: '{label}'}}\n")
        return bad(served_facts(load_target(file), lambda: {"none": statuses}, lambda _: ""))

    other = "in the metrics of the entry, not in the description"
    assert said("none", {"403": 9.0, "404": 2.0}) == []
    assert said("none", {"200": 1.0, "403": 9.0}) == [f"route none: 10 answers {other}"]
    assert said("", {"403": 9.0}) == [f"route none: 9 answers {other}"]


def test_a_custom_method_is_no_parameter(tmp_path: Path) -> None:
    """`/orders:refund` is described, and `/orders:purge`, which is served, is another path."""
    now = deepcopy(DESCRIPTION)
    now["paths"]["/orders:refund"] = now["paths"]["/orders"]
    (tmp_path / "served.txt").write_text(f"{ALL}POST /orders:refund\nPOST /orders:purge\n")
    target = target_of(tmp_path, "http://127.0.0.1:9", "  served: served.txt", now=now)
    said = bad(served_facts(target, lambda: "no metrics", lambda _: ""))
    assert said == ["POST /orders:purge: in the list of served operations, not in the description"]


def test_where_nobody_knows_what_is_served_nothing_passes(tmp_path: Path) -> None:
    """The described paths alone say nothing of others."""
    facts = served(tmp_path, allowed="GET")
    assert bad(facts, ok=None) == ["what the entry serves: known are only the methods of described paths (no metrics)"]


def test_a_list_is_lines_or_json() -> None:
    """And one that is neither has its line named."""
    text = DescriptionText(source="routes.json", body=b'[{"method": "get", "path": "/a"}]')
    assert served_in(text) == [("GET", "/a")]
    with pytest.raises(ConfigurationError, match=r"routes.txt:2: the line 'FETCH /b' names no operation"):
        served_in(DescriptionText(source="routes.txt", body=b"GET /a\nFETCH /b\n"))
    for body in (b"[1]", b"# nothing\n"):
        with pytest.raises(ConfigurationError, match="routes"):
            served_in(DescriptionText(source="routes", body=body))


CALLS = """  contracts:
    - {{caller: cart, service: orders, address: "{address}", operations: [{operations}]}}
"""


def called(
    tmp_path: Path, counted: Sequence[Answered | str], operations: str = "readOrder", defect: str = ""
) -> Sequence[FactReading]:
    """The facts on declared calls, with what the service has counted before and after."""
    readings = iter(counted)
    with serving(defect) as shop:
        api = CALLS.format(address=shop.entry, operations=operations)
        return contract_facts(asked(target_of(tmp_path, shop.entry, api)), lambda _: next(readings))


BEFORE: Answered = {"readOrder": {"200": 5.0}}
AFTER: Answered = {"readOrder": {"200": 9.0, "400": 1.0}}


def test_a_declared_call_that_is_made_and_answered_passes(tmp_path: Path) -> None:
    """The harness's own calls are as described, and callers got described statuses meanwhile."""
    facts = called(tmp_path, [BEFORE, AFTER])
    assert (bad(facts), bad(facts, ok=None)) == ([], [])
    assert "in 0 s 4 got 200, 1 got 400" in [one.observed for one in facts]


@pytest.mark.parametrize(("status", "right"), [("201", True), ("409", False)])
def test_answers_that_are_counted_by_path_may_be_of_another_method(tmp_path: Path, status: str, *, right: bool) -> None:
    """`/orders` has POST too: its 201 is none of a GET; a status that no method of the path describes is wrong."""
    now = deepcopy(DESCRIPTION)
    now["paths"]["/orders"]["get"] = {"responses": {"200": {"description": ""}}}
    readings: Iterator[Answered] = iter([{"/orders": {"200": 5.0}}, {"/orders": {"200": 9.0, status: 2.0}}])
    with serving() as shop:
        api = CALLS.format(address=shop.entry, operations='"GET /orders"')
        facts = contract_facts(asked(target_of(tmp_path, shop.entry, api, now=now)), lambda _: next(readings))
    (counted,) = [one for one in facts if one.subject.startswith("calls of")]
    assert counted.ok is right


@pytest.mark.parametrize(
    ("after", "operations", "defect", "said"),
    [
        ({"readOrder": {"200": 9.0, "404": 3.0}}, "readOrder", "", "calls of cart to orders: GET /orders/{id}: in 0 s 4 got 200, 3 got 404"),
        (AFTER, "readOrder, fetchOrder", "", "cart to orders: fetchOrder: the description of orders has no such operation"),
        (AFTER, "readOrder", "another media type", "cart to orders: GET /orders/1: status 200, text/html"),
    ],
)  # fmt: skip
def test_a_declared_call_that_is_answered_otherwise_fails(
    tmp_path: Path, after: Answered, operations: str, defect: str, said: str
) -> None:
    """A status that is not described, an operation that was renamed, a body of another kind."""
    assert any(one.startswith(said) for one in bad(called(tmp_path, [BEFORE, after], operations, defect)))


@pytest.mark.parametrize(
    ("counted", "said"),
    [
        ([BEFORE, BEFORE], "calls of cart to orders: GET /orders/{id}: no call in 0 s"),
        (["no pod was found", BEFORE], "calls of cart to orders: GET /orders/{id}: not counted: no pod was found"),
    ],
)
def test_a_declared_call_that_nobody_made_is_no_evidence(
    tmp_path: Path, counted: list[Answered | str], said: str
) -> None:
    """The harness's own calls show that it would be answered, not that it is made."""
    facts = called(tmp_path, counted)
    assert (bad(facts), bad(facts, ok=None)) == ([], [said])


def test_paths_that_do_not_say_their_methods_in_time_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of a thousand paths may take seconds; those that were not asked leave it undecided."""
    monkeypatch.setattr("harness.drivers.generated.served._METHODS_S", 0.0)
    said = bad(served(tmp_path, ALL, allowed="GET"), ok=None)
    assert said == ["methods of paths: 3 of 3 paths were not asked within 0 s"]
