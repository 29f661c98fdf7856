"""What tables are made of."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.model.records.table import distinct


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_distinct_numbers_are_those_of_a_set_in_order(numbers: list[int]) -> None:
    """Nothing is one of them where there are none."""
    assert distinct(np.array(numbers, dtype=np.int64)).tolist() == sorted(set(numbers))
