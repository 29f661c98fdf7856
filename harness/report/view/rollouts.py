"""One rollout as texts: its steps, the users of each release, response times, failures, and its rollback."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.model import SAMPLES, Evidence, Plan, Table, Window
from harness.model.observations import RolloutBack, RolloutEnded, RolloutSkipped, RolloutStarted, RolloutStep, every
from harness.model.planned.rollout import taken_back_words
from harness.report.view.wording import NOTHING, figure
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from harness.model.planned.rollout import RolloutPlan

_PARTS: Final = {"start": "before the first step", "after-switch": "after the switch", "back": "during the rollback"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseSide:
    """The answers of one release in one window of a rollout, as texts."""

    answers: str
    p95: str
    failed: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutPart:
    """One window of a rollout, as texts; `users` counts the users whose first answer came from the new release."""

    name: str
    lasted: str
    users: str
    new: ReleaseSide
    old: ReleaseSide


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutView:
    """One rollout as texts.

    Attributes:
        name: name of the rollout file.
        old: the old release.
        new: the new release.
        headline: result in one line: `taken back by hand in 0.9 s, 23 of 500 users got an error`.
        facts: labels and texts.
        parts: windows of the rollout as texts, in order.
        windows: recorded windows of the rollout.
        began: record of the start; None if the rollout was not started.
        steps: records of the completed steps.
        back: record of the rollback; None if there was none.
        ended: record of the end; None if not recorded.
    """

    name: str
    old: str
    new: str
    headline: str
    facts: tuple[tuple[str, str], ...]
    parts: tuple[RolloutPart, ...]
    windows: tuple[Window, ...]
    began: RolloutStarted | None
    steps: tuple[RolloutStep, ...]
    back: RolloutBack | None
    ended: RolloutEnded | None


def rollout_views(plan: Plan, evidence: Evidence) -> tuple[RolloutView, ...]:
    """Every rollout of the plan."""
    return tuple(_view(plan, evidence, rollout) for rollout in plan.rollouts.values())


def _view(plan: Plan, evidence: Evidence, rollout: RolloutPlan) -> RolloutView:
    own = [o for o in evidence.observations if o.subject == rollout.name]
    began, skipped = next(every(RolloutStarted, own), None), next(every(RolloutSkipped, own), None)
    back, ended = next(every(RolloutBack, own), None), next(every(RolloutEnded, own), None)
    windows = sorted((w for w in evidence.windows.values() if _under(w, rollout.name)), key=lambda w: w.start_ns)
    census = max((plan.traffic[w.traffic].census for w in windows if w.traffic in plan.traffic), default=0)
    headline = f"not started: {skipped.why}" if skipped else "the rollout was not recorded"
    if began is not None:
        headline = ", ".join(filter(None, [_way_back(rollout, windows, back, ended), _hit(windows, census)]))
    return RolloutView(
        name=rollout.name,
        old=plan.release,
        new=rollout.candidate,
        headline=headline,
        facts=tuple(_facts(rollout, back, ended)),
        parts=tuple(_part(plan, rollout, window, census) for window in windows),
        windows=tuple(windows),
        began=began,
        steps=tuple(every(RolloutStep, own)),
        back=back,
        ended=ended,
    )


def _under(window: Window, rollout: str) -> bool:
    return window.rollout == rollout and not window.fault_free


def _facts(rollout: RolloutPlan, back: RolloutBack | None, ended: RolloutEnded | None) -> Iterable[tuple[str, str]]:
    yield "Planned", str(rollout)
    for trigger in rollout.triggers:
        yield "Trigger", str(trigger)
    if back is not None:
        yield "Decision", f"{taken_back_words(back.by)}: {back.why}"
        if back.failed:
            yield "Command for the rollback", f"failed: {back.failed}"
    if ended is not None:
        yield "Ended", f"stable on {ended.release}" if ended.ok else f"not stable: {ended.why}"


def _way_back(
    rollout: RolloutPlan, windows: Sequence[Window], back: RolloutBack | None, ended: RolloutEnded | None
) -> str:
    """How long the rollback took: until the sending of the last request that the new release answered."""
    if back is None or ended is None:
        return "its end was not recorded"
    rows = _requests(windows)
    late = rows.where(rows.words["release"].equals(rollout.candidate) & (rows.ints["sent_ns"] > back.since_ns))
    last_ns = int(late.ints["sent_ns"].max()) if len(late) else back.since_ns
    seconds = figure(round((last_ns - back.since_ns) / NS_PER_S, 1), "s")
    return f"{taken_back_words(back.by)} in {seconds}"


def _hit(windows: Sequence[Window], census: int) -> str:
    """How many users met an error during the rollout, or how many requests failed if users are not counted."""
    rows = _requests(windows)
    bad = rows.where(_failed(rows))
    if not census:
        return f"{len(bad)} of {len(rows)} requests failed"
    users = len(np.unique((bad.ints["arrival"] - 1) % census))
    return f"{users} of {census} users got an error"


def _part(plan: Plan, rollout: RolloutPlan, window: Window, census: int) -> RolloutPart:
    rows = window.samples.sorted_by("intended_ns")
    named = rows.where(~rows.words["release"].missing)
    new = named.words["release"].equals(rollout.candidate)
    if census and len(named):
        met, at = np.unique((named.ints["arrival"] - 1) % census, return_index=True)
        users = f"{int(new[at].sum())} of {len(met)}"
    else:
        users = NOTHING
    return RolloutPart(
        name=_PARTS.get(window.part, f"{window.part.removeprefix('step-')} % step"),
        lasted=figure(round(window.seconds, 1), "s"),
        users=users,
        new=_side(rows.where(rows.words["release"].equals(rollout.candidate))),
        old=_side(rows.where(rows.words["release"].equals(plan.release))),
    )


def _side(rows: Table) -> ReleaseSide:
    if not len(rows):
        return ReleaseSide(answers="0", p95=NOTHING, failed=NOTHING)
    ms = np.sort((rows.ints["done_ns"] - rows.ints["intended_ns"]) / 1e6)
    ms = ms[ms > 0]  # the others have no response time (`SAMPLES`)
    p95 = float(ms[int(np.ceil(0.95 * len(ms))) - 1]) if len(ms) else None
    return ReleaseSide(answers=str(len(rows)), p95=figure(p95, "ms"), failed=str(int(_failed(rows).sum())))


def _failed(rows: Table) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(~rows.words["error"].missing | (rows.ints["status"] <= 0), dtype=np.bool_)


def _requests(windows: Sequence[Window]) -> Table:
    return Table.merged(SAMPLES, [window.samples for window in windows])
