"""Aligns the clocks of two machines by exchanging times."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

KEPT: Final = 20
"""Number of latest exchanges that are compared; the quickest of them counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Aligned:
    """The offset of another clock in ns, with its residual, measured at a moment of our own."""

    at_ns: int
    offset_ns: int
    residual_ns: int


class Alignment:
    """Finds the offset of a clock from questions and answers.

    Sent at `s`, answered at `a` by the other clock, received at `r`: wherever in between the answer was made, the other
    clock is ahead by `a - (s + r) / 2`, give or take `(r - s) / 2`; of several exchanges the quickest says it best
    (Mills, Internet time synchronization, IEEE Transactions on Communications 39, 1991).
    """

    def __init__(self) -> None:
        self._exchanges: deque[tuple[int, int, int]] = deque(maxlen=KEPT)

    def add(self, sent_ns: int, there_ns: int, received_ns: int) -> None:
        """One question and its answer."""
        self._exchanges.append((sent_ns, there_ns, received_ns))

    @property
    def settled(self) -> bool:
        """Whether enough exchanges were made to compare."""
        return len(self._exchanges) == KEPT

    def best(self) -> Aligned | None:
        """The present estimate of the offset; None before the first answer.

        Clocks that may be one, as of one machine, are taken for one.
        """
        if not self._exchanges:
            return None
        sent_ns, there_ns, received_ns = min(self._exchanges, key=lambda exchange: exchange[2] - exchange[0])
        offset_ns, residual_ns = there_ns - (sent_ns + received_ns) // 2, (received_ns - sent_ns + 1) // 2
        if abs(offset_ns) <= residual_ns:
            offset_ns = 0
        return Aligned(at_ns=received_ns, offset_ns=offset_ns, residual_ns=residual_ns)
