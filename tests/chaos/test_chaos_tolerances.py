"""Actions that selected nothing."""

from __future__ import annotations

from typing import Any, Final

import pytest

from harness.chaos.confirmation.tolerances import failure

KILL: Final = {
    "name": "kill-auth-service",
    "type": "action",
    "provider": {"type": "python", "module": "chaosk8s.pod.actions", "func": "terminate_pods"},
}


@pytest.mark.parametrize(
    ("if_there", "why"),
    [
        ((), "the action selected no object"),
        (("kill-auth-service",), ""),
        (("kill-other",), "the action selected no object"),
    ],
)
def test_an_action_that_selects_nothing_has_failed_unless_the_file_says_that_it_may(
    if_there: tuple[str, ...], why: str
) -> None:
    """The journal says so, too."""
    run: dict[str, Any] = {"status": "succeeded", "output": []}
    assert failure(KILL, run, if_there) == why
    assert run["status"] == ("failed" if why else "succeeded")


def test_an_action_that_failed_has_failed_though_it_may_select_nothing() -> None:
    """The last line of its error is the reason."""
    run = {"status": "failed", "exception": ["Traceback\n", "chaoslib.exceptions.ActivityFailed: forbidden\n"]}
    assert failure(KILL, run, ("kill-auth-service",)) == "forbidden"
