"""The report on quality: from a Prometheus of its own, over real sockets."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import ClientSession

from harness import clock
from readiness_sandbox.platform.monitor.promql.values import labels_of
from readiness_sandbox.platform.monitor.quality import Reporter
from readiness_sandbox.platform.monitor.storage import Storage
from tests.sandbox.monitor.served import prometheus_of, served

GATEWAY = {"job": "pods", "app": "api-gateway", "version": "1.0.0"}


def storage_of(*, requested: bool) -> Storage:
    """Half a minute of one gateway's scrapes; with requests one a second, of which one in ten fails."""
    storage, now_s = Storage(), clock.wall().timestamp()
    for back in range(30, 0, -1):
        storage.add(labels_of({"__name__": "up", **GATEWAY, "pod": "g"}), now_s - back, 1.0)
        for status, share in (("200", 0.9), ("500", 0.1)) if requested else ():
            labels = {"__name__": "http_requests_total", **GATEWAY, "route": "read-track", "status": status}
            storage.add(labels_of(labels), now_s - back, share * (30 - back))
    return storage


def newest(storage: Storage, *, suspended: bool = False) -> tuple[int, dict[str, Any]]:
    """Status and content of the newest report once there is one, or half a second later."""

    async def ask() -> tuple[int, dict[str, Any]]:
        async with AsyncExitStack() as stack:
            reporter = Reporter(await prometheus_of(storage, stack), every_s=60, suspended=suspended)
            url = f"{await served(reporter.application(), stack)}/reports/newest"
            writing = asyncio.create_task(reporter.run())
            stack.callback(writing.cancel)
            session = await stack.enter_async_context(ClientSession())
            for _ in range(10):
                async with session.get(url) as answer:
                    status, content = answer.status, await answer.json()
                if status == 200:
                    break
                await asyncio.wait([writing], timeout=0.05)
            return status, content

    return asyncio.run(ask())


def test_a_report_names_the_release_that_runs_and_its_figures() -> None:
    """As Prometheus reckons them in the last minute."""
    status, content = newest(storage_of(requested=True))
    assert (status, content["releases"], content["pods_ready"]) == (200, ["1.0.0"], 1)
    assert content["error_ratio"] == pytest.approx(0.1)
    assert content["p95_s"] is None
    assert content["written_at"].endswith("Z")


def test_a_figure_of_what_nobody_requested_is_null() -> None:
    """It is no figure of 0."""
    status, content = newest(storage_of(requested=False))
    assert (status, content["requests_per_s"], content["error_ratio"]) == (200, None, None)


def test_no_report_is_written_while_nothing_is_scraped_or_it_is_suspended() -> None:
    """The address answers 404."""
    assert newest(Storage())[0] == 404
    assert newest(storage_of(requested=True), suspended=True)[0] == 404
