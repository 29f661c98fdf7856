"""Requests that hypothesis draws for an operation: as described, or malformed in exactly one place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from harness.drivers.generated.malformed import malformed, malformed_texts, not_json
from harness.drivers.generated.valid import Values, valid
from harness.targets.openapi.answers import printable
from harness.targets.openapi.description import Operation, Parameter
from harness.targets.openapi.schemas import Schema, UnsupportedError, types_of, validator

_CHARACTERS: Final = {
    "path": st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"),
    "query": st.characters(exclude_categories=["Cs", "Cc"]),
    "header": st.characters(min_codepoint=33, max_codepoint=126),
}
"""By the place of a parameter: characters that reach the service. Servers refuse others before it sees them."""
_ABSENT: Final = object()


@dataclass(frozen=True, kw_only=True, slots=True)
class DrawnRequest:
    """One request.

    Attributes:
        method, target: of its first line; the target is encoded.
        headers: parameters in headers, and the type of the body.
        body: None: it has none.
        secret: whether it has the password of a user, which no message has, nor its answer.
        malformed: place that is malformed: `body`, `path id`, `query page`; empty: the request is as described.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    malformed: str = ""
    secret: bool = False

    @property
    def text(self) -> str:
        """The request in one line, with characters that cannot be printed as escapes."""
        if self.secret:
            return f"{self.method} {self.target} (the right sign-in of a user)"
        headers = [f"{name}: {value}" for name, value in self.headers.items() if name != "content-type"]
        body = "" if self.body is None else self.body.decode("utf-8", errors="backslashreplace") or "(empty body)"
        return printable(" ".join([f"{self.method} {self.target}", *headers, body]).rstrip())


def described_requests(operation: Operation) -> st.SearchStrategy[DrawnRequest]:
    """Requests as the description says.

    Raises:
        UnsupportedError: a part of the operation cannot be drawn.
    """
    parts = {one.name + one.place: _of_parameter(one) for one in operation.parameters}
    return st.builds(
        lambda drawn, body: _made(operation, drawn, body), st.fixed_dictionaries(parts), _bodies(operation)
    )


def malformed_requests(operation: Operation) -> st.SearchStrategy[DrawnRequest]:
    """Requests that are malformed in one place, and as described in all others.

    Raises:
        UnsupportedError: a part cannot be drawn, or the description allows any input.
    """
    sites = [*_sites(operation)]
    if not sites:
        raise UnsupportedError("no input of it is malformed: the description sets no type, limit or form")
    return st.one_of(sites)


def _sites(operation: Operation) -> Iterator[st.SearchStrategy[DrawnRequest]]:
    parts = {one.name + one.place: _of_parameter(one) for one in operation.parameters}
    bodies = _bodies(operation)
    for one in operation.parameters:
        where, place = f"{one.place} {one.name}", one.name + one.place
        for bad in _bad_texts(one):
            drawn = st.fixed_dictionaries({**parts, place: bad})
            yield st.builds(lambda drawn, body, where=where: _made(operation, drawn, body, where), drawn, bodies)
    if operation.body is None:
        return
    bad_values = malformed(operation.body.schema)
    several = [] if bad_values is None else [bad_values.map(_as_json)]
    several.append(not_json(operation.body.schema))
    if operation.body.required:
        several.append(st.just(b""))
    for bad in several[:1] * 4 + several[1:]:  # values have many forms, each of the others has one
        yield st.builds(lambda drawn, body: _made(operation, drawn, body, "body"), st.fixed_dictionaries(parts), bad)


def _of_parameter(one: Parameter) -> Values:
    """The texts of a parameter, several for a list; `_ABSENT` where it may be left out."""
    drawn = valid(one.schema, _CHARACTERS[one.place])
    if one.known:
        drawn = st.sampled_from(one.known) | drawn
    texts = drawn.filter(lambda value: value is not None).map(_texts).filter(lambda found: _fits(one, found))
    return texts if one.required else st.just(_ABSENT) | texts


def _bad_texts(one: Parameter) -> Iterator[Values]:
    if types_of(one.schema) == ("array",):
        items: Schema = one.schema.get("items", {})
        if (bad := malformed_texts(items)) is not None:
            yield bad.map(lambda text: (text,)).filter(lambda found: _fits(one, found))
    elif (bad := malformed_texts(one.schema)) is not None:
        yield bad.map(lambda text: (text,)).filter(lambda found: _fits(one, found))
    if one.required and one.place == "query":
        yield st.just(_ABSENT)


def _fits(one: Parameter, found: tuple[str, ...]) -> bool:
    """Whether texts can be sent in the place of a parameter: a path has no empty part and no dots alone."""
    if one.place == "path":
        return found[0] not in {"", ".", ".."} and "/" not in found[0]
    return one.place == "query" or (found[0].isascii() and found[0].isprintable() and found[0] == found[0].strip())


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(text for one in value for text in _texts(one))
    if isinstance(value, bool):
        return (str(value).lower(),)
    return (json.dumps(value) if isinstance(value, float) else str(value),)


def _bodies(operation: Operation) -> st.SearchStrategy[bytes | None]:
    if operation.body is None:
        return st.none()
    bodies = valid(operation.body.schema).map(_as_json)
    return bodies if operation.body.required else st.none() | bodies


def _as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _made(operation: Operation, drawn: Mapping[str, Any], body: bytes | None, where: str = "") -> DrawnRequest:
    path, query, headers = operation.path, list[tuple[str, str]](), dict[str, str]()
    for one in operation.parameters:
        found = drawn[one.name + one.place]
        if found is _ABSENT:
            continue
        if one.place == "path":
            path = path.replace(f"{{{one.name}}}", quote(found[0], safe=""))
        elif one.place == "query":
            query += [(one.name, text) for text in found]
        else:
            headers[one.name] = found[0]
    if body is not None and operation.body is not None:
        headers["content-type"] = operation.body.media
    target = path + (f"?{urlencode(query)}" if query else "")
    return DrawnRequest(method=operation.method, target=target, headers=headers, body=body, malformed=where)


def mistake_in(operation: Operation, request: DrawnRequest) -> str:
    """What is malformed in a request, in words."""
    if request.malformed != "body" or operation.body is None:
        return request.malformed
    try:
        value = json.loads(request.body or b"")
    except ValueError:
        return "the body is not JSON" if request.body else "the body is missing"
    error = next(validator(operation.body.schema).iter_errors(value))
    where = f"`{error.json_path.removeprefix('$.')}`: " if error.path else ""
    return printable(f"the body: {where}{error.message}", 120)
