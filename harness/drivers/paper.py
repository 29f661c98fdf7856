"""What an engine that reads files is given: static files, other tools' reports, attestations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from harness.drivers.facts import FactReading
from harness.model import Sink
from harness.targets import Target


class KeepFile(Protocol):
    """Keeps a file that was used in the run directory."""

    def __call__(self, path: Path, copy: bytes | None = None, /) -> str:
        """Its path there; `copy` is what is kept in its place, where it may hold a secret."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One demand on files.

    Attributes:
        target: its `evidence`, `files` and `attestations` name them, relative to `target.file`.
        params: what the sentence fixes: `{"report": "unit", "at_least": "25"}`.
        release: version that is judged. commit: of that release; empty: unknown.
        today: UTC, when the run began.
        keep: copies a file that was used into the run directory, and returns its path there.
        directory, sink: of the run, for what a figure of the judge needs beside the facts; None: nothing is recorded.
    """

    target: Target
    params: Mapping[str, str]
    release: str
    commit: str
    today: datetime
    keep: KeepFile
    directory: Path | None = None
    sink: Sink | None = None


Engine = Callable[[Asked], Sequence[FactReading]]
"""Reads files and finds facts. Raises HarnessError, with file, place and hint, for what cannot be used."""
