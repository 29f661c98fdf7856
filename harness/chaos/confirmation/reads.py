"""Reads at the entry that an experiment makes itself, counted by status: the platform counts them too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

import httpx

from harness.chaos.session import session
from harness.targets.http import http_client

_READ_S: Final = 2.0
_ANSWERED: Final = Counter[int]()


def statuses(number: int) -> Iterator[int]:
    """The answers to so many reads at the entry, one after the other; 0 where none came."""
    target = session().target
    with http_client(target, target.entry, timeout_s=_READ_S) as client:
        for _ in range(number):
            try:
                status = client.get(target.probes.read.path).status_code
            except httpx.HTTPError:
                status = 0
            _ANSWERED[status] += 1
            yield status


def newly_answered() -> Mapping[str, int]:
    """How many reads were answered with each status since this was last asked."""
    found = {str(status): n for status, n in sorted(_ANSWERED.items())}
    _ANSWERED.clear()
    return found
