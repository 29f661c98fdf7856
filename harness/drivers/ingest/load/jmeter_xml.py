"""JMeter's JTL in XML, version 1.2.

Source: https://jmeter.apache.org/usermanual/listeners.html#xmlformat2.1: `t` is the elapsed time in ms, `ts` the time in ms
since 1970, `lb` the label, `rc` the response code, `s` the success. A sample within an HTTP sample, as of a redirect, is part
of it; what a transaction controller is around are requests of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from xml.parsers import expat

from harness.drivers.ingest.formats.markup import markup_parser
from harness.drivers.ingest.formats.plain import shown
from harness.drivers.ingest.load.fields import epoch_ms, whole
from harness.drivers.ingest.load.jmeter_csv import TRANSACTION, outcome
from harness.drivers.ingest.load.protocol import LoadFormat, LoadRemarks, LoadSample
from harness.drivers.ingest.load.stream import ReportStream
from harness.errors import DriverError
from harness.units import NS_PER_MS

_ROOT: Final = "testResults"
_VERSION: Final = "1.2"
_SAMPLES: Final = ("httpSample", "sample")
_NEEDED: Final = ("t", "ts", "lb", "rc", "s")
_SAVE: Final = "let JMeter 2.1 or newer write the file (`jmeter.save.saveservice.output_format=xml`), with `t`, `ts`, `lb`, `rc` and `s`"


class _SampleReader:
    """Collects the requests of the elements that began since they were last taken."""

    def __init__(self, source: ReportStream) -> None:
        self._source, self._open = source, list[bool]()
        self.found: list[LoadSample] = []
        self.transactions = 0
        self.elements = 0

    def began(self, name: str, attributes: Mapping[str, str], line: int) -> None:
        self._source.line = line
        self.elements += 1
        if self.elements == 1 and (name != _ROOT or attributes.get("version") != _VERSION):
            what = f"is `{shown(name)}` of version {shown(attributes.get('version', 'unknown'))}, expected {_ROOT} {_VERSION}"
            raise self._source.refuse(what, _SAVE, line=line)
        is_sample, within = name in _SAMPLES, any(self._open)
        is_parent = is_sample and attributes.get("rm", "").startswith(TRANSACTION)
        self._open.append(is_sample and not is_parent)
        if is_parent:
            self.transactions += 1
        elif is_sample and not within:
            self.found.append(self._sample(attributes, line))

    def ended(self, _name: str) -> None:
        self._open.pop()

    def _sample(self, attributes: Mapping[str, str], line: int) -> LoadSample:
        if missing := [key for key in _NEEDED if key not in attributes]:
            raise self._source.refuse(f"a sample lacks the attribute `{missing[0]}`", _SAVE, line=line)
        if attributes.get("sc", "1") != "1":
            raise self._source.refuse(f"a sample is of {shown(attributes['sc'])} requests together", _SAVE, line=line)
        sent_ns = epoch_ms(attributes["ts"], self._source, "ts") * NS_PER_MS
        done_ns = sent_ns + whole(attributes["t"], self._source, "t") * NS_PER_MS
        error, answered = outcome(attributes["s"], attributes["rc"], self._source)
        return LoadSample(line, sent_ns, done_ns, attributes["lb"], error, answered)


def elements(source: ReportStream, remarks: LoadRemarks) -> Iterator[LoadSample]:
    """The requests of a file, piece by piece."""
    reader = _SampleReader(source)
    parser = markup_parser(source.where, reader.began, reader.ended)
    try:
        for piece in source.pieces():
            parser.Parse(piece)
            yield from reader.found
            reader.found.clear()
        parser.Parse(b"", True)  # noqa: FBT003 - the parser takes it by position only
    except expat.ExpatError as error:
        what = f"is not XML, or is cut short: {expat.ErrorString(error.code)}"
        raise DriverError(
            what, where=source.at(error.lineno), hint="let JMeter end by itself, then copy the file"
        ) from error
    except (ValueError, LookupError) as error:
        raise DriverError(f"cannot be decoded: {error}", where=source.where, hint="write it as UTF-8") from error
    if reader.transactions:
        remarks.notes.append(f"{reader.transactions} transaction controllers are left out")


def _recognises(head: bytes) -> bool:
    return head.lstrip().startswith(b"<") and b"testResults" in head[:2000]


JMETER_XML: Final = LoadFormat(tool="jmeter", what="a JTL in XML", recognises=_recognises, samples=elements)
