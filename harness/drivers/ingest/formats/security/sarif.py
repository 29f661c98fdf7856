"""SARIF 2.1: what scanners found, how severe it is, and whether it is still open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from pydantic import Field

from harness.drivers.ingest.formats.moments import Moment, earliest
from harness.drivers.ingest.formats.plain import ReportSection, json_of, section_of, shown
from harness.drivers.ingest.formats.provenance import Provenance
from harness.drivers.ingest.formats.security.severity import OF_LEVEL, severity
from harness.errors import DriverError

_SAYS: Final = ("release", "commit", "environment", "target")
_TOLD: Final[Mapping[str, str]] = {"error": "an error", "warning": "a warning"}
"""Levels of notifications of the tool itself; by the standard, the results may be incomplete where it warns (a file that took too long)."""


class _Text(ReportSection):
    text: str = ""
    markdown: str = ""


class _Place(ReportSection):
    uri: str = ""


class _Artifact(ReportSection):
    location: _Place = _Place()


class _Physical(ReportSection):
    artifact: _Place = Field(default=_Place(), alias="artifactLocation")


class _Logical(ReportSection):
    name: str = ""
    full: str = Field(default="", alias="fullyQualifiedName")


class _Location(ReportSection):
    physical: _Physical = Field(default=_Physical(), alias="physicalLocation")
    logical: tuple[_Logical, ...] = Field(default=(), alias="logicalLocations", strict=False)


class _Defaults(ReportSection):
    level: Literal["none", "note", "warning", "error"] | None = None


class _Rule(ReportSection):
    id: str = ""
    properties: dict[str, Any] = Field(default_factory=dict)
    defaults: _Defaults = Field(default=_Defaults(), alias="defaultConfiguration")


class _Configuration(ReportSection):
    level: Literal["none", "note", "warning", "error"] | None = None


class _ToolPart(ReportSection):
    name: str = Field(min_length=1)
    guid: str = ""
    rules: tuple[_Rule, ...] = Field(default=(), strict=False)


class _Tool(ReportSection):
    driver: _ToolPart
    extensions: tuple[_ToolPart, ...] = Field(default=(), strict=False)


class _ComponentReference(ReportSection):
    index: int = -1
    name: str = ""
    guid: str = ""


class _RuleReference(ReportSection):
    id: str = ""
    index: int = -1
    component: _ComponentReference = Field(default=_ComponentReference(), alias="toolComponent")


class _Override(ReportSection):
    descriptor: _RuleReference = _RuleReference()
    configuration: _Configuration = _Configuration()


class _Suppression(ReportSection):
    status: Literal["accepted", "underReview", "rejected"] = "accepted"


class _Found(ReportSection):
    invocation: int = Field(default=-1, alias="invocationIndex")


class _Result(ReportSection):
    rule_id: str = Field(default="", alias="ruleId")
    rule_index: int = Field(default=-1, alias="ruleIndex")
    rule: _RuleReference = _RuleReference()
    kind: Literal["notApplicable", "pass", "fail", "review", "open", "informational"] = "fail"
    level: Literal["none", "note", "warning", "error"] | None = None
    message: _Text
    locations: tuple[_Location, ...] = Field(default=(), strict=False)
    suppressions: tuple[_Suppression, ...] = Field(default=(), strict=False)
    baseline: Literal["new", "unchanged", "updated", "absent"] | None = Field(default=None, alias="baselineState")
    found: _Found = Field(default=_Found(), alias="provenance")
    properties: dict[str, Any] = Field(default_factory=dict)


class _Notification(ReportSection):
    level: Literal["none", "note", "warning", "error"] = "warning"
    message: _Text = _Text()


class _Invocation(ReportSection):
    successful: bool = Field(alias="executionSuccessful")
    notifications: tuple[_Notification, ...] = Field(default=(), alias="toolExecutionNotifications", strict=False)
    configuration: tuple[_Notification, ...] = Field(default=(), alias="toolConfigurationNotifications", strict=False)
    overrides: tuple[_Override, ...] = Field(default=(), alias="ruleConfigurationOverrides", strict=False)
    command: str = Field(default="", alias="commandLine")
    arguments: tuple[str, ...] = Field(default=(), strict=False)
    directory: _Place = Field(default=_Place(), alias="workingDirectory")
    not_started: str = Field(default="", alias="processStartFailureMessage")
    signal: str = Field(default="", alias="exitSignalName")
    ended: str = Field(default="", alias="endTimeUtc")
    started: str = Field(default="", alias="startTimeUtc")


class _Revision(ReportSection):
    commit: str = Field(default="", alias="revisionId")
    tag: str = Field(default="", alias="revisionTag")


class _ScanRun(ReportSection):
    tool: _Tool
    results: tuple[_Result, ...] | None = Field(default=None, strict=False)
    invocations: tuple[_Invocation, ...] = Field(default=(), strict=False)
    provenance: tuple[_Revision, ...] = Field(default=(), alias="versionControlProvenance", strict=False)
    artifacts: tuple[_Artifact, ...] = Field(default=(), strict=False)
    logical: tuple[_Logical, ...] = Field(default=(), alias="logicalLocations", strict=False)
    bases: dict[str, _Place] = Field(default_factory=dict, alias="originalUriBaseIds")
    elsewhere: dict[str, Any] = Field(default_factory=dict, alias="externalPropertyFileReferences")
    properties: dict[str, Any] = Field(default_factory=dict)


class _Inline(ReportSection):
    results: tuple[object, ...] = Field(default=(), strict=False)


class _Log(ReportSection):
    version: str
    runs: tuple[_ScanRun, ...] = Field(min_length=1, strict=False)
    inline: tuple[_Inline, ...] = Field(default=(), alias="inlineExternalProperties", strict=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanFinding:
    """One result that is a finding, or that may be one.

    Attributes:
        rule: by id. place: file or address; empty where it has none. message: of the tool, short.
        severity, most: 0 to 10, the least and the most that it may be; one figure where the tool gives one.
        open: neither suppressed, nor gone since the baseline.
        decided: False where the tool left the decision to a person.
    """

    rule: str
    place: str
    message: str
    severity: float
    most: float
    open: bool
    decided: bool

    @property
    def label(self) -> str:
        """Rule, place and severity: `js/xss at src/a.js (7.5)`, `DS126858 at src/a.c (7 to 10)`."""
        severity = f"{self.severity:g}" if self.severity == self.most else f"{self.severity:g} to {self.most:g}"
        return f"{self.rule}{f' at {self.place}' if self.place else ''} ({severity})"


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanReport:
    """One log.

    Attributes:
        tools: that ran.
        findings: of all of them.
        scanned: files, addresses and names that the log lists as scanned.
        incomplete: why a scan did not complete; empty: all did.
        origin: commit and release of its version control provenance (or its properties), the oldest end of a scan; each where every run says it.
    """

    tools: tuple[str, ...]
    findings: tuple[ScanFinding, ...]
    scanned: frozenset[str]
    incomplete: tuple[str, ...]
    origin: Provenance


def scan_report(body: bytes, where: str) -> ScanReport:
    """Read a log.

    Raises:
        DriverError: it is not SARIF 2.1, or a severity in it is not a number.
    """
    value = json_of(body, where)
    version = value.get("version") if isinstance(value, dict) else None
    if isinstance(version, str) and not version.startswith("2.1"):
        hint = "let the scanner write SARIF 2.1.0"
        raise DriverError(f"is SARIF {shown(version)}, 2.1 is read", where=f"{where}: version", hint=hint)
    log = section_of(_Log, value, where, kind="a SARIF log")
    origins = [_origin(run, f"{where}: runs[{index}]") for index, run in enumerate(log.runs)]
    return ScanReport(
        tools=tuple(shown(run.tool.driver.name) for run in log.runs),
        findings=tuple(
            finding
            for index, run in enumerate(log.runs)
            for row, result in enumerate(run.results or ())
            if (finding := _finding(run, result, f"{where}: runs[{index}].results[{row}]")) is not None
        ),
        scanned=frozenset(name for run in log.runs for name in _scanned(run)),
        incomplete=(
            *(why for run in log.runs for why in _incomplete(run)),
            *("results are in `inlineExternalProperties`, which are not read" for one in log.inline if one.results),
        ),
        origin=_together(origins, where),
    )


def _origin(run: _ScanRun, where: str) -> Provenance:
    ended = [
        Moment.of(invocation.ended or invocation.started, f"{where}.invocations")
        for invocation in run.invocations
        if invocation.ended or invocation.started
    ]
    release, commit, environment, target = (_word(run.properties, key) for key in _SAYS)
    origin = Provenance(release=release, commit=commit, environment=environment, target=target)
    for provenance in run.provenance:
        origin = origin.completed(Provenance(commit=provenance.commit, release=provenance.tag), where)
    return replace(origin, made=earliest(ended))


def _together(origins: Sequence[Provenance], where: str) -> Provenance:
    """What every run says of itself, as old as the oldest: of a run that does not say it, it is not known."""
    together = Provenance()
    for origin in origins:
        together = together.completed(origin, where)
    found = {name: getattr(together, name) for name in _SAYS}
    said = {name: value for name, value in found.items() if all(getattr(one, name) for one in origins)}
    partly = {name: value for name, value in found.items() if value and name not in said}
    dated = [origin.made for origin in origins if origin.made is not None]
    made = earliest(dated) if len(dated) == len(origins) else None
    return Provenance(**said, made=made, partly=partly)


def _word(properties: Mapping[str, Any], key: str) -> str:
    value = properties.get(key, "")
    return value if isinstance(value, str) else ""


def _finding(run: _ScanRun, result: _Result, where: str) -> ScanFinding | None:
    """A result as a finding; None where the tool reports that it is not one."""
    if result.kind in {"notApplicable", "pass", "informational"}:
        return None
    index = result.rule_index if result.rule_index >= 0 else result.rule.index
    reference = result.rule.model_copy(update={"id": result.rule_id or result.rule.id, "index": index})
    rule = _rule(run.tool, reference)
    name = reference.id or (rule.id if rule else "") or "a rule without an id"
    places = [place for location in result.locations for place in _places(location)]
    suppressed = bool(result.suppressions) and all(one.status == "accepted" for one in result.suppressions)
    level = result.level or _set_level(run, result, rule) or (rule.defaults.level if rule else None)
    least, most = severity(result.properties, rule.properties if rule else {}, level, run.tool.driver.name, where)
    return ScanFinding(
        rule=shown(name),
        place=shown(places[0]) if places else "",
        message=shown(result.message.text),
        severity=least,
        most=most,
        open=not suppressed and result.baseline != "absent",
        decided=result.kind == "fail",
    )


def _rule(tool: _Tool, reference: _RuleReference) -> _Rule | None:
    """The rule that is referred to: the one of its id, in its part of the tool where that has it at its index; else the one above it, as `js/xss` of `js/xss/stored`."""
    index, name = reference.index, reference.id
    part = _part(tool, reference.component)
    referred = part.rules[index] if part is not None and 0 <= index < len(part.rules) else None
    if not name or (referred is not None and referred.id == name):
        return referred
    every = [rule for one in (tool.driver, *tool.extensions) for rule in one.rules]
    exact = next((rule for rule in every if rule.id == name), None)
    if exact is not None:
        return exact
    if referred is not None and _is_above(referred, name):
        return referred
    return max((rule for rule in every if _is_above(rule, name)), key=lambda rule: len(rule.id), default=None)


def _part(tool: _Tool, reference: _ComponentReference) -> _ToolPart | None:
    """The part of a tool that a rule is of; None where it is named and not there."""
    if 0 <= reference.index < len(tool.extensions):
        return tool.extensions[reference.index]
    for key in ("guid", "name"):
        if given := getattr(reference, key):
            return next((one for one in (tool.driver, *tool.extensions) if getattr(one, key) == given), None)
    return tool.driver


def _is_above(rule: _Rule, name: str) -> bool:
    return bool(rule.id) and name.startswith(f"{rule.id}/")


def _set_level(run: _ScanRun, result: _Result, rule: _Rule | None) -> str | None:
    """The level that the invocation gave the rule in place of its own; the most severe where more than one may be it."""
    at = result.found.invocation
    levels = [
        override.configuration.level
        for invocation in (run.invocations[at : at + 1] if at >= 0 else run.invocations)
        for override in invocation.overrides
        if override.configuration.level and rule is not None and _rule(run.tool, override.descriptor) is rule
    ]
    return max(levels, key=OF_LEVEL.__getitem__, default=None)


def _places(location: _Location) -> list[str]:
    named = [name for one in location.logical for name in (one.full, one.name)]
    return [place for place in (location.physical.artifact.uri, *named) if place]


def _scanned(run: _ScanRun) -> list[str]:
    places = [place for result in run.results or () for location in result.locations for place in _places(location)]
    named = [name for one in run.logical for name in (one.full, one.name)]
    return [place for place in (*(one.location.uri for one in run.artifacts), *named, *places) if place]


def _incomplete(run: _ScanRun) -> list[str]:
    name = shown(run.tool.driver.name)
    failed = [
        f"{name} reports that its scan failed{': ' if why else ''}{why}"
        for one in run.invocations
        if (why := shown(one.not_started or one.signal)) or not one.successful
    ]
    told = [
        f"{name} reports {_TOLD[note.level]}: {shown(note.message.text)}"
        for one in run.invocations
        for note in (*one.notifications, *one.configuration)
        if note.level in _TOLD
    ]
    lost = [f"{name} has no list of results"] if run.results is None else []
    lost += [f"{name} has results in other files"] if run.elsewhere.get("results") else []
    return failed + told + lost + _analysed_nothing(run, name)


def _ran_on(run: _ScanRun) -> bool:
    """Whether a successful invocation names its command or directory, or the run a directory that its places begin in, as Trivy's do."""
    invoked = any(one.successful and (one.command or one.arguments or one.directory.uri) for one in run.invocations)
    return invoked or any(one.uri not in ("", "file:///") for one in run.bases.values())


def _analysed_nothing(run: _ScanRun, name: str) -> list[str]:
    """Why a run without results did not find that there is nothing: it names neither a rule nor anything that it scanned, or measured no line."""
    if run.results:
        return []
    rules = any(part.rules for part in (run.tool.driver, *run.tool.extensions))
    named = rules or _scanned(run) or _word(run.properties, "imageName") or _ran_on(run)
    if not named:
        hint = "let it write the command line of a successful `invocation`, or `originalUriBaseIds`"
        return [f"{name} names neither a rule that was applied nor a file, image or address that it scanned; {hint}"]
    metrics = run.properties.get("metricResults")
    values = [one.get("value") for one in metrics if isinstance(one, dict)] if isinstance(metrics, list) else []
    return [f"{name} reports that it scanned 0 lines"] if values and not any(values) else []
