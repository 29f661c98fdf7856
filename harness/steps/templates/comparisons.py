"""One release, run or hour against another."""

from __future__ import annotations

from typing import Final

from harness.errors import UsageError
from harness.model import Figure, Objective, Op, Per, Quantity, Scope
from harness.steps.meaning import Keyword, Meaning
from harness.steps.nouns import EARLIER
from harness.steps.objectives import in_unit_of, quantile_named
from harness.steps.slots import Values
from harness.steps.template import Template


def _improvement(slots: Values) -> Meaning:
    """How much lower a quantile of a traffic's response times is than in the baseline run."""
    objective = Objective(
        figure=Figure.IMPROVEMENT,
        quantile=quantile_named(slots["quantile"]),
        scope=Scope(traffic=slots["traffic"]),
        op=Op.AT_LEAST,
        limit=slots.quantity("limit"),
        sentence="",
    )
    return Meaning(objective=objective)


def _above_another_release(slots: Values) -> Meaning:
    """The error rate, or a quantile of the response times, of one release against another's."""
    _, _, quantile = slots["quality"].partition("response time ")
    named = {"release": "release", "other_release": "other", "analyses": "analyses"}
    objective = Objective(
        figure=Figure.SLOWDOWN if quantile else Figure.MORE_ERRORS,
        quantile=quantile_named(quantile) if quantile else None,
        op=Op.BELOW,
        limit=in_unit_of(slots, points=not quantile),
        sentence="",
        params={name: slots[slot] for name, slot in named.items() if slot in slots},
    )
    return Meaning(objective=objective)


def _multiple(slots: Values) -> Meaning:
    """A quantile of each route over the same quantile at another time; the limit is a factor.

    Raises:
        UsageError: a soak is named without its first hour, or the first hour without its soak.
    """
    figure = EARLIER[slots["earlier"]]
    if ("soak" in slots) is not (figure is Figure.LAST_HOUR):
        hint = "compare the last hour of a soak with the first hour, and a run with the baseline run"
        raise UsageError(f"{slots['earlier']} is not what this response time is compared with", hint=hint)
    objective = Objective(
        figure=figure,
        quantile=quantile_named(slots["quantile"]),
        scope=Scope(per=Per.ROUTE),
        op=Op.BELOW,
        limit=Quantity.parse(slots["limit"]),
        times={"soak": slots.quantity("soak")} if "soak" in slots else {},
        sentence="",
    )
    return Meaning(objective=objective)


def _variation(slots: Values) -> Meaning:
    """How much a quantile differs between any two windows of a length."""
    objective = Objective(
        figure=Figure.VARIATION,
        quantile=quantile_named(slots["quantile"]),
        op=Op.BELOW,
        limit=slots.quantity("limit"),
        times={"of every": slots.quantity("part")},
        sentence="",
    )
    return Meaning(objective=objective)


COMPARISONS: Final = (
    Template(
        name="improvement",
        keyword=Keyword.THEN,
        text="the response time <quantile> of <traffic> traffic is at least <limit:ratio> lower than in the baseline run",
        about="A quantile of all response times together, against the run that `--baseline` names.",
        example="the response time p95 of everyday traffic is at least 40 % lower than in the baseline run",
        mean=_improvement,
    ),
    Template(
        name="above-another-release",
        keyword=Keyword.THEN,
        text='the <quality> of release "<release>" is less than <limit:tolerance> above that of release "<other:release>"[, analysed <analyses> times]',
        about=(
            "Failed requests, or a quantile of the response times, of a canary against those of the stable release, both serving in one window; analysed "
            "several times while it grows, the first conclusive analysis decides, and all share one error budget. An error rate is compared in points, a "
            "response time in percent."
        ),
        example='the error rate of release "1.1.0" is less than 0.5 points above that of release "1.0.0"',
        mean=_above_another_release,
    ),
    Template(
        name="response-time-multiple",
        keyword=Keyword.THEN,
        text="the response time <quantile> of every route[ in the last hour of a soak of <soak:duration>] is at most <limit:factor> times that of <earlier>",
        about=(
            "A quantile of the response times of each route, over that in the run that `--baseline` names, or in the first hour of the soak; the worst "
            "route decides. On a scaled target the window before the first fault is the soak, at a scale of its own that the figure names; at scale 1 it "
            "must have lasted as long."
        ),
        example="the response time p95 of every route is at most 1.2 times that of the baseline run",
        mean=_multiple,
    ),
    Template(
        name="variation",
        keyword=Keyword.THEN,
        text="the response time <quantile> of any two windows of <part:period> differs by at most <limit:ratio>[ in the steady state]",
        about="The fault-free windows are cut into parts of that length; the highest quantile of a part is divided by the lowest, less 1.",
        example="the response time p50 of any two windows of 10 min differs by at most 30 % in the steady state",
        mean=_variation,
    ),
)
