"""Results of Litmus: `ChaosResult` of `litmuschaos.io/v1alpha1`, as Litmus 3 writes them.

Source: `api/litmuschaos/v1alpha1` of litmuschaos/chaos-operator, and `pkg/result` of litmuschaos/litmus-go. Litmus writes a
`probeSuccessPercentage` of 100 for a fault without probes too, so it counts only where it contradicts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import Field

from harness.drivers.ingest.chaos.experiment import (
    ChaosExperiment,
    ChaosFile,
    ChaosFinding,
    ChaosFormat,
    found_if,
    time_of,
    unknown_word,
)
from harness.drivers.ingest.chaos.objects import ReportedObject, objects_of
from harness.drivers.ingest.formats.plain import ReportSection, section_of, shown
from harness.words import counted, some

_IN: Final = {"injected", "detached"}
_BACK: Final = {"reverted", "re-attached"}
_TARGETED: Final = {"targeted"}
"""Of a fault that Litmus does not revert, as a killed pod or a stress that has ended."""
_GONE: Final = {"nolongerexist"}
_BEFORE: Final = {"sot"}
_AFTER: Final = {"eot", "edge"}
_MODES: Final = _BEFORE | _AFTER | {"onchaos", "continuous"}
_ENDED: Final = {"completed", "completed_with_error", "completed_with_probe_failure"}
_PERCENT: Final = re.compile(r"\d{1,3}")


class ResultTarget(ReportSection):
    """A thing that was hit."""

    name: str = ""
    state: str = Field(default="", alias="chaosStatus")


class ResultHistory(ReportSection):
    """Numbers of all runs of the experiment, and the things that the last one hit."""

    passed: int | None = Field(default=None, alias="passedRuns")
    failed: int | None = Field(default=None, alias="failedRuns")
    targets: list[ResultTarget] | None = None


class ResultProbeStatus(ReportSection):
    """What became of a probe."""

    verdict: str = ""


class ResultProbe(ReportSection):
    """One probe."""

    name: str = ""
    mode: str = ""
    status: ResultProbeStatus = ResultProbeStatus()

    @property
    def where(self) -> str:
        """Its name and mode."""
        return f"`{shown(self.name)}` ({shown(self.mode) or 'of no mode'})"


class ResultError(ReportSection):
    """Why a run failed."""

    reason: str = ""
    code: str = Field(default="", alias="errorCode")


class ResultVerdict(ReportSection):
    """What became of the experiment."""

    phase: str = ""
    verdict: str = ""
    percentage: str | int | None = Field(default=None, alias="probeSuccessPercentage")
    error: ResultError | None = Field(default=None, alias="errorOutput")
    fail_step: str | None = Field(default=None, alias="failStep")

    @property
    def why(self) -> str:
        """Why it failed; empty if it does not say it."""
        said = [self.error.reason or self.error.code if self.error else "", self.fail_step or ""]
        return next((one for one in said if one and one != "N/A"), "")


class ResultStatus(ReportSection):
    """The status."""

    experiment: ResultVerdict = Field(alias="experimentStatus")
    probes: list[ResultProbe] | None = Field(default=None, alias="probeStatuses")
    history: ResultHistory | None = None


class LitmusResult(ReportSection):
    """A ChaosResult."""

    status: ResultStatus


def read_results(files: Sequence[ChaosFile]) -> Sequence[ChaosExperiment]:
    """The experiment of each ChaosResult."""
    return [_experiment(one) for one in objects_of(files, "litmuschaos.io/v1alpha1", ("ChaosResult",))]


def _experiment(one: ReportedObject) -> ChaosExperiment:
    status = section_of(LitmusResult, one.data, one.where, kind="a ChaosResult of Litmus").status
    probes = status.probes or []
    return ChaosExperiment(
        name=one.metadata.name,
        path=one.path,
        identity=one.metadata.uid or one.label,
        injected=_injected(status),
        probed=_probed(status.experiment, probes),
        undone=_undone(status),
        ended=_ended(status.experiment),
        end=None,
        begun=time_of(one.metadata.created, one.where),
        passed_after=any(one.mode.lower() in _AFTER and _is(one, "passed") for one in probes),
        kills=True,
        doubts=tuple(_doubts(status)),
    )


def _targets(status: ResultStatus) -> Sequence[ResultTarget]:
    return (status.history.targets if status.history else None) or []


def _injected(status: ResultStatus) -> ChaosFinding:
    targets = _targets(status)
    known = _IN | _BACK | _TARGETED | _GONE
    problems = [unknown_word("state of a target", one.state) for one in targets if one.state.lower() not in known]
    if not targets:
        problems.append("no target was hit")
    return found_if(problems, f"{counted(len(targets), 'target')} hit")


def _undone(status: ResultStatus) -> ChaosFinding | None:
    """Whether the fault was reverted; None where all that was hit is something that Litmus does not revert."""
    states = {one.state.lower() for one in _targets(status)}
    if states and states <= _TARGETED:
        return None
    left = [f"`{shown(one.name)}` is {shown(one.state)}" for one in _targets(status) if one.state.lower() not in _BACK]
    return found_if(left if states else ["no target was hit"], "every target was reverted")


def _probed(result: ResultVerdict, probes: Sequence[ResultProbe]) -> ChaosFinding:
    late = [one for one in probes if one.mode.lower() not in _BEFORE]
    if failed := [one.where for one in late if _is(one, "failed")]:
        return ChaosFinding(ok=False, seen=f"failed: {some(failed)}")
    problems = [
        *(f"{one.where}: {unknown_word('mode', one.mode)}" for one in probes if one.mode.lower() not in _MODES),
        *(f"{one.where} has the verdict `{shown(one.status.verdict)}`" for one in probes if not _is(one, "passed")),
    ]
    if not late:
        problems.append("its probes ran only before the fault" if probes else "it has no probe")
    if result.verdict.lower() == "fail":
        problems.append(f"the verdict is Fail, and no probe failed: {shown(result.why) or 'no reason is given'}")
    return found_if(problems, f"{counted(len(late), 'probe')} passed")


def _is(probe: ResultProbe, verdict: str) -> bool:
    return probe.status.verdict.lower() == verdict


def _ended(result: ResultVerdict) -> ChaosFinding:
    problems = []
    if result.phase.lower() not in _ENDED:
        problems.append(f"the phase is `{shown(result.phase)}`" if result.phase else "no phase")
    if result.verdict.lower() not in ("pass", "fail"):
        problems.append(f"the verdict is `{shown(result.verdict)}`" if result.verdict else "no verdict")
    if problems and result.why:
        problems.append(shown(result.why))
    return found_if(problems, f"{result.phase} with verdict {result.verdict}")


def _doubts(status: ResultStatus) -> Iterator[str]:
    """How a result contradicts itself."""
    result, probes = status.experiment, status.probes or []
    passed = sum(_is(one, "passed") for one in probes)
    text = str(result.percentage)
    share = int(text) if _PERCENT.fullmatch(text) else -1
    if result.verdict.lower() == "pass":
        if result.phase.lower() != "completed":
            yield f"the verdict is Pass in the phase `{shown(result.phase)}`"
        for one in probes:
            if not _is(one, "passed"):
                yield f"the verdict is Pass, and the probe {one.where} has the verdict `{shown(one.status.verdict)}`"
        if share != 100:
            yield f"the verdict is Pass with a `probeSuccessPercentage` of `{shown(text)}`"
        if result.why:
            yield f"the verdict is Pass with the error: {shown(result.why)}"
    if result.verdict.lower() == "fail" and probes and share != 100 * passed // len(probes):
        yield f"`probeSuccessPercentage` is `{shown(text)}`, and {passed} of {len(probes)} probes passed"
    history = status.history
    runs = {"pass": history.passed, "fail": history.failed}.get(result.verdict.lower(), 1) if history else 1
    if not runs:
        yield f"the verdict is {shown(result.verdict)}, and the history has no such run"


LITMUS: Final = ChaosFormat(tool="litmus", what="a ChaosResult of Litmus", read=read_results)
