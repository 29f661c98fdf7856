"""What a person is told of each mistake in `mistakes.yaml`. `python -m tests.mistakes.telling` prints all of it as a table."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from harness.catalogue import Catalogue, lint, load_catalogue
from harness.drivers.chaos.experiments import read_experiment
from harness.drivers.load import load_traffic
from harness.errors import ConfigurationError, HarnessError
from harness.run.plan.choice import choose
from harness.run.plan.names import check_names
from harness.run.project import find_project
from harness.steps import lint_feature, read_criterion
from harness.targets import load_target

HERE: Final = Path(__file__).parent
TABLE: Final[Mapping[str, Any]] = yaml.safe_load((HERE / "mistakes.yaml").read_text(encoding="utf-8"))
FILES: Final[Mapping[str, Mapping[str, str]]] = TABLE["files"]
EXPERIMENTS: Final = {"pod-loss": "pod"}
_SAME_FILE: Final = {"names": "target"}
"""Kinds of mistakes in a file that is read for another reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """One row.

    Attributes:
        kind: of the file, or `command`.
        old, new: what is replaced by what.
        typed: the words of a command.
        says: what the message must contain.
    """

    kind: str
    old: str = ""
    new: str = ""
    typed: tuple[str, ...] = ()
    says: tuple[str, ...]

    @property
    def name(self) -> str:
        """For people, in one line."""
        did = " ".join(self.typed) or f"{self.old!r} → {self.new!r}"
        return f"{self.kind}: {did}"

    @property
    def file(self) -> str:
        """The name of the file that is wrong; empty for a command."""
        return FILES[_SAME_FILE.get(self.kind, self.kind)]["name"] if self.old else ""


def mistakes() -> Iterator[Mistake]:
    """Every row of the table."""
    for kind, rows in TABLE["mistakes"].items():
        for row in rows:
            yield Mistake(
                kind=kind,
                old=row.get("old", ""),
                new=row.get("new", ""),
                typed=tuple(row.get("type", ())),
                says=tuple(row["says"]),
            )


def told(mistake: Mistake, directory: Path) -> tuple[int, str]:
    """Exit code and message for a mistake in a file; places are relative to the directory."""
    kind = _SAME_FILE.get(mistake.kind, mistake.kind)
    text = FILES[kind]["text"]
    if mistake.old not in text:
        raise ValueError(f"{mistake.name}: the {kind} has no {mistake.old!r}")
    (file := directory / FILES[kind]["name"]).parent.mkdir(exist_ok=True)
    file.write_text(text.replace(mistake.old, mistake.new, 1), encoding="utf-8")
    try:
        _READERS[mistake.kind](file)
    except HarnessError as error:
        return error.exit_code, str(error).replace(f"{directory}/", "")
    return 0, ""


def _names(file: Path) -> None:
    loadtests = file.parent / "loadtests"
    loadtests.mkdir(exist_ok=True)
    (loadtests / "browse.yaml").touch()
    (file.parent / "pyproject.toml").write_text('[tool.harness]\nloadtests = ["loadtests"]\n', encoding="utf-8")
    check_names(load_target(file), find_project(file.parent))


def _project(file: Path) -> None:
    for name in ("catalogue", "features", "loadtests"):
        (file.parent / name).mkdir(exist_ok=True)
    choose(find_project(file.parent), None, ())


@cache
def _plain() -> Catalogue:
    return load_catalogue([HERE.parent / "plain" / "catalogue" / "plain.yaml"])


def _feature(file: Path) -> None:
    if problems := lint_feature(file, _plain(), EXPERIMENTS, file.parent):
        raise ConfigurationError("\n".join(map(str, problems)))


def _catalogue(file: Path) -> None:
    found = load_catalogue([file])
    own = [requirement for requirement in found.requirements.values() if requirement.profile == "shop"]
    for requirement in own:
        if requirement.criterion != "attested":
            read_criterion(requirement, found, EXPERIMENTS)
    if problems := lint(found):
        raise ConfigurationError("\n".join(map(str, problems)))


def _traffic(file: Path) -> None:
    for kind in ("traffic", "locustfile"):
        beside = file.parent / FILES[kind]["name"]
        if not beside.exists():
            beside.write_text(FILES[kind]["text"], encoding="utf-8")
    load_traffic("browse", [file.parent])


_READERS: Final[Mapping[str, Callable[[Path], object]]] = {
    "target": load_target,
    "names": _names,
    "project": _project,
    "feature": _feature,
    "catalogue": _catalogue,
    "experiment": read_experiment,
    "traffic": _traffic,
    "locustfile": _traffic,
}


def main() -> None:
    """Print what is told of every mistake in a file."""
    count = 0
    for mistake in mistakes():
        if mistake.typed:
            continue
        with tempfile.TemporaryDirectory() as directory:
            code, message = told(mistake, Path(directory))
        count += code == 4 and all(words in message for words in mistake.says)
        sys.stdout.write(f"{mistake.name}\n  {code}  {message.replace(chr(10), chr(10) + '     ')}\n")
    sys.stdout.write(f"{count} mistakes in files are told with place and hint\n")


if __name__ == "__main__":
    main()
