"""A feature file that would lie is refused before anything runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.catalogue import Catalogue, load_catalogue
from harness.steps import lint_feature, read_feature

KNOWN = {"pod-loss": "pod"}
GOOD = """\
@slow
Feature: figures
  Background:
    Given the release is deployed

  @ND-KPI-P95
  Scenario: quick
    When "everyday" traffic has run
    Then the response time p95 of every route is below 200 ms

  Rule: sizes
    Scenario Outline: size of <service>
      Then deployment "<service>" has <replicas> ready replicas with cpu <cpu> and memory <memory>

      Examples:
        | requirement     | service      | replicas | cpu  | memory |
        | ND-ARCH-GATEWAY | api-gateway  | 3        | 500m | 512Mi  |
        | ND-ARCH-USER    | user-service | 2        | 250m | 256Mi  |
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The bundled one."""
    return load_catalogue()


def problems(text: str, tmp_path: Path, catalogue: Catalogue) -> list[str]:
    """`line: what`, and the hint is looked at elsewhere."""
    file = tmp_path / "a.feature"
    file.write_text(text, encoding="utf-8")
    found = lint_feature(file, catalogue, KNOWN, tmp_path)
    assert all(problem.at.startswith("a.feature:") for problem in found)
    return [f"{problem.at.split(':')[1]}: {problem.what}" for problem in found]


def test_a_sound_feature_has_no_problem(tmp_path: Path, catalogue: Catalogue) -> None:
    """Background, Rule, Outline and a free tag included."""
    assert problems(GOOD, tmp_path, catalogue) == []


def test_an_outline_is_written_out_row_by_row(tmp_path: Path) -> None:
    """Each row a scenario with its own line, title, requirement and steps."""
    file = tmp_path / "a.feature"
    file.write_text(GOOD, encoding="utf-8")
    quick, gateway, user = read_feature(file, tmp_path)
    assert (quick.id, quick.location) == ("a.feature: quick", "a.feature:7: quick")
    assert quick.tags == ("ND-KPI-P95", "slow")
    assert [step.keyword for step in quick.steps] == ["given", "when", "then"]
    assert gateway.location == "a.feature:17: size of api-gateway [ND-ARCH-GATEWAY, api-gateway, 3, 500m, 512Mi]"
    assert (gateway.template, gateway.folders, gateway.feature) == ("size of <service>", (), "a")
    assert user.requirements == ("ND-ARCH-USER",)
    assert user.steps[-1].at == "a.feature:13"
    assert user.steps[-1].text == 'deployment "user-service" has 2 ready replicas with cpu 250m and memory 256Mi'


def test_an_escaped_pipe_is_a_pipe_of_its_cell(tmp_path: Path) -> None:
    """The row, the title and the step have it, without its backslash."""
    file = tmp_path / "a.feature"
    file.write_text(GOOD.replace("| user-service |", r"| user\|service |"), encoding="utf-8")
    user = read_feature(file, tmp_path)[-1]
    assert (user.row["service"], user.name) == ("user|service", "size of user|service")
    assert user.steps[-1].text == 'deployment "user|service" has 2 ready replicas with cpu 250m and memory 256Mi'


def test_a_problem_is_found_in_its_line(tmp_path: Path, catalogue: Catalogue, subtests: pytest.Subtests) -> None:
    """Exactly these problems, in the order of the lines."""
    cases: list[tuple[str, str, list[str]]] = [
        ("size of <service>", "quick", ["12: two scenarios have the name 'quick', the first in line 7"]),
        ("Scenario: quick", "Scenario:", ["7: the scenario has no name"]),
        ("@ND-KPI-P95", "@ND-KPI-P95 @profile-core", []),
        ("@ND-KPI-P95", "@ND-KPI-P95 @profile-cors", ["7: no profile is named 'cors'"]),
        ("@ND-KPI-P95", "@ND-KPI-P95 @profile-rollout", ["7: the scenario is only for profile rollout, which does not have its requirement"]),
        ("| 2        |", "| 4        |", ["13: the step differs from the criterion of ND-ARCH-USER ("]),
        ("When", "Then", ["8: '\"everyday\" traffic has run' is a When sentence, but its keyword is Then"]),
        ("cpu <cpu>", "cpu <cores>", ["13: unknown sentence", "13: unknown sentence"]),
        ("ND-ARCH-USER    | user-service | 2        | 250m | 256Mi", "ND-ARCH-GATEWAY | api-gateway | 3 | 500m | 512Mi", ["18: the row is equal to line 17"]),
        ("      Then dep", "      # Then dep", ["12: the scenario 'size of <service>' has no Then step"]),
        ("  Background:", "  Backgroud:", ["4: the step 'Given the release is deployed' is part of a description and is never run"]),
        ('    When "every', '    then no acknowledged write is lost\n    When "every', ["8: the step 'then no acknowledged write is lost' is part of a description and is never run"]),
        ("    Given the", "    GIVEN: the release is deployed\n    Given the", ["4: the step 'GIVEN: the release is deployed' is part of a description and is never run"]),
        ("      Examples:\n", "      Examples:\n        Then\tno acknowledged write is lost\n", ["16: the step 'Then\\tno acknowledged write is lost' is part of a description and is never run"]),
        ("has run\n", "has run\n      | users |\n      | 5000  |\n", ["9: the data table under '\"everyday\" traffic has run' would be ignored"]),
        ("200 ms\n", '200 ms\n      """\n      and no acknowledged write is lost\n      """\n', ["10: the doc string under 'the response time p95 of every route is below 200 ms' would be ignored"]),
    ]  # fmt: skip
    for old, new, found in cases:
        with subtests.test(new):
            seen = problems(GOOD.replace(old, new, 1), tmp_path, catalogue)
            assert len(seen) == len(found), seen
            assert all(line.startswith(start) for line, start in zip(seen, found, strict=True)), seen


def test_a_profile_that_gates_a_row_on_another_part_than_it_has(tmp_path: Path, catalogue: Catalogue) -> None:
    """It is found where its scenario is: a run by that profile would gate on nothing."""
    mine = replace(catalogue, in_part={"mine": {"ND-KPI-P95": ("loss of a region",)}})
    assert problems(GOOD, tmp_path, mine) == [
        "7: a profile gates ND-KPI-P95 on 'loss of a region', which its criterion does not name"
    ]


def test_a_keyword_of_the_language_of_the_file_is_one(tmp_path: Path, catalogue: Catalogue) -> None:
    """A description that begins with it is a step that is never run; that of another language is prose."""
    text = "# language: de\nFunktionalität: a\n  Szenario: b\n    dann no acknowledged write is lost\n    alors no acknowledged write is lost\n"
    found = problems(text, tmp_path, catalogue)
    assert [line for line in found if "description" in line] == [
        "4: the step 'dann no acknowledged write is lost' is part of a description and is never run"
    ]


def test_a_feature_of_a_linked_directory_is_named_by_its_place_in_the_project(tmp_path: Path) -> None:
    """Else a run that was recorded on one machine would name a directory of it."""
    for name in ("project", "team"):
        (tmp_path / name).mkdir()
    (tmp_path / "team/a.feature").write_text(GOOD, encoding="utf-8")
    (tmp_path / "project/theirs").symlink_to(tmp_path / "team")
    (quick, *_) = read_feature(tmp_path / "project/theirs/a.feature", tmp_path / "project")
    assert quick.id == "theirs/a.feature: quick"


def test_a_byte_order_mark_is_named(tmp_path: Path, catalogue: Catalogue) -> None:
    """Gherkin would take `Feature:` for something else."""
    assert problems(f"\ufeff{GOOD}", tmp_path, catalogue) == ["1: the file begins with a byte order mark"]


def test_two_outlines_whose_rows_have_one_title(tmp_path: Path, catalogue: Catalogue) -> None:
    """A scenario is known by its title: the verdict of one of the two would be lost."""
    outline = GOOD[GOOD.index("    Scenario Outline:") :]
    other = outline.replace("service>", "workload>").replace("| service ", "| workload")
    found = problems(f"{GOOD}\n{other}", tmp_path, catalogue)
    title = "size of api-gateway [ND-ARCH-GATEWAY, api-gateway, 3, 500m, 512Mi]"
    assert f"25: two scenarios have the title '{title}', the first in line 17" in found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "1: the file contains no Feature"),
        ("# nothing\n", "1: the file contains no Feature"),
        ("Feature: empty\n", "1: the feature has no scenario"),
        ("Feature: a\n  Scenario: b\n    Then c\n  Nonsense\n", "4: "),
    ],
)
def test_a_file_without_scenarios(tmp_path: Path, catalogue: Catalogue, text: str, found: str) -> None:
    """It would prove nothing, green."""
    assert problems(text, tmp_path, catalogue)[0].startswith(found)


def test_a_file_that_cannot_be_read(tmp_path: Path, catalogue: Catalogue) -> None:
    """It is named."""
    (problem,) = lint_feature(tmp_path / "none.feature", catalogue, KNOWN, tmp_path)
    assert problem.at == "none.feature"
    assert problem.what == "the file cannot be read: No such file or directory"


def test_a_file_of_another_encoding_is_named_with_its_line(tmp_path: Path, catalogue: Catalogue) -> None:
    """The first byte that is none of UTF-8, and what is expected."""
    (tmp_path / "a.feature").write_bytes("Feature: a\n  # caf\u00e9\n".encode("latin-1"))
    (problem,) = lint_feature(tmp_path / "a.feature", catalogue, KNOWN, tmp_path)
    assert str(problem) == "a.feature:2: the byte 0xe9 is not UTF-8 text\n  hint: save the file as UTF-8"
