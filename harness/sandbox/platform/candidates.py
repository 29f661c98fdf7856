"""The candidates of rollouts as files.

What each release that replaces another one makes of the Rollouts.
A rollout file names a candidate, the target file where its objects are (`rollout: {manifests: candidates/{candidate}.yaml}`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import yaml

from harness.sandbox.platform import render
from harness.sandbox.releases import load_release, names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PART: Final = "rollout"
"""Of the platform: the one that has Rollouts."""


def write(directory: Path, deployed: Sequence[str]) -> None:
    """Write `VERSION.yaml` for each candidate; nothing where the part is not deployed."""
    if PART not in deployed:
        return
    directory.mkdir(exist_ok=True)
    for name in names():
        release = load_release(name)
        if release.replaces is not None:
            rollouts = [each for each in render.without_credentials(release, deployed) if each["kind"] == "Rollout"]
            (directory / f"{release.version}.yaml").write_text(yaml.safe_dump_all(rollouts, sort_keys=False), "utf-8")
