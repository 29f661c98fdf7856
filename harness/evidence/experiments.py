"""What became of each experiment, put together from the conductor's history and that of the chaos child."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.model import Experiment, FaultWindow, Hit, Observation, Restore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.evidence.run_directory import RunDirectory

_OPENING = {"experiment.started", "experiment.skipped"}


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
    """Whether an observation tells of this attempt: by its number, or, from the child, by standing before the next one."""
    if o.source == "run":
        return o.subject == opening.subject and o.fields.get("attempt") == opening.fields.get("attempt")
    return o.source == f"chaos-{opening.subject}" and (next_ns is None or o.mono_ns < next_ns)


def _experiment(
    opening: Observation, own: Sequence[Observation], directory: RunDirectory, spoilt: set[str]
) -> Experiment:
    name = opening.subject
    ended = _first(own, "experiment.ended")
    restore = _first(own, "restore")
    until = int(ended.fields["observed_until_ns"]) if ended else opening.mono_ns
    child = [o for o in own if o.source != "run"]
    files = [
        f"chaos/{name}/{file}"
        for file in ("experiment.yaml", "journal.json", "chaos.log")
        if (directory.path / "chaos" / name / file).exists()
    ]
    files += [
        f"history/{source}.ndjson"
        for source in ("run", f"chaos-{name}")
        if (directory.path / "history" / f"{source}.ndjson").exists()
    ]
    why = str(opening.fields.get("why", ""))
    if opening.kind == "experiment.started" and ended is None:
        why = "the experiment did not come to its end"
    if ended is not None:
        why = str(ended.fields.get("why", "")) or why
    gone = sorted(file for file in spoilt if file in files or file.startswith(f"chaos/{name}/"))
    if gone:
        why = f"{gone[0]} is gone or was changed"
    journal = dict(ended.fields.get("journal", {})) if ended else {}
    return Experiment(
        name=name,
        domain=str(opening.fields.get("domain", "")),
        attempt=int(opening.fields.get("attempt", 1)),
        ran=opening.kind == "experiment.started" and ended is not None and not gone,
        why=why,
        fault=_fault(name, str(opening.fields.get("domain", "")), child),
        restore=_restore(restore),
        observed_from_ns=int(opening.fields.get("observed_from_ns", opening.mono_ns)),
        observed_until_ns=until,
        journal={str(key): str(value) for key, value in journal.items()},
        manual_steps=sum(1 for o in child if o.kind == "manual-step"),
        files=tuple(files),
    )


def _restore(restore: Observation | None) -> Restore:
    if restore is None:
        return Restore(ok=None, why="no record of the restore")
    at_ns = restore.fields.get("at_ns")
    return Restore(
        ok=restore.fields.get("ok"),
        at_ns=None if at_ns is None else int(at_ns),
        why=str(restore.fields.get("why", "")),
        missing=tuple(str(name) for name in restore.fields.get("missing") or ()),
    )


def _fault(name: str, domain: str, child: Sequence[Observation]) -> FaultWindow:
    confirmed = _first(child, "fault.confirmed")
    hits = confirmed.fields.get("hit", []) if confirmed else []
    return FaultWindow(
        experiment=name,
        domain=domain,
        sent_ns=_at(_first(child, "fault.sent")),
        confirmed_ns=_at(confirmed),
        undone_ns=_at(_first(child, "fault.undone")),
        gone_ns=_at(_first(child, "fault.gone")),
        hit=tuple(_hit(hit) for hit in hits),
        why="; ".join(str(o.fields.get("why", "")) for o in child if o.kind == "fault.why"),
    )


def _hit(fields: Mapping[str, Any]) -> Hit:
    known = ("kind", "name", "namespace", "uid", "address", "region", "workload")
    return Hit(**{"kind": "", "name": "", **{key: str(fields[key]) for key in known if fields.get(key) is not None}})


def _at(o: Observation | None) -> int | None:
    return None if o is None else int(o.fields.get("at_ns", o.mono_ns))


def _first(observations: Sequence[Observation], kind: str) -> Observation | None:
    return next((o for o in observations if o.kind == kind), None)
