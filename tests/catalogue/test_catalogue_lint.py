"""The bundled catalogue is sound, every way of being unsound is found, and every row is traced to what bears it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.catalogue import lint, load_catalogue, tallies, trace, unaccounted
from harness.model import Claim
from tests.builders.scenarios import scenario

ROW = """\
profile: shop
sections:
  - source: contract
    requirements:
      - {id: S-1, title: one, criterion: "S-2 and S-3 pass", kinds: [D], gate: major}
      - {id: S-2, title: two, criterion: "S-3 passes", kinds: [D], gate: major}
      - {id: S-3, title: three, criterion: "the error rate is below 1 %", kinds: [L], gate: major, falsified_by: errors}
"""


def test_the_bundled_catalogue_is_sound() -> None:
    """Nothing to correct."""
    assert lint(load_catalogue()) == ()


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("S-3 passes", "S-4 passes", "S-2 is derived from S-4, which no file defines"),
        ("S-3 passes", "S-1 passes", "derived from itself: S-1 → S-2 → S-1"),
        (
            "kinds: [L]",
            "kinds: [A]",
            "the first kind is A, which does not fit the criterion 'the error rate is below 1 %'",
        ),
        ("kinds: [D]", "kinds: [C]", "the first kind is C, which does not fit the criterion 'S-2 and S-3 pass'"),
        ("kinds: [L]", "kinds: [L, L]", "S-3: a kind is listed twice"),
        (", falsified_by: errors", "", "S-3: the key `falsified_by` is missing"),
    ],
)
def test_an_unsound_row_is_found(tmp_path: Path, old: str, new: str, what: str) -> None:
    """One problem, with its place."""
    file = tmp_path / "shop.yaml"
    file.write_text(ROW.replace(old, new, 1), encoding="utf-8")
    problem, *_ = lint(load_catalogue([file]))
    assert what in problem.what
    assert problem.at.startswith(f"{file}:")


def test_numbers_that_are_used_twice_and_deviations_that_touch_nothing(tmp_path: Path) -> None:
    """A project may deviate too."""
    file = tmp_path / "more.yaml"
    file.write_text(
        "deviations:\n  - {id: V1, name: n, document_says: a, shipped: b, requirements: [DA-NONE]}\n", encoding="utf-8"
    )
    problems = [str(problem) for problem in lint(load_catalogue([tmp_path]))]
    assert problems[0].startswith(f"{file}:2: deviation V1 is defined twice: ")
    assert problems[0].endswith("contradictions.yaml:1630\n  hint: give one entry another number")
    assert problems[1].startswith(f"{file}:2: deviation V1 (n) touches DA-NONE, which no file defines")


def test_a_part_that_no_row_waits_for_is_found(tmp_path: Path) -> None:
    """It would be listed and never named."""
    file = tmp_path / "shop.yaml"
    file.write_text(f"{ROW}parts:\n  - {{name: belt, title: a belt, brings: parcels, stage: 2}}\n", encoding="utf-8")
    (problem,) = lint(load_catalogue([file]))
    assert str(problem).startswith(f"{file}:9: no requirement needs the part `belt`")


def test_every_row_is_accounted_for_by_form(tmp_path: Path) -> None:
    """S-3 has a scenario, S-2 waits for a part, S-1 has neither and is a problem with its place."""
    file = tmp_path / "shop.yaml"
    waiting = ROW.replace('criterion: "S-3 passes", kinds: [D]', 'criterion: "S-3 passes", kinds: [D], needs: [bus]')
    file.write_text(waiting, encoding="utf-8")
    catalogue = load_catalogue([file])
    shop = replace(catalogue, requirements={row.id: row for row in catalogue.profile(["shop"])})
    measured, derived, *others = tallies(shop, {"S-3"})
    assert (measured.form, measured.rows, measured.claimed, measured.accounted) == ("measured", 1, 1, 1)
    assert (derived.form, derived.rows, derived.waiting, derived.without) == ("derived", 2, 1, ("S-1",))
    assert [form.rows for form in others] == [0, 0]
    (problem,) = unaccounted(shop, {"S-3"})
    assert str(problem).startswith(
        f"{file}:5: S-1 has no scenario, and `needs` names no missing component\n  hint: write a scenario"
    )


def test_a_row_is_traced_to_its_scenarios_their_sentences_and_evidence() -> None:
    """What is not traced says what it waits for, what is wrong with its scenario, or that there is none."""
    claim = Claim(
        scenario=scenario(
            "quick", "when: traffic has run", "then: the error rate is below 1 %", file="features/a.feature", line=3
        ),
        requirement="ND-KPI-P95",
        objectives=(),
        demands=("traffic everyday", "experiment pod-loss traffic=everyday", "experiment node-loss traffic=everyday"),
    )
    wrong = {"ND-KPI-UPTIME": "its scenario has an error: features/a.feature:9: no such sentence"}
    traces = {line.requirement.id: line for line in trace(load_catalogue(), [claim], wrong)}
    assert len(traces) == 771
    (one,) = traces["ND-KPI-P95"].scenarios
    assert (one.at, one.title, one.evidence) == ("features/a.feature:3", "quick", ("traffic", "experiment"))
    assert [(step.keyword, step.text) for step in one.sentences] == [("then", "the error rate is below 1 %")]
    assert traces["ND-KPI-P95"].why == ""
    assert traces["ND-KPI-UPTIME"].why == wrong["ND-KPI-UPTIME"]
    assert traces["ND-PH1-EVENTBUS"].why == "missing component `bus` (event bus and its consumers)"
    assert traces["ND-KPI-ERRORS"].why == "no scenario claims it"
    assert traces["ND-PHASE-1"].parts == ("ND-PH1-GATEWAY", "ND-PH1-EVENTBUS", "ND-PH1-DISCOVERY", "ND-PH1-MONITORING")
