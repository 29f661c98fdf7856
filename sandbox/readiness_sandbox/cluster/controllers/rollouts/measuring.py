"""AnalysisRuns: asks Prometheus for what is due, and writes the state of the runs."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from harness import clock
from readiness_sandbox.cluster.controllers.rollouts.analysis import Measured, assessed, due, phase_of, recorded
from readiness_sandbox.cluster.controllers.rollouts.fields import SpecError
from readiness_sandbox.cluster.controllers.rollouts.metrics import metrics_of
from readiness_sandbox.cluster.controllers.rollouts.reach import reached
from readiness_sandbox.cluster.controllers.view import key
from readiness_sandbox.cluster.statuses import StatusError
from readiness_sandbox.cluster.timestamps import micro_timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness_sandbox.cluster.controllers.rollouts.expressions import Value
    from readiness_sandbox.cluster.controllers.rollouts.metrics import Metric, Query
    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.store import Object, Store

GROUP: Final = "argoproj.io/v1alpha1"
_LOG: Final = logging.getLogger(__name__)


class Analyses:
    """The controller of AnalysisRuns. All metrics of a run that are due are measured together, and judged when all have answered."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def reconcile(self) -> None:
        """All runs that are not complete."""
        kind = self._store.kinds.by_api_version(GROUP, "AnalysisRun")
        if kind is None:
            return
        for run in self._store.list(kind):
            if not phase_of(run.get("status") or {}).completed:
                self._one(kind, run)

    def _one(self, kind: Kind, run: Object) -> None:
        status, now = run.get("status") or {}, clock.wall()
        asked = bool(run["spec"].get("terminate"))
        try:
            metrics = metrics_of(run["spec"])
        except SpecError as error:
            invalid = {
                "phase": "Error",
                "message": f"analysis spec invalid: {error}",
                "completedAt": micro_timestamp(now),
            }
            self._store.update(kind, {**run, "status": {**status, **invalid}})
            return
        self._store.update(kind, {**run, "status": assessed(metrics, status, now, asked=asked)})
        uid = run["metadata"]["uid"]
        if uid not in self._under_way and (now_due := due(metrics, status, now, asked=asked)):
            task = asyncio.get_running_loop().create_task(self._measure(key(run), uid, now_due))
            self._under_way[uid] = task

    async def _measure(self, where: tuple[str, str], uid: str, metrics: Sequence[Metric]) -> None:
        """A measurement of each, written into the run if it is still there and goes on."""
        try:
            every = await asyncio.gather(*(self._one_measured(metric) for metric in metrics))
        finally:
            del self._under_way[uid]
        kind = self._store.kinds.by_api_version(GROUP, "AnalysisRun")
        try:
            run = self._store.get(kind, *where) if kind is not None else None
        except StatusError:
            run = None
        if kind is None or run is None or run["metadata"]["uid"] != uid:
            return
        status = run.get("status") or {}
        if phase_of(status).completed:
            return
        for metric, done in zip(metrics, every, strict=True):
            status = recorded(status, metric, done)
        asked = bool(run["spec"].get("terminate"))
        self._store.update(
            kind, {**run, "status": assessed(metrics_of(run["spec"]), status, clock.wall(), asked=asked)}
        )

    async def _one_measured(self, metric: Metric) -> Measured:
        started = clock.wall()
        value, text, error = await measured(metric.query, reached(self._store, metric.query.address))
        return Measured(started=started, finished=clock.wall(), value=value, text=text, error=error)


async def measured(query: Query, address: str) -> tuple[Value, str, str]:
    """Query Prometheus' HTTP API: (value, value as text, error).

    An error is returned, never raised.
    """
    now_s = clock.wall().timestamp()
    if query.span is None:
        path, asked = "/api/v1/query", {"query": query.query, "time": f"{now_s:.3f}"}
    else:
        start, end = now_s - query.span.start_back_s, now_s - query.span.end_back_s
        path = "/api/v1/query_range"
        asked = {"query": query.query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{query.span.step_s:g}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=query.timeout_s)) as session,
            session.post(address + path, data=asked, headers=dict(query.headers)) as response,
        ):
            body = await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
        return None, "", f"{address}{path}: {type(error).__name__}: {error}"
    return read(body)


def read(body: Any) -> tuple[Value, str, str]:
    """(value, text, error) of an answer.

    A scalar is a number; a vector, and all points of a matrix, a list.
    """
    if not isinstance(body, dict) or body.get("status") != "success":
        kind, error = (body.get("errorType"), body.get("error")) if isinstance(body, dict) else (None, None)
        return None, "", f"{kind or 'bad_response'}: {error or 'the answer is not that of a Prometheus'}"
    try:
        data = body["data"]
        if data["resultType"] == "scalar":
            return float(data["result"][1]), str(data["result"][1]), ""
        points = {
            "vector": lambda: [each["value"][1] for each in data["result"]],
            "matrix": lambda: [point[1] for each in data["result"] for point in each["values"]],
        }[data["resultType"]]()
        return [float(each) for each in points], f"[{','.join(points)}]", ""
    except (KeyError, TypeError, ValueError, IndexError) as error:
        return None, "", f"bad_response: Prometheus metric type not supported ({type(error).__name__}: {error})"
