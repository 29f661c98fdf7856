"""Bodies of requests, read up to a limit.

JSON is bounded in depth and number of values before it is used.

The API server is one event loop: what one request may send bounds how long it can keep the others waiting.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NoReturn

from readiness_sandbox.cluster.statuses import StatusError, bad_request, too_large

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

BODY_LIMIT: Final = 3 * 512 * 1024
"""Bytes; what a real cluster can store in one object (etcd's limit of a request)."""
DEEPEST: Final = 64
"""Levels of nesting; Kubernetes' own objects have fewer than 30."""
MOST_VALUES: Final = 20_000
"""Values in one body or object; the largest object of the platform has some hundreds."""

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_NOT_BRACKETS: Final = bytes(each for each in range(256) if each not in b"[]{}")
_OPENS: Final = frozenset(b"[{")


async def read_body(request: Request) -> bytes:
    """The body of a request; reading stops at the limit of its size.

    Raises:
        StatusError: 413.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > len(str(BODY_LIMIT)) or int(declared) > BODY_LIMIT):
        raise too_large(BODY_LIMIT)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_LIMIT:
            raise too_large(BODY_LIMIT)
        parts.append(part)
    return b"".join(parts)


def parsed(body: bytes) -> Any:
    """The JSON value of a body; an empty one is an empty object.

    Raises:
        StatusError: 400, it is not JSON, or nested too deeply; 413, it has too many values.
    """
    if not body:
        return {}
    _require_bounded_text(body)
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
        if b"\\u" in body:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise bad_request("the body is not valid JSON: it has half of a surrogate pair") from None
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the body is not valid JSON: {error}") from None
    return value


class _Repeated(dict[str, Any]):
    """An object in which names come more than once; the last value counts."""

    twice: list[str]


def duplicates(body: bytes) -> list[str]:
    """The paths of names that come more than once in an object of this JSON text, which was read before."""
    found = False

    def paired(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        if len(names := dict(pairs)) == len(pairs):
            return names
        repeated, found = _Repeated(names), True
        repeated.twice = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
        return repeated

    value = json.loads(body, object_pairs_hook=paired) if body else {}
    return list(_repeated(value, "")) if found else []


def _repeated(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, _Repeated):
        yield from (f"{path}.{name}" if path else name for name in value.twice)
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _repeated(below, f"{path}.{name}" if path else name)
    if isinstance(value, list):
        for i, below in enumerate(value):
            yield from _repeated(below, f"{path}[{i}]")


def require_bounded(value: Any) -> None:
    """Refuse a value that a patch made too large or too deep.

    Parts that are shared count each time.

    Raises:
        StatusError: 400 too deep, 413 too many values.
    """
    level, count = [value], 1
    for _ in range(DEEPEST + 1):
        below: list[Any] = []
        for each in level:
            children = each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
            count += len(children)
            if count > MOST_VALUES:
                raise _too_many()
            below += children
        if not below:
            return
        level = below
    raise _too_deep()


def _require_bounded_text(body: bytes) -> None:
    """The same of JSON text, without making values of it.

    Text that is not JSON is left to the parser.
    """
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MOST_VALUES or body.count(b"[") > DEEPEST:
        body = _STRING.sub(b"", body)
    elif body.count(b"{") <= DEEPEST:
        return
    brackets = body.translate(None, _NOT_BRACKETS)
    if body.count(b",") + len(brackets) // 2 > MOST_VALUES:
        raise _too_many()
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket in _OPENS else -1
        if depth > DEEPEST:
            raise _too_deep()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _too_deep() -> StatusError:
    return bad_request(f"the value is nested too deeply: at most {DEEPEST} levels are read")


def _too_many() -> StatusError:
    return StatusError(413, "RequestEntityTooLarge", f"the value has too many parts: at most {MOST_VALUES} are read")
