"""Histories: append-only NDJSON files with one writer each, which are merged when they are read."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any, Final

from harness import clock
from harness.errors import EvidenceError, MissingEvidence
from harness.evidence.foreign import parsed, read_bounded
from harness.model import Missing, Observation
from harness.model.observations import is_integer

MOST_HISTORY: Final = 1 << 28
"""Maximum number of bytes of a history, twice the size of one line per second for a week."""


@cache
def clock_name() -> str:
    """Name of this machine's monotonic clock; times of clocks with different names cannot be compared."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


class History:
    """The sink of one source; it writes each observation immediately as a line.

    Raises:
        EvidenceError: the file cannot be opened, for example because the disk is full.
    """

    def __init__(self, path: Path, source: str) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            self._seq = path.read_bytes().count(b"\n")  # a second attempt goes on where the first one ended
        except OSError as error:
            raise EvidenceError(f"the history cannot be opened: {error.strerror}", where=str(path)) from error
        self._path = path
        self._source = source

    def put(self, kind: str, subject: str, /, **fields: Any) -> Observation:
        """Record an observation with the current time; the fields are JSON values.

        Raises:
            EvidenceError: the observation cannot be written, for example because the disk is full.
        """
        mono_ns, wall = clock.both()
        observation = Observation(
            source=self._source,
            seq=self._seq,
            clock=clock_name(),
            mono_ns=mono_ns,
            wall=clock.wall_text(wall),
            kind=kind,
            subject=subject,
            fields=fields,
        )
        self._write(line_of(observation))
        self._seq += 1
        return observation

    def _write(self, line: bytes) -> None:
        try:
            while line:
                line = line[os.write(self._fd, line) :]
        except OSError as error:
            raise EvidenceError(
                f"the observation could not be written: {error.strerror}", where=str(self._path)
            ) from error

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def run_history(source: str) -> History | None:
    """The history of a child process, in the run directory that `READINESS_RUN` names.

    None if the process was started by hand.
    """
    run = os.environ.get("READINESS_RUN")
    return History(Path(run) / "history" / f"{source}.ndjson", source) if run else None


def line_of(observation: Observation) -> bytes:
    """The line of an observation in a history."""
    line: dict[str, Any] = {
        "seq": observation.seq,
        "clock": observation.clock,
        "mono_ns": observation.mono_ns,
        "wall": observation.wall,
        "kind": observation.kind,
        "subject": observation.subject,
        **({"fields": dict(observation.fields)} if observation.fields else {}),
    }
    text = json.dumps(line, default=str)
    if "\\ud" in text:  # half of a pair, as of a file's name that is not UTF-8, is `?`: a reader refuses it
        text = json.dumps(json.loads(json.dumps(line, default=str, ensure_ascii=False).encode(errors="replace")))
    return (text + "\n").encode()


def read_history(path: Path) -> tuple[list[Observation], list[Missing]]:
    """Read one history.

    Truncated or misplaced lines are reported, and later lines are still read. Unknown fields are kept. A line is
    refused only if it is not an object or lacks a required field. A file that is too large for a history is not read.
    """
    source = path.name.removesuffix(".ndjson")
    observations: list[Observation] = []
    missing: list[Missing] = []
    where = f"history/{path.name}"
    try:
        text = read_bounded(path, MOST_HISTORY).decode("utf-8", "replace")
    except OSError as error:
        raise MissingEvidence(f"cannot be read: {error.strerror}", where=where) from error
    except ValueError as error:
        return [], [Missing(file=where, why=str(error))]
    due, mono_ns = 0, None
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            observation = _observation(source, parsed(line))
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            missing.append(
                Missing(file=where, why=f"line {number} cannot be parsed as an observation ({type(error).__name__})")
            )
            due += 1
            continue
        if observation.seq != due:
            missing.append(
                Missing(file=where, why=f"line {number} has seq {observation.seq}, so lines before it are missing")
            )
        if mono_ns is not None and observation.mono_ns < mono_ns:
            missing.append(
                Missing(file=where, why=f"the time of line {number} is before the time of the previous line")
            )
        due, mono_ns = observation.seq + 1, observation.mono_ns
        observations.append(observation)
    return observations, missing


def _observation(source: str, line: dict[str, Any]) -> Observation:
    if not (is_integer(line["seq"]) and is_integer(line["mono_ns"])):
        raise ValueError(line)
    return Observation(
        source=source,
        seq=line["seq"],
        clock=str(line["clock"]),
        mono_ns=line["mono_ns"],
        wall=str(line["wall"]),
        kind=str(line["kind"]),
        subject=str(line["subject"]),
        fields=dict(line.get("fields", {})),
    )
