"""Actions for experiment files: `provider: {type: python, module: harness.chaos.actions, func: …}`.

Each action writes its undo to disk before it changes anything, raises an error if there is no object to hit (Chaos
Toolkit's own actions succeed then), and returns the objects that it hit.
"""

from __future__ import annotations

from harness.chaos.containers import restore_containers, run_in_containers
from harness.chaos.database import kill_leader, lead_from_home, order_promotion, uncordon_nodes
from harness.chaos.holding import hold
from harness.chaos.injected import end_faults, fail_answers, partition_member, stress_memory
from harness.chaos.locks import lock_rows, lock_tables, release_rows
from harness.chaos.nodes import power_off_node, power_off_region, power_off_zone, power_on_nodes
from harness.chaos.pods import kill_pods
from harness.chaos.workloads import give_services_back, take_service

__all__ = [
    "end_faults",
    "fail_answers",
    "give_services_back",
    "hold",
    "kill_leader",
    "kill_pods",
    "lead_from_home",
    "lock_rows",
    "lock_tables",
    "order_promotion",
    "partition_member",
    "power_off_node",
    "power_off_region",
    "power_off_zone",
    "power_on_nodes",
    "release_rows",
    "restore_containers",
    "run_in_containers",
    "stress_memory",
    "take_service",
    "uncordon_nodes",
]
