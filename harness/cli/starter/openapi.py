"""The documented reads of an OpenAPI document, which a journey can request without side effects."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlencode, urljoin

from harness.cli.starter.journey_reads import (
    DocumentedOperations,
    DocumentedRead,
    DocumentedWrite,
    named,
    none_left,
)
from harness.errors import ConfigurationError, UsageError
from harness.yamlfile import read_documents

if TYPE_CHECKING:
    import ssl

LARGEST: Final = 5_000_000
"""Maximum size of a document in bytes."""
MOST_KEYS: Final = 5
"""Maximum number of keys of an answer that are checked."""
_CHANGE: Final = ("post", "put", "patch", "delete")
_CREDENTIAL: Final = re.compile(
    r"(?i)authori[sz]ation|(x[-_])?(api|auth|access)[-_]?(key|token)|session([-_]?id)?|token"
)
"""Names of headers and cookies that sign in. Frameworks describe such a header as optional even if its handler then answers 401."""
_DEEPEST: Final = 20
"""Maximum number of references in a chain."""
_WITHIN_S: Final = 10.0
_TYPES: Final = {"integer": "int", "string": "str", "boolean": "bool", "array": "list", "object": "dict"}
"""JSON type → Python type in a journey; `number` is left out, since it may be `int` or `float`."""


_STREAM: Final = "text/event-stream"
_IN_PATHS: Final = "/{}%:@!$&'()*+,;=~"
"""Characters of a path that are not quoted."""
_HTTP: Final = r"https?://"
_ORIGIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]*|//[^/]*")


class _NoExampleError(Exception):
    """A parameter has no example, and its value is not known."""


def documented_operations(source: str, tls: ssl.SSLContext) -> DocumentedOperations:
    """Read a document, JSON or YAML, of OpenAPI 3 or Swagger 2.

    Args:
        source: file, or HTTP address.
        tls: TLS settings for an address.

    Raises:
        ConfigurationError: the document cannot be read, is not OpenAPI or Swagger, or has no read that can be requested.
    """
    document = _Document(source, _content(source, tls))
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


class _Document:
    """The content of one document, and where it is from."""

    def __init__(self, source: str, content: Any) -> None:
        if not isinstance(content, dict) or not isinstance(content.get("paths"), dict):
            hint = "name a document that has `openapi: 3.…` (or `swagger: '2.0'`) and a mapping `paths`"
            raise ConfigurationError("this is not an OpenAPI document", where=source, hint=hint)
        self._source = source
        self._root: dict[str, Any] = content

    @property
    def base(self) -> str:
        """The path of the document's first server."""
        return self._base({}, {})

    def paths(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every path that has an operation."""
        for path, item in self._root["paths"].items():
            resolved = self._resolved(item)
            if str(path).startswith("/") and any(isinstance(resolved.get(one), dict) for one in ("get", *_CHANGE)):
                yield str(path), resolved

    def read_of(self, path: str, item: Mapping[str, Any]) -> DocumentedRead:
        """The read of one path.

        Raises:
            _NoExampleError: the path cannot be requested; the message says why.
        """
        operation = self._resolved(item["get"])
        filled, query, credential = quote(path, safe=_IN_PATHS), dict[str, str](), self._scheme(operation)
        needs = list[str]()
        for (name, place), parameter in self._parameters(item, operation).items():
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
            path=self._base(item, operation) + filled + (f"?{urlencode(query)}" if query else ""),
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
            operation = self._resolved(item[method])
            body = self._resolved(operation.get("requestBody"))
            content = body.get("content")
            media = self._resolved(content.get("application/json")) if isinstance(content, dict) else {}
            in_body = [one for (_, place), one in self._parameters(item, operation).items() if place == "body"]
            schema = self._resolved((in_body[0] if in_body else media).get("schema"))
            yield DocumentedWrite(
                method=method.upper(),
                path=self._base(item, operation) + path,
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
            given = {str(key): self._value(self._resolved(properties.get(key))) for key in required}
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
        schemes = operation.get("security", self._root.get("security"))
        if not schemes or (isinstance(schemes, list) and {} in schemes):
            return ""
        names = (
            [str(name) for one in schemes if isinstance(one, dict) for name in one] if isinstance(schemes, list) else []
        )
        return f"security {', '.join(dict.fromkeys(names))}" if names else "security"

    def _parameters(self, item: Mapping[str, Any], operation: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
        """The parameters by name and place; parameters of the operation replace those of the path."""
        described = [part.get("parameters") for part in (item, operation)]
        every = [self._resolved(one) for several in described if isinstance(several, list) for one in several]
        return {(str(one.get("name")), str(one.get("in"))): one for one in every}

    def _base(self, item: Mapping[str, Any], operation: Mapping[str, Any]) -> str:
        """The path that a path is below of: of the operation's first server, else of the path's, else of the document's."""
        listed = [part.get("servers") for part in (operation, item, self._root)]
        first = next((one[0] for one in listed if isinstance(one, list) and one and isinstance(one[0], dict)), {})
        base = str(first.get("url") or self._root.get("basePath") or "")
        variables = first.get("variables")
        for name, variable in variables.items() if isinstance(variables, dict) else ():
            if isinstance(variable, dict) and "default" in variable:
                base = base.replace(f"{{{name}}}", str(variable["default"]))
        beside = self._source if re.match(_HTTP, self._source) and not base.startswith("/") else "http://host/"
        path = _ORIGIN.sub("", urljoin(beside, base) if base else "", count=1).partition("?")[0].strip("/")
        return f"/{path}" if path and "{" not in path else ""

    def _example(self, parameter: Mapping[str, Any]) -> str:
        schema = self._resolved(parameter.get("schema", parameter))
        examples = parameter.get("examples")
        several = [self._resolved(one) for one in examples.values()] if isinstance(examples, dict) else []
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
                return int(status), self._resolved(answer)
        if any(status.isdecimal() for status in described) and not {"default", "2XX"} & {*described}:
            raise _NoExampleError(f"no answer of 2xx is documented, only {', '.join(described)}")
        return 200, {}

    def _expected(self, answer: Mapping[str, Any]) -> dict[str, str]:
        """The required keys of the answer's JSON object, with their types."""
        content = answer.get("content")
        media = content.get("application/json") if isinstance(content, dict) else answer
        schema = self._resolved(self._resolved(media).get("schema"))
        properties, required = schema.get("properties"), schema.get("required")
        if not isinstance(properties, dict) or not isinstance(required, list):
            return {}
        expected = {}
        for key in required[:MOST_KEYS]:
            described = self._resolved(properties.get(key))
            kind = described.get("type")
            if isinstance(kind, str) and kind in _TYPES and not _may_lack(described):
                expected[str(key)] = _TYPES[kind]
        return expected

    def _resolved(self, value: Any) -> dict[str, Any]:
        """A mapping, its local `$ref` followed; empty for any other value.

        Raises:
            ConfigurationError: the reference leads nowhere, to another file, or round in a circle.
        """
        for _ in range(_DEEPEST):
            if not isinstance(value, dict):
                return {}
            if not isinstance(reference := value.get("$ref"), str):
                return value
            value = self._at(reference)
        raise ConfigurationError(
            f"`$ref: {reference}` refers to itself", where=self._source, hint="correct the reference"
        )

    def _at(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            hint = "join the files into one document with an OpenAPI bundler"
            raise ConfigurationError(f"`$ref: {reference}` refers to another document", where=self._source, hint=hint)
        value: Any = self._root
        for part in reference[2:].split("/"):
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            try:
                value = value[int(key)] if isinstance(value, list) else value[key]
            except (LookupError, TypeError, ValueError) as error:
                raise ConfigurationError(
                    f"`$ref: {reference}` refers to the missing key `{key}`",
                    where=self._source,
                    hint="correct the reference",
                ) from error
        return value


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
        return _parsed(source, body, path)
    body = _fetched(source, tls)
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "openapi.yaml"
        copy.write_bytes(body)
        try:
            return _parsed(source, body, copy)
        except ConfigurationError as error:
            raise ConfigurationError(
                error.what, where=error.where.replace(str(copy), source), hint=error.hint
            ) from error


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


def _parsed(source: str, body: bytes, path: Path) -> Any:
    if len(body) > LARGEST:
        what = f"the document is larger than {LARGEST // 1_000_000} MB"
        raise ConfigurationError(what, where=source, hint="remove the parts that the journey does not need")
    if body.lstrip()[:1] == b"{":
        try:
            return json.loads(body)
        except json.JSONDecodeError as error:
            raise ConfigurationError(f"the text is not JSON: {error.msg}", where=f"{source}:{error.lineno}") from error
        except (UnicodeDecodeError, RecursionError) as error:
            raise ConfigurationError(f"the text is not JSON: {error}", where=source) from error
    documents = read_documents(path)
    return documents[0].data if documents else None
