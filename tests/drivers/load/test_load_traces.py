"""Each request of a journey carries a trace id that follows from the run and from what its row names."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from load_bench import Run, plan_of, rows_of, until
from load_truth import Reply, Seen, TruthServer, truth_server
from test_load_fleet import spread_plan, worker_elsewhere

from harness.drivers.load import Load
from harness.model import SAMPLES, Table, TrafficPlan
from harness.model.records.traces import TraceIds, names_a_trace

RUN = "20260131T000000Z-shop-1.0.0"
OWN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
FORM = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-01")


def traced(locustfile: str, *, per_s: float = 40, workers: int = 1) -> TrafficPlan:
    """Traffic that carries trace ids."""
    return replace(plan_of(locustfile, per_s=per_s, workers=workers), traceparent=True)


def traces(seen: list[Seen]) -> Counter[str]:
    """How often each header was seen; empty for none."""
    return Counter(one.headers.get("traceparent", "") for one in seen)


def expected(load: Load, traffic: str) -> set[str]:
    """The trace ids by the rows, by the rule of docs/trace-ids.md."""
    rows = Table.merged(SAMPLES, [read.table for read in rows_of(load)])
    columns = (rows.ints["worker"].tolist(), rows.ints["arrival"].tolist(), rows.words["step"].text())
    found = set[str]()
    for worker, journey, step in zip(*columns, strict=True):
        digest = sha256(f"{RUN}/{traffic}/{worker}".encode()).digest()
        begin, of_journey, of_request = (int.from_bytes(digest[at : at + 8]) for at in (8, 16, 24))
        second = begin + journey * (of_journey | 1) + int(step or 0) * (of_request | 1)
        found.add(f"{digest[:8].hex()}{second % 2**64:016x}")
    return found


def test_each_request_carries_the_trace_id_of_its_row(run: Run, server: TruthServer) -> None:
    """Of two workers, each once, in the form of W3C Trace Context."""
    load = run.start(traced("visitor", workers=2), server.url, of=RUN)
    until(lambda: len(server.seen) >= 80)
    load.stop()
    found = traces(server.seen)
    assert {*found.values()} == {1}
    sent = [FORM.fullmatch(header) for header in found]
    assert {one[1] for one in sent if one} == expected(load, "visitor")
    assert all(sent)
    assert len({one[2] for one in sent if one}) == len(found)


def test_a_traffic_without_trace_ids_sends_none(run: Run, server: TruthServer) -> None:
    """The header is not there, rather than empty."""
    run.rows(plan_of("visitor", per_s=40), server.url, lambda: len(server.seen) >= 20, of=RUN)
    assert {"traceparent" in one.headers for one in server.seen} == {False}
    assert run.observations("load.traced", "load-health-1") == []


def test_the_trace_id_of_a_journey_wins(run: Run, server: TruthServer) -> None:
    """It is sent alone, and its route is recorded once, so that no other id is named of it; the others keep theirs."""
    run.rows(traced("tracer"), server.url, lambda: len(server.seen) >= 60, of=RUN)
    assert {one.headers["traceparent"] for one in server.seen if one.path == "/own"} == {OWN}
    assert all(FORM.fullmatch(one.headers["traceparent"]) for one in server.seen if one.path != "/own")
    (said,) = run.observations("load.traced", "load-health-1")
    assert (said.subject, said.fields["route"], said.fields["worker"]) == ("tracer", "own", 1)


def test_a_redirect_keeps_the_trace_id_on_its_host_alone(run: Run, server: TruthServer) -> None:
    """Another host gets no header of the journey."""
    with truth_server("127.94.0.2") as other:

        def behave(seen: Seen) -> Reply:
            to = {"/302": f"{other.url}/there", "/": "/here"}.get(seen.path)
            return Reply(status=307, headers={"Location": to}) if to else Reply()

        server.behave = behave
        run.rows(traced("tracer"), server.url, lambda: len(other.seen) >= 10, of=RUN)
        assert traces(other.seen) == {"": len(other.seen)}
    hops = [one for one in server.seen if one.path in {"/", "/here"} and one.method == "GET"]
    by_trace = Counter(one.headers["traceparent"] for one in hops)
    assert {*by_trace.values()} <= {1, 2}  # one may have ended between the two
    assert 2 in by_trace.values()


@pytest.mark.slow
def test_a_worker_elsewhere_is_told_of_the_run(run: Run, server: TruthServer) -> None:
    """Its trace ids are those of its rows."""
    plan = replace(spread_plan(workers=1, remote=1), traceparent=True)
    with worker_elsewhere(plan):
        load = run.start(plan, server.url, of=RUN)
        until(lambda: len(server.seen) >= 240)
        load.stop()
    sent = {found[1] for header in traces(server.seen) if (found := FORM.fullmatch(header))}
    assert sent == expected(load, "elsewhere")
    assert len(sent) == len(server.seen)


@given(st.text(max_size=30), st.text(max_size=20), st.integers(1, 9), st.integers(1, 10**9), st.integers(1, 10**5))
def test_the_header_has_the_form_and_the_id(run: str, traffic: str, worker: int, journey: int, step: int) -> None:
    """For every name and number."""
    ids = TraceIds.of(run, traffic, worker)
    found = FORM.fullmatch(ids.header(journey, step).removeprefix("traceparent: ").removesuffix("\r\n"))
    assert found is not None
    assert found[1] == ids.trace_id(journey, step)


def test_ids_differ_and_are_spread_evenly() -> None:
    """Of 10 000 journeys of ten requests: samplers take a share of them by the last 8 or 7 bytes as a number."""
    ids = TraceIds.of(RUN, "everyday", 1)
    every = [ids.trace_id(journey, step) for journey in range(1, 10_001) for step in range(1, 11)]
    assert len({*every}) == len(every)
    for digits in (16, 14):
        ends = np.array([int(one[-digits:], 16) / 16**digits for one in every])
        assert np.histogram(ends, bins=10, range=(0, 1))[0] == pytest.approx(len(every) / 10, rel=0.05)
    other = TraceIds.of(RUN, "everyday", 2)
    assert not {*every} & {other.trace_id(journey, 1) for journey in range(1, 10_001)}


@pytest.mark.parametrize(
    ("headers", "named"),
    [({"traceparent": ""}, True), ({"TraceParent": ""}, True), ({"x": "traceparent"}, False), ({}, False)],
)
def test_a_header_is_known_by_its_name(headers: dict[str, str], *, named: bool) -> None:
    """In any case, and not by its value."""
    assert names_a_trace(headers) is named
