"""How a scenario's verdict ends its test."""

from __future__ import annotations

import pytest

from harness.model import ClaimVerdict, Outcome, Reason, ReasonKind, Scenario
from harness.pytest_plugin.settling import Inconclusive, Settling


@pytest.mark.parametrize(
    ("hint", "said"), [("let it run longer", "too few\n  hint: let it run longer"), ("", "too few")]
)
def test_what_to_do_follows_the_reason_as_a_hint(hint: str, said: str) -> None:
    """With the word by which every message marks it; nothing where there is no hint."""
    scenario = Scenario(file="a.feature", line=2, name="a", tags=("A-1",), steps=())
    reason = Reason(kind=ReasonKind.TOO_FEW, text="too few", hint=hint)
    claim = ClaimVerdict(
        scenario=scenario, requirement="A-1", outcome=Outcome.INCONCLUSIVE, because=reason, measures=()
    )
    with pytest.raises(Inconclusive) as caught:
        Settling(claim, "").settle()
    assert str(caught.value) == said
