"""Pods of a workload: how they share the answers, restart, and are replaced."""

from __future__ import annotations

from typing import Final

from harness.model import Figure, Objective, Op, Phase, Scope
from harness.steps.meaning import Keyword, Meaning
from harness.steps.objectives import no_restart, of_killed_pods, replica_share, under_fault
from harness.steps.slots import Values
from harness.steps.template import Template


def _memory_growth(slots: Values) -> Meaning:
    """How much more memory each container would hold at the end of a soak."""
    objective = Objective(
        figure=Figure.MEMORY_GROWTH,
        scope=Scope(phase=Phase.of(slots["phase"]) if "phase" in slots else Phase.STEADY),
        op=Op.BELOW,
        limit=slots.quantity("limit"),
        times={"soak": slots.quantity("soak")},
        sentence="",
    )
    return Meaning(objective=objective)


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
        mean=no_restart,
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
        mean=_memory_growth,
    ),
    Template(
        name="killed-pod-forgotten",
        keyword=Keyword.THEN,
        text="no request is sent to a killed pod later than <limit:reaction> after its death",
        about="The last answer that names the pod, and requests of its routes that found no pod.",
        example="no request is sent to a killed pod later than 10 s after its death",
        mean=of_killed_pods(Figure.FIRST_REQUEST, of="killed"),
    ),
    Template(
        name="killed-pod-replaced",
        keyword=Keyword.THEN,
        text="every killed pod is replaced by a ready one within <limit:reaction> with <steps:count> manual steps",
        about="From the fault sent to the Ready of the pod that took its place; undo steps that were left to a person are counted.",
        example="every killed pod is replaced by a ready one within 60 s with 0 manual steps",
        mean=of_killed_pods(Figure.REPLACED, manual_steps="<steps>"),
    ),
    Template(
        name="hung-container-restarted",
        keyword=Keyword.THEN,
        text='a hung container of "<workload:name>" is restarted within <limit:reaction>',
        about=(
            "From the command that hangs the main process of a container to the restart that its pod counts; the container must "
            "have answered requests for the portal before, and none while it hung."
        ),
        example='a hung container of "normaldance-frontend" is restarted within 45 s',
        mean=under_fault(Figure.RESTARTED, Op.BELOW, workload="<workload>"),
    ),
    Template(
        name="unready-pod-forgotten",
        keyword=Keyword.THEN,
        text='an unready pod of "<workload:name>" gets no request later than <limit:reaction> after it turned unready',
        about="The last answer of the pod, of requests for the portal that its Service is sent, each on a connection of its own.",
        example='an unready pod of "normaldance-frontend" gets no request later than 20 s after it turned unready',
        mean=under_fault(Figure.LAST_REQUEST, Op.BELOW, workload="<workload>"),
    ),
)
