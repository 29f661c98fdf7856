"""What the entries of registers may refer to: scenarios of the platform's feature files, and tests that ran."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from harness.drivers.ingest.formats.plain import LARGEST_XML, read_report
from harness.drivers.ingest.formats.testing.junit import junit_report
from harness.drivers.manifests import mapping
from harness.drivers.paper import Asked
from harness.drivers.static.files import expanded, files_of, named, text_of
from harness.drivers.static.noun_files import Attribute
from harness.errors import ConfigurationError, DriverError


def keys_of(attribute: Attribute) -> tuple[str, ...]:
    """The keys of the target file that name where the things are to which an attribute refers; none if it refers to nothing."""
    if attribute.value == "scenarios":
        return ("files.scenarios",)
    return tuple(f"evidence.junit.{report}" for report in attribute.of) if attribute.value == "tests" else ()


def names(asked: Asked, attribute: Attribute) -> AbstractSet[str]:
    """The names of what is there for an attribute to refer to; raises ConfigurationError where nothing is."""
    if attribute.value == "tests":
        return {name for report in attribute.of for name in _ran(asked, report)}
    return _scenarios(asked)


def _scenarios(asked: Asked) -> AbstractSet[str]:
    """The titles of the scenarios in the platform's feature files, in any language of Gherkin."""
    paths = files_of(named(asked, "scenarios"), lambda path: path.suffix == ".feature")
    found = {title for path in paths for title in _titled(path, asked)}
    if not found:
        where = f"{asked.target.file}: files.scenarios"
        raise ConfigurationError("there is no scenario", where=where, hint="name a directory of feature files")
    return found


def _titled(path: Path, asked: Asked) -> Iterator[str]:
    """The titles of the scenarios of a feature file, in the language that it names; raises ConfigurationError if it is not Gherkin."""
    from gherkin.errors import CompositeParserException, ParserException
    from gherkin.parser import Parser

    asked.keep(path)
    try:
        document = Parser().parse(text_of(path))
    except (CompositeParserException, ParserException) as error:
        first = error.errors[0] if isinstance(error, CompositeParserException) else error
        where = f"{path}:{first.location['line']}"
        raise ConfigurationError("is not Gherkin", where=where, hint="see the Gherkin reference") from error
    return _titles(document.get("feature"))


def _titles(part: Any) -> Iterator[str]:
    """Of a feature, or a Rule of it."""
    for child in mapping(part).get("children", ()):
        yield from [child["scenario"]["name"]] if "scenario" in child else _titles(child.get("rule"))


def _ran(asked: Asked, report: str) -> AbstractSet[str]:
    """The tests of a JUnit report that ran, as `class.name` and as `name`: passed or failed, not skipped, and not failed on setup.

    Raises:
        ConfigurationError: the target file names no such report.
        DriverError: it has of a test what is not known: whether it ran cannot be told.
    """
    written, where = asked.target.evidence.junit.get(report), f"{asked.target.file}: evidence.junit.{report}"
    if not written:
        hint = f"add `evidence: {{junit: {{{report}: FILE}}}}`"
        raise ConfigurationError(f"names no report of the {report} tests", where=where, hint=hint)
    found: set[str] = set()
    roots = [path for one in written for path in expanded(asked.target.file.parent, one, where)]
    for path in files_of(roots, lambda path: path.suffix == ".xml"):
        read = junit_report(read_report(path, LARGEST_XML), str(path))
        if read.unclear:
            hint = "name the report of another writer, or run the tests again"
            raise DriverError(f"does not say whether a test ran: {read.unclear[0]}", where=str(path), hint=hint)
        asked.keep(path)
        found |= read.ran
    return found
