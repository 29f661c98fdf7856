"""The control of Chaos Toolkit that records an experiment while it runs, in the run's history `chaos-<experiment>`.

A run declares the control in the settings file for `chaos --settings`, so experiment files stay stock. An experiment
file may declare it as well, for `chaos run` by hand: then the record goes to the log of Chaos Toolkit. The control also
stops an experiment whose action failed, selected no object, or would use another API server than the target's; Chaos
Toolkit itself would continue. Only InterruptExecution leaves a control; Chaos Toolkit ignores other errors.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

from chaoslib import substitute
from chaoslib.exceptions import InterruptExecution
from pydantic import ValidationError

from harness.chaos.child.parts import METHOD, THREAD, PartHandler
from harness.chaos.recording import ExperimentRecorder, experiment_name
from harness.errors import ConfigurationError, HarnessError
from harness.evidence import run_history
from harness.model.planned.domain import UNKNOWN
from harness.targets.files.harness_block import HarnessBlock, harness_block

Activity = Mapping[str, Any]

_FOREIGN: Final = HarnessBlock.model_construct(name="harness", domain=UNKNOWN.name)
"""The block for a file without a block: no probe confirms its fault."""


class ByHand:
    """The history of an experiment that no run started: what it records of the fault is logged."""

    def __init__(self) -> None:
        self._log = logging.getLogger("chaostoolkit")

    def put(self, kind: str, _subject: str, /, **fields: Any) -> None:
        """Log an observation of the fault."""
        if kind.startswith("fault."):
            hits = [str(hit["name"]) for hit in fields.get("hit", ())]
            said = next((str(fields[key]) for key in ("why", "activity", "probe") if fields.get(key)), "")
            self._log.info("%s: %s", kind, ", ".join(hits) or said)

    def close(self) -> None:
        """Nothing is open."""


@contextmanager
def _nothing_unrecorded() -> Iterator[None]:
    """Stop a fault that cannot be recorded; Chaos Toolkit ignores any other error of a control.

    Raises:
        InterruptExecution: the record could not be written.
    """
    try:
        yield
    except (HarnessError, OSError) as error:
        raise InterruptExecution(f"the fault was not sent, since it cannot be recorded: {error}") from error


def configure_control(
    configuration: Activity | None = None, secrets: Activity | None = None, event_registry: Any = None, **_: Any
) -> None:
    """Follow the parts of the experiment, even if its file has controls."""

    def begins(part: str) -> None:
        for recorder in _open():
            recorder.part = part
            if part == METHOD:  # what is there before anything is broken
                recorder.receipts.remember(_pidfiles(recorder.block.processes, configuration or {}, secrets or {}))

    def rolled_back(journal: Activity) -> None:
        for recorder in _open():
            with suppress(KeyboardInterrupt, SystemExit):  # Chaos Toolkit would leave without its journal here
                recorder.put_back()
                recorder.rolled_back(configuration or {}, secrets or {})
                recorder.steady_again(journal, configuration or {}, secrets or {})

    if event_registry is not None and not any(isinstance(one, PartHandler) for one in event_registry.handlers):
        event_registry.register(PartHandler(begins, rolled_back))


def before_experiment_control(context: Mapping[str, Any], configuration: Activity | None = None, **_: Any) -> None:
    """Open the history, and store the data that the rollbacks need."""
    if _open():  # by the settings of the run: the file declares the control too
        return
    with _nothing_unrecorded():
        block = _block(context)
        history = run_history(f"chaos-{experiment_name()}") or ByHand()
    by_hand = isinstance(history, ByHand)
    recorder = ExperimentRecorder(history=history, experiment=context, block=block, by_hand=by_hand)
    _open().append(recorder)
    recorder.begins(configuration or {})


def before_activity_control(
    context: Activity, configuration: Activity | None = None, secrets: Activity | None = None, **_: Any
) -> None:
    """Record that an activity is about to start."""
    if THREAD.activity is context:
        return
    THREAD.activity = context
    for recorder in _open():
        with _nothing_unrecorded() if recorder.part_here == METHOD and not recorder.sent else nullcontext():
            recorder.starts(context, configuration or {}, secrets or {})


def after_activity_control(
    context: Activity,
    state: dict[str, Any] | None,
    configuration: Activity | None = None,
    secrets: Activity | None = None,
    **_: Any,
) -> None:
    """Record that an activity ended; an interrupted activity has no state."""
    if THREAD.activity is not context:
        return
    THREAD.activity = None
    for recorder in _open():
        recorder.ended(context, {} if state is None else state, configuration or {}, secrets or {})


def after_experiment_control(state: Activity | None = None, **_: Any) -> None:
    """End the record; `state` is the journal."""
    while _open():
        _open().pop().close(state or {})


def _block(experiment: Activity) -> HarnessBlock:
    """The block of the file, which the run has checked already.

    Raises:
        ConfigurationError: it is wrong.
    """
    try:
        return harness_block(experiment) or _FOREIGN
    except ValidationError as error:
        raise ConfigurationError(f"the block `harness` is invalid: {error.errors()[0]['msg']}") from error


@cache
def _open() -> list[ExperimentRecorder]:
    """A list with the recorder of this process; empty unless an experiment with this control is under way."""
    return []


def _pidfiles(processes: Sequence[str], configuration: Activity, secrets: Activity) -> list[Path]:
    """The pidfiles that the block names, with its variables replaced; relative ones are below the project."""
    named = substitute(list(processes), dict(configuration), dict(secrets))
    return [Path(str(name)).absolute() for name in named]
