"""What docs/saved-states.md and docs/retention.md tell to write is read as a target file, and lacks nothing that their sentences need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from harness.drivers.check.registry import kind_of
from harness.steps.grammar import demands_of, read
from harness.targets import load_target

DOCS: Final = Path(__file__).parents[1] / "docs"
BEFORE: Final = "name: shop\nenvironment: staging\nentry: https://shop.example.test\n"


@pytest.mark.parametrize("name", ["saved-states", "retention"])
def test_the_target_file_of_the_page_has_what_its_sentence_needs(tmp_path: Path, name: str) -> None:
    """The places and tables that it names are declared."""
    page = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    file = tmp_path / "target.yaml"
    file.write_text(BEFORE + section, encoding="utf-8")
    target = load_target(file)
    (sentence,) = re.findall(r"^ +(?:Then|And) (.*)$", page, re.MULTILINE)
    objective = read(sentence).objective
    assert objective is not None
    (demand,) = demands_of(objective)
    kind = kind_of(demand.name)
    assert list(kind.missing(target, demand.params)) == []
    assert kind.placed(target, demand.params)
