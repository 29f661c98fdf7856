"""`junit.xml`: one test case for each requirement, valid by the schema of Jenkins' xUnit plugin, for every tool that reads JUnit reports.

That schema, which pytest's own tests use as well, knows neither properties nor a file of a test case. So there is a suite for each feature file, whose
attribute `file` readers use for all of its cases, and what is known of a requirement is in the output of its case, a line for each.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from harness.model import OF_THE_CHOICE, DecisionOutcome, Outcome
from harness.report.view.causes import decisive, shared_causes
from harness.report.view.digest import rows
from harness.report.view.moments import Moments
from harness.report.view.wording import NOTHING, clean
from harness.units import NS_PER_MS, NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.model import Decision, Evidence, Judgement, Plan
    from harness.report.view.causes import SharedCause
    from harness.report.view.digest import MeasureLine, Row

VERDICT: Final = "Readiness verdict"
"""Name of the test case for the decision."""
_WITHOUT: Final = "without a scenario"
"""Name of the suite of requirements that no scenario of the run tests."""
_BAD: Final = {Outcome.FAIL: "failure", Outcome.INCONCLUSIVE: "error"}
"""INCONCLUSIVE is an error, which every reader counts as failed, and never skipped, which most of them count as passed."""
_Span = tuple[int, int]
"""Start and end in monotonic ns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Case:
    """A test case and what its suite counts.

    Attributes:
        element: the element `testcase`.
        kind: `failure`, `error`, `skipped` or `passed`.
        file: feature file of the requirement; empty if no scenario tests it.
        ms: its share of the run in milliseconds.
    """

    element: ET.Element
    kind: str
    file: str
    ms: int


def render_junit(plan: Plan, evidence: Evidence, judgement: Judgement) -> bytes:
    """The JUnit document as UTF-8: a suite for each feature file, with a test case for each requirement, in catalogue order.

    The times of the cases add up to those of their suites, and these to the length of the run, see `shares_of`.
    A last suite with a test case for the decision is added

    * if the decision is not GO although no requirement failed or is inconclusive, so that the suites pass only with GO,
    * if requirements share a cause: it contains the full text, and the test cases of the requirements refer to it.
    """
    moments = Moments.of(evidence)
    by_id = {row.requirement.id: row for row in rows(plan, judgement)}
    spans = {claim.scenario.id: moments.of_claim(plan, evidence, claim) for claim in plan.claims}
    every = [by_id[requirement.id] for requirement in plan.requirements]
    shared = shared_causes(every, judgement.decision.because)
    named = {id_: cause for cause in shared for id_ in cause.ids}
    own = [_span(row, spans) for row in every]
    shares = shares_of((moments.start_ns, moments.end_ns), own)
    cases = [
        _case(row, named.get(row.requirement.id), span=span, ms=ms)
        for row, span, ms in zip(every, own, shares, strict=True)
    ]
    suites: dict[str, list[_Case]] = {}
    for case in cases:
        suites.setdefault(case.file, []).append(case)
    root = ET.Element("testsuites", {"name": clean(f"readiness {plan.profile} {plan.release}")})
    about = _about(plan, judgement.decision)
    root.extend(_suite(file or _WITHOUT, found, about) for file, found in suites.items())
    bad = any(case.kind in _BAD.values() for case in cases)
    if shared or (judgement.decision.outcome is not DecisionOutcome.GO and not bad):
        decided = _decision(judgement.decision, shared)
        cases.append(decided)
        root.append(_suite("readiness", [decided], about))
    if moments.wall is not None:
        for suite in root:
            suite.set("timestamp", moments.wall.isoformat(timespec="seconds"))
    root.attrib.update(_totals(cases))
    del root.attrib["skipped"]  # the schema has it in a suite only
    ET.indent(root, " ")
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def shares_of(run: tuple[int | None, int | None], spans: Sequence[_Span | None]) -> list[int]:
    """The time of each test case in milliseconds: together exactly the length of the run, although evidence is gathered for many at once.

    Each moment of the run belongs in equal parts to the cases whose evidence was gathered then. A moment of none, as before the load, belongs in equal
    parts to all cases that have evidence, or to all cases if none has.

    Args:
        run: start and end of the run, in ns; None if not recorded, then all times are 0.
        spans: start and end of the evidence of each case, in ns; None without evidence.
    """
    start, end = run
    if start is None or end is None or not spans:
        return [0] * len(spans)
    inside = [None if span is None else (max(span[0], start), min(span[1], end)) for span in spans]
    having = [number for number, span in enumerate(inside) if span is not None] or list(range(len(spans)))
    edges = sorted({start, end, *(edge for span in inside if span and span[0] < span[1] for edge in span)})
    parts = [0.0] * len(spans)
    for left, right in pairwise(edges):
        there = [number for number, span in enumerate(inside) if span and span[0] <= left and right <= span[1]]
        for number in there or having:
            parts[number] += (right - left) / NS_PER_MS / len(there or having)
    until, total, made = 0, 0.0, []
    for part in parts:
        total += part
        made.append(round(total) - until)
        until = round(total)
    return made


def _suite(name: str, cases: Sequence[_Case], about: Iterable[tuple[str, str]]) -> ET.Element:
    suite = ET.Element("testsuite", {"name": clean(name), **_totals(cases)})
    if cases[0].file:
        suite.set("file", clean(cases[0].file))
    properties = ET.SubElement(suite, "properties")
    for key, value in about:
        ET.SubElement(properties, "property", {"name": key, "value": clean(value)})
    suite.extend(case.element for case in cases)
    return suite


def _about(plan: Plan, decision: Decision) -> list[tuple[str, str]]:
    """The run as properties of each suite, since readers show one suite at a time."""
    return [
        ("decision", decision.outcome.value),
        ("headline", decision.headline),
        ("target", plan.target),
        ("environment", plan.environment),
        ("time_scale", f"{plan.time_scale:g}"),
        ("traffic_scale", f"{plan.traffic_scale:g}"),
        ("release", plan.release),
        ("run", plan.run),
    ]


def _totals(cases: Sequence[_Case]) -> dict[str, str]:
    counts = Counter(case.kind for case in cases)
    return {
        "tests": str(len(cases)),
        "failures": str(counts["failure"]),
        "errors": str(counts["error"]),
        "skipped": str(counts["skipped"]),
        "time": _seconds(sum(case.ms for case in cases)),
    }


def _decision(decision: Decision, shared: Sequence[SharedCause]) -> _Case:
    """The test case of the decision with all shared causes. It is `skipped` if the run has no decision only because it was filtered."""
    case = ET.Element("testcase", {"classname": "readiness", "name": VERDICT, "time": _seconds(0)})
    alone = {reason.because.kind for reason in decision.because if not reason.requirement}
    kind = "error"
    if decision.outcome is DecisionOutcome.GO:
        kind = "passed"
    elif decision.outcome is DecisionOutcome.PARTIAL and alone <= OF_THE_CHOICE:
        kind = "skipped"
    if kind != "passed":
        ended = ET.SubElement(case, kind, {"type": decision.outcome.value.lower(), "message": clean(decision.headline)})
        ended.text = clean("\n".join(reason.sentence for reason in decisive(decision.because)))
    if shared:
        ET.SubElement(case, "system-out").text = clean("\n".join(cause.sentence for cause in shared))
    return _Case(element=case, kind=kind, file="", ms=0)


def _case(row: Row, shared: SharedCause | None, *, span: _Span | None, ms: int) -> _Case:
    """The test case of a requirement."""
    requirement, claims = row.requirement, row.verdict.claims
    attributes = {
        "classname": clean(requirement.source or requirement.profile),
        "name": clean(f"{requirement.id} {requirement.title}"),
        "time": _seconds(ms),
    }
    case = ET.Element("testcase", attributes)
    kind = _end(case, row, shared)
    told = (
        ("verdict", row.outcome.value),
        ("requirement", requirement.id),
        ("gate", requirement.gate.value),
        ("in part", row.in_part),
        ("gates here", "yes" if row.gating else "no"),
        ("owner", requirement.owner),
        *_figure(row),
        ("evidence", "" if span is None else f"{(span[1] - span[0]) / NS_PER_S:.3f} s"),
        ("waived", row.verdict.reason if row.outcome is Outcome.WAIVED else ""),
        *(("scenario", location) for location in row.scenarios),
    )
    lines = (f"{name}: {' '.join(text.split())}" for name, text in told if text)
    ET.SubElement(case, "system-out").text = clean("\n".join(lines))
    return _Case(element=case, kind=kind, file=claims[0].scenario.file if claims else "", ms=ms)


def _figure(row: Row) -> Iterable[tuple[str, str]]:
    """The deciding figure with limit and bounds; for facts, the number that are as expected."""
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
    kind = "skipped" if row.outcome is Outcome.NOT_ASSESSED else _BAD.get(row.outcome, "passed")
    if kind == "passed":
        return kind
    reason, hint, told = row.verdict.reason, row.verdict.hint, frozenset[str]()
    if shared is not None:
        reason, hint = f"{shared.name} of {len(shared.ids)} requirements: see the test case `{VERDICT}`", ""
        told = frozenset({row.verdict.because.text})
    result = ET.SubElement(case, kind, {"type": row.outcome.value.lower(), "message": clean(reason)})
    details = (_line(line) for line in row.lines if line.because.text not in told)
    places = (f"at {claim.scenario.at}" for claim in row.verdict.claims)  # by which readers find the line
    result.text = clean("\n".join([reason, *([f"hint: {hint}"] if hint else []), *details, *places]))
    return kind


def _line(line: MeasureLine) -> str:
    return f"{line.outcome.value}: {line.because.sentence}"


def _span(row: Row, spans: Mapping[str, tuple[int | None, int | None]]) -> _Span | None:
    """From the first to the last evidence of the requirement's scenarios, in ns; None without evidence."""
    own = [spans[claim.scenario.id] for claim in row.verdict.claims if claim.scenario.id in spans]
    found = [(start, end) for start, end in own if start is not None and end is not None]
    return (min(start for start, _ in found), max(end for _, end in found)) if found else None


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}"
