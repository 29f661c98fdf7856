"""Actions for experiment files: `provider: {type: python, module: harness.chaos.actions, func: …}`.

They do what chaostoolkit-kubernetes has no action for. Each writes its undo to disk before it changes anything, raises
an error if there is no object to hit, and returns the objects that it hit.
"""

from __future__ import annotations

from harness.chaos.database import lead_from_home, order_promotion
from harness.chaos.holding import hold
from harness.chaos.injected import end_faults, fail_answers, partition_member, stress_memory
from harness.chaos.locks import lock_rows, lock_tables, release_rows
from harness.chaos.members import lose_members, restore_members
from harness.chaos.nodes import power_off_node, power_off_region, power_off_zone, power_on_nodes
from harness.chaos.workloads import give_services_back, take_service

__all__ = [
    "end_faults",
    "fail_answers",
    "give_services_back",
    "hold",
    "lead_from_home",
    "lock_rows",
    "lock_tables",
    "lose_members",
    "order_promotion",
    "partition_member",
    "power_off_node",
    "power_off_region",
    "power_off_zone",
    "power_on_nodes",
    "release_rows",
    "restore_members",
    "stress_memory",
    "take_service",
]
