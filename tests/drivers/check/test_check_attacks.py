"""A client that attacks, before its attack."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.drivers.check.attacks.bursts import Attacker
from harness.drivers.check.calls.together import CallAnswer
from harness.targets.files.attacks import AttackSettings


@pytest.mark.parametrize(("answers", "left", "let_in"), [([403, 403, 200], 0, True), ([503, 200], 1, False)])
def test_a_lifted_block_may_take_effect_later(answers: list[int], left: int, *, let_in: bool) -> None:
    """The right call is sent again while the client is refused as one that is blocked."""
    coming = [*answers]

    def send(_: object) -> list[Any]:
        return [SimpleNamespace(answer=CallAnswer(status=coming.pop(0), seconds=0.0))]

    content = {"alerts": {}, "protected": {"call": "GET /orders"}, "clients": ("127.0.66.1",)}
    maker = cast("Any", SimpleNamespace(send=send))
    attacker = Attacker(
        target=cast("Any", None), settings=AttackSettings.model_validate(content), attack="forged-tokens",
        alert="Attack", client="127.0.66.1", maker=maker,
    )  # fmt: skip
    assert attacker.let_in(30.0)[1] is let_in
    assert len(coming) == left
