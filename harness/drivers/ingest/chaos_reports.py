"""Chaos reports of other tools: whether each fault went in, came out, was probed, and the tool came to an end by itself."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from harness.drivers.claim import SentenceForm, claim
from harness.drivers.facts import FactReading
from harness.drivers.ingest import chaos
from harness.drivers.ingest.chaos.experiment import (
    ChaosExperiment,
    ChaosFile,
    ChaosFinding,
    ChaosFormat,
    chaos_file,
    oldest_of,
)
from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import LARGEST_TEXT, read_report, shown
from harness.drivers.ingest.formats.provenance import Provenance
from harness.drivers.ingest.reports import YOUNGER, completed, counts, files_of, key_of, provenance
from harness.drivers.paper import Asked
from harness.errors import DriverError
from harness.model import FactAmount
from harness.modules import modules_below, values_in
from harness.targets.files.paper import ChaosReports
from harness.words import some

FORM: Final = SentenceForm(
    "reported-experiments",
    f"at least <at_least:count> reported <experiment:noun>{YOUNGER}",
    "Every experiment of a chaos report of another tool, of which there are at least so many.",
)
_ANALYSIS: Final = "argo-analysis"
"""The tool that measures and injects nothing."""


@cache
def formats_of_chaos() -> Mapping[str, ChaosFormat]:
    """The format of each tool, from the modules of `harness.drivers.ingest.chaos`."""
    return {value.tool: value for _, _, value in values_in(modules_below(chaos), ChaosFormat)}


@claim(
    FORM,
    "fault[s] went in, came out and none of[ its][ their] probes failed",
    needs=("evidence.chaos.<report>",),
    example="at least 1 reported fault went in, came out and none of its probes failed, younger than 7 d",
)
def faults_survived(asked: Asked) -> Sequence[FactReading]:
    """Of each experiment: its fault went into something, probes passed while it was in or after it, it came out, and the tool ended by itself.

    A report that says that a probe failed, of a fault that went in, is a FAIL. All that the report does not say is unknown.
    """
    if _section(asked).tool == _ANALYSIS:
        hint = "ask for `at least 1 reported analysis run ended and none of its metrics failed`"
        raise DriverError("is of Argo Rollouts, whose analysis runs inject no fault", where=key_of(asked), hint=hint)
    return _facts(asked, ("fault", "end", "probes", "undone"), "faults that went in, came out and were probed")


@claim(
    FORM,
    "analysis run[s] ended and none of[ its][ their] metrics failed",
    needs=("evidence.chaos.<report>",),
    example="at least 1 reported analysis run ended and none of its metrics failed, younger than 7 d",
)
def analyses_passed(asked: Asked) -> Sequence[FactReading]:
    """Of each AnalysisRun of Argo Rollouts: all of its metrics were measured and passed, and it ended by itself.

    A metric that failed is a FAIL; dry runs, terminated runs and measurements that are inconclusive, erroneous or tolerated decide nothing.
    """
    if (tool := _section(asked).tool) != _ANALYSIS:
        hint = "ask for `at least 1 reported fault went in, came out and none of its probes failed`"
        raise DriverError(f"is of {tool}, which has no analysis runs", where=key_of(asked), hint=hint)
    return _facts(asked, ("end", "metrics"), "analysis runs that ended and passed")


def _section(asked: Asked) -> ChaosReports:
    """What the target file says of the report; raises as `files_of` does."""
    files_of(asked, "chaos")
    return asked.target.evidence.chaos[asked.params["report"]]


def _facts(asked: Asked, questions: Sequence[str], what: str) -> Sequence[FactReading]:
    """All facts, the cause before what follows from it."""
    section, (experiments, origins) = _section(asked), _read(asked)
    known = provenance(asked, origins)
    usable, good = all(one.ok for one in known), 0
    facts = [*_undeclared(section.nothing_to_undo, experiments), *_silent(section.tool, origins, experiments)]
    for name, one in _named(experiments):
        answers = {
            "fault": one.injected,
            "end": one.ended,
            "probes": one.probed,
            "metrics": one.probed,
            "undone": _undone(one, section.nothing_to_undo),
        }
        asked_for = {key: answers[key] or ChaosFinding(None, "the report does not say it") for key in questions}
        fails = usable and not one.doubts and one.ended.ok and (one.injected is None or one.injected.ok)
        facts += [replace(fact, subject=f"{name}: report") for fact in counts(one.doubts)]
        facts += [_fact(f"{name}: {key}", key, found, fails=bool(fails)) for key, found in asked_for.items()]
        good += not one.doubts and all(found.ok for found in asked_for.values())
    ages = [one for one in known if one.subject == "age"]
    others = [one for one in known if one.subject != "age"]
    return [*others, *facts, _enough(asked, good, len(experiments), what), *ages]


_EXPECTED: Final = {
    "fault": "went into at least 1 thing",
    "probes": "passed while the fault was in, or after it",
    "metrics": "all measured, and none failed",
    "undone": "came out",
    "end": "the tool came to an end by itself",
}


def _fact(subject: str, key: str, found: ChaosFinding, *, fails: bool) -> FactReading:
    """A fact; a failure that the rest of the report leaves open is unknown."""
    ok, seen = found.ok, found.seen
    if ok is False and not fails:
        ok, seen = None, f"{seen}, and it is not known that this is of the fault and of what is judged"
    return FactReading(subject=subject, expected=_EXPECTED[key], observed=seen, ok=ok)


def _undone(one: ChaosExperiment, declared: Sequence[str]) -> ChaosFinding:
    """Whether the fault came out; where there is nothing to undo, a probe that passed after it shows it."""
    if one.undone is not None:
        return one.undone
    if not one.kills and one.name not in declared:
        return ChaosFinding(
            None,
            "the report does not say it; name the experiment below `nothing_to_undo` if a probe after the fault shows it",
        )
    if one.passed_after:
        return ChaosFinding(ok=True, seen="there is nothing to undo, and a probe passed after the fault")
    return ChaosFinding(None, "there is nothing to undo, and no probe passed after the fault")


def _enough(asked: Asked, good: int, of: int, what: str) -> FactReading:
    least = int(asked.params["at_least"])
    return FactReading(
        subject=what,
        expected=f"at least {least}",
        observed=f"{good} of {of}",
        ok=True if good >= max(least, 1) else None,
        amount=FactAmount(value=good, at_least=True),
    )


def _undeclared(declared: Sequence[str], experiments: Sequence[ChaosExperiment]) -> Iterator[FactReading]:
    """An unknown fact if the target file names experiments that are not there."""
    names = {one.name for one in experiments}
    if missing := [shown(name) for name in declared if name not in names]:
        expected = "names of experiments of the report"
        seen = f"not there: {some(missing)}"
        yield FactReading(subject="nothing_to_undo", expected=expected, observed=seen, ok=None)


def _silent(
    tool: str, origins: Sequence[tuple[Path, Provenance]], experiments: Sequence[ChaosExperiment]
) -> Iterator[FactReading]:
    """An unknown fact if a file has no experiment; the objects of Chaos Mesh may be in files of their own."""
    with_one = {one.path for one in experiments}
    silent = [path.name for path, _ in origins if path not in with_one]
    if silent and tool != "chaos-mesh":
        expected = "at least 1 in every file"
        yield FactReading(subject="experiments", expected=expected, observed=f"none in {some(silent)}", ok=None)


def _named(experiments: Sequence[ChaosExperiment]) -> Iterator[tuple[str, ChaosExperiment]]:
    """Each experiment with a name of its own: the second of one name has a number."""
    seen: Counter[str] = Counter()
    for one in experiments:
        name = shown(one.name)
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})", one


def _read(asked: Asked) -> tuple[Sequence[ChaosExperiment], list[tuple[Path, Provenance]]]:
    """The experiments of all files, and where each comes from; raises DriverError for one that is there twice."""
    section = _section(asked)
    files = [*_files(asked)]
    experiments = formats_of_chaos()[section.tool].read(files)
    first: dict[str, ChaosExperiment] = {}
    for one in experiments:
        if (twin := first.setdefault(one.identity, one)) is not one:
            what = f"has the experiment `{shown(one.name)}`, which is in {twin.path.name} too, so it would count twice"
            raise DriverError(what, where=str(one.path), hint="name one of them")
    beside = {file.path: completed(asked, file.path, Provenance())[0] for file in files}
    made = [one.end or beside[one.path].made or one.begun for one in experiments]
    origins = [(one.path, replace(beside[one.path], made=at)) for one, at in zip(experiments, made, strict=True)]
    silent = [path for path in beside if all(one.path != path for one in experiments)]
    origins += [(path, replace(beside[path], made=beside[path].made or oldest_of(made))) for path in silent]
    return [_dated(one, at) for one, at in zip(experiments, made, strict=True)], origins


def _files(asked: Asked) -> Iterator[ChaosFile]:
    digests: dict[str, Path] = {}
    for path in files_of(asked, "chaos"):
        body = read_report(path, LARGEST_TEXT)
        other = digests.setdefault(hashlib.sha256(body).hexdigest(), path)
        if other != path:
            what = f"has the same contents as {other.name}, so its experiments would count twice"
            raise DriverError(what, where=str(path), hint="name one of them")
        yield chaos_file(path, body)
        asked.keep(path)


def _dated(one: ChaosExperiment, made: Moment | None) -> ChaosExperiment:
    """An experiment that has not ended if it has no date, and is in doubt if the file beside its report is dated before it began."""
    if made is None and one.ended.ok and (one.undone is None or one.undone.ok):
        return replace(one, ended=ChaosFinding(None, "it has no date, and the file beside it no `created`"))
    if one.begun is None or made is None or not made.before(one.begun):
        return one
    return replace(one, doubts=(*one.doubts, "the file beside it is dated before it began"))
