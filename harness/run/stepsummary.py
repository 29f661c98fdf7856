"""The summary on the page of a GitHub job.

It is appended to the file that `GITHUB_STEP_SUMMARY` names.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

VARIABLE: Final = "GITHUB_STEP_SUMMARY"
MOST_BYTES: Final = 1 << 20
"""Of a step; of a longer file nothing at all is shown."""
_ROOM: Final = 400
"""For the line that says that it was cut."""


def append_step_summary(summary: Path) -> str:
    """Append a run's `summary.md` to the page of the job.

    Returns what was wrong, in words, else nothing.
    What does not fit into what the step has left is cut at the end of a line, and says so. Without the variable nothing is done.
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
    """As many lines of it as have room, with a last line that says where the others are.

    Empty where there is no room for a few.
    """
    if len(text) + 2 <= room:
        return text
    if room < 2 * _ROOM:
        return b""
    kept = text[: room - _ROOM]
    kept = kept[: kept.rfind(b"\n") + 1]
    more = f"\n\n… {len(text) - len(kept)} more bytes are in `summary.md` of the run: a job's page has room for {MOST_BYTES} bytes.\n"
    return kept + more.encode()
