"""Annotations of pods and Endpoints, which each Patroni writes once a second, wake no controller."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from readiness_sandbox.cluster.controllers.manager import Manager
from readiness_sandbox.cluster.controllers.view import ENDPOINTS, POD
from readiness_sandbox.cluster.kinds import Kind
from readiness_sandbox.cluster.store import Store
from readiness_sandbox.cluster.turns import Turns
from readiness_sandbox.network.loopback import Loopback
from tests.sandbox.test_machinery_turns import drained

OBJECTS: dict[str, Any] = {
    "Pod": {"spec": {"nodeName": "a", "containers": [{"name": "c"}]}, "status": {"phase": "Running"}},
    "Endpoints": {"subsets": [{"addresses": [{"ip": "127.1.1.1"}], "ports": [{"port": 80}]}]},
}


class Steps(Turns):
    """Counts what it is given to do."""

    def __init__(self) -> None:
        super().__init__()
        self.added = 0

    def add(self, step: Any) -> None:
        """As a turn, and one more."""
        self.added += 1
        super().add(step)


@pytest.mark.parametrize("kind", [POD, ENDPOINTS], ids=lambda kind: kind.kind)
@pytest.mark.parametrize(("field", "steps"), [("annotations", False), ("labels", True)])
def test_a_change_of_annotations_is_work_for_nobody(kind: Kind, field: str, *, steps: bool) -> None:
    """A label is: it may be what a Service or a ReplicaSet selects."""

    async def run() -> int:
        turns, store = Steps(), Store()
        with drained() as (asking, _):
            manager = Manager(store, Loopback(229, asking), cast("Any", None), turns)
            made = store.create(kind, {"metadata": {"name": "one", "namespace": "default"}, **OBJECTS[kind.kind]})
            await manager.settle()
            before = turns.added
            store.update(kind, {**made, "metadata": {**made["metadata"], field: {"leader": "one"}}})
            await manager.settle()
            return turns.added - before

    assert (asyncio.run(run()) > 0) is steps
