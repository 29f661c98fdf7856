"""The objects of a rollout: their earlier state, the values that the rollout gives them, and requests to all of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from harness import clock
from harness.drivers.rollout import (
    STRATEGY_OF_OTHERS,
    FollowedSpec,
    Given,
    given_by_others,
    go_back,
    intend_back,
    unmoved,
)
from harness.errors import DriverError, TargetSilent
from harness.model.planned.rollout import ReversedBy
from harness.run.acts.at_once import at_once
from harness.run.acts.rollout.reaching import step_of
from harness.targets.cluster.patience import patiently
from harness.targets.safety.intents import amend_intent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from harness.drivers.rollout import Changeable, ObjectStatus, Replaced, Strategy
    from harness.model import Intent
    from harness.model.planned.rollout import RolloutPlan
    from harness.targets import Platform

POLL_S: Final = 0.2
AGAIN_S: Final = 2.0
"""Seconds after which a request that a controller may have missed is sent again."""
_AT_REST_WITHIN_S: Final = 10.0
"""Seconds for which an object may take to be at rest, before it is changed and after it was given a strategy."""

R = TypeVar("R")


class RolledObjects:
    """Sends a request to every object at the same time, and again while the API server is silent.

    Args:
        objects: objects that the rollout changes.
        present: function that is called while waiting; raises if waiting is pointless.
    """

    def __init__(self, objects: Sequence[Changeable], present: Callable[[], None]) -> None:
        self.all = list(objects)
        self._present = present
        self._before: dict[str, Replaced] = {}
        self._was: dict[str, str] = {}
        self._strategies: dict[str, Strategy | None] = {}
        self._lent: dict[str, Strategy | None] = {}  # as the API server has those that the rollout gave
        self._specs: dict[str, FollowedSpec] = {}
        self._undone: dict[str, Replaced] = {}
        self._intents: dict[str, Intent] = {}
        self._overlooked: dict[str, float] = {}
        self.templates: dict[str, Replaced] = {}

    @property
    def subjects(self) -> list[str]:
        """The subject of each object, such as `Rollout us-east-1/track-service`."""
        return [one.subject for one in self.all]

    @property
    def specs(self) -> Mapping[str, FollowedSpec]:
        """The followed spec of each object, by subject."""
        return self._specs

    def of_each(self, call: Callable[[Changeable], R], objects: Iterable[Changeable] | None = None) -> list[R]:
        """The result of a call for each object, or for some objects; the call may be repeated, so it must be idempotent.

        Raises:
            TargetUnreachable: the API server was silent for too long.
        """
        chosen = self.all if objects is None else list(objects)
        return patiently(lambda: at_once(call, chosen), self._present)

    def remember(self, template_of: Callable[[Changeable, Replaced], Replaced]) -> list[str]:
        """Read the earlier state and the new template of every object; drop objects that do not change, and return their subjects.

        Args:
            template_of: function that returns the candidate's template for an object and its present template.
        """
        there = list(zip(self.all, self.of_each(lambda one: one.present()), strict=True))
        self._before = {one.subject: one.template(obj) for one, obj in there}
        self._was = {one.subject: one.status_of(obj).current for one, obj in there}
        self._strategies = {one.subject: one.strategy(obj) for one, obj in there}
        self.templates = {one.subject: template_of(one, self._before[one.subject]) for one in self.all}
        same = [subject for subject, template in self.templates.items() if template == self._before[subject]]
        self.all = [one for one in self.all if one.subject not in same]
        self._specs = {
            subject: FollowedSpec(one, self._before[subject], self._was[subject], self.templates[subject])
            for one in self.all
            for subject in [one.subject]
        }
        return same

    def strategies_for(self, asked: Mapping[Any, Any], *, always: bool) -> dict[str, Strategy]:
        """The strategy that the rollout needs, for each object that has another one."""
        every = self.of_each(lambda one: one.strategy_for(one.present(), asked, always=always))
        found = dict(zip(self.subjects, every, strict=True))
        return {key: value for key, value in found.items() if value is not None and value != self._strategies[key]}

    def intend_back(
        self, platform: Platform, plan: RolloutPlan, release: str, lent: Mapping[str, Strategy]
    ) -> list[Intent]:
        """Write to the undo log how each object is rolled back; `lent` are the strategies that the rollout gives to objects."""
        self._intents = {
            one.subject: intend_back(
                platform,
                plan.name,
                one,
                release=release,
                candidate=plan.candidate,
                template=self.templates[one.subject],
                strategy=self._strategies[one.subject] if one.subject in lent else None,
                lent=lent.get(one.subject),
                within_s=plan.within_s,
            )
            for one in self.all
        }
        return list(self._intents.values())

    def _note(self, subject: str, **params: object) -> None:
        """Add a value to the undo log entry of an object."""
        self._intents[subject] = amend_intent(self._intents[subject], **params)

    def lend(self, strategies: Mapping[str, Strategy]) -> str:
        """Give objects a strategy, and wait until they are at rest; returns the objects that are not, empty if all are."""
        why = self._adopt(strategies)
        self._lent = self._present_of(strategies)
        for subject, lent in self._lent.items():
            self._note(subject, lent=lent, lent_as_read=True)
        return why

    def return_strategies(self, *, left: bool = False) -> str:
        """Restore the strategies that the rollout replaced; returns why one was not restored, empty if all were.

        A strategy that others changed meanwhile is kept, and so is the strategy of an object to which the rollout gave none.

        Args:
            left: whether some objects are not at rest on their old release. Then only objects on their old release get their strategy
                back, since another object may never be at rest with it.
        """
        for subject, now in self._present_of(self._lent).items():
            if now not in (self._lent[subject], self._strategies[subject]):
                return f"{subject} {STRATEGY_OF_OTHERS}"
        lent = [one for one in self.all if one.subject in self._lent]
        if left:
            lent = [one for one, there in zip(lent, self.of_each(self._unmoved, lent), strict=True) if there]
        own = {one.subject: self._strategies[one.subject] for one in lent}
        return self._adopt({subject: strategy for subject, strategy in own.items() if strategy is not None})

    def _unmoved(self, one: Changeable) -> bool:
        before, was = self._before[one.subject], self._was[one.subject]
        return unmoved(one, one.present(), before, was, self._undone.get(one.subject))

    def _adopt(self, strategies: Mapping[str, Strategy]) -> str:
        now = self._present_of(strategies)
        changed = [one for one in self.all if one.subject in now and now[one.subject] != strategies[one.subject]]
        for one in changed:
            one.set_strategy(strategies[one.subject])
        left = self.unrested(changed)
        return f"not at rest after their strategy was set: {left}" if left else ""

    def _present_of(self, subjects: Collection[str]) -> dict[str, Strategy | None]:
        """The present strategies of some objects."""
        chosen = [one for one in self.all if one.subject in subjects]
        now = self.of_each(lambda one: one.strategy(one.present()), chosen)
        return {one.subject: strategy for one, strategy in zip(chosen, now, strict=True)}

    def unrested(self, objects: Sequence[Changeable] | None = None) -> str:
        """Which objects are not at rest within `_AT_REST_WITHIN_S`, in words; empty if all are.

        A rollback to the spec of an object that is not at rest could promote a release that was aborted, or that waits for a person.
        """
        left, words = list(self.all if objects is None else objects), ""
        for _ in clock.Deadline.after(_AT_REST_WITHIN_S).ticks(POLL_S):
            self._present()
            statuses = self.of_each(lambda one: one.status(), left)
            busy = [(one, status) for one, status in zip(left, statuses, strict=True) if not status.at_rest]
            left = [one for one, _ in busy]
            words = ", ".join(f"{one.subject} is {in_words([status])}" for one, status in busy)
            if not left:
                break
        return words

    def read(self) -> tuple[int, dict[str, ObjectStatus]]:
        """Read the state of every object; returns the time of the request and the states by subject."""

        def asked() -> tuple[int, list[ObjectStatus]]:
            return clock.now_ns(), at_once(lambda one: self._specs[one.subject].read(), self.all)

        asked_ns, read = patiently(asked, self._present)
        return asked_ns, dict(zip(self.subjects, read, strict=True))

    def promote(self, steps: Sequence[float], reached: int) -> bool:
        """Promote every object that is at the present step of the rollout, and not beyond it; returns whether anything was sent.

        An object that went on while another object missed its promotion would otherwise get more users than the step has.

        Raises:
            TargetUnreachable: the API server was silent for too long, or refuses it.
        """
        return any(at_once(partial(_promoted, steps=steps, reached=reached), self.all))

    def wake(self, statuses: Mapping[str, ObjectStatus]) -> None:
        """Wake the controller of each object that did not react to the last request, at most once every `AGAIN_S` seconds."""
        now_s = clock.now_s()
        since_s = {
            one.subject: self._overlooked.get(one.subject, now_s)
            for one in self.all
            if statuses[one.subject].overlooked
        }
        late = [one for one in self.all if now_s - since_s.get(one.subject, now_s) >= AGAIN_S]
        self._overlooked = since_s | {one.subject: now_s for one in late}
        self.of_each(lambda one: one.wake(), late)

    def order_back(self, by: ReversedBy) -> str:
        """Order the rollback; returns the problem, empty if there was none.

        A rollback by hand uses the command of the product; otherwise the rollout in progress is aborted.

        Raises:
            TargetSilent: it is unknown whether an order was received.
        """
        return "; ".join(filter(None, at_once(partial(self._ordered, by=by), self.all)))

    def _ordered(self, one: Changeable, by: ReversedBy) -> str:
        try:
            if by is ReversedBy.HAND:
                one.undo(partial(self._undoing, one.subject))
            else:
                patiently(lambda: one.abort(one.present()))
        except TargetSilent:
            raise
        except DriverError as error:
            return error.what
        return ""

    def _undoing(self, subject: str, undone: Replaced) -> None:
        """Write the rollback command to the undo log before it is sent: otherwise a recovery would attribute it to others."""
        self._undone[subject] = undone
        self._note(subject, undone=undone)

    def go_back(self, objects: Iterable[Changeable], *, hasten: bool, restore: bool) -> list[bool]:
        """Do one step of the rollback of some objects; returns for each whether it is at rest in its earlier state."""

        def back(one: Changeable) -> bool:
            before, was = self._before[one.subject], self._was[one.subject]
            return go_back(one, before, was, hasten=hasten, restore=restore, given=self._given(one))

        return self.of_each(back, objects)

    def of_others(self, objects: Iterable[Changeable] | None = None) -> list[str]:
        """For each object, or for some objects, the values that others set and that must not be overwritten; empty if none."""

        def others(one: Changeable) -> str:
            return given_by_others(one, self._before[one.subject], self._was[one.subject], self._given(one))

        return self.of_each(others, objects)

    def _given(self, one: Changeable) -> Given:
        """The values that the rollout gives an object, with the images as admission may have changed them."""
        subject = one.subject
        return Given(self.templates[subject], self._specs[subject].images, self._undone.get(subject))


def _promoted(one: Changeable, steps: Sequence[float], reached: int) -> bool:
    """Whether a promotion was sent; one whose answer was lost counts, as it may have been received.

    The object is read again before a repetition. An object that went on meanwhile refuses the promotion of the earlier pause.
    """
    lost = False

    def promoted() -> bool:
        nonlocal lost
        obj = one.present()
        share = one.status_of(obj).share
        if share is None or step_of(share, steps, reached) != reached:
            return False
        try:
            return one.promote(obj)
        except TargetSilent:
            lost = True
            raise

    return patiently(promoted) or lost


def in_words(statuses: Iterable[ObjectStatus]) -> str:
    """The states as text, each once: `Paused (CanaryPauseStep)`."""
    words = (f"{status.phase} ({status.message})" if status.message else status.phase for status in statuses)
    return ", ".join(dict.fromkeys(words))
