"""Looks are due at absolute times, whatever the ones before do."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import pytest

from harness import clock
from harness.drivers.watch.attendance import Attendance, receipt
from harness.drivers.watch.schedule import Probe, ProbeSchedule, keep
from harness.units import NS_PER_MS, NS_PER_S


def schedule(
    per_s: float, probe: Probe, troubles: list[str] | None = None, blind: list[int] | None = None
) -> ProbeSchedule:
    """A schedule that tells troubles, and the lengths of blind times (ns), to these lists."""
    told = [] if troubles is None else troubles
    lengths = [] if blind is None else blind
    attendance = Attendance(lambda from_ns, until_ns: lengths.append(until_ns - from_ns))
    return ProbeSchedule("test", per_s, probe, told.append, attendance)


def run(schedules: list[ProbeSchedule], enough: Callable[[], object] = lambda: False) -> None:
    """Keep them until it is enough, for a minute at most, then wait for their looks."""

    async def running() -> None:
        task = asyncio.create_task(keep(schedules))
        over = clock.Deadline.after(60)
        while not (task.done() or enough() or over.over):
            await clock.asleep(0.005)
        if task.done():
            task.result()
        task.cancel()
        for one in schedules:
            await one.finish(60)

    asyncio.run(running())


def test_a_look_that_waits_a_second_delays_no_other() -> None:
    """Each look takes 1 s, yet 50 a second begin, evenly spaced: many of them before the first has ended."""
    due: list[int] = []
    begun: list[int] = []
    ended: list[int] = []

    async def probe(due_ns: int) -> None:
        due.append(due_ns)
        begun.append(clock.now_ns())
        await clock.asleep(1.0)
        ended.append(clock.now_ns())

    troubles: list[str] = []
    run([schedule(50, probe, troubles)], lambda: len(due) >= 55)
    assert sum(at < ended[0] for at in begun) >= 45 or troubles
    spacings = {later - sooner for sooner, later in itertools.pairwise(due)}
    assert all(spacing % 20_000_000 == 0 for spacing in spacings)


def test_looks_the_process_was_too_late_for_are_left_out_and_told() -> None:
    """A stall of 300 ms at 100 looks a second leaves a gap in the due times instead of a burst."""
    due: list[int] = []
    troubles: list[str] = []
    blind: list[int] = []

    async def probe(due_ns: int) -> None:
        due.append(due_ns)
        if len(due) == 3:
            clock.sleep(0.3)  # stalls the loop, as a starved process would be

    run([schedule(100, probe, troubles, blind)], lambda: len(due) >= 6)
    gaps = [later - sooner for sooner, later in itertools.pairwise(due)]
    assert max(gaps) >= 290_000_000
    assert any("probes were left out" in why for why in troubles)
    assert max(blind) >= 290_000_000


def spacings_ms(due: list[int]) -> list[int]:
    """Between looks as due; a busy machine leaves looks out, it moves none."""
    return [(later - sooner) // NS_PER_MS for sooner, later in itertools.pairwise(due)]


def test_a_new_rate_counts_from_the_next_look_on() -> None:
    """From 10 looks a second to 100."""
    due: list[int] = []

    async def probe(due_ns: int) -> None:
        due.append(due_ns)
        if len(due) == 2:
            ten.set_rate(100)

    ten = schedule(10, probe)
    run([ten], lambda: 10 in spacings_ms(due))
    assert spacings_ms(due)[0] % 100 == 0
    assert min(spacings_ms(due)[1:]) == 10


def test_schedules_meet_on_common_ticks_also_after_a_new_rate() -> None:
    """50 and 20 looks a second, the second from 5 on: of its looks every other is due with one of the first."""
    due: dict[str, list[int]] = {"entry": [], "region": []}

    def probe(name: str) -> Probe:
        async def note(due_ns: int) -> None:
            due[name].append(due_ns)
            if name == "region" and len(due[name]) == 2:
                region.set_rate(20)

        return note

    def together() -> set[int]:
        return {at for at in due["region"] if (at - due["entry"][0]) % 100_000_000 == 0} & {*due["entry"]}

    region = schedule(5, probe("region"))
    run([schedule(50, probe("entry")), region], lambda: 50 in spacings_ms(due["region"])[2:] and len(due["region"]) > 6)
    origin_ns = due["entry"][0]
    after = [(at - origin_ns) // NS_PER_MS for at in due["region"]]
    assert [at % 200 for at in after[:2]] == [0, 0]
    assert len(after) > 4
    assert min(spacings_ms(due["region"])) == 50
    assert all(at % 50 == 0 for at in after)
    assert together()


def test_a_look_that_raises_ends_the_schedule() -> None:
    """Looks record what goes wrong with the target; one that raises is a fault of ours, and must not be silent."""

    async def probe(_due_ns: int) -> None:
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        run([schedule(50, probe)])


def test_a_look_that_raises_when_the_watch_has_ended_is_not_silent() -> None:
    """The last looks are waited for, and their faults are told as those of the first."""
    begun: list[int] = []

    async def probe(due_ns: int) -> None:
        begun.append(due_ns)
        await clock.asleep(0.3)
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        run([schedule(1, probe)], lambda: begun)


def test_looks_without_an_end_are_given_up_and_told() -> None:
    """All that were begun, after a tenth of a second."""
    begun: list[int] = []

    async def probe(due_ns: int) -> None:
        begun.append(due_ns)
        await clock.asleep(600)

    async def giving_up() -> None:
        task = asyncio.create_task(keep([endless]))
        while len(begun) < 2:
            await asyncio.wait({task}, timeout=0.01)
        task.cancel()
        await endless.finish(0.1)

    troubles: list[str] = []
    endless = schedule(10, probe, troubles)
    asyncio.run(asyncio.wait_for(giving_up(), 60))
    assert troubles[-1] == f"test: {len(begun)} probes did not complete within 0.1 s and were cancelled"


def test_blind_is_more_than_a_quarter_of_a_second_and_more_than_half_a_spacing_too_late() -> None:
    """Of looks each 20 ms a gap of 251 ms is blind, one of 250 is not; of looks each 500 ms one of 751 ms is."""
    blind: list[tuple[int, int]] = []
    ms = NS_PER_MS
    quick, slow = Attendance(lambda *times: blind.append(times)), Attendance(lambda *times: blind.append(times))
    for at in (1000, 1250, 1501):
        quick.probed(at * ms, 20 * ms)
    for at in (1000, 1750, 2501):
        slow.probed(at * ms, 500 * ms)
    assert blind == [(1250 * ms, 1501 * ms), (1750 * ms, 2501 * ms)]
    assert receipt([quick, slow])["blind"] == 2


def test_a_receipt_has_first_and_last_look_and_the_longest_gap_of_any_schedule() -> None:
    """Two schedules of one watcher: looks add up, gaps do not."""
    ms = NS_PER_MS
    one, other = Attendance(lambda *_: None), Attendance(lambda *_: None)
    for at in (10, 20, 50):
        one.probed(at * ms, 20 * ms)
    for at in (5, 45):
        other.probed(at * ms, 20 * ms)
    looks = {"blind": 0, "probes": 5, "first_ns": 5 * ms, "last_ns": 50 * ms, "longest_gap_ms": 40.0}
    assert receipt([one, other]) == looks
    assert receipt([]) == {"blind": 0, "probes": 0, "first_ns": 0, "last_ns": 0, "longest_gap_ms": 0.0}


def test_a_stream_is_blind_only_while_it_is_interrupted() -> None:
    """Silence of a stream says nothing."""
    blind: list[tuple[int, int]] = []
    stream = Attendance(lambda *times: blind.append(times))
    stream.heard(1)
    stream.heard(10 * NS_PER_S)
    assert (blind, receipt([stream])["longest_gap_ms"]) == ([], 0.0)
    stream.interrupted(11 * NS_PER_S, 12 * NS_PER_S)
    assert blind == [(11 * NS_PER_S, 12 * NS_PER_S)]
    assert receipt([stream])["longest_gap_ms"] == 1000.0
    assert receipt([Attendance(lambda *_: None), stream])["blind"] == 1
