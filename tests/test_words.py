"""Messages, reasons, hints, help and page texts use the field's words."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

_ROOT: Final = Path(__file__).parents[1]
_FILES: Final = sorted(
    path for root in ("harness", "sandbox/readiness_sandbox") for path in (_ROOT / root).rglob("*.py")
)
_INSTEAD: Final = {
    r"\b(?:as )?wanted\b|\bmeant\b": "expected",
    r"(?<!<)\blook(?:s|ed)?\b": "probe, request, observation, analysis",
    r"\b(?:nobody|somebody)\b": "the component that did not act",
    r"\bbears?\b": "supports, is sufficient for",
    r"\bholds\b(?! the lock)": "contains, passes, is sufficient for",
    r"\b(?:not|never|was|were|is|are) (?:said|told)\b|\bon record\b": "reported, recorded",
    r"(?<!there )\bis (?:none|no (?!longer\b|such\b|more\b))": "is not, invalid, missing, unknown",
    r"(?<!contradictions )\bstands?\b(?! for\b)": "is, is defined",
    r"\b(?:is|not|was) whole\b|\bto (?:its|their) end\b": "complete, completes",
    r"\bas seen\b|\bseen (?:over|by)\b": "measured, observed",
    r"\bmend\b": "hint",
    r"\bfared?\b": "reported",
    r"\bon heal\b": "only after the undo",
    r"\bunsure\b": "of unknown outcome",
    r"\b(?:the|this) act\b": "the step of the run",
    r"\b(?:not|was|were) sealed\b": "recorded, at the end of the run",
}
"""Words that a reader has to guess, and what is written instead."""

_IN_SOURCE: Final = re.compile(
    r"\b(?:nobody|somebody|fares?|fared|bears?|meant|wanted|mends?)\b"
    r"|(?<!<)\blook(?:s|ed)?\b(?! (?:like|alike|up)\b)"
    r"|\bon record\b|\bas seen\b|\bto (?:its|their) end\b"
    r"|(?<!there )\bis (?-i:none)\b|\bstands?\b(?! for\b)"
    r"|\b(?:is|not|was|how|lost|written) whole\b|\b(?:is|are|was|were) (?:said|told)\b",
    re.IGNORECASE,
)
"""Of these words those that mean nothing else in a docstring or a comment."""


def test_no_text_uses_a_word_that_has_to_be_guessed() -> None:
    """Every string of the harness that is not a docstring."""
    assert [
        f"{path.relative_to(_ROOT)}:{line}: {text!r:.120} (write: {instead})"
        for path in _FILES
        for line, text in _texts(path.read_text(encoding="utf-8"))
        for instead in _misused(text)
    ] == []


def test_no_docstring_and_no_comment_uses_such_a_word() -> None:
    """Whoever reads the source has the same words."""
    assert [
        f"{path.relative_to(_ROOT)}:{line}: {text:.120}"
        for path in _FILES
        if _IN_SOURCE.search(source := path.read_text(encoding="utf-8"))  # else no line of it has such a word
        for line, text in _prose(source)
        if _IN_SOURCE.search(text)
    ] == []


def test_docstrings_and_comments_are_read_line_by_line() -> None:
    """With the line of each; other strings and code are not prose."""
    source = 'def wanted():\n    """One.\n\n    nobody looks.\n    """\n    return "looks"  # as meant\n'
    found = list(_prose(source))
    assert found == [(2, "One."), (4, "nobody looks."), (6, "# as meant")]
    assert [line for line, text in found if _IN_SOURCE.search(text)] == [4, 6]


def test_a_misused_word_is_found(subtests: pytest.Subtests) -> None:
    """One example of each group."""
    for text in [
        "12 looks are too few",
        "the watcher did not look",
        "Nobody answered",
        "the rate is no number",
        "the value is none",
        "V1 stands twice",
        "no event is on record",
        "let somebody arrive",
        "the record is not whole",
        "no run can bear it",
        "the file holds no Feature",
        "it was told to stop",
        "expected as wanted",
        "not back in 62 s, back only on heal",
        "1206 writes unsure",
        "it ended during the act pod-loss",
        "its rows were not sealed",
    ]:
        with subtests.test(text):
            assert _misused(text)


@pytest.mark.parametrize(
    "text",
    [
        "no member holds the lock",
        "there is no such run",
        "analysed <analyses> times",
        "in the whole run",
        "a whole number",
    ],
)
def test_plain_english_is_left_alone(text: str) -> None:
    """The same words in their ordinary sense."""
    assert _misused(text) == []


def test_a_docstring_is_no_text_for_users_and_a_formatted_string_is_one() -> None:
    """What the search reads."""
    source = 'def f(n):\n    """One look."""\n    return f"{n} looks, at {n!r}"\n'
    assert list(_texts(source)) == [(3, "… looks, at …")]


def _misused(text: str) -> list[str]:
    return [instead for pattern, instead in _INSTEAD.items() if re.search(pattern, text, re.IGNORECASE)]


def _texts(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each string with more than one word, docstrings apart; `…` for a value of a formatted one."""
    tree, passed_over = ast.parse(source), set[int]()
    for node in ast.walk(tree):  # a node comes after the one that it is part of
        if isinstance(node, ast.Expr):
            passed_over.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            passed_over.update(id(part) for part in node.values if isinstance(part, ast.Constant))
            parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and id(node) not in passed_over and " " in str(node.value).strip():
            yield node.lineno, str(node.value)


def _prose(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each line of a docstring, also of those behind a value, and of each comment."""
    strings = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr)]
    docstrings = {node.lineno for node in strings if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.start[0] in docstrings):
            for number, line in enumerate(token.string.split("\n"), token.start[0]):
                if text := line.strip().strip('"'):
                    yield number, text
