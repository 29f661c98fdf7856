"""Scenarios are chosen by the id of their requirement, wherever their file is; several profiles make one run."""

from __future__ import annotations

import json

from tests.plain.plain_project import Project

ELSEWHERE = """
  @PL-P95 @profile-brief
  Scenario: In brief, half of them
    When "browse" traffic has run
    Then the response time p95 of every route is below 200 ms
"""


def test_a_profile_goes_by_scenarios_of_its_own(project: Project) -> None:
    """One tagged with it takes the place of the others of its requirement there, and counts nowhere else; rows without one are as ever."""
    project.append("features/plain/kpi.feature", ELSEWHERE)
    project.append("catalogue/plain.yaml", "profiles:\n  brief: [PL-P95, PL-ERRORS]\n")

    def planned(*profiles: str) -> list[str]:
        finished = project.do("plan", "--json", *(word for name in profiles for word in ("--profile", name)))
        assert finished.code == 0, finished.said
        return sorted(one["at"].rpartition(":")[2] for one in json.loads(finished.out)["sentences"])

    assert planned("plain") == ["11", "16", "6"]
    assert planned("brief") == ["11", "21"]
    assert planned("plain", "brief") == ["11", "16", "21", "6"]


def test_a_folder_has_no_meaning(project: Project) -> None:
    """A scenario of plain in another folder belongs to plain all the same; what another profile owns is neither planned nor left out."""
    (project.root / "features/plain").rename(project.root / "features/anything")
    finished = project.do("plan", "--profile", "plain")
    assert finished.code == 0, finished.said
    assert "PL-P95" in finished.out
    for words in ("no scenario claims it", "ND-KPI-P95", "left out"):
        assert words not in finished.out


def test_the_markers_of_the_project_come_first(project: Project) -> None:
    """`pytest --markers`: those of its own requirements, in the order of its catalogue, before the package's and pytest's."""
    finished = project.do("--markers", module="pytest")
    assert finished.code == 0, finished.said
    marked = [line.split(":")[0] for line in finished.out.splitlines() if line.startswith("@pytest.mark.")]
    assert marked[:3] == [f"@pytest.mark.PL-{name}" for name in ("P95", "ERRORS", "UPTIME")]
    assert "@pytest.mark.ND-KPI-P95" in marked


def test_features_beside_the_project_belong_to_it(project: Project) -> None:
    """Named with `..`, to the command and to pytest: both name each file as pytest does."""
    (project.root / "features").rename(project.root.parent / "shared")
    project.edit("pyproject.toml", '["features"]', '["../shared"]')
    planned = project.do("plan", "--json")
    assert planned.code == 0, planned.said
    asked = json.loads(planned.out)
    assert {one["requirement"] for one in asked["sentences"]} == {"PL-P95", "PL-ERRORS", "PL-UPTIME"}
    collected = project.do("../shared", "--collect-only", "-q", module="pytest")
    assert "3 tests collected" in collected.out, collected.said


def test_what_is_of_other_profiles_is_said_where_scenarios_are_only_listed(project: Project) -> None:
    """`--collect-only` lists those of the chosen profile, and how many others there are."""
    project.append("features/plain/kpi.feature", ELSEWHERE.replace("@PL-P95 @profile-brief", "@ND-KPI-P95"))
    listed = project.do("features", "--collect-only", "-q", module="pytest")
    assert "3 of 4 scenarios are of profile plain; 1 are of other profiles" in listed.out, listed.said
    assert "hint: `--profile NAME` chooses another profile, and may be repeated" in listed.out
