"""The restore receipt: the target was as before after an experiment."""

from __future__ import annotations

from harness.model import Experiment, Receipt


def restore_receipt(experiment: Experiment) -> Receipt:
    """Whether the target was as before afterwards."""
    restore = experiment.restore
    why = restore.why or ("as before" if restore.ok else "nobody saw that the target was as before afterwards")
    return Receipt(ok=restore.ok, why=f"{experiment.name}: {why}", files=experiment.files)
