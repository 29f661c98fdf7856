"""Rollouts to judge: 500 users in turn, two requests each, 50 journeys a second, and the ways to spoil them. Times are seconds from 0."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from harness.figures import spec_of
from harness.judgement.measures import Case
from harness.model import (
    SAMPLES,
    Claim,
    Evidence,
    Measure,
    Objective,
    Observation,
    Phase,
    Plan,
    Quantity,
    Table,
    TrafficPlan,
    Window,
    Worker,
)
from harness.model.planned.rollout import RolloutPlan, Strategy, TakenBack
from harness.steps.grammar import read
from tests.builders import plans
from tests.builders.recorder import WELL, ns
from tests.builders.scenarios import scenario

USERS: Final = 500
OLD, NEW = "1.0.0", "1.1.0"
CANARY: Final = (
    ("start", 10.0, 0.0),
    ("step-5", 15.0, 0.05),
    ("step-25", 25.0, 0.25),
    ("step-50", 35.0, 0.5),
    ("step-100", 45.0, 1.0),
)
COLOURS: Final = (("start", 10.0, 0.0), ("after-switch", 15.0, 1.0))
BACK, ENDED, END = 57.0, 58.0, 71.0
POLL: Final = 0.1
Row = dict[str, Any]
Spoil = Callable[[Row], None]
OBJECTS: Final = ("Rollout us-east-1/track-service", "Rollout eu-west-1/track-service")


def share_at(at: float, parts: Sequence[tuple[str, float, float]], back: float) -> float:
    """What the candidate is given at a time."""
    return 0.0 if at >= back else max((share for _, begin, share in parts if at >= begin), default=0.0)


def rank(user: int) -> float:
    """Where a user is in the order in which users are moved, 0 to 1; the same for every step."""
    return (user * 7919 % USERS) / USERS


def rows(
    parts: Sequence[tuple[str, float, float]] = CANARY,
    *,
    back: float = BACK,
    end: float = END,
    per_s: float = 50.0,
    spoil: Spoil | None = None,
) -> list[Row]:
    """Every request: journey n is that of user (n - 1) % 500 + 1."""
    made = []
    for number in range(round(end * per_s)):
        for step in (1, 2):
            at = number / per_s + 0.004 * (step - 1)
            user = number % USERS + 1
            row: Row = {
                "at": at,
                "user": user,
                "intended_ns": ns(at),
                "sent_ns": ns(at),
                "done_ns": ns(at + 0.02),
                "status": 200,
                "bytes": 240,
                "arrival": number + 1,
                "connection": number + 1,
                "journey": "census",
                "step": str(step),
                "name": "sign-in" if step == 1 else "read-track",
                "method": "GET",
                "release": NEW if rank(user) < share_at(at, parts, back) else OLD,
            }
            if spoil:
                spoil(row)
            made.append(row)
    return made


def slow(row: Row, ms: float) -> None:
    """It took so long."""
    row["done_ns"] = row["intended_ns"] + round(ms * 1e6)


def failed(row: Row, status: int = 500) -> None:
    """It failed; without an answer nobody names a release."""
    row["status"], row["error"] = status, f"status {status}" if status else "reset"
    if not status:
        row["release"] = None


def rollout_plan(name: str = "canary", **fields: Any) -> RolloutPlan:
    """Four steps of 2 h at 720, taken back by hand."""
    given: dict[str, Any] = {
        "name": name,
        "file": f"rollouts/{name}.yaml",
        "strategy": Strategy.CANARY,
        "candidate": NEW,
        "steps": (0.05, 0.25, 0.5, 1.0),
        "dwell": Quantity.parse("2 h", scaled=True),
        "dwell_scale": 720.0,
        "taken_back": TakenBack.BY_HAND,
        "names": ("track-service",),
    }
    return RolloutPlan(**{**given, **fields})


def planned(objective: Objective, rollout: RolloutPlan | None = None, *, census: int = USERS, **fields: Any) -> Plan:
    """A plan of one rollout under census traffic."""
    traffic = TrafficPlan(
        name="census",
        locustfile="census.py",
        journeys_per_s=50.0,
        requests_per_journey=2,
        warm_up_s=0,
        window_s=10,
        routes={"sign-in": 0.5, "read-track": 0.5},
        users=50,
        arrivals="constant",
        census=census,
    )
    rollout = rollout or rollout_plan()
    given: dict[str, Any] = {"traffic": {"census": traffic}, "rollouts": {rollout.name: rollout}}
    claim = Claim(scenario=scenario("ROW-1"), requirement="ROW-1", objectives=(objective,), demands=())
    return plans.plan(**{"time_scale": 60.0, "claims": (claim,), **given, **fields})


def windows(
    made: Iterable[Row], parts: Sequence[tuple[str, float, float]] = CANARY, *, back: float = BACK, end: float = END
) -> dict[str, Window]:
    """The fault-free window, one a part, and the way back."""
    table = Table.of(SAMPLES, list(made))
    cuts = [("census/fault-free", 0.0, Phase.STEADY)]
    for name, begin, share in parts:
        phase = Phase.SWITCHED if name == "after-switch" else Phase.STEP
        cuts += [(f"rollout:canary/{name}", begin, phase)] if begin < back or not share else []
    cuts.append(("rollout:canary/back", back, Phase.BACK))
    found = {}
    for (name, begin, phase), (_, until, _) in zip(cuts, [*cuts[1:], ("", end, Phase.BACK)], strict=True):
        own = table.between("intended_ns", ns(begin), ns(until))
        found[name] = Window(
            name=name,
            phase=phase,
            traffic="census",
            experiment="",
            start_ns=ns(begin),
            end_ns=ns(until),
            journeys_per_s=50.0,
            requests_per_journey=2,
            samples=own,
            workers=(Worker(id=0, rows=len(own), closed=True, **WELL),),
            files=(f"{name}/samples-0.parquet",),
        )
    return found


def told(kind: str, subject: str, at: float, **fields: Any) -> Observation:
    """One line of the rollouts' history."""
    return Observation(
        source="rollouts",
        seq=0,
        clock="boot",
        mono_ns=ns(at),
        wall="",
        kind=kind,
        subject=subject,
        fields={"at_ns": ns(at), **fields},
    )


def history(
    parts: Sequence[tuple[str, float, float]] = CANARY,
    *,
    back: float = BACK,
    by: str = "hand",
    failure: str = "",
    took: float = 0.0,
    verdicts: bool = True,
    measured: int = 3,
    metrics: Sequence[Mapping[str, Any]] = (),
) -> list[Observation]:
    """What the driver records of a rollout whose every step has a verdict a second before the next.

    took: so long the command for the way back was sent again, until it was answered.
    metrics: of each analysis.
    """
    found = [
        told(
            "rollout.started",
            "canary",
            parts[0][1],
            strategy="canary",
            stable=OLD,
            candidate=NEW,
            objects=list(OBJECTS),
        )
    ]
    taken = [part for part in parts[1:] if part[1] < back]
    for number, (_, begin, share) in enumerate(taken):
        fields = {"share": share, "given": share, "since_ns": ns(begin - POLL)}
        found.append(told("rollout.step", "canary", begin, **fields))
        for subject in OBJECTS:
            said = {"rollout": "canary", "phase": "Paused", "share": share, "since_ns": ns(begin - POLL)}
            found.append(told("rollout.status", subject, begin, **said))
            if verdicts and number < len(taken) - 1:
                run = {"rollout": "canary", "object": subject, "type": "Step", "step": number, "measured": 0}
                name = f"{subject.split()[1]}-{number}"
                found.append(told("rollout.analysis", name, begin + 1, **run, phase="Running"))
                end = taken[number + 1][1] - 1
                done = {**run, "measured": measured, "metrics": list(metrics), "phase": "Successful"}
                found.append(told("rollout.analysis", name, end, **done))
    found.append(
        told(
            "rollout.back",
            "canary",
            back + took,
            by=by,
            why="as planned",
            failed=failure,
            since_ns=ns(back - (POLL if by == "platform" else 0)),
        )
    )
    found.append(told("rollout.ended", "canary", back + took + 1, ok=True, release=OLD))
    return found


BARE: Final = "RolloutAborted: Rollout aborted update to revision 2"
"""What a genuine controller leaves after a progress deadline, and after a person's abort."""


def because(run: Evidence, why: str) -> Evidence:
    """The same, with what the platform says of its way back."""
    told_ = (
        replace(one, fields={**one.fields, "why": why}) if one.kind == "rollout.back" else one
        for one in run.observations
    )
    return replace(run, observations=tuple(told_))


def aborted(run: Evidence, back: float, *runs: Observation, why: str = BARE, subject: str = OBJECTS[0]) -> Evidence:
    """The same, with one object aborted when the way back began, and analyses beside it."""
    fields = {"rollout": "canary", "phase": "Degraded", "share": 0.25, "aborted": True, "message": why}
    status = told("rollout.status", subject, back, **fields, since_ns=ns(back - 0.1))
    run = because(run, f"{subject}: {why}")
    return replace(run, observations=(*run.observations, status, *runs))


def analysed(at: float, metric: str, phase: str = "Failed", *, subject: str = OBJECTS[0], **more: Any) -> Observation:
    """An analysis of the object that a metric has ended; those beside it are Successful then."""
    fields = {"rollout": "canary", "object": subject, "type": "Background", "measured": 3, "phase": phase}
    metrics = [{"name": metric, "phase": phase, **more}, {"name": "traffic", "phase": "Successful"}] if metric else []
    return told("rollout.analysis", "track-service-5d-2", at, **fields, metrics=metrics)


def evidence(made: Iterable[Row] | None = None, told_: Sequence[Observation] | None = None, **cut: Any) -> Evidence:
    """A run with that traffic and that history."""
    made = rows(**cut) if made is None else made
    observations = (
        history(**{key: value for key, value in cut.items() if key in ("parts", "back")}) if told_ is None else told_
    )
    cut.pop("spoil", None)
    return Evidence(windows=windows(made, **cut), observations=tuple(observations))


def objective_of(sentence: str) -> Objective:
    """A sentence as a scenario of the rollout under census traffic has it."""
    objective = read(sentence).objective
    assert objective is not None
    return replace(objective, scope=replace(objective.scope, traffic="census", rollout="canary"))


def judged(sentence: str, run: Evidence, rollout: RolloutPlan | None = None, **fields: Any) -> list[Measure]:
    """The measures of one sentence."""
    objective = objective_of(sentence)
    plan = planned(objective, rollout, **fields)
    return list(
        spec_of(objective.figure).judge(Case(plan=plan, evidence=run, claim=plan.claims[0], objective=objective))
    )


def outcome(sentence: str, run: Evidence, rollout: RolloutPlan | None = None, **fields: Any) -> str:
    """`PASS`, or the outcomes of all measures in order."""
    found: Mapping[str, None] = dict.fromkeys(one.outcome.value for one in judged(sentence, run, rollout, **fields))
    return " ".join(found)
