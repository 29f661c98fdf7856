"""Who had the processors, read from the kernel's own figures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import clock
from harness.provided import TargetProcesses
from harness.run.start.processors import ProcessorLog, ProcessorShares, ProcessorTicks, shares


def process(proc: Path, pid: int, parent: int, ticks: int, *, ended: int = 0) -> None:
    """A process as the kernel shows it: its parent, its ticks, and those of its ended children."""
    (proc / str(pid)).mkdir(exist_ok=True)
    fields = ["S", str(parent), "0", "0", "0", "0", "0", "0", "0", "0", "0", str(ticks), "0", str(ended), "0", "20"]
    (proc / str(pid) / "stat").write_text(f"{pid} (a) b) {' '.join(fields)} 0 1 0 9")


def counted(proc: Path, *, user: int, niced: int = 0, idle: int = 0, stolen: int = 0) -> None:
    """All processors since the machine booted."""
    (proc / "stat").write_text(f"cpu  {user} {niced} 0 {idle} 0 0 0 {stolen} 0 0\ncpu0 1 2 3\n")


def test_each_tick_belongs_to_the_target_the_harness_or_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 1 000 ticks pods had 100, 60 of them a pod that ended between the readings; the harness 200, others 300, stolen ones included, and 90 of theirs yield."""
    monkeypatch.setattr(os, "getpriority", lambda *_: 0)
    own = os.getpid()
    counted(tmp_path, user=0)
    process(tmp_path, own, 1, 0)
    process(tmp_path, 8, own, 0)
    process(tmp_path, 9, 8, 0)
    process(tmp_path, 10, 8, 60)
    process(tmp_path, 11, 1, 0)
    log = ProcessorLog(processes=lambda: TargetProcesses(target=frozenset({8})), proc=tmp_path)
    counted(tmp_path, user=460, niced=90, idle=400, stolen=50)
    process(tmp_path, own, 1, 200)
    (tmp_path / "10" / "stat").unlink()
    process(tmp_path, 8, own, 0, ended=120)
    process(tmp_path, 9, 8, 40)
    process(tmp_path, 11, 1, 210)
    assert log.shares() == ProcessorShares(target=0.1, harness=0.2, others=0.3, yielding=0.09)


@pytest.mark.parametrize(("reaped", "user", "others"), [(0, 50, 0.0), (5000, 50, 0.0), (5000, 90, 0.4)])
def test_what_a_pod_used_before_it_ended_is_nobody_s_later(
    tmp_path: Path, reaped: int, user: int, others: float
) -> None:
    """A node is lost with a pod of 5 000 ticks: the other pod has used 30 since, the harness 20; what waited for the lost one may have got its ticks, and then 40 of 90 are of nobody here."""
    counted(tmp_path, user=0)
    process(tmp_path, os.getpid(), 1, 0)
    process(tmp_path, 500, 1, 0)
    for pid, ticks in ((501, 5000), (502, 3000)):
        process(tmp_path, pid, 500, ticks)
    log = ProcessorLog(processes=lambda: TargetProcesses(frozenset({500}), frozenset({501, 502})), proc=tmp_path)
    counted(tmp_path, user=user, idle=100 - user)
    (tmp_path / "501" / "stat").unlink()
    process(tmp_path, 500, 1, 20, ended=reaped)
    process(tmp_path, 502, 500, 3030)
    assert log.shares() == ProcessorShares(target=0.3, harness=0.2, others=others, yielding=0.0)


def test_what_a_killed_process_used_at_last_is_not_others_where_no_process_waited_for_it(tmp_path: Path) -> None:
    """A pod of 5 000 ticks is killed 30 ticks later and nobody inherits them; another one has used 40, the harness 20. Of 60 more 40 are too many for a pod of 20 ticks."""
    counted(tmp_path, user=0)
    process(tmp_path, os.getpid(), 1, 0)
    process(tmp_path, 500, 1, 0)
    for pid, parent, ticks in ((501, 500, 10), (502, 501, 5000), (503, 501, 3000)):
        process(tmp_path, pid, parent, ticks)
    log = ProcessorLog(processes=lambda: TargetProcesses(frozenset({500}), frozenset({501})), proc=tmp_path)
    counted(tmp_path, user=90, idle=10)
    (tmp_path / "502" / "stat").unlink()
    process(tmp_path, 500, 1, 20)
    process(tmp_path, 503, 501, 3040)
    process(tmp_path, 504, 501, 20)
    assert log.shares() == ProcessorShares(target=0.7, harness=0.2, others=0.0, yielding=0.0)
    counted(tmp_path, user=190, idle=10)
    (tmp_path / "504" / "stat").unlink()
    process(tmp_path, 503, 501, 3080)
    assert log.shares() == ProcessorShares(target=0.6, harness=0.0, others=0.4, yielding=0.0)


def test_a_kernel_that_does_not_say_is_no_error(tmp_path: Path) -> None:
    """No file, or one of another form."""
    assert ProcessorLog(proc=tmp_path).shares() is None
    (tmp_path / "stat").write_text("cpu 1 2 3\n")
    assert ProcessorLog(proc=tmp_path).shares() is None


def test_what_this_process_does_is_the_harness_s() -> None:
    """It works for a third of a second, by the real kernel's figures."""
    log, began = ProcessorLog(), clock.worked_s()
    while clock.worked_s() < began + 0.3:
        pass
    found = log.shares()
    assert found is not None
    assert found.harness > 0
    assert found.target == 0


COUNTS = st.integers(0, 10**6)


@given(st.tuples(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS), st.booleans())
def test_shares_are_shares(ticks: tuple[int, int, int, int, int], equals: bool) -> None:  # noqa: FBT001
    """None is negative, and what yields is part of the others', whatever the kernel's clocks disagree about."""
    idle, busy, niced, target, harness = ticks
    before = ProcessorTicks(every=0, busy=0, niced=0, target=0, harness=0)
    now = ProcessorTicks(every=idle + busy + 1, busy=busy, niced=niced, target=target, harness=harness)
    found = shares(before, now, equals=equals)
    assert min(found.target, found.harness, found.others, found.yielding) >= 0
    assert found.yielding <= found.others <= 1


@pytest.mark.parametrize(("own", "autogroup", "yielding"), [(0, "0", 0.6), (0, "", 0.6), (19, "0", 0.0), (0, "1", 0.0)])
def test_programs_under_nice_yield_to_a_harness_that_is_not_and_shares_no_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: int, autogroup: str, yielding: float
) -> None:
    """A harness under `nice` itself is their equal; so is every session where the kernel groups by sessions."""
    monkeypatch.setattr(os, "getpriority", lambda *_: own)
    if autogroup:
        (tmp_path / "sys" / "kernel").mkdir(parents=True)
        (tmp_path / "sys" / "kernel" / "sched_autogroup_enabled").write_text(f"{autogroup}\n")
    counted(tmp_path, user=0)
    process(tmp_path, os.getpid(), 1, 0)
    log = ProcessorLog(proc=tmp_path)
    counted(tmp_path, user=0, niced=60, idle=40)
    found = log.shares()
    assert found is not None
    assert (found.others, found.yielding) == pytest.approx((0.6, yielding))
