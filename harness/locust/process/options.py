"""Command-line options that the harness adds to Locust's own."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.locust.schedule.arrivals import ARRIVALS
from harness.model import RateCurve
from harness.targets.files.trace import RecordedTrace, read_trace


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The values of the options.

    Attributes:
        samples: prefix of the row files `<prefix>-<worker>.rows`; None: nothing is recorded, Locust's own figures show.
        rate: journeys per second of all processes together; None: as the locustfile says.
        rates: the rate over time instead. trace: recorded arrivals instead.
        seed, worker: with the journey's number they fix every schedule and every draw.
        workers: processes that share the traffic; None: as many as Locust knows of.
        arrivals: `poisson` or `constant`.
        think_s: seconds between two journeys of a user of a closed model; None: as the locustfile says.
        region: the client's region, where it has one.
        release_header: response header that names the release; empty: none is recorded.
        timing: name of the metric of `Server-Timing` that says how long serving took; empty: none is recorded.
        warm_up_s: how long the traffic warms up, from the beginning of the schedule on.
        drain_s: how long requests that are open at the end may take; then they are cut off.
        traffic: name of the traffic.
        go: file that says when the schedule begins, in ns of CLOCK_MONOTONIC; None: when the test starts.
        parent: process id whose end ends this process too; None: no such process.
    """

    samples: Path | None
    rate: float | None
    rates: RateCurve | None
    trace: RecordedTrace | None
    seed: int
    worker: int
    workers: int | None
    arrivals: str
    think_s: float | None
    region: str | None
    release_header: str
    timing: str
    warm_up_s: float
    drain_s: float
    traffic: str | None
    go: Path | None
    parent: int | None

    @classmethod
    def of(cls, parsed: Any) -> Options:
        """From Locust's parsed options."""
        return cls(
            samples=Path(parsed.samples) if parsed.samples else None,
            rate=parsed.rate,
            rates=RateCurve(points=parsed.rates) if parsed.rates else None,
            trace=read_trace(Path(parsed.trace)) if parsed.trace else None,
            seed=parsed.seed,
            worker=parsed.worker_id,
            workers=parsed.load_workers,
            arrivals=parsed.arrivals,
            think_s=parsed.think,
            region=parsed.region or None,
            release_header=parsed.release_header,
            timing=parsed.timing,
            warm_up_s=parsed.warm_up,
            drain_s=parsed.drain,
            traffic=parsed.traffic or None,
            go=Path(parsed.go) if parsed.go else None,
            parent=parsed.parent,
        )


def add_options(parser: Any, **_: Any) -> None:
    """Add our options to Locust's parser (event `init_command_line_parser`)."""
    group = parser.add_argument_group("Journeys", "How many arrive and when, and where each request is recorded.")
    add = group.add_argument
    when = group.add_mutually_exclusive_group().add_argument
    when("--rate", type=_rate, metavar="N", help="journeys per second in total; default: the locustfile's")
    when("--rates", type=_rates, metavar="S:N,…", help="the rate over time, straight lines between: 0:10,60:10,60:30")
    when("--trace", type=_trace, metavar="FILE", help="recorded arrivals: seconds[,journey] one a line")
    add("--arrivals", choices=ARRIVALS, default="poisson", help="how journeys are spread over time; default: poisson")
    add("--model", choices=["open", "closed"], help="refuse the locustfile if its users are of another model")
    add("--think", type=_seconds, metavar="S", help="closed model: seconds between two journeys of a user")
    add("--seed", type=int, default=1, metavar="N", help="the same seed gives the same schedule; default: 1")
    add("--samples", default="", metavar="PREFIX", help="record each request to PREFIX-<worker>.rows")
    add(
        "--worker-id",
        type=_number,
        default=1,
        metavar="N",
        help="number of this process, or of a master's first worker",
    )
    add(
        "--load-workers", type=_number, metavar="N", help="processes that share the rate; default: those of this Locust"
    )
    add("--traffic", default="", metavar="NAME", help="name of the traffic; default: the locustfile's name")
    add("--region", default="", metavar="NAME", help="region of this client")
    add(
        "--release-header",
        default="x-release",
        metavar="NAME",
        help="response header that names the release; empty: none; default: x-release",
    )
    add("--timing", default="", metavar="NAME", help="record this metric of the response header Server-Timing")
    add(
        "--warm-up",
        type=_seconds,
        default=0.0,
        metavar="S",
        help="until then recorded writes with a key are sent twice",
    )
    add("--drain", type=_seconds, default=5.0, metavar="S", help="seconds that open requests are waited for at the end")
    add("--go", default="", metavar="FILE", help="begin at the nanosecond of CLOCK_MONOTONIC that this file will say")
    add("--parent", type=int, metavar="PID", help="end when this process ends")


def _rate(text: str) -> float:
    rate = _float(text)
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of journeys per second like `25`")
    return rate


def _rates(text: str) -> tuple[tuple[float, float], ...]:
    try:
        pairs = [point.split(":") for point in text.split(",")]
        points = tuple((float(at), float(per_s)) for at, per_s in pairs)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"`{text}` is not seconds:rate,… like `0:10,60:10,60:30`") from error
    try:
        return RateCurve(points=points).points
    except HarnessError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _trace(text: str) -> str:
    try:
        read_trace(Path(text))
    except HarnessError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _seconds(text: str) -> float:
    seconds = _float(text)
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of seconds like `2.5`")
    return seconds


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number from 1 on")
    return int(text)


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
