"""Shares as before: chance is forgiven, a region that is away is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.evidence import RowWriter
from harness.model import SAMPLES, Table
from harness.model.planned.domain import PartsState
from harness.run.health.shares import Shares, shared_as

WANTED = {"us-east-1": 0.6, "eu-west-1": 0.3, "ap-southeast-1": 0.1}


def answers(us: int, eu: int, ap: int, nobody: int = 0) -> Table:
    """So many answers of each region, and so many requests without one."""
    regions = ["us-east-1"] * us + ["eu-west-1"] * eu + ["ap-southeast-1"] * ap + [None] * nobody
    return Table.of(SAMPLES, [{"done_ns": at, "served_region": region} for at, region in enumerate(regions)])


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ((240, 120, 40), ""),
        ((260, 105, 35), ""),
        ((0, 300, 100), "us-east-1 gives 0 % of the latest 400 answers, expected 60 %"),
        ((270, 130, 0), "ap-southeast-1 gives 0 % of the latest 400 answers, expected 10 %"),
        ((20, 10, 3), "only 33 answers so far, expected at least 50"),
        ((36, 16, 3), ""),
    ],
)
def test_shares_are_compared_with_what_is_meant(counts: tuple[int, int, int], why: str) -> None:
    """A region that gives nothing is off; a few answers more or less are chance."""
    assert shared_as(answers(*counts), WANTED) == PartsState(ok=not why, why=why)


def test_the_last_answers_count(tmp_path: Path) -> None:
    """A region that was away for long and is back for five seconds is back."""
    writer = RowWriter(tmp_path / "samples-1.rows", SAMPLES)
    shares = Shares([tmp_path / "samples-1.rows"], WANTED, requests_per_s=100.0)

    def put(us: int, eu: int, ap: int, start: int) -> None:
        for at, region in enumerate(["us-east-1"] * us + ["eu-west-1"] * eu + ["ap-southeast-1"] * ap):
            writer.put(
                (0, 0, start + at, 200, 0, 1, 0, 0, 0, 0, 0), (None, None, None, None, None, region, None, None, None)
            )
        writer.flush()

    put(0, 3000, 1000, 0)
    away = shares.now()
    put(240, 120, 40, 4000)

    assert (away.ok, shares.now()) == (False, PartsState(ok=True, why=""))
