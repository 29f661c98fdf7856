"""The receipt of the run's identity: plan, history and target must name the same run, so that no evidence passes under another plan."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.model import Evidence, Plan, Receipt

SANDBOX: Final = "sandbox"
"""The only environment whose time may be scaled, and what stands for another one."""


def ties_receipt(plan: Plan, evidence: Evidence) -> Receipt:
    """Whether the run's record names the same run, release and target as the plan.

    The manifest is compared when the evidence is read.
    """
    troubles = [*_scale(plan), *_differences(plan, evidence)]
    started = evidence.started
    if troubles:
        return Receipt(ok=False, why="; ".join(troubles), files=("plan.json", "history/run.ndjson"))
    if started is None:
        return Receipt(ok=None, why="the run did not record its plan", files=("history/run.ndjson",))
    return Receipt(ok=True, why=f"plan and history name run {plan.run}, target {plan.target}, release {plan.release}")


def _scale(plan: Plan) -> Iterable[str]:
    if plan.time_scale != 1 and plan.environment != SANDBOX and not plan.stands_in:
        yield f"the time scale is {plan.time_scale:g}, expected 1 in {plan.environment}"
    elif plan.time_scale < 1:
        yield f"the time scale is {plan.time_scale:g}, expected at least 1"


def _differences(plan: Plan, evidence: Evidence) -> Iterable[str]:
    started = evidence.started
    if started is None:
        return
    for name in ("run", "target", "release", "environment", "time_scale", "seed"):
        planned, recorded = getattr(plan, name), getattr(started, name)
        if planned != recorded:
            yield f"the run recorded {name.replace('_', ' ')} {recorded}, expected {planned} by the plan"
