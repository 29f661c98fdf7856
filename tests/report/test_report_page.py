"""`readiness.html`."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from report_builders import decided, first_verdict, go, no_go, nothing
from report_measures import QUANTILE
from report_plan import BROKEN, TITLES, in_part

from harness.judgement.measures import because
from harness.model import Baseline, DecisionOutcome, DecisionReason, Evidence, Outcome, Reason, ReasonKind
from harness.report.html.page import render_page
from tests.builders.scenarios import scenario

if TYPE_CHECKING:
    from harness.model import Judgement, Plan

VOID = {"meta", "col", "br", "hr", "img", "input", "link"}
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\x00\x1b[31m\ud800'


class Reader(HTMLParser):
    """Collects tags, text, ids and addresses, and sees that every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open."""
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        values = dict(attrs)
        self.ids += [str(values["id"])] if "id" in values else []
        self.addresses += [str(values[name]) for name in ("href", "src", "xlink:href", "action") if name in values]
        assert not [name for name in values if name.startswith("on")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open and close."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the last one that was opened."""
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep."""
        self.text.append(data)


def _read(run: tuple[Plan, Evidence, Judgement]) -> tuple[Reader, str]:
    html = render_page(*run).decode()
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader, " ".join(" ".join(reader.text).split())


RUNS = {"go": go, "no_go": no_go, "nothing": nothing}


@pytest.mark.parametrize("name", RUNS)
def test_the_page_stands_alone_with_every_requirement_once(name: str) -> None:
    """No script, no image, no style sheet, no address outside; an anchor for each id, no id twice, and every link inside leads somewhere."""
    reader, text = _read(RUNS[name]())
    html = render_page(*RUNS[name]()).decode()
    assert {"script", "link", "img", "iframe", "object", "embed", "base"}.isdisjoint(reader.tags)
    assert all(address.startswith(("#", "./")) for address in reader.addresses)
    assert re.findall(r"https?://|//[a-z]|url\(|@import", html) == []
    assert "default-src 'none'" in html
    assert [id_ for id_ in TITLES if id_ not in text] == []
    assert [id_ for id_ in TITLES if reader.ids.count(id_) != 1] == []
    assert len(reader.ids) == len(set(reader.ids))
    assert {address[1:] for address in reader.addresses if address.startswith("#")} <= set(reader.ids)


def test_the_first_screen_says_what_why_and_what_was_not_verified() -> None:
    """Before the table of requirements begins."""
    _, text = _read(no_go())
    first = text.partition("Requirements")[0]
    for said in (
        "NO-GO release slow on sandbox",
        "Environment sandbox",
        "Profile core",
        "Time scale 60: RTO, RPO and windows are divided by it",
        "Started 2026-03-01 14:05:09 UTC",
        "Took 6 min 24 s",
        "ND-KPI-P95 response time p95 of read-track is 268.4 ms",
        "What was not verified DA-DR-RTO without an experiment of: all database members",
        "proves that the mechanism works, not that the real limit is kept: DA-DR-RTO",
    ):
        assert said in first
    assert "Missing evidence and how to get it 1 requirement ? INCONCLUSIVE error rate" in text
    assert "1 requirement ○ NOT ASSESSED it could not fail here: the network back-end" in text


def test_a_row_that_is_proven_in_part_is_said_on_the_first_screen_and_beside_the_row() -> None:
    """A GO is read by its first screen."""
    given = in_part("DA-DR-RTO", on=("loss of the primary",), left_out=("all database members",))
    _, text = _read((given, *go()[1:]))
    said = "proven in part, on loss of the primary; not tried: all database members"
    assert f"DA-DR-RTO {said}" in text.partition("Requirements")[0]
    assert "All 23 gating requirements passed, 1 of them in part." in text.partition("Requirements")[0]
    assert f"In part {said}" in text.partition("Requirements")[2]


def test_a_criterion_that_is_worded_otherwise_is_shown_with_the_document_s_words() -> None:
    """Who reads the row sees what was asked for, and what was tried of it."""
    given, evidence, judged = go()
    rows = tuple(
        replace(row, says="no write is lost at all") if row.id == "DA-DR-RPO" else row for row in given.requirements
    )
    _, text = _read((replace(given, requirements=rows), evidence, judged))
    assert "Document says no write is lost at all" in text


def test_a_go_says_how_many_rows_have_receipts_and_how_many_have_none() -> None:
    """What files and people say has no receipt, and none is claimed for it."""
    run = first_verdict(go(), claims=())
    _, text = _read(run)
    with_receipts = sum(any(m.receipts for one in v.claims for ms in one.measures for m in ms) for v in run[2].verdicts)
    assert f"{with_receipts} requirements were measured: the worse bound of each figure is within its limit" in text
    without = len(TITLES) - with_receipts
    assert f"{without} requirements rest on facts, files, people or other requirements, which have no receipts." in text


def test_the_counter_of_the_rows_shown_begins_above_all_of_them() -> None:
    """A counter that begins in the first table ends with it, and the line below the tables said `0`."""
    html = render_page(*go()).decode()
    style, _, _ = html.partition("</style>")  # the search is quadratic in a text without braces
    (begins,) = re.findall(r"([^{}]+) \{ counter-reset: shown; \}", style)
    assert begins.strip() == ".list"
    assert html.index('class="list"') < html.index('class="rows"') < html.index('class="quiet shown"')


def test_the_ids_of_a_reason_are_capped() -> None:
    """Six on the first screen; the others are one click away."""
    why = Reason(kind=ReasonKind.EVIDENCE, text="the file is gone")
    reasons = tuple(
        DecisionReason(requirement=one, outcome=Outcome.INCONCLUSIVE, because=why) for one in list(TITLES)[:9]
    )
    html = render_page(*decided(no_go(), because=reasons)).decode()
    first = html[html.index('<ol class="reasons">') :].partition("</ol>")[0]
    assert first.partition("<details>")[0].count('<a class="id"') == 6
    assert "<summary>and 3 more</summary>" in first


def test_a_row_carries_figure_bounds_n_limit_receipts_reason_and_fix() -> None:
    """What a release manager asks for next."""
    _, text = _read(no_go())
    row = text[text.index("ND-KPI-P95 critical") : text.index("ND-KPI-ERRORS critical")]
    for said in (
        "268.4 ms",
        "260.3 to 276.5 ms 95 % each",
        "below 200 ms",
        "3204 / 59",
        "load ok",
        "by region that served",
        "hint:",
        "order statistics",
        "load ok 1 worker recorded until the end, lag p99 0.61 ms",
    ):
        assert said in row


def test_every_experiment_has_a_plot_with_a_title_and_a_description() -> None:
    """Inline, so that it is there without scripts."""
    reader, text = _read(no_go())
    assert reader.tags.count("svg") == reader.tags.count("desc") == len(BROKEN)
    assert "Writes recovered after 22.4 s." in text
    assert {f"t-{name}" for name in BROKEN} <= set(reader.ids)


def test_method_and_receipts_of_figures_are_said_once_where_they_are_alike() -> None:
    """Those of one experiment are not those of another. A long method folds away, a short one does not: every word of it is on the page."""
    _, text = _read(go())
    row = text[text.index("DA-DR-RTO critical") : text.index("DA-DR-RPO critical")]
    assert "Measurement of database-primary-loss, reads; database-primary-loss, writes" in row
    assert "Measurement of region-loss, reads; region-loss, writes" in row
    assert row.count("chaos/region-loss/journal.json") == 1
    row = text[text.index("ND-KPI-P95 critical") : text.index("ND-KPI-ERRORS critical")]
    assert "Measurement of" not in row
    assert " … … " in row
    assert QUANTILE in row.replace(" … … ", " ")
    assert "Method exact binomial bounds (Clopper-Pearson) load ok" in text


def test_a_service_that_flaps_has_its_outages_one_by_one() -> None:
    """The cell holds three, the table below all of them."""
    given, evidence, judged = go()
    first = judged.experiments[0]
    assert first.reads is not None
    spans = tuple((float(n), n + 0.25) for n in range(12))
    flapping = replace(first, reads=replace(first.reads, seconds=11.25, outages=spans))
    _, text = _read((given, evidence, replace(judged, experiments=(flapping,))))
    assert "2 s to 2.25 s and 9 more" in text
    assert "13 outages and 0 late periods, one by one" in text
    assert "reads 11 s 11.25 s 0.25 s failed" in text


def test_the_page_of_a_go_shows_all_that_was_measured(subtests: pytest.Subtests) -> None:
    """What became of every write and event, who watched, how traffic was offered, how the generators fared, every outage."""
    reader, text = _read(go())
    assert {"ledger", "pipeline", "watchers", "doors", "traffic", "experiments", "windows", "release"} <= set(
        reader.ids
    )
    for said in (
        "All 23 gating requirements passed",
        "Closest to their limits AT-STB-RECOVERY 20.71 s of 30 s",
        "Time limit scaled by 60: 4 h → 240 s",
        "Time limit not scaled: 45 s",
        "Writes attempted 10651 Acknowledged 9312 Acknowledged writes that are lost 0 Writes of unknown outcome: found / missing 9 / 14",
        "Reads right after a write / stale 1862 / 3",
        "database complete 9321 0 eu-west-1 not complete: no answer in 10 s 0 – us-east-1 complete 9321 0",  # noqa: RUF001 - a dash
        "Events sent 1780 Accepted 1771 Accepted events that are lost 0 Visible twice 0",
        "Time to visible, p50 0.041 s Time to visible, p95 0.187 s",
        "entry 20 ms 17800 24.6 s 380.1 s 31 ms 0 s normally",
        "regions eu-west-1 50 ms 6980 24.6 s 380.1 s 812 ms 0.812 s normally",
        "pods – 24 165.0 s 350.0 s – 0 s not normally its file has no end",  # noqa: RUF001 - a dash
        "us-east-1 8400 7 99.9167 % 0.35 s of 420 s 0.2 s experiment:pod-loss/after",
        "Model open: arrivals do not wait for answers; response times count from the due time of a request",
        "Arrivals Poisson, 25 journeys/s of 4 requests each",
        "Warm-up 10 s planned, 10.02 s measured",
        "fault-free all 100 /s 100.1 /s 12816 3 18.1 ms 47.3 ms 75.68 ms 0.61 of 20 ms",
        "1 fault-free 59874 39.7 % of a core 2.8 ms 3.9 ms +1.8 ms ± 0.14 ms normally",
        "reads 4.87 s ± 0.05 s 62 s 0.06 s to 2.3 s, 0.5 s to 1.2 s (answered late), 3.1 s to 4.87 s",
        "writes 22.4 s ± 0.05 s 62 s 0.04 s to 22.4 s – 0.01 % 36.06 % +36.1 points",  # noqa: RUF001 - a dash
        "reads at the entry of us-east-1 not recovered in 62 s, only after the undo hit by the fault itself ± 0.1 s",
    ):
        with subtests.test(said):
            assert said in text


def test_a_window_that_does_not_count_says_why() -> None:
    """In its own row, below its figures, once and not again for every route."""
    given, evidence, judged = go()
    late = tuple(
        replace(window, valid=False, why="the load generator lagged by 41 ms") for window in judged.traffic[:2]
    )
    _, text = _read((given, evidence, replace(judged, traffic=late)))
    assert text.count("The response times of this window do not count: the load generator lagged by 41 ms") == 1
    assert "response times of everyday do not count" in text


def test_each_way_to_offer_traffic_is_told_as_it_is() -> None:
    """Users and their think time in place of arrivals; least and most of a changing rate; the file of a trace; of what nobody planned only figures."""
    given, evidence, judged = go()
    plan = given.traffic["everyday"]
    for traffic, said in (
        (
            replace(plan, model="closed", think_s=2.5, remote_workers=2),
            (
                "Model closed: each user waits for an answer before the next request; response times count from the send time of a request",
                "Users 150, 2.5 s between two journeys",
                "Generators 1 on this machine, 2 on other machines",
            ),
        ),
        (
            replace(plan, arrivals="constant", rates=((0.0, 10.0), (60.0, 50.0))),
            ("Arrivals Constant, between 10 and 50 journeys/s",),
        ),
        (
            replace(plan, arrivals="trace", trace="loadtests/friday.csv"),
            ("Arrivals Trace of loadtests/friday.csv, 25 journeys/s",),
        ),
    ):
        _, text = _read((replace(given, traffic={"everyday": traffic}), evidence, judged))
        assert [each for each in said if each not in text] == []
    _, text = _read((replace(given, traffic={}), evidence, judged))
    assert "Model" not in text
    assert "fault-free all" in text


def test_only_what_there_is_has_a_section() -> None:
    """Without ledger, pipeline, watchers and traffic there is neither a heading nor a link to one."""
    given, evidence, judged = go()
    bare = replace(
        judged,
        ledger=None,
        pipeline=None,
        watchers=(),
        doors=(),
        traffic=(),
        experiments=(),
        windows=(),
        release=None,
        journeys=(),
        steady_end=None,
    )
    reader, text = _read((given, evidence, bare))
    assert {"ledger", "pipeline", "watchers", "doors", "traffic", "experiments", "windows", "release"}.isdisjoint(
        reader.ids
    )
    assert "Basis of the decision" not in text


def test_a_figure_far_below_its_limit_has_an_empty_bar() -> None:
    """A slowdown of -5 % is no negative width, which a browser would draw as full."""
    (claim,) = go()[2].verdicts[0].claims
    faster = replace(claim.measures[0][0], value=-0.05, low=-0.07, high=-0.03, unit="ratio", scaled_limit=0.1)
    html = render_page(*first_verdict(go(), claims=(replace(claim, measures=((faster,),)),))).decode()
    assert "width:0.0%" in html
    assert "width:-" not in html


def test_a_run_without_evidence_has_a_page() -> None:
    """No plot, no figures, and the reasons."""
    reader, text = _read(nothing())
    assert "svg" not in reader.tags
    assert "manifest.json: is gone" in text
    assert text.count("The plot is missing because nothing was recorded.") == len(BROKEN)


def test_hostile_text_stays_text() -> None:
    """In every place that others fill: names, reasons, hints, sentences, scopes, files, errors."""
    given, evidence, judged = no_go()
    first = judged.verdicts[0]
    claim = first.claims[0]
    bad = replace(
        claim.measures[0][0],
        name=HOSTILE,
        scope={"route": HOSTILE},
        because=because(Outcome.FAIL, HOSTILE, HOSTILE),
        method=HOSTILE,
        files=(HOSTILE,),
        limit=HOSTILE,
    )
    verdict = replace(
        first,
        because=because(Outcome.FAIL, HOSTILE, f"`{HOSTILE}`"),
        claims=(replace(claim, scenario=scenario(HOSTILE, file=HOSTILE), measures=((bad,),)),),
    )
    reads = judged.experiments[0].reads
    assert reads is not None
    experiment = replace(
        judged.experiments[0],
        hit=(HOSTILE,),
        errors={HOSTILE: 1},
        share={f"{HOSTILE} before": 1.0},
        reason=HOSTILE,
        reads=replace(reads, why=HOSTILE),
        regions={HOSTILE: reads},
    )
    assert judged.ledger is not None
    assert judged.pipeline is not None
    worker = replace(judged.traffic[0].workers[0], why=HOSTILE)
    decision = replace(
        judged.decision, headline=HOSTILE, because=(DecisionReason(because=because(Outcome.FAIL, HOSTILE)),)
    )
    judged = replace(
        judged,
        decision=decision,
        verdicts=(verdict, *judged.verdicts[1:]),
        experiments=(experiment, *judged.experiments[1:]),
        missing=(HOSTILE,),
        ledger=replace(judged.ledger, missing={HOSTILE: 1}, why=HOSTILE),
        pipeline=replace(judged.pipeline, why=HOSTILE),
        watchers=(replace(judged.watchers[0], name=HOSTILE, why=HOSTILE),),
        traffic=(replace(judged.traffic[0], name=HOSTILE, route=HOSTILE, valid=False, why=HOSTILE, workers=(worker,)),),
    )
    given = replace(given, release=HOSTILE, target=HOSTILE, run=HOSTILE, deselected=(HOSTILE,))
    reader, text = _read((given, evidence, judged))
    assert "script" not in reader.tags
    assert "img" not in reader.tags
    assert '"><script>alert(1)</script>' in text


def test_more_reasons_than_the_first_screen_holds_fold_away() -> None:
    """Six are shown, the others are one click away."""
    gone = [Reason(kind=ReasonKind.EVIDENCE, text=f"file-{n}: is gone") for n in range(9)]
    because_of = tuple(DecisionReason(because=reason) for reason in gone)
    _, text = _read(decided(no_go(), outcome=DecisionOutcome.INCONCLUSIVE, because=because_of))
    assert "3 more reasons" in text
    assert "file-8: is gone" in text


def test_a_partial_run_says_what_was_left_out() -> None:
    """Such a run never decides."""
    headline = "PARTIAL · 3 of 23 · no decision"
    given, evidence, judged = decided(go(), outcome=DecisionOutcome.PARTIAL, headline=headline)
    given = replace(
        given,
        deselected=(
            "features/normaldance/technical-kpis.feature:5: x",
            "features/normaldance/technical-kpis.feature:9: y",
        ),
    )
    _, text = _read((given, evidence, judged))
    assert headline in text
    assert "2 scenarios left out" in text
    assert "All 23" not in text


def test_a_baseline_is_named_beside_the_run() -> None:
    """By release and run; without one nothing is said of it."""
    given, evidence, judged = go()
    earlier = replace(given, release="0.9.2", run="2026-02-27T14-00-00")
    _, text = _read((given, replace(evidence, baseline=Baseline(plan=earlier, windows={})), judged))
    assert "Baseline release 0.9.2, run 2026-02-27T14-00-00" in text
    assert "Baseline" not in _read(go())[1]
