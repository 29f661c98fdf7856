"""Sentences of rollouts, and what each means."""

from __future__ import annotations

from typing import Final

from harness.model import Figure
from tests.steps.objectives import STEP, SWITCHED, at_least, at_most, below, holds, scaled, within

ROLLOUT_SENTENCES: Final = {
    "the health of every pod was read with no gap over 10 s through the whole rollout": at_most(
        Figure.HEALTH_READ, "10 s", STEP
    ),
    "every ready pod runs this release after the switch and no metric has a gap over 30 s": at_most(
        Figure.DEPLOYED, "30 s", STEP
    ),
    "a release with 10 % errors is taken back without a hand within 15 min of its switch": below(
        Figure.TAKEN_BACK, scaled("15 min"), STEP, params={"failed": "10 %"}
    ),
    "the rollback starts within 5 min of a release that refuses right sign-ins": below(
        Figure.TAKEN_BACK, "5 min", STEP, params={"route": "sign-in"}
    ),
    "every query p95 is below 500 ms within 10 min of a release with slow queries": below(
        Figure.QUERIES_QUICK, scaled("10 min"), STEP, params={"over": "500 ms"}
    ),
    "no release over 1.2 × the old one's p95 or 1 point over its error rate is promoted": holds(  # noqa: RUF001
        Figure.NOT_PROMOTED, STEP, params={"factor": "1.2", "points": "1 points"}
    ),
    "the rollout went through 5 %, 25 %, 50 % and 100 % of users in this order": holds(
        Figure.ROLLOUT_STEPS, STEP, params={"steps": "5 25 50 100"}
    ),
    "every step lasted at least 2 h": at_least(Figure.STEP_LENGTH, "2 h", STEP),
    "every step has a recorded verdict before the next one began": holds(Figure.STEP_VERDICT, STEP),
    "the share of users on the new release is 25 % ± 5 points at the 25 % step": within(
        Figure.USER_SHARE, "25 %", "5 points", STEP, params={"step": "25"}
    ),
    "the share of users on the new release is 100 % at the 100 % step": at_least(
        Figure.USER_SHARE, "100 %", STEP, params={"step": "100"}
    ),
    "the share of users who met an error of a bad release is at most 8 % at the 5 % step": at_most(
        Figure.USERS_HIT, "8 %", STEP, params={"step": "5"}
    ),
    "the rollback starts within 60 s of its trigger at the 5 %, 25 % and 50 % steps": below(
        Figure.ROLLBACK_START, "60 s", STEP, params={"steps": "5 25 50"}
    ),
    "no user met both releases within a step and none went back when the share grew": holds(Figure.STICKY, STEP),
    "100 % of the answers are served by the new release within 10 s of the switch": below(
        Figure.ANSWERED_BY_NEW, "10 s", SWITCHED
    ),
    "100 % of new connections are served by the other colour within 5 s of each switch, there and back": below(
        Figure.ANSWERED_BY_NEW, "5 s", SWITCHED, params={"of": "new connections"}
    ),
    "no request fails within 10 s of the switch and the switch back": holds(
        Figure.AROUND_SWITCH, SWITCHED, times={"around": "10 s"}
    ),
    "no request got 502, 503, 504 or no answer during the switch and the switch back": holds(
        Figure.AROUND_SWITCH, SWITCHED, params={"of": "gateway errors"}
    ),
    "100 % of the answers are served by the previous release within 30 s of a rollback by hand": below(
        Figure.ANSWERED_BY_OLD, "30 s", SWITCHED, params={"by": "hand"}
    ),
    "every request is served by the old release within 5 min of the one documented command, under traffic": below(
        Figure.ANSWERED_BY_OLD, scaled("5 min"), SWITCHED, params={"by": "hand", "of": "every request"}
    ),
    "every request is served by the old release within 5 min of the trigger, by no hand": below(
        Figure.ANSWERED_BY_OLD, scaled("5 min"), SWITCHED, params={"by": "platform", "of": "every request"}
    ),
    "the rollback starts within 30 s after 5 min of the new release's p95 above 2000 ms": below(
        Figure.ROLLBACK_START,
        "30 s",
        STEP,
        window=scaled("5 min"),
        params={"signal": "response time p95", "above": "2000 ms"},
    ),
    "the rollback starts within 30 s after 3 min of the new release's error rate above 5 %": below(
        Figure.ROLLBACK_START, "30 s", STEP, window=scaled("3 min"), params={"signal": "error rate", "above": "5 %"}
    ),
    "no rollback starts after 4 min of the new release's p95 above 2000 ms nor after 10 min at 1800 ms": holds(
        Figure.NO_ROLLBACK,
        STEP,
        params={"signal": "response time p95", "above": "2000 ms", "at": "1800 ms"},
        times={"above for": scaled("4 min"), "at for": scaled("10 min")},
    ),
    "no rollback starts after 2 min of the new release's error rate above 5 % nor after 6 min at 3 %": holds(
        Figure.NO_ROLLBACK,
        STEP,
        params={"signal": "error rate", "above": "5 %", "at": "3 %"},
        times={"above for": scaled("2 min"), "at for": scaled("6 min")},
    ),
    "the rollback starts within 30 s after 10 min of one new pod above 80 % of its limit": below(
        Figure.ROLLBACK_START, "30 s", STEP, window=scaled("10 min"), params={"signal": "memory share", "above": "80 %"}
    ),
    "no rollback starts after 8 min of one new pod above 80 % of its limit nor after 20 min at 75 %": holds(
        Figure.NO_ROLLBACK,
        STEP,
        params={"signal": "memory share", "above": "80 %", "at": "75 %"},
        times={"above for": scaled("8 min"), "at for": scaled("20 min")},
    ),
    "the rollback starts within 60 s after a critical report on the new release is recorded": below(
        Figure.ROLLBACK_START, "60 s", STEP, params={"signal": "critical report"}
    ),
    "no rollback starts after a minor report on the new release nor after a critical one on the old": holds(
        Figure.NO_ROLLBACK, STEP, params={"signal": "critical report"}
    ),
    "a notice with release, cause and time goes out within 15 min of every rollback": below(
        Figure.ROLLBACK_TOLD, scaled("15 min"), STEP
    ),
}
