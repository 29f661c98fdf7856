"""Runs of what people vouch for: no target is asked, so a decision takes a second, and what pytest makes of it is seen."""

from __future__ import annotations

from datetime import timedelta

import pytest

from harness import clock
from tests.plain.plain_project import Project

FEATURE = """\
Feature: Papers

  @PL-SIGNED
  Scenario: it is signed
    Then security-lead vouches for it, for this release, not longer than 90 d ago

  @PL-SIGNED
  Scenario: it is signed again
    Then security-lead vouches for it, for this release, not longer than 90 d ago
"""
CATALOGUE = """\
profile: plain
title: Papers
sections:
  - source: this project
    requirements:
      - id: PL-SIGNED
        title: signed
        criterion: security-lead vouches for it, for this release, not longer than 90 d ago
        kinds: [A]
        gate: critical
"""
WAIVER = "waiver: PL-SIGNED\naccepts: {outcome: NOT ASSESSED}\n"
ATTESTATION = "attestation: PL-SIGNED\nrole: security-lead\n"
RUNS = pytest.mark.parametrize(("module", "arguments"), [("harness", ["run"]), ("pytest", ["features"])])


@pytest.fixture
def paper(project: Project) -> Project:
    """A project with one row of two scenarios for which a person has to vouch, without such a statement."""
    (project.root / "features/plain/kpi.feature").write_text(FEATURE, encoding="utf-8")
    (project.root / "catalogue/plain.yaml").write_text(CATALOGUE, encoding="utf-8")
    target = f"name: {project.name}\nenvironment: staging\nrelease: {{version: 1.0.0}}\nattestations: attestations\n"
    (project.root / "target.yaml").write_text(target, encoding="utf-8")
    for kind in ("attestations", "waivers"):
        (project.root / kind).mkdir()
    project.append("pyproject.toml", 'waivers = ["waivers"]\n')
    return project


def say(project: Project, file: str, what: str) -> None:
    """Write a statement of a person: since today, for a month."""
    today = clock.wall().date()
    days = f"date: {today}\nexpires: {today + timedelta(days=30)}\n"
    who = "by: A. Person\nreason: reviewed\nlink: https://example.test/1\nrelease: 1.0.0\n"
    (project.root / file).write_text(what + who + days, encoding="utf-8")


@RUNS
def test_a_run_of_papers_is_a_go(paper: Project, module: str, arguments: list[str]) -> None:
    """What the other tests of this file take something from."""
    say(paper, "attestations/a.yaml", ATTESTATION)
    finished = paper.do(*arguments, module=module)
    assert (finished.code, finished.verdict["decision"]) == (0, "GO"), finished.said


@RUNS
def test_a_hook_that_only_takes_items_out_is_a_filter(paper: Project, module: str, arguments: list[str]) -> None:
    """A `conftest.py` that tells pytest nothing of it: its scenario is counted as left out, and the run decides nothing."""
    say(paper, "attestations/a.yaml", ATTESTATION)
    hook = "def pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if 'again' not in i.name]\n"
    (paper.root / "conftest.py").write_text(hook, encoding="utf-8")
    finished = paper.do(*arguments, module=module)
    assert (finished.code, finished.verdict["decision"]) == (10, "PARTIAL"), finished.said
    assert "1 passed, 1 deselected" in finished.out


def test_a_hook_that_sets_pytests_exit_code_makes_no_go(paper: Project) -> None:
    """It is INCONCLUSIVE, and so is the exit code."""
    hook = "def pytest_sessionfinish(session):\n    yield\n    session.exitstatus = 0\n"
    hook = f"import pytest\n\n@pytest.hookimpl(wrapper=True, tryfirst=True)\n{hook}"
    (paper.root / "conftest.py").write_text(hook, encoding="utf-8")
    finished = paper.do("run")
    assert (finished.code, finished.verdict["decision"]) == (10, "INCONCLUSIVE"), finished.said


def test_another_release_than_the_target_files_is_refused_by_pytest_too(paper: Project) -> None:
    """Else the one of the file would be judged without a word; the same one may be named."""
    say(paper, "attestations/a.yaml", ATTESTATION)
    finished = paper.do("features", "--release", "1.2", module="pytest")
    assert finished.code == 4, finished.said
    assert "target.yaml: release: the target file names the release 1.0.0, and the command names 1.2" in finished.said
    assert not paper.run_directories()
    assert paper.do("features", "--release", "1.0.0", module="pytest").code == 0


def test_what_is_waived_is_no_failure_of_pytest_either(paper: Project) -> None:
    """GO and exit code 0, live as in a replay, each scenario in a word of its own and with who accepts it."""
    say(paper, "waivers/w.yaml", WAIVER)
    live = paper.do("run")
    assert (live.code, live.verdict["decision"]) == (0, "GO"), live.said
    assert "2 waived" in live.out
    replay = paper.do("features", "--evidence", live.run, module="pytest")
    assert replay.code == 0, replay.said
    assert "2 waived" in replay.out
    told = "A. Person accepts that it is NOT ASSESSED until"
    assert replay.out.count(f": {told}") == 2
    assert "failed" not in replay.out
