"""The bundled catalogue is sound, every way of being unsound is found, and every row is traced to what bears it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness.catalogue import Means, lint, load_catalogue, trace
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
        ("kinds: [L]", "kinds: [A]", "the kind A does not go with the criterion 'the error rate is below 1 %'"),
        ("kinds: [D]", "kinds: [C]", "the kind C does not go with the criterion 'S-2 and S-3 pass'"),
        ("kinds: [L]", "kinds: [L, L]", "S-3: a kind is listed twice"),
        (", falsified_by: errors", "", "S-3: nothing is named that would turn it red"),
    ],
)
def test_an_unsound_row_is_found(tmp_path: Path, old: str, new: str, what: str) -> None:
    """One problem, with its place."""
    file = tmp_path / "shop.yaml"
    file.write_text(ROW.replace(old, new, 1), encoding="utf-8")
    problem, *_ = lint(load_catalogue([file]))
    assert what in problem.what
    assert problem.at.startswith(f"{file}:")


def test_numbers_that_stand_twice_and_deviations_that_touch_nothing(tmp_path: Path) -> None:
    """A project may deviate too."""
    (tmp_path / "more.yaml").write_text(
        "deviations:\n  - {id: V1, name: n, document_says: a, shipped: b, requirements: [DA-NONE]}\n", encoding="utf-8"
    )
    problems = [str(problem) for problem in lint(load_catalogue([tmp_path]))]
    assert problems[0] == "deviation V1 is defined twice\n  hint: number it anew"
    assert problems[1].startswith("deviation V1 (n) touches DA-NONE, which no file defines")


def test_every_row_is_traced() -> None:
    """A claimed row to its scenarios, the others to their form, the rest to nothing yet."""
    claim = Claim(
        scenario=scenario(file="features/a.feature", line=3), requirement="ND-KPI-P95", objectives=(), demands=()
    )
    traces = {line.requirement.id: line for line in trace(load_catalogue(), [claim])}
    assert traces["ND-KPI-P95"].means is Means.SCENARIOS
    assert traces["ND-KPI-P95"].scenarios == ("features/a.feature:3: a",)
    assert traces["ND-PHASE-1"].parts == ("ND-PH1-GATEWAY", "ND-PH1-EVENTBUS", "ND-PH1-DISCOVERY", "ND-PH1-MONITORING")
    assert Counter(line.means for line in traces.values()) == {
        Means.SCENARIOS: 1,
        Means.PARTS: 108,
        Means.FILE: 54,
        Means.ATTESTATION: 63,
        Means.NONE: 532,
    }
