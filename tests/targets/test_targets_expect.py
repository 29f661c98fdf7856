"""Blind side 14: an answer of 200 is a good read only when it is what the target file expects."""

from __future__ import annotations

import pytest

from harness.targets.files.expect import fits

EXPECT = {"id": 1, "title": "str"}


def test_values_are_equal_and_types_are_named(subtests: pytest.Subtests) -> None:
    """The object may have more keys; each expected one has its value, or a value of its type."""
    for body, right in [
        (b'{"id": 1, "title": "Aurora", "plays": 3}', True),
        (b'{"id": 1.0, "title": ""}', True),
        (b'{"error": "unavailable"}', False),
        (b'{"id": 1, "title": "Aurora", "error": "late"}', True),
        (b"null", False),
        (b"", False),
        (b"<html>We will be back soon</html>", False),
        (b'[{"id": 1, "title": "Aurora"}]', False),
        (b'{"id": 2, "title": "Aurora"}', False),
        (b'{"id": true, "title": "Aurora"}', False),
        (b'{"id": 1, "title": null}', False),
        (b'{"id": 1}', False),
    ]:
        with subtests.test(body=body):
            assert fits(body, EXPECT) is right


def test_a_literal_has_the_type_of_its_value() -> None:
    """`true` is not 1, and `null` is a value that a key must have; without expectations every body fits."""
    assert fits(b'{"a": true, "b": null, "c": "x"}', {"a": True, "b": None, "c": "x"})
    assert not fits(b'{"a": 1, "b": null, "c": "x"}', {"a": True, "b": None, "c": "x"})
    assert not fits(b'{"a": true, "c": "x"}', {"a": True, "b": None, "c": "x"})
    assert fits(b"anything", {})
