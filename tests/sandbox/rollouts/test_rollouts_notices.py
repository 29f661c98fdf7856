"""Notices of releases that are taken back, as an Alertmanager shows them at its API."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import pytest
from aiohttp import web

from harness import clock
from readiness_sandbox.apply import apply
from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.controllers.rollouts import notices
from readiness_sandbox.cluster.controllers.rollouts.controller import ARGO, Rollouts
from readiness_sandbox.cluster.controllers.rollouts.notices import CONFIG, RollbackNotices
from readiness_sandbox.cluster.controllers.view import REPLICASET
from readiness_sandbox.cluster.custom.definitions import Definitions, shipped
from readiness_sandbox.cluster.recorder import recorder
from readiness_sandbox.cluster.store import Store
from readiness_sandbox.platform.monitor.alertmanager import Alertmanager
from readiness_sandbox.platform.monitor.grouping import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SUBSCRIBED = {
    f"notifications.argoproj.io/subscribe.{trigger}.alertmanager": ""
    for trigger in ("on-rollout-aborted", "on-rollout-updated")
}
ROLLOUT = {"metadata": {"name": "track", "namespace": "default", "annotations": SUBSCRIBED}}
WITHIN_S = 60.0

Shown = list[tuple[str, str, str]]


@asynccontextmanager
async def alertmanager(
    taken: list[tuple[str, bool]] | None = None, *, refused: int = 0
) -> AsyncIterator[tuple[Store, Callable[[Callable[[Shown], bool]], Any]]]:
    """A store that names it, and what waits until its API shows what is expected: release, cause and start of each alert.

    So many posts are refused at first; of the others, `taken` gets the cause and whether it is an end.
    """
    posts = itertools.count()

    @web.middleware
    async def refusing(request: web.Request, handler: Any) -> web.StreamResponse:
        if request.method == "POST" and next(posts) < refused:
            raise web.HTTPServiceUnavailable
        if request.method == "POST" and taken is not None:
            posted = await request.json()
            taken.extend((each["annotations"]["description"], "endsAt" in each) for each in posted)
        answer: web.StreamResponse = await handler(request)
        return answer

    application = Alertmanager(Route(receiver="on-call", urls=())).application()
    application.middlewares.append(refusing)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        store = Store()
        config = {"service.alertmanager": f"targets: ['{host}:{port}']"}
        store.create(kinds.by_name("ConfigMap"), {"metadata": {"name": CONFIG, "namespace": "default"}, "data": config})
        async with aiohttp.ClientSession() as session:

            async def until(holds: Callable[[Shown], bool]) -> Shown:
                for _ in range(round(WITHIN_S / 0.01)):
                    async with session.get(f"http://{host}:{port}/api/v2/alerts") as answer:
                        shown = [
                            (each["labels"]["release"], each["annotations"]["description"], each["startsAt"])
                            for each in await answer.json()
                        ]
                    if holds(shown):
                        return shown
                    await clock.asleep(0.01)
                raise AssertionError(shown)

            yield store, until
    finally:
        await runner.cleanup()


def test_a_release_that_is_taken_back_again_begins_anew() -> None:
    """Once its Rollout has begun another update; within one it goes on from its start."""

    async def run() -> None:
        async with alertmanager() as (store, until):
            sender = RollbackNotices(store)
            sender.tell(ROLLOUT, "RolloutAborted", "too slow", "1.1.0")
            [(release, cause, first)] = await until(bool)
            assert (release, cause) == ("1.1.0", "too slow")
            sender.tell(ROLLOUT, "SkipSteps", "by hand", "1.1.0")
            assert await until(lambda shown: shown[0][1] == "by hand") == [("1.1.0", "by hand", first)]
            sender.end(ROLLOUT)
            assert await until(lambda shown: not shown) == []
            sender.tell(ROLLOUT, "RolloutAborted", "too slow again", "1.1.0")
            [(release, cause, second)] = await until(bool)
            assert (release, cause) == ("1.1.0", "too slow again")
            assert second > first

    asyncio.run(run())


def test_notices_of_a_rollout_arrive_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent again goes before what was sent after it. The end of one Rollout is none of another; what did not fire does not end."""
    monkeypatch.setattr(notices, "_AGAIN_S", 0.1)
    other = {"metadata": {**ROLLOUT["metadata"], "name": "user"}}

    async def run() -> None:
        taken: list[tuple[str, bool]] = []
        async with alertmanager(taken, refused=1) as (store, until):
            sender = RollbackNotices(store)
            sender.tell(ROLLOUT, "RolloutAborted", "refused once", "1.1.0")
            sender.end(ROLLOUT)
            sender.tell(ROLLOUT, "RolloutAborted", "too slow again", "1.1.0")
            sender.end(other)
            await until(lambda shown: bool(shown) and shown[0][1] == "too slow again")
            assert taken == [("refused once", False), ("refused once", True), ("too slow again", False)]

    asyncio.run(run())


def template(release: str) -> dict[str, Any]:
    """Of pods of a release."""
    labels = {"app": "track", "version": release}
    return {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


class Controller:
    """The controller of Rollouts on a store, and a Rollout `track` whose pods are ready at once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        Definitions(store)
        apply(store, shipped())
        kind = store.kinds.by_api_version(ARGO, "Rollout")
        assert kind is not None
        self.kind = kind
        self.rollouts = Rollouts(store, recorder(store, "rollouts-controller"), cast("Any", None))
        strategy = {"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}}
        spec = {"replicas": 2, "selector": {"matchLabels": {"app": "track"}}, "strategy": strategy}
        store.create(kind, {**ROLLOUT, "spec": {**spec, "template": template("1.0.0")}})
        self.settle()

    def settle(self) -> None:
        """Let it go as far as it goes."""
        before = -1
        while before != self.store.resource_version:
            before = self.store.resource_version
            self.rollouts.reconcile()
            for each in self.store.list(REPLICASET):
                count = each["spec"]["replicas"]
                status = {"replicas": count, "readyReplicas": count, "availableReplicas": count}
                self.store.update(REPLICASET, {**each, "status": status}, subresource="status")

    def update(self, release: str) -> None:
        """Ask for another release."""
        rollout = self.store.get(self.kind, "default", "track")
        self.store.update(self.kind, {**rollout, "spec": {**rollout["spec"], "template": template(release)}})
        self.settle()

    def abort(self, *, aborts: bool = True) -> None:
        """What `kubectl argo rollouts abort` and `retry` write."""
        rollout = self.store.get(self.kind, "default", "track")
        written = {**rollout, "status": {**rollout["status"], "abort": aborts}}
        self.store.update(self.kind, written, subresource="status")
        self.settle()


def test_an_update_and_a_retry_end_what_was_told_of_a_rollout() -> None:
    """Each later rollback of the same release has a start of its own."""

    async def run() -> None:
        async with alertmanager() as (store, until):
            controller, starts = Controller(store), list[str]()

            def from_the_stable_one() -> None:
                controller.update("1.0.0")
                controller.update("1.1.0")

            begins: list[Callable[[], None]] = [partial(controller.update, "1.1.0"), from_the_stable_one]
            begins += [partial(controller.abort, aborts=False)]
            for begin in begins:
                begin()
                assert await until(lambda shown: not shown) == []
                controller.abort()
                [(release, _, start)] = await until(bool)
                assert release == "1.1.0"
                starts.append(start)
            assert starts == sorted(set(starts))

    asyncio.run(run())
