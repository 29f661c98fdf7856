"""Reports as bytes, text, JSON and numbers: bounded, and refused in words."""

from __future__ import annotations

import codecs
import json
import math
import re
import stat
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.drivers.ingest.formats.recognised import cure_of_text, cure_of_value
from harness.errors import DriverError
from harness.evidence.foreign import levels_of

LARGEST_XML: Final = 128 << 20
"""Bytes; 100 000 test cases take a fifth of it. It is read as a stream and never held as a tree."""
LARGEST_TEXT: Final = 32 << 20
"""Bytes of a report in JSON or CSV, which takes ten times as much memory when it is read."""
DEEPEST: Final = 64
"""Levels of lists and objects; the formats read here have fewer than twenty."""
_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,20}(\.[0-9]{1,18})?")
_COMMA: Final = re.compile(r"[-+]?[0-9.\s]*,[0-9]+")
_LAST: Final = re.compile(r"[\w.+-]*")
"""The rest of a number or a name at the end of a file that is cut short."""
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
_SHOWN: Final = 60
_CHECK: Final = "check which file is named, and what wrote it"

_Section = TypeVar("_Section", bound="ReportSection")


class ReportSection(BaseModel):
    """An object of another tool's report: only the keys that are used are checked, the others are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False, defer_build=True)


def read_report(path: Path, most: int) -> bytes:
    """What is in a report.

    Args:
        path: of the file.
        most: bytes; what is larger is refused before it is read.

    Raises:
        DriverError: it is not there, is not a file, is empty or too large, or cannot be read.
    """
    where = str(path)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for
            raise DriverError("is not a file", where=where, hint="name the file that the tool writes")
        if found.st_size > most:
            what = f"has {found.st_size} bytes, at most {most} are read"
            raise DriverError(what, where=where, hint=f"no report has this size: {_CHECK}")
        with path.open("rb") as file:
            body = file.read(most)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise DriverError(f"cannot be read: {why}", where=where, hint="run the tool that writes it") from error
    if not body.strip():
        raise DriverError("is empty", where=where, hint="the tool that writes it did not complete: run it again")
    return body


def text_of(body: bytes, where: str) -> str:
    """The text of a report: UTF-8, or UTF-16 with a byte order mark, as some shells write it.

    Raises:
        DriverError: it is in another encoding.
    """
    for mark, name in _MARKS:
        if body.startswith(mark):
            encoding, body = name, body[len(mark) :]
            break
    else:
        encoding = "utf-8"
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        raise DriverError(
            f"is not {encoding.upper()} text", where=f"{where}:{line}", hint="write it as UTF-8"
        ) from error


def json_of(body: bytes, where: str) -> Any:
    """A JSON document of finite numbers and of keys that are there once.

    Raises:
        DriverError: it is no such document; the line is named.
    """
    text = text_of(body, where)
    try:
        value = json.loads(text, parse_constant=_not_finite, object_pairs_hook=_each_once, parse_float=_finite)
        if "\\u" in text:
            text.encode("utf-8")
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # half of a character can be put in no report
    except json.JSONDecodeError as error:
        cut = " (it is cut short)" if _LAST.fullmatch(text[error.pos :].rstrip()) or "Unterminated" in error.msg else ""
        hint = cure_of_text(text) or "write it again with its tool"
        raise DriverError(f"is not JSON: {error.msg}{cut}", where=f"{where}:{error.lineno}", hint=hint) from error
    except RecursionError as error:
        raise DriverError("is nested too deeply", where=where, hint=_CHECK) from error
    except ValueError as error:
        raise DriverError(f"is not usable JSON: {error}", where=where, hint="write it again with its tool") from error
    if levels_of(value) > DEEPEST:
        raise DriverError("is nested too deeply", where=where, hint=_CHECK)
    return value


def _not_finite(name: str) -> float:
    raise ValueError(f"`{name}` is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"`{shown(text)}` is not a finite number")
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key `{shown(twice)}` is defined twice in one object")
    return found


def section_of(model: type[_Section], value: Any, where: str, *, kind: str) -> _Section:
    """A JSON document as a typed value.

    Args:
        model: what it must be like.
        value: of the document.
        where: its file.
        kind: what it should be, for people: `a SARIF log`.

    Raises:
        DriverError: a key is missing or has another type; the place is named.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        found = "" if first["type"] == "missing" else f", found {shown(repr(first['input']))}"
        at = f"{where}: {shown(place)}" if place else where
        problem = (
            "an object is expected" if first["type"] == "model_type" else first["msg"][:1].lower() + first["msg"][1:]
        )
        hint = (
            cure_of_value(value, kind)
            or f"what is read is {kind} as its tool writes it: name that file, or write it again"
        )
        raise DriverError(f"is not {kind}: {problem}{found}", where=at, hint=hint) from error


def number(text: str, where: str) -> float:
    """A number with a point and without a unit: `4.2`.

    Raises:
        DriverError: it is not a number; a decimal comma is named as such.
    """
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        comma = _COMMA.fullmatch(text)
        hint = "write the decimals with a point, and no thousands separator" if comma else "write a number like `4.2`"
        raise DriverError(f"`{shown(text)}` is not a number", where=where, hint=hint)
    return float(text)


def shown(text: str) -> str:
    """A foreign text, shortened to one line."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}…"


def words(text: str) -> list[str]:
    """The words of a name in any style, in small letters."""
    return [word.lower() for word in _WORD.findall(text)]
