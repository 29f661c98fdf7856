"""The KPIs of the fault-free window: response time, errors, uptime, share of answers, replication lag."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from harness.judgement.figures.users import users_measure
from harness.judgement.measures import Case, bounded, held, inconclusive, not_falsifiable
from harness.judgement.receipts.load import load_receipt
from harness.judgement.receipts.watch import BLIND_SHARE, blind_share, watch_receipt, watcher_of
from harness.judgement.recovery import answered
from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.clusters import Timeline
from harness.judgement.stats.downtime import downtime_of, looks_needed, outages_of, uptime_by_seconds
from harness.judgement.stats.quantiles import quantile_in_time
from harness.judgement.stats.statistics import Bounds, Floats, needed, needed_within, quantiles_of
from harness.model import Evidence, Measure, Objective, Outcome, Per, Phase, Plan, Receipt, Table, Window
from harness.model.table import Bools, Ints

CUT_OFF: Final = "cut_off"
MORE_TRAFFIC: Final = "let the traffic run long enough, then run again"


def failed(samples: Table) -> Bools:
    """Which requests count as errors: those with an error, cut off ones among them, and those without an answer."""
    return np.asarray(~samples.words["error"].missing | (samples.ints["status"] <= 0), dtype=np.bool_)


def waited_ms(samples: Table, *, since: str = "intended_ns") -> Floats:
    """How long each request took in ms, from the intended send time or from `since`; infinite without an answer, or when cut off at the end."""
    ms = np.subtract(samples.ints["done_ns"], samples.ints[since], out=np.empty(len(samples)), dtype=np.int64)
    ms /= 1e6
    ms[(samples.ints["status"] <= 0) | samples.words["error"].equals(CUT_OFF)] = math.inf
    return ms


def response_ms(samples: Table, limit_ms: float, *, since: str = "intended_ns") -> tuple[Floats, Ints]:
    """Response times in ms from the intended send time (or from `since`) with the intended send times, failures held against the limit.

    A request without an answer, or cut off at the end, counts as over any limit. A failure that was answered counts when it is over
    the limit; a quick one is left to the error rate. So a failure never improves a response time.
    """
    ms = waited_ms(samples, since=since)
    counted = ~failed(samples) | (ms >= limit_ms)
    return ms[counted], samples.ints["intended_ns"][counted]


def groups(samples: Table, plan: Plan, window: Window, objective: Objective) -> Iterable[tuple[str, Table]]:
    """The samples one by one of what the objective says (route or client's region), planned ones without samples included."""
    scope = objective.scope
    if scope.per not in (Per.ROUTE, Per.REGION):
        yield "", samples
        return
    planned = plan.traffic[window.traffic].routes if window.traffic in plan.traffic else {}
    parts = samples.apart("name" if scope.per is Per.ROUTE else "region")
    expected = {*(planned if scope.per is Per.ROUTE else plan.regions), *parts}
    for name in [scope.subject] if scope.subject else sorted(expected):
        yield name, parts.get(name, Table.empty(samples.schema))


def steady_window(case: Case, name: str) -> Window | Measure:
    """The window that KPIs are judged on, or the measure that says why there is none."""
    objective, window = case.objective, case.window
    if objective.scope.phase is not Phase.STEADY:
        why = f"a KPI is judged on the fault-free window, never {objective.scope.phase.value}"
        return not_falsifiable(case, name, why)
    if window is None:
        traffic = objective.scope.traffic or "any traffic"
        return inconclusive(case, name, f"there is no fault-free window of {traffic}", MORE_TRAFFIC)
    seconds = window.seconds
    wanted = objective.window.scaled(case.plan.time_scale).in_unit("s") if objective.window else 0.0
    if seconds < wanted:
        why = f"the fault-free window lasted {seconds:.4g} s, the sentence asks for {wanted:.4g} s"
        return inconclusive(case, name, why, MORE_TRAFFIC)
    return window


def response_times(case: Case) -> Iterable[Measure]:
    """One measure of the quantile a route; with `users`, one more of the journeys in progress."""
    objective, quantile = case.objective, case.quantile
    name = f"response time p{quantile * 100:g}"
    window = steady_window(case, name)
    if isinstance(window, Measure):
        yield window
        return
    receipts = {"load": load_receipt(case.plan, window, latencies=True)}
    for group, samples in groups(window.samples, case.plan, window, objective):
        yield _response_time(case, name, quantile, group, samples, window=window, receipts=receipts)
    if objective.scope.users:
        yield users_measure(case, window)


def _response_time(
    case: Case,
    name: str,
    quantile: float,
    group: str,
    samples: Table,
    *,
    window: Window,
    receipts: Mapping[str, Receipt],
) -> Measure:
    objective, limit = case.objective, case.scaled.in_unit("ms")
    bounds, over = _response_bounds(case, samples, quantile, window)
    outcome = held(objective.op, bounds, limit)
    detail = ""
    fail_needs: tuple[str, ...] = ("load",)
    if outcome is Outcome.FAIL:
        sent, _ = _response_bounds(case, samples, quantile, window, since="sent_ns")
        if held(objective.op, sent, limit) is Outcome.FAIL:
            fail_needs = ()
        detail = _by_region(samples, quantile)
    return bounded(
        case,
        name,
        replace(bounds, method=f"{bounds.method}; {_model(case.plan, window)}"),
        outcome,
        unit="ms",
        subject=f"{name} of {group or 'all routes together'}",
        n_needed=needed(over, 1 - quantile, objective.confidence),
        scope=_scope(window, objective, group),
        receipts=receipts,
        fail_needs=fail_needs,
        detail=detail,
        files=window.files,
    )


def _response_bounds(
    case: Case, samples: Table, quantile: float, window: Window, since: str = "intended_ns"
) -> tuple[Bounds, int]:
    """The quantile with its bounds, and how many are over the limit."""
    limit = case.scaled.in_unit("ms")
    ms, at_ns = response_ms(samples, limit, since=since)
    timeline = Timeline.of(at_ns, window.span)
    return quantile_in_time(ms, timeline, quantile, limit, case.objective.confidence), int((ms >= limit).sum())


def _model(plan: Plan, window: Window) -> str:
    """Which model of load the response times come from, and from when on they count."""
    planned = plan.traffic.get(window.traffic)
    if planned is not None and planned.model == "closed":
        return "closed model, from the actual send time"
    return "open model, from the intended send time"


def _by_region(samples: Table, quantile: float) -> str:
    parts = []
    for region, served in samples.apart("served_region").items():
        (value,) = quantiles_of(response_ms(served, math.inf)[0], quantile)
        parts.append(f"{region} {value:.4g} ms")
    return f"by region that served: {', '.join(parts)}" if parts else ""


def _scope(window: Window, objective: Objective, group: str) -> dict[str, str]:
    scope = {"traffic": window.traffic, "phase": objective.scope.phase.value}
    return {**scope, objective.scope.per.value: group} if group else scope


def error_rates(case: Case) -> Iterable[Measure]:
    """Failed requests over all of them: together, or one by one; an invalid generator does not excuse an error."""
    name, objective = "error rate", case.objective
    window = steady_window(case, name)
    if isinstance(window, Measure):
        yield window
        return
    limit = case.scaled.in_unit("ratio")
    receipts = {"load": load_receipt(case.plan, window, latencies=False)}
    for group, samples in groups(window.samples, case.plan, window, objective):
        wrong = failed(samples)
        bad = int(wrong.sum())
        bounds = share_in_time(_in_time(samples, "intended_ns", window).slots(wrong), objective.confidence)
        yield bounded(
            case,
            name,
            bounds,
            held(objective.op, bounds, limit),
            unit="ratio",
            subject=f"{name} of {group or 'all routes together'} ({bad} of {len(samples)} requests)",
            n_needed=needed(bad, limit, objective.confidence),
            scope=_scope(window, objective, group),
            receipts=receipts,
            detail="; ".join(filter(None, [_kinds(samples), "" if group else _by_route(samples)])),
            files=window.files,
        )


def errors_by_kind(samples: Table) -> dict[str, int]:
    """How many requests failed, by kind of error, most first."""
    bad = samples.where(failed(samples)).words["error"]
    kinds = Counter({"no answer": int(bad.missing.sum())})
    for kind, n in bad.counts.items():
        kinds[kind or "no answer"] += n
    return dict(sorted((+kinds).items(), key=lambda item: (-item[1], item[0])))


def _kinds(samples: Table) -> str:
    kinds = errors_by_kind(samples)
    return f"errors: {', '.join(f'{kind} {n}' for kind, n in list(kinds.items())[:4])}" if kinds else ""


def _by_route(samples: Table) -> str:
    bad = samples.where(failed(samples)).words["name"].counts
    parts = [f"{route} {bad.get(route, 0)} of {n}" for route, n in samples.words["name"].counts.items()]
    return f"by route: {', '.join(parts)}" if parts else ""


def region_shares(case: Case) -> Iterable[Measure]:
    """Answers that one region served over all answers."""
    name, objective = "share of answers", case.objective
    window = steady_window(case, name)
    if isinstance(window, Measure):
        yield window
        return
    answers = window.samples.where(window.samples.ints["status"] > 0)
    served = answers.words["served_region"]
    region, limit = objective.scope.subject, case.scaled.in_unit("ratio")
    tolerance = objective.tolerance.in_unit("ratio") if objective.tolerance else None
    if not served.present:
        hint = "let the platform name the region that served in the header x-served-region"
        yield inconclusive(case, name, "no answer named the region that served it", hint, scope={"region": region})
        return
    bounds = share_in_time(_in_time(answers, "intended_ns", window).slots(served.equals(region)), objective.confidence)
    margin = (tolerance or 0.0) - abs(bounds.value - limit)
    yield bounded(
        case,
        name,
        bounds,
        held(objective.op, bounds, limit, tolerance),
        unit="ratio",
        subject=f"{name} of region {region}",
        n_needed=needed_within(bounds.value, margin, objective.confidence),
        scope={"traffic": window.traffic, "phase": objective.scope.phase.value, "region": region},
        receipts={"load": load_receipt(case.plan, window, latencies=False)},
        files=window.files,
    )


def _in_time(rows: Table, column: str, window: Window) -> Timeline:
    return Timeline.of(rows.ints[column], window.span)


def uptimes(case: Case) -> Iterable[Measure]:
    """Health probes of the entry (or of one region): the share that was answered, and the share of the time without an outage.

    An outage lasts from the first failed probe sent to the first good one sent after it; blind time counts neither way.
    """
    objective = case.objective
    window = steady_window(case, "uptime")
    if isinstance(window, Measure):
        yield window
        return
    subject = objective.scope.subject or "entry"
    watcher = watcher_of(subject)
    span, limit = window.span, case.scaled.in_unit("ratio")
    probes = case.evidence.probes.between("due_ns", *span)
    probes = probes.where(probes.words["subject"].equals(subject) & probes.words["kind"].equals("health"))
    ok, sent_ns = answered(probes), probes.ints["sent_ns"]
    down, lost = downtime_of(sent_ns, ~ok, span), int((~ok).sum())
    receipts = {"watch": _uptime_receipt(case.evidence, watcher, sent_ns, span)}
    scope = {"traffic": window.traffic, "phase": objective.scope.phase.value, "subject": subject}
    for name, bounds, seen, enough in (
        (
            "uptime",
            share_in_time(_in_time(probes, "due_ns", window).slots(ok), objective.confidence),
            f"{lost} of {len(probes)} probes failed",
            needed(lost, 1 - limit, objective.confidence),
        ),
        (
            "uptime by seconds down",
            uptime_by_seconds(down, objective.confidence),
            f"{float(down.seconds.sum()):.3g} s down, {outages_of(down)}",
            looks_needed(down, 1 - limit, objective.confidence),
        ),
    ):
        yield bounded(
            case,
            name,
            bounds,
            held(objective.op, bounds, limit),
            unit="ratio",
            subject=f"{name} of {subject} ({seen})",
            n_needed=enough,
            scope=scope,
            receipts=receipts,
            files=(f"watch/{watcher}.parquet",),
        )


def _uptime_receipt(evidence: Evidence, watcher: str, sent_ns: Ints, span: tuple[int, int]) -> Receipt:
    receipt, blind = watch_receipt(evidence, watcher, sent_ns, span), blind_share(sent_ns, span)
    if receipt.ok and blind > BLIND_SHARE:
        return Receipt(ok=False, why=f"the watcher {watcher!r} was blind for {blind:.0%} of the window")
    return receipt


def replication_lags(case: Case) -> Iterable[Measure]:
    """One measure of the quantile a replica; a look that got no answer counts as over any limit."""
    objective, quantile = case.objective, case.quantile
    name = f"replication lag p{quantile * 100:g}"
    window = steady_window(case, name)
    if isinstance(window, Measure):
        yield window
        return
    looks = case.evidence.replicas
    seen = looks.between("at_ns", window.start_ns, window.end_ns)
    members = [name for name in looks.words["member"].present if not _only_primary(seen, name)]
    if not members:
        yield inconclusive(
            case, name, "no replica was looked at", "let the watcher `replicas` read every member, then run again"
        )
    for member in members:
        if objective.scope.subject in ("", member):
            rows = seen.where(seen.words["member"].equals(member) & ~seen.words["role"].equals("primary"))
            yield _replication_lag(case, name, quantile, member, rows, window=window)


def _only_primary(looks: Table, member: str) -> bool:
    """Whether a member was the primary at every look: it has no lag. One that was not looked at is not known to be."""
    own = looks.words["role"].equals("primary")[looks.words["member"].equals(member)]
    return len(own) > 0 and bool(own.all())


def _replication_lag(case: Case, name: str, quantile: float, member: str, looks: Table, *, window: Window) -> Measure:
    objective, limit = case.objective, case.scaled.in_unit("s")
    lag_ns = looks.ints["lag_ns"]
    lag_s = np.where(lag_ns < 0, math.inf, lag_ns / 1e9)
    bounds = quantile_in_time(lag_s, _in_time(looks, "at_ns", window), quantile, limit, objective.confidence)
    over = int((lag_s >= limit).sum())
    span = window.span
    receipt = watch_receipt(case.evidence, "replicas", looks.ints["at_ns"], span, limit_s=limit)
    return bounded(
        case,
        name,
        bounds,
        held(objective.op, bounds, limit),
        unit="s",
        subject=f"{name} of {member}",
        n_needed=needed(over, 1 - quantile, objective.confidence),
        scope={"traffic": window.traffic, "phase": objective.scope.phase.value, "replica": member},
        receipts={"watch": receipt},
        files=("watch/replicas.parquet",),
    )
