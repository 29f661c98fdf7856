"""`verdict.json`: what machines read. The same judgement gives the same bytes."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from harness.report.document.build import document_of
from harness.report.document.document import Document, adapter, json_schema

if TYPE_CHECKING:
    from harness.model import Judgement, Plan

__all__ = ["Document", "json_schema", "render_verdict", "verdict_document"]


def render_verdict(plan: Plan, judgement: Judgement) -> bytes:
    """The document as UTF-8, keys in the order of the schema, figures with 6 significant digits."""
    plain = verdict_document(plan, judgement)
    return (json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8", "replace")


def verdict_document(plan: Plan, judgement: Judgement) -> dict[str, Any]:
    """The document as plain values; `docs/verdict.schema.json` describes it."""
    plain: dict[str, Any] = _six_digits(adapter().dump_python(document_of(plan, judgement)))
    return plain


def _six_digits(value: Any) -> Any:
    """The only place where figures are rounded: six significant digits; what is not a finite number becomes null."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _six_digits(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_six_digits(inner) for inner in value]
    return value
