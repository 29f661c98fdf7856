"""An earlier run of this harness: its `verdict.json`, and the manifest beside it, which says when it was sealed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import Field

from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import ReportSection, json_of, section_of, shown
from harness.drivers.ingest.formats.provenance import Provenance
from harness.errors import DriverError

_SCHEMAS: Final = (2, 3)
"""Versions of `verdict.json` in which what is used here is the same."""
_WORDS: Final = {"failed": "FAIL", "inconclusive": "INCONCLUSIVE", "passed": "PASS"}
_COUNTED: Final = re.compile(rf" · (\d{{1,9}}) ({'|'.join(_WORDS)})(?= · |$)")
"""How many requirements came out how, as the headline says it."""
_FAILED: Final = re.compile(r"\S+ FAIL: ")
"""How a reason of the decision begins that is a requirement which failed."""


class _MeasureEntry(ReportSection):
    name: str
    scope: dict[str, str] = Field(default_factory=dict)
    verdict: str
    value: float | int | None


class _RequirementEntry(ReportSection):
    id: str
    profile: str = ""
    verdict: str
    not_tried: tuple[str, ...] = Field(default=(), strict=False)
    measures: tuple[_MeasureEntry, ...] = Field(default=(), strict=False)


class _ExperimentEntry(ReportSection):
    name: str
    domain: str
    verdict: str
    attempt: int = 0


class _VerdictFile(ReportSection):
    format: int = Field(alias="schema")
    run_id: str = Field(min_length=1)
    decision: Literal["GO", "NO-GO", "INCONCLUSIVE", "PARTIAL"]
    profile: str
    environment: str
    target: str
    release: str
    time_scale: float = 1.0
    stands_in: bool | None = None
    machine: Any = None
    headline: str = ""
    reasons: tuple[str, ...] = Field(default=(), strict=False)
    counts: dict[str, int] | None = None
    requirements: tuple[_RequirementEntry, ...] = Field(strict=False)
    experiments: tuple[_ExperimentEntry, ...] = Field(default=(), strict=False)

    def played(self) -> bool:
        """Whether the sandbox has played an environment that is not its own.

        Versions without `stands_in` recorded the machine of sandboxes only.
        """
        stands_in = isinstance(self.machine, dict) if self.stands_in is None else self.stands_in
        return self.environment != "sandbox" and (stands_in or self.time_scale != 1)


class _ManifestFile(ReportSection):
    run: str
    target: str
    environment: str
    release: str
    sealed: str
    release_commit: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierRun:
    """One run, as it reports itself.

    Attributes:
        run: name of the run.
        decision: GO, NO-GO, INCONCLUSIVE or PARTIAL.
        profiles: names of the judged profiles.
        rows: number of requirements that were judged in full, by profile.
        origin: release, commit, environment, target, and when its evidence was sealed.
        played: whether the run was against the sandbox instead of the environment: the run says so, or its time scale or machine shows it.
        measured: names of the figures that have a value: `error rate`, `response time p95`.
        drills: experiments by name: the domain, and whether the last attempt passed with all its receipts and figures; False where a figure
            failed, None where it is not decided.
    """

    run: str
    decision: str
    profiles: tuple[str, ...]
    requirements: int
    rows: Mapping[str, int]
    origin: Provenance
    played: bool = False
    measured: frozenset[str] = field(default_factory=frozenset)
    drills: dict[str, tuple[str, bool | None]] = field(default_factory=dict)


def earlier_run(verdict: bytes, manifest: bytes, where: str) -> EarlierRun:
    """Read a run from its two files.

    Args:
        verdict: of `verdict.json`.
        manifest: of the `manifest.json` beside it.
        where: the path of `verdict.json`.

    Raises:
        DriverError: one of them is not of this harness, they are of different runs, or the verdict contradicts itself.
    """
    value = json_of(verdict, where)
    if isinstance(value, dict) and isinstance(value.get("schema"), int) and value["schema"] not in _SCHEMAS:
        what = f"has the schema {value['schema']}; {' and '.join(map(str, _SCHEMAS))} are read"
        raise DriverError(
            what, where=f"{where}: schema", hint="write it again with this version: `readiness judge RUN`"
        )
    found = section_of(_VerdictFile, value, where, kind="a verdict.json")
    beside = where.removesuffix("verdict.json") + "manifest.json"
    sealed = section_of(_ManifestFile, json_of(manifest, beside), beside, kind="a manifest")
    for name, mine, theirs in (
        ("run", found.run_id, sealed.run),
        ("target", found.target, sealed.target),
        ("environment", found.environment, sealed.environment),
        ("release", found.release, sealed.release),
    ):
        if mine != theirs:
            what = f"the {name} is {shown(mine)}, that of the manifest beside it {shown(theirs)}"
            raise DriverError(what, where=where, hint="keep the two files of one run together")
    if contradiction := next(_contradictions(found), ""):
        hint = "take another copy of the run, or write it again with this version: `readiness judge RUN`"
        raise DriverError(f"contradicts itself: {contradiction}", where=where, hint=hint)
    measures = [one for entry in found.requirements for one in entry.measures]
    return EarlierRun(
        run=shown(found.run_id),
        decision=found.decision,
        profiles=tuple(found.profile.split("+")),
        requirements=len(found.requirements),
        rows=Counter(
            profile for _id, profile in {(one.id, one.profile) for one in found.requirements if not one.not_tried}
        ),
        origin=Provenance(
            release=found.release,
            commit=sealed.release_commit,
            environment=found.environment,
            target=found.target,
            made=Moment.of(sealed.sealed, f"{beside}: sealed"),
        ),
        played=found.played(),
        measured=frozenset(one.name for one in measures if one.value is not None),
        drills=_drills(found, measures),
    )


def _contradictions(found: _VerdictFile) -> Iterator[str]:
    """What a verdict says in two ways that differ; what older versions did not write is not compared."""
    listed = Counter(one.verdict for one in found.requirements)
    counts = {verdict: count for verdict, count in (found.counts or {}).items() if count}
    if found.counts is not None and counts != listed:
        yield f"the counts are {_counted(counts)}, listed are {_counted(listed)}"
    if found.headline and found.headline.split(" ", 1)[0] != found.decision:
        yield f"the decision is {found.decision}, the headline `{shown(found.headline)}`"
    for count, word in _COUNTED.findall(found.headline):
        if int(count) != listed[_WORDS[word]]:
            yield f"the headline says {count} {word}, listed are {_counted(listed)}"
    if found.decision == "GO" and (failed := next(filter(_FAILED.match, found.reasons), "")):
        yield f"the decision is GO, and a reason is `{shown(failed)}`"
    if found.decision == "NO-GO" and found.counts is not None and not listed["FAIL"]:
        yield "the decision is NO-GO, and no requirement failed"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {shown(verdict)}" for verdict, count in sorted(counts.items())) or "none"


def _drills(found: _VerdictFile, measures: list[_MeasureEntry]) -> dict[str, tuple[str, bool | None]]:
    judged: dict[str, set[str]] = {}
    for one in measures:
        if experiment := one.scope.get("experiment"):
            judged.setdefault(experiment, set()).add(one.verdict)
    last = {one.name: one for one in sorted(found.experiments, key=lambda one: one.attempt)}
    return {name: (one.domain, _passed(one.verdict, judged.get(name, set()))) for name, one in last.items()}


def _passed(receipts: str, judged: set[str]) -> bool | None:
    """Whether an experiment passed, by the verdict of its receipts and those of its figures.

    A figure that is not decided, or none at all, is no proof that it failed, and neither is a receipt that is missing.
    """
    if "FAIL" in judged:
        return False
    return True if receipts == "PASS" and judged == {"PASS"} else None
