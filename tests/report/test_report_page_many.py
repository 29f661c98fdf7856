"""`readiness.html` of 771 rows: grouped, filtered without a script, small."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from report_builders import first_verdict, go
from report_many import DERIVED, FAILED, many, requirements

from harness.judgement.measures import because
from harness.model import Attestation, Outcome, Waiver
from harness.report.html.page import render_page
from harness.report.why import render_why

MOST_BYTES = 3_000_000


class Outline(HTMLParser):
    """Headings, inputs with their labels, rows with their sections, and header cells."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.inputs: list[str] = []
        self.unlabelled: list[str] = []
        self.rows: list[tuple[str, set[str]]] = []
        self.parts: list[set[str]] = []
        self.without_scope = 0
        self._in_label = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what it is."""
        values = {name: value or "" for name, value in attrs}
        classes = set(values.get("class", "").split())
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self._in_label += tag == "label"
        if tag == "input":
            self.inputs.append(values["id"])
            self.unlabelled += [] if self._in_label else [values["id"]]
        if tag == "tbody" and "row" in classes:
            self.rows.append((values["id"], classes))
        if "part" in classes:
            self.parts.append(classes)
        self.without_scope += tag == "th" and "scope" not in values

    def handle_endtag(self, tag: str) -> None:
        """Leave a label."""
        self._in_label -= tag == "label"


@pytest.fixture(scope="module")
def html() -> str:
    """The page."""
    return render_page(*many()).decode()


@pytest.fixture(scope="module")
def outline(html: str) -> Outline:
    """What is on it."""
    found = Outline()
    found.feed(html)
    return found


def test_it_has_every_row_once_in_order_and_is_small(html: str, outline: Outline) -> None:
    """At most 3 MB, so that it can be sent. One first heading, no level is left out on the way down; header cells have a scope, and inputs a label."""
    assert sorted(id_ for id_, _ in outline.rows) == sorted(row.id for row in requirements())
    assert len(html.encode()) < MOST_BYTES
    assert outline.headings.count(1) == 1
    assert [b for a, b in zip(outline.headings, outline.headings[1:], strict=False) if b > a + 1] == []
    assert (outline.without_scope, outline.unlabelled) == (0, [])


def test_each_filter_has_a_rule_that_hides_the_other_rows(html: str, outline: Outline) -> None:
    """And for each combination one that hides what has no such row; what it contains is in the classes of each section."""
    chosen = [id_ for id_ in outline.inputs if id_.startswith(("f-v-", "f-g-"))]
    assert {"f-v-open", "f-v-fail", "f-v-not-assessed", "f-v-pass", "f-g-critical"} <= set(chosen)
    for id_ in chosen:
        class_ = id_.removeprefix("f-v-").removeprefix("f-g-")
        assert f".list:has(#{id_}:checked) .row:not(.{class_}):not(:target) {{ display: none }}" in html
        assert any(class_ in classes for _, classes in outline.rows)
    assert ".list:has(#f-v-fail:checked):has(#f-g-critical:checked) .part:not(.with-v-fail-g-critical)" in html
    assert sum("with-v-fail" in classes for classes in outline.parts) == 2  # one document, and its section
    assert sum("with-v-inconclusive-g-record" in classes for classes in outline.parts) == 0


def test_a_document_is_a_filter_that_does_not_search_the_page_and_a_section_is_a_link(
    html: str, outline: Outline
) -> None:
    """Five documents; a link to each section leads to it. `:has()` of a row in a rule for every section took a browser half a minute a click."""
    assert [id_ for id_ in outline.inputs if id_.startswith("f-d-")] == [f"f-d-{n}" for n in range(5)]
    ids = set(re.findall(r'id="(in-[^"]+)"', html))
    assert set(re.findall(r'href="#(in-[^"]+)"', html)) == ids
    assert len(ids) == 5 + len({row.source for row in requirements()})
    rules = re.findall(r"^\.list:has[^\n]+$", html, re.MULTILINE)
    assert rules
    assert [rule for rule in rules if ":has(.row" in rule] == []


def test_the_sentence_and_what_is_missing_come_before_the_rows(html: str) -> None:
    """The first screen; a cause says how many rows wait, and which."""
    first, _, rest = html.partition('id="requirements"')
    assert f'<p class="sentence">{FAILED} failed: response time p95' in first
    assert "waits for the part <code>monitor</code> of a later stage" in first
    assert f'derived from these: <a class="id" href="#{DERIVED}">' in first
    assert f'<tbody id="{FAILED}"' in rest


def test_a_derived_row_lists_its_parts() -> None:
    """Each with its outcome, as a link."""
    text = render_page(*many()).decode()
    row = text[text.index(f'<tbody id="{DERIVED}"') :].partition("</tbody>")[0]
    assert "1 of 2 requirements passed" in row
    assert '<a class="id" href="#ND-PH1-GATEWAY">' in row


def test_people_are_told_with_what_they_accept_or_vouch_for_and_how_long_ago() -> None:
    """On the page and in `readiness why`; a statement that does not count says why."""
    row = go()[2].verdicts[0]
    said: dict[str, Any] = {
        "by": "A. Person",
        "link": "https://example.test/1",
        "date": "2026-02-20",
        "expires": "2026-05-01",
        "release": "1.0.0",
    }
    waiver = Waiver(waives=row.requirement, reason="cold cache", file="waivers/a.yaml", bound="300 ms", **said)
    vouched = Attestation(
        vouches=row.requirement, role="security-lead", reason="reviewed", file="attestations/a.yaml", age_days=12, void="it is expired", **said
    )  # fmt: skip
    why = because(Outcome.WAIVED, "accepted")
    given, evidence, judged = first_verdict(go(), outcome=Outcome.WAIVED, because=why, waiver=waiver)
    run = (replace(given, attestations=(vouched,)), evidence, judged)
    for text in (render_page(*run).decode(), render_why(*run, row.requirement)):
        assert "A. Person accepts the bound 300 ms until 2026-05-01, for release 1.0.0: cold cache" in text
        assert "A. Person, security-lead, 12 days ago (2026-02-20), until 2026-05-01" in text
        assert "This statement does not count: it is expired" in text
    assert "22 of 23 gating requirements passed and 1 is waived" in render_page(*run).decode()
