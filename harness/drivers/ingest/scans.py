"""What scanners report: open findings by severity, vulnerable packages, what an image is made of, and how old a report is."""

from __future__ import annotations

from collections.abc import Sequence

from harness.drivers.claim import claim
from harness.drivers.facts import FactReading
from harness.drivers.ingest.formats.plain import LARGEST_TEXT, shown
from harness.drivers.ingest.formats.provenance import Provenance
from harness.drivers.ingest.formats.security.bill import bill_of_materials
from harness.drivers.ingest.formats.security.npm_audit import AUDIT_LEVELS, audit_report
from harness.drivers.ingest.formats.security.sarif import ScanFinding, ScanReport, scan_report
from harness.drivers.ingest.formats.security.severity import LEVELS, UNSAID
from harness.drivers.ingest.reports import (
    NEWEST,
    NONE,
    ReportPart,
    at_least_one,
    counts,
    none_of,
    origins,
    parts_of,
    provenance,
    register_of,
    without,
)
from harness.drivers.paper import Asked
from harness.model import FactAmount
from harness.words import some


@claim(
    NONE,
    'finding of severity <severity> or higher is open[, every name of the register "<register:name>" was scanned]',
    needs=("evidence.sarif.<report>", "files.registers.<register>"),
    example="no finding of severity 7.0 or higher is open, younger than 7 d",
)
def findings_open(asked: Asked) -> Sequence[FactReading]:
    """Facts: the SARIF report has no open finding of that severity (`security-severity`, else the level of tools that make it from the severity), and every scan completed."""
    parts, least = _scans(asked), asked.params["severity"]
    limit = LEVELS.get(least) or float(least)
    severe = [one for part in parts for one in part.report.findings if one.open and one.most >= limit]
    facts = [*provenance(asked, origins(parts)), *_complete(parts), _none_open(least, limit, severe)]
    if name := asked.params.get("register"):
        names = register_of(asked, name)
        missing = without(names, [text for part in parts for text in part.report.scanned])
        seen = f"{len(names) - len(missing)}{f', not scanned: {some(missing)}' if missing else ''}"
        subject = f"names of the register {name} that were scanned"
        facts.append(
            FactReading(subject=subject, expected=f"all {len(names)}", observed=seen, ok=None if missing else True)
        )
    return facts


def _scans(asked: Asked) -> list[ReportPart[ScanReport]]:
    return parts_of(asked, "sarif", scan_report, lambda report: report.origin, LARGEST_TEXT)


def _complete(parts: Sequence[ReportPart[ScanReport]]) -> list[FactReading]:
    """The fact that every scan completed: a scan that did not complete may have missed findings."""
    why = [f"{part.path}: {text}" for part in parts for text in part.report.incomplete]
    tools = [tool for part in parts for tool in part.report.tools]
    seen = some(why) if why else f"complete: {some(tools)}"
    return [FactReading(subject="scan", expected="complete", observed=seen, ok=None if why else True)]


def _none_open(least: str, limit: float, severe: Sequence[ScanFinding]) -> FactReading:
    """The fact that no finding is open; unknown if a person must decide, as a level alone does not show whether it is below the limit."""
    decided = [one.label for one in severe if one.decided and one.severity >= limit]
    open_ones = [one.label for one in severe if not (one.decided and one.severity >= limit)]
    seen = f"{len(decided)}: {some(decided)}" if decided else "none"
    if not decided and open_ones:
        seen = f"{len(open_ones)} that a person has to decide: {some(open_ones)}"
    ok = False if decided else None if open_ones else True
    if decided and open_ones:
        seen += f"; and {len(open_ones)} that a person has to decide"
    if any((one.severity, one.most) == UNSAID for one in severe):
        seen += "; where a level is not known to be a severity, let the tool write `security-severity`"
    subject, amount = f"open findings of severity {least} or higher", FactAmount(value=len(severe))
    return FactReading(subject=subject, expected="none", observed=seen, ok=ok, amount=amount)


@claim(
    NEWEST,
    "the newest scan is",
    needs=("evidence.sarif.<report>",),
    example="the newest scan is younger than 31 d",
)
def report_age(asked: Asked) -> Sequence[FactReading]:
    """Facts: the age of the newest scan of the SARIF report, and that it completed."""
    parts = _scans(asked)
    dated = [part for part in parts if part.origin.made is not None]
    newest = max(dated, key=lambda part: part.origin.made.first if part.origin.made else 0, default=parts[0])
    return [*provenance(asked, [(newest.path, newest.origin)]), *_complete([newest])]


@claim(
    NONE,
    "package has a vulnerability of level <level> or higher",
    needs=("evidence.npm-audit.<report>",),
    example="no package has a vulnerability of level moderate or higher",
)
def packages_vulnerable(asked: Asked) -> Sequence[FactReading]:
    """The fact that no package of the npm audit has a vulnerability of that level or higher."""
    parts = parts_of(asked, "npm-audit", audit_report, lambda _report: Provenance(), LARGEST_TEXT)
    least = asked.params["level"]
    bad = AUDIT_LEVELS[AUDIT_LEVELS.index(least) :]
    found = [
        f"{shown(name)} ({level})" for part in parts for name, level in part.report.vulnerable.items() if level in bad
    ]
    packages = sum(part.report.packages for part in parts)
    contradictions = [text for part in parts for text in part.report.contradictions]
    return [
        *provenance(asked, origins(parts)),
        *counts(contradictions),
        at_least_one("packages audited", packages),
        none_of(f"vulnerabilities of level {least} or higher", found),
    ]


@claim(
    NONE,
    "component of scope development is listed",
    needs=("evidence.cyclonedx.<report>",),
    example="no component of scope development is listed",
)
def components_shipped(asked: Asked) -> Sequence[FactReading]:
    """The fact that the CycloneDX document has no component that is marked for development, or as excluded at run time."""
    parts = parts_of(asked, "cyclonedx", bill_of_materials, lambda report: report.origin, LARGEST_TEXT)
    total = sum(part.report.components for part in parts)
    found = [name for part in parts for name in part.report.development]
    unclear = [name for part in parts for name in part.report.undecided]
    may_be = "may be (scope optional, a group of its own, or a property that speaks of development or tests)"
    aside = f"; {len(unclear)} that {may_be}: {some(unclear)}" if unclear else ""
    return [
        *provenance(asked, origins(parts)),
        at_least_one("components listed", total),
        none_of("components of scope development", found, aside=aside, unclear=bool(unclear)),
    ]
