"""The Allure results of a run, made of its verdicts and not of a test run, so that no verdict can be lost.

Ids come from the run and the scenario, times from the record of the run: the same run gives the same results each time. Two callers report them:
`harness.report.allure.writing` writes `allure-results` of a run, and `harness.pytest_plugin.feeding` gives them to allure-pytest.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

import attr
from allure_commons.model2 import Parameter, TestResult
from allure_commons.types import LabelType

from harness.model import ClaimVerdict, DemandKind, Outcome, Reason, ReasonKind, Verdict
from harness.report.allure.labels import labels, links_of, name_of, requirement_labels
from harness.report.allure.steps import STATUS, details, ended, steps_of
from harness.report.markdown import plain, table
from harness.report.view.digest import claim_measures, in_part, measure_line, rows
from harness.report.view.moments import Moments
from harness.report.view.wording import NOTHING, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.model import Claim, Demand, Evidence, Judgement, Plan, Requirement, Scenario
    from harness.report.view.digest import Row

_Span = tuple[int | None, int | None]
"""Start and end in monotonic ns; None if not recorded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScenarioResults:
    """The Allure results of one scenario.

    Attributes:
        final: result of the verdict.
        earlier: earlier attempts at experiments of the scenario, which Allure shows as retries of `final`.
    """

    final: TestResult
    earlier: tuple[TestResult, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AllureRun:
    """A run as Allure results: one of each scenario, and one of each requirement that no scenario of the run decides.

    Attributes:
        plan: plan of the run.
        evidence: evidence of the run.
        judgement: judgement of the run.
    """

    plan: Plan
    evidence: Evidence
    judgement: Judgement

    @cached_property
    def moments(self) -> Moments:
        """The times of the run."""
        return Moments.of(self.evidence)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The requirements of the run, worst first."""
        return rows(self.plan, self.judgement)

    @property
    def span_ns(self) -> _Span:
        """Start and end of the run."""
        return self.moments.start_ns, self.moments.end_ns

    @cached_property
    def scenarios(self) -> Mapping[str, tuple[Row, ClaimVerdict]]:
        """The scenarios with a verdict, by id, in the order of the rows."""
        return {said.scenario.id: (row, said) for row in self.rows for said in row.verdict.claims}

    @cached_property
    def unclaimed(self) -> Mapping[str, Row]:
        """The requirements that no scenario of this run decides, by id: none claims them, or one lacks a means.

        They have a result, so that no requirement is lost, or shown as passed because of its other scenarios.
        """
        found = {}
        for row in self.rows:
            said = row.verdict.claims
            lacking = row.outcome is Outcome.NOT_ASSESSED and all(one.outcome is not row.outcome for one in said)
            if not said or lacking:
                found[row.requirement.id] = row
        return found

    def id(self, name: str) -> str:
        """An id that stays the same each time this run is reported."""
        return str(uuid5(NAMESPACE_URL, clean(f"readiness:{self.plan.run}:{name}")))

    def result(self, stable: str, *, name: str, status: str, span_ns: _Span, **more: Any) -> TestResult:
        """An Allure result. `stable` identifies the test in the results of all runs."""
        case = hashlib.md5(clean(stable).encode(), usedforsecurity=False).hexdigest()
        start_ns, end_ns = span_ns
        return ended(
            TestResult,
            name,
            status,
            uuid=self.id(stable),
            historyId=case,
            testCaseId=case,
            fullName=clean(stable),
            start=self.moments.ms(start_ns),
            stop=self.moments.ms(end_ns),
            **more,
        )

    def of_scenario(self, scenario: str) -> ScenarioResults:
        """The results of a scenario that has a verdict, by its id."""
        row, said = self.scenarios[scenario]
        claim = self._claims.get(scenario)
        final = self._of_claim(row, said, claim)
        return ScenarioResults(final=final, earlier=() if claim is None else tuple(self._earlier(claim, final)))

    def of_requirement(self, requirement: str) -> TestResult:
        """The result of a requirement that no scenario decides, by its id."""
        row = self.unclaimed[requirement]
        about = row.requirement
        belongs = (
            (LabelType.PARENT_SUITE, about.profile),
            (LabelType.SUITE, "partly not assessed here" if row.verdict.claims else "without a scenario"),
        )
        return self.result(
            f"requirement {about.id}",
            name=name_of(about, row.outcome),
            status=STATUS[row.outcome],
            span_ns=self.span_ns,
            titlePath=[clean(part) for part in (about.document, about.section) if part],
            description=_about(about),
            statusDetails=details(row.verdict.reason, row.verdict.hint),
            labels=[*requirement_labels(row, row.outcome, self.plan), *labels(*belongs)],
            links=links_of(row, self.plan, ()),
        )

    def of_unjudged(self, scenario: Scenario, requirement: Requirement, why: str) -> TestResult:
        """The result of a scenario without a verdict in this run, as one that was edited since: NOT ASSESSED, with the reason."""
        because = Reason(kind=ReasonKind.UNCLAIMED, text=why, hint="run again, so that the scenario is judged")
        said = ClaimVerdict(
            scenario=scenario,
            requirement=requirement.id,
            outcome=Outcome.NOT_ASSESSED,
            because=because,
            measures=((),) * sum(step.keyword == "then" for step in scenario.steps),
        )
        verdict = Verdict(requirement=requirement.id, outcome=said.outcome, because=because, claims=(said,))
        (row,) = rows(replace(self.plan, requirements=(requirement,)), replace(self.judgement, verdicts=(verdict,)))
        return self._of_claim(row, said, None)

    @cached_property
    def _claims(self) -> Mapping[str, Claim]:
        return {claim.scenario.id: claim for claim in self.plan.claims}

    def _of_claim(self, row: Row, said: ClaimVerdict, claim: Claim | None) -> TestResult:
        scenario, requirement = said.scenario, row.requirement
        apart = "" if len(row.verdict.claims) == 1 else f": {scenario.title}"
        waived = row.outcome is Outcome.WAIVED
        outcome = row.outcome if waived else said.outcome  # who waives a requirement waives each of its scenarios
        because = row.verdict if waived else said
        span_ns = self.span_ns if claim is None else self.moments.of_claim(self.plan, self.evidence, claim)
        belongs = labels(
            (LabelType.PARENT_SUITE, "".join(scenario.folders[-1:])),
            (LabelType.SUITE, scenario.feature),
            (
                LabelType.THREAD,
                requirement.id + apart,
            ),  # a row of Allure's timeline, where a failure must not lie behind a pass
        )
        return self.result(
            scenario.id,
            name=name_of(requirement, outcome) + apart,
            status=STATUS[outcome],
            span_ns=span_ns,
            titlePath=[clean(part) for part in PurePosixPath(scenario.file).parts],
            description=self._description(requirement, said),
            statusDetails=details(because.reason, because.hint),
            labels=[*requirement_labels(row, outcome, self.plan), *belongs],
            links=links_of(row, self.plan, claim_measures(said)),
            parameters=[] if claim is None else _parameters(self.plan, claim),
            steps=steps_of(
                self.plan,
                self.evidence,
                claim,
                said,
                span_ms=(self.moments.ms(span_ns[0]), self.moments.ms(span_ns[1])),
            ),
        )

    def _earlier(self, claim: Claim, final: TestResult) -> Iterator[TestResult]:
        """The earlier attempts at a scenario's experiments, as Allure retries of its result.

        Of several results of one test Allure shows the one that began last, or one without a time. So `final` is given the start
        of the last attempt, and no retries are returned if the times are unknown.
        """
        names = {demand.name for demand in _demands(self.plan, claim) if demand.kind == DemandKind.EXPERIMENT}
        told = {(result.name, result.attempt): result for result in self.judgement.experiments}
        for name in sorted(names):
            attempts = self.evidence.experiments.get(name, ())
            for attempt in attempts[:-1]:
                start = self.moments.ms(attempt.observed_from_ns)
                last = self.moments.ms(attempts[-1].observed_from_ns)
                result = told.get((name, attempt.attempt))
                if start is None or last is None or start >= last or result is None:
                    continue
                final.start = max(final.start, last)
                yield attr.evolve(
                    final,
                    uuid=self.id(f"{claim.scenario.id} {name} {attempt.attempt}"),
                    status=STATUS[result.verdict],
                    statusDetails=details(f"attempt {attempt.attempt} at {name}: {result.reason}", ""),
                    start=start,
                    stop=self.moments.ms(attempt.observed_until_ns),
                    steps=[],
                )

    def _description(self, requirement: Requirement, said: ClaimVerdict) -> str:
        """The criterion and a table of the figures."""
        lines = [measure_line(measure, self.plan.time_scale) for measure in claim_measures(said)]
        parts = in_part(self.plan, requirement, said.outcome)
        head = "\n\n".join([*([f"The requirement is {plain(parts)}"] if parts else []), _about(requirement)])
        if not lines:
            return head
        columns = (
            *("Verdict", "Of", "Scope", "Figure", "Low to high", "Confidence", "Expected"),
            *("n / needed", "Resolution"),
        )
        cells = (
            (
                x.outcome.value,
                x.name,
                x.scope,
                x.value,
                x.bounds,
                x.confidence or NOTHING,
                x.expected,
                x.n,
                x.resolution,
            )
            for x in lines
        )
        methods = ", ".join(dict.fromkeys(x.method for x in lines if x.method))
        return f"{head}\n\n{table(columns, cells)}" + (f"\n\nMethod: {plain(methods)}" if methods else "")


def _demands(plan: Plan, claim: Claim) -> Sequence[Demand]:
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
