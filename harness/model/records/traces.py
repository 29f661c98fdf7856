"""Trace ids of the requests of journeys, which are not recorded: they follow from what the row of a request names.

The header is that of W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context/). Trace id and parent id are the first 16 and the next 8
bytes of the SHA-256 of `RUN/TRAFFIC/WORKER/JOURNEY/REQUEST`: a hash, since samplers of traces decide by the last bytes of an id.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

HEADER: Final = "traceparent"


def trace_prefix(run: str, traffic: str, worker: int) -> str:
    """What the ids of all requests of one load worker begin with, before they are hashed."""
    return f"{run}/{traffic}/{worker}/"


def trace_id(prefix: str, journey: int, request: int | str) -> str:
    """The trace id of a request, 32 hexadecimal digits.

    Args:
        prefix: prefix of its load worker.
        journey: number of the journey in the worker, from 1.
        request: place of the request in the journey, from 1.
    """
    return sha256(f"{prefix}{journey}/{request}".encode()).hexdigest()[:32]


def traceparent(prefix: str, journey: int, request: int) -> str:
    """The header line of a request, with the flag `sampled`; see `trace_id`."""
    digits = sha256(f"{prefix}{journey}/{request}".encode()).hexdigest()
    return f"{HEADER}: 00-{digits[:32]}-{digits[32:48]}-01\r\n"


def names_a_trace(headers: Iterable[str]) -> bool:
    """Whether one of these names of headers is `traceparent`, in any case."""
    return any(name.lower() == HEADER for name in headers)
