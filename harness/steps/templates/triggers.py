"""Rollback triggers, and what becomes of a release that they take back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.errors import UsageError
from harness.model import Figure, Objective, Op, Phase, Quantity, Scope
from harness.model.planned.trigger import Signal
from harness.steps.meaning import Keyword, Meaning
from harness.steps.slots import Values
from harness.steps.template import Template

_NOUGHT: Final = Quantity(value=0, unit="")
_SIGNALS: Final = {
    "the new release's p95": Signal.RESPONSE_TIME,
    "the new release's error rate": Signal.ERROR_RATE,
    "one new pod": Signal.MEMORY,
}
_OF_REPORTS: Final = {"signal": Signal.REPORT.value}


def _below(figure: Figure, slots: Values, **params: str) -> Meaning:
    scope, limit, window = Scope(phase=Phase.STEP), slots.quantity("limit"), slots.optional("window")
    return Meaning(
        objective=Objective(
            figure=figure, scope=scope, op=Op.BELOW, limit=limit, window=window, sentence="", params=params
        )
    )


def _holds(figure: Figure, times: Mapping[str, Quantity] | None = None, /, **params: str) -> Meaning:
    scope = Scope(phase=Phase.STEP)
    return Meaning(
        objective=Objective(
            figure=figure, scope=scope, op=Op.HOLDS, limit=_NOUGHT, sentence="", params=params, times=times or {}
        )
    )


def _exceeded(slots: Values) -> dict[str, str]:
    """The signal that the sentence names, and its limit."""
    what, _, above = slots["excess"].partition(" above ")
    return {"signal": _SIGNALS[what].value, "above": above.removesuffix(" of its limit")}


def _quiet(slots: Values) -> Meaning:
    """Raises UsageError where the two values are not of one dimension."""
    params = {**_exceeded(slots), "at": slots["at"]}
    above, at = Quantity.parse(params["above"]), Quantity.parse(params["at"])
    if at.dimension != above.dimension:
        raise UsageError(f"{at} does not compare with {above}", hint=f"name a {above.dimension} below {above}")
    return _holds(
        Figure.NO_ROLLBACK, {"above for": slots.quantity("short"), "at for": slots.quantity("long")}, **params
    )


TRIGGERS: Final = (
    Template(
        name="rollback-after-an-excess",
        keyword=Keyword.THEN,
        text="the rollback starts within <limit:reaction> after <window:period> of <excess>",
        about=(
            "The p95 or the failed share of what the candidate served, in 20 slices of the window, each above the limit; of memory, the working set of each pod of the "
            "candidate over its limit, once a second by the metrics API. Then the objects' own status."
        ),
        example="the rollback starts within 30 s after 5 min of the new release's p95 above 2000 ms",
        mean=lambda slots: _below(Figure.ROLLBACK_START, slots, **_exceeded(slots)),
    ),
    Template(
        name="no-rollback-at-an-excess",
        keyword=Keyword.THEN,
        text="no rollback starts after <short:period> of <excess> nor after <long:period> at <at:threshold>",
        about=(
            "The candidate's p95, its error rate, or one pod's memory was above the limit for so long, and just below it for so long, and the platform did not take the "
            "candidate back."
        ),
        example="no rollback starts after 4 min of the new release's p95 above 2000 ms nor after 10 min at 1800 ms",
        mean=_quiet,
    ),
    Template(
        name="rollback-of-a-failing-release",
        keyword=Keyword.THEN,
        text="a release with <failed:ratio> errors is taken back without a hand within <limit:period> of its switch",
        about="From the candidate being given all users to the objects' own status; so many of its answers failed, to two points.",
        example="a release with 10 % errors is taken back without a hand within 15 min of its switch",
        mean=lambda slots: _below(Figure.TAKEN_BACK, slots, failed=slots["failed"]),
    ),
    Template(
        name="queries-after-a-slow-release",
        keyword=Keyword.THEN,
        text="every query p95 is below <over:duration> within <limit:period> of a release with slow queries",
        about="From the first users of the candidate, under which the p95 of a query was above that, to the last reading in which one was, as `pg_stat_statements` of every member counts their calls.",
        example="every query p95 is below 500 ms within 10 min of a release with slow queries",
        mean=lambda slots: _below(Figure.QUERIES_QUICK, slots, over=slots["over"]),
    ),
    Template(
        name="no-worse-release-is-promoted",
        keyword=Keyword.THEN,
        text="no release over <factor:factor> × the old one's p95 or <points:points> over its error rate is promoted",  # noqa: RUF001  # as document 002 writes it
        about="Several scenarios of one row, each with a rollout of its own, so that each criterion is exceeded in one; the answers of both releases at the same time.",
        example="no release over 1.2 × the old one's p95 or 1 point over its error rate is promoted",  # noqa: RUF001
        mean=lambda slots: _holds(
            Figure.NOT_PROMOTED, factor=slots["factor"], points=f"{slots['points'].removesuffix('s')}s"
        ),
    ),
    Template(
        name="rollback-after-a-report",
        keyword=Keyword.THEN,
        text="the rollback starts within <limit:reaction> after a critical report on the new release is recorded",
        about="From the platform's answer to the report, which the rollout file states, to the objects' own status.",
        example="the rollback starts within 60 s after a critical report on the new release is recorded",
        mean=lambda slots: _below(Figure.ROLLBACK_START, slots, **_OF_REPORTS),
    ),
    Template(
        name="notice-of-a-rollback",
        keyword=Keyword.THEN,
        text="a notice with release, cause and time goes out within <limit:period> of every rollback",
        about="From the rollback to the first notice at the receiver of alerts that names the candidate, says why, and when.",
        example="a notice with release, cause and time goes out within 15 min of every rollback",
        mean=lambda slots: _below(Figure.ROLLBACK_TOLD, slots),
    ),
    Template(
        name="no-rollback-at-a-report",
        keyword=Keyword.THEN,
        text="no rollback starts after a minor report on the new release nor after a critical one on the old",
        about="Both reports, which the rollout file states, were recorded, and the platform did not take the candidate back.",
        example="no rollback starts after a minor report on the new release nor after a critical one on the old",
        mean=lambda _slots: _holds(Figure.NO_ROLLBACK, **_OF_REPORTS),
    ),
)
