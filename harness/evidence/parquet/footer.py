"""Reads the footer of a Parquet file: its columns, and their place in each row group."""

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
    """Kind of one column.

    Attributes:
        physical: physical type of the values; None for columns of columns.
        optional: whether a row may lack a value.
        whole: whether the values are signed whole numbers.
        text: whether the values are texts.
        kind: kind of the values, in words.
    """

    physical: Physical | None
    optional: bool
    whole: bool
    text: bool
    kind: str


class Pages(NamedTuple):
    """Place of one column of one row group in the file.

    Attributes:
        start: first byte of the pages.
        size: size of the pages in bytes.
        unpacked: declared size of the decompressed pages in bytes.
        codec: number of the compression.
    """

    start: int
    size: int
    unpacked: int
    codec: int


class RowGroup(NamedTuple):
    """One row group.

    Attributes:
        rows: number of rows.
        pages: place of each column, by name.
    """

    rows: int
    pages: Mapping[str, Pages]


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """Parquet footer.

    Attributes:
        names: names of all columns, in order; a damaged file may have a name twice.
        columns: kind of each column, by name.
        rows: number of rows of the file.
        groups: row groups of the file.
        bytes: size of the file in bytes.
    """

    names: Sequence[str]
    columns: Mapping[str, ColumnKind]
    rows: int
    groups: Sequence[RowGroup]
    bytes: int


def read_footer(file: BinaryIO) -> Declared:
    """Read the footer of a Parquet file.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not a Parquet file, or is damaged.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - TAIL, 0))
    tail = file.read(TAIL)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != MAGIC or length > size - TAIL - len(MAGIC):
        raise ValueError("the file does not end like a Parquet file")
    file.seek(size - TAIL - length)
    try:
        return _declared(Cursor(file.read(length)).struct(), size)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError("the footer is damaged") from error


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
