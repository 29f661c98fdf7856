"""Reads that an experiment sends to the entry, counted by status; the platform's metrics count them too."""

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
    """The status of each of `number` successive reads at the entry; 0 for no answer."""
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
    """Number of reads by status since the last call."""
    found = {str(status): n for status, n in sorted(_ANSWERED.items())}
    _ANSWERED.clear()
    return found
