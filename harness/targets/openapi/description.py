"""The operations of an API description, each with what it takes and answers, or with what of it is not read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from jsonschema.protocols import Validator

from harness.errors import ConfigurationError
from harness.targets.openapi.document import OpenApiDocument
from harness.targets.openapi.schemas import (
    Purpose,
    Schema,
    SchemaReader,
    UnsupportedError,
    types_of,
    validator,
)

METHODS: Final = ("get", "head", "options", "post", "put", "patch", "delete", "trace")
READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods of operations that change nothing (RFC 9110, section 9.2.1)."""
_JSON: Final = re.compile(r"application/(json|[A-Za-z0-9.!#$&^_+-]+\+json)\s*(;.*)?", re.IGNORECASE)
_SCALAR: Final = frozenset({"string", "integer", "number", "boolean"})
_IGNORED: Final = frozenset({"accept", "content-type", "authorization"})
"""Headers that a description cannot describe as parameters (OpenAPI 3.1, Parameter Object)."""
_TOKENS: Final = frozenset({"oauth2", "openIdConnect"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A parameter: `place` is path, query or header; `known` are values of the description or the target file."""

    name: str
    place: str
    schema: Schema
    required: bool
    known: tuple[Any, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """A JSON body."""

    media: str
    schema: Schema
    required: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DescribedAnswer:
    """An answer: its schema by media type, None where the type has none; and the headers that it must have."""

    media: Mapping[str, Schema | None]
    headers: tuple[str, ...] = ()
    _validators: dict[str, Validator] = field(default_factory=dict, compare=False, repr=False)

    def validator(self, media: str) -> Validator:
        """What tells valid bodies of a media type from others; made once."""
        if media not in self._validators:
            self._validators[media] = validator(self.media[media] or {})
        return self._validators[media]


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        name: method and path, as in `POST /orders`.
        id: its `operationId`; empty: none.
        method, path: of its requests; the path has its parameters in braces.
        parameters, body: what it takes.
        answers: by status: `200`, `2XX` or `default`.
        needs_token: whether a bearer token is needed.
        unread: what of it is not supported; empty: it can be called.
    """

    name: str
    id: str
    method: str
    path: str
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    answers: Mapping[str, DescribedAnswer] = field(default_factory=dict)
    needs_token: bool = False
    unread: str = ""

    @property
    def takes_input(self) -> bool:
        """Whether a request of it has anything that could be malformed."""
        return bool(self.parameters) or self.body is not None

    def answer_of(self, status: int) -> DescribedAnswer | None:
        """The description of an answer; None: the status is not described."""
        for key in (str(status), f"{status // 100}XX", f"{status // 100}xx", "default"):
            if key in self.answers:
                return self.answers[key]
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class DescriptionReading:
    """How a description is read.

    Attributes:
        values: values of parameters by their names, which name something that exists.
        requests: whether parameters and bodies are read; without them an operation can only be compared with answers.
        open_to_more: whether answers may have keys that the description forbids, as later releases add them.
    """

    values: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    requests: bool = True
    open_to_more: bool = False


def read_operations(document: OpenApiDocument, reading: DescriptionReading) -> tuple[Operation, ...]:
    """Every operation of a document. An `operationId` that two operations have names neither.

    Raises:
        ConfigurationError: the document is of another version, or has no operation.
    """
    source, version = document.source, str(document.root.get("openapi", "none"))
    if "swagger" in document.root:
        version = f"Swagger {document.root['swagger']}"
    if not re.match(r"3\.[01](\.|$)", version):
        hint = "write the description as OpenAPI 3.0 or 3.1; converters from Swagger 2.0 exist"
        raise ConfigurationError(f"the version of OpenAPI is {version}, expected 3.0 or 3.1", where=source, hint=hint)
    found = tuple(_OperationReader(document, reading).every())
    if not found:
        raise ConfigurationError("the API description has no operation", where=source, hint="describe `paths`")
    ids = Counter(one.id for one in found)
    return tuple(replace(one, id="") if ids[one.id] > 1 else one for one in found)


class _OperationReader:
    def __init__(self, document: OpenApiDocument, reading: DescriptionReading) -> None:
        self._document = document
        self._reading = reading
        self._asked = SchemaReader(document, Purpose.REQUEST)
        self._answered = SchemaReader(document, Purpose.ANSWER, open_to_more=reading.open_to_more)

    def every(self) -> Iterator[Operation]:
        for path, written in self._document.root["paths"].items():
            if str(path).startswith("x-"):
                continue
            if not str(path).startswith("/"):  # another host would get the request, and the token
                yield Operation(
                    name=str(path), id="", method="", path=str(path), unread="its path does not begin with `/`"
                )
                continue
            try:
                item = self._document.resolved(written)
            except ConfigurationError as error:
                yield Operation(name=str(path), id="", method="", path=str(path), unread=error.what)
                continue
            for method in METHODS:
                if method in item:
                    yield self._of(str(path), method.upper(), item, item[method])
        if webhooks := self._document.root.get("webhooks"):
            unread = f"{len(webhooks) if isinstance(webhooks, dict) else 'the'} webhooks are not called"
            yield Operation(name="webhooks", id="", method="", path="", unread=unread)

    def _of(self, path: str, method: str, item: Mapping[str, Any], operation: Any) -> Operation:
        name = f"{method} {path}"
        operation = operation if isinstance(operation, dict) else {}
        given = str(operation.get("operationId") or "")
        try:
            return self._read(path, method, item, operation)
        except UnsupportedError as error:
            return Operation(name=name, id=given, method=method, path=path, unread=str(error))
        except ConfigurationError as error:  # a reference that leads nowhere
            return Operation(name=name, id=given, method=method, path=path, unread=error.what)

    def _read(self, path: str, method: str, item: Mapping[str, Any], operation: Mapping[str, Any]) -> Operation:
        if not self._reading.requests:
            base = self._document.base_of(item, operation)
            return Operation(
                name=f"{method} {path}",
                id=str(operation.get("operationId") or ""),
                method=method,
                path=base + path,
                answers=self._answers(operation),
            )
        if operation.get("callbacks"):
            raise UnsupportedError("`callbacks` are not supported")
        parameters = tuple(self._parameters(item, operation))
        inside = {*re.findall(r"{([^}]*)}", path)}
        if different := inside ^ {one.name for one in parameters if one.place == "path"}:
            raise UnsupportedError(f"the path and its parameters differ in `{min(different)}`")
        return Operation(
            name=f"{method} {path}",
            id=str(operation.get("operationId") or ""),
            method=method,
            path=self._document.base_of(item, operation) + path,
            parameters=parameters,
            body=self._body(operation),
            answers=self._answers(operation),
            needs_token=self._needs_token(operation),
        )

    def _parameters(self, item: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[Parameter]:
        for (name, place), one in self._document.parameters(item, operation).items():
            required = one.get("required") is True
            if place == "header" and name.lower() in _IGNORED:
                continue
            if place == "cookie" and not required:
                continue  # a request without it is as described
            if place not in {"path", "query", "header"}:
                raise UnsupportedError(f"the parameter `{name}` in {place} is not supported")
            if "schema" not in one:
                raise UnsupportedError(f"the parameter `{name}` has no schema")
            schema = self._named(f"the parameter `{name}`", self._asked, one["schema"])
            self._require_plain(name, place, one, schema)
            known = tuple(self._reading.values.get(name, ())) or tuple(self._examples(one))
            yield Parameter(name=name, place=place, schema=schema, required=required or place == "path", known=known)

    @staticmethod
    def _require_plain(name: str, place: str, one: Mapping[str, Any], schema: Schema) -> None:
        """Raise UnsupportedError for a parameter that is not written as one text, or as one text an item of a query."""
        usual = {"path": "simple", "header": "simple", "query": "form"}[place]
        if one.get("style", usual) != usual or one.get("allowReserved") is True:
            raise UnsupportedError(f"the parameter `{name}` is written in a style that is not supported")
        for part in alternatives(schema):
            kinds = {*types_of(part)} - {"null"}
            items = part.get("items", {})
            listed = kinds == {"array"} and place == "query" and one.get("explode") is not False
            if not types_of(part) and not {"enum", "const"} & {*part}:
                raise UnsupportedError(f"the parameter `{name}` has no type")
            if not (kinds <= _SCALAR or (listed and {*types_of(items)} <= _SCALAR and types_of(items))):
                raise UnsupportedError(
                    f"the parameter `{name}` is a list or an object, which is not supported in {place}"
                )

    def _examples(self, one: Mapping[str, Any]) -> Iterator[Any]:
        schema = self._document.resolved(one["schema"])
        several = one.get("examples")
        for part in (one, schema):
            if "example" in part:
                yield part["example"]
        for example in several.values() if isinstance(several, dict) else ():
            if "value" in (value := self._document.resolved(example)):
                yield value["value"]
        yield from schema["examples"] if isinstance(schema.get("examples"), list) else ()

    def _body(self, operation: Mapping[str, Any]) -> Body | None:
        if "requestBody" not in operation:
            return None
        body = self._document.resolved(operation["requestBody"])
        content = body.get("content")
        media = {str(key): value for key, value in content.items()} if isinstance(content, dict) else {}
        named = next((key for key in media if _JSON.fullmatch(key)), None)
        if named is None:
            raise UnsupportedError(f"a body of {', '.join(media) or 'no type'} is not supported, only JSON")
        one = self._document.resolved(media[named])
        if "schema" not in one:
            raise UnsupportedError("the body has no schema")
        schema = self._named("the body", self._asked, one["schema"])
        return Body(media=named, schema=schema, required=body.get("required") is True)

    def _answers(self, operation: Mapping[str, Any]) -> Mapping[str, DescribedAnswer]:
        responses = operation.get("responses")
        if not isinstance(responses, dict) or not responses:
            raise UnsupportedError("no answer is described")
        found = {}
        for status, written in responses.items():
            if str(status).startswith("x-"):
                continue
            one = self._document.resolved(written)
            content = one.get("content")
            media: dict[str, Schema | None] = {}
            for key, value in content.items() if isinstance(content, dict) else ():
                described = self._document.resolved(value)
                where = f"the answer {status}"
                media[str(key)] = (
                    self._named(where, self._answered, described["schema"]) if "schema" in described else None
                )
            headers = one.get("headers")
            needed = tuple(
                str(name)
                for name, header in (headers.items() if isinstance(headers, dict) else ())
                if str(name).lower() != "content-type" and self._document.resolved(header).get("required") is True
            )
            found[str(status)] = DescribedAnswer(media=media, headers=needed)
        return found

    def _needs_token(self, operation: Mapping[str, Any]) -> bool:
        """Whether a bearer token is needed; raises UnsupportedError where each way to sign in is another."""
        ways = operation.get("security", self._document.root.get("security"))
        if not isinstance(ways, list) or not ways or {} in ways:
            return False
        components = self._document.root.get("components")
        schemes = self._document.resolved(components.get("securitySchemes") if isinstance(components, dict) else None)
        ways = [way for way in ways if isinstance(way, dict)]
        names = [str(name) for way in ways for name in way]
        for way in ways:
            described = [self._document.resolved(schemes.get(name)) for name in way]
            if all(
                one.get("type") in _TOKENS or (one.get("type") == "http" and str(one.get("scheme")).lower() == "bearer")
                for one in described
            ):
                return True
        raise UnsupportedError(
            f"it needs a sign-in by {', '.join(dict.fromkeys(names))}, only a bearer token is supported"
        )

    @staticmethod
    def _named(what: str, reader: SchemaReader, schema: Any) -> Schema:
        try:
            return reader.read(schema)
        except UnsupportedError as error:
            raise UnsupportedError(f"{what}: {error}") from error


def is_json(media: str) -> bool:
    """Whether a media type is JSON."""
    return _JSON.fullmatch(media) is not None


def alternatives(schema: Schema) -> Iterator[Schema]:
    """The schemas of which a value has one: those of `anyOf` and `oneOf`, else the schema itself."""
    several = [one for key in ("anyOf", "oneOf") for one in schema.get(key, ())]
    if not several:
        yield schema
    for one in several:
        yield from alternatives(one)
