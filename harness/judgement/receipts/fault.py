"""The fault receipt: the fault was read from the target as in, in time, and hit what it was to hit."""

from __future__ import annotations

import math

from harness.judgement.recovery import SECOND
from harness.model import Experiment, Hit, Plan, Receipt, domain_of


def fault_receipt(plan: Plan, experiment: Experiment) -> Receipt:
    """Whether the fault was read from the target as in, in time, hitting something, and stayed in until it was undone.

    Of a fault that is held it must be known when it was undone: what comes back later came back on heal.
    """
    fault, planned = experiment.fault, plan.experiments.get(experiment.name)
    if not experiment.ran:
        ok, why = False, f"it was not run: {experiment.why or 'nobody said why'}"
    elif not experiment.journal:
        ok, why = None, "it left no journal"
    elif fault.sent_ns is None or fault.confirmed_ns is None:
        ok, why = None, fault.why or "nobody saw on the target that the fault was in"
    elif not fault.sent_ns <= fault.confirmed_ns <= (fault.undone_ns or fault.confirmed_ns):
        ok, why = None, "that the fault was sent, in and undone is on record in another order"
    elif not fault.hit and domain_of(experiment.domain).hits:
        ok, why = False, "the fault hit nothing"
    elif planned is not None and planned.hold_s > 0 and fault.undone_ns is None:
        ok, why = None, "nobody knows when the fault was undone"
    else:
        after = (fault.confirmed_ns - fault.sent_ns) / SECOND
        within = planned.within_s if planned else math.inf
        held = fault.undone_ns is None or fault.gone_ns is None or fault.gone_ns >= fault.undone_ns
        ok, why = after <= within and held, f"seen on the target after {after:.3g} s: {_names(fault.hit)}"
        if after > within:
            why = f"the fault was in only after {after:.3g} s, wanted within {within:g} s"
        elif not held:
            why = "the fault was out before it was undone"
    return Receipt(ok=ok, why=f"{experiment.name}: {why}", files=experiment.files)


def _names(hit: tuple[Hit, ...]) -> str:
    return ", ".join(item.name for item in hit) or "no name was kept"
