"""Three hundred changed YAML files of every kind that people write; `scripts/forge` tries ten thousand."""

from __future__ import annotations

import os
import random
import traceback
from pathlib import Path

import pytest

from harness.errors import ConfigurationError
from tests.builders.yaml_mutations import READERS, mutated, place_for

COUNT = int(os.environ.get("MUTATED", "300"))
FIRST = int(os.environ.get("SEED", "0"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files are written; the bundled catalogue, which is not changed, is not read each time."""
    place_for(tmp_path)
    monkeypatch.setattr("harness.catalogue.load._BUNDLED_FILES", ())
    return tmp_path


def test_a_changed_file_is_read_or_refused_with_its_place(folder: Path) -> None:
    """Never an error of Python, of a library, or one that does not name the file."""
    wrong = {}
    for seed in range(FIRST, FIRST + COUNT):
        rng = random.Random(seed)
        name = rng.choice(sorted(READERS))
        text, read = READERS[name]
        path = folder / name
        body = mutated(text, rng)
        path.write_bytes(body)
        try:
            read(path)
        except ConfigurationError as error:
            if not error.where.startswith(str(folder)):
                wrong[f"{seed}: {name}"] = str(error)
        except Exception:  # noqa: BLE001 - what must not be, whatever it is
            wrong[f"{seed}: {name}"] = f"{traceback.format_exc()[-700:]}\n{body[:300]!r}"
        path.write_text(text, encoding="utf-8")
    assert wrong == {}
