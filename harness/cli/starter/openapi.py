"""The documented reads of an OpenAPI document, which a journey can request without side effects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from harness.cli.starter.journey_reads import (
    DocumentedOperations,
    DocumentedRead,
    DocumentedWrite,
    named,
    none_left,
)
from harness.errors import ConfigurationError, UsageError
from harness.targets.openapi.document import LARGEST, OpenApiDocument, parsed

if TYPE_CHECKING:
    import ssl

MOST_KEYS: Final = 5
"""Maximum number of keys of an answer that are checked."""
_CHANGE: Final = ("post", "put", "patch", "delete")
_CREDENTIAL: Final = re.compile(
    r"(?i)authori[sz]ation|(x[-_])?(api|auth|access)[-_]?(key|token)|session([-_]?id)?|token"
)
"""Names of headers and cookies that sign in. Frameworks describe such a header as optional even if its handler then answers 401."""
_WITHIN_S: Final = 10.0
_TYPES: Final = {"integer": "int", "string": "str", "boolean": "bool", "array": "list", "object": "dict"}
"""JSON type → Python type in a journey; `number` is left out, since it may be `int` or `float`."""


_STREAM: Final = "text/event-stream"
_IN_PATHS: Final = "/{}%:@!$&'()*+,;=~"
"""Characters of a path that are not quoted."""
_HTTP: Final = r"https?://"


class _NoExampleError(Exception):
    """A parameter has no example, and its value is not known."""


def described(source: str, tls: ssl.SSLContext) -> StarterDocument:
    """Read a document, JSON or YAML, of OpenAPI 3 or Swagger 2.

    Args:
        source: file, or HTTP address.
        tls: TLS settings for an address.

    Raises:
        ConfigurationError: the document cannot be read, or is not OpenAPI or Swagger.
    """
    return StarterDocument(source, _content(source, tls))


def documented_operations(document: StarterDocument) -> DocumentedOperations:
    """The operations of a document.

    Raises:
        ConfigurationError: the document has no read that can be requested.
    """
    source = document.source
    found: list[DocumentedRead] = []
    left_out: list[str] = []
    writes: list[DocumentedWrite] = []
    for path, item in document.paths():
        writes += document.writes_of(path, item)
        if "get" not in item:
            continue
        try:
            found.append(document.read_of(path, item))
        except _NoExampleError as error:
            left_out.append(f"GET {path}: {error}")
    if not found:
        raise none_left(source, left_out)
    return DocumentedOperations(
        source=source, base=document.base, reads=named(found), writes=tuple(writes), left_out=tuple(left_out)
    )


class StarterDocument(OpenApiDocument):
    """The reads and writes that a document describes."""

    @property
    def base(self) -> str:
        """The path of the document's first server."""
        return self.base_of({}, {})

    def paths(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every path that has an operation."""
        for path, item in self.root["paths"].items():
            resolved = self.resolved(item)
            if str(path).startswith("/") and any(isinstance(resolved.get(one), dict) for one in ("get", *_CHANGE)):
                yield str(path), resolved

    def read_of(self, path: str, item: Mapping[str, Any]) -> DocumentedRead:
        """The read of one path.

        Raises:
            _NoExampleError: the path cannot be requested; the message says why.
        """
        operation = self.resolved(item["get"])
        filled, query, credential = quote(path, safe=_IN_PATHS), dict[str, str](), self._scheme(operation)
        needs = list[str]()
        for (name, place), parameter in self.parameters(item, operation).items():
            if place == "path":
                filled = filled.replace(f"{{{quote(name, safe=_IN_PATHS)}}}", quote(self._example(parameter), safe=""))
            elif place == "query" and parameter.get("required") is True:
                query[name] = self._example(parameter)
            elif place in {"header", "cookie"} and parameter.get("required") is True:
                needs.append(f"{place} `{name}`")
            elif place in {"header", "cookie"} and _CREDENTIAL.fullmatch(name):
                credential = f"{place} `{name}`"
        if missing := re.findall(r"{([^}]*)}", filled):
            raise _NoExampleError(f"the path parameter `{missing[0]}` is not described")
        status, answer = self._answer(operation)
        if isinstance(media := answer.get("content"), dict) and {*media} == {_STREAM}:
            raise _NoExampleError("the answer is an endless stream")
        return DocumentedRead(
            name=_name(operation.get("operationId"), path),
            path=self.base_of(item, operation) + filled + (f"?{urlencode(query)}" if query else ""),
            status=status,
            expect=self._expected(answer),
            credential=credential,
            needs=tuple(needs),
        )

    def writes_of(self, path: str, item: Mapping[str, Any]) -> Iterator[DocumentedWrite]:
        """The operations of one path that change data."""
        for method in _CHANGE:
            if not isinstance(item.get(method), dict):
                continue
            operation = self.resolved(item[method])
            body = self.resolved(operation.get("requestBody"))
            content = body.get("content")
            media = self.resolved(content.get("application/json")) if isinstance(content, dict) else {}
            in_body = [one for (_, place), one in self.parameters(item, operation).items() if place == "body"]
            schema = self.resolved((in_body[0] if in_body else media).get("schema"))
            yield DocumentedWrite(
                method=method.upper(),
                path=self.base_of(item, operation) + path,
                needs_body=body.get("required") is True or any(one.get("required") is True for one in in_body),
                example=self._sample(media, schema),
            )

    def _sample(self, media: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
        """A body of the documented example, or of the required keys with a value of their type, as JSON; empty if no key is known."""
        given = media.get("example", schema.get("example"))
        if not isinstance(given, dict):
            properties, required = schema.get("properties"), schema.get("required")
            if not isinstance(properties, dict) or not isinstance(required, list):
                return ""
            given = {str(key): self._value(self.resolved(properties.get(key))) for key in required}
        try:
            return json.dumps(given, ensure_ascii=False) if given else ""
        except (TypeError, ValueError):  # a date of YAML
            return ""

    @staticmethod
    def _value(described: Mapping[str, Any]) -> Any:
        enum = described.get("enum")
        usual = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}.get(
            str(described.get("type")), "…"
        )
        first = enum[0] if isinstance(enum, list) and enum else usual
        return described.get("example", described.get("default", first))

    def _scheme(self, operation: Mapping[str, Any]) -> str:
        """The sign-in that the document demands of an operation; empty if there is none, or it may be left out."""
        schemes = operation.get("security", self.root.get("security"))
        if not schemes or (isinstance(schemes, list) and {} in schemes):
            return ""
        names = (
            [str(name) for one in schemes if isinstance(one, dict) for name in one] if isinstance(schemes, list) else []
        )
        return f"security {', '.join(dict.fromkeys(names))}" if names else "security"

    def _example(self, parameter: Mapping[str, Any]) -> str:
        schema = self.resolved(parameter.get("schema", parameter))
        examples = parameter.get("examples")
        several = [self.resolved(one) for one in examples.values()] if isinstance(examples, dict) else []
        candidates = [
            parameter.get("example"),
            *(one.get("value") for one in several),
            schema.get("example"),
            *(schema["examples"] if isinstance(schema.get("examples"), list) else ()),
            schema.get("default"),
            *(schema["enum"] if isinstance(schema.get("enum"), list) else ()),
        ]
        for value in candidates:
            if isinstance(value, bool):
                return str(value).lower()
            if isinstance(value, str | int | float) and value != "":
                return str(value)
        raise _NoExampleError(f"the parameter `{parameter.get('name')}` has no example")

    def _answer(self, operation: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and description of the successful answer; raises _NoExampleError if none is documented."""
        responses = operation.get("responses")
        described = {str(status): answer for status, answer in responses.items()} if isinstance(responses, dict) else {}
        for status, answer in described.items():
            if status.startswith("2") and status.isdecimal():
                return int(status), self.resolved(answer)
        if any(status.isdecimal() for status in described) and not {"default", "2XX"} & {*described}:
            raise _NoExampleError(f"no answer of 2xx is documented, only {', '.join(described)}")
        return 200, {}

    def _expected(self, answer: Mapping[str, Any]) -> dict[str, str]:
        """The required keys of the answer's JSON object, with their types."""
        content = answer.get("content")
        media = content.get("application/json") if isinstance(content, dict) else answer
        schema = self.resolved(self.resolved(media).get("schema"))
        properties, required = schema.get("properties"), schema.get("required")
        if not isinstance(properties, dict) or not isinstance(required, list):
            return {}
        expected = {}
        for key in required[:MOST_KEYS]:
            described = self.resolved(properties.get(key))
            kind = described.get("type")
            if isinstance(kind, str) and kind in _TYPES and not _may_lack(described):
                expected[str(key)] = _TYPES[kind]
        return expected


def _may_lack(described: Mapping[str, Any]) -> bool:
    """Whether a required key may be null, or is required of requests alone."""
    return described.get("nullable") is True or described.get("writeOnly") is True


def _name(operation: Any, path: str) -> str:
    """The name of the route, from the operation in small letters, else from the path."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", operation) if isinstance(operation, str) else f"read-{path}"
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:60] or "read"


def _content(source: str, tls: ssl.SSLContext) -> Any:
    """The data of a file or an address."""
    if not re.match(_HTTP, source):
        path = Path(source)
        try:
            with path.open("rb") as file:
                body = file.read(LARGEST + 1)
        except OSError as error:
            raise ConfigurationError(f"the file cannot be read: {error.strerror}", where=source) from error
        return parsed(source, body)
    return parsed(source, _fetched(source, tls))


def _fetched(source: str, tls: ssl.SSLContext) -> bytes:
    import httpx  # most projects begin without a document

    try:
        with httpx.stream("GET", source, verify=tls, timeout=_WITHIN_S, trust_env=False, follow_redirects=True) as got:
            if got.status_code != 200:
                raise UsageError(
                    f"the status of the answer is {got.status_code}, expected 200",
                    where=source,
                    hint="give the address of the OpenAPI document itself",
                )
            body = b""
            for piece in got.iter_bytes():
                body += piece
                if len(body) > LARGEST:
                    break
    except httpx.HTTPError as error:
        raise UsageError(
            f"no answer ({error or type(error).__name__})",
            where=source,
            hint="start the server of the document, correct the address, or name the document as a file",
        ) from error
    return body
