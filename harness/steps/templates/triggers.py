"""Rollback triggers, and what becomes of a release that they take back."""

from __future__ import annotations

from functools import partial
from typing import Final

from harness.errors import UsageError
from harness.model import Figure, Phase, Quantity
from harness.model.planned.trigger import Signal
from harness.steps.meaning import Keyword, Meaning
from harness.steps.objectives import measured, steps_named
from harness.steps.slots import Values
from harness.steps.template import Noun, Template, form

_step = partial(measured, phase=Phase.STEP)
_SIGNALS: Final = {
    "the new release's p95": Signal.RESPONSE_TIME,
    "the new release's error rate": Signal.ERROR_RATE,
    "one new pod": Signal.MEMORY,
}
_OF_REPORTS: Final = {"signal": Signal.REPORT.value}


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
    return _step(Figure.NO_ROLLBACK, params=params, times={"above for": "short", "at for": "long"})(slots)


TRIGGERS: Final = (
    form(
        "rollback-starts",
        "the rollback starts within <limit:reaction> <cause:noun>",
        "From what must bring the old release back to the objects' own status.",
        Noun(
            ("after <window:period> of <excess>",),
            lambda slots: _step(Figure.ROLLBACK_START, params=_exceeded(slots))(slots),
            "The p95 or the failed share of what the candidate served, in 20 slices of the window, each above the limit; of memory, the working set of each pod of the "
            "candidate over its limit, once a second by the metrics API. Then the objects' own status.",
            "the rollback starts within 30 s after 5 min of the new release's p95 above 2000 ms",
        ),
        Noun(
            ("after a critical report on the new release is recorded",),
            _step(Figure.ROLLBACK_START, params=_OF_REPORTS),
            "From the platform's answer to the report, which the rollout file states, to the objects' own status.",
            "the rollback starts within 60 s after a critical report on the new release is recorded",
        ),
        Noun(
            ("of its trigger at the <steps:shares> steps",),
            lambda slots: _step(Figure.ROLLBACK_START, params={"steps": steps_named(slots)})(slots),
            "Several scenarios of one row, each with a rollout of its own; in each the candidate fails from another step on, and is taken back from it.",
            "the rollback starts within 60 s of its trigger at the 5 %, 25 % and 50 % steps",
        ),
    ),
    form(
        "no-rollback",
        "no rollback starts after <cause:noun>",
        "What must not bring the old release back.",
        Noun(
            ("<short:period> of <excess> nor after <long:period> at <at:threshold>",),
            _quiet,
            "The candidate's p95, its error rate, or one pod's memory was above the limit for so long, and just below it for so long, and the platform did not take the "
            "candidate back.",
            "no rollback starts after 4 min of the new release's p95 above 2000 ms nor after 10 min at 1800 ms",
        ),
        Noun(
            ("a minor report on the new release nor after a critical one on the old",),
            _step(Figure.NO_ROLLBACK, params=_OF_REPORTS),
            "Both reports, which the rollout file states, were recorded, and the platform did not take the candidate back.",
            "no rollback starts after a minor report on the new release nor after a critical one on the old",
        ),
    ),
    form(
        "after-a-release",
        "<effect:noun> within <limit:period> of <release:noun>",
        "From a release, or its rollback, to what follows.",
        Noun(
            ("a release with <failed:ratio> errors is taken back without a hand", "its switch"),
            _step(Figure.TAKEN_BACK, params={"failed": "<failed>"}),
            "From the candidate being given all users to the objects' own status; so many of its answers failed, to two points.",
            "a release with 10 % errors is taken back without a hand within 15 min of its switch",
        ),
        Noun(
            ("the rollback starts", "a release that refuses right <route:name>s"),
            _step(Figure.TAKEN_BACK, params={"route": "<route>"}),
            "From the candidate being given all users to the objects' own status. The route is one of the traffic (`sign-in`): the candidate fails its requests, which the old release granted before. How soon a platform reacts is not scaled.",
            "the rollback starts within 5 min of a release that refuses right sign-ins",
            limit="reaction",
        ),
        Noun(
            ("every query p95 is below <over:duration>", "a release with slow queries"),
            _step(Figure.QUERIES_QUICK, params={"over": "<over>"}),
            "From the first users of the candidate, under which the p95 of a query was above that, to the last reading in which one was, as `pg_stat_statements` of every member counts their calls.",
            "every query p95 is below 500 ms within 10 min of a release with slow queries",
        ),
        Noun(
            ("a notice with release, cause and time goes out", "every rollback"),
            _step(Figure.ROLLBACK_TOLD),
            "From the rollback to the first notice at the receiver of alerts that names the candidate, says why, and when.",
            "a notice with release, cause and time goes out within 15 min of every rollback",
        ),
    ),
    Template(
        name="no-worse-release-is-promoted",
        keyword=Keyword.THEN,
        text="no release over <factor:factor> × the old one's p95 or <points:points> over its error rate is promoted",  # noqa: RUF001  # as document 002 writes it
        about="Several scenarios of one row, each with a rollout of its own, so that each criterion is exceeded in one; the answers of both releases at the same time.",
        example="no release over 1.2 × the old one's p95 or 1 point over its error rate is promoted",  # noqa: RUF001
        mean=lambda slots: _step(
            Figure.NOT_PROMOTED, params={"factor": "<factor>", "points": f"{slots['points'].removesuffix('s')}s"}
        )(slots),
    ),
)
