"""The strategies that a target file gives Rollouts: what a controller would refuse is refused with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigurationError
from harness.targets import load_target

AT = "target.yaml:7: rollout.strategies"
FILE = """\
name: shop
environment: sandbox
entry: http://127.0.0.1:9
rollout:
  names: [cart]
  strategies:
    {strategy}
"""


def said(strategy: str, directory: Path) -> str:
    """What is said of a target file with it; empty where it is accepted."""
    file = directory / "target.yaml"
    file.write_text(FILE.replace("{strategy}", strategy), encoding="utf-8")
    try:
        load_target(file)
    except ConfigurationError as error:
        return str(error).replace(f"{directory}/", "")
    return ""


def steps(text: str, routing: str = "") -> str:
    """A canary with these steps."""
    return f"all-at-once: {{canary: {{steps: [{text}]{routing}}}}}"


def test_what_a_controller_would_refuse(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """It would make a live Rollout `InvalidSpec`."""
    for strategy, what in [
        (steps("setWeight: 120"), "all-at-once.canary.steps[0].setWeight: 120 is over 100"),
        (steps("setWeight: -5"), "all-at-once.canary.steps[0].setWeight: `-5` is not a whole number of at least 0"),
        (steps("setWeight: 5 %"), "all-at-once.canary.steps[0].setWeight: `5 %` is not a whole number of at least 0"),
        (steps("setWeight: true"), "all-at-once.canary.steps[0].setWeight: `True` is not a whole number"),
        (
            steps("setWeight: 50, {pause: {}}, {setWeight: 25}"),
            "all-at-once.canary.steps[2].setWeight: the weights must not fall, 25 comes after 50",
        ),
        (steps("setweight: 5"), "all-at-once.canary.steps[0].setweight: unknown step `setweight`"),
        (steps("pause: "), "all-at-once.canary.steps[0]: a step has exactly one key, with a value"),
        (steps("{setWeight: 5, pause: {}}"), "all-at-once.canary.steps[0]: a step has exactly one key, with a value"),
        (steps("pause"), "all-at-once.canary.steps[0]: a step has exactly one key, with a value"),
        ("canary: {canary: {steps: 5}}", "canary.canary.steps: `steps` must be a list"),
        ("canary: {canary: {}, blueGreen: {activeService: a}}", "canary: expected one of `canary` and `blueGreen`"),
        ("canary: {}", "canary: expected one of `canary` and `blueGreen`"),
        ("blue-green: {blueGreen: {previewService: a}}", "blue-green.blueGreen: the key `activeService` is missing"),
        (
            "blue-green: {blueGreen: {activeService: a, previewService: a}}",
            "blue-green.blueGreen.previewService: `a` is also named under `activeService`",
        ),
        (
            "canary: {canary: {stableService: a, canaryService: a}}",
            "canary.canary.canaryService: `a` is also named under `stableService`",
        ),
    ]:
        with subtests.test(strategy):
            assert said(strategy, tmp_path).startswith(f"{AT}.{what}")


def test_the_nearest_step_is_named(tmp_path: Path) -> None:
    """A word that Argo Rollouts does not know."""
    assert "did you mean 'setWeight'?" in said(steps("setweight: 5"), tmp_path)


@pytest.mark.parametrize(
    "strategy",
    [
        steps("setWeight: 0, {pause: {duration: 10s}}, {analysis: {templates: []}}, {experiment: {}}"),
        steps("setWeight: 25, {setWeight: 25}, {setCanaryScale: {}}, {setHeaderRoute: {}}, {setMirrorRoute: {}}"),
        steps("setWeight: 500, {plugin: {name: a}}", ", trafficRouting: {maxTrafficWeight: 1000}"),
        "canary: {canary: {maxSurge: 1}}",
        "all-at-once: {canary: {trafficRouting: odd, steps: null}}",
        'blue-green: {blueGreen: {activeService: "{name}", previewService: "{name}-canary", newKey: {}}}',
    ],
)
def test_what_a_controller_may_accept(tmp_path: Path, strategy: str) -> None:
    """Steps of every kind, weights that rise or stay, and keys that only a newer controller knows."""
    assert said(strategy, tmp_path) == ""
