"""What an OpenAPI document says of who is let in: operations that need a bearer token, those that need none, and how a user gets one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from harness.errors import UsageError
from harness.targets.openapi.document import OpenApiDocument

FILE: Final = "openapi.json"
"""Name of the document's copy in the project."""
PASSWORD: Final = "TEST_PASSWORD"  # noqa: S105 - a name
"""Environment variable with the password of the test user."""
_METHODS: Final = ("get", "head", "options", "post", "put", "patch", "delete")
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_OF_USERS: Final = ("username", "user", "email", "login", "name")
_TOKENS: Final = ("access_token", "token", "accessToken", "jwt")


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentedSignIn:
    """A POST that gives a user a token.

    Attributes:
        path: its path at the entry.
        body: `json` or `form`.
        user, password: keys of its body.
        token: key of the token in the answer.
    """

    path: str
    body: str
    user: str
    password: str
    token: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentedTrust:
    """Who is let in, as a document says it.

    Attributes:
        document: the document, as JSON.
        protected: operations that need a bearer token; without any there is nothing to judge.
        public: operations that the document does not protect.
        writes: protected operations that change data.
        objects: names of parameters in the paths of protected operations.
        sign_in: how a user gets a token; None: the document does not say it.
        test_user: name of a test user; empty: not known.
    """

    document: bytes
    protected: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    sign_in: DocumentedSignIn | None = None
    test_user: str = ""

    @property
    def known(self) -> bool:
        """Whether the harness can sign in by itself, given the password."""
        return self.sign_in is not None and bool(self.test_user)


def documented_trust(document: OpenApiDocument, *, sign_in: str = "", test_user: str = "") -> DocumentedTrust:
    """Who is let in, as a document says it.

    Args:
        document: the document.
        sign_in: path of the POST that gives a token, at the entry; empty: that of the password flow of OAuth 2 in the document.
        test_user: name of a test user.

    Raises:
        UsageError: the document has no POST of that path.
    """
    protected, public, objects = list[str](), list[str](), list[str]()
    for name, path, operation in _operations(document):
        if _needs_token(document, operation):
            protected.append(name)
            objects += [part.partition("}")[0] for part in path.split("{")[1:]]
        elif not _ways(document, operation):
            public.append(name)
    found = DocumentedTrust(
        document=(json.dumps(document.root, indent=1, ensure_ascii=False) + "\n").encode(),
        protected=tuple(protected),
        public=tuple(public),
        writes=tuple(one for one in protected if one.partition(" ")[0] not in _READS),
        objects=tuple(dict.fromkeys(objects)),
        test_user=test_user,
    )
    return replace(found, sign_in=_sign_in(document, sign_in)) if protected else found


def _operations(document: OpenApiDocument) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name, path and content of each operation."""
    for path, item in document.root["paths"].items():
        resolved = document.resolved(item)
        for method in _METHODS:
            if isinstance(operation := resolved.get(method), dict):
                whole = document.base_of(resolved, operation) + str(path)
                yield f"{method.upper()} {whole}", whole, operation


def _ways(document: OpenApiDocument, operation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The alternatives of credentials; none where a call without a credential is one of them."""
    ways = operation.get("security", document.root.get("security"))
    return [] if not isinstance(ways, list) or {} in ways else [way for way in ways if isinstance(way, dict)]


def _schemes(document: OpenApiDocument) -> dict[str, dict[str, Any]]:
    components = document.resolved(document.root.get("components"))
    found = components.get("securitySchemes") or document.root.get("securityDefinitions")
    return {str(name): document.resolved(one) for name, one in found.items()} if isinstance(found, dict) else {}


def _needs_token(document: OpenApiDocument, operation: Mapping[str, Any]) -> bool:
    """Whether a bearer token alone lets a call in."""
    schemes = _schemes(document)
    alone = [schemes.get(next(iter(way)), {}) for way in _ways(document, operation) if len(way) == 1]
    return any(
        one.get("type") in {"oauth2", "openIdConnect"}
        or (one.get("type") == "http" and str(one.get("scheme")).lower() == "bearer")
        for one in alone
    )


def _sign_in(document: OpenApiDocument, given: str) -> DocumentedSignIn | None:
    """The POST that gives a token; without one that is named, that of the password flow."""
    path = given or next(filter(None, (_password_flow(document, one) for one in _schemes(document).values())), "")
    if not path:
        return None
    operation = next((one for name, _, one in _operations(document) if name == f"POST {path}"), None)
    if operation is None:
        if given:
            hint = "name a path that the document has, or leave `--sign-in` out"
            raise UsageError(f"the document has no POST {path}", where="--sign-in", hint=hint)
        return None
    content = document.resolved(operation.get("requestBody")).get("content")
    media = content if isinstance(content, dict) else {}
    kind = _FORM if _FORM in media else _JSON
    keys = _keys(document, document.resolved(media.get(kind)).get("schema"))
    answers = [document.resolved(one) for one in document.resolved(operation.get("responses")).values()]
    bodies = [document.resolved(one.get("content")).get(_JSON) for one in answers]
    tokens = [key for one in bodies for key in _keys(document, document.resolved(one).get("schema"))]
    return DocumentedSignIn(
        path=path,
        body="form" if kind == _FORM else "json",
        user=next((key for key in _OF_USERS if key in keys), _OF_USERS[0]),
        password=next((key for key in keys if "password" in key.lower()), "password"),
        token=next((key for key in _TOKENS if key in tokens), _TOKENS[0]),
    )


def _password_flow(document: OpenApiDocument, scheme: Mapping[str, Any]) -> str:
    """The path of the token endpoint of a scheme's password flow; empty: it has none at the entry."""
    flow = document.resolved(document.resolved(scheme.get("flows")).get("password"))
    address = str(flow.get("tokenUrl") or "")
    if not address or "://" in address:
        return ""
    return address if address.startswith("/") else f"{document.base_of({}, {})}/{address}"


def _keys(document: OpenApiDocument, schema: Any) -> tuple[str, ...]:
    properties = document.resolved(schema).get("properties")
    return tuple(map(str, properties)) if isinstance(properties, dict) else ()
