"""Several looks: what each may err, and that all together err no more than one would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judgement.stats.sequential import confidences, spent


def test_little_is_spent_at_first(subtests: pytest.Subtests) -> None:
    """As O'Brien and Fleming's boundary has it: 2 - 2 Φ(1.96 / √share) of 5 %."""
    for share, error, used in [
        (0.0, 0.05, 0.0),
        (-1.0, 0.05, 0.0),
        (0.25, 0.05, 0.0000886),
        (0.5, 0.05, 0.0055746),
        (0.75, 0.05, 0.0236251),
        (1.0, 0.05, 0.05),
        (2.0, 0.05, 0.05),
        (0.5, 0.0025, 0.0000191),
    ]:
        with subtests.test(share=share, error=error):
            assert spent(share, error) == pytest.approx(used, abs=1e-7)


@given(st.integers(1, 20), st.sampled_from([0.9, 0.95, 0.9975]))
def test_all_looks_together_err_no_more_than_one(looks: int, confidence: float) -> None:
    """What they may err adds up to the budget, and no look has less confidence than one look would."""
    each = confidences([number / looks for number in range(1, looks + 1)], confidence)
    assert len(each) == looks
    assert sum(1 - sure for sure in each) == pytest.approx(1 - confidence)
    assert min(each) >= confidence - 1e-12
