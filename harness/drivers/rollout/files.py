"""Reads rollout files: one YAML file `rollouts/NAME.yaml` per rollout, with strict keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from harness.errors import ConfigurationError, UsageError
from harness.model import Quantity
from harness.model.planned.rollout import (
    ALL,
    WATCHED_AFTER_S,
    PlannedReport,
    RolloutPlan,
    Strategy,
    TakenBack,
)
from harness.model.planned.trigger import Signal, Trigger, misfit
from harness.nearest import hint_with_nearest
from harness.targets.files.target import Seconds
from harness.targets.files.values import quantity, text_of
from harness.validation import configuration_error
from harness.yamlfile import Location, YamlDocument, read_document

if TYPE_CHECKING:
    from harness.targets import Target

SUFFIX: Final = ".yaml"
_AROUND_S: Final = 15.0
"""Seconds of a rollout in addition to its steps, for the start of the candidate and the rollback."""


def _said(value: object) -> Quantity:
    try:
        return Quantity.parse(value if isinstance(value, str) else "")
    except UsageError as error:
        raise ValueError("a number with a unit, like `5 %` or `2 h`") from error


Said = Annotated[Quantity, BeforeValidator(_said, json_schema_input_type=text_of("2 h"))]


class TriggerEntry(BaseModel):
    """One trigger: a signal of the new release, its limit, and how long it must exceed the limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)

    reads: Literal["response time p95", "error rate", "memory share", "query p95", "critical report"]
    above: Said | None = None
    window: Said | None = Field(default=None, alias="for")


class ReportEntry(BaseModel):
    """A user report that the run sends: its severity, its release, and the share of users at which the run sends it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)

    severity: Literal["critical", "minor"]
    about: Literal["candidate", "stable"]
    at: Annotated[float, quantity("ratio", "25 %")]


class RolloutFile(BaseModel):
    """A rollout file.

    Attributes:
        title: title for people.
        strategy: strategy by which the candidate takes over.
        candidate: release that takes over, if it is not the candidate of the target file.
        steps: expected shares of users of a canary; empty for other strategies.
        dwell: minimum duration of each step.
        dwell_scale: divisor of `dwell`; None: the time scale of the target.
        promoted_by: who starts the next step.
        taken_back: expected end of the rollout.
        watched_s: time in s at all users before a rollback by hand.
        takes_s: expected time in s of the complete rollout, with the watch after it; None: as `within_s`.
        within_s: maximum time in s of the complete rollout.
        triggers: triggers by name.
        reports: user reports that the run sends.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)

    title: Annotated[str, Field(min_length=1)]
    strategy: Literal["canary", "blue-green", "all-at-once", "rolling"]
    candidate: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,62})?$")] = ""
    steps: tuple[Annotated[float, quantity("ratio", "25 %")], ...] = ()
    dwell: Said | None = None
    dwell_scale: Annotated[float, Field(ge=1, allow_inf_nan=False)] | None = None
    promoted_by: Literal["platform", "harness"] = "platform"
    taken_back: Literal["by hand", "by the platform"] = "by hand"
    watched_s: Seconds = Field(default=10.0, alias="watched")
    takes_s: Seconds | None = Field(default=None, alias="takes")
    within_s: Seconds = Field(default=60.0, alias="within")
    triggers: Mapping[str, TriggerEntry] = Field(default_factory=dict)
    reports: tuple[ReportEntry, ...] = ()


def load_rollout(name: str, directories: Sequence[Path]) -> RolloutPlan:
    """The rollout with the given name.

    Raises:
        ConfigurationError: the rollout does not exist, or its file is invalid; the error names file, line and key.
    """
    files = _files(directories)
    if name not in files:
        where = ", ".join(map(str, directories))
        raise ConfigurationError(
            f"the rollout {name!r} does not exist", where=where, hint=hint_with_nearest(name, files)
        )
    return read_rollout(files[name])


def read_rollout(path: Path) -> RolloutPlan:
    """Read a rollout file. `on_target` adds values of the target, such as the objects to change.

    Raises:
        ConfigurationError: the file is invalid; the error names file, line, key and expected value.
    """
    document = read_document(path)
    if not isinstance(document.data, dict):
        raise ConfigurationError(
            "the rollout file must be a mapping", where=document.where(()), hint="begin with `title: …`"
        )
    data = {key: tuple(value) if isinstance(value, list) else value for key, value in document.data.items()}
    try:
        file = RolloutFile.model_validate(data)
    except ValidationError as error:
        raise configuration_error(document, RolloutFile, error) from error
    for location, what, hint in (*_wrong_steps(file), *_wrong_ends(file)):
        raise ConfigurationError(what, where=document.where(location), hint=hint)
    dwell = None if file.dwell is None else replace(file.dwell, scaled=True)
    steps = file.steps or (ALL,)
    seconds = dwell.base / file.dwell_scale * len(steps) if dwell and file.dwell_scale else 0.0
    return RolloutPlan(
        name=path.stem,
        file=str(path),
        strategy=Strategy(file.strategy),
        candidate=file.candidate,
        steps=steps,
        dwell=dwell,
        dwell_scale=file.dwell_scale or 0.0,
        promoted_by=file.promoted_by,
        taken_back=TakenBack(file.taken_back),
        watched_s=file.watched_s,
        takes_s=file.takes_s,
        within_s=max(file.within_s, seconds + _AROUND_S),
        triggers=tuple(_trigger(document, name, entry) for name, entry in file.triggers.items()),
        reports=tuple(
            PlannedReport(severity=each.severity, stable=each.about == "stable", at=each.at) for each in file.reports
        ),
    )


def on_target(plan: RolloutPlan, target: Target) -> RolloutPlan:
    """The rollout with values of the target file: the candidate, the objects to change, the time scale.

    Raises:
        ConfigurationError: neither file names a candidate.
    """
    part = target.rollout
    if part is None:
        return plan
    candidate = plan.candidate or part.candidate
    if not candidate:
        hint = "write `candidate: 1.1.0`, or `rollout: {candidate: 1.1.0}` in the target file"
        raise ConfigurationError("the rollout has no candidate", where=plan.file, hint=hint)
    return replace(
        plan,
        candidate=candidate,
        dwell_scale=plan.dwell_scale or target.time_scale,
        kind=part.kind,
        names=part.names,
        namespaces=part.namespaces,
    )


def _trigger(document: YamlDocument, name: str, entry: TriggerEntry) -> Trigger:
    signal, at = Signal(entry.reads), ("triggers", name)
    given = {"above": entry.above, "for": entry.window}
    missing = [key for key, value in given.items() if (value is None) is not (signal is Signal.REPORT)]
    if missing:
        if signal is Signal.REPORT:
            what, hint = f"`{missing[0]}` is not allowed for a {signal.value}", f"remove `{missing[0]}`"
        else:
            what, hint = f"the key `{missing[0]}` is missing", "write `above: 5 %` and `for: 3 min`"
        raise ConfigurationError(what, where=document.where((*at, missing[0])), hint=hint)
    if entry.above is None or entry.window is None:
        return Trigger(name=name, signal=signal)
    window = replace(entry.window, scaled=entry.window.dimension == "time")
    trigger = Trigger(name=name, signal=signal, above=entry.above, window=window)
    if (wrong := misfit(trigger)) is not None:
        raise ConfigurationError(wrong.what, where=document.where((*at, wrong.key)), hint=wrong.hint)
    return trigger


def _wrong_steps(file: RolloutFile) -> Iterator[tuple[Location, str, str]]:
    """Problems with the steps: another strategy, over 100 %, falling, or not ending at 100 %."""
    if file.strategy != "canary":
        if file.steps:
            yield (
                ("steps",),
                f"`steps` is not allowed for a {file.strategy} rollout",
                "remove `steps`, or write `strategy: canary`",
            )
        return
    example = "write steps like `[5 %, 25 %, 50 %, 100 %]`"
    if not file.steps:
        yield ("steps",), "a canary rollout needs `steps`", example
    for at, share in enumerate(file.steps):
        if share > ALL:
            yield ("steps", at), f"{100 * share:g} % is over 100 %", example
        if share <= 0:
            yield ("steps", at), f"a step is {100 * share:g} %, expected more than 0 %", example
    for at, (before, after) in enumerate(pairwise(file.steps), start=1):
        if after <= before:
            yield ("steps", at), f"the steps must rise, {100 * after:g} % comes after {100 * before:g} %", example
    if file.steps and file.steps[-1] < ALL:
        yield (
            ("steps", len(file.steps) - 1),
            f"the last step is {100 * file.steps[-1]:g} %, expected 100 %",
            "end with `100 %`",
        )


def _wrong_ends(file: RolloutFile) -> Iterator[tuple[Location, str, str]]:
    """Problems with keys that depend on each other."""
    if file.dwell is not None and (file.dwell.dimension != "time" or file.dwell.value <= 0):
        yield ("dwell",), f"{file.dwell} is not a time above 0", "write it like `2 h`"
    if file.dwell is None and file.dwell_scale is not None:
        yield ("dwell_scale",), "`dwell_scale` needs `dwell`", "write `dwell: 2 h`, or remove `dwell_scale`"
    if file.takes_s is not None and file.takes_s > file.within_s + WATCHED_AFTER_S:
        most = f"{file.within_s + WATCHED_AFTER_S:g} s"
        yield (
            ("takes",),
            f"the rollout is expected to take longer than it may, {most}",
            "raise `within`, or lower `takes`",
        )
    for number, report in enumerate(file.reports):
        if report.at not in file.steps:
            hint = "write a share of `steps`"
            yield ("reports", number, "at"), f"the rollout has no step of {100 * report.at:g} %", hint
    if file.taken_back == "by the platform" and not file.triggers:
        yield (
            ("taken_back",),
            "a rollout with `taken_back: by the platform` needs a trigger",
            "add a trigger below `triggers`",
        )


def _files(directories: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for directory in directories:
        for path in sorted(directory.glob(f"*{SUFFIX}")):
            found.setdefault(path.stem, path)
    return found
