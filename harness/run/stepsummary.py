"""Appends the summary of a run to the page of a GitHub job, by the file that `GITHUB_STEP_SUMMARY` names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

VARIABLE: Final = "GITHUB_STEP_SUMMARY"
MOST_BYTES: Final = 1 << 20
"""Largest summary of a step, in bytes; GitHub shows nothing of a longer file."""
_ROOM: Final = 400
"""Bytes that are kept for the line that says that the summary was cut."""


def append_step_summary(summary: Path) -> str:
    """Append a run's `summary.md` to the page of the job; returns the problem in words, empty if there is none.

    A summary that is too long is cut at the end of a line, and its last line says so. Without the variable nothing is done.
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
    return (
        ""
        if text
        else f"the summary was not written to {VARIABLE}: {to} is full, since GitHub shows at most {MOST_BYTES} bytes"
    )


def fitted(text: bytes, room: int) -> bytes:
    """As many lines of the summary as fit, and a line that names the file with the others; empty if almost none fit."""
    if len(text) + 2 <= room:
        return text
    if room < 2 * _ROOM:
        return b""
    kept = text[: room - _ROOM]
    kept = kept[: kept.rfind(b"\n") + 1]
    more = f"\n\n… {len(text) - len(kept)} more bytes are in `summary.md` of the run: GitHub shows at most {MOST_BYTES} bytes.\n"
    return kept + more.encode()
