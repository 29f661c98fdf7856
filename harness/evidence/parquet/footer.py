"""What a Parquet file declares in its footer: its columns, and where each row group has them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from harness.evidence.parquet.form import (
    LOGICAL_SIGNED,
    LOGICAL_TEXT,
    LOGICAL_WHOLE,
    MAGIC,
    SIGNED,
    TAIL,
    UTF8,
    Chunk,
    Element,
    Footer,
    Meta,
    OfGroup,
    Physical,
    Repetition,
)
from harness.evidence.parquet.thrift import Cursor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ColumnKind(NamedTuple):
    """One column.

    Attributes:
        physical: how its values are stored; None for columns of columns.
        optional: whether a row may lack a value.
        whole: whether they are whole numbers with a sign.
        text: whether they are texts.
        kind: what they are, in words.
    """

    physical: Physical | None
    optional: bool
    whole: bool
    text: bool
    kind: str


class Pages(NamedTuple):
    """Where one column of one row group lies.

    Attributes:
        start, size: its bytes.
        unpacked: declared size of its pages without compression.
        codec: number of their compression.
    """

    start: int
    size: int
    unpacked: int
    codec: int


class RowGroup(NamedTuple):
    """One row group: its rows, and the pages of each column."""

    rows: int
    pages: Mapping[str, Pages]


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """A footer.

    Attributes:
        names: of all columns, in order; a damaged file may have one twice.
        columns: by name.
        rows: of the file.
        groups: its row groups.
        bytes: of the file.
    """

    names: Sequence[str]
    columns: Mapping[str, ColumnKind]
    rows: int
    groups: Sequence[RowGroup]
    bytes: int


def read_footer(file: BinaryIO) -> Declared:
    """Read the footer of a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no Parquet file, or is damaged.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - TAIL, 0))
    tail = file.read(TAIL)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != MAGIC or length > size - TAIL - len(MAGIC):
        raise ValueError("it does not end as one")
    file.seek(size - TAIL - length)
    try:
        return _declared(Cursor(file.read(length)).struct(), size)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError("its footer is damaged") from error


def _declared(footer: Mapping[int, Any], size: int) -> Declared:
    root, *elements = footer[Footer.SCHEMA]
    columns: list[tuple[str, ColumnKind]] = []
    at = 0
    for _ in range(root[Element.CHILDREN]):
        columns.append((elements[at][Element.NAME].decode(), _column(elements[at])))
        at = _behind(elements, at)
    return Declared(
        names=[name for name, _ in columns],
        columns=dict(columns),
        rows=footer[Footer.ROWS] + 0,
        groups=[_group(group) for group in footer[Footer.GROUPS]],
        bytes=size,
    )


def _behind(elements: Sequence[Mapping[int, Any]], at: int) -> int:
    """The element behind this one and all that it is made of."""
    left = 1
    while left:
        left += elements[at].get(Element.CHILDREN, 0) - 1
        at += 1
    return at


def _column(element: Mapping[int, Any]) -> ColumnKind:
    physical = Physical(element[Element.PHYSICAL]) if Element.PHYSICAL in element else None
    repetition = Repetition(element.get(Element.REPETITION, Repetition.REQUIRED))
    if physical is None or repetition is Repetition.REPEATED:
        return ColumnKind(physical=None, optional=True, whole=False, text=False, kind="lists or structures")
    converted, logical = element.get(Element.CONVERTED), element.get(Element.LOGICAL, {})
    plain = converted is None and not logical
    signed = converted in SIGNED or bool(logical.get(LOGICAL_WHOLE, {}).get(LOGICAL_SIGNED))
    named = "" if plain else f" of type {converted if converted is not None else next(iter(logical))}"
    return ColumnKind(
        physical=physical,
        optional=repetition is Repetition.OPTIONAL,
        whole=physical in {Physical.INT32, Physical.INT64} and (plain or signed),
        text=physical is Physical.BYTE_ARRAY and (converted == UTF8 or LOGICAL_TEXT in logical),
        kind=physical.name.lower() + named,
    )


def _group(group: Mapping[int, Any]) -> RowGroup:
    pages: dict[str, Pages] = {}
    for chunk in group[OfGroup.COLUMNS]:
        meta = chunk[Chunk.META]
        first = meta.get(Meta.DICTIONARY) or meta[Meta.DATA]
        path = ".".join(part.decode() for part in meta[Meta.PATH])
        pages[path] = Pages(
            start=min(first, meta[Meta.DATA]),
            size=meta[Meta.PACKED],
            unpacked=meta[Meta.UNPACKED],
            codec=meta[Meta.CODEC],
        )
    return RowGroup(rows=group[OfGroup.ROWS] + 0, pages=pages)
