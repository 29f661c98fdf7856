"""What docs/saved-configuration.md and docs/archives.md tell to write is read as a target file, and lacks nothing that its sentences need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from harness.drivers.check.registry import kind_of
from harness.steps.grammar import demands_of, read
from harness.targets import load_target

DOCS: Final = Path(__file__).parents[1] / "docs"
BEFORE: Final = (
    "name: shop\nenvironment: staging\nentry: https://shop.example.test\nkubernetes: {context: shop, namespace: shop}\n"
)


@pytest.mark.parametrize(("page", "number"), [("saved-configuration", 2), ("archives", 1)])
def test_the_target_file_of_the_page_has_what_its_sentences_need(tmp_path: Path, page: str, number: int) -> None:
    """The copies and the restore; the archive. The consent is that for which the checks ask."""
    read_page = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    text, features = (
        re.findall(rf"^```{kind}\n(.*?)^```$", read_page, re.MULTILINE | re.DOTALL)[0] for kind in ("yaml", "gherkin")
    )
    (tmp_path / "target.yaml").write_text(BEFORE + text, encoding="utf-8")
    target = load_target(tmp_path / "target.yaml")
    sentences = re.findall(r"^ +Then (.*)$", features, re.MULTILINE)
    assert len(sentences) == number
    for sentence in sentences:
        objective = read(sentence).objective
        assert objective is not None
        for demand in demands_of(objective):
            kind = kind_of(demand.name)
            assert list(kind.missing(target, demand.params)) == []
            assert kind.consent in {"", *(one.experiment for one in target.may_break)}
