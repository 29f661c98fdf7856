"""A command names the run that it speaks of, how long ago it was, and the newer ones beside it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from harness import clock
from harness.run.which import newer_runs, which_run


def run_of(runs: Path, age: timedelta, name: str = "shop-1.0.0") -> Path:
    """A run that began so long ago."""
    path = runs / f"{clock.wall() - age:%Y%m%dT%H%M%S}Z-{name}"
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(seconds=5), " s ago"),
        (timedelta(minutes=12, seconds=9), ", 12 min ago"),
        (timedelta(hours=30), ", 1 d ago"),
        (timedelta(hours=-1), ", 0 s ago"),  # of a machine whose clock is ahead
    ],
)
def test_the_only_run_is_named_with_its_age(tmp_path: Path, age: timedelta, said: str) -> None:
    """By the stamp of its name."""
    run = run_of(tmp_path, age)
    assert which_run(run).startswith(f"the run {run.name}, ")
    assert which_run(run).endswith(said)


def test_newer_runs_are_counted(tmp_path: Path) -> None:
    """Neither links nor other directories count."""
    old, middle, new = (run_of(tmp_path, timedelta(hours=n)) for n in (3, 2, 1))
    (tmp_path / "latest").symlink_to(new)
    (tmp_path / "notes").mkdir()
    assert [newer_runs(one) for one in (old, middle, new)] == [2, 1, 0]
    assert which_run(old).endswith("3 h ago (2 newer runs exist)")
    assert which_run(middle).endswith("2 h ago (a newer run exists)")


def test_a_run_of_another_name_has_no_age(tmp_path: Path) -> None:
    """It was copied and renamed, or its stamp is no date."""
    for name in ("kept", "20269999T999999Z-shop"):
        (tmp_path / name).mkdir()
        assert which_run(tmp_path / name) == f"the run {name}"
