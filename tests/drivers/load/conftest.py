"""A truth server, and a run directory for the load that is offered to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from load_bench import Run
from load_truth import TruthServer, truth_server


@pytest.fixture
def server() -> Iterator[TruthServer]:
    """A truth server that answers `{}` at once."""
    with truth_server("127.94.0.1") as running:
        yield running


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run directory."""
    with ExitStack() as loads:
        yield Run(tmp_path / "run", loads)
