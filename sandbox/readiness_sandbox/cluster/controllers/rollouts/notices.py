"""Notices of aborted releases to an Alertmanager, as Argo Rollouts sends them.

A Rollout subscribes by annotation, `notifications.argoproj.io/subscribe.on-rollout-aborted.alertmanager: ""`; the addresses are in the ConfigMap
`argo-rollouts-notification-configmap` of its namespace, under `service.alertmanager`. Their templates are not served: each notice names the release,
the cause and the time. The alert fires until the Rollout begins its next update (the sender posts it with `endsAt`) or until Alertmanager's
`resolve_timeout`, so a release that is taken back again gets a new start.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import aiohttp
import yaml

from harness import clock
from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.controllers.rollouts.reach import reached
from readiness_sandbox.cluster.controllers.view import key
from readiness_sandbox.cluster.statuses import StatusError
from readiness_sandbox.cluster.timestamps import micro_timestamp

if TYPE_CHECKING:
    from readiness_sandbox.cluster.store import Object, Store

TRIGGERS: Final = {"RolloutAborted": "on-rollout-aborted", "SkipSteps": "on-rollout-updated"}
"""Reason of an Event to the trigger that it is; the second is a rollback by hand."""
BEGINNINGS: Final = frozenset({"RolloutUpdated", "RolloutRetried"})
"""Reasons of the Events with which an update begins."""
SUBSCRIBED: Final = "notifications.argoproj.io/subscribe.{trigger}.alertmanager"
CONFIG: Final = "argo-rollouts-notification-configmap"
TRIES: Final = 5
_AGAIN_S: Final = 1.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=5.0)
_CONFIGMAP: Final = kinds.by_name("ConfigMap")
_LOG: Final = logging.getLogger(__name__)


class RollbackNotices:
    """Sends the notices, each until one Alertmanager has taken it, at most `TRIES` times; those of one Rollout in their order."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tasks: set[asyncio.Task[None]] = set()
        self._firing: dict[tuple[str, str], Object] = {}
        self._order: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    def tell(self, rollout: Object, reason: str, message: str, release: str) -> None:
        """Send what a Rollout has subscribed to; `release` is the one that is taken back."""
        subscribed = SUBSCRIBED.format(trigger=TRIGGERS.get(reason, ""))
        if subscribed not in (rollout["metadata"].get("annotations") or {}):
            return
        alert = self._firing[key(rollout)] = notice(rollout, message, release)
        self._post(rollout, alert)

    def end(self, rollout: Object) -> None:
        """Resolve the alert of a Rollout, where one fires."""
        if (alert := self._firing.pop(key(rollout), None)) is not None:
            self._post(rollout, {**alert, "endsAt": micro_timestamp(clock.wall())})

    def _post(self, rollout: Object, alert: Object) -> None:
        addresses = self._addresses(rollout["metadata"]["namespace"])
        task = asyncio.get_running_loop().create_task(self._send(self._order[key(rollout)], addresses, alert))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _addresses(self, namespace: str) -> list[str]:
        try:
            config = self._store.get(_CONFIGMAP, namespace, CONFIG)
            service = yaml.safe_load((config.get("data") or {}).get("service.alertmanager", "")) or {}
            return [f"{service.get('scheme', 'http')}://{target}" for target in service.get("targets") or ()]
        except (StatusError, yaml.YAMLError, AttributeError) as error:
            _LOG.warning("%s/%s: no address for notices: %s", namespace, CONFIG, error)
            return []

    async def _send(self, order: asyncio.Lock, addresses: list[str], alert: Object) -> None:
        async with order, aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False) as session:
            for _ in range(TRIES):
                for address in addresses:
                    try:
                        async with session.post(
                            reached(self._store, address) + "/api/v2/alerts", json=[alert]
                        ) as answer:
                            answer.raise_for_status()
                    except (aiohttp.ClientError, TimeoutError) as error:
                        _LOG.warning("a notice was not taken by %s: %s: %s", address, type(error).__name__, error)
                    else:
                        return
                await clock.asleep(_AGAIN_S)


def notice(rollout: Object, message: str, release: str) -> Object:
    """The alert, as Alertmanager's API version 2 takes it."""
    meta, now = rollout["metadata"], micro_timestamp(clock.wall())
    where = {"namespace": meta["namespace"], "rollout": meta["name"]}
    return {
        "labels": {"alertname": "ReleaseTakenBack", "severity": "warning", "release": release, **where},
        "annotations": {"summary": f"{release} is taken back", "description": message},
        "startsAt": now,
    }
