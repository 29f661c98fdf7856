"""Computes the plot of a rollout: share of answers by release, response times and failures, second by second."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.model import SAMPLES, Table
from harness.model.planned.rollout import percent, taken_back_words
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
from harness.report.view.rollouts import RolloutView
from harness.report.view.seconds import Bins, Floats, requests_in
from harness.units import NS_PER_S

_LEGEND: Final = "Filled: share of the answers by the new release, and failed requests."


def rollout_plot(view: RolloutView) -> Plot | None:
    """The plot of one rollout; None if the rollout did not start or has no window."""
    if view.began is None or not view.windows:
        return None
    began_ns = view.began.when_ns
    samples = Table.merged(SAMPLES, [window.samples for window in view.windows])
    bins = Bins.between(began_ns, view.windows[0].start_ns, view.windows[-1].end_ns)
    axis = Axis(start_s=bins.start_s, end_s=bins.end_s)
    releases = view.new, view.old
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
        id=f"rollout {view.name}",
        title=f"{view.name}: share of the answers given by each release, second by second",
        description=f"From the start of {view.new} to {bins.end_s:g} s after it. {failed} of {len(samples)} requests failed.",
        height=foot + FOOT,
        foot=foot,
        step="each second" if bins.width_s == 1 else f"every {bins.width_s} s",
        band=None,
        lines=tuple(_lines(view, began_ns, axis)),
        panels=tuple(panels),
        lanes=(),
        ticks=tuple(Tick(at=axis.x(at), label=signed(at)) for at in round_steps(axis.start_s, axis.end_s, 12)),
        zero="the start of the rollout",
        legend=_LEGEND,
    )


def _lines(view: RolloutView, began_ns: int, axis: Axis) -> Iterable[Line]:
    back, ended = view.back, view.ended
    for step in view.steps:
        yield line_at((step.when_ns - began_ns) / NS_PER_S, "reads", f"{percent(step.share)} %", 2, axis)
    if back is not None:
        yield line_at((back.when_ns - began_ns) / NS_PER_S, "fault", taken_back_words(back.by), 0, axis)
    if ended is not None and ended.ok:
        yield line_at((ended.when_ns - began_ns) / NS_PER_S, "writes", f"stable on {ended.release}", 1, axis)


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
