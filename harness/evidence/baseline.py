"""The baseline of a run: files of the earlier run that it is compared with.

The files are copied to `baseline/`, so that the run can be judged without the earlier run. They are the plan, the
manifest, the history of windows and workers, and the samples of the fault-free windows. The manifest of the new run
contains their hashes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from typing import Final

from harness.errors import EvidenceError
from harness.evidence.manifest import MANIFEST
from harness.evidence.run_directory import RunDirectory

BASELINE: Final = "baseline"
_KEPT: Final = ("plan.json", MANIFEST, "history/run.ndjson", "history/load*.ndjson", "history/seal.ndjson")


def baseline_directory(directory: RunDirectory) -> RunDirectory:
    """The directory of a run's baseline, with the layout of a run; it may not exist."""
    return RunDirectory(directory.path / BASELINE)


def keep_baseline(source: RunDirectory, run: RunDirectory, traffic: Iterable[str]) -> None:
    """Copy the files that a comparison of this traffic needs from one run into another.

    Raises:
        EvidenceError: a file cannot be copied.
    """
    kept = baseline_directory(run)
    files = [file for pattern in _KEPT for file in sorted(source.path.glob(pattern))]
    files += [file for name in traffic for file in sorted((source.path / "load" / name).glob("samples-*.parquet"))]
    try:
        for file in files:
            copy = kept.path / source.relative(file)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    except OSError as error:
        raise EvidenceError(
            f"the files of the baseline run cannot be copied: {error.strerror}",
            where=str(source.path),
            hint="choose another --out, or run without --baseline",
        ) from error
