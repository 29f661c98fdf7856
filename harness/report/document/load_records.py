"""Parts of `verdict.json` about the load: generators, traffic, windows, journeys, entries of regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from harness.report.document.parts import Count, Number, Record, Seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerRecord(Record):
    """One load generator in one window."""

    id: Annotated[int, Field(description="Number of the generator.")]
    rows: Annotated[Count, Field(description="Rows in its file.")]
    closed: Annotated[bool, Field(description="Whether it ended normally.")]
    why: Annotated[str, Field(description="The defect of its file; empty: no defect.")]
    cpu: Annotated[
        Number | None,
        Field(
            description="Share of one core that it used at most in 95 % of the window's seconds; null: not reported."
        ),
    ]
    gc_ms: Annotated[
        Number | None,
        Field(
            description="Maximum length of its garbage collections in 95 % of the seconds, in ms; null: not reported."
        ),
    ]
    loop_ms: Annotated[
        Number | None,
        Field(description="Maximum lag of its event loop in 95 % of the seconds, in ms; null: not reported."),
    ]
    users: Annotated[Count | None, Field(description="Minimum number of Locust users in a second; null: not reported.")]
    offset_ns: Annotated[
        int, Field(description="Delay of its clock to the clock of the run, added to its rows, in ns.")
    ]
    residual_ns: Annotated[Count, Field(description="Maximum error of `offset_ns`, in ns.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrafficRecord(Record):
    """The requests of one window of one traffic, for one route or for all routes together.

    Every request that was due in the window counts, also if it failed. Milliseconds count from the due time of a request. The response time of a
    requirement uses other requests: those of all fault-free windows together, without quick failures.
    """

    name: Annotated[str, Field(description="Name of the traffic.")]
    window: Annotated[str, Field(description="Name of the window, as in `windows`.")]
    experiment: Annotated[
        str | None,
        Field(description="The experiment whose fault is active in the window or directly before it; null: none."),
    ]
    route: Annotated[str | None, Field(description="Name of the route; null: all routes together.")]
    offered_rps: Annotated[Seconds, Field(description="Planned requests per second.")]
    achieved_rps: Annotated[Seconds, Field(description="Sent requests per second.")]
    n: Annotated[Count, Field(description="Number of requests.")]
    errors: Annotated[Count, Field(description="Number of failed requests.")]
    p50_ms: Annotated[Number | None, Field(description="Median response time; null: unknown.")]
    p95_ms: Annotated[
        Number | None,
        Field(
            description="95th percentile of the response time of the `n` requests; a request without an answer counts as slower than every limit; null: unknown."
        ),
    ]
    p99_ms: Annotated[Number | None, Field(description="99th percentile of the response time; null: unknown.")]
    lag_ms_p99: Annotated[
        Number | None, Field(description="99th percentile of the send lag of the generator; null: no request.")
    ]
    valid: Annotated[bool, Field(description="Whether its latencies count, because the generator kept its schedule.")]
    why: Annotated[str, Field(description="Why the latencies do not count; empty if `valid`.")]
    lag_limit_ms: Annotated[Number | None, Field(description="Limit of `lag_ms_p99`; null: no limit.")]
    model: Annotated[
        Literal["open", "closed"] | None,
        Field(
            description="`open`: arrivals do not wait for answers, and latency counts from the due time of a request. `closed`: each "
            "user waits for the answer, and latency counts from the send time. null: the plan has no such traffic."
        ),
    ]
    arrivals: Annotated[
        Literal["poisson", "constant", "trace"] | None,
        Field(description="Arrivals of an open model; null: closed model."),
    ]
    warm_up_s: Annotated[
        Number | None,
        Field(
            description="Length of the warm-up before the first window, in s; null: the start of the schedule is unknown."
        ),
    ]
    workers: Annotated[tuple[WorkerRecord, ...], Field(description="The load generators; empty for one route.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowRecord(Record):
    """One window of a load. Windows cover every second from the first window to the end of the load."""

    name: Annotated[str, Field(description="`everyday/fault-free`, `experiment:pod-loss/fault`, `…/after`.")]
    traffic: Annotated[str, Field(description="Name of the traffic.")]
    phase: Annotated[str, Field(description="`in the steady state` (fault-free), `during the fault`…")]
    experiment: Annotated[
        str | None,
        Field(description="The experiment whose fault is active in the window or directly before it; null: none."),
    ]
    start_s: Annotated[Number, Field(description="Time since the run's first window opened, s.")]
    end_s: Annotated[Number, Field(description="Time since the run's first window opened, s.")]
    n: Annotated[Count, Field(description="Number of requests that were due in the window.")]
    errors: Annotated[Count, Field(description="Number of failed requests that were due in the window.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class UnjudgedRecord(Record):
    """A part of the load that no claim judges."""

    traffic: Annotated[str, Field(description="Name of the traffic.")]
    start_s: Annotated[Number, Field(description="Time since the run's first window opened, s.")]
    end_s: Annotated[Number, Field(description="Time since the run's first window opened, s.")]
    why: Annotated[str, Field(description="Why this part is not judged.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Journeys(Record):
    """Users' journeys in all fault-free windows of one traffic."""

    traffic: Annotated[str, Field(description="Name of the traffic.")]
    n: Annotated[Count, Field(description="Number of journeys.")]
    troubled: Annotated[
        Count, Field(description="Number of journeys with a failed request or a request slower than `limit_ms`.")
    ]
    share: Annotated[Number | None, Field(description="`troubled` divided by `n`, 0 to 1; null: no journey.")]
    limit_ms: Annotated[
        Number | None,
        Field(description="The highest response-time limit among the claims of the run; null: only failures count."),
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class DoorRecord(Record):
    """Health probes of one region's own entry in all fault-free windows."""

    region: Annotated[str, Field(description="Name of the region.")]
    n: Annotated[Count, Field(description="Number of probes.")]
    failed: Annotated[Count, Field(description="Number of probes that were not answered.")]
    share: Annotated[Number | None, Field(description="Share of answered probes, 0 to 1; null: no probe.")]
    down_s: Annotated[
        Seconds, Field(description="Total length of the outages, from a failed probe to the next good probe, in s.")
    ]
    watched_s: Annotated[
        Seconds, Field(description="Total time without gaps of more than 250 ms between probes, in s.")
    ]
    longest_s: Annotated[Seconds, Field(description="Length of the longest outage, in s; 0: no outage.")]
    worst: Annotated[
        str, Field(description="The window with the largest share of failed probes; empty: no probe failed.")
    ]
