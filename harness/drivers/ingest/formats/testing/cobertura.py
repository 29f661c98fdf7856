"""Cobertura XML: how many lines there are, and how many of them a test ran."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Mapping, Sequence
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
_DIGITS: Final = 9
"""Most of the number of a line."""
_LCOV: Final = (b"TN:", b"SF:")
_CURE: Final = (
    "name the Cobertura XML of the test run, or let `reportgenerator -reports:FILE -targetdir:DIRECTORY -reporttypes:Cobertura` "
    "write it from the report of JaCoCo, lcov, Clover or OpenCover"
)


_MERGE: Final = "let `reportgenerator -reports:FILES -targetdir:DIRECTORY -reporttypes:Cobertura` merge them, and name what it writes"


@dataclass(kw_only=True, slots=True)
class SourceFile:
    """A file of the program in one report: how many lines its classes have and how many a test ran, and which; None: of a line without a number."""

    lines: int = 0
    covered: int = 0
    ran: dict[int | None, bool] = field(default_factory=dict)

    def take(self, place: str, *, ran: bool) -> None:
        """One more line of a class, by its number."""
        key = int(place) if place.isdecimal() and len(place) <= _DIGITS else None
        self.lines += 1
        self.covered += ran
        self.ran[key] = self.ran.get(key, False) or ran


@dataclass(frozen=True, kw_only=True, slots=True)
class CoverageReport:
    """One file.

    Attributes:
        files: those of the program, by path: below the one `source`, where the report has one.
        classes: package and name of each class, and the path of its file.
        origin: when it was made; the format has no place for a release.
        contradictions: where declared figures differ from the counted.
    """

    files: Mapping[str, SourceFile]
    classes: Mapping[str, str]
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
    read_markup(body, where, reader.start, reader.end, text=reader.text, document_type=True)
    return reader.report()


def lines_together(reports: Mapping[str, CoverageReport]) -> tuple[int, int, Sequence[str]]:
    """Lines, covered lines, and why they cannot be told: a file of the program that several reports have is counted once.

    It is one file where path and lines are the same. One path with other lines, or one class with the same lines below another path, may
    be one file or two.

    Args:
        reports: by name.
    """
    found: dict[str, list[tuple[str, SourceFile]]] = {}
    classes: dict[str, tuple[str, str, SourceFile]] = {}
    lines, covered, unclear = 0, 0, []
    for name, report in reports.items():
        for path, file in report.files.items():
            found.setdefault(path, []).append((name, file))
        for one, path in report.classes.items():
            other, elsewhere, file = classes.setdefault(one, (name, path, report.files[path]))
            if elsewhere != path and other != name and file.ran.keys() == report.files[path].ran.keys():
                unclear.append(f"the class `{shown(one)}` is in {other} and {name}, of files of other paths: {_MERGE}")
    for path, parts in found.items():
        first, file = parts[0]
        if len(parts) == 1:
            lines, covered = lines + file.lines, covered + file.covered
            continue
        if other := next((at for at, one in parts if None in one.ran or one.ran.keys() != file.ran.keys()), ""):
            both = f"{first} and {other}" if other != first else f"{first} and {parts[1][0]}"
            unclear.append(
                f"the file `{shown(path)}` is in {both}, without numbers of lines or with other lines: {_MERGE}"
            )
        ran = {number: any(one.ran.get(number) for _, one in parts) for _, one in parts for number in one.ran}
        lines, covered = lines + len(ran), covered + sum(ran.values())
    return lines, covered, unclear


@dataclass(kw_only=True, slots=True)
class _Counter:
    where: str
    declared: dict[str, float] = field(default_factory=dict)
    inside: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    files: dict[str, SourceFile] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    package: str = ""
    file: SourceFile = field(default_factory=SourceFile)
    made: Moment | None = None
    in_methods: int = 0
    covered_in_methods: int = 0

    def start(self, tag: str, attributes: dict[str, str], line: int) -> None:
        """An element begins; the lines of methods are there again among those of their class."""
        at = f"{self.where}:{line}"
        if not self.inside:
            self._root(tag, attributes, at)
        if tag == "source":
            self.sources.append("")
        elif tag == "package":
            self.package = attributes.get("name", "")
        elif tag == "class":
            name = attributes.get("name", "")
            path = self._path(attributes.get("filename") or name)
            self.file = self.files.setdefault(path, SourceFile())
            self.classes[f"{self.package} {name}".strip()] = path
        elif tag == "line" and self.inside[-2:] == ["class", "lines"]:
            self.file.take(attributes.get("number", ""), ran=number(attributes.get("hits", ""), f"{at}: hits") > 0)
        elif tag == "line" and self.inside[-2:] == ["method", "lines"]:
            self.in_methods += 1
            self.covered_in_methods += number(attributes.get("hits", ""), f"{at}: hits") > 0
        self.inside.append(tag)

    def text(self, text: str) -> None:
        """A text: only that of a source is used."""
        if self.inside[-1:] == ["source"]:
            self.sources[-1] += text

    def end(self, _tag: str) -> None:
        """An element ends."""
        self.inside.pop()

    def _root(self, tag: str, attributes: dict[str, str], at: str) -> None:
        if tag != "coverage" or not attributes.get("line-rate"):
            raise DriverError(f"is not a Cobertura report: it is <{shown(tag)}>", where=at, hint=_CURE)
        for name in ("line-rate", "lines-valid", "lines-covered"):
            if attributes.get(name):
                self.declared[name] = number(attributes[name], f"{at}: {name}")
        if stamp := attributes.get("timestamp"):
            seconds = number(stamp, f"{at}: timestamp")
            self.made = Moment.at_epoch(seconds / 1000 if seconds > _MILLISECONDS else seconds, at)

    def _path(self, name: str) -> str:
        """The path of a file, below the one directory of sources that the report names."""
        places = {place for one in self.sources if (place := one.strip())}
        below = places.pop() if len(places) == 1 else ""
        return posixpath.normpath(posixpath.join(below.replace("\\", "/"), name.replace("\\", "/")))

    def report(self) -> CoverageReport:
        """What was counted, and where that differs from what the report declares.

        Microsoft's collector declares the lines of methods, where a getter and a setter share one.
        """
        of_methods = {"lines-valid": self.in_methods, "lines-covered": self.covered_in_methods}
        if self.in_methods and {**of_methods, **self.declared} == {**self.declared, **of_methods}:
            return self._report(self.in_methods, self.covered_in_methods)
        files = self.files.values()
        return self._report(sum(file.lines for file in files), sum(file.covered for file in files))

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
            files=self.files,
            classes=self.classes,
            origin=Provenance(made=self.made),
            contradictions=tuple(differ),
        )
