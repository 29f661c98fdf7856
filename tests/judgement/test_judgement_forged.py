"""Sixty forged run directories; `scripts/forge` tries a thousand. What each is made of: `tests/builders/forgery.py`."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from judgement_builders import evidence, plan

from tests.builders import forgery
from tests.builders.recorder import sealed
from tests.honesty.edits import changed

COUNT = int(os.environ.get("FORGED", "60"))
FIRST = int(os.environ.get("SEED", "0"))
MEASURES_HELD = (COUNT, FIRST) == (60, 0)
"""`scripts/forge` makes others, which no file of measures has."""


def test_no_forged_run_hangs_breaks_writes_outside_or_turns_into_a_go(tmp_path: Path) -> None:
    """Of a run that is GO and of one whose every third request failed, judged and reported in turn."""
    whole = evidence()
    failing = {
        name: replace(
            window,
            samples=changed(window.samples, lambda rows: np.arange(len(rows)) % 3 == 0, status=500, error="status 500"),
        )
        for name, window in whole.windows.items()
    }
    runs = [
        sealed(tmp_path / name, plan(), recorded).path
        for name, recorded in (("good", whole), ("bad", replace(whole, windows=failing)))
    ]
    for run in runs:
        forgery.make_bombs(run.parent / "bombs", run / "load/everyday/samples-0.parquet")
    assert [forgery.call(["judge", str(run)])[0] for run in runs] == [0, 1]
    wrong = {}
    for seed in range(FIRST, FIRST + COUNT):
        forged, names = forgery.forge(runs[seed % 2], tmp_path / "box", seed)
        if found := forgery.wrong_with(forged, ("judge", "report")[seed // 2 % 2], was_go=seed % 2 == 0):
            wrong[f"{seed}: {names}"] = found
    assert wrong == {}
