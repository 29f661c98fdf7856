"""The restore receipt: the target was restored after an experiment, and steady after the last."""

from __future__ import annotations

from harness.model import Evidence, Experiment, Receipt


def restore_receipt(evidence: Evidence, experiment: Experiment) -> Receipt:
    """Whether the target was restored; after the last fault it must also be steady at the end."""
    restore = experiment.restore
    ok, why = restore.ok, restore.why or ("as before" if restore.ok else "the target's restore was not verified")
    if ok and is_last(evidence, experiment):
        end = evidence.steady_end
        if end is None:
            ok, why = None, "it was not recorded whether the target was steady at the end"
        elif not end.ok:
            ok, why = False, f"the target was not steady at the end: {end.why or 'no reason was recorded'}"
    return Receipt(ok=ok, why=f"{experiment.name}: {why}", files=experiment.files)


def is_last(evidence: Evidence, experiment: Experiment) -> bool:
    """Whether no other fault was sent after that of this attempt."""
    sent_ns = experiment.fault.sent_ns
    every = [attempt.fault.sent_ns for attempts in evidence.experiments.values() for attempt in attempts]
    return sent_ns is not None and sent_ns == max(at_ns for at_ns in every if at_ns is not None)
