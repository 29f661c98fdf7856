"""Ways to edit the evidence of a run, drawn: rows are dropped, are there twice, lack for a time, or say something else than other records.

Any table and any history may be edited, whatever it is for. Who edits corrects the counts that are recorded beside the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np

from harness.judgement.receipts.records.counted import rows_of
from harness.model import Evidence, Observation, Table
from harness.model.records.recorded import RECORDED
from harness.model.records.table import Bools, Ints
from tests.honesty.edits import changed, counted
from tests.honesty.worsenings import Rng, of_field, span_of

SAMPLES: Final = "samples"
HISTORIES: Final = ("pods", "nodes", "leaders", "release_reads")
DUE: Final = ("intended_ns", "due_ns", "made_ns", "sent_ns", "at_ns", "seen_ns")
"""The column of the time of a row, the first that its table has."""
LEDGER: Final = {"ledger-writes": "writes", "ledger-final": "final", "ledger-reads": "reads"}
FIELDS: Final = ("probes", "replicas", "pipeline")
Rows = Callable[[Table], Table]
Things = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Forgery:
    """One edit.

    Attributes:
        kind: `drop`, `copy`, `hole` or `contradict`.
        place: the table or history, with the column or kind that was edited.
        size: rows that differ. of: rows that were there.
        run: the evidence after it.
    """

    kind: str
    place: str
    size: int
    of: int
    run: Evidence

    def __str__(self) -> str:
        return f"{self.kind} {self.place}: {self.size} of {self.of}"


def with_counts(run: Evidence) -> Evidence:
    """The run whose watchers said how many probes they made, and whose requests were counted when it was closed."""
    made = {
        each.watcher: rows_of(each.watcher, run.tables[each.schema.name])
        for each in RECORDED
        if each.counted and each.schema.name in run.tables
    }
    closed = [
        Observation(
            source="watch",
            seq=seq,
            clock="boot",
            mono_ns=max(window.end_ns for window in run.windows.values()),
            wall="",
            kind="watch.closed",
            subject=watcher,
            fields={"probes": count},
        )
        for seq, (watcher, count) in enumerate(made.items())
        if watcher in run.watchers
    ]
    return replace(requests_counted(run), observations=(*run.observations, *closed))


def requests_counted(run: Evidence) -> Evidence:
    """The run whose requests were counted when it was closed."""
    windows = {name: replace(window, counted=len(window.samples)) for name, window in run.windows.items()}
    return replace(run, windows=windows)


def places(run: Evidence) -> tuple[str, ...]:
    """Every table and history of a run that has a row."""
    tables = [name for name, rows in {SAMPLES: _samples(run), **run.tables}.items() if len(rows)]
    kinds = sorted({f"observations {one.kind}" for one in run.observations})
    return (*tables, *(name for name in HISTORIES if getattr(run, name)), *kinds)


def forged(run: Evidence, kind: str, place: str, rng: Rng) -> Forgery:
    """One edit of this kind at this place, drawn."""
    name, _, of_kind = place.partition(" ")
    if name == "observations":
        own = [one for one in run.observations if one.kind == of_kind]
        made, size, what = _things(tuple(own), kind, run, rng, lambda one: one.mono_ns)
        rest = [one for one in run.observations if one.kind != of_kind]
        edited = replace(run, observations=tuple(sorted([*rest, *made], key=lambda one: one.mono_ns)))
        return Forgery(kind=kind, place=f"{place}{what}", size=size, of=len(own), run=edited)
    if name in HISTORIES:
        things = getattr(run, name)
        made, size, what = _things(things, kind, run, rng, lambda one: one.at_ns)
        return Forgery(
            kind=kind, place=f"{place}{what}", size=size, of=len(things), run=replace(run, **of_field(name, made))
        )
    edit, what, sizes = _of_rows(run, kind, _table(run, place), rng)
    edited = with_rows(run, place, edit)
    return Forgery(kind=kind, place=f"{place}{what}", size=sum(sizes), of=len(_table(run, place)), run=edited)


def with_rows(run: Evidence, place: str, edit: Rows) -> Evidence:
    """The run with the rows of a table, or of the users' requests in every window, edited."""
    if place == SAMPLES:
        made = replace(run, windows={n: replace(w, samples=edit(w.samples)) for n, w in run.windows.items()})
        return requests_counted(made) if any(w.counted is not None for w in run.windows.values()) else made
    if place in LEDGER:
        books = replace(run.ledger, **of_field(LEDGER[place], edit(run.tables[place])))
        return replace(run, ledger=counted(books))
    if place in FIELDS:
        return replace(run, **of_field(place, edit(run.tables[place])))
    return replace(run, recorded={**run.recorded, place: edit(run.recorded[place])})


def _samples(run: Evidence) -> Table:
    return Table.merged(_schema(run), [window.samples for window in run.windows.values()])


def _schema(run: Evidence) -> Any:
    return next(iter(run.windows.values())).samples.schema


def _table(run: Evidence, place: str) -> Table:
    return _samples(run) if place == SAMPLES else run.tables[place]


def _of_rows(run: Evidence, kind: str, rows: Table, rng: Rng) -> tuple[Rows, str, list[int]]:
    """How to edit rows, what of them is edited, and where the number of edited rows is put."""
    sizes: list[int] = []
    seed, share, span = int(rng.integers(1 << 30)), _share(rng), _hole(run, rng)
    due = next((column for column in DUE if column in rows.ints), "")
    if due and rng.random() < 0.3:  # what is read after the load lies in no window
        begin = int(rows.ints[due][int(rng.integers(len(rows)))])
        span = begin, begin + span[1] - span[0]
    chosen = _chosen(rows, rng) if kind in ("drop", "copy") else None
    column = _column(rows, rng) if kind == "contradict" else ""

    def mask(own: Table) -> Bools:
        at = np.ones(len(own), dtype=np.bool_)
        if kind == "hole" or (kind == "contradict" and seed % 2):
            at = (own.ints[due] >= span[0]) & (own.ints[due] < span[1]) if due else at
        else:
            at &= np.random.default_rng(seed).random(len(own)) < share
        if chosen is not None:
            at &= own.words[chosen[0]].equals(chosen[1])
        return np.asarray(at, dtype=np.bool_)

    def edit(own: Table) -> Table:
        at = mask(own)
        made = _edited(own, at, kind, column, seed)
        sizes.append(_differs(own, made, at, column))
        return made

    what = f" of {chosen[0]} {chosen[1]}" if chosen else f" {column}" if column else ""
    return edit, what, sizes


def _edited(rows: Table, at: Bools, kind: str, column: str, seed: int) -> Table:
    if not at.any():
        return rows
    if kind in ("drop", "hole"):
        return rows.where(~at)
    if kind == "copy":
        return rows.at(np.sort(np.concatenate([np.arange(len(rows)), np.flatnonzero(at)]), kind="stable"))
    rng = np.random.default_rng(seed + 1)
    if column in rows.ints:
        return changed(rows, lambda _: at, **{column: _other_ints(rows.ints[column], rng)})
    words = [*rows.words[column].present, None]
    return changed(rows, lambda _: at, **{column: words[int(rng.integers(len(words)))]})


def _other_ints(values: Ints, rng: Rng) -> Ints:
    """Those of other rows, none, twice as much, or a little more."""
    values = values.astype(np.int64)  # a status may have two bytes
    ways: tuple[Ints, ...] = (
        rng.permutation(values),
        np.zeros_like(values),
        values * 2,
        values + 1,
        values + 1_000_000_000,
    )
    return ways[int(rng.integers(len(ways)))]


def _differs(before: Table, after: Table, at: Bools, column: str) -> int:
    if not column:
        return int(at.sum())
    if column in before.ints:
        return int((before.ints[column] != after.ints[column]).sum())
    names = zip(before.words[column].text(), after.words[column].text(), strict=True)
    return sum(was != now for was, now in names)


def _share(rng: Rng) -> float:
    return float(rng.choice([1.0, 10 ** rng.uniform(-3, 0)]))


def _chosen(rows: Table, rng: Rng) -> tuple[str, str] | None:
    """A word of a column, to which the edit is confined; None: any row."""
    named = [name for name, words in rows.words.items() if words.present]
    if not named or rng.random() < 0.5:
        return None
    column = named[int(rng.integers(len(named)))]
    return column, str(rng.choice(list(rows.words[column].present)))


def _column(rows: Table, rng: Rng) -> str:
    return str(rng.choice([*rows.ints, *rows.words]))


def _hole(run: Evidence, rng: Rng) -> tuple[int, int]:
    """A stretch of time: any, or one that begins or ends at the edge of a window."""
    start, end = span_of(run, rng)
    if rng.random() < 0.5:
        return start, end
    window = list(run.windows.values())[int(rng.integers(len(run.windows)))]
    edge, length = window.span[int(rng.integers(2))], min(end - start, window.end_ns - window.start_ns)
    return (edge, edge + length) if rng.random() < 0.5 else (edge - length, edge)


def _things(things: Things, kind: str, run: Evidence, rng: Rng, at_ns: Callable[[Any], int]) -> tuple[Things, int, str]:
    """Lines of a history, edited; how many, and what of them."""
    share, span = _share(rng), _hole(run, rng)
    if rng.random() < 0.3:
        begin = at_ns(things[int(rng.integers(len(things)))])
        span = begin, begin + span[1] - span[0]
    at = (
        np.array([span[0] <= at_ns(one) < span[1] for one in things])
        if kind == "hole"
        else rng.random(len(things)) < share
    )
    if kind != "hole" and not at.any():
        at[int(rng.integers(len(things)))] = True
    number = int(at.sum())
    if kind == "copy":
        twice = [
            one for one, again in zip(things, at.tolist(), strict=True) for one in ([one, one] if again else [one])
        ]
        return tuple(twice), number, ""
    if kind != "contradict":
        return tuple(one for one, out in zip(things, at.tolist(), strict=True) if not out), number, ""
    field = str(rng.choice(_fields(things[0])))
    others = [_value(one, field) for one in things]
    made = [
        _with(one, field, _other(others, _value(one, field), rng)) if edited else one
        for one, edited in zip(things, at.tolist(), strict=True)
    ]
    return tuple(made), sum(a != b for a, b in zip(things, made, strict=True)), f" {field}"


def _fields(thing: Any) -> list[str]:
    own = getattr(thing, "fields", None)
    if isinstance(own, Mapping):
        return [*map(str, own)] or ["subject"]
    return [field.name for field in fields(thing)]


def _value(thing: Any, field: str) -> Any:
    own = getattr(thing, "fields", None)
    return own.get(field) if isinstance(own, Mapping) and field in own else getattr(thing, field, None)


def _with(thing: Any, field: str, value: Any) -> Any:
    own = getattr(thing, "fields", None)
    if isinstance(own, Mapping) and field in own:
        return replace(thing, fields={**own, field: value})
    return replace(thing, **{field: value}) if hasattr(thing, field) else thing


def _other(others: list[Any], value: Any, rng: Rng) -> Any:
    """Another value of its kind: of another line, or one that differs."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return [value * 2, 0, value + 1][int(rng.integers(3))]
    return others[int(rng.integers(len(others)))]


KINDS: Final = ("drop", "copy", "hole", "contradict")
