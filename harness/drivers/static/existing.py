"""What the entries of registers may refer to: scenarios of the platform's feature files, and tests that ran."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Final

from harness.drivers.manifests import mapping
from harness.drivers.paper import Asked
from harness.drivers.static.files import expanded, files_of, named, text_of
from harness.drivers.static.noun_files import Attribute
from harness.errors import ConfigurationError

_NOT_RUN: Final = frozenset({"skipped", "disabled", "notrun", "suppressed", "pending", "ignored", "untested"})
"""What a report says of a test that did not run."""


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
    """The tests of a JUnit report that ran: passed or failed, not skipped; as `class.name` and as `name`."""
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    written, where = asked.target.evidence.junit.get(report), f"{asked.target.file}: evidence.junit.{report}"
    if not written:
        hint = f"add `evidence: {{junit: {{{report}: FILE}}}}`"
        raise ConfigurationError(f"names no report of the {report} tests", where=where, hint=hint)
    found: set[str] = set()
    roots = [path for one in written for path in expanded(asked.target.file.parent, one, where)]
    for path in files_of(roots, lambda path: path.suffix == ".xml"):
        try:
            root = fromstring(text_of(path))
        except ParseError as error:
            where, hint = f"{path}:{error.position[0]}", "the last pipeline may have been cut off"
            raise ConfigurationError("is not XML", where=where, hint=hint) from error
        except DefusedXmlException as error:
            what = "declares XML entities, which are refused: a JUnit report has none"
            raise ConfigurationError(what, where=str(path)) from error
        asked.keep(path)
        for case in root.iter("testcase"):
            words = {case.get(key, "").lower() for key in ("status", "result")}
            if case.find("skipped") is None and not words & _NOT_RUN:
                found |= {case.get("name", ""), f"{case.get('classname', '')}.{case.get('name', '')}"}
    return found - {"", "."}
