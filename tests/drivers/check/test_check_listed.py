"""A migration waits for the first complete reading of the backups that it needs, and no longer than a reading may take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness import clock
from harness.drivers.check.backups.listed import await_first_list
from harness.drivers.check.claim import RUN
from harness.evidence.histories.history import History
from harness.targets import Target
from tests.drivers.check.check_builders import shop_of
from tests.fake_clock import FakeClock

NEEDED = {"at": "dumps", "files": ["*.dump"], "read_every": "4 s", "within": "5 s", "verified": ".ok"}


def target_in(directory: Path, *, before_migrations: bool = True) -> Target:
    """A target with dumps that a migration needs, or may need not."""
    backups = {
        "archive": {"at": "wal", "files": ["*"]},
        "database": {**NEEDED, "before_migrations": before_migrations},
    }
    return shop_of(directory, backups=backups)


def waited_s(
    fake: FakeClock, target: Target, directory: Path, readings: dict[float, tuple[str, dict[str, Any]]]
) -> float:
    """How long the migration waited; each reading is recorded at its second."""
    history, begun_s = History(directory / "history" / "backups.ndjson", "backups"), clock.now_s()
    for at_s, (subject, fields) in readings.items():

        def record(subject: str = subject, fields: dict[str, Any] = fields) -> None:
            history.put("backups.listed", subject, at_ns=clock.now_ns(), **fields)

        fake.at(at_s, record)
    await_first_list(target, {RUN: str(directory)})
    history.close()
    return round(clock.now_s() - begun_s, 3)


@pytest.mark.parametrize(
    ("readings", "expected_s"),
    [
        ({1.0: ("database", {"reading": 0})}, 3.0),  # a Job that is made then is reported after the reading
        ({1.0: ("database", {"why": "503"}), 5.0: ("database", {"reading": 0})}, 7.0),
        ({1.0: ("archive", {"reading": 0}), 2.0: ("database", {"reading": 0})}, 4.0),
        ({1.0: ("database", {"why": "503"})}, 11.0),  # the next reading is due after 4 s, and takes 5 s at most
        ({}, 11.0),
    ],
)
def test_a_migration_waits_for_the_first_complete_reading(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    readings: dict[float, tuple[str, dict[str, Any]]],
    expected_s: float,
) -> None:
    """Until a Job that is made next is reported after it: one that failed, or is of other backups, does not count."""
    fake = FakeClock.installed(monkeypatch)
    assert waited_s(fake, target_in(tmp_path), tmp_path, readings) == pytest.approx(expected_s, abs=0.11)


def test_without_backups_that_a_migration_needs_nothing_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor outside a run, where no list is read."""
    fake = FakeClock.installed(monkeypatch)
    assert waited_s(fake, target_in(tmp_path, before_migrations=False), tmp_path, {}) == 0.0
    begun_s = clock.now_s()
    await_first_list(target_in(tmp_path), {})
    assert clock.now_s() == begun_s
