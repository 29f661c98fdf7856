"""Results about the complete run: windows, periods without a window, users' journeys, machine and release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LEAST_REQUESTS: Final = 50
"""Minimum number of requests to judge a window or route separately; one short stall may affect a smaller number."""
LEAST_S: Final = 3.0
"""Minimum length in s to judge a window separately; shorter windows still count in the total."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowResult:
    """One window of a traffic.

    Attributes:
        name: name of the window, such as `everyday/fault-free` or `experiment:pod-loss/fault`.
        traffic: name of the traffic.
        phase: state of the target, such as `in the steady state` or `during the fault`.
        experiment: name of the experiment; empty without one.
        start_s: start in seconds since the first window opened.
        end_s: end in seconds since the first window opened.
        n: number of requests that were due in the window.
        errors: number of failed requests.
    """

    name: str
    traffic: str
    phase: str
    experiment: str
    start_s: float
    end_s: float
    n: int
    errors: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Unjudged:
    """A period of the load that no claim judges, in seconds since the first window opened."""

    traffic: str
    start_s: float
    end_s: float
    why: str

    @property
    def seconds(self) -> float:
        """Length of the period in s."""
        return self.end_s - self.start_s


@dataclass(frozen=True, kw_only=True, slots=True)
class JourneyResult:
    """Users' journeys in the fault-free windows of one traffic.

    Attributes:
        n: number of journeys.
        troubled: number of journeys with a failed request, or a request that took longer than `limit_ms`.
        limit_ms: highest response-time limit of the plan in ms; None: only failures count.
    """

    traffic: str
    n: int
    troubled: int
    limit_ms: float | None = None

    @property
    def share(self) -> float | None:
        """Share of journeys with a failed or slow request; None without journeys."""
        return self.troubled / self.n if self.n else None


@dataclass(frozen=True, kw_only=True, slots=True)
class DoorResult:
    """Uptime of one region's own entry in all fault-free windows, measured by health probes; for information only.

    Attributes:
        region: name of the region.
        n: number of health probes.
        failed: number of health probes without a good answer.
        down_s: seconds in outages; an outage lasts from the first failed probe to the next good probe.
        watched_s: seconds in which the entry was probed without a gap of more than 250 ms.
        longest_s: length of the longest outage in s; 0: none.
        worst: name of the window with the largest share of failed probes; empty if no probe failed.
    """

    region: str
    n: int
    failed: int
    down_s: float
    watched_s: float
    longest_s: float
    worst: str = ""

    @property
    def share(self) -> float | None:
        """Share of the probes that were answered; None without probes."""
        return 1 - self.failed / self.n if self.n else None


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineResult:
    """Whether the machine had enough processor time for harness and sandbox, and never slept.

    Attributes:
        ok: False if the machine lacked processor time, slept, was paused, or had its wall clock set; then times and
            errors prove nothing.
        why: reason in one sentence.
        late_share: share of seconds in which the control service was slow or, without a control, the watch sent a probe
            late.
        waited_share: share of time in which a task waited for a processor; None: unknown.
        stolen_share: share of processor time taken by other machines of the host; None: unknown.
        target_share: share of all processors used by the target; None: unknown.
        harness_share: share of all processors used by the harness and the remaining parts of a sandbox; None: unknown.
        others_share: share of all processors used by other programs; None: unknown.
    """

    ok: bool
    why: str
    late_share: float | None = None
    waited_share: float | None = None
    stolen_share: float | None = None
    target_share: float | None = None
    harness_share: float | None = None
    others_share: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseResult:
    """Whether the release that served is the planned release.

    Attributes:
        planned: release in the plan.
        observed: number of answers by the release that they named.
        unnamed: number of answers without a release.
        before: images or digests of each workload (`namespace/Kind/name`) before the load.
        after: images or digests of each workload after the load.
        version_before: answer of the target's version path before the load; empty: not asked or no answer.
        version_after: answer of the target's version path after the load; empty: not asked or no answer.
        verified: True: only the planned release was observed; False: another release served; None: the target names
            none.
        why: reason in one sentence.
    """

    planned: str
    observed: Mapping[str, int] = field(default_factory=dict)
    unnamed: int = 0
    before: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    after: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    version_before: str = ""
    version_after: str = ""
    verified: bool | None = None
    why: str = ""
