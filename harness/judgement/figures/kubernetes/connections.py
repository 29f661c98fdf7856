"""Connections between workloads, from the connection log: which workloads are connected, and connections opened per request."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import MORE_TRAFFIC, steady_window
from harness.judgement.figures.spec import Basis, Need, Spec, in_words
from harness.judgement.measures import Case, bounded, inconclusive
from harness.judgement.receipts.load import load_receipt
from harness.judgement.receipts.watch import pods_receipt
from harness.judgement.routes import are_of
from harness.judgement.shapes.every import Things, every_one
from harness.judgement.special import chdtri
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Objective, Phase, ReasonKind, Receipt, Window
from harness.model.observations import FlowsSeen
from harness.units import NS_PER_S

_FILES: Final = ("history/connections.ndjson",)
_AGAIN: Final = "make sure that the connection log (`flows` in the target file) can be read during the complete window, then run again"
_FORWARDED: Final = "FORWARDED"
_POOLING: Final = Figure.POOLING.value
_WORDS: Final = {"dependencies": "a declared dependency", "data access": "of the data access layer"}

_Pair = tuple[str, str]


class _Unread(Exception):
    """The connection log is not sufficient for a verdict; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _ConnectionLog:
    """The content of the connection log during one traffic.

    Attributes:
        begun: number of connections that began in the span, by caller and callee.
        held: number of connections that began before the span, by caller and callee.
        dropped: connections that a network policy refused, at any time.
        span: time of the first and of the last reading, in ns.
        lines: number of log lines in the span.
        why: error of a reading; empty: all readings succeeded.
        names: lists that the target file declares.
        homes: namespaces from which a workload connects to a store.
    """

    begun: Counter[_Pair]
    held: Counter[_Pair]
    dropped: Counter[_Pair]
    span: tuple[int, int]
    lines: int
    why: str
    names: FlowsSeen
    homes: frozenset[str]

    @property
    def receipt(self) -> Receipt:
        """Ok if the complete log was read, else unknown, since a connection that is missing in a partial log proves nothing."""
        seconds = (self.span[1] - self.span[0]) / NS_PER_S
        text = self.why or f"the connection log has {self.lines} lines in {seconds:.3g} s"
        return Receipt(ok=None if self.why else True, why=text, hint=_AGAIN if self.why else "", files=_FILES)

    def listed(self, key: str) -> tuple[str, ...]:
        """The list that the target file declares under `key`; empty if it declares none."""
        return tuple(map(str, self.names.names.get(key, ())))

    def mapped(self, key: str) -> Mapping[str, Sequence[str]]:
        """The lists that the target file declares under `key`, by name."""
        return {str(name): tuple(map(str, of)) for name, of in dict(self.names.names.get(key, {})).items()}


def _log(case: Case, window: Window) -> _ConnectionLog:
    reads = sorted(
        (read for read in case.evidence.every(FlowsSeen) if read.traffic == window.traffic),
        key=lambda read: read.when_ns,
    )
    if len(reads) < 2:
        raise _Unread(
            "; ".join(read.why for read in reads if read.why) or "the connection log was not read in the window"
        )
    span = (reads[0].when_ns, reads[-1].when_ns)
    if (span[1] - span[0]) / NS_PER_S * 2 < window.seconds:
        raise _Unread(f"the connection log was read for only {(span[1] - span[0]) / NS_PER_S:.3g} s of the window")
    found: Mapping[str, Counter[_Pair]] = defaultdict(Counter)
    for read in reads:
        for one in read.connections:
            if one["source_namespace"] and one["namespace"]:  # both are workloads of the cluster
                when = "dropped" if one["verdict"] != _FORWARDED else "held" if read.before else "begun"
                found[when][str(one["source"]), str(one["destination"])] += int(one["n"])
    if not found["begun"]:
        raise _Unread(
            f"the {sum(read.lines for read in reads)} lines of the connection log contain no connection between two workloads"
        )
    names = next(read for read in reads if read.names)
    stores = {str(name) for name in names.names.get("stores", ())}
    return _ConnectionLog(
        begun=found["begun"],
        held=found["held"],
        dropped=found["dropped"],
        span=span,
        lines=sum(read.lines for read in reads if not read.before),
        why="; ".join(dict.fromkeys(read.why for read in reads if read.why)),
        names=names,
        homes=frozenset(
            str(one["source_namespace"])
            for read in reads
            for one in read.connections
            if one["source_namespace"] and one["namespace"] and one["destination"] in stores
        ),
    )


def connections(case: Case) -> Iterable[Measure]:
    """One measure per pair of connected workloads.

    For data access, one per workload that connects to a store.
    """
    what = case.objective.params["what"]
    window = steady_window(case, Figure.CONNECTIONS.value)
    if isinstance(window, Measure):
        yield window
        return
    try:
        log = _log(case, window)
        allowed = _allowed(log, what)
    except _Unread as unknown:
        yield inconclusive(case, Figure.CONNECTIONS.value, str(unknown), _AGAIN, scope={"of": what})
        return
    pairs = sorted({*log.begun, *log.held})
    if what == "data access":
        stores = {*log.listed("stores")}
        pairs = [pair for pair in pairs if pair[1] in stores and pair[0] not in stores]
        if not pairs:
            why = f"the connection log contains no connection to {', '.join(sorted(stores))}, expected at least one"
            yield inconclusive(case, Figure.CONNECTIONS.value, why, _AGAIN, scope={"of": what})
    for pair in pairs:
        yield _connection(case, window, log, pair, known=pair[1] in allowed.get(pair[0], ()))


def _allowed(log: _ConnectionLog, what: str) -> Mapping[str, Sequence[str]]:
    """The workloads that each workload may connect to."""
    return (
        log.mapped("dependencies")
        if what == "dependencies"
        else dict.fromkeys(log.listed("data_access"), log.listed("stores"))
    )


def _connection(case: Case, window: Window, log: _ConnectionLog, pair: _Pair, *, known: bool) -> Measure:
    begun, held_ = log.begun[pair], log.held[pair]
    expected = _WORDS[case.objective.params["what"]]
    found = Things(
        bad=not known,
        n=begun + held_,
        text=f"{pair[0]} connects to {pair[1]} ({begun} times in the window, {held_} times before): {'' if known else 'not '}{expected}",
        scope={"traffic": window.traffic, "phase": case.objective.scope.phase.value, "of": f"{pair[0]} to {pair[1]}"},
        receipts={"load": load_receipt(case.plan, window, latencies=False), "watch": log.receipt},
        value=float(begun + held_),
        scaled_limit=None,
        said=expected,
        method="connections that began between two workloads of the cluster, counted in the connection log",
        files=(*_FILES, *window.files),
    )
    return every_one(case, found)


def pooling(case: Case) -> Iterable[Measure]:
    """One measure per service of the data access layer: database connections opened per request."""
    window = steady_window(case, _POOLING)
    if isinstance(window, Measure):
        yield window
        return
    try:
        log = _log(case, window)
    except _Unread as unknown:
        yield inconclusive(case, _POOLING, str(unknown), _AGAIN, scope={"traffic": window.traffic})
        return
    stores, routes = {*log.listed("stores")}, log.mapped("routes")
    samples = window.samples.between("done_ns", *log.span)
    needed = {name for needs in routes.values() for name in needs}
    layer = [
        name
        for name in log.listed("data_access")
        if name not in stores and (name in needed or not _was_away(case, window, log, name))
    ]
    for service in sorted({*layer, *(source for source, to in log.begun if to in stores and source not in stores)}):
        own = [route for route, needs in routes.items() if service in needs]
        asked = np.logical_or.reduce([are_of(samples, route) for route in own]) if own else np.zeros(0, bool)
        own_stores = {to for source, to in {*log.begun, *log.held} if source == service and to in stores}
        if not own_stores:
            why = f"the connection log has no connection of {service} to a store; a store outside the cluster is not logged"
            yield inconclusive(case, _POOLING, why, _AGAIN, scope={"traffic": window.traffic, "of": service})
            continue
        opened = sum(n for (source, to), n in log.begun.items() if source == service and to in stores)
        if not (own or opened) and (callers := _other_callers(log, service, needed)):
            yield _unasked(case, window, log, service, callers)
            continue
        yield _pooled(case, window, log, service, opened=opened, requests=int(asked.sum()))


def _was_away(case: Case, window: Window, log: _ConnectionLog, service: str) -> bool:
    """Whether a service certainly had no pod in a window, such as the Job of a migration that did not run.

    The log names the service in no connection, and either its pods were gone before the window (a completed pod counts as gone), or it had
    no pod at all while the pods of every namespace that connects to a store were followed.
    """
    if any(service in pair for pair in (*log.begun, *log.held, *log.dropped)):
        return False
    own = [change for change in case.evidence.pods if change.workload == service]
    before = {change.uid for change in own if change.at_ns < window.end_ns}
    gone = {change.uid for change in own if change.what == "deleted" and change.at_ns < window.start_ns}
    followed = {change.namespace for change in case.evidence.pods}
    known = bool(before) or (bool(log.homes) and log.homes <= followed)
    return known and before <= gone and pods_receipt(case.evidence, window.span).ok is True


def _other_callers(log: _ConnectionLog, service: str, needed: Iterable[str]) -> tuple[str, ...]:
    """The callers of a service, declared and seen, if no request of the traffic can come by any of them; else empty.

    A request comes through the services that its route needs, and through what calls these by the declared dependencies.
    """
    declared = [(source, to) for source, targets in log.mapped("dependencies").items() for to in targets]
    entered = _with_callers(needed, declared)
    pairs = [*declared, *log.begun, *log.held]
    callers = sorted({source for source, to in pairs if to == service and source != service})
    named = any(to == service for _, to in declared)
    return tuple(callers) if named and not _with_callers({service, *callers}, pairs) & entered else ()


def _with_callers(services: Iterable[str], pairs: Iterable[_Pair]) -> set[str]:
    """These services, what calls them, what calls that, and so on."""
    known, pairs = set(services), list(pairs)
    while more := {source for source, to in pairs if to in known} - known:
        known |= more
    return known


def _unasked(case: Case, window: Window, log: _ConnectionLog, service: str, callers: Sequence[str]) -> Measure:
    found = Things(
        bad=False,
        text=f"{service} opened no connection in the window, and no request of the traffic reaches it (its callers: {', '.join(callers)})",
        scope={"traffic": window.traffic, "phase": case.objective.scope.phase.value, "of": service},
        receipts={"load": load_receipt(case.plan, window, latencies=False), "watch": log.receipt},
        value=0.0,
        scaled_limit=None,
        method="connections that began in the window, and callers by the declared dependencies and by the connection log",
        files=(*_FILES, *window.files),
    )
    return every_one(case, found, _POOLING)


def _pooled(case: Case, window: Window, log: _ConnectionLog, service: str, *, opened: int, requests: int) -> Measure:
    scope = {"traffic": window.traffic, "phase": case.objective.scope.phase.value, "of": service}
    if not requests:
        why = f"{service} opened {opened} connections, but the traffic sent no request on a route that uses {service} (`routes` in the target file)"
        return inconclusive(case, _POOLING, why, MORE_TRAFFIC, kind=ReasonKind.TOO_FEW, scope=scope)
    bounds = rate_bounds(opened, requests, case.objective.confidence)
    receipts = {"load": load_receipt(case.plan, window, latencies=False), "watch": log.receipt}
    return bounded(
        case,
        _POOLING,
        bounds,
        unit="ratio",
        subject=f"database connections opened per request of {service} ({opened} for {requests})",
        scope=scope,
        receipts=receipts,
        fail_needs=("load",),
        files=(*_FILES, *window.files),
    )


def rate_bounds(events: int, per: int, confidence: float) -> Bounds:
    """Events per unit, with the exact bounds of a Poisson rate.

    Source: F. Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936).

    A pool renews its connections more evenly than a Poisson process, so these bounds are wide enough.
    """

    def low(sure: float) -> float:
        return chdtri(2 * events, sure) / 2 / per if events else 0.0

    def high(sure: float) -> float:
        return chdtri(2 * (events + 1), 1 - sure) / 2 / per

    return Bounds(
        value=events / per,
        low=low(confidence),
        high=high(confidence),
        fail_low=low(FAIL_CONFIDENCE),
        fail_high=high(FAIL_CONFIDENCE),
        confidence=confidence,
        n=per,
        method="rate with exact Poisson bounds (Garwood)",
    )


def _in_words(objective: Objective) -> str:
    return in_words(objective, f"each {_WORDS.get(objective.params.get('what', ''), 'as declared')}")


_LOG: Final = Need(
    key="flows",
    why="connections are read from the connection log",
    hint="add `flows: {log: FILE, stores: […], data_access: […], dependencies: {…}}` to the target file",
)
SPEC: Final = Spec(
    figure=Figure.CONNECTIONS,
    judge=connections,
    limit=None,
    unit="",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda case: ("history/connections.", *load_files(case)),
    needs=lambda _objective: (_LOG,),
    words=_in_words,
)
POOLING_SPEC: Final = Spec(
    figure=Figure.POOLING,
    judge=pooling,
    limit=LimitRule(dimension="ratio", ops=ONLY_BELOW),
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda case: ("history/connections.", *load_files(case)),
    needs=lambda _objective: (
        _LOG,
        Need(
            key="routes",
            why="requests are counted per service that they use",
            hint="add `routes: {ROUTE: [SERVICE]}` to the target file",
        ),
    ),
)
