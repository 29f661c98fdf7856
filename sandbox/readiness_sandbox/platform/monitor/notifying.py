"""What Prometheus sends to its Alertmanagers.

Firing alerts are sent again and again, a resolved one until it is dropped.

Source: prometheus/prometheus rules/alerting.go sendAlerts, cmd/prometheus SendAlerts; Alertmanager's API v2.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable
from typing import Any, Final

import aiohttp

from .moments import rfc3339
from .rules.alerting import ActiveAlert, Group

RESEND_S: Final = 5.0
"""A minute by default. An Alertmanager that was away, as in the loss of a zone, does not know until then what has been resolved."""
_TIMEOUT_S: Final = 5.0


def due_alerts(groups: Iterable[Group], now_s: float, resend_s: float = RESEND_S) -> list[dict[str, Any]]:
    """The alerts that are to be told now; they are taken as told.

    A firing one ends in Alertmanager by itself when it is not told again for four times the longer of interval and resend delay.
    """
    told = []
    for group in groups:
        valid_s = 4 * max(group.group.interval_s, resend_s)
        for alert in (alert for state in group.states for alert in state.active.values()):
            if alert.due(now_s, resend_s):
                alert.sent_s = now_s
                told.append(_posted(alert, alert.resolved_s or now_s + valid_s))
    return told


def _posted(alert: ActiveAlert, ends_s: float) -> dict[str, Any]:
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": rfc3339(alert.fired_s),
        "endsAt": rfc3339(ends_s),
        "generatorURL": "",
    }


class Notifier:
    """Posts alerts to every Alertmanager; one that fails gets them with the next post.

    Args:
        receivers: their addresses.
    """

    def __init__(self, receivers: Iterable[str]) -> None:
        self._receivers = tuple(receivers)
        self._queue: asyncio.Queue[list[dict[str, Any]]] = asyncio.Queue()

    def tell(self, groups: Iterable[Group]) -> None:
        """Queue what is due."""
        if alerts := due_alerts(groups, time.time()):
            self._queue.put_nowait(alerts)

    async def run(self) -> None:
        """Send for ever, in order."""
        async with aiohttp.ClientSession(trust_env=False, timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)) as session:
            while True:
                alerts = await self._queue.get()
                for address in self._receivers:
                    try:
                        async with session.post(f"http://{address}/api/v2/alerts", json=alerts) as response:
                            response.raise_for_status()
                    except (aiohttp.ClientError, TimeoutError) as error:
                        sys.stderr.write(
                            f"{len(alerts)} alerts not taken by {address}: {type(error).__name__}: {error}\n"
                        )
