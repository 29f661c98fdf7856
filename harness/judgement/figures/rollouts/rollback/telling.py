"""Notices of a rollback: a notice must name the release, give a cause, and be of an alert that began with the rollback."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from harness.judgement.figures.alerting.hidden import watched
from harness.judgement.figures.alerting.history import FIRING, NOTICES, PER_S, RECEIVER, notices
from harness.judgement.figures.rollouts.history import (
    AGAIN,
    FILE,
    RolloutHistory,
    files_of,
    load_of,
    rollout_spec,
    scope_of,
)
from harness.judgement.measures import Case, inconclusive
from harness.judgement.shapes.until import Effect, until
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, ReasonKind
from harness.model.naming import names_release
from harness.units import NS_PER_S

_EARLY_NS: Final = 2 * NS_PER_S
"""Time in ns by which a notice may precede the first reading of the rollback in the objects."""

_ADDRESS: Final = re.compile(r"([A-Za-z][\w+.-]*://|/|www\.)\S*")
"""A text that is only an address, such as the link to a runbook."""


def told(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """One measure: the time from the rollback to the first notice with release, cause and time."""
    if history.back is None:
        yield inconclusive(
            case, Figure.ROLLBACK_TOLD.value, f"{history.plan.name} was not taken back, so no notice was due", AGAIN
        )
        return
    yield until(case, _told(case, history, history.back.since_ns))


def _told(case: Case, history: RolloutHistory, back_ns: int) -> Effect:
    limit_ns, candidate = round(case.scaled.in_unit("s") * NS_PER_S), history.plan.candidate
    near = [one for one in notices(case.evidence, back_ns - _EARLY_NS, history.until_ns) if one.status == FIRING]
    new = [
        (one, [alert for alert in one.alerts if _began(alert, back_ns) and _names(alert, candidate)]) for one in near
    ]
    full = [one for one, alerts in new if any(_says_why(alert, candidate) for alert in alerts)]
    instead, old = f"no notice that names {candidate} arrived", ""
    if any(alerts for _, alerts in new):
        instead = "notices named the release, but no notice gave a cause"
    elif any(_names(alert, candidate) for one in near for alert in one.alerts):
        old = " (notices of alerts that fired before the rollback, or that ended, do not count)"
    return Effect(
        high=max(full[0].when_ns - back_ns, 0) / NS_PER_S if full else None,
        watched=(history.until_ns - back_ns) / NS_PER_S,
        names={"rollout": history.plan.name, "instead": instead, "old": old},
        scope=scope_of(case),
        receipts={
            "watch": watched(case.evidence, "notices", [(back_ns, min(back_ns + limit_ns, history.until_ns))]),
            "load": load_of(case, ("back",)),
        },
        needs=("watch",),
        method="from the rollback in the status of the objects to the arrival of the notice at the receiver",
        files=(FILE, NOTICES, *files_of(case)),
        n=len(near),
        hint=AGAIN,
        kind=ReasonKind.NO_RECORD,
    )


def _words(alert: Mapping[str, Any], key: str) -> list[str]:
    texts = alert.get(key)
    return [str(text) for text in texts.values()] if isinstance(texts, Mapping) else []


def _began(alert: Mapping[str, Any], back_ns: int) -> bool:
    """Whether the alert fires since the rollback; an alert that fired before, such as the alert that led to the rollback, does not count."""
    return alert.get("status") == FIRING and int(alert.get("starts_ns") or 0) >= back_ns - _EARLY_NS


def _names(alert: Mapping[str, Any], release: str) -> bool:
    """Whether a label or a text names the release."""
    return any(names_release(text, release) for key in ("annotations", "labels") for text in _words(alert, key))


def _says_why(alert: Mapping[str, Any], release: str) -> bool:
    """Whether the alert has a text that is not an address, in addition to the text that names the release."""
    texts = [text for text in _words(alert, "annotations") if text.strip() and not _ADDRESS.fullmatch(text.strip())]
    naming = any(names_release(text, release) for text in texts)
    return len(texts) > naming


_SPEC: Final = rollout_spec(
    Figure.ROLLBACK_TOLD,
    told,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    unit="s",
    timed=True,
    of_way_back=True,
)
TOLD: Final = replace(
    _SPEC,
    needs=lambda objective: (*_SPEC.needs(objective), RECEIVER),
    evidence=lambda case: (*_SPEC.evidence(case), "history/notices.", "history/watch."),
    rates={"notices": PER_S},
)
