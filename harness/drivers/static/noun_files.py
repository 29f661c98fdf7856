"""The nouns of sentences on documents and registers, from YAML files: those that the package brings and those of the project.

A document has sections that must be there; a register is a list that people keep, whose entries name attributes. Both are in the
directories that `claims` of `[tool.harness]` names, beside the nouns of sentences on objects of a cluster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from harness.errors import ConfigurationError
from harness.plugins import claims_paths
from harness.targets.files.claims import ClaimsFile
from harness.targets.files.values import TargetSection, Word
from harness.validation import matching, validated
from harness.yamlfile import YamlDocument

_NAME: Final = r"[A-Za-z](?:[A-Za-z0-9' -]{0,58}[A-Za-z0-9])?"
_Noun = Annotated[str, matching(_NAME, "words of letters, digits, `'` and `-`")]
_Attribute = Annotated[
    str, matching(rf"(?!.*\b(?:and|its)\b){_NAME}", "words of letters, digits, `'` and `-`, without `and` and `its`")
]
_Said = Annotated[str, matching(rf"(?!.*\band\b)(?:{_NAME})?", "words of letters, digits, `'` and `-`, without `and`")]
_File = Annotated[str, matching(r"[A-Za-z0-9_-][A-Za-z0-9_. -]{0,99}", "the name of a file, without a directory")]


def attributes_of(text: str) -> list[str]:
    """`its command, its owner and its time limit` → its command, its owner, its time limit."""
    return re.split(", | and ", text)


class DocumentNoun(TargetSection):
    """A document with sections that must be there: its file in `files.documents`, and the headings."""

    name: _Noun
    file: _File
    sections: Annotated[list[Word], Field(min_length=1)]


class Attribute(TargetSection):
    """What an entry of a register may name.

    Attributes:
        name: in messages, and after `its` in sentences. said: in sentences, where that is not `its NAME`.
        key: in the register's file; the name with `_` if none is given.
        value: what it is: a text, a list of texts, a length of time, a number, one of the words `of`, titles of scenarios that must
            exist, or tests of which one must have run by the JUnit reports `of`.
    """

    name: _Attribute
    said: _Said = ""
    key: str = ""
    value: Literal["text", "texts", "duration", "count", "choice", "scenarios", "tests"] = "text"
    of: list[Word] = Field(default_factory=list)

    @model_validator(mode="after")
    def _says_of_what(self) -> Self:
        if (self.value in ("choice", "tests")) != bool(self.of):
            raise ValueError(
                f"the words or reports of `{self.name}` under `of`, beside `value: choice` or `value: tests`"
            )
        return self

    @property
    def words(self) -> str:
        """What a sentence says after `names`."""
        return self.said or f"its {self.name}"

    @property
    def written(self) -> str:
        """The key in the register's file."""
        return self.key or self.name.replace(" ", "_")


class RegisterNoun(TargetSection):
    """A list that people keep.

    Attributes:
        name: of one entry, in sentences. file: `FILE.yaml` in a directory of `files.registers`. key: of the list in that file.
        attributes: what an entry may name.
    """

    name: _Noun
    file: _File
    key: Word
    attributes: Annotated[list[Attribute], Field(min_length=1)]


class _NounFile(ClaimsFile):
    """The documents and registers of one file."""

    documents: list[DocumentNoun] = Field(default_factory=list)
    registers: list[RegisterNoun] = Field(default_factory=list)


def load_paper_nouns(paths: Iterable[Path]) -> tuple[Mapping[str, DocumentNoun], Mapping[str, RegisterNoun]]:
    """The documents and the registers that the YAML files in these directories declare, by their names.

    Raises:
        ConfigurationError: an entry is not understood, or a name is taken; with file and line.
    """
    documents: dict[str, DocumentNoun] = {}
    registers: dict[str, RegisterNoun] = {}
    for document, file in validated(paths, _NounFile):
        for number, noun in enumerate(file.documents):
            _require_free(documents, noun.name, document, ("documents", number))
            documents[noun.name] = noun
        for number, register in enumerate(file.registers):
            _require_free(registers, register.name, document, ("registers", number))
            registers[register.name] = register
    return documents, registers


def _require_free(known: Mapping[str, object], name: str, document: YamlDocument, at: tuple[str, int]) -> None:
    if name in known:
        what = f"two {at[0]} are named `{name}`"
        raise ConfigurationError(what, where=document.where((*at, "name")), hint="rename one of them")


DOCUMENTS, REGISTERS = load_paper_nouns(claims_paths())
