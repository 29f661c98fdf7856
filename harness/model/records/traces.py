"""Trace ids of the requests of journeys, which are not recorded: they follow from what the row of a request names.

The header is that of W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context/). Each load worker has four numbers of 8 bytes, the parts of
the SHA-256 of `RUN/TRAFFIC/WORKER`. The first half of a trace id is the first of them. The second half is K + JOURNEY · A + REQUEST · B modulo 2⁶⁴,
where K, A and B are the others, A and B with their last bit set. So the ids of a worker differ, and are spread evenly over all numbers, as
samplers of traces need. A hash for each request would cost 5 % of its processor time, this costs 2 % (`benchmarks/load_cost.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

HEADER: Final = "traceparent"
_HALF: Final = (1 << 64) - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceIds:
    """The trace ids of the requests of one load worker.

    Attributes:
        half: first half of every trace id, 16 hexadecimal digits.
        begin: header line up to the second half.
        start, of_journey, of_request: the numbers K, A and B.
    """

    half: str
    begin: str
    start: int
    of_journey: int
    of_request: int

    @classmethod
    def of(cls, run: str, traffic: str, worker: int) -> Self:
        """The trace ids of a worker of a traffic in a run."""
        digest = sha256(f"{run}/{traffic}/{worker}".encode()).digest()
        start, of_journey, of_request = (int.from_bytes(digest[at : at + 8]) for at in (8, 16, 24))
        half = digest[:8].hex()
        return cls(
            half=half, begin=f"{HEADER}: 00-{half}", start=start, of_journey=of_journey | 1, of_request=of_request | 1
        )

    def header(self, journey: int, request: int) -> str:
        """The header line of a request, with the flag `sampled`; the id of its span is the second half of the trace id.

        Args:
            journey: number of the journey in the worker, from 1.
            request: place of the request in the journey, from 1.
        """
        half = f"{(self.start + journey * self.of_journey + request * self.of_request) & _HALF:016x}"
        return f"{self.begin}{half}-{half}-01\r\n"

    def trace_id(self, journey: int, request: int) -> str:
        """The trace id of a request, 32 hexadecimal digits; see `header`."""
        return f"{self.half}{(self.start + journey * self.of_journey + request * self.of_request) & _HALF:016x}"


def names_a_trace(headers: Iterable[str]) -> bool:
    """Whether one of these names of headers is `traceparent`, in any case."""
    return any(name.lower() == HEADER for name in headers)
