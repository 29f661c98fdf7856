"""The basis of a decision, one line each: release, load, users, faults, recovery, writes, events, watchers, time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from harness.model import Outcome, Phase
from harness.report.view.wording import NOT_VERIFIED, figure, recovered
from harness.words import counted, some

if TYPE_CHECKING:
    from harness.model import ExperimentResult, JourneyResult, Judgement, ReleaseResult


def basis(judgement: Judgement) -> tuple[tuple[str, str], ...]:
    """Label and sentence of each line that has data. The page, the summary and Allure show the same lines."""
    return tuple(line for line in (make(judgement) for make in _LINES) if line is not None)


def _release(judgement: Judgement) -> tuple[str, str] | None:
    return None if judgement.release is None else ("Release", receipt_line(judgement.release))


def receipt_line(release: ReleaseResult) -> str:
    """The planned release, whether it was verified, the releases in the answers, and whether images changed."""
    word = {True: "verified", False: "does not match", None: "not verified"}[release.verified]
    named = ", ".join(f"{n} answers named {name}" for name, n in release.observed.items())
    unnamed = f"{release.unnamed} answers named no release" if release.unnamed else ""
    changed = sum(release.after.get(name) != images for name, images in release.before.items())
    images = ""
    if release.before:
        images = (
            f"images of {counted(len(release.before), 'workload')}: {f'{changed} changed' if changed else 'unchanged'}"
        )
    details = "; ".join(text for text in (named, unnamed, images) if text)
    why = f"; {release.why}" if release.why and release.verified is not True else ""
    return f"{release.planned} {word}{f': {details}' if details else ''}{why}"


def _users(judgement: Judgement) -> tuple[str, str] | None:
    return ("Users", "; ".join(map(in_trouble, judgement.journeys))) if judgement.journeys else None


def in_trouble(journeys: JourneyResult) -> str:
    """`9 of 4272 journeys of everyday (0.211 %) had a failed request or waited over 500 ms, without a fault`."""
    waited = "" if journeys.limit_ms is None else f" or waited over {figure(journeys.limit_ms, 'ms')}"
    share = figure(journeys.share, "ratio")
    head = f"{journeys.troubled} of {counted(journeys.n, 'journey')} of {journeys.traffic} ({share})"
    return f"{head} had a failed request{waited}, without a fault"


def _way_back(judgement: Judgement) -> tuple[str, str] | None:
    """The longest outage after an undo, of probes and users alike."""
    every = [
        (way, f"{of} after {result.name}")
        for result in judgement.experiments
        for of, way in (
            ("reads", result.reads),
            ("writes", result.writes),
            *((f"users, {group}", seen) for group, seen in result.users.items()),
        )
        if way is not None and way.way_back_s
    ]
    if not every:
        return None
    spans = [(end - start, of) for way, of in every for start, end in way.way_back]
    if not spans:
        return "After the undo", "no outage between an undo and its restore"
    longest, of = max(spans)
    return (
        "After the undo",
        f"{counted(len(spans), 'outage')} between an undo and its restore, the longest {figure(longest, 's')} ({of})",
    )


def _time(judgement: Judgement) -> tuple[str, str] | None:
    if not judgement.windows:
        return None
    lost = sum(stretch.seconds for stretch in judgement.unjudged)
    seconds = max(w.end_s for w in judgement.windows)
    rest = f"{figure(lost, 's')} belong to no window" if lost else "every second belongs to a window"
    return "Windows", f"{counted(len(judgement.windows), 'window')} in {figure(seconds, 's')}, {rest}"


def _machine(judgement: Judgement) -> tuple[str, str] | None:
    if judgement.machine is None:
        return None
    machine = judgement.machine
    return "Machine", machine.why


def _processors(judgement: Judgement) -> tuple[str, str] | None:
    """Shares of processor time, which show whether a slow release lacked processor time."""
    machine = judgement.machine
    if machine is None or machine.others_share is None:
        return None
    shares = {
        "the platform": machine.target_share,
        "the harness": machine.harness_share,
        "other programs": machine.others_share,
    }
    told = ", ".join(f"{figure(share, 'ratio')} by {who}" for who, share in shares.items() if share is not None)
    busy = sum(share for share in shares.values() if share is not None)
    return "Processors", f"{figure(busy, 'ratio')} busy: {told}"


def _end(judgement: Judgement) -> tuple[str, str] | None:
    end = judgement.steady_end
    if end is None:
        return None
    return "At the end", "the target was steady" if end.ok else f"the target was not steady: {end.why}"


def _load(judgement: Judgement) -> tuple[str, str] | None:
    names = {window.name for window in judgement.windows if window.phase != Phase.FAULT}
    totals = [result for result in judgement.traffic if not result.route]
    quiet = [r for r in totals if (r.window in names if judgement.windows else not r.experiment)]
    if not quiet:
        return None
    n, errors = sum(window.n for window in quiet), sum(window.errors for window in quiet)
    late = some([window.name for window in quiet if not window.valid])
    health = f"response times of {late} do not count" if late else "the generators kept their schedule"
    return "Load", f"{counted(n, 'request')} without a fault, {errors} failed; {health}"


def _faults(judgement: Judgement) -> tuple[str, str] | None:
    every = judgement.experiments
    if not every:
        return None
    bad = some([result.name for result in every if result.verdict is not Outcome.PASS])
    held = f"receipts of {bad} are incomplete" if bad else "all receipts are complete"
    return "Faults", f"{counted(len(every), 'experiment')}, {held}{_slowest(every)}"


def _slowest(every: Iterable[ExperimentResult]) -> str:
    """The slowest recovery; a recovery that never came counts as the slowest."""
    seen = [(result.name, way) for result in every for way in (result.reads, result.writes) if way is not None]
    if not seen:
        return ""
    name, way = max(seen, key=lambda one: (one[1].seconds is None, one[1].seconds or 0.0))
    if way.seconds == 0:
        return "; no experiment affected a client"
    return f"; slowest recovery: {way.operation} after {name}, {recovered(way)}"


def _writes(judgement: Judgement) -> tuple[str, str] | None:
    ledger = judgement.ledger
    if ledger is None:
        return None
    trouble = f"; {ledger.why}" if ledger.why else ""
    if ledger.lost is None:
        return "Writes", f"{ledger.acknowledged} acknowledged, lost: {NOT_VERIFIED}{trouble}"
    gone = ", ".join(f"{n} from {source}" for source, n in ledger.missing.items() if n)
    unsure = f", {ledger.unsure} of unknown outcome" if ledger.unsure else ""
    lost = f"{ledger.lost} lost{f' ({gone})' if gone else ''}"
    wrong = f", {ledger.wrong} with another value" if ledger.wrong else ""
    return "Writes", f"{ledger.acknowledged} acknowledged, {lost}{wrong}{unsure}{trouble}"


def _events(judgement: Judgement) -> tuple[str, str] | None:
    events = judgement.pipeline
    if events is None:
        return None
    trouble = f"; {events.why}" if events.why else ""
    after = "" if events.visible_p95_s is None else f", visible within {figure(events.visible_p95_s, 's')} (p95)"
    counts = {"lost": events.lost, "twice": events.twice, "wrong": events.wrong}
    told = ", ".join(f"{n} {what}" if n is not None else f"{what}: {NOT_VERIFIED}" for what, n in counts.items())
    unsure = f", {events.unsure} of unknown outcome" if events.unsure else ""
    return "Events", f"{events.accepted} accepted, {told}{unsure}{after}{trouble}"


def _watch(judgement: Judgement) -> tuple[str, str] | None:
    every = judgement.watchers
    if not every:
        return None
    blind = sum(watcher.blind_s for watcher in every)
    where = some([watcher.name for watcher in every if watcher.blind_s])
    bad = some([watcher.name for watcher in every if watcher.why])
    gaps = f"gaps of {figure(blind, 's')} in all ({where})" if blind else "without a gap"
    return "Watch", f"{counted(len(every), 'watcher')}, {gaps}{f'; incomplete records of {bad}' if bad else ''}"


_LINES: Final[tuple[Callable[[Judgement], tuple[str, str] | None], ...]] = (
    _release,
    _load,
    _users,
    _faults,
    _way_back,
    _writes,
    _events,
    _watch,
    _machine,
    _processors,
    _time,
    _end,
)
