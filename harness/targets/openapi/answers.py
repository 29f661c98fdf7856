"""Holds an answer against the description of its operation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from harness.targets.openapi.description import DescribedAnswer, Operation, is_json
from harness.targets.openapi.schemas import types_of

_CUT: Final = 160
_PACKINGS: Final = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_READ: Final = 4096
"""Number of bytes of a body of which the begin is shown."""
_SECRET_KEY: Final = re.compile(r"token|secret|passw|api_?key|credential|session|jwt|bearer", re.IGNORECASE)
_SECRET: Final = re.compile(rf"""(["'][^"']*(?:{_SECRET_KEY.pattern})[^"']*["']\s*:\s*["'])[^"']*""", re.IGNORECASE)
_TOKEN: Final = re.compile(r"\beyJ[\w-]{6,}(?:\.[\w-]*){0,2}")
_ANY_BYTES: Final = frozenset({None, "binary"})
"""Formats of texts that any body has."""
_OF_NAMES: Final = frozenset({"required", "additionalProperties", "unevaluatedProperties", "dependentRequired"})
"""Keywords whose errors name keys and no values."""
_KINDS: Final = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "an integer",
    float: "a number",
    bool: "a Boolean",
    type(None): "null",
}
_NO_EVIDENCE: Final = {
    401: "no sign-in is known for it",
    403: "the sign-in may not call it",
    429: "requests are limited",
}
"""Statuses that say nothing about the input."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenAnswer:
    """An answer: status 0 with a reason if there was none. Header names are in small letters.

    Of a `secret` answer, which may have a token or a person's data, messages have no value, only its place and its kind.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    why: str = ""
    secret: bool = False

    @property
    def media(self) -> str:
        """The media type, in small letters, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """Status, media type and begin of the body."""
        if not self.status:
            return self.why
        shown = self.body and not self.secret
        body = f": {printable(masked(self.body[:_READ].decode('utf-8', errors='replace')), 80)}" if shown else ""
        return f"status {self.status}{f', {self.media}' if self.media else ''}{body}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """Whether an answer is as expected (None: it decides nothing), and what was observed."""

    ok: bool | None
    observed: str


def matching(operation: Operation, answer: GivenAnswer) -> Judged:
    """Whether status, media type, needed headers and body of an answer are as described."""
    described = operation.answer_of(answer.status)
    if described is None:
        known = ", ".join(operation.answers)
        return Judged(ok=False, observed=f"{answer.text}; described are {known}")
    missing = [name for name in described.headers if name.lower() not in answer.headers]
    if missing:
        return Judged(ok=False, observed=f"{answer.text}; the header {missing[0]} is missing")
    alone = answer.status >= 400 and not described.media  # frameworks describe refusals by their status alone
    if operation.method == "HEAD" or answer.status in {204, 304} or alone:
        return Judged(ok=True, observed=answer.text)
    return _body_as_described(described, answer)


def as_described(operation: Operation, answer: GivenAnswer) -> Judged:
    """Whether status, media type, needed headers and body are as described; 5xx is never right for an input that is as described."""
    unasked = answer.status in {401, 403} and not operation.needs_token and str(answer.status) in operation.answers
    if not unasked and (unknown := _says_nothing(answer)) is not None:  # a sign-in refuses drawn passwords
        return unknown
    if answer.status >= 500 and operation.answer_of(answer.status) is not None:
        return Judged(ok=False, observed=answer.text)
    return matching(operation, answer)


def _body_as_described(described: DescribedAnswer, answer: GivenAnswer) -> Judged:
    media = ", ".join(described.media)
    if not answer.body and (is_json(answer.media) or not answer.media or not media):
        return Judged(ok=not media, observed=f"{answer.text}, no body" + (f"; described is {media}" if media else ""))
    named = _described_media(described, answer)
    if media and named is None:
        return Judged(ok=False, observed=f"{answer.text}; described is {media}")
    schema = described.media[named] if named is not None else None
    if schema is None:
        return Judged(ok=None, observed=f"{answer.text}; the description has no schema of this body")
    if is_json(answer.media):
        return _valid(described.validator(str(named)), answer)
    if types_of(schema) == ("string",) and not {*schema} - {"type", "format"} and schema.get("format") in _ANY_BYTES:
        return Judged(ok=True, observed=answer.text)
    return Judged(ok=None, observed=f"{answer.text}; bodies of {answer.media} are not validated")


def _described_media(described: DescribedAnswer, answer: GivenAnswer) -> str | None:
    """The described media type of an answer: the most precise of those that it has, as OpenAPI 3.1 says of a Media Type Object."""
    given = _parameters(answer.headers.get("content-type", ""))

    def precision(key: str) -> tuple[bool, bool, int, int]:
        kind, _, subtype = key.partition(";")[0].strip().partition("/")
        own = _parameters(key)
        return kind != "*", subtype != "*", len(own & given), -len(own - given)

    return max((key for key in described.media if _matches(key, answer.media)), key=precision, default=None)


def _parameters(media: str) -> frozenset[str]:
    """The parameters of a media type, in small letters."""
    return frozenset("".join(one.split()).replace('"', "").lower() for one in media.split(";")[1:])


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _valid(checker: Validator, answer: GivenAnswer) -> Judged:
    try:
        value = json.loads(answer.body, parse_constant=_no_constant)  # NaN and Infinity are not JSON
    except (ValueError, RecursionError):
        packing = answer.headers.get("content-encoding", "").strip().lower()
        if packing not in _PACKINGS:
            observed = f"{answer.text}; the body is packed as {packing}, which was not asked for and is not read"
            return Judged(ok=None, observed=observed)
        return Judged(ok=False, observed=f"{answer.text}; the body is not JSON")
    try:
        error = min(checker.iter_errors(value), key=lambda one: one.json_path, default=None)
    except RecursionError:
        return Judged(ok=None, observed=f"{answer.text}; the schema contains itself without an end")
    if error is None:
        return Judged(ok=True, observed=answer.text)
    return Judged(
        ok=False,
        observed=f"{answer.text}; at {_place(error, answer)}: {printable(masked(_told(error, answer)[:_READ]), 120)}",
    )


def _told(error: ValidationError, answer: GivenAnswer) -> str:
    """What is wrong in a body; of a secret one without the value."""
    named = not any(isinstance(one, str) and _SECRET_KEY.search(one) for one in error.absolute_path)
    if error.validator in _OF_NAMES or (named and not answer.secret):
        return error.message
    kind = _KINDS.get(type(error.instance), "a value")
    return f"{kind}, expected `{error.validator}: {json.dumps(error.validator_value, default=str)[:60]}`"


def _place(error: ValidationError, answer: GivenAnswer) -> str:
    """Where a body is wrong; in a secret one a key that the schema does not name is `*`, since it may be a person's address."""
    if not answer.secret:
        return error.json_path
    named = {part for part in error.absolute_schema_path if isinstance(part, str)}
    parts = (f"[{one}]" if isinstance(one, int) else f".{one if one in named else '*'}" for one in error.absolute_path)
    return f"${''.join(parts)}"


def as_refused(answer: GivenAnswer, where: str) -> Judged:
    """Whether a malformed request was refused with 4xx.

    Args:
        answer: of the request.
        where: place that is malformed. Of a path 404 is a refusal; elsewhere the thing may not exist.
    """
    if (unknown := _says_nothing(answer)) is not None:
        return unknown
    if answer.status in {404, 405, 410} and not where.startswith("path"):
        return Judged(ok=None, observed=f"{answer.text}; it was not there, whatever the input")
    return Judged(ok=400 <= answer.status < 500, observed=answer.text)


def _says_nothing(answer: GivenAnswer) -> Judged | None:
    if not answer.status:
        return Judged(ok=None, observed=answer.why)
    if answer.status in _NO_EVIDENCE:
        return Judged(ok=None, observed=f"{answer.text}; {_NO_EVIDENCE[answer.status]}")
    return None


def _matches(described: str, media: str) -> bool:
    """Whether a media type is of a described one, which may be `*/*` or `text/*`."""
    kind, _, subtype = described.partition(";")[0].strip().lower().partition("/")
    found, _, below = media.partition("/")
    return kind in {"*", found} and subtype in {"*", below}


def masked(text: str) -> str:
    """A text without what may be a token or a password: values of keys that say so, and JSON Web Tokens."""
    return _TOKEN.sub("…", _SECRET.sub(r"\1…", text))


def printable(text: str, most: int = _CUT) -> str:
    """A text without what cannot be printed, cut to a number of characters."""
    seen = "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
    return seen if len(seen) <= most else f"{seen[:most]}… ({len(seen)} characters)"
