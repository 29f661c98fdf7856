"""Backups in their place, read again and again: how old the newest one ever was, which lay there for too long, and which went too early."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_builders import evidence, measures, ns, objective, observation, plan

from harness.judgement import judge
from harness.model import Figure, Measure, Objective, Observation, Op, Outcome, Phase, Quantity, WatchSource

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
FROM, UNTIL = -2.0, 222.0
"""The first and the last reading, in s; the load is from 0 to 200 s."""
STORE_S = 1_800_000_000
"""What the store's clock says at 0 s; this machine's says something else."""
LIMIT_S = 70.0
"""70 min at scale 60."""
YOUNG = replace(
    objective(Figure.BACKUP_AGE, Op.BELOW, "70 min", params={"backup": "database"}, phase=Phase.RUN),
    limit=Quantity.parse("70 min", scaled=True),
)
KEPT = objective(
    Figure.BACKUPS_KEPT,
    Op.HOLDS,
    "1",
    params={"backup": "database", "age": "2 h"},
    times={"age": Quantity.parse("2 h", scaled=True)},
    phase=Phase.RUN,
)
"""Which is 120 s at scale 60."""


class Backup(NamedTuple):
    """A backup: when its state was saved, since when and until when it is there, in s; another `content` replaces it."""

    name: str
    saved: float
    there: float = -1000.0
    gone: float = 1000.0
    content: str = ""
    early: bool = False


HOURLY = tuple(Backup(f"{at + 60:03}.dump", at, at + 2) for at in range(-60, 240, 60))
"""One each minute, as it is each hour; it takes 2 s."""
STAYS = HOURLY[3:]
"""They are there when the run ends, and younger than 120 s."""


def readings(
    *backups: Backup,
    at: Sequence[float] = (),
    cut: bool = True,
    unknown: Sequence[str] = (),
    removed_within_s: float = 0.0,
    why: str = "uploaded again",
    left: str = "",
    store: Callable[[float], float] = lambda when: STORE_S + when,
    machine_s: float | None = None,
) -> tuple[Observation, ...]:
    """What the watcher records of them; a store that cuts its time to seconds, or one that does not; `machine_s`: what this machine's clock says at 0 s."""
    found, before, alike = [], dict[str, Backup](), {"why": left} if left else {}
    for number, when in enumerate(at or np.arange(FROM, UNTIL + 0.1, 2.0).tolist()):
        now = {one.name: one for one in backups if one.there <= when < one.gone}
        there = {name: one for name, one in now.items() if before.get(name) != one}
        gone = [
            {
                "name": name,
                **({"why": "replaced" if now[name].content != one.content else why} if name in now else alike),
            }
            for name, one in before.items()
            if now.get(name) != one
        ]
        appeared: list[dict[str, Any]] = [
            {
                "name": name,
                "what": "backup",
                "saved_ns": ns(STORE_S + one.saved),
                "modified_ns": ns(STORE_S + one.saved),
                "size": 9,
                **({"early": True} if one.early else {}),
            }
            for name, one in there.items()
        ]
        if not number:
            appeared += [
                {"name": name, "what": "unknown", "saved_ns": 0, "modified_ns": 0, "size": 1} for name in unknown
            ]
        store_ns = ns(store(when)) // 10**9 * 10**9 if cut else ns(store(when))
        found.append(
            observation(
                "backups.listed",
                "database",
                when + 0.02,
                "backups",
                at_ns=ns(when + 0.02),
                reading=number,
                sent_ns=ns(when),
                store_ns=store_ns,
                answered_ns=ns(when + 0.01),
                step_ns=10**9 if cut else 0,
                machine_ns=0 if machine_s is None else ns(machine_s + when + 0.01),
                removed_within_s=removed_within_s,
                backups=len(now),
                appeared=appeared,
                gone=gone,
            )
        )
        before = now
    return tuple(found)


def judged(sentence: Objective, *read: Observation, closed: bool = True) -> Measure:
    """The one measure of the sentence."""
    base = evidence()
    watcher = {"backups": WatchSource(name="backups", spacing_ms=0, closed=closed)} if read else {}
    run = replace(base, watchers={**base.watchers, **watcher}, observations=(*base.observations, *read))
    (found,) = measures(judge(plan({"R": sentence}), run))
    return found


def test_a_backup_each_hour_is_always_young() -> None:
    """Of 2 min each at this scale; the words have the age at a reading, and at most in between."""
    found = judged(YOUNG, *readings(*HOURLY))
    assert (found.outcome, found.n, found.scaled_limit) == (PASS, 113, 70.0)
    assert found.reason == (
        "database: the newest backup was 59.99 s old at a reading (000.dump), between readings at most 63.02 s, expected below 70 min (70 s at scale 60)"
    )


@pytest.mark.parametrize(
    ("backups", "outcome", "words"),
    [
        (HOURLY[:2], FAIL, "database: the newest backup was 222 s old at a reading (060.dump)"),
        ((), FAIL, "database: a reading found no finished backup, expected below"),
        (tuple(one for one in HOURLY if one.saved != 60), FAIL, "old at a reading (060.dump)"),
        ((*HOURLY[:2], HOURLY[2]._replace(gone=100.0), *HOURLY[3:]), FAIL, "old at a reading (060.dump)"),
        ((HOURLY[0]._replace(saved=-69.5), *HOURLY[1:]), INCONCLUSIVE, "the list was not read for too long"),
        ((*HOURLY, Backup("later.dump", 900.0)), INCONCLUSIVE, "later.dump: the time is later than the store's clock"),
        ((*HOURLY, Backup("name.dump", -60.0, early=True)), INCONCLUSIVE, "name.dump: the time is later than"),
    ],
    ids=["stopped", "none", "one left out", "removed", "nearly", "from the future", "before its name"],
)
def test_what_is_wrong_with_the_newest_backup(backups: tuple[Backup, ...], outcome: Outcome, words: str) -> None:
    """The job stops, one backup fails, the newest one is removed, the clocks differ."""
    found = judged(YOUNG, *readings(*backups))
    assert (found.outcome, words in found.reason) == (outcome, True), found.reason


@pytest.mark.parametrize(("sentence", "backups"), [(YOUNG, HOURLY), (KEPT, STAYS)], ids=["young", "kept"])
def test_a_store_whose_clock_stands_still_or_is_set_decides_nothing(
    sentence: Objective, backups: tuple[Backup, ...]
) -> None:
    """As that of a list that a proxy keeps: on that clock no backup grows old."""
    for store in (lambda _: STORE_S, lambda when: STORE_S + when - 3600 * (when > 100)):
        found = judged(sentence, *readings(*backups, store=store))
        assert (found.outcome, "the store's clock went" in found.reason) == (INCONCLUSIVE, True), found.reason


def test_times_in_names_are_held_against_this_machine_s_clock_too() -> None:
    """Who names them has another clock than the store; if the store's is behind, an old backup would be young."""
    assert judged(YOUNG, *readings(*HOURLY, machine_s=STORE_S + 1.0)).outcome is PASS
    found = judged(YOUNG, *readings(*HOURLY, machine_s=STORE_S + 30.0))
    words = "this machine's clock and the store's differ by 29 s, and times in names may be by either"
    assert (found.outcome, words in found.reason) == (INCONCLUSIVE, True), found.reason
    stopped = HOURLY[:2]
    assert judged(YOUNG, *readings(*stopped, machine_s=STORE_S - 30.0)).outcome is FAIL
    assert judged(YOUNG, *readings(*stopped, machine_s=STORE_S - 3600.0)).outcome is INCONCLUSIVE


def test_the_newest_backup_that_was_replaced_between_two_readings_may_have_been_missing() -> None:
    """Nobody knows for how long there was none."""
    first = Backup("only.dump", -30.0, gone=30.5, content="a")
    found = judged(YOUNG, *readings(first, Backup("only.dump", 30.0, 30.5, content="b"), *HOURLY[2:]))
    assert (found.outcome, "then it was removed" in found.reason) == (INCONCLUSIVE, True), found.reason


def failed(at: float, why: str = "status 503") -> Observation:
    """A reading that failed."""
    return observation("backups.listed", "database", at, "backups", at_ns=ns(at), why=why)


AT = np.arange(FROM, UNTIL + 0.1, 2.0).tolist()
GAP = [at for at in AT if not 50 < at < 90]
Reads = Callable[..., tuple[Observation, ...]]
UNREAD: dict[str, tuple[Reads, str]] = {
    "late": (lambda *b: readings(*b, at=AT[2:]), "the list was first read 2.02 s after the load began"),
    "short": (lambda *b: readings(*b, at=AT[:60]), "the list was last read 84 s before the load ended"),
    "line lost": (
        lambda *b: readings(*b)[:20] + readings(*b)[21:],
        "Not decided: readings are missing, or are there twice",
    ),
    "line twice": (lambda *b: (*readings(*b), readings(*b)[20]), "readings are missing, or are there twice"),
    "503": (lambda *_: (failed(0.0),), "the list of the backups was never read; a reading failed: status 503"),
    "403": (
        lambda *_: (failed(0.0, "status 403\n  hint: check `access_key`"),),
        "was never read; a reading failed: status 403 (check `access_key`)",
    ),
    "nothing": (lambda *_: (), "the list of the backups was never read"),
}


def test_what_was_not_read_is_not_decided(subtests: pytest.Subtests) -> None:
    """A watch that began late or ended early, a line of the record that is gone."""
    for name, (read, words) in UNREAD.items():
        for case, sentence, backups in [("young", YOUNG, HOURLY), ("kept", KEPT, STAYS)]:
            with subtests.test(name, case=case):
                found = judged(sentence, *read(*backups))
                assert (found.outcome, words in found.reason) == (INCONCLUSIVE, True), found.reason
                assert judged(sentence, *readings(*backups)).outcome is PASS


def test_in_a_time_without_readings_the_newest_backup_may_have_been_too_old() -> None:
    """Why they failed is said; what is kept and removed does not depend on it."""
    read = (*readings(*HOURLY, at=GAP), failed(60.0))
    found = judged(YOUNG, *read)
    assert (found.outcome, found.reason.endswith("for too long; a reading failed: status 503")) == (INCONCLUSIVE, True)
    assert judged(KEPT, *readings(*STAYS, at=GAP), failed(60.0)).outcome is PASS


@pytest.mark.parametrize(("sentence", "backups"), [(YOUNG, HOURLY), (KEPT, STAYS)], ids=["young", "kept"])
def test_a_record_that_was_changed_or_not_closed_decides_nothing(
    sentence: Objective, backups: tuple[Backup, ...]
) -> None:
    """A backup that is taken out of a reading, and a watcher that was killed."""
    read = readings(*backups)
    number = next(n for n, one in enumerate(read) if one.fields["appeared"])
    less = replace(read[number], fields={**read[number].fields, "appeared": ()})
    found = judged(sentence, *read[:number], less, *read[number + 1 :])
    assert (found.outcome, "a reading counted 1 backups" in found.reason) == (INCONCLUSIVE, True), found.reason
    killed = judged(sentence, *read, closed=False)
    assert (killed.outcome, "the watcher 'backups'" in killed.reason) == (INCONCLUSIVE, True), killed.reason


WEEK = tuple(Backup(f"{n}.dump", saved, saved + 2, saved + 130) for n, saved in enumerate(range(-120, 240, 60)))
"""Each is removed 10 s after it is 2 min old."""


def test_backups_that_go_in_time_are_as_expected() -> None:
    """With 15 s for the removal; without, each of them is there for too long."""
    found = judged(KEPT, *readings(*WEEK, removed_within_s=15.0))
    assert (found.outcome, found.value, found.n) == (PASS, 0.0, 6)
    late = judged(KEPT, *readings(*WEEK))
    assert (late.outcome, late.value) == (FAIL, 4.0)
    assert late.reason.startswith(
        "database: of 6 backups 4 are kept for longer than 120 s, and 0 were removed earlier, expected none: 0.dump: "
    )


@pytest.mark.parametrize(
    ("backup", "outcome", "words"),
    [
        (Backup("old.dump", -500.0), FAIL, "old.dump: "),
        (Backup("old.dump", -500.0, gone=1.0), FAIL, "old.dump: "),
        (Backup("old.dump", -500.0, gone=-1.0), PASS, ""),
        (Backup("young.dump", -10.0, gone=50.0), FAIL, "young.dump: gone when it was at most 61.02 s old"),
        (Backup("young.dump", 150.0, 152.0, 221.0), INCONCLUSIVE, "young.dump: gone when"),
        (Backup("young.dump", -69.0, gone=51.5), INCONCLUSIVE, "young.dump: gone when"),
        (Backup("last.dump", 101.6, 103.0), INCONCLUSIVE, "in the last reading"),
    ],
    ids=["nothing expires", "too late", "just gone", "too early", "at the end", "at the limit", "just old"],
)
def test_what_is_kept_and_removed_at_the_wrong_time(backup: Backup, outcome: Outcome, words: str) -> None:
    """Beside backups that are as expected."""
    found = judged(KEPT, *readings(*STAYS, backup))
    assert (found.outcome, words in found.reason) == (outcome, True), found.reason


def test_another_content_under_the_same_name_is_a_removal() -> None:
    """One file that is written anew keeps nothing; the same content again keeps all, and a file that is written to is not decided."""
    first, then = Backup("only.dump", 0.0, gone=110.0, content="a"), Backup("only.dump", 110.0, 110.0, content="b")
    assert judged(KEPT, *readings(first, then)).outcome is FAIL
    same = then._replace(content="a")
    assert judged(KEPT, *readings(first, same, why="uploaded again")).outcome is PASS
    assert judged(KEPT, *readings(first, same, why="written")).outcome is INCONCLUSIVE


def test_a_backup_whose_content_another_one_has_is_not_decided() -> None:
    """It may be this one under another name, or one that was made later of the same state."""
    gone = Backup("young.dump", -10.0, gone=50.0)
    assert judged(KEPT, *readings(*STAYS, gone)).outcome is FAIL
    found = judged(KEPT, *readings(*STAYS, gone, left="alike"))
    assert (found.outcome, "a backup of another time has its content" in found.reason) == (INCONCLUSIVE, True)


def test_a_backup_that_one_reading_alone_lacks_is_not_decided() -> None:
    """The store may have been still at it."""
    found = judged(KEPT, *readings(*STAYS, Backup("a.dump", 110.0, 112.0, 150.5), Backup("a.dump", 110.0, 152.5)))
    assert (found.outcome, "then it was there again" in found.reason) == (INCONCLUSIVE, True), found.reason


def test_names_that_nobody_explains_are_named() -> None:
    """They may be backups: what is kept is not decided, nor that the newest one is too old."""
    found = judged(KEPT, *readings(*STAYS, unknown=["dump (copy)", "x"]))
    words = "dump (copy), x: the target file does not say what it is"
    assert (found.outcome, words in found.reason) == (INCONCLUSIVE, True)
    assert judged(YOUNG, *readings(*HOURLY, unknown=["x"])).outcome is PASS
    found = judged(YOUNG, *readings(*HOURLY[:2], unknown=["x"]))
    assert (found.outcome, "x: the target file does not say what it is" in found.reason) == (INCONCLUSIVE, True)


SECONDS = st.integers(-150, 220).map(float)


@settings(max_examples=60, deadline=None)
@given(
    drawn=st.lists(st.tuples(SECONDS, st.integers(0, 30), st.integers(5, 300)), min_size=1, max_size=6),
    step=st.sampled_from([2.0, 5.0]),
    cut=st.booleans(),
)
def test_a_verdict_on_the_age_is_true_of_every_moment(
    drawn: list[tuple[float, int, int]], step: float, *, cut: bool
) -> None:
    """PASS: at each moment of the load a backup younger than the limit was there. FAIL: at a reading there was none."""
    backups = [
        Backup(f"{n}.dump", saved, saved + takes, saved + takes + stays)
        for n, (saved, takes, stays) in enumerate(drawn)
    ]
    at = np.arange(FROM + 0.3, UNTIL + step, step).tolist()
    at = [FROM, *at]
    outcome = judged(YOUNG, *readings(*backups, at=at, cut=cut)).outcome

    def youngest(when: float) -> float:
        return min((when - one.saved for one in backups if one.there <= when < one.gone), default=np.inf)

    if outcome is PASS:
        assert max(map(youngest, np.arange(0.0, 200.0, 0.5).tolist())) < LIMIT_S
    if outcome is FAIL:
        assert max(map(youngest, at)) >= LIMIT_S
