"""PromQL: the part that rules and dashboards use, evaluated as Prometheus 3 does.

Anything else is refused by name.
"""

from .query import PromqlQuery
from .values import Labels, PromqlError, QueryError, Sample, Value

__all__ = ["Labels", "PromqlError", "PromqlQuery", "QueryError", "Sample", "Value"]
