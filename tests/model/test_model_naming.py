"""A text that names a release."""

from __future__ import annotations

import pytest

from harness.model.naming import names_release


def test_a_release_is_named_as_a_word(subtests: pytest.Subtests) -> None:
    """Another release that has it as a part is another one."""
    for text, named in [
        ("Documentation of 1.1.0", True),
        ("This is v1.1.0.", True),
        ("(1.1.0)", True),
        ('{"releases": ["1.1.0"]}', True),
        ("Release 1.1.0: rolled back", True),
        ("1.1.0-slow", False),
        ("1.1.0.2", False),
        ("11.1.0", False),
        ("1.0.0", False),
        ("1x1.0", False),
    ]:
        with subtests.test(text):
            assert names_release(text, "1.1.0") is named
