"""What the body of an answer of an API server says."""

from __future__ import annotations

import json
from typing import Any


def status_message(text: bytes | str | None) -> str:
    """The message of the `Status` object that a refusal has; empty where it has none."""
    answer = json_of(text)
    return str(answer.get("message", "")) if isinstance(answer, dict) and answer.get("kind") == "Status" else ""


def is_absence(text: bytes) -> bool:
    """Whether a 404 is the API server's own: a `Status`, or its line for a group that it does not serve."""
    answer = json_of(text)
    return (isinstance(answer, dict) and answer.get("kind") == "Status") or text.strip() == b"404 page not found"


def json_of(text: bytes | str | None) -> Any:
    """The JSON of a body; None where it has none."""
    try:
        return json.loads(text or b"")
    except ValueError:
        return None
