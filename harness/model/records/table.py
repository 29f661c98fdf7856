"""Columns of equal length: samples, probes, ledgers. Times are int64 nanoseconds, words are dictionary coded.

A part of a table (`where`, `between`, `apart`) remembers which rows it has and copies a column only when it is read:
ten million samples are held once, whatever they are judged by.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.signedinteger[Any]]
Bools = npt.NDArray[np.bool_]

NULL: Final = -1
"""Code of a missing word."""

PIECE: Final = 1 << 16
"""So many rows fit the cache with what is made of them."""
MANY: Final = 150
"""Rows are sorted once by more words than this; for fewer a mask each is quicker."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema:
    """Names and types of a table's columns.

    Attributes:
        name: `samples`.
        ints: integer columns and the bytes each takes on disk: 8, 4, or 2 for what is only told apart. In memory they are int64;
            those of 2 may be int16.
        words: dictionary-coded text columns; a word may be missing.
        order: times that lie at or after others of their row, by column.
        optional: times that are 0 where it did not come to that.
        known: columns that have one of these words in each row; the judge tells rows apart by them.
        later: columns that a recorded file may lack, because it is older than they are; whole numbers are 0 there, and words missing.
    """

    name: str
    ints: Mapping[str, int]
    words: tuple[str, ...]
    order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    later: tuple[str, ...] = ()


SAMPLES: Final = Schema(
    name="samples",
    ints={
        "intended_ns": 8,
        "sent_ns": 8,
        "done_ns": 8,
        "status": 2,
        "bytes": 4,
        "worker": 2,
        "arrival": 8,
        "connection": 4,
        "served_us": 4,
        "account": 2,
    },
    words=("journey", "step", "name", "method", "region", "served_region", "served_pod", "release", "error"),
    order={"done_ns": ("intended_ns", "sent_ns")},
    later=("served_us", "account"),
)
"""One row a request. status 0: no answer. error: kind of failure or missing; `cut_off`: still open at the end, done_ns is then that end.
arrival: number of the journey, connection: number of the connection, each unique in its worker; 0: unknown. served_us: how long serving it took, as the answer itself says in
`Server-Timing`; 0: it does not. account: number of the user who has signed in, the same in all workers; 0: unknown. A request that is answered the very moment it was due has no response time, as a message that a server pushes."""

PROBES: Final = Schema(
    name="probes",
    ints={"due_ns": 8, "sent_ns": 8, "done_ns": 8, "status": 2},
    words=("subject", "kind", "connection", "served_pod", "error"),
    order={"done_ns": ("sent_ns",)},
    known={"kind": ("read", "health", "service")},
    later=("served_pod",),
)
"""One row a probe. subject: `entry`, a region or a service. kind: `read`, `health`, or `service` of a service itself. connection: `new` or `kept`. served_pod: as the answer says.
status 0: no answer. ok when error is missing."""

PORTAL: Final = Schema(
    name="portal",
    ints={"due_ns": 8, "sent_ns": 8, "done_ns": 8, "status": 2},
    words=("served_pod", "error"),
    order={"done_ns": ("sent_ns",)},
)
"""One row a request for the users' portal, each on a connection of its own. status 0: no answer. served_pod: as the answer says. ok when error is missing."""

CONTROL: Final = Schema(
    name="control",
    ints={"due_ns": 8, "sent_ns": 8, "done_ns": 8, "status": 2},
    words=("subject", "error"),
    order={"done_ns": ("sent_ns",)},
)
"""One row a probe of a control: a service that does nothing but answer, beside the target's own. subject: which. status 0: no answer. ok when error is missing."""

FACTS: Final = Schema(
    name="facts",
    ints={"at_ns": 8, "attempts": 4},
    words=("subject", "expected", "observed", "ok"),
    known={"ok": ("yes", "no", "unknown")},
)
"""One row a fact of a check that reads many. ok: whether it is as expected; unknown: it could not be read."""

REPLICAS: Final = Schema(
    name="replicas",
    ints={"at_ns": 8, "lag_ns": 8},
    words=("member", "region", "role", "error"),
)
"""One row a probe of a database member. role: primary or replica. lag_ns: replay lag, -1 where the member did not answer or is the primary."""

COPIES: Final = Schema(
    name="copies",
    ints={"due_ns": 8, "at_ns": 8, "rows": 4},
    words=("member", "error"),
)
"""One row a read of a database member's own rows of the ledger; at_ns: when it was sent. rows: writes that the member shows, -1 where it
did not answer. ok when error is missing."""


def distinct(numbers: Ints) -> Ints:
    """Each number once, ascending. numpy's own `unique` hashes from 2.3 on, which times and packed keys make twenty times slower than sorting."""
    ordered = np.sort(numbers)
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    return np.asarray(ordered[first[: len(ordered)]], dtype=np.int64)


def codes_type(names: int) -> np.dtype[np.signedinteger[Any]]:
    """The narrowest type that holds the codes of so many words, and NULL."""
    return np.dtype(next(kind for kind in (np.int8, np.int16, np.int32) if names <= np.iinfo(kind).max))


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """A dictionary-coded text column: `codes[i]` indexes `names`, NULL where the word is missing."""

    codes: Codes
    names: tuple[str, ...]

    @classmethod
    def of(cls, words: Iterable[str | None]) -> Words:
        """Code plain words, names in order of first appearance."""
        names: dict[str, int] = {}
        codes = [NULL if word is None else names.setdefault(word, len(names)) for word in words]
        return cls(codes=np.array(codes, dtype=codes_type(len(names))), names=tuple(names))

    def at(self, rows: Ints) -> Words:
        """The words in these rows."""
        return Words(codes=self.codes[rows], names=self.names)

    def text(self) -> list[str | None]:
        """The words themselves."""
        return [None if code == NULL else self.names[code] for code in self.codes.tolist()]

    def equals(self, word: str) -> Bools:
        """A mask of the rows with this word."""
        if word not in self.names:
            return np.zeros(len(self.codes), dtype=np.bool_)
        return np.asarray(self.codes == self.names.index(word), dtype=np.bool_)

    def among(self, names: Container[str]) -> Bools:
        """A mask of the rows that have one of these words."""
        codes = [code for code, name in enumerate(self.names) if name in names]
        return np.asarray(np.isin(self.codes, codes), dtype=np.bool_)

    @property
    def missing(self) -> Bools:
        """A mask of the rows without a word."""
        return np.asarray(self.codes == NULL, dtype=np.bool_)

    @property
    def counts(self) -> dict[str, int]:
        """Rows by word, sorted by word; words without rows are left out."""
        most = len(self.names) + 1  # bincount knows no NULL, and widens what it counts to eight bytes
        pieces = [self.codes]
        if len(self.codes) > PIECE:
            pieces = np.array_split(self.codes, len(self.codes) // PIECE + 1)
        counted = np.sum([np.bincount(piece + 1, minlength=most) for piece in pieces], axis=0)[1:].tolist()
        return {name: n for name, n in sorted(zip(self.names, counted, strict=True)) if n}

    @property
    def present(self) -> tuple[str, ...]:
        """The words that occur, sorted."""
        return tuple(self.counts)


_Column = TypeVar("_Column", Ints, Words)
_Known = TypeVar("_Known")


class _RowSelection(Mapping[str, _Column]):
    """Some rows of some columns; each is copied when it is first asked for."""

    def __init__(self, columns: Mapping[str, _Column], rows: Ints, pick: Callable[[_Column, Ints], _Column]) -> None:
        self.columns: Mapping[str, _Column] = columns
        self.rows = rows
        self._pick: Callable[[_Column, Ints], _Column] = pick
        self._picked: dict[str, _Column] = {}

    def __getitem__(self, name: str) -> _Column:
        if name not in self._picked:
            self._picked[name] = self._pick(self.columns[name], self.rows)
        return self._picked[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


def _part(
    columns: Mapping[str, _Column], rows: Ints, pick: Callable[[_Column, Ints], _Column]
) -> _RowSelection[_Column]:
    if isinstance(columns, _RowSelection):
        return _RowSelection(columns.columns, columns.rows[rows], pick)
    return _RowSelection(columns, rows, pick)


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Columns of equal length under a schema."""

    schema: Schema
    ints: Mapping[str, Ints]
    words: Mapping[str, Words]
    _known: dict[Callable[[Table], Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, schema: Schema, rows: Sequence[Mapping[str, int | str | None]]) -> Table:
        """Make a table from plain rows; a column a row does not name is 0 or missing."""
        return cls(
            schema=schema,
            ints={name: np.array([row.get(name, 0) for row in rows], dtype=np.int64) for name in schema.ints},
            words={name: Words.of(_word(row.get(name)) for row in rows) for name in schema.words},
        )

    @classmethod
    def empty(cls, schema: Schema) -> Table:
        """No rows."""
        return cls.of(schema, [])

    def __len__(self) -> int:
        if isinstance(self.ints, _RowSelection):
            return len(self.ints.rows)
        return len(next(iter(self.ints.values())))

    def once(self, ask: Callable[[Table], _Known]) -> _Known:
        """The answer to what is asked of these rows more than once; they do not change, so it is found once."""
        if ask not in self._known:
            self._known[ask] = ask(self)
        answer: _Known = self._known[ask]
        return answer

    def at(self, rows: Ints) -> Table:
        """These rows, by number, in this order."""
        return Table(
            schema=self.schema,
            ints=_part(self.ints, rows, np.ndarray.__getitem__),
            words=_part(self.words, rows, Words.at),
        )

    def cut(self, start: int, end: int) -> Table:
        """The rows from number `start` up to `end`; of whole columns nothing is copied."""
        if isinstance(self.ints, _RowSelection):
            return self.at(np.arange(start, end))
        return Table(
            schema=self.schema,
            ints={name: column[start:end] for name, column in self.ints.items()},
            words={name: Words(codes=words.codes[start:end], names=words.names) for name, words in self.words.items()},
        )

    def where(self, mask: Bools) -> Table:
        """The rows where the mask is true."""
        return self if mask.all() else self.at(np.flatnonzero(mask))

    def between(self, column: str, start_ns: int, end_ns: int) -> Table:
        """The rows whose `column` lies in [start_ns, end_ns)."""
        at = self.ints[column]
        return self.where((at >= start_ns) & (at < end_ns))

    def apart(self, column: str) -> Mapping[str, Table]:
        """The rows that have a word, apart by it, sorted by word; each part keeps their order."""
        return _Apart(self, column)

    def sorted_by(self, *columns: str) -> Table:
        """The rows in the order of these integer columns, first one first."""
        return self.at(np.lexsort([self.ints[name] for name in reversed(columns)]))

    @classmethod
    def merged(cls, schema: Schema, tables: Sequence[Table]) -> Table:
        """The union of the rows; dictionaries are joined, nothing is averaged."""
        whole = [table for table in tables if len(table)]
        if len(whole) < 2:
            return whole[0] if whole else cls.empty(schema)
        return cls(
            schema=schema,
            ints={name: np.concatenate([table.ints[name] for table in whole]) for name in schema.ints},
            words={name: _joined([table.words[name] for table in whole]) for name in schema.words},
        )


class _Apart(Mapping[str, Table]):
    """Rows apart by word; each part is made when it is asked for, so that one is in memory, and in the cache, at a time."""

    def __init__(self, table: Table, column: str) -> None:
        self._table = table
        self._words = table.words[column]
        self._present = dict.fromkeys(self._words.present)

    @cached_property
    def _by_word(self) -> Mapping[str, Ints]:
        """The rows of each word, by number, in their order: of many words."""
        codes, names = self._words.codes, self._words.names
        edges = np.cumsum(np.bincount(codes + 1, minlength=len(names) + 1))
        return dict(zip(names, np.split(np.argsort(codes, kind="stable"), edges)[1:-1], strict=True))

    def __getitem__(self, word: str) -> Table:
        if word not in self._present:
            raise KeyError(word)
        if len(self._present) > MANY:
            return self._table.at(self._by_word[word])
        return self._table.where(self._words.equals(word))

    def __iter__(self) -> Iterator[str]:
        return iter(self._present)

    def __len__(self) -> int:
        return len(self._present)


def _word(value: int | str | None) -> str | None:
    return None if value is None else str(value)


def _joined(columns: Sequence[Words]) -> Words:
    names: dict[str, int] = {}
    recoded = [[names.setdefault(name, len(names)) for name in column.names] for column in columns]
    kind = codes_type(len(names))
    codes = [np.array([*code, NULL], dtype=kind)[column.codes] for code, column in zip(recoded, columns, strict=True)]
    return Words(codes=np.concatenate(codes), names=tuple(names))
