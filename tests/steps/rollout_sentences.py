"""Sentences of rollouts, and what each means."""

from __future__ import annotations

from typing import Any, Final

from harness.model import Figure, Objective, Op, Phase, Quantity, Scope

_STEP, _SWITCHED = Scope(phase=Phase.STEP), Scope(phase=Phase.SWITCHED)


def _q(text: str, *, scaled: bool = False) -> Quantity:
    return Quantity.parse(text, scaled=scaled)


def _fact(figure: Figure, scope: Scope = _STEP, **fields: Any) -> Objective:
    return Objective(figure=figure, scope=scope, op=Op.HOLDS, limit=_q("0"), sentence="", **fields)


def _within(figure: Figure, limit: str, *, scaled: bool = False, scope: Scope = _SWITCHED, **fields: Any) -> Objective:
    return Objective(figure=figure, scope=scope, op=Op.BELOW, limit=_q(limit, scaled=scaled), sentence="", **fields)


ROLLOUT_SENTENCES: Final = {
    "the health of every pod was read with no gap over 10 s through the whole rollout": Objective(
        figure=Figure.HEALTH_READ, scope=_STEP, op=Op.AT_MOST, limit=_q("10 s"), sentence=""
    ),
    "every ready pod runs this release after the switch and no metric has a gap over 30 s": Objective(
        figure=Figure.DEPLOYED, scope=_STEP, op=Op.AT_MOST, limit=_q("30 s"), sentence=""
    ),
    "a release with 10 % errors is taken back without a hand within 15 min of its switch": _within(
        Figure.TAKEN_BACK, "15 min", scaled=True, scope=_STEP, params={"failed": "10 %"}
    ),
    "the rollback starts within 5 min of a release that refuses right sign-ins": _within(
        Figure.TAKEN_BACK, "5 min", scope=_STEP, params={"route": "sign-in"}
    ),
    "every query p95 is below 500 ms within 10 min of a release with slow queries": _within(
        Figure.QUERIES_QUICK, "10 min", scaled=True, scope=_STEP, params={"over": "500 ms"}
    ),
    "no release over 1.2 × the old one's p95 or 1 point over its error rate is promoted": _fact(  # noqa: RUF001
        Figure.NOT_PROMOTED, params={"factor": "1.2", "points": "1 points"}
    ),
    "the rollout went through 5 %, 25 %, 50 % and 100 % of users in this order": _fact(
        Figure.ROLLOUT_STEPS, params={"steps": "5 25 50 100"}
    ),
    "every step lasted at least 2 h": Objective(
        figure=Figure.STEP_LENGTH, scope=_STEP, op=Op.AT_LEAST, limit=_q("2 h"), sentence=""
    ),
    "every step has a recorded verdict before the next one began": _fact(Figure.STEP_VERDICT),
    "the share of users on the new release is 25 % ± 5 points at the 25 % step": Objective(
        figure=Figure.USER_SHARE,
        scope=_STEP,
        op=Op.WITHIN,
        limit=_q("25 %"),
        tolerance=_q("5 points"),
        params={"step": "25"},
        sentence="",
    ),
    "the share of users on the new release is 100 % at the 100 % step": Objective(
        figure=Figure.USER_SHARE,
        scope=_STEP,
        op=Op.AT_LEAST,
        limit=_q("100 %"),
        params={"step": "100"},
        sentence="",
    ),
    "the share of users who met an error of a bad release is at most 8 % at the 5 % step": Objective(
        figure=Figure.USERS_HIT,
        scope=_STEP,
        op=Op.AT_MOST,
        limit=_q("8 %"),
        params={"step": "5"},
        sentence="",
    ),
    "the rollback starts within 60 s of its trigger at the 5 %, 25 % and 50 % steps": _within(
        Figure.ROLLBACK_START, "60 s", scope=_STEP, params={"steps": "5 25 50"}
    ),
    "no user met both releases within a step and none went back when the share grew": _fact(Figure.STICKY),
    "100 % of the answers are served by the new release within 10 s of the switch": _within(
        Figure.ANSWERED_BY_NEW, "10 s"
    ),
    "100 % of new connections are served by the other colour within 5 s of each switch, there and back": _within(
        Figure.ANSWERED_BY_NEW, "5 s", params={"of": "new connections"}
    ),
    "no request fails within 10 s of the switch and the switch back": _fact(
        Figure.AROUND_SWITCH, _SWITCHED, times={"around": _q("10 s")}
    ),
    "no request got 502, 503, 504 or no answer during the switch and the switch back": _fact(
        Figure.AROUND_SWITCH, _SWITCHED, params={"of": "gateway errors"}
    ),
    "100 % of the answers are served by the previous release within 30 s of a rollback by hand": _within(
        Figure.ANSWERED_BY_OLD, "30 s", params={"by": "hand"}
    ),
    "every request is served by the old release within 5 min of the one documented command, under traffic": _within(
        Figure.ANSWERED_BY_OLD, "5 min", scaled=True, params={"by": "hand", "of": "every request"}
    ),
    "every request is served by the old release within 5 min of the trigger, by no hand": _within(
        Figure.ANSWERED_BY_OLD, "5 min", scaled=True, params={"by": "platform", "of": "every request"}
    ),
    "the rollback starts within 30 s after 5 min of the new release's p95 above 2000 ms": _within(
        Figure.ROLLBACK_START,
        "30 s",
        scope=_STEP,
        window=_q("5 min", scaled=True),
        params={"signal": "response time p95", "above": "2000 ms"},
    ),
    "the rollback starts within 30 s after 3 min of the new release's error rate above 5 %": _within(
        Figure.ROLLBACK_START,
        "30 s",
        scope=_STEP,
        window=_q("3 min", scaled=True),
        params={"signal": "error rate", "above": "5 %"},
    ),
    "no rollback starts after 4 min of the new release's p95 above 2000 ms nor after 10 min at 1800 ms": _fact(
        Figure.NO_ROLLBACK,
        params={"signal": "response time p95", "above": "2000 ms", "at": "1800 ms"},
        times={"above for": _q("4 min", scaled=True), "at for": _q("10 min", scaled=True)},
    ),
    "no rollback starts after 2 min of the new release's error rate above 5 % nor after 6 min at 3 %": _fact(
        Figure.NO_ROLLBACK,
        params={"signal": "error rate", "above": "5 %", "at": "3 %"},
        times={"above for": _q("2 min", scaled=True), "at for": _q("6 min", scaled=True)},
    ),
    "the rollback starts within 30 s after 10 min of one new pod above 80 % of its limit": _within(
        Figure.ROLLBACK_START,
        "30 s",
        scope=_STEP,
        window=_q("10 min", scaled=True),
        params={"signal": "memory share", "above": "80 %"},
    ),
    "no rollback starts after 8 min of one new pod above 80 % of its limit nor after 20 min at 75 %": _fact(
        Figure.NO_ROLLBACK,
        params={"signal": "memory share", "above": "80 %", "at": "75 %"},
        times={"above for": _q("8 min", scaled=True), "at for": _q("20 min", scaled=True)},
    ),
    "the rollback starts within 60 s after a critical report on the new release is recorded": _within(
        Figure.ROLLBACK_START, "60 s", scope=_STEP, params={"signal": "critical report"}
    ),
    "no rollback starts after a minor report on the new release nor after a critical one on the old": _fact(
        Figure.NO_ROLLBACK, params={"signal": "critical report"}
    ),
    "a notice with release, cause and time goes out within 15 min of every rollback": _within(
        Figure.ROLLBACK_TOLD, "15 min", scaled=True, scope=_STEP
    ),
}
