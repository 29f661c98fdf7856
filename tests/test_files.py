"""The end of what a program wrote: what people read first."""

from __future__ import annotations

import pytest

from harness.files import last_lines


@pytest.mark.parametrize(
    ("text", "most", "last"),
    [
        ("", 1, ""),
        (" \n\t\n", 1, ""),
        ("starting\n  no space left \n\n \n", 1, "no space left"),
        ("one\n\n  File a\n    raise\r\nKeyError: 'b'\n", 3, "File a\n    raise\nKeyError: 'b'"),
        ("one", 5, "one"),
    ],
)
def test_the_last_lines_are_those_with_text(text: str, most: int, last: str) -> None:
    """Blank lines count for nothing; what a traceback indents stays indented below its first line."""
    assert last_lines(text, most) == last
