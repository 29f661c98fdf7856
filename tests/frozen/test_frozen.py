"""What the judge says of recorded runs is what it said when they were frozen."""

from __future__ import annotations

import pytest

from tests.frozen.frozen_runs import differences, names


@pytest.mark.parametrize("name", names())
def test_a_frozen_run_is_judged_as_it_was(name: str) -> None:
    """To the letter; where a change is meant, `scripts/frozen --keep NAME` writes it down."""
    assert differences(name) == []
