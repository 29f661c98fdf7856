"""The fenced blocks of a page."""

from __future__ import annotations

import re


def blocks(page: str, kind: str) -> list[str]:
    """The blocks of this kind in the text of a page."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
