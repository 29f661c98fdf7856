"""The geometry of one rollout's plot: who was answered by which release, second by second, how fast, and what failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from harness.model import SAMPLES, Table, Window
from harness.model.observations import RolloutBack, RolloutEnded, RolloutStep
from harness.model.rollout import percent
from harness.report.html.plot import (
    FOOT,
    GAP,
    HEAD,
    RATE,
    TIME,
    Axis,
    Line,
    Panel,
    Plot,
    Tick,
    bars_of,
    line_at,
    round_steps,
    round_up,
    signed,
    stair,
    time_panel,
)
from harness.report.view.seconds import SECOND, Bins, Floats, requests_in

_LEGEND: Final = "Filled: the share of the answers that the new release gave, and requests that failed."


def rollout_plot(
    name: str,
    windows: Sequence[Window],
    *,
    began_ns: int,
    releases: tuple[str, str],
    steps: Sequence[RolloutStep],
    back: RolloutBack | None,
    ended: RolloutEnded | None,
) -> Plot | None:
    """Draw one rollout.

    Args:
        name: of the rollout.
        windows: its windows; without any there is nothing to draw.
        began_ns: when the candidate was sent.
        releases: the new one and the old one.
        steps: it came to.
        back: who took it back.
        ended: which release it ended on.
    """
    if not windows:
        return None
    samples = Table.merged(SAMPLES, [window.samples for window in windows])
    bins = Bins.between(began_ns, windows[0].start_ns, windows[-1].end_ns)
    axis = Axis(start_s=bins.start_s, end_s=bins.end_s)
    new, old = (samples.where(samples.words["release"].equals(release)) for release in releases)
    series = [requests_in(rows, bins) for rows in (new, old)]
    top = float(HEAD)
    panels = [_share_panel(series[0].requests, series[1].requests, bins, axis, top)]
    top += RATE + GAP
    for release, one in zip(releases, series, strict=True):
        panels.append(time_panel(one, bins, axis, top, f"response time p95 of {release}"))
        top += TIME + GAP
    everything = requests_in(samples, bins)
    panels.append(_failed_panel(everything.failed, bins, axis, top))
    foot = top + TIME + 6
    failed = round(float(everything.failed.sum()) * bins.width_s)
    return Plot(
        id=f"rollout {name}",
        title=f"{name}: who was answered by which release, second by second",
        description=f"From the start of {releases[0]} to {bins.end_s:g} s after it. {failed} of {len(samples)} requests failed.",
        height=foot + FOOT,
        foot=foot,
        step="each second" if bins.width_s == 1 else f"every {bins.width_s} s",
        band=None,
        lines=tuple(_lines(began_ns, steps, back, ended, axis)),
        panels=tuple(panels),
        lanes=(),
        ticks=tuple(Tick(at=axis.x(at), label=signed(at)) for at in round_steps(axis.start_s, axis.end_s, 12)),
        events=(),
        zero="the start of the rollout",
        legend=_LEGEND,
    )


def _lines(
    began_ns: int, steps: Sequence[RolloutStep], back: RolloutBack | None, ended: RolloutEnded | None, axis: Axis
) -> Iterable[Line]:
    for step in steps:
        yield line_at((step.when_ns - began_ns) / SECOND, "reads", f"{percent(step.share)} %", 2, axis)
    if back is not None:
        yield line_at((back.when_ns - began_ns) / SECOND, "fault", f"taken back by {back.by}", 0, axis)
    if ended is not None and ended.ok:
        yield line_at((ended.when_ns - began_ns) / SECOND, "writes", f"at rest on {ended.release}", 1, axis)


def _share_panel(new: Floats, old: Floats, bins: Bins, axis: Axis, top: float) -> Panel:
    bottom, total = top + RATE, new + old
    share = np.divide(new, total, out=np.full(bins.count, np.nan), where=total > 0)
    return Panel(
        title="share of the answers by the new release",
        top=top,
        bottom=bottom,
        ticks=tuple(Tick(at=bottom - at * RATE, label=f"{100 * at:g} %") for at in (0.0, 0.25, 0.5, 1.0)),
        area=stair(bottom - share * RATE, bins, axis),
    )


def _failed_panel(failed: Floats, bins: Bins, axis: Axis, top: float) -> Panel:
    bottom = top + TIME
    peak = round_up(float(failed.max(initial=0.0)))
    return Panel(
        title="failed requests/s",
        top=top,
        bottom=bottom,
        ticks=tuple(Tick(at=bottom - share * TIME, label=f"{peak * share:g}") for share in (0.0, 1.0)),
        bars=bars_of(failed / peak * TIME, bottom, bins, axis),
    )
