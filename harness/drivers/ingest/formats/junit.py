"""JUnit XML as pytest, Surefire, Jest and Go write it: every test case, and what the suites declare of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from harness.drivers.ingest.formats.markup import read_markup
from harness.drivers.ingest.formats.moments import Moment, earliest
from harness.drivers.ingest.formats.plain import shown
from harness.drivers.ingest.formats.provenance import Provenance
from harness.errors import DriverError

_COUNTS: Final = {
    "tests": "tests",
    "failures": "failures",
    "errors": "errors",
    "skipped": "skipped",
    "disabled": "disabled",
}
_ORIGIN: Final = ("release", "commit", "environment", "target")
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
    }
)
"""What writers say of a case in `status` and `result`, in small letters."""
_LONGEST_S: Final = 1e8
"""Of a suite: three years."""
_MILLISECONDS: Final = re.compile(r"\d{12,13}")
"""Since 1970, as Playwright before 1.32 writes when a suite began."""
_NUMBER: Final = re.compile(r"\d+(?:,\d{3})*(?:\.\d*)?|\.\d+")


class CaseOutcome(StrEnum):
    """What came out of a test case, the best first."""

    PASSED = "passed"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class JunitCase:
    """One test case.

    Attributes:
        suite, host: name and host name of its suite; browser suites name the browser there.
        group: its class, module or package. name: its own.
        outcome: an error is a failure; one that passed when it was repeated has passed.
        line: where it is in the file.
    """

    suite: str
    host: str
    group: str
    name: str
    outcome: CaseOutcome
    line: int

    @property
    def label(self) -> str:
        """Its class and name, for people."""
        return shown(f"{self.group}.{self.name}" if self.group else self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class JunitReport:
    """One file.

    Attributes:
        cases: every test case, in order.
        properties: of suites and of the report, by name; one that is there with two values is left out.
        origin: as its properties and timestamps say: what each suite with tests says, or a suite around it. Without a time where one has none.
        ended: when the last suite was complete: its timestamp and its time; None where a suite with tests does not say.
        contradictions: where declared counts differ from the cases, or a name is there twice; empty when there are none.
        unlisted: how many skipped tests are counted and not among the cases, as Cypress and Mocha write them.
    """

    cases: tuple[JunitCase, ...]
    properties: Mapping[str, str]
    origin: Provenance
    ended: Moment | None
    contradictions: tuple[str, ...]
    unlisted: int = 0


def junit_report(body: bytes, where: str) -> JunitReport:
    """Read a report.

    Raises:
        DriverError: it is not a JUnit report, or a case has no name.
    """
    reader = _Reader(where=where)
    read_markup(body, where, reader.start, reader.end)
    return reader.report()


@dataclass(kw_only=True, slots=True)
class _Suite:
    """A suite while it is read: what it declares, and what is counted in it.

    `open`: it has tests of which no suite says when they ended. `says`: of `_ORIGIN`, what it says of itself. `silent`: of `_ORIGIN`, what
    it does not say of a test in it, nor a suite in between.
    """

    name: str
    host: str
    line: int
    declared: dict[str, int]
    began: Moment | None = None
    took_s: float | None = None
    longest_s: float = 0.0
    open: bool = False
    says: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    direct: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))
    below: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))

    def end(self, where: str) -> Moment | None:
        """When it was complete: after its time, which is not shorter than that of any of its tests."""
        if self.began is None or self.took_s is None:
            return None
        return self.began.after(max(self.took_s, self.longest_s), f"{where}:{self.line}: timestamp")

    def contradictions(self, where: str) -> dict[str, str]:
        """Where it declares something else than is there, with nested suites and without, by the name of the count."""
        return {
            name: f"{where}:{self.line}: {name}={declared} declared, {self.below[name]} counted"
            for name, declared in self.declared.items()
            if declared not in (self.below[name], self.direct[name], *self._errors_as_failures(name))
        }

    def missing(self, name: str) -> int:
        """How many more it declares than there are."""
        return self.declared.get(name, 0) - self.below[name]

    def _errors_as_failures(self, name: str) -> tuple[int, ...]:
        """Some writers count errors among the failures, where they declare no errors."""
        if name != "failures" or self.declared.get("errors"):
            return ()
        return (self.below["failures"] + self.below["errors"],)


@dataclass(kw_only=True, slots=True)
class _Case:
    """A test case while it is read."""

    group: str
    name: str
    line: int
    failed: bool = False
    error: bool = False
    skipped: bool = False
    disabled: bool = False

    @property
    def outcome(self) -> CaseOutcome:
        """A failure counts before all else."""
        if self.failed or self.error:
            return CaseOutcome.FAILED
        return CaseOutcome.SKIPPED if self.skipped or self.disabled else CaseOutcome.PASSED


@dataclass(kw_only=True, slots=True)
class _Reader:
    """Collects what a report says, element by element."""

    where: str
    suites: list[_Suite] = field(default_factory=list)
    cases: list[JunitCase] = field(default_factory=list)
    seen: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    case: _Case | None = None
    root: bool = False
    contradictions: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    unclear: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    moments: list[Moment] = field(default_factory=list)
    undated: bool = False
    ends: list[Moment] = field(default_factory=list)
    endless: bool = False
    short: list[str] = field(default_factory=list)
    missing: int = 0
    unlisted: int = 0

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
        if tag in {"testsuites", "testsuite"}:
            self._begin_suite(attributes, line)
        elif tag == "testcase":
            self._begin_case(attributes, line)
        elif self.case is not None:
            self.case.failed |= tag == "failure"
            self.case.error |= tag == "error"
            self.case.skipped |= tag == "skipped"
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

    def end(self, tag: str) -> None:
        """An element ends."""
        tag = tag.rpartition(":")[2]
        if tag == "testcase" and self.case is not None:
            self._end_case(self.case)
            self.case = None
        elif tag in {"testsuites", "testsuite"} and self.suites:
            self._end_suite(self.suites.pop())

    def report(self) -> JunitReport:
        """What was collected."""
        known = {name: value for name, value in self.properties.items() if name not in self.unclear}
        for name in _ORIGIN:
            if name in self.unclear:
                self.contradictions.append(f"{self.where}: the property `{name}` has two values")
        made = None if self.undated else earliest(self.moments)
        said = {name: known[name] for name in _ORIGIN if known.get(name)}
        partly = {name: said.pop(name) for name in self.silent if name in said}
        origin = Provenance(**said, made=made, partly=partly)
        return JunitReport(
            cases=tuple(self.cases),
            properties=known,
            origin=origin,
            ended=None if self.endless else max(self.ends, key=lambda moment: moment.last, default=None),
            contradictions=tuple(self.contradictions),
            unlisted=self.unlisted,
        )

    def _begin_suite(self, attributes: dict[str, str], line: int) -> None:
        declared = {
            name: _count(attributes[key], f"{self.where}:{line}: {key}")
            for key, name in _COUNTS.items()
            if attributes.get(key, "") != ""
        }
        began = None
        if moment := attributes.get("timestamp"):
            began = _moment(moment, f"{self.where}:{line}: timestamp")
            self.moments.append(began)
        name, host = sys.intern(attributes.get("name", "")), sys.intern(attributes.get("hostname", ""))
        took_s = _seconds(attributes.get("time", ""))
        self.suites.append(_Suite(name=name, host=host, line=line, declared=declared, began=began, took_s=took_s))

    def _end_suite(self, suite: _Suite) -> None:
        outer = self.suites[-1] if self.suites else None
        self._contradicts(suite, inner=outer is not None)
        end = suite.end(self.where) if suite.open else None
        if end is not None:
            self.ends.append(end)
        elif suite.open and outer is not None:
            outer.open = True
        self.endless |= suite.open and outer is None and end is None
        silent = self.silent if outer is None else outer.silent
        silent |= suite.silent - suite.says
        if outer is not None:
            outer.longest_s = max(outer.longest_s, suite.longest_s)
            for name, count in suite.below.items():
                outer.below[name] += count

    def _contradicts(self, suite: _Suite, *, inner: bool) -> None:
        """Where a suite contradicts itself; Mocha counts skipped tests in each suite, and says only of all suites how many they are."""
        found = suite.contradictions(self.where)
        missing = suite.missing("tests")
        if inner and {*found} == {"tests"} and missing > 0 and "skipped" not in suite.declared:
            self.short += found.values()
            self.missing += missing
        elif not inner and {*found} == {"tests", "skipped"} and 0 < missing == self.missing == suite.missing("skipped"):
            self.unlisted = missing
        else:
            self.contradictions += found.values() if inner else [*self.short, *found.values()]

    def _begin_case(self, attributes: dict[str, str], line: int) -> None:
        name = attributes.get("name", "").strip()
        if not name or self.case is not None or not self.suites:
            why = "has no name" if not name else "is not in a test suite of its own"
            raise DriverError(f"a test case {why}", where=f"{self.where}:{line}", hint="see what wrote the report")
        group = sys.intern(attributes.get("classname", ""))
        words = {attributes.get(key, "").strip().lower() for key in ("status", "result")}
        if unknown := words - _PASSED - _SKIPPED - _NOT_RUN - _FAILED:
            what = f"nothing is known of the status `{shown(min(unknown))}` of the test `{shown(name)}`"
            self.contradictions.append(f"{self.where}:{line}: {what}")
        self.case = _Case(
            group=group,
            name=name,
            line=line,
            failed=bool(words & _FAILED),
            skipped=bool(words & _SKIPPED),
            disabled=bool(words & _NOT_RUN),
        )
        suite = self.suites[-1]
        suite.open = True
        suite.silent.update(_ORIGIN)
        self.undated |= all(one.began is None for one in self.suites)
        suite.longest_s = max(suite.longest_s, _seconds(attributes.get("time", "")) or 0.0)

    def _end_case(self, case: _Case) -> None:
        suite = self.suites[-1]
        key = (suite.name, suite.host, case.group, case.name)
        if first := self.seen.get(key):
            self.contradictions.append(
                f"{self.where}:{case.line}: the test `{shown(case.name)}` is there twice, first in line {first}"
            )
        self.seen.setdefault(key, case.line)
        counted = {
            "tests": True,
            "failures": case.failed,
            "errors": case.error and not case.failed,
            "skipped": case.skipped and not (case.failed or case.error),
            "disabled": case.disabled,
        }
        for name, here in counted.items():
            suite.direct[name] += here
            suite.below[name] += here
        self.cases.append(
            JunitCase(
                suite=suite.name,
                host=suite.host,
                group=case.group,
                name=case.name,
                outcome=case.outcome,
                line=case.line,
            )
        )

    def _property(self, attributes: dict[str, str]) -> None:
        name, value = attributes.get("name", ""), attributes.get("value", "")
        if name in _ORIGIN and value:
            self.suites[-1].says.add(name)
        if name and self.properties.setdefault(name, value) != value:
            self.unclear.add(name)


def _count(text: str, where: str) -> int:
    if not text.strip().isdecimal() or len(text) > 9:
        raise DriverError(f"`{shown(text)}` is not a count", where=where, hint="see what wrote the report")
    return int(text)


def _moment(text: str, where: str) -> Moment:
    return Moment.at_epoch(int(text) / 1000, where) if _MILLISECONDS.fullmatch(text) else Moment.of(text, where)


def _seconds(text: str) -> float | None:
    """A time of a suite or a test; None where it is not a number, or may be two."""
    if not _NUMBER.fullmatch(text.strip()) or ("," in text and "." not in text):
        return None  # a comma may be that of the thousands or of the decimals
    value = float(text.replace(",", ""))
    return value if value < _LONGEST_S else None
