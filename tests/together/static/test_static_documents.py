"""Sections of documents: what a reader sees in them, and what only stands for a text."""

from __future__ import annotations

import pytest

from tests.together.static.conftest import PaperPlatform

_FILE = "docs/integration/DATA_LAYER_INTEGRATION_REPORT.md"
_BODY = "Sessions and catalogue pages are cached for a minute. A cache that is gone costs latency, never an answer."
_TABLE = "| key | value |\n|---|---|\n"


def found(platform: PaperPlatform, body: str) -> bool | None:
    """Whether the section has a text, with this body; the file is as before then."""
    text = (platform.root / _FILE).read_text("utf-8")
    platform.edit(_FILE, _BODY, body)
    [fact] = [one for one in platform.row("IP-DOC-REPORT") if one.subject.endswith("Cache Layer Implementation")]
    platform.write(_FILE, text)
    return fact.ok


def test_what_only_stands_for_a_text_is_none(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """A comment, a placeholder in marks or with a note, a head of a table alone."""
    for body in [
        "<!-- TODO: describe -->",
        "<!-- describe\n\nthis -->",
        "_TBD_",
        "**TODO**",
        "`TBD`",
        "TBD: ask Ada",
        "TODO(ada) describe it",
        "- [ ] TODO",
        "- [ ]",
        "> WIP",
        "Coming soon.",
        "To be written by Ada",
        "<br>",
        "<p>TBD</p>",
        "&nbsp;",
        "&mdash;",
        "[](cache.md)",
        "```\n\n```",
        "***",
        _TABLE,
        f"{_TABLE}| | TBD |\n",
    ]:
        with subtests.test(body):
            assert found(platform, body) is False


def test_a_text_beside_marks_is_one(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """Also in a tag, after a comment, in code, in a row of a table; a picture is a text, too."""
    for body in [
        "One minute.",
        "<p>One minute.</p>",
        "TBD\n\nOne minute.",
        "<!-- TODO: more --> One minute.",
        "Todo lists are cached.",
        "![](cache.png)",
        '<img src="cache.png">',
        "```\nttl = 60\n```",
        f"{_TABLE}| ttl | 60 |\n",
        "Одна минута.",
    ]:
        with subtests.test(body):
            assert found(platform, body) is True
