"""What the reference project can decide on the sandbox, by profile: no change makes a shipped row undecidable without a word."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import pytest

from tests.builders.preloaded import command

ROOT: Final = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("profile", "requirements", "decided"),
    [
        ("quick", 4, 4),
        ("core", 25, 25),
        ("rollout", 27, 27),
        ("normaldance", 239, 135),
        ("atomos", 169, 96),
        ("integration-platform", 192, 82),
        ("disaster", 14, 14),
    ],
)
def test_every_shipped_profile_is_planned_and_says_how_many_rows_it_decides(
    profile: str, requirements: int, decided: int
) -> None:
    """The requirements of a profile, and how many of them a run against the sandbox can decide."""
    done = command(
        "harness", "plan", "--target", "sandbox", "--profile", profile, "--json", cwd=ROOT, environment=os.environ
    )
    assert done.returncode == 0, done.stderr
    account = json.loads(done.stdout)["account"]
    assert (account["rows"], account["decided"]) == (requirements, decided)
