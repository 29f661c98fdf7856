"""`allure-results`: our own adapter, from the verdicts and never from a test run, so that nothing of a run can be lost on the way.

The files have the shape of `allure_commons.model2`; a test holds them to it. Names and ids come from the run and the scenario,
times from the run's record: the same run gives the same files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

from harness.model import DecisionOutcome, DemandKind, Gate, Outcome
from harness.report.allure.steps import steps_of
from harness.report.document import render_verdict
from harness.report.markdown import plain, table
from harness.report.summary import render_summary, requirement_table
from harness.report.view.digest import claim_measures, measure_line, rows
from harness.report.view.moments import Moments
from harness.report.view.place import Place
from harness.report.view.wording import NOTHING, clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.model import Claim, ClaimVerdict, Evidence, Judgement, Plan, Requirement
    from harness.report.view.digest import Row

STATUS: Final[Mapping[Outcome, str]] = {
    Outcome.PASS: "passed",
    Outcome.WAIVED: "passed",
    Outcome.FAIL: "failed",
    Outcome.INCONCLUSIVE: "broken",
    Outcome.NOT_ASSESSED: "skipped",
}
"""INCONCLUSIVE is broken, never `skipped` or `unknown`: those vanish from success rates and gates."""
_DECIDED: Final = {DecisionOutcome.GO: "passed", DecisionOutcome.NO_GO: "failed"}
_SEVERITY: Final = {Gate.CRITICAL: "critical", Gate.MAJOR: "normal", Gate.RECORD: "minor"}
_CATEGORIES: Final = (
    {"name": "FAIL: the target does not hold a requirement", "matchedStatuses": ["failed"]},
    {"name": "INCONCLUSIVE: the evidence is not enough", "matchedStatuses": ["broken"]},
    {"name": "NOT ASSESSED: no means here", "matchedStatuses": ["skipped"]},
)
_FIRST: Final = "00 Readiness"

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """What every result is made from."""

    plan: Plan
    evidence: Evidence
    judgement: Judgement
    moments: Moments

    def id(self, name: str) -> str:
        """An id that is the same whenever this run is reported."""
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
    kinds = {"verdict.json": "application/json", "summary.md": "text/markdown"}
    attachments = [
        {"name": name, "source": f"{run.id(name)}-attachment.{name.rpartition('.')[2]}", "type": kind}
        for name, kind in kinds.items()
    ]
    results = [_verdict_result(run, every, attachments), *_claims(run, every), *_unclaimed(run, every)]
    files = {f"{result['uuid']}-result.json": _json(result) for result in results}
    files |= {attachment["source"]: bodies[attachment["name"]] for attachment in attachments}
    files[f"{run.id('globals')}-globals.json"] = _json(_globals(run, attachments))
    files["environment.properties"] = _environment(run)
    files["executor.json"] = _json(
        {
            "name": "readiness",
            "type": "readiness",
            "buildName": run.plan.run,
            "reportName": run.judgement.decision.headline,
        }
    )
    files["categories.json"] = _json(list(_CATEGORIES))
    return files


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _result(run: _Run, stable: str, *, name: str, status: str, start_ns: int | None, end_ns: int | None) -> Json:
    """What all results have. `stable` tells a test from the others in every run."""
    case = hashlib.md5(stable.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    times = {"start": run.moments.ms(start_ns), "stop": run.moments.ms(end_ns)}
    return {
        "uuid": run.id(stable),
        "historyId": case,
        "testCaseId": case,
        "fullName": clean(stable),
        "name": clean(name),
        "status": status,
        "stage": "finished",
        **{key: value for key, value in times.items() if value is not None},
    }


def _labels(**labels: str) -> list[Json]:
    return [{"name": name, "value": clean(value)} for name, value in labels.items() if value]


def _details(reason: str, hint: str) -> Json:
    return {"message": clean(f"{reason}\n\nhint: {hint}" if hint else reason)}


def _claims(run: _Run, every: Iterable[Row]) -> Iterable[Json]:
    claims = {claim.scenario: claim for claim in run.plan.claims}
    for row in every:
        for said in row.verdict.claims:
            yield _claim_result(run, row.requirement, said, claims.get(said.scenario))


def _claim_result(run: _Run, requirement: Requirement, said: ClaimVerdict, claim: Claim | None) -> Json:
    place, start_ns, end_ns = Place.of(said.scenario), run.moments.start_ns, run.moments.end_ns
    if claim is not None:
        start_ns, end_ns = run.moments.of_claim(run.plan, run.evidence, claim)
    result = _result(run, place.stable, name=place.name, status=STATUS[said.outcome], start_ns=start_ns, end_ns=end_ns)
    return {
        **result,
        "titlePath": [clean(part) for part in place.parts],
        "description": _description(run, requirement, said),
        "statusDetails": _details(said.reason, said.hint),
        "labels": [
            *_requirement_labels(requirement, said.outcome),
            *_labels(parentSuite=place.folder, suite=place.feature, feature=place.feature, story=place.name),
        ],
        "parameters": [] if claim is None else _parameters(run.plan, claim),
        "steps": steps_of(run.plan, run.evidence, claim, said, STATUS),
    }


def _requirement_labels(requirement: Requirement, outcome: Outcome) -> list[Json]:
    return _labels(
        requirement=requirement.id,
        tag=requirement.id,
        epic=requirement.profile,
        severity=_SEVERITY[requirement.gate],
        owner=requirement.owner,
        verdict=outcome.value.lower(),
        framework="readiness-harness",
        language="gherkin",
    )


def _parameters(plan: Plan, claim: Claim) -> list[Json]:
    """What the scenario asks for; never a measured value, which would make a new test of it in every run."""
    demands = [plan.demand[key] for key in claim.demands if key in plan.demand]
    asked = {kind.value: [demand.name for demand in demands if demand.kind == kind] for kind in DemandKind}
    return [{"name": kind, "value": clean(", ".join(names))} for kind, names in asked.items() if names]


def _description(run: _Run, requirement: Requirement, said: ClaimVerdict) -> str:
    """The criterion and a table of the figures."""
    lines = [measure_line(measure, run.plan.time_scale) for measure in claim_measures(said)]
    head = f"{plain(requirement.criterion)}\n\nSource: {plain(requirement.source)}"
    if not lines:
        return head
    columns = ("Verdict", "Of", "Scope", "Figure", "Low to high", "Confidence", "Expected", "n / needed", "Resolution")
    cells = (
        (x.outcome.value, x.name, x.scope, x.value, x.bounds, x.confidence or NOTHING, x.expected, x.n, x.resolution)
        for x in lines
    )
    methods = ", ".join(dict.fromkeys(x.method for x in lines if x.method))
    return f"{head}\n\n{table(columns, cells)}" + (f"\n\nMethod: {plain(methods)}" if methods else "")


def _unclaimed(run: _Run, every: Iterable[Row]) -> Iterable[Json]:
    """Requirements that no scenario claims: shown, so that none is lost."""
    for row in every:
        if not row.verdict.claims:
            name = f"{row.requirement.id}: {row.requirement.title}"
            start_ns, end_ns = run.moments.start_ns, run.moments.end_ns
            yield {
                **_result(
                    run,
                    f"requirement {row.requirement.id}",
                    name=name,
                    status=STATUS[row.outcome],
                    start_ns=start_ns,
                    end_ns=end_ns,
                ),
                "description": plain(row.requirement.criterion),
                "statusDetails": _details(row.verdict.reason, row.verdict.hint),
                "labels": [
                    *_requirement_labels(row.requirement, row.outcome),
                    *_labels(parentSuite=row.requirement.profile, suite="not claimed by a scenario"),
                ],
            }


def _verdict_result(run: _Run, every: Iterable[Row], attachments: list[Json]) -> Json:
    """The decision as a test of its own, first in the tree."""
    decision = run.judgement.decision
    name = f"Readiness verdict: {decision.outcome.value}"
    status = _DECIDED.get(decision.outcome, "broken")
    start_ns, end_ns = run.moments.start_ns, run.moments.end_ns
    shown = tuple(every)
    return {
        **_result(run, "harness#readiness", name=name, status=status, start_ns=start_ns, end_ns=end_ns),
        "description": f"{plain(decision.headline)}\n\n{requirement_table(shown)}",
        "statusDetails": _details("\n".join((decision.headline, *decision.reasons)), ""),
        "labels": _labels(
            epic=_FIRST,
            parentSuite=_FIRST,
            severity="blocker",
            verdict=decision.outcome.value.lower(),
            framework="readiness-harness",
        ),
        "attachments": attachments,
        "steps": [
            {
                "name": clean(f"{row.requirement.id} {row.requirement.title}: {row.of_limit or row.value}"),
                "status": STATUS[row.outcome],
                "stage": "finished",
                "statusDetails": _details(row.verdict.reason, row.verdict.hint),
            }
            for row in shown
        ],
    }


def _globals(run: _Run, attachments: list[Json]) -> Json:
    """What stands at the top of the report; an error unless the decision is GO."""
    decision = run.judgement.decision
    end = run.moments.ms(run.moments.end_ns)
    time = {} if end is None else {"timestamp": end}
    message = clean("\n".join((f"Readiness {decision.outcome.value}: {decision.headline}", *decision.reasons)))
    errors = [] if decision.outcome is DecisionOutcome.GO else [{"message": message, **time}]
    return {"attachments": [{**attachment, **time} for attachment in attachments], "errors": errors}


def _environment(run: _Run) -> bytes:
    """A Java properties file: one line a value."""
    plan = run.plan
    values = {
        "decision": run.judgement.decision.outcome.value,
        "release": plan.release,
        "target": plan.target,
        "environment": plan.environment,
        "time_scale": f"{plan.time_scale:g}",
        "profile": plan.profile,
        "run": plan.run,
        "seed": str(plan.seed),
    }
    lines = (f"{key} = {' '.join(clean(value).split())}".replace("\\", "\\\\") for key, value in values.items())
    return ("\n".join(lines) + "\n").encode()
