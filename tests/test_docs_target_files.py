"""What the pages on checks tell to write is read as a target file, and lacks nothing that their sentences need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from harness.drivers.check.registry import kind_of
from harness.figures import spec_of
from harness.model import DemandKind, Objective
from harness.steps.grammar import demands_of, read
from harness.targets import Target, load_target
from tests.page_blocks import blocks

DOCS: Final = Path(__file__).parents[1] / "docs"
BEFORE: Final = "name: shop\nenvironment: staging\nentry: https://shop.example.test\n"
DATABASE: Final = "database: {dsn: {env: DSN}}\n"
CONSENT: Final = "may_break: [{experiment: restore-drill}]\n"
PROTECTS: Final = """\
prometheus: https://prometheus.example.test
kubernetes: {context: shop}
database: {dsn: {env: DSN}}
callers: {accepted: {app: gateway}, refused: {app: stranger}}
sign_in: {path: /sessions, user: "test-{n}", users: 9, password: {env: PASSWORD}}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What pages tell to write.

    Attributes:
        pages: names of the pages.
        count: number of their sentences.
        before: what the target file has before.
        target: numbers of the blocks of the target file; empty: all.
        scenarios: numbers of the blocks with the sentences; empty: all.
    """

    pages: tuple[str, ...]
    count: int
    before: str = ""
    target: tuple[int, ...] = ()
    scenarios: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """The pages."""
        return "\n".join((DOCS / f"{name}.md").read_text(encoding="utf-8") for name in self.pages)

    def joined(self, kind: str, numbers: tuple[int, ...]) -> str:
        """Fenced blocks of this kind."""
        found = blocks(self.text, kind)
        return "".join(found[number] for number in numbers) if numbers else "".join(found)

    def read(self, directory: Path) -> tuple[Target, list[Objective]]:
        """The target file, and what the sentences mean."""
        file = directory / "target.yaml"
        file.write_text(BEFORE + self.before + self.joined("yaml", self.target), encoding="utf-8")
        sentences = re.findall(r"^ +(?:Then|And) (.*)$", self.joined("gherkin", self.scenarios), re.MULTILINE)
        assert len(sentences) == self.count
        return load_target(file), [one for sentence in sentences if (one := read(sentence).objective)]


BACKUPS: Final = Written(pages=("backups",), count=4)
STATES: Final = tuple(Written(pages=(name,), count=1) for name in ("saved-states", "retention"))
PROTECTED: Final = Written(pages=("audit-and-attacks", "layers-of-protection"), count=10, before=PROTECTS)
WRITTEN: Final = (
    BACKUPS,
    *STATES,
    PROTECTED,
    Written(pages=("cache",), count=8),
    Written(pages=("restore-drills",), count=2, before=DATABASE, target=(0,), scenarios=(0, 1)),
    Written(pages=("restore-drills",), count=1, before=DATABASE + CONSENT, target=(1,), scenarios=(2,)),
    Written(pages=("cache-snapshots",), count=3, before=DATABASE),
    Written(pages=("saved-configuration",), count=2, before="kubernetes: {context: shop, namespace: shop}\n"),
    Written(pages=("archives",), count=1, before="kubernetes: {context: shop, namespace: shop}\n"),
)


def checks(objectives: list[Objective]) -> Iterator[tuple[str, dict[str, str]]]:
    """The checks that are asked for, each with its parameters."""
    for demand in (one for objective in objectives for one in demands_of(objective)):
        if demand.kind is DemandKind.CHECK:
            yield demand.name, dict(demand.params)


def test_a_target_file_of_the_pages_has_what_its_sentences_need(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """The keys; where the file consents to something, that is what the checks ask for."""
    for written in WRITTEN:
        with subtests.test(" ".join(written.pages), target=written.target):
            target, objectives = written.read(tmp_path)
            assert len(objectives) == written.count
            consents = {"", *(one.experiment for one in target.may_break)}
            for name, params in checks(objectives):
                assert list(kind_of(name).missing(target, params)) == [], name
                assert kind_of(name).consent in consents or not target.may_break, name


def test_backups_that_are_watched_are_those_of_the_target_file(tmp_path: Path) -> None:
    """Of the four sentences, two are read again and again during the run, and two once."""
    target, objectives = BACKUPS.read(tmp_path)
    for objective in objectives:
        assert objective.params["backup"] in target.backups
        assert all(getattr(target, need.key) for need in spec_of(objective.figure).needs(objective))


def test_the_places_and_tables_of_saved_states_are_declared(tmp_path: Path) -> None:
    """By the target file of each page."""
    for written in STATES:
        target, objectives = written.read(tmp_path)
        ((name, params),) = checks(objectives)
        assert kind_of(name).placed(target, params)


def test_checks_that_change_the_target_ask_for_consent_by_the_names_on_the_pages(tmp_path: Path) -> None:
    """Those of the text included."""
    target, objectives = PROTECTED.read(tmp_path)
    (sentence,) = re.findall(r"\*(there is exactly .*?)\*", PROTECTED.text)
    said = read(sentence).objective
    assert said is not None
    asked = [*checks([*objectives, said])]
    assert len(asked) == 11
    assert [name for name, params in asked if list(kind_of(name).missing(target, params))] == []
    consents = {kind_of(name).consent for name, _ in asked} - {""}
    assert consents == {"audit-tampering", "layers", "authentication-down", "workload-defaults"}
    assert all(f"`{name}`" in PROTECTED.text for name in consents)
