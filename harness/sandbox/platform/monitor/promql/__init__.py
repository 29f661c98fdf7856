"""PromQL: the part of it that rules and dashboards use, evaluated as Prometheus 3 does. Anything else is refused by name."""

from .query import Query
from .values import Labels, PromqlError, QueryError, Sample, Value

__all__ = ["Labels", "PromqlError", "Query", "QueryError", "Sample", "Value"]
