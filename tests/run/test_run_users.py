"""Users who are out longer than the probes are waited for, and no longer than is of use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.evidence import RowWriter
from harness.judgement.recovery import Promise
from harness.model import SAMPLES
from harness.run.health.users import SERVED_WITHIN_S, UsersServed
from tests.fake_clock import FakeClock, S

SENT = 1000
PROMISED_MS = 1000.0


def users(
    run: Path,
    fails: Callable[[float], bool] = lambda _: False,
    late: Callable[[float], bool] = lambda _: False,
    silent: Callable[[float], bool] = lambda _: False,
    per_s: int = 10,
) -> UsersServed:
    """So many requests a second of one route from 1000 s to 1060 s; by their time since 1000 s they fail, take 2 s, or are not sent."""
    rows = RowWriter(run / "samples-1.rows", SAMPLES)
    for step in range(60 * per_s):
        at = step / per_s
        if silent(at):
            continue
        due = SENT * S + step * S // per_s
        ints = {"intended_ns": due, "sent_ns": due, "done_ns": due + (2 * S if late(at) else S // 50), "status": 200}
        words = {"name": "play-track", "served_region": "us-east-1", "error": "status 503" if fails(at) else None}
        rows.put(tuple(ints.get(name, 0) for name in SAMPLES.ints), tuple(words.get(name) for name in SAMPLES.words))
    rows.flush()
    return UsersServed([run / "samples-1.rows"], {"play-track": 10.0}, Promise(ms=PROMISED_MS))


def between(start: float, end: float = 60.0) -> Callable[[float], bool]:
    """From one time to another."""
    return lambda at: start <= at < end


@pytest.mark.parametrize(
    ("how", "least", "most"),
    [
        ({}, 0.0, 0.0),
        ({"fails": between(10, 18)}, 5.0, 5.5),
        ({"late": between(10, 18)}, 5.0, 5.5),
        ({"silent": between(15, 18), "late": between(18, 18.2)}, 4.0, 5.5),
        ({"fails": between(10)}, SERVED_WITHIN_S - 0.5, SERVED_WITHIN_S + 0.5),
    ],
    ids=["always served", "fails", "late", "silent", "never"],
)
def test_users_are_waited_for_until_they_are_served(
    clock: FakeClock, tmp_path: Path, how: dict[str, Any], least: float, most: float
) -> None:
    """Out until 18 s, longer than the probes: five seconds later, known after 2.3 s. Never served: so long, and the run goes on.

    Those who wait for the step before send nothing, which is no outage that is proven, and may be one: five seconds show that it is over.
    """
    here = users(tmp_path, **how)
    assert here.wait(lambda: None, within_s=0.0).ok
    clock.sleep(20.0)
    began = clock.now_ns
    here.wait(lambda: None)
    assert least <= round((clock.now_ns - began) / S, 1) <= most


def test_users_who_were_served_so_far_are_waited_for_before_a_fault(clock: FakeClock, tmp_path: Path) -> None:
    """Out from 16 to 22 s: the fault at 20 s waits until they are back, so that it is held until they are."""
    here = users(tmp_path, late=lambda at: 16 <= at < 22)
    clock.sleep(14.0)
    assert here.now().ok
    clock.sleep(6.0)
    began = clock.now_ns
    assert here.before_fault(lambda: None)
    assert 8.0 <= (clock.now_ns - began) / S <= 10.0


def test_users_who_were_never_served_delay_no_fault(clock: FakeClock, tmp_path: Path) -> None:
    """A release that always fails some of them is judged at once."""
    here = users(tmp_path, fails=lambda _: True)
    clock.sleep(20.0)
    began = clock.now_ns
    assert not here.before_fault(lambda: None)
    assert clock.now_ns == began


def test_users_are_out_where_more_fail_than_before_the_fault(clock: FakeClock, tmp_path: Path) -> None:
    """Three of 1250 fail in a row at 52 s: as may be where nothing is known, and not where none of 2000 failed before."""
    here = users(tmp_path, fails=lambda at: 52 <= at < 52.06, per_s=50)
    clock.sleep(57.0)
    assert here.now().ok
    here.quiet(SENT * S, (SENT + 40) * S)
    assert here.now().why == "route play-track was not served for five seconds after its last outage"


def test_a_target_that_is_gone_ends_the_waiting(clock: FakeClock, tmp_path: Path) -> None:
    """Whoever asks whether it is still there raises."""
    here = users(tmp_path, fails=between(10))
    clock.sleep(20.0)

    def gone() -> None:
        raise LookupError("the target is gone")

    with pytest.raises(LookupError):
        here.wait(gone)
