"""`readiness catalogue lint`, `list` and `trace` in a project: what was deleted, changed or forgotten is seen, with its place."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import main
from harness.figures import installed
from harness.run.acts.registry import drivers

CATALOGUE = """\
profile: shop
title: A shop
sections:
  - source: "contract: Speed"
    requirements:
      - id: SHOP-P95
        title: quick
        criterion: the response time p95 of every route is below 300 ms in the steady state
        kinds: [L]
        gate: critical
        falsified_by: one route sleeps
      - id: SHOP-PARCELS
        title: parcels are followed
        criterion: every accepted parcel is delivered once
        kinds: [X]
        gate: major
        needs: [belt]
        falsified_by: one parcel lost
      - id: SHOP-ALL
        title: both
        criterion: SHOP-P95 and SHOP-PARCELS pass
        kinds: [D]
        gate: major
parts:
  - {name: belt, title: conveyor belt, brings: parcels are followed, stage: 2}
contradictions:
  - id: 85
    finding: the shop promises what the contract does not
    left: {what: delivery by the shop, value: 24 h, document: shop, section: Delivery, quotes: [within a day]}
    relation: at most
    right: {what: delivery by the contract, value: 12 h, document: contract, section: Terms, quotes: [half a day]}
"""
SPEED = """\
Feature: Speed

  @SHOP-P95
  Scenario: 95 of 100 requests are answered within 300 ms
    When "everyday" traffic has run
    Then the response time p95 of every route is below 300 ms in the steady state
"""
ALL = """\

  @SHOP-ALL
  Scenario: Both
    Then SHOP-P95 and SHOP-PARCELS pass
"""

Call = Callable[..., tuple[int, str]]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with three rows, one of each way to be accounted for, and a contradiction."""
    (tmp_path / "pyproject.toml").write_text('[tool.harness]\ncatalogue = ["catalogue"]\nfeatures = ["features"]\n')
    for folder in ("catalogue", "features"):
        (tmp_path / folder).mkdir()
    (tmp_path / "catalogue/shop.yaml").write_text(CATALOGUE, encoding="utf-8")
    (tmp_path / "features/speed.feature").write_text(SPEED + ALL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def catalogue(shop: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """`readiness catalogue …` in this process, in that project: exit code and what it printed."""
    assert shop.is_dir()

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["readiness", "catalogue", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capfd.readouterr().out

    return call


def test_a_project_in_order_has_no_problem(catalogue: Call) -> None:
    """Nothing is printed but its own account: a contradiction, three requirements."""
    assert catalogue("lint") == (
        0,
        (
            "1 of 1 contradictions of the documents are unresolved, as expected\n"
            "3 of 3 requirements have a scenario or name a missing component\n"
            "form       requirements  scenario  waiting  without\n"
            "measured              2         1        1        0\n"
            "derived               1         1        0        0\n"
            "ingested              0         0        0        0\n"
            "attested              0         0        0        0\n"
            "0 problems\n"
        ),
    )


def test_the_notes_of_the_package_are_shown_on_demand(catalogue: Call) -> None:
    """With `--verbose`, each line marked: their paths are not of the project. The project's own account is the last, with each contradiction."""
    code, said = catalogue("lint", "--verbose")
    assert code == 0
    assert "\n(package) 84 of 84 contradictions of the documents are unresolved, as expected\n" in said
    assert "\n(package) 771 of 771 requirements have a scenario or name a missing component\n" in said
    assert "\n(package) AT-CAN-CRITERIA has 2 scenarios, and the worst verdict decides: features/" in said
    assert "\n3 of 3 requirements have a scenario or name a missing component\n" in said.rpartition("(package)")[2]
    assert said.count("\ncontradiction 85: ") == 1
    assert said.count("(package) contradiction ") == 84
    assert (
        "\ncontradiction 85: the shop promises what the contract does not\n"
        "  24 h is not at most 12 h\n"
        "  delivery by the shop: 24 h (shop, Delivery)\n"
        "  delivery by the contract: 12 h (contract, Terms)\n" in said
    )


def test_without_a_project_the_account_is_the_packages(
    catalogue: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in its own checkout."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "pyproject.toml").unlink()
    monkeypatch.chdir(tmp_path / "empty")
    code, said = catalogue("lint")
    assert code == 0
    assert (
        "84 of 84 contradictions of the documents are unresolved, as expected\n771 of 771 requirements have a scenario or name a missing component\n"
        in said
    )


def test_what_is_not_in_order_is_seen(shop: Path, catalogue: Call, subtests: pytest.Subtests) -> None:
    """With file and line, and exit code 1."""
    feature, rows = "features/speed.feature", "catalogue/shop.yaml"
    for name, file, old, new, said in [
        (
            "a deleted scenario",
            feature,
            ALL,
            "",
            (
                f"{rows}:19: SHOP-ALL has no scenario, and `needs` names no missing component\n"
                f"  hint: write a scenario tagged @SHOP-ALL into {feature}, or name the missing component"
            ),
        ),
        ("a changed number", feature, "300 ms in", "400 ms in", f"{feature}:6: the step differs from the criterion of"),
        ("a changed value", rows, "24 h", "12 h", f"{rows}:27: contradiction 85 is resolved: 12 h is at most 12 h"),
        ("a feature that is no Gherkin", feature, "Feature: Speed", "Feature Speed", f"{feature}:1: "),
    ]:
        with subtests.test(name):
            text = (shop / file).read_text(encoding="utf-8")
            assert old in text
            (shop / file).write_text(text.replace(old, new), encoding="utf-8")
            code, out = catalogue("lint")
            (shop / file).write_text(text, encoding="utf-8")
            assert (code, said in out) == (1, True), out


@pytest.mark.parametrize("key", ["figures", "probes", "drivers", "reports"])
def test_an_extension_that_cannot_be_loaded_is_a_problem(shop: Path, catalogue: Call, key: str) -> None:
    """Named by its line; the registries keep what they loaded for another project, so it is asked for in this one."""
    (shop / "pyproject.toml").write_text(
        f'[tool.harness]\ncatalogue = ["catalogue"]\nfeatures = ["features"]\nplugins.{key} = ["nope:THING"]\n'
    )
    installed.cache_clear()
    drivers.cache_clear()
    code, said = catalogue("lint")
    assert code == 1
    assert f"pyproject.toml:4: tool.harness.plugins.{key}: nope:THING: " in said
    assert "cannot be loaded: No module named 'nope'\n" in said


def test_lint_for_machines(catalogue: Call) -> None:
    """Each contradiction with both statements and whether it stands, each form with its rows, each problem with its place."""
    code, said = catalogue("lint", "--json")
    record = json.loads(said)
    assert code == bool(record["problems"])
    (own,) = (entry for entry in record["contradictions"] if entry["id"] == 85)
    assert (own["stands"], own["documents"]) == (True, ["contract", "shop"])
    assert (own["left"]["value"], own["relation"], own["right"]["value"]) == ("24 h", "at most", "12 h")
    assert {form["form"]: form["rows"] for form in record["forms"]} == {
        "measured": 544,
        "derived": 109,
        "ingested": 59,
        "attested": 62,
    }


def test_trace_leads_from_a_row_to_its_sentences(catalogue: Call) -> None:
    """A row with a scenario, one that waits, one whose scenario cannot be read."""
    code, said = catalogue("trace")
    assert code == 0
    assert (
        f"{'SHOP-P95':24} features/speed.feature:4: 95 of 100 requests are answered within 300 ms\n"
        f"{'':24}   Then the response time p95 of every route is below 300 ms in the steady state [traffic]\n" in said
    )
    assert f"{'SHOP-PARCELS':24} not traced: missing component `belt` (conveyor belt)\n" in said


@pytest.mark.parametrize("command", ["list", "trace"])
def test_the_projects_own_rows_come_first(catalogue: Call, command: str) -> None:
    """In the order of its file; those of the package follow."""
    code, said = catalogue(command)
    ids = [line.split()[0] for line in said.splitlines() if line[:1].isupper()]
    assert (code, ids[:3], "ND-KPI-P95" in ids[3:]) == (0, ["SHOP-P95", "SHOP-PARCELS", "SHOP-ALL"], True)


def test_trace_says_what_is_wrong_with_a_scenario(shop: Path, catalogue: Call) -> None:
    """And traces the others."""
    file = shop / "features/speed.feature"
    file.write_text(SPEED.replace("below 300 ms in", "far below 300 ms in") + ALL, encoding="utf-8")
    rows = {row["id"]: row for row in json.loads(catalogue("trace", "--json")[1])}
    assert rows["SHOP-P95"]["scenarios"] == []
    assert rows["SHOP-P95"]["why"].startswith("its scenario has an error: features/speed.feature:6: ")
    (both,) = rows["SHOP-ALL"]["scenarios"]
    assert both["sentences"] == [{"at": "features/speed.feature:10", "text": "SHOP-P95 and SHOP-PARCELS pass"}]
    assert rows["SHOP-ALL"]["parts"] == ["SHOP-P95", "SHOP-PARCELS"]


def test_several_feature_files_of_a_profile_go_by_section(shop: Path, catalogue: Call) -> None:
    """The only one is the place of every further scenario; with two nothing tells which, and a row of the package has its section's."""
    file = shop / "features/speed.feature"
    rows = {row["id"]: row["feature"] for row in json.loads(catalogue("list", "--json")[1])}
    assert (rows["SHOP-ALL"], rows["ND-KPI-P95"]) == (
        "features/speed.feature",
        "features/normaldance/technical-kpis.feature",
    )
    file.with_name("all.feature").write_text("Feature: All\n" + ALL, encoding="utf-8")
    file.write_text(SPEED, encoding="utf-8")
    rows = {row["id"]: row["feature"] for row in json.loads(catalogue("list", "--json")[1])}
    assert rows["SHOP-ALL"] == "features/shop/speed.feature"
    own = shop / "catalogue/shop.yaml"
    own.write_text(CATALOGUE.replace("        needs: [belt]\n", ""), encoding="utf-8")
    assert "tagged @SHOP-PARCELS into features/shop/speed.feature, or name" in catalogue("lint")[1]


def test_a_row_is_shown_with_what_it_waits_for_and_where_its_scenario_belongs(catalogue: Call) -> None:
    """Keys without a value are left out."""
    code, said = catalogue("show", "SHOP-PARCELS")
    assert code == 0
    assert said.splitlines()[-4:-1] == [
        "feature       features/speed.feature",
        "falsified_by  one parcel lost",
        "needs         belt",
    ]
    assert "owner" not in said
