"""Planned rollouts: releases, steps, triggers of a rollback, and the expected end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from harness.model.planned.quantity import Quantity
from harness.model.planned.trigger import Trigger


class Strategy(StrEnum):
    """How a release takes over."""

    CANARY = "canary"
    """By shares of users, step by step."""
    BLUE_GREEN = "blue-green"
    """All at once, while the old release is still there."""
    ALL_AT_ONCE = "all-at-once"
    """All at once and then left to the platform's own analyses, to test whether a trigger rolls it back."""
    ROLLING = "rolling"
    """Pod by pod."""


class TakenBack(StrEnum):
    """How a rollout is expected to end."""

    BY_HAND = "by hand"
    """It is promoted; after that the harness sends the rollback command."""
    BY_PLATFORM = "by the platform"
    """A trigger fires, and the platform rolls it back by itself."""


class ReversedBy(StrEnum):
    """Who rolled a rollout back."""

    PLATFORM = "platform"
    """It was aborted or its spec was set back, but not by the harness."""
    HAND = "hand"
    """The harness sent the rollback command, as planned."""
    HARNESS = "harness"
    """The harness ended it because nothing else did in time."""
    UNKNOWN = "unknown"
    """The candidate was removed, and the observations do not show by whom."""


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
        stable: on the old release; else on the candidate.
        at: once the candidate is given this share of the users.
    """

    severity: str
    stable: bool
    at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutPlan:
    """A rollout by name.

    Attributes:
        name: file name without `.yaml`. file: path as resolved.
        strategy: how the candidate takes over.
        candidate: the release that its answers name.
        steps: the shares of users that it is expected to get, 0 to 1, in order; the last is 1.
        dwell: how long each step must last, as the document says it; None: no length is asked.
        dwell_scale: `dwell` is divided by this; 1 on a platform whose time is not scaled.
        promoted_by: `platform`, or `harness`, which promotes each step that has lasted.
        taken_back: how it is expected to end.
        watched_s: how long it is watched at all users before it is taken back by hand.
        within_s: longest, from its beginning to the old release everywhere.
        after_s: how long the way back is watched, as the sentences about it ask.
        helped_after_s: how long a way back that others began is left to them, as the sentences that judge it ask; then the harness helps it.
        triggers: when it must be taken back.
        reports: of users, that the run sends.
        kind: what is changed: `Rollout` (Argo Rollouts), `Deployment` or `Service`. names: of the objects. namespaces: where they are.
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
        """How long each step must last in this run."""
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
    """`taken back by hand`; `taken back, by whom is not known`."""
    said = _REVERSED_BY.get(by, f"by {by}")
    return f"taken back{',' if by == ReversedBy.UNKNOWN else ''} {said}"


def percent(share: float) -> str:
    """A share as windows and sentences name it: `5`, `12.5`, `100`."""
    return f"{100 * share:.6g}"
