"""Formats of reports that YAML files in directories of claims declare, of the package and of the project.

A declaration gives the key of the format below `evidence` in target files, and the sentence that reads such a report. A
function in a module of the directory reads the files: see `docs/extending-reports.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from harness.errors import ConfigurationError
from harness.targets.files.claims import ClaimsFile
from harness.targets.files.values import Name, TargetSection, Word
from harness.validation import matching, validated
from harness.yamlfile import yaml_files

_Key = Annotated[str, matching(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", "small letters and digits, with `-` between them")]
_Words = Annotated[str, matching(r"[A-Za-z][A-Za-z0-9 -]{0,58}[A-Za-z0-9]", "words of letters, digits and `-`")]


class ReportFormat(TargetSection):
    """One format of reports.

    Attributes:
        key: key below `evidence` in target files.
        name: name of such a report in sentences, such as `pip-audit report`.
        about: description of the format in one sentence.
        report: name of a report in the example.
        of: subject of the report in the example.
    """

    key: _Key
    name: _Words
    about: Word
    report: Name = "backend"
    of: Literal["commit", "release", "target"] = "commit"


class _FormatFile(ClaimsFile):
    """The formats of one file."""

    formats: list[ReportFormat] = Field(default_factory=list)


def load_formats(paths: Iterable[Path], taken: Iterable[str]) -> Mapping[str, ReportFormat]:
    """The formats that the YAML files in these directories declare, by key.

    Args:
        paths: directories of claims.
        taken: keys that the harness itself reads.

    Raises:
        ConfigurationError: an entry is invalid, or its key is used already; the error names file and line.
    """
    found: dict[str, ReportFormat] = {}
    known = {*taken}
    files = (file for path in paths for file in (yaml_files(path) if path.is_dir() else [path]))
    for document, file in validated(filter(_may_declare, files), _FormatFile):
        for number, one in enumerate(file.formats):
            if one.key in known:
                where = document.where(("formats", number, "key"))
                raise ConfigurationError(
                    f"the format `{one.key}` is defined twice", where=where, hint="rename one of them"
                )
            known.add(one.key)
            found[one.key] = one
    return found


def _may_declare(file: Path) -> bool:
    """Whether a file must be parsed: most declare no format, and each command reads these files. One that cannot be read is reported by the parser."""
    try:
        return b"formats:" in file.read_bytes()
    except OSError:
        return True
