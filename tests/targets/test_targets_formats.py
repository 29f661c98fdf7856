"""A YAML file in a directory of claims declares a format of reports; what is wrong with it is said with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigurationError
from harness.targets.files.formats import load_formats

TAKEN = ("junit", "as_of")
AUDIT = "formats:\n  - {key: pip-audit, name: pip-audit report, about: Vulnerabilities of packages.}\n"


def written(directory: Path, **files: str) -> Path:
    """A directory of claims."""
    for name, text in files.items():
        (directory / f"{name}.yaml").write_text(text, encoding="utf-8")
    return directory


def test_a_format_has_a_key_a_name_and_an_example(tmp_path: Path) -> None:
    """Nouns in the same file are read elsewhere, as is a file that says nothing of formats."""
    found = load_formats([written(tmp_path, a=f"{AUDIT}documents: []\n", b="things: []\n", c="# formats:\n")], TAKEN)
    assert {key: (one.name, one.report, one.of) for key, one in found.items()} == {
        "pip-audit": ("pip-audit report", "backend", "commit")
    }


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        (AUDIT.replace("pip-audit,", "junit,", 1), "the format `junit` is defined twice", "a.yaml:2"),
        (AUDIT + AUDIT.splitlines()[1], "the format `pip-audit` is defined twice", "a.yaml:3"),
        (AUDIT.replace("pip-audit,", "Pip_Audit,", 1), "is not small letters and digits", "a.yaml:2"),
        (AUDIT.replace("about", "abuot"), "unknown key `abuot`", "a.yaml:2"),
        ("formats: pip-audit\n", "`pip-audit` is not a list", "a.yaml:1"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, what: str, where: str) -> None:
    """A key that is taken, a key of another form, an unknown word."""
    with pytest.raises(ConfigurationError) as refused:
        load_formats([written(tmp_path, a=text)], TAKEN)
    assert what in refused.value.what
    assert where in refused.value.where
