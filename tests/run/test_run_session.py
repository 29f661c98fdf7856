"""What a command line asks of a session, and what a replay compiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.run.project import features_below, find_project
from harness.run.session import VerificationSession, open_session
from harness.run.settings import Settings
from harness.steps import read_feature

ROOT = Path(__file__).parents[2]
PAPER = ROOT / "examples" / "paper.yaml"


def test_a_release_counts_as_named_where_it_was_typed() -> None:
    """Also the one that is taken where none is: what is typed may contradict the target file, a default may not."""
    project = find_project(ROOT)
    default, typed = (
        open_session(project, target=PAPER, profile=["checklist"], release=release).settings
        for release in (None, "1.0.0")
    )
    assert (default.release, default.names_release) == ("1.0.0", False)
    assert (typed.release, typed.names_release) == ("1.0.0", True)
    assert (default.out, default.profiles) == (ROOT / "reports" / "runs", ("checklist",))


def test_runs_are_named_below_the_directory_of_the_runs(tmp_path: Path) -> None:
    """Evidence is found there by its name, and of a replay no target is chosen."""
    run = tmp_path / "one"
    run.mkdir()
    replay = open_session(
        find_project(ROOT), target=None, profile=None, release=None, out=tmp_path, evidence=Path("one")
    )
    assert (replay.settings.evidence, replay.settings.target, replay.replay) == (run, None, True)


def test_only_a_provided_target_plays_an_environment() -> None:
    """The file of any other says what it is."""
    with pytest.raises(UsageError, match="`--as staging` is for the sandbox only"):
        open_session(find_project(ROOT), target=PAPER, profile=["checklist"], release=None, stands_for="staging")


def test_of_the_packages_features_those_are_read_that_name_a_chosen_requirement() -> None:
    """A run of profile core reads no checklist of a document; a replay, whose rows may be of any profile, reads all."""
    root = find_project(ROOT)
    core = VerificationSession(Settings(project=root, profiles=("core",))).selection
    named = {row.id for row in core.rows}
    claims = {
        file: bool(named & {one for scenario in read_feature(file, ROOT) for one in scenario.requirements})
        for file in features_below(ROOT / "features")
    }
    assert {file for file, claimed in claims.items() if claimed} <= set(core.files) < set(claims)
    replay = VerificationSession(Settings(project=root, profiles=("core",), evidence=ROOT)).selection
    assert set(replay.files) == set(claims)


def test_an_id_within_a_longer_one_names_no_feature_of_the_package(tmp_path: Path) -> None:
    """`KPI-P95` of a project is not ND-KPI-P95."""
    (tmp_path / "catalogue.yaml").write_text(
        "profile: own\ntitle: own\nsections:\n  - source: own\n    requirements:\n"
        "      - {id: KPI-P95, title: speed, criterion: the error rate is below 1 %, kinds: [L], gate: critical, falsified_by: errors}\n",
        encoding="utf-8",
    )
    (tmp_path / "features").mkdir()
    own = tmp_path / "features" / "own.feature"
    own.write_text("Feature: own\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.harness]\nfeatures = ["features"]\ncatalogue = ["catalogue.yaml"]\n', encoding="utf-8"
    )
    session = VerificationSession(Settings(project=find_project(tmp_path), profiles=("own",)))
    assert session.selection.files == (own,)


def test_a_replay_compiles_scenarios_of_other_profiles(tmp_path: Path) -> None:
    """It chooses nothing: a scenario of a row that the profiles lack is compiled as well."""
    session = VerificationSession(Settings(project=find_project(ROOT), profiles=("core",), evidence=tmp_path))
    core = {row.id for row in session.selection.rows}
    scenarios = [one for file in sorted(ROOT.glob("features/atomos/*.feature")) for one in read_feature(file, ROOT)]
    others = [one for one in scenarios if core.isdisjoint(one.requirements)]
    assert others
    session.compile(others[:3])
