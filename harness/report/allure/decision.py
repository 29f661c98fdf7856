"""The decision of a run in Allure: a result of its own, the message at the top of a report, and what was judged where."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from allure_commons.model2 import (
    ATTACHMENT_PATTERN,
    Attachment,
    GlobalAttachment,
    GlobalError,
    Globals,
    Link,
    Status,
    TestResult,
    TestStepResult,
)
from allure_commons.types import AttachmentType, LabelType, LinkType, Severity
from allure_commons.utils import md5, uuid4

from harness.model import Decision, DecisionOutcome, DecisionReason, Outcome, Reason, ReasonKind
from harness.report.allure.labels import CATEGORIES, FRAMEWORK, HOME, READINESS, labels, metrics
from harness.report.allure.steps import STATUS, details, ended
from harness.report.document import render_verdict
from harness.report.markdown import plain
from harness.report.summary import document_table, render_summary, requirement_table
from harness.report.view.causes import deciding_sentence
from harness.report.view.sections import documents
from harness.report.view.wording import clean
from harness.words import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from harness.report.allure.results import AllureRun
    from harness.report.view.digest import Row

STABLE: Final = "harness#readiness"
"""Identifies the decision in the results of all runs."""
_DECIDED: Final = {DecisionOutcome.GO: Status.PASSED, DecisionOutcome.NO_GO: Status.FAILED}
_MOST_STOPPING: Final = 40
"""Maximum number of table rows in the description of the decision."""


def decision_result(run: AllureRun, attachments: Sequence[Attachment]) -> TestResult:
    """The decision as a separate Allure test, first in the tree."""
    decision = run.judgement.decision
    stopping = [row for row in run.rows if row.outcome not in (Outcome.PASS, Outcome.WAIVED) and row.gating]
    end_ms = run.moments.ms(run.moments.end_ns)
    result = run.result(
        STABLE,
        name=f"Readiness verdict: {decision.outcome.value}",
        status=_DECIDED.get(decision.outcome, Status.BROKEN),
        span_ns=run.span_ns,
        titlePath=[READINESS],
        description=_account(run, stopping),
        statusDetails=details("\n".join((decision.headline, *decision.reasons)), ""),
        labels=_labels(decision.outcome.value),
        links=[Link(type=LinkType.LINK, name="the page of this run", url=f"{HOME}readiness.html")],
        attachments=list(attachments),
        steps=[
            ended(
                TestStepResult,
                f"{row.requirement.id} {row.requirement.title}: {row.of_limit or row.value}",
                STATUS[row.outcome],
                statusDetails=details(row.verdict.reason, row.verdict.hint),
                start=end_ms,
                stop=end_ms,
            )
            for row in run.rows
        ],
    )
    if result.start is not None:
        result.start -= 1  # before the first requirement, however the tree is sorted by time
    return result


def _labels(word: str) -> Sequence[Any]:
    return labels(
        (LabelType.EPIC, READINESS),
        (LabelType.PARENT_SUITE, READINESS),
        (LabelType.SEVERITY, Severity.BLOCKER.value),
        ("verdict", word.lower()),
        (LabelType.TAG, word),
        (LabelType.FRAMEWORK, FRAMEWORK),
    )


def _account(run: AllureRun, stopping: Sequence[Row]) -> str:
    """The headline, the deciding reasons, the requirements that prevent GO, and the counts of each document."""
    headline, decided = run.judgement.decision.headline, deciding_sentence(run.judgement, run.rows)
    blocks = [f"**{plain(headline)}**", plain(decided)]
    if stopping:
        blocks.append(f"What prevents GO, {counted(len(stopping), 'requirement')}:")
        blocks.append(requirement_table(stopping[:_MOST_STOPPING]))
        if len(stopping) > _MOST_STOPPING:
            blocks.append(f"and {len(stopping) - _MOST_STOPPING} more are on the page.")
    blocks.append(document_table(documents(run.plan, run.rows)))
    return "\n\n".join(blocks)


def attached(run: AllureRun) -> Sequence[tuple[Attachment, bytes]]:
    """`verdict.json` and `summary.md` as attachments, each with its content."""
    bodies = (
        ("verdict.json", AttachmentType.JSON.mime_type, render_verdict(run.plan, run.judgement)),
        ("summary.md", "text/markdown", render_summary(run.plan, run.evidence, run.judgement)),
    )
    return [(_attachment(run, name, kind), body) for name, kind, body in bodies]


def _attachment(run: AllureRun, name: str, kind: str) -> Attachment:
    source = ATTACHMENT_PATTERN.format(prefix=run.id(name), ext=name.rpartition(".")[2])
    return Attachment(name=name, source=source, type=kind)


def top(run: AllureRun, attachments: Sequence[Attachment]) -> Globals:
    """The message at the top of the report; an error unless the decision is GO."""
    decision, at = run.judgement.decision, run.moments.ms(run.moments.end_ns)
    message = clean("\n".join((f"Readiness {decision.outcome.value}: {decision.headline}", *decision.reasons)))
    return Globals(
        attachments=[GlobalAttachment(name=x.name, source=x.source, type=x.type, timestamp=at) for x in attachments],
        errors=[] if decision.outcome is DecisionOutcome.GO else [GlobalError(message=message, timestamp=at)],
    )


def described(run: AllureRun) -> Mapping[str, bytes]:
    """The files about a run that Allure reads beside its results, by name."""
    executor = {
        "name": "readiness",
        "type": "readiness",
        "buildName": run.plan.run,
        "reportName": clean(run.judgement.decision.headline),
    }
    categories = [{"name": one["name"], "matchedStatuses": [one["status"]]} for one in CATEGORIES[:3]]
    files = {
        "environment.properties": _environment(run),
        "executor.json": _json(executor),
        "categories.json": _json(categories),
    }
    start, stop = run.moments.ms(run.moments.start_ns), run.moments.ms(run.moments.end_ns)
    if start is not None and stop is not None:
        files[f"{run.id('figures')}-perf.json"] = _json(metrics(run.rows, start, stop))
    return files


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _environment(run: AllureRun) -> bytes:
    """A Java properties file with one value per line."""
    plan = run.plan
    values = {
        "decision": run.judgement.decision.outcome.value,
        "release": plan.release,
        "target": plan.target,
        "environment": plan.environment,
        "profile": plan.profile,
        "run": plan.run,  # the last that Allure shows without a click
        "time_scale": f"{plan.time_scale:g}",
        "traffic_scale": f"{plan.traffic_scale:g}",
        "seed": str(plan.seed),
    }
    lines = (f"{key} = {' '.join(clean(value).split())}".replace("\\", "\\\\") for key, value in values.items())
    return ("\n".join(lines) + "\n").encode()


def part_of(
    run: AllureRun, scenarios: Collection[str], requirements: Collection[str], *, unjudged: int, hint: str
) -> AllureRun:
    """A part of a run, which has no decision.

    Args:
        run: the run.
        scenarios: the scenarios in the part, by id.
        requirements: the requirements in the part that no scenario decides, by id.
        unjudged: the number of scenarios beside it that the run does not have.
        hint: what to do for the decision.
    """
    own = {row.requirement.id for scenario, (row, _) in run.scenarios.items() if scenario in scenarios}
    kept = own.union(requirements)
    told = f"{len(scenarios)} of {counted(len(run.scenarios), 'scenario')}"
    told += f", and of {unjudged} that it does not have" if unjudged else ""
    why = Reason(kind=ReasonKind.FILTERED, text=f"this is a replay of {told}", hint=hint)
    decision = Decision(
        outcome=DecisionOutcome.PARTIAL,
        headline=f"PARTIAL for {run.plan.target} · replay of {run.plan.run} · {told} · no decision",
        because=(DecisionReason(because=why),),
        score=0.0,
    )
    verdicts = tuple(row.verdict for row in run.rows if row.requirement.id in kept)
    return replace(
        run,
        plan=replace(run.plan, requirements=tuple(one for one in run.plan.requirements if one.id in kept)),
        judgement=replace(run.judgement, decision=decision, verdicts=verdicts),
    )


def no_decision(reason: str) -> TestResult:
    """The result of a session that ended before anything was judged: a report without results has no failures."""
    case = md5(STABLE)
    return ended(
        TestResult,
        "Readiness verdict: no decision",
        Status.BROKEN,
        uuid=uuid4(),
        historyId=case,
        testCaseId=case,
        fullName=STABLE,
        titlePath=[READINESS],
        statusDetails=details(reason, ""),
        labels=_labels(DecisionOutcome.INCONCLUSIVE.value),
    )
