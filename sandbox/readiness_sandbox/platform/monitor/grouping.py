"""Alertmanager's grouping: alerts into groups, groups into notices for their receivers.

Source: prometheus/alertmanager dispatch/dispatch.go, notify/notify.go (DedupStage), template/template.go, provider/mem/mem.go (Put), types/types.go (Merge).

    first alert of a group ──group_wait──▶ notice ──group_interval──▶ notice where something changed, or repeat_interval is over
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .moments import NEVER, moment_of, rfc3339, seconds_of

Named = tuple[tuple[str, str], ...]
"""Labels, sorted."""
_ALL: Final = "..."
_FIRING: Final = "firing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """Where alerts go, and when.

    Attributes:
        receiver: its name. urls: of its webhooks. send_resolved: whether they hear of the end.
        group_by: labels that a group has in common; `...`: all of them.
        wait_s: from the first alert of a group to its notice. interval_s: between two notices of a group that changed.
        repeat_s: between two of one that has not.
        resolve_s: an alert that is sent without an end is over after so long.
    """

    receiver: str
    urls: tuple[str, ...]
    send_resolved: bool = True
    group_by: tuple[str, ...] = ()
    wait_s: float = 30.0
    interval_s: float = 300.0
    repeat_s: float = 14_400.0
    resolve_s: float = 300.0


class RouteRefused(Exception):
    """The configuration of Alertmanager says what is not understood here."""


_ROUTE: Final = frozenset({"receiver", "group_by", "group_wait", "group_interval", "repeat_interval"})


def read_route(content: Mapping[str, Any]) -> Route:
    """Read alertmanager.yml: one route, receivers with webhooks.

    Raises:
        RouteRefused: any other key, or a receiver that is not there.
    """
    _known(content, frozenset({"global", "route", "receivers"}), "alertmanager.yml")
    general, route = content.get("global") or {}, content.get("route") or {}
    _known(general, frozenset({"resolve_timeout"}), "global")
    _known(route, _ROUTE, "route")
    for receiver in content.get("receivers") or ():
        _known(receiver, frozenset({"name", "webhook_configs"}), "receivers")
        if receiver.get("name") != route.get("receiver"):
            continue
        hooks = receiver.get("webhook_configs") or ()
        for hook in hooks:
            _known(hook, frozenset({"url", "send_resolved"}), "webhook_configs")
        return Route(
            receiver=str(receiver["name"]),
            urls=tuple(str(hook["url"]) for hook in hooks),
            send_resolved=all(hook.get("send_resolved", True) for hook in hooks),
            group_by=tuple(map(str, route.get("group_by", ()))),
            wait_s=seconds_of(str(route.get("group_wait", "30s"))),
            interval_s=seconds_of(str(route.get("group_interval", "5m"))),
            repeat_s=seconds_of(str(route.get("repeat_interval", "4h"))),
            resolve_s=seconds_of(str(general.get("resolve_timeout", "5m"))),
        )
    raise RouteRefused(f'undefined receiver "{route.get("receiver", "")}" used in route')


def _known(content: Mapping[str, Any], keys: frozenset[str], where: str) -> None:
    if unknown := sorted(map(str, content.keys() - keys)):
        raise RouteRefused(f"{where}: {unknown[0]} is not supported")


@dataclass(kw_only=True, slots=True)
class HeldAlert:
    """One alert, as it was last posted. `ends_s`: from then on it is resolved."""

    labels: Named
    annotations: Mapping[str, str]
    starts_s: float
    ends_s: float
    url: str = ""

    def firing(self, now_s: float) -> bool:
        """Whether it has not ended."""
        return self.ends_s > now_s

    def overlaps(self, later: HeldAlert) -> bool:
        """Whether what is posted later is still this one, and goes on from its start; else it is another one with the same labels."""
        return any(self.starts_s < moment_s < self.ends_s for moment_s in (later.starts_s, later.ends_s))

    @property
    def fingerprint(self) -> str:
        """Of its labels; dedupe by it, start and status."""
        return hashlib.blake2b(repr(self.labels).encode(), digest_size=8).hexdigest()


@dataclass(slots=True)
class AlertGroup:
    """Alerts with the same values of the labels that are grouped by."""

    key: Named
    due_s: float
    alerts: dict[Named, HeldAlert] = field(default_factory=dict)
    told: frozenset[tuple[Named, bool]] = frozenset()
    told_s: float = 0.0


class Dispatcher:
    """All groups of one route."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._groups: dict[Named, AlertGroup] = {}

    @property
    def alerts(self) -> list[HeldAlert]:
        """All that are held."""
        return [alert for group in self._groups.values() for alert in group.alerts.values()]

    def take(self, posted: Iterable[Mapping[str, Any]], now_s: float) -> None:
        """Take alerts as they are posted to `/api/v2/alerts`.

        Raises:
            ValueError: one has no labels, a moment that cannot be read, or an end before its start; nothing is taken then.
        """
        for alert in [self._held(one, now_s) for one in posted]:
            by = self._route.group_by
            key = tuple(pair for pair in alert.labels if _ALL in by or pair[0] in by)
            group = self._groups.get(key)
            if group is None:
                if not alert.firing(now_s):
                    continue  # its beginning was not reported
                group = self._groups[key] = AlertGroup(key, due_s=now_s + self._route.wait_s)
            known = group.alerts.get(alert.labels)
            if known is not None and known.overlaps(alert):
                alert.starts_s = min(alert.starts_s, known.starts_s)
            group.alerts[alert.labels] = alert

    def _held(self, posted: Mapping[str, Any], now_s: float) -> HeldAlert:
        labels = posted.get("labels")
        if not isinstance(labels, Mapping) or not any(labels.values()):
            raise ValueError("at least one label pair required")
        if wrong := [name for name, value in labels.items() if not isinstance(value, str)]:
            raise ValueError(f"the label {wrong[0]} is not a text")
        given_s = moment_of(posted.get("endsAt"))
        starts_s = moment_of(posted.get("startsAt")) or given_s or now_s
        ends_s = given_s or now_s + self._route.resolve_s
        if starts_s > ends_s:
            raise ValueError("start time must be before end time")
        annotations = posted.get("annotations") or {}
        named = tuple(sorted((name, value) for name, value in labels.items() if value))
        return HeldAlert(
            labels=named,
            annotations={str(name): str(value) for name, value in annotations.items()},
            starts_s=starts_s,
            ends_s=ends_s,
            url=str(posted.get("generatorURL", "")),
        )

    def due(self, now_s: float) -> list[dict[str, Any]]:
        """The notices that are to be sent now, in the form of the webhook; they are taken as sent."""
        notices = []
        for group in list(self._groups.values()):
            if group.due_s > now_s:
                continue
            group.due_s = now_s + self._route.interval_s
            if self._changed(group, now_s):
                notices.append(self._notice(group, now_s))
                group.told = frozenset((one.labels, one.firing(now_s)) for one in group.alerts.values())
                group.told_s = now_s
            for labels, alert in list(group.alerts.items()):
                if not alert.firing(now_s):
                    del group.alerts[labels]
            if not group.alerts:
                del self._groups[group.key]
        return notices

    def _changed(self, group: AlertGroup, now_s: float) -> bool:
        """Whether a notice is due.

        An alert fires or was resolved since the last one, or it is time to repeat.
        """
        firing = {one.labels for one in group.alerts.values() if one.firing(now_s)}
        known = {labels for labels, fired in group.told if fired}
        ended = {one.labels for one in group.alerts.values() if not one.firing(now_s)} & known
        if firing - known or (ended and self._route.send_resolved):
            return True
        return bool(firing) and now_s - group.told_s >= self._route.repeat_s

    def _notice(self, group: AlertGroup, now_s: float) -> dict[str, Any]:
        known = {labels for labels, fired in group.told if fired}
        shown = [one for one in group.alerts.values() if one.firing(now_s) or one.labels in known]
        return {
            "version": "4",
            "groupKey": f"{{}}:{{{', '.join(f'{name}={chr(34)}{value}{chr(34)}' for name, value in group.key)}}}",
            "truncatedAlerts": 0,
            "receiver": self._route.receiver,
            "status": _FIRING if any(one.firing(now_s) for one in shown) else "resolved",
            "alerts": [_shown(one, now_s) for one in shown],
            "groupLabels": dict(group.key),
            "commonLabels": _common([dict(one.labels) for one in shown]),
            "commonAnnotations": _common([one.annotations for one in shown]),
            "externalURL": "",
        }


def _shown(alert: HeldAlert, now_s: float) -> dict[str, Any]:
    firing = alert.firing(now_s)
    return {
        "status": _FIRING if firing else "resolved",
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": rfc3339(alert.starts_s),
        "endsAt": NEVER if firing else rfc3339(alert.ends_s),
        "generatorURL": alert.url,
        "fingerprint": alert.fingerprint,
    }


def _common(every: list[Mapping[str, str]] | list[dict[str, str]]) -> dict[str, str]:
    first = every[0] if every else {}
    return {name: value for name, value in first.items() if all(one.get(name) == value for one in every)}
