"""JMeter's JTL in CSV, with a header or with JMeter's default columns.

Source: https://jmeter.apache.org/usermanual/listeners.html#csvlogformat and `saveservice` in
https://jmeter.apache.org/usermanual/properties_reference.html: `timeStamp` is in ms since 1970, `elapsed` in ms, from just
before sending to the last byte received. A request failed where `success` is not `true`. It had no answer where
`responseCode` is no HTTP status (`Non HTTP response code: …`). The row of a transaction controller sums up requests that have
rows of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.drivers.ingest.formats.plain import shown
from harness.drivers.ingest.load.fields import columns_of, csv_rows, epoch_ms, require_width, whole
from harness.drivers.ingest.load.protocol import ANSWERED, UNANSWERED, LoadFormat, LoadRemarks, LoadSample
from harness.drivers.ingest.load.stream import ReportStream
from harness.units import NS_PER_MS

DEFAULT: Final = [
    "timeStamp",
    "elapsed",
    "label",
    "responseCode",
    "responseMessage",
    "threadName",
    "dataType",
    "success",
    "failureMessage",
    "bytes",
    "sentBytes",
    "grpThreads",
    "allThreads",
    "URL",
    "Latency",
    "IdleTime",
    "Connect",
]
"""Columns of JMeter 5 without settings, of a file without a header."""
TRANSACTION: Final = "Number of samples in transaction"
"""Begin of the message of a transaction controller."""
_NEEDED: Final = ("timeStamp", "elapsed", "label", "responseCode", "success")
_SAVE: Final = (
    "let JMeter save `timeStamp,elapsed,label,responseCode,success` (`jmeter.save.saveservice.…=true`) as CSV or XML"
)
_DELIMITERS: Final = ",;\t|"


def rows(source: ReportStream, remarks: LoadRemarks) -> Iterator[LoadSample]:
    """The requests of a file, a row for each."""
    first = source.head.partition(b"\n")[0].decode("utf-8", "replace").replace('"', "")
    delimiter = next((one for one in _DELIMITERS if f"timeStamp{one}" in first), ",")
    place: Mapping[str, int] | None = None
    passed = Counter[str]()
    for row in csv_rows(source, delimiter):
        if place is None:
            has_header = "timeStamp" in row
            place = columns_of(row if has_header else DEFAULT, _NEEDED, source, _SAVE)
            if has_header:
                continue
        require_width(row, len(place), source)
        if "responseMessage" in place and row[place["responseMessage"]].startswith(TRANSACTION):
            passed["transactions"] += 1
            continue
        yield _request(row, place, source)
    if passed["transactions"]:
        remarks.notes.append(f"{passed['transactions']} rows of transaction controllers are left out")


def _request(row: Sequence[str], place: Mapping[str, int], source: ReportStream) -> LoadSample:
    if "SampleCount" in place and row[place["SampleCount"]] != "1":
        hint = "let JMeter write each request (`mode=Standard` of the sample sender, no `SampleCount`)"
        raise source.refuse(f"is of {shown(row[place['SampleCount']])} requests together", hint)
    sent_ms = epoch_ms(row[place["timeStamp"]], source, "timeStamp")
    took_ms = whole(row[place["elapsed"]], source, "elapsed")
    error, answered = outcome(row[place["success"]], row[place["responseCode"]], source)
    sent_ns, name = sent_ms * NS_PER_MS, row[place["label"]]
    return LoadSample(source.line, sent_ns, sent_ns + took_ms * NS_PER_MS, name, error, answered)


def outcome(success: str, code: str, source: ReportStream) -> tuple[str, int]:
    """The failure of a request, empty for a good one, and whether it was answered."""
    if success not in ("true", "false"):
        raise source.refuse(f"`success` is `{shown(success)}`, expected true or false", _SAVE)
    answered = ANSWERED if len(code) == 3 and code.isdecimal() else UNANSWERED
    if success == "true":
        return "", ANSWERED  # JMeter had a sample, as of a JDBC request, whose code is no HTTP status
    return f"status {code}" if answered == ANSWERED else shown(code) or "no answer", answered


def _recognises(head: bytes) -> bool:
    first = head.partition(b"\n")[0]
    if b"timeStamp" in first or b"elapsed" in first:
        return not first.lstrip().startswith(b"<")
    cells = first.split(b",")
    return len(cells) >= len(DEFAULT) and cells[0].isdigit() and bool({b"true", b"false"} & {*cells})


JMETER_CSV: Final = LoadFormat(tool="jmeter", what="a JTL in CSV", recognises=_recognises, samples=rows)
