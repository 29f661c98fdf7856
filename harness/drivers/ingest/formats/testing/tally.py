"""What is counted in a test suite of JUnit XML while it is read, and what it declares of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import shown

COUNTS: Final = {
    "tests": "tests",
    "failures": "failures",
    "errors": "errors",
    "skipped": "skipped",
    "disabled": "disabled",
}
MARKS: Final = {"failure": "failures", "error": "errors", "skipped": "skipped"}
IDLE: Final = "not run"
"""Tests that did not run; some writers count them as skipped, others as disabled, and Ginkgo as one in its suites and as the other around them."""
_IDLE: Final = ("skipped", "disabled")
_OF_INNER: Final = ("tests", "failures", "skipped")
_CATCH2: Final = "tbd"
"""Catch2 writes this for the host of a suite, and the number of its assertions for that of its tests."""
ORIGIN: Final = ("release", "commit", "environment", "target")


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
        repeated: it passed when it was repeated, as the report says.
        ran: it began: it was not skipped, and its setup did not fail.
    """

    suite: str
    host: str
    group: str
    name: str
    outcome: CaseOutcome
    line: int
    repeated: bool = False
    ran: bool = True

    @property
    def label(self) -> str:
        """Its class and name, for people."""
        return shown(f"{self.group}.{self.name}" if self.group else self.name)


@dataclass(kw_only=True, slots=True)
class SuiteTally:
    """A suite while it is read: what it declares, and what is counted in it.

    `open`: it has tests of which no suite says when they ended. `says`: of `ORIGIN`, what it says of itself. `silent`: of `ORIGIN`, what
    it does not say of a test in it, nor a suite in between. `marks`: how often an element says what came out of a test. `idle`: places of
    tests that passed in no time, as Jest writes a `todo`. `inner`: what is counted where a suite in it is one. `denied`: where the suite itself says that it did not succeed.
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
    marks: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("failures", "errors", "skipped"), 0))
    idle: list[int] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    direct: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*COUNTS, IDLE), 0))
    below: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*COUNTS, IDLE), 0))
    inner: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_OF_INNER, 0))

    def end(self, where: str) -> Moment | None:
        """When it was complete: after its time, which is not shorter than that of any of its tests."""
        if self.began is None or self.took_s is None:
            return None
        return self.began.after(max(self.took_s, self.longest_s), f"{where}:{self.line}: timestamp")

    def contradictions(self, where: str) -> dict[str, str]:
        """Where it declares something else than is there, with nested suites and without, by the name of the count."""
        if self._of_children():
            return {}
        differ = {
            name: f"{where}:{self.line}: {name}={declared} declared, {self.below[name]} counted"
            for name, declared in self.declared.items()
            if declared not in (self.below[name], self.direct[name], *self._errors_as_failures(name))
            and not (name in _IDLE and self._idle_agrees())
        }
        if "tests" in differ and self.host == _CATCH2:
            differ["tests"] += (
                "; Catch2 counts assertions: let `ctest --output-junit FILE` write the report of its tests"
            )
        return differ

    def take(self, inner: SuiteTally) -> None:
        """A suite in it ended."""
        self.longest_s = max(self.longest_s, inner.longest_s)
        for name, count in inner.below.items():
            self.below[name] += count
        self.inner["tests"] += 1
        self.inner["failures"] += bool(inner.below["failures"] or inner.below["errors"])
        self.inner["skipped"] += bool(inner.below["skipped"])

    def _of_children(self) -> bool:
        """Whether each count is that of its own tests and suites, as Node.js counts: a suite in it is one, which failed where a test in it did."""
        return bool(self.inner["tests"]) and all(
            count == self.direct[name] + self.inner.get(name, 0) for name, count in self.declared.items()
        )

    def _idle_agrees(self) -> bool:
        """Whether as many did not run as are declared skipped and disabled."""
        return sum(self.declared.get(name, 0) for name in _IDLE) in (self.below[IDLE], self.direct[IDLE])

    def missing(self, name: str) -> int:
        """How many more it declares than there are."""
        return self.declared.get(name, 0) - self.below[name]

    def explained_by_subtests(self) -> bool:
        """Whether it is as pytest counts subtests: each of them as a test, those that failed or were skipped as elements of their test."""
        told = sum(self.marks.values()) - sum(self.below[name] for name in self.marks)
        agree = all(self.declared.get(name) == count for name, count in self.marks.items())
        return agree and self.missing("tests") >= told

    def _errors_as_failures(self, name: str) -> tuple[int, ...]:
        """Some writers count errors among the failures, where they declare no errors."""
        if name != "failures" or self.declared.get("errors"):
            return ()
        return (self.below["failures"] + self.below["errors"],)


@dataclass(kw_only=True, slots=True)
class CaseTally:
    """A test case while it is read.

    `rerun`: it has an element of this name, which is no result. `told`: an attribute says how it ended. `begun`: its setup did not fail.
    """

    group: str
    name: str
    line: int
    failed: bool = False
    error: bool = False
    skipped: bool = False
    disabled: bool = False
    repeated: bool = False
    idle: bool = False
    rerun: bool = False
    told: bool = False
    begun: bool = True

    @property
    def outcome(self) -> CaseOutcome:
        """A failure counts before all else."""
        if self.failed or self.error:
            return CaseOutcome.FAILED
        return CaseOutcome.SKIPPED if self.skipped or self.disabled else CaseOutcome.PASSED
