"""Records the changes of the objects of a rollout."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, TypeAlias

from harness.run.acts.at_once import at_once
from harness.targets.cluster.patience import patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.drivers.rollout import Changeable, ObjectStatus
    from harness.drivers.rollout.status import AnalysisStatus
    from harness.model import Sink

Analysed: TypeAlias = "tuple[int, list[tuple[str, Sequence[AnalysisStatus]]]]"
"""The time at which the objects' states were read, and the analyses of each object by its subject."""


class RolloutChanges:
    """Records changes of states and analyses.

    Args:
        sink: history of the rollout.
        rollout: name of the rollout.
    """

    def __init__(self, sink: Sink, rollout: str) -> None:
        self._put = sink.put
        self._rollout = rollout
        self._last: dict[str, object] = {}

    def is_new(self, subject: str, status: ObjectStatus) -> bool:
        """Whether the state of an object differs from the last recorded one."""
        return self._last.get(subject) != status

    def status(self, subject: str, status: ObjectStatus, at_ns: int, since_ns: int) -> None:
        """Record a new state of an object, which it reached after `since_ns`."""
        self._last[subject] = status
        fields = {key: value for key, value in asdict(status).items() if key not in ("switched", "observed")}
        self._put("rollout.status", subject, rollout=self._rollout, at_ns=at_ns, since_ns=since_ns, **fields)

    def analyses(self, read: Analysed) -> None:
        """Record new analyses."""
        at_ns, found = read
        for subject, some in found:
            for one in some:
                self._analysis(subject, one.name, asdict(one), at_ns)

    def _analysis(self, owner: str, name: str, fields: Mapping[str, object], at_ns: int) -> None:
        key = f"{owner} {name}"
        if self._last.get(key) != fields:
            self._last[key] = fields
            rest = {field: value for field, value in fields.items() if field not in ("name", "kind")}
            self._put(
                "rollout.analysis", name, rollout=self._rollout, object=owner, type=fields["kind"], at_ns=at_ns, **rest
            )


def analysed(objects: Sequence[Changeable], at_ns: int, go_on: Callable[[], object]) -> Analysed:
    """The analyses of some objects, read after their states; the read is repeated while the API server does not answer.

    Args:
        objects: the objects whose analyses are read.
        at_ns: the time at which their states were read.
        go_on: function that is called before each further attempt; an exception that it raises ends the attempts.
    """
    found = patiently(lambda: at_once(lambda one: one.analyses(), objects), go_on)
    return at_ns, [(one.subject, own) for one, own in zip(objects, found, strict=True)]
