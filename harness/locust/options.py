"""What a locustfile of ours can be told on the command line, beside Locust's own options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.locust.arrivals import ARRIVALS


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The options as given.

    Attributes:
        samples: prefix of the row file `<prefix>-<worker>.rows`; None: nothing is recorded, Locust's own figures show.
        rate: journeys per second of this process; None: as the locustfile says.
        seed, worker: with the user's number they fix every schedule and every draw.
        arrivals: `poisson` or `constant`.
        region: the client's region, where it has one.
        drain_s: how long requests that are open at the end may take; then they are cut off.
        traffic: name of the traffic.
        parent: process id whose end ends this process too; None: nobody's.
    """

    samples: Path | None
    rate: float | None
    seed: int
    worker: int
    arrivals: str
    region: str | None
    drain_s: float
    traffic: str | None
    parent: int | None

    @classmethod
    def of(cls, parsed: Any) -> Options:
        """From Locust's parsed options."""
        return cls(
            samples=Path(parsed.samples) if parsed.samples else None,
            rate=parsed.rate,
            seed=parsed.seed,
            worker=parsed.worker_id,
            arrivals=parsed.arrivals,
            region=parsed.region or None,
            drain_s=parsed.drain,
            traffic=parsed.traffic or None,
            parent=parsed.parent,
        )


def add_options(parser: Any, **_: Any) -> None:
    """Add our options to Locust's parser (event `init_command_line_parser`)."""
    group = parser.add_argument_group("Open-loop load", "Journeys arrive by a schedule, however slow the answers are.")
    add = group.add_argument
    add("--rate", type=_rate, default=None, metavar="N", help="journeys per second in total; default: the locustfile's")
    add("--arrivals", choices=ARRIVALS, default="poisson", help="how journeys are spread over time; default: poisson")
    add("--seed", type=int, default=1, metavar="N", help="the same seed gives the same schedule; default: 1")
    add("--samples", default="", metavar="PREFIX", help="record each request to PREFIX-<worker>.rows")
    add("--worker-id", type=int, default=1, metavar="N", help="number of this process among those of one traffic")
    add("--traffic", default="", metavar="NAME", help="name of the traffic; default: the locustfile's name")
    add("--region", default="", metavar="NAME", help="region of this client")
    add("--drain", type=float, default=5.0, metavar="S", help="seconds that open requests are waited for at the end")
    add("--parent", type=int, default=None, metavar="PID", help="end when this process ends")


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate < float("inf"):
        raise ValueError(text)
    return rate
