"""Who takes a candidate back, beside an abort: what an object's spec asks for while the rollout is followed.

The harness writes no spec between the candidate's and the command for the way back, so a spec that asks for the release before in that
time was written by others: `undo`, a revert by GitOps, or a controller that owns the object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from harness.drivers.rollout.candidate import images_of
from harness.drivers.rollout.objects import APPS, PlainDeployment
from harness.model.rollout import ReversedBy

if TYPE_CHECKING:
    from harness.drivers.rollout.candidate import Replaced
    from harness.drivers.rollout.objects import Changeable
    from harness.drivers.rollout.status import ObjectStatus
    from harness.targets.kubernetes import Object

_PRIMARY: Final = "-primary"
"""Flagger serves users from a copy of this name, and scales the Deployment itself to 0 when it promotes it or gives it up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reversal:
    """Who took a candidate back, and why, in words."""

    by: ReversedBy
    why: str


class FollowedSpec:
    """The spec of one object, from the candidate on.

    Args:
        here: the object.
        before: what it had in the place that a rollout replaces.
        was: what it said that this is.
    """

    def __init__(self, here: Changeable, before: Replaced, was: str) -> None:
        self._here = here
        self._before = before
        self._was = was
        self._first: Replaced | None = None  # as the API server has it: admission may have changed what was sent
        self._took_up = False
        self._ran = False
        self.back: Reversal | None = None

    def read(self) -> ObjectStatus:
        """The state of the object; `back` is set where others took the candidate back by its spec.

        Before its controller has processed the candidate it is at rest on the old release, which is no share of the candidate's.
        """
        obj = self._here.observed()
        status = self._here.status_of(obj)
        asked = obj["spec"].get(self._here.AT.rpartition("/")[2])
        same = self._here.IDENTIFIES and status.current == self._was
        self._took_up = self._took_up or not same
        self._first = asked if self._first is None else self._first
        status = replace(status, share=0.0, switched=False) if same else status
        if (self._here.KIND, obj["spec"].get("replicas", 1)) == (PlainDeployment.KIND, 0):
            status, self.back = self._scaled_to_nothing(status)
        else:
            self._ran = self._ran or bool((obj.get("status") or {}).get("replicas"))
            self.back = self._changed(asked, said=same and self._took_up and status.observed)
        return status

    def _changed(self, asked: Replaced | None, *, said: bool) -> Reversal | None:
        """Whether the spec asks for something else than the candidate: by its text, by its images, or as its controller `said`."""
        before, first = (images_of(each or {}) for each in (self._before, self._first))
        now = before if asked is None else images_of(asked)
        reverted = asked is not None and (asked == self._before or (now == before and now != first))
        subject, shown = self._here.subject, ", ".join(before) or self._was
        if said or reverted:
            return Reversal(
                by=ReversedBy.PLATFORM, why=f"{subject}: its spec asks for {shown} again, which others wrote"
            )
        if others := sorted({*now} - {*before, *first}):
            why = f"{subject}: its spec asks for {', '.join(others)}, of neither release"
            return Reversal(by=ReversedBy.UNKNOWN, why=why)
        return None

    def _scaled_to_nothing(self, status: ObjectStatus) -> tuple[ObjectStatus, Reversal | None]:
        """A Deployment of 0 replicas gives no user its template; whether it ran before, and what its primary runs, says why."""
        here = self._here
        primary = here.cluster.custom(APPS, "deployments", here.namespace, f"{here.name}{_PRIMARY}")
        none = replace(status, share=0.0, switched=False)
        if primary is None:
            why = f"{here.subject}: it was scaled to 0 while it ran the candidate"
            return none, Reversal(by=ReversedBy.UNKNOWN, why=why) if self._ran else None
        runs, before, first = (images_of(each or {}) for each in (_template(primary), self._before, self._first))
        if runs == first != before:
            return replace(status, share=1.0, switched=True), None
        why = f"{here.subject}: it was scaled to 0, and {here.name}{_PRIMARY} runs {', '.join(runs)}"
        by = ReversedBy.PLATFORM if runs == before != first else ReversedBy.UNKNOWN
        return none, Reversal(by=by, why=why) if self._ran else None


def gone_back(statuses: Mapping[str, ObjectStatus], specs: Mapping[str, FollowedSpec]) -> Reversal | None:
    """Who takes the rollout back, but the harness; None: it goes on.

    An abort comes first. What a status says of an older spec is no way back.
    """
    for subject, status in statuses.items():
        if status.aborted and status.observed:
            return Reversal(by=ReversedBy.PLATFORM, why=f"{subject}: {status.message or 'aborted'}")
    found = [spec.back for spec in specs.values() if spec.back is not None]
    return next((one for one in found if one.by is ReversedBy.PLATFORM), next(iter(found), None))


def _template(obj: Object) -> Replaced:
    template: Replaced = obj["spec"]["template"]
    return template
