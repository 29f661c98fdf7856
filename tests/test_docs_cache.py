"""What docs/cache.md tells to write is read as a target file, and lacks nothing that its sentences need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from harness.drivers.check.registry import kind_of
from harness.steps.grammar import demands_of, read
from harness.targets import load_target

PAGE: Final = (Path(__file__).parents[1] / "docs" / "cache.md").read_text(encoding="utf-8")
BEFORE: Final = "name: shop\nenvironment: staging\nentry: https://shop.example.test\n"


def block(kind: str) -> str:
    """The fenced blocks of this kind."""
    return "".join(re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def test_the_target_file_of_the_page_has_what_its_sentences_need(tmp_path: Path) -> None:
    """Of each of its sentences."""
    file = tmp_path / "target.yaml"
    file.write_text(BEFORE + block("yaml"), encoding="utf-8")
    target = load_target(file)
    sentences = re.findall(r"^ +(?:Then|And) (.*)$", block("gherkin"), re.MULTILINE)
    assert len(sentences) == 8
    for sentence in sentences:
        objective = read(sentence).objective
        assert objective is not None
        (demand,) = demands_of(objective)
        assert list(kind_of(demand.name).missing(target, demand.params)) == []
