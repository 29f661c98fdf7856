"""Builds the OpenAPI document of an application: the routes that it serves, with what `operations` says of each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from ..dropped import FIELD, described  # noqa: TID252 - a package of the platform
from ..trust.rules import KEY_HEADER, SESSION_COOKIE  # noqa: TID252 - as above
from .operations import OPERATIONS, Content, Refusal, TypedOperation, TypedParameter
from .trusted import TRUSTED

_SCHEMAS: Final = "#/components/schemas/{model}"
_WAYS: Final = {
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
    "key": {"type": "apiKey", "in": "header", "name": KEY_HEADER},
}
"""How a caller shows who it is."""
_IDENTITY: Final = ("x-served-region", "x-served-pod", "x-release")
"""Headers of every answer."""
_BEHIND_A_BALANCER: Final = frozenset({"api-gateway"})
_OF_THE_BALANCER: Final = {
    "502": {"description": "no region answered"},
    "504": {"description": "no region answered in time"},
}
"""Answers that the entry gives where no gateway does."""
_WORDS: Final = {
    401: "no token, or one that is not valid",
    403: "not with this token",
    404: "there is no such thing",
    503: "not now: try again",
}


def document(app: web.Application, *, service: str, release: str) -> dict[str, Any]:
    """The description of what an application serves, as OpenAPI 3.1.

    A route that neither `OPERATIONS` nor `TRUSTED` has is left out, and standard error names it.
    """
    served = dict(_served(app))
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), operation in served.items():
        paths.setdefault(path, {})[method.lower()] = _operation(operation, behind=service in _BEHIND_A_BALANCER)
    ways = {way for one in served.values() for way in one.ways if one.token} | {"token"}
    return {
        "openapi": "3.1.0",
        "info": {"title": service, "version": release},
        "paths": paths,
        "components": {
            "schemas": _schemas(served.values()),
            "headers": {name: {"required": True, "schema": {"type": "string"}} for name in _IDENTITY},
            "securitySchemes": {name: way for name, way in _WAYS.items() if name in ways},
        },
    }


def _served(app: web.Application) -> Iterator[tuple[tuple[str, str], TypedOperation]]:
    """The operations by method and path; HEAD is that of GET."""
    for route in app.router.routes():
        path = route.resource.canonical if route.resource is not None else ""
        if route.method == "HEAD" or not path:
            continue
        operation = {**OPERATIONS, **TRUSTED}.get(f"{route.method} {path}")
        if operation is None:
            sys.stderr.write(f"{route.method} {path} is served and not described\n")
        else:
            yield (route.method, path), operation


def _operation(one: TypedOperation, *, behind: bool) -> dict[str, Any]:
    answers: dict[int, Any] = dict.fromkeys((*one.refuses, 503), Refusal) | dict(one.answers)
    described_as: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "parameters": [_parameter(name, parameter) for name, parameter in one.parameters.items()],
        "responses": {str(status): _answer(status, answers[status]) for status in sorted(answers)},
        "security": [{way: [one.scope] if one.scope and way == "token" else []} for way in one.ways if one.token],
    }
    if behind:
        described_as["responses"] |= _OF_THE_BALANCER
    if one.body is not None:
        described_as["requestBody"] = {"required": True, "content": _content(one.body)}
    return described_as


def _parameter(name: str, one: TypedParameter) -> dict[str, Any]:
    return {"name": name, "in": one.place, "required": one.required, "schema": TypeAdapter(one.kind).json_schema()}


def _answer(status: int, content: type[BaseModel] | str | None) -> dict[str, Any]:
    said: dict[str, Any] = {
        "description": _WORDS.get(status, "refused" if status >= 400 else "done"),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _IDENTITY},
    }
    if content is not None:
        said["content"] = _content(content)
    return said


def _content(content: type[BaseModel] | str) -> dict[str, Any]:
    if isinstance(content, str):
        schema = {"type": "object"} if content.endswith("json") else {"type": "string"}
        return {content: {"schema": schema}}
    return {"application/json": {"schema": {"$ref": _SCHEMAS.format(model=content.__name__)}}}


def _schemas(served: Any) -> Mapping[str, Any]:
    models = {one.body for one in served if one.body is not None} | {Refusal}
    models |= {one for operation in served for one in operation.answers.values() if isinstance(one, type)}
    ordered = sorted(models, key=lambda one: one.__name__)
    _, found = models_json_schema([(one, "validation") for one in ordered], ref_template=_SCHEMAS)
    schemas: dict[str, Any] = found.get("$defs", {})
    for one in ordered:
        if FIELD and issubclass(one, Content):
            described(schemas[one.__name__])
    return schemas
