"""What a rollout did: its steps, its users, its switch and way back.

Sentences under Then.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from harness.model import Figure, Op, Phase
from harness.steps.meaning import Keyword
from harness.steps.objectives import measured, steps_named
from harness.steps.template import Noun, Template, form

_step = partial(measured, phase=Phase.STEP)
_switch = partial(measured, phase=Phase.SWITCHED)
_BY_HAND: Final = "From the product's own command for the rollback"
ROLLOUTS: Final = (
    Template(
        name="rollout-steps",
        keyword=Keyword.THEN,
        text="the rollout went through <steps:shares> of users in this order",
        about="The steps that every object of the rollout came to, each the one that the share it gives the candidate is nearest to.",
        example="the rollout went through 5 %, 25 %, 50 % and 100 % of users in this order",
        mean=lambda slots: _step(Figure.ROLLOUT_STEPS, params={"steps": steps_named(slots)})(slots),
    ),
    form(
        "every-step",
        "every step <kept:noun>",
        "The steps of a rollout, each by itself.",
        Noun(
            ("lasted at least <limit:duration>",),
            _step(Figure.STEP_LENGTH, Op.AT_LEAST),
            "From each step to the next, or to the rollback. The dwell has a scale of its own in the rollout file, which the figure names.",
            "every step lasted at least 2 h",
        ),
        Noun(
            ("has a recorded verdict before the next one began",),
            _step(Figure.STEP_VERDICT),
            "An analysis of every object that read a value and was successful, begun in the step and ended before the next.",
            "every step has a recorded verdict before the next one began",
        ),
    ),
    Template(
        name="sticky-users",
        keyword=Keyword.THEN,
        text="no user met both releases within a step and none went back when the share grew",
        about="A census: the releases that answered each user, step by step.",
        example="no user met both releases within a step and none went back when the share grew",
        mean=_step(Figure.STICKY),
    ),
    form(
        "served-by-a-release",
        "<requests:noun> served by the <release:noun> within <limit:reaction> of <switch:noun>",
        "From a switch, or a rollback, to the last request that the other release served.",
        Noun(
            ("100 % of the answers are", "new release", "the switch"),
            _switch(Figure.ANSWERED_BY_NEW),
            "From the switch to the last request that was sent and then answered by the old release, until the rollback.",
            "100 % of the answers are served by the new release within 10 s of the switch",
        ),
        Noun(
            ("100 % of new connections are", "other colour", "each switch, there and back"),
            _switch(Figure.ANSWERED_BY_NEW, params={"of": "new connections"}),
            "From each switch to the last request on a connection made after it that was answered by the colour that was left.",
            "100 % of new connections are served by the other colour within 5 s of each switch, there and back",
        ),
        Noun(
            ("100 % of the answers are", "previous release", "a rollback by hand"),
            _switch(Figure.ANSWERED_BY_OLD, params={"by": "hand"}),
            f"{_BY_HAND} to the last request that was sent and then answered by the candidate.",
            "100 % of the answers are served by the previous release within 30 s of a rollback by hand",
        ),
        Noun(
            ("every request is", "old release", "the one documented command, under traffic"),
            _switch(Figure.ANSWERED_BY_OLD, params={"by": "hand", "of": "every request"}),
            f"{_BY_HAND} to the last request that was sent and then answered by the candidate.",
            "every request is served by the old release within 5 min of the one documented command, under traffic",
            limit="period",
        ),
        Noun(
            ("every request is", "old release", "the trigger, by no hand"),
            _switch(Figure.ANSWERED_BY_OLD, params={"by": "platform", "of": "every request"}),
            "From the platform's own turn back to the last request that was sent and then answered by the candidate; also from the moment at which the "
            "condition of a trigger had been there for its window, to which the time applies unscaled; an analysis of it must have failed.",
            "every request is served by the old release within 5 min of the trigger, by no hand",
            limit="period",
        ),
    ),
    form(
        "around-the-switch",
        "no request <failed:noun> the switch and the switch back",
        "What a switch and its rollback cost.",
        Noun(
            ("fails within <around:reaction> of",),
            _switch(Figure.AROUND_SWITCH, times={"around": "around"}),
            "Requests due from the last observation before the switch to so long after it, and the same of the rollback.",
            "no request fails within 10 s of the switch and the switch back",
        ),
        Noun(
            ("got 502, 503, 504 or no answer during",),
            _switch(Figure.AROUND_SWITCH, params={"of": "gateway errors"}),
            "Requests due from the last observation before the switch on, and from that before the rollback on.",
            "no request got 502, 503, 504 or no answer during the switch and the switch back",
        ),
    ),
    Template(
        name="health-read",
        keyword=Keyword.THEN,
        text="the health of every pod was read with no gap over <limit:duration> through the whole rollout",
        about="How often each pod was asked for its health, by whomever, as it counts its own answers, for as long as it was ready.",
        example="the health of every pod was read with no gap over 10 s through the whole rollout",
        mean=_step(Figure.HEALTH_READ, Op.AT_MOST),
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
        mean=_step(Figure.DEPLOYED, Op.AT_MOST),
    ),
)
