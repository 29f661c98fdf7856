"""Reads experiments from the histories of the run and of the chaos children."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING, Any

from harness.model import Experiment, FaultWindow, Hit, Restore
from harness.model.observations import (
    ExperimentEnded,
    ExperimentSkipped,
    ExperimentStarted,
    FaultConfirmed,
    FaultGone,
    FaultHeld,
    FaultRestarted,
    FaultRestoredFrom,
    FaultSent,
    FaultStays,
    FaultUndone,
    FaultWhy,
    ManualStepsWatched,
    Restored,
    SteadyAgain,
    Timed,
    every,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.evidence.run_directory import RunDirectory
    from harness.model import Observation

_OPENING = {*ExperimentStarted.KINDS, *ExperimentSkipped.KINDS}


def read_experiments(
    observations: Sequence[Observation], directory: RunDirectory, spoilt: set[str]
) -> dict[str, tuple[Experiment, ...]]:
    """The attempts at each experiment in order; the observations must be ordered by time."""
    found: dict[str, list[Experiment]] = {}
    below: dict[str, list[str]] = {}
    for file in spoilt:
        if file.startswith("chaos/"):
            below.setdefault(file.split("/")[1], []).append(file)
    for opening, own in _attempts(observations):
        name = opening.subject
        gone = [file for file in below.get(name.partition("/")[0], ()) if file.startswith(f"chaos/{name}/")]
        spoilt_here = spoilt.intersection(f"history/{source}.ndjson" for source in _sources(name)).union(gone)
        found.setdefault(name, []).append(_experiment(opening, own, directory, spoilt_here))
    return {name: tuple(attempts) for name, attempts in found.items()}


def _attempts(observations: Sequence[Observation]) -> list[tuple[Observation, list[Observation]]]:
    """Each start of an attempt with its observations: the run's by attempt number, the child's by position before the next start.

    It needs one pass only, since a manipulated history may have as many starts as lines.
    """
    found: list[tuple[Observation, list[Observation]]] = []
    numbered: dict[tuple[str, str], list[Observation]] = {}
    latest: dict[str, list[Observation]] = {}
    for o in observations:
        number, child = (o.subject, repr(o.fields.get("attempt"))), f"chaos-{o.subject}"
        if o.kind in _OPENING:
            latest.pop(child, None)
            if o.source == "run":
                numbered[number] = latest[child] = []
                found.append((o, numbered[number]))
        own = numbered.get(number) if o.source == "run" else latest.get(o.source)
        if own is not None:
            own.append(o)
    return found


def _sources(name: str) -> tuple[str, str]:
    """The histories of an experiment: that of the run and that of its child."""
    return "run", f"chaos-{name}"


def _experiment(
    opening: Observation, own: Sequence[Observation], directory: RunDirectory, spoilt: set[str]
) -> Experiment:
    name = opening.subject
    skipped = next(every(ExperimentSkipped, [opening]), None)
    began = ExperimentStarted.of(opening)
    ended = next(every(ExperimentEnded, own), None)
    child = [o for o in own if o.source != "run"]
    files = [
        f"chaos/{name}/{file}"
        for file in ("experiment.yaml", "journal.json", "chaos.log")
        if directory.has(f"chaos/{name}/{file}")
    ]
    files += [f"history/{source}.ndjson" for source in _sources(name) if directory.has(f"history/{source}.ndjson")]
    gone = sorted(file for file in spoilt if file in files or file.startswith(f"chaos/{name}/"))
    return Experiment(
        name=name,
        domain=began.domain,
        attempt=began.attempt,
        ran=skipped is None and ended is not None and not gone,
        why=_why(skipped, ended, gone, sent=any(every(FaultSent, child))),
        fault=_fault(name, began.domain, child),
        restore=_restore(next(every(Restored, own), None)),
        observed_from_ns=began.observed_from_ns if began.observed_from_ns is not None else opening.mono_ns,
        observed_until_ns=ended.observed_until_ns if ended else opening.mono_ns,
        journal={str(key): str(value) for key, value in ended.journal.items()} if ended else {},
        steady_again=any(every(SteadyAgain, child)),
        manual_steps=next((watched.count for watched in every(ManualStepsWatched, own)), None),
        files=tuple(files),
    )


def _why(skipped: ExperimentSkipped | None, ended: ExperimentEnded | None, gone: Sequence[str], *, sent: bool) -> str:
    """Why the attempt cannot be used, or what went wrong in it.

    Empty if nothing went wrong.
    """
    if gone:
        return f"{gone[0]} is missing or was changed"
    if skipped is not None:
        return skipped.why
    if ended is None:
        return "the experiment did not complete" if sent else "the run ended before its fault was sent"
    return ended.why


def _restore(restore: Restored | None) -> Restore:
    if restore is None:
        return Restore(ok=None, why="the restore was not verified")
    missing = tuple(str(name) for name in restore.missing)
    return Restore(ok=restore.ok, at_ns=restore.at_ns, why=restore.why, missing=missing)


def _fault(name: str, domain: str, child: Sequence[Observation]) -> FaultWindow:
    sent, confirmed = next(every(FaultSent, child), None), next(every(FaultConfirmed, child), None)
    restored = next(every(FaultRestoredFrom, child), None)
    return FaultWindow(
        experiment=name,
        domain=domain,
        sent_ns=_at(sent),
        confirmed_ns=_at(confirmed),
        undone_ns=_at(next(every(FaultUndone, child), None)),
        gone_ns=_at(next(every(FaultGone, child), None)),
        restarted_ns=_at(next(every(FaultRestarted, child), None)),
        restored_ns=_at(restored),
        restored_from=restored.what if restored else "",
        held=next((held.ok for held in every(FaultHeld, child)), None),
        gone_by=sent.gone_by if sent else "",
        stays=next((stays.probe or "its probe" for stays in every(FaultStays, child)), ""),
        hit=tuple(_hit(hit) for hit in confirmed.hit) if confirmed else (),
        inferred=confirmed is not None and confirmed.inferred,
        decisions_read=confirmed is None or confirmed.decisions_read,
        why="; ".join(why.why for why in every(FaultWhy, child)),
    )


def _hit(fields: Mapping[str, Any]) -> Hit:
    known = [one.name for one in dataclass_fields(Hit)]
    return Hit(**{"kind": "", "name": "", **{key: str(fields[key]) for key in known if fields.get(key) is not None}})


def _at(o: Timed | None) -> int | None:
    return None if o is None else o.when_ns
