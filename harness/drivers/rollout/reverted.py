"""Finds out from an object's spec whether others roll a candidate back during a rollout.

Between the spec of the candidate and its own rollback command the harness writes no spec. A spec that requests the old
release in that time comes from others: `undo`, a revert by GitOps, or a controller that owns the object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from harness.drivers.rollout.candidate import containers_of, covers, equal, foreign_images, images_of, same_image
from harness.drivers.rollout.objects import APPS, PlainDeployment
from harness.model.planned.rollout import ReversedBy

if TYPE_CHECKING:
    from harness.drivers.rollout.candidate import Replaced
    from harness.drivers.rollout.objects import Changeable
    from harness.drivers.rollout.status import ObjectStatus
    from harness.targets.kubernetes import Object

_PRIMARY: Final = "-primary"
"""Name suffix of Flagger's copy that serves users; Flagger scales the Deployment to 0 after a promotion or a rollback."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reversal:
    """Who rolled a candidate back, and the reason as text."""

    by: ReversedBy
    why: str


class FollowedSpec:
    """Follows the spec of one object from the start of the candidate on.

    Args:
        here: object of the rollout.
        before: template or selector of the object before the rollout.
        was: release that the object reported as current before the rollout.
        sent: template or selector of the candidate.
    """

    def __init__(self, here: Changeable, before: Replaced, was: str, sent: Replaced) -> None:
        self._here = here
        self._before = before
        self._was = was
        self._sent = sent
        self._first: Replaced | None = None  # as the API server has it: admission may have changed what was sent
        self._took_up = False
        self._ran = False
        self.back: Reversal | None = None

    @property
    def images(self) -> list[str]:
        """The images of the candidate in the API server at the first observation."""
        return images_of(self._first or {})

    def read(self) -> ObjectStatus:
        """The status of the object; sets `back` if others rolled the candidate back by its spec.

        An object whose controller has not yet processed the candidate is at rest on the old release; its share does not
        count.
        """
        obj = self._here.observed()
        status = self._here.status_of(obj)
        asked = obj["spec"].get(self._here.AT.rpartition("/")[2])
        same = self._here.IDENTIFIES and status.current == self._was
        self._took_up = self._took_up or not same
        self._first = asked if self._first is None else self._first
        status = replace(status, share=0.0, switched=False) if same else status
        nothing = (self._here.KIND, obj["spec"].get("replicas", 1)) == (PlainDeployment.KIND, 0)
        self._ran = self._ran or (not nothing and bool((obj.get("status") or {}).get("replicas")))
        primary = self._primary() if nothing else None
        if primary is None:
            self.back = self._changed(asked, said=same and self._took_up and status.observed)
        else:
            status, self.back = self._scaled_to_nothing(status, primary)
        return status

    def _changed(self, asked: Replaced | None, *, said: bool) -> Reversal | None:
        """Whether the spec asks for something else than the candidate: by its text, by its images, or as its controller `said`."""
        subject, shown = self._here.subject, ", ".join(images_of(self._before)) or self._was
        if asked is not None and asked == self._before == self._first and not said:
            why = f"{subject}: its spec requests {shown}, and no observation of it requested the candidate"
            return Reversal(by=ReversedBy.UNKNOWN, why=why)
        if asked is not None and (kept := self._kept()):
            why = f"{subject}: at the first observation its spec requested {', '.join(kept)}, expected the candidate's images"
            return Reversal(by=ReversedBy.UNKNOWN, why=why)
        if said or (asked is not None and self._reverted(asked)):
            return Reversal(
                by=ReversedBy.PLATFORM, why=f"{subject}: another user or controller set its spec back to {shown}"
            )
        first = containers_of(self._first or {})
        if asked is None or covers(containers_of(asked), first):
            return None
        others = foreign_images(asked, [*images_of(self._before), *first.values()])
        why = f"{subject}: its spec requests {', '.join(others)}, which belongs to neither release"
        return Reversal(by=ReversedBy.UNKNOWN, why=why) if others else None

    def _kept(self) -> list[str]:
        """Images of the release before that the spec had at the first observation, where the candidate that was sent has others."""
        sent, before, first = (containers_of(each or {}) for each in (self._sent, self._before, self._first))
        own = [name for name in sent.keys() & before.keys() if not same_image(sent[name], before[name])]
        return sorted({first[name] for name in own if name in first and same_image(first[name], before[name])})

    def _reverted(self, asked: Replaced) -> bool:
        """Whether a template is the old one, or has its images in place of the candidate's; further containers may be beside them."""
        now, before, first = (containers_of(each or {}) for each in (asked, self._before, self._first))
        has_before = covers(now, before) and not (first.keys() - before.keys()) & now.keys()
        restored = equal(now, before) and not equal(before, first)  # such as a container that the candidate lacks
        return asked == self._before or (has_before and (restored or not covers(now, first)))

    def _primary(self) -> Object | None:
        """The object from which Flagger serves users in place of this one; None: Flagger does not own it, so 0 replicas prove nothing."""
        here = self._here
        return here.cluster.custom(APPS, "deployments", here.namespace, f"{here.name}{_PRIMARY}")

    def _scaled_to_nothing(self, status: ObjectStatus, primary: Object) -> tuple[ObjectStatus, Reversal | None]:
        """Status and reversal of a Deployment with 0 replicas: its primary runs the candidate (promoted) or another release (rolled back)."""
        here = self._here
        runs: Replaced = primary["spec"]["template"]
        old, new = self._is_of(runs, self._before), self._is_of(runs, self._first or {})
        if new and not old:
            return replace(status, share=1.0, switched=True), None
        why = f"{here.subject}: the Deployment was scaled to 0, and {here.name}{_PRIMARY} runs {', '.join(images_of(runs))}"
        by = ReversedBy.PLATFORM if old and not new else ReversedBy.UNKNOWN
        return replace(status, share=0.0, switched=False), Reversal(by=by, why=why) if self._ran else None

    def _is_of(self, runs: Replaced, release: Replaced) -> bool:
        """Whether a primary runs that release: by its images, and where both releases have the same ones by its labels and pod spec."""
        same = equal(containers_of(self._before), containers_of(self._first or {}))
        return equal(containers_of(runs), containers_of(release)) and (not same or _own(runs) == _own(release))


def gone_back(statuses: Mapping[str, ObjectStatus], specs: Mapping[str, FollowedSpec]) -> Reversal | None:
    """Who rolls the rollout back, other than the harness, with the reason; None if the rollout goes on.

    An abort is checked first. A status of an older spec is not a rollback.
    """
    for subject, status in statuses.items():
        if status.aborted and status.observed:
            return Reversal(by=ReversedBy.PLATFORM, why=f"{subject}: {status.message or 'aborted'}")
    found = [spec.back for spec in specs.values() if spec.back is not None]
    return next((one for one in found if one.by is ReversedBy.PLATFORM), next(iter(found), None))


def _own(template: Replaced) -> Any:
    """Labels and pod spec, without the suffix that Flagger adds for the primary to names, labels and what the spec refers to."""
    labels = (template.get("metadata") or {}).get("labels") or {}
    return _unsuffixed({"labels": labels, "spec": template.get("spec") or {}})


def _unsuffixed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _unsuffixed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unsuffixed(item) for item in value]
    return value.removesuffix(_PRIMARY) if isinstance(value, str) else value
