"""`npm audit --json` of npm 7 or newer, and the older form that npm 6 and pnpm write: vulnerable packages by level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from harness.drivers.ingest.formats.plain import ReportSection, json_of, section_of, shown
from harness.errors import DriverError

AUDIT_LEVELS: Final = ("info", "low", "moderate", "high", "critical")
"""From the least."""

_Level = Literal["info", "low", "moderate", "high", "critical"]
_VERSION: Final = 2


class _Vulnerability(ReportSection):
    name: str = Field(min_length=1)
    severity: _Level


class _AuditCounts(ReportSection):
    info: int = Field(default=0, ge=0)
    low: int = Field(default=0, ge=0)
    moderate: int = Field(default=0, ge=0)
    high: int = Field(default=0, ge=0)
    critical: int = Field(default=0, ge=0)
    total: int = Field(ge=0)


class _DependencyCounts(ReportSection):
    total: int = Field(ge=0)


class _AuditMetadata(ReportSection):
    vulnerabilities: _AuditCounts
    dependencies: _DependencyCounts


class _Audit(ReportSection):
    version: int = Field(alias="auditReportVersion")
    vulnerabilities: dict[str, _Vulnerability]
    metadata: _AuditMetadata


class _Advisory(ReportSection):
    module: str = Field(alias="module_name", min_length=1)
    severity: _Level


class _AdvisoryCounts(ReportSection):
    info: int = Field(default=0, ge=0)
    low: int = Field(default=0, ge=0)
    moderate: int = Field(default=0, ge=0)
    high: int = Field(default=0, ge=0)
    critical: int = Field(default=0, ge=0)


class _AdvisoryMetadata(ReportSection):
    vulnerabilities: _AdvisoryCounts
    packages: int = Field(alias="totalDependencies", ge=0)


class _OlderAudit(ReportSection):
    advisories: dict[str, _Advisory]
    muted: tuple[object, ...] = Field(default=(), strict=False)
    metadata: _AdvisoryMetadata


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditReport:
    """One audit. The format has no place for a release, a commit or a time.

    Attributes:
        packages: how many were audited.
        vulnerable: package → level.
        contradictions: where the declared counts differ from the packages.
    """

    packages: int
    vulnerable: dict[str, str]
    contradictions: tuple[str, ...]


def audit_report(body: bytes, where: str) -> AuditReport:
    """Read an audit.

    Raises:
        DriverError: it is not an audit, or npm could not make it.
    """
    value = json_of(body, where)
    if isinstance(value, dict) and "error" in value:
        error = value["error"]
        what = error.get("summary") or error.get("code") if isinstance(error, dict) else error
        raise DriverError(f"npm reports an error: {shown(str(what))}", where=where, hint="run `npm audit --json` again")
    if isinstance(value, dict) and "advisories" in value and not {"auditReportVersion", "vulnerabilities"} & {*value}:
        return _older(section_of(_OlderAudit, value, where, kind="an npm audit"), where)
    if isinstance(value, dict) and ("advisories" in value or value.get("auditReportVersion", _VERSION) != _VERSION):
        raise DriverError("is an audit of another version of npm", where=where, hint="use npm 6 to 11, or pnpm")
    audit = section_of(_Audit, value, where, kind="an npm audit")
    counted = dict.fromkeys(AUDIT_LEVELS, 0)
    for one in audit.vulnerabilities.values():
        counted[one.severity] += 1
    declared = audit.metadata.vulnerabilities
    differ = [
        f"{where}: {level}={getattr(declared, level)} declared, {count} counted"
        for level, count in (*counted.items(), ("total", len(audit.vulnerabilities)))
        if getattr(declared, level) != count
    ]
    return AuditReport(
        packages=audit.metadata.dependencies.total,
        vulnerable={name: one.severity for name, one in audit.vulnerabilities.items()},
        contradictions=tuple(differ),
    )


def _older(audit: _OlderAudit, where: str) -> AuditReport:
    """An audit by advisories. It declares how often each level was found, an advisory once for each way to its package."""
    counted = dict.fromkeys(AUDIT_LEVELS, 0)
    worst: dict[str, str] = {}
    for one in audit.advisories.values():
        counted[one.severity] += 1
        worst[one.module] = max(worst.get(one.module, one.severity), one.severity, key=AUDIT_LEVELS.index)
    declared = {level: getattr(audit.metadata.vulnerabilities, level) for level in AUDIT_LEVELS}
    differ = [
        f"{where}: {level}={declared[level]} declared, {count} advisories listed"
        for level, count in counted.items()
        if declared[level] < count or (declared[level] and not count)
    ]
    if audit.muted:
        differ.append(f"{where}: {len(audit.muted)} advisories are muted and not listed")
    return AuditReport(packages=audit.metadata.packages, vulnerable=worst, contradictions=tuple(differ))
