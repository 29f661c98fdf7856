"""Large answers in pieces: between two of them the event loop serves everybody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

from starlette.responses import Response, StreamingResponse

from harness import clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from readiness_sandbox.cluster.statuses import Object

T = TypeVar("T")
AT_ONCE: Final = 100
"""Objects that are worked on before others have their turn."""
_BYTES: Final = 1 << 18
"""The same of bytes."""


def encoded(value: Any) -> bytes:
    """A value as compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


async def in_turns(values: Iterable[T]) -> AsyncIterator[T]:
    """The values; others have their turn after each `AT_ONCE`."""
    for number, value in enumerate(values, start=1):
        yield value
        if number % AT_ONCE == 0:
            await clock.asleep(0)


async def listed(head: Object, key: str, objects: Sequence[Object], shown: Callable[[Object], Object]) -> Response:
    """`head` as JSON with one more key, a list of what `shown` makes of each object.

    Streamed when it is long.
    """
    pieces = _pieces(head, key, objects, shown)
    first = [await anext(pieces, b"")]
    second = await anext(pieces, None)
    if second is None:
        return Response(first[0], media_type="application/json")

    async def stream() -> AsyncIterator[bytes]:
        yield first.pop()
        yield second
        async for piece in pieces:
            yield piece

    return StreamingResponse(stream(), media_type="application/json")


async def _pieces(
    head: Object, key: str, objects: Sequence[Object], shown: Callable[[Object], Object]
) -> AsyncIterator[bytes]:
    """The bytes of the answer, at most some more than `_BYTES` or `AT_ONCE` objects at once."""
    parts, size = [encoded(head)[:-1], b"," if head else b"", encoded(key), b":["], 0
    for number, obj in enumerate(objects):
        part = encoded(shown(obj))
        parts += [b",", part] if number else [part]
        size += len(part)
        if size > _BYTES or (number + 1) % AT_ONCE == 0:
            yield b"".join(parts)
            parts, size = [], 0
            await clock.asleep(0)
    yield b"".join([*parts, b"]}"])
