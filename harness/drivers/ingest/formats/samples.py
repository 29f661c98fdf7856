"""An answer of Prometheus to a range query: one series of numbers, and what it warns of."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from harness.drivers.ingest.formats.plain import ReportSection, json_of, section_of, shown
from harness.errors import DriverError

_HINT: Final = "check that this is the address of a Prometheus server"
_VALUE: Final = re.compile(r"[-+]?(?:[0-9.]{1,40}(?:[eE][-+]?[0-9]{1,3})?|Inf)|NaN")


_Point = Annotated[tuple[int | float, str], Field(strict=False)]
"""Seconds since 1970, and the value as text."""


class _MatrixSeries(ReportSection):
    metric: dict[str, str]
    values: tuple[_Point, ...] = Field(strict=False)


class _Matrix(ReportSection):
    type: Literal["matrix"] = Field(alias="resultType")
    result: tuple[_MatrixSeries, ...] = Field(strict=False)


class _RangeBody(ReportSection):
    status: Literal["success"]
    data: _Matrix
    warnings: tuple[str, ...] = Field(default=(), strict=False)
    infos: tuple[str, ...] = Field(default=(), strict=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class RangeAnswer:
    """One answer.

    Attributes:
        values: Unix second → value, of the one series; without those that are not a number.
        warnings: of Prometheus, as where a store did not answer.
    """

    values: dict[int, float]
    warnings: tuple[str, ...]


def range_answer(body: bytes, where: str) -> RangeAnswer:
    """Read an answer.

    Raises:
        DriverError: it is an error, is no matrix, has several series, or a value that is not a number.
    """
    value = json_of(body, where)
    if isinstance(value, dict) and value.get("status") == "error":
        what = f"Prometheus reports {shown(str(value.get('errorType')))}: {shown(str(value.get('error')))}"
        raise DriverError(what, where=where, hint="try the query in Prometheus itself")
    answer = section_of(_RangeBody, value, where, kind="an answer to a range query")
    if len(answer.data.result) > 1:
        what = f"the query gives {len(answer.data.result)} series, one is expected"
        raise DriverError(what, where=where, hint="put `min(…)` or `avg(…)` around it")
    values: dict[int, float] = {}
    for series in answer.data.result:
        for at, text in series.values:
            values[round(at)] = _value(text, where)
    return RangeAnswer(
        values={at: value for at, value in values.items() if not math.isnan(value)},
        warnings=tuple(shown(warning) for warning in answer.warnings),
    )


def _value(text: str, where: str) -> float:
    if not _VALUE.fullmatch(text):
        raise DriverError(f"`{shown(text)}` is not a number", where=where, hint=_HINT)
    try:
        return float(text)
    except ValueError as error:
        raise DriverError(f"`{shown(text)}` is not a number", where=where, hint=_HINT) from error
