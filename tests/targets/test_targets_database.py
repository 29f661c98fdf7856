"""How the primary is asked to come home: named as a candidate only where its priority would not make it the leader."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from harness.targets import load_target
from harness.targets.database import switch_back
from harness.targets.kubernetes import Cluster, Object

TARGET = """\
name: demo
environment: staging
entry: http://127.96.0.1:8080
primary_region: us
regions:
  us: {entry: "http://127.96.0.2:8080", namespace: us, share: 50 %}
  eu: {entry: "http://127.96.0.3:8080", namespace: eu, share: 50 %}
database:
  dsn: {file: dsn}
  members:
    pg-us: {dsn: {file: dsn}, region: us}
    pg-eu: {dsn: {file: dsn}, region: eu}
  leader: {namespace: db, endpoints: main}
"""


@dataclass
class Patroni:
    """Members with these priorities; pg-us is a synchronous standby from the third look on, pg-eu leads until a switchover is requested."""

    priorities: dict[str, int | None]
    leader: str = "pg-eu"
    requests: list[dict[str, Any]] = field(default_factory=list)
    looks: int = 0

    def endpoints(self, namespace: str, name: str) -> Object | None:
        """The lock, and the synchronous standbys; there is no request yet."""
        self.looks += name == "main-sync"
        found = {
            "main": {"leader": self.leader},
            "main-sync": {"sync_standby": "pg-x,pg-us" if self.looks > 2 else "pg-x"},
        }
        return {"metadata": {"annotations": found[name]}} if name in found else None

    def pod(self, namespace: str, name: str) -> Object:
        """A ready member that reports its state and its tags."""
        status: dict[str, Any] = {"state": "running", "replication_state": "streaming"}
        if self.priorities[name] is not None:
            status["tags"] = {"failover_priority": self.priorities[name]}
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        return {"metadata": {"annotations": {"status": json.dumps(status)}}, "status": ready}

    def create_endpoints(self, namespace: str, body: Object) -> None:
        """The request of a switchover, granted at once."""
        assert self.looks == 3, "a member that is no synchronous standby cannot lead"
        self.requests.append(body["metadata"]["annotations"])
        self.leader = "pg-us"


@pytest.mark.parametrize(
    ("priorities", "request_"),
    [
        ({"pg-us": 2, "pg-eu": 1}, {"leader": "pg-eu"}),
        ({"pg-us": 2, "pg-eu": None}, {"leader": "pg-eu"}),
        ({"pg-us": None, "pg-eu": None}, {"leader": "pg-eu", "member": "pg-us"}),
        ({"pg-us": 1, "pg-eu": 3}, {"leader": "pg-eu", "member": "pg-us"}),
    ],
)
def test_the_candidate_is_named_where_its_priority_is_not_the_highest(
    tmp_path: Path, priorities: dict[str, int | None], request_: dict[str, str]
) -> None:
    """Patroni's standbys follow 2 s sooner where no candidate is named; a member of the highest priority wins anyway."""
    (tmp_path / "target.yaml").write_text(TARGET)
    (tmp_path / "dsn").write_text("host=127.96.0.4")
    patroni = Patroni(priorities)
    leader = switch_back(cast("Cluster", patroni), load_target(tmp_path / "target.yaml"), within_s=5)
    assert (leader, patroni.requests) == ("pg-us", [request_])
