"""Compiles a scenario to one claim, and the demands that the claim needs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from harness.catalogue import Catalogue
from harness.errors import UsageError
from harness.figures import spec_of
from harness.judgement.figures import Basis
from harness.model import NO_FAULT, Claim, Demand, DemandKind, Objective, Phase, Requirement, Scenario, Step
from harness.model.planned.domain import UNKNOWN
from harness.nearest import hint_with_nearest
from harness.steps.grammar import Reading, compare, demands_of, read
from harness.steps.meaning import Keyword, Selection
from harness.steps.objectives import as_reported

_TRAFFIC: Final = re.compile(r'"([^"]+)" traffic\b')


def compile_scenario(
    scenario: Scenario, catalogue: Catalogue, experiments: Mapping[str, str], in_part: Collection[str] = ()
) -> tuple[Claim, list[Demand]]:
    """Compile a scenario.

    Args:
        scenario: scenario from a feature file.
        catalogue: catalogue with the requirement and its criterion.
        experiments: name of each experiment of the project → its domain.
        in_part: kinds of experiments in the criterion on which the chosen profile gates; empty: it gates on all.

    Raises:
        UsageError: the scenario names no or several requirements; a sentence is unknown, has a wrong keyword, differs from the
            criterion, or names an unknown object; or `in_part` does not fit the criterion. `where` is `file:line` of scenario or step.
    """
    requirement = requirement_of(scenario, catalogue)
    criterion = read_criterion(catalogue.requirement(requirement), catalogue, experiments)
    _refuse_other_parts(scenario, criterion, in_part)
    readings = [(read_step(step, experiments), step) for step in scenario.steps]
    asked = _asked((pair for pair in readings if pair[0].keyword is not Keyword.THEN), experiments)
    objectives = []
    for reading, step in readings:
        if reading.keyword is Keyword.THEN:
            objective = _objective(reading, step, asked, experiments)
            if spec_of(objective.figure).basis is Basis.EXPERIMENT:
                objective = _with_missing(objective, criterion.selection or reading.selection, experiments, in_part)
            differences = _differences(objective, criterion, experiments) or _other_checks(reading, criterion)
            if differences:
                place = catalogue.where(requirement, "criterion")
                what = f"the step differs from the criterion of {requirement} ({place}): {'; '.join(differences)}"
                raise UsageError(what, where=step.at, hint=f"the criterion says: {criterion.sentence}")
            if asked.of_a_load_report(objective):
                objective = _as_reported(objective, step)
            if objective.demand == DemandKind.INGEST:
                _require_report(reading, step, asked)
                objective = _with_report(objective, asked, catalogue, catalogue.requirement(requirement))
            objectives += _with_check(objective, reading, in_part)
    if not objectives:
        raise UsageError("the scenario has no Then step", where=scenario.location, hint="add a Then step")
    required = [demand for reading, _ in readings if reading.keyword is not Keyword.THEN for demand in reading.demands]
    required += [demand for objective in objectives for demand in demands_of(objective)]
    demands = {demand.key: demand for demand in required}
    claim = Claim(scenario=scenario, requirement=requirement, objectives=tuple(objectives), demands=tuple(demands))
    return claim, list(demands.values())


def requirement_of(scenario: Scenario, catalogue: Catalogue) -> str:
    """The requirement that a scenario claims.

    Raises:
        UsageError: the scenario names no or several requirements, or an unknown one.
    """
    ids = scenario.requirements
    if len(ids) != 1:
        what = (
            f"the scenario names {len(ids)} requirements, expected one: {', '.join(ids)}"
            if ids
            else "the scenario names no requirement, expected one"
        )
        hint = "name one requirement by a tag `@ID`, or by a column `requirement` in the Examples"
        raise UsageError(what, where=scenario.at, hint=hint)
    if ids[0] not in catalogue.requirements:
        hint = hint_with_nearest(ids[0], catalogue.requirements)
        raise UsageError(f"no requirement has the id {ids[0]!r}", where=scenario.at, hint=hint)
    return ids[0]


def read_criterion(requirement: Requirement, catalogue: Catalogue, experiments: Mapping[str, str]) -> Reading:
    """Read the criterion of a requirement as a Then sentence.

    Raises:
        UsageError: the criterion is not a Then sentence, so no scenario can claim the requirement.
    """
    where = catalogue.where(requirement.id, "criterion")
    try:
        reading = read(requirement.criterion, experiments)
    except UsageError as error:
        what = f"the criterion of {requirement.id} cannot be read: {error.what}"
        raise UsageError(what, where=where, hint=error.hint) from error
    if reading.objective is None:
        what = (
            f"the criterion of {requirement.id} is a {reading.keyword.value.title()} sentence, expected a Then sentence"
        )
        raise UsageError(what, where=where)
    return reading


def read_step(step: Step, experiments: Mapping[str, str]) -> Reading:
    """Read one step; raises UsageError with `file:line` of the step."""
    try:
        reading = read(step.text, experiments)
    except UsageError as error:
        raise UsageError(error.what, where=step.at, hint=error.hint) from error
    if reading.keyword.value != step.keyword:
        what = f"{reading.sentence!r} is a {reading.keyword.value.title()} sentence, but its keyword is {step.keyword.title()}"
        raise UsageError(what, where=step.at, hint="change the keyword or the sentence")
    for name in reading.selection.names if reading.selection else ():
        if name not in experiments:
            hint = hint_with_nearest(name, experiments)
            raise UsageError(f"no experiment has the name {name!r}", where=step.at, hint=hint)
    return reading


def speaks_of_a_domain(steps: Iterable[Step], experiments: Mapping[str, str]) -> bool:
    """Whether a step chooses experiments by fault domain instead of name, such as `every single-fault experiment`."""
    selections = (read_step(step, experiments).selection for step in steps)
    return any(selection is not None and bool(selection.domains) for selection in selections)


_OF_A_FAULT: Final = frozenset({Phase.FAULT, Phase.RECOVERED})
"""Phases of windows of an experiment."""
_OF_A_ROLLOUT: Final = frozenset({Phase.SWITCHED, Phase.STEP})
"""Phases of windows of a rollout."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """The traffic, experiments, rollout and report that the When steps name.

    Attributes:
        traffic: name of the traffic.
        experiments: names of the experiments.
        faults: names of the experiments that break something.
        report: report that was read.
        rollout: name of the rollout; empty if there is none.
        unknown: whether the file of an experiment is invalid, so that it is unknown which sentences refer to it.
    """

    traffic: str | None
    experiments: tuple[str, ...]
    faults: tuple[str, ...]
    report: Mapping[str, str]
    unknown: bool
    rollout: str = ""

    def of_a_load_report(self, objective: Objective) -> bool:
        """Whether a sentence about traffic is about the load report that the scenario has read in its place."""
        is_load = self.traffic is None and self.report.get("format") == "load"
        return is_load and spec_of(objective.figure).basis not in (Basis.CHECK, Basis.PLAN, Basis.REPORT)


def _asked(readings: Iterable[tuple[Reading, Step]], domains: Mapping[str, str]) -> _Asked:
    traffic: str | None = None
    report: Mapping[str, str] = {}
    rollout = ""
    experiments: dict[str, None] = {}
    for reading, step in readings:
        if reading.traffic is not None:
            if traffic not in (None, reading.traffic):
                what = f"the scenario has two traffics, {traffic!r} and {reading.traffic!r}, expected one"
                raise UsageError(what, where=step.at, hint="write two scenarios")
            traffic = reading.traffic
        if reading.report and report:
            what = (
                f"the scenario reads two reports, {report['report']!r} and {reading.report['report']!r}, expected one"
            )
            raise UsageError(what, where=step.at, hint="write two scenarios")
        report = report or reading.report
        if reading.rollout and rollout not in ("", reading.rollout):
            what = f"the scenario runs two rollouts, {rollout!r} and {reading.rollout!r}, expected one"
            raise UsageError(what, where=step.at, hint="write two scenarios")
        rollout = rollout or reading.rollout
        experiments.update(dict.fromkeys(reading.experiments))
    faults = tuple(name for name in experiments if domains[name] != NO_FAULT.name)
    unknown = any(domains[name] == UNKNOWN.name for name in experiments)
    return _Asked(
        traffic=traffic,
        experiments=tuple(experiments),
        faults=faults,
        report=report,
        unknown=unknown,
        rollout=rollout,
    )


def _objective(reading: Reading, step: Step, asked: _Asked, domains: Mapping[str, str]) -> Objective:
    """The objective with traffic and experiments as the scenario asks for them."""
    objective = reading.objective
    if objective is None:  # pragma: no cover - a Then template always has one
        raise UsageError(f"{reading.sentence!r} states no condition that could pass or fail", where=step.at)
    basis = spec_of(objective.figure).basis
    if basis in (Basis.CHECK, Basis.PLAN, Basis.REPORT) or asked.of_a_load_report(objective):
        return replace(objective, at=step.at)
    if asked.traffic is None:
        hint = 'name it in a When step, for example: When "everyday" traffic has run'
        raise UsageError(f"{reading.sentence!r} needs traffic, and no When step names one", where=step.at, hint=hint)
    if objective.scope.traffic not in (None, asked.traffic):
        what = f"{reading.sentence!r} names another traffic than the When step, which names {asked.traffic!r}"
        raise UsageError(what, where=step.at, hint="name the same traffic in the When and the Then step")
    scope = replace(objective.scope, traffic=asked.traffic)
    if basis is Basis.TRAFFIC and scope.phase in _OF_A_FAULT:
        if not asked.faults:
            what = f"{reading.sentence!r} is about a fault, and no When step runs an experiment with a fault"
            hint = (
                'name it in a When step, for example: When the experiment "pod-loss" has run under "everyday" traffic'
            )
            raise UsageError(what, where=step.at, hint=hint)
        scope = replace(scope, experiments=asked.faults)
    if basis is Basis.ROLLOUT or scope.phase in _OF_A_ROLLOUT:
        if not asked.rollout:
            what = f"{reading.sentence!r} is about a rollout, and no When step runs one"
            hint = 'name it in a When step, for example: When the rollout "canary" has run under "census" traffic'
            raise UsageError(what, where=step.at, hint=hint)
        scope = replace(scope, rollout=asked.rollout)
    if basis is Basis.EXPERIMENT:
        scope = replace(scope, experiments=_experiments(reading, step, asked, domains))
    return replace(objective, scope=scope, at=step.at)


def _as_reported(objective: Objective, step: Step) -> Objective:
    """The objective of the load report; raises UsageError with the place of the step."""
    try:
        return as_reported(objective)
    except UsageError as error:
        raise UsageError(error.what, where=step.at, hint=error.hint) from error


def _other_checks(reading: Reading, criterion: Reading) -> list[str]:
    """How the check that a Then sentence asks for as well differs from that of its criterion, in words."""
    if reading.also is not None and criterion.also is not None:
        return compare(reading.also, criterion.also)
    left = criterion.also or reading.also
    return [] if left is None else [f"only one of the two asks for the check `{left.check}`"]


def _with_check(objective: Objective, reading: Reading, in_part: Collection[str]) -> list[Objective]:
    """The objective with the check that its sentence asks for as well, or the one that the profile gates on."""
    if reading.also is None:
        return [objective]
    both = dict(zip(reading.parts, (objective, replace(reading.also, at=objective.at)), strict=True))
    left_out = tuple(part for part in both if in_part and part not in in_part)
    return [
        replace(one, scope=replace(one.scope, left_out=left_out)) for part, one in both.items() if part not in left_out
    ]


def _refuse_other_parts(scenario: Scenario, criterion: Reading, in_part: Collection[str]) -> None:
    """Refuse a profile that gates a requirement in part, but names an unknown part or all parts of the criterion."""
    kinds = criterion.selection.kinds if criterion.selection else criterion.parts
    hint = f"the kinds of experiments in the criterion are: {', '.join(kinds) or 'none'}"
    for kind in in_part:
        if kind not in kinds:
            what = f"a profile gates {scenario.requirements[0]} on {kind!r}, which its criterion does not name"
            raise UsageError(what, where=scenario.at, hint=hint)
    if in_part and set(in_part) == set(kinds):
        what = f"a profile gates {scenario.requirements[0]} in part, and names every part of its criterion"
        raise UsageError(
            what, where=scenario.at, hint="write only the id: the profile then gates on the complete criterion"
        )


def _with_missing(
    objective: Objective, named: Selection | None, domains: Mapping[str, str], in_part: Collection[str]
) -> Objective:
    """The objective with the kinds of experiments that its criterion names but none of its experiments has.

    Kinds on which the profile does not gate are left out: they do not prevent a PASS, and every report names them.
    """
    here = {name: domains[name] for name in objective.scope.experiments}
    missing = named.missing_among(here) if named else ()
    gating = tuple(kind for kind in missing if not in_part or kind in in_part)
    left_out = tuple(kind for kind in missing if kind not in gating)
    return replace(objective, scope=replace(objective.scope, missing_experiments=gating, left_out=left_out))


def _require_report(reading: Reading, step: Step, asked: _Asked) -> None:
    """Refuse a sentence about a report if no When step names one, or if the When step names one of another kind."""
    if not asked.report:
        hint = 'name it in a When step, for example: When the JUnit report "unit" of this release has been read'
        raise UsageError(f"{reading.sentence!r} needs a report, and no When step names one", where=step.at, hint=hint)
    key = f"evidence.{asked.report['format']}.<report>"
    own = reading.template.alone(reading.sentence)
    of = [key for key in own.keys({"report": "<report>"}) if key.endswith(".<report>")]
    if of and key not in of:
        what = f"{reading.sentence!r} reads `{of[0]}` of the target file, and the When step names `{key}`"
        raise UsageError(what, where=step.at, hint=f"name a report of `{of[0]}` in the When step")


def _with_report(objective: Objective, asked: _Asked, catalogue: Catalogue, requirement: Requirement) -> Objective:
    """The objective with the report that the scenario has read."""
    params = {**objective.params, **asked.report}
    if asked.report["format"] == "verdict":
        params |= _deciding(params.get("profile", requirement.profile), catalogue)
    return replace(objective, params=params)


def _deciding(profile: str, catalogue: Catalogue) -> Mapping[str, str]:
    """The profile of the run that must have decided (by default the profile of the requirement's file), and the number of its `rows`.

    A run by another profile counts if it decided all of these rows. If the profile is not a file of its own, only its name is known.
    """
    rows = catalogue.profiles.get(profile, ())
    own = bool(rows) and all(catalogue.requirement(row).profile == profile for row in rows)
    return {"profile": profile, **({"rows": str(len(rows))} if own else {})}


def _experiments(reading: Reading, step: Step, asked: _Asked, domains: Mapping[str, str]) -> tuple[str, ...]:
    """The experiments of the scenario that a Then sentence refers to: experiments of the named domains, else all."""
    selection = reading.selection
    if selection is None:
        if asked.experiments:
            return asked.experiments
        hint = 'name it in a When step, for example: When the experiment "pod-loss" has run under "everyday" traffic'
        raise UsageError(
            f"{reading.sentence!r} needs an experiment, and no When step runs one", where=step.at, hint=hint
        )
    here = tuple(name for name in domains if name in asked.experiments and selection.speaks_of(name, domains[name]))
    unasked = [name for name in reading.experiments if name not in asked.experiments]
    if unasked and (selection.every or not (here or asked.unknown)):
        what = f"{reading.sentence!r} names {', '.join(unasked)}, which no When step runs"
        raise UsageError(what, where=step.at, hint="name the same experiments in the When and the Then step")
    return here


def _differences(objective: Objective, criterion: Reading, experiments: Mapping[str, str]) -> list[str]:
    """How a Then sentence differs from its criterion, in words; empty if it does not.

    Both must have the same figure, operator and values, and the sentence no experiment of another domain.
    """
    if criterion.objective is None:  # pragma: no cover - read_criterion refuses it
        return []
    domains = criterion.objective.scope.domains
    foreign = [name for name in objective.scope.experiments if domains and experiments[name] not in domains]
    differences = compare(objective, criterion.objective)
    if foreign:
        differences.append(
            f"it names {', '.join(foreign)}, the criterion only experiments of domain {' or '.join(domains)}"
        )
    return differences


def traffic_asked_at(scenarios: Iterable[Scenario]) -> dict[str, str]:
    """Traffic → place of the first sentence that names it, as `file:line`."""
    places: dict[str, str] = {}
    for step in (step for scenario in scenarios for step in scenario.steps):
        for name in _TRAFFIC.findall(step.text):
            places.setdefault(name, step.at)
    return places


def traffic_of(demands: Iterable[Demand]) -> tuple[str, ...]:
    """The names of the traffics of these demands, each once, in order."""
    named = (
        demand.name if demand.kind == DemandKind.TRAFFIC else demand.params.get("traffic", "")
        for demand in demands
        if demand.kind in (DemandKind.TRAFFIC, DemandKind.EXPERIMENT, DemandKind.ROLLOUT)
    )
    return tuple(dict.fromkeys(name for name in named if name))
