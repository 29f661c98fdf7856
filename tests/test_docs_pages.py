"""Pages are short, lead somewhere, and are found: at most four minutes each, and the first seven together at most half an hour."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
DOCS: Final = ROOT / "docs"
MOST_WORDS: Final = 1000
"""Words that are read in four minutes."""
FIRST: Final = ("quickstart", "your-own-service", "reading-a-verdict", "load", "reports", "ci")
"""The pages that a new user reads, after the README."""
MOST_FIRST: Final = 6000
MADE: Final = "reference.md"
"""A page of tables that a program writes (tests/test_docs_reference.py)."""
PAGES: Final = {page.name: page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("*.md"))}
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
_FENCE: Final = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\]\(([^()\s]+)\)")


def words(text: str) -> int:
    """The words of a page as `wc -w` counts them, blocks and tables included."""
    return len(text.split())


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", _FENCE.sub("", text), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"[`*]|\]\(.*?\)", "", head).lower()).strip().replace(" ", "-") for head in heads
    }


def test_a_page_is_read_in_four_minutes(subtests: pytest.Subtests) -> None:
    """A longer one is split into pages whose names say what is in them."""
    for name, text in PAGES.items():
        with subtests.test(name):
            assert words(text) <= MOST_WORDS or name == MADE


def test_the_first_seven_pages_are_read_in_less_than_half_an_hour() -> None:
    """README, and the six that it names first."""
    found = {"README.md": words(README), **{f"{name}.md": words(PAGES[f"{name}.md"]) for name in FIRST}}
    assert sum(found.values()) <= MOST_FIRST, found


def test_a_link_leads_to_a_page_and_to_a_heading_of_it(subtests: pytest.Subtests) -> None:
    """Within the repository, of every document; addresses are not asked."""
    for here in [*sorted(DOCS.rglob("*.md")), *sorted(ROOT.glob("*.md")), ROOT / "changes" / "README.md"]:
        with subtests.test(here.name):
            broken, text = [], _FENCE.sub("", here.read_text(encoding="utf-8"))
            for link in (one for one in _LINK.findall(text) if not re.match(r"[a-z]+:", one)):
                path, _, anchor = link.partition("#")
                there = (here.parent / path).resolve() if path else here
                if not there.exists() or (anchor and anchor not in anchors(there.read_text(encoding="utf-8"))):
                    broken.append(link)
            assert broken == []


def test_every_page_is_found_from_the_front_page() -> None:
    """By links from page to page; a page that no other names is lost."""
    found, left = set[str](), [link for link in _LINK.findall(README) if link.startswith("docs/")]
    while left:
        name = Path(left.pop().partition("#")[0]).name
        if name in PAGES and name not in found:
            found.add(name)
            left += _LINK.findall(PAGES[name])
    assert sorted({*PAGES} - found) == []
