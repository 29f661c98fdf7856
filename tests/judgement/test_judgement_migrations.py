"""Verified backups when migrations begin: those that were surely there, those that were surely not, and what two readings leave open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from judgement_builders import evidence, measures, ns, objective, observation, plan

from harness.judgement import judge
from harness.model import Figure, Measure, Observation, Op, Outcome, Phase, Quantity, WatchSource

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
STORE_S = 1_800_000_000
"""What the store's clock says at 0 s."""
SENTENCE = replace(
    objective(Figure.MIGRATION_BACKUP, Op.AT_MOST, "1 h", check="migrated-and-back", phase=Phase.RUN),
    limit=Quantity.parse("1 h", scaled=True),
)
"""Which is 60 s at scale 60."""


class Stored(NamedTuple):
    """A backup: when it was saved and stored, when it was verified (None: never), and when it was removed, in s."""

    saved: float
    verified: float | None
    gone: float = 1000.0

    @property
    def name(self) -> str:
        """Of the object."""
        return f"{self.saved:g}.dump"


def readings(*backups: Stored, at: Sequence[float] = range(90, 111, 2)) -> tuple[Observation, ...]:
    """What the watcher records, each reading 20 ms long, of a store that cuts its time to seconds."""
    found, before = [], dict[str, dict[str, Any]]()
    for number, when in enumerate(at):
        there: dict[str, dict[str, Any]] = {}
        for one in backups:
            if one.saved <= when < one.gone:
                times = {"saved_ns": ns(STORE_S + one.saved), "modified_ns": ns(STORE_S + one.saved)}
                there[one.name] = {"name": one.name, "what": "backup", **times, "size": 9}
            if one.verified is not None and one.verified <= when < one.gone:
                mark, stored_ns = f"{one.name}.verified", ns(STORE_S + one.verified)
                there[mark] = {
                    "name": mark, "what": "verification", "of": one.name, "modified_ns": stored_ns, "saved_ns": stored_ns, "size": 64,
                }  # fmt: skip
        found.append(
            observation(
                "backups.listed",
                "database",
                when + 0.02,
                "backups",
                at_ns=ns(when + 0.02),
                reading=number,
                sent_ns=ns(when),
                store_ns=ns(STORE_S + when) // 10**9 * 10**9,
                answered_ns=ns(when + 0.01),
                step_ns=10**9,
                removed_within_s=0.0,
                backups=sum(one["what"] == "backup" for one in there.values()),
                appeared=[one for name, one in there.items() if name not in before],
                gone=[{"name": name} for name in before if name not in there],
            )
        )
        before = there
    return tuple(found)


def begun(at: float = 101.0, since: float = 99.0, name: str = "migrate-up", number: int = 0) -> Observation:
    """A Job that was seen for the first time."""
    return observation(
        "migration.begun",
        f"database/{name}",
        at,
        "migrations",
        at_ns=ns(at),
        number=number,
        since_ns=ns(since),
        backup="database",
    )


def judged(*read: Observation, watched: Sequence[str] = ("backups", "migrations")) -> Measure:
    """The one measure of the sentence."""
    base = evidence()
    sources = {name: WatchSource(name=name, spacing_ms=0, closed=True) for name in watched}
    run = replace(base, watchers={**base.watchers, **sources}, observations=(*base.observations, *read))
    (found,) = measures(judge(plan({"R": SENTENCE}), run))
    return found


def test_a_migration_needs_a_verified_backup_when_it_begins(subtests: pytest.Subtests) -> None:
    """The Job began between 99 and 101 s; the list was read every 2 s."""
    for name, backups, outcome, words in [
        ("verified", (Stored(80, 82), Stored(95, None)), PASS, "80.dump, at most 22 s old"),
        ("young enough", (Stored(45, 46),), PASS, "45.dump, at most 57 s old"),
        ("none", (), FAIL, "1 migrations began, 1 of them without a verified backup at most 1 h (60 s at scale 60) old: database/migrate-up: no backup was there"),
        ("unverified", (Stored(80, None), Stored(95, None)), FAIL, "database/migrate-up: none of 2 backups was verified"),
        ("too old", (Stored(20, 21), Stored(95, None)), FAIL, "the newest verified backup, 20.dump, was 78.99 s old"),
        ("verified later", (Stored(80, 103),), FAIL, "none of 1 backups was verified"),
        ("mark of an earlier content", (Stored(80, 70),), FAIL, "none of 1 backups was verified"),
        ("removed before", (Stored(80, 82, gone=97),), FAIL, "no backup was there"),
        ("verified meanwhile", (Stored(80, 100),), INCONCLUSIVE, "80.dump was verified, removed or as old as the limit at about that time"),
        ("as old as the limit", (Stored(40, 41),), INCONCLUSIVE, "40.dump was verified, removed or as old as the limit at about that time"),
        ("removed meanwhile", (Stored(80, 82, gone=100),), INCONCLUSIVE, "80.dump was verified, removed or as old as"),
        ("a newer one later", (Stored(80, 82), Stored(107, None)), PASS, "80.dump, at most 22 s old"),
    ]:  # fmt: skip
        with subtests.test(name):
            found = judged(*readings(*backups), begun())
            assert (found.outcome, words in found.reason) == (outcome, True), found.reason


@pytest.mark.parametrize(
    ("verified", "at", "outcome"),
    [(92, (88, 110), PASS), (98, (88, 110), INCONCLUSIVE), (98, (88, 98, 110), PASS)],
    ids=["by its time", "its time may be cut", "by a reading"],
)
def test_a_verification_counts_since_it_was_stored_by_the_time_of_the_store_or_by_a_reading(
    verified: float, at: Sequence[float], outcome: Outcome
) -> None:
    """The migration began at 99 s or later; the store cuts its times to seconds, so that 98 s may be nearly 99 s."""
    assert judged(*readings(Stored(80, verified), at=at), begun()).outcome is outcome


def test_the_value_is_the_age_of_the_newest_verified_backup_where_it_is_known() -> None:
    """Of the oldest one, of several migrations; none where nothing was verified."""
    found = judged(*readings(Stored(80, 82), at=range(90, 131, 2)), begun(), begun(121.0, 119.0, "migrate-up-2", 1))
    assert found.value == pytest.approx(42.0)
    assert (found.unit, found.scaled_limit, found.n) == ("s", 60.0, 2)
    old, none = judged(*readings(Stored(20, 21)), begun()), judged(*readings(Stored(80, None)), begun())
    assert old.value == pytest.approx(78.99)
    assert none.value is None


def test_every_migration_counts() -> None:
    """The second of two began without a verified backup of the last hour."""
    read = readings(Stored(45, 46), at=range(90, 131, 2))
    found = judged(*read, begun(), begun(121.0, 119.0, "migrate-up-2", 1))
    assert found.outcome is FAIL
    assert "2 migrations began, 1 of them without" in found.reason
    assert "database/migrate-up-2: the newest verified backup, 45.dump, was" in found.reason


@pytest.mark.parametrize(
    ("read", "watched", "words"),
    [
        ((), ("backups", "migrations"), "no migration was seen to begin"),
        ((begun(),), ("migrations",), "the watcher 'backups' wrote no record"),
        ((begun(),), ("backups",), "the watcher 'migrations' wrote no record"),
        ((begun(),), ("backups", "migrations"), "the list of the backups was not read before it began"),
        ((begun(), *readings(at=(90, 92))), ("backups", "migrations"), "the list of the backups was not read after it began"),
        ((begun(), *readings(at=(90, 92, 94, 110))[1:]), ("backups", "migrations"), "readings are missing"),
        ((begun(number=1), *readings(Stored(80, 82))), ("backups", "migrations"), "records of migrations are missing"),
    ],
    ids=["no migration", "no backups", "no Jobs", "before", "after", "line lost", "Job lost"],
)  # fmt: skip
def test_a_run_without_the_records_decides_nothing(
    read: tuple[Observation, ...], watched: tuple[str, ...], words: str
) -> None:
    """Neither a pass nor a failure is made of what was not watched."""
    found = judged(*read, watched=watched)
    assert (found.outcome, words in found.reason) == (INCONCLUSIVE, True), found.reason


def test_a_stream_of_jobs_that_was_interrupted_for_long_may_have_missed_one() -> None:
    """A Job that came and went in 6 s is in no list."""
    blind = observation("watch.blind", "migrations", 56.0, "watch", at_ns=ns(56.0), from_ns=ns(50.0), until_ns=ns(56.0))
    found = judged(*readings(Stored(80, 82)), begun(), blind)
    assert (found.outcome, "received no data for 6 s" in found.reason) == (INCONCLUSIVE, True), found.reason
