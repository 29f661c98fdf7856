"""Documents and registers that sentences may name are declared in YAML files, a project's own beside those of the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.drivers.static.noun_files import DOCUMENTS, REGISTERS, load_paper_nouns
from harness.errors import ConfigurationError

SUPPLIERS = """\
registers:
  - name: supplier
    file: suppliers
    key: suppliers
    attributes:
      - name: contact
      - {name: notice period, value: duration}
      - {name: tests, said: at least one test that ran, value: tests, of: [suppliers]}
"""


def declared(tmp_path: Path, text: str) -> Path:
    """A file of nouns with this text."""
    path = tmp_path / "papers.yaml"
    path.write_text(text)
    return path


def test_the_package_brings_the_nouns_of_the_integration_platform() -> None:
    """They are in its `claims/`, not in the engine."""
    assert sorted(REGISTERS) == ["boundary", "integration", "integration's configuration", "rollback procedure"]
    assert sorted(DOCUMENTS) == ["data layer report", "integration roadmap"]


def test_a_register_of_a_project_has_attributes_whose_keys_are_their_names(tmp_path: Path) -> None:
    """A space is `_` in the register's file."""
    _, registers = load_paper_nouns([declared(tmp_path, SUPPLIERS)])
    assert [one.written for one in registers["supplier"].attributes] == ["contact", "notice_period", "tests"]
    assert [one.words for one in registers["supplier"].attributes] == [
        "its contact",
        "its notice period",
        "at least one test that ran",
    ]


def test_a_noun_that_cannot_be_used_is_refused_with_its_line(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Before anything is run."""
    for old, new, said in [
        ("    key: suppliers\n", "", "registers[0].key"),
        ("value: duration", "value: choice", "the words or reports of `notice period` under `of`"),
        ("value: duration", "value: money", "papers.yaml:7"),
        (", of: [suppliers]", "", "the words or reports of `tests` under `of`"),
        ("said: at least one test", "said: one test and", "without `and`"),
        ("    attributes:", "    attribute:", "unknown key `attribute`"),
        ("registers:", "register:", "unknown key `register`"),
        ("name: contact", "name: contact and owner", "without `and` and `its`"),
        ("file: suppliers", "file: ../suppliers", "the name of a file, without a directory"),
    ]:
        with subtests.test(old=old, new=new):
            with pytest.raises(ConfigurationError) as refused:
                load_paper_nouns([declared(tmp_path, SUPPLIERS.replace(old, new, 1))])
            assert said in str(refused.value)
            assert "papers.yaml:" in str(refused.value)


def test_two_registers_of_one_name_are_refused_with_the_line_of_the_second(tmp_path: Path) -> None:
    """A project does not replace a noun of the package."""
    path = declared(tmp_path, SUPPLIERS)
    with pytest.raises(ConfigurationError, match=r"two registers are named `supplier`"):
        load_paper_nouns([path, path])
