"""Rule 8 on the users' own requests with a stall in them: an outage more never has a recovery decided by fewer requests."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from judgement_builders import every, ns, table

from harness.judgement.figures.recovery.recovered import outcome_of
from harness.judgement.figures.recovery.recovered_users import bounds_of
from harness.judgement.recovery import Promise, users_recovery
from harness.model import SAMPLES, OperationRecovery, Outcome, Table
from harness.model.records.table import Bools

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
BETTER: Final = {FAIL: 0, INCONCLUSIVE: 1, PASS: 2}
PER_S: Final = 25.0
END: Final = 70.0
SENT: Final = every(0, END, PER_S)
WAYS: Final = ("failed", "late", "one in ten failed", "not recorded")


def between(*spans: tuple[float, float]) -> Bools:
    """The requests that were due in one of these spans, in s."""
    at = np.zeros(len(SENT), dtype=np.bool_)
    for start, end in spans:
        at |= (ns(start) <= SENT) & (ns(end) > SENT)
    return at


def requests(bad: Bools, *, late: Bools | None = None, gone: Bools | None = None) -> Table:
    """One route, a request each 40 ms; `bad` failed, `late` took four seconds, `gone` are not recorded."""
    took = np.full(len(SENT), 20_000_000)
    if late is not None:
        took[late] = 4_000_000_000
    rows = table(
        SAMPLES,
        len(SENT),
        intended_ns=SENT,
        sent_ns=SENT,
        done_ns=SENT + took,
        status=np.where(bad, 503, 200),
        name="play",
        error=["status 503" if one else None for one in bad.tolist()],
    )
    return rows if gone is None else rows.where(~gone)


def recovered(rows: Table, *, undone: float = 34.0, until: float = 40.0, failed: float = 0.001) -> OperationRecovery:
    """The recovery of the route from a fault at 0 s."""
    found = users_recovery(
        rows,
        operations=(),
        sent_ns=ns(0),
        undone_ns=ns(undone),
        until_ns=ns(until),
        known_ns=ns(END),
        promise=Promise(ms=1000, failed=failed),
        rates={"route play": PER_S},
    )
    return found.groups["route play"]


def outcome(seen: OperationRecovery, limit: float) -> Outcome:
    """Whether users were served again within so many seconds."""
    if seen.seconds is None and not seen.outages:
        return INCONCLUSIVE
    low, high = bounds_of(seen)
    is_over = seen.seconds is None and seen.since_s is None and seen.observed_s >= limit
    return outcome_of(low, high, limit, is_over=is_over)


@pytest.mark.parametrize("before", [(), ((20.0, 22.0),)], ids=["well before", "out before"])
def test_an_outage_across_the_undo_is_undecided_whatever_was_out_before(
    before: tuple[tuple[float, float], ...],
) -> None:
    """The last request before the undo fails, and all do for three seconds after it: that is on the way back, and whether it began there is not known."""
    seen = recovered(requests(between(*before, (33.96, 37))))
    assert (outcome(seen, 30), seen.latest_s) == (INCONCLUSIVE, None)
    ((start, end),) = seen.way_back
    assert (start, round(end)) == (34, 37)
    lone = recovered(requests(between(*before, (33.92, 33.96), (35, 37))))
    assert outcome(lone, 30) is PASS


def test_a_failure_more_does_not_bring_in_requests_after_the_undo() -> None:
    """1 of 100 may fail. 15 of the 775 from 5 to 36 s fail, too many before 30.9 s. With one more at 32 s nothing before the undo shows it back.

    Five good seconds after the undo make them so few as may fail, and are no proof.
    """
    lone = [162, 250, 294, 414, 462, 498, 546, 570, 682, 698, 758, 770, 802, 810, 826]
    bad = between((0.2, 5)) | np.isin(np.arange(len(SENT)), lone)
    first = recovered(requests(bad), undone=36, failed=0.01)
    assert first.seconds == pytest.approx(30.9, abs=0.1)
    then = recovered(requests(bad | between((32, 32.04))), undone=36, failed=0.01)
    assert (then.latest_s, outcome(then, 30)) == (None, INCONCLUSIVE)


@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.sampled_from([0.001, 0.01]), st.sampled_from([0.0, 0.003, 0.01, 0.03, 0.1])),
    st.sampled_from([0.0, 2.0, 12.0, 31.0]),
    st.tuples(st.sampled_from([20.0, 34.0, 36.0]), st.floats(-0.2, 4), st.sampled_from([0.0, 0.3, 3.0, 40.0])),
    st.tuples(st.floats(0, 40), st.floats(0.04, 8), st.sampled_from(WAYS)),
)
@example(0, (0.001, 0.0), 0.0, (34.0, -0.1, 3.0), (20.0, 2.0, "failed"))
@example(0, (0.001, 0.0), 0.0, (34.0, 0.0, 3.0), (33.0, 1.0, "late"))
@example(180, (0.001, 0.03), 0.0, (20.0, 0.0, 0.0), (1.0, 8.0, "failed"))
@settings(max_examples=60, deadline=None)
def test_no_stall_makes_a_recovery_of_users_pass(
    seed: int,
    shares: tuple[float, float],
    out_s: float,
    undo: tuple[float, float, float],
    stall: tuple[float, float, str],
) -> None:
    """Whatever fails by itself, and at the undo: what is no PASS is none with a stall, and a FAIL that more requests prove stays one."""
    (undone, after_s, healing_s), (start, length, way) = undo, stall
    rng, (usual, share) = np.random.default_rng(seed), shares
    bad = between((0, out_s), (undone + after_s, undone + after_s + healing_s)) | (rng.random(len(SENT)) < share)
    hit = between((start, start + (max(length, 1.2) if way == "not recorded" else length)))
    if way == "one in ten failed":
        hit &= np.arange(len(SENT)) % 10 == 0
    worse = {
        "late": {"late": hit},
        "not recorded": {"gone": hit},
    }.get(way, {})
    then = requests(bad | hit if not worse else bad, **worse)
    seen = [recovered(rows, undone=undone, until=undone + 4, failed=usual) for rows in (requests(bad), then)]
    for limit in (2.0, 5.0, 15.0, 30.0):
        first, second = (outcome(one, limit) for one in seen)
        assert second is not PASS or first is PASS
