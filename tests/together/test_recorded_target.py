"""The target file that tests of the engine take for the sandbox's is the one that it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from harness.targets.files.target import MARKER
from readiness_sandbox import marker
from readiness_sandbox.platform.describe import MEMBERS, SHARES, Addresses, describe
from tests.builders.core_plan import RECORDED

NOWHERE: Final = Path("/nowhere")


def described() -> dict[str, Any]:
    """Release 1.0.0 at addresses where nobody listens."""
    addresses = Addresses(
        entry="http://127.0.0.1:1",
        regions=dict.fromkeys(SHARES, "http://127.0.0.1:2"),
        members=dict.fromkeys(MEMBERS, "127.0.0.1"),
    )
    flows = NOWHERE / "flows.log"
    return describe(addresses, release="1.0.0", kubeconfig=NOWHERE / "k", secrets=NOWHERE, flows=flows)


def test_the_recorded_target_file_is_what_the_sandbox_describes() -> None:
    """Run this file as a script to record it again."""
    assert yaml.safe_load(RECORDED.read_text(encoding="utf-8")) == described()


def test_the_harness_knows_a_provided_target_by_the_marker_that_the_sandbox_writes() -> None:
    """Its name is known on both sides: the engine imports nothing of the sandbox."""
    assert marker.NAME == MARKER


if __name__ == "__main__":
    RECORDED.write_text(yaml.safe_dump(described(), sort_keys=False), encoding="utf-8")
