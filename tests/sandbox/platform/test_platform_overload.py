"""Too much work is refused at once, work nobody waits for is not begun, and retries have a budget."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from readiness_sandbox.platform.normaldance.kit import app as kit
from readiness_sandbox.platform.normaldance.kit.calls import RETRIES_KEPT, RETRIES_PER_CALL, Caller, client
from readiness_sandbox.platform.normaldance.kit.settings import PodSettings

SETTINGS = PodSettings(
    service="track-service", region="us-east-1", pod="track-0", address="127.0.0.1", port=0, release="1.0.0"
)
Asked = TestClient[web.Request, web.Application]


async def _with(handler: kit.Handler, use: Callable[[Asked], Awaitable[None]]) -> None:
    async with TestClient(TestServer(kit.build(SETTINGS, [web.get("/work", handler)]))) as asked:
        await use(asked)


def test_a_pod_refuses_at_once_what_is_above_its_bound_and_serves_again_when_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With room for two, the third is told 503 and to come back, health is still answered, and later requests are served."""
    monkeypatch.setattr(kit, "AT_ONCE", 2)

    async def use() -> None:
        both, go = asyncio.Semaphore(0), asyncio.Event()

        async def work(_: web.Request) -> web.Response:
            both.release()
            await go.wait()
            return kit.answer({})

        async def ask(asked: Asked) -> None:
            served = [asyncio.create_task(asked.get("/work").__aenter__()) for _ in range(2)]
            for _ in served:
                await both.acquire()
            async with asked.get("/work") as third, asked.get("/health") as health:
                assert (third.status, third.headers["retry-after"], health.status) == (503, "1", 200)
            go.set()
            assert [(await each).status for each in served] == [200, 200]
            async with asked.get("/work") as later:
                assert later.status == 200

        await _with(work, ask)

    asyncio.run(asyncio.wait_for(use(), 60))


@pytest.mark.parametrize(
    ("headers", "status", "begun"),
    [
        ({kit.ANSWER_BY: "1.0"}, 503, 0),
        ({kit.ANSWER_BY: "9e12"}, 200, 1),
        ({kit.ANSWER_BY: "soon"}, 200, 1),
        ({}, 200, 1),
    ],
)
def test_work_is_not_begun_when_its_caller_has_left(headers: Mapping[str, str], status: int, begun: int) -> None:
    """A request whose time is over is refused before its handler; one that says nothing of use is served."""
    calls = []

    async def work(_: web.Request) -> web.Response:
        calls.append(1)
        return kit.answer({})

    async def ask(asked: Asked) -> None:
        async with asked.get("/work", headers=headers) as given:
            assert given.status == status

    asyncio.run(_with(work, ask))
    assert len(calls) == begun


def test_retries_of_a_service_that_fails_end_with_their_budget() -> None:
    """Of 200 calls that all fail, each is made, and 20 and a tenth of them are retried; each says until when it waits."""
    calls = []

    async def work(request: web.Request) -> web.Response:
        calls.append(request.headers[kit.ANSWER_BY])
        return kit.answer({}, 503)

    async def ask(asked: Asked) -> None:
        async with client() as session:
            caller = Caller("track-service", asked.host, asked.port or 0, session)
            for _ in range(200):
                assert (await caller.call("GET", "/work", headers={}, body=b"")).status == 503

    asyncio.run(_with(work, ask))
    assert 200 + RETRIES_KEPT <= len(calls) <= 200 + RETRIES_KEPT + 200 * RETRIES_PER_CALL
