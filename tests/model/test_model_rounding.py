"""Six significant digits, in everything that the judge reports."""

from __future__ import annotations

from harness.model import PipelineResult
from harness.model.rounding import plain, rounded, six_digits


def test_six_significant_digits() -> None:
    """Not six decimals."""
    assert [six_digits(value) for value in (1 / 3, 1234567.0, 0.000123456789)] == [0.333333, 1234570.0, 0.000123457]


def test_numbers_for_people_have_no_exponent() -> None:
    """A thousand milliseconds and more are written out."""
    assert [plain(value) for value in (0.01234, 9.87654, 1080.4, 61_034.0)] == ["0.0123", "9.88", "1080", "61034"]
    assert [plain(value, 4) for value in (9999.6, 61_034.0)] == ["10000", "61034"]


def test_what_json_has_no_word_for_is_nothing() -> None:
    """Infinite and undefined figures."""
    assert (six_digits(float("inf")), six_digits(float("nan"))) == (None, None)


def test_a_whole_value_is_rounded_below() -> None:
    """Dataclasses, tuples and mappings; whole numbers and words stay."""
    assert rounded(PipelineResult(sent=1234567, visible_p50_s=2 / 3, visible_p95_s=float("inf"), why="x")) == (
        PipelineResult(sent=1234567, visible_p50_s=0.666667, visible_p95_s=None, why="x")
    )
    assert rounded({"a": ((1 / 3, True), "b")}) == {"a": ((0.333333, True), "b")}
