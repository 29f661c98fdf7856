"""The offset of a clock, measured by asking it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.locust.remote.alignment import KEPT, Alignment

DELAYS = st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 10**8)), min_size=1, max_size=2 * KEPT)


@given(offset_ns=st.integers(-(10**15), 10**15), delays=DELAYS)
def test_the_true_offset_lies_within_the_residual(offset_ns: int, delays: list[tuple[int, int]]) -> None:
    """However long questions and answers take, each way by itself."""
    alignment = Alignment()
    sent = 10**9
    for there, back in delays:
        alignment.add(sent, sent + there + offset_ns, sent + there + back)
        sent += there + back + 1
    known = alignment.best()
    assert known is not None
    assert abs(known.offset_ns - offset_ns) <= known.residual_ns + 1 or known.offset_ns == 0 >= abs(offset_ns) - 2 * (
        known.residual_ns + 1
    )
    quickest = min(there + back for there, back in delays[-KEPT:])
    assert known.residual_ns == (quickest + 1) // 2


def test_clocks_that_may_be_one_are_taken_for_one() -> None:
    """A round trip of 1 ms and a difference of 0.2 ms."""
    alignment = Alignment()
    alignment.add(0, 700_000, 1_000_000)
    known = alignment.best()
    assert known is not None
    assert (known.offset_ns, known.residual_ns, known.at_ns) == (0, 500_000, 1_000_000)


def test_nothing_is_known_before_the_first_answer() -> None:
    """And it is settled when as many were heard as are looked back on."""
    alignment = Alignment()
    assert alignment.best() is None
    for number in range(KEPT):
        assert not alignment.settled
        alignment.add(number, number, number + 1)
    assert alignment.settled
