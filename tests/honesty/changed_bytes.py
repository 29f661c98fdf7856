"""One byte of a signed run changed at a time: in its evidence files, its manifest, its verdict, or the signed verdict."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import Refused
from harness.evidence import RunDirectory
from harness.evidence.manifest import MANIFEST, evidence_files
from harness.evidence.signed.keys import public_key
from harness.evidence.signed.verdicts import require_run, verified


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedByte:
    """A byte of a file, and the value that it gets instead of its own."""

    file: Path
    at: int
    value: int


def signed_files(run: RunDirectory, envelope: Path) -> list[Path]:
    """Every file that a signature covers, and the file of the signature."""
    return [*evidence_files(run), run.path / MANIFEST, run.path / "verdict.json", envelope]


def changes(files: Sequence[Path], count: int, seed: int) -> Iterator[ChangedByte]:
    """As many changes, in each file in turn, at drawn places; every other value of a byte is equally likely."""
    draw = random.Random(seed)
    sizes = {file: file.stat().st_size for file in files}
    chosen = [file for file in files if sizes[file]]
    for number in range(count):
        file = chosen[number % len(chosen)]
        at = draw.randrange(sizes[file])
        with file.open("rb") as opened:
            opened.seek(at)
            own = opened.read(1)[0]
        yield ChangedByte(file=file, at=at, value=(own + draw.randrange(1, 256)) % 256)


@contextmanager
def made(change: ChangedByte) -> Iterator[None]:
    """Change the byte, and change it back."""
    with change.file.open("r+b") as file:
        file.seek(change.at)
        own = file.read(1)
        for value in (bytes([change.value]), own):
            file.seek(change.at)
            file.write(value)
            file.flush()
            if value is not own:
                yield


def is_accepted(envelope: Path, key: Path, run: RunDirectory | None) -> bool:
    """Whether a signed verdict and its run are verified, as `readiness verify FILE --key KEY --run RUN` does; None: without a run."""
    try:
        found = verified(envelope, public_key(key))
        if run is not None:
            require_run(found, run.path)
    except Refused:
        return False
    return True
