"""Whether what the entries of registers refer to exists: procedures and stored runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from harness.drivers.claim import claim
from harness.drivers.facts import FactReading
from harness.drivers.manifests import mapping
from harness.drivers.paper import Asked
from harness.drivers.static.files import files_of, inside, named, shown, text_of
from harness.drivers.static.registers import Entry, entries, is_blank, is_quantity, not_read, register_file
from harness.errors import ConfigurationError
from harness.model import Quantity
from harness.yamlfile import YamlDocument, read_documents

_RULES: Final = (".yml", ".yaml", ".json", ".rules")
_PROSE: Final = (".md", ".txt", ".rst")
_RUN_ID: Final = re.compile(r"(?P<at>\d{8}T\d{6})(?:Z|\b)")


@claim(
    "every trigger and every listed risk names a rollback procedure that exists",
    needs=("files.registers",),
)
def rollbacks_exist(asked: Asked) -> Sequence[FactReading]:
    """One fact per trigger and risk of the registers and per alert rule that rolls back: the procedure that it names exists."""
    procedures = {one.name for one in entries(asked, "rollbacks", "procedures")}
    triggers = [(one, "trigger") for one in entries(asked, "rollbacks", "triggers")]
    risks = [(one, "risk") for one in entries(asked, "risks", "risks")]
    paths = list(files_of(named(asked, "rules"), _may_have_rules)) if asked.target.files.rules else []
    rules = [(one, "alert") for path in paths if path.suffix in _RULES for one in _alerts(path, asked)]
    unread = [_unread(path, asked) for path in paths if path.suffix not in _RULES]
    return [*(_procedure(entry, kind, procedures) for entry, kind in (*triggers, *risks, *rules)), *unread]


def _procedure(entry: Entry, kind: str, procedures: set[str]) -> FactReading:
    procedure = entry.values.get("rollback")
    known = isinstance(procedure, str) and procedure in procedures
    seen = (
        "it names none" if is_blank(procedure) else f"`{procedure}`" if known else f"`{procedure}`, which is not there"
    )
    return FactReading(
        subject=f"{entry.place} {kind} {entry.name}",
        expected="a rollback procedure that exists",
        observed=seen,
        ok=known,
    )


def _may_have_rules(path: Path) -> bool:
    """Whether a file may have rules by its name; prose and hidden files have none."""
    return path.suffix not in _PROSE and not path.name.startswith(".")


def _unread(path: Path, asked: Asked) -> FactReading:
    words = f"it is not read: its name does not end in {', '.join(_RULES)}; hint: name the files of rules, as `rules/*.yaml`"
    return FactReading(
        subject=shown(path, asked),
        expected="a rollback procedure of every alert that rolls back",
        observed=words,
        ok=None,
    )


def _alerts(path: Path, asked: Asked) -> Iterator[Entry]:
    """The alerts that cause a rollback, which have the label `action: rollback`; the annotation `rollback` names the procedure."""
    asked.keep(path)
    for document in read_documents(path):
        for at, labels, rule in _rules(document) if document.data is not None else ():
            if labels.get("action") == "rollback":
                place = f"{shown(path, asked)}:{document.line(at)}"
                yield Entry(name=str(rule.get("alert", "?")), values=mapping(rule.get("annotations")), place=place)


def _rules(document: YamlDocument) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any], Mapping[str, Any]]]:
    """The place, labels and content of each rule of a Prometheus rule file or a `PrometheusRule`; labels of a group are its rules' too."""
    content, at = mapping(document.data), tuple[str | int, ...]()
    if (kind := content.get("kind")) == "PrometheusRule":
        content, at = mapping(content.get("spec")), ("spec",)
    elif kind is not None:
        hint = "write its groups as a rule file, or as an object `PrometheusRule`"
        raise ConfigurationError(
            f"is an object `{kind}`, whose rules are not read", where=document.where(()), hint=hint
        )
    at = (*at, "groups")
    for number, group in enumerate(_listed(document, at, content.get("groups"))):
        here = (*at, number, "rules")
        for index, rule in enumerate(_listed(document, here, mapping(group).get("rules") or [])):
            if not isinstance(rule, dict):
                raise ConfigurationError("the rule is not a mapping", where=document.where((*here, index)))
            yield (*here, index), {**mapping(mapping(group).get("labels")), **mapping(rule.get("labels"))}, rule


def _listed(document: YamlDocument, at: tuple[str | int, ...], value: object) -> list[Any]:
    if not isinstance(value, list):
        hint = "a rule file begins with `groups:`, or is an object `PrometheusRule`"
        raise ConfigurationError("is not a file of Prometheus rules", where=document.where(at), hint=hint)
    return value


@claim(
    "every boundary has a declared limit and a stored baseline run younger than <younger_than:duration>",
    needs=("files.registers",),
    example="every boundary has a declared limit and a stored baseline run younger than 90 d",
)
def baselines_stored(asked: Asked) -> Sequence[FactReading]:
    """The limit is a number with a unit; the run is a file or a run directory beside the register."""
    most = Quantity.parse(asked.params["younger_than"]).in_unit("s")
    root = register_file(asked, "boundaries").parent
    seen = []
    for boundary in entries(asked, "boundaries", "boundaries"):
        limit = boundary.values.get("limit")
        fits = is_quantity(limit)
        subject = f"{boundary.place} {boundary.name}"
        seen.append(
            FactReading(
                subject=f"{subject}: limit",
                expected="a number with a unit",
                observed="no `limit`" if is_blank(limit) else f"`{limit}`{not_read('200 ms') if fits is None else ''}",
                ok=fits,
            )
        )
        seen.append(_baseline(f"{subject}: baseline", boundary, root, most, asked))
    return seen


def _baseline(subject: str, boundary: Entry, root: Path, most_s: float, asked: Asked) -> FactReading:
    fact = partial(FactReading, subject=subject, expected=f"a run younger than {asked.params['younger_than']}")
    written = boundary.values.get("baseline")
    if is_blank(written) or not isinstance(written, str):
        return fact(observed="no `baseline`", ok=False)
    path = inside(root / written, root)
    path = path / "verdict.json" if path.is_dir() else path
    if not path.is_file():
        return fact(observed=f"`{written}` is not there", ok=False)
    asked.keep(path)
    at = _moment(path)
    if at is None:
        return fact(observed=f"`{written}` does not say when the run was", ok=None)
    age = asked.today - at
    if age < -timedelta(hours=1):
        return fact(observed=f"the run is dated {at:%Y-%m-%d}, in the future", ok=None)
    return fact(observed=f"the run is dated {at:%Y-%m-%d}, {max(age.days, 0)} d old", ok=age.total_seconds() < most_s)


def _moment(path: Path) -> datetime | None:
    """The time of a stored run, from its id or its key `measured`; None if it has neither."""
    try:
        content = json.loads(text_of(path))
    except (ValueError, RecursionError) as error:
        raise ConfigurationError("is not JSON", where=f"{path}:{getattr(error, 'lineno', 1)}") from error
    if not isinstance(content, dict):
        return None
    found = _RUN_ID.search(str(content.get("run_id", "")))
    try:
        at = datetime.fromisoformat(found["at"] if found else str(content.get("measured", "")))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
