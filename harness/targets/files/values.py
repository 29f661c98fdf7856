"""Types of values in target files; each error gives an example of a valid value."""

from __future__ import annotations

import contextlib
import operator
import re
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from harness.errors import UsageError
from harness.model import Quantity
from harness.model.planned.quantity import pattern_of
from harness.validation import matching

_IN_PATHS: Final = "/%?#[]@!$&'()*+,;=:~{}"
"""Characters of a path that need no encoding."""


class TargetSection(BaseModel):
    """A mapping in a target file, strict and frozen, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def text_of(example: str, *dimensions: str) -> Any:
    """The type of a quantity as text, for JSON Schemas: the validators that convert it accept nothing else."""
    return Annotated[str, Field(pattern=pattern_of(*dimensions), examples=[example])]


def quantity(dimension: str, example: str, *, above: str = "", least: str = "", most: str = "") -> BeforeValidator:
    """A text like the example within bounds, which are such texts, converted to base units."""
    bounds = [
        (f"{words} {bound}", Quantity.parse(bound).base, holds)
        for words, bound, holds in (
            ("above", above, operator.gt),
            ("at least", least, operator.ge),
            ("at most", most, operator.le),
        )
        if bound
    ]

    def read(value: object) -> float:
        with contextlib.suppress(UsageError):
            parsed = Quantity.parse(value if isinstance(value, str) else "")
            if parsed.dimension == dimension and parsed.value >= 0:
                if all(holds(parsed.base, bound) for _, bound, holds in bounds):
                    return parsed.base
                raise ValueError(f"a {dimension} {' and '.join(words for words, _, _ in bounds)}")
        raise ValueError(f"a {dimension} like `{example}`")

    return BeforeValidator(read, json_schema_input_type=text_of(example, dimension))


def is_http(value: str) -> bool:
    """Whether a text is an HTTP address, with or without user and password."""
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and " " not in value
    except ValueError:
        return False


def has_wrong_port(value: str) -> bool:
    """Whether a text is an HTTP address except for its port, which is not a number from 1 to 65535."""
    try:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            return False
    except ValueError:
        return False
    try:
        return parts.port == 0
    except ValueError:
        return True


def _url(value: str) -> str:
    # paths are put behind it
    if has_wrong_port(value):
        raise ValueError("an address with a port from 1 to 65535")
    if not is_http(value) or urlsplit(value).username or {"?", "#"} & {*value}:
        raise ValueError("an address like `https://staging.example.test`, without user and password, `?` and `#`")
    return value.rstrip("/")


def _root(value: str) -> str:
    if path := urlsplit(value := _url(value)).path:
        raise ValueError(f"an address without a path: remove `{path}`, and write it at the begin of the paths")
    return value


def _path(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("a path that starts with `/`")
    return quote(value, safe=_IN_PATHS)  # as the journeys send it; in a request's line a space would be its end


def _path_of_id(value: str) -> str:
    if value.count("{id}") != 1:
        raise ValueError("a path with `{id}` in it, like `/events/{id}`")
    return value


def _expression(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"a regular expression; this one has an error: {error}") from None
    return value


def _of_bytes(value: str) -> str:
    try:
        re.compile(value.encode())
    except re.error as error:
        raise ValueError(f"a regular expression of bytes, as `\\xNN`; this one has an error: {error}") from None
    return value


_HTTP: Final = WithJsonSchema({"type": "string", "pattern": r"^\s*[Hh][Tt][Tt][Pp][Ss]?://"})
Url = Annotated[str, AfterValidator(_url), _HTTP]
RootUrl = Annotated[str, AfterValidator(_root), _HTTP]
UrlPath = Annotated[str, AfterValidator(_path), WithJsonSchema({"type": "string", "pattern": "^/"})]
PathOfId = Annotated[UrlPath, AfterValidator(_path_of_id)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Seconds = Annotated[float, quantity("time", "10 s")]
Word = Annotated[str, Field(min_length=1)]
Expression = Annotated[Word, AfterValidator(_expression)]
"""A regular expression of Python's `re`."""
BytesExpression = Annotated[Expression, AfterValidator(_of_bytes)]
"""The same, of bytes."""
Words = Annotated[tuple[Word, ...], Field(min_length=1)]
OperationName = Annotated[
    str,
    matching(r"(GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE|TRACE) /\S*", "an operation, written like `POST /orders`"),
]
"""Method and path of an operation, as the API description writes the path."""
Header = Annotated[str, matching(r"[A-Za-z0-9-]{1,60}", "the name of a header: letters, digits and `-`")]
TableInPath = Annotated[
    str,
    matching(
        r"[A-Za-z_][A-Za-z0-9_$.]*", "the name of a table as PostgreSQL keeps it: letters, digits, `_`, `$` and `.`"
    ),
]
"""A table that is found by the role's search path where it names no schema."""
TableName = Annotated[TableInPath, AfterValidator(lambda name: name.removeprefix("public."))]
"""A table with its schema unless that is `public`."""

ObjectName = Annotated[
    str,
    matching(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "the name of an object: small letters, digits and `-`, at most 63"),
]
OperationPattern = Annotated[
    str, matching(r"([A-Z*]*\*|[A-Z*]+ [/*]\S*)", "an operation, written like `POST /orders` or `* /orders*`")
]


def schema_and_name(table: str) -> tuple[str, str]:
    """Schema and name of a table, which is of `public` where it names no schema, whatever the search path of a role is."""
    schema, _, name = table.rpartition(".")
    return schema or "public", name
