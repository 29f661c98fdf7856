"""Functions that make an objective, or the report of a scenario, from the values of a template's slots.

The experiments that a sentence asks for are made in `selections`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from harness.errors import UsageError
from harness.model import UNFELT, Figure, Objective, Op, Per, Phase, Quantity, Scope
from harness.steps.meaning import Meaning, Selection
from harness.steps.nouns import AT_ITS_ENTRY, KEPT, PRIMARYS_DEATH, WHILE_PODS_DIE
from harness.steps.selections import of_experiments
from harness.steps.slots import Values

_Slots = Values
_Mean = Callable[[_Slots], Meaning]
_OF_A_RECOVERY: Final = {"steps": "manual_steps", "unfelt": UNFELT}


def steady(figure: Figure, op: Op, *, per: Per = Per.ALL, subject: str = "") -> _Mean:
    """A figure of the fault-free windows, or of the phase that the sentence names.

    A subject in angle brackets is the slot's value. Where the sentence names routes, it is of each of them.
    """

    def mean(slots: _Slots) -> Meaning:
        moment, users = slots.get("phase", Phase.STEADY.value), int(slots.get("users", 0))
        routes = slots.get("failing", slots.get("calls", ""))
        while_pods_die = moment == WHILE_PODS_DIE
        phase = Phase.FAULT if while_pods_die else Phase.of(moment)
        route = routes.partition('"')[2].rstrip('"')
        scope = Scope(
            per=Per.ROUTE if "route" in routes else per,
            subject=route or filled_in(subject, slots),
            users=users,
            phase=phase,
        )
        return Meaning(
            objective=Objective(
                figure=figure,
                quantile=quantile_named(slots["quantile"]) if "quantile" in slots else None,
                scope=scope,
                op=op,
                limit=slots.quantity("limit"),
                tolerance=slots.optional("tolerance"),
                window=slots.optional("window"),
                sentence="",
                params={"hit": "each service"} if while_pods_die else {},
            )
        )

    return mean


def quantile_named(text: str) -> float:
    """`p99.9` → 0.999."""
    return round(float(text[1:]) / 100, 6)


def filled_in(text: str, slots: _Slots) -> str:
    """The value of the slot for a text such as `<region>`; other text is returned unchanged."""
    return slots[text[1:-1]] if text.startswith("<") else text


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


def exposed_errors(_slots: _Slots) -> Meaning:
    """The errors of each route, as the entry and every service count them, against those of the traffic."""
    limit, params = Quantity(value=0, unit="%"), {"what": "errors by route"}
    return Meaning(objective=Objective(figure=Figure.EXPOSED, op=Op.HOLDS, limit=limit, params=params, sentence=""))


def no_restart(slots: _Slots) -> Meaning:
    """No container is started again in a soak."""
    limit, times = Quantity(value=0, unit=""), {"soak": slots.quantity("soak")}
    return Meaning(objective=Objective(figure=Figure.RESTARTS, op=Op.HOLDS, limit=limit, times=times, sentence=""))


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


def of_killed_pods(figure: Figure, **params: str) -> _Mean:
    """A figure of killed pods and their successors; a parameter in angle brackets is replaced by the value of that slot."""

    def mean(slots: _Slots) -> Meaning:
        objective = Objective(
            figure=figure,
            scope=Scope(phase=Phase.FAULT),
            op=Op.BELOW,
            limit=slots.quantity("limit"),
            params={name: filled_in(value, slots) for name, value in params.items()},
            sentence="",
        )
        return Meaning(objective=objective, selection=Selection.of_domains(("pod",), every=False))

    return mean


def recovery(selection: Callable[[_Slots], Selection | None]) -> _Mean:
    """Operations are served again within a limit after the fault was sent, which must have hit what the sentence names."""

    def mean(slots: _Slots) -> Meaning:
        loss = slots.get("loss", "")
        params = {"hit": "primary"} if loss == PRIMARYS_DEATH else {}
        params |= {name: slots[slot] for slot, name in _OF_A_RECOVERY.items() if slot in slots}
        if loss.endswith(AT_ITS_ENTRY):
            home = loss.removesuffix(AT_ITS_ENTRY).rpartition(" ")[2]
            params |= {"entry": home, "zone_of": home}
        elif loss and not params.get("hit"):
            params |= {"lost_region": loss.removeprefix("the loss of ")}
        scope = Scope(operations=tuple(re.findall("reads|writes", slots["operations"])), phase=Phase.FAULT)
        limit = slots.quantity("limit")
        objective = Objective(figure=Figure.RECOVERY, scope=scope, op=Op.BELOW, limit=limit, sentence="", params=params)
        return Meaning(objective=objective, selection=selection(slots))

    return mean


def under_fault(figure: Figure, op: Op, **params: str) -> _Mean:
    """A figure under the scenario's experiments.

    Parameters say what the fault must hit; one in angle brackets is the slot's value.
    """

    def mean(slots: _Slots) -> Meaning:
        limit, scope = slots.quantity("limit"), Scope(phase=Phase.FAULT)
        filled = {name: filled_in(value, slots) for name, value in params.items()}
        objective = Objective(figure=figure, scope=scope, op=op, limit=limit, sentence="", params=filled)
        return Meaning(objective=objective)

    return mean


def after_fault(figure: Figure, *domains: str) -> _Mean:
    """A condition that is met within a limit after a fault of these domains, or after an order.

    A fact where the sentence has no limit.
    """

    def mean(slots: _Slots) -> Meaning:
        timed = "limit" in slots
        objective = Objective(
            figure=figure,
            scope=Scope(phase=Phase.FAULT),
            op=Op.BELOW if timed else Op.HOLDS,
            limit=slots.quantity("limit") if timed else Quantity(value=0, unit=""),
            sentence="",
        )
        return Meaning(objective=objective, selection=Selection.of_domains(domains, every=False))

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


def delivered(slots: _Slots) -> Meaning:
    """A share of the accepted events is visible once and complete within a time."""
    objective = Objective(
        figure=Figure.DELIVERED,
        op=Op.AT_LEAST,
        limit=slots.quantity("limit"),
        sentence="",
        times={"within": slots.quantity("within")},
    )
    return Meaning(objective=objective)


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


def connections(what: str) -> _Mean:
    """The connections that were observed, compared with the declared ones."""

    def mean(_slots: _Slots) -> Meaning:
        limit, params = Quantity(value=0, unit=""), {"what": what}
        objective = Objective(figure=Figure.CONNECTIONS, op=Op.HOLDS, limit=limit, params=params, sentence="")
        return Meaning(objective=objective)

    return mean


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


def first_request(slots: _Slots) -> Meaning:
    """How soon a new pod gets requests, and how long a killed one still does."""
    objective = Objective(
        figure=Figure.FIRST_REQUEST,
        scope=Scope(phase=Phase.FAULT),
        op=Op.BELOW,
        limit=slots.quantity("limit"),
        sentence="",
        times={"killed none later than": slots.quantity("after")},
    )
    return Meaning(objective=objective, selection=Selection.of_domains(("pod",), every=False))


def visible_events(slots: _Slots) -> Meaning:
    """Every accepted event becomes visible once and complete, within a limit."""
    limit = slots.quantity("limit")
    return Meaning(
        objective=Objective(figure=Figure.EVENTS, scope=Scope(phase=Phase.RUN), op=Op.BELOW, limit=limit, sentence="")
    )


def of_every_write(slots: _Slots) -> Meaning:
    """A condition on every acknowledged write of the complete run, faults included."""
    scope, limit = Scope(phase=Phase.RUN), Quantity(value=0, unit="")
    return Meaning(objective=Objective(figure=KEPT[slots["kept"]], scope=scope, op=Op.HOLDS, limit=limit, sentence=""))


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
        there = {key: value for key, value in params.items() if not value.startswith("<") or value[1:-1] in slots}
        objective = Objective(
            figure=Figure.CHECK,
            op=Op.HOLDS,
            limit=Quantity(value=1, unit=""),
            sentence="",
            check=filled_in(name, slots),
            demand=kind,
            params={key: filled_in(value, slots) for key, value in there.items()},
            times=slots.times(),
        )
        return Meaning(objective=objective)

    return mean
