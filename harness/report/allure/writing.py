"""Reports a run as Allure results, and writes `allure-results` of a run.

A run is reported to what allure-python calls a logger: the plugin manager of allure-commons, with allure-pytest's own logger behind it, or a logger in
memory, whose results become the files of `allure-results`. Allure's logger for files gives them random names; here a name is the id of its result.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from allure_commons.logger import AllureMemoryLogger
from allure_commons.model2 import GLOBALS_PATTERN, TEST_CASE_PATTERN, GlobalError, Globals

from harness.report.allure.decision import attached, decision_result, described, no_decision, top
from harness.report.allure.results import AllureRun
from harness.report.view.wording import clean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from allure_commons.model2 import Attachment, TestResult

    from harness.model import Evidence, Judgement, Plan


class Receiver(Protocol):
    """Receives results: a logger of allure-commons, or the `hook` of its plugin manager."""

    def report_result(self, *, result: TestResult) -> object:
        """Receive the result of a test."""

    def report_attached_data(self, *, body: bytes, file_name: str) -> object:
        """Receive a file."""

    def report_globals(self, *, globals_item: Globals) -> object:
        """Receive what is shown for the complete report."""


def report_run(run: AllureRun, to: Receiver, *, reported: Collection[str] = frozenset()) -> None:
    """Report a run, without the scenarios of which a result was reported before, whose ids are in `reported`."""
    for scenario in run.scenarios:
        if scenario not in reported:
            results = run.of_scenario(scenario)
            for result in (*results.earlier, results.final):
                to.report_result(result=result)
    files = attached(run)
    _report_decision(run, to, run.unclaimed, [attachment for attachment, _ in files])
    for attachment, body in files:
        to.report_attached_data(body=body, file_name=attachment.source)


def report_part(part: AllureRun, to: Receiver, requirements: Iterable[str]) -> None:
    """Report that a part of a run has no decision, and the requirements of it that no scenario decides."""
    _report_decision(part, to, requirements, [])


def report_error(reason: str, to: Receiver) -> None:
    """Report that a session ended before anything was judged."""
    to.report_result(result=no_decision(reason))
    to.report_globals(globals_item=Globals(errors=[GlobalError(message=clean(reason))]))


def _report_decision(
    run: AllureRun, to: Receiver, requirements: Iterable[str], attachments: Sequence[Attachment]
) -> None:
    for requirement in requirements:
        to.report_result(result=run.of_requirement(requirement))
    to.report_result(result=decision_result(run, attachments))
    to.report_globals(globals_item=top(run, attachments))
    for name, body in described(run).items():
        to.report_attached_data(body=body, file_name=name)


def render_allure(plan: Plan, evidence: Evidence, judgement: Judgement) -> dict[str, bytes]:
    """The files of the directory `allure-results`, by name."""
    run, logger = AllureRun(plan=plan, evidence=evidence, judgement=judgement), AllureMemoryLogger()
    report_run(run, logger)
    files = {TEST_CASE_PATTERN.format(prefix=case["uuid"]): _document(case) for case in logger.test_cases}
    files |= {GLOBALS_PATTERN.format(prefix=run.id("globals")): _document(item) for item in logger.globals}
    return {**files, **logger.attachments}


def _document(item: Any) -> bytes:
    """The bytes that allure-commons' logger for files writes."""
    return json.dumps(item, ensure_ascii=False).encode()
