"""The planned experiments of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentPlan:
    """A planned experiment.

    Attributes:
        name: name of the file without `.yaml`.
        file: resolved path of the file.
        domain: pod, node, zone, database, region, members, service, cache, process, host, external, network, or `none` without a fault.
        within_s: maximum time in s until the fault is confirmed.
        hold_s: minimum time in s for which the fault is kept active; 0: it is not kept.
        observe_s: observation in s without a recovery, which is the longest scaled limit of its objectives.
        seconds: expected time of the experiment in s.
        watch_s: minimum observation in s from the confirmation on, also after a recovery.
        served_s: minimum time in s for which a kept fault stays active while requests are served again.
        after_s: minimum time in s of traffic after the restore, before the next fault.
        awaits: parts of the target that must have recovered before a kept fault is ended.
        configuration: resolved values of the block `configuration`, by variable.
        needs: keys of the target file that its activities need.
        actions: actions of the method with their providers, for people.
        blast_radius: limits of the fault, for people; empty: the file has none.
    """

    name: str
    file: str
    domain: str
    within_s: float
    hold_s: float
    observe_s: float
    seconds: float
    watch_s: float = 0.0
    served_s: float = 0.0
    after_s: float = 0.0
    awaits: tuple[str, ...] = ()
    configuration: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    blast_radius: str = ""
