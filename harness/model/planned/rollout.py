"""Planned rollouts: releases, steps, triggers of a rollback, and the expected end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from harness.model.planned.quantity import Quantity
from harness.model.planned.trigger import Trigger


class Strategy(StrEnum):
    """How a release takes over the users."""

    CANARY = "canary"
    """The share of users increases step by step."""
    BLUE_GREEN = "blue-green"
    """All users switch together, while the old release still runs."""
    ALL_AT_ONCE = "all-at-once"
    """All users switch together, and the platform's own analyses may roll back: this tests a trigger."""
    ROLLING = "rolling"
    """The pods are replaced one by one."""


class TakenBack(StrEnum):
    """How a rollout is expected to end."""

    BY_HAND = "by hand"
    """It is promoted, and then the harness sends the rollback command."""
    BY_PLATFORM = "by the platform"
    """A trigger fires, and the platform rolls back."""


class ReversedBy(StrEnum):
    """Who rolled a rollout back."""

    PLATFORM = "platform"
    """It was aborted or its spec was restored, but not by the harness."""
    HAND = "hand"
    """The harness sent the rollback command, as planned."""
    HARNESS = "harness"
    """The harness ended it, because it did not end in time."""
    UNKNOWN = "unknown"
    """The candidate was removed, and the observations do not show who removed it."""


_REVERSED_BY: Final[Mapping[str, str]] = {
    ReversedBy.PLATFORM: "by the platform",
    ReversedBy.HAND: "by hand",
    ReversedBy.HARNESS: "by the harness",
    ReversedBy.UNKNOWN: "by whom is not known",
}
WATCHED_AFTER_S: Final = 12.0
"""Minimum time in s for which a rollback is observed, from its start and after the old release runs everywhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedReport:
    """A user report that the run sends.

    Attributes:
        severity: `critical` or `minor`.
        stable: whether the report is about the old release; else it is about the candidate.
        at: share of users of the candidate at which the report is sent.
    """

    severity: str
    stable: bool
    at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutPlan:
    """A rollout by name.

    Attributes:
        name, file: name of the file without `.yaml`, and its resolved path.
        strategy: how the candidate takes over.
        candidate: new release, as its answers name it.
        steps: expected shares of users (0 to 1) in order; the last share is 1.
        dwell: minimum duration of each step, as written; None: no minimum.
        dwell_scale: divisor of `dwell`; 1 on a platform without time scale.
        promoted_by: `platform`, or `harness` if the harness promotes each step after its time.
        taken_back: expected end of the rollout.
        watched_s: observation in s at all users before a rollback by hand.
        takes_s: expected time in s from the begin until the watch after the rollback has ended; None: as `within_s`.
        within_s: maximum time in s from the begin until the old release runs everywhere.
        after_s: observation of the rollback in s, as the sentences about it require.
        helped_after_s: time in s for a rollback by others before the harness helps, as the sentences about it require.
        triggers: triggers that must cause a rollback.
        reports: user reports that the run sends.
        kind: kind of the changed objects: `Rollout` (Argo Rollouts), `Deployment` or `Service`.
        names, namespaces: names and namespaces of the changed objects.
    """

    name: str
    file: str
    strategy: Strategy
    candidate: str
    steps: tuple[float, ...]
    dwell: Quantity | None = None
    dwell_scale: float = 1.0
    promoted_by: str = "platform"
    taken_back: TakenBack = TakenBack.BY_HAND
    watched_s: float = 10.0
    takes_s: float | None = None
    within_s: float = 60.0
    after_s: float = WATCHED_AFTER_S
    helped_after_s: float = WATCHED_AFTER_S
    triggers: tuple[Trigger, ...] = ()
    reports: tuple[PlannedReport, ...] = ()
    kind: str = "Rollout"
    names: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()

    @property
    def dwell_s(self) -> float:
        """Minimum duration in s of each step in this run."""
        return 0.0 if self.dwell is None else self.dwell.base / self.dwell_scale

    def __str__(self) -> str:
        steps = ", ".join(f"{percent(share)} %" for share in self.steps)
        dwell = "" if self.dwell is None else f", each for {self.dwell} ({self.dwell_s:g} s at {self.dwell_scale:g})"
        triggers = f"; triggers {', '.join(one.name for one in self.triggers)}" if self.triggers else ""
        objects = f"{self.kind} {', '.join(self.names)} in {', '.join(self.namespaces) or 'the namespace'}"
        way = f"{self.strategy.value} to {self.candidate} by {steps}{dwell}"
        return f"{way}; taken back {self.taken_back.value}{triggers}; changes {objects}"

    @property
    def trigger(self) -> Mapping[str, Trigger]:
        """The triggers by name."""
        return {one.name: one for one in self.triggers}


ALL: Final = 1.0
"""The share of the last step."""


def taken_back_words(by: str) -> str:
    """The rollback as text: `taken back by hand`, or `taken back, by whom is not known`."""
    said = _REVERSED_BY.get(by, f"by {by}")
    return f"taken back{',' if by == ReversedBy.UNKNOWN else ''} {said}"


def percent(share: float) -> str:
    """A share in percent, as in windows and sentences: `5`, `12.5`, `100`."""
    return f"{100 * share:.6g}"
