"""The alerts that fired while Prometheus did not answer, by its own record: the series `ALERTS`, which it writes at each evaluation of a rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness import clock
from harness.units import NS_PER_MS, NS_PER_S

if TYPE_CHECKING:
    from harness.drivers.watch.entry.wires import ProbeResponse, Wires

_RUNTIME: Final = "/api/v1/status/runtimeinfo"
_QUERY: Final = "/api/v1/query?query="
_RECORD: Final = 'ALERTS{{alertstate="firing"}}[{ms}ms]'
_OF_THE_RECORD: Final = frozenset({"__name__", "alertstate"})
"""Labels of the series that the alert does not have."""
WAIT_S: Final = 2.0
"""Timeout of one request in s, and so the longest time between the moment that is asked about and the one that Prometheus takes for now."""

AlertLabels = frozenset[tuple[str, str]]


class _MeanwhileModel(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Runtime(_MeanwhileModel):
    started: str = Field(alias="startTime", min_length=1)


class _RuntimeInfoResponse(_MeanwhileModel):
    status: Literal["success"]
    data: _Runtime


class _RecordSeries(_MeanwhileModel):
    metric: Mapping[str, str]
    values: tuple[tuple[float, str], ...] = Field(min_length=1)


class _RecordMatrix(_MeanwhileModel):
    kind: Literal["matrix"] = Field(alias="resultType")
    result: tuple[_RecordSeries, ...]


class _RecordResponse(_MeanwhileModel):
    status: Literal["success"]
    data: _RecordMatrix


class AlertsMeanwhile:
    """Asks Prometheus for its record of a time without answers.

    The record is complete only if the same process has written it: after a restart it may have begun anew. So the time at which the
    process started is read before, and again afterwards.
    """

    def __init__(self, path: str, wires: Wires) -> None:
        """Ask below the `path` of Prometheus' address."""
        self._path = path
        self._wires = wires
        self._started = ""

    async def begin(self) -> None:
        """Read when the process started, if that is not known."""
        self._started = self._started or await self._start()

    async def fired(self, since_ns: int) -> Mapping[AlertLabels, float] | None:
        """The alerts that fired since then, by their labels, and in s when each did at first; up to `WAIT_S` earlier ones are among them.

        Returns:
            None if Prometheus has no complete record, or gave no valid answer.
        """
        before, started = self._started, await self._start()
        self._started = started or before
        if not before or before != started:
            return None
        ms = math.ceil((clock.now_ns() - since_ns + WAIT_S * NS_PER_S) / NS_PER_MS)
        answer = await self._ask(_QUERY + quote(_RECORD.format(ms=ms)))
        try:
            found = _RecordResponse.model_validate_json(answer.body).data.result
        except ValidationError:
            return None
        labels = ((one.metric.items(), one.values[0][0]) for one in found)
        return {frozenset(each for each in of if each[0] not in _OF_THE_RECORD): at_s for of, at_s in labels}

    async def _start(self) -> str:
        answer = await self._ask(_RUNTIME)
        try:
            return _RuntimeInfoResponse.model_validate_json(answer.body).data.started
        except ValidationError:
            return ""

    async def _ask(self, path: str) -> ProbeResponse:
        return await self._wires.ask("GET", self._path + path, within_s=WAIT_S)
