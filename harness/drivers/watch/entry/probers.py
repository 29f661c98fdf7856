"""Probes of the entries: reads of a stored record, and the health path."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from harness.evidence.rows import RowWriter
from harness.targets.files.expect import fits
from harness.targets.files.parts import ReadProbe

if TYPE_CHECKING:
    from harness.drivers.watch.entry.wires import ProbeResponse, Wires

WAIT_S: Final = 1.0
"""Timeout of a probe in s."""

_NEW_EACH: Final = 10
"""One probe in ten opens a connection, which the next nine reuse."""


class Prober:
    """Probes one path at one entry; writes one row of PROBES per probe.

    Args:
        subject: `entry`, or the name of a region.
        kind: kind of the probe, `read` or `health`.
        read: path to request, and expected content of the answer.
        wires: connections to the entry.
        rows: row file of the probes.
    """

    def __init__(self, *, subject: str, kind: str, read: ReadProbe, wires: Wires, rows: RowWriter) -> None:
        self._subject = subject
        self._kind = kind
        self._read = read
        self._wires = wires
        self._rows = rows
        self._count = 0

    async def probe(self, due_ns: int) -> None:
        """Send one probe and record the answer."""
        fresh = self._count % _NEW_EACH == 0
        self._count += 1
        answer = await self._wires.ask("GET", self._read.path, within_s=WAIT_S, fresh=fresh)
        why = wrong(answer, self._read.expect, silent=self._kind == "health")
        self._rows.put(
            (due_ns, answer.sent_ns, answer.done_ns, answer.status),
            (self._subject, self._kind, "kept" if answer.kept else "new", answer.served_pod or None, why),
        )


def wrong(answer: ProbeResponse, expect: Mapping[str, object], *, silent: bool = False) -> str | None:
    """The fault of an answer in a few words; None if the answer has status 200 and the expected body.

    A health path without a body may also answer 204.

    Without expectations the body must not be empty. A body of type JSON must then be valid JSON, other than `null` and
    an object with the key `error`.

    Args:
        answer: answer to the probe.
        expect: expected values by key of the body.
        silent: whether an empty body is accepted, as many health paths return none.
    """
    if answer.error is not None:
        return answer.error
    if silent and answer.status == 204:
        return None
    if answer.status != 200:
        return f"status {answer.status}"
    sound = fits(answer.body, expect) if expect else (silent and not answer.body) or _sound(answer)
    return None if sound else "wrong body"


def _sound(answer: ProbeResponse) -> bool:
    if not answer.is_json:
        return bool(answer.body)
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return value is not None and not (isinstance(value, dict) and bool(value.get("error")))
