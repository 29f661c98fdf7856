"""One rollout while it runs.

Begun, followed step by step, promoted where the file says so, and taken back.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.drivers.rollout import (
    FollowedSpec,
    Reversal,
    candidate_template,
    changeable,
    given_by_others,
    go_back,
    gone_back,
    images_of,
    intend_back,
    take_over,
)
from harness.errors import DriverError
from harness.model import Phase
from harness.model.rollout import (
    WATCHED_AFTER_S,
    ReversedBy,
    RolloutPlan,
    Strategy,
    TakenBack,
    percent,
    taken_back_words,
)
from harness.run.acts.at_once import Beside, at_once
from harness.run.acts.changes import RolloutChanges, analysed
from harness.run.acts.reaching import CandidateAnswers, step_of
from harness.run.acts.signals import SignalReader
from harness.targets.guard import guard_replaced
from harness.targets.intents import strike_intent
from harness.targets.kubernetes import Cluster
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.drivers.rollout import Changeable, ObjectStatus, Replaced
    from harness.drivers.rollout import Strategy as StrategySpec
    from harness.model import Act, Intent
    from harness.run.acts.context import Context

_POLL_S: Final = 0.2
_ANALYSES: Final = 3
"""Analyses are read every so many polls: there is one list of them a namespace."""
_SEND_AGAIN_S: Final = 2.0
"""A request that the controller may have missed is sent again after this."""
_BACK_WITHIN_S: Final = 30.0
"""So long, at least, the harness helps back what did not return in the time that the sentences give it."""
_OF_THE_HARNESS: Final = frozenset({ReversedBy.HAND, ReversedBy.HARNESS})
_AT_REST_WITHIN_S: Final = 10.0
"""So long an object that is to be changed, or was given a strategy, is waited for."""


class Following:
    """One rollout under way.

    Args:
        plan: what is done.
        act: of the run.
        context: what an act is given.
    """

    def __init__(self, plan: RolloutPlan, act: Act, context: Context) -> None:
        self._plan = plan
        self._act = act
        self._context = context
        self._sink = context.sink("rollouts")
        cluster = Cluster.of(context.target)
        places = plan.namespaces or ((context.target.kubernetes.namespace,) if context.target.kubernetes else ())
        self._objects = [changeable(cluster, plan.kind, place, name) for place in places for name in plan.names]
        self._before: dict[str, Replaced] = {}
        self._was: dict[str, str] = {}
        self._images: dict[str, list[str]] = {}  # of both releases
        self._specs: dict[str, FollowedSpec] = {}
        self._strategies: dict[str, StrategySpec | None] = {}
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
        guard_replaced(context.target, plan.name, sum(at_once(lambda one: one.pods(one.present()), self._objects)))
        if left := self._unrested(self._objects):
            why = f"not at rest: {left}"
            context.progress.say(f"rollout {plan.name}: skipped, {why}")
            self._sink.put("rollout.skipped", plan.name, why=why)
            return
        self._remember()
        templates = {
            one.subject: candidate_template(plan, context.target, one.namespace, one.name, self._before[one.subject])
            for one in self._objects
        }
        self._images = {
            subject: [*images_of(self._before[subject]), *images_of(template)]
            for subject, template in templates.items()
        }
        same = [subject for subject, template in templates.items() if template == self._before[subject]]
        self._objects = [one for one in self._objects if one.subject not in same]
        if not self._objects:
            raise DriverError(f"nothing of {plan.candidate} differs from what runs: {', '.join(same)}")
        stable = context.plan.release
        intents = [
            intend_back(
                context.platform,
                plan.name,
                one,
                release=stable,
                candidate=plan.candidate,
                template=templates[one.subject],
                within_s=plan.within_s,
            )
            for one in self._objects
        ]
        context.progress.say(f"rollout {plan.name}: {plan.strategy.value} from {stable} to {plan.candidate}")
        asked = context.target.rollout.strategies if context.target.rollout is not None else {}
        named = next((dict(one) for strategy, one in asked.items() if strategy == plan.strategy.value), {})
        always = plan.strategy is Strategy.ALL_AT_ONCE
        if why := self._adopt(
            {one.subject: one.strategy_for(one.present(), named, always=always) for one in self._objects}
        ):
            self._sink.put("rollout.skipped", plan.name, why=why)
            self._restore(why, intents)
            return
        began_ns = self._began_ns = clock.now_ns()
        context.presence.begin(plan.within_s)
        context.traffic.rollout_reached(plan.name, "start", Phase.STEP, began_ns)
        at_once(lambda one: take_over(one, templates[one.subject]), self._objects)
        subjects = [one.subject for one in self._objects]
        self._sink.put(
            "rollout.started",
            plan.name,
            at_ns=began_ns,
            strategy=plan.strategy.value,
            stable=stable,
            candidate=plan.candidate,
            objects=subjects,
            unchanged=same,
        )
        with closing(self._analyses):
            with closing(self._signals):
                back = self._follow()
            self._end(back.by, self._take_back(back), intents)

    def _remember(self) -> None:
        """Read what every object is, at rest: the rollout ends on that."""
        there = list(zip(self._objects, at_once(lambda one: one.present(), self._objects), strict=True))
        self._before = {one.subject: one.template(obj) for one, obj in there}
        self._was = {one.subject: one.status_of(obj).current for one, obj in there}
        self._strategies = {one.subject: one.strategy(obj) for one, obj in there}
        self._specs = {
            one.subject: FollowedSpec(one, self._before[one.subject], self._was[one.subject]) for one in self._objects
        }

    def _adopt(self, strategies: Mapping[str, StrategySpec | None]) -> str:
        """Give every object its strategy and wait until it is at rest; which did not come to rest, empty where all did."""
        changed = [one for one in self._objects if one.strategy(one.present()) != strategies[one.subject]]
        for one in changed:
            one.set_strategy(strategies[one.subject] or {})
        left = self._unrested(changed)
        return f"not at rest once their strategy was set: {left}" if left else ""

    def _unrested(self, objects: Sequence[Changeable]) -> str:
        """Which objects did not come to rest in `_AT_REST_WITHIN_S`, in words; empty where all did.

        A way back to the spec of one that is not at rest would promote the release that was aborted, or that waits for a person.
        """
        left, words = list(objects), ""
        for _ in clock.Deadline.after(_AT_REST_WITHIN_S).ticks(_POLL_S):
            self._context.present()
            statuses = at_once(lambda one: one.status(), left)
            busy = [(one, status) for one, status in zip(left, statuses, strict=True) if not status.at_rest]
            left = [one for one, _ in busy]
            words = ", ".join(f"{one.subject} is {_in_words([status])}" for one, status in busy)
            if not left:
                break
        return words

    def _follow(self) -> Reversal:
        """Follow the rollout until it must be rolled back; returns who rolls it back, and why."""
        plan = self._plan
        deadline = clock.Deadline.after(plan.within_s)
        for _ in deadline.ticks(_POLL_S):
            self._context.present()
            before_ns, statuses = self._poll()
            if back := gone_back(statuses, self._specs):
                fields = {"by": back.by.value, "why": back.why, "since_ns": before_ns}
                self._sink.put("rollout.back", plan.name, at_ns=self._polled_ns, **fields)
                return back
            self._step(statuses, before_ns)
            self._signals.poll(self._plan.steps[self._reached] if self._reached >= 0 else 0.0)
            if self._may_promote(statuses):
                self._promote()
            switched = all(status.switched for status in statuses.values())
            lasted_s = (clock.now_ns() - self._reached_ns) / NS_PER_S
            over = switched and self._reached == len(plan.steps) - 1 and lasted_s >= plan.watched_s
            if over and plan.taken_back is TakenBack.BY_HAND:
                return Reversal(by=ReversedBy.HAND, why="as planned")
            self._context.progress.now(
                f"rollout {plan.name}: {_in_words(statuses.values())}, {deadline.left_s:.0f} s left"
            )
        why = f"nothing ended it in {plan.within_s:g} s: {_in_words(self._poll()[1].values())}"
        return Reversal(by=ReversedBy.HARNESS, why=why)

    def _poll(self) -> tuple[int, dict[str, ObjectStatus]]:
        """The state of every object now, and when it was read before.

        What is new came after the reading before began, and before this one was over. The analyses of what is new are read beside
        the next reading, so that it is not late, and recorded as of this one: one of them let the object go on.
        """
        before_ns, self._asked_ns = self._asked_ns, clock.now_ns()
        read = at_once(lambda one: self._specs[one.subject].read(), self._objects)
        self._polled_ns = clock.now_ns()
        statuses = {one.subject: status for one, status in zip(self._objects, read, strict=True)}
        new = [one for one in self._objects if self._seen.is_new(one.subject, statuses[one.subject])]
        for one in new:
            self._seen.status(one.subject, statuses[one.subject], self._polled_ns, before_ns)
        self._analyses.record()
        if new or (self._polls % _ANALYSES == 0 and not self._analyses.busy):
            self._analyses.ask(partial(analysed, new or self._objects, self._polled_ns))
        self._answers.poll()
        self._polls += 1
        return before_ns, statuses

    def _step(self, statuses: Mapping[str, ObjectStatus], before_ns: int) -> None:
        """Open a window when every object gives the candidate about the share of a later step."""
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
        again = now_ns - self._promoted_ns >= _SEND_AGAIN_S * NS_PER_S
        asked = self._plan.promoted_by == "harness" and lasted and again and self._answers.count > 0
        waiting = [status for status in statuses.values() if not status.switched]
        return asked and bool(waiting) and all(status.pause for status in waiting)

    def _promote(self) -> None:
        if any(at_once(lambda one: one.promote(one.present()), self._objects)):
            self._promoted_ns = clock.now_ns()
            share = self._plan.steps[self._reached]
            self._sink.put(
                "rollout.promoted", self._plan.name, at_ns=self._promoted_ns, share=share, answers=self._answers.count
            )

    def _take_back(self, back: Reversal) -> int:
        """Begin the rollback where others do not; returns when it began."""
        at_ns = clock.now_ns()
        self._context.traffic.rollout_reached(self._plan.name, "back", Phase.BACK, at_ns)
        self._context.progress.say(f"rollout {self._plan.name}: {taken_back_words(back.by)} ({back.why})")
        if back.by not in _OF_THE_HARNESS:
            return at_ns
        failed = "; ".join(filter(None, at_once(lambda one: _ordered(one, back.by), self._objects)))
        fields = {"by": back.by.value, "why": back.why, "failed": failed, "since_ns": at_ns}
        self._sink.put("rollout.back", self._plan.name, at_ns=at_ns, **fields)
        return at_ns

    def _end(self, by: ReversedBy, began_ns: int, intents: Sequence[Intent]) -> None:
        """See every object at rest on the release before, watch on, and say which release it ended on.

        What others, or the one command, do not bring back is helped only after `helped_after_s` of the plan: until then it is judged.
        No sentence judges a way back of unknown origin, which is helped after 12 s. It may then take what is left of `within`.
        An image of neither release is not overwritten: the object then ended on neither, and stays in the undo log.
        """
        alone_s = WATCHED_AFTER_S if by is ReversedBy.UNKNOWN else self._plan.helped_after_s
        left_s = self._plan.within_s - self._plan.after_s - (began_ns - self._began_ns) / NS_PER_S
        context, name = self._context, self._plan.name
        left = {one.subject: one for one in self._objects}
        sent_ns = began_ns
        for _ in clock.Deadline.after(self._plan.after_s + max(left_s, _BACK_WITHIN_S)).ticks(_POLL_S):
            context.present()
            self._poll()
            now_ns = clock.now_ns()
            send = now_ns - sent_ns >= _SEND_AGAIN_S * NS_PER_S
            sent_ns = now_ns if send else sent_ns
            late = send and now_ns - began_ns >= alone_s * NS_PER_S
            hasten = send and (late or by in _OF_THE_HARNESS)
            back = at_once(partial(self._is_back, hasten=hasten, restore=late), left.values())
            left = {subject: one for (subject, one), rests in zip(left.items(), back, strict=True) if not rests}
            if not left:
                break
        at_ns, statuses = clock.now_ns(), self._poll()[1]
        why = "; ".join(
            self._given_by_others(one) or f"{subject} is {_in_words([statuses[subject]])}"
            for subject, one in left.items()
        )
        words = {subject: _in_words([status]) for subject, status in statuses.items()}
        release = "" if left else context.plan.release
        self._sink.put("rollout.ended", name, at_ns=at_ns, ok=not left, release=release, why=why, statuses=words)
        if not left:
            watch_s = max(self._plan.after_s - (at_ns - began_ns) / NS_PER_S, WATCHED_AFTER_S)
            context.pass_time(watch_s, f"rollout {name}: after the way back")
        self._restore(why, intents)

    def _is_back(self, one: Changeable, *, hasten: bool, restore: bool) -> bool:
        subject, known = one.subject, self._known(one)
        return go_back(one, self._before[subject], self._was[subject], hasten=hasten, restore=restore, known=known)

    def _known(self, one: Changeable) -> list[str]:
        """The images of both releases, with the candidate's as admission may have changed them."""
        return [*self._images[one.subject], *self._specs[one.subject].images]

    def _given_by_others(self, one: Changeable) -> str:
        return given_by_others(one, self._known(one))

    def _restore(self, why: str, intents: Sequence[Intent]) -> None:
        """Whether what was disturbed is as before.

        What is not is not broken further, and stays in the undo log.
        """
        context, traffic, name = self._context, self._context.traffic, self._plan.name
        why = why or "; ".join(filter(None, at_once(self._given_by_others, self._objects)))
        why = why or self._adopt(self._strategies)
        state, _ = traffic.condition.wait(self._act.touches, _BACK_WITHIN_S, context.present)
        if state.ok and not why:
            traffic.restored(clock.now_ns())
            for intent in intents:
                strike_intent(intent)
        else:
            blocked = f"not restored after the rollout {name}: {why or state.why}"
            context.unrestored.update(dict.fromkeys(self._act.touches, blocked))
        context.progress.say(f"rollout {name}: {why or 'ended on ' + context.plan.release}")


def _ordered(one: Changeable, by: ReversedBy) -> str:
    """Order the rollback; returns what went wrong, empty where nothing did.

    By hand with the one command of the product, else by ending what is under way.
    """
    try:
        if by is ReversedBy.HAND:
            one.undo()
        else:
            one.abort(one.present())
    except DriverError as error:
        return error.what
    return ""


def _in_words(statuses: Iterable[ObjectStatus]) -> str:
    """`Paused (CanaryPauseStep)`, each once."""
    words = (f"{status.phase} ({status.message})" if status.message else status.phase for status in statuses)
    return ", ".join(dict.fromkeys(words))
