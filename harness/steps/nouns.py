"""The nouns of sentences about figures, and what each means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.model import Figure

PRIMARYS_DEATH: Final = "the primary's death"
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
EARLIER: Final[Mapping[str, Figure]] = {
    "the baseline run": Figure.BASELINE_FACTOR,
    "the first hour": Figure.LAST_HOUR,
}
"""What a response time is a multiple of."""
KEPT: Final[Mapping[str, Figure]] = {
    "there once": Figure.COPIES,
    "read back equal in every region": Figure.READ_BACK,
}
"""What becomes of an acknowledged write."""
RETURNS: Final[Mapping[str, str]] = {
    "the trigger, by no hand": "platform",
    "the one documented command, under traffic": "hand",
}
"""What brings the old release back, and by whom."""
LATENCIES: Final[Mapping[str, Figure]] = {
    "every database query": Figure.QUERY_TIME,
    "every replica": Figure.REPLICATION_LAG,
}
"""What, other than a route, takes its time."""
