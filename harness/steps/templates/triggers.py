"""Rollback triggers that read something else than requests: the memory of pods, and reports of users."""

from __future__ import annotations

from typing import Any, Final

from harness.model import Figure, Objective, Op, Phase, Quantity, Scope
from harness.model.planned.trigger import Signal
from harness.steps.meaning import Keyword, Meaning
from harness.steps.slots import Values
from harness.steps.template import Template

_NOUGHT: Final = Quantity(value=0, unit="")


def _starts(slots: Values, signal: Signal, **fields: Any) -> Meaning:
    params = {"signal": signal.value, **({"above": slots["above"]} if "above" in slots else {})}
    scope, limit = Scope(phase=Phase.STEP), slots.quantity("limit")
    return Meaning(
        objective=Objective(
            figure=Figure.ROLLBACK_START, scope=scope, op=Op.BELOW, limit=limit, sentence="", params=params, **fields
        )
    )


def _none(signal: Signal, **fields: Any) -> Meaning:
    params = {"signal": signal.value, **fields.pop("params", {})}
    scope = Scope(phase=Phase.STEP)
    return Meaning(
        objective=Objective(
            figure=Figure.NO_ROLLBACK, scope=scope, op=Op.HOLDS, limit=_NOUGHT, sentence="", params=params, **fields
        )
    )


def _memory_quiet(slots: Values) -> Meaning:
    times = {"above for": slots.quantity("short"), "at for": slots.quantity("long")}
    return _none(Signal.MEMORY, params={"above": slots["above"], "at": slots["at"]}, times=times)


def _told(slots: Values) -> Meaning:
    scope, limit = Scope(phase=Phase.STEP), slots.quantity("limit")
    return Meaning(objective=Objective(figure=Figure.ROLLBACK_TOLD, scope=scope, op=Op.BELOW, limit=limit, sentence=""))


def _taken_back(slots: Values) -> Meaning:
    scope, limit, params = Scope(phase=Phase.STEP), slots.quantity("limit"), {"failed": slots["failed"]}
    return Meaning(
        objective=Objective(figure=Figure.TAKEN_BACK, scope=scope, op=Op.BELOW, limit=limit, sentence="", params=params)
    )


def _not_promoted(slots: Values) -> Meaning:
    scope, params = (
        Scope(phase=Phase.STEP),
        {"factor": slots["factor"], "points": f"{slots['points'].removesuffix('s')}s"},
    )
    return Meaning(
        objective=Objective(
            figure=Figure.NOT_PROMOTED, scope=scope, op=Op.HOLDS, limit=_NOUGHT, sentence="", params=params
        )
    )


def _quick(slots: Values) -> Meaning:
    scope, limit, params = Scope(phase=Phase.STEP), slots.quantity("limit"), {"over": slots["over"]}
    return Meaning(
        objective=Objective(
            figure=Figure.QUERIES_QUICK, scope=scope, op=Op.BELOW, limit=limit, sentence="", params=params
        )
    )


TRIGGERS: Final = (
    Template(
        name="rollback-after-memory",
        keyword=Keyword.THEN,
        text="the rollback starts within <limit:reaction> after <window:period> of one new pod above <above:ratio> of its limit",
        about="The working set of each pod of the candidate over its limit, once a second by the metrics API; then the objects' own status.",
        example="the rollback starts within 30 s after 10 min of one new pod above 80 % of its limit",
        mean=lambda slots: _starts(slots, Signal.MEMORY, window=slots.quantity("window")),
    ),
    Template(
        name="no-rollback-at-memory",
        keyword=Keyword.THEN,
        text="no rollback starts after <short:period> of one new pod above <above:ratio> of its limit nor after <long:period> at <at:ratio>",
        about="A pod of the candidate was above the share for so long, and just below it for so long, and the platform did not take it back.",
        example="no rollback starts after 8 min of one new pod above 80 % of its limit nor after 20 min at 75 %",
        mean=_memory_quiet,
    ),
    Template(
        name="rollback-of-a-failing-release",
        keyword=Keyword.THEN,
        text="a release with <failed:ratio> errors is taken back without a hand within <limit:period> of its switch",
        about="From the candidate being given all users to the objects' own status; so many of its answers failed, to two points.",
        example="a release with 10 % errors is taken back without a hand within 15 min of its switch",
        mean=_taken_back,
    ),
    Template(
        name="queries-after-a-slow-release",
        keyword=Keyword.THEN,
        text="every query p95 is below <over:duration> within <limit:period> of a release with slow queries",
        about="From the first users of the candidate, under which the p95 of a query was above that, to the last reading in which one was, as `pg_stat_statements` of every member counts their calls.",
        example="every query p95 is below 500 ms within 10 min of a release with slow queries",
        mean=_quick,
    ),
    Template(
        name="no-worse-release-is-promoted",
        keyword=Keyword.THEN,
        text="no release over <factor:factor> × the old one's p95 or <points:points> over its error rate is promoted",  # noqa: RUF001  # as document 002 writes it
        about="Several scenarios of one row, each with a rollout of its own, so that each criterion is exceeded in one; the answers of both releases at the same time.",
        example="no release over 1.2 × the old one's p95 or 1 point over its error rate is promoted",  # noqa: RUF001
        mean=_not_promoted,
    ),
    Template(
        name="rollback-after-a-report",
        keyword=Keyword.THEN,
        text="the rollback starts within <limit:reaction> after a critical report on the new release is recorded",
        about="From the platform's answer to the report, which the rollout file states, to the objects' own status.",
        example="the rollback starts within 60 s after a critical report on the new release is recorded",
        mean=lambda slots: _starts(slots, Signal.REPORT),
    ),
    Template(
        name="notice-of-a-rollback",
        keyword=Keyword.THEN,
        text="a notice with release, cause and time goes out within <limit:period> of every rollback",
        about="From the rollback to the first notice at the receiver of alerts that names the candidate, says why, and when.",
        example="a notice with release, cause and time goes out within 15 min of every rollback",
        mean=_told,
    ),
    Template(
        name="no-rollback-at-a-report",
        keyword=Keyword.THEN,
        text="no rollback starts after a minor report on the new release nor after a critical one on the old",
        about="Both reports, which the rollout file states, were recorded, and the platform did not take the candidate back.",
        example="no rollback starts after a minor report on the new release nor after a critical one on the old",
        mean=lambda _slots: _none(Signal.REPORT),
    ),
)
