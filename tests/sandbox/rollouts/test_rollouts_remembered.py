"""What is made of an object is made once, until the object changes."""

from __future__ import annotations

import pytest

from readiness_sandbox.cluster.controllers.rollouts.fields import SpecError
from readiness_sandbox.cluster.controllers.rollouts.remembered import Remembered


def test_a_value_is_made_anew_where_its_versions_changed() -> None:
    """Of each object its own."""
    made: list[str] = []
    remembered: Remembered[int] = Remembered()

    def of(uid: str, versions: object) -> int:
        def make() -> int:
            made.append(uid)
            return len(made)

        return remembered.of(uid, versions, make)

    assert [of("a", 1), of("a", 1), of("b", 1), of("a", {"x": 2}), of("a", {"x": 2}), of("a", 1)] == [1, 1, 2, 3, 3, 4]
    assert made == ["a", "b", "a", "a"]


def test_what_is_refused_is_refused_each_time() -> None:
    """It is not remembered, as it may be corrected elsewhere."""
    remembered: Remembered[int] = Remembered()

    def refused() -> int:
        raise SpecError("spec.strategy: Service 'a' not found")

    for _ in range(2):
        with pytest.raises(SpecError, match="not found"):
            remembered.of("a", 1, refused)
    assert remembered.of("a", 1, lambda: 7) == 7
