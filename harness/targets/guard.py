"""What may be broken where. Refuses before anything is touched."""

from __future__ import annotations

from collections.abc import Iterable

from harness.errors import Refused
from harness.targets.target import MayBreak, Target


def guard_target(target: Target, allow_target: str = "") -> None:
    """Refuse a production-like target whose name was not typed in full.

    Production-like is what says `environment: production`, and everything that does not say `disposable: true`.

    Raises:
        Refused: the name is missing or another.
    """
    if target.disposable and target.environment != "production":
        return
    if allow_target != target.name:
        typed = f"`{allow_target}` is not its name" if allow_target else "its name was not given"
        raise Refused(
            f"{target.name} ({target.environment}) is not disposable, and {typed}",
            where=str(target.file),
            mend=f"say `--allow-target {target.name}` if you mean to break things there",
        )


def guard_experiment(
    target: Target, experiment: str, *, workloads: Iterable[str] = (), pods: int | None = None
) -> None:
    """Refuse an experiment that the target does not allow.

    Args:
        target: where.
        experiment: by name.
        workloads: what it would hit, where that is known.
        pods: how many pods it may hit by its own `blast_radius`; None where it does not say.

    Raises:
        Refused: the target is not disposable and no entry of `may_break` covers it.
    """
    if target.disposable:
        return
    why = "`may_break` does not name it"
    for entry in target.may_break:
        if entry.experiment == experiment:
            why = _beyond(entry, frozenset(workloads), pods)
            if not why:
                return
    raise Refused(
        f"{target.name} does not allow the experiment {experiment}: {why}",
        where=str(target.file),
        mend=f"add {{experiment: {experiment}, workloads: […], max_pods: …}} to `may_break`, or leave the experiment out",
    )


def _beyond(entry: MayBreak, workloads: frozenset[str], pods: int | None) -> str:
    foreign = workloads - set(entry.workloads) if entry.workloads else frozenset()
    if foreign:
        return f"it would hit {', '.join(sorted(foreign))}"
    if entry.max_pods is not None and (pods is None or pods > entry.max_pods):
        return f"it may hit {'any number of' if pods is None else pods} pods, {entry.max_pods} are allowed"
    return ""
