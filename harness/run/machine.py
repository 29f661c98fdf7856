"""The machine that the harness and the sandbox share: whether there is room on it for both."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

PRESSURE: Final = Path("/proc/pressure/cpu")
BUSY: Final = 0.25
"""A machine that has nothing else to do is below a twentieth."""

_SOME: Final = re.compile(r"^some avg10=([0-9.]+) ", re.MULTILINE)


def waited_share(pressure: Path = PRESSURE) -> float | None:
    """The share of the last 10 s in which something waited for a processor; None where the kernel does not say.

    Source: Linux, Documentation/accounting/psi.rst.
    """
    try:
        some = _SOME.search(pressure.read_text(encoding="ascii"))
    except OSError:  # an older kernel, or one that was built or started without it
        return None
    return float(some[1]) / 100 if some else None


def company(share: float | None) -> str:
    """What to say before the sandbox is started beside other work; empty when it has the machine for itself."""
    if share is None or share <= BUSY:
        return ""
    return f"this machine is busy: work waited for a processor in {100 * share:.0f} % of the last 10 s"
