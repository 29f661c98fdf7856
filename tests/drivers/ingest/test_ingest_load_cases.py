"""The load reports of known truth: none that is broken decides anything, and each names its cause; the rest pass and fail as they should."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from harness.model import Outcome
from tests.builders.load_cases import COMMIT, ERRORS, TIME, LoadCase, Truth, every_case
from tests.builders.load_judged import measured
from tests.builders.load_trial import judged
from tests.builders.load_writers import FORMATS

cases = cache(every_case)  # made by the tests that ask: every worker would make them to collect
NOT_WRONG = {Truth.HOLDS: Outcome.FAIL, Truth.VIOLATED: Outcome.PASS}
"""What a sentence must not be, where it can be decided."""


def outcome(directory: Path, case: LoadCase, sentence: str) -> tuple[Outcome, str]:
    """The worst measure of a sentence about a case, and its reason."""
    for name in case.files:
        beside = {"commit": COMMIT, "created": "2025-02-20T00:00:00Z", **case.origin}
        if case.kind in ("vegeta report", "Artillery"):
            del beside["created"]
        text = yaml.safe_dump({key: value for key, value in beside.items() if value})
        (directory / f"{name}.origin.yaml").write_text(text)
    found = measured(directory, case.tool, case.files, sentence, **case.keys)
    worst = min(found, key=lambda one: (one.outcome is not Outcome.FAIL, one.outcome is Outcome.PASS))
    return worst.outcome, worst.reason


def broken(kind: str) -> list[LoadCase]:
    """The cases of a format in which a sentence has nothing to go by."""
    return [case for case in cases() if case.kind == kind and Truth.BROKEN in (case.time, case.errors)]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_broken_report_decides_nothing_and_says_why(tmp_path: Path, kind: str) -> None:
    """A sentence that a part of the report bears is not wrong either."""
    for number, case in enumerate(broken(kind)):
        directory = tmp_path / str(number)
        directory.mkdir()
        for sentence, truth in ((TIME, case.time), (ERRORS, case.errors)):
            found, reason = outcome(directory, case, sentence)
            if truth is Truth.BROKEN:
                assert found is Outcome.INCONCLUSIVE, case.what
                assert re.search(case.cause, reason), (case.what, reason)
            else:
                assert found is not NOT_WRONG[truth], case.what


def test_there_are_at_least_200_of_every_format() -> None:
    """Sound ones and broken ones of each."""
    assert len(cases()) >= 200
    assert {case.kind for case in cases()} == {*FORMATS}
    for kind in FORMATS:
        truths = {case.time for case in cases() if case.kind == kind}
        assert truths == {Truth.HOLDS, Truth.VIOLATED, Truth.BROKEN}
        assert all(case.cause for case in broken(kind))


@pytest.mark.slow
def test_a_run_passes_nothing_wrongly_and_fails_nothing_wrongly(tmp_path: Path) -> None:
    """All of them by `readiness run`, two sentences each; most that can be decided are."""
    found = judged(tmp_path, cases())
    assert [(one.case.kind, one.case.what, one.sentence, one.wrong) for one in found if one.wrong] == []
    sound = [
        one for one in found if one.truth is not Truth.BROKEN and not re.match("just|hardly|too few", one.case.what)
    ]
    assert sum(one.verdict != "INCONCLUSIVE" for one in sound) >= 0.9 * len(sound)
