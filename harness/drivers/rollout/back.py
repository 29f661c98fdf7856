"""Rolls a rollout back; the undo log has the rollback before any change, also for a killed rollout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from harness.clock import Deadline
from harness.drivers.rollout.candidate import Replaced, containers_of, equal, foreign_images, images_of, without_images
from harness.drivers.rollout.objects import Changeable, Strategy, changeable
from harness.errors import DriverError
from harness.targets.undo import undoable

if TYPE_CHECKING:
    from harness.model import Intent
    from harness.targets import Platform, Target
    from harness.targets.kubernetes import Cluster, Object

BACK_WITHIN_S: Final = 20.0
"""Minimum time in s for which a recovery waits until an object is at rest on the old release."""
STRATEGY_OF_OTHERS: Final = "has a strategy that another user or controller has set since"
_POLL_S: Final = 0.2
_AGAIN: Final = 10
"""Number of observations after which a request that may be lost is sent again."""
_AS_IT_MUST_BE: Final = "if the object is correct, delete its entry in the undo log; otherwise"


@dataclass(frozen=True, slots=True)
class Given:
    """The values that a rollout sets in an object; other users or controllers set other values.

    Attributes:
        template: template or selector of the candidate; empty if only the images are known, from an older undo log.
        images: images of the candidate, as admission may have changed them.
        undone: template that the rollback command wrote, which is the old release as the product writes it.
    """

    template: Replaced
    images: Sequence[str] = ()
    undone: Replaced | None = None


def _take_back(
    cluster: Cluster,
    _target: Target,
    *,
    kind: str,
    namespace: str,
    name: str,
    release: str,
    current: str,
    before: Replaced,
    strategy: Strategy | None = None,
    lent: Strategy | None = None,
    lent_as_read: bool = False,
    images: Sequence[str] | None = None,
    template: Replaced | None = None,
    undone: Replaced | None = None,
    within_s: float = BACK_WITHIN_S,
) -> None:
    """Roll an object back to its old release, and return once the object reports that it runs it.

    `strategy` is the object's own strategy, if the rollout gave it another one, and `lent` is that other one: as in the
    rollout file, or, with `lent_as_read`, as the API server returned it. An older undo log has no `lent`; then any
    strategy is replaced. If the object is already on its old release, its own strategy is set first, as the object may
    never come to rest with the other one. `template` is the template of the candidate; an older undo log has only its
    `images`. `undone` is the template that the command to roll back writes, if it was about to be sent.

    Raises:
        DriverError: the object does not return within `within_s`, or has a strategy, image or configuration that others
            set since, which is not overwritten.
    """
    here = changeable(cluster, kind, namespace, name, before)
    given = Given(template=template or {}, images=images or (), undone=undone) if template or images else None

    def lends(now: Strategy | None) -> bool:
        return now != strategy and (lent is None or (now == lent if lent_as_read else _has(now, lent)))

    obj = here.present()
    if strategy is not None and lends(here.strategy(obj)) and unmoved(here, obj, before, current, undone):
        here.set_strategy(strategy)  # first: with the other one the object may never be at rest
    _end_on(here, before, current, release, within_s, given=given)
    now = here.strategy(here.present()) if strategy is not None else None
    if strategy is None or now == strategy:
        return
    if not lends(now):
        raise DriverError(f"{here.subject} {STRATEGY_OF_OTHERS}", hint=f"{_AS_IT_MUST_BE} set its own strategy by hand")
    here.set_strategy(strategy)
    _end_on(here, before, current, release, within_s, given=given)


def unmoved(here: Changeable, obj: Object, before: Replaced, current: str, undone: Replaced | None = None) -> bool:
    """Whether an object requests and runs the old release, so that a change of its strategy replaces no pod.

    The phase does not count, since an object whose controller refuses the strategy is `Degraded`.

    Args:
        here: object of the rollout.
        obj: contents of the object.
        before: template of the object before the rollout.
        current: release that the object reported as current before the rollout.
        undone: template that the rollback command wrote, if the command was sent.
    """
    status = here.status_of(obj)
    return here.template(obj) in (before, undone) and bool(current) and status.current == status.stable == current


def _has(now: Any, asked: Any) -> bool:
    """Whether a value has everything that was requested; admission or the API server may have added keys."""
    if isinstance(now, Mapping) and isinstance(asked, Mapping):
        return all(key in now and _has(now[key], value) for key, value in asked.items())
    if isinstance(now, list) and isinstance(asked, list):
        return len(now) == len(asked) and all(map(_has, now, asked))
    return bool(now == asked)


def _end_on(
    here: Changeable, before: Replaced, current: str, release: str, within_s: float, *, given: Given | None
) -> None:
    for number, _ in enumerate(Deadline.after(within_s).ticks(_POLL_S)):
        again = number % _AGAIN == 0
        if again and given is not None and (why := given_by_others(here, before, current, given)):
            raise DriverError(why, hint=f"{_AS_IT_MUST_BE} set the release {release} by hand")
        if go_back(here, before, current, hasten=again, restore=again, given=given):
            return
    status = here.status()
    why = ": ".join(filter(None, (status.phase, status.message)))
    shown = f"{here.SHOWN_BY} {here.name} -n {here.namespace}"
    raise DriverError(
        f"{here.subject} was not back on {release} within {within_s:g} s ({why})",
        hint=f"check the object with `{shown}`, roll it back by hand, then run `readiness recover --target FILE`",
    )


def given_by_others(here: Changeable, before: Replaced, current: str, given: Given) -> str:
    """The values that others set and a rollback must not overwrite, as a sentence; empty if there are none.

    Example: `Deployment eu/cart has cart:2.0.0, of neither release: …`.

    Args:
        here: object of the rollout.
        before: template or selector of the object before the rollout.
        current: release that the object reported as current before the rollout.
        given: values that the rollout set.
    """
    return _of_others(here, here.present(), before, current, given)


def _of_others(here: Changeable, obj: Object, before: Replaced, current: str, given: Given) -> str:
    since = "another user or controller changed it"
    template, known = here.template(obj), (*images_of(before), *images_of(given.template), *given.images)
    if foreign := foreign_images(template, known):
        return f"{here.subject} has {', '.join(foreign)}, of neither release: {since}"
    if _configured_since(here, obj, before, current, given):
        return f"{here.subject} has {', '.join(images_of(template))} again, with a configuration of neither release: {since}"
    return ""


def _configured_since(here: Changeable, obj: Object, before: Replaced, current: str, given: Given) -> bool:
    """Whether others restored the old release, and changed something else of the template.

    It is decided only if the images of the two releases differ. A template that equals the candidate's but for its
    images was not changed by others: admission may have replaced the images.
    """
    own, now = containers_of(before), containers_of(here.template(obj))
    if not given.template or equal(own, containers_of(given.template)) or not equal(own, now):
        return False
    if not here.status_of(obj).observed or here.asks_for(obj, before, current):
        return False
    ours = (before, given.template, given.undone or before)
    return without_images(here.template(obj)) not in map(without_images, ours)


def go_back(
    here: Changeable,
    before: Replaced,
    current: str,
    *,
    hasten: bool,
    restore: bool,
    given: Given | None = None,
) -> bool:
    """Do one step of the rollback; returns whether the object is at rest in its earlier state.

    Args:
        here: object of the rollout.
        before: template or selector of the object before the rollout.
        current: release that the object reported as current before the rollout.
        hasten: whether to skip the steps of the rollback once the spec is restored, and to wake a controller that
        missed the last write.
        restore: whether to set the spec to `before`.
        given: values that the rollout set; changes by others are then kept. None: they are overwritten.
    """
    obj = here.present()
    if here.back_on(obj, before, current):
        return True
    if hasten and here.status_of(obj).overlooked:
        here.wake()
    if here.asks_for(obj, before, current):
        if hasten:
            here.hasten(obj, current)
    elif restore and (given is None or not _of_others(here, obj, before, current, given)):
        here.abort(obj)
        here.replace(before)
    return False


@undoable("take-back", undo=_take_back, of_a_cluster=True)
def take_over(here: Changeable, template: Replaced) -> None:
    """Set the candidate's template or selector in the object."""
    here.replace(template)


def intend_back(
    platform: Platform,
    rollout: str,
    here: Changeable,
    *,
    release: str,
    candidate: str,
    template: Replaced,
    strategy: Strategy | None = None,
    lent: Strategy | None = None,
    within_s: float = BACK_WITHIN_S,
) -> Intent:
    """Write to the undo log how an object is rolled back; remove the entry when the object is at rest in its earlier state.

    Args:
        platform: the platform with the undo log.
        rollout: name of the rollout.
        here: the object.
        release: the release that it runs now.
        candidate: the release that takes over.
        template: the template or selector of the candidate.
        strategy: the object's own strategy, if the rollout gives it another one.
        lent: that other strategy.
        within_s: how long the rollout may take.
    """
    return take_over.intend(
        platform,
        f"rollout:{rollout}",
        f"rollout {rollout} of {here.subject} from {release} to {candidate}",
        kind=here.KIND,
        namespace=here.namespace,
        name=here.name,
        release=release,
        current=here.status().current,
        before=here.template(here.present()),
        strategy=strategy,
        lent=lent,
        template=template,
        within_s=max(within_s, BACK_WITHIN_S),
    )
