"""The answer to a request of a journey, and whether it is the expected answer."""

from __future__ import annotations

import json as jsonlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from harness.locust.client.response import Response

ERRORS: Final = 400
"""Lowest status that counts as an error, unless the journey names the expected status."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The answer to a request.

    Attributes:
        ok: whether the answer is as expected.
        status: HTTP status; 0: no answer.
        body: JSON value of the body; read only if the journey expects something of the body.
        error: kind of failure: `timeout`, `refused`, `reset`, `status 503`, `wrong body`, `redirected`, …; None if
            `ok`.
    """

    ok: bool
    status: int
    body: Any = None
    error: str | None = None

    def __getitem__(self, key: str) -> Any:
        return self.body[key]


def judged(
    response: Response | None, error: str | None, status: int | None, expect: Mapping[str, object] | None
) -> Answer:
    """Check a response against the expected status and the expected keys of the JSON body.

    `error` is the kind of a failure; None means that there was none.
    """
    seen = response.status_code if response is not None else 0
    if response is None or error is not None:
        return Answer(ok=False, status=seen, error=error)
    if seen >= ERRORS if status is None else seen != status:
        return Answer(ok=False, status=seen, error=f"status {seen}")
    try:
        content = response.content
        body = None if expect is None else jsonlib.loads(content)
    except (ValueError, RecursionError, zlib.error):
        return Answer(ok=False, status=seen, error="wrong body")
    if expect is None:
        return Answer(ok=True, status=seen)
    right = isinstance(body, dict) and all(
        key in body and _as_expected(body[key], value) for key, value in expect.items()
    )
    return Answer(ok=right, status=seen, body=body, error=None if right else "wrong body")


def _as_expected(observed: object, expected: object) -> bool:
    return isinstance(observed, expected) if isinstance(expected, type) else observed == expected


def number_in(response: Response, key: str) -> int:
    """The whole number under a key of the answer's JSON object; -1 if it is missing."""
    try:
        return int(jsonlib.loads(response.content)[key])
    except (ValueError, RecursionError, zlib.error, TypeError, KeyError):
        return -1
