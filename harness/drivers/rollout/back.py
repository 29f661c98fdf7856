"""The way back, on disk before anything is changed: whoever is killed in the midst of a rollout leaves what ends it on one release."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from harness.clock import Deadline
from harness.drivers.rollout.candidate import foreign_images, images_of
from harness.drivers.rollout.objects import Changeable, Strategy, changeable
from harness.errors import DriverError
from harness.targets.undo import undoable

if TYPE_CHECKING:
    from harness.drivers.rollout.candidate import Replaced
    from harness.model import Intent
    from harness.targets import Platform, Target
    from harness.targets.kubernetes import Cluster

BACK_WITHIN_S: Final = 20.0
"""So long, at least, the recovery of one object waits until it is at rest on the release before; as its rollout may take, if that is longer."""
_POLL_S: Final = 0.2
_AGAIN: Final = 10
"""Every so many observations a request that may have been missed is sent again."""


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
    images: Sequence[str] | None = None,
    within_s: float = BACK_WITHIN_S,
) -> None:
    """End on the release before, and return when the object says so itself.

    Raises:
        DriverError: it does not within `within_s`, or not with the strategy that it had; or it has an image of neither
            release (`images` are the candidate's), which others gave it since: that is not overwritten.
    """
    here = changeable(cluster, kind, namespace, name, before)
    if images is not None and (why := given_by_others(here, (*images_of(before), *images))):
        hint = f"if it is as it must be, delete the entry of the undo log; else give it the release {release} by hand"
        raise DriverError(why, hint=hint)
    _end_on(here, before, current, release, within_s)
    if strategy is not None and here.strategy(here.present()) != strategy:
        here.set_strategy(strategy)
        _end_on(here, before, current, release, within_s)


def _end_on(here: Changeable, before: Replaced, current: str, release: str, within_s: float) -> None:
    for number, _ in enumerate(Deadline.after(within_s).ticks(_POLL_S)):
        again = number % _AGAIN == 0
        if go_back(here, before, current, hasten=again, restore=again):
            return
    status = here.status()
    why = ": ".join(filter(None, (status.phase, status.message)))
    shown = f"{here.SHOWN_BY} {here.name} -n {here.namespace}"
    raise DriverError(
        f"{here.subject} did not return to {release} within {within_s:g} s ({why})",
        hint=f"check it with `{shown}`, set it back by hand, then run `readiness recover`",
    )


def given_by_others(here: Changeable, known: Iterable[str]) -> str:
    """`Deployment eu/cart has cart:2.0.0, of neither release: …`: what must not be overwritten; empty where every image is `known`.

    Args:
        here: the object.
        known: the images of both releases.
    """
    foreign = ", ".join(foreign_images(here.template(here.present()), known))
    return f"{here.subject} has {foreign}, of neither release: it was changed since by others" if foreign else ""


def go_back(
    here: Changeable,
    before: Replaced,
    current: str,
    *,
    hasten: bool,
    restore: bool,
    known: Iterable[str] | None = None,
) -> bool:
    """One step of the way back: whether the object is at rest on what it was.

    Args:
        here: the object.
        before: what it was.
        current: what it said that this is.
        hasten: whether the steps of the way there are left out, once its spec is what it was.
        restore: whether its spec is set to what it was.
        known: the images of both releases: a spec with any other is not overwritten; None: it is.
    """
    obj = here.present()
    if here.back_on(obj, before, current):
        return True
    if here.asks_for(obj, before, current):
        if hasten:
            here.hasten(obj)
    elif restore and (known is None or not foreign_images(here.template(obj), known)):
        here.abort(obj)
        here.replace(before)
    return False


@undoable("take-back", undo=_take_back, of_a_cluster=True)
def take_over(here: Changeable, template: Replaced) -> None:
    """Give the object what the candidate has in that place."""
    here.replace(template)


def intend_back(
    platform: Platform,
    rollout: str,
    here: Changeable,
    *,
    release: str,
    candidate: str,
    template: Replaced,
    within_s: float = BACK_WITHIN_S,
) -> Intent:
    """Put on disk how an object is taken back; strike it off when it was seen at rest on what it was.

    Args:
        platform: what is acted on.
        rollout: by name.
        here: the object.
        release: what it runs now.
        candidate: what takes over.
        template: what it gives the object.
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
        strategy=here.strategy(here.present()),
        images=images_of(template),
        within_s=max(within_s, BACK_WITHIN_S),
    )
