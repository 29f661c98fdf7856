"""Reads XML as a stream of elements, without a tree; entities and document types are refused; nothing is fetched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn
from xml.parsers import expat

from harness.errors import DriverError

DEEPEST: Final = 100
"""Most levels of nested elements; test reports have fewer than ten."""

Start = Callable[[str, dict[str, str], int], None]
"""An element begins: its name, its attributes, its line."""
End = Callable[[str], None]
"""An element ends."""


@dataclass(kw_only=True, slots=True)
class _Depth:
    now: int = 0


def read_markup(body: bytes, where: str, start: Start, end: End) -> None:
    """Read XML in any encoding that it declares and Python knows.

    Args:
        body: the file's bytes.
        where: its name.
        start: called for each element that begins; namespaces stay in the name as written.
        end: called for each that ends.

    Raises:
        DriverError: it is not XML, is cut short, defines an entity, has a document type, or is nested too deeply.
    """
    try:
        markup_parser(where, start, end).Parse(body, True)  # noqa: FBT003 - the parser takes it by position only
    except expat.ExpatError as error:
        raise DriverError(
            f"is not XML, or is cut short: {expat.ErrorString(error.code)}",
            where=f"{where}:{error.lineno}",
            hint="write it again with its tool",
        ) from error
    except (ValueError, LookupError) as error:  # an encoding that Python does not know, or that needs several bytes
        raise DriverError(f"cannot be decoded: {error}", where=where, hint="write it as UTF-8") from error


def markup_parser(where: str, start: Start, end: End) -> expat.XMLParserType:
    """A parser for `read_markup`, to be given a file piece by piece; it raises the errors of Python's parser, too."""
    parser = expat.ParserCreate()
    depth = _Depth()

    def refuse(what: str) -> NoReturn:
        hint = "no report needs entities, a DOCTYPE, references to other files or such deep nesting: check the tool that wrote the file"
        raise DriverError(what, where=f"{where}:{parser.CurrentLineNumber}", hint=hint)

    def began(name: str, attributes: dict[str, str]) -> None:
        depth.now += 1
        if depth.now > DEEPEST:
            refuse(f"more than {DEEPEST} elements are nested")
        start(name, attributes, parser.CurrentLineNumber)

    def ended(name: str) -> None:
        depth.now -= 1
        end(name)

    parser.StartElementHandler, parser.EndElementHandler = began, ended
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.EntityDeclHandler = lambda *_: refuse("the file defines an XML entity, which is refused")
    parser.ExternalEntityRefHandler = lambda *_: refuse("the file refers to another file, which is refused")
    parser.StartDoctypeDeclHandler = lambda *_: refuse("the file has a document type, which is refused")
    return parser
