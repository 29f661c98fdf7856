"""What docs/restore-drills.md tells to write is read as a target file, and lacks nothing that its sentences need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from harness.drivers.check.registry import kind_of
from harness.steps.grammar import demands_of, read
from harness.targets import load_target

PAGE: Final = (Path(__file__).parents[1] / "docs" / "restore-drills.md").read_text(encoding="utf-8")
BEFORE: Final = "name: shop\nenvironment: staging\nentry: https://shop.example.test\ndatabase: {dsn: {env: DSN}}\n"


def blocks(kind: str) -> list[str]:
    """The fenced blocks of this kind."""
    return [str(text) for text in re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]


@pytest.mark.parametrize(("number", "sentences"), [(0, 2), (1, 1)])
def test_the_target_file_of_the_page_has_what_its_sentences_need(tmp_path: Path, number: int, sentences: int) -> None:
    """And its consent is that for which the checks ask."""
    consent = "may_break: [{experiment: restore-drill}]\n"
    file = tmp_path / "target.yaml"
    block = blocks("yaml")[number]
    file.write_text(BEFORE + ("" if consent in block else consent) + block, encoding="utf-8")
    target = load_target(file)
    found = re.findall(r"^ +(?:Then|And) (.*)$", blocks("gherkin")[number], re.MULTILINE)
    assert len(found) == sentences
    for sentence in found:
        objective = read(sentence).objective
        assert objective is not None
        (demand,) = demands_of(objective)
        kind = kind_of(demand.name)
        assert list(kind.missing(target, demand.params)) == []
        assert kind.consent in {one.experiment for one in target.may_break}
