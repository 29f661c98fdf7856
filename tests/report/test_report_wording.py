"""Figures and limits as people read them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from report_measures import measure

from harness.model import Length, OperationRecovery
from harness.report.view.wording import at_scale, clean, duration, expected, figure, give_or_take, recovered, span
from harness.words import some


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (41.23456, "ms", "41.23 ms"),
        (0.00097, "ratio", "0.097 %"),
        (0.604, "ratio", "60.4 %"),
        (0.99988, "ratio", "99.988 %"),
        (1.0, "ratio", "100 %"),
        (123456.0, "", "123456"),
        (None, "ms", "–"),  # noqa: RUF001 - a dash
    ],
)
def test_a_figure_carries_its_unit_and_no_more_digits_than_it_needs(value: float | None, unit: str, text: str) -> None:
    """Shares are shown in per cent, an uptime by what is missing to 100 %."""
    assert figure(value, unit) == text


RTO = Length(name="limit", said="4 h", scaled=True, used_s=240.0)
REACTION = Length(name="limit", said="60 s", scaled=False, used_s=60.0)


def test_a_length_of_time_says_whether_it_was_scaled() -> None:
    """By its kind, not by how long it is; at scale 1 nothing is."""
    assert RTO.words == "limit scaled by 60: 4 h → 240 s"
    assert replace(RTO, used_s=14400.0).words == "limit not scaled: 4 h"
    assert REACTION.words == "limit not scaled: 60 s"


def test_bounds_are_told_together_or_by_the_one_there_is() -> None:
    """A recovery that did not happen has only a lower bound; a resolution is rounded, and what is not finite has no number."""
    assert span(38.9, 44.1, "ms") == "38.9 to 44.1 ms"
    assert span(240.0, None, "s") == "at least 240 s"
    assert span(None, 0.5, "ratio") == "at most 50 %"
    assert [give_or_take(resolution, "s") for resolution in (0.0334, None)] == ["± 0.033 s", "± unknown"]


def test_a_limit_is_said_as_the_document_says_it_and_scaled_where_it_was(subtests: pytest.Subtests) -> None:
    """`4 h (240 s at scale 60)`: both are there, so that nobody takes the one for the other."""
    cases: list[tuple[dict[str, Any], str]] = [
        ({"limit": "4 h", "scaled_limit": 240.0, "unit": "s", "times": (RTO,)}, "below 4 h (240 s at scale 60)"),
        ({"limit": "4 h", "scaled_limit": 14400.0, "unit": "s", "times": (replace(RTO, used_s=14400.0),)}, "below 4 h"),
        ({"limit": "60 s", "scaled_limit": 60.0, "unit": "s", "times": (REACTION,)}, "below 60 s"),
        ({"limit": "200 ms", "scaled_limit": 200.0, "unit": "ms", "value": 41.0}, "below 200 ms"),
        ({"limit": "10 s", "scaled_limit": 10.0, "unit": "s", "value": 0.3}, "below 10 s"),
        ({"limit": "99.9 %", "scaled_limit": 0.999, "unit": "ratio", "op": "is at least"}, "at least 99.9 %"),
        ({"limit": "60 % ± 5 points", "scaled_limit": 0.6, "unit": "ratio", "op": "is within"}, "60 % ± 5 points"),
        ({"limit": "0", "scaled_limit": 0.0, "value": 0.0, "op": "holds"}, "none"),
        ({"limit": "status 200", "op": "holds"}, "status 200"),
        ({"limit": "1", "op": "holds"}, "–"),  # noqa: RUF001 - a dash
    ]
    for fields, text in cases:
        with subtests.test(text):
            assert expected(measure("DA-DR-RTO", "recovery", {}, **fields), 60) == text


def test_a_limit_that_is_no_quantity_is_not_scaled() -> None:
    """A fact's limit is text."""
    assert (
        at_scale(measure("ND-DEP-HEALTH", "x", {}, limit="two of three", scaled_limit=1.0, unit="s"), 60)
        == "two of three"
    )


def test_a_recovery_says_when_or_that_there_was_none() -> None:
    """Never out, back after so long, not back at all, not watched."""
    back = OperationRecovery(operation="reads", seconds=20.71, resolution_s=0.05, observed_s=60)
    never = OperationRecovery(operation="reads", seconds=0.0, resolution_s=0.05, observed_s=60)
    gone = OperationRecovery(operation="reads", seconds=None, resolution_s=0.05, observed_s=240, on_heal=True)
    texts = [recovered(seen) for seen in (back, never, gone, None)]
    dash = "–"  # noqa: RUF001 - a dash
    assert texts == [
        "20.71 s ± 0.05 s",
        "no outage (resolution 0.05 s)",
        "not recovered in 240 s, only after the undo",
        dash,
    ]


def test_text_is_cleaned_of_what_no_document_can_carry() -> None:
    """NUL, escape sequences and lone surrogates go; letters of all languages stay."""
    assert clean("a\x00b\x1b[31m\ud800 ä 北 🙂\n") == "ab[31m ä 北 🙂\n"


def test_long_lists_and_spans_are_shortened() -> None:
    """The first few names; two units of time."""
    assert some(["a", "b", "c"], 2) == "a, b and 1 more"
    assert some(["a", "b"], 2) == "a, b"
    assert [duration(384), duration(22.4), duration(3720), duration(60)] == [
        "6 min 24 s",
        "22.4 s",
        "1 h 2 min",
        "1 min",
    ]
