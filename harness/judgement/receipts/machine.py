"""The receipt of the machine of the run: whether its clocks counted all of the time, and whether it had processor time for harness and sandbox.

A machine that sleeps stops CLOCK_MONOTONIC, by which everything is timed: a target elsewhere that was out meanwhile reads as back too soon.
A wall clock that is set misplaces what is joined by it: rows of a database, samples of Prometheus, times of pods. Either is a moment across
which no length of time is known, so a figure of time is neither PASS nor FAIL there.

The rest is of a target that shares the machine.
A process of the harness that does next to nothing, the watch, is late when the machine is starved, and so is everything that it shares the
machine with. Sandbox runs on a machine to themselves had at most 2.8 % of their seconds with a probe sent over 50 ms late (the
99th percentile of all probes: 5 to 17 ms); beside other work it was 15 % (46 ms). The limit is between them. The watch goes first, and
the target does not: each time that the processes at its entries needed a processor they waited 0.1 to 0.9 ms for it where they shared two
cores with nothing but the harness, and 2 to 4 ms beside ten processes that never pause. The share of time that they wait says less: it was
60 to 80 % of what they needed on a quiet machine, as a process that needs little and often mostly waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.special import bdtrc

from harness.judgement.measures import Case
from harness.judgement.receipts.attempts import counted_attempt, known_until_ns
from harness.model import (
    ClockStep,
    Evidence,
    Experiment,
    MachineResult,
    Measure,
    Outcome,
    Phase,
    Plan,
    Reason,
    ReasonKind,
)
from harness.model.observations import MachineSeen, every
from harness.units import NS_PER_S

LATE_MS: Final = 50.0
"""A second in which a probe was sent later than this after it was due is a late one."""
LATE_SHARE: Final = 0.06
"""More late seconds, or seconds in the queue, than this are a starved machine."""
FEWEST_LATE: Final = 3
"""Fewer of them are no evidence of one."""
QUIET_SHARE: Final = 0.028
"""The most late seconds of a sandbox run on a machine to itself, as a share."""
_BY_CHANCE: Final = 0.01
"""As many late seconds as a quiet machine has more often than this are no evidence of a starved one: a span of 48 s has 3 by chance."""
DELAY_MS: Final = 2.0
"""A second in which the target waited longer than this for a processor, on average of the times it was given one, is one in the queue."""
STALLED: Final = 0.5
"""A second in which all work waited for disks, or for memory, for more than this share is a stalled one."""
_AROUND_S: Final = 15.0
"""A window between two faults is too short for a share of its own seconds."""
STOLEN: Final = 0.05
"""More of the processor time than this taken by other machines of the same host is a starved machine."""
BESIDE: Final = "sandbox"
"""The environment whose target runs beside the harness."""
HINT: Final = "run again on a machine with nothing else to do; `readiness doctor` says whether it is busy"
AWAKE: Final = "run again on a machine that does not sleep, and whose clock nothing sets meanwhile"

Spans = Sequence[tuple[int, int]]


def slept(evidence: Evidence, spans: Spans | None) -> Reason | None:
    """Why no length of time in these spans, or in the run, is known: the machine slept, or its clock was set; None: it is."""
    why = _parted(evidence, spans)
    return Reason(kind=ReasonKind.MACHINE, text=why, hint=AWAKE) if why else None


def starvation(plan: Plan, evidence: Evidence, spans: Spans, *, excusing: bool = True) -> Reason | None:
    """Why what was measured in these spans of a sandbox was made by a starved machine; None: it was not, or the target is no sandbox.

    Args:
        plan: of the run.
        evidence: of the run.
        spans: when.
        excusing: whether a FAIL is asked about. A PASS is doubted only for more: not for a target that waited for a processor, disks or memory, nor for late
            seconds that a quiet machine has by chance.
    """
    machine = _result(evidence, spans, excusing=excusing) if _is_sandbox(plan) else None
    return None if machine is None or machine.ok else Reason(kind=ReasonKind.MACHINE, text=machine.why, hint=HINT)


def doubted(found: Measure, doubt: Reason | None) -> Measure:
    """The measure, INCONCLUSIVE where it is in doubt."""
    if doubt is None:
        return found
    reason = replace(doubt, text=f"{found.because.text}, but {doubt.text}")
    return replace(found, outcome=Outcome.INCONCLUSIVE, because=reason)


def _parted(evidence: Evidence, spans: Spans | None) -> str:
    """What became of the clocks in these spans; empty: nothing."""
    within = [step for step in evidence.clock_steps if spans is None or _meets(step, spans)]
    if not within:
        return ""
    step = max(within, key=lambda one: (one.slept is True, abs(one.ahead_s)))
    more = f" (and {len(within) - 1} more)" if len(within) > 1 else ""
    moved = f"{abs(step.ahead_s):.3g} s {'ahead' if step.ahead_s > 0 else 'back'}"
    if step.slept:
        return (
            f"the machine of the harness slept for {step.ahead_s:.3g} s meanwhile, which its clock did not count{more}"
        )
    if step.ahead_s > 0:
        paused = "was paused" if step.slept is False else "slept or was paused"
        return f"the wall clock of the harness went {moved} meanwhile: its machine {paused}, or the clock was set{more}"
    return f"the wall clock of the harness was set {moved} meanwhile{more}"


def _meets(step: ClockStep, spans: Spans) -> bool:
    """Whether the step may have been in a span: it was between its two records, nothing tells when."""
    return any(start < step.until_ns and step.from_ns < end for start, end in spans)


def machine_result(plan: Plan, evidence: Evidence) -> MachineResult | None:
    """CPU pressure of the machine in the run, and whether it slept; None of a target that does not run beside the harness.

    Of a sandbox it decides (`starvation`). Of any other target with a loopback address it is reported only: whoever judges a service beside
    the harness reads there what its latencies are worth.
    """
    beside = _is_sandbox(plan) or any(map(_has_figures, every(MachineSeen, evidence.observations)))
    return _result(evidence, None, excusing=True) if beside else None


def _has_figures(seen: MachineSeen) -> bool:
    """Whether it tells more than sleep: that is recorded for every target."""
    return any(one is not None for one in (seen.waited, seen.stolen, seen.delay_ms, seen.stalled))


def _is_sandbox(plan: Plan) -> bool:
    return plan.environment == BESIDE or plan.stands_in


def _result(evidence: Evidence, spans: Spans | None, *, excusing: bool) -> MachineResult | None:
    if not len(evidence.probes):
        return None
    due, sent = evidence.probes.ints["due_ns"], evidence.probes.ints["sent_ns"]
    asked = (sent > 0) & _inside(due, spans)
    second = due[asked] // NS_PER_S
    late = np.unique(second[(sent - due)[asked] > LATE_MS * 1e6])
    count, of = len(late), len(np.unique(second))
    seen = [one for one in every(MachineSeen, evidence.observations) if _covers(one.when_ns, spans)]
    stolen = _mean([one.stolen for one in seen])
    starved = _many(count, of) and (excusing or float(bdtrc(count - 1, of, QUIET_SHARE)) < _BY_CHANCE)
    why = f"the watch sent probes over {LATE_MS:g} ms late in {count} of {of} s"
    delays = [one.delay_ms for one in seen if one.delay_ms is not None]
    delayed = sum(delay > DELAY_MS for delay in delays)
    if excusing and _many(delayed, len(delays)):
        starved = True
        why += (
            f"; the target waited over {DELAY_MS:g} ms each time it needed a processor in {delayed} of {len(delays)} s"
        )
    stalls = [one.stalled for one in seen if one.stalled is not None]
    stalling = sum(share > STALLED for share in stalls)
    if excusing and _many(stalling, len(stalls)):
        starved = True
        why += f"; all work waited for disks or memory for over {100 * STALLED:g} % of the time in {stalling} of {len(stalls)} s"
    if stolen is not None and stolen > STOLEN:
        starved, why = True, f"{why}; other machines took {100 * stolen:.3g} % of the processor time"
    parted, busy = _parted(evidence, spans), f"the machine was starved: {why}" if starved else why
    return MachineResult(
        ok=not (starved or parted),
        why=f"{parted}; {busy}" if parted else busy,
        late_share=count / of if of else None,
        waited_share=_mean([one.waited for one in seen]),
        stolen_share=stolen,
        delay_ms=_mean(delays),
    )


def _many(seconds: int, of: int) -> bool:
    return seconds >= FEWEST_LATE and seconds > LATE_SHARE * of


def on_this_machine(
    case: Case, found: Measure, spans: Spans | None = None, *, timed: bool = True, anytime: bool = False
) -> Measure:
    """The measure of a figure of time: neither PASS nor FAIL where the machine slept meanwhile, or was starved.

    Args:
        case: of the measure.
        found: the measure.
        spans: when it was made, where its scope does not say that.
        timed: whether a starved machine makes it; else only one that slept does.
        anytime: whether nothing tells when it was made: a machine that slept at any time of the run may have.

    A platform that passes while it waits for a processor has passed a harder test, so its queue excuses a FAIL only; a PASS is in doubt
    where the watch itself was late in more seconds than on a quiet machine.
    """
    if found.outcome not in (Outcome.PASS, Outcome.FAIL):
        return found
    failed = found.outcome is Outcome.FAIL
    when = _spans(case, found, excusing=failed) if spans is None else _with_room(spans, excusing=failed)
    doubt = slept(case.evidence, None if anytime and spans is None else when)
    if doubt is None and timed:
        doubt = starvation(case.plan, case.evidence, when, excusing=failed)
    return doubted(found, doubt)


def _spans(case: Case, found: Measure, *, excusing: bool) -> Spans:
    """When the figure was measured: in the time of its rollout or of its attempt, around the one window it is of, else in the fault-free windows.

    What is measured after the recovery was measured in the window there, and in a part of it where `during` says so. Its seconds are few:
    before a PASS is doubted, those around it are asked as well.
    """
    evidence, scope = case.evidence, found.scope
    if rollout := [w.span for w in evidence.windows.values() if w.rollout and w.rollout == scope.get("rollout")]:
        return rollout
    around = round(_AROUND_S * NS_PER_S)
    if scope.get("experiment"):
        attempt = attempt_of(case, scope)
        if attempt is not None and case.objective.scope.phase is Phase.RECOVERED:
            return _with_room(_afterwards(evidence, attempt), excusing=excusing)
        if attempt is not None:
            return [(attempt.observed_from_ns, attempt.observed_until_ns)]
    windows = evidence.fault_free(case.objective.scope.traffic)
    own = [(w.start_ns - around, w.end_ns + around) for w in windows if w.name == scope.get("window")]
    return own or [window.span for window in windows]


def _with_room(spans: Spans, *, excusing: bool) -> Spans:
    """Spans of few seconds: of as many by chance late ones a FAIL is excused, a PASS is doubted only for those around them as well."""
    more = 0 if excusing else round(_AROUND_S * NS_PER_S)
    return [(start - more, end + more) for start, end in spans]


def attempt_of(case: Case, scope: Mapping[str, str]) -> Experiment | None:
    """The attempt that the measure names by its number, else the one that counts."""
    for attempt in case.evidence.experiments.get(scope["experiment"], ()):
        if str(attempt.attempt) == scope.get("attempt"):
            return attempt
    return counted_attempt(case.plan, case.evidence, scope["experiment"], case.objective.scope.traffic)


def _afterwards(evidence: Evidence, attempt: Experiment) -> Spans:
    """What follows the attempt's fault: from the restore to the next fault, or from the undo where nothing was restored."""
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
