"""The write ledger: numbered writes through the entry, acknowledged or not.

One in ten acknowledged writes is sent again with its key, as a client does after a lost answer; a platform that ignores
the key stores the write twice. One in five is read back immediately through the entry, as a user does after a
confirmation.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, ClassVar, Final

from harness.drivers.watch.recorder import WatchRecorder
from harness.drivers.watch.schedule import ProbeSchedule
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Pace, Watcher, Watching
from harness.evidence.rows import RowWriter
from harness.model.records.items import LEDGER_READS, LEDGER_WRITES, outcome_of
from harness.targets.files.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.drivers.watch.entry.wires import ProbeResponse, Wires

DEADLINE_S: Final = 2.0
"""Timeout of a write in s."""

READ_S: Final = 1.0
"""Timeout in s of a client's read of its own write."""

_NEW_EACH: Final = 10
_READ_EACH: Final = 5
_AGAIN_EACH: Final = 10


def checksum(client: int, sequence: int) -> str:
    """The checksum in the row of a write, 16 hexadecimal digits."""
    return hashlib.sha256(f"ledger:{client}:{sequence}".encode()).hexdigest()[:16]


def outcome(answer: ProbeResponse) -> str:
    """The outcome of a write: `accepted` (201), `refused` (nothing was sent, or a client error) or `unknown`.

    A server error is `unknown`, since the write may have been committed before the error.
    """
    if answer.error is not None:
        return "unknown" if answer.on_the_way else "refused"
    return outcome_of(ok=answer.status == 201, status=answer.status)


def held_in(body: bytes) -> list[tuple[int, str]]:
    """Sequence numbers and checksums in an answer `{"rows": [[sequence, checksum], …]}`.

    Raises:
        ValueError: the answer has another form.
    """
    try:
        return [(int(sequence), str(held)) for sequence, held in json.loads(body)["rows"]]
    except (KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError('the answer is not {"rows": [[sequence, checksum], …]}') from error


def found(answer: ProbeResponse, client: int, sequence: int) -> tuple[str, str | None]:
    """The result of a read of one write: `found`, `absent`, `wrong`, or `unknown` with a reason."""
    if answer.error is not None or answer.status != 200:
        return "unknown", answer.error or f"status {answer.status}"
    try:
        held = [held for number, held in held_in(answer.body) if number == sequence]
    except ValueError:
        return "unknown", "wrong body"
    if not held:
        return "absent", None
    return ("found", None) if set(held) == {checksum(client, sequence)} else ("wrong", None)


class LedgerClients:
    """Clients that write in turn; each client numbers its writes 0, 1, 2, ….

    `reads` is the row file for reads of own writes; None if the target has no path for them.
    """

    def __init__(
        self, *, clients: tuple[int, ...], path: str, wires: Wires, rows: RowWriter, reads: RowWriter | None = None
    ) -> None:
        self._clients = clients
        self._path = path
        self._wires = wires
        self._rows = rows
        self._reads = reads
        self._count = 0
        self._acknowledged = 0

    async def write(self, due_ns: int) -> None:
        """Send the next write and record its outcome; read back every fifth acknowledged write."""
        sequence, turn = divmod(self._count, len(self._clients))
        fresh = self._count % _NEW_EACH == 0
        self._count += 1
        client = self._clients[turn]
        body = {"client": client, "sequence": sequence, "checksum": checksum(client, sequence)}
        key = f"{client}-{sequence}"
        answer = await self._send(body, key, fresh=fresh)
        came = outcome(answer)
        error = None if came == "accepted" else answer.error or f"status {answer.status}"
        self._acknowledged += came == "accepted"
        nth, again = self._acknowledged if came == "accepted" else 0, 0
        try:
            if nth and nth % _AGAIN_EACH == 1:
                again = (await self._send(body, key)).status
        finally:  # a write without a row would count as never sent
            ints = (sequence, client, answer.sent_ns, answer.done_ns, due_ns, answer.status, again)
            self._rows.put(ints, (came, error))
        if nth and nth % _READ_EACH == 0 and self._reads is not None:
            await self._read_own(client, sequence, self._reads)

    async def _send(self, body: Mapping[str, object], key: str, *, fresh: bool = False) -> ProbeResponse:
        return await self._wires.ask(
            "POST",
            self._path,
            within_s=DEADLINE_S,
            fresh=fresh,
            headers={"content-type": "application/json", "idempotency-key": key},
            content=json.dumps(body).encode(),
        )

    async def _read_own(self, client: int, sequence: int, reads: RowWriter) -> None:
        path = f"{self._path}?client={client}&sequence={sequence}"
        answer = await self._wires.ask("GET", path, within_s=READ_S)
        reads.put((sequence, client, answer.done_ns, answer.sent_ns, answer.status), found(answer, client, sequence))


class LedgerWatcher(Watcher):
    """Sends numbered writes through the entry."""

    name: ClassVar[str] = "ledger"
    file: ClassVar[str] = "watch/ledger-writes.rows"

    _recorder: WatchRecorder
    _rates: Rates
    _writes: ProbeSchedule | None = None

    def needs(self, target: Target) -> bool:
        """Whether the target has the key `ledger`."""
        return target.ledger is not None

    def per_s(self, rates: Rates) -> float:
        """Planned writes per second of all clients together."""
        return rates.ledger

    def begin(self, here: Watching) -> None:
        """Start one schedule for all clients, which take turns."""
        ledger, recorder = here.target.ledger, here.recorder
        if ledger is None:
            return
        clients = LedgerClients(
            clients=here.settings.clients,
            path=ledger.path,
            wires=here.wires_to(here.target.entry),
            rows=recorder.rows("ledger-writes", LEDGER_WRITES),
            reads=recorder.rows("ledger-reads", LEDGER_READS) if ledger.read else None,
        )
        self._recorder, self._rates = recorder, here.settings.rates
        self._writes = here.schedule(self.name, self._rates.ledger, clients.write, phase=0.6)

    def pace(self, pace: Pace) -> None:
        """Write more often while a fault may be active."""
        if self._writes is None:
            return
        per_s = self._rates.ledger_in_fault if pace.fault_in else self._rates.ledger
        self.respace(self._recorder, per_s, [self._writes])
