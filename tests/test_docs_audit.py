"""What docs/audit-and-attacks.md and docs/layers-of-protection.md tell to write is read as a target file, and lacks nothing that its sentences need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from harness.drivers.check.registry import kind_of
from harness.steps.grammar import demands_of, read
from harness.targets import load_target

DOCS: Final = Path(__file__).parents[1] / "docs"
PAGES: Final = [
    (DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("audit-and-attacks", "layers-of-protection")
]
BEFORE: Final = """\
name: shop
environment: staging
entry: https://shop.example.test
prometheus: https://prometheus.example.test
kubernetes: {context: shop}
database: {dsn: {env: DSN}}
callers: {accepted: {app: gateway}, refused: {app: stranger}}
sign_in: {path: /sessions, user: "test-{n}", users: 9, password: {env: PASSWORD}}
"""


def blocks(kind: str) -> str:
    """The fenced blocks of this kind, of both pages."""
    return "".join(re.findall(rf"^```{kind}\n(.*?)^```$", "\n".join(PAGES), re.MULTILINE | re.DOTALL))


def test_the_target_file_of_the_pages_has_what_their_sentences_need(tmp_path: Path) -> None:
    """Each of them, those of the text included; and the checks that change the target ask for consent by the names on the pages."""
    file = tmp_path / "target.yaml"
    file.write_text(BEFORE + blocks("yaml"), encoding="utf-8")
    target, consents = load_target(file), set[str]()
    sentences = re.findall(r"^ +(?:Then|And) (.*)$", blocks("gherkin"), re.MULTILINE)
    sentences += re.findall(r"\*(there is exactly .*?)\*", PAGES[0])
    assert len(sentences) == 11
    for sentence in sentences:
        objective = read(sentence).objective
        assert objective is not None
        (demand,) = demands_of(objective)
        kind = kind_of(demand.name)
        assert list(kind.missing(target, demand.params)) == []
        consents |= {kind.consent} - {""}
    assert consents == {"audit-tampering", "layers", "authentication-down", "workload-defaults"}
    assert all(f"`{name}`" in "".join(PAGES) for name in consents)
