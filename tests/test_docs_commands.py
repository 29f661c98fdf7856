"""Every command, sentence and block of YAML, TOML and Python in README, CONTRIBUTING, SECURITY and docs can be typed, read or compiled as it is."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from textwrap import dedent

import click
import pytest
import yaml

from harness.catalogue.scenarios import rows_of_scenarios
from harness.cli import readiness
from harness.steps import read
from tests.builders.preloaded import command

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
STANDS_FOR = {"RUN": "reports/runs/latest", "ID": "ND-KPI-P95", "POD": "pod-1", "DIR": "dir", "RELEASE": "1.0.0"}


def blocks(*kinds: str) -> list[tuple[str, str]]:
    """Fenced blocks of these kinds: page and text."""
    return [
        (page, dedent(text)) for page, whole in TEXTS.items() for _, kind, text in FENCE.findall(whole) if kind in kinds
    ]


def commands() -> list[tuple[str, str]]:
    """Lines of blocks, and pieces of code within lines, that begin with `readiness` or are given to a shell after it."""
    lines = [(page, line) for page, text in blocks("", "sh") for line in text.splitlines()]
    inline = [(page, piece) for page, whole in TEXTS.items() for piece in re.findall(r"`(readiness [^`]+)`", whole)]
    typed = [(page, re.sub(r"\s+#.*$", "", line).strip()) for page, line in [*lines, *inline]]
    return sorted({(page, line) for page, line in typed if re.match(r"readiness [a-z]", line) and "…" not in line})


_OF_CLAIMS = re.compile(r"# (claims/\S+)")
_OWN_STEP = re.compile(r"@(?:given|when|then)\(\"([^\"]+)\"")


def test_a_command_can_be_typed(subtests: pytest.Subtests) -> None:
    """Its options are known and its arguments complete; nothing is run."""
    for page, line in commands():
        with subtests.test(line, page=page):
            words = [STANDS_FOR.get(word, word) for word in shlex.split(line.partition(" | ")[0])][1:]
            group: click.Command = readiness
            context = click.Context(readiness, info_name="readiness")
            while isinstance(group, click.Group) and words:
                found = group.get_command(context, words.pop(0))
                assert found is not None, line
                group = found
            if not isinstance(group, click.Group):
                group.make_parser(context).parse_args(words)


@pytest.mark.parametrize(("page", "text"), blocks("gherkin"))
def test_a_sentence_is_read(page: str, text: str, tmp_path: Path) -> None:
    """Each Given, When and Then line is one of the vocabulary, of pytest-bdd's steps on the same page, or on nouns that it declares."""
    own = {name for where, code in blocks("python") if where == page for name in _OWN_STEP.findall(code)}
    for line in text.splitlines():
        if (found := re.match(r"\s*(Given|When|Then|And) (.*)", line)) and found[2] not in own:
            if found[1] == "Then" and declared(page, tmp_path):
                command("harness", "explain", found[2], cwd=tmp_path).check_returncode()
            else:
                assert read(found[2]).sentence == found[2]


def test_a_scenario_may_be_written_as_it_is(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """One that declares its requirement has one id, one Then step, and what a requirement needs."""
    for page, text in blocks("gherkin"):
        with subtests.test(page, text=text):
            whole = text if "Feature:" in text else f"Feature: {page}\n\n{text}"
            (feature := tmp_path / "page.feature").write_text(whole, encoding="utf-8")
            assert len([*rows_of_scenarios([feature])]) == len(re.findall(r"^ +gate:", text, re.MULTILINE))


def declared(page: str, project: Path) -> bool:
    """Whether a page declares nouns; they are put into a project, as the page says."""
    files = {found[1]: text for of, text in blocks("yaml") if of == page and (found := _OF_CLAIMS.match(text))}
    for name, text in files.items():
        (project / "claims").mkdir(exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    (project / "pyproject.toml").write_text('[tool.harness]\nclaims = ["claims"]\n', encoding="utf-8")
    return bool(files)


def test_a_block_is_what_it_says(subtests: pytest.Subtests) -> None:
    """YAML and TOML are mappings, Python compiles."""
    for page, text in blocks("yaml", "toml", "python"):
        with subtests.test(page, text=text):
            if (page, text) in blocks("yaml"):
                assert isinstance(yaml.safe_load(text), dict)
            elif (page, text) in blocks("toml"):
                assert tomllib.loads(text)
            else:
                compile(text, page, "exec")


def test_there_are_commands_and_blocks_to_look_at() -> None:
    """The pages have them, so none of the tests above is empty."""
    assert len(commands()) > 15
    assert blocks("gherkin")
    assert len(blocks("yaml", "toml", "python")) > 10
