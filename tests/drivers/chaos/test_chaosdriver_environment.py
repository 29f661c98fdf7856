"""What chooses what is broken: target and experiment file, never the caller's environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.drivers.chaos import resolved_configuration
from harness.drivers.chaos.environment import child_environment
from harness.drivers.chaos.experiments import read_experiment
from harness.errors import ConfigurationError
from harness.files import bundled
from harness.targets import Target, load_target

POD_LOSS = bundled("experiments") / "pod-loss.yaml"


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """A target without a cluster."""
    file = tmp_path / "target.yaml"
    file.write_text(
        "name: here\nenvironment: staging\nentry: http://127.0.0.1:9\nprimary_region: eu-west-1\n", encoding="utf-8"
    )
    return load_target(file)


def test_the_callers_environment_does_not_choose_what_is_broken(
    monkeypatch: pytest.MonkeyPatch, target: Target, tmp_path: Path
) -> None:
    """Blind side 16: `READINESS_LABEL_SELECTOR` and the like come from the target or not at all; anything else reaches the child."""
    monkeypatch.setenv("READINESS_LABEL_SELECTOR", "app=nothing-important")
    monkeypatch.setenv("READINESS_NODES", "nodes=none")
    monkeypatch.setenv("GREETING", "hello")
    env = child_environment(
        read_experiment(POD_LOSS), target, tmp_path, hold=tmp_path / "released", allow_target="here"
    )
    assert "READINESS_LABEL_SELECTOR" not in env
    assert env["READINESS_NODES"] == "topology.kubernetes.io/region=eu-west-1"
    assert (env["GREETING"], env["READINESS_PRIMARY_REGION"]) == ("hello", "eu-west-1")


def test_the_configuration_of_an_experiment_is_resolved_as_its_child_will(
    monkeypatch: pytest.MonkeyPatch, target: Target
) -> None:
    """By variable; a default of the file stands where the run sets none."""
    monkeypatch.setenv("READINESS_LABEL_SELECTOR", "app=nothing-important")
    assert resolved_configuration(POD_LOSS, target) == {
        "READINESS_NAMESPACE": "us-east-1",
        "READINESS_LABEL_SELECTOR": "app=track-service",
    }
    assert resolved_configuration(bundled("experiments") / "region-loss.yaml", target) == {
        "READINESS_PRIMARY_REGION": "eu-west-1"
    }
    assert resolved_configuration(bundled("experiments") / "node-loss.yaml", target) == {
        "READINESS_NODES": "topology.kubernetes.io/region=eu-west-1"
    }


WITH_VARIABLES = """\
title: t
description: d
configuration:
  where: {type: env, key: SHOP_PLACE, default: here}
  run: {type: env, key: READINESS_RUN}
  token: {type: env, key: SHOP_TOKEN}
secrets:
  shop: {password: {type: env, key: SHOP_PASSWORD}}
method: []
"""


def test_a_variable_that_is_not_set_is_refused_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, target: Target, tmp_path: Path
) -> None:
    """Chaos Toolkit would not run the file, and the load would have been offered for nothing."""
    file = tmp_path / "a.yaml"
    file.write_text(WITH_VARIABLES, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        resolved_configuration(file, target)
    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        "a.yaml:6: configuration.token: the variable `SHOP_TOKEN` is not set\n  hint: set it before you call `readiness`, "
        "or give it a `default`; empty variables and variables READINESS_… are not passed on"
    )
    monkeypatch.setenv("SHOP_TOKEN", "")  # a secret of GitHub Actions that does not exist; the child would lack it
    with pytest.raises(
        ConfigurationError, match=r"a.yaml:6: configuration.token: the variable `SHOP_TOKEN` is empty\n"
    ):
        resolved_configuration(file, target)
    monkeypatch.setenv("SHOP_TOKEN", "t")
    with pytest.raises(
        ConfigurationError,
        match=r"secrets.shop.password: the variable `SHOP_PASSWORD` is not set\n  hint: set it before you call `readiness`; empty variables",
    ):
        resolved_configuration(file, target)
    monkeypatch.setenv("SHOP_PASSWORD", "p")
    assert resolved_configuration(file, target)["SHOP_TOKEN"] == "t"
