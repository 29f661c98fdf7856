"""Aligns the clocks of two machines by exchanging times."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

KEPT: Final = 20
"""Number of latest exchanges that are compared; the fastest exchange counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Aligned:
    """The measured offset of another clock.

    Attributes:
        at_ns: time of the measurement on our clock, in ns.
        offset_ns: offset of the other clock, in ns.
        residual_ns: maximum error of the offset, in ns.
    """

    at_ns: int
    offset_ns: int
    residual_ns: int


class Alignment:
    """Estimates the offset of a clock from questions and answers.

    A question is sent at `s`, answered at `a` on the other clock, and its answer is received at `r`. Then the other
    clock is ahead by `a - (s + r) / 2`, with an error of at most `(r - s) / 2`. The fastest of several exchanges has
    the smallest error (Mills, Internet time synchronization, IEEE Transactions on Communications 39, 1991).
    """

    def __init__(self) -> None:
        self._exchanges: deque[tuple[int, int, int]] = deque(maxlen=KEPT)

    def add(self, sent_ns: int, there_ns: int, received_ns: int) -> None:
        """Add one question and its answer."""
        self._exchanges.append((sent_ns, there_ns, received_ns))

    @property
    def settled(self) -> bool:
        """Whether there are enough exchanges for an estimate."""
        return len(self._exchanges) == KEPT

    def best(self) -> Aligned | None:
        """The present estimate of the offset; None before the first answer.

        Clocks without a significant offset, as on one machine, count as one clock.
        """
        if not self._exchanges:
            return None
        sent_ns, there_ns, received_ns = min(self._exchanges, key=lambda exchange: exchange[2] - exchange[0])
        offset_ns, residual_ns = there_ns - (sent_ns + received_ns) // 2, (received_ns - sent_ns + 1) // 2
        if abs(offset_ns) <= residual_ns:
            offset_ns = 0
        return Aligned(at_ns=received_ns, offset_ns=offset_ns, residual_ns=residual_ns)
