"""Cobertura XML: how many lines there are, and how many of them a test ran."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from harness.drivers.ingest.formats.markup import read_markup
from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import number, shown
from harness.drivers.ingest.formats.provenance import Provenance
from harness.errors import DriverError

_MILLISECONDS: Final = 1e11
"""Timestamps above are in milliseconds: in seconds they would be in the year 5138."""
_ROUNDED: Final = 0.006
"""A rate is written with two digits or more."""
_LCOV: Final = (b"TN:", b"SF:")
_CURE: Final = (
    "name the Cobertura XML of the test run, or let `reportgenerator -reports:FILE -targetdir:DIRECTORY -reporttypes:Cobertura` "
    "write it from the report of JaCoCo, lcov, Clover or OpenCover"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CoverageReport:
    """One file.

    Attributes:
        lines, covered: as counted from the lines of every class.
        origin: when it was made; the format has no place for a release.
        contradictions: where declared figures differ from the counted.
    """

    lines: int
    covered: int
    origin: Provenance
    contradictions: tuple[str, ...]


def coverage_report(body: bytes, where: str) -> CoverageReport:
    """Read a report. Its document type is accepted, as the format has one, and never fetched.

    Raises:
        DriverError: it is not a Cobertura report, or a number in it is not one.
    """
    if body.startswith(_LCOV):
        raise DriverError("is not a Cobertura report: it is of lcov", where=where, hint=_CURE)
    reader = _Counter(where=where)
    read_markup(body, where, reader.start, reader.end, document_type=True)
    return reader.report()


@dataclass(kw_only=True, slots=True)
class _Counter:
    where: str
    declared: dict[str, float] = field(default_factory=dict)
    inside: list[str] = field(default_factory=list)
    made: Moment | None = None
    lines: int = 0
    covered: int = 0
    in_methods: int = 0
    covered_in_methods: int = 0

    def start(self, tag: str, attributes: dict[str, str], line: int) -> None:
        """An element begins; the lines of methods are there again among those of their class."""
        at = f"{self.where}:{line}"
        if not self.inside:
            if tag != "coverage" or not attributes.get("line-rate"):
                raise DriverError(f"is not a Cobertura report: it is <{shown(tag)}>", where=at, hint=_CURE)
            for name in ("line-rate", "lines-valid", "lines-covered"):
                if attributes.get(name):
                    self.declared[name] = number(attributes[name], f"{at}: {name}")
            if stamp := attributes.get("timestamp"):
                seconds = number(stamp, f"{at}: timestamp")
                self.made = Moment.at_epoch(seconds / 1000 if seconds > _MILLISECONDS else seconds, at)
        if tag == "line" and self.inside[-2:] == ["class", "lines"]:
            hits = number(attributes.get("hits", ""), f"{at}: hits")
            self.lines += 1
            self.covered += hits > 0
        elif tag == "line" and self.inside[-2:] == ["method", "lines"]:
            self.in_methods += 1
            self.covered_in_methods += number(attributes.get("hits", ""), f"{at}: hits") > 0
        self.inside.append(tag)

    def end(self, _tag: str) -> None:
        """An element ends."""
        self.inside.pop()

    def report(self) -> CoverageReport:
        """What was counted, and where that differs from what the report declares.

        Microsoft's collector declares the lines of methods, where a getter and a setter share one.
        """
        of_methods = {"lines-valid": self.in_methods, "lines-covered": self.covered_in_methods}
        if self.in_methods and {**of_methods, **self.declared} == {**self.declared, **of_methods}:
            return self._report(self.in_methods, self.covered_in_methods)
        return self._report(self.lines, self.covered)

    def _report(self, lines: int, covered: int) -> CoverageReport:
        """As declared of so many lines."""
        counted = {"lines-valid": lines, "lines-covered": covered}
        differ = [
            f"{self.where}: {name}={self.declared[name]:g} declared, {count} counted"
            for name, count in counted.items()
            if self.declared.get(name, count) != count
        ]
        rate = self.declared["line-rate"]
        if lines and not math.isclose(rate, covered / lines, abs_tol=_ROUNDED):
            differ.append(f"{self.where}: line-rate={rate:g} declared, {covered} of {lines} counted")
        return CoverageReport(
            lines=self.lines, covered=self.covered, origin=Provenance(made=self.made), contradictions=tuple(differ)
        )
