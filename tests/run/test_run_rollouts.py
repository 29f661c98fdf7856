"""A rollout under way, by a scripted clock: its windows, what is recorded, who promotes it, who takes it back, and what is left to undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest

from harness.drivers.rollout import Reversal, back, gone_back
from harness.drivers.rollout.objects import Changeable
from harness.drivers.rollout.status import AnalysisStatus, ObjectStatus
from harness.errors import DriverError, TargetSilent, TargetUnreachable
from harness.judgement.figures.rollouts import steps
from harness.model import Demand, DemandKind, Phase, Quantity
from harness.model.planned.rollout import ReversedBy, RolloutPlan, Strategy, TakenBack
from harness.run.acts.driver import Library
from harness.run.acts.rollout import following
from harness.run.acts.rollout.changes import analysed
from harness.run.acts.rollout.reaching import CandidateAnswers, step_of
from harness.run.acts.rollout.rolled import POLL_S, RolledObjects
from harness.run.acts.rollout.rollouts import RolloutDriver
from harness.run.plan.planning import ordered_acts
from harness.targets import Target, load_target, undo
from harness.targets.cluster.patience import SILENT_S
from harness.targets.safety.intents import pending_intents
from tests.builders import plans
from tests.builders.conducting import Stage, stage
from tests.fake_clock import FakeClock, S

STABLE, CANDIDATE = "1.0.0", "1.1.0"
OLD = {"spec": {"containers": [{"name": "c", "image": f"cart:{STABLE}"}]}}
NEW = {"spec": {"containers": [{"name": "c", "image": f"cart:{CANDIDATE}"}]}}
LABELLED = {"metadata": {"labels": {"role": "stable"}}, **OLD}
"""The release before, with a label that the controller gave its ReplicaSet."""
FIX = {"spec": {"containers": [{"name": "c", "image": "cart:1.0.1-fix"}]}}
COLOURS = "{blue-green: {blueGreen: {activeService: '{name}', previewService: '{name}-canary'}}}"
DEMAND = Demand(kind=DemandKind.ROLLOUT, name="canary", params={"traffic": "everyday"})
STEPS = ((5.0, 0.05), (15.0, 0.25), (25.0, 0.5), (35.0, 1.0))
LATER = tuple((begin + 0.1, share) for begin, share in STEPS)
CANARY = RolloutPlan(
    name="canary",
    file="canary.yaml",
    strategy=Strategy.CANARY,
    candidate=CANDIDATE,
    steps=(0.05, 0.25, 0.5, 1.0),
    dwell=Quantity.parse("2 h", scaled=True),
    dwell_scale=720.0,
    watched_s=12.0,
    within_s=60.0,
    names=("cart",),
    namespaces=("eu",),
)
BLUE_GREEN = replace(CANARY, strategy=Strategy.BLUE_GREEN, steps=(1.0,), dwell=None)
OURS = {"blueGreen": {"activeService": "cart", "previewService": "cart-canary"}}
"""The strategy that this rollout gives the object."""
OTHERS = {"canary": {"steps": [{"setWeight": 1}]}}
PROMOTED: tuple[tuple[float, float], ...] = tuple((0.0, share) for _, share in STEPS)
INVALID = ObjectStatus(phase="Degraded", message="InvalidSpec: steps[0]", current="old", stable="old")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scripted(Changeable):
    """An object that comes to each step by the clock; `aborts_s` after it was begun it goes back by itself, and `says` is its status at all times.

    `reverts_s` after it was begun others set its spec back, which takes `returns_s`. `fixed` is a template that a person replaces by a
    third release, so many seconds after it was set. `admitted` is what the API server makes of the candidate. `silent`: from when to when
    after it was begun the API server does not answer. `killed`: the run ends once the API server has the command for the way back. `refuses`: what it answers to that
    command, sent at 47 s, for `refuses_s`. `edited` is the strategy that others give it once it was begun. `invalid` is one that its controller refuses.
    The controller of one that is `deaf` misses the candidate until it is woken.
    """

    KIND: ClassVar[str] = "Rollout"

    clock: FakeClock
    steps: Sequence[tuple[float, float]] = STEPS
    aborts_s: float | None = None
    reverts_s: float | None = None
    fixed: tuple[dict[str, Any], float] | None = None
    admitted: dict[str, Any] = field(default_factory=lambda: NEW)
    silent: tuple[float, float] | None = None
    killed: bool = False
    refuses: TargetUnreachable | None = None
    refuses_s: float = SILENT_S + 5.0
    edited: dict[str, Any] | None = None
    invalid: dict[str, Any] | None = None
    returns_s: float = 1.0
    takes_s: float = 0.0
    pauses: bool = False
    deaf: bool = False
    undoes: bool = True
    says: ObjectStatus | None = None
    state: dict[str, Any] = field(
        default_factory=lambda: {
            "template": OLD,
            "since": -100.0,
            "promoted": [],
            "undone": [],
            "strategy": {"canary": {}},
            "strategies": [],
            "hastened": [],
            "woken": [],
            "unanswered": [],
        }
    )

    @property
    def seconds(self) -> float:
        """Since it was last changed."""
        return self.clock.now_ns / S - 1000.0 - float(self.state["since"])

    def read(self) -> dict[str, Any]:
        """As it is now."""
        begun = self.state["since"] >= 0
        if self.silent is not None and begun and self.silent[0] <= self.seconds < self.silent[1]:
            self.state["unanswered"].append(round(self.seconds, 1))
            raise TargetSilent("the API server gave no answer (ReadTimeoutError)")
        if self.edited is not None and begun:
            self.state["strategy"] = self.edited
        if self.reverts_s is not None and self.state["template"] == NEW and self.seconds >= self.reverts_s:
            self.state.update({"template": OLD, "since": self.clock.now_ns / S - 1000.0})
        replaced, after_s = self.fixed or ({}, 0.0)
        if self.state["since"] >= 0 and self.state["template"] == replaced and self.seconds >= after_s:
            self.state["template"] = FIX
        return {"metadata": {"name": self.name}, "spec": {"replicas": 4, "template": self.state["template"]}}

    def patch(self, body: Any) -> None:
        """Set the template."""
        if self.refuses is not None and self.state["template"] == NEW and self.seconds < 47.0 + self.refuses_s:
            raise self.refuses
        template = self.admitted if body[0]["value"] == NEW else body[0]["value"]
        self.state.update({"template": template, "since": self.clock.now_ns / S - 1000.0})
        if self.killed and template == LABELLED:
            raise KeyboardInterrupt

    def status_of(self, obj: Any) -> ObjectStatus:
        """By the clock, when the answer to a request of `takes_s` is made."""
        self.clock.sleep(self.takes_s)
        if self.says is not None:
            return self.says
        if self.state["strategy"] == self.invalid:
            return INVALID
        if obj["spec"]["template"] == OLD:
            rest = self.seconds >= self.returns_s
            share = 1.0 if rest else 0.0
            phase, stable = ("Healthy", "old") if rest else ("Progressing", "new")
            return ObjectStatus(phase=phase, share=share, switched=rest, current="old", stable=stable)
        if self.deaf and not self.state["woken"]:
            return ObjectStatus(phase="Progressing", share=0.0, current="old", observed=False, overlooked=True)
        if self.aborts_s is not None and self.seconds >= self.aborts_s:
            return ObjectStatus(
                phase="Degraded", message="RolloutAborted: metric errors", share=0.0, aborted=True, current="new"
            )
        passed = len(self.state["promoted"]) if self.pauses else len(self.steps)
        at = [share for begin, share in self.steps[: passed + 1] if self.seconds >= begin]
        share = at[-1] if at else 0.0
        return ObjectStatus(
            phase="Healthy" if share == 1 else "Paused" if self.pauses else "Progressing",
            share=share,
            switched=share == 1,
            current="new",
            pause="CanaryPauseStep" if self.pauses and share < 1 else "",
        )

    def analyses(self) -> tuple[AnalysisStatus, ...]:
        """One, which is Successful from 15.05 s on."""
        phase = "Successful" if self.seconds >= 15.05 else "Running"
        return (AnalysisStatus(name="a", kind="Step", step=0, phase=phase, message="", measured=1, metrics=()),)

    def strategy(self, obj: Any) -> dict[str, Any]:
        """As it was set last."""
        del obj
        return dict(self.state["strategy"])

    def set_strategy(self, strategy: dict[str, Any]) -> None:
        """Remembers when, too."""
        self.state["strategy"] = strategy
        self.state["strategies"].append((self.state["template"] == OLD, strategy))

    def promote(self, obj: Any) -> bool:
        """Goes on to the next step."""
        del obj
        self.state["promoted"].append(self.seconds)
        return True

    def hasten(self, obj: Any, current: str) -> bool:
        """Remembers when."""
        del obj, current
        self.state["hastened"].append(round(self.seconds, 1))
        return True

    def wake(self) -> bool:
        """Remembers when."""
        self.state["woken"].append(round(self.clock.now_ns / S - 1000.0, 1))
        return True

    def remembered(self, obj: Any) -> dict[str, Any]:
        """What was before."""
        del obj
        self.state["undone"].append(self.seconds)
        if not self.undoes:
            raise DriverError("no rollout history found for Rollout eu/cart")
        return LABELLED if self.killed else OLD


def scripted(clock: FakeClock, name: str = "cart", **script: Any) -> Scripted:
    """The object of this name."""
    return Scripted(cluster=cast("Any", None), namespace="eu", name=name, clock=clock, **script)


@dataclass
class Run:
    """One rollout on a stage."""

    stage: Stage
    here: Scripted

    def of(self, kind: str) -> list[dict[str, Any]]:
        """What was recorded, with times in seconds."""
        return [
            {key: round(value / S - 1000, 1) if key.endswith("_ns") else value for key, value in each.items()}
            for each in self.stage.records.of(kind)
        ]


Rolled = Callable[..., Run]


@pytest.fixture
def stages() -> list[Run]:
    """Each rollout that `rolled` began, also of a run that was ended."""
    return []


@pytest.fixture
def rolled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stages: list[Run]) -> Rolled:
    """Runs a rollout to its end, or until it raises what the test expects."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path))
    clock = FakeClock.installed(monkeypatch)
    file = tmp_path / "target.yaml"
    lines = ("name: shop", "environment: sandbox", "entry: http://127.0.0.1:9", "disposable: true")
    more = (
        "kubernetes: {context: shop, namespace: eu}",
        f"rollout: {{names: [cart], candidate: {CANDIDATE}, strategies: {COLOURS}}}",
    )
    file.write_text("\n".join((*lines, *more)), encoding="utf-8")

    def run(plan: RolloutPlan = CANARY, answers: int = 1, raises: type[Exception] | None = None, **script: Any) -> Run:
        here = scripted(clock, **script)
        demand = {DEMAND.key: DEMAND}
        (act,) = ordered_acts([DEMAND], Library(traffic={}, experiments={}, rollouts={"canary": plan}))
        set_ = stage(
            clock, cast("Any", SimpleNamespace(rollouts={"canary": plan}, demand=demand, release=STABLE, acts=()))
        )
        context = set_.context
        context.target = load_target(file)
        context.sinks = cast("Any", SimpleNamespace(of=lambda _source: set_.records))
        context.traffic.load = cast("Any", SimpleNamespace(rows=(), alive=lambda: True))
        monkeypatch.setattr(following, "Cluster", SimpleNamespace(of=lambda _target: None))
        monkeypatch.setattr(following, "changeable", lambda *_words: here)
        monkeypatch.setattr(CandidateAnswers, "poll", lambda self: setattr(self, "count", answers))
        stages.append(Run(set_, here))
        with nullcontext() if raises is None else pytest.raises(raises):
            RolloutDriver().run(act, context)
        return stages[-1]

    return run


def test_a_rollout_has_a_window_a_step_and_records_between_which_moments_each_came(rolled: Rolled) -> None:
    """From the candidate's start to the old release everywhere and some seconds more, without a gap; who took it back, and which release it ended on."""
    run = rolled()
    assert [(name, start) for name, start, _ in run.stage.windows] == [
        ("everyday/fault-free", 0.0),
        ("rollout:canary/start", 0.0),
        ("rollout:canary/step-5", 5.0),
        ("rollout:canary/step-25", 15.0),
        ("rollout:canary/step-50", 25.0),
        ("rollout:canary/step-100", 35.0),
        ("rollout:canary/back", 47.0),
        ("everyday/after-faults", 60.0),
    ]
    ends = [end for _, _, end in run.stage.windows]
    assert ends[:-1] == [start for _, start, _ in run.stage.windows[1:]]
    assert [(o["share"], o["at_ns"], o["since_ns"]) for o in run.of("rollout.step")] == [
        (0.05, 5.0, 4.8),
        (0.25, 15.0, 14.8),
        (0.5, 25.0, 24.8),
        (1.0, 35.0, 34.8),
    ]
    (back,), (ended,) = run.of("rollout.back"), run.of("rollout.ended")
    assert (back["by"], back["at_ns"], back["failed"]) == ("hand", 47.0, "")
    assert (ended["ok"], ended["release"], ended["at_ns"]) == (True, STABLE, 48.0)
    assert len(run.here.state["undone"]) == 1
    assert pending_intents(run.stage.context.platform) == []


def test_the_reports_say_how_often_objects_are_read() -> None:
    """The method of the figures of steps."""
    assert POLL_S == 1 / 5
    assert steps._METHOD.endswith("read five times a second")


def test_a_step_that_came_while_it_was_asked_for_is_not_recorded_too_early(rolled: Rolled) -> None:
    """Each answer takes 0.15 s, and the share changes just before one is made: it came before `at`, and after `since`."""
    records = rolled(takes_s=0.15, steps=LATER).stage.records
    (started,) = records.of("rollout.started")
    begun = [started["at_ns"] + round(begin * S) for begin, _ in LATER]
    steps = records.of("rollout.step")
    assert [o["since_ns"] <= at <= o["at_ns"] for o, at in zip(steps, begun, strict=True)] == [True] * 4


def test_what_the_first_reading_shows_came_after_the_candidate_was_sent(rolled: Rolled) -> None:
    """Each answer takes 0.4 s: what is read to prepare the rollout hides no step that the object has left out."""
    run = rolled(takes_s=0.4, steps=((0.0, 0.25), *STEPS[2:]))
    (started,), (first, *_) = run.of("rollout.started"), run.of("rollout.status")
    assert (first["since_ns"], first["share"]) == (started["at_ns"], 0.25)
    assert run.of("rollout.step")[0]["since_ns"] == started["at_ns"]


def test_the_analysis_that_let_an_object_go_on_is_recorded_with_the_step(rolled: Rolled) -> None:
    """Analyses are read at every third poll, and whenever an object says something new."""
    run = rolled(steps=LATER)
    (success,) = [o for o in run.of("rollout.analysis") if o["phase"] == "Successful"]
    assert success["at_ns"] <= run.of("rollout.step")[1]["at_ns"]


def test_an_object_gets_the_strategy_of_the_rollout_and_its_own_back(rolled: Rolled) -> None:
    """Both while the old release runs; a rollout of its own strategy changes none."""
    state = rolled(BLUE_GREEN, steps=((5.0, 1.0),)).here.state
    assert state["strategies"] == [(True, OURS), (True, {"canary": {}})]
    assert rolled().here.state["strategies"] == []


def test_a_strategy_that_the_rollout_did_not_give_is_left_to_whom_it_belongs(rolled: Rolled) -> None:
    """A person changes the steps of the canary while its candidate takes over: the rollout gave the object none of its own."""
    run = rolled(edited=OTHERS)
    assert (run.here.state["strategy"], run.here.state["strategies"]) == (OTHERS, [])
    assert pending_intents(run.stage.context.platform) == []


def recovered(run: Run, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the recovery at the end of the run leaves, and why."""
    monkeypatch.setattr(undo, "Cluster", SimpleNamespace(of=lambda _target: SimpleNamespace()))
    monkeypatch.setattr(back, "changeable", lambda *_words: run.here)
    context = run.stage.context
    return [one.why for one in undo.recover(context.target, context.platform, within_s=0).left]


@pytest.mark.parametrize(
    "edited",
    [OTHERS, {"blueGreen": {**OURS["blueGreen"], "autoPromotionSeconds": 30}}],
    ids=["another", "one key more"],
)
def test_a_strategy_that_others_gave_in_place_of_the_rollouts_is_not_overwritten(
    rolled: Rolled, monkeypatch: pytest.MonkeyPatch, edited: dict[str, Any]
) -> None:
    """The object ended on its release, and its own strategy stays in the undo log, also when that is recovered."""
    run = rolled(BLUE_GREEN, steps=((5.0, 1.0),), edited=edited)
    since = "Rollout eu/cart has a strategy that another user or controller has set since"
    assert set(run.stage.context.unrestored.values()) == {
        f"the target was not restored after the rollout canary: {since}"
    }
    assert recovered(run, monkeypatch) == [since]
    (intent,) = pending_intents(run.stage.context.platform)
    assert (run.here.state["strategy"], intent.undo["strategy"]) == (edited, {"canary": {}})


def taken_back(monkeypatch: pytest.MonkeyPatch, here: Scripted, **noted: Any) -> None:
    """The recovery of an object whose own strategy is a canary, with what the undo log notes of it beside that."""
    monkeypatch.setattr(back, "changeable", lambda *_words: here)
    params = {"kind": "Rollout", "namespace": "eu", "name": "cart", "release": STABLE, "current": "old", "before": OLD}
    target = Target(name="t", environment="staging", entry="https://a.test")
    back.take_over.undo(cast("Any", SimpleNamespace()), target, **params, strategy={"canary": {}}, **noted)


@pytest.mark.parametrize(
    ("now", "noted", "left"),
    [
        (OURS, {"lent": OURS, "lent_as_read": True}, False),
        ({"blueGreen": {**OURS["blueGreen"], "maxUnavailable": 1}}, {"lent": OURS}, False),
        (OTHERS, {"lent": OURS}, True),
        (OTHERS, {}, False),
    ],
    ids=["the rollout's", "the rollout's, with a default", "of others", "of others, by an older undo log"],
)
def test_a_recovery_returns_only_the_strategy_that_the_rollout_gave(
    monkeypatch: pytest.MonkeyPatch, now: dict[str, Any], noted: dict[str, Any], *, left: bool
) -> None:
    """A run that was killed right after it had set the strategy knows it only as it was sent: defaults may have been added."""
    here = scripted(FakeClock.installed(monkeypatch))
    here.state["strategy"] = now
    refused = pytest.raises(DriverError, match="a strategy that another user or controller has set since")
    with refused if left else nullcontext():
        taken_back(monkeypatch, here, **noted)
    assert here.state["strategy"] == (OTHERS if left else {"canary": {}})


def test_a_strategy_that_its_controller_refuses_is_returned_before_the_candidate_is_sent(rolled: Rolled) -> None:
    """The rollout is skipped, and what comes after it in the run finds all as before."""
    run = rolled(BLUE_GREEN, invalid=OURS)
    why = "not at rest after their strategy was set: Rollout eu/cart is Degraded (InvalidSpec: steps[0])"
    assert [o["why"] for o in run.of("rollout.skipped")] == [why]
    assert (run.of("rollout.started"), run.here.state["since"]) == ([], -100.0)
    assert run.here.state["strategies"] == [(True, OURS), (True, {"canary": {}})]
    assert (run.stage.context.unrestored, pending_intents(run.stage.context.platform)) == ({}, [])


def test_a_strategy_stays_while_the_candidate_is_still_taken_back(rolled: Rolled) -> None:
    """The object asks for the release before, and is on its way there by the rollout's strategy: another one would promote it anew."""
    run = rolled(BLUE_GREEN, steps=((5.0, 1.0),), returns_s=90.0)
    assert not run.of("rollout.ended")[0]["ok"]
    assert run.here.state["strategies"] == [(True, OURS)]
    assert len(pending_intents(run.stage.context.platform)) == 1


@pytest.mark.parametrize(
    ("template", "invalid"), [(OLD, OURS), (OLD, None), (NEW, None)], ids=["refused", "lent", "with the candidate"]
)
def test_a_recovery_returns_the_strategy_first_where_the_candidate_is_not_there(
    monkeypatch: pytest.MonkeyPatch, template: dict[str, Any], invalid: dict[str, Any] | None
) -> None:
    """With one that its controller refuses an object is never at rest; with the candidate it would be its way back."""
    here = scripted(FakeClock.installed(monkeypatch), invalid=invalid)
    here.state.update({"strategy": OURS, "template": template})
    taken_back(monkeypatch, here, lent=OURS, template=NEW)
    assert here.state["strategies"] == [(True, {"canary": {}})]
    assert here.state["template"] == OLD


def test_a_run_that_ends_once_its_way_back_was_received_is_recovered(
    rolled: Rolled, stages: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What that command writes was on disk before it was sent: it is not taken for a configuration by others."""
    with pytest.raises(KeyboardInterrupt):
        rolled(killed=True)
    (run,) = stages
    assert run.here.state["template"] == LABELLED
    assert recovered(run, monkeypatch) == []
    assert run.here.state["template"] == OLD


def test_a_rollout_goes_on_when_the_api_server_was_silent(rolled: Rolled) -> None:
    """From 14 s to 22 s: what came meanwhile came after the last answer was asked for."""
    run = rolled(silent=(14.0, 22.0))
    assert [(o["share"], o["since_ns"]) for o in run.of("rollout.step")][:2] == [(0.05, 4.8), (0.25, 13.8)]
    assert 22.0 <= run.of("rollout.step")[1]["at_ns"] < 23.0
    assert [(o["by"], o["failed"]) for o in run.of("rollout.back")] == [("hand", "")]
    assert run.of("rollout.ended")[0]["ok"]


def test_a_rollout_whose_api_server_stays_silent_is_left_to_the_undo_log(rolled: Rolled) -> None:
    """It is asked again for 20 s, not longer; then the run ends, and recovers what its undo log has."""
    run = rolled(silent=(14.0, 60.0), raises=TargetSilent)
    unanswered = run.here.state["unanswered"]
    assert unanswered == [14.0 + 0.5 * number for number in range(len(unanswered))]
    assert unanswered[-1] == pytest.approx(34.0, abs=0.5)
    assert (run.of("rollout.back"), run.of("rollout.ended"), run.here.state["template"]) == ([], [], NEW)
    (intent,) = pending_intents(run.stage.context.platform)
    assert (intent.undo["do"], intent.undo["name"], intent.undo["before"]) == ("take-back", "cart", OLD)


def test_a_command_for_the_way_back_was_received_between_its_first_request_and_its_answer(rolled: Rolled) -> None:
    """The API server is silent for 12 s; the way back is watched from its answer on."""
    run = rolled(refuses=TargetSilent("the API server gave no answer (ReadTimeoutError)"), refuses_s=12.0)
    (back,) = run.of("rollout.back")
    assert (back["since_ns"], back["at_ns"], back["failed"]) == (47.0, 59.0, "")
    (end,) = [end for name, _, end in run.stage.windows if name == "rollout:canary/back"]
    assert end >= 59.0 + 12.0


def test_a_command_for_the_way_back_of_unknown_fate_is_no_failure(rolled: Rolled, stages: list[Run]) -> None:
    """A write that was answered 503 may have been done: the run ends, and its undo log takes the rollout back."""
    with pytest.raises(TargetSilent, match="answered 503"):
        rolled(refuses=TargetSilent("the API server answered 503"))
    (run,) = stages
    assert run.of("rollout.back") == []
    assert len(pending_intents(run.stage.context.platform)) == 1


def test_analyses_are_read_again_while_the_api_server_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those of the reading that asked for them; whoever ends the run meanwhile is asked before each further attempt."""
    here = scripted(FakeClock.installed(monkeypatch))
    silent, meanwhile = iter([True, False]), list[str]()

    def analyses(_: object) -> tuple[AnalysisStatus, ...]:
        if next(silent):
            raise TargetSilent("the API server gave no answer (ReadTimeoutError)")
        return ()

    monkeypatch.setattr(Scripted, "analyses", analyses)
    assert analysed([here], 7, lambda: meanwhile.append("asked")) == (7, [("Rollout eu/cart", ())])
    assert meanwhile == ["asked"]


def test_only_an_object_at_the_step_of_the_rollout_is_promoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One was promoted to 25 % and the other missed it: sent again to both, the first one would go on to 50 %."""
    clock = FakeClock.installed(monkeypatch)
    paused = ObjectStatus(phase="Paused", share=0.05, pause="CanaryPauseStep", current="new")
    said = [paused, replace(paused, share=0.25), replace(paused, share=None)]
    every = [scripted(clock, f"cart-{number}", says=one) for number, one in enumerate(said)]
    assert RolledObjects(every, lambda: None).promote(CANARY.steps, 0)
    assert [len(one.state["promoted"]) for one in every] == [1, 0, 0]


def test_a_controller_that_does_not_react_is_woken_every_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only while it has not reacted: one that reacts in time is never woken."""
    clock = FakeClock.installed(monkeypatch)
    late, quick = ObjectStatus(phase="Progressing", observed=False, overlooked=True), ObjectStatus(phase="Progressing")
    one = scripted(clock)
    objects, began_s = RolledObjects([one], lambda: None), round(clock.now_ns / S - 1000.0, 1)
    for status in (*[late] * 25, quick, *[late] * 10):
        objects.wake({one.subject: status})
        clock.sleep(0.2)
    assert [round(at - began_s, 1) for at in one.state["woken"]] == [2.0, 4.0]


def test_a_controller_that_missed_the_candidate_is_woken_and_the_rollout_goes_on(rolled: Rolled) -> None:
    """As long as nobody wakes it, it stays on the release before: no step would ever come."""
    run = rolled(deaf=True)
    assert len(run.here.state["woken"]) == 1
    assert [o["share"] for o in run.of("rollout.step")] == [0.05, 0.25, 0.5, 1.0]


REFUSED = TargetUnreachable("the API server answered 422")


def test_a_promotion_whose_answer_was_lost_is_recorded_and_not_sent_for_another_pause(
    rolled: Rolled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was received: what is read before it is sent again is at the next step already."""
    promote, lost = Scripted.promote, iter([True])

    def losing(here: Scripted, obj: Any) -> bool:
        sent = promote(here, obj)
        if next(lost, False):
            raise TargetSilent("the API server gave no answer (ReadTimeoutError)")
        return sent

    monkeypatch.setattr(Scripted, "promote", losing)
    run = rolled(replace(CANARY, promoted_by="harness"), steps=PROMOTED, pauses=True)
    assert [o["share"] for o in run.of("rollout.promoted")] == [0.05, 0.25, 0.5]
    assert len(run.here.state["promoted"]) == 3


@pytest.mark.parametrize("refusals", [1, 1000], ids=["the object went on meanwhile", "always"])
def test_a_promotion_that_is_refused_for_good_ends_the_run(
    rolled: Rolled, monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    """One that came too late is not: the object is read again."""
    promote, left = Scripted.promote, iter(range(refusals))

    def refused(here: Scripted, obj: Any) -> bool:
        if next(left, None) is not None:
            raise REFUSED
        return promote(here, obj)

    monkeypatch.setattr(Scripted, "promote", refused)
    with pytest.raises(TargetUnreachable, match="answered 422") if refusals > 1 else nullcontext():
        run = rolled(replace(CANARY, promoted_by="harness"), steps=PROMOTED, pauses=True)
        assert run.of("rollout.ended")[0]["ok"]


def test_a_candidate_that_is_what_runs_already_is_refused(rolled: Rolled, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to roll out."""
    monkeypatch.setattr(following, "candidate_template", lambda *_words, **_more: OLD)
    with pytest.raises(
        DriverError, match=r"no object differs between 1\.1\.0 and the release that runs: Rollout eu/cart"
    ):
        rolled()


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (
            ObjectStatus(phase="Degraded", message="RolloutAborted: by a person", aborted=True, current="bad"),
            "not at rest: Rollout eu/cart is Degraded (RolloutAborted: by a person)",
        ),
        (
            ObjectStatus(phase="Paused", message="CanaryPauseStep", share=0.25, pause="CanaryPauseStep"),
            "not at rest: Rollout eu/cart is Paused (CanaryPauseStep)",
        ),
    ],
    ids=["an aborted release", "a canary of others"],
)
def test_what_is_not_at_rest_is_left_as_it_is(rolled: Rolled, status: ObjectStatus, why: str) -> None:
    """Its way back would promote a release that was aborted, or that waits for a person, to all users."""
    run = rolled(says=status)
    assert [o["why"] for o in run.of("rollout.skipped")] == [why]
    assert run.of("rollout.started") == []
    assert (run.here.state["since"], run.here.state["strategies"]) == (-100.0, [])
    assert pending_intents(run.stage.context.platform) == []


def test_an_abort_of_an_older_spec_is_no_way_back() -> None:
    """Right after the patch a status still says what was before it."""
    stale = ObjectStatus(phase="Progressing", aborted=True, observed=False)
    assert gone_back({"Rollout eu/cart": stale}, {}) is None
    back = gone_back({"Rollout eu/cart": replace(stale, observed=True)}, {})
    assert back == Reversal(by=ReversedBy.PLATFORM, why="Rollout eu/cart: aborted")


def test_a_spec_that_others_set_back_is_taken_back_by_the_platform(rolled: Rolled) -> None:
    """An undo or a revert by GitOps, at 20 s: the harness neither waits for its own time, nor undoes, nor hastens it."""
    run = rolled(replace(CANARY, taken_back=TakenBack.BY_PLATFORM), reverts_s=20.0, returns_s=6.0)
    (back,), (ended,) = run.of("rollout.back"), run.of("rollout.ended")
    assert (back["by"], back["at_ns"], back["since_ns"]) == ("platform", 20.0, 19.8)
    assert back["why"] == f"Rollout eu/cart: another user or controller set its spec back to cart:{STABLE}"
    assert (ended["ok"], ended["at_ns"], run.here.state["undone"], run.here.state["hastened"]) == (True, 26.0, [], [])


@pytest.mark.parametrize("fixed", [(NEW, 10.0), (OLD, 5.0)], ids=["during the canary", "after the way back"])
def test_what_others_rolled_out_meanwhile_is_never_overwritten(
    rolled: Rolled, fixed: tuple[dict[str, Any], float]
) -> None:
    """A person's hotfix: neither its template nor its strategy is restored, and the way back stays in the undo log, with the reason."""
    run = rolled(BLUE_GREEN, steps=((5.0, 1.0),), fixed=fixed)
    why = "Rollout eu/cart has cart:1.0.1-fix, of neither release: another user or controller changed it"
    assert run.here.state["template"] == FIX
    assert len(run.here.state["strategies"]) == 1  # that of the rollout
    assert len(pending_intents(run.stage.context.platform)) == 1
    assert set(run.stage.context.unrestored.values()) == {
        f"the target was not restored after the rollout canary: {why}"
    }
    (ended,) = run.of("rollout.ended")
    during = fixed[0] == NEW
    assert (ended["ok"], ended["why"]) == ((False, why) if during else (True, ""))
    assert [o["by"] for o in run.of("rollout.back")] == ["unknown" if during else "hand"]


def test_a_candidate_whose_registry_admission_replaced_is_taken_back(rolled: Rolled) -> None:
    """Its images are those of the first observation."""
    mirrored = {"spec": {"containers": [{"name": "c", "image": f"mirror.test/cart:{CANDIDATE}"}]}}
    run = rolled(replace(CANARY, taken_back=TakenBack.BY_PLATFORM), admitted=mirrored)
    assert [o["by"] for o in run.of("rollout.back")] == ["harness"]
    assert (run.of("rollout.ended")[0]["ok"], run.here.state["template"]) == (True, OLD)


@pytest.mark.parametrize(
    ("reverts_s", "helped_after_s", "by", "helped"),
    [(20.0, 12.0, "platform", 12.0), (20.0, 40.0, "platform", 40.0), (0.0, 40.0, "unknown", 12.0)],
)
def test_a_way_back_of_others_is_helped_when_no_sentence_judges_it_any_more(
    rolled: Rolled, reverts_s: float, helped_after_s: float, by: str, helped: float
) -> None:
    """Not only after it was watched for the longest length of time in any sentence; one of unknown origin is judged by none."""
    plan = replace(CANARY, taken_back=TakenBack.BY_PLATFORM, after_s=60.0, helped_after_s=helped_after_s)
    run = rolled(plan, reverts_s=reverts_s, returns_s=45.0)
    (back,), (ended,) = run.of("rollout.back"), run.of("rollout.ended")
    assert (back["by"], run.here.state["hastened"][0]) == (by, pytest.approx(helped, abs=0.3))
    assert ended["ok"]
    assert run.stage.windows[-2][2] == pytest.approx(back["at_ns"] + 60.0, abs=0.3)


def test_the_harness_hastens_only_its_own_way_back(rolled: Rolled) -> None:
    """Every 2 s from the command on, until the object is at rest."""
    assert rolled(returns_s=5.0).here.state["hastened"] == [2.0, 4.0]


@pytest.mark.parametrize(
    ("after_s", "reverted", "within_s", "ended"),
    [(12.0, 40.0, 60.0, 87.0), (40.0, 40.0, 60.0, 87.0), (12.0, 70.0, 60.0, None), (12.0, 70.0, 120.0, 117.0)],
)
def test_the_way_back_is_waited_for_as_the_plan_says(
    rolled: Rolled, after_s: float, reverted: float, within_s: float, ended: float | None
) -> None:
    """From 47 s on: what the sentences ask, then the rest of `within`, 30 s at least."""
    run = rolled(replace(CANARY, after_s=after_s, within_s=within_s), returns_s=reverted)
    (end,) = run.of("rollout.ended")
    assert (end["ok"], end["at_ns"]) == ((True, ended) if ended else (False, 47.0 + after_s + 30.0))


def test_the_harness_promotes_a_step_that_has_lasted_and_was_answered(rolled: Rolled) -> None:
    """Ten seconds each at 720."""
    run = rolled(replace(CANARY, promoted_by="harness"), steps=PROMOTED, pauses=True)
    promoted = [o["at_ns"] for o in run.of("rollout.promoted")]
    assert [o["share"] for o in run.of("rollout.promoted")] == [0.05, 0.25, 0.5]
    assert all(later - earlier >= 10.0 for earlier, later in pairwise(promoted))
    assert run.of("rollout.ended")[0]["release"] == STABLE


def test_a_candidate_without_traffic_is_never_promoted(rolled: Rolled) -> None:
    """It stays paused until the harness ends it."""
    run = rolled(replace(CANARY, promoted_by="harness"), answers=0, steps=PROMOTED, pauses=True)
    assert run.here.state["promoted"] == []
    (back,) = run.of("rollout.back")
    assert (back["by"], back["at_ns"]) == ("harness", 60.0)
    assert "the rollout did not end within 60 s: Paused" in back["why"]
    assert run.here.state["template"] == OLD


def test_a_command_that_fails_is_recorded_and_helped_later(rolled: Rolled) -> None:
    """The platform ends on one release all the same."""
    run = rolled(undoes=False)
    (back,), (ended,) = run.of("rollout.back"), run.of("rollout.ended")
    assert back["failed"] == "no rollout history found for Rollout eu/cart"
    assert (ended["ok"], ended["release"]) == (True, STABLE)
    assert ended["at_ns"] >= 47.0 + 12.0


def test_the_way_back_is_on_disk_before_anything_is_changed(
    rolled: Rolled, stages: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is killed right after the first change leaves what undoes it."""

    def killed(here: Scripted, _template: object) -> None:
        (intent,) = pending_intents(stages[-1].stage.context.platform)
        assert (intent.undo["do"], intent.undo["name"], intent.undo["release"]) == ("take-back", "cart", STABLE)
        assert intent.undo["before"] == here.state["template"] == OLD
        raise KeyboardInterrupt

    monkeypatch.setattr(following, "take_over", killed)
    with pytest.raises(KeyboardInterrupt):
        rolled()
    assert len(pending_intents(stages[-1].stage.context.platform)) == 1


def test_a_share_belongs_to_the_next_step_that_it_is_nearest_to(subtests: pytest.Subtests) -> None:
    """10 % is the first step of another size; only all users are the last one."""
    for given, reached, step in [
        (0.0, -1, -1),
        (0.05, -1, 0),
        (0.10, -1, 0),
        (0.02, -1, -1),
        (0.35, 0, 1),
        (0.05, 0, 0),
        (0.60, 1, 2),
        (0.50, 0, 2),
        (0.95, 2, 2),
        (1.0, 2, 3),
        (1.0, -1, 3),
        (1.0, 3, 3),
    ]:
        with subtests.test(given=given, reached=reached):
            assert step_of(given, (0.05, 0.25, 0.5, 1.0), reached) == step


def test_a_rollout_comes_after_every_experiment() -> None:
    """No fault meets a candidate, and the traffic has a window after it."""
    library = Library(
        traffic={"everyday": plans.traffic()},
        experiments={"region-loss": plans.experiment("region-loss", "region")},
        rollouts={"canary": CANARY},
    )
    demands = (plans.EVERYDAY, DEMAND, plans.breaks("region-loss"))
    acts = ordered_acts(demands, library)
    names = [act.name for act in acts]
    assert names == ["everyday/fault-free", "experiment:region-loss", "rollout:canary", "everyday/after-faults"]
    assert acts[2].phase is Phase.STEP
    alone = [act.name for act in ordered_acts((plans.EVERYDAY, DEMAND), library)]
    assert alone == ["everyday/fault-free", "rollout:canary", "everyday/after-faults"]
