"""Reads Kubernetes quantities."""

from __future__ import annotations

from decimal import Decimal

from harness.errors import UsageError


def amount(text: str) -> Decimal:
    """A Kubernetes quantity as a number: `500m` is 0.5, `1Gi` is 1073741824.

    Raises:
        UsageError: the text is not a quantity.
    """
    from kubernetes.utils.quantity import parse_quantity  # half a second, and only where a cluster is read

    try:
        return Decimal(parse_quantity(text))  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise UsageError(f"`{text}` is not a Kubernetes quantity", hint="write it like `500m` or `512Mi`") from error
