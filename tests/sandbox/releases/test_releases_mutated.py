"""Changed release files: as `tests/test_yaml_mutated.py` has it of the engine's files."""

from __future__ import annotations

import random
from pathlib import Path

from harness.errors import ConfigurationError
from readiness_sandbox.releases import load_release
from readiness_sandbox.releases.release import HERE
from tests.builders.yaml_mutations import mutated

COUNT = 40


def test_a_changed_release_is_read_or_refused_with_its_place(tmp_path: Path) -> None:
    """Never an error of Python, of a library, or one that does not name the file."""
    path, text = tmp_path / "release.yaml", (HERE / "dark-door" / "release.yaml").read_text(encoding="utf-8")
    elsewhere = []
    for seed in range(COUNT):
        path.write_bytes(mutated(text, random.Random(seed)))
        try:
            load_release(str(tmp_path))
        except ConfigurationError as error:
            elsewhere += [] if error.where.startswith(str(tmp_path)) else [f"{seed}: {error}"]
    assert elsewhere == []
