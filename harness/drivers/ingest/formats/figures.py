"""Figures that other people measure (adoption, cost, satisfaction, months), as CSV or JSON, each with its unit and date."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import json_of, number, shown, text_of
from harness.errors import DriverError

COLUMNS: Final = ("name", "value", "unit", "at", "release", "released", "baseline", "target", "answers", "kind")
"""Of a CSV file, in any order, and the keys of a figure in JSON; the first four are required."""
_REQUIRED: Final = COLUMNS[:4]
KINDS: Final = ("share", "growth", "ratio")
"""What a figure in `%` is of: a share goes from 0 to 100, a growth may be below 0, and both a growth and a ratio may exceed 100."""
_HINT: Final = f"known are {', '.join(COLUMNS)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class OutsideFigure:
    """One figure.

    Attributes:
        name: `user_adoption`. value: in `unit`. unit: `%`, `d`, `months`, `EUR`, `of 5`…; empty for a bare count.
        at: when it was measured. where: its place in the file.
        release: that it is about; empty where it is not given. released: when that release went out.
        baseline, target: in `unit`, where they are given.
        answers: from how many people or events it was made; None where it is not given.
        kind: of a figure in `%` one of `KINDS`; empty where it is not given: a share, unless the sentence asks for more.
    """

    name: str
    value: float
    unit: str
    at: Moment
    where: str
    release: str = ""
    released: Moment | None = None
    baseline: float | None = None
    target: float | None = None
    answers: int | None = None
    kind: str = ""


def outside_figures(body: bytes, where: str) -> Mapping[str, OutsideFigure]:
    """Read figures by name: JSON where the file begins with a brace, else CSV with a header.

    Raises:
        DriverError: a key or column is missing or unknown, a value is not a number, a date is not one, or a name is there twice.
    """
    rows = _of_json(body, where) if body.lstrip()[:1] in (b"{", b"[") else _of_csv(text_of(body, where), where)
    found: dict[str, OutsideFigure] = {}
    for at, row in rows:
        figure = _figure(row, at)
        if figure.name in found:
            what = f"the figure `{shown(figure.name)}` is there twice"
            raise DriverError(what, where=at, hint=f"keep one; the first is at {found[figure.name].where}")
        found[figure.name] = figure
    return found


def _of_csv(text: str, where: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _known(header, f"{where}:1")
        for row in reader:
            at = f"{where}:{reader.line_num}"
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                hint = "write decimals with a point, and a comma for each column"
                raise DriverError(f"has {len(row)} columns, the header {len(header)}", where=at, hint=hint)
            yield at, {name: cell.strip() for name, cell in zip(header, row, strict=True) if cell.strip()}
    except csv.Error as error:
        raise DriverError(f"is not CSV: {error}", where=f"{where}:{reader.line_num}", hint='quote with `"`') from error


def _known(names: list[str], where: str) -> None:
    if len(names) == 1 and ";" in names[0]:
        raise DriverError("its columns are divided by semicolons", where=where, hint="divide them by commas")
    for name in names:
        if name not in COLUMNS or names.count(name) > 1:
            why = "is there twice" if name in COLUMNS else "is unknown"
            raise DriverError(f"the column `{shown(name)}` {why}", where=where, hint=_HINT)


def _of_json(body: bytes, where: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    value = json_of(body, where)
    rows = value.get("figures") if isinstance(value, dict) else value
    if not isinstance(rows, list):
        raise DriverError("has no list `figures`", where=where, hint='write `{"figures": [{"name": …}]}`')
    for index, row in enumerate(rows):
        at = f"{where}: figures[{index}]"
        if not isinstance(row, dict):
            raise DriverError("is not a figure", where=at, hint=_HINT)
        _known(list(row), at)
        yield at, {name: _cell(cell, f"{at}.{name}") for name, cell in row.items() if cell is not None}


def _cell(cell: Any, where: str) -> str:
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        raise DriverError("is neither a text nor a number", where=where, hint='write `4.2` or `"%"`')
    return str(cell) if isinstance(cell, str | int) else f"{cell:.15f}".rstrip("0").rstrip(".")


def _figure(row: Mapping[str, str], where: str) -> OutsideFigure:
    for name in _REQUIRED:
        if name not in row and name != "unit":
            raise DriverError(f"`{name}` is missing", where=where, hint=f"every figure has {', '.join(_REQUIRED)}")
    numbers = {name: number(row[name], f"{where}: {name}") for name in ("baseline", "target") if name in row}
    answers = row.get("answers")
    if answers is not None and not (answers.isdecimal() and len(answers) <= 9):
        raise DriverError(f"`{shown(answers)}` is not a count", where=f"{where}: answers", hint="write it like `30`")
    kind = row.get("kind", "")
    if kind and (kind not in KINDS or row.get("unit") != "%"):
        what = f"`{shown(kind)}` is not a kind of a figure in `{shown(row.get('unit', ''))}`"
        raise DriverError(what, where=f"{where}: kind", hint=f"figures in `%` are of kind {', '.join(KINDS)}")
    return OutsideFigure(
        name=row["name"],
        value=number(row["value"], f"{where}: value"),
        unit=row.get("unit", ""),
        at=Moment.of(row["at"], f"{where}: at"),
        where=where,
        release=row.get("release", ""),
        released=Moment.of(row["released"], f"{where}: released") if "released" in row else None,
        baseline=numbers.get("baseline"),
        target=numbers.get("target"),
        answers=None if answers is None else int(answers),
        kind=kind,
    )
