"""Whether this machine can carry the run: said before the load, and a run that is starved for long ends."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.errors import DriverError
from harness.evidence import RowWriter
from harness.model.observations import MachineSeen
from harness.model.records.table import CONTROL
from harness.run.start.room import Room, carries
from tests.fake_clock import FakeClock, S


def seen(at: int, **had: float) -> MachineSeen:
    """What the machine did in the second before this one."""
    shares: dict[str, Any] = {"target": 0.2, "harness": 0.2, "others": 0.0, **had}
    return MachineSeen(subject="machine", at_ns=at * S, **shares)


def room(
    run: Path,
    readings: Iterable[MachineSeen],
    *,
    late: Iterable[int] = (),
    decides: bool = True,
    planned_s: float = 0.0,
) -> Room:
    """The room of a run whose control was asked every half second of 200, and took 80 ms in these seconds."""
    (run / "watch").mkdir()
    writer, slow = RowWriter(run / "watch" / "control.rows", CONTROL), set(late)
    for half in range(400):
        due_ns = half * S // 2
        took_ns = 80_000_000 if half // 2 in slow else 3_000_000
        writer.put((due_ns, due_ns, due_ns + took_ns, 200), ("node", None))
    writer.close()
    return Room(cast("Any", SimpleNamespace(seen=list(readings))), run, decides=decides, planned_s=planned_s)


@pytest.mark.parametrize(
    ("had", "times"),
    [
        ({}, 2.5),
        ({"others": 0.5}, 1.25),
        ({"others": 0.5, "yielding": 0.5}, 2.5),
        ({"target": 0.7, "harness": 0.3, "others": 0.02}, 0.98 / 0.72),
        ({"target": 0.8}, 1 / 0.48),
    ],
)
def test_a_machine_carries_what_others_leave(had: dict[str, float], times: float) -> None:
    """As a multiple of what harness and a healthy release need: what a release burns beyond that needs no machine."""
    assert carries([seen(at, **had) for at in range(1, 6)]) == pytest.approx(times)


def test_a_kernel_that_does_not_count_says_nothing(tmp_path: Path) -> None:
    """Neither a warning nor an end."""
    unknown = [MachineSeen(subject="machine", at_ns=at * S) for at in range(1, 6)]
    assert carries(unknown) is None
    assert room(tmp_path, unknown).said() == ""


def test_too_little_room_is_said_before_the_load(tmp_path: Path) -> None:
    """The control is well: the run goes on, and says what to do where it does not decide."""
    said = room(tmp_path, (seen(at, others=0.55) for at in range(1, 201))).said()
    assert said == (
        "this machine has 1.1 times the processors that the run uses, expected 1.2 times "
        "(if the run ends INCONCLUSIVE: close other programs, or give a smaller `--traffic-scale`)"
    )


def test_who_has_no_other_programs_is_not_told_to_close_them(tmp_path: Path) -> None:
    """Harness and sandbox alone fill the machine."""
    said = room(tmp_path, (seen(at, target=0.45, harness=0.52, others=0.01) for at in range(1, 201))).said()
    assert said.startswith("this machine has 1.0 times the processors that the run uses")
    assert "the machine is too small for this run: give a smaller `--traffic-scale`, choose fewer" in said
    assert "close other programs" not in said


def test_too_little_room_and_a_control_that_suffers_end_the_run(tmp_path: Path) -> None:
    """Three of the last five seconds were starved, and nothing is left; where something is, the run goes on."""
    here = room(tmp_path, (seen(at, others=0.7) for at in range(1, 201)), late=range(196, 199))
    with pytest.raises(DriverError, match=r"has 0\.8 times the processors .*; the control, .* took over 50 ms"):
        here.said()
    (tmp_path / "more").mkdir()
    here = room(tmp_path / "more", (seen(at, others=0.55) for at in range(1, 201)), late=range(196, 199))
    assert here.said().startswith("this machine has 1.1 times the processors that the run uses")


@pytest.mark.parametrize(("starved", "ends"), [(119, False), (120, True)])
def test_a_run_that_was_starved_for_two_minutes_in_all_ends(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    starved: int,
    ends: bool,  # noqa: FBT001 - a value of the table
) -> None:
    """Every second one; what only the release kept busy does not count, nor does a target elsewhere."""
    FakeClock.installed(monkeypatch).now_ns = 200 * S
    busy = [seen(at, others=0.55) for at in range(1, 201)]
    here = room(tmp_path, busy, late=range(20, 20 + starved))
    if ends:
        with pytest.raises(
            DriverError, match=r"the machine was too slow in 120 of the last 400 s: the control"
        ) as ended:
            here.check()
        assert "because of other programs in 120 of these seconds" in ended.value.what
        assert ended.value.hint.startswith("run again on a machine with nothing else to do")
    else:
        here.check()
    (tmp_path / "alone").mkdir()
    room(tmp_path / "alone", (seen(at, target=0.8) for at in range(1, 201)), late=range(180)).check()
    (tmp_path / "elsewhere").mkdir()
    room(tmp_path / "elsewhere", busy, late=range(180), decides=False).check()


def test_a_machine_that_nothing_else_kept_busy_is_too_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Harness and sandbox had all processors: to close other programs would not help."""
    FakeClock.installed(monkeypatch).now_ns = 200 * S
    here = room(tmp_path, (seen(at, target=0.6, harness=0.4) for at in range(1, 201)), late=range(20, 140))
    with pytest.raises(DriverError, match=r"because of other programs in 0 of these seconds") as ended:
        here.check()
    assert ended.value.hint.startswith("the machine is too small for this run: give a smaller `--traffic-scale`")


def test_a_longer_run_may_be_starved_for_as_long_a_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two minutes of 400 s end it, and of 401 s do not: what is measured in the rest is judged."""
    FakeClock.installed(monkeypatch).now_ns = 200 * S
    busy = [seen(at, others=0.55) for at in range(1, 201)]
    room(tmp_path, busy, late=range(20, 140), planned_s=401.0).check()
    (tmp_path / "short").mkdir()
    with pytest.raises(DriverError, match="too slow in 120 of the last 400 s"):
        room(tmp_path / "short", busy, late=range(20, 140), planned_s=200.0).check()


@pytest.mark.parametrize(("now_s", "ends"), [(420, True), (421, False)])
def test_what_lies_far_back_does_not_end_a_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    now_s: int,
    ends: bool,  # noqa: FBT001 - a value of the table
) -> None:
    """Two minutes of starved seconds, the first of them 400 s ago, or more."""
    FakeClock.installed(monkeypatch).now_ns = now_s * S
    here = room(tmp_path, (seen(at, others=0.55) for at in range(1, 201)), late=range(20, 140))
    with pytest.raises(DriverError, match="too slow in 120 of the last 400 s") if ends else nullcontext():
        here.check()
