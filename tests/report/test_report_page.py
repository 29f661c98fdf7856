"""`readiness.html`."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from report_builders import go, no_go, nothing
from report_plan import BROKEN, TITLES

from harness.model import DecisionOutcome, Evidence
from harness.report.page import render_page

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
def test_the_page_asks_for_nothing_from_elsewhere_and_runs_no_script(name: str) -> None:
    """One file: no script, no image, no style sheet, no address outside; a policy says the same to the browser."""
    reader, _ = _read(RUNS[name]())
    html = render_page(*RUNS[name]()).decode()
    assert {"script", "link", "img", "iframe", "object", "embed", "base"}.isdisjoint(reader.tags)
    assert all(address.startswith(("#", "./")) for address in reader.addresses)
    assert re.findall(r"https?://|//[a-z]|url\(|@import", html) == []
    assert "default-src 'none'" in html


@pytest.mark.parametrize("name", RUNS)
def test_every_requirement_of_the_plan_appears_once_and_every_link_inside_leads_somewhere(name: str) -> None:
    """An anchor for each id, and no id twice."""
    reader, text = _read(RUNS[name]())
    assert [id_ for id_ in TITLES if id_ not in text] == []
    assert [id_ for id_ in TITLES if reader.ids.count(id_.lower()) != 1] == []
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
        "Time scale 60: limits of a minute and more are divided by it",
        "Started 2026-03-01 14:05:09 UTC",
        "Took 6 min 24 s",
        "ND-KPI-P95 response time p95 of read-track is 268.4 ms",
        "What was not verified DA-NET-POLICY not falsifiable here",
        "DA-DR-RTO without an experiment of: all database members",
        "proves the mechanism, not the target itself: DA-DR-RTO",
    ):
        assert said in first


def test_a_go_says_so_and_what_came_closest_to_its_limit() -> None:
    """A GO is to be looked at too."""
    _, text = _read(go())
    assert "All 23 gating requirements passed" in text
    assert "Closest to their limits AT-STB-RECOVERY 20.71 s of 30 s" in text


def test_a_row_carries_figure_bounds_n_limit_receipts_reason_and_fix() -> None:
    """What a release manager asks for next."""
    _, text = _read(no_go())
    row = text[text.index("FAIL 1 requirement") : text.index("INCONCLUSIVE 1 requirement")]
    for said in (
        "268.4 ms",
        "260.3 to 276.5 ms",
        "below 200 ms",
        "3204 / 59",
        "load ok",
        "by region that served",
        "Next:",
        "order statistics",
    ):
        assert said in row


def test_every_experiment_has_a_plot_with_a_title_and_a_description() -> None:
    """Inline, so that it is there without scripts."""
    reader, text = _read(no_go())
    assert reader.tags.count("svg") == reader.tags.count("desc") == len(BROKEN)
    assert "Writes were served again after 22.4 s." in text
    assert {f"t-{name}" for name in BROKEN} <= set(reader.ids)


def test_a_run_without_evidence_has_a_page() -> None:
    """No plot, no figures, and the reasons."""
    reader, text = _read(nothing())
    assert "svg" not in reader.tags
    assert "manifest.json: is gone" in text
    assert text.count("It left no record that could be drawn.") == len(BROKEN)


def test_hostile_text_stays_text() -> None:
    """In every place that others fill: names, reasons, fixes, sentences, scopes, files, errors."""
    given, evidence, judged = no_go()
    first = judged.verdicts[0]
    claim = first.claims[0]
    bad = replace(
        claim.measures[0][0],
        name=HOSTILE,
        scope={"route": HOSTILE},
        reason=HOSTILE,
        fix=HOSTILE,
        method=HOSTILE,
        files=(HOSTILE,),
        limit=HOSTILE,
    )
    verdict = replace(
        first, reason=HOSTILE, fix=f"`{HOSTILE}`", claims=(replace(claim, scenario=HOSTILE, measures=((bad,),)),)
    )
    experiment = replace(
        judged.experiments[0], hit=(HOSTILE,), errors={HOSTILE: 1}, share={f"{HOSTILE} before": 1.0}, reason=HOSTILE
    )
    decision = replace(judged.decision, headline=HOSTILE, reasons=(HOSTILE,))
    judged = replace(
        judged,
        decision=decision,
        verdicts=(verdict, *judged.verdicts[1:]),
        experiments=(experiment, *judged.experiments[1:]),
        missing=(HOSTILE,),
    )
    given = replace(given, release=HOSTILE, target=HOSTILE, run=HOSTILE, deselected=(HOSTILE,))
    reader, text = _read((given, evidence, judged))
    assert "script" not in reader.tags
    assert "img" not in reader.tags
    assert '"><script>alert(1)</script>' in text


def test_more_reasons_than_the_first_screen_holds_fold_away() -> None:
    """Six are shown, the others are one click away."""
    given, evidence, judged = no_go()
    decision = replace(
        judged.decision, outcome=DecisionOutcome.INCONCLUSIVE, reasons=tuple(f"file-{n}: is gone" for n in range(9))
    )
    _, text = _read((given, evidence, replace(judged, decision=decision)))
    assert "3 more reasons" in text
    assert "file-8: is gone" in text


def test_a_partial_run_says_what_was_left_out() -> None:
    """Such a run never decides."""
    given, evidence, judged = go()
    decision = replace(judged.decision, outcome=DecisionOutcome.PARTIAL, headline="PARTIAL · 3 of 23 · no decision")
    given = replace(given, deselected=("features/core/kpi.feature:5: x", "features/core/kpi.feature:9: y"))
    _, text = _read((given, evidence, replace(judged, decision=decision)))
    assert "PARTIAL · 3 of 23 · no decision" in text
    assert "2 scenarios left out" in text
    assert "All 23" not in text


def test_the_same_run_gives_the_same_bytes() -> None:
    """No clock, no environment, no order of sets."""
    assert render_page(*no_go()) == render_page(*no_go())


def test_an_experiment_whose_attempt_is_not_on_record_is_told_without_a_plot() -> None:
    """Its figures stand, its plot cannot be drawn."""
    given, evidence, judged = no_go()
    reader, _ = _read((given, replace(evidence, experiments={}), judged))
    assert "svg" not in reader.tags
