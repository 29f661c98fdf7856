"""The documentation tree: what its README lists, which sections its documents have, and how both changed."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.drivers.claim import SentenceForm, claim
from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked
from harness.drivers.static import nouns
from harness.drivers.static.files import files_of, named, shown, text_of
from harness.drivers.static.noun_files import DOCUMENTS
from harness.errors import ConfigurationError, UsageError

from .history import CommittedChange, changes_of

if TYPE_CHECKING:
    from markdown_it.token import Token

README: Final = "README.md"
_TEXTS: Final = frozenset({"inline", "fence", "code_block", "html_block"})
_FILE_NAME: Final = re.compile(r"(?:\./)?[\w./-]*\.[A-Za-z]{1,5}")
_UPDATED: Final = re.compile(r"last\s+updated\W*(?P<date>.*)", re.IGNORECASE)
_DATES: Final = (
    (re.compile(r"\d{4}-\d{2}-\d{2}"), "%Y-%m-%d"),
    (re.compile(r"[A-Za-z]{3,9} \d{1,2}, \d{4}"), "%B %d, %Y"),
    (re.compile(r"\d{1,2} [A-Za-z]{3,9} \d{4}"), "%d %B %Y"),
    (re.compile(r"\d{2}\.\d{2}\.\d{4}"), "%d.%m.%Y"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A heading and what is below it, to the next heading of its level.

    Attributes:
        title: without marks. level: 1 to 6. line: of the heading, from 1. body: texts of its paragraphs, lists, tables and code.
        seen: of these what a reader sees, without the head of a table.
    """

    title: str
    level: int
    line: int
    body: tuple[str, ...]
    seen: tuple[str, ...]


def directory_of(asked: Asked) -> Path:
    """The documentation's directory; raises ConfigurationError if the target file names none."""
    [root, *others] = named(asked, "documents")
    if others or not root.is_dir():
        raise ConfigurationError(
            "is not one directory",
            where=f"{asked.target.file}: files.documents",
            hint="name the directory with the README",
        )
    return root


def _readme(asked: Asked) -> tuple[Path, str]:
    path = directory_of(asked) / README
    if not path.is_file():
        raise ConfigurationError(
            f"has no {README}", where=str(path.parent), hint="`files.documents` names the directory with the README"
        )
    asked.keep(path)
    return path, text_of(path)


def sections(text: str) -> list[Section]:
    """The sections of a Markdown text, in order; headings inside code are not headings."""
    from markdown_it import MarkdownIt  # 40 ms, and only where documents are read

    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    found: list[tuple[str, int, int, list[str], list[str]]] = []
    open_: list[tuple[int, list[str], list[str]]] = []  # level, body and what is seen of the sections that a text is in
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            level, body, seen = int(token.tag[1]), list[str](), list[str]()
            open_ = [*(one for one in open_ if one[0] < level), (level, body, seen)]
            found.append((_plain(tokens[index + 1].content), level, (token.map or [0])[0] + 1, body, seen))
        elif token.type in _TEXTS and token.content.strip() and tokens[index - 1].type != "heading_open":
            for _, body, seen in open_:
                body.append(token.content)
                seen.append("" if tokens[index - 1].type == "th_open" else _rendered(token))
    return [
        Section(title=title, level=level, line=line, body=tuple(body), seen=tuple(seen))
        for title, level, line, body, seen in found
    ]


def _rendered(token: Token) -> str:
    """What a reader sees of a text: without comments, tags, marks and the box of a task; a picture is its address."""
    if token.type == "html_block":
        pictures = re.sub(r"<img\b[^>]*?\bsrc=\W*([^\s\"'>]+)[^>]*>", r" \1 ", token.content)
        return html.unescape(re.sub(r"<!--.*?(?:-->|$)|<[^>]*>", " ", pictures, flags=re.DOTALL))
    parts = [
        str(one.attrGet("src") or "") if one.type == "image" else "\n" if one.type.endswith("break") else one.content
        for one in token.children or []
        if one.type != "html_inline"
    ]
    return re.sub(r"^\s*\[[ xX]?\]", "", "".join(parts)) if token.type == "inline" else token.content


def _is_written(text: str) -> bool:
    """Whether a text says something: it has a letter or a digit, and is not what stands for a text that is not written yet."""
    bare = text.strip()
    return (
        re.search(r"[^\W_]", bare) is not None
        and bare.rstrip(".:").lower() not in nouns.PLACEHOLDERS
        and nouns.UNWRITTEN.match(bare) is None
    )


def _plain(heading: str) -> str:
    """A heading without numbers, marks and signs: `## 2. **Cache** layer ✅` is `cache layer`."""
    words = re.sub(r"[^\w\s/&-]", " ", re.sub(r"^\s*[\d.]+\s+", "", heading))
    return " ".join(words.split()).lower()


def _require_count(params: Mapping[str, str]) -> None:
    """Refuse a number of sections that the document has not, with a UsageError."""
    has = len(DOCUMENTS[params["document"]].sections)
    if int(params["count"]) != has:
        what = f"the {params['document']} has {has} named sections, not {params['count']}"
        raise UsageError(what, hint=f"write {has}, or add the sections where the document is declared")


@claim(
    "the <document> contains its <count> named sections, none of them empty",
    needs=("files.documents",),
    example="the data layer report contains its 7 named sections, none of them empty",
    parse=_require_count,
)
def document_sections(asked: Asked) -> Sequence[FactReading]:
    """One fact per section that the document must have, found by the words of its heading; a section with only `TBD`, or a comment, is empty."""
    noun = DOCUMENTS[asked.params["document"]]
    path = directory_of(asked) / noun.file
    file = shown(path, asked)
    if not path.is_file():
        return [
            FactReading(
                subject=file, expected=f"the {asked.params['document']}", observed="there is no such file", ok=False
            )
        ]
    asked.keep(path)
    there = sections(text_of(path))
    return [_section(file, title, there) for title in noun.sections]


def _section(file: str, title: str, there: Sequence[Section]) -> FactReading:
    found = next((one for one in there if one.title == _plain(title)), None)
    if found is None:
        return FactReading(subject=f"{file}: {title}", expected="a section with text", observed="missing", ok=False)
    words = [text for text in found.seen if _is_written(text)]
    size = sum(len(text.split()) for text in words)
    seen = f"{size} words" if words else "empty"
    return FactReading(
        subject=f"{file}:{found.line}: {title}", expected="a section with text", observed=seen, ok=bool(words)
    )


_README: Final = SentenceForm(
    "readme", "the README <says:noun>", "The README of the directory `files.documents`, its files and their changes."
)


@claim(_README, "lists every file of its directory and no other", needs=("files.documents",))
def readme_index(asked: Asked) -> Sequence[FactReading]:
    """One fact per file: it is in the directory, and the README names it in code or a link of its section on files, or anywhere."""
    path, text = _readme(asked)
    root = path.parent
    there = {one.relative_to(root).as_posix() for one in files_of([root], lambda one: not one.name.startswith("."))} - {
        README
    }
    listed = {name.removeprefix("./") for name in listed_files(text)} - {README}
    if not there and not listed:
        raise ConfigurationError(
            "there is no file but the README", where=str(root), hint="name the directory of the documents"
        )
    return [
        FactReading(
            subject=f"{shown(path, asked)}: {name}",
            expected="listed and there",
            observed=" and ".join(
                ["listed" if name in listed else "not listed", "there" if name in there else "not there"]
            ),
            ok=name in listed and name in there,
        )
        for name in sorted(there | listed)
    ]


def listed_files(text: str) -> list[str]:
    """The files that a README lists: names in code or links of the section with a title about files, else of the complete text."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    chosen = [one for one in sections(text) if re.search(r"\bfiles?\b", one.title)]
    bodies = list(chosen[0].body) if chosen else [text]
    names = []
    for body in bodies:
        for token in parser.parseInline(body) if chosen else parser.parse(body):
            for part in token.children or []:
                name = (
                    part.content
                    if part.type == "code_inline"
                    else str(part.attrGet("href") or "")
                    if part.type == "link_open"
                    else ""
                )
                if _FILE_NAME.fullmatch(name):
                    names.append(name)
    return list(dict.fromkeys(names))


@claim(_README, "has the date of its own newest change", needs=("files.documents",))
def readme_date(asked: Asked) -> Sequence[FactReading]:
    """The date in the README's line `Last updated: …`, compared with the day of its newest commit."""
    path, text = _readme(asked)
    where = shown(path, asked)
    history = changes_of(path.parent, most=1, file=path)
    if not history.changes:
        raise ConfigurationError("was never committed", where=str(path), hint="commit it")
    newest = history.changes[0]
    expected = f"{newest.day.isoformat()}, the day of {newest.id[:10]}"
    line, written = _dated(text)
    fact = partial(FactReading, subject=f"{where}:{line}" if line else where, expected=expected)
    if not line:
        return [fact(observed="the README has no line `Last updated: …`", ok=False)]
    if history.dirty:
        return [fact(observed="the README was changed since its last commit", ok=None)]
    if history.shallow and newest.is_boundary:
        return [fact(observed="the clone is shallow and ends at this change; hint: fetch the whole history", ok=None)]
    if written is None:
        return [fact(observed="its date cannot be read; hint: write it like 2026-01-31", ok=None)]
    return [fact(observed=written.isoformat(), ok=written in (newest.day, newest.committed))]


def _dated(text: str) -> tuple[int, date | None]:
    """The number of the line `Last updated`, from 1, and its date; 0 if there is no such line."""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _UPDATED.search(line):
            return number, _date_in(found["date"])
    return 0, None


def _date_in(text: str) -> date | None:
    for pattern, form in _DATES:
        if found := pattern.search(text):
            for written in (form, form.replace("%B", "%b")):
                try:
                    return datetime.strptime(found[0], written).date()  # noqa: DTZ007 - a day, not a moment
                except ValueError:
                    continue
    return None


@claim(
    _README,
    "is changed by every change of a file in its directory, over the last <count> changes",
    needs=("files.documents",),
    example="the README is changed by every change of a file in its directory, over the last 100 changes",
)
def readme_follows(asked: Asked) -> Sequence[FactReading]:
    """One fact per commit that changed a file of the documentation: it changes the README too; merges are left out."""
    path, _ = _readme(asked)
    most = int(asked.params["count"])
    history = changes_of(path.parent, most=most)
    if not history.changes:
        raise ConfigurationError("no change of it was committed", where=str(path.parent), hint="commit it")
    seen = [_follows(change) for change in history.changes]
    if history.shallow and len(seen) < most and history.changes[-1].is_boundary:
        words = f"the clone is shallow: {len(seen) - 1} of {most} changes can be read; hint: fetch the whole history"
        seen[-1] = FactReading(subject=str(path.parent), expected=f"the last {most} changes", observed=words, ok=None)
    return seen


def _follows(change: CommittedChange) -> FactReading:
    others = [name for name in change.files if name != README]
    changed = f"{', '.join(others[:3])}{' and more' if len(others) > 3 else ''}" if others else README
    missing = bool(others) and README not in change.files
    return FactReading(
        subject=f"{change.id[:10]} of {change.day.isoformat()}: {change.title[:60]}",
        expected=f"changes {README} too",
        observed=f"{changed} without {README}" if missing else f"{changed}{f' and {README}' if others else ''}",
        ok=not missing,
    )
