"""The hooks of one readiness session: collect, compile, gather or read the evidence, give each scenario its verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from harness.errors import HarnessError, Interrupted, UsageError
from harness.model import ClaimVerdict, Outcome
from harness.pytest_plugin.features import FeatureFile, Written, written
from harness.pytest_plugin.settling import STATUS, Inconclusive, NotAssessed, Settling
from harness.run.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from harness.pytest_plugin.session import Session

WRITTEN = pytest.StashKey[Written]()
_HYPOTHESIS: Final = "hypothesispytest"
"""A plugin that imports all of hypothesis for its summary; without tests of its own that is most of a replay's time."""


class ReadinessPlugin:
    """Registered once, for the sessions that judge a platform; foreign suites never see it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._verdicts: dict[str, ClaimVerdict] = {}
        self._problems: list[str] = []
        self._outcomes: list[Outcome] = []
        self._others_failed = False
        self._uncollected = False
        self._only_shown = ""
        self._error: HarnessError | None = None

    # collection ------------------------------------------------------------------------------------------------

    def pytest_configure(self, config: pytest.Config) -> None:
        """Every id of the catalogue is a marker."""
        for requirement in self._session.catalogue.requirements.values():
            config.addinivalue_line("markers", f"{requirement.id}: {requirement.title}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Refuse under xdist what only its workers would see: they have no way to say it in words."""
        if not _distributes(session.config):
            return
        if not self._session.replay:
            what = "a live run has one conductor: leave xdist's -n out, or replay a run with --evidence"
            raise pytest.UsageError(what)
        named = [Path(argument.partition("::")[0]).absolute() for argument in session.config.args]
        files = [file for path in named for file in ([path] if path.is_file() else sorted(path.rglob("*.feature")))]
        self._refuse(self._session.lint(file for file in files if self._session.owns(file)))

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Collect our feature files directly; what is wrong with them is said at the end of collection, all at once."""
        if file_path.suffix != ".feature" or not self._session.owns(file_path):
            return None
        problems = self._session.lint([file_path])
        self._problems += problems
        return None if problems else FeatureFile.from_parent(parent, path=file_path)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Give each scenario its words, and the marker of its requirement when that stands in Examples."""
        kept, dropped, foreign, collected = [], [], [], []
        for item in items:
            scenario = written(item, self._session.settings.project.root)
            if scenario is not None:
                if not self._session.chosen(scenario):
                    foreign.append(item)
                    continue
                item.stash[WRITTEN] = scenario
                collected.append(scenario)
                requirement = scenario.example.get("requirement")
                if requirement:
                    item.add_marker(requirement)
                if not self._session.selected(scenario):
                    dropped.append(item)
                    continue
            kept.append(item)
        if collected and not self._problems:
            self._session.reconcile(collected)
        if dropped:
            config.hook.pytest_deselected(items=dropped)
        if dropped or foreign:
            items[:] = kept

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """A run that leaves scenarios out never decides."""
        self._session.deselected += [item.stash[WRITTEN].location for item in items if WRITTEN in item.stash]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Compile what was selected; a scenario that cannot be read stops everything here."""
        self._refuse(self._problems)
        scenarios = [item.stash[WRITTEN] for item in session.items if WRITTEN in item.stash]
        plugins = session.config.pluginmanager
        if scenarios and len(scenarios) == len(session.items) and plugins.hasplugin(_HYPOTHESIS):
            plugins.unregister(name=_HYPOTHESIS)
        try:
            self._session.compile(scenarios)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error
        except HarnessError as error:
            pytest.exit(str(error), returncode=error.exit_code)

    def _refuse(self, problems: list[str]) -> None:
        if problems:
            raise pytest.UsageError("\n".join(dict.fromkeys(problems)))

    # the run ---------------------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Gather the evidence, or read it; judge it; then let the scenarios tell their verdicts."""
        if self._session.planning:
            return True  # the plan was shown when everything was collected; nothing is run
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            self._uncollected = True
            return None  # pytest stops here, and says what it could not collect
        if not any(WRITTEN in item.stash for item in session.items):
            return None
        self._only_shown = _only_shows(session.config)
        if self._only_shown:
            return None if session.config.option.collectonly else True
        capture = session.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            try:
                decided = self._session.decide()
            except HarnessError as error:
                self._error = error
                return True
        self._verdicts = {claim.scenario: claim for verdict in decided.judgement.verdicts for claim in verdict.claims}
        return None

    @pytest.fixture
    def claim_results(self, request: pytest.FixtureRequest) -> Settling:
        """What the steps of the running scenario share."""
        location = request.node.stash[WRITTEN].location
        claim = self._verdicts.get(location)
        return Settling(claim=claim, why=self._session.why_not(location) if claim is None else "")

    # outcomes --------------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Write the outcome on the report, in one word and without a traceback."""
        report = yield
        if call.when == "call" and WRITTEN in item.stash:
            outcome = _outcome(call)
            if outcome is not None:
                report.user_properties.append(("verdict", outcome.value))
            if call.excinfo is not None and isinstance(call.excinfo.value, (Inconclusive, NotAssessed)):
                report.longrepr = str(call.excinfo.value)
        elif report.skipped and WRITTEN in item.stash:  # a tag `skip` leaves a scenario without a verdict
            report.user_properties.append(("verdict", Outcome.NOT_ASSESSED.value))
        return report

    def pytest_report_teststatus(self, report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
        """Name the outcomes that pytest has no word for."""
        if report.when != "call":
            return None
        verdict = dict(report.user_properties).get("verdict")
        return next((status for outcome, status in STATUS.items() if outcome.value == verdict), None)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hear each outcome, also those that xdist's workers send."""
        verdict = dict(report.user_properties).get("verdict")
        if verdict is not None:
            self._outcomes.append(Outcome(str(verdict)))
        elif report.failed:
            self._others_failed = True

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """One table of exit codes for `readiness` and pytest."""
        if self._error is not None:
            session.exitstatus = self._error.exit_code
        elif exitstatus == pytest.ExitCode.INTERRUPTED:
            session.exitstatus = UsageError.exit_code if self._uncollected else Interrupted.exit_code
        elif (self._outcomes or self._session.decided) and exitstatus in {
            pytest.ExitCode.OK,
            pytest.ExitCode.TESTS_FAILED,
        }:
            code = self._session.exit_code(self._outcomes)
            # a test of the project's own that failed is not hidden by a GO
            session.exitstatus = Exit.NO_GO if code is Exit.GO and self._others_failed else code
        elif exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = Exit.NOTHING_SELECTED
        elif exitstatus == pytest.ExitCode.OK and self._only_shown:
            session.exitstatus = Exit.USAGE

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say the decision last."""
        if self._error is not None:
            terminalreporter.write_line(str(self._error), red=True, bold=True)
        if self._only_shown:
            what = f"no scenario was judged: {self._only_shown} only shows them\n  hint: leave it out for a verdict"
            terminalreporter.write_line(what, red=True, bold=True)
        if self._session.replay:
            for category, _, word in STATUS.values():
                for report in terminalreporter.stats.get(category, ()):
                    terminalreporter.write_line(f"{word} {report.nodeid}: {report.longrepr}")
        for line in self._session.closing_lines(self._outcomes):
            terminalreporter.write_line(line)


def _distributes(config: pytest.Config) -> bool:
    """Whether this is xdist's controller, which collects nothing itself."""
    return bool(getattr(config.option, "numprocesses", None)) or getattr(config.option, "dist", "no") != "no"


def _only_shows(config: pytest.Config) -> str:
    """The option by which pytest shows what it would do, and runs nothing; empty where it runs."""
    options = {"collectonly": "--collect-only", "setupplan": "--setup-plan", "setuponly": "--setup-only"}
    return next((text for name, text in options.items() if getattr(config.option, name, False)), "")


def _outcome(call: pytest.CallInfo[Any]) -> Outcome | None:
    """The verdict that a scenario's test told; None when it broke before it could."""
    if call.excinfo is None:
        return Outcome.PASS
    told = {Inconclusive: Outcome.INCONCLUSIVE, NotAssessed: Outcome.NOT_ASSESSED, pytest.fail.Exception: Outcome.FAIL}
    return told.get(call.excinfo.type)
