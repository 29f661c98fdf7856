"""The numbers that keep the house small; `python benchmarks/house.py` prints all of them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

from harness.steps import TEMPLATES

ROOT: Final = Path(__file__).parents[1]


def test_what_can_be_said_takes_few_sentences() -> None:
    """At most 120 sentences under Then: a new row is a noun on a form before it is a sentence of its own."""
    assert sum(1 for one in TEMPLATES if one.keyword.value == "then") <= 120


def test_a_plain_install_asks_for_few_packages() -> None:
    """At most 18 direct dependencies: what only some users need is an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert len(project["dependencies"]) <= 18
