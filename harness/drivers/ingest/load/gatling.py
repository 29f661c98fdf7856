"""Gatling's `simulation.log` of 3.0 to 3.9, which is text; later versions write it in binary, which is refused.

Source: `LogFileDataWriter` of github.com/gatling/gatling at 3.x: records of fields between tabs, times in ms since 1970:
`RUN class id start description version`, `USER scenario … START|END …`, `REQUEST [user] groups name start end OK|KO message`,
`GROUP …`, `ERROR …`, `ASSERTION …`. A request failed where it is `KO`. The log has no status: a KO whose message is that a check
found something else was answered, one with a time-out or an exception was not, of any other that is unknown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from harness.drivers.ingest.formats.plain import shown
from harness.drivers.ingest.load.fields import epoch_ms
from harness.drivers.ingest.load.protocol import (
    ANSWERED,
    UNANSWERED,
    UNKNOWN,
    LoadFormat,
    LoadRemarks,
    LoadSample,
)
from harness.drivers.ingest.load.stream import ReportStream
from harness.units import NS_PER_MS

_KNOWN: Final = frozenset({"RUN", "USER", "REQUEST", "GROUP", "ERROR", "ASSERTION"})
_VERSION: Final = re.compile(r"3\.[0-9](?:\.[0-9A-Za-z.-]{1,40})?")
_FIELDS: Final = (7, 8)
"""Of a request without the number of its user (3.4 and newer), and with it."""
_NO_ANSWER: Final = re.compile(
    r"Exception|[Tt]imeout|[Tt]imed out|Premature close|Remotely closed|Connection re(?:set|fused)"
)
_FOUND: Final = re.compile(r"\.find\b.*\bfound\b")
"""A check that failed: `status.find.in(200), found 500`, or `…, but actually found 500`."""
_HINT: Final = "name the `simulation.log` that Gatling 3.0 to 3.9 wrote, after the simulation has ended"


def records(source: ReportStream, remarks: LoadRemarks) -> Iterator[LoadSample]:
    """The requests of a log."""
    users, version, width = Counter[str](), "", 0
    for text in source.lines():
        record = text.rstrip("\r\n").split("\t")
        if record[0] not in _KNOWN:
            raise source.refuse(f"has the unknown record `{shown(record[0])}`", _HINT)
        if record[0] == "RUN":
            version = _version(record, source, version)
        elif not version and record[0] != "ASSERTION":
            raise source.refuse("has a record before the record `RUN`", _HINT)
        elif record[0] == "USER":
            users.update(one for one in record if one in ("START", "END"))
        remarks.dropped += record[0] == "ERROR"  # what was to be sent could not be built, so there is no request
        if record[0] == "REQUEST":
            if len(record) not in _FIELDS or (width and len(record) != width):
                raise source.refuse(f"a request has {len(record)} fields, expected {width or 'seven or eight'}", _HINT)
            width = len(record)
            yield _request(record[-6:], source)
    if not version:
        raise source.refuse("has no record `RUN`", _HINT)
    if users["START"] != users["END"]:
        was = f"{users['START']} users started and {users['END']} ended"
        remarks.doubts.append(f"{was}: the log is cut short, or the simulation was stopped")


def _version(record: Sequence[str], source: ReportStream, before: str) -> str:
    if before:
        raise source.refuse("has a second record `RUN`: it is of two simulations", _HINT)
    if len(record) != 6 or not _VERSION.fullmatch(record[5]):
        raise source.refuse(f"is of version {shown(record[-1])}, expected 3.0 to 3.9", _HINT)
    return record[5]


def _request(fields: Sequence[str], source: ReportStream) -> LoadSample:
    groups, name, start, end, status, message = fields
    if status not in ("OK", "KO"):
        raise source.refuse(f"the status of a request is `{shown(status)}`, expected OK or KO", _HINT)
    sent_ns, done_ns = (epoch_ms(one, source, what) * NS_PER_MS for one, what in ((start, "start"), (end, "end")))
    route = " / ".join((*filter(None, groups.split(",")), name))
    if status == "OK":
        return LoadSample(source.line, sent_ns, done_ns, route, "", ANSWERED)
    answered = UNANSWERED if _NO_ANSWER.search(message) else ANSWERED if _FOUND.search(message) else UNKNOWN
    return LoadSample(source.line, sent_ns, done_ns, route, shown(message.strip()) or "KO", answered)


def _recognises(head: bytes) -> bool:
    return head.partition(b"\t")[0] in (b"RUN", b"ASSERTION", b"REQUEST", b"USER")


GATLING: Final = LoadFormat(tool="gatling", what="Gatling's simulation.log", recognises=_recognises, samples=records)
