"""The operations of a target and who may call each, from its API description and its key `authorisation`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final

from harness.drivers.check.calls.matrix.samples import NoSampleError, examples_of, sample
from harness.errors import ConfigurationError
from harness.nearest import hint_with_nearest
from harness.targets import Target
from harness.targets.files.identity import Authorisation
from harness.targets.files.requests import ENTRY
from harness.targets.openapi.document import OpenApiDocument
from harness.targets.openapi.source import description_of

METHODS: Final = ("get", "head", "options", "post", "put", "patch", "delete", "trace")
READS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110, section 9.2.1)."""
_JSON: Final = re.compile(r"application/(json|[A-Za-z0-9.!#$&^_+-]+\+json)\s*(;.*)?", re.IGNORECASE)
_IGNORED: Final = frozenset({"accept", "content-type", "authorization"})
"""Headers that a description cannot describe as parameters (OpenAPI 3.1, Parameter Object)."""
STANDARD: Final = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})
"""Scopes of OpenID Connect, which say nothing about what a token may do."""
KEY_HEADER: Final = "Idempotency-Key"
"""Source: draft-ietf-httpapi-idempotency-key-header-07, section 2; a description may name another one."""
_ALTERNATIVES: Final = (
    "its `security` has several scopes of which one is enough: write the one in `authorisation.scopes`"
)


class OperationAccess(StrEnum):
    """Who may call an operation."""

    PUBLIC = "public"
    """Everybody."""
    PROTECTED = "protected"
    """Who has a credential."""
    UNKNOWN = "neither public nor protected"
    """Neither the description nor the target file says it."""


class CredentialKind(StrEnum):
    """A kind of credential."""

    TOKEN = "bearer token"  # noqa: S105 - a name
    KEY = "API key"
    SESSION = "session cookie"


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardedOperation:
    """One operation, and who may call it.

    Attributes:
        name: method and path, as in `POST /orders`.
        method: HTTP method.
        path: path with its parameters in braces, below the base path of its server.
        inside: names of the parameters in its path.
        given: values of parameters by name, from the description.
        query, headers: names of required parameters there.
        body: value of the JSON body; None: it has none.
        media: content type of the body; empty: it has none.
        access: who may call it.
        kinds: kinds of credentials, each of which is sufficient; empty for a public one.
        scopes: scopes that a token needs.
        key_header: header in which it takes the key of a write that is sent again.
        why: why it cannot be called; empty if it can.
    """

    name: str
    method: str
    path: str
    inside: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    body: Any = None
    media: str = ""
    access: OperationAccess = OperationAccess.UNKNOWN
    kinds: frozenset[CredentialKind] = frozenset()
    scopes: frozenset[str] = frozenset()
    key_header: str = KEY_HEADER
    why: str = ""

    @property
    def reads(self) -> bool:
        """Whether it changes nothing, by its method."""
        return self.method in READS


def operations_of(target: Target, service: str = ENTRY) -> tuple[GuardedOperation, ...]:
    """Every operation of the API description of the entry, and those that only `authorisation` names; or every operation of a service.

    Raises:
        ConfigurationError: the description cannot be read or has no operation, or `authorisation` contradicts that of the entry.
    """
    declared = (target.authorisation if service == ENTRY else None) or Authorisation()
    found = _described(target, service)
    if not found:
        where = f"{target.file}: api.description"
        raise ConfigurationError("the API description has no operation", where=where, hint="describe `paths`")
    _require_agreed(target, declared, found)
    if service == ENTRY:
        _require_known_bodies(target, found)
    for name in (*declared.scopes, *declared.protected, *declared.keys):
        if name not in found:  # the description lacks what is served
            method, _, path = name.partition(" ")
            found[name] = GuardedOperation(
                name=name, method=method, path=path, inside=tuple(re.findall(r"{([^}]*)}", path))
            )
    return tuple(_declared(one, declared, target) for one in found.values())


def _described(target: Target, service: str) -> dict[str, GuardedOperation]:
    text = description_of(target, service)
    return {one.name: one for one in _GuardReader(_of_version_3(text.document(), text.source), target).every()}


def _require_known_bodies(target: Target, found: Mapping[str, GuardedOperation]) -> None:
    """Raise ConfigurationError for a body of `api.bodies` whose operation no description has: it would never be sent."""
    if target.api is None or not (unknown := [name for name in target.api.bodies if name not in found]):
        return
    services = () if isinstance(target.api.description, str) else target.api.description
    names = [*found, *(name for one in services if one != ENTRY for name in _described(target, one))]
    if wrong := [name for name in unknown if name not in names]:
        raise ConfigurationError(
            f"no API description has the operation `{wrong[0]}`",
            where=f"{target.file}: api.bodies",
            hint=hint_with_nearest(wrong[0], names),
        )


def why_forbidden(target: Target, one: GuardedOperation) -> str:
    """Why an operation of a target may not be called, since it may write; empty if it may."""
    allowed = any(fnmatchcase(one.name, entry.operations) for entry in target.may_write if entry.operations)
    if one.reads or target.breakable or allowed:
        return ""
    return f"it may write, and neither `disposable` nor `may_write: [{{operations: '{one.name}'}}]` allows it"


def _of_version_3(document: OpenApiDocument, source: str) -> OpenApiDocument:
    version = str(document.root.get("openapi", "none"))
    if not re.match(r"3\.[0-2](\.|$)", version):
        hint = "write the description as OpenAPI 3"
        raise ConfigurationError(f"the version of OpenAPI is {version}, expected 3", where=source, hint=hint)
    return document


def _require_agreed(target: Target, declared: Authorisation, found: Mapping[str, GuardedOperation]) -> None:
    """Raise ConfigurationError for an operation that would be left out although the description protects it."""
    for name in declared.public:
        if name in found and found[name].access is OperationAccess.PROTECTED:
            raise ConfigurationError(
                f"`{name}` is public here, and the API description says that it needs a credential",
                where=f"{target.file}: authorisation.public",
                hint="correct one of the two",
            )


def _declared(one: GuardedOperation, declared: Authorisation, target: Target) -> GuardedOperation:
    """The operation with what the target file says about it."""
    name = one.name
    if name in declared.public:
        return replace(one, access=OperationAccess.PUBLIC)
    kinds = set(one.kinds) | ({CredentialKind.KEY} if name in declared.keys else set())
    scopes = {declared.scopes[name]} if name in declared.scopes else set(one.scopes)
    if name in declared.scopes or name in declared.protected or name in declared.keys:
        session = target.identity is not None and not target.identity.users and target.identity.session is not None
        kinds = kinds or {CredentialKind.SESSION if session else CredentialKind.TOKEN}
        why = "" if one.why == _ALTERNATIVES and name in declared.scopes else one.why
        return replace(one, access=OperationAccess.PROTECTED, kinds=frozenset(kinds), scopes=frozenset(scopes), why=why)
    return one


class _GuardReader:
    """Reads the operations of one document."""

    def __init__(self, document: OpenApiDocument, target: Target) -> None:
        self._document = document
        self._target = target
        self._bodies = target.api.bodies if target.api is not None else {}

    def every(self) -> Iterator[GuardedOperation]:
        """Every operation, each with what of it cannot be called."""
        for path, written in self._document.root["paths"].items():
            if str(path).startswith("x-"):
                continue
            try:
                item = self._document.resolved(written)
            except ConfigurationError as error:
                yield GuardedOperation(name=f"GET {path}", method="GET", path=str(path), why=error.what)
                continue
            for method in METHODS:
                if method in item:
                    yield self._of(str(path), method.upper(), item, item[method])

    def _of(self, path: str, method: str, item: Mapping[str, Any], written: Any) -> GuardedOperation:
        operation = written if isinstance(written, dict) else {}
        one = GuardedOperation(
            name=f"{method} {path}",
            method=method,
            path=self._document.base_of(item, operation) + path,
            inside=tuple(dict.fromkeys(re.findall(r"{([^}]*)}", path))),
        )
        if not path.startswith("/") or path.startswith("//"):  # a credential would go to another host, or elsewhere
            return replace(self._guarded(one, operation), why="its path does not begin with one `/`")
        try:
            return self._taking(self._guarded(one, operation), item, operation)
        except NoSampleError as error:
            return replace(self._guarded(one, operation), why=str(error))
        except ConfigurationError as error:  # a reference that leads nowhere
            return replace(one, why=error.what)

    def _guarded(self, one: GuardedOperation, operation: Mapping[str, Any]) -> GuardedOperation:
        ways = operation.get("security", self._document.root.get("security"))
        if ways is None:
            return one
        if not isinstance(ways, list) or not all(isinstance(way, dict) for way in ways):
            return replace(one, access=OperationAccess.PROTECTED, why="`security` is not a list of mappings")
        if not ways or {} in ways:
            return replace(one, access=OperationAccess.PUBLIC)
        kinds, scopes, unknown = set[CredentialKind](), set[frozenset[str]](), list[str]()
        for way in ways:
            each = {name: self._kind(name) for name in way}
            if len(each) == 1 and (kind := next(iter(each.values()))) is not None:
                kinds.add(kind)
                if kind is CredentialKind.TOKEN:
                    named = frozenset(str(scope) for several in way.values() for scope in several or ())
                    scopes.add(named - STANDARD)
            else:
                unknown += [" with ".join(each)]
        why = "" if kinds else f"it needs a credential of a kind that is not supported: {', '.join(unknown)}"
        why = why or (_ALTERNATIVES if len(scopes) > 1 else "")
        needed = frozenset[str]().union(*scopes)
        return replace(one, access=OperationAccess.PROTECTED, kinds=frozenset(kinds), scopes=needed, why=why)

    def _kind(self, name: str) -> CredentialKind | None:
        """The kind of credential of a security scheme; None: it is not supported."""
        components = self._document.root.get("components")
        schemes = components.get("securitySchemes") if isinstance(components, dict) else None
        scheme = self._document.resolved((schemes or {}).get(name))
        of, place, called = scheme.get("type"), scheme.get("in"), str(scheme.get("name")).lower()
        if of in {"oauth2", "openIdConnect"} or (of == "http" and str(scheme.get("scheme")).lower() == "bearer"):
            return CredentialKind.TOKEN
        if of != "apiKey":
            return None
        identity = self._target.identity
        keys, session = (identity.api_keys, identity.session) if identity is not None else (None, None)
        if place == "header" and called == "authorization":
            return CredentialKind.TOKEN
        if place == "header" and keys is not None and keys.header.lower() == called:
            return CredentialKind.KEY
        return (
            CredentialKind.SESSION
            if place == "cookie" and session is not None and session.cookie.lower() == called
            else None
        )

    def _carrying(self) -> frozenset[str]:
        """Headers that have a credential, also where the description names them as parameters: each call has its own, or none."""
        identity = self._target.identity
        keys, session = (identity.api_keys, identity.session) if identity is not None else (None, None)
        csrf = session.csrf if session is not None else None
        return frozenset(one.header.lower() for one in (keys, csrf) if one is not None) | {"cookie", "origin"}

    def _taking(self, one: GuardedOperation, item: Mapping[str, Any], operation: Mapping[str, Any]) -> GuardedOperation:
        """The operation with values for what it requires."""
        known = self._target.api.values if self._target.api is not None else {}
        given: dict[str, Any] = {}
        names: dict[str, list[str]] = {"query": [], "header": []}
        ignored, key_header = _IGNORED | self._carrying(), KEY_HEADER
        for (name, place), parameter in self._document.parameters(item, operation).items():
            if place == "header" and "idempoten" in name.lower():
                key_header = name
            if place == "path" or (parameter.get("required") is True and place in names):
                if place == "header" and name.lower() in ignored:
                    continue
                listed = names.get(place)
                if listed is not None:
                    listed.append(name)
                examples = [*known.get(name, ()), *examples_of(self._document, parameter)]
                schema = parameter.get("schema")
                # a made-up part of a path names nothing that exists
                made = None if place == "path" else _or_none(self._document, schema)
                given[name] = next(iter([*examples, *_named(self._document, schema)]), made)
        media, body = self._body(one.name, operation)
        return replace(
            one,
            given=given,
            query=tuple(names["query"]),
            headers=tuple(names["header"]),
            key_header=key_header,
            media=media,
            body=body,
        )

    def _body(self, name: str, operation: Mapping[str, Any]) -> tuple[str, Any]:
        """Content type and value of the body; both empty where it may be left out or has none."""
        if (given := self._bodies.get(name)) is not None:
            return "application/json", dict(given)
        described = self._document.resolved(operation.get("requestBody"))
        content = described.get("content")
        media = {str(key): value for key, value in content.items()} if isinstance(content, dict) else {}
        named = next((key for key in media if _JSON.fullmatch(key)), None)
        if named is None:
            if described.get("required") is True:
                raise NoSampleError(f"a body of {', '.join(media) or 'no type'} is not supported, only JSON")
            return "", None
        holder = self._document.resolved(media[named])
        examples = examples_of(self._document, holder)
        return named, examples[0] if examples else sample(self._document, holder.get("schema", {}))


def _or_none(document: OpenApiDocument, schema: Any) -> Any:
    """A value for a parameter; None where none can be made: the target file may name one."""
    try:
        return sample(document, schema or {})
    except NoSampleError:
        return None


def _named(document: OpenApiDocument, schema: Any) -> list[Any]:
    """The values that a schema of a parameter names."""
    found = document.resolved(schema)
    listed = found["enum"] if isinstance(found.get("enum"), list) else []
    return [*examples_of(document, found), *(found[key] for key in ("default", "const") if key in found), *listed]
