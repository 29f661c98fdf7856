"""A rollout's state machine on a world of dictionaries and a clock that the test moves."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from readiness_sandbox.cluster.controllers.rollouts.analysis import AnalysisPhase
from readiness_sandbox.cluster.controllers.rollouts.turn import RunView
from tests.sandbox.rollouts.rollout_world import World, blue_green, canary, healthy, updated

ANALYSIS = {"analysis": {"templates": [{"templateName": "errors"}]}}
FOUR_STEPS: tuple[dict[str, Any], ...] = (
    {"setWeight": 5},
    {"pause": {"duration": "10s"}},
    ANALYSIS,
    {"setWeight": 50},
    {"pause": {}},
    {"setWeight": 100},
)


def test_the_first_template_skips_steps_and_analysis() -> None:
    """StableRS is empty: straight to Healthy."""
    world = healthy(canary(*FOUR_STEPS))
    assert (world.status["stableRS"], world.status["currentStepIndex"], world.started) == ("one", 6, [])
    assert (world.weight, world.selectors) == (0, {"stable": "one", "canary": "one"})


def test_a_canary_goes_step_by_step_and_is_promoted() -> None:
    """Weight, timed pause, analysis, weight, a pause for a person, all."""
    world = updated(canary(*FOUR_STEPS))
    assert (world.weight, world.status["currentStepIndex"], world.status["message"]) == (5, 1, "CanaryPauseStep")
    assert [world.in_progress] == [True]
    world.wait(9.9)
    assert world.status["currentStepIndex"] == 1
    world.wait(0.1)
    assert (world.status["currentStepIndex"], [each.name for each in world.started]) == (2, ["track-two-2-2"])
    world.end_runs(AnalysisPhase.SUCCESSFUL)
    assert (world.weight, world.status["phase"], world.sets["two"].replicas) == (50, "Paused", 2)
    world.wait(3600)
    assert world.weight == 50, "a pause without a length waits for a person"
    world.write(pauseConditions=None)  # kubectl argo rollouts promote
    assert (world.status["stableRS"], world.status["phase"], world.weight) == ("two", "Healthy", 0)
    assert [world.in_progress] == [False]
    assert world.selectors == {"stable": "two", "canary": "two"}
    world.wait(29.9)
    assert world.sets["one"].replicas == 4, "scaleDownDelaySeconds is 30 with a route"
    world.wait(0.1)
    assert world.sets["one"].replicas == 0


def test_an_abort_sends_all_back_and_keeps_the_spec() -> None:
    """Degraded until undo or retry; the new set goes after its delay."""
    world = updated(canary(*FOUR_STEPS))
    world.write(abort=True)
    assert (world.weight, world.serving()) == (0, {"one"})
    assert world.status["phase"] == "Degraded"
    assert world.status["message"] == "RolloutAborted: Rollout aborted update to revision 2"
    assert (world.status["currentStepIndex"], world.status["currentPodHash"]) == (0, "two")
    world.wait(30)
    assert world.sets["two"].replicas == 0
    world.write(abort=False)  # kubectl argo rollouts retry
    assert (world.weight, world.status["currentStepIndex"]) == (5, 1)
    world.deploy("one")  # kubectl argo rollouts undo
    world.settle()
    assert (world.status["phase"], world.weight, world.serving()) == ("Healthy", 0, {"one"})
    told = ["RolloutUpdated", "RolloutAborted", "RolloutRetried", "SkipSteps"]
    assert [each for each in world.notices if each in told] == told


def test_a_retry_analyses_again_what_the_abort_terminated() -> None:
    """A terminated run is Successful, as Argo has it; the retry does not take it for a PASS."""
    world = updated(canary({"setWeight": 25}, ANALYSIS))
    world.write(abort=True)
    world.write(abort=False)
    assert (world.weight, world.status["stableRS"]) == (25, "one")
    assert [each.name for each in world.started] == ["track-two-2-1", "track-two-2-1.1"]
    world.end_runs(AnalysisPhase.SUCCESSFUL)
    assert world.status["stableRS"] == "two"


def test_a_failed_analysis_aborts_and_says_why() -> None:
    """The message of the run is in the message of the rollout."""
    world = updated(canary({"setWeight": 25}, ANALYSIS))
    world.end_runs(AnalysisPhase.FAILED, 'Metric "errors" assessed Failed due to failed (1) > failureLimit (0)')
    assert (world.weight, world.status["abort"]) == (0, True)
    assert world.status["message"] == (
        "RolloutAborted: Rollout aborted update to revision 2: Step-based analysis phase error/failed: "
        'Metric "errors" assessed Failed due to failed (1) > failureLimit (0)'
    )


def test_an_inconclusive_analysis_pauses_and_a_cleared_pause_analyses_again() -> None:
    """Never promoted without a PASS: clearing the condition makes a new run of the same step."""
    world = updated(canary({"setWeight": 25}, ANALYSIS))
    world.end_runs(AnalysisPhase.INCONCLUSIVE)
    assert (world.status["phase"], world.status["message"]) == ("Paused", "InconclusiveAnalysisRun")
    world.write(pauseConditions=None)
    assert [each.name for each in world.started] == ["track-two-2-1", "track-two-2-1.1"]
    assert (world.weight, world.status["stableRS"]) == (25, "one")
    world.end_runs(AnalysisPhase.SUCCESSFUL)
    assert world.status["stableRS"] == "two"


def test_promote_after_an_inconclusive_step_skips_it() -> None:
    """What the plugin sends: no conditions, no controllerPause, the next index."""
    world = updated(canary({"setWeight": 25}, ANALYSIS))
    world.end_runs(AnalysisPhase.INCONCLUSIVE)
    world.write(pauseConditions=None, controllerPause=False, currentStepIndex=2)
    assert (world.status["stableRS"], len(world.started)) == ("two", 1)


def test_promote_over_an_analysis_that_goes_on_terminates_it() -> None:
    """What the plugin sends while a step is analysed: no conditions and the next index, here that of a pause, then of a second analysis."""
    world = updated(canary({"setWeight": 25}, ANALYSIS, {"pause": {}}))
    world.write(pauseConditions=None, currentStepIndex=2)
    assert world.runs["track-two-2-1"].message == "Run Terminated"
    assert (world.status["message"], world.status["currentStepIndex"]) == ("CanaryPauseStep", 2)
    world = updated(canary({"setWeight": 25}, ANALYSIS, ANALYSIS))
    world.write(pauseConditions=None, currentStepIndex=2)
    assert [each.name for each in world.started] == ["track-two-2-1", "track-two-2-2"]
    assert [world.runs[each.name].phase.value for each in world.started] == ["Successful", "Running"]
    assert world.status["stableRS"] == "one"


def test_an_inconclusive_background_analysis_stops_a_timed_pause() -> None:
    """The pause's time may pass; the step does not end."""
    background = {"templates": [{"templateName": "errors"}]}
    world = updated(canary({"setWeight": 5}, {"pause": {"duration": 10}}, {"setWeight": 50}, analysis=background))
    world.judge(AnalysisPhase.INCONCLUSIVE)
    world.wait(60)
    assert (world.weight, world.status["currentStepIndex"]) == (5, 1)


def test_the_background_analysis_ends_with_the_steps() -> None:
    """It is terminated when the release is promoted, and a failure of it aborts."""
    background = {"templates": [{"templateName": "errors"}]}
    world = healthy(canary({"setWeight": 5}, {"pause": {"duration": 10}}, analysis=background))
    world.deploy("two")
    world.wait(0)
    assert [each.role for each in world.started] == ["Background"]
    world.wait(10)
    assert (world.status["stableRS"], world.runs["track-two-2"].message) == ("two", "Run Terminated")
    world.deploy("three")
    world.settle()
    world.end_runs(AnalysisPhase.ERROR, "no answer")
    assert (world.weight, world.status["phase"]) == (0, "Degraded")


def test_promote_full_skips_what_is_left() -> None:
    """Pauses, steps and analyses; weight 100 only with all pods."""
    world = updated(canary(*FOUR_STEPS))
    world.unhealthy = {"two"}
    world.write(promoteFull=True)
    assert (world.weight, world.status["stableRS"]) == (0, "one")
    world.unhealthy = set()
    world.settle()
    assert (world.status["stableRS"], world.weight, world.status["promoteFull"]) == ("two", 0, False)


def test_promote_full_before_the_new_template_is_observed_is_lost() -> None:
    """As in Argo Rollouts: wait for observedGeneration and a new currentPodHash."""
    world = healthy(canary(*FOUR_STEPS))
    world.deploy("two")
    world.write(promoteFull=True)
    assert (world.status["stableRS"], world.weight) == ("one", 5)


def test_a_paused_spec_takes_no_step() -> None:
    """spec.paused: no progress, phase Paused."""
    world = healthy(canary({"setWeight": 5}, {"setWeight": 50}))
    world.manifest["spec"]["paused"] = True
    world.deploy("two")
    world.settle()
    assert (world.status["currentStepIndex"], world.status["message"]) == (0, "manually paused")
    world.manifest["spec"]["paused"] = False
    world.settle()
    assert world.status["stableRS"] == "two"


def test_pods_that_never_get_ready_get_no_traffic_and_time_out() -> None:
    """ProgressDeadlineAbort takes the release back, with the text of an abort by hand; without it the rollout is only Degraded."""
    late = 'ProgressDeadlineExceeded: ReplicaSet "track-two" has timed out progressing.'
    for abort in (False, True):
        manifest = canary({"setWeight": 5}, {"pause": {}})
        manifest["spec"] |= {"progressDeadlineSeconds": 60, "progressDeadlineAbort": abort}
        world = healthy(manifest)
        world.unhealthy = {"two"}
        world.deploy("two")
        world.settle()
        world.wait(59)
        assert (world.weight, world.status["phase"]) == (0, "Progressing")
        world.wait(1)
        assert (world.weight, world.status["phase"], bool(world.status["abort"])) == (0, "Degraded", abort)
        bare = "RolloutAborted: Rollout aborted update to revision 2"
        assert world.status["message"] == (bare if abort else late)


def test_an_older_release_within_the_rollback_window_needs_no_steps() -> None:
    """rollbackWindow.revisions; outside of it the steps run again."""
    for window, index in ((0, 1), (1, 2)):
        manifest = canary({"setWeight": 5}, {"pause": {}})
        manifest["spec"]["rollbackWindow"] = {"revisions": window}
        world = healthy(manifest)
        world.wait(1)
        world.deploy("two")
        world.settle()
        world.write(pauseConditions=None)
        world.deploy("one")
        world.settle()
        assert world.status["currentStepIndex"] == index
        assert world.serving() == ({"one"} if window else {"one", "two"})


def test_blue_green_switches_when_the_new_colour_is_complete() -> None:
    """The preview first, the active Service only with all pods; the old colour stays for its delay."""
    world = healthy(blue_green())
    world.unhealthy = {"two"}
    world.deploy("two")
    world.settle()
    assert (world.selectors, world.status["phase"]) == ({"active": "one", "preview": "two"}, "Progressing")
    world.unhealthy = set()
    world.settle()
    assert (world.selectors["active"], world.status["stableRS"], world.status["phase"]) == ("two", "two", "Healthy")
    assert world.status["blueGreen"]["activeSelector"] == "two"
    world.wait(29)
    assert world.sets["one"].replicas == 4
    world.wait(1)
    assert world.sets["one"].replicas == 0


def test_blue_green_waits_for_a_person_or_for_its_time() -> None:
    """autoPromotionEnabled: false; autoPromotionSeconds."""
    world = healthy(blue_green(autoPromotionEnabled=False))
    world.deploy("two")
    world.wait(3600)
    assert (world.selectors["active"], world.status["message"]) == ("one", "BlueGreenPause")
    world.write(pauseConditions=None)
    assert world.selectors["active"] == "two"
    world = updated(blue_green(autoPromotionSeconds=20))
    world.wait(19)
    assert world.selectors["active"] == "one"
    world.wait(1)
    assert world.selectors["active"] == "two"


def test_blue_green_goes_back_when_the_analysis_after_the_switch_fails() -> None:
    """StableRS changes only after postPromotionAnalysis; the old colour is still up."""
    world = updated(blue_green(prePromotionAnalysis=ANALYSIS["analysis"], postPromotionAnalysis=ANALYSIS["analysis"]))
    assert (world.selectors["active"], [each.role for each in world.started]) == ("one", ["PrePromotion"])
    world.end_runs(AnalysisPhase.SUCCESSFUL)
    assert (world.selectors["active"], world.status["stableRS"]) == ("two", "one")
    world.end_runs(AnalysisPhase.FAILED)
    assert (world.selectors["active"], world.status["phase"]) == ("one", "Degraded")
    world.wait(30)
    assert world.sets["two"].replicas == 0


def test_blue_green_goes_back_at_once_to_a_colour_that_is_still_up() -> None:
    """An undo within the scale-down delay: no pause, no analysis before the switch."""
    world = updated(blue_green(autoPromotionEnabled=False))
    world.status |= {"pauseConditions": None}
    world.wait(10)
    world.deploy("one")
    world.settle()
    assert (world.selectors["active"], world.status["phase"], world.started) == ("one", "Healthy", [])
    assert world.sets["one"].scale_down_at is None


STEPS = st.lists(st.sampled_from(("weight", "timed", "person", "analysis", "analysis")), max_size=6)
ACTS = st.lists(
    st.one_of(
        st.sampled_from(
            ("deploy", "undo", "abort", "retry", "promote", "full", "pass", "fail", "unclear", "sick", "well")
        ),
        st.integers(min_value=0, max_value=40),  # seconds that pass
        st.integers(min_value=-6, max_value=-1),  # a turn whose status is lost after so many actions
    ),
    max_size=25,
)


def _canary_of(kinds: list[str]) -> dict[str, Any]:
    made: dict[str, dict[str, Any]] = {
        "timed": {"pause": {"duration": 10}},
        "person": {"pause": {}},
        "analysis": ANALYSIS,
    }
    weights = iter((5, 25, 50, 75, 90, 100))
    return canary(*({"setWeight": next(weights)} if kind == "weight" else made[kind] for kind in kinds))


class Watched(World):
    """A world that holds what must be true after every turn."""

    free: bool = False
    reached: int = 0

    def turn(self, *, applied: int | None = None) -> bool:
        """One turn, then the invariants."""
        before = dict(self.status)
        changed = super().turn(applied=applied)
        if before.get("stableRS"):
            for name in self.serving():
                assert self.sets[name].replicas, f"{name} serves and has no pods"
        same = before.get("currentPodHash") == self.status.get("currentPodHash")
        if same and "currentStepIndex" in before and not self.status.get("abort"):
            assert self.status["currentStepIndex"] - before["currentStepIndex"] in (0, 1) or self.free
        if self.status.get("stableRS") != before.get("stableRS") and before.get("stableRS") and not self.free:
            self._passed_each_step()
        return changed

    def _passed_each_step(self) -> None:
        steps = self.manifest["spec"]["strategy"].get("canary", {}).get("steps", [])
        hash_, revision = self.status["stableRS"], self.sets[self.status["stableRS"]].revision
        for index, step in enumerate(steps):
            base = f"track-{hash_}-{revision}-{index}"
            if "analysis" in step:
                assert any(
                    name.partition(".")[0] == base and run == RunView(phase=AnalysisPhase.SUCCESSFUL)
                    for name, run in self.runs.items()
                ), f"{hash_} was promoted without a passed analysis of step {index}"


def _act(world: Watched, act: str | int) -> None:
    """What a person, an analysis, a crash or the time does."""
    status = world.status
    if isinstance(act, int):
        world.wait(act) if act >= 0 else world.turn(applied=-act - 1)
        return
    if act in ("deploy", "undo"):
        world.free = False
        world.deploy(f"r{len(world.sets)}" if act == "deploy" else status.get("stableRS") or world.current)
    elif act in ("pass", "fail", "unclear"):
        world.judge(
            {"pass": AnalysisPhase.SUCCESSFUL, "fail": AnalysisPhase.FAILED}.get(act, AnalysisPhase.INCONCLUSIVE)
        )
    elif act in ("sick", "well"):
        world.unhealthy = {world.current} - {status.get("stableRS", "")} if act == "sick" else set()
    elif act == "full":
        world.free = True
        status["promoteFull"] = True
    elif act == "promote":
        status["pauseConditions"] = None
    else:
        status["abort"] = act == "abort"


@settings(max_examples=150)
@given(steps=STEPS, acts=ACTS, colours=st.booleans())
@example(steps=["analysis"], acts=["abort", "retry"], colours=False)
def test_at_every_moment_one_of_two_releases_serves_and_an_abort_ends_on_the_stable_one(
    steps: list[str], acts: list[str | int], *, colours: bool
) -> None:
    """Whatever people, analyses and crashes do: steps in order, no promotion without a PASS, and in the end one release."""
    analyses = {"prePromotionAnalysis": ANALYSIS["analysis"], "postPromotionAnalysis": ANALYSIS["analysis"]}
    world = Watched(blue_green(**(analyses if "analysis" in steps else {})) if colours else _canary_of(steps))
    world.settle()
    for act in ("deploy", *acts):
        _act(world, act)
        world.turn()
    world.settle()
    world.unhealthy = set()
    world.status |= {"abort": True}
    world.settle()
    assert world.serving() == {world.status["stableRS"]}
    if world.status.get("abort"):
        assert world.status["phase"] == "Degraded"
