"""The ledger: numbered writes through the entry, each sent once, of which none may be lost once it is acknowledged."""

from __future__ import annotations

import hashlib
import json
from typing import Final

from harness.drivers.watch.wires import Answer, Wires
from harness.evidence.rows import RowWriter

DEADLINE_S: Final = 2.0
"""A client waits this long for its acknowledgement."""

_NEW_EACH: Final = 10
_MAYBE_WRITTEN: Final = frozenset({408, 409})
"""Client errors that a server may give although an earlier copy of the request (a proxy's retry) was written."""


def checksum(client: int, sequence: int) -> str:
    """What the row of a write must hold beside its numbers: 16 hexadecimal digits."""
    return hashlib.sha256(f"ledger:{client}:{sequence}".encode()).hexdigest()[:16]


def outcome(answer: Answer) -> str:
    """`ok` (201), `refused` (certainly not written: nothing was sent, or a client error), else `unknown`.

    A server error is unknown: the write may have been committed before the answer went wrong.
    """
    if answer.error is not None:
        return "unknown" if answer.on_the_way else "refused"
    if answer.status == 201:
        return "ok"
    if 400 <= answer.status < 500 and answer.status not in _MAYBE_WRITTEN:
        return "refused"
    return "unknown"


class LedgerClients:
    """Clients that take turns; each numbers its writes 0, 1, 2… and never sends one again."""

    def __init__(self, *, clients: tuple[int, ...], path: str, wires: Wires, rows: RowWriter) -> None:
        self._clients = clients
        self._path = path
        self._wires = wires
        self._rows = rows
        self._count = 0

    async def write(self, due_ns: int) -> None:
        """Send the next write and record what came of it."""
        sequence, turn = divmod(self._count, len(self._clients))
        fresh = self._count % _NEW_EACH == 0
        self._count += 1
        client = self._clients[turn]
        body = {"client": client, "sequence": sequence, "checksum": checksum(client, sequence)}
        answer = await self._wires.ask(
            "POST",
            self._path,
            within_s=DEADLINE_S,
            fresh=fresh,
            headers={"content-type": "application/json", "idempotency-key": f"{client}-{sequence}"},
            content=json.dumps(body).encode(),
        )
        came = outcome(answer)
        error = None if came == "ok" else answer.error or f"status {answer.status}"
        self._rows.put((client, sequence, due_ns, answer.sent_ns, answer.done_ns, answer.status), (came, error))
