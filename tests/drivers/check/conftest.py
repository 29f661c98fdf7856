"""An undo log of their own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The undo log of a test is in its own directory."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
