"""A scenario may be the row of its own requirement: its description has what a catalogue file would have."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.catalogue import load_catalogue
from harness.errors import ConfigurationError
from harness.model import EvidenceKind, Gate, Requirement

WHEN = "    When the files of the platform have been read\n"
THEN = "    Then the README lists every file of its directory and no other\n"
ROW = "    gate: major\n    kinds: S\n    falsified by: a new page that is not listed\n"
HEAD = "Feature: A shop\n\n  @SHOP-README\n  Scenario: The README lists every page\n"


def feature(directory: Path, text: str) -> Path:
    """A feature file."""
    path = directory / "shop.feature"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_scenario_is_the_row_of_its_requirement(tmp_path: Path) -> None:
    """Id, title and criterion are those of the scenario; the profile is the project's, and is made where no file has it."""
    path = feature(tmp_path, HEAD + ROW + WHEN + THEN)
    known = load_catalogue(features=[path], profile="shop")
    assert known.requirements["SHOP-README"] == Requirement(
        id="SHOP-README",
        profile="shop",
        title="The README lists every page",
        criterion="the README lists every file of its directory and no other",
        kinds=(EvidenceKind("S"),),
        gate=Gate("major"),
        environments=("sandbox", "staging", "production"),
        source="A shop",
        falsified_by="a new page that is not listed",
    )
    assert known.profiles["shop"] == ("SHOP-README",)
    assert known.places["SHOP-README"].of("gate") == f"{path}:5"


def test_it_joins_the_rows_that_a_file_has(tmp_path: Path) -> None:
    """Behind them; a profile that the description names is another one."""
    catalogue = tmp_path / "shop.yaml"
    catalogue.write_text(
        "profile: shop\ntitle: A shop\nsections:\n  - source: Us\n    requirements:\n      - {id: SHOP-A, title: A, criterion: c, "
        "kinds: [S], gate: major}\n",
        encoding="utf-8",
    )
    paths = {"shop": HEAD + ROW + WHEN + THEN, "till": HEAD + ROW + "    profile: till\n" + WHEN + THEN}
    found = {
        name: load_catalogue([catalogue], features=[feature(tmp_path, text)], profile="shop").profiles[name]
        for name, text in paths.items()
    }
    assert found == {"shop": ("SHOP-A", "SHOP-README"), "till": ("SHOP-README",)}


def test_a_scenario_without_a_gate_declares_nothing(tmp_path: Path) -> None:
    """Prose below it is prose, and a file that is not Gherkin is the affair of who reads its steps."""
    prose = feature(tmp_path, HEAD + "    Told by the owner.\n" + WHEN + THEN)
    assert "SHOP-README" not in load_catalogue(features=[prose], profile="shop").requirements
    broken = feature(tmp_path, f"{ROW}Nothing\n")
    assert "SHOP-README" not in load_catalogue(features=[broken], profile="shop").requirements


@pytest.mark.parametrize(
    ("body", "profile", "line", "what"),
    [
        (ROW.replace("major", "minor") + WHEN + THEN, "shop", 5, "gate: `minor` is not one of critical, major, record"),
        (ROW.replace("kinds", "kind") + WHEN + THEN, "shop", 6, "kind: unknown key `kind`"),
        (
            ROW + "    Told by the owner.\n" + WHEN + THEN,
            "shop",
            8,
            "'Told by the owner.' is not a key of a requirement",
        ),
        (ROW + WHEN + THEN + THEN.replace("Then", "And"), "shop", 4, "has 1 ids and 2 Then steps"),
        (ROW + WHEN + THEN, "", 4, "SHOP-README belongs to no profile"),
        (
            ROW + WHEN + THEN + f"\n  @SHOP-README\n  Scenario: Again\n{ROW}{WHEN}{THEN}",
            "shop",
            12,
            "the id SHOP-README is defined twice",
        ),
    ],
)
def test_what_is_wrong_has_its_line(tmp_path: Path, body: str, profile: str, line: int, what: str) -> None:
    """File, line and what to write."""
    path = feature(tmp_path, HEAD + body)
    with pytest.raises(ConfigurationError) as caught:
        load_catalogue(features=[path], profile=profile)
    assert f"{caught.value.where}: {caught.value.what}".startswith(f"{path}:{line}")
    assert what in f"{caught.value.where}: {caught.value.what}"
    assert caught.value.hint
