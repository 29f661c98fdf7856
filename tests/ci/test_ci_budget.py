"""The budget of lines: a room that grows is refused, one that shrinks may be written down."""

from __future__ import annotations

from collections import Counter

from scripts.budget import lower, over


def test_a_room_over_its_budget_or_without_one_is_named() -> None:
    """As many lines as the budget has are within it."""
    lines = Counter({"claims": 11, "harness/run": 20, "harness/new": 1})
    assert over(lines, {"claims": 10, "harness/run": 20}) == [
        "claims has 11 lines, its budget is 10",
        "harness/new has 1 lines, its budget is 0",
    ]


def test_a_budget_is_lowered_and_never_raised() -> None:
    """Comments stay."""
    text = '# why\n[lines]\n"claims" = 1_000 # ADR 16\n"harness/run" = 20\n'
    lowered = lower(Counter({"claims": 900, "harness/run": 21}), text)
    assert lowered == '# why\n[lines]\n"claims" = 900 # ADR 16\n"harness/run" = 20\n'
