"""Computes the coordinates and paths of an experiment's plot, which the template `plot.svg.j2` draws as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.model import Evidence, Experiment, ExperimentResult, OperationRecovery
from harness.report.view.seconds import Bins, Floats, ProbeSeries, TrafficSeries, probes_in, traffic_in
from harness.report.view.story import Reign, TimelineEvent, reigns, zero_of
from harness.report.view.wording import figure, give_or_take
from harness.units import NS_PER_S
from harness.words import counted

WIDTH: Final = 960
LEFT: Final = 108
RIGHT: Final = 16
HEAD: Final = 68
RATE: Final = 104
TIME: Final = 84
GAP: Final = 26
_LANE: Final = 24
FOOT: Final = 40
_MARK: Final = 14
_LONGEST_BEFORE_S: Final = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A tick on an axis.

    Attributes:
        at: position on the axis.
        label: text at the tick.
    """

    at: float
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A vertical line through all panels with its label; `kind` is its CSS class. If it is not `drawn`, only the label is shown."""

    x: float
    y: float
    kind: str
    label: str
    label_x: float
    anchor: str
    drawn: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """A panel with its own scale; `area`, `bars` and `curve` are SVG paths, empty without data."""

    title: str
    top: float
    bottom: float
    ticks: tuple[Tick, ...]
    area: str = ""
    bars: str = ""
    curve: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A symbol in a lane for one or more events.

    Attributes:
        x: position on the time axis.
        kind: `role`, `gone`, `ready` or `unready`.
        text: tooltip of the symbol.
        count: number of objects, shown above the symbol if it is over one.
    """

    x: float
    kind: str
    text: str
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneBar:
    """A labelled bar in a lane; a label that does not fit is left out. `tone` is the number of its colour, one for each leader."""

    x: float
    width: float
    tone: int
    label: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    """A row of the plot without a scale.

    Attributes:
        title: text before the row.
        y: top of the row.
        base: SVG path of the times with probes.
        cells: SVG path of bars as high as the share of failed probes.
        marks: symbols of events.
        stretches: bars of database leaders.
    """

    title: str
    y: float
    base: str = ""
    cells: str = ""
    marks: tuple[Mark, ...] = ()
    stretches: tuple[LaneBar, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """The plot of one experiment or rollout.

    `band` is x and width of the fault, None if it was not sent; `zero` names the moment of 0 s.
    """

    id: str
    title: str
    description: str
    height: float
    foot: float
    step: str
    band: tuple[float, float] | None
    lines: tuple[Line, ...]
    panels: tuple[Panel, ...]
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    zero: str = "the fault"
    legend: str = (
        "Shaded: the fault is active. Filled: failed requests or probes. Diamonds: a database member changes its role. "
        "Triangles: pods were deleted or became ready, with their number."
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """The time axis: converts a time in seconds into an x coordinate."""

    start_s: float
    end_s: float

    def x(self, at_s: float) -> float:
        """The x coordinate of a time, limited to the plot."""
        share = (min(max(at_s, self.start_s), self.end_s) - self.start_s) / (self.end_s - self.start_s)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def plot_of(evidence: Evidence, attempt: Experiment, result: ExperimentResult, events: Sequence[TimelineEvent]) -> Plot:
    """The plot of one attempt: requests, failures and response times of its window, probes, the fault and changes."""
    zero_ns = zero_of(attempt)
    bins = _bins(evidence, attempt, zero_ns)
    axis = Axis(start_s=bins.start_s, end_s=bins.end_s)
    traffic = traffic_in(evidence.fault_window(attempt.name, attempt.attempt), bins)
    probes = {operation: probes_in(evidence, operation, bins) for operation in ("reads", "writes")}
    rate_top = float(HEAD)
    time_top = rate_top + RATE + GAP
    lanes_top = time_top + TIME + 14
    leaders = reigns(evidence, zero_ns, bins.start_s, bins.end_s)
    lanes = tuple(_lanes(probes, events, leaders, bins=bins, axis=axis, top=lanes_top))
    foot = lanes_top + _LANE * len(lanes) + 6
    return Plot(
        id=attempt.name,
        title=f"{attempt.name}: traffic, failures and recovery, second by second",
        description=_description(result, traffic, bins),
        height=foot + FOOT,
        foot=foot,
        step="each second" if bins.width_s == 1 else f"every {bins.width_s} s",
        band=_band(attempt, zero_ns, axis),
        lines=tuple(_lines(attempt, result, axis)),
        panels=(_rate_panel(traffic, bins, axis, rate_top), time_panel(traffic, bins, axis, time_top)),
        lanes=lanes,
        ticks=tuple(Tick(at=axis.x(at), label=signed(at)) for at in round_steps(axis.start_s, axis.end_s, 12)),
    )


def signed(seconds: float) -> str:
    """A number of seconds as a tick label."""
    return f"{seconds:g}".replace("-", "−")  # noqa: RUF001 - a minus sign, as wide as a digit


def _bins(evidence: Evidence, attempt: Experiment, zero_ns: int) -> Bins:
    """The time span of the plot: from shortly before the fault to the last observation."""
    window = evidence.fault_window(attempt.name, attempt.attempt)
    ends = [attempt.observed_until_ns, attempt.fault.gone_ns or 0, zero_ns + NS_PER_S]
    ends += [window.end_ns] if window else []
    starts = [attempt.observed_from_ns, zero_ns - NS_PER_S]
    starts += [window.start_ns] if window else []
    return Bins.between(zero_ns, max(min(starts), zero_ns - _LONGEST_BEFORE_S * NS_PER_S), max(ends))


def _band(attempt: Experiment, zero_ns: int, axis: Axis) -> tuple[float, float] | None:
    """Start and end of the fault: from sent to undone or, if it needs no undo, until the target no longer showed it."""
    fault = attempt.fault
    if fault.sent_ns is None:
        return None
    until_ns = fault.undone_ns or fault.gone_ns
    end = axis.end_s if until_ns is None else (until_ns - zero_ns) / NS_PER_S
    return axis.x(0), max(round(axis.x(end) - axis.x(0), 1), 1.0)


def _lines(attempt: Experiment, result: ExperimentResult, axis: Axis) -> Iterable[Line]:
    fault = attempt.fault
    if fault.sent_ns is not None:
        until_ns, word = (fault.undone_ns, "undone") if fault.undone_ns else (fault.gone_ns, "gone")
        seconds = (until_ns - fault.sent_ns) / NS_PER_S if until_ns else None
        until = "its end was not recorded" if seconds is None else f"{word} after {seconds:.3g} s"
        yield line_at(0, "fault", f"fault sent, {until}", 0, axis)
    for row, seen in enumerate((result.reads, result.writes), start=1):
        if seen is not None and seen.seconds is not None:
            yield line_at(seen.seconds, seen.operation, _returned(seen), row, axis)


def _returned(seen: OperationRecovery) -> str:
    if not seen.seconds:
        return f"{seen.operation}: no outage"
    return f"{seen.operation} recovered after {figure(seen.seconds, 's')} {give_or_take(seen.resolution_s, 's')}"


def line_at(at_s: float, kind: str, label: str, row: int, axis: Axis) -> Line:
    """A vertical line with its label in one of the rows above the panels."""
    x = axis.x(at_s)
    late = x > LEFT + 0.7 * (WIDTH - LEFT - RIGHT)
    return Line(
        x=x,
        y=float(12 + 15 * row),
        kind=kind,
        label=label,
        label_x=x - 5 if late else x + 5,
        anchor="end" if late else "start",
        drawn=kind == "fault" or at_s > 0,
    )


def _rate_panel(traffic: TrafficSeries, bins: Bins, axis: Axis, top: float) -> Panel:
    bottom = top + RATE
    peak = round_up(float(traffic.requests.max(initial=0.0)))
    heights = bottom - traffic.requests / peak * RATE
    return Panel(
        title="requests/s, failed filled",
        top=top,
        bottom=bottom,
        ticks=tuple(Tick(at=bottom - share * RATE, label=f"{peak * share:g}") for share in (0.0, 0.5, 1.0)),
        area=stair(heights, bins, axis) if traffic.requests.any() else "",
        bars=bars_of(traffic.failed / peak * RATE, bottom, bins, axis),
    )


def time_panel(
    traffic: TrafficSeries, bins: Bins, axis: Axis, top: float, title: str = "response time p95, failures included"
) -> Panel:
    """The panel of response times, on a logarithmic scale, since a timeout takes about 1000 times as long as a good answer."""
    bottom = top + TIME
    known = traffic.p95_ms[np.isfinite(traffic.p95_ms) & (traffic.p95_ms > 0)]
    low = math.floor(math.log10(float(known.min()))) if len(known) else 0
    high = max(math.ceil(math.log10(float(known.max()))), low + 1) if len(known) else 3
    scaled = (np.log10(np.clip(traffic.p95_ms, 10.0**low, None)) - low) / (high - low)
    ticks = (Tick(at=bottom - (power - low) / (high - low) * TIME, label=_ms(power)) for power in range(low, high + 1))
    return Panel(
        title=title,
        top=top,
        bottom=bottom,
        ticks=tuple(ticks),
        curve=stair(bottom - scaled * TIME, bins, axis),
    )


def _ms(power: int) -> str:
    return f"{10 ** (power - 3):g} s" if power >= 3 else f"{10.0**power:g} ms"


def _lanes(
    probes: dict[str, ProbeSeries],
    events: Sequence[TimelineEvent],
    leaders: Sequence[Reign],
    *,
    bins: Bins,
    axis: Axis,
    top: float,
) -> Iterable[Lane]:
    for operation, seen in probes.items():
        y = top
        top += _LANE
        share = np.divide(seen.failed, seen.seen, out=np.zeros(bins.count), where=seen.seen > 0)
        base = _flat(seen.seen > 0, y + _LANE - 6, bins, axis)
        cells = bars_of(share * (_LANE - 8), y + _LANE - 6, bins, axis)
        yield Lane(title=f"{operation}, probed", y=y, base=base, cells=cells)
    roles = [TimelineEvent(at_s=e.at_s, lane=e.lane, what="role", text=e.text) for e in events if e.what == "role"]
    if leaders or roles:
        yield Lane(
            title="database leader", y=top, stretches=tuple(_stretches(leaders, axis)), marks=_marks(roles, axis)
        )
        top += _LANE
    for title, kinds in (("pods gone", ("deleted", "unready")), ("pods ready", ("ready",))):
        own = [event for event in events if event.lane == "pods" and event.what in kinds]
        if own:
            yield Lane(title=title, y=top, marks=_marks(own, axis))
            top += _LANE


def _stretches(leaders: Sequence[Reign], axis: Axis) -> Iterable[LaneBar]:
    names = list(dict.fromkeys(reign.leader for reign in leaders))
    for reign in leaders:
        x = axis.x(reign.start_s)
        width = round(axis.x(reign.end_s) - x - 1, 1)
        text = f"{reign.leader} from {reign.start_s:.3g} s to {reign.end_s:.3g} s"
        label = reign.leader if width > 6.4 * len(reign.leader) + 16 else ""
        yield LaneBar(x=x, width=max(width, 1.0), tone=names.index(reign.leader) % 2, label=label, text=text)


def _marks(events: Iterable[TimelineEvent], axis: Axis) -> tuple[Mark, ...]:
    """One symbol for each event; events that would overlap share one symbol, and their counts are added."""
    marks: list[Mark] = []
    for event in events:
        if not axis.start_s <= event.at_s <= axis.end_s:
            continue
        x, text, count = axis.x(event.at_s), f"{event.at_s:.1f} s: {event.text}", event.count
        if marks and x - marks[-1].x < _MARK:
            last = marks.pop()
            x, text, count = last.x, f"{last.text}; {text}", last.count + count
        marks.append(Mark(x=x, kind=event.what, text=text, count=count))
    return tuple(marks)


def _edges(bins: Bins, axis: Axis) -> list[float]:
    return [axis.x(bins.start_s + index * bins.width_s) for index in range(bins.count + 1)]


def stair(heights: Floats, bins: Bins, axis: Axis) -> str:
    """A step line through the bins, interrupted at bins without a value."""
    edges, path, drawing = _edges(bins, axis), [], False
    for index, y in enumerate(heights.tolist()):
        if math.isfinite(y):
            path.append(f"{'V' if drawing else f'M{edges[index]:g} '}{y:.1f}H{edges[index + 1]:g}")
        drawing = math.isfinite(y)
    return "".join(path)


def bars_of(heights: Floats, bottom: float, bins: Bins, axis: Axis) -> str:
    """A bar for each bin, at least one pixel high if the value is above 0."""
    edges = _edges(bins, axis)
    return "".join(
        f"M{edges[index]:g} {bottom:g}v{-max(height, 1.5):.1f}H{edges[index + 1]:g}V{bottom:g}z"
        for index, height in enumerate(heights.tolist())
        if height > 0
    )


def _flat(there: np.typing.NDArray[np.bool_], y: float, bins: Bins, axis: Axis) -> str:
    return stair(np.where(there, y, np.nan), bins, axis)


def round_up(value: float) -> float:
    """The next round number: 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return float(next(step * power for step in (1, 1.5, 2, 3, 5, 10) if step * power >= value))


def round_steps(start: float, end: float, most: int) -> list[float]:
    """Round numbers between start and end, zero among them."""
    step = next(s for s in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, math.inf) if (end - start) / s <= most)
    if math.isinf(step):
        return [0.0]
    return [float(n * step) for n in range(math.ceil(start / step), math.floor(end / step) + 1)]


def _description(result: ExperimentResult, traffic: TrafficSeries, bins: Bins) -> str:
    """The plot as text, for readers who cannot see it."""
    parts = [f"From {-bins.start_s:g} s before the fault to {bins.end_s:g} s after it."]
    parts += [_said(seen) for seen in (result.reads, result.writes) if seen is not None]
    failed = round(float(traffic.failed.sum()) * bins.width_s)
    sent = round(float(traffic.requests.sum()) * bins.width_s)
    most = f", at most {traffic.failed.max():.3g} in a second" if failed else ""
    parts.append(f"{failed} of {counted(sent, 'request')} failed{most}.")
    if np.isfinite(traffic.p95_ms).any():
        parts.append(f"The response time p95 of a second was at most {figure(float(np.nanmax(traffic.p95_ms)), 'ms')}.")
    return " ".join(parts)


def _said(seen: OperationRecovery) -> str:
    if seen.seconds is None:
        return f"{seen.operation.capitalize()} did not recover in {seen.observed_s:.4g} s."
    if not seen.seconds:
        return f"{seen.operation.capitalize()} had no outage under the fault."
    return f"{seen.operation.capitalize()} recovered after {figure(seen.seconds, 's')}."
