"""Requests one address of every region repeatedly, and records for each answer whether it had a feature."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from harness import clock
from harness.targets import Target
from harness.targets.http import http_client

if TYPE_CHECKING:
    import httpx

EVERY_S: Final = 0.1
_ASKERS: Final = 2
"""Number of threads for each region: on a busy machine one thread waits for an answer while another sends a request."""
_WITHIN_S: Final = 2.0
LONGEST_S: Final = 300.0
"""Maximum total time of the requests, in s."""


class FeatureAnswer(NamedTuple):
    """An answer: when it was requested, and whether it had the feature."""

    sent_ns: int
    has: bool


class AnswersSoFar:
    """The answers of every region so far.

    Args:
        header: header of the answers that names the features that an answer has.
        feature: the feature to observe.
        regions: address by region.
        errors_lack: True: an answer other than 200 counts as without the feature once an answer of 200 came; False: it is ignored.
    """

    def __init__(self, header: str, feature: str, regions: Mapping[str, str], *, errors_lack: bool = False) -> None:
        self.answers: dict[str, list[FeatureAnswer]] = {region: [] for region in regions}
        self._header = header
        self._feature = feature
        self._errors_lack = errors_lack

    def take(self, region: str, sent_ns: int, answer: httpx.Response) -> None:
        """Record one answer."""
        if answer.status_code != 200:
            if self._errors_lack and self.answers[region]:
                self.answers[region].append(FeatureAnswer(sent_ns, has=False))
        else:
            named = {word.strip() for word in answer.headers.get(self._header, "").split(",")}
            self.answers[region].append(FeatureAnswer(sent_ns, self._feature in named))

    def answered_everywhere(self) -> bool:
        """Whether every region has answered."""
        return all(self.answers.values())

    def seen_everywhere(self, in_a_row: int = 1) -> bool:
        """Whether the last answers of every region had the feature."""
        last = [answers[-in_a_row:] for answers in self.answers.values()]
        return all(len(some) == in_a_row and all(one.has for one in some) for some in last)


@contextmanager
def asking(
    target: Target, feature: str, header: str, addresses: Mapping[str, str], *, errors_lack: bool = False
) -> Iterator[AnswersSoFar]:
    """Request each region's address continuously within the `with` block, each time on a new connection."""
    asked, ended = AnswersSoFar(header, feature, addresses, errors_lack=errors_lack), threading.Event()
    threads = [
        threading.Thread(target=_ask, args=(target, asked, region, url, ended), daemon=True)
        for region, url in addresses.items()
        for _ in range(_ASKERS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield asked
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _ask(target: Target, asked: AnswersSoFar, region: str, url: str, ended: threading.Event) -> None:
    import httpx

    with http_client(target, url, timeout_s=_WITHIN_S) as client:
        for _ in clock.Deadline.after(LONGEST_S).ticks(EVERY_S):
            if ended.is_set():
                return
            sent_ns = clock.now_ns()
            try:
                asked.take(region, sent_ns, client.get(url, headers={"connection": "close"}))
            except httpx.HTTPError:
                continue
