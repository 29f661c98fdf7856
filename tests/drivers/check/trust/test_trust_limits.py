"""Bursts against an Express service with express-rate-limit: healthy, and spoilt in one way at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.targets import Target
from tests.builders.foreign_trust import express, facts_of

pytestmark = pytest.mark.slow
LIMITED, OTHERS = "calls-limited", "others-unharmed"


def both(target: Target) -> dict[str, tuple[bool | None, list[str]]]:
    """What the two checks find."""
    return {LIMITED: facts_of(target, LIMITED, share="95 %"), OTHERS: facts_of(target, OTHERS, limit="5 %")}


def test_a_healthy_service_passes_both(tmp_path: Path) -> None:
    """Twenty calls a second for each key."""
    with express(tmp_path) as target:
        assert both(target) == {LIMITED: (True, []), OTHERS: (True, [])}


@pytest.mark.parametrize(
    ("spoilt", "limit", "fails", "words"),
    [
        ("no-limit", "20", LIMITED, "0 of the "),
        ("no-retry-after", "20", LIMITED, " status 429"),
        ("", "40", LIMITED, "status 429 with Retry-After"),
        ("one-for-all", "20", OTHERS, "status 429 with Retry-After"),
    ],
)
def test_each_defect_fails_exactly_one(spoilt: str, limit: str, fails: str, words: str, tmp_path: Path) -> None:
    """A limit of twice as much as is declared is one."""
    with express(tmp_path, spoilt, LIMIT=limit) as target:
        found = both(target)
    assert {check: ok for check, (ok, _) in found.items()} == {check: check != fails for check in found}, found
    assert any(words in one for one in found[fails][1]), found[fails][1]


def test_a_limit_that_cannot_be_tried_is_named_and_undecided(tmp_path: Path) -> None:
    """One that is higher than the harness can send; one client, so that there are no others; a path that nobody gets."""
    many, one = (
        ("calls: 20", "calls: 500"),
        (f", {{key: {{file: {tmp_path}/editor}}}}, {{key: {{file: {tmp_path}/admin}}}}", ""),
    )
    for changes, words in (
        ([many], ("the declared rate is 500 calls/s", "the declared rate is 500 calls/s")),
        ([one, ("path: /limited", "path: /nothing")], ("20 status 404", "names one client")),
    ):
        with express(tmp_path, changes=changes) as target:
            found = both(target)
        for (ok, facts), expected in zip(found.values(), words, strict=True):
            assert (ok, any(expected.removeprefix("20 ") in each for each in facts)) == (None, True), facts
