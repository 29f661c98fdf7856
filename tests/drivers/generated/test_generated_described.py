"""Requests drawn from an API description, against a shop with one defect at a time."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.drivers.check.described import core_operations, described_operations, malformed_inputs
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target, load_target
from tests.drivers.generated.described_shop import DESCRIPTION, serving


def shop_target(
    directory: Path, entry: str, description: Any = DESCRIPTION, more: str = "disposable: true\n"
) -> Target:
    """A target with this API description."""
    (directory / "openapi.json").write_text(json.dumps(description), encoding="utf-8")
    file = directory / "target.yaml"
    api = "" if "api:" in more else "api: {description: openapi.json, values: {}}\n"
    file.write_text(f"name: shop\nenvironment: staging\nentry: {entry}\n{api}{more}", encoding="utf-8")
    return load_target(file)


def read(probe: Any) -> Sequence[FactReading]:
    """The facts."""
    return probe()


def outcome(facts: Sequence[FactReading]) -> bool | None:
    """As the judge has it: a false fact, else an unknown one, else as expected."""
    found = {fact.ok for fact in facts}
    return False if False in found else None if None in found or not facts else True


def first(facts: Sequence[FactReading], ok: bool | None) -> str:
    """The first fact with an outcome, as the reason names it."""
    return next(f"{fact.subject}: {fact.observed}, expected {fact.expected}" for fact in facts if fact.ok is ok)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written outside the test's directory."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))


def test_a_shop_that_is_as_described_passes_both(tmp_path: Path) -> None:
    """Every operation was called, each request is a fact, and so is the description with its hash."""
    with serving() as shop:
        target = shop_target(tmp_path, shop.entry)
        answered = read(described_operations(target, {"inputs": "30"}))
        refused = read(malformed_inputs(target, {"inputs": "30"}))
    assert outcome(answered) is True, (
        first(answered, None) if None in {f.ok for f in answered} else first(answered, False)
    )
    assert outcome(refused) is True, [f for f in refused if f.ok is not True][:5]
    print(*answered[:12], *refused[:30], sep="\n")


@pytest.mark.parametrize(
    ("defect", "said"),
    [
        ("a field of the wrong type", "GET /orders/1001"),
        ("5xx of an emoji", "POST /orders"),
        ("5xx above int32", "POST /orders"),
        ("an undocumented status", "GET /orders/1?detail=long: status 206"),
        ("another media type", "GET /orders/1: status 200, text/html"),
    ],
)
def test_each_defect_fails_with_the_smallest_request(defect: str, said: str, tmp_path: Path) -> None:
    """The reason names the smallest request that is answered wrongly, with status and what was described."""
    with serving(defect) as shop:
        facts = read(described_operations(shop_target(tmp_path, shop.entry), {"inputs": "50"}))
    assert outcome(facts) is False
    print(first(facts, False))
    assert first(facts, False).startswith(said)
