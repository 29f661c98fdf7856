"""Routes: a name, or each method with it where requests of several methods have one name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judgement_builders import errors, evidence, measures, ns, p95, plan, samples, window

from harness.judgement import judge
from harness.judgement.routes import apart_by_method, by_method, routes_called
from harness.model import Evidence, Measure, Objective, Outcome, Per, Plan, Table, Words

SECONDS = 120


def of_carts(*, posts: float = 0.04, post_ms: float = 20.0, posts_failing: float = 0.0) -> Table:
    """Requests of one name: `GET` answered in 20 ms, and a share of `POST`."""
    rows = samples(0, SECONDS, latency_ms=20)
    n, draw = len(rows), np.random.default_rng(5).random(len(rows))
    post = draw < posts
    bad = draw < posts * posts_failing
    words = {
        **rows.words,
        "name": Words.of(["/cart"] * n),
        "method": Words.of(["POST" if each else "GET" for each in post]),
        "error": Words.of(["status 500" if each else None for each in bad]),
    }
    ms = np.where(post, ns(post_ms / 1000), ns(0.02))
    ints = {**rows.ints, "done_ns": rows.ints["intended_ns"] + ms, "status": np.where(bad, 500, 200)}
    return replace(rows, words=words, ints=ints)


def judged(rows: Table, objective: Objective, planned: Plan | None = None) -> dict[str, Measure]:
    """The measures of routes by name."""
    there = planned or of_one_route({"/cart": 1.0}, objective)
    found = measures(judge(there, with_rows(rows)))
    return {one.scope["route"]: one for one in found if "route" in one.scope}


def of_one_route(routes: dict[str, float], objective: Objective) -> Plan:
    """A plan whose traffic has these routes."""
    made = plan({"R": objective})
    return replace(made, traffic={name: replace(one, routes=routes) for name, one in made.traffic.items()})


def with_rows(rows: Table) -> Evidence:
    """A run with these requests in its fault-free window."""
    return replace(evidence(), windows={"everyday/fault-free": window(rows, 0, SECONDS)})


def by_route(**scope: Any) -> Objective:
    """`the error rate of every route is below 2 %`."""
    one = errors("2 %")
    return replace(one, scope=replace(one.scope, per=Per.ROUTE, **scope))


def test_a_slow_method_does_not_hide_behind_a_quick_one() -> None:
    """4 % of the requests of one name take 900 ms, all of them POST: that route fails, the other passes."""
    found = judged(of_carts(post_ms=900), p95(per=Per.ROUTE))
    assert {route: one.outcome for route, one in found.items()} == {
        "GET /cart": Outcome.PASS,
        "POST /cart": Outcome.FAIL,
    }


@pytest.mark.parametrize("subject", ["/cart", "POST /cart"])
def test_a_sentence_may_name_a_route_with_its_method_or_without(subject: str) -> None:
    """Without it each method of the name is judged by itself."""
    objective = by_route(subject=subject)
    found = judged(of_carts(posts_failing=0.25), objective)
    assert found["POST /cart"].outcome is Outcome.FAIL
    assert ("GET /cart" in found) == (subject == "/cart")


def test_a_size_may_name_the_one_method_of_a_name() -> None:
    """`routes: {GET /cart: 100 %}`, as Locust's own table shows it."""
    objective = p95(per=Per.ROUTE)
    found = judged(of_carts(posts=0.0), objective, of_one_route({"GET /cart": 1.0}, objective))
    assert {route: one.outcome for route, one in found.items()} == {"GET /cart": Outcome.PASS}


def test_a_route_that_is_called_like_one_with_a_method_stays_another() -> None:
    """A name `GET /cart` beside `/cart` of two methods gets its method too."""
    rows = of_carts(posts=0.5)
    names = Words.of([name if i % 10 else "GET /cart" for i, name in enumerate(rows.words["name"].text())])
    methods = Words.of([m if i % 10 else "GET" for i, m in enumerate(rows.words["method"].text())])
    rows = replace(rows, words={**rows.words, "name": names, "method": methods})
    assert by_method(rows).words["name"].present == ("GET /cart", "GET GET /cart", "POST /cart")


def test_a_name_is_apart_in_all_windows_of_its_traffic() -> None:
    """Also in a window that only one method was asked in."""
    both, gets = of_carts(), of_carts(posts=0.0)
    run = replace(
        evidence(),
        windows={"everyday/fault-free": window(both, 0, 60), "everyday/after-faults": window(gets, 60, SECONDS)},
    )
    found = apart_by_method(plan({"R": p95(per=Per.ROUTE)}), run)
    after = found.windows["everyday/after-faults"].samples
    assert after.words["name"].present == ("GET /cart",)


def test_what_a_name_means_without_requests_is_itself() -> None:
    """So a planned route without data is still missed."""
    assert routes_called("read", of_carts()) == ("read",)


@given(rows=st.lists(st.tuples(st.sampled_from(["a", "b", "GET a", "c"]), st.sampled_from(["GET", "POST", None]))))
def test_routes_are_the_entries_of_locusts_statistics(rows: list[tuple[str, str | None]]) -> None:
    """Two requests are of one route exactly if they have one name and one method; naming them twice changes nothing."""
    table = samples(0, max(len(rows), 1), per_s=1)
    table = table.cut(0, len(rows))
    words = {"name": Words.of(name for name, _ in rows), "method": Words.of(method for _, method in rows)}
    once = by_method(replace(table, words={**table.words, **words}))
    named = once.words["name"].text()
    apart = {(name, method) for name, method in rows if method is not None}
    assert len({route for route, (_, method) in zip(named, rows, strict=True) if method is not None}) == len(apart)
    assert by_method(once).words["name"].text() == named


def test_names_with_an_id_in_them_are_said_together() -> None:
    """Thousands of routes with a request or two each: what to write, once; a route beside them is judged."""
    rows = samples(0, SECONDS)
    names = Words.of(["page" if i % 2 else f"/items/{i}" for i in range(len(rows))])
    rows = replace(rows, words={**rows.words, "name": names})
    objective = by_route()
    found = measures(judge(of_one_route({"page": 1.0}, objective), with_rows(rows)))
    assert [one.outcome for one in found] == [Outcome.INCONCLUSIVE, Outcome.PASS]
    assert found[0].because.text == (
        "6000 requests have 6000 names, such as /items/0, with fewer than 10 requests each, too few to judge the error rate of each name, "
        "expected below 2 %"
    )
    assert found[0].because.hint.startswith("give requests of one kind the same `name=`")
    assert found[1].scope["route"] == "page"
    planned = of_one_route({"page": 0.5, "/items/[id]": 0.5}, p95(per=Per.ROUTE))
    (verdict,) = judge(planned, with_rows(rows)).verdicts
    assert verdict.reason.startswith("6000 requests have 6000 names")


def test_why_there_is_no_response_time_is_said() -> None:
    """All failed at once, nobody waited for any, or none was sent: three causes, and none is a lack of probes."""
    rows, objective = of_carts(posts=0.0), p95(per=Per.ROUTE)
    n = len(rows)
    broken = replace(
        rows,
        words={**rows.words, "error": Words.of(["status 500"] * n)},
        ints={**rows.ints, "status": np.full(n, 500)},
    )
    pushed = replace(
        rows,
        ints={**rows.ints, "sent_ns": rows.ints["intended_ns"], "done_ns": rows.ints["intended_ns"]},
    )
    found = [judged(each, objective)["/cart"] for each in (broken, pushed)]
    unsent = judged(rows, objective, of_one_route({"/cart": 0.5, "pay": 0.5}, objective))["pay"]
    assert {one.outcome for one in (*found, unsent)} == {Outcome.INCONCLUSIVE}
    texts, missing = [one.because.text for one in found], unsent.because
    assert texts == [
        f"all {n} requests of /cart failed (status 500 {n}), so there is no response time p95 to judge, expected below 200 ms",
        f"none of the {n} requests of /cart has a response time, so there is no response time p95 to judge, expected below 200 ms",
    ]
    assert missing.text.startswith(
        "no request of pay was sent, so there is no response time p95 to judge, expected below 200 ms"
    )


def test_what_nobody_waited_for_is_in_no_quantile() -> None:
    """Thirty pushed messages for each answer of 600 ms: the answers fail the limit, though they are 3 % of the rows."""
    rows = samples(0, SECONDS)
    n, due = len(rows), rows.ints["intended_ns"]
    asked = np.arange(n) % 31 == 0
    ints = {**rows.ints, "sent_ns": due, "done_ns": due + np.where(asked, ns(0.6), 0)}
    names = Words.of(["ask" if each else "push" for each in asked])
    rows = replace(rows, ints=ints, words={**rows.words, "name": names})
    found = [one for one in measures(judge(plan({"R": p95(per=Per.ALL)}), with_rows(rows))) if "guard" not in one.scope]
    assert [(one.outcome, one.value, one.n) for one in found] == [(Outcome.FAIL, 600.0, int(asked.sum()))]
