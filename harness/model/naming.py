"""Finds the name of a release in a text."""

from __future__ import annotations

import re


def names_release(text: str, release: str) -> bool:
    """Whether a text contains the release as a word: `1.0.0` is in `v1.0.0.` and `1.0.0: slow`, but not in `1.0.0-slow`."""
    return re.search(rf"(?<![\w.-])v?{re.escape(release)}(?![\w+-]|\.\w)", text) is not None
