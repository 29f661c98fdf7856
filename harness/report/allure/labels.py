"""Labels, links and figures of an Allure result: its place in the tree, its severity, its evidence files.

Epics are the documents of the catalogue, features their sections, stories their rows.
"""

from __future__ import annotations

from collections import Counter
from math import isfinite
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from allure_commons.model2 import Label, Link
from allure_commons.types import LabelType, LinkType, Severity

from harness.model import Gate, Op, Outcome
from harness.report.view.digest import measures_of
from harness.report.view.wording import anchor, clean, scope_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.model import Measure, Plan, Requirement
    from harness.report.view.digest import Row

READINESS: Final = "00 Readiness"
"""The epic of the decision; the name sorts before the names of all documents."""
CATEGORIES: Final[tuple[Mapping[str, Any], ...]] = (
    {"name": "FAIL: the target does not meet a requirement", "status": "failed", "verdict": "fail|no-go"},
    {"name": "INCONCLUSIVE: the evidence is not sufficient", "status": "broken", "verdict": "inconclusive|partial"},
    {"name": "NOT ASSESSED: cannot be measured on this target", "status": "skipped", "verdict": "not assessed"},
    {"name": "WAIVED: accepted by a person until a date", "status": "passed", "verdict": "waived"},
)
"""Meaning of each result status. A waived requirement has the status `passed`; its label `verdict` says `waived`."""
_SEVERITY: Final = {Gate.CRITICAL: Severity.CRITICAL, Gate.MAJOR: Severity.NORMAL, Gate.RECORD: Severity.MINOR}
_BETTER: Final[Mapping[str, str]] = {Op.BELOW: "lower", Op.AT_MOST: "lower", Op.AT_LEAST: "higher"}
_MOST_LINKS: Final = 12
"""Maximum number of evidence files linked for a requirement; the page links all of them."""
FRAMEWORK: Final = "readiness-harness"
HOME: Final = "../"
"""The run directory, relative to `allure-report/index.html`."""


def labels(*pairs: tuple[str, str]) -> list[Label]:
    """Allure labels without duplicates; pairs with an empty value are left out."""
    return [Label(name=name, value=clean(value)) for name, value in dict.fromkeys(pairs) if value]


def name_of(requirement: Requirement, outcome: Outcome) -> str:
    """The name of a requirement: `ND-KPI-P95 API response time`; with a mark if it is waived."""
    mark = " (WAIVED)" if outcome is Outcome.WAIVED else ""
    return f"{requirement.id} {requirement.title}{mark}"


def catalogue_labels(requirement: Requirement) -> list[tuple[str, str]]:
    """The labels that a requirement has before anything was judged."""
    return [
        ("requirement", requirement.id),
        (LabelType.EPIC, requirement.document),
        (LabelType.FEATURE, requirement.section or requirement.profile),
        (LabelType.STORY, f"{requirement.id} {requirement.title}"),
        (LabelType.SEVERITY, _SEVERITY[requirement.gate].value),
        ("owner", requirement.owner),
    ]


def requirement_labels(row: Row, outcome: Outcome, plan: Plan) -> list[Label]:
    """The labels by which Allure filters, groups and sorts a requirement. The host, of Allure's timeline, is the target."""
    requirement = row.requirement
    gate = requirement.gate.value if row.gating else f"{requirement.gate.value}, does not gate in {plan.environment}"
    kinds = [(LabelType.TAG, f"evidence {kind.name.lower()}") for kind in requirement.kinds[:1]]
    return labels(
        *catalogue_labels(requirement),
        ("gate", gate),
        ("verdict", outcome.value.lower()),
        (LabelType.TAG, outcome.value),
        (LabelType.TAG, "gates" if row.gating else "does not gate here"),
        *kinds,
        (LabelType.HOST, plan.target),
        (LabelType.FRAMEWORK, FRAMEWORK),
        (LabelType.LANGUAGE, "gherkin"),
    )


def links_of(row: Row, plan: Plan, measures: Iterable[Measure]) -> list[Link]:
    """Links to the requirement's row in the page, to its waivers and attestations, and to its evidence files.

    Links are relative to the report; files outside of the run directory are not linked.
    """
    requirement = row.requirement
    files = dict.fromkeys(
        file for measure in measures for own in (measure.files, *_of_receipts(measure)) for file in own
    )
    page = (f"{requirement.id} in the page", f"{HOME}readiness.html#{quote(anchor(requirement.id))}")
    evidence = [
        (file, f"{HOME}{quote(clean(file))}")
        for file in list(files)[:_MOST_LINKS]
        if file and not PurePosixPath(file).is_absolute() and ".." not in PurePosixPath(file).parts
    ]
    found = [page, *_statements(row, plan), *evidence]
    return [Link(type=LinkType.LINK, name=clean(name), url=url) for name, url in found]


def _statements(row: Row, plan: Plan) -> Iterable[tuple[str, str]]:
    """Links to the pages where the waivers and attestations were agreed."""
    waiver = row.verdict.waiver
    said = [] if waiver is None else [("waiver", waiver.by, waiver.link)]
    said += [("attestation", one.by, one.link) for one in plan.attestations if one.vouches == row.requirement.id]
    return [(f"{kind} by {by}", clean(url)) for kind, by, url in said if url.startswith(("https://", "http://"))]


def _of_receipts(measure: Measure) -> Iterable[Sequence[str]]:
    return (receipt.files for receipt in measure.receipts.values())


def metrics(every: Iterable[Row], start: int, stop: int) -> list[dict[str, Any]]:
    """Every figure with a limit, for Allure's section Metrics, which shows figures over several runs.

    Each key is unique, because Allure averages samples with equal keys.

    Args:
        every: rows of the report.
        start: start of the run, milliseconds since 1970.
        stop: end of the run, milliseconds since 1970.
    """
    used: Counter[str] = Counter()
    made = []
    for row in every:
        for measure in measures_of(row.verdict):
            if measure.value is None or measure.op == Op.HOLDS or not isfinite(measure.value):
                continue
            key = clean(" ".join(filter(None, (row.requirement.id, measure.name, scope_text(measure)))))
            used[key] += 1
            key = key if used[key] == 1 else f"{key} ({used[key]})"
            percent = measure.unit == "ratio"
            made.append(
                {
                    "id": key,
                    "key": key,
                    "value": float(f"{measure.value * (100 if percent else 1):.6g}"),
                    "start": start,
                    "stop": stop,
                    "title": clean(f"{key}, expected {measure.op.removeprefix('is ')} {measure.limit}"),
                    "unit": "%" if percent else clean(measure.unit),
                    "group": clean(row.requirement.document),
                    "groupTitle": clean(row.requirement.document),
                    "better": _BETTER.get(measure.op, "neutral"),
                }
            )
    return made
