"""Where statements of people are looked for: directories that are there, each once, none under another's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigurationError
from harness.run.project import find_project
from harness.run.statements import statement_directories
from harness.targets import load_target


def directories(root: Path, target: str, project: str) -> tuple[Path, ...]:
    """Those of the waivers that target file and project name."""
    (root / "target.yaml").write_text(
        f"name: shop\nenvironment: staging\nentry: http://127.0.0.1:1\nwaivers: {target}\n", encoding="utf-8"
    )
    (root / "pyproject.toml").write_text(f'[tool.harness]\nwaivers = ["{project}"]\n', encoding="utf-8")
    return statement_directories("waivers", find_project(root), load_target(root / "target.yaml"))


def test_one_directory_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    """However it is spelt: its waivers would else be waived twice."""
    (tmp_path / "waivers").mkdir()
    assert directories(tmp_path, "./deploy/../waivers", "waivers") == ((tmp_path / "waivers").resolve(),)


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A misspelt directory of waivers is not the same as none."""
    (tmp_path / "waivers").mkdir()
    with pytest.raises(ConfigurationError, match=r"the directory .*waviers does not exist"):
        directories(tmp_path, "waviers", "waivers")


def test_two_directories_of_one_name_are_refused(tmp_path: Path) -> None:
    """Their files would be kept over each other."""
    for place in ("waivers", "deploy/waivers"):
        (tmp_path / place).mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="two directories have the name waivers"):
        directories(tmp_path, "deploy/waivers", "waivers")
