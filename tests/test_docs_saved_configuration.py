"""What docs/saved-configuration.md tells to write is read as a target file, and lacks nothing that its sentences need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from harness.drivers.check.registry import kind_of
from harness.steps.grammar import demands_of, read
from harness.targets import load_target

PAGE: Final = (Path(__file__).parents[1] / "docs" / "saved-configuration.md").read_text(encoding="utf-8")
BEFORE: Final = (
    "name: shop\nenvironment: staging\nentry: https://shop.example.test\nkubernetes: {context: shop, namespace: shop}\n"
)


def test_the_target_file_of_the_page_has_what_its_sentences_need(tmp_path: Path) -> None:
    """The copies and the restore."""
    text, features = (
        re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0] for kind in ("yaml", "gherkin")
    )
    (tmp_path / "target.yaml").write_text(BEFORE + text, encoding="utf-8")
    target = load_target(tmp_path / "target.yaml")
    sentences = re.findall(r"^ +Then (.*)$", features, re.MULTILINE)
    assert len(sentences) == 2
    for sentence in sentences:
        objective = read(sentence).objective
        assert objective is not None
        for demand in demands_of(objective):
            assert list(kind_of(demand.name).missing(target, demand.params)) == []
