"""What a rollout did: its steps, its users, its switch and way back.

Sentences under Then.
"""

from __future__ import annotations

import re
from typing import Final

from harness.model import Figure, Objective, Op, Phase, Quantity, Scope
from harness.steps.meaning import Keyword, Meaning
from harness.steps.nouns import RETURNS
from harness.steps.slots import Values
from harness.steps.template import Template

_NOUGHT: Final = Quantity(value=0, unit="")


def _fact(figure: Figure, *, phase: Phase = Phase.STEP, **params: str) -> Objective:
    return Objective(figure=figure, scope=Scope(phase=phase), op=Op.HOLDS, limit=_NOUGHT, sentence="", params=params)


def _limited(figure: Figure, op: Op, slots: Values, *, phase: Phase = Phase.STEP, **params: str) -> Meaning:
    scope, limit = Scope(phase=phase), slots.quantity("limit")
    return Meaning(objective=Objective(figure=figure, scope=scope, op=op, limit=limit, sentence="", params=params))


def _switched(figure: Figure, slots: Values, **params: str) -> Meaning:
    return _limited(figure, Op.BELOW, slots, phase=Phase.SWITCHED, **params)


def _listed(slots: Values) -> str:
    """The steps that the sentence names."""
    return " ".join(re.findall(r"[0-9.]+", slots["steps"]))


def _step(slots: Values) -> str:
    """The step that the sentence names, in percent."""
    return f"{Quantity.parse(slots['step']).in_unit('%'):.6g}"


def _share(slots: Values) -> Meaning:
    return Meaning(
        objective=Objective(
            figure=Figure.USER_SHARE,
            scope=Scope(phase=Phase.STEP),
            op=Op.WITHIN if "tolerance" in slots else Op.AT_LEAST,
            limit=slots.quantity("limit"),
            tolerance=slots.optional("tolerance"),
            sentence="",
            params={"step": _step(slots)},
        )
    )


def _around(slots: Values) -> Meaning:
    around = {"around": slots.quantity("around")}
    scope = Scope(phase=Phase.SWITCHED)
    return Meaning(
        objective=Objective(
            figure=Figure.AROUND_SWITCH, scope=scope, op=Op.HOLDS, limit=_NOUGHT, sentence="", times=around
        )
    )


ROLLOUTS: Final = (
    Template(
        name="rollout-steps",
        keyword=Keyword.THEN,
        text="the rollout went through <steps:shares> of users in this order",
        about="The steps that every object of the rollout came to, each the one that the share it gives the candidate is nearest to.",
        example="the rollout went through 5 %, 25 %, 50 % and 100 % of users in this order",
        mean=lambda slots: Meaning(objective=_fact(Figure.ROLLOUT_STEPS, steps=_listed(slots))),
    ),
    Template(
        name="step-length",
        keyword=Keyword.THEN,
        text="every step lasted at least <limit:duration>",
        about="From each step to the next, or to the rollback. The dwell has a scale of its own in the rollout file, which the figure names.",
        example="every step lasted at least 2 h",
        mean=lambda slots: _limited(Figure.STEP_LENGTH, Op.AT_LEAST, slots),
    ),
    Template(
        name="step-verdict",
        keyword=Keyword.THEN,
        text="every step has a recorded verdict before the next one began",
        about="An analysis of every object that read a value and was successful, begun in the step and ended before the next.",
        example="every step has a recorded verdict before the next one began",
        mean=lambda _slots: Meaning(objective=_fact(Figure.STEP_VERDICT)),
    ),
    Template(
        name="share-of-users",
        keyword=Keyword.THEN,
        text="the share of users on the new release is <limit:ratio>[ ± <tolerance:points>] at the <step:ratio> step",
        about="A census: of all known users, who was answered by the candidate, each counted by the first request in the step.",
        example="the share of users on the new release is 25 % ± 5 points at the 25 % step",
        mean=_share,
    ),
    Template(
        name="users-hit",
        keyword=Keyword.THEN,
        text="the share of users who met an error of a bad release is at most <limit:ratio> at the <step:ratio> step",
        about="A census: of all known users, those of whom a request failed from the step's beginning to the end of the rollout, or to the next step.",
        example="the share of users who met an error of a bad release is at most 8 % at the 5 % step",
        mean=lambda slots: _limited(Figure.USERS_HIT, Op.AT_MOST, slots, step=_step(slots)),
    ),
    Template(
        name="sticky-users",
        keyword=Keyword.THEN,
        text="no user met both releases within a step and none went back when the share grew",
        about="A census: the releases that answered each user, step by step.",
        example="no user met both releases within a step and none went back when the share grew",
        mean=lambda _slots: Meaning(objective=_fact(Figure.STICKY)),
    ),
    Template(
        name="answers-after-the-switch",
        keyword=Keyword.THEN,
        text="100 % of the answers come from the new release from <limit:reaction> after the switch on",
        about="From the switch to the last request that was sent and then answered by the old release, until the rollback.",
        example="100 % of the answers come from the new release from 10 s after the switch on",
        mean=lambda slots: _switched(Figure.ANSWERED_BY_NEW, slots),
    ),
    Template(
        name="connections-after-each-switch",
        keyword=Keyword.THEN,
        text="100 % of new connections are served by the other colour within <limit:reaction> of each switch, there and back",
        about="From each switch to the last request on a connection made after it that was answered by the colour that was left.",
        example="100 % of new connections are served by the other colour within 5 s of each switch, there and back",
        mean=lambda slots: _switched(Figure.ANSWERED_BY_NEW, slots, of="new connections"),
    ),
    Template(
        name="no-failure-around-the-switch",
        keyword=Keyword.THEN,
        text="no request fails within <around:reaction> of the switch and of the switch back",
        about="Requests due from the last observation before the switch to so long after it, and the same of the rollback.",
        example="no request fails within 10 s of the switch and of the switch back",
        mean=_around,
    ),
    Template(
        name="no-gateway-error-during-the-switch",
        keyword=Keyword.THEN,
        text="no request got 502, 503, 504 or no answer during the switch and the switch back",
        about="Requests due from the last observation before the switch on, and from that before the rollback on.",
        example="no request got 502, 503, 504 or no answer during the switch and the switch back",
        mean=lambda _slots: Meaning(objective=_fact(Figure.AROUND_SWITCH, phase=Phase.SWITCHED, of="gateway errors")),
    ),
    Template(
        name="old-release-after-a-rollback-by-hand",
        keyword=Keyword.THEN,
        text="the previous release serves 100 % of the answers within <limit:reaction> of a rollback by hand",
        about="From the product's own command for the rollback to the last request that was sent and then answered by the candidate.",
        example="the previous release serves 100 % of the answers within 30 s of a rollback by hand",
        mean=lambda slots: _switched(Figure.ANSWERED_BY_OLD, slots, by="hand"),
    ),
    Template(
        name="every-request-by-the-old-release",
        keyword=Keyword.THEN,
        text="every request is served by the old release within <limit:period> of <cause:rollback>",
        about=(
            "From the way back to the last request that was sent and then answered by the candidate: the product's own command, or the platform's own "
            "turn back. In that case also from the moment at which the condition of a trigger had been there for its window, to which the time applies "
            "unscaled; an analysis of it must have failed."
        ),
        example="every request is served by the old release within 5 min of the trigger, by no hand",
        mean=lambda slots: _switched(Figure.ANSWERED_BY_OLD, slots, by=RETURNS[slots["cause"]], of="every request"),
    ),
    Template(
        name="rollback-at-every-step",
        keyword=Keyword.THEN,
        text="the rollback starts within <limit:reaction> of its trigger at the <steps:shares> steps",
        about="Several scenarios of one row, each with a rollout of its own; in each the candidate fails from another step on, and is taken back from it.",
        example="the rollback starts within 60 s of its trigger at the 5 %, 25 % and 50 % steps",
        mean=lambda slots: _limited(Figure.ROLLBACK_START, Op.BELOW, slots, steps=_listed(slots)),
    ),
    Template(
        name="health-read",
        keyword=Keyword.THEN,
        text="the health of every pod was read with no gap over <limit:duration> through the whole rollout",
        about="How often each pod was asked for its health, by whomever, as it counts its own answers, for as long as it was ready.",
        example="the health of every pod was read with no gap over 10 s through the whole rollout",
        mean=lambda slots: _limited(Figure.HEALTH_READ, Op.AT_MOST, slots),
    ),
    Template(
        name="deployed-and-monitored",
        keyword=Keyword.THEN,
        text="every ready pod runs this release after the switch and no metric has a gap over <limit:duration>",
        about=(
            "Ready pods of what the rollout changes name the candidate in their own answers before the rollback; Prometheus has samples "
            "of every metric of the regions' workloads all the time, those of all pods of a workload together."
        ),
        example="every ready pod runs this release after the switch and no metric has a gap over 30 s",
        mean=lambda slots: _limited(Figure.DEPLOYED, Op.AT_MOST, slots),
    ),
)
