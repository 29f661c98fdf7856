"""Makes a plan from the demands of the scenarios.

The plan has the acts in order, each demand once, and the claims for which no evidence can be gathered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.errors import ConfigurationError, UsageError
from harness.figures import spec_of
from harness.judgement.figures import Need
from harness.model import (
    Act,
    Claim,
    Demand,
    DemandKind,
    DocumentTable,
    ExperimentPlan,
    NotAssessable,
    Phase,
    Plan,
    Reason,
    ReasonKind,
    Requirement,
    TrafficPlan,
)
from harness.model.records.recorded import OF_CACHES
from harness.model.records.window import after_faults_name
from harness.run.acts.driver import Library
from harness.run.acts.registry import drivers, needs_platform
from harness.run.acts.rollout.rollouts import each_rollout_once
from harness.run.plan.absent import absent_on, without
from harness.run.plan.awaited import unclaimed
from harness.run.plan.groups import needs_group, served_groups, unserved
from harness.run.plan.watched import watched, way_back_watched
from harness.run.project import shadowed
from harness.run.statements import statements_of
from harness.steps import traffic_asked_at, traffic_of
from harness.targets.access import of_missing_add_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.run.settings import Settings
    from harness.targets import Target


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiled:
    """Claims and demands of the selected scenarios.

    Attributes:
        claims: claims in the order of collection.
        demands: all demands, including repeated ones.
        deselected: scenarios that a filter left out, as `file:line: title`.
        tables: tables of the source documents with a requirement of the run.
    """

    claims: tuple[Claim, ...]
    demands: tuple[Demand, ...]
    deselected: tuple[str, ...] = ()
    tables: tuple[DocumentTable, ...] = ()


def sizes_of(settings: Settings, target: Target, compiled: Compiled) -> dict[str, TrafficPlan]:
    """The planned size of each traffic that the demands name."""
    from harness.drivers.load import load_traffic  # a plan of files alone asks for none
    from harness.run.plan.names import check_names

    check_names(target, settings.project)
    paths, scale = settings.project.search("loadtests"), settings.traffic_scale
    places = traffic_asked_at(claim.scenario for claim in compiled.claims)
    return {
        name: load_traffic(
            name, paths, target.traffic, asked_at=places.get(name, ""), scale=scale, profiles=settings.profiles
        )
        for name in traffic_of(compiled.demands)
    }


def library_of(
    settings: Settings, target: Target, compiled: Compiled, experiments: Mapping[str, ExperimentPlan]
) -> Library:
    """The objects that demands can name: their traffics and rollouts, and all experiments of the project."""
    from harness.drivers.rollout.files import load_rollout, on_target  # as above

    names = dict.fromkeys(demand.name for demand in compiled.demands if demand.kind == DemandKind.ROLLOUT)
    paths = settings.project.search("rollouts")
    rollouts = {name: on_target(load_rollout(name, paths), target) for name in names}
    sized = Library(
        traffic=sizes_of(settings, target, compiled),
        experiments=experiments,
        rollouts=rollouts,
        services=tuple(target.probes.services),
        time_scale=target.time_scale,
    )
    return replace(sized, served=served_groups(target)) if needs_group(compiled.demands, sized) else sized


def make_plan(
    run: str,
    *,
    settings: Settings,
    target: Target,
    requirements: Sequence[Requirement],
    compiled: Compiled,
    library: Library,
) -> Plan:
    """Make the plan: order the demands, drop demands that the target cannot serve, and extend windows."""
    from harness.run.plan.outlook import grown  # a replay plans nothing, and need not wait for the watch's HTTP client

    def planned(traffic: Mapping[str, TrafficPlan]) -> Plan:
        sized = replace(library, traffic=traffic)
        return _plan(run, settings=settings, target=target, requirements=requirements, compiled=compiled, library=sized)

    first = planned(library.traffic)
    traffic = grown(first)
    return first if traffic == first.traffic else planned({**library.traffic, **traffic})


def _plan(
    run: str,
    *,
    settings: Settings,
    target: Target,
    requirements: Sequence[Requirement],
    compiled: Compiled,
    library: Library,
) -> Plan:
    scale, release = target.time_scale, target.release.version or settings.release
    said = statements_of(settings.project, target, release)
    known = {demand.key: demand for demand in compiled.demands}
    every = without(compiled.claims, known, absent_on(target, library.experiments), requirements)
    lacks = ((claim.scenario.id, _lack(claim, known, target, settings, library)) for claim in every)
    lacking = {scenario: lack for scenario, lack in lacks if lack is not None}
    claims = tuple(claim for claim in every if claim.scenario.id not in lacking)
    expected = {key for claim in claims for key in claim.demands}
    demands = {key: demand for key, demand in known.items() if key in expected}
    acts = ordered_acts(tuple(demands.values()), library)
    ordered = [demands[key] for key in dict.fromkeys(act.demand for act in acts)]
    live = needs_platform(demand.kind for demand in ordered)
    experiments = {
        demand.name: _configured(watched(library.experiments[demand.name], claims, scale, library.traffic), target)
        for demand in ordered
        if demand.kind == DemandKind.EXPERIMENT
    }
    return Plan(
        run=run,
        target=target.name,
        environment=target.environment,
        time_scale=scale,
        stands_in=target.embedded and target.environment != "sandbox",
        live=live,
        durability=target.database.durability if target.database else "",
        release=release,
        release_commit=target.release.commit,
        profile="+".join(settings.profiles),
        seed=settings.seed,
        traffic_scale=settings.traffic_scale,
        requirements=tuple(requirements),
        tables=compiled.tables,
        claims=claims,
        demands=tuple(demand.key for demand in ordered),
        acts=acts,
        demand={demand.key: demand for demand in ordered},
        traffic={name: library.traffic[name] for name in traffic_of(ordered)},
        experiments=experiments,
        rollouts={
            d.name: way_back_watched(library.rollouts[d.name], claims, scale)
            for d in ordered
            if d.kind == DemandKind.ROLLOUT
        },
        primary_region=target.primary_region,
        route_needs=target.routes,
        regions=target.shares,
        doors=tuple(target.doors) if live else (),
        members=tuple(target.database.members) if live and target.database else (),
        deselected=compiled.deselected,
        not_assessable=tuple(_not_assessable(requirements, compiled, lacking, target)),
        probe_spacing_ms=_probe_spacing_ms(claims, scale, broken=bool(experiments)),
        shadowed=tuple(shadowed(settings.project)),
        attestations=said.attestations,
        waivers=said.waivers,
        as_of=target.evidence.as_of.isoformat() if target.evidence.as_of else "",
        again=settings.again(release),
        pytest_arguments=settings.pytest_arguments,
        only=settings.only,
        records=tuple(_records(target, (library.traffic[name] for name in traffic_of(ordered)))) if live else (),
    )


def _records(target: Target, traffic: Iterable[TrafficPlan]) -> Iterable[str]:
    """The tables that the run must have recorded at its end, even if they are empty."""
    from harness.drivers.watch import watched_tables  # as below

    yield from watched_tables(target)
    yield from (f"load/{one.name}/journey-reads.rows" for one in traffic if one.accounts)


def _probe_spacing_ms(claims: Iterable[Claim], scale: float, *, broken: bool) -> dict[str, float]:
    """How far apart the entry's reads under a fault, the ledger's writes, and the probes of caches that a claim names are, in ms."""
    # a replay plans nothing, and need not wait for the watch's HTTP client
    from harness.run.load.pace import rates_of

    rates = rates_of(claims, scale=scale, broken=broken)
    spacing = {"reads": 1000 / rates.read_in_fault, "writes": 1000 / rates.ledger_in_fault}
    asked = {one for claim in claims for objective in claim.objectives for one in objective.scope.operations}
    return spacing | {one: 1000 / rates.cache_in_fault for one in OF_CACHES if one in asked}


_DISTURBING: Final = (DemandKind.EXPERIMENT, DemandKind.ROLLOUT)


def ordered_acts(demands: Sequence[Demand], library: Library) -> tuple[Act, ...]:
    """The acts that serve these demands, in order.

    An act comes after the acts in its `after`, and the acts of one traffic are together. Traffic without a fault or rollout comes first,
    when the target is unchanged. Of one kind, acts that touch nothing come first, so that they run at the same time.

    Raises:
        UsageError: no driver serves a demand, a rollout is used under two traffics, or steps of the run wait for each other.
    """
    known = drivers()
    if unserved := [demand for demand in demands if demand.kind not in known]:
        hint = f"use one of the kinds {', '.join(known)}, or install the package that has this driver"
        raise UsageError(f"no driver has the kind `{unserved[0].kind}`", where=unserved[0].key, hint=hint)
    each_rollout_once(demands)
    disturbed = {demand.params.get("traffic", "") for demand in demands if demand.kind in _DISTURBING}
    planned: list[Act] = []
    for kind, driver in known.items():
        own = sorted((d for d in demands if d.kind == kind), key=lambda d: (d.name in disturbed, d.key))
        acts = [act for demand in own for act in driver.plan(demand, library)]
        planned += sorted(acts, key=lambda act: bool(act.touches))
    names = {act.name for act in planned}
    # what is read beside an experiment that nothing asks for is left out
    asked = [act for act in planned if act.name == act.demand or not act.beside or act.beside in names]
    return _direct(_sorted(_named(asked)))


def _named(acts: Sequence[Act]) -> dict[str, Act]:
    """The acts with unique names, also if an experiment runs under two kinds of traffic.

    `after` is adapted to these names; an act without traffic comes after the acts of every traffic.
    """
    names = [
        act.name if act.name not in {a.name for a in acts[:at]} else f"{act.name} ({act.traffic})"
        for at, act in enumerate(acts)
    ]
    named = {}
    for name, act in zip(names, acts, strict=True):
        there = [(other, one.traffic) for other, one in zip(names, acts, strict=True) if one.name in act.after]
        here = tuple(other for other, traffic in there if not act.traffic or traffic in {act.traffic, ""})
        named[name] = replace(act, name=name, after=here)
    return named


def _sorted(planned: Mapping[str, Act]) -> list[Act]:
    """The acts sorted so that each comes after the acts in its `after`.

    Acts of the traffic in progress come first, as long as it has acts whose turn it is.
    """
    left, done = dict(planned), list[Act]()
    while left:
        free = [act for act in left.values() if not any(name in left for name in act.after)]
        if not free:
            raise UsageError(
                "the steps of the run wait for each other, so none can be first",
                where=", ".join(left),
                hint="change `after` of these steps in their driver",
            )
        running = done[-1].traffic if done else ""
        following = min(free, key=lambda act: bool(running) and act.traffic != running)
        done.append(left.pop(following.name))
    return done


def _direct(acts: Sequence[Act]) -> tuple[Act, ...]:
    """The acts with a reduced `after`: without acts that come before another act in it anyway.

    The window after the faults is left out for traffic without a fault or rollout.
    """
    before: dict[str, frozenset[str]] = {}
    direct = []
    disturbed = {act.traffic for act in acts if act.phase is not Phase.STEADY}
    needless = {act.name for act in acts if act.traffic not in disturbed} & {after_faults_name(a.traffic) for a in acts}
    for act in (act for act in acts if act.name not in needless):
        after = [name for name in act.after if name not in needless]
        implied = frozenset[str]().union(*(before[name] for name in after))
        before[act.name] = implied | frozenset(after)
        direct.append(replace(act, after=tuple(name for name in after if name not in implied)))
    return tuple(direct)


def _configured(experiment: ExperimentPlan, target: Target) -> ExperimentPlan:
    """The experiment with the values of its configuration on this target."""
    from harness.drivers.chaos import resolved_configuration

    return replace(experiment, configuration=resolved_configuration(Path(experiment.file), target))


def _not_assessable(
    requirements: Sequence[Requirement], compiled: Compiled, lacking: Mapping[str, NotAssessable], target: Target
) -> Iterable[NotAssessable]:
    claimed = {claim.requirement for claim in compiled.claims}
    profiles = {requirement.id: requirement.profile for requirement in requirements}
    without = {c.requirement: lacking[c.scenario.id] for c in reversed(compiled.claims) if c.scenario.id in lacking}
    for requirement in requirements:
        if requirement.id in without:
            yield without[requirement.id]
        elif requirement.id not in claimed and not compiled.deselected:
            files = {c.scenario.file for c in compiled.claims if profiles.get(c.requirement) == requirement.profile}
            yield NotAssessable(requirement=requirement.id, because=unclaimed(requirement, target, files))


def _lack(
    claim: Claim, demands: Mapping[str, Demand], target: Target, settings: Settings, library: Library
) -> NotAssessable | None:
    """The reason why this claim cannot be assessed: a missing key of the target file, or a missing option.

    None if nothing is missing.
    """
    needs = [need for objective in claim.objectives for need in spec_of(objective.figure).needs(objective)]
    known = drivers()
    for demand in (demands[key] for key in claim.demands):
        if demand.kind not in known:
            continue
        if (lack := known[demand.kind].lack(demand, target)) is not None:
            hint = lack.hint or f"add `{lack.key}` to {target.file.name or 'the target file'}"
            return _without(claim, f"{lack.why}, and {target.name} names no {lack.lacks or f'`{lack.key}`'}", hint)
        required = known[demand.kind].needs(demand, library)
        needs += [Need(key=one.key, why=one.why, hint=one.hint, lacks=one.lacks) for one in required]
    for need in sorted(needs, key=lambda need: need.of):
        if need.of == "command":
            if getattr(settings, need.key) is None:
                return _without(claim, need.why, need.hint)
        elif not getattr(target, need.key):
            hint = need.hint or f"add `{need.key}:` to {target.file.name or 'the target file'}"
            return _without(claim, f"{need.why}, and {target.name} has no {need.lacks or f'`{need.key}`'}", hint)
    own = [demands[key] for key in claim.demands]
    if (group := unserved(own, library)) is not None:
        why = f"{group.why}, and the API server of {target.name} serves no group {group.name}"
        return _without(claim, why, group.hint)
    return _add_on(claim, own, target, library)


def _add_on(claim: Claim, demands: Iterable[Demand], target: Target, library: Library) -> NotAssessable | None:
    """The reason if an act of this claim creates an object of an add-on that the target file does not name; else None."""
    known = drivers()
    for demand in demands:
        if demand.kind not in known:
            continue
        try:
            asked = known[demand.kind].accesses(demand, library, target)
        except ConfigurationError:
            continue  # a file that cannot be read yet, as manifests that the sandbox writes: `readiness plan` says so
        if (missing := of_missing_add_on(asked, target)) is not None:
            why = f"{demand.name} creates {missing.resource}.{missing.group}"
            hint = f"if the add-on is installed, add `api_groups: [{missing.group}]` to `kubernetes:` of {target.file.name}"
            return _without(claim, f"{why}, and {target.name} names no such API group", hint)
    return None


def _without(claim: Claim, why: str, hint: str) -> NotAssessable:
    because = Reason(kind=ReasonKind.NO_MEANS, text=why, hint=hint)
    return NotAssessable(requirement=claim.requirement, because=because)
