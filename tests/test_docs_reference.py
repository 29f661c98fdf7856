"""The reference page and the code say the same; the public names are pinned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import harness
from harness.cli import readiness
from harness.errors import Exit
from harness.model import SAMPLES
from harness.model.records.recorded import RECORDED
from harness.steps import TEMPLATES
from harness.steps.nouns import DATA
from harness.steps.templates import CLAIMS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference.md"
REFERENCE = PAGE.read_text(encoding="utf-8")
SENTENCES = re.compile(r"^\| keyword \| template \|\n(?:\|.*\n)*", re.MULTILINE)


def commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command by its full name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def test_every_command_and_option_is_documented(subtests: pytest.Subtests) -> None:
    """Each has its heading, each option its row below it, and each says in its help what it does."""
    for name, command in commands(readiness):
        with subtests.test(name):
            heading = f"### `readiness {name}"
            assert heading in REFERENCE
            section = REFERENCE.split(heading, 1)[1].split("\n### ", 1)[0].split("\n## ", 1)[0]
            options = [option for option in command.params if isinstance(option, click.Option)]
            assert command.help
            assert [o.opts[0] for o in options if f"`{o.opts[0]}`" not in section] == []
            assert [o.opts[0] for o in options if not o.help] == []


def sentences() -> str:
    """The table of all sentences, as the page has it."""
    rows = (f"| {one.keyword.value.capitalize()} | `{one.plain}` |\n" for one in TEMPLATES)
    return "".join(("| keyword | template |\n|---|---|\n", *rows))


def test_every_sentence_is_documented() -> None:
    """The table of sentences is that of the grammar: this module, as a script, writes it again."""
    assert SENTENCES.findall(REFERENCE) == [sentences()]


def test_every_sentence_of_a_form_is_documented() -> None:
    """Those of figures; the nouns of checks are on the pages of what they read."""
    of_claims = {claim.form.name for claim in CLAIMS if claim.form}
    forms = [template for template in TEMPLATES if template.nouns and template.name not in of_claims]
    assert [one.plain for form in forms for one in form.nouns if f"| `{one.plain}` |" not in REFERENCE] == []
    assert [words for words in DATA if f"`{words} been read`" not in REFERENCE] == []


def test_every_exit_code_is_documented() -> None:
    """One table for the command and pytest."""
    assert [code for code in Exit if f"| {code.value} |" not in REFERENCE] == []


def test_every_column_of_what_was_seen_is_documented(subtests: pytest.Subtests) -> None:
    """Each table has its row, and each column stands in it."""
    lines = REFERENCE.splitlines()
    for schema in [SAMPLES, *{table.schema.name: table.schema for table in RECORDED}.values()]:
        with subtests.test(schema.name):
            (row,) = (one for one in lines if one.startswith(f"| `{schema.name}` ") and "_ns" in one)
            assert {*schema.ints, *schema.words} - set(re.findall(r"\w+", row)) == set()


def test_the_public_names_are_pinned() -> None:
    """What others build on; a change here is a breaking change."""
    public = ["__version__", "chaos", "discover", "judge", "locust", "model", "open_run", "steps"]
    assert sorted(harness.__all__) == public
    assert all(getattr(harness, name) is not None for name in harness.__all__ if name != "locust")
    assert harness.locust.__all__ == ["Answer", "ClosedLoopUser", "Journey", "OpenLoopUser", "Shape", "target_entry"]
    assert all(f"`{name}`" in REFERENCE for name in harness.locust.__all__)


if __name__ == "__main__":
    PAGE.write_text(SENTENCES.sub(lambda _: sentences(), REFERENCE), encoding="utf-8")
