"""Facts from records that people or pipelines keep: steps in their order, approvals, audits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

from harness.drivers.claim import claim
from harness.drivers.facts import FactReading
from harness.drivers.ingest.formats.earlier import EarlierRun, earlier_run
from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import LARGEST_TEXT, read_report, shown, words
from harness.drivers.ingest.formats.provenance import Provenance, same_release
from harness.drivers.ingest.formats.records import DatedStep, PlainRecord, plain_record
from harness.drivers.ingest.formats.security.severity import LEVELS
from harness.drivers.ingest.reports import EVERY, NEWEST, files_of, key_of, none_of, provenance, share_of
from harness.drivers.paper import Asked
from harness.errors import DriverError
from harness.words import some
from harness.yamlfile import read_document

_WORST: Final = 10
"""The highest severity, as CVSS counts them."""
_ENVIRONMENTS: Final = ("sandbox", "staging", "production")


def _record(asked: Asked) -> tuple[Path, PlainRecord]:
    """The one file of the record that the scenario has read."""
    files = files_of(asked, "records")
    if len(files) > 1:
        raise DriverError(f"{len(files)} files match, one is expected", where=key_of(asked), hint="name one file")
    record = plain_record(files[0])
    asked.keep(files[0])
    return files[0], record


@claim(
    'the steps "<steps:name>" were finished in this order',
    needs=("evidence.records.<report>",),
    example='the steps "1, 2, 3 and 4" were finished in this order',
)
def steps_in_order(asked: Asked) -> Sequence[FactReading]:
    """One fact per pair of steps: the first was finished before the second. A step that names a proof has the date of that file."""
    path, record = _record(asked)
    named = re.split(r", | and ", asked.params["steps"])
    kept = record.steps()
    steps = {step.name: step for step in kept}
    if len(steps) < len(kept):
        twice = next(step.name for step in kept if sum(one.name == step.name for one in kept) > 1)
        raise DriverError(f"has the step `{shown(twice)}` twice", where=str(path), hint="keep one of them")
    moments: dict[str, Moment | None] = {}
    for name in named:
        if name not in steps:
            where = str(path)
            raise DriverError(
                f"has no step `{shown(name)}`", where=where, hint=f"known are {', '.join(map(shown, steps))}"
            )
        moments[name] = _finished(asked, path, steps[name])
    facts = provenance(asked, [(path, record.origin)])
    for one, other in pairwise(named):
        facts.append(_after(asked, (one, moments[one]), (other, moments[other])))
    return facts


def _after(asked: Asked, one: tuple[str, Moment | None], other: tuple[str, Moment | None]) -> FactReading:
    fact = partial(FactReading, subject=f"{one[0]}, then {other[0]}", expected="in this order")
    for name, moment in (one, other):
        if moment is None:
            return fact(observed=f"{name} is not finished", ok=None)
        if moment.in_future(asked.today):
            seen = f"{name} is dated {shown(moment.text)}, in the future"
            return fact(observed=seen, ok=None)
    first, second = one[1], other[1]
    ok = first.before(second) if first and second else None
    seen = f"{shown(first.text) if first else ''}, then {shown(second.text) if second else ''}"
    if ok is None:
        seen += ": without times and zones the order is unknown"
    return fact(observed=seen, ok=ok)


def _finished(asked: Asked, record: Path, step: DatedStep) -> Moment | None:
    """The time at which a step was finished, from its proof if it names one, else from the record; None: not finished."""
    if not step.proof:
        return step.finished
    path = record.parent / step.proof
    asked.keep(path)
    if path.name == "verdict.json":
        manifest = path.with_name("manifest.json")
        run = earlier_run(read_report(path, LARGEST_TEXT), read_report(manifest, LARGEST_TEXT), str(path))
        _in_its_place(step, run, path)
        release, moment = run.origin.release, run.origin.made if run.decision == "GO" else None
    else:
        document = read_document(path)
        data = document.data if isinstance(document.data, dict) else {}
        release = data.get("release") or ""
        moment = Moment.of(data.get("date"), document.where(("date",)))
    if release and not same_release(str(release), asked.release):
        raise DriverError(
            f"the proof is of release {shown(str(release))}", where=str(path), hint=f"name the proof of {asked.release}"
        )
    return moment


def _in_its_place(step: DatedStep, run: EarlierRun, path: Path) -> None:
    """Raise DriverError if a step that names an environment is proven by a run in another environment."""
    named = [one for one in words(step.name) if one in _ENVIRONMENTS]
    where = "the sandbox, which played it" if run.played else run.origin.environment
    if named and (run.played or run.origin.environment not in named):
        what = f"the proof of the step `{shown(step.name)}` is of a run in {shown(where)}, expected a run in {named[0]}"
        raise DriverError(what, where=str(path), hint=f"name the `verdict.json` of a run in {named[0]}")


@claim(
    EVERY,
    "merge was approved by another than its author",
    needs=("evidence.records.<report>",),
    example="every merge was approved by another than its author",
)
def merges_approved(asked: Asked) -> Sequence[FactReading]:
    """The fact that every merge of the record was approved by a person other than its author, and facts about its origin."""
    path, record = _record(asked)
    merges = record.merges()
    alone = [one.name for one in merges if not _persons(one.approved_by) - _persons([one.author])]
    seen = f"{len(merges) - len(alone)}{f', not: {some([shown(name) for name in alone])}' if alone else ''}"
    approved = FactReading(
        subject="merges approved by another than their author",
        expected=f"all {len(merges)}",
        observed=seen,
        ok=not alone,
        amount=share_of(len(merges) - len(alone), len(merges)),
    )
    return [*provenance(asked, [(path, record.origin)]), approved]


def _persons(names: Iterable[str]) -> set[str]:
    return {name for each in names if (name := each.strip().lower())}


@claim(
    NEWEST,
    "no finding of severity <severity> or higher is open and the newest audit is",
    needs=("evidence.records.<report>",),
    example="no finding of severity critical or higher is open and the newest audit is younger than 90 d",
)
def newest_audit(asked: Asked) -> Sequence[FactReading]:
    """Facts: the age of the newest audit of the record, and the open findings of all audits."""
    path, record = _record(asked)
    audits, least = record.audits(), asked.params["severity"]
    newest = max(audits, key=lambda audit: audit.at.first)
    limit, found = _severity(least, str(path)), []
    for audit in audits:
        for name, severity in audit.open.items():
            if _severity(severity, audit.where) >= limit:
                found.append(f"{shown(name)} ({shown(severity)})")
    none = none_of(f"open findings of severity {least} or higher", found)
    return [*provenance(asked, [(path, _dated(record, newest.at))]), none]


def _dated(record: PlainRecord, at: Moment) -> Provenance:
    return replace(record.origin, made=at)


def _severity(word: str, where: str) -> float:
    if word.lower() in LEVELS:
        return LEVELS[word.lower()]
    try:
        if 0 <= (value := float(word)) <= _WORST:
            return value
    except ValueError:
        pass
    hint = f"use {', '.join(LEVELS)}, or a number from 0 to {_WORST}"
    raise DriverError(f"`{shown(word)}` is not a severity", where=where, hint=hint)
