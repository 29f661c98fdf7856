"""The service of feature flags by OFREP, and what the pods of other services make of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from readiness_sandbox.platform.normaldance import frontend
from readiness_sandbox.platform.normaldance.flags import Flags, application
from readiness_sandbox.platform.normaldance.kit.app import ENVELOPE
from readiness_sandbox.platform.normaldance.kit.features import HEADER, PATH, Features
from readiness_sandbox.platform.normaldance.kit.settings import PodSettings

SETTINGS = PodSettings(service="flags", region="here", pod="flags-0", address="127.0.0.1", port=0, release="1.0.0")


def config_map(variant: str, state: str = "ENABLED") -> dict[str, Any]:
    """One flag of each feature, as flagd reads it."""
    flag = {"state": state, "variants": {"on": True, "off": False}, "defaultVariant": variant}
    names = ("similar-tracks", "updated-dashboard", "enhanced-metrics")
    return {"metadata": {"name": "flags"}, "data": {"flags.json": json.dumps({"flags": dict.fromkeys(names, flag)})}}


def test_flags_are_evaluated_by_ofrep() -> None:
    """On, off, disabled, unknown, of a variant that is not there; not before they were read."""

    async def run() -> None:
        flags = Flags()
        async with TestClient(TestServer(application(SETTINGS, flags))) as client:

            async def asked(key: str) -> tuple[int, Any]:
                async with client.post(f"{PATH}/{key}", json={"context": {}}) as answer:
                    return answer.status, await answer.json()

            assert (await asked("similar-tracks"))[0] == 503
            flags.learn(config_map("on"))
            flags.learn({"metadata": {"name": "flags"}, "data": {"flags.json": "no JSON"}})
            flags.learn({"metadata": {"name": "others"}, "data": {}})
            status, body = await asked("similar-tracks")
            assert (status, body["value"], body["reason"], body["variant"]) == (200, True, "STATIC", "on")
            flags.learn(config_map("off"))
            assert (await asked("similar-tracks"))[1]["value"] is False
            assert (await asked("other"))[1]["errorCode"] == "FLAG_NOT_FOUND"
            flags.learn(config_map("on", state="DISABLED"))
            status, body = await asked("similar-tracks")
            assert (status, body["reason"], "value" in body) == (200, "DISABLED", False)
            flags.learn(config_map("sometimes"))
            assert (await asked("similar-tracks"))[0] == 400

    asyncio.run(run())


def test_a_pod_follows_the_flags_and_is_told_nothing_twice() -> None:
    """By the tag of the answer; what it ignores stays off; while the service fails, what it said last counts."""

    async def run() -> None:
        flags, statuses = Flags(), list[int]()
        flags.learn(config_map("on"))
        app = application(SETTINGS, flags)

        async def noted(_: web.Request, response: web.StreamResponse) -> None:
            statuses.append(response.status)

        app.on_response_prepare.append(noted)
        async with TestServer(app) as server, aiohttp.ClientSession() as session:
            features = Features(ignored=frozenset({"enhanced-metrics"}))
            for variant in ("on", "on", "off", "sometimes"):
                flags.learn(config_map(variant))
                await features.ask_once(session, str(server.make_url(PATH)))
                assert features.on("similar-tracks") is (variant == "on")
                assert not features.on("enhanced-metrics")
            assert statuses == [200, 304, 200, 200]

    asyncio.run(run())


def test_the_dashboard_and_the_metrics_change_with_their_flags() -> None:
    """The page and the header; the metric is exposed while its feature is on."""

    async def run() -> None:
        app, flags = frontend.application(SETTINGS), Flags()
        async with TestClient(TestServer(app)) as client, TestServer(application(SETTINGS, flags)) as server:

            async def shown() -> tuple[str, bool, bool]:
                async with client.get("/dashboard") as page, client.get("/metrics") as metrics:
                    exposed = "http_response_bytes_total{" in await metrics.text()
                    return page.headers.get(HEADER, ""), "newest figures" in await page.text(), exposed

            assert await shown() == ("", False, False)
            flags.learn(config_map("on"))
            async with aiohttp.ClientSession() as session:
                await app[ENVELOPE].features.ask_once(session, str(server.make_url(PATH)))
            await shown()
            assert await shown() == ("updated-dashboard", True, True)

    asyncio.run(run())
