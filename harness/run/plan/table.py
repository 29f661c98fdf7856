"""`readiness plan`: prints the steps of a run with seconds and numbers of samples; nothing is started."""

from __future__ import annotations

import json
import sys
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from harness.judgement.wording import formatted
from harness.model import Act, DemandKind, Phase, Plan
from harness.run.plan.access import access_document
from harness.run.plan.asked import asked_target
from harness.run.plan.awaited import accounted, awaited, by_form
from harness.run.plan.outlook import Prospect, around_s, outlook_document, prospects, seconds, short_rows
from harness.run.plan.planning import Compiled, library_of, make_plan
from harness.run.plan.refusals import cut_holds, left_to_people, refusals
from harness.run.start.means import reached_as
from harness.words import some

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.errors import HarnessError
    from harness.model import ExperimentPlan, Requirement
    from harness.model.planned.schedule import StopRule
    from harness.run.acts.driver import Library
    from harness.run.plan.awaited import RowAccount
    from harness.run.settings import Settings
    from harness.targets import Target

_WIDTH: Final = 136
"""Smallest width of the tables, in columns: a number that wraps cannot be searched for."""


def show_plan(
    settings: Settings,
    compiled: Compiled,
    *,
    target: Target,
    requirements: Sequence[Requirement],
    experiments: Mapping[str, ExperimentPlan],
) -> None:
    """Print the acts in order, the evidence for each sentence, the scaled times, and what cannot be decided or assessed."""
    library = library_of(settings, target, compiled, experiments)
    plan = make_plan(
        "plan", settings=settings, target=target, requirements=requirements, compiled=compiled, library=library
    )
    if settings.as_roles:
        sys.stdout.write(_roles(plan, library, target))
        return
    account = reached_as(target)
    baseline = "" if settings.baseline is None else _baseline(settings.baseline, plan)
    refused = refusals(plan, target, settings.allow_target)
    asked = asked_target(plan, target, settings, allowed=not refused)
    refused += asked.refused
    if settings.as_json:
        refusal = [{"what": one.what, "where": one.where, "hint": one.hint} for one in refused]
        document = {**outlook_document(plan), "cluster": account, "unready": list(asked.unready), "refused": refusal}
        document |= access_document(plan, library, target)
        sys.stdout.write(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        return
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, _WIDTH)
    scale = f" · time scale {plan.time_scale:g}" if plan.time_scale != 1 else ""
    scale += f" · {plan.traffic_scaled}" if plan.traffic_scaled else ""
    console.print(f"{plan.release} on {plan.target} ({plan.environment}) · profile {plan.profile}{scale}", markup=False)
    for line in filter(None, (account, baseline)):
        console.print(line, markup=False)
    for line in _acts(plan):
        console.print(line, markup=False)
    sentences = prospects(plan)
    for table in filter(attrgetter("row_count"), (_evidence(sentences), _times(sentences))):
        console.print(table)
    for line in [*_undecidable(sentences, refused=bool(refused)), *map(_refused, refused)]:
        console.print(line, markup=False)
    remarks = [*_in_part(plan), *_claimed_twice(plan), *left_to_people(plan), *cut_holds(plan)]
    for line in [*remarks, *(f"not ready: {why}" for why in asked.unready)]:
        console.print(line, markup=False)
    rows = accounted(plan, short_rows(sentences))
    console.print(_account(rows))
    for line in _waiting(rows):
        console.print(line, markup=False)
    if plan.deselected:
        console.print(f"{len(plan.deselected)} scenarios are left out: this run would not decide", markup=False)


def _in_part(plan: Plan) -> Iterator[str]:
    """One line per requirement that the profile gates in part: the parts that decide, and those that the run does not try."""
    for row in plan.requirements:
        if left := plan.not_tried(row.id):
            yield f"{row.id} is gated in part, on {', '.join(row.in_part)}; not tried: {', '.join(left)}"


def _roles(plan: Plan, library: Library, target: Target) -> str:
    """The Roles as a List in YAML, with comments for steps whose permissions are unknown."""
    import yaml

    document = access_document(plan, library, target)
    unknown = [
        f"# permissions unknown (list those of an experiment as `access: [...]` in the block `harness` of its file): {one}\n"
        for one in document["undeclared"]
    ]
    none = (
        []
        if target.kubernetes
        else ["# the target file has no key `kubernetes`: a run needs no permissions in a cluster\n"]
    )
    return "".join([*none, *unknown, yaml.safe_dump(document["roles"], sort_keys=False)])


def _acts(plan: Plan) -> Iterator[str]:
    """The acts in order: seconds, name, phase, the parts that they touch, and the acts that they follow.

    A second line says what each act does.
    """
    yield "Steps of the run, in this order"
    start_s, rest_s = around_s(plan)
    if plan.live:
        yield f"{start_s:6.0f} s  start: target {plan.target}, watchers, load"
    for act in plan.acts:
        touches = f"touches {', '.join(act.touches)}" if act.touches else ""
        after = f"after {', '.join(act.after)}" if act.after else ""
        words = [act.name, act.phase.name.lower(), touches, after, f"beside {act.beside}" if act.beside else ""]
        yield f"{act.seconds:6.0f} s  {' · '.join(filter(None, words))}"
        if what := _what(plan, act):
            yield f"          {what}"
    reads = "last reads of the ledger, " if plan.live else ""
    yield f"{rest_s:6.0f} s  rest: {reads}closing the evidence, verdicts, reports"
    expected, longest = seconds(plan)
    yield f"{expected:6.0f} s  expected in total, if nothing is repeated and every recovery succeeds; steps at the same time count once"
    yield f"{longest:6.0f} s  at most, if nothing recovers without an undo and no fault is sent twice"


def _stopped(rules: Iterable[StopRule]) -> str:
    """The thresholds of `stop_when`; empty if there are none."""
    return "".join(
        f"; ended by `stop_when` if the {rule.figure} of {rule.for_s:g} s is above {formatted(rule.over, rule.unit)}"
        for rule in rules
    )


def _what(plan: Plan, act: Act) -> str:
    """The description of an act in a few words."""
    demand = plan.demand[act.demand]
    if demand.kind == DemandKind.TRAFFIC:
        traffic = plan.traffic[demand.name]
        if act.after:
            return f"{traffic.requests_per_s:g} requests/s for at least {traffic.after_s:g} s after the last fault"
        return (
            f"{traffic.requests_per_s:g} requests/s: {traffic.warm_up_s:g} s warm-up, "
            f"{traffic.window_s:g} s fault-free, {traffic.requests} requests{_stopped(traffic.stop_when)}"
        )
    if demand.kind == DemandKind.EXPERIMENT:
        experiment = plan.experiments[demand.name]
        breaks = act.phase is Phase.FAULT
        return (
            f"fault of domain {experiment.domain}, observed for at most {experiment.observe_s:g} s{_held(experiment)}{_reach(experiment)}"
            if breaks
            else "no fault"
        )
    if demand.kind == DemandKind.ROLLOUT:
        return str(plan.rollouts[demand.name])
    return "" if demand.key == act.name else demand.key


def _held(experiment: ExperimentPlan) -> str:
    """When the `hold` of an experiment ends; empty if it has none."""
    if not experiment.hold_s:
        return ""
    served = f" for {experiment.served_s:.0f} s" if experiment.served_s else ""
    return f", kept by `hold` until requests are served again{served}, for {experiment.hold_s:g} to {experiment.observe_s:g} s"


def _reach(experiment: ExperimentPlan) -> str:
    """The actions of an experiment and its blast radius; empty if its file names neither."""
    actions = f"; actions: {', '.join(experiment.actions)}" if experiment.actions else ""
    return f"{actions}; blast radius: {experiment.blast_radius}" if experiment.blast_radius else actions


def _baseline(baseline: Path, plan: Plan) -> str:
    from harness.run.baseline import check_baseline  # reads evidence, which most plans have none of

    return check_baseline(baseline, plan)


def _account(rows: Sequence[RowAccount]) -> Table:
    """A table of the requirements by form: how many there are, and how many a run of this plan decides."""
    table = Table(
        "form",
        "requirements",
        "decided here",
        "waiting",
        title="Every requirement of the profiles",
        title_justify="left",
    )
    counts = by_form(rows)
    for one in counts:
        table.add_row(one.form.value, str(one.rows), str(one.decided), str(one.rows - one.decided))
    decided = sum(one.decided for one in counts)
    table.add_row("all", str(len(rows)), str(decided), str(len(rows) - decided))
    return table


def _waiting(rows: Sequence[RowAccount]) -> Iterator[str]:
    """One line per missing thing that requirements wait for, with a hint how to provide it."""
    for one in awaited(row for row in rows if not row.short):  # those are listed by sentence
        hint = f" ({one.hint})" if one.hint else ""
        if len(one.ids) == 1:
            yield f"will not be assessed: {one.ids[0]}: {one.text}{hint}"
        else:
            yield f"will not be assessed: {len(one.ids)} requirements ({some(one.ids)}): {one.text}{hint}"


def _evidence(sentences: Iterable[Prospect]) -> Table:
    table = Table(
        "requirement",
        "needs",
        "samples planned",
        "PASS up to",
        "FAIL from",
        "chance of PASS",
        title="Evidence that each sentence needs",
        title_justify="left",
        caption="chance of PASS: if the true value is 1/10, 1/5 or 1/2 of the limit",
        caption_justify="left",
    )
    for said in sentences:
        if said.numbers is not None:
            numbers = said.numbers
            decided = (numbers.tolerated, numbers.refuting)
            table.add_row(said.requirement, numbers.needed, numbers.planned, *decided, numbers.chances)
    return table


def _times(sentences: Iterable[Prospect]) -> Table:
    table = Table(
        "requirement",
        "length of time",
        title="Lengths of time, divided by the time scale or not",
        title_justify="left",
    )
    for said in sentences:
        for length in said.times:
            table.add_row(said.requirement, length.words)
    return table


def _claimed_twice(plan: Plan) -> Iterator[str]:
    """The requirements that several scenarios claim."""
    places: dict[str, list[str]] = {}
    for claim in plan.claims:
        places.setdefault(claim.requirement, []).append(claim.scenario.at)
    for requirement, at in places.items():
        if len(at) > 1:
            yield f"{requirement} has {len(at)} scenarios, and the worst verdict decides: {', '.join(at)}"


def _refused(error: HarnessError) -> str:
    """The errors with which a run would be refused before it begins."""
    hint = f" (hint: {error.hint})" if error.hint else ""
    return f"a run would be refused: {error.where}: {error.what}{hint}"


def _undecidable(sentences: Sequence[Prospect], *, refused: bool) -> Iterator[str]:
    """The sentences that no run of this size decides, each with its missing evidence."""
    short = [said for said in sentences if said.lacks]
    if not short:
        once = ", once the reason of the refusal is removed" if refused else ""
        each = f"all {len(sentences)} sentences" if len(sentences) > 1 else "the only sentence"
        yield f"A run of this size can decide {each}{once}"
        return
    yield f"A run of this size cannot decide {len(short)} of {len(sentences)} sentences"
    for said in short:
        for lack in said.lacks:
            rollout = said.objective.scope.phase is Phase.SWITCHED
            how = (
                f"write `watched: {lack.window_s:g} s` into the rollout file"
                if rollout
                else f"write `for: {lack.window_s:g} s` into the traffic file"
            )
            window = f" (hint: {how})" if lack.window_s else ""
            yield f"  {said.requirement} needs {lack.what}{window}"
