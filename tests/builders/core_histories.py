"""What the histories of a healthy run of profile core tell: its experiments, pods, nodes and leaders."""

from __future__ import annotations

from harness.model import (
    Experiment,
    FaultWindow,
    Hit,
    LeaderChange,
    NodeChange,
    PodChange,
    Restore,
)
from tests.builders.core_course import (
    BESIDE,
    HEALTHY,
    KILLED,
    NEW,
    NODES,
    PRIMARY,
    Act,
    Course,
    ns,
)


def hit_pod(name: str, region: str = PRIMARY, workload: str = "track-service", namespace: str = "") -> Hit:
    """A pod that was hit."""
    return Hit(
        kind="pod", name=name, namespace=namespace or region, uid=f"uid-{name}", region=region, workload=workload
    )


def hits(act: Act) -> tuple[Hit, ...]:
    """What a fault hit, as the target said."""
    if act.domain == "database":
        return (hit_pod("postgres-us-east-1-0", workload="postgres", namespace="database"),)
    if act.domain == "pod":
        return (hit_pod(KILLED),)
    nodes = NODES[PRIMARY] if act.domain == "region" else NODES[PRIMARY][1:]
    return tuple(Hit(kind="node", name=node, region=PRIMARY) for node in nodes)


def experiments(course: Course = HEALTHY) -> dict[str, tuple[Experiment, ...]]:
    """One attempt a fault, in good order."""
    found: dict[str, tuple[Experiment, ...]] = {}
    for act in course.acts:
        found[act.name] = (*found.get(act.name, ()), _experiment(act))
    return found


def _experiment(act: Act) -> Experiment:
    return Experiment(
        manual_steps=0,
        name=act.name,
        domain=act.domain,
        attempt=act.attempt,
        ran=True,
        fault=FaultWindow(
            experiment=act.name,
            domain=act.domain,
            sent_ns=ns(act.sent),
            confirmed_ns=ns(act.sent + 1) if act.confirmed else None,
            undone_ns=None if act.undone is None else ns(act.undone),
            gone_ns=None if act.gone is None else ns(act.gone),
            held=None if act.undone is None else True,
            hit=hits(act) if act.confirmed else (),
        ),
        restore=Restore(ok=True, at_ns=ns(act.restored)),
        observed_from_ns=ns(act.sent - 3),
        observed_until_ns=ns(act.restored + 1),
        journal={"status": "completed", "deviated": "False", "steady_before": "True", "steady_after": "True"},
        files=(f"chaos/{act.name}/journal.json",),
    )


def pods(course: Course = HEALTHY) -> tuple[PodChange, ...]:
    """What became of the pods: the killed one goes and another comes, the primary and what ran on the region go and come back."""

    def change(at: float, what: str, name: str, workload: str, namespace: str) -> PodChange:
        return PodChange(
            at_ns=ns(at),
            what=what,
            name=name,
            namespace=namespace,
            uid=f"uid-{name}",
            workload=workload,
            region=PRIMARY,
            ready={"unready": False, "deleted": None}.get(what, True),
        )

    track, database = ("track-service", PRIMARY), ("postgres-us-east-1-0", "postgres", "database")
    loss, region = course.of("pod"), course.of("region")
    changes = [change(-12, "present", name, *track) for name in (KILLED, BESIDE)]
    changes += [change(-12, "present", *database), change(loss.sent + 0.1, "deleted", KILLED, *track)]
    changes.append(change(loss.sent + 4.5, "ready", NEW, *track))
    for act in (course.of("database"), region):
        changes.append(change(act.sent + 0.2, "unready", *database))
        changes.append(change((act.gone or 0) + 2, "ready", *database))
    for name in (BESIDE, NEW):
        changes.append(change(region.sent + 0.3, "unready", name, *track))
        changes.append(change((region.gone or 0) + 3, "ready", name, *track))
    return tuple(sorted(changes, key=lambda one: one.at_ns))


def nodes(course: Course = HEALTHY) -> tuple[NodeChange, ...]:
    """What became of the nodes."""
    changes = [
        NodeChange(at_ns=ns(-12), what="present", name=name, region=region, ready=True)
        for region, names in NODES.items()
        for name in names
    ]
    for act in course.acts:
        for hit in hits(act):
            if hit.kind == "node" and act.gone is not None:
                for at, ready in ((act.sent + 0.5, False), (act.gone + 0.5, True)):
                    what = "ready" if ready else "unready"
                    changes.append(NodeChange(at_ns=ns(at), what=what, name=hit.name, region=hit.region, ready=ready))
    return tuple(sorted(changes, key=lambda one: one.at_ns))


def leaders(course: Course = HEALTHY) -> tuple[LeaderChange, ...]:
    """The primary is in the primary region, but for the time that a fault took it."""
    home, away = "postgres-us-east-1-0", "postgres-eu-west-1-0"
    changes = [(-12.0, "", home)]
    for act in course.acts[2:]:
        changes += [(act.sent + 5, home, away), ((act.gone or 0) + 4, away, home)]
    return tuple(
        LeaderChange(at_ns=ns(at), subject="database/main", before=before, after=after) for at, before, after in changes
    )
