"""The restore receipt: whether the target was restored after an experiment, and steady after the last experiment."""

from __future__ import annotations

from harness.judgement.receipts.faults.restored import contradicted
from harness.model import Evidence, Experiment, Receipt, Restore


def restore_receipt(evidence: Evidence, experiment: Experiment) -> Receipt:
    """Whether record and watch show that the target was restored; after the last fault it must also be steady at the end."""
    ok, why = confirmed(evidence, experiment)
    if ok and is_last(evidence, experiment):
        end = evidence.steady_end
        if end is None:
            ok, why = None, "it was not recorded whether the target was steady at the end"
        elif not end.ok:
            ok, why = False, f"the target was not steady at the end: {end.why or 'no reason was recorded'}"
    return Receipt(ok=ok, why=f"{experiment.name}: {why}", files=experiment.files)


def confirmed(evidence: Evidence, experiment: Experiment) -> tuple[bool | None, str]:
    """Whether the target was restored after an attempt by its record, and no history contradicts this; with the reason."""
    ok, why = undone(experiment)
    against = contradicted(evidence, experiment) if ok else ""
    return (None, against) if against else (ok, why)


def undone(experiment: Experiment) -> tuple[bool | None, str]:
    """Whether the target was restored after an attempt by its record, with the reason.

    * All disturbed objects must be in their earlier state.
    * If the experiment file names a probe for the end of the fault, the probe must have observed it.
    * No undo step may be left to a person.
    * The steady-state hypothesis of the file must be met after the method or after the rollbacks.
    """
    fault, (ok, why) = experiment.fault, _as_before(experiment.restore)
    if not ok:
        return ok, why
    if experiment.manual_steps:
        steps = "an undo step was" if experiment.manual_steps == 1 else f"{experiment.manual_steps} undo steps were"
        return False, f"{steps} left to a person"
    if fault.stays:
        return False, f"{fault.stays}: the end of the fault was not observed"
    if fault.gone_by and fault.gone_ns is None:
        return None, f"{fault.gone_by}: it was not recorded whether the fault had ended"
    if experiment.journal.get("steady_after") == "not met" and not experiment.steady_again:
        probe = experiment.journal.get("unmet") or "a probe"
        return None, (
            f"{probe} of the steady-state hypothesis was not met after the method, and no record shows that it was met after the rollbacks"
        )
    return True, why


def _as_before(restore: Restore) -> tuple[bool | None, str]:
    """Whether a record says that all is as before, with the reason; a record that also names missing parts contradicts itself and decides nothing."""
    if restore.ok and restore.missing:
        return (
            None,
            f"the record says both that the target was restored and that {', '.join(restore.missing)} is missing",
        )
    return restore.ok, restore.why or ("restored" if restore.ok else "the restore of the target was not verified")


def is_last(evidence: Evidence, experiment: Experiment) -> bool:
    """Whether the fault of this attempt was the last fault of the run."""
    sent_ns = experiment.fault.sent_ns
    every = [attempt.fault.sent_ns for attempts in evidence.experiments.values() for attempt in attempts]
    return sent_ns is not None and sent_ns == max(at_ns for at_ns in every if at_ns is not None)
