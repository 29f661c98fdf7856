"""Reads and writes statements of people: attestations and waivers, one per file, which are reviewed like code."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from harness.errors import ConfigurationError, UsageError
from harness.files import write_atomic
from harness.model import Attestation, Quantity, Waiver
from harness.model.judged.harm import Harm
from harness.nearest import hint_with_nearest
from harness.validation import configuration_error, matching
from harness.yamlfile import SUFFIXES, YamlDocument, read_document, yaml_files

LASTS: Final = timedelta(days=90)
"""Default validity of a statement, if the command line has no last day."""
HARMS: Final = tuple(harm.value.replace(" ", "-") for harm in Harm)
"""Kinds of harm that a waiver may name in place of a requirement."""


def _day(value: Any) -> Any:
    """A day as YAML reads it, or as text."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return date.fromisoformat(value)
    raise ValueError("a day like `2026-01-31`")


Day = Annotated[date, BeforeValidator(_day)]
Line = Annotated[
    str,
    Field(min_length=1, max_length=500),
    matching(r"[^\x00-\x1f]*\S[^\x00-\x1f]*", "one line with text in it, without tabs and control characters"),
]


class Statement(BaseModel):
    """Fields of every statement.

    Attributes:
        by: author of the statement.
        reason: reason for the statement.
        link: HTTP or HTTPS address of a document.
        date: date of the statement.
        expires: last day of its validity.
        release: release to which it applies.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Line
    reason: Line
    link: Annotated[str, Field(max_length=500), matching(r"https?://\S+", "an address like `https://example.test/42`")]
    date: Day
    expires: Day
    release: Line

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.expires < self.date:
            raise ValueError("it expires before its date")
        return self


class AttestationFile(Statement):
    """An attestation.

    Attributes:
        attestation: id of the requirement.
        role: role of the person who vouches.
    """

    attestation: Line
    role: Annotated[str, matching(r"[a-z]+(-[a-z]+)*", "a role in small letters with hyphens, like `security-lead`")]


def _bound(value: str) -> str:
    with contextlib.suppress(UsageError):
        if Quantity.parse(value).value >= 0:
            return value
    raise ValueError("a number with a unit like `300 ms` or `0.5 %`, and not below 0")


class Accepted(BaseModel):
    """What a waiver accepts: a bound of the figures, subjects of facts, an unknown outcome, or a count of a harm.

    Subjects may have a bound, for facts that are counts or shares.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bound: Annotated[str, AfterValidator(_bound)] = ""
    subjects: tuple[Line, ...] = ()
    outcome: Literal["", "INCONCLUSIVE", "NOT ASSESSED"] = ""
    count: Annotated[int, Field(ge=1, strict=True)] = 0

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = self.model_fields_set
        if not all(getattr(self, name) for name in given) or (len(given) != 1 and given != {"bound", "subjects"}):
            what = "must have exactly one of `bound`, `subjects`, `outcome` and `count`, or `subjects` with a `bound`"
            raise ValueError(what)
        return self


class WaiverFile(Statement):
    """A waiver.

    Attributes:
        waiver: id of the requirement, or a kind of harm.
        accepts: accepted result.
    """

    waiver: Line
    accepts: Accepted


def read_attestations(directories: Iterable[Path], release: str, today: datetime) -> tuple[Attestation, ...]:
    """The attestations in these directories; an attestation that does not count has a reason.

    Raises:
        ConfigurationError: a file is invalid; the error names file, line and key.
    """
    found = []
    for directory, document in _documents(directories):
        one = _validated(AttestationFile, document)
        found.append(
            Attestation(
                vouches=one.attestation,
                role=one.role,
                age_days=max(0, (today.date() - one.date).days),
                **_common(one, f"{directory.name}/{document.path.name}", release, today),
            )
        )
    return tuple(found)


def read_waivers(directories: Iterable[Path], release: str, today: datetime) -> tuple[Waiver, ...]:
    """The waivers in these directories; a waiver that does not count has a reason.

    Raises:
        ConfigurationError: a file is invalid, or two files waive the same requirement or harm.
    """
    found: dict[str, Waiver] = {}
    for directory, document in _documents(directories):
        one = _validated(WaiverFile, document)
        if one.waiver in HARMS and not one.accepts.count:
            raise ConfigurationError(
                "a waiver of a harm needs the accepted number",
                where=document.where(("accepts",)),
                hint="write `accepts: {count: 3}`",
            )
        if one.waiver in found:
            raise ConfigurationError(
                f"{one.waiver} is waived twice, also in {found[one.waiver].file}",
                where=document.where(("waiver",)),
                hint="keep one of the two files",
            )
        found[one.waiver] = Waiver(
            waives=one.waiver,
            bound=one.accepts.bound,
            subjects=one.accepts.subjects,
            outcome=one.accepts.outcome,
            count=one.accepts.count,
            **_common(one, f"{directory.name}/{document.path.name}", release, today),
        )
    return tuple(found.values())


def refuse_unknown(kind: str, directories: Iterable[Path], known: Iterable[str]) -> None:
    """Refuse statements about unknown requirements, which would have no effect.

    Args:
        kind: `attestations` or `waivers`.
        directories: directories with statements.
        known: ids of requirements.

    Raises:
        ConfigurationError: a statement names an unknown id, or a file is invalid; the error names file and line.
    """
    ids = frozenset(known) | (frozenset(HARMS) if kind == "waivers" else frozenset())
    for _directory, document in _documents(directories):
        key, named = _about(kind, document)
        if named not in ids:
            what, hint = f"no requirement has the id {named!r}", hint_with_nearest(named, ids)
            raise ConfigurationError(what, where=document.where((key,)), hint=hint)


def _about(kind: str, document: YamlDocument) -> tuple[str, str]:
    """The key that names what a statement is about, and its value."""
    if kind == "waivers":
        return "waiver", _validated(WaiverFile, document).waiver
    return "attestation", _validated(AttestationFile, document).attestation


def write_statement(directory: Path, statement: AttestationFile | WaiverFile) -> Path:
    """Write a statement to a new file, which is named after its subject; returns the path.

    Raises:
        ConfigurationError: the file exists already or cannot be written.
    """
    about = statement.attestation if isinstance(statement, AttestationFile) else statement.waiver
    path, *others = (directory / f"{about}{suffix}" for suffix in SUFFIXES)
    for there in (path, *others):
        if there.exists():
            hint = "review the file, then change or delete it"
            raise ConfigurationError("the file exists already", where=str(there), hint=hint)
    plain = statement.model_dump(mode="json", exclude_defaults=True)
    body = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=math.inf)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_atomic(path, body.encode())
    except OSError as error:
        raise ConfigurationError(f"the file cannot be written: {error.strerror}", where=str(path)) from error
    return path


def _documents(directories: Iterable[Path]) -> Iterator[tuple[Path, YamlDocument]]:
    for directory in dict.fromkeys(directories):
        for path in yaml_files(directory):
            yield directory, read_document(path)


_S = TypeVar("_S", bound=Statement)


def _validated(form: type[_S], document: YamlDocument) -> _S:
    try:
        return form.model_validate(document.data if document.data is not None else {})
    except ValidationError as error:
        raise configuration_error(document, form, error) from error


def _common(one: Statement, file: str, release: str, today: datetime) -> dict[str, str]:
    """The common fields of a statement, as the judge reads them."""
    return {
        "by": one.by,
        "reason": one.reason,
        "link": one.link,
        "date": one.date.isoformat(),
        "expires": one.expires.isoformat(),
        "release": one.release,
        "file": file,
        "void": _void(one, release, today),
    }


def _void(one: Statement, release: str, today: datetime) -> str:
    """Why a statement does not count on this day for this release; empty if it counts."""
    day = today.astimezone(UTC).date()
    if one.date > day:
        return f"its date is {one.date}, which is in the future"
    if one.expires < day:
        return f"it expired on {one.expires}"
    if one.release != release:
        return f"it applies to release {one.release}, expected {release}"
    return ""
