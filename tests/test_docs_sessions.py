"""What docs/sessions-and-limits.md tells to write is read, and its sentences can be decided."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from harness.cli.starter.writing import ProjectAnswers, write_project
from harness.drivers.check.bursts.size import MOST_PER_S, OVER
from harness.drivers.check.sessions.roles import HELD_S
from harness.steps import read
from tests.builders.preloaded import command
from tests.page_blocks import blocks

PAGE: Final = (Path(__file__).parents[1] / "docs" / "sessions-and-limits.md").read_text(encoding="utf-8")


def test_the_page_can_be_planned(tmp_path: Path) -> None:
    """A project as `init` writes it, with the page's target keys and scenarios."""
    write_project(
        tmp_path / "shop", ProjectAnswers(name="shop", entry="http://127.0.0.1:9", health="/health", read="/orders/1")
    )
    target = tmp_path / "shop" / "target.yaml"
    target.write_text(target.read_text(encoding="utf-8") + blocks(PAGE, "yaml")[0], encoding="utf-8")
    feature = f"Feature: sessions\n\n{blocks(PAGE, 'gherkin')[0]}"
    (tmp_path / "shop" / "features" / "sessions.feature").write_text(feature, encoding="utf-8")
    planned = command("harness", "plan", "--json", cwd=tmp_path / "shop")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    decided = {one["requirement"]: one["can_be_decided"] for one in json.loads(planned.stdout)["sentences"]}
    assert (decided["SHOP-SESSION"], decided["SHOP-LIMIT"]) == (True, True)


def test_the_table_has_sentences_and_the_text_has_the_numbers_of_the_code() -> None:
    """Each whole sentence of the table asks for a check."""
    rows = [one for one in re.findall(r"^\| \*(.*?)\* \|", PAGE, re.MULTILINE) if "…" not in one]
    objectives = [read(one, {}).objective for one in rows]
    assert [one.demand for one in objectives if one is not None] == ["check"] * 7
    assert f"the {MOST_PER_S / OVER:g} calls a second" in PAGE
    assert HELD_S == 5
