"""What a person may mistype: one message that says what, where and how to fix it, and exit code 4."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from harness import clock
from harness.cli import main
from tests.plain.plain_project import Project, service

Call = Callable[..., tuple[int, str]]
SAID = ("--by", "A. Person", "--reason", "cold", "--link", "https://example.test/1", "--release", "1.0.0")


@pytest.fixture
def readiness(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], project: Project) -> Call:
    """The command in this process, in a plain project's directory: exit code and what it said."""
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("READINESS_STATE", str(project.root / "state"))

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["readiness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), "".join(capfd.readouterr())

    return call


def test_what_is_mistyped_is_answered_with_the_nearest(readiness: Call, subtests: pytest.Subtests) -> None:
    """Exit code 4, no traceback."""
    for arguments, said in [
        (["run", "--only", "IP-PERF-POOL"], "hint: add `--profile integration-platform`, which has such a requirement"),
        (["run", "--target", "nowhere.yaml"], "nowhere.yaml: the file cannot be read: No such file or directory"),
        (["run", "--target", "features"], "Invalid value for '--target': File 'features' is a directory."),
        (["run", "--out", "target.yaml"], "Invalid value for '--out': Directory 'target.yaml' is a file."),
        (["report", "nowhere"], "nowhere: the run does not exist"),
        (["why", "PL-P95", "nowhere"], "nowhere: the run does not exist"),
        (
            ["waive", "PL-P95", "--bound", "abc", *SAID],
            "--bound: 'abc' is not a number with a unit like `300 ms` or `0.5 %`, and not below 0",
        ),
        (
            ["waive", "PL-P95", "--subject", "", *SAID],
            "--subject: '' is refused: String should have at least 1 character",
        ),
        (
            ["waive", "writes-lost", "--count", "0", *SAID],
            "--count: 0 is refused: Input should be greater than or equal to 1",
        ),
        (["waive", "PL-P95", *SAID], "no option names what is accepted, expected one\n  hint: pass --bound, "),
        (
            ["waive", "PL-P95", "--bound", "5 ms", "--undecided", *SAID],
            "no option names what is accepted, expected one",
        ),
        (["catalogue", "list", "--profile", "plan"], "no profile is named 'plan'\n  hint: did you mean 'plain'?"),
    ]:
        with subtests.test(arguments=arguments):
            code, text = readiness(*arguments)
            assert code == 4, text
            assert said in text
            assert "Traceback" not in text


def test_a_long_list_of_known_words_is_not_printed(readiness: Call) -> None:
    """Where nothing is alike, a dozen is named and the rest counted."""
    code, text = readiness("catalogue", "show", "?")
    assert code == 4
    assert re.search(r"use one of: (\S+, ){11}\S+ and \d{3} more\n", text), text


def test_the_plan_of_a_plain_project_shows_seconds_and_numbers(project: Project) -> None:
    """`readiness plan` asks nobody: no service is there, and it exits with 0 and leaves no run."""
    finished = project.do("plan")
    assert finished.code == 0, finished.said
    for words in (
        "browse/fault-free · steady",
        "40 requests/s",
        "149 at 0 failures",
        "4 failures",
        "240 on the least used route",
    ):
        assert words in finished.out, finished.out
    assert not project.run_directories()


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_directory_of_statements_that_is_not_there_is_refused(project: Project, command: str) -> None:
    """Before anything is done, by a run and by its plan in the same words."""
    target = project.root / "target.yaml"
    target.write_text(f"{target.read_text(encoding='utf-8')}\nattestations: signed\n", encoding="utf-8")
    finished = project.do(command)
    assert finished.code == 4, finished.said
    expected = (
        f"{target}: attestations: the directory {project.root / 'signed'} does not exist\n  hint: create the directory"
    )
    assert expected in finished.said
    assert not project.run_directories()


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize(
    ("key", "more"), [("attestation", "role: architect\n"), ("waiver", "accepts: {bound: 5 ms}\n")]
)
def test_a_statement_about_an_unknown_requirement_is_refused(
    readiness: Call, project: Project, command: str, key: str, more: str
) -> None:
    """With file, line and the nearest id, before anything is done: it would be without effect."""
    days = "date: 2026-05-01\nexpires: 2026-06-01\nrelease: 1.0.0\n"
    said = f"by: A. Person\nreason: cold\nlink: https://example.test/1\n{days}"
    (project.root / "said").mkdir()
    file = project.root / "said" / "one.yaml"
    file.write_text(f"{more}{key}: PL-P59\n{said}", encoding="utf-8")
    project.append("target.yaml", f"{key}s: said\n")
    code, text = readiness(command)
    assert code == 4, text
    assert f"{file}:2: {key}: no requirement has the id 'PL-P59'\n  hint: did you mean 'PL-P95'?" in text
    assert not project.run_directories()


@pytest.mark.parametrize("command", ["run", "plan"])
def test_rows_that_are_derived_from_themselves_are_refused(readiness: Call, project: Project, command: str) -> None:
    """Nothing could decide them, in whichever profile they are."""
    rows = "".join(
        f"      - {{id: {one}, title: t, criterion: {other} passes, kinds: [D], gate: critical}}\n"
        for one, other in (("PL-A", "PL-B"), ("PL-B", "PL-A"))
    )
    project.append("catalogue/plain.yaml", rows)
    code, text = readiness(command)
    assert code == 4, text
    assert (
        "the requirement is derived from itself: PL-A → PL-B → PL-A\n  hint: write a criterion that names other requirements"
        in text
    )
    assert "catalogue/plain.yaml:" in text
    assert not project.run_directories()


@pytest.mark.parametrize(
    ("requirement", "days", "options"),
    [
        ("ND-REV-WEEKLY-FEEDBACK", 7, ()),
        ("ND-CHG-APPROVAL", 90, ()),
        ("ND-REV-WEEKLY-FEEDBACK", 3, ("--expires",)),
    ],
)
def test_an_attestation_says_how_long_it_counts(
    readiness: Call, project: Project, requirement: str, days: int, options: tuple[str, ...]
) -> None:
    """Until the day of its file, or as long as the criterion lets one be old."""
    today = clock.wall().date()
    expires = [word for option in options for word in (option, (today + timedelta(days=days)).isoformat())]
    code, text = readiness("attest", requirement, *SAID, "--dir", str(project.root / "said"), *expires)
    assert code == 0, text
    assert f"written; it counts until {today + timedelta(days=days)} for release 1.0.0" in text


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--out", "/proc/runs"], {}, ": the directory of the run cannot be created: "),
        ([], {"READINESS_STATE": "/proc/state"}, "hint: set READINESS_STATE to a directory that can be written to"),
    ],
)
def test_where_nothing_can_be_written_nothing_is_run(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], said: str
) -> None:
    """Exit code 4 with the place and what to choose instead."""
    with service() as entry:
        finished = Project.copy(tmp_path / "project", entry).do("run", *arguments, **environment)
    assert finished.code == 4, finished.said
    assert said in finished.out
    assert "Traceback" not in finished.said


def test_what_follows_the_dashes_goes_to_pytest(project: Project) -> None:
    """An option that pytest does not know: exit code 4. A filter that leaves nothing: 5."""
    assert project.do("run", "--", "--bogus").code == 4
    assert project.do("run", "--", "-k", "nothing_like_it").code == 5


@pytest.mark.parametrize(
    ("sentence", "claims"),
    [
        (
            "no rollback starts after 4 min of the new release's p95 above 2000 ms nor after 10 min at 1800 ms",
            "signal: response time p95",
        ),
        (
            "no rollback starts after 2 min of the new release's error rate above 5 % nor after 6 min at 3 %",
            "signal: error rate",
        ),
    ],
)
def test_sentences_of_one_form_are_told_apart_by_what_they_claim(readiness: Call, sentence: str, claims: str) -> None:
    """`readiness explain`: they have one template."""
    code, said = readiness("explain", sentence)
    assert (code, claims in said) == (0, True)


@pytest.mark.parametrize("arguments", [["steps"], ["catalogue", "list"], ["catalogue", "lint"], ["catalogue", "trace"]])
def test_what_only_reads_exits_with_0(readiness: Call, arguments: list[str]) -> None:
    """Vocabulary and catalogue."""
    code, text = readiness(*arguments)
    assert code == 0, text
    assert text
