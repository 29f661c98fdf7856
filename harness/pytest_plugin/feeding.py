"""Feeds allure-pytest: with `--alluredir`, the Allure results of a session are those of the run, equal to its `allure-results`.

allure-pytest's listener opens a result for each test and closes it. A scenario's result is filled from its verdict in between. What no test of the session
is, such as the decision, is reported at the end of the session. Results of a project's own tests are not changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attr
import pytest
from allure_commons import plugin_manager
from allure_commons.model2 import Status, StatusDetails, TestResult
from allure_commons.reporter import AllureReporter
from allure_pytest.listener import AllureListener
from allure_pytest.utils import ALLURE_LABEL_MARK

from harness.errors import HarnessError
from harness.pytest_plugin.settling import SCENARIO, SETTLING
from harness.report.allure.decision import part_of
from harness.report.allure.labels import catalogue_labels
from harness.report.allure.results import AllureRun
from harness.report.allure.writing import report_error, report_part, report_run
from harness.steps import requirement_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from harness.catalogue import Catalogue
    from harness.run.session import VerificationSession

_LISTENER: Final = "allure_listener"
"""The name under which allure-pytest registers its listener if a directory for results is named."""
_REPORTED: Final = "allure"
"""The property of a test's report with what was reported for it, which xdist brings to the controller."""
_FAILED: Final = (Status.BROKEN, Status.FAILED)
_WORSE: Final = (Status.PASSED, Status.SKIPPED, *_FAILED)


def allure_feed(session: VerificationSession, config: pytest.Config) -> AllureFeed:
    """The feed of a session for which `--alluredir` was given.

    Raises:
        UsageError: another plugin than allure-pytest has the option, whose results would not be the verdicts.
    """
    listener = config.pluginmanager.get_plugin(_LISTENER)
    if not isinstance(listener, AllureListener):
        what = "--alluredir: the verdicts are reported by allure-pytest, and another plugin has this option"
        raise pytest.UsageError(f"{what}\n  hint: pip uninstall allure-pytest-bdd, and pip install allure-pytest")
    return AllureFeed(session, config, listener)


def label(items: Iterable[pytest.Item], catalogue: Catalogue) -> None:
    """Give scenarios the labels of their requirements, by which allure-pytest selects tests, as with `--allure-severities critical`."""
    for item in items:
        for name, value in catalogue_labels(catalogue.requirements[requirement_of(item.stash[SCENARIO], catalogue)]):
            item.add_marker(getattr(pytest.mark, ALLURE_LABEL_MARK)(value, label_type=name))


class ScenarioReporter(AllureReporter):
    """The reporter of allure-pytest's listener, without the fixtures that only ran scenarios: three files a scenario that say nothing.

    Attributes:
        scenarios: ids of the open results of scenarios → ids that they are reported with.
        left_out: ids of open results that are reported at the end of the session.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scenarios: dict[str, str] = {}
        self.left_out = set[str]()

    def stop_group(self, uuid: str, **fields: Any) -> None:
        """Report fixtures if a test of the project's own has used them, or if one failed or attached something."""
        group = self.get_item(uuid)
        stages = (*group.befores, *group.afters)
        tells = any(stage.attachments or stage.steps or stage.status in _FAILED for stage in stages)
        if tells or any(child not in self.scenarios for child in group.children):
            group.children = [self.scenarios.get(child, child) for child in group.children]
            super().stop_group(uuid, **fields)
        else:
            self.drop_test(uuid)

    def close_test(self, uuid: str) -> None:
        """Report the result of a test."""
        if uuid in self.left_out:
            self.drop_test(uuid)
        else:
            super().close_test(uuid)


class AllureFeed:
    """The pytest hooks that give the verdicts of a session to allure-pytest."""

    def __init__(self, session: VerificationSession, config: pytest.Config, listener: Any) -> None:
        self._session = session
        self._works_for_xdist = hasattr(config, "workerinput")
        self._reporter = listener.allure_logger = ScenarioReporter()
        self._run: AllureRun | None = None
        self._scenarios = set[str]()
        self._requirements = set[str]()
        self._unjudged = set[str]()
        if not self._works_for_xdist:
            self._remark_on(Path(config.option.allure_report_dir))

    def _remark_on(self, directory: Path) -> None:
        """Say that the directory has results of other sessions, which allure-pytest leaves there."""
        if number := len(list(directory.glob("*-result.json"))):
            what = f"{directory} has {number} Allure results of earlier sessions, which a report would show beside those of this session"
            self._session.remarks.append(f"{what}\n  hint: add --clean-alluredir")

    @pytest.hookimpl(wrapper=True, tryfirst=True)  # around the listener's, which is complete afterwards
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Fill the open Allure result of a scenario when its test is over."""
        report = yield
        if SCENARIO in item.stash:
            result = self._reporter.get_test(None)
            if call.when == "setup":
                self._reporter.scenarios[result.uuid] = self._of_session().id(item.stash[SCENARIO].id)
            elif call.when == "teardown":
                report.user_properties.append((_REPORTED, self._fill(item, result)))
        return report

    def _fill(self, item: pytest.Item, result: TestResult) -> str:
        """Fill a result; returns what it is of: a scenario, a scenario without a verdict, or a requirement, each by its id."""
        run, scenario, settling = self._of_session(), item.stash[SCENARIO], item.stash.get(SETTLING, None)
        told = settling is not None and settling.told is not None
        if settling.claim if settling else self._session.claim_of(scenario):
            results = run.of_scenario(scenario.id)
            for earlier in results.earlier:
                plugin_manager.hook.report_result(result=earlier)
            _take(result, results.final, told=told)
            return f"scenario {scenario.id}"
        requirement = requirement_of(scenario, self._session.catalogue)
        why = self._session.why_not(scenario)
        if told and why.of_run:
            self._reporter.left_out.add(result.uuid)
            return f"requirement {requirement}"
        row = self._session.catalogue.requirements[requirement]
        _take(result, run.of_unjudged(scenario, row, why.text), told=told)
        return f"unjudged {scenario.id}"

    def _of_session(self) -> AllureRun:
        """The run that the session gathered or replays."""
        decided = self._session.decided or self._session.decide()  # xdist's controller has not read the run before
        if self._run is None:
            self._run = AllureRun(plan=decided.plan, evidence=decided.evidence, judgement=decided.judgement)
        return self._run

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record what was reported, also by xdist's workers."""
        kinds = {"scenario": self._scenarios, "requirement": self._requirements, "unjudged": self._unjudged}
        for name, value in report.user_properties:
            if name == _REPORTED:
                kind, _, id_ = str(value).partition(" ")
                kinds[kind].add(id_)

    def finish(self, error: HarnessError | None) -> None:
        """Report what no test of the session is. A part of a recorded run is reported without the decision of the run.

        Args:
            error: why the session has no decision; None if it has one, or judged nothing.
        """
        if self._works_for_xdist:
            return
        try:
            if error is not None:
                report_error(str(error), plugin_manager.hook)
            elif self._session.decided or self._scenarios or self._requirements or self._unjudged:
                self._report_rest()
        except (HarnessError, OSError) as problem:
            self._session.remarks.append(f"the Allure results are not complete: {problem}")

    def _report_rest(self) -> None:
        run, to = self._of_session(), plugin_manager.hook
        if not self._session.replay or (self._scenarios.issuperset(run.scenarios) and not self._unjudged):
            report_run(run, to, reported=self._scenarios)
            return
        without = self._requirements & run.unclaimed.keys()
        hint = "replay the run with all features, as they were in the run"
        part = part_of(run, self._scenarios, without, unjudged=len(self._unjudged), hint=hint)
        report_part(part, to, without)


def _take(result: TestResult, of_run: TestResult, *, told: bool) -> None:
    """Fill the result of a test from that of the run.

    What the project's own code attached is kept. A failure of the project's own steps and fixtures, which is no verdict, is kept if it is worse.
    """
    theirs = attr.evolve(result)
    for field in attr.fields(TestResult):
        setattr(result, field.name, getattr(of_run, field.name))
    result.steps = [*of_run.steps, *theirs.steps]
    result.attachments = [*of_run.attachments, *theirs.attachments]
    judged = told and of_run.status != Status.PASSED  # the exception of the verdict
    if not judged and _WORSE.index(theirs.status) > _WORSE.index(of_run.status):
        result.status = theirs.status
        found = theirs.statusDetails or StatusDetails(message="", trace=None)
        message = f"{found.message}\n\nthis is not a verdict; the verdict of the run is {of_run.status}: {of_run.statusDetails.message}"
        result.statusDetails = StatusDetails(message=message, trace=found.trace)
