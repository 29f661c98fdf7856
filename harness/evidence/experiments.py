"""Experiments, from the histories of the conductor and of the chaos child."""

from __future__ import annotations

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
    FaultSent,
    FaultStays,
    FaultUndone,
    FaultWhy,
    ManualStepsWatched,
    Restored,
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
    """The attempts at each experiment, first one first."""
    found: dict[str, list[Experiment]] = {}
    for index, opening in enumerate(observations):
        if opening.kind not in _OPENING or opening.source != "run":
            continue
        following = (o for o in observations[index + 1 :] if o.kind in _OPENING and o.subject == opening.subject)
        next_ns = min((o.mono_ns for o in following), default=None)
        own = [o for o in observations[index:] if _belongs(o, opening, next_ns)]
        found.setdefault(opening.subject, []).append(_experiment(opening, own, directory, spoilt))
    return {name: tuple(attempts) for name, attempts in found.items()}


def _belongs(o: Observation, opening: Observation, next_ns: int | None) -> bool:
    """Whether an observation belongs to this attempt.

    It is found by its number or, from the child, by its place before the next one.
    """
    if o.source == "run":
        return o.subject == opening.subject and o.fields.get("attempt") == opening.fields.get("attempt")
    return o.source == f"chaos-{opening.subject}" and (next_ns is None or o.mono_ns < next_ns)


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
    files += [
        f"history/{source}.ndjson" for source in ("run", f"chaos-{name}") if directory.has(f"history/{source}.ndjson")
    ]
    gone = sorted(file for file in spoilt if file in files or file.startswith(f"chaos/{name}/"))
    return Experiment(
        name=name,
        domain=began.domain,
        attempt=began.attempt,
        ran=skipped is None and ended is not None and not gone,
        why=_why(skipped, ended, gone),
        fault=_fault(name, began.domain, child),
        restore=_restore(next(every(Restored, own), None)),
        observed_from_ns=began.observed_from_ns if began.observed_from_ns is not None else opening.mono_ns,
        observed_until_ns=ended.observed_until_ns if ended else opening.mono_ns,
        journal={str(key): str(value) for key, value in ended.journal.items()} if ended else {},
        manual_steps=next((watched.count for watched in every(ManualStepsWatched, own)), None),
        files=tuple(files),
    )


def _why(skipped: ExperimentSkipped | None, ended: ExperimentEnded | None, gone: Sequence[str]) -> str:
    """What keeps the attempt from being used, or what went wrong in it.

    Empty where nothing did.
    """
    if gone:
        return f"{gone[0]} is missing or was changed"
    if skipped is not None:
        return skipped.why
    return "the experiment did not complete" if ended is None else ended.why


def _restore(restore: Restored | None) -> Restore:
    if restore is None:
        return Restore(ok=None, why="the restore was not verified")
    missing = tuple(str(name) for name in restore.missing)
    return Restore(ok=restore.ok, at_ns=restore.at_ns, why=restore.why, missing=missing)


def _fault(name: str, domain: str, child: Sequence[Observation]) -> FaultWindow:
    sent, confirmed = next(every(FaultSent, child), None), next(every(FaultConfirmed, child), None)
    return FaultWindow(
        experiment=name,
        domain=domain,
        sent_ns=_at(sent),
        confirmed_ns=_at(confirmed),
        undone_ns=_at(next(every(FaultUndone, child), None)),
        gone_ns=_at(next(every(FaultGone, child), None)),
        restarted_ns=_at(next(every(FaultRestarted, child), None)),
        held=next((held.ok for held in every(FaultHeld, child)), None),
        gone_by=sent.gone_by if sent else "",
        stays=next((stays.probe or "its probe" for stays in every(FaultStays, child)), ""),
        hit=tuple(_hit(hit) for hit in confirmed.hit) if confirmed else (),
        why="; ".join(why.why for why in every(FaultWhy, child)),
    )


def _hit(fields: Mapping[str, Any]) -> Hit:
    known = ("kind", "name", "namespace", "uid", "address", "region", "workload")
    return Hit(**{"kind": "", "name": "", **{key: str(fields[key]) for key in known if fields.get(key) is not None}})


def _at(o: Timed | None) -> int | None:
    return None if o is None else o.when_ns
