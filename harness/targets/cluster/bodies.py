"""Reads the bodies of an API server's answers."""

from __future__ import annotations

import json
from typing import Any


def status_message(text: bytes | str | None) -> str:
    """The message in the `Status` object of a refusal; empty if there is none."""
    answer = json_of(text)
    return str(answer.get("message", "")) if isinstance(answer, dict) and answer.get("kind") == "Status" else ""


def is_absence(text: bytes) -> bool:
    """Whether a 404 comes from the API server itself: a `Status`, or its text for a group that it does not serve."""
    answer = json_of(text)
    return (isinstance(answer, dict) and answer.get("kind") == "Status") or text.strip() == b"404 page not found"


def json_of(text: bytes | str | None) -> Any:
    """The JSON of a body; None if it is not JSON."""
    try:
        return json.loads(text or b"")
    except ValueError:
        return None
