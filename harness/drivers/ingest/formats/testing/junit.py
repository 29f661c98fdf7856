"""JUnit XML as pytest, Surefire, Jest and Go write it: every test case, and the counts that the suites declare."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from harness.drivers.ingest.formats.markup import read_markup
from harness.drivers.ingest.formats.moments import Moment, earliest
from harness.drivers.ingest.formats.plain import shown, words
from harness.drivers.ingest.formats.provenance import Provenance
from harness.drivers.ingest.formats.testing.tally import (
    COUNTS,
    IDLE,
    MARKS,
    ORIGIN,
    CaseOutcome,
    CaseTally,
    JunitCase,
    SuiteTally,
)
from harness.errors import DriverError

_PASSED: Final = frozenset(
    {"", "run", "passed", "pass", "success", "successful", "ok", "completed", "complete", "executed"}
)
_SKIPPED: Final = frozenset({"skipped", "skip", "ignored", "pending", "todo"})
_NOT_RUN: Final = frozenset({"disabled", "notrun", "not run", "suppressed", "untested", "notexecuted", "inconclusive"})
_FAILED: Final = frozenset(
    {
        "failed",
        "fail",
        "failure",
        "error",
        "errored",
        "broken",
        "aborted",
        "crashed",
        "timeout",
        "timedout",
        "undefined",
        "panicked",
        "interrupted",
    }
)
"""Values of these attributes of a case, in small letters, as different tools write them."""
_ENDED: Final = ("status", "result", "outcome", "state", "verdict")
_OF_SUITE: Final[Mapping[str, str]] = {"SuiteSucceeded": "true", "SpecialSuiteFailureReason": "", "DryRun": "false"}
"""Properties by which Ginkgo says of a suite that it succeeded and ran, and what each says of one that did."""
_ASIDE: Final = frozenset(
    {
        *("flakyFailure", "flakyError", "rerunFailure", "rerunError", "stackTrace"),
        *("system-out", "system-err", "properties", "property", "attachments", "attachment"),
    }
)
"""Elements of a test case beside those that say how it ended; another one, as PHPUnit's `warning`, leaves open whether it ran."""
_VERDICTS: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(("success", "executed", "passed", "ran"), frozenset({"", "true", "1", "yes"})),
    **dict.fromkeys(("failed", "skipped", "disabled", "ignored", "error"), frozenset({"", "false", "0", "no"})),
}
"""Attributes of a case by which some writers say how it ended, and what each says of one that passed; with another value it is unknown."""
_MIXED: Final = "failed and passed: it was repeated after its failure, or run twice; the report does not say which"
_LONGEST_S: Final = 1e8
"""Longest time of a suite in s: three years."""
_MILLISECONDS: Final = re.compile(r"\d{12,13}")
"""Milliseconds since 1970, as Playwright before 1.32 writes the start of a suite."""
_NUMBER: Final = re.compile(r"\d+(?:,\d{3})*(?:\.\d*)?|\.\d+")


@dataclass(frozen=True, kw_only=True, slots=True)
class JunitReport:
    """One file.

    Attributes:
        cases: every test case, in order.
        properties: of suites and of the report, by name; a property with two different values is left out.
        origin: from properties and timestamps of each suite with tests, or of a suite around it; without a time if one suite has none.
        ended: when the last suite was complete: its timestamp plus its time; None if a suite with tests does not say it.
        contradictions: declared counts that differ from the cases, and names that occur twice; empty if there are none.
        unclear: of these the texts of tests of which something is not known, as a status.
        unlisted: number of skipped tests that are counted but not listed, as Cypress and Mocha write them.
        undecided: number of tests that failed and passed, or are counted but not listed: each may have passed.
    """

    cases: tuple[JunitCase, ...]
    properties: Mapping[str, str]
    origin: Provenance
    ended: Moment | None
    contradictions: tuple[str, ...]
    unclear: tuple[str, ...] = ()
    unlisted: int = 0
    undecided: int = 0

    @property
    def ran(self) -> set[str]:
        """The tests that ran, whether they passed or failed, each as `class.name` and as `name`."""
        ran = [case for case in self.cases if case.ran]
        return {name for case in ran for name in (case.name, f"{case.group}.{case.name}")}


def junit_report(body: bytes, where: str) -> JunitReport:
    """Read a report.

    Raises:
        DriverError: it is not a JUnit report, or a case has no name.
    """
    reader = _Reader(where=where)
    read_markup(body, where, reader.start, reader.end)
    return reader.report()


@dataclass(kw_only=True, slots=True)
class _Reader:
    """Collects what a report says, element by element."""

    where: str
    suites: list[SuiteTally] = field(default_factory=list)
    cases: list[JunitCase] = field(default_factory=list)
    seen: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    twice: dict[tuple[str, str, str, str], tuple[int, int]] = field(default_factory=dict)
    case: CaseTally | None = None
    root: bool = False
    contradictions: list[str] = field(default_factory=list)
    unclear_tests: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    unclear: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    moments: list[Moment] = field(default_factory=list)
    undated: bool = False
    ends: list[Moment] = field(default_factory=list)
    endless: bool = False
    short: list[str] = field(default_factory=list)
    missing: int = 0
    absent: int = 0
    unlisted: int = 0
    todo: int = 0
    pytest: bool = False

    def start(self, tag: str, attributes: dict[str, str], line: int) -> None:
        """An element begins."""
        tag = tag.rpartition(":")[2]
        if not self.root:
            if tag not in {"testsuites", "testsuite"}:
                hint = "name the JUnit XML of the test run"
                raise DriverError(
                    f"is not a JUnit report: it is <{shown(tag)}>", where=f"{self.where}:{line}", hint=hint
                )
            self.root = True
            self.pytest = tag == "testsuites" and attributes.get("name") == "pytest tests"
        if tag in {"testsuites", "testsuite"}:
            self._begin_suite(attributes, line)
        elif tag == "testcase":
            self._begin_case(attributes, line)
        elif self.case is not None:
            self._mark(self.case, tag, attributes.get("message", ""))
        elif tag == "property":
            self._property(attributes)
        elif tag in {"failure", "error"} and self.suites:
            suite = self.suites[-1]
            self.cases.append(
                JunitCase(
                    suite=suite.name,
                    host=suite.host,
                    group=suite.name,
                    name="the suite itself",
                    outcome=CaseOutcome.FAILED,
                    line=line,
                )
            )

    def _mark(self, case: CaseTally, tag: str, message: str) -> None:
        """Take the result of a test case from an element in it; pytest says of an error that it was on setup."""
        case.failed |= tag == "failure"
        case.error |= tag == "error"
        case.begun &= tag != "error" or "setup" not in words(message)
        case.skipped |= tag == "skipped"
        case.repeated |= tag in {"flakyFailure", "flakyError"}
        case.rerun |= tag == "rerun"
        if (name := MARKS.get(tag)) is not None:
            self.suites[-1].marks[name] += 1
        elif tag not in _ASIDE and tag != "rerun":
            what = f"unknown element <{shown(tag)}> in the test `{shown(case.name)}`"
            self._unclear(case.line, what)

    def _unclear(self, line: int, what: str) -> None:
        """One more text of a test of which something is not known."""
        self.unclear_tests.append(f"{self.where}:{line}: {what}")
        self.contradictions.append(self.unclear_tests[-1])

    def end(self, tag: str) -> None:
        """An element ends."""
        tag = tag.rpartition(":")[2]
        if tag == "testcase" and self.case is not None:
            self._end_case(self.case)
            self.case = None
        elif tag in {"testsuites", "testsuite"} and self.suites:
            self._end_suite(self.suites.pop())

    def report(self) -> JunitReport:
        """The collected report."""
        known = {name: value for name, value in self.properties.items() if name not in self.unclear}
        for name in ORIGIN:
            if name in self.unclear:
                self.contradictions.append(f"{self.where}: the property `{name}` has two values")
        made = None if self.undated else earliest(self.moments)
        said = {name: known[name] for name in ORIGIN if known.get(name)}
        partly = {name: said.pop(name) for name in self.silent if name in said}
        origin = Provenance(**said, made=made, partly=partly)
        cases, mixed = self._decided()
        return JunitReport(
            cases=tuple(cases),
            properties=known,
            origin=origin,
            ended=None if self.endless else max(self.ends, key=lambda moment: moment.last, default=None),
            contradictions=tuple(self.contradictions),
            unclear=tuple(self.unclear_tests),
            unlisted=self.unlisted,
            undecided=mixed + self.absent,
        )

    def _begin_suite(self, attributes: dict[str, str], line: int) -> None:
        declared = {
            name: _count(attributes[key], f"{self.where}:{line}: {key}")
            for key, name in COUNTS.items()
            if attributes.get(key, "") != ""
        }
        began = None
        if moment := attributes.get("timestamp"):
            began = _moment(moment, f"{self.where}:{line}: timestamp")
            self.moments.append(began)
        name, host = sys.intern(attributes.get("name", "")), sys.intern(attributes.get("hostname", ""))
        took_s = _seconds(attributes.get("time", ""))
        self.suites.append(SuiteTally(name=name, host=host, line=line, declared=declared, began=began, took_s=took_s))

    def _end_suite(self, suite: SuiteTally) -> None:
        outer = self.suites[-1] if self.suites else None
        self._contradicts(suite, inner=outer is not None)
        if not (suite.below["failures"] or suite.below["errors"]):
            self.contradictions += suite.denied
        end = suite.end(self.where) if suite.open else None
        if end is not None:
            self.ends.append(end)
        elif suite.open and outer is not None:
            outer.open = True
        self.endless |= suite.open and outer is None and end is None
        silent = self.silent if outer is None else outer.silent
        silent |= suite.silent - suite.says
        if outer is not None:
            outer.take(suite)

    def _contradicts(self, suite: SuiteTally, *, inner: bool) -> None:
        """Where a suite contradicts itself; Mocha counts skipped tests in each suite, and says only of all suites how many they are.

        pytest counts subtests that it does not list, jest-junit lists `todo` tests that it does not count.
        """
        found = suite.contradictions(self.where)
        missing = suite.missing("tests")
        if inner and self.pytest and missing > 0 and suite.explained_by_subtests():
            return
        if inner and {*found} == {"tests"} and missing == -len(suite.idle) and {*MARKS.values()} <= {*suite.declared}:
            self.todo -= missing
            for place in suite.idle:
                self.cases[place] = replace(self.cases[place], outcome=CaseOutcome.SKIPPED)
        elif not inner and {*found} == {"tests"} and missing == -self.todo:
            return
        elif inner and {*found} == {"tests"} and missing > 0 and "skipped" not in suite.declared:
            self.short += found.values()
            self.missing += missing
        elif not inner and {*found} == {"tests", "skipped"} and 0 < missing == self.missing == suite.missing("skipped"):
            self.unlisted = missing
        else:
            self.contradictions += found.values() if inner else [*self.short, *found.values()]
            self.absent = max(self.absent, missing)

    def _begin_case(self, attributes: dict[str, str], line: int) -> None:
        name = attributes.get("name", "").strip()
        if not name or self.case is not None or not self.suites:
            why = "has no name" if not name else "is not directly in a test suite"
            raise DriverError(
                f"a test case {why}", where=f"{self.where}:{line}", hint="check the tool that wrote the report"
            )
        group = sys.intern(attributes.get("classname", ""))
        ended = {attributes.get(key, "").strip().lower() for key in _ENDED}
        if unknown := ended - _PASSED - _SKIPPED - _NOT_RUN - _FAILED:
            what = f"unknown status `{shown(min(unknown))}` of the test `{shown(name)}`"
            self._unclear(line, what)
        for key in sorted(_VERDICTS.keys() & attributes.keys()):
            if attributes[key].strip().lower() not in _VERDICTS[key]:
                what = f"unknown attribute `{key}={shown(attributes[key])}` of the test `{shown(name)}`"
                self._unclear(line, what)
        self.case = CaseTally(
            group=group,
            name=name,
            line=line,
            failed=bool(ended & _FAILED),
            skipped=bool(ended & _SKIPPED),
            disabled=bool(ended & _NOT_RUN),
            idle=attributes.get("time") == "0",
            told=ended != {""},
        )
        suite = self.suites[-1]
        suite.open = True
        suite.silent.update(ORIGIN)
        self.undated |= all(one.began is None for one in self.suites)
        suite.longest_s = max(suite.longest_s, _seconds(attributes.get("time", "")) or 0.0)

    def _end_case(self, case: CaseTally) -> None:
        suite = self.suites[-1]
        passed = case.outcome is CaseOutcome.PASSED
        if case.rerun and passed and not case.told:
            what = f"the test `{shown(case.name)}` has a <rerun> and does not say how it ended: let its tool write a `status`"
            self._unclear(case.line, what)
        counted = {
            "tests": True,
            "failures": case.failed,
            "errors": case.error and not case.failed,
            "skipped": case.skipped and not (case.failed or case.error),
            "disabled": case.disabled,
            IDLE: case.outcome is CaseOutcome.SKIPPED,
        }
        for name, here in counted.items():
            suite.direct[name] += here
            suite.below[name] += here
        found = JunitCase(
            suite=suite.name,
            host=suite.host,
            group=case.group,
            name=case.name,
            outcome=case.outcome,
            line=case.line,
            repeated=(case.repeated or case.rerun) and passed,
            ran=case.begun and case.outcome is not CaseOutcome.SKIPPED,
        )
        key = (suite.name, suite.host, case.group, case.name)
        if first := self.seen.get(key):
            self.twice[key] = case.line, first
        self.seen.setdefault(key, case.line)
        if case.idle and passed:
            suite.idle.append(len(self.cases))
        self.cases.append(found)

    def _decided(self) -> tuple[list[JunitCase], int]:
        """The cases without those that both failed and passed, and the number of the latter.

        Go, Gradle's retry and pytest's flaky repeat a test that failed and write it anew; a matrix in one file has it twice. The report does not say which.
        """
        outcomes: dict[tuple[str, str, str, str], set[CaseOutcome]] = {key: set() for key in self.twice}
        for one in self.cases:
            outcomes.get((one.suite, one.host, one.group, one.name), set()).add(one.outcome)
        both = {CaseOutcome.PASSED, CaseOutcome.FAILED}
        mixed = {key for key, found in outcomes.items() if both <= found}
        for key, (line, first) in self.twice.items():
            what = _MIXED if key in mixed else "is there twice"
            self.contradictions.append(
                f"{self.where}:{line}: the test `{shown(key[-1])}` {what}, first in line {first}"
            )
        return [one for one in self.cases if (one.suite, one.host, one.group, one.name) not in mixed], len(mixed)

    def _property(self, attributes: dict[str, str]) -> None:
        name, value = attributes.get("name", ""), attributes.get("value", "")
        if name in ORIGIN and value:
            self.suites[-1].says.add(name)
        if name and self.properties.setdefault(name, value) != value:
            self.unclear.add(name)
        if name in _OF_SUITE and value.strip().lower() != _OF_SUITE[name] and self.suites:
            self.suites[-1].denied.append(
                f"{self.where}:{self.suites[-1].line}: {name}={shown(value)} of the suite, and no test failed: let it complete"
            )


def _count(text: str, where: str) -> int:
    if not text.strip().isdecimal() or len(text) > 9:
        raise DriverError(f"`{shown(text)}` is not a count", where=where, hint="check the tool that wrote the report")
    return int(text)


def _moment(text: str, where: str) -> Moment:
    return Moment.at_epoch(int(text) / 1000, where) if _MILLISECONDS.fullmatch(text) else Moment.of(text, where)


def _seconds(text: str) -> float | None:
    """The time of a suite or a test in s; None if it is not a number, or if its comma is ambiguous."""
    if not _NUMBER.fullmatch(text.strip()) or ("," in text and "." not in text):
        return None  # a comma may be that of the thousands or of the decimals
    value = float(text.replace(",", ""))
    return value if value < _LONGEST_S else None
