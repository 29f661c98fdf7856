"""The nouns of sentences about figures, and what each means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.model import Figure

PRIMARYS_DEATH: Final = "the primary's death"
CACHES_DEATH: Final = "its primary's death"
AT_ITS_ENTRY: Final = ", at its own entry"
WHILE_PODS_DIE: Final = "while one pod of each service is killed in turn"
WHILE_GONE: Final = "while it is gone, each in turn"
WITHOUT_A_SERVICE: Final = "error rate of routes that do not need a service"
METRICS: Final[Mapping[str, str]] = {
    "an error rate": "error rate",
    "requests per second": "requests per second",
    "a p95 and requests per second": "performance",
    "plays per user": "plays per user",
}
"""What the metrics show, and what the figure calls it."""
DATA: Final[Mapping[str, str]] = {
    "the metrics of every service have": "metrics",
    "the number of active users has": "active-users",
    "the memory of every service has": "memory",
    "the query statistics of the database have": "queries",
    "the log of connections has": "connections",
    "every pod has": "pod-reads",
    "the metrics in Prometheus have": "series",
}
"""What the platform exposes, and what demands call it."""
UNDER_TRAFFIC: Final = ("metrics", "active-users", "memory", "queries", "connections")
IN_A_ROLLOUT: Final = ("memory", "pod-reads", "series")
"""What is read of it under traffic without a rollout, and during one."""
LATENCIES: Final[Mapping[str, Figure]] = {
    "every database query": Figure.QUERY_TIME,
    "every replica": Figure.REPLICATION_LAG,
}
"""What, other than a route, takes its time."""
