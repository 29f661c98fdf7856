"""What several sentences of one run say of one act, so that the act is done once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

from harness.drivers.check.claim import RUN

_Seen = TypeVar("_Seen")


class OncePerRun(Generic[_Seen]):
    """What was seen by acts of one run, kept until the next run begins. Checks that use it never run at the same time: they touch the target."""

    def __init__(self) -> None:
        self._run = ""
        self._seen: dict[Hashable, _Seen] = {}

    def of(self, params: Mapping[str, str], key: Hashable, act: Callable[[], _Seen]) -> _Seen:
        """What the act with this key saw in this run; outside a run, and the first time, it is done."""
        run = params.get(RUN, "")
        if not run:
            return act()
        if run != self._run:
            self._run, self._seen = run, {}
        if key not in self._seen:
            self._seen[key] = act()
        return self._seen[key]
