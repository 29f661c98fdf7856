"""Faults that a gateway injects: the share that a policy names, as long as it is there, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from readiness_sandbox.platform.normaldance.faults import Faults


def policy(percentage: float | None = 10, gateway: str = "api-gateway", name: str = "one") -> dict[str, Any]:
    """A policy that aborts so much with 500."""
    ref = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway}
    abort = {"httpStatus": 500, **({} if percentage is None else {"percentage": percentage})}
    spec = {"targetRefs": [ref], "faultInjection": {"abort": abort}}
    return {"metadata": {"namespace": "here", "name": name}, "spec": spec}


def aborted(faults: Faults, requests: int = 1000) -> int:
    """How many of so many requests are."""
    return sum(faults.abort() == 500 for _ in range(requests))


@pytest.mark.parametrize(("percentage", "number"), [(10, 100), (3, 30), (0, 0), (100, 1000), (None, 1000)])
def test_a_share_is_aborted(percentage: float | None, number: int) -> None:
    """Counted, to one request; without a percentage it is all of them."""
    faults = Faults("here", 0.0)
    faults.learn(policy(percentage))
    assert abs(aborted(faults) - number) <= 1


def test_a_policy_that_is_gone_aborts_nothing() -> None:
    """By an event, by a list without it, and by a change that takes the fault out."""
    changes: tuple[Callable[[Faults], None], ...] = (
        lambda faults: faults.learn(policy(), gone=True),
        lambda faults: faults.keep(set()),
        lambda faults: faults.learn({**policy(), "spec": {"targetRefs": []}}),
    )
    for change in changes:
        faults = Faults("here", 0.0)
        faults.learn(policy(100))
        assert aborted(faults, 10) == 10
        change(faults)
        assert aborted(faults, 10) == 0


def test_a_policy_of_another_gateway_is_not_ours() -> None:
    """Nor does it hide one that is."""
    faults = Faults("here", 0.0)
    faults.learn(policy(100, gateway="other"))
    assert aborted(faults, 10) == 0
    faults.learn(policy(50, name="two"))
    assert aborted(faults, 10) == 5
