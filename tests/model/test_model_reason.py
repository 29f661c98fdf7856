"""A reason is a sentence that a person reads: it has a bound, and what is left out of it is counted."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from harness.model import Reason, ReasonKind, Receipt
from harness.model.judged.reason import LONGEST, shortened

PODS = ", ".join(f"track-service-{number:04}" for number in range(800))


def test_a_list_of_eight_hundred_pods_is_cut_and_counted() -> None:
    """Fifteen thousand characters are no reason: a thousand are kept, in whole words, and the others counted."""
    reason = Reason(kind=ReasonKind.FAULT, text=f"these were not as before: {PODS}", hint=PODS)
    assert reason.text.startswith("these were not as before: track-service-0000, ")
    kept, _, rest = reason.text.partition(" … (")
    assert kept.endswith(",")
    assert int(rest.removesuffix(" more characters)")) + len(kept) == len(f"these were not as before: {PODS}")
    assert max(len(reason.text), len(reason.hint), len(Receipt(ok=None, why=PODS).why)) <= LONGEST
    longer = replace(reason, text=f"{reason.text}; the waiver does not cover it: {PODS}")
    assert len(longer.text) <= LONGEST


def test_a_sentence_that_fits_stays_to_the_letter() -> None:
    """Also one of exactly the bound."""
    assert shortened("x" * LONGEST) == "x" * LONGEST


@given(st.text(alphabet="ab ,;", min_size=1, max_size=3000), st.text(alphabet="ab ,;", max_size=3000))
def test_no_text_is_longer_than_the_bound_and_none_is_lost_uncounted(first: str, second: str) -> None:
    """However often a text is shortened and made a part of another: what is left out of both is counted, but for spaces at the cut."""
    text = shortened(f"{shortened(first)}{second}")
    assert len(text) <= LONGEST
    kept, mark, rest = text.rpartition(" … (")
    if mark:
        gone = int(rest.removesuffix(" more characters)"))
        assert gone > 0
        assert abs(len(kept) + gone - len(first) - len(second)) <= 3
