"""Lengths of time under a target's time scale."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.model import Quantity

LENGTHS = st.builds(
    Quantity,
    value=st.floats(0.001, 1e6),
    unit=st.sampled_from(["ms", "s", "min", "h", "d"]),
    scaled=st.booleans(),
)
SCALES = st.floats(1, 1000)


@given(LENGTHS)
def test_at_scale_1_every_length_is_itself(length: Quantity) -> None:
    """Scaled or not, however long."""
    assert length.at_scale(1) is length


@given(LENGTHS, SCALES)
def test_what_is_scaled_is_divided_and_the_rest_is_not(length: Quantity, scale: float) -> None:
    """The kind decides: 45 s and 60 s, 30 s and 4 h are treated alike."""
    assert length.at_scale(scale).base == pytest.approx(length.base / (scale if length.scaled else 1))


@given(LENGTHS, LENGTHS, SCALES)
def test_a_longer_limit_of_one_kind_stays_the_looser_one(one: Quantity, other: Quantity, scale: float) -> None:
    """No limit becomes the harder one because it is the longer one."""
    if one.scaled is other.scaled and one.base < other.base:
        assert one.at_scale(scale).base <= other.at_scale(scale).base


def test_only_a_length_of_time_is_scaled() -> None:
    """A share or a rate has no time scale."""
    with pytest.raises(UsageError, match="only a time can be scaled"):
        Quantity.parse("5 %", scaled=True)
