"""A check of a project is a function in a module of its `claims/`; one that cannot be used is refused with file and line."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.builders.preloaded import command

SHELVES = '''\
"""The shop's shelves."""

from harness.drivers.claim import claim
from harness.drivers.facts import FactReading


@claim("every shelf has a label", needs=("files.registers",))
def shelf_labels(asked):
    """Each shelf of the register has a label."""
    return [FactReading(subject="shelf", expected="a label", observed="one", ok=True)]
'''


def steps(project: Path, word: str, name: str = "steps") -> subprocess.CompletedProcess[str]:
    """What `readiness steps WORD`, or another command, says in a project whose `claims` are its directory of that name."""
    (project / "pyproject.toml").write_text('[tool.harness]\nclaims = ["claims"]\n', encoding="utf-8")
    return command("harness", name, word, cwd=project)


def claims(project: Path, name: str, text: str) -> Path:
    """A file in the project's `claims/`."""
    path = project / "claims" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_modules_of_claims_import_each_other_from_the_directories_below(tmp_path: Path) -> None:
    """The directory is a package; a module whose name begins with `_` has no sentence of its own."""
    words = 'LABEL = "a label"\n'
    claims(tmp_path, "rooms/_words.py", words)
    read = SHELVES.replace("\n\n\n@claim", "\n\nfrom ._words import LABEL\n\n\n@claim").replace('"a label"', "LABEL")
    claims(tmp_path, "rooms/shelves.py", read)
    claims(tmp_path, "boxes.py", '"""Boxes."""\n\nfrom .rooms.shelves import shelf_labels\n')
    listed = steps(tmp_path, "shelf")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert listed.stdout.count("every shelf has a label") >= 1
    claims(tmp_path, "rooms/_words.py", "NAME = 1\n")
    refused = steps(tmp_path, "shelf")
    assert "boxes.py:3: the module cannot be loaded: cannot import name 'LABEL'" in refused.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "def shelf_labels(asked):",
            "def shelf_labels(asked:",
            "shelves.py:8: the module cannot be loaded: SyntaxError",
        ),
        ("import FactReading", "import FactsRead", "shelves.py:4: the module cannot be loaded: cannot import name"),
        ("files.registers", "files.shelves", "a claim needs the unknown key `files.shelves`"),
        ("every shelf has a label", "the README lists every file of its directory and no other", "two sentences read"),
        ("shelf_labels", "readme_index", "two functions are named `readme-index`"),
    ],
)
def test_a_module_of_claims_that_cannot_be_used_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    """Without a traceback."""
    claims(tmp_path, "shelves.py", SHELVES.replace(old, new))
    refused = steps(tmp_path, "shelf")
    assert refused.returncode != 0
    assert said in refused.stderr
    assert "shelves.py:" in refused.stderr
    assert "Traceback" not in refused.stderr
