"""The files of a report, and whether they belong to the judged release or commit, are young enough, and do not contradict themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactReading
from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import read_report, shown, words
from harness.drivers.ingest.formats.provenance import Provenance, same_commit, same_release
from harness.drivers.ingest.formats.records import HEAD, names_of, plain_record
from harness.drivers.paper import Asked
from harness.errors import ConfigurationError, DriverError
from harness.model import FactAmount, Quantity
from harness.targets.files.paper import DECLARED, ChaosReports, LoadReports
from harness.words import some

FORMATS: Final = {
    "junit": "JUnit report",
    "sarif": "SARIF report",
    "cyclonedx": "CycloneDX document",
    "npm-audit": "npm audit",
    "terraform-plan": "Terraform plan",
    "workflow-run": "workflow run",
    "figures": "figures",
    "verdict": "verdict",
    "history": "run history",
    "records": "record",
    "prometheus": "Prometheus query",
    "load": "load report",
    "chaos": "chaos report",
    **{key: one.name for key, one in DECLARED.items()},
}
"""Every format by its key below `evidence` in the target file, and what sentences call it."""

YOUNGER: Final = "[, younger than <age:duration>]"
"""The end of a sentence about a report: how old it may be; `younger` in the demand."""

NONE: Final = SentenceForm(
    "none-in-a-report",
    f"no <item:noun>{YOUNGER}",
    "The report has none of them, is complete, and is of this release or commit.",
)
EVERY: Final = SentenceForm(
    "every-one-in-a-report",
    f"every <item:noun>{YOUNGER}",
    "Of all that the report lists; it is complete, and of this release or commit.",
)
NEWEST: Final = SentenceForm(
    "newest-in-a-report",
    "<newest:noun> younger than <age:duration>",
    "The age of the newest scan, audit or run that counts.",
)

_BY_RUN: Final = "name `release.commit` in the target file that the run is made with"
_ORIGINS: Final = {"verdict": _BY_RUN, "history": _BY_RUN, "records": "write it into {name}, at its top"}
"""Hints by format if the release or commit of a report is unknown; for other formats a file beside the report names it."""
_MOST_FILES: Final = 10_000

_Read = TypeVar("_Read")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportPart(Generic[_Read]):
    """One file of a report: its path, what it says, where it comes from, and when the file beside it says that it was made."""

    path: Path
    report: _Read
    origin: Provenance
    created: Moment | None = None


def parts_of(
    asked: Asked,
    kind: str,
    read: Callable[[bytes, str], _Read],
    origin_of: Callable[[_Read], Provenance],
    most: int,
    *,
    redact: Callable[[bytes, str], bytes] | None = None,
) -> list[ReportPart[_Read]]:
    """Every file of the report that the sentence is about, read.

    Args:
        asked: what the sentence fixes.
        kind: the format that the sentence is about.
        read: bytes and file name → what the file says.
        origin_of: what it says of where it comes from.
        most: bytes of a file.
        redact: bytes and file name → what is kept of it; None: all.

    Raises:
        ConfigurationError: the sentence is about another format, or the target file does not name the report.
        DriverError: no file is there, or one cannot be used.
    """
    parts = []
    for path in files_of(asked, kind):
        body = read_report(path, most)
        report = read(body, str(path))
        asked.keep(path, redact(body, str(path)) if redact is not None else None)
        origin, created = completed(asked, path, origin_of(report))
        parts.append(ReportPart(path=path, report=report, origin=origin, created=created))
    return parts


def completed(asked: Asked, path: Path, origin: Provenance) -> tuple[Provenance, Moment | None]:
    """The origin of a file with what the file beside it says, and when that says that it was made.

    Raises DriverError where the two differ.
    """
    for beside in _beside(path):
        other = _origin_beside(beside, path)
        asked.keep(beside)
        return origin.completed(other, str(path)), other.made
    return origin, None


def files_of(asked: Asked, kind: str) -> tuple[Path, ...]:
    """The files of the report, sorted; raises as `parts_of` does."""
    return matching(asked, _patterns(asked, kind))


def matching(asked: Asked, patterns: Sequence[str]) -> tuple[Path, ...]:
    """The files that paths and globs of the target file name; raises DriverError where there is none."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        found.update(dict.fromkeys(islice(_matching(asked.target.file.parent, pattern), _MOST_FILES + 1)))
    files = [path for path in found if not path.name.endswith("origin.yaml")]
    if not files:
        hint = "run the tool that writes it, or correct the path: it is relative to the target file"
        raise DriverError(f"no file matches `{' '.join(patterns)}`", where=key_of(asked), hint=hint)
    if len(files) > _MOST_FILES:
        raise DriverError(f"more than {_MOST_FILES} files match", where=key_of(asked), hint="narrow the pattern")
    return tuple(files)


def key_of(asked: Asked) -> str:
    """Where the target file names the report."""
    return f"{asked.target.file}: evidence.{asked.params.get('format', '')}.{asked.params.get('report', '')}"


def _patterns(asked: Asked, kind: str) -> tuple[str, ...]:
    if asked.params.get("format") != kind:
        what = (
            f"the sentence is about a {FORMATS[kind]}, the scenario has read a {_words(asked.params.get('format', ''))}"
        )
        raise ConfigurationError(what, where=key_of(asked), hint="name the report of that kind in the When step")
    reports = getattr(asked.target.evidence, kind.replace("-", "_"))
    if asked.params["report"] not in reports:
        raise ConfigurationError("is not in the target file", where=key_of(asked), hint="name its path there")
    paths: tuple[str, ...] | LoadReports | ChaosReports = reports[asked.params["report"]]
    return paths.files if isinstance(paths, LoadReports | ChaosReports) else paths


def _words(kind: str) -> str:
    return FORMATS.get(kind, "report of no kind")


def _matching(base: Path, pattern: str) -> Iterator[Path]:
    """The files that a path or glob names, in order."""
    path = base / pattern
    if not any(char in pattern for char in "*?["):
        return iter([path] if path.exists() else [])
    try:
        anchor = Path(path.anchor)
        return iter(sorted(found for found in anchor.glob(str(path.relative_to(anchor))) if found.is_file()))
    except (ValueError, OSError, NotImplementedError) as error:
        raise ConfigurationError(f"`{pattern}` is not a path or glob: {error}", where=str(base)) from error


def _beside(path: Path) -> Iterator[Path]:
    """The files that name a report's origin: its own, else that of its directory."""
    for beside in (path.with_name(f"{path.name}.origin.yaml"), path.with_name("origin.yaml")):
        if beside.is_file():
            yield beside


def _origin_beside(beside: Path, path: Path) -> Provenance:
    record = plain_record(beside)
    for key in record.document.data:
        if key not in (*HEAD, "sha256"):
            raise DriverError(
                f"unknown key `{shown(key)}`",
                where=record.document.where((key,)),
                hint=f"known are {', '.join((*HEAD, 'sha256'))}",
            )
    expected = record.document.data.get("sha256")
    if expected is not None and expected != _sha256(path):
        hint = "write it again together with the report"
        raise DriverError(
            f"is of another {path.name}: the hashes differ", where=record.document.where(("sha256",)), hint=hint
        )
    return record.origin


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def origins(parts: Sequence[ReportPart[Any]]) -> list[tuple[Path, Provenance]]:
    """The path of each file of a report, and where it comes from, for `provenance`."""
    return [(part.path, part.origin) for part in parts]


def provenance(asked: Asked, of_files: Sequence[tuple[Path, Provenance]]) -> list[FactReading]:
    """Facts about the origin of a report: its release, commit or target, its environment and its age, as the sentence requires.

    A report of something else, without a date, too old or from the future is no evidence for this release: its fact is unknown, never false.

    Args:
        asked: what the sentence fixes.
        of_files: the origin of each file.
    """
    facts = []
    if asked.params.get("of") in {"release", "commit", "target"}:
        facts.append(of_this(asked, asked.params["of"], of_files))
    if environment := asked.params.get("environment"):
        facts.append(_environment(environment, of_files))
    if (age := _age(asked, of_files)) is not None:
        facts.append(age)
    return facts


def of_this(asked: Asked, what: str, of_files: Sequence[tuple[Path, Provenance]]) -> FactReading:
    """The fact that every file belongs to the judged release, commit or target; unknown if one belongs to another, or names none.

    Args:
        asked: what the sentence fixes.
        what: `release`, `commit` or `target`.
        of_files: the origin of each file.
    """
    this = {"release": asked.release, "commit": asked.commit, "target": asked.target.name}[what]
    same = {"release": same_release, "commit": same_commit}.get(what, str.__eq__)
    expected = f"{what} {shown(this)}" if this else f"the {what} that is judged"
    fact = partial(FactReading, subject=what, expected=expected)
    if not this:
        seen = f"unknown: {asked.target.file} names no `release.{'version' if what == 'release' else what}`"
        return fact(observed=seen, ok=None)
    for path, origin in of_files:
        found = getattr(origin, what)
        if not found:
            where = _ORIGINS.get(asked.params.get("format", ""), "write it into {name}.origin.yaml")
            seen = f"{path} does not say of which {what} it is; {where.format(name=path.name)}"
            return fact(observed=seen, ok=None)
        if not same(found, this):
            return fact(observed=f"{path} is of {what} {shown(found)}", ok=None)
        if what == "release" and origin.commit and asked.commit and not same_commit(origin.commit, asked.commit):
            seen = (
                f"{path} is of {expected}, and of commit {shown(origin.commit)} where {shown(asked.commit)} is judged"
            )
            return fact(observed=seen, ok=None)
    return fact(observed=expected, ok=True)


def _environment(environment: str, of_files: Sequence[tuple[Path, Provenance]]) -> FactReading:
    expected = f"made in {environment}"
    for path, origin in of_files:
        if origin.environment != environment:
            seen = f"{path} names {shown(origin.environment) or 'no environment'}"
            return FactReading(subject="environment", expected=expected, observed=seen, ok=None)
    return FactReading(subject="environment", expected=expected, observed=expected, ok=True)


def _age(asked: Asked, of_files: Sequence[tuple[Path, Provenance]]) -> FactReading | None:
    """The fact about the age of the oldest file; None if the sentence has no age and no file is dated in the future."""
    limit = asked.params.get("age")
    fact = partial(FactReading, subject="age", expected=f"younger than {limit}" if limit else "not dated in the future")
    oldest, oldest_s = None, -1.0
    for path, origin in of_files:
        made = origin.made
        if made is None and not limit:
            continue
        if made is None:
            seen = f"{path} has no date; write it into {path.name}.origin.yaml as `created`"
            return fact(observed=seen, ok=None)
        if made.in_future(asked.today):
            seen = f"{path} is dated {shown(made.text)}, in the future: it is {asked.today:%Y-%m-%d %H:%M} UTC"
            return fact(observed=seen, ok=None)
        if limit and not made.younger(asked.today, age_of(limit)):
            return fact(observed=f"{path} is {made.age(asked.today)} old", ok=None)
        if (asked.today - made.first).total_seconds() > oldest_s:
            oldest, oldest_s = made, (asked.today - made.first).total_seconds()
    if not limit or oldest is None:
        return None
    seen = f"{oldest.age(asked.today)} old at {asked.today:%Y-%m-%d %H:%M} UTC"
    return fact(observed=seen, ok=True)


def age_of(text: str) -> timedelta:
    """`7 d`; never divided by a time scale."""
    return timedelta(seconds=Quantity.parse(text).base)


def counts(contradictions: Iterable[str]) -> list[FactReading]:
    """A fact if a report contradicts itself; nothing if it does not."""
    found = list(contradictions)
    if not found:
        return []
    return [FactReading(subject="counts", expected="a report that agrees with itself", observed=some(found), ok=None)]


def share_of(good: int, of: int) -> FactAmount | None:
    """The share of things that are as required, as an amount; None if there are no things."""
    return FactAmount(value=good / of, unit="ratio", at_least=True) if of else None


def none_of(subject: str, found: Sequence[str], *, aside: str = "", unclear: bool = False) -> FactReading:
    """The fact that a report lists none of something; `aside` follows it, `unclear`: an item that may be of this kind was seen."""
    seen = f"{len(found)}: {some(found)}" if found else "none"
    ok = False if found else None if unclear else True
    return FactReading(
        subject=subject, expected="none", observed=seen + aside, ok=ok, amount=FactAmount(value=len(found))
    )


def at_least_one(subject: str, count: int) -> FactReading:
    """The fact that a report lists something at all; of an empty one nothing is known."""
    return FactReading(subject=subject, expected="at least 1", observed=str(count), ok=True if count else None)


def register_of(asked: Asked, name: str) -> tuple[str, ...]:
    """The names in a register of the platform: the file `NAME.yaml` in a directory of `files.registers`.

    Raises:
        ConfigurationError: the target file names no registers, this one is not there, or it is not YAML.
        DriverError: it has no names.
    """
    where = f"{asked.target.file}: files.registers"
    directories = asked.target.files.registers
    if not directories:
        raise ConfigurationError("is missing", where=where, hint=f"name the directory that has `{name}.yaml`")
    for directory in directories:
        path = asked.target.file.parent / directory / f"{name}.yaml"
        if path.is_file():
            names = names_of(path)
            asked.keep(path)
            return names
    raise ConfigurationError(
        f"no register `{name}.yaml` is there", where=where, hint="write one: a line `- NAME` for each"
    )


def without(names: Iterable[str], texts: Iterable[str], least: int = 1, *, inside: bool = False) -> list[str]:
    """The names that fewer than `least` of the texts contain, word by word: `wallet sign-in` is in `test_WalletSignIn[chromium]`.

    A name within a longer one of them is not that name: `api` is not in `api-gateway` where both are listed.

    Args:
        names: of a register.
        texts: what a report lists.
        least: of the texts.
        inside: a name within a longer one is taken for it, too.
    """
    listed = {name: f" {' '.join(words(name))} " for name in names}
    present = [f" {' '.join(words(text))} " for text in texts]
    missing = []
    for name, sought in listed.items():
        longer = sorted({one for one in listed.values() if sought in one and one != sought}, key=len, reverse=True)
        found = (text for text in present if _is_in(sought, text, [] if inside else longer))
        if not sought.strip() or len(list(islice(found, least))) < least:
            missing.append(shown(name))
    return missing


def _is_in(sought: str, text: str, longer: Sequence[str]) -> bool:
    """Whether words are in a text beside those of the longer names that contain them."""
    if sought not in text:
        return False
    for one in longer:
        text = text.replace(one, " / ")
    return sought in text
