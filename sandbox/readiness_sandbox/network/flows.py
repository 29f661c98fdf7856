"""The log of connections that the network keeps, in the format of Cilium's Hubble exporter.

One JSON object a line, in a file that is rotated.
https://docs.cilium.io/en/stable/observability/hubble/configuration/export/. A line is written for each connection that began, and for each that
policy refused; of Hubble's fields it has those that say who called whom.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from harness import clock

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from readiness_sandbox.network.seam import Endpoint

MOST_BYTES: Final = 10 << 20
BACKUPS: Final = 5
"""Hubble's own defaults.

`hubble-export-file-max-size-mb`, `hubble-export-file-max-backups`.
"""
HOST_ADDRESS: Final = "127.0.0.1"

JsonObject = dict[str, Any]
_FORWARDED: Final[JsonObject] = {"verdict": "FORWARDED", "traffic_direction": "EGRESS"}
_DENIED: Final[JsonObject] = {
    "verdict": "DROPPED",
    "traffic_direction": "INGRESS",
    "drop_reason": 133,
    "drop_reason_desc": "POLICY_DENIED",
}


def _fields(content: JsonObject) -> str:
    """The fields of a JSON object, without its braces."""
    return json.dumps(content, separators=(",", ":"))[1:-1]


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowEnds:
    """Both ends of a connection, as far as addresses tell them.

    Attributes:
        caller: address of the caller. port: of the caller.
        callee: whom it was to reach.
        service: `namespace/name` of the Service that was called.
    """

    caller: str
    port: int
    callee: Endpoint
    service: str


class FlowLogWriter:
    """Writes the log; `known` says who is at an address."""

    def __init__(self, file: Path) -> None:
        self._path = file
        self._known: dict[str, JsonObject] = {HOST_ADDRESS: {"labels": ["reserved:host"]}}
        self._texts: dict[tuple[str, Endpoint, str, str], tuple[str, str]] = {}
        self._file = self._opened()

    def known(self, address: str, endpoint: JsonObject) -> None:
        """From now on this endpoint is at that address.

        `namespace`, `pod_name`, `labels` and `workloads` as Hubble names them.
        """
        self._known[address] = endpoint
        self._texts.clear()

    def forwarded(self, ends: FlowEnds) -> None:
        """A connection was made."""
        self._write(ends, _FORWARDED)

    def denied(self, ends: FlowEnds) -> None:
        """Policy refused a connection, at the callee."""
        self._write(ends, _DENIED)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, ends: FlowEnds, decided: JsonObject) -> None:
        """Write a line: all but the time and the caller's port is the same for each connection of a pair."""
        pair = (ends.caller, ends.callee, ends.service, decided["verdict"])
        if pair not in self._texts:
            self._texts[pair] = self._around_port(ends, decided)
        (before, after), now = self._texts[pair], clock.wall_text()
        line = f'{{"flow":{{"time":"{now}",{before}{ends.port}{after}}},"time":"{now}"}}\n'.encode()
        if self._file.tell() + len(line) > MOST_BYTES:
            self._rotate()
        self._file.write(line)

    def _around_port(self, ends: FlowEnds, decided: JsonObject) -> tuple[str, str]:
        """The fields of a flow but for its time, before and after the caller's port."""
        namespace, _, service = ends.service.partition("/")
        first = {
            **decided,
            "IP": {"source": ends.caller, "destination": ends.callee.address, "ipVersion": "IPv4"},
        }
        tcp = {"destination_port": ends.callee.port, "flags": {"SYN": True}}
        last = {
            "source": self._known.get(ends.caller, {}),
            "destination": self._known.get(ends.callee.address, {}),
            "Type": "L3_L4",
            "is_reply": False,
            "destination_service": {"name": service, "namespace": namespace},
            "Summary": "TCP Flags: SYN",
        }
        return f'{_fields(first)},"l4":{{"TCP":{{"source_port":', f",{_fields(tcp)}}}}},{_fields(last)}"

    def _rotate(self) -> None:
        self._file.close()
        for number in range(BACKUPS, 0, -1):
            older = self._backup(number)
            if older.exists():
                older.unlink() if number == BACKUPS else older.rename(self._backup(number + 1))
        self._path.rename(self._backup(1))
        self._file = self._opened()

    def _backup(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.stem}-{number}{self._path.suffix}")

    def _opened(self) -> BinaryIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        opened = self._path.open("ab", buffering=0)
        opened.seek(0, os.SEEK_END)
        return opened
