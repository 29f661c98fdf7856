"""Reads the log of connections that Cilium's Hubble exporter writes, while it grows.

A line is one JSON object, `{"flow": {…}}` (https://docs.cilium.io/en/stable/observability/hubble/configuration/export/); `hubble observe -o json`
writes the same lines. It counts beginnings of TCP connections: each SYN without ACK that left its source or was dropped on the way. A
rotated file is read completely under its new name.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from harness import clock
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target
from harness.targets.files.outside import Flows
from harness.targets.places import Clusters

_MOST_BYTES: Final = 1 << 30
"""Maximum number of bytes of one reading: a thousand connections per second for half an hour."""
_LONGEST: Final = 1 << 20
"""Maximum length of a line in bytes; Hubble's lines have about 2000."""
_NAMED_BY: Final = ("k8s:app", "k8s:app.kubernetes.io/name")
"""Labels that name a workload; the first one that exists is used."""

_FileId = tuple[int, int, bytes]
"""Identity of a file: device, inode and first line, since the inode of a removed file is soon reused."""


class FlowKey(NamedTuple):
    """The key of a connection: source, destination, port, and whether it was forwarded."""

    source_namespace: str
    source: str
    namespace: str
    destination: str
    port: int
    verdict: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowsRead:
    """What was logged between two readings.

    Attributes:
        at_ns: when the log was read.
        before: whether the entries were in the log at the first reading, for pods that ran then.
        connections: number of times that each connection was begun.
        lines: number of lines of the log, of any kind.
        why: what is missing from the log; empty if nothing is known to be missing.
    """

    at_ns: int
    before: bool
    connections: Mapping[FlowKey, int]
    lines: int
    why: str = ""


def flows_of(target: Target) -> Flows:
    """The section `flows` of the target file; raises ConfigurationError if it is missing."""
    if target.flows is None:
        hint = "write `flows: {log: FILE, stores: […], data_access: […], dependencies: {…}}`"
        raise ConfigurationError("names no log of connections", where=f"{target.file}: flows", hint=hint)
    return target.flows


class FlowLog:
    """Reads a log repeatedly: first its contents, then the lines that were added."""

    def __init__(self, target: Target) -> None:
        self._patterns = [target.beside(path) for path in flows_of(target).log]
        self._clusters = Clusters(target)
        self._read_to: dict[_FileId, int] = {}
        self._complete: frozenset[_FileId] = frozenset()
        self._first = True

    def read(self) -> FlowsRead:
        """The entries added since the last reading; the first time, the earlier entries of pods that run now.

        The earlier entries are needed because a connection may have been opened before the first reading and still be open.

        Raises:
            DriverError: the files cannot be read.
            TargetUnreachable: the running pods could not be listed.
        """
        before, self._first = self._first, False
        try:
            tally = self._added()
        except OSError as error:
            where = ", ".join(map(str, self._patterns))
            raise DriverError(f"the log of connections cannot be read: {error.strerror}", where=where) from error
        counts = tally.connections
        if before:
            running = self._running({(one.source_namespace, pod) for one, pod in counts})
            counts = Counter({key: n for key, n in counts.items() if (key[0].source_namespace, key[1]) in running})
        connections: Counter[FlowKey] = Counter()
        for (one, _), n in counts.items():
            connections[one] += n
        why = "; ".join([] if before and tally.lines else tally.problems)
        return FlowsRead(at_ns=clock.now_ns(), before=before, connections=connections, lines=tally.lines, why=why)

    def _added(self) -> _Tally:
        tally, left = _Tally(), _MOST_BYTES
        files = list(self._files())
        found = {known: file for file in files if (known := _id_of(file))[-1]}
        if not files:
            tally.problems.append(f"there is no log file {' or '.join(map(str, self._patterns))}")
        if gone := sum(known not in found for known in self._read_to.keys() - self._complete):
            tally.problems.append(
                f"{gone} log files were deleted before they were read completely; hint: keep more backups, uncompressed"
            )
        complete = set[_FileId]()
        for known, file in found.items():
            begin, size = self._read_to.get(known, 0), file.stat().st_size
            if size < begin:
                tally.problems.append(f"{file.name} was cut short while it was read")
                begin = 0
            end = begin
            for line in _whole_lines(file, begin, min(size, begin + left)):
                end += len(line)
                tally.add(line)
            left -= end - begin
            self._read_to[known] = end
            if end == size and _is_backup(file, files):
                complete.add(known)
        self._complete = frozenset(complete)
        self._read_to = {known: end for known, end in self._read_to.items() if known in found}
        if left <= 0:
            tally.problems.append(f"more than {_MOST_BYTES} bytes were added between two readings")
        if tally.bad:
            tally.problems.append(f"{tally.bad} of {tally.lines} lines are not flows in Hubble's format")
        if tally.lost:
            tally.problems.append(f"Hubble reports {tally.lost} lost events")
        return tally

    def _running(self, callers: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Namespace and name of every pod that exists now in the callers' namespaces."""
        return {
            (namespace, pod["metadata"]["name"])
            for namespace in {namespace for namespace, _ in callers if namespace}
            for cluster in self._clusters.every()
            for pod in cluster.pods(namespace)
        }

    def _files(self) -> Iterator[Path]:
        for pattern in self._patterns:
            yield from sorted(file for file in pattern.parent.glob(pattern.name) if file.is_file())


def _is_backup(file: Path, files: Iterable[Path]) -> bool:
    """Whether a file is a rotated backup: its name is that of a log beside it, with `-` and a time or a number added."""
    logs = (one for one in files if (one.parent, one.suffix) == (file.parent, file.suffix))
    return any(file.stem.startswith(f"{one.stem}-") for one in logs)


def _id_of(file: Path) -> _FileId:
    known = file.stat()
    return known.st_dev, known.st_ino, next(_whole_lines(file, 0, 1), b"")


def _whole_lines(file: Path, begin: int, end: int) -> Iterator[bytes]:
    """The lines between two offsets; an incomplete last line is left for the next reading."""
    with file.open("rb") as opened:
        opened.seek(begin)
        while opened.tell() < end:
            line = opened.readline(_LONGEST)
            if not line.endswith(b"\n") and len(line) < _LONGEST:
                return
            yield line


class _Tally:
    """Counts of the lines read: connections by the pod that began them, and unreadable lines."""

    def __init__(self) -> None:
        self.connections: Counter[tuple[FlowKey, str]] = Counter()
        self.problems: list[str] = []
        self.lines = self.bad = self.lost = 0

    def add(self, line: bytes) -> None:
        self.lines += 1
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            self.bad += 1
            return
        if not isinstance(event, dict):
            self.bad += 1
            return
        if isinstance(lost := event.get("lost_events"), dict):
            self.lost += _number(lost.get("num_events_lost"))
        elif isinstance(flow := event.get("flow"), dict):
            if (begun := _begun(flow)) is not None:
                self.connections[begun, str(_mapping(flow.get("source")).get("pod_name") or "")] += 1
        elif not {"node_status", "agent_event", "debug_event"} & {*event}:
            self.bad += 1


def _begun(flow: Mapping[str, Any]) -> FlowKey | None:
    """The connection begun by a flow's packet; None for other packets, and for the copy observed at the destination."""
    tcp = _mapping(_mapping(flow.get("l4")).get("TCP"))
    flags = _mapping(tcp.get("flags"))
    verdict = str(flow.get("verdict", ""))
    if not flags.get("SYN") or flags.get("ACK") or flow.get("is_reply"):
        return None
    source, destination = _mapping(flow.get("source")), _mapping(flow.get("destination"))
    inside = bool(source.get("namespace"))
    if verdict == "FORWARDED" and inside and flow.get("traffic_direction") == "INGRESS":
        return None
    return FlowKey(
        source_namespace=str(source.get("namespace") or ""),
        source=_workload(source),
        namespace=str(destination.get("namespace") or ""),
        destination=_workload(destination),
        port=_number(tcp.get("destination_port")),
        verdict=verdict,
    )


def _workload(endpoint: Mapping[str, Any]) -> str:
    """Name of an endpoint: its label, else its workload, pod, or Cilium's reserved name (`world`, `host`)."""
    labels = dict(_pairs(endpoint.get("labels")))
    named = next((labels[key] for key in _NAMED_BY if labels.get(key)), "")
    workloads = endpoint.get("workloads")
    first = _mapping(workloads[0]).get("name") if isinstance(workloads, list) and workloads else None
    reserved = next((key.removeprefix("reserved:") for key in labels if key.startswith("reserved:")), "")
    return named or str(first or "") or str(endpoint.get("pod_name") or "") or reserved


def _pairs(labels: object) -> Iterable[tuple[str, str]]:
    for label in labels if isinstance(labels, list) else ():
        key, _, value = str(label).partition("=")
        yield key, value


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> int:
    """A number as an integer, 0 if invalid; Protobuf's JSON form has 64-bit numbers as texts."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


def listed(connections: Mapping[FlowKey, int]) -> Sequence[dict[str, Any]]:
    """Connections as they are recorded, the most frequent first."""
    return [{**one._asdict(), "n": n} for one, n in sorted(connections.items(), key=lambda item: (-item[1], item[0]))]
