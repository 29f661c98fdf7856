"""`junit.xml`: one test case for each requirement, for tools that read JUnit reports."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from harness.model import OF_THE_CHOICE, DecisionOutcome, Outcome
from harness.report.view.causes import decisive, shared_causes
from harness.report.view.digest import rows
from harness.report.view.moments import Moments
from harness.report.view.wording import NOTHING, clean
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.model import Decision, Evidence, Judgement, Plan
    from harness.report.view.causes import SharedCause
    from harness.report.view.digest import MeasureLine, Row

VERDICT: Final = "Readiness verdict"
"""Name of the test case for the decision."""
_FAILURES: Final = {Outcome.FAIL: "fail", Outcome.INCONCLUSIVE: "inconclusive"}


def render_junit(plan: Plan, evidence: Evidence, judgement: Judgement) -> bytes:
    """The JUnit document as UTF-8: a test case for every requirement of the plan, in catalogue order.

    A last test case for the decision is added

    * if the decision is not GO although no requirement failed, so that the suite passes only with GO,
    * if requirements share a cause: it contains the full text, and the test cases of the requirements refer to it.
    """
    moments = Moments.of(evidence)
    suite = ET.Element("testsuite")
    _properties(
        suite,
        ("decision", judgement.decision.outcome.value),
        ("headline", judgement.decision.headline),
        ("target", plan.target),
        ("environment", plan.environment),
        ("time_scale", f"{plan.time_scale:g}"),
        ("traffic_scale", f"{plan.traffic_scale:g}"),
        ("release", plan.release),
        ("run", plan.run),
    )
    by_id = {row.requirement.id: row for row in rows(plan, judgement)}
    spans = {claim.scenario.id: moments.of_claim(plan, evidence, claim) for claim in plan.claims}
    every = [by_id[requirement.id] for requirement in plan.requirements]
    shared = shared_causes(every, judgement.decision.because)
    named = {id_: cause for cause in shared for id_ in cause.ids}
    counts = Counter(_case(suite, row, named.get(row.requirement.id), seconds=_seconds(row, spans)) for row in every)
    if shared or (judgement.decision.outcome is not DecisionOutcome.GO and not counts["failure"]):
        counts[_decision(suite, judgement.decision, shared)] += 1
    totals = {
        "tests": str(len(suite) - 1),
        "failures": str(counts["failure"]),
        "errors": str(counts["error"]),
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


def _decision(suite: ET.Element, decision: Decision, shared: Sequence[SharedCause]) -> str:
    """Add the test case of the decision with all shared causes; returns `passed`, `error` or `skipped`.

    The case is `skipped` if the run has no decision only because it was filtered.
    """
    case = ET.SubElement(suite, "testcase", {"classname": "readiness", "name": VERDICT, "time": _text(None)})
    alone = {reason.because.kind for reason in decision.because if not reason.requirement}
    kind = "error"
    if decision.outcome is DecisionOutcome.GO:
        kind = "passed"
    elif decision.outcome is DecisionOutcome.PARTIAL and alone <= OF_THE_CHOICE:
        kind = "skipped"
    if kind != "passed":
        ended = ET.SubElement(case, kind, {"message": clean(decision.headline)})
        if kind == "error":
            ended.set("type", decision.outcome.value.lower())
            ended.text = clean("\n".join(reason.sentence for reason in decisive(decision.because)))
    if shared:
        ET.SubElement(case, "system-out").text = clean("\n".join(cause.sentence for cause in shared))
    return kind


def _case(suite: ET.Element, row: Row, shared: SharedCause | None, *, seconds: float | None) -> str:
    """Add the test case of a requirement; returns its result: `failure`, `skipped` or `passed`."""
    requirement, claims = row.requirement, row.verdict.claims
    attributes = {
        "classname": clean(requirement.source or requirement.profile),
        "name": clean(f"{requirement.id} {requirement.title}"),
        "time": _text(seconds),
    }
    if claims:
        attributes |= {"file": clean(claims[0].scenario.file), "line": str(claims[0].scenario.line)}
    case = ET.SubElement(suite, "testcase", attributes)
    _properties(
        case,
        ("verdict", row.outcome.value),
        ("requirement", requirement.id),
        ("gate", requirement.gate.value),
        ("in_part", row.in_part),
        ("gates_here", "yes" if row.gating else "no"),
        ("owner", requirement.owner),
        *_figure(row),
        *(("scenario", location) for location in row.scenarios),
    )
    return _end(case, row, shared)


def _figure(row: Row) -> Iterable[tuple[str, str]]:
    """Properties of the deciding figure with limit and bounds; for facts, the number that are as expected."""
    telling = row.telling
    if telling is None:
        return ()
    found = (
        ("figure", f"{telling.name} {telling.scope}".rstrip()),
        ("value", row.value),
        ("limit", telling.expected),
        ("bounds", telling.bounds),
        ("n", telling.n),
    )
    return ((name, text) for name, text in found if text != NOTHING)


def _end(case: ET.Element, row: Row, shared: SharedCause | None) -> str:
    """Add the result of a requirement; a shared cause is only named, its text is in the test case of the decision."""
    reason, hint, told = row.verdict.reason, row.verdict.hint, frozenset[str]()
    if shared is not None:
        reason, hint = f"{shared.name} of {len(shared.ids)} requirements: see the test case `{VERDICT}`", ""
        told = frozenset({row.verdict.because.text})
    if row.outcome in _FAILURES:
        failure = ET.SubElement(case, "failure", {"type": _FAILURES[row.outcome], "message": clean(reason)})
        details = (_line(line) for line in row.lines if line.because.text not in told)
        failure.text = clean("\n".join([reason, *([f"hint: {hint}"] if hint else []), *details]))
        return "failure"
    if row.outcome is Outcome.NOT_ASSESSED:
        ET.SubElement(case, "skipped", {"message": clean(reason)})
        return "skipped"
    if row.outcome is Outcome.WAIVED:
        ET.SubElement(case, "system-out").text = clean(reason)
    return "passed"


def _line(line: MeasureLine) -> str:
    return f"{line.outcome.value}: {line.because.sentence}"


def _properties(parent: ET.Element, *values: tuple[str, str]) -> None:
    properties = ET.SubElement(parent, "properties")
    for name, value in values:
        if value:
            ET.SubElement(properties, "property", {"name": name, "value": clean(value)})


def _seconds(row: Row, spans: Mapping[str, tuple[int | None, int | None]]) -> float | None:
    """Seconds from the first to the last evidence of the requirement's scenarios; None without evidence."""
    own = [spans[claim.scenario.id] for claim in row.verdict.claims if claim.scenario.id in spans]
    found = [(start, end) for start, end in own if start is not None and end is not None]
    if not found:
        return None
    return (max(end for _, end in found) - min(start for start, _ in found)) / NS_PER_S


def _text(seconds: float | None) -> str:
    return f"{seconds or 0:.3f}"
