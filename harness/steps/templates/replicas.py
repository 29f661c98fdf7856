"""Pods of a workload: how they share the answers, restart, and use memory."""

from __future__ import annotations

from typing import Final

from harness.model import Figure
from harness.steps.meaning import Keyword
from harness.steps.objectives import measured, replica_share
from harness.steps.template import Template

REPLICA_STEPS: Final = (
    Template(
        name="replica-share",
        keyword=Keyword.THEN,
        text="every ready replica serves between <low:factor> and <high:factor> of an equal share[ in the steady state]",
        about="The answers that name each pod of a workload, over an equal share of them; pods that were ready all through a fault-free window.",
        example="every ready replica serves between 0.8 and 1.2 of an equal share in the steady state",
        mean=replica_share,
    ),
    Template(
        name="no-restart",
        keyword=Keyword.THEN,
        text="no pod restarts outside experiments over a soak of <soak:duration>",
        about=(
            "Restart counts of every container. On a scaled target the window before the first fault is the soak, at a scale of "
            "its own; at scale 1 it must have lasted as long."
        ),
        example="no pod restarts outside experiments over a soak of 8 h",
        mean=measured(Figure.RESTARTS, times={"soak": "soak"}),
    ),
    Template(
        name="memory-growth",
        keyword=Keyword.THEN,
        text="the resident memory of every service grows by less than <limit:size> after warm-up over an <soak:period> soak[ <phase>]",
        about=(
            "The slope of cAdvisor's `container_memory_rss` of each container of the regions' workloads after the first quarter of the window before the first fault, "
            "or of the time from the switch to the rollback, "
            "extrapolated to the soak's length at the target's time scale, at most sixfold. A jump is not growth unless it is larger than the limit."
        ),
        example="the resident memory of every service grows by less than 10 MB after warm-up over an 8 h soak",
        mean=measured(Figure.MEMORY_GROWTH, times={"soak": "soak"}),
    ),
)
