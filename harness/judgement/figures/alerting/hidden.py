"""Whether a time without answers may hide a change of an alert, or a notice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from harness.judgement.figures.alerting.history import ANSWERED_NS, WATCHER, alert_labels, not_yet_ns
from harness.judgement.receipts.watch import Span, blind_spells, followed
from harness.model import Evidence, Receipt
from harness.model.observations import AlertRuleLoaded, AlertSeen, NoticeReceived, WatchClosed
from harness.units import NS_PER_S

_NOTICES: Final = "notices"
_GONE: Final = frozenset({"alert.resolved", "alert.inactive"})
_Pair = tuple[AlertSeen | None, AlertSeen]
"""The previous reading of an alert (None: no previous reading), and the reading that shows its change."""


def watched(evidence: Evidence, watcher: str, spans: Iterable[Span]) -> Receipt:
    """A receipt that is ok if no missed answer of a watcher in these spans could have shown a change of alerts, notices or statements."""
    stretches, files = list(spans), (f"history/{watcher}.ndjson",)
    hides = _HIDING[watcher](evidence) if watcher in _HIDING else lambda _: True
    receipt = followed(evidence, watcher, stretches, longest_ns=0, hides=hides, files=files)
    if receipt.ok and watcher == WATCHER and _unread(stretches, sorted(blind_spells(evidence, watcher))):
        return Receipt(ok=False, why=f"the watcher {watcher!r} received no answer in the judged time", files=files)
    return receipt


def _unread(spans: Iterable[Span], blind: Sequence[Span]) -> bool:
    """Whether every one of the spans lies completely in times without answers; False if there are no spans."""
    lengths = [(start_ns, end_ns) for start_ns, end_ns in spans if start_ns < end_ns]
    for start_ns, end_ns in lengths:
        reached_ns = start_ns
        for from_ns, until_ns in blind:
            if from_ns <= reached_ns:
                reached_ns = max(reached_ns, until_ns)
        if reached_ns < end_ns:
            return False
    return bool(lengths)


def _answered(evidence: Evidence, watcher: str) -> Span:
    """Time from the request of the first valid answer to the end of the last one, in ns; by default the times of the records."""
    closed = next(reversed([one for one in evidence.every(WatchClosed) if one.subject == watcher]), None)
    if closed is not None and closed.first_answer_ns is not None and closed.last_answer_ns is not None:
        return closed.first_answer_ns, closed.last_answer_ns
    read = [one.mono_ns for one in evidence.observations if one.source == watcher]
    ended = [window.end_ns for window in evidence.windows.values()]
    last_ns = closed.last_ns if closed is not None and closed.last_ns is not None else max(ended, default=0)
    return min(read, default=2**63), max([last_ns - 1, *read])


def _hiding_alerts(evidence: Evidence) -> Callable[[Span], bool]:
    """A function that tells whether a time without readings may hide that an alert fired or ended, or delay the reading of its change too long.

    It may if no answer came before that time, or none after it. Otherwise it may not in two cases. First, the time is shorter than the `for` of
    the rule and no alert of the rule had changed at its end, as an alert must first be pending for so long. Second, the time is shorter than
    `keep_firing_for`, or than half an evaluation interval.
    """
    loaded = list(evidence.every(AlertRuleLoaded))
    first_ns, last_ns = _answered(evidence, WATCHER)
    blind_times = list(blind_spells(evidence, WATCHER))
    changes = list(_changes(evidence))

    def pended(pair: _Pair, rule: AlertRuleLoaded) -> bool:
        """Whether an alert ended, or was pending again, before the `for` of its rule was over.

        Also true if it became pending only in that time.
        """
        before, after = pair
        if before is None or before.kind in _GONE:
            return after.kind == "alert.pending"
        if before.state != "pending" or (after.kind not in _GONE and after.kind != "alert.pending"):
            return False
        since_ns = not_yet_ns(evidence, blind_times, before)
        return since_ns is not None and since_ns + rule.for_s * NS_PER_S > after.when_ns

    def hides(blind: Span) -> bool:
        from_ns, until_ns = blind
        if not loaded or from_ns < first_ns or until_ns > last_ns:
            return True
        seconds = (until_ns - from_ns) / NS_PER_S
        near = [pair for pair in changes if from_ns < pair[1].when_ns <= until_ns + ANSWERED_NS]
        return any(
            seconds >= max(rule.for_s, rule.keep_s, rule.interval_s / 2)
            or any(pair[1].subject == rule.subject and not pended(pair, rule) for pair in near)
            for rule in loaded
        )

    return hides


def _changes(evidence: Evidence) -> Iterator[_Pair]:
    """Each change of an alert with the change before it."""
    before: dict[frozenset[tuple[str, str]], AlertSeen] = {}
    for seen in sorted(evidence.every(AlertSeen), key=lambda seen: seen.when_ns):
        labels = alert_labels(seen)
        yield before.get(labels), seen
        before[labels] = seen


def _hiding_notices(evidence: Evidence) -> Callable[[Span], bool]:
    """A function that tells whether the receiver may have lost a notice in a time without readings.

    The receiver's log keeps every notice with its time. So a notice can only be unknown if it came before the first answer, after the last
    answer, or if its number is missing.
    """
    first_ns, last_ns = _answered(evidence, _NOTICES)
    read: dict[str, dict[int, int]] = {}
    for notice in evidence.every(NoticeReceived):
        read.setdefault(notice.subject, {}).setdefault(notice.number, notice.recorded_ns)
    holes = [
        (own[lower], own[upper]) for own in read.values() for lower, upper in pairwise(sorted(own)) if upper > lower + 1
    ]

    def hides(blind: Span) -> bool:
        from_ns, until_ns = blind
        if from_ns < first_ns or until_ns > last_ns:
            return True
        return any(lower_ns <= until_ns + ANSWERED_NS and upper_ns > from_ns for lower_ns, upper_ns in holes)

    return hides


_HIDING: Final[Mapping[str, Callable[[Evidence], Callable[[Span], bool]]]] = {
    WATCHER: _hiding_alerts,
    _NOTICES: _hiding_notices,
}
"""What a time without answers may hide, by watcher; for other watchers everything."""
