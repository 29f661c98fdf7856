"""`junit.xml`: one test case a scenario, for tools that read nothing else."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from harness.model import Claim, Outcome
from harness.report.view.digest import claim_measures, rows
from harness.report.view.moments import SECOND, Moments
from harness.report.view.wording import clean

if TYPE_CHECKING:
    from harness.model import ClaimVerdict, Evidence, Judgement, Plan
    from harness.report.view.digest import Row

_FAILURES = {Outcome.FAIL: "fail", Outcome.INCONCLUSIVE: "inconclusive"}


def render_junit(plan: Plan, evidence: Evidence, judgement: Judgement) -> bytes:
    """The document as UTF-8. A requirement that no scenario claims is a skipped case of its own, so that none is lost."""
    moments = Moments.of(evidence)
    suite = ET.Element("testsuite")
    _properties(
        suite,
        decision=judgement.decision.outcome.value,
        headline=judgement.decision.headline,
        target=plan.target,
        environment=plan.environment,
        time_scale=f"{plan.time_scale:g}",
        release=plan.release,
        run=plan.run,
    )
    claims = {claim.scenario.id: claim for claim in plan.claims}
    counts: Counter[str] = Counter()
    by_id = {row.requirement.id: row for row in rows(plan, judgement)}
    for row in (by_id[requirement.id] for requirement in plan.requirements if requirement.id in by_id):
        for said in row.verdict.claims:
            claim = claims.get(said.scenario.id)
            counts[_case(suite, row, said, seconds=_seconds(moments, plan, evidence, claim))] += 1
        if not row.verdict.claims:
            counts[_unclaimed(suite, row)] += 1
    totals = {
        "tests": str(len(suite) - 1),
        "failures": str(counts["failure"]),
        "errors": "0",
        "skipped": str(counts["skipped"]),
    }
    name = clean(f"readiness {plan.profile} {plan.release}")
    suite.attrib.update({"name": name, **totals, "time": _text(moments.seconds)})
    if moments.wall is not None:
        suite.set("timestamp", moments.wall.isoformat(timespec="seconds"))
    root = ET.Element("testsuites", {"name": name, **totals})
    root.append(suite)
    ET.indent(root, " ")
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def _case(suite: ET.Element, row: Row, said: ClaimVerdict, *, seconds: float | None) -> str:
    """Add a scenario's case; returns what became of it: `failure`, `skipped` or `passed`."""
    attributes = {
        "classname": clean(".".join((*said.scenario.folders, said.scenario.feature))),
        "name": clean(said.scenario.title),
        "file": clean(said.scenario.file),
        "time": _text(seconds),
    }
    case = ET.SubElement(suite, "testcase", attributes)
    _properties(case, verdict=said.outcome.value, requirement=row.requirement.id, gate=row.requirement.gate.value)
    details = [f"{measure.outcome.value}: {measure.reason}" for measure in claim_measures(said)]
    return _end(case, said.outcome, said.reason, said.hint, details)


def _unclaimed(suite: ET.Element, row: Row) -> str:
    case = ET.SubElement(
        suite, "testcase", {"classname": "requirements", "name": clean(row.requirement.id), "time": "0"}
    )
    _properties(case, verdict=row.outcome.value, requirement=row.requirement.id, gate=row.requirement.gate.value)
    return _end(case, row.outcome, row.verdict.reason, row.verdict.hint, [])


def _end(case: ET.Element, outcome: Outcome, reason: str, hint: str, details: list[str]) -> str:
    if outcome in _FAILURES:
        failure = ET.SubElement(case, "failure", {"type": _FAILURES[outcome], "message": clean(reason)})
        failure.text = clean("\n".join([reason, *([f"hint: {hint}"] if hint else []), *details]))
        return "failure"
    if outcome is Outcome.NOT_ASSESSED:
        ET.SubElement(case, "skipped", {"message": clean(reason)})
        return "skipped"
    return "passed"


def _properties(parent: ET.Element, **values: str) -> None:
    properties = ET.SubElement(parent, "properties")
    for name, value in values.items():
        ET.SubElement(properties, "property", {"name": name, "value": clean(value)})


def _seconds(moments: Moments, plan: Plan, evidence: Evidence, claim: Claim | None) -> float | None:
    if claim is None:
        return None
    start_ns, end_ns = moments.of_claim(plan, evidence, claim)
    return None if start_ns is None or end_ns is None else (end_ns - start_ns) / SECOND


def _text(seconds: float | None) -> str:
    return f"{seconds or 0:.3f}"
