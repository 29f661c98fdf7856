"""Is there anything at the target's entry? Asked once before the run begins, so that a wrong address is not judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness import clock
from harness.errors import TargetUnreachable

if TYPE_CHECKING:
    from harness.targets import Target

WITHIN_S: Final = 5.0
_EACH_S: Final = 2.0
_POLL_S: Final = 0.5


def reach(target: Target) -> None:
    """Return once the health path of the entry gives any answer; a bad answer is one, and is judged.

    Raises:
        TargetUnreachable: none within 5 s.
    """
    import httpx

    from harness.targets.http import http_client

    why = ""
    with http_client(target, target.entry, timeout_s=_EACH_S) as client:
        for _ in clock.Deadline.after(WITHIN_S).ticks(_POLL_S):
            try:
                client.get(target.probes.health)
            except httpx.HTTPError as error:
                why = str(error) or type(error).__name__
            else:
                return
    raise TargetUnreachable(
        f"no answer from {target.entry}{target.probes.health} within {WITHIN_S:g} s: {why}",
        where=f"{target.file}: entry",
        hint="start the platform, or put right `entry:` and `probes: {health: …}`; nothing was done yet",
    )
