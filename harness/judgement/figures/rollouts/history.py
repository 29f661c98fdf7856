"""The history of a rollout from its records: its steps, its rollback, and the reports of its objects and analyses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from harness.judgement.figures.rollouts.contradictory import contradiction
from harness.judgement.figures.spec import Basis, Need, Spec, nothing_afterwards
from harness.judgement.measures import Case, Figures, because, inconclusive, measure
from harness.judgement.once import once_a_run
from harness.judgement.receipts.closed_load import NO_TRAFFIC, weakest
from harness.judgement.receipts.faults.attempts import samples_due
from harness.judgement.receipts.load import HEALTH_S, load_receipt
from harness.judgement.shapes.every import NOTHING, Gap, Things, every_one
from harness.model import (
    Evidence,
    Figure,
    LimitRule,
    Measure,
    Objective,
    Outcome,
    Phase,
    Plan,
    ReasonKind,
    Receipt,
    Table,
    Window,
)
from harness.model.observations import (
    RolloutAnalysis,
    RolloutBack,
    RolloutEnded,
    RolloutSkipped,
    RolloutStarted,
    RolloutStatus,
    RolloutStep,
    every,
)
from harness.model.planned.rollout import ReversedBy, RolloutPlan, percent, taken_back_words
from harness.units import NS_PER_S

_CLOSE: Final = 0.005
"""Shares that differ by less count as equal: weights are whole percents."""
FILE: Final = "history/rollouts.ndjson"
AGAIN: Final = "see history/rollouts.ndjson for the events of the rollout, then run again"


@dataclass(frozen=True, kw_only=True, slots=True)
class StepTaken:
    """One step of a rollout.

    Attributes:
        share: expected share of the users.
        given: share that the objects report.
        begun_ns: earliest time at which the first object may have come to the step.
        since_ns, at_ns: the last object came to the step between these two times.
        end_ns: beginning of the next step, or of the rollback.
        left_ns: last time at which every object was certainly at the step; later answers do not count.
    """

    share: float
    given: float
    begun_ns: int
    since_ns: int
    at_ns: int
    end_ns: int
    left_ns: int

    @property
    def name(self) -> str:
        """`25 %`."""
        return f"{percent(self.share)} %"


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutHistory:
    """One rollout as it was recorded.

    Attributes:
        plan: the plan of the rollout.
        began_ns: time at which the candidate was sent.
        objects: the changed objects.
        steps: the steps, in order.
        back: time and cause of the rollback, and who began it; None: not recorded.
        ended: the release on which the rollout ended; None: not recorded.
        statuses: reports of the objects, in order of time.
        analyses: reports of the analyses, in order of time.
        until_ns: the end of the rollout's windows; later records do not belong to it.
    """

    plan: RolloutPlan
    began_ns: int
    objects: tuple[str, ...]
    steps: tuple[StepTaken, ...]
    back: RolloutBack | None
    ended: RolloutEnded | None
    statuses: tuple[RolloutStatus, ...]
    analyses: tuple[RolloutAnalysis, ...]
    until_ns: int

    @property
    def switched(self) -> StepTaken | None:
        """The step at which all users are on the candidate; None: it was not reached."""
        return next((step for step in self.steps if step.share == 1), None)

    @property
    def unclear(self) -> str:
        """Text that the rollout was taken back by an unknown party.

        Empty if the party is known, or if it was not taken back.
        """
        back = self.back
        if back is None or back.by != ReversedBy.UNKNOWN:
            return ""
        return f"; it was {taken_back_words(back.by)} ({back.why})"

    @property
    def back_ns(self) -> int:
        """Time at which the rollback began, in ns; the end of the rollout if there was no rollback."""
        return self.back.when_ns if self.back is not None else self.until_ns

    def samples(self, evidence: Evidence, traffic: str | None, start_ns: int, end_ns: int) -> Table:
        """The requests that were due in a span of time, in any window."""
        return samples_due(evidence, traffic, (start_ns, end_ns))


@once_a_run
def history_of(plan: Plan, evidence: Evidence, name: str) -> RolloutHistory | str:
    """The rollout of the given name, or a text why it cannot be judged: not planned, not begun, or contradictory records."""
    if name not in plan.rollouts:
        return f"the plan has no rollout {name}"
    mine = [o for o in evidence.observations if name in (o.subject, o.fields.get("rollout"))]
    skipped = next(every(RolloutSkipped, mine), None)
    began = next(every(RolloutStarted, mine), None)
    if skipped is not None or began is None:
        return f"the rollout {name} did not begin: {skipped.why if skipped else 'the run has no record of it'}"
    if why := contradiction(plan.rollouts[name], plan.release, mine):
        return f"the record of the rollout {name} contradicts itself or the plan: {why}"
    back, ended = next(every(RolloutBack, mine), None), next(every(RolloutEnded, mine), None)
    windows = [w.end_ns for w in evidence.windows.values() if w.rollout == name and not w.fault_free]
    until_ns = max([*windows, began.when_ns])
    taken = list(every(RolloutStep, mine))
    statuses = tuple(every(RolloutStatus, mine))
    return RolloutHistory(
        plan=plan.rollouts[name],
        began_ns=began.when_ns,
        objects=tuple(began.objects),
        steps=_steps(taken, back, statuses, until_ns),
        back=back,
        ended=ended,
        statuses=statuses,
        analyses=tuple(every(RolloutAnalysis, mine)),
        until_ns=until_ns,
    )


def _steps(
    taken: Sequence[RolloutStep], back: RolloutBack | None, statuses: Sequence[RolloutStatus], until_ns: int
) -> tuple[StepTaken, ...]:
    """Each step, with the times at which the first object came to it and left it."""
    following = [*taken[1:], back] if taken else []
    shares = [0.0, *(o.share for o in taken), 1.0]
    previous_ns = [0, *(o.when_ns for o in taken)]
    said = [(one.when_ns, one.since_ns, share) for one, share in with_shares(statuses)]
    steps = []
    for number, (o, later) in enumerate(zip(taken, following, strict=True)):
        before, after = shares[number], shares[number + 2]
        least, most = (before + o.share) / 2, (o.share + after) / 2
        came = [at for when, at, share in said if previous_ns[number] < when <= o.when_ns and _above(share, before)]
        left = [at for when, at, share in said if when > o.when_ns and (share is None or not least <= share <= most)]
        end_ns, since_ns = (later.when_ns, later.since_ns) if later is not None else (until_ns, until_ns)
        steps.append(
            StepTaken(
                share=o.share,
                given=o.given,
                begun_ns=min([o.since_ns, *came]),
                since_ns=o.since_ns,
                at_ns=o.when_ns,
                end_ns=end_ns,
                left_ns=max(min([since_ns, *left]), o.when_ns),
            )
        )
    return tuple(steps)


def _above(share: float | None, before: float) -> bool:
    return share is not None and share > before + _CLOSE


def with_shares(statuses: Sequence[RolloutStatus]) -> list[tuple[RolloutStatus, float | None]]:
    """The statuses of each object from its first share on, with the current share, or with the next share if the object reports none.

    An object that waits until its new weight takes effect is between two shares, so neither share is certain. None: the object reports no further
    share, for example because it was aborted.
    """
    following: dict[str, float] = {}
    found: list[tuple[RolloutStatus, float | None]] = []
    for one in reversed(statuses):
        if one.share is not None and not one.aborted:
            following[one.subject] = one.share
        elif one.aborted:
            following.pop(one.subject, None)
        found.append((one, following.get(one.subject) if one.share is None else one.share))
    first: dict[str, int] = {}
    for one in statuses:
        if one.share is not None:
            first.setdefault(one.subject, one.when_ns)
    return [each for each in reversed(found) if each[0].when_ns >= first.get(each[0].subject, each[0].when_ns + 1)]


def rolled(case: Case, name: str) -> RolloutHistory | Measure:
    """The rollout that the objective names, or a measure with the cause if it cannot be judged."""
    rollout = case.objective.scope.rollout
    found = history_of(case.plan, case.evidence, rollout)
    return inconclusive(case, name, found, AGAIN, scope=scope_of(case)) if isinstance(found, str) else found


def row_of(case: Case, history: RolloutHistory) -> Mapping[str, RolloutHistory | str]:
    """The history of each rollout of the requirement, by name.

    Empty except for the first rollout, which reports for all of them.
    """
    names = dict.fromkeys(
        objective.scope.rollout
        for claim in case.plan.claims
        if claim.requirement == case.claim.requirement
        for objective in claim.objectives
    )
    first = next(iter(names), "") == history.plan.name
    return {name: history_of(case.plan, case.evidence, name) for name in names} if first else {}


def scope_of(case: Case, **more: str) -> Mapping[str, str]:
    """The scope of a measure."""
    scope = case.objective.scope
    return {"rollout": scope.rollout, **({"traffic": scope.traffic} if scope.traffic else {}), **more}


def ended_receipt(history: RolloutHistory) -> Receipt:
    """Whether a record shows that the rollout ended on one release."""
    ended = history.ended
    if ended is None:
        return Receipt(ok=None, why=f"{history.plan.name}: the end of the rollout was not recorded", files=(FILE,))
    if not ended.ok:
        return Receipt(ok=False, why=f"{history.plan.name} did not end on one release: {ended.why}", files=(FILE,))
    return Receipt(ok=True, why=f"{history.plan.name} ended on {ended.release}", files=(FILE,))


def files_of(case: Case) -> tuple[str, ...]:
    """The rollout's own history, and the files of the requests that were due during the rollout."""
    windows = (w for w in case.evidence.windows.values() if w.rollout == case.objective.scope.rollout)
    return (FILE, *dict.fromkeys(file for window in windows for file in window.files))


def concluded(
    case: Case,
    bad: int,
    text: str,
    receipts: Mapping[str, Receipt],
    *gaps: Gap,
    excuse: Gap = NOTHING,
    needs: tuple[str, ...] = (),
    method: str = "",
    n: int | None = None,
    **scope: str,
) -> Measure:
    """The measure of a condition of a rollout that has no number.

    The arguments are the fields of `Things`.
    """
    found = Things(
        bad=bad,
        n=n,
        text=text,
        scope=scope_of(case, **scope),
        receipts=receipts,
        needs=needs,
        gaps=gaps,
        excuse=excuse,
        mixed=True,
        scaled_limit=None,
        method=method,
        files=files_of(case),
    )
    return every_one(case, found)


def untold(case: Case, why: str, files: tuple[str, ...] = (), **scope: str) -> Measure:
    """An INCONCLUSIVE measure for a missing record.

    `files` are the files that were read, by default the files of the rollout.
    """
    reason = because(Outcome.INCONCLUSIVE, why, AGAIN, kind=ReasonKind.NO_RECORD)
    figures, name = Figures(files=files or files_of(case)), case.objective.figure.value
    return measure(case, name, Outcome.INCONCLUSIVE, reason, scope=scope_of(case, **scope), figures=figures)


def load_of(case: Case, parts: Collection[str] = ()) -> Receipt:
    """The load receipt of the rollout's windows, or of some of them.

    The first receipt that is not ok decides.
    All windows together must cover the time from the start of the rollout until after its rollback.
    """
    scope = case.objective.scope
    mine = [
        w
        for w in case.evidence.windows.values()
        if w.rollout == scope.rollout and scope.traffic in (None, w.traffic) and not w.fault_free
    ]
    own = [w for w in mine if (not parts or w.part in parts) and w.seconds >= HEALTH_S]
    if not own:
        return Receipt(ok=False, why="the run has no record of the traffic during the rollout", hint=NO_TRAFFIC)
    if not parts and (why := _left_out(case.evidence, scope.rollout, mine)):
        return Receipt(ok=False, why=why, hint=AGAIN)
    receipts = [load_receipt(case.plan, window, latencies=False) for window in own]
    return receipts[weakest(receipts)]


def _left_out(evidence: Evidence, rollout: str, windows: Iterable[Window]) -> str:
    """The part of a rollout without a record of its traffic, in words; empty if there is none."""
    own = [o for o in evidence.observations if o.subject == rollout]
    began, back = next(every(RolloutStarted, own), None), next(every(RolloutBack, own), None)
    by_traffic: dict[str, list[Window]] = {}
    for window in sorted(windows, key=lambda one: one.start_ns):
        by_traffic.setdefault(window.traffic, []).append(window)
    for traffic, mine in by_traffic.items():
        reached_ns = mine[0].start_ns if began is None else began.when_ns
        for window in mine:
            if window.start_ns > reached_ns:
                missing_s = (window.start_ns - reached_ns) / NS_PER_S
                return f"{missing_s:.3g} s of the traffic {traffic} during the rollout were not recorded"
            reached_ns = max(reached_ns, window.end_ns)
        if back is not None and back.when_ns >= reached_ns:
            return f"the traffic {traffic} was not recorded during the rollback"
    return ""


RolloutJudge = Callable[[Case, RolloutHistory], Iterable[Measure]]
"""Makes the measures of one recorded rollout."""


def _of_rollout(judge: RolloutJudge, case: Case) -> Iterator[Measure]:
    history = rolled(case, case.objective.figure.value)
    yield from [history] if isinstance(history, Measure) else judge(case, history)


def rollout_spec(
    figure: Figure,
    judge: RolloutJudge,
    *,
    limit: LimitRule | None = None,
    unit: str = "",
    phase: Phase = Phase.STEP,
    timed: bool = False,
    clocked: bool = False,
    of_way_back: bool = False,
    left_alone: Callable[[Objective, float], float] = nothing_afterwards,
) -> Spec:
    """The spec of a figure of a rollout, which needs its history, its requests, and the header that names the release.

    A figure `of_way_back` needs the rollback watched for every length of time in its sentence. A figure that judges how soon the platform takes the
    candidate back needs the rollout `left_alone` for that time.
    """
    return Spec(
        figure=figure,
        judge=partial(_of_rollout, judge),
        limit=limit,
        unit=unit,
        basis=Basis.ROLLOUT,
        phases=frozenset({phase}),
        evidence=lambda case: (f"rollouts/{case.objective.scope.rollout}/", "history/rollouts", "history/load"),
        needs=lambda _objective: (_CLUSTER, _CHANGED),
        timed=timed,
        clocked=clocked,
        afterwards=way_back_s if of_way_back else nothing_afterwards,
        left_alone=left_alone,
    )


def way_back_s(objective: Objective, scale: float) -> float:
    """The longest time in the sentence after the rollback, with a margin, in s.

    A shorter observation cannot give a PASS.
    """
    return max((one.used_s for one in objective.lengths(scale)), default=0.0) + _MARGIN_S


_MARGIN_S: Final = 2.0
_CLUSTER: Final = Need(key="kubernetes", why="rollouts are made through Kubernetes")
_CHANGED: Final = Need(key="rollout", why="the objects that a rollout changes are named in the target file")
