"""Writes `allure-results` from the verdicts of a run, not from a test run, so that no verdict can be lost.

Results, labels, steps and attachments are classes of `allure_commons.model2`. Allure's own logger gives files random names and is not used: names and
ids come from the run and the scenario, times from the record of the run, so that the same run gives the same files.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

import attr
from allure_commons.model2 import (
    ATTACHMENT_PATTERN,
    Attachment,
    GlobalAttachment,
    GlobalError,
    Globals,
    Link,
    Parameter,
    Status,
    TestResult,
    TestStepResult,
)
from allure_commons.types import AttachmentType, LabelType, LinkType, Severity

from harness.model import DecisionOutcome, DemandKind, Outcome
from harness.report.allure.labels import (
    CATEGORIES,
    HOME,
    READINESS,
    labels,
    links_of,
    metrics,
    name_of,
    requirement_labels,
)
from harness.report.allure.steps import STATUS, details, ended, steps_of
from harness.report.document import render_verdict
from harness.report.markdown import plain, table
from harness.report.summary import document_table, render_summary, requirement_table
from harness.report.view.causes import deciding_sentence
from harness.report.view.digest import claim_measures, in_part, measure_line, rows
from harness.report.view.moments import Moments
from harness.report.view.sections import documents
from harness.report.view.wording import NOTHING, clean, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.model import Claim, ClaimVerdict, Demand, Evidence, Judgement, Plan, Requirement
    from harness.report.view.digest import Row

_DECIDED: Final = {DecisionOutcome.GO: Status.PASSED, DecisionOutcome.NO_GO: Status.FAILED}
_MOST_STOPPING: Final = 40
"""Maximum number of table rows in the description of the decision."""
_ATTACHED: Final = {"verdict.json": AttachmentType.JSON.mime_type, "summary.md": "text/markdown"}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """The data that every Allure result of a run is made from."""

    plan: Plan
    evidence: Evidence
    judgement: Judgement
    moments: Moments

    @property
    def span_ns(self) -> tuple[int | None, int | None]:
        """Start and end of the run, in ns; None if not recorded."""
        return self.moments.start_ns, self.moments.end_ns

    def id(self, name: str) -> str:
        """An id that stays the same each time this run is reported."""
        return str(uuid5(NAMESPACE_URL, clean(f"readiness:{self.plan.run}:{name}")))


def render_allure(plan: Plan, evidence: Evidence, judgement: Judgement) -> dict[str, bytes]:
    """The files of the directory `allure-results`, by name."""
    run = _Run(plan=plan, evidence=evidence, judgement=judgement, moments=Moments.of(evidence))
    return _files(run)


def _files(run: _Run) -> dict[str, bytes]:
    every = rows(run.plan, run.judgement)
    bodies = {
        "verdict.json": render_verdict(run.plan, run.judgement),
        "summary.md": render_summary(run.plan, run.evidence, run.judgement),
    }
    attachments = [_attachment(run, name, kind) for name, kind in _ATTACHED.items()]
    results = [_verdict_result(run, every, attachments), *_claims(run, every), *_unclaimed(run, every)]
    files = {result.file_pattern.format(prefix=result.uuid): _item(result) for result in results}
    files |= {attachment.source: bodies[attachment.name] for attachment in attachments}
    files[Globals.file_pattern.format(prefix=run.id("globals"))] = _item(_globals(run, attachments))
    files["environment.properties"] = _environment(run)
    files["executor.json"] = _json(
        {
            "name": "readiness",
            "type": "readiness",
            "buildName": run.plan.run,
            "reportName": run.judgement.decision.headline,
        }
    )
    files["categories.json"] = _json(
        [{"name": category["name"], "matchedStatuses": [category["status"]]} for category in CATEGORIES[:3]]
    )
    start, stop = run.moments.ms(run.moments.start_ns), run.moments.ms(run.moments.end_ns)
    if start is not None and stop is not None:
        files[f"{run.id('figures')}-perf.json"] = _json(metrics(every, start, stop))
    return files


def _attachment(run: _Run, name: str, kind: str) -> Attachment:
    source = ATTACHMENT_PATTERN.format(prefix=run.id(name), ext=name.rpartition(".")[2])
    return Attachment(name=name, source=source, type=kind)


def _item(item: Any) -> bytes:
    """An Allure value as JSON, without fields that are not set, as Allure's own logger writes it."""
    return _json(attr.asdict(item, filter=lambda _, value: value is not None and value != []))


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _result(
    run: _Run, stable: str, *, name: str, status: str, span_ns: tuple[int | None, int | None], **more: Any
) -> TestResult:
    """An Allure result. `stable` identifies the test in the results of all runs."""
    case = hashlib.md5(stable.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    start_ns, end_ns = span_ns
    return ended(
        TestResult,
        name,
        status,
        uuid=run.id(stable),
        historyId=case,
        testCaseId=case,
        fullName=clean(stable),
        start=run.moments.ms(start_ns),
        stop=run.moments.ms(end_ns),
        **more,
    )


def _claims(run: _Run, every: Iterable[Row]) -> Iterable[TestResult]:
    claims = {claim.scenario.id: claim for claim in run.plan.claims}
    for row in every:
        for said in row.verdict.claims:
            claim = claims.get(said.scenario.id)
            final = _claim_result(run, row, said, claim)
            earlier = [] if claim is None else list(_earlier(run, claim, final))
            yield from (*earlier, final)


def _claim_result(run: _Run, row: Row, said: ClaimVerdict, claim: Claim | None) -> TestResult:
    scenario, requirement = said.scenario, row.requirement
    belongs = labels((LabelType.PARENT_SUITE, "".join(scenario.folders[-1:])), (LabelType.SUITE, scenario.feature))
    alone = len(row.verdict.claims) == 1
    waived = row.outcome is Outcome.WAIVED
    outcome = row.outcome if waived else said.outcome  # who waives a requirement waives each of its scenarios
    because = row.verdict if waived else said
    span_ns = run.span_ns if claim is None else run.moments.of_claim(run.plan, run.evidence, claim)
    return _result(
        run,
        scenario.id,
        name=name_of(requirement, outcome) + ("" if alone else f": {scenario.title}"),
        status=STATUS[outcome],
        span_ns=span_ns,
        titlePath=[clean(part) for part in PurePosixPath(scenario.file).parts],
        description=_description(run, requirement, said),
        statusDetails=details(because.reason, because.hint),
        labels=[*requirement_labels(row, outcome, run.plan.environment), *belongs],
        links=links_of(row, run.plan, claim_measures(said)),
        parameters=[] if claim is None else _parameters(run.plan, claim),
        steps=steps_of(
            run.plan, run.evidence, claim, said, span_ms=(run.moments.ms(span_ns[0]), run.moments.ms(span_ns[1]))
        ),
    )


def _earlier(run: _Run, claim: Claim, final: TestResult) -> Iterable[TestResult]:
    """The earlier attempts at a scenario's experiments, as Allure retries of its result.

    Of several results of one test Allure shows the one that began last, or one without a time. So `final` is given the start
    of the last attempt, and no retries are returned if the times are unknown.
    """
    names = {demand.name for demand in _demands(run.plan, claim) if demand.kind == DemandKind.EXPERIMENT}
    told = {(result.name, result.attempt): result for result in run.judgement.experiments}
    for name in sorted(names):
        attempts = run.evidence.experiments.get(name, ())
        for attempt in attempts[:-1]:
            start = run.moments.ms(attempt.observed_from_ns)
            last = run.moments.ms(attempts[-1].observed_from_ns)
            result = told.get((name, attempt.attempt))
            if start is None or last is None or start >= last or result is None:
                continue
            final.start = max(final.start, last)
            yield attr.evolve(
                final,
                uuid=run.id(f"{claim.scenario.id} {name} {attempt.attempt}"),
                status=STATUS[result.verdict],
                statusDetails=details(f"attempt {attempt.attempt} at {name}: {result.reason}", ""),
                start=start,
                stop=run.moments.ms(attempt.observed_until_ns),
                steps=[],
            )


def _demands(plan: Plan, claim: Claim) -> list[Demand]:
    return [plan.demand[key] for key in claim.demands if key in plan.demand]


def _parameters(plan: Plan, claim: Claim) -> list[Parameter]:
    """The scenario's parameters. Measured values are left out: Allure would treat each value as a new test."""
    demands = _demands(plan, claim)
    asked = {kind.value: [demand.name for demand in demands if demand.kind == kind] for kind in DemandKind}
    return [Parameter(name=kind, value=clean(", ".join(names))) for kind, names in asked.items() if names]


def _about(requirement: Requirement) -> str:
    """The criterion, the words of the document, and the source, as Markdown."""
    says = f"The document's words: {plain(requirement.says)}" if requirement.says else ""
    return "\n\n".join(filter(None, (plain(requirement.criterion), says, f"Source: {plain(requirement.source)}")))


def _description(run: _Run, requirement: Requirement, said: ClaimVerdict) -> str:
    """The criterion and a table of the figures."""
    measures = claim_measures(said)
    lines = [measure_line(measure, run.plan.time_scale) for measure in measures]
    parts = in_part(run.plan, requirement, said.outcome)
    head = "\n\n".join([*([f"The requirement is {plain(parts)}"] if parts else []), _about(requirement)])
    if not lines:
        return head
    columns = ("Verdict", "Of", "Scope", "Figure", "Low to high", "Confidence", "Expected", "n / needed", "Resolution")
    cells = (
        (x.outcome.value, x.name, x.scope, x.value, x.bounds, x.confidence or NOTHING, x.expected, x.n, x.resolution)
        for x in lines
    )
    methods = ", ".join(dict.fromkeys(x.method for x in lines if x.method))
    return f"{head}\n\n{table(columns, cells)}" + (f"\n\nMethod: {plain(methods)}" if methods else "")


def _unclaimed(run: _Run, every: Iterable[Row]) -> Iterable[TestResult]:
    """Results of requirements that no scenario of this run decides: none claims them, or a needed means is missing.

    They are included so that no requirement is lost, or shown as passed because of its other scenarios.
    """
    for row in every:
        claims = row.verdict.claims
        lacking = row.outcome is Outcome.NOT_ASSESSED and all(one.outcome is not row.outcome for one in claims)
        if not claims or lacking:
            requirement = row.requirement
            belongs = (
                (LabelType.PARENT_SUITE, requirement.profile),
                (LabelType.SUITE, "partly not assessed here" if claims else "without a scenario"),
            )
            yield _result(
                run,
                f"requirement {requirement.id}",
                name=name_of(requirement, row.outcome),
                status=STATUS[row.outcome],
                span_ns=run.span_ns,
                titlePath=[clean(part) for part in (requirement.document, requirement.section) if part],
                description=_about(requirement),
                statusDetails=details(row.verdict.reason, row.verdict.hint),
                labels=[*requirement_labels(row, row.outcome, run.plan.environment), *labels(*belongs)],
                links=links_of(row, run.plan, ()),
            )


def _verdict_result(run: _Run, every: Iterable[Row], attachments: list[Attachment]) -> TestResult:
    """The decision as a separate Allure test, first in the tree."""
    decision, shown = run.judgement.decision, tuple(every)
    stopping = [row for row in shown if row.outcome not in (Outcome.PASS, Outcome.WAIVED) and row.gating]
    result = _result(
        run,
        "harness#readiness",
        name=f"Readiness verdict: {decision.outcome.value}",
        status=_DECIDED.get(decision.outcome, Status.BROKEN),
        span_ns=run.span_ns,
        titlePath=[READINESS],
        description=_account(run, shown, stopping),
        statusDetails=details("\n".join((decision.headline, *decision.reasons)), ""),
        labels=labels(
            (LabelType.EPIC, READINESS),
            (LabelType.PARENT_SUITE, READINESS),
            (LabelType.SEVERITY, Severity.BLOCKER.value),
            ("verdict", decision.outcome.value.lower()),
            (LabelType.TAG, decision.outcome.value),
            (LabelType.FRAMEWORK, "readiness-harness"),
        ),
        links=[Link(type=LinkType.LINK, name="the page of this run", url=f"{HOME}readiness.html")],
        attachments=attachments,
        steps=[
            ended(
                TestStepResult,
                f"{row.requirement.id} {row.requirement.title}: {row.of_limit or row.value}",
                STATUS[row.outcome],
                statusDetails=details(row.verdict.reason, row.verdict.hint),
                start=run.moments.ms(run.moments.end_ns),
                stop=run.moments.ms(run.moments.end_ns),
            )
            for row in shown
        ],
    )
    if result.start is not None:
        result.start -= 1  # before the first requirement, however the tree is sorted by time
    return result


def _account(run: _Run, shown: Sequence[Row], stopping: Sequence[Row]) -> str:
    """The headline, the deciding reasons, the requirements that prevent GO, and the counts of each document."""
    headline, decided = run.judgement.decision.headline, deciding_sentence(run.judgement, shown)
    blocks = [f"**{plain(headline)}**", plain(decided)]
    if stopping:
        blocks.append(f"What prevents GO, {counted(len(stopping), 'requirement')}:")
        blocks.append(requirement_table(stopping[:_MOST_STOPPING]))
        if len(stopping) > _MOST_STOPPING:
            blocks.append(f"and {len(stopping) - _MOST_STOPPING} more are on the page.")
    blocks.append(document_table(documents(run.plan, shown)))
    return "\n\n".join(blocks)


def _globals(run: _Run, attachments: list[Attachment]) -> Globals:
    """The message at the top of the report; an error unless the decision is GO."""
    decision, at = run.judgement.decision, run.moments.ms(run.moments.end_ns)
    message = clean("\n".join((f"Readiness {decision.outcome.value}: {decision.headline}", *decision.reasons)))
    return Globals(
        attachments=[GlobalAttachment(name=x.name, source=x.source, type=x.type, timestamp=at) for x in attachments],
        errors=[] if decision.outcome is DecisionOutcome.GO else [GlobalError(message=message, timestamp=at)],
    )


def _environment(run: _Run) -> bytes:
    """A Java properties file with one value per line."""
    plan = run.plan
    values = {
        "decision": run.judgement.decision.outcome.value,
        "release": plan.release,
        "target": plan.target,
        "environment": plan.environment,
        "time_scale": f"{plan.time_scale:g}",
        "traffic_scale": f"{plan.traffic_scale:g}",
        "profile": plan.profile,
        "run": plan.run,
        "seed": str(plan.seed),
    }
    lines = (f"{key} = {' '.join(clean(value).split())}".replace("\\", "\\\\") for key, value in values.items())
    return ("\n".join(lines) + "\n").encode()
