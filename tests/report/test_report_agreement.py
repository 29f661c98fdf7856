"""Page, summary, `why`, verdict.json and Allure say one thing of one run: one worst figure, one length, one receipt."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape

from report_builders import go, no_go
from report_measures import response
from report_plan import ROUTES, in_part

from harness.judgement.decisions.verdicts import claim_verdict
from harness.model import Evidence, Judgement, OperationRecovery, Outcome, Plan
from harness.report import render_verdict, render_why
from harness.report.allure.writing import render_allure
from harness.report.html.page import render_page
from harness.report.junit import render_junit
from harness.report.summary import render_summary
from harness.report.view.digest import rows
from harness.report.view.wording import figure

Run = tuple[Plan, Evidence, Judgement]


def _texts(run: Run, requirement: str) -> dict[str, str]:
    """Every report that people read, as plain text by name."""
    page = re.sub(r"<[^>]+>", " ", unescape(render_page(*run).decode()))
    allure = "\n".join(body.decode() for name, body in render_allure(*run).items() if name.endswith(".json"))
    return {
        "page": " ".join(page.split()),
        "summary": render_summary(*run).decode(),
        "why": render_why(*run, requirement),
        "allure": allure,
    }


def test_the_worst_figure_is_the_same_everywhere() -> None:
    """By the bound on the bad side: the route with the higher value has the lower bound here."""
    given, evidence, judged = go()
    value_worst = replace(response("ND-KPI-P95", ROUTES[0], 120.0, 200), low=119.0, high=121.0)
    bound_worst = replace(response("ND-KPI-P95", ROUTES[1], 110.0, 200), low=60.0, high=190.0)
    claim = next(claim for claim in given.claims if claim.requirement == "ND-KPI-P95")
    said = claim_verdict(claim, [[value_worst, bound_worst]])
    verdicts = tuple(
        replace(v, because=said.because, claims=(said,)) if v.requirement == "ND-KPI-P95" else v
        for v in judged.verdicts
    )
    run = given, evidence, replace(judged, verdicts=verdicts)
    telling = next(row.telling for row in rows(given, run[2]) if row.requirement.id == "ND-KPI-P95")
    document = json.loads(render_verdict(given, run[2]))
    reason = next(row["reason"] for row in document["requirements"] if row["id"] == "ND-KPI-P95")
    assert telling is not None
    assert (telling.scope, telling.value) == (ROUTES[1], "110 ms")
    assert reason.startswith(f"response time p95 of {ROUTES[1]} is 110 ms")
    assert all("110 ms" in text for text in _texts(run, "ND-KPI-P95").values())


def test_an_outage_on_the_way_back_has_one_length_everywhere() -> None:
    """4 s, after the database's own recovery: beside it, never hidden by it."""
    run = go()
    document = json.loads(render_verdict(run[0], run[2]))
    (found,) = [e for e in document["experiments"] if e["name"] == "database-primary-loss"]
    ((start, end),) = found["recovery_s"]["writes"]["way_back"]
    texts = _texts(run, "DA-DR-RTO")
    assert end - start == 4.0
    assert "4 s (writes after database-primary-loss)" in texts["page"]
    assert "4 s (writes after database-primary-loss)" in texts["summary"]
    assert f"{start:g} s to {end:g} s (4 s)" in texts["page"]
    assert f"{start:g} s to {end:g} s (4 s)" in texts["why"]


def test_a_row_that_is_proven_in_part_says_so_everywhere() -> None:
    """What was tried and what was not, in every report that people read, and for machines."""
    _, evidence, judged = go()
    given = in_part("DA-DR-RTO", on=("loss of the primary",), left_out=("all database members",))
    run = given, evidence, judged
    said = "proven in part, on loss of the primary; not tried: all database members"
    assert [name for name, text in _texts(run, "DA-DR-RTO").items() if said not in text] == []
    assert said in render_junit(*run).decode()
    rows_of = {row["id"]: row["not_tried"] for row in json.loads(render_verdict(given, judged))["requirements"]}
    assert {id_: left for id_, left in rows_of.items() if left} == {"DA-DR-RTO": ["all database members"]}


def test_an_operation_without_an_outage_says_which_stretch_that_is() -> None:
    """Failed probes are counted from the fault to the restore, outages under the fault and on the way back apart."""
    page = _texts(go(), "DA-DR-RTO")["page"]
    assert "never out" not in page
    assert "Outages under the fault Outages after the undo" in page
    assert "Failed from fault to restore" in page
    assert "at us-east-1 at" not in page


def test_late_stretches_are_not_counted_as_outages() -> None:
    """One outage and six late stretches were once called seven outages."""
    given, evidence, judged = go()
    late = tuple((float(n), n + 0.3) for n in range(2, 8))
    reads = OperationRecovery(
        operation="reads", seconds=1.0, resolution_s=0.05, observed_s=20, outages=((0.5, 1.0),), stalls=late
    )
    one = replace(judged.experiments[0], reads=reads, writes=None, regions={}, users={})
    page = _texts((given, evidence, replace(judged, experiments=(one,))), "DA-DR-RTO")["page"]
    assert "1 outage and 6 late periods, one by one" in page


def test_every_attempt_that_was_sent_is_shown() -> None:
    """The first one was not confirmed, and users were out."""
    given, evidence, judged = go()
    first = replace(judged.experiments[0], verdict=Outcome.INCONCLUSIVE, reason="the fault was not confirmed")
    second = replace(judged.experiments[0], attempt=2)
    run = given, evidence, replace(judged, experiments=(first, second))
    texts = _texts(run, "AT-STB-RECOVERY")
    document = json.loads(render_verdict(given, run[2]))
    assert [(e["name"], e["attempt"]) for e in document["experiments"]] == [("pod-loss", 1), ("pod-loss", 2)]
    assert (
        "pod-loss, attempt 1 pod an earlier attempt".replace(" pod an", " pod , an") in texts["page"]
        or "an earlier attempt, of which only harm counts" in texts["page"]
    )
    assert "pod-loss, attempt 2" in texts["page"]
    assert "pod-loss, attempt 2" in texts["summary"]


def test_release_users_windows_and_the_end_are_on_page_summary_and_in_the_document() -> None:
    """The release receipt with counts, the share of journeys in trouble, every window with its requests, steady at the end."""
    run = go()
    texts = _texts(run, "DA-DR-RTO")
    document = json.loads(render_verdict(run[0], run[2]))
    for name in ("page", "summary"):
        assert (
            "1.0.0 verified: 33616 answers named 1.0.0; 41 answers named no release; images of 2 workloads: unchanged"
            in texts[name]
        )
        assert "9 of 4272 journeys of everyday (0.211 %) had a failed request or waited over 500 ms" in texts[name]
        assert "the target was steady" in texts[name]
    assert "experiment:pod-loss/after in the steady state 180.0 s 188.0 s 800 0" in texts["page"]
    assert "us-east-1/Deployment/api-gateway sha256:11aa sha256:11aa" in texts["page"]
    assert "users, route read-track" in texts["page"]
    assert (
        "Groups with fewer than 2 requests/s, judged by consecutive failures: route create-track (0.8 /s)."
        in texts["page"]
    )
    assert (document["release_receipt"]["verified"], document["journeys"][0]["troubled"]) == (True, 9)
    assert (len(document["windows"]), document["unjudged_seconds"], document["steady_end"]["ok"]) == (9, 0.0, True)


def test_a_release_that_does_not_match_is_said_with_the_counts() -> None:
    """One region served another one, and an image changed."""
    given, evidence, judged = no_go()
    assert judged.release is not None
    release = replace(
        judged.release,
        observed={given.release: 900, "0.9.0": 100},
        after={**judged.release.after, "us-east-1/Deployment/api-gateway": ("sha256:33cc",)},
        verified=False,
        why="100 of 1000 answers named 0.9.0",
    )
    for name, text in _texts((given, evidence, replace(judged, release=release)), "ND-KPI-P95").items():
        if name in ("page", "summary"):
            assert "slow does not match: 900 answers named slow, 100 answers named 0.9.0" in text
            assert "images of 2 workloads: 1 changed; 100 of 1000 answers named 0.9.0" in text


def test_response_times_of_a_window_are_of_every_request_due_in_it_on_page_and_in_the_document() -> None:
    """The same figure in both, and both name whose it is."""
    run = go()
    page = _texts(run, "ND-KPI-P95")["page"]
    document = json.loads(render_verdict(run[0], run[2]))
    assert document["traffic"]
    for line in document["traffic"]:
        assert figure(line["p95_ms"], "ms") in page
    assert "every request that was due in the window, also failed requests" in page
