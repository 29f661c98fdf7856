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
    """Values of the command-line options.

    Attributes:
        samples: prefix of the row files `<prefix>-<worker>.rows`; None: nothing is recorded, and Locust shows its own
            figures.
        rate: journeys per second of all processes together; None: the rate of the locustfile.
        rates: rate over time, in place of `rate`.
        trace: recorded arrivals, in place of `rate`.
        seed: seed of all schedules and draws, together with the worker and the number of the journey.
        worker: number of the worker.
        workers: number of processes that share the traffic; None: the number that Locust knows.
        arrivals: `poisson` or `constant`.
        think_s: seconds between two journeys of a user of a closed model; None: the value of the locustfile.
        region: region of the client, if any.
        release_header: response header with the release; empty: the release is not recorded.
        timing: metric of `Server-Timing` with the serving time; empty: the serving time is not recorded.
        warm_up_s: length of the warm-up, from the start of the schedule.
        drain_s: seconds that requests may be open at the end; then they are cut off.
        traffic: name of the traffic.
        traceparent: run whose trace ids the requests carry in the header `traceparent`; empty: no header.
        api: file with the API description that answers are compared with; None: they are not compared.
        go: file with the start of the schedule in ns of CLOCK_MONOTONIC; None: the schedule starts with the test.
        parent: id of a process whose end ends this process; None: no such process.
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
    traceparent: str
    api: Path | None
    go: Path | None
    parent: int | None

    @classmethod
    def of(cls, parsed: Any) -> Options:
        """The options from Locust's parsed arguments."""
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
            traceparent=parsed.traceparent,
            api=Path(parsed.api) if parsed.api else None,
            go=Path(parsed.go) if parsed.go else None,
            parent=parsed.parent,
        )


def add_options(parser: Any, **_: Any) -> None:
    """Add the harness's options to Locust's parser (event `init_command_line_parser`)."""
    group = parser.add_argument_group("Journeys", "Number and times of the journeys, and the files with the requests.")
    add = group.add_argument
    when = group.add_mutually_exclusive_group().add_argument
    when("--rate", type=_rate, metavar="N", help="journeys per second in total; default: the rate in the locustfile")
    when(
        "--rates",
        type=_rates,
        metavar="S:N,…",
        help="the rate over time as SECONDS:RATE, linear between: 0:10,60:10,60:30",
    )
    when("--trace", type=_trace, metavar="FILE", help="recorded arrivals, one line `seconds[,journey]` per arrival")
    add("--arrivals", choices=ARRIVALS, default="poisson", help="distribution of journeys over time; default: poisson")
    add("--model", choices=["open", "closed"], help="refuse a locustfile whose users have another model")
    add("--think", type=_seconds, metavar="S", help="closed model: seconds between two journeys of a user")
    add(
        "--seed",
        type=int,
        default=1,
        metavar="N",
        help="seed of the schedule, which repeats for an equal seed; default: 1",
    )
    add("--samples", default="", metavar="PREFIX", help="record each request to PREFIX-<worker>.rows")
    add(
        "--worker-id",
        type=_number,
        default=1,
        metavar="N",
        help="number of this process, or of the first worker of a master",
    )
    add(
        "--load-workers",
        type=_number,
        metavar="N",
        help="number of processes that share the rate; default: the processes of this Locust",
    )
    add("--traffic", default="", metavar="NAME", help="name of the traffic; default: the locustfile's name")
    add("--region", default="", metavar="NAME", help="region of this client")
    add(
        "--release-header",
        default="x-release",
        metavar="NAME",
        help="response header with the release; empty: not recorded; default: x-release",
    )
    add("--timing", default="", metavar="NAME", help="record this metric of the response header Server-Timing")
    add(
        "--warm-up",
        type=_seconds,
        default=0.0,
        metavar="S",
        help="length of the warm-up, in which recorded writes with a key are sent twice",
    )
    add("--drain", type=_seconds, default=5.0, metavar="S", help="seconds to wait for open requests at the end")
    add(
        "--traceparent",
        default="",
        metavar="RUN",
        help="send a header `traceparent`, whose trace ids belong to this run",
    )
    add("--api", default="", metavar="FILE", help="compare every answer with this OpenAPI description")
    add(
        "--go", default="", metavar="FILE", help="begin at the time (ns of CLOCK_MONOTONIC) that this file will contain"
    )
    add("--parent", type=int, metavar="PID", help="end when this process ends")


def _rate(text: str) -> float:
    rate = _float(text)
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of journeys per second, write it like `25`")
    return rate


def _rates(text: str) -> tuple[tuple[float, float], ...]:
    try:
        pairs = [point.split(":") for point in text.split(",")]
        points = tuple((float(at), float(per_s)) for at, per_s in pairs)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"`{text}` is not a list of SECONDS:RATE, write it like `0:10,60:10,60:30`"
        ) from error
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
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of seconds, write it like `2.5`")
    return seconds


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number of at least 1")
    return int(text)


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
