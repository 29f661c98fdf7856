"""The pytest hooks of one readiness session: collect and compile scenarios, gather or read evidence, report verdicts."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from harness.errors import Exit, HarnessError, Interrupted, UsageError
from harness.model import REQUIREMENT_COLUMN, Outcome
from harness.pytest_plugin.features import FeatureFile, bound_elsewhere, scenario_of
from harness.pytest_plugin.settling import SCENARIO, SETTLING, STATUS, Inconclusive, NotAssessed, Settling
from harness.run.github import problem_annotations
from harness.run.project import features_below
from harness.steps import read_feature
from harness.words import some

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from harness.pytest_plugin.feeding import AllureFeed
    from harness.run.session import VerificationSession

_HYPOTHESIS: Final = "hypothesispytest"
"""A pytest plugin that imports all of hypothesis for its summary, which takes most of the time of a replay."""
_ALLURE_SELECTS: Final = tuple(f"allure_{by}" for by in ("severities", "epics", "features", "stories", "labels"))
"""The options by which allure-pytest selects tests."""


class ReadinessPlugin:
    """The hooks of a session that judges a platform."""

    def __init__(self, session: VerificationSession) -> None:
        self._session = session
        self._problems: list[str] = []
        self._collected = False
        self._selected: list[pytest.Item] = []
        self._outcomes: list[Outcome] = []
        self._others_failed: list[str] = []
        self._uncollected: list[str] = []
        self._stopped = False
        self._only_shown = ""
        self._foreign = 0
        self._unclaimed = ""
        self._marked = set[str]()
        self._config: pytest.Config
        self._error: HarnessError | None = None
        self._feed: AllureFeed | None = None

    # collection ------------------------------------------------------------------------------------------------

    def pytest_configure(self, config: pytest.Config) -> None:
        """Register every requirement id of the catalogue as a marker."""
        self._config = config
        self._marked = {str(line).partition(":")[0].partition("(")[0].strip() for line in config.getini("markers")}
        for requirement in self._session.catalogue.requirements.values():
            self._marked.add(requirement.id)
            config.addinivalue_line("markers", f"{requirement.id}: {requirement.title}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_bdd_apply_tag(self, tag: str) -> bool | None:
        """Register a free tag, such as `@smoke` or `@issue:SHOP-42`, as a marker; True if no marker may have this name."""
        if tag.startswith("_"):
            return True
        if tag not in self._marked:
            self._marked.add(tag)
            if ":" in tag or "(" in tag:
                pytest.mark._markers.add(tag)  # noqa: SLF001 - a line of `markers` declares a name up to its first colon or bracket
            else:
                self._config.addinivalue_line("markers", f"{tag}: a tag of the features")
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Refuse a live run under xdist, whose workers could not report the reason in words. Find allure-pytest, which was set up before."""
        if getattr(session.config.option, "allure_report_dir", None):
            from harness.pytest_plugin.feeding import allure_feed  # of an extra

            self._feed = allure_feed(self._session, session.config)
            session.config.pluginmanager.register(self._feed)
        if not _distributes(session.config):
            return
        if not self._session.replay:
            what = "a live run cannot be distributed by xdist: leave out -n, or replay a run with --evidence"
            raise pytest.UsageError(what)
        named = [Path(argument.partition("::")[0]).absolute() for argument in session.config.args]
        files = [path for path in named if path.is_file()]
        files += [file for path in named if path.is_dir() for file in features_below(path)]
        self._refuse(self._session.lint(file for file in files if self._session.owns(file)))

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Report Ctrl-C during collection in one sentence, without a traceback."""
        try:
            return (yield)
        except KeyboardInterrupt:
            pytest.exit("interrupted: nothing was run", returncode=Interrupted.exit_code)

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Collect the feature files of the project directly; their errors are reported together at the end of collection."""
        if file_path.suffix != ".feature" or not self._session.owns(file_path):
            return None
        problems = self._session.lint([file_path])
        self._problems += problems
        if problems:
            return None
        feature: FeatureFile = FeatureFile.from_parent(parent, path=file_path)
        feature.root = self._session.settings.project.root
        return feature

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Give each test item the title of its scenario, and the marker of its requirement if that is in Examples."""
        kept, dropped, foreign, collected = [], [], [], []
        self._refuse([why for item in items if (why := self._bound_twice(item))])
        for item in items:
            scenario = scenario_of(item)
            if scenario is not None:
                if not self._session.selection.is_chosen(scenario):
                    foreign.append(item)
                    continue
                item.stash[SCENARIO] = scenario
                collected.append(scenario)
                requirement = scenario.row.get(REQUIREMENT_COLUMN)
                if requirement:
                    item.add_marker(requirement)
                if not self._session.selection.lets_through(scenario):
                    dropped.append(item)
                    continue
                self._selected.append(item)
            kept.append(item)
        if collected and not self._problems:
            try:
                self._session.deselected += self._session.selection.uncollected(collected)
            except HarnessError as error:  # of a feature file that was not collected, and may hold what was left out
                raise pytest.UsageError(str(error)) from error
        self._label_for_allure(config)
        if dropped:
            config.hook.pytest_deselected(items=dropped)
        if dropped or foreign:
            items[:] = kept
        self._foreign = len(foreign)
        self._collected = True

    def _label_for_allure(self, config: pytest.Config) -> None:
        if any(getattr(config.option, option, None) for option in _ALLURE_SELECTS):
            from harness.pytest_plugin.feeding import label  # of an extra

            label(self._selected, self._session.catalogue)

    def _bound_twice(self, item: pytest.Item) -> str:
        """Why a test module may not bind this scenario; empty if it may, since the scenario claims nothing."""
        bound = bound_elsewhere(item)
        if bound is None or not self._session.owns(bound[0]):
            return ""
        try:
            claiming = {one.template for one in read_feature(bound[0], self._session.settings.project.root)}
        except HarnessError as error:
            return str(error)
        if bound[1] not in claiming:
            return ""
        hint = "delete `scenarios(…)` and `@scenario(…)`: the harness collects these features itself"
        return f"{item.nodeid.partition('::')[0]}: a test module binds {bound[0].name}, whose scenarios claim requirements\n  hint: {hint}"

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Record deselected scenarios, since a run without them never decides."""
        self._session.deselected += [item.stash[SCENARIO].location for item in items if SCENARIO in item.stash]
        gone = set(items)
        self._selected = [item for item in self._selected if item not in gone]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Compile the selected scenarios; a scenario that cannot be read ends the session here."""
        self._refuse(self._problems)
        if not self._collected:
            return  # pytest calls this on its way out too, before it says which argument it did not find
        if not session.items and not self._session.deselected:
            with suppress(HarnessError):  # of a feature file that was not collected: then it is not known
                self._unclaimed = self._session.selection.unclaimed()
        kept = set(session.items)
        if dropped := [item for item in self._selected if item not in kept]:  # by a hook that only took them out
            session.config.hook.pytest_deselected(items=dropped)
        scenarios = [item.stash[SCENARIO] for item in session.items if SCENARIO in item.stash]
        plugins = session.config.pluginmanager
        if scenarios and len(scenarios) == len(session.items) and plugins.hasplugin(_HYPOTHESIS):
            plugins.unregister(name=_HYPOTHESIS)
        try:
            self._session.compile(scenarios)
        except UsageError as error:
            self._refuse([str(error)])
        except HarnessError as error:
            pytest.exit(str(error), returncode=error.exit_code)

    def _refuse(self, problems: list[str]) -> None:
        if problems:
            different = tuple(dict.fromkeys(problems))
            annotations = problem_annotations(*different, root=self._session.settings.project.root)
            raise pytest.UsageError("\n".join((*different, *annotations)))

    # the run ---------------------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Gather the evidence, or read it from a stored run, judge it, and run the scenarios, which report their verdicts."""
        if self._session.settings.planning:
            return True  # the plan was shown when everything was collected; nothing is run
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            self._stopped = True
            return None  # pytest stops here, and says what it could not collect
        if not any(SCENARIO in item.stash for item in session.items):
            return None
        self._only_shown = _only_shows(session.config)
        if self._only_shown:
            return None if session.config.option.collectonly else True
        capture = session.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            try:
                self._session.decide()
            except HarnessError as error:
                self._error = error
            except (
                KeyboardInterrupt
            ):  # while all that drives is loaded, or the sandbox comes up; later the run itself hears it
                self._error = Interrupted("interrupted before any evidence was gathered; no fault was sent")
        return None if self._error is None else True

    @pytest.fixture
    def claim_results(self, request: pytest.FixtureRequest) -> Settling:
        """The fixture that the steps of a scenario share."""
        scenario = request.node.stash[SCENARIO]
        claim = self._session.claim_of(scenario)
        settling = Settling(claim=claim, why=self._session.why_not(scenario).text if claim is None else "")
        request.node.stash[SETTLING] = settling
        return settling

    # outcomes --------------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Set the outcome of the report in one word, without a traceback."""
        report = yield
        if call.when == "call" and SCENARIO in item.stash:
            settling = item.stash.get(SETTLING, None)
            if settling is not None and settling.told is not None:
                report.user_properties.append(("verdict", settling.told.value))
                if settling.told is Outcome.WAIVED:
                    report.longrepr = settling.why
            if call.excinfo is not None and isinstance(call.excinfo.value, (Inconclusive, NotAssessed)):
                report.longrepr = str(call.excinfo.value)
        elif report.skipped and SCENARIO in item.stash:  # a tag `skip` leaves a scenario without a verdict
            report.user_properties.append(("verdict", Outcome.NOT_ASSESSED.value))
        return report

    def pytest_report_teststatus(self, report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
        """Name the outcomes that pytest does not have."""
        if report.when != "call":
            return None
        verdict = dict(report.user_properties).get("verdict")
        return next((status for outcome, status in STATUS.items() if outcome.value == verdict), None)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count each outcome, including outcomes of xdist's workers."""
        verdict = dict(report.user_properties).get("verdict")
        if verdict is not None:
            self._outcomes.append(Outcome(str(verdict)))
        elif report.failed:
            self._others_failed.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record collection errors: of features for the harness, of other files for the project's own tests."""
        if report.failed:
            ours = report.nodeid.partition("::")[0].endswith(".feature")
            (self._uncollected if ours else self._others_failed).append(report.nodeid or "the session")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Set the exit code of the table for `readiness` and pytest; it is 1 if a test of the project's own failed."""
        if self._feed is not None:
            self._feed.finish(self._error)
        finished = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
        if self._error is not None:
            session.exitstatus = self._error.exit_code
        elif self._uncollected and (self._stopped or exitstatus in finished):
            session.exitstatus = UsageError.exit_code
        elif exitstatus == pytest.ExitCode.INTERRUPTED:
            session.exitstatus = Exit.NO_GO if self._stopped else Interrupted.exit_code
        elif self._others_failed and exitstatus in finished:
            session.exitstatus = Exit.NO_GO
        elif (self._outcomes or self._session.decided) and exitstatus in finished:
            session.exitstatus = self._session.exit_code(self._outcomes)
        elif exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = Exit.NOTHING_SELECTED
        elif exitstatus == pytest.ExitCode.OK and self._only_shown:
            session.exitstatus = Exit.USAGE

    def _of_other_profiles(self) -> str:
        """Lines that explain why pytest lists fewer scenarios than exist; empty if it lists all."""
        if not self._foreign:
            return ""
        profiles, left = "+".join(self._session.settings.profiles), self._foreign
        of = f"\n{len(self._selected)} of {len(self._selected) + left} scenarios are of profile {profiles}"
        return (
            f"{of}; {left} are of other profiles\n  hint: `--profile NAME` chooses another profile, and may be repeated"
        )

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the decision as the last lines."""
        if self._error is not None:
            _write_error(terminalreporter, str(self._error))
        if self._only_shown:
            what = f"no scenario was judged, because {self._only_shown} only lists them\n  hint: leave out {self._only_shown} for a verdict"
            terminalreporter.write_line(f"{what}{self._of_other_profiles()}", red=True, bold=True)
        if self._session.replay:
            for category, _, word in STATUS.values():
                for report in terminalreporter.stats.get(category, ()):
                    terminalreporter.write_line(f"{word} {report.nodeid}: {report.longrepr}")
        if self._unclaimed and not self._session.settings.as_json and not self._session.settings.as_roles:
            terminalreporter.write_line(self._unclaimed, red=True, bold=True)
        for line in self._session.closing_lines(self._outcomes):
            terminalreporter.write_line(line)
        for remark in self._session.remarks:
            terminalreporter.write_line(remark, yellow=True)
        if self._others_failed:
            terminalreporter.write_line(_of_others(self._others_failed, nothing_run=self._stopped), red=True)


def _write_error(terminalreporter: pytest.TerminalReporter, error: str) -> None:
    """Print the error that ended the session, and its annotation for a GitHub job."""
    terminalreporter.write_line(error, red=True, bold=True)
    for line in problem_annotations(error):
        terminalreporter.write_line(line)


def _of_others(failed: Sequence[str], *, nothing_run: bool) -> str:
    """The text for exit code 1 if it comes from failed tests of the project's own."""
    named = some([*dict.fromkeys(failed)])
    why = "; nothing was run or judged, because they cannot be collected" if nothing_run else ""
    return (
        f"{len(failed)} of the project's own tests or steps failed, which are not verdicts: {named}{why} (exit code 1)"
    )


def _distributes(config: pytest.Config) -> bool:
    """Whether this is xdist's controller, which collects nothing itself."""
    return bool(getattr(config.option, "numprocesses", None)) or getattr(config.option, "dist", "no") != "no"


def _only_shows(config: pytest.Config) -> str:
    """The option with which pytest only shows what it would do; empty if it runs tests."""
    options = {"collectonly": "--collect-only", "setupplan": "--setup-plan", "setuponly": "--setup-only"}
    return next((text for name, text in options.items() if getattr(config.option, name, False)), "")
