"""The machine receipt: whether the clocks of the machine ran without a jump, and whether harness and sandbox had enough processor time.

A machine that sleeps stops CLOCK_MONOTONIC, so a target on another machine seems to recover too soon. Setting the wall clock misplaces all records
that are joined by wall time: database rows, Prometheus samples, pod times. Lengths of time across such a moment are unknown, so a figure of time is
neither PASS nor FAIL.

All other rules apply only to a target on the machine of the harness:

* The control service only answers. It runs on every node, and its requests take the same path as those of the services. Without a control service the
  watch is used, which sends its probes late when it lacks processor time.
* A second is starved if the control was slow in it while other programs used the processors, by the kernel's accounting. Processors that only the
  release kept busy do not count.
* A FAIL becomes INCONCLUSIVE if more seconds around it were starved than chance explains on an idle machine, and these are more than a few of the
  seconds with a slow control. It stays a FAIL if the requests of the other seconds prove it, or if it is a time that is over its limit by more than
  the starved seconds and the 15 s after each.
* A length of time that is over its limit is in doubt, too, if processors were scarce in most seconds of it: a control that does next to nothing gets
  its turn at once on a machine that is full, and what has much to do, as a monitor, does not.
* A PASS stays: the platform passed under harder conditions.
* An undecided response time becomes a PASS if it passes without the answers that a few starved seconds made late.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

import numpy as np

from harness.judgement.measures import Case
from harness.judgement.receipts.faults.attempts import counted_attempt, known_until_ns, on_its_way_ns
from harness.judgement.receipts.processors import CALM_MS, Witness, control_witness, scarcity, watch_witness
from harness.judgement.special import bdtrc
from harness.model import (
    NOT_DECIDED,
    ClockStep,
    Evidence,
    Experiment,
    MachineResult,
    Measure,
    Op,
    Outcome,
    Phase,
    Plan,
    Reason,
    ReasonKind,
    StarvedTime,
    Window,
)
from harness.model.observations import MachineSeen
from harness.model.records.table import CONTROL
from harness.units import NS_PER_S

FEWEST: Final = 3
"""Fewer starved seconds are no evidence of a starved machine."""
BY_CHANCE: Final = 0.01
"""A number of starved seconds that an idle machine has with more than this probability is no evidence of a starved machine."""
EXPLAINED: Final = 0.15
"""Share of the seconds with a slow control in which other programs had the processors: with less, they did not make it slow.

It is 0.2 to 1 where a healthy release ran beside other programs.
"""
MOSTLY: Final = 0.5
"""Share of these seconds in which processors were scarce for any reason: with less, the release itself made the control slow.

It is 0.6 to 0.9 where a machine was too small for the sandbox, and 0.06 to 0.4 where a release kept a whole processor busy.
"""
FULL_FOR: Final = 0.6
"""Share of the seconds in which a length of time was measured and processors were scarce: from this on the machine was too small for it.

It is 0.06 to 0.4 where a release kept a whole processor busy, and 0.65 in a rollout whose monitor fell behind while the control was late in 4 of 58 s.
"""
_AROUND_S: Final = 15.0
"""The machine is also checked this long before and after a window, in s, as its load has an effect for some time."""
LEFT_OUT: Final = 0.1
"""At most this share of the fault-free seconds is left out for a PASS: ten seconds of other work in two minutes are no reason to run again."""
BESIDE: Final = "sandbox"
"""The environment whose target runs beside the harness."""
HINT: Final = "run again on a machine with nothing else to do (`readiness doctor` shows whether it is busy)"
AWAKE: Final = "run again on a machine that does not sleep and whose clock is not set during the run"

Spans = Sequence[tuple[int, int]]


def slept(evidence: Evidence, spans: Spans | None) -> Reason | None:
    """The reason why lengths of time are unknown: the machine slept or its clock was set; None: they are known.

    Args:
        evidence: evidence of the run.
        spans: start and end of each part of the run to check; None: the complete run.
    """
    why = _parted(evidence, spans)
    return Reason(kind=ReasonKind.MACHINE, text=why, hint=AWAKE) if why else None


def starvation(plan: Plan, evidence: Evidence, spans: Spans) -> Reason | None:
    """The reason why a starved machine may have caused a failure in these spans, or within 15 s of them; None: it did not, or the target is no sandbox."""
    machine = _result(evidence, _around(spans)) if is_sandbox(plan) else None
    return None if machine is None or machine.ok else Reason(kind=ReasonKind.MACHINE, text=machine.why, hint=HINT)


def _around(spans: Spans) -> Spans:
    around = round(_AROUND_S * NS_PER_S)
    return [(start - around, end + around) for start, end in spans]


def undisturbed(plan: Plan, evidence: Evidence) -> Evidence | None:
    """The evidence without the seconds in which the control was slow or not watched, and without the 15 s after each; None: no control was watched.

    Slow means over CALM_MS. A request stays if it took longer than the plan promises outside of these seconds.
    """
    control = evidence.recorded.get(CONTROL.name)
    if control is None or not len(control):
        return None
    witness = control_witness(control, CALM_MS)
    sound = set(np.setdiff1d(witness.watched, witness.late).tolist())

    def left_out(window: Window) -> StarvedTime:
        felt = _felt(window.start_ns - round(_AROUND_S * NS_PER_S), window.end_ns, sound)
        return StarvedTime(spans_ns=_spans_of(felt), patience_ns=on_its_way_ns(plan), failed_too=True)

    windows = {name: replace(window, starved=left_out(window)) for name, window in evidence.windows.items()}
    return replace(evidence, windows=windows)


def without_starved(plan: Plan, evidence: Evidence, traffic: str | None, limit_ns: int) -> Evidence | None:
    """The evidence without the fault-free requests that were late because other programs starved the machine.

    Failed requests are kept: a starved machine makes answers late, not wrong. Requests that took `limit_ns` outside of the starved seconds are kept too.
    Seconds are not starved if the machine was merely too small or waited for its disks, or if the release used more than its usual share.

    Returns:
        None if the machine was not starved, was starved for too long, or the record of the control or of the processors is not complete.
    """
    spans = [window.span for window in evidence.fault_free(traffic)]
    seen, watch = evidence.every(MachineSeen), evidence.watchers.get(CONTROL.name)
    control, scarce = evidence.recorded.get(CONTROL.name), scarcity(seen)
    if control is None or scarce is None or starvation(plan, evidence, spans) is None:
        return None
    if watch is None or watch.why or not watch.closed:
        return None
    left_out = _spans_of(scarce.by_others.intersection(control_witness(control).late.tolist()))
    lost_ns = sum(max(min(end, till) - max(at, start), 0) for start, end in spans for at, till in left_out)
    if not 0 < lost_ns <= LEFT_OUT * sum(end - start for start, end in spans):
        return None
    starved = StarvedTime(spans_ns=left_out, patience_ns=limit_ns, failed_too=False)
    return replace(evidence, windows={n: replace(w, starved=starved) for n, w in evidence.windows.items()})


def _spans_of(seconds: set[int]) -> tuple[tuple[int, int], ...]:
    """These seconds as spans in ns, in order; neighbours are one."""
    starts, ends = (sorted(at for at in seconds if at + beside not in seconds) for beside in (-1, 1))
    return tuple((start * NS_PER_S, (end + 1) * NS_PER_S) for start, end in zip(starts, ends, strict=True))


def doubted(found: Measure, doubt: Reason | None) -> Measure:
    """The measure, made INCONCLUSIVE by a doubt if one is given."""
    if doubt is None:
        return found
    reason = replace(doubt, text=f"{found.because.text}{NOT_DECIDED}{doubt.text}")
    return replace(found, outcome=Outcome.INCONCLUSIVE, because=reason)


def _parted(evidence: Evidence, spans: Spans | None) -> str:
    """What happened to the clocks in these spans, in words; empty if nothing did."""
    within = [step for step in evidence.clock_steps if spans is None or _meets(step, spans)]
    if not within:
        return ""
    step = max(within, key=lambda one: (one.slept is True, abs(one.ahead_s)))
    more = f" (and {len(within) - 1} more)" if len(within) > 1 else ""
    moved = f"{abs(step.ahead_s):.3g} s {'ahead' if step.ahead_s > 0 else 'back'}"
    if step.slept:
        return f"the machine of the harness slept for {step.ahead_s:.3g} s meanwhile, and its clock did not count this time{more}"
    if step.ahead_s > 0:
        paused = "was paused" if step.slept is False else "slept or was paused"
        return f"the wall clock of the harness went {moved} meanwhile: its machine {paused}, or the clock was set{more}"
    return f"the wall clock of the harness was set {moved} meanwhile{more}"


def _meets(step: ClockStep, spans: Spans) -> bool:
    """Whether the step of a clock may have been in a span: it came between its two records, at an unknown moment."""
    return any(start < step.until_ns and step.from_ns < end for start, end in spans)


def machine_result(plan: Plan, evidence: Evidence) -> MachineResult | None:
    """CPU pressure of the machine in the run, and whether it slept; None if the target does not share the machine of the harness.

    For a sandbox the result affects verdicts (`starvation`). For another target with a loopback address it is only reported.
    """
    beside = is_sandbox(plan) or any(map(_has_figures, evidence.every(MachineSeen)))
    return _result(evidence, None) if beside else None


def _has_figures(seen: MachineSeen) -> bool:
    """Whether the observation has more than sleep, which is recorded for every target."""
    return any(one is not None for one in (seen.waited, seen.stolen, seen.others, seen.stalled))


def is_sandbox(plan: Plan) -> bool:
    """Whether the target is a sandbox, which shares the machine of the harness, so that the machine receipt affects verdicts."""
    return plan.environment == BESIDE or plan.stands_in


def _witness(evidence: Evidence) -> Witness | None:
    """The seconds in which the control, or else the watch, was slow; None: neither has a record."""
    control = evidence.recorded.get(CONTROL.name)
    table = control if control is not None and len(control) else evidence.probes
    return table.once(control_witness if table is control else watch_witness) if len(table) else None


def _result(evidence: Evidence, spans: Spans | None) -> MachineResult | None:
    witness = _witness(evidence)
    if witness is None:
        return None
    every_seen = list(evidence.every(MachineSeen))
    seen = [one for one in every_seen if _covers(one.when_ns, spans)]
    watched, late = (at[_inside(at * NS_PER_S, spans)] for at in (witness.watched, witness.late))
    scarce = scarcity(every_seen)
    starved = late if scarce is None else late[np.isin(late, list(scarce.every))]
    taken = starved if scarce is None else late[np.isin(late, list(scarce.taken))]
    count, of = len(starved), len(watched)
    by_chance = count < FEWEST or bdtrc(count - 1, of, witness.quiet) >= BY_CHANCE
    is_starved = not by_chance and (len(taken) >= EXPLAINED * len(late) or count >= MOSTLY * len(late))
    why = f"{witness.what} in {len(late)} of {of} s"
    if scarce is not None and len(late):
        why += f" (processors were scarce in {count} of these {len(late)} s)"
    parted, busy = _parted(evidence, spans), f"the machine was starved: {why}" if is_starved else why
    return MachineResult(
        ok=not (is_starved or parted),
        why=f"{parted}; {busy}" if parted else busy,
        late_share=len(late) / of if of else None,
        waited_share=_mean([one.waited for one in seen]),
        stolen_share=_mean([one.stolen for one in seen]),
        target_share=_mean([one.target for one in seen]),
        harness_share=_mean([one.harness for one in seen]),
        others_share=_mean([one.others for one in seen]),
    )


def on_this_machine(
    case: Case, found: Measure, spans: Spans | None = None, *, timed: bool = True, anytime: bool = False
) -> Measure:
    """The measure of a figure of time; INCONCLUSIVE if the machine slept meanwhile, or if it failed on a starved machine.

    Args:
        case: case of the measure.
        found: the measure.
        spans: time of the measurement, if the scope of the measure does not give it.
        timed: whether the figure depends on durations or on failures by lateness; if not, only sleep of the machine counts.
        anytime: whether the time of the measurement is unknown; then sleep at any time of the run counts.
    """
    if found.outcome not in (Outcome.PASS, Outcome.FAIL):
        return found
    when = _spans(case, found) if spans is None else spans
    doubt = slept(case.evidence, None if anytime and spans is None else when)
    if doubt is None and timed and found.outcome is Outcome.FAIL and not _far_over(case.evidence, found, when):
        doubt = starvation(case.plan, case.evidence, when)
    if doubt is None and timed and found.outcome is Outcome.FAIL:
        doubt = _crowding(case, found, when)
    return doubted(found, doubt)


def _crowding(case: Case, found: Measure, spans: Spans) -> Reason | None:
    """The reason why a machine that was too small may have made a length of time longer than its limit."""
    witness, scarce = _witness(case.evidence), scarcity(case.evidence.every(MachineSeen))
    if found.unit != "s" or witness is None or scarce is None or not is_sandbox(case.plan):
        return None
    watched = witness.watched[_inside(witness.watched * NS_PER_S, spans)]
    full = scarce.every - scarce.taken  # the effect of other programs shows in the control
    count, of = int(np.isin(watched, list(full)).sum()), len(watched)
    if count < max(FEWEST, FULL_FOR * of) or _far_over(case.evidence, found, spans, full):
        return None
    return Reason(
        kind=ReasonKind.MACHINE,
        text=f"the machine was too small: processors were scarce in {count} of {of} s",
        hint=HINT,
    )


def _far_over(evidence: Evidence, found: Measure, spans: Spans, scarce: AbstractSet[int] = frozenset()) -> bool:
    """Whether a time is over its limit by more than the seconds that are `scarce` or without a prompt control, and the 15 s after each.

    These cannot be the cause then.
    """
    proven, limit, witness = found.value if found.low is None else found.low, found.scaled_limit, _witness(evidence)
    if (
        found.unit != "s"
        or found.op not in (Op.BELOW, Op.AT_MOST)
        or proven is None
        or limit is None
        or witness is None
    ):
        return False
    sound = set(np.setdiff1d(witness.watched, witness.late).tolist()) - scarce
    return proven - limit > len({at for start, end in _around(spans) for at in _felt(start, end, sound)})


def _felt(start_ns: int, end_ns: int, sound: Container[int]) -> set[int]:
    """The seconds of this time that are not `sound`, and the 15 s after each."""
    seconds = range(start_ns // NS_PER_S, end_ns // NS_PER_S + 1)
    return {at + after for at in seconds if at not in sound for after in range(round(_AROUND_S) + 1)}


def _spans(case: Case, found: Measure) -> Spans:
    """When the figure was measured: in the time of its rollout or of its attempt, in the window that its scope names, else in the fault-free windows.

    A figure after the recovery was measured in the time that follows the attempt's fault.
    """
    evidence, scope = case.evidence, found.scope
    if rollout := [w.span for w in evidence.windows.values() if w.rollout and w.rollout == scope.get("rollout")]:
        return rollout
    if scope.get("experiment"):
        attempt = attempt_of(case, scope)
        if attempt is not None and case.objective.scope.phase is Phase.RECOVERED:
            return _afterwards(evidence, attempt)
        if attempt is not None:
            return [(attempt.observed_from_ns, attempt.observed_until_ns)]
    windows = evidence.fault_free(case.objective.scope.traffic)
    return [window.span for window in windows if window.name == scope.get("window")] or [w.span for w in windows]


def attempt_of(case: Case, scope: Mapping[str, str]) -> Experiment | None:
    """The attempt whose number the scope names; without a number the attempt that counts."""
    for attempt in case.evidence.experiments.get(scope["experiment"], ()):
        if str(attempt.attempt) == scope.get("attempt"):
            return attempt
    return counted_attempt(case.plan, case.evidence, scope["experiment"], case.objective.scope.traffic)


def _afterwards(evidence: Evidence, attempt: Experiment) -> Spans:
    """The time that follows the attempt's fault: from the restore to the next fault, or from the undo if nothing was restored."""
    fault, known_ns = attempt.fault, known_until_ns(evidence, attempt)
    since_ns = attempt.restore.at_ns or fault.undone_ns or attempt.observed_until_ns
    return [(min(since_ns, known_ns), known_ns)]


def _inside(
    at_ns: np.ndarray[tuple[int], np.dtype[np.int64]], spans: Spans | None
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if spans is None:
        return np.ones(len(at_ns), dtype=np.bool_)
    found = np.zeros(len(at_ns), dtype=np.bool_)
    for start, end in spans:
        found |= (at_ns >= start) & (at_ns < end)
    return found


def _covers(at_ns: int, spans: Spans | None) -> bool:
    return spans is None or any(start <= at_ns < end for start, end in spans)


def _mean(shares: Sequence[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return sum(known) / len(known) if known else None
