"""Reads the XML of S3 answers as elements; entities and document types are refused, and nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NoReturn
from xml.parsers import expat

from harness.errors import DriverError

_DEEPEST: Final = 12


@dataclass(kw_only=True, slots=True)
class XmlElement:
    """An element without its namespace."""

    name: str
    text: str = ""
    inner: list[XmlElement] = field(default_factory=list)

    def every(self, name: str) -> Iterator[XmlElement]:
        """The elements of this name right below it."""
        return (one for one in self.inner if one.name == name)

    def first(self, name: str) -> XmlElement | None:
        """The first of them; None: there is none."""
        return next(self.every(name), None)

    def value(self, name: str) -> str:
        """The text of the first of them; empty: there is none."""
        found = self.first(name)
        return "" if found is None else found.text.strip()


def xml_of(body: bytes, where: str) -> XmlElement:
    """The outermost element of an answer.

    Raises:
        DriverError: it is not XML, is cut short, has a document type, or is nested too deeply.
    """
    top = XmlElement(name="")
    above = [top]

    def refuse(what: str) -> NoReturn:
        raise DriverError(
            f"the answer {what}", where=where, hint="check that `endpoint` is the address of an S3 server"
        )

    def began(name: str, _attributes: dict[str, str]) -> None:
        if len(above) > _DEEPEST:
            refuse(f"has more than {_DEEPEST} nested elements")
        one = XmlElement(name=name.rpartition(":")[2])
        above[-1].inner.append(one)
        above.append(one)

    def told(text: str) -> None:
        above[-1].text += text

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = began, lambda _name: above.pop()
    parser.CharacterDataHandler = told
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartDoctypeDeclHandler = lambda *_: refuse("has a document type, which is refused")
    try:
        parser.Parse(body, True)  # noqa: FBT003 - the parser takes it by position only
    except (expat.ExpatError, ValueError, LookupError):
        refuse("is not XML, or is cut short")
    return top.inner[0]
