"""The sandbox as staging.

The same platform, a target file that says so, and the sample reports beside it.
The samples are dated: their days are moved so that the last is yesterday, all by as many days, so that they do not grow too old. Those that say of which
target they are say it of this one. Nothing else in them is changed, and nothing of them was measured.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from harness import clock
from readiness_sandbox.platform.repository import examples

SAMPLES: Final = "samples"
"""Directory of the samples, below that of the sandbox."""
_COPIED: Final = ("reports", "records", "attestations")
_DAY: Final = re.compile(r"(?<![0-9])20[0-9]{2}-[01][0-9]-[0-3][0-9](?![0-9])")
_EPOCH: Final = re.compile(r"(?<![0-9.])1[6-9][0-9]{8}(?![0-9])")
_DAY_S: Final = 86_400


class _Renamed(NamedTuple):
    """The name of a target, and that by which it is replaced."""

    old: str
    new: str

    def of(self, content: bytes) -> bytes:
        """A record, or the file beside a report, with the new name after `target:` at its top; any other file as it is."""
        return re.sub(rf"(?m)^target: {re.escape(self.old)}$".encode(), f"target: {self.new}".encode(), content)


def named_as(content: dict[str, Any], environment: str) -> str:
    """The name of the target that stands for another environment: `sandbox-as-staging`."""
    return f"{content['name']}-as-{environment}"


def standing_for(content: dict[str, Any], environment: str, samples: Path, repository: Path) -> dict[str, Any]:
    """The content of a target file that stands for another environment; `copy_samples` puts there what it names.

    Args:
        content: of the sandbox's own target file.
        environment: `staging`.
        samples: directory of the samples.
        repository: the platform's own files.
    """
    changed = {**content, "name": named_as(content, environment), "environment": environment}
    production = {"register": str(repository / "registers" / "production.yaml")}
    changed["database"] = {**content["database"], "production": production}
    source = examples()
    if source is None or not (source.parent / "paper.yaml").is_file():
        return changed
    paper = yaml.safe_load((source.parent / "paper.yaml").read_text("utf-8"))
    evidence = {key: named for key, named in paper["evidence"].items() if key != "as_of"}
    placed = _placed(evidence, source.parent, samples)
    own = content.get("evidence", {})
    changed["evidence"] = {key: {**placed.get(key, {}), **own.get(key, {})} for key in {**placed, **own}}
    changed["release"] = {**content["release"], "commit": paper["release"]["commit"]}
    if (source / "attestations").is_dir():
        changed["attestations"] = str(samples / "attestations")
    return changed


def copy_samples(samples: Path, name: str) -> None:
    """Copy the sample reports, records and attestations to a directory, their days moved; none where none came with the harness.

    Args:
        samples: the directory.
        name: of the target that they are of from now on.
    """
    source = examples()
    if source is None or not (source.parent / "paper.yaml").is_file():
        return
    paper = yaml.safe_load((source.parent / "paper.yaml").read_text("utf-8"))
    days = (
        clock.wall().date() - paper["evidence"]["as_of"]
    ).days - 1  # the samples end with that day; today has not ended
    for part in _COPIED:
        if (source / part).is_dir():
            _copy(source / part, samples / part, days, _Renamed(paper["name"], name))


def _placed(value: Any, examples_directory: Path, samples: Path) -> Any:
    """The same with absolute paths: of a copy where there is one, else of the sample itself."""
    if isinstance(value, dict):
        return {key: _placed(item, examples_directory, samples) for key, item in value.items()}
    if isinstance(value, list):
        return [_placed(item, examples_directory, samples) for item in value]
    if not isinstance(value, str) or not value.startswith("paper/"):
        return value
    rest = value.removeprefix("paper/")
    copied = rest.partition("/")[0] in _COPIED
    return str(samples / rest if copied else examples_directory / value)


def _copy(source: Path, destination: Path, days: int, renamed: _Renamed) -> None:
    for path in sorted(source.rglob("*")):
        if path.is_file():
            copy = destination / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(renamed.of(_redated(path.read_bytes(), days)))


def _redated(content: bytes, days: int) -> bytes:
    """Text with every day, and every second since 1970, moved by so many days.

    What is not UTF-8 as it is.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return content
    text = _DAY.sub(lambda found: _moved(found[0], days), text)
    return _EPOCH.sub(lambda found: str(int(found[0]) + days * _DAY_S), text).encode()


def _moved(day: str, days: int) -> str:
    try:
        return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
    except ValueError:  # a number that only looks like a day
        return day
