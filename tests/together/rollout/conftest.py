"""The target of a rollout in a cluster of a test's own, which the test names `pocket`."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.targets import Target, load_target
from tests.sandbox.pocket import PocketCluster


@pytest.fixture
def kind() -> str:
    """What rolls out."""
    return "Deployment"


@pytest.fixture
def target(pocket: PocketCluster, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A target that leads there, with an undo log of its own."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    file = tmp_path / "target.yaml"
    lines = [
        "name: pocket",
        "environment: sandbox",
        "entry: http://127.0.0.1:9",
        "disposable: true",
        f"kubernetes: {{kubeconfig: {pocket.kubeconfig}, context: {pocket.context}}}",
        f"rollout: {{kind: {kind}, names: [web], candidate: 1.1.0}}",
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    return load_target(file)
