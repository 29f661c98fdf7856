"""Rollouts: starts a candidate by the protocol of a product, follows the rollout, and rolls it back.

Nothing is judged here.
"""

from __future__ import annotations

from harness.drivers.rollout.back import (
    STRATEGY_OF_OTHERS,
    Given,
    given_by_others,
    go_back,
    intend_back,
    take_over,
    unmoved,
)
from harness.drivers.rollout.candidate import Replaced, candidate_template
from harness.drivers.rollout.files import load_rollout, on_target, read_rollout
from harness.drivers.rollout.objects import Changeable, Strategy, changeable
from harness.drivers.rollout.reverted import FollowedSpec, Reversal, gone_back
from harness.drivers.rollout.status import ObjectStatus

__all__ = [
    "STRATEGY_OF_OTHERS",
    "Changeable",
    "FollowedSpec",
    "Given",
    "ObjectStatus",
    "Replaced",
    "Reversal",
    "Strategy",
    "candidate_template",
    "changeable",
    "given_by_others",
    "go_back",
    "gone_back",
    "intend_back",
    "load_rollout",
    "on_target",
    "read_rollout",
    "take_over",
    "unmoved",
]
