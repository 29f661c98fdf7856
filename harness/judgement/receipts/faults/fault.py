"""The fault receipt: whether the fault was confirmed in time and hit an object, and whether a history shows the hit."""

from __future__ import annotations

import math
from typing import Final

from harness.judgement.receipts.faults.hits import gone_receipt, named_receipt, returned_early
from harness.model import Evidence, Experiment, Hit, Objective, Plan, Receipt, domain_of
from harness.model.planned.domain import UNKNOWN
from harness.units import NS_PER_S

_UNCONFIRMED: Final = {
    "": ("no probe of the target confirmed that the fault was active", ""),
    UNKNOWN.name: (
        "the experiment file names no probe that confirms the fault",
        "name the probe as `confirmed_by` in a block `harness` under the file's `extensions` (docs/adding-an-experiment.md), then run again",
    ),
}
"""By domain, the reason and the hint for a fault that was not confirmed; an empty hint is the usual one."""
_RECOVER: Final = (
    "restore the target with `readiness recover --target FILE`, then run again and do not interrupt the run"
)


def fault_receipt(plan: Plan, evidence: Evidence, experiment: Experiment) -> Receipt:
    """Whether the fault was confirmed on the target in time, with hits that a history shows.

    If a fault is undone after a planned time, the time of the undo must be known, because a later recovery is an effect of the undo.
    """
    fault, planned = experiment.fault, plan.experiments.get(experiment.name)
    ok: bool | None
    hint = ""
    if not experiment.ran:
        (ok, why), hint = (False, not_run(experiment)), "" if fault.sent_ns is None else _RECOVER
    elif not experiment.journal:
        ok, why = None, "the experiment wrote no journal"
    elif fault.sent_ns is None or fault.confirmed_ns is None:
        ok, (why, hint) = None, (fault.why, "") if fault.why else _UNCONFIRMED.get(experiment.domain, _UNCONFIRMED[""])
    elif not fault.sent_ns <= fault.confirmed_ns <= (fault.undone_ns or fault.confirmed_ns):
        ok, why = None, "the recorded times of the fault are out of order, expected sent, active, undone"
    elif not fault.hit and domain_of(experiment.domain).hits:
        ok, why = False, f"the fault was confirmed, and no {domain_of(experiment.domain).must}"
    elif planned is not None and planned.hold_s > 0 and fault.undone_ns is None:
        ok, why = None, "the time at which the fault was undone was not recorded"
    elif planned is not None and planned.hold_s > 0 and fault.held is None and evidence.cut is None:
        ok, why = None, "it was not recorded whether the fault was active at the end of its planned time"
    else:
        return _in_place(experiment, planned.within_s if planned else math.inf, evidence)
    return Receipt(ok=ok, why=f"{experiment.name}: {why}", files=experiment.files, hint=hint)


def not_run(experiment: Experiment) -> str:
    """Why an attempt cannot be used: the experiment was not run, or its fault was sent and the record is incomplete."""
    why = experiment.why or "no reason was recorded"
    return (
        f"the experiment was not run: {why}" if experiment.fault.sent_ns is None else f"the fault was sent, and {why}"
    )


def claimed_fault_receipt(plan: Plan, evidence: Evidence, experiment: Experiment, objective: Objective) -> Receipt:
    """The fault receipt, which must also show what the objective names."""
    receipt = fault_receipt(plan, evidence, experiment)
    named = named_receipt(evidence, experiment, objective)
    return receipt if named.ok or not receipt.ok else named


def _in_place(experiment: Experiment, within_s: float, evidence: Evidence) -> Receipt:
    fault = experiment.fault
    after_s = ((fault.confirmed_ns or 0) - (fault.sent_ns or 0)) / NS_PER_S
    held = fault.undone_ns is None or fault.gone_ns is None or fault.gone_ns >= fault.undone_ns
    ok, why = True, f"the fault was confirmed on the target after {after_s:.3g} s: {_names(fault.hit)}"
    if fault.restarted_ns is not None:
        began = f"{(fault.restarted_ns - (fault.sent_ns or 0)) / NS_PER_S:.3g} s"
        if domain_of(experiment.domain).every_copy:
            what = f"a restore from {fault.restored_from}" if fault.restored_from else "a restore"
            why += f"; the platform's procedure was started after {began}, so {what} was measured"
        else:
            why += f"; the experiment itself restarted the hit object after {began}, so a restart was measured"
    if fault.inferred and not fault.decisions_read:
        why += "; the decisions of autoscalers could not be read, so an autoscaler may have ended some of these pods"
    if after_s > within_s:
        ok, why = False, f"the fault was active only after {after_s:.3g} s, expected within {within_s:g} s"
    elif not held:
        ok, why = False, "the fault had ended before it was undone"
    elif fault.held is False:
        ok, why = False, "the fault had ended before the end of its planned time"
    elif back := returned_early(evidence, experiment):
        ok, why = False, back
    elif domain_of(experiment.domain).hits and not (gone := gone_receipt(evidence, experiment)).ok:
        return gone
    return Receipt(ok=ok, why=f"{experiment.name}: {why}", files=experiment.files)


def _names(hit: tuple[Hit, ...]) -> str:
    return ", ".join(item.name for item in hit) or "read by its probe"
