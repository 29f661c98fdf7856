"""What docs/restore-drills.md and docs/cache-snapshots.md tell to write is read as a target file, and lacks nothing that its sentences need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from harness.drivers.check.registry import kind_of
from harness.model import DemandKind
from harness.steps.grammar import demands_of, read
from harness.targets import load_target

DOCS: Final = Path(__file__).parents[1] / "docs"
BEFORE: Final = "name: shop\nenvironment: staging\nentry: https://shop.example.test\ndatabase: {dsn: {env: DSN}}\n"


def blocks(page: str, kind: str) -> list[str]:
    """The fenced blocks of this kind."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    return [str(found) for found in re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]


@pytest.mark.parametrize(
    ("page", "number", "scenarios", "sentences"),
    [("restore-drills", 0, (0, 1), 2), ("restore-drills", 1, (2,), 1), ("cache-snapshots", 0, (0,), 3)],
)
def test_the_target_file_of_the_page_has_what_its_sentences_need(
    tmp_path: Path, page: str, number: int, scenarios: tuple[int, ...], sentences: int
) -> None:
    """And its consent is that for which the checks ask."""
    consent = "may_break: [{experiment: restore-drill}]\n"
    file = tmp_path / "target.yaml"
    block = blocks(page, "yaml")[number]
    file.write_text(BEFORE + ("" if consent in block else consent) + block, encoding="utf-8")
    target = load_target(file)
    text = "".join(blocks(page, "gherkin")[one] for one in scenarios)
    found = re.findall(r"^ +(?:Then|And) (.*)$", text, re.MULTILINE)
    assert len(found) == sentences
    for sentence in found:
        objective = read(sentence).objective
        assert objective is not None
        for demand in demands_of(objective):
            if demand.kind is DemandKind.CHECK:
                kind = kind_of(demand.name)
                assert list(kind.missing(target, demand.params)) == []
                assert kind.consent in {"", *(one.experiment for one in target.may_break)}
