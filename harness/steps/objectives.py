"""Functions that make an objective, or the report of a scenario, from the values of a template's slots.

The experiments that a sentence asks for are made in `selections`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from harness.errors import UsageError
from harness.model import UNFELT, DemandKind, Figure, Objective, Op, Per, Phase, Quantity, Scope
from harness.steps.meaning import Meaning, Selection
from harness.steps.nouns import AT_ITS_ENTRY, CACHES_DEATH, PRIMARYS_DEATH, WHILE_GONE, WHILE_PODS_DIE
from harness.steps.selections import of_experiments
from harness.steps.slots import Values

LOAD_REPORT: Final = "load-report"
"""Name of the demand that reads a load report of another tool."""
_Slots = Values
_Mean = Callable[[_Slots], Meaning]
_OF_A_RECOVERY: Final = {"steps": "manual_steps", "unfelt": UNFELT}


def measured(
    figure: Figure,
    op: Op = Op.BELOW,
    *,
    params: Mapping[str, str] = MappingProxyType({}),
    phase: Phase = Phase.STEADY,
    per: Per = Per.ALL,
    subject: str = "",
    domains: tuple[str, ...] = (),
    times: Mapping[str, str] = MappingProxyType({}),
) -> _Mean:
    """A figure against the limit that the sentence has, or a fact where it has none.

    A subject or parameter in angle brackets is the value of that slot. Quantile, tolerance, window and users are those of the sentence.

    Args:
        figure: what is measured.
        op: how it compares with the limit.
        params: what else the figure needs to know.
        phase: of the windows, where the sentence names none.
        per: what it is measured of, each by itself.
        subject: the one thing that it is measured of.
        domains: of the experiments that it speaks of; none: of every experiment of the scenario.
        times: further lengths of time, by their name in the objective, each the name of a slot.
    """

    def mean(slots: _Slots) -> Meaning:
        limited = "limit" in slots
        objective = Objective(
            figure=figure,
            quantile=quantile_named(slots["quantile"]) if "quantile" in slots else None,
            scope=Scope(
                phase=_phase(slots["phase"]) if "phase" in slots else phase,
                per=per,
                subject=filled_in(subject, slots),
                users=int(slots.get("users", 0)),
            ),
            op=op if limited else Op.HOLDS,
            limit=slots.quantity("limit") if limited else Quantity(value=0, unit=""),
            tolerance=slots.optional("tolerance"),
            window=slots.optional("window"),
            times={name: slots.quantity(slot) for name, slot in times.items() if slot in slots},
            params=_params(params, slots),
            sentence="",
        )
        selection = Selection.of_domains(domains, every=False) if domains else None
        return Meaning(objective=objective, selection=selection)

    return mean


def quantile_named(text: str) -> float:
    """`p99.9` → 0.999."""
    return round(float(text[1:]) / 100, 6)


def filled_in(text: str, slots: _Slots) -> str:
    """The value of the slot for a text such as `<region>`; other text is returned unchanged."""
    return slots[text[1:-1]] if text.startswith("<") else text


def _params(params: Mapping[str, str], slots: _Slots) -> dict[str, str]:
    """The parameters with the values of their slots; one whose slot has no value is left out."""
    there = {key: value for key, value in params.items() if not value.startswith("<") or value[1:-1] in slots}
    return {key: filled_in(value, slots) for key, value in there.items()}


def _phase(words: str) -> Phase:
    """The phase that a sentence names; while something is gone, that is the fault's."""
    return Phase.FAULT if words in (WHILE_PODS_DIE, WHILE_GONE) else Phase.of(words)


def steps_named(slots: _Slots) -> str:
    """The steps of a rollout that the sentence names, in percent: `5 25 50`."""
    return " ".join(re.findall(r"[0-9.]+", slots["steps"]))


def in_unit_of(slots: _Slots, *, points: bool) -> Quantity:
    """The limit of a sentence that takes percentage points of some of its nouns, and a share in percent of others.

    Raises:
        UsageError: it has the other unit.
    """
    limit = slots.quantity("limit")
    if limit.unit.startswith("point") is not points:
        hint = "write points of an error rate, and a share in percent of everything else"
        raise UsageError(f"{limit} has the wrong unit", hint=hint)
    return limit


def replica_share(slots: _Slots) -> Meaning:
    """The share of each ready pod of a workload over an equal one, between two factors."""
    low, high = float(slots["low"]), float(slots["high"])
    objective = Objective(
        figure=Figure.REPLICA_SHARE,
        op=Op.WITHIN,
        limit=Quantity(value=round((low + high) / 2, 9), unit=""),
        tolerance=Quantity(value=round(abs(high - low) / 2, 9), unit=""),
        sentence="",
    )
    return Meaning(objective=objective)


def recovery(selection: Callable[[_Slots], Selection | None]) -> _Mean:
    """Operations are served again within a limit after the fault was sent, which must have hit what the sentence names."""

    def mean(slots: _Slots) -> Meaning:
        loss = slots.get("loss", "")
        params = {"hit": "primary"} if loss == PRIMARYS_DEATH else {}
        params |= {name: slots[slot] for slot, name in _OF_A_RECOVERY.items() if slot in slots}
        if loss.endswith(AT_ITS_ENTRY):
            home = loss.removesuffix(AT_ITS_ENTRY).rpartition(" ")[2]
            params |= {"entry": home, "zone_of": home}
        elif loss not in {"", PRIMARYS_DEATH, CACHES_DEATH}:
            params |= {"lost_region": loss.removeprefix("the loss of ")}
        asked, of_caches, _ = slots["operations"].partition(" of the cache")
        operations = tuple(f"{one}{of_caches}" for one in re.findall("reads|writes", asked))
        scope = Scope(operations=operations, phase=Phase.FAULT)
        limit = slots.quantity("limit")
        objective = Objective(figure=Figure.RECOVERY, scope=scope, op=Op.BELOW, limit=limit, sentence="", params=params)
        return Meaning(objective=objective, selection=selection(slots))

    return mean


def returned_share(slots: _Slots) -> Meaning:
    """Every region gives its declared share again, within a limit after power returns."""
    objective = Objective(
        figure=Figure.RETURNED_SHARE,
        scope=Scope(phase=Phase.RECOVERED, per=Per.REGION),
        op=Op.WITHIN,
        limit=Quantity(value=0, unit="points"),
        tolerance=slots.quantity("limit"),
        sentence="",
        times={"after": slots.quantity("after")},
    )
    return Meaning(objective=objective, selection=Selection.of_domains(("region",), every=False))


def throughput(slots: _Slots) -> Meaning:
    """A rate of requests is served, with a quantile of their response times below a limit."""
    objective = Objective(
        figure=Figure.THROUGHPUT,
        quantile=quantile_named(slots["quantile"]),
        op=Op.AT_LEAST,
        limit=Quantity(value=float(slots["rate"]), unit="/s"),
        sentence="",
        times={"below": slots.quantity("limit")},
    )
    return Meaning(objective=objective)


def pooling(slots: _Slots) -> Meaning:
    """How many connections a service opens for so many requests."""
    share = 100 * float(slots["count"]) / max(float(slots["requests"]), 1.0)
    limit = Quantity(value=round(share, 9), unit="%")
    return Meaning(objective=Objective(figure=Figure.POOLING, op=Op.BELOW, limit=limit, sentence=""))


def no_lost_write(slots: _Slots) -> Meaning:
    """Every acknowledged write is there at the end.

    With an age, the younger ones are excused in a disaster.
    """
    objective = Objective(
        figure=Figure.LOST_WRITES,
        scope=Scope(phase=Phase.FAULT),
        op=Op.HOLDS,
        limit=Quantity(value=0, unit=""),
        older_than=slots.optional("age"),
        sentence="",
    )
    return Meaning(objective=objective, selection=of_experiments(slots))


def vouched(slots: _Slots) -> Meaning:
    """A person with this role vouches for the requirement."""
    objective = Objective(
        figure=Figure.ATTESTATION,
        op=Op.HOLDS,
        limit=Quantity(value=1, unit=""),
        sentence="",
        params={"role": slots["role"], "at_most": slots["age"]},
    )
    return Meaning(objective=objective)


def reported(report_format: str, *, of: str = "") -> _Mean:
    """The report that the Then steps of the scenario are about.

    It has a format and a name; `of` is what it must belong to (release, commit or target; empty: anything).
    """
    return lambda slots: Meaning(report={"format": report_format, "report": slots["report"], "of": slots.get("of", of)})


def of_load_report(figure: Figure, op: Op = Op.BELOW) -> _Mean:
    """A figure of the load report that the scenario has read, of all requests together, of every route or of one."""

    def mean(slots: _Slots) -> Meaning:
        routes = slots.get("routes", "")
        subject = routes.partition('"')[2].rstrip('"')
        found = measured(figure, op, per=Per.ROUTE if routes else Per.ALL, subject=subject)(slots).objective
        assert found is not None  # noqa: S101 - for the type checker: a measured figure has one
        if figure is Figure.REPORTED_RATE:
            found = replace(found, limit=Quantity(value=found.limit.value, unit="/s"))
        age = {"age": slots["age"]} if "age" in slots else {}
        return Meaning(objective=in_load_report(found, age))

    return mean


def as_reported(objective: Objective) -> Objective:
    """The objective of a sentence about traffic, of a load report in place of the traffic.

    Raises:
        UsageError: no report shows that figure, its phase or its users.
    """
    figure = {Figure.RESPONSE_TIME: Figure.REPORTED_TIME, Figure.ERROR_RATE: Figure.REPORTED_ERRORS}.get(
        objective.figure
    )
    if figure is None or objective.scope.phase is not Phase.STEADY or objective.scope.users:
        hint = "a load report shows response times and error rates, without faults, steps and numbers of users: name a traffic in the When step"
        raise UsageError(f"{objective.sentence!r} is about more than a load report shows", hint=hint)
    return in_load_report(replace(objective, figure=figure), {})


def in_load_report(objective: Objective, params: Mapping[str, str]) -> Objective:
    """The objective of a figure that is read from a load report, with the parameters of the demand that reads it."""
    return replace(objective, check=LOAD_REPORT, demand=DemandKind.INGEST.value, params=dict(params))


def parts(slots: _Slots) -> Meaning:
    """Other requirements, each of which must hold."""
    named = re.findall(r"[A-Z][A-Z0-9-]+", slots["parts"])
    objective = Objective(
        figure=Figure.PARTS,
        op=Op.HOLDS,
        limit=Quantity(value=1, unit=""),
        sentence="",
        params={"parts": " ".join(named)},
    )
    return Meaning(objective=objective)


def facts(kind: str, name: str, /, **params: str) -> _Mean:
    """Facts that the driver of this kind of demand records.

    A name or parameter in angle brackets is the value of that slot; a parameter is left out if its slot has no value.
    """

    def mean(slots: _Slots) -> Meaning:
        objective = Objective(
            figure=Figure.CHECK,
            op=Op.HOLDS,
            limit=Quantity(value=1, unit=""),
            sentence="",
            check=filled_in(name, slots),
            demand=kind,
            params=_params(params, slots),
            times=slots.times(),
        )
        return Meaning(objective=objective)

    return mean
