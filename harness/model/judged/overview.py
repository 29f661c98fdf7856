"""Results about the run as a whole: windows, periods without a window, users' journeys, machine and release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LEAST_REQUESTS: Final = 50
"""Minimum number of requests to judge a window or route separately: with fewer, one short stall may affect all of them."""
LEAST_S: Final = 3.0
"""Minimum length in s to judge a window separately: a machine may stall as long. Its requests still count in all windows together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowResult:
    """One window of one traffic.

    Attributes:
        name: `everyday/fault-free`, `experiment:pod-loss/fault`.
        phase: what the target went through: `in the steady state`, `during the fault`.
        start_s, end_s: seconds since the first window of the run opened.
        n, errors: requests due in it, and failed ones.
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
    """A period between the first window and the end of the load that no claim judges, in seconds since the first window opened."""

    traffic: str
    start_s: float
    end_s: float
    why: str

    @property
    def seconds(self) -> float:
        """Length in s."""
        return self.end_s - self.start_s


@dataclass(frozen=True, kw_only=True, slots=True)
class JourneyResult:
    """Users' journeys in the fault-free windows of one traffic.

    Attributes:
        n: journeys.
        troubled: of them, those with a failed request or one that took longer than `limit_ms`.
        limit_ms: the loosest response-time limit that the plan claims; None: failures alone count.
    """

    traffic: str
    n: int
    troubled: int
    limit_ms: float | None = None

    @property
    def share(self) -> float | None:
        """Share of the journeys with a failed or slow request; None if there was no journey."""
        return self.troubled / self.n if self.n else None


@dataclass(frozen=True, kw_only=True, slots=True)
class DoorResult:
    """Uptime of one region's own entry in all fault-free windows, by its health probes; for information.

    Attributes:
        region: its name.
        n: health probes.
        failed: those of them that were not answered.
        down_s: seconds in outages, each from the first failed probe to the next good one.
        watched_s: seconds in which the door was probed without a gap of more than 250 ms.
        longest_s: the longest outage; 0: none.
        worst: the window with the largest share of failed probes; empty where none failed.
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
        """Share of the probes that were answered; None where there was no probe."""
        return 1 - self.failed / self.n if self.n else None


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineResult:
    """Whether the machine that the harness shares with a sandbox had processor time for both, and never slept.

    Attributes:
        ok: False: it was starved, slept or was paused, or its wall clock was set: latencies, recoveries and errors prove nothing then.
        why: one sentence.
        late_share: of the seconds, in which the control suffered, or the watch sent a probe late where no control was watched.
        waited_share: of the time, in which something waited for a processor. stolen_share: of the processor time, taken by other
            machines of the host. None: the kernel does not say.
        target_share, harness_share, others_share: of all processors, had by the target, by the harness with the rest of a sandbox, by
            everything else. None: unknown.
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
    """Whether the release that served is the one that was planned.

    Attributes:
        planned: the plan's.
        observed: answers by the release that they named.
        unnamed: answers that named none.
        before, after: images or digests by workload, `namespace/Kind/name`, before and after the load.
        version_before, version_after: what the target's version path answered; empty: it was not asked or did not answer.
        verified: True: all that was observed is the planned release; False: something else served; None: the target names none.
        why: one sentence.
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
