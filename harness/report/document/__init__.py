"""`verdict.json`, the report for machines. The same judgement gives the same bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.report.document.build import document_of
from harness.report.document.document import Document, adapter, json_schema

if TYPE_CHECKING:
    from harness.model import Judgement, Plan

__all__ = ["Document", "json_schema", "render_verdict", "verdict_document"]


_latest: list[tuple[Plan, Judgement, bytes]] = []
"""Cache of the document rendered last: it is written as a file and attached to the Allure results."""


def render_verdict(plan: Plan, judgement: Judgement) -> bytes:
    """The document as UTF-8, keys in the order of the schema, figures with 6 significant digits."""
    for of_plan, of_judgement, body in _latest:
        if of_plan is plan and of_judgement is judgement:
            return body
    _latest[:] = [(plan, judgement, _rendered(plan, judgement))]
    return _latest[0][2]


def _rendered(plan: Plan, judgement: Judgement) -> bytes:
    plain = verdict_document(plan, judgement)
    return (json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8", "replace")


def verdict_document(plan: Plan, judgement: Judgement) -> dict[str, Any]:
    """The document as plain values; `docs/verdict.schema.json` describes it."""
    plain: dict[str, Any] = adapter().dump_python(document_of(plan, judgement))
    for requirement in plain["requirements"]:
        for measure in requirement["measures"]:
            if not measure["worst_requests"]:
                del measure["worst_requests"]
    return plain
