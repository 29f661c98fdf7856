"""JUnit XML as pytest, Surefire, Jest and Go write it: every test case, and what the suites declare of them."""

from __future__ import annotations

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
_NOT_RUN: Final = frozenset({"disabled", "notrun"})


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
        origin: as its properties and timestamps say.
        contradictions: where declared counts differ from the cases, or a name is there twice; empty when there are none.
    """

    cases: tuple[JunitCase, ...]
    properties: Mapping[str, str]
    origin: Provenance
    contradictions: tuple[str, ...]


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
    """A suite while it is read: what it declares, and what is counted in it."""

    name: str
    host: str
    line: int
    declared: dict[str, int]
    direct: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))
    below: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))

    def contradictions(self, where: str) -> list[str]:
        """Where it declares something else than is there, with nested suites and without."""
        return [
            f"{where}:{self.line}: {name}={declared} declared, {self.below[name]} counted"
            for name, declared in self.declared.items()
            if declared not in (self.below[name], self.direct[name], *self._errors_as_failures(name))
        ]

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
    moments: list[Moment] = field(default_factory=list)

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

    def end(self, tag: str) -> None:
        """An element ends."""
        tag = tag.rpartition(":")[2]
        if tag == "testcase" and self.case is not None:
            self._end_case(self.case)
            self.case = None
        elif tag in {"testsuites", "testsuite"} and self.suites:
            suite = self.suites.pop()
            self.contradictions += suite.contradictions(self.where)
            if self.suites:
                outer = self.suites[-1].below
                for name, count in suite.below.items():
                    outer[name] += count

    def report(self) -> JunitReport:
        """What was collected."""
        known = {name: value for name, value in self.properties.items() if name not in self.unclear}
        for name in _ORIGIN:
            if name in self.unclear:
                self.contradictions.append(f"{self.where}: the property `{name}` has two values")
        origin = Provenance(**{name: known.get(name, "") for name in _ORIGIN}, made=earliest(self.moments))
        return JunitReport(
            cases=tuple(self.cases), properties=known, origin=origin, contradictions=tuple(self.contradictions)
        )

    def _begin_suite(self, attributes: dict[str, str], line: int) -> None:
        declared = {
            name: _count(attributes[key], f"{self.where}:{line}: {key}")
            for key, name in _COUNTS.items()
            if attributes.get(key, "") != ""
        }
        if moment := attributes.get("timestamp"):
            self.moments.append(Moment.of(moment, f"{self.where}:{line}: timestamp"))
        name, host = sys.intern(attributes.get("name", "")), sys.intern(attributes.get("hostname", ""))
        self.suites.append(_Suite(name=name, host=host, line=line, declared=declared))

    def _begin_case(self, attributes: dict[str, str], line: int) -> None:
        name = attributes.get("name", "").strip()
        if not name or self.case is not None or not self.suites:
            why = "has no name" if not name else "is not in a test suite of its own"
            raise DriverError(f"a test case {why}", where=f"{self.where}:{line}", hint="see what wrote the report")
        status, group = attributes.get("status", "").lower(), sys.intern(attributes.get("classname", ""))
        self.case = _Case(group=group, name=name, line=line, skipped=status == "skipped", disabled=status in _NOT_RUN)

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
        if name and self.properties.setdefault(name, value) != value:
            self.unclear.add(name)


def _count(text: str, where: str) -> int:
    if not text.strip().isdecimal() or len(text) > 9:
        raise DriverError(f"`{shown(text)}` is not a count", where=where, hint="see what wrote the report")
    return int(text)
