"""Of a person's mistakes none is silent and none ends in a traceback: file, line or key, and what to write instead."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.cli import main
from tests.mistakes.telling import FILES, Mistake, mistakes, told
from tests.plain.plain_project import Project

EVERY = list(mistakes())


def test_there_are_a_hundred_of_them() -> None:
    """Each once, in every kind of file that a person writes, and on the command line."""
    assert len({mistake.name for mistake in EVERY}) == len(EVERY) >= 100
    assert {*FILES, "names", "command"} == {mistake.kind for mistake in EVERY}


@pytest.mark.parametrize("kind", FILES)
def test_the_files_without_a_mistake_are_right(tmp_path: Path, kind: str) -> None:
    """Else the message might be about something else."""
    assert told(Mistake(kind=kind, old="\n", new="\n", says=()), tmp_path) == (0, "")


def test_a_mistake_in_a_file_is_told_with_its_place_and_a_hint(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Exit code 4, before anything is run."""
    for number, mistake in enumerate(one for one in EVERY if one.old):
        with subtests.test(mistake.name):
            code, message = told(mistake, tmp_path / str(number))
            assert (code, [words for words in mistake.says if words not in message]) == (4, []), message
            assert mistake.says[0].startswith(mistake.file), "a row names the place first"


def test_a_mistyped_command_is_told_with_the_nearest_word(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], project: Project, subtests: pytest.Subtests
) -> None:
    """Exit code 4, before anything is run."""
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("READINESS_STATE", str(project.root / "state"))
    for mistake in (one for one in EVERY if one.typed):
        with subtests.test(mistake.name):
            monkeypatch.setattr(sys, "argv", ["readiness", *mistake.typed])
            with pytest.raises(SystemExit) as ended:
                main()
            message = "".join(capfd.readouterr())
            assert (ended.value.code, "Traceback" in message) == (4, False), message
            assert [words for words in mistake.says if words not in message] == [], message
