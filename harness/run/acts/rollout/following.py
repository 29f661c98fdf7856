"""Runs one rollout.

The rollout is started, followed step by step, promoted if its file says so, and rolled back.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.drivers.rollout import Reversal, candidate_template, changeable, gone_back, take_over
from harness.errors import DriverError
from harness.model import Phase
from harness.model.planned.rollout import (
    WATCHED_AFTER_S,
    ReversedBy,
    RolloutPlan,
    Strategy,
    TakenBack,
    percent,
    taken_back_words,
)
from harness.run.acts.at_once import Beside, at_once
from harness.run.acts.rollout.changes import RolloutChanges, analysed
from harness.run.acts.rollout.reaching import CandidateAnswers, step_of
from harness.run.acts.rollout.rolled import AGAIN_S, POLL_S, RolledObjects, in_words
from harness.run.acts.rollout.signals import SignalReader
from harness.targets.kubernetes import Cluster
from harness.targets.safety.guard import guard_replaced
from harness.targets.safety.intents import strike_intent
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.drivers.rollout import Changeable, ObjectStatus, Replaced
    from harness.model import Act, Intent
    from harness.run.acts.context import Context

_ANALYSES: Final = 3
"""Number of polls from one reading of the analyses to the next; each namespace is one request."""
_BACK_WITHIN_S: Final = 30.0
"""Least time in s that the harness helps objects which did not roll back within the time of the sentences."""
_OF_THE_HARNESS: Final = frozenset({ReversedBy.HAND, ReversedBy.HARNESS})


class Following:
    """One rollout in progress.

    Args:
        plan: plan of the rollout.
        act: act of the rollout.
        context: context of the run.
    """

    def __init__(self, plan: RolloutPlan, act: Act, context: Context) -> None:
        self._plan = plan
        self._act = act
        self._context = context
        self._sink = context.sink("rollouts")
        cluster = Cluster.of(context.target)
        places = plan.namespaces or ((context.target.kubernetes.namespace,) if context.target.kubernetes else ())
        objects = [changeable(cluster, plan.kind, place, name) for place in places for name in plan.names]
        self._objects = RolledObjects(objects, context.present)
        self._polls = 0
        self._seen = RolloutChanges(self._sink, plan.name)
        self._analyses = Beside(self._seen.analyses)
        self._answers = CandidateAnswers(context.traffic.load.rows, plan.candidate)
        self._reached = -1
        self._reached_ns = 0
        self._asked_ns = self._polled_ns = clock.now_ns()
        self._promoted_ns = 0
        self._began_ns = 0
        self._signals = SignalReader(plan, context, cluster, places, self._sink)

    def run(self) -> None:
        """Run the rollout and record its windows."""
        plan, context = self._plan, self._context
        objects, stable = self._objects, context.plan.release
        guard_replaced(context.target, plan.name, sum(objects.of_each(lambda one: one.pods(one.present()))))
        if left := objects.unrested():
            why = f"not at rest: {left}"
            context.progress.say(f"rollout {plan.name}: skipped, {why}")
            self._sink.put("rollout.skipped", plan.name, why=why)
            return
        same = objects.remember(self._template_of)
        if not objects.all:
            raise DriverError(
                f"no object differs between {plan.candidate} and the release that runs: {', '.join(same)}"
            )
        asked = context.target.rollout.strategies if context.target.rollout is not None else {}
        named = next((dict(one) for strategy, one in asked.items() if strategy == plan.strategy.value), {})
        strategies = objects.strategies_for(named, always=plan.strategy is Strategy.ALL_AT_ONCE)
        intents = objects.intend_back(context.platform, plan, stable, strategies)
        context.progress.say(f"rollout {plan.name}: {plan.strategy.value} from {stable} to {plan.candidate}")
        if why := objects.lend(strategies):
            self._sink.put("rollout.skipped", plan.name, why=why)
            context.progress.say(f"rollout {plan.name}: skipped, {why}")
            self._restore("", intents)  # the candidate was not sent: with their own strategies all are as before
            return
        began_ns = self._began_ns = self._asked_ns = clock.now_ns()
        context.presence.begin(plan.within_s)
        context.traffic.rollout_reached(plan.name, "start", Phase.STEP, began_ns)
        at_once(lambda one: take_over(one, objects.templates[one.subject]), objects.all)
        self._sink.put(
            "rollout.started",
            plan.name,
            at_ns=began_ns,
            strategy=plan.strategy.value,
            stable=stable,
            candidate=plan.candidate,
            objects=objects.subjects,
            unchanged=same,
        )
        with closing(self._analyses):
            with closing(self._signals):
                back = self._follow()
            self._end(back.by, self._take_back(back), intents)

    def _template_of(self, one: Changeable, present: Replaced) -> Replaced:
        release, target = self._context.plan.release, self._context.target
        return candidate_template(self._plan, target, one.namespace, one.name, present, release=release)

    def _follow(self) -> Reversal:
        """Follow the rollout until it is rolled back or must be; returns who rolls it back, and why."""
        plan = self._plan
        deadline = clock.Deadline.after(plan.within_s)
        for _ in deadline.ticks(POLL_S):
            self._context.present()
            before_ns, statuses = self._poll()
            if back := gone_back(statuses, self._objects.specs):
                fields = {"by": back.by.value, "why": back.why, "since_ns": before_ns}
                self._sink.put("rollout.back", plan.name, at_ns=self._polled_ns, **fields)
                return back
            self._step(statuses, before_ns)
            self._signals.poll(self._plan.steps[self._reached] if self._reached >= 0 else 0.0)
            if self._may_promote(statuses):
                self._promote()
            self._objects.wake(statuses)
            switched = all(status.switched for status in statuses.values())
            lasted_s = (clock.now_ns() - self._reached_ns) / NS_PER_S
            over = switched and self._reached == len(plan.steps) - 1 and lasted_s >= plan.watched_s
            if over and plan.taken_back is TakenBack.BY_HAND:
                return Reversal(by=ReversedBy.HAND, why="planned in the rollout file")
            self._context.progress.now(
                f"rollout {plan.name}: {in_words(statuses.values())}, {deadline.left_s:.0f} s left"
            )
        why = f"the rollout did not end within {plan.within_s:g} s: {in_words(self._poll()[1].values())}"
        return Reversal(by=ReversedBy.HARNESS, why=why)

    def _poll(self) -> tuple[int, dict[str, ObjectStatus]]:
        """The state of every object now, and the time at which the reading before was requested.

        A change happened between the start of the reading before and the end of this one. The analyses of a changed object are read
        beside the next reading, so that it is not late, and are recorded with the time of this one.
        """
        before_ns = self._asked_ns
        self._asked_ns, statuses = self._objects.read()
        self._polled_ns = clock.now_ns()
        new = [one for one in self._objects.all if self._seen.is_new(one.subject, statuses[one.subject])]
        for one in new:
            self._seen.status(one.subject, statuses[one.subject], self._polled_ns, before_ns)
        self._analyses.record()
        if new or (self._polls % _ANALYSES == 0 and not self._analyses.busy):
            self._analyses.ask(partial(analysed, new or self._objects.all, self._polled_ns))
        self._answers.poll()
        self._polls += 1
        return before_ns, statuses

    def _step(self, statuses: Mapping[str, ObjectStatus], before_ns: int) -> None:
        """Open a new window once every object gives the candidate about the share of a later step."""
        shares = [1.0 if status.switched else status.share for status in statuses.values()]
        if any(share is None for share in shares):
            return
        given = min(share for share in shares if share is not None)
        reached = step_of(given, self._plan.steps, self._reached)
        if reached == self._reached:
            return
        self._reached, self._reached_ns = reached, self._polled_ns
        share = self._plan.steps[reached]
        whole = len(self._plan.steps) == 1
        part, phase = ("after-switch", Phase.SWITCHED) if whole else (f"step-{percent(share)}", Phase.STEP)
        self._context.traffic.rollout_reached(self._plan.name, part, phase, self._polled_ns)
        self._answers.begin(self._polled_ns)
        self._sink.put(
            "rollout.step", self._plan.name, at_ns=self._polled_ns, share=share, given=given, since_ns=before_ns
        )
        self._context.progress.say(f"rollout {self._plan.name}: {percent(share)} % of the users")

    def _may_promote(self, statuses: Mapping[str, ObjectStatus]) -> bool:
        """Whether a pause may be ended by the harness.

        The step has lasted, and the candidate answered in it.
        """
        now_ns = clock.now_ns()
        lasted = self._reached >= 0 and now_ns - self._reached_ns >= self._plan.dwell_s * NS_PER_S
        again = now_ns - self._promoted_ns >= AGAIN_S * NS_PER_S
        asked = self._plan.promoted_by == "harness" and lasted and again and self._answers.count > 0
        waiting = [status for status in statuses.values() if not status.switched]
        return asked and bool(waiting) and all(status.pause for status in waiting)

    def _promote(self) -> None:
        sent = self._objects.promote(self._plan.steps, self._reached)
        self._promoted_ns = clock.now_ns()
        if sent:
            share = self._plan.steps[self._reached]
            self._sink.put(
                "rollout.promoted", self._plan.name, at_ns=self._promoted_ns, share=share, answers=self._answers.count
            )

    def _take_back(self, back: Reversal) -> int:
        """Begin the rollback unless the platform does; returns when it began.

        While the API server does not answer, the order is sent again; it is received between the first request and the last answer.
        """
        since_ns = clock.now_ns()
        self._context.traffic.rollout_reached(self._plan.name, "back", Phase.BACK, since_ns)
        self._context.progress.say(f"rollout {self._plan.name}: {taken_back_words(back.by)} ({back.why})")
        if back.by not in _OF_THE_HARNESS:
            return since_ns
        failed = self._objects.order_back(back.by)
        at_ns = clock.now_ns()
        fields = {"by": back.by.value, "why": back.why, "failed": failed, "since_ns": since_ns}
        self._sink.put("rollout.back", self._plan.name, at_ns=at_ns, **fields)
        return at_ns

    def _end(self, by: ReversedBy, began_ns: int, intents: Sequence[Intent]) -> None:
        """Wait until every object is at rest on the old release, watch for some seconds more, and record which release it ended on.

        The rollback is judged, so the harness does not help it before `helped_after_s` of the plan; a rollback of unknown origin, which no
        sentence judges, is helped after 12 s. After that it may take the rest of `within`.
        An object with an image, selector or configuration of neither release is never overwritten, and stays in the undo log.
        """
        alone_s = WATCHED_AFTER_S if by is ReversedBy.UNKNOWN else self._plan.helped_after_s
        left_s = self._plan.within_s - self._plan.after_s - (began_ns - self._began_ns) / NS_PER_S
        context, name = self._context, self._plan.name
        left = {one.subject: one for one in self._objects.all}
        sent_ns = began_ns
        for _ in clock.Deadline.after(self._plan.after_s + max(left_s, _BACK_WITHIN_S)).ticks(POLL_S):
            context.present()
            self._poll()
            now_ns = clock.now_ns()
            send = now_ns - sent_ns >= AGAIN_S * NS_PER_S
            sent_ns = now_ns if send else sent_ns
            late = send and now_ns - began_ns >= alone_s * NS_PER_S
            hasten = send and (late or by in _OF_THE_HARNESS)
            back = self._objects.go_back(left.values(), hasten=hasten, restore=late)
            left = {subject: one for (subject, one), rests in zip(left.items(), back, strict=True) if not rests}
            if not left:
                break
        at_ns, statuses = clock.now_ns(), self._poll()[1]
        why = "; ".join(
            others or f"{subject} is {in_words([statuses[subject]])}"
            for subject, others in zip(left, self._objects.of_others(left.values()), strict=True)
        )
        words = {subject: in_words([status]) for subject, status in statuses.items()}
        release = "" if left else context.plan.release
        self._sink.put("rollout.ended", name, at_ns=at_ns, ok=not left, release=release, why=why, statuses=words)
        if not left:
            watch_s = max(self._plan.after_s - (at_ns - began_ns) / NS_PER_S, WATCHED_AFTER_S)
            context.pass_time(watch_s, f"rollout {name}: after the rollback")
        self._restore(why, intents)

    def _restore(self, why: str, intents: Sequence[Intent]) -> None:
        """Check whether the parts that the rollout changed are restored, and record it.

        Parts that are not restored are not broken again, and stay in the undo log. Objects on their old release get their own strategy
        back even so: with the strategy of the rollout they might never be at rest.
        """
        context, traffic, name = self._context, self._context.traffic, self._plan.name
        why = why or "; ".join(filter(None, self._objects.of_others()))
        kept = self._objects.return_strategies(left=bool(why))
        why = why or kept
        state, _ = traffic.condition.wait(self._act.touches, _BACK_WITHIN_S, context.present)
        if state.ok and not why:
            traffic.restored(clock.now_ns())
            for intent in intents:
                strike_intent(intent)
        else:
            blocked = f"the target was not restored after the rollout {name}: {why or state.why}"
            context.unrestored.update(dict.fromkeys(self._act.touches, blocked))
        context.progress.say(f"rollout {name}: {why or 'ended on ' + context.plan.release}")
