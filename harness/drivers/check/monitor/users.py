"""Reads the number of active users from Prometheus."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.drivers.check.monitor.prometheus import prometheus_of
from harness.errors import DriverError

if TYPE_CHECKING:
    from harness.targets import Target


def active_users(target: Target, query: str) -> float | None:
    """The number that a query returns; None if it returns nothing or NaN.

    Raises:
        ConfigurationError: the target file names no Prometheus.
        DriverError: Prometheus does not answer, or answers with more than one number.
    """
    with prometheus_of(target) as prometheus:
        found = prometheus.vector(query)
    if len(found) > 1:
        raise DriverError(
            f"`{query}` gives {len(found)} numbers",
            where=f"{target.file}: metrics.active_users.query",
            hint="write a query with one result, like `max(active_users)`",
        )
    value = found[0].value if found else math.nan
    return value if math.isfinite(value) else None
