"""What the driver of experiments writes into the environment of a child is what the child reads there."""

from __future__ import annotations

from dataclasses import fields

import pytest

from harness.targets.child import ChildSettings

EVERY = ChildSettings(
    target="/shop/target.yaml",
    allow_target="shop",
    run="/shop/reports/runs/1",
    experiment="pod-loss",
    hold="/shop/reports/runs/1/chaos/pod-loss/released",
    parent=4711,
    modules=("/shop", "/shop/experiments"),
    kubeconfig="/shop/one:/shop/two",
    context="shop",
    api_server="https://127.96.0.1:6443",
    observe_s=45.5,
    login_proxies={"HTTPS_PROXY": "http://proxy.test:3128"},
    for_the_file={"LOCUST_USERS": "50"},
)
WIRE = {
    "READINESS_TARGET": "/shop/target.yaml",
    "READINESS_ALLOW_TARGET": "shop",
    "READINESS_RUN": "/shop/reports/runs/1",
    "READINESS_EXPERIMENT": "pod-loss",
    "READINESS_HOLD": "/shop/reports/runs/1/chaos/pod-loss/released",
    "READINESS_PARENT": "4711",
    "READINESS_MODULES": "/shop:/shop/experiments",
    "READINESS_KUBECONFIG": "/shop/one:/shop/two",
    "KUBERNETES_CONTEXT": "shop",
    "READINESS_API_SERVER": "https://127.96.0.1:6443",
    "READINESS_OBSERVE_S": "45.5",
    "READINESS_LOGIN_PROXIES": '{"HTTPS_PROXY": "http://proxy.test:3128"}',
    "READINESS_FOR_THE_FILE": '{"LOCUST_USERS": "50"}',
}


def test_what_is_written_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting, by names that do not change: an experiment file of a project may read them. No pod allowed is a number."""
    assert EVERY.as_env() == WIRE
    assert all(getattr(EVERY, one.name) != one.default for one in fields(ChildSettings))
    for name, value in WIRE.items():
        monkeypatch.setenv(name, value)
    assert ChildSettings.from_env() == EVERY


def test_by_hand_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is not set is not written; a number that cannot be read is not set."""
    for name in WIRE:
        monkeypatch.delenv(name, raising=False)
    assert ChildSettings.from_env() == ChildSettings(experiment="by-hand")
    assert ChildSettings().as_env() == {}
    monkeypatch.setenv("READINESS_PARENT", "-1")
    monkeypatch.setenv("READINESS_OBSERVE_S", "1.2.3")
    found = ChildSettings.from_env()
    assert (found.parent, found.observe_s) == (0, 0.0)
