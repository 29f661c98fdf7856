"""Columns of equal length: samples, probes, ledgers. Times are int64 nanoseconds, and words are dictionary coded.

A part of a table (`where`, `between`, `apart`) stores its row numbers, and copies a column only when it is read. So ten
million samples are in memory once.
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

NOT_COMPARED: Final = 0
AS_DESCRIBED: Final = 1
NOT_AS_DESCRIBED: Final = 2
NOT_COMPARABLE: Final = 3
"""Codes of `described` in samples: no comparison, as described, otherwise, or of an operation that cannot be compared."""

PIECE: Final = 1 << 16
"""Number of rows that fit into the cache together with their results."""
MANY: Final = 150
"""Number of words above which rows are sorted once; for fewer words a mask per word is faster."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema:
    """Names and types of a table's columns.

    Attributes:
        name: name of the table, such as `samples`.
        ints: integer columns with their bytes on disk: 8, 4, or 2 for codes. In memory they are int64; columns of 2
            bytes may be int16.
        words: dictionary-coded text columns; a word may be missing.
        order: times that are not before other times of the row, by column.
        optional: times that are 0 if the event did not happen.
        known: allowed words of columns that the judge uses to distinguish rows.
        later: columns that older files lack; numbers are then 0, and words missing.
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
        "described": 2,
    },
    words=("journey", "step", "name", "method", "region", "served_region", "served_pod", "release", "error"),
    order={"done_ns": ("intended_ns", "sent_ns")},
    later=("served_us", "account", "described"),
)
"""One row per request. status: 0 without an answer. error: kind of failure, missing without a failure; for `cut_off`
the request was open at the end, which is `done_ns`. arrival and connection: numbers of journey and connection, unique
in the worker; 0: unknown. served_us: serving time from `Server-Timing`; 0: unknown. account: number of the signed-in
user, equal in all workers; 0: unknown. described: whether the answer is as the API description says, a code below. A
request that is answered at its due time, such as a pushed message, has no
response time."""

REPORTED: Final = Schema(
    name="reported-requests",
    ints={"sent_ns": 8, "done_ns": 8, "answered": 2},
    words=("report", "name", "error"),
    order={"done_ns": ("sent_ns",)},
)
"""One row per request of another tool's load report, in ns since 1970. answered: 1 with an answer, 0 without one, -1 if
the tool does not say. report: key of the demand that read it. error: kind of failure, missing without a failure."""

PROBES: Final = Schema(
    name="probes",
    ints={"due_ns": 8, "sent_ns": 8, "done_ns": 8, "status": 2},
    words=("subject", "kind", "connection", "served_pod", "error"),
    order={"done_ns": ("sent_ns",)},
    known={"kind": ("read", "health", "service")},
    later=("served_pod",),
)
"""One row per probe. subject: `entry`, a region or a service. kind: `read`, `health` or `service`. connection: `new` or
`kept`. served_pod: pod named in the answer. status: 0 without an answer. The probe succeeded if `error` is missing."""

PORTAL: Final = Schema(
    name="portal",
    ints={"due_ns": 8, "sent_ns": 8, "done_ns": 8, "status": 2},
    words=("served_pod", "error"),
    order={"done_ns": ("sent_ns",)},
)
"""One row per request for the users' portal on a new connection. status: 0 without an answer. served_pod: pod named in
the answer."""

CONTROL: Final = Schema(
    name="control",
    ints={"due_ns": 8, "sent_ns": 8, "done_ns": 8, "status": 2},
    words=("subject", "error"),
    order={"done_ns": ("sent_ns",)},
)
"""One row per probe of a control service, which only answers. subject: name of the control. status: 0 without an
answer."""

FACTS: Final = Schema(
    name="facts",
    ints={"at_ns": 8, "attempts": 4},
    words=("subject", "expected", "observed", "ok"),
    known={"ok": ("yes", "no", "unknown")},
)
"""One row per fact of a check with many facts. ok: whether it is as expected; unknown: it could not be read."""

REPLICAS: Final = Schema(
    name="replicas",
    ints={"at_ns": 8, "lag_ns": 8},
    words=("member", "region", "role", "error"),
)
"""One row per probe of a database member. role: primary or replica. lag_ns: replay lag; -1 for the primary, and without
an answer."""

CACHE: Final = Schema(
    name="cache",
    ints={"due_ns": 8, "sent_ns": 8, "done_ns": 8},
    words=("kind", "servers", "error"),
    order={"done_ns": ("sent_ns",)},
    known={"kind": ("read", "write")},
)
"""One row per probe of every cache: a key in the hash slots of each primary was read or written. kind: `read` or `write`.
servers: address of the primary of each key. The probe succeeded if `error` is missing; it names the keys that failed."""

SESSIONS: Final = Schema(
    name="sessions",
    ints={"due_ns": 8, "sent_ns": 8, "done_ns": 8, "status": 2},
    words=("session", "kind", "outcome", "error"),
    order={"done_ns": ("sent_ns",)},
    known={"kind": ("visitor", "sign-in", "page"), "outcome": ("served", "refused", "unknown")},
)
"""One row per request for the page that only a signed-in user gets, and per sign-in. session: entry, number of the user,
and number of the sign-in. kind: `visitor` without credentials, before each `sign-in`; `page` with those of the session.
outcome: `refused` with 401, 403, or a redirect as the visitor got; `unknown` with any other answer, or without one.
status: 0 without an answer; of a sign-in that of the page right after it. error: why the outcome is unknown."""

COPIES: Final = Schema(
    name="copies",
    ints={"due_ns": 8, "at_ns": 8, "rows": 4},
    words=("member", "error"),
)
"""One row per read of a database member's own ledger rows. at_ns: send time. rows: number of writes that the member
shows; -1 without an answer. The read succeeded if `error` is missing."""


def distinct(numbers: Ints) -> Ints:
    """Each number once, ascending; `unique` of numpy 2.3 hashes, which is twenty times slower here."""
    ordered = np.sort(numbers)
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    return np.asarray(ordered[first[: len(ordered)]], dtype=np.int64)


def codes_type(names: int) -> np.dtype[np.signedinteger[Any]]:
    """The smallest type for the codes of a number of words, and NULL."""
    return np.dtype(next(kind for kind in (np.int8, np.int16, np.int32) if names <= np.iinfo(kind).max))


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """A dictionary-coded text column: `codes[i]` is an index into `names`, or NULL for a missing word."""

    codes: Codes
    names: tuple[str, ...]

    @classmethod
    def of(cls, words: Iterable[str | None]) -> Words:
        """Code plain words; the names are in order of first appearance."""
        names: dict[str, int] = {}
        codes = [NULL if word is None else names.setdefault(word, len(names)) for word in words]
        return cls(codes=np.array(codes, dtype=codes_type(len(names))), names=tuple(names))

    def at(self, rows: Ints) -> Words:
        """The words in these rows."""
        return Words(codes=self.codes[rows], names=self.names)

    def text(self) -> list[str | None]:
        """The words of all rows."""
        return [None if code == NULL else self.names[code] for code in self.codes.tolist()]

    def equals(self, word: str) -> Bools:
        """A mask of the rows with the given word."""
        if word not in self.names:
            return np.zeros(len(self.codes), dtype=np.bool_)
        return np.asarray(self.codes == self.names.index(word), dtype=np.bool_)

    def among(self, names: Container[str]) -> Bools:
        """A mask of the rows with one of the given words."""
        codes = [code for code, name in enumerate(self.names) if name in names]
        return np.asarray(np.isin(self.codes, codes), dtype=np.bool_)

    @property
    def missing(self) -> Bools:
        """A mask of the rows without a word."""
        return np.asarray(self.codes == NULL, dtype=np.bool_)

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows by word, sorted by word; words without rows are left out."""
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
        """Make a table from plain rows; a missing column is 0 or a missing word."""
        return cls(
            schema=schema,
            ints={name: np.array([row.get(name, 0) for row in rows], dtype=np.int64) for name in schema.ints},
            words={name: Words.of(_word(row.get(name)) for row in rows) for name in schema.words},
        )

    @classmethod
    def empty(cls, schema: Schema) -> Table:
        """A table without rows."""
        return cls.of(schema, [])

    def __len__(self) -> int:
        if isinstance(self.ints, _RowSelection):
            return len(self.ints.rows)
        return len(next(iter(self.ints.values())))

    def once(self, ask: Callable[[Table], _Known]) -> _Known:
        """The result of a function of this table, computed once and cached."""
        if ask not in self._known:
            self._known[ask] = ask(self)
        answer: _Known = self._known[ask]
        return answer

    def at(self, rows: Ints) -> Table:
        """The rows with the given numbers, in the given order."""
        return Table(
            schema=self.schema,
            ints=_part(self.ints, rows, np.ndarray.__getitem__),
            words=_part(self.words, rows, Words.at),
        )

    def cut(self, start: int, end: int) -> Table:
        """The rows from number `start` up to `end`; complete columns are not copied."""
        if isinstance(self.ints, _RowSelection):
            return self.at(np.arange(start, end))
        return Table(
            schema=self.schema,
            ints={name: column[start:end] for name, column in self.ints.items()},
            words={name: Words(codes=words.codes[start:end], names=words.names) for name, words in self.words.items()},
        )

    def where(self, mask: Bools) -> Table:
        """The rows for which the mask is true."""
        return self if mask.all() else self.at(np.flatnonzero(mask))

    def between(self, column: str, start_ns: int, end_ns: int) -> Table:
        """The rows whose `column` lies in [start_ns, end_ns)."""
        at = self.ints[column]
        return self.where((at >= start_ns) & (at < end_ns))

    def apart(self, column: str) -> Mapping[str, Table]:
        """The rows with a word in a column, as one table per word, sorted by word."""
        return _Apart(self, column)

    def sorted_by(self, *columns: str) -> Table:
        """The rows sorted by these integer columns; the first column counts first."""
        return self.at(np.lexsort([self.ints[name] for name in reversed(columns)]))

    @classmethod
    def merged(cls, schema: Schema, tables: Sequence[Table]) -> Table:
        """The rows of all tables; the dictionaries are joined."""
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
