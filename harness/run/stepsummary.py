"""The summary on the page of a GitHub job.

It is appended to the file that `GITHUB_STEP_SUMMARY` names.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

VARIABLE: Final = "GITHUB_STEP_SUMMARY"
MOST_BYTES: Final = 1 << 20
"""Most bytes of the summary of a step; GitHub shows nothing of a longer file."""
_ROOM: Final = 400
"""Bytes that are kept for the line that says that the summary was cut."""


def append_step_summary(summary: Path) -> str:
    """Append a run's `summary.md` to the page of the job.

    Returns a problem in words, or an empty text.
    A summary that is longer than the remaining room is cut at the end of a line, and says so. Without the variable nothing is done.
    """
    named = os.environ.get(VARIABLE, "")
    if not named:
        return ""
    to = Path(named)
    try:
        used = to.stat().st_size if to.exists() else 0
        text = fitted(summary.read_bytes(), MOST_BYTES - used)
        with to.open("ab") as file:
            file.write((b"\n\n" if used else b"") + text if text else b"")
    except OSError as error:
        return f"the summary was not written to {VARIABLE} ({to}): {error.strerror or error}"
    return "" if text else f"the summary was not written to {VARIABLE}: there is no room left in {to}"


def fitted(text: bytes, room: int) -> bytes:
    """As many lines of the summary as fit, with a last line that says where the others are.

    Empty if there is room for hardly any.
    """
    if len(text) + 2 <= room:
        return text
    if room < 2 * _ROOM:
        return b""
    kept = text[: room - _ROOM]
    kept = kept[: kept.rfind(b"\n") + 1]
    more = f"\n\n… {len(text) - len(kept)} more bytes are in `summary.md` of the run: a job's page has room for {MOST_BYTES} bytes.\n"
    return kept + more.encode()
