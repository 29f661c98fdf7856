"""Reads and health at the entries: is the platform there for a user, now?"""

from __future__ import annotations

import json
from typing import Final

from harness.drivers.watch.wires import Answer, Wires
from harness.evidence.rows import RowWriter

WAIT_S: Final = 1.0
"""A probe waits this long for its answer."""

_NEW_EACH: Final = 10
"""One probe in ten opens a connection, which the next nine keep."""


class Prober:
    """Asks one path at one entry again and again; one row of PROBES a look."""

    def __init__(self, *, subject: str, kind: str, path: str, wires: Wires, rows: RowWriter) -> None:
        self._subject = subject
        self._kind = kind
        self._path = path
        self._wires = wires
        self._rows = rows
        self._count = 0

    async def look(self, due_ns: int) -> None:
        """Probe once and record it."""
        fresh = self._count % _NEW_EACH == 0
        self._count += 1
        answer = await self._wires.ask("GET", self._path, within_s=WAIT_S, fresh=fresh)
        self._rows.put(
            (due_ns, answer.sent_ns, answer.done_ns, answer.status),
            (self._subject, self._kind, "kept" if answer.kept else "new", wrong(answer)),
        )


def wrong(answer: Answer) -> str | None:
    """What is wrong with the answer to a read, in a word or two; None when it is as it should be: 200 with a body that is what it says."""
    if answer.error is not None:
        return answer.error
    if answer.status != 200:
        return f"status {answer.status}"
    return None if _sound(answer) else "wrong body"


def _sound(answer: Answer) -> bool:
    if not answer.is_json:
        return bool(answer.body)
    try:
        json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return True
