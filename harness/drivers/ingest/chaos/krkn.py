"""Telemetry of krkn: the JSON that it prints as `Chaos data` and keeps as its telemetry.

Source: `krkn_lib/models/telemetry` of krkn-chaos/krkn-lib, and `run_kraken.py`, `krkn/health_checks` and `krkn/prometheus` of
krkn-chaos/krkn. krkn counts an SLO without data as passed and one whose query failed as failed, so its SLOs and its score never
decide. Its health checks have times without a zone, on the same clock as the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Final

from pydantic import Field

from harness.drivers.ingest.chaos.experiment import (
    ChaosExperiment,
    ChaosFile,
    ChaosFinding,
    ChaosFormat,
    found_if,
    only_document,
    time_of,
)
from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import ReportSection, section_of, shown
from harness.words import counted, some

_PARTS: Final = (-9.5, -3.5, -2.5, 3.5, 4.5, 5.5, 5.75, 6.5, 8.75, 9.5, 10.5, 12.75, 13.75)
_ZONES: Final = [timedelta(hours=number) for number in (*range(-12, 15), *_PARTS)]
"""Differences from UTC that clocks show somewhere."""
_SLACK: Final = timedelta(seconds=60)
"""How far the checks may seem to begin before the run."""
_GOOD: Final = "200"
"""The status that krkn takes for a good answer."""


class AffectedThing(ReportSection):
    """A pod or virtual machine that was hit."""

    pod_name: str = ""
    vmi_name: str = ""
    total_recovery_time: float | None = None


class RecoveredThings(ReportSection):
    """Those that came back, and those that did not."""

    recovered: list[AffectedThing] | None = None
    unrecovered: list[AffectedThing] | None = None
    error: str | None = None


class AffectedHost(ReportSection):
    """A node that was hit, and how long it took to go and to come, in s."""

    node_name: str = ""
    not_ready_time: float = 0
    ready_time: float = 0
    stopped_time: float = 0
    running_time: float = 0
    terminating_time: float = 0


class KrknScenario(ReportSection):
    """One scenario."""

    scenario: str
    scenario_type: str = ""
    start_timestamp: float | None = None
    end_timestamp: float | None = None
    exit_status: int | None = None
    affected_pods: RecoveredThings | None = None
    affected_vmis: RecoveredThings | None = None
    affected_nodes: list[AffectedHost] | None = None


class HealthCheck(ReportSection):
    """A time in which an address gave the same answer."""

    url: str = ""
    vm_name: str = ""
    status: bool
    status_code: str | int | None = None
    start_timestamp: str
    end_timestamp: str
    duration: float | None = None


class SloCounts(ReportSection):
    """Numbers of service level objectives."""

    passed_slos: int = 0
    total_slos: int = 0


class KrknTelemetry(ReportSection):
    """The telemetry of a run."""

    scenarios: list[KrknScenario]
    run_uuid: str = ""
    timestamp: str | None = None
    job_status: bool = True
    health_checks: list[HealthCheck] | None = None
    virt_checks: list[HealthCheck] | None = None
    post_virt_checks: list[HealthCheck] | None = None
    slos: SloCounts | None = Field(default=None, alias="overall_resiliency_report")


class KrknAlerts(ReportSection):
    """Critical alerts."""

    post_chaos_alerts: list[object] | None = None


class KrknOutput(ReportSection):
    """What krkn prints."""

    telemetry: KrknTelemetry
    critical_alerts: KrknAlerts | None = None


def read_telemetry(files: Sequence[ChaosFile]) -> Sequence[ChaosExperiment]:
    """Each scenario of each run."""
    return [one for file in files for one in _scenarios(file)]


def _scenarios(file: ChaosFile) -> Iterator[ChaosExperiment]:
    value, where = only_document(file), str(file.path)
    output = {"telemetry": value} if isinstance(value, dict) and "telemetry" not in value else value
    found = section_of(KrknOutput, output, where, kind="a telemetry of krkn")
    reading = _TelemetryReading(found, where)
    for number, scenario in enumerate(found.telemetry.scenarios):
        begin = scenario.start_timestamp
        yield ChaosExperiment(
            name=scenario.scenario or scenario.scenario_type or f"scenario {number + 1}",
            path=file.path,
            identity=f"{found.telemetry.run_uuid} {scenario.scenario} {begin}",
            injected=_injected(scenario),
            probed=reading.probed(number),
            undone=_undone(scenario),
            ended=_ended(scenario),
            end=None if not scenario.end_timestamp else Moment.at_epoch(scenario.end_timestamp, where),
            doubts=(*_doubts(scenario), *reading.early(scenario)),
        )


def _lists(scenario: KrknScenario) -> list[RecoveredThings]:
    return [one for one in (scenario.affected_pods, scenario.affected_vmis) if one is not None]


def _lost(scenario: KrknScenario) -> list[str]:
    return [shown(one.pod_name or one.vmi_name) for each in _lists(scenario) for one in each.unrecovered or []]


def _injected(scenario: KrknScenario) -> ChaosFinding:
    """Something was affected, and krkn does not say that the scenario failed for another reason than that it did not come back."""
    things = sum(len(each.recovered or []) + len(each.unrecovered or []) for each in _lists(scenario))
    nodes = scenario.affected_nodes or []
    problems = [
        f"nothing was measured of the node `{shown(one.node_name)}`"
        for one in nodes
        if not (one.not_ready_time > 0 or one.stopped_time > 0 or one.terminating_time > 0)
    ]
    if not things and not nodes:
        problems.append("no affected pod, node or virtual machine is listed")
    if scenario.exit_status != 0 and not (scenario.exit_status == 1 and _lost(scenario)):
        problems.append(f"the scenario failed with `exit_status` {scenario.exit_status}")
    return found_if(problems, f"{things + len(nodes)} affected")


def _undone(scenario: KrknScenario) -> ChaosFinding:
    """What was affected has come back."""
    if lost := _lost(scenario):
        return ChaosFinding(ok=False, seen=f"did not come back: {some(lost)}")
    problems = [f"krkn could not watch it: {shown(one.error)}" for one in _lists(scenario) if one.error]
    back = [one for each in _lists(scenario) for one in each.recovered or []]
    problems += [
        f"no time is given for the return of {shown(one.pod_name or one.vmi_name) or 'something without a name'}"
        for one in back
        if one.total_recovery_time is None or one.total_recovery_time <= 0 or not (one.pod_name or one.vmi_name)
    ]
    nodes = scenario.affected_nodes or []
    problems += [
        f"the node `{shown(one.node_name)}` is not reported as ready again"
        for one in nodes
        if not (one.ready_time > 0 or one.running_time > 0)
    ]
    if not back and not nodes:
        problems.append("nothing is listed that came back")
    return found_if(problems, f"{len(back) + len(nodes)} came back")


def _ended(scenario: KrknScenario) -> ChaosFinding:
    begin, end = scenario.start_timestamp or 0, scenario.end_timestamp or 0
    problems = [] if 0 < begin <= end else ["it does not say when it began and ended"]
    if scenario.exit_status not in (0, 1):
        problems.append(f"`exit_status` is {scenario.exit_status}, which is not known")
    return found_if(problems, f"`exit_status` {scenario.exit_status}")


def _doubts(scenario: KrknScenario) -> Iterator[str]:
    if scenario.exit_status == 0 and (lost := _lost(scenario)):
        yield f"`exit_status` is 0, and {some(lost)} did not come back"
    most = (scenario.end_timestamp or 0) - (scenario.start_timestamp or 0) + _SLACK.total_seconds()
    for one in (one for each in _lists(scenario) for one in each.recovered or []):
        if one.total_recovery_time is not None and one.total_recovery_time > most > 0:
            yield f"{shown(one.pod_name or one.vmi_name)} came back after {one.total_recovery_time:g} s, longer than the scenario"
    names = [one.pod_name for one in (scenario.affected_pods or RecoveredThings()).recovered or [] if one.pod_name]
    if len({*names}) < len(names):
        yield "a pod came back twice"


@dataclass(frozen=True)
class _TelemetryReading:
    """What the checks of a run say of its scenarios."""

    output: KrknOutput
    where: str

    @cached_property
    def checks(self) -> list[HealthCheck]:
        run = self.output.telemetry
        return [*(run.health_checks or []), *(run.virt_checks or []), *(run.post_virt_checks or [])]

    def early(self, scenario: KrknScenario) -> Iterator[str]:
        """Whether a scenario began before its run did."""
        began, begin = time_of(self.output.telemetry.timestamp, self.where), scenario.start_timestamp
        if began is not None and begin and begin + _SLACK.total_seconds() < began.first.timestamp():
            yield "it began before its run did"

    def probed(self, number: int) -> ChaosFinding:
        """Whether an address was checked since the scenario began, and until the next one gave nothing but good answers."""
        run = self.output.telemetry
        begin = run.scenarios[number].start_timestamp
        later = [one.start_timestamp for one in run.scenarios[number + 1 :] if one.start_timestamp]
        problems = [*self._doubtful()]
        if not self.checks:
            problems.append("it has no health check")
        if not begin or problems:
            return found_if(problems or ["it does not say when it began"], "")
        bad = [(_named(one), self._met(one, begin, min(later, default=None))) for one in self.checks if not one.status]
        if failed := [name for name, met in bad if met]:
            return ChaosFinding(ok=False, seen=f"failed: {some([*dict.fromkeys(failed)])}")
        problems += [f"{name} failed at a time that cannot be told" for name, met in bad if met is None]
        good = sum(self._met(one, begin, None) is True for one in self.checks if one.status)
        if not good:
            problems.append("no health check was made since the fault, as far as its times say")
        return found_if(problems, f"{counted(good, 'health check')} passed")

    def _doubtful(self) -> Iterator[str]:
        """Why the checks of a run are not what they seem, or not all that there is to say."""
        run, slos = self.output.telemetry, self.output.telemetry.slos
        for one in self.checks:
            code = str(one.status_code) if one.status_code is not None else ""
            if one.url and one.status is not (code == _GOOD):
                yield f"{_named(one)} is {str(one.status).lower()} with status `{shown(code)}`"
            begin, end = (time_of(text, self.where) for text in (one.start_timestamp, one.end_timestamp))
            if begin is None or end is None or end.first < begin.first:
                yield f"{_named(one)} ends before it begins"
        if not run.job_status:
            yield "`job_status` is false: critical alerts fired"
        if self.output.critical_alerts is not None and self.output.critical_alerts.post_chaos_alerts:
            yield "critical alerts fired after it"
        if slos is not None and slos.passed_slos != slos.total_slos:
            yield f"{slos.passed_slos} of {slos.total_slos} SLOs passed, and krkn counts a query that fails as a failed one"

    def _met(self, check: HealthCheck, begin: float, until: float | None) -> bool | None:
        """Whether a check was made from one time to the other; None where its zone, which is not given, leaves that open."""
        times = [time_of(text, self.where) for text in (check.start_timestamp, check.end_timestamp)]
        first, last = (one.first.timestamp() + _half_s(one) for one in times if one is not None)
        answers = {
            last - zone.total_seconds() > begin and (until is None or first - zone.total_seconds() < until)
            for zone in (self._zones if times[0] is not None and times[0].last != times[0].first else [timedelta(0)])
        }
        return answers.pop() if len(answers) == 1 else None

    @cached_property
    def _zones(self) -> list[timedelta]:
        """The zones in which every check began after the run did, and the first before the last scenario ended; none without a start."""
        run = self.output.telemetry
        began = time_of(run.timestamp, self.where)
        ends = [one.end_timestamp for one in run.scenarios if one.end_timestamp]
        starts = [time_of(one.start_timestamp, self.where) for one in self.checks]
        if began is None or began.first != began.last or not ends or not starts:
            return []
        first = min(one.first.timestamp() + _half_s(one) for one in starts if one is not None)
        least, most = began.first.timestamp() - _SLACK.total_seconds(), max(ends)
        return [zone for zone in _ZONES if least <= first - zone.total_seconds() <= most]


def _half_s(moment: Moment) -> float:
    """Half of the width of a time without a zone, in s: from the earliest that it may be to what it says."""
    return (moment.last - moment.first).total_seconds() / 2


def _named(check: HealthCheck) -> str:
    return f"`{shown(check.url or check.vm_name)}`"


KRKN: Final = ChaosFormat(tool="krkn", what="a telemetry of krkn", read=read_telemetry)
