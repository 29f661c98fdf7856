"""Names of every kind in every report: markup, quotes, line breaks, control characters, right-to-left text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st
from report_builders import no_go

from harness.judgement.measures import because
from harness.model import Outcome
from harness.report.allure.writing import render_allure
from harness.report.html.page import render_page
from harness.report.junit import render_junit
from harness.report.summary import render_summary
from harness.report.view.wording import clean

if TYPE_CHECKING:
    from harness.model import Evidence, Judgement, Plan

NAMES = [
    "<script>alert(1)</script>",
    "\"double\" 'single' `back`",
    "two\nlines\r\nand a\ttab",
    "bell \x07, escape \x1b[31m, zero \x00, half a pair \ud800",
    "ארבע מאות · أربعمئة",
    "fail \u202eSSAP\u202c \u2067x\u2069",
    "| a cell | [link](javascript:alert(1)) *bold* <img src=x onerror=alert(1)>",
    "]]></failure><![CDATA[ &amp; &#0;",
    "",
]


def named(name: str) -> tuple[Plan, Evidence, Judgement]:
    """A run in which a requirement, its section, owner, scenario, reason, hint, figure, file and the release are called so."""
    plan, evidence, judged = no_go()
    row = replace(plan.requirements[0], title=name, source=f"{name}: {name}", owner=name, criterion=name, says=name)
    first = judged.verdicts[0]
    why = because(Outcome.FAIL, name, name)
    said = first.claims[0]
    own = replace(said.scenario, name=name, file=f"features/{name}.feature")
    measures = tuple(tuple(replace(m, name=name, because=why, files=(name,)) for m in group) for group in said.measures)
    verdict = replace(first, because=why, claims=(replace(said, scenario=own, because=why, measures=measures),))
    called = replace(plan, release=name, requirements=(row, *plan.requirements[1:]))
    return called, evidence, replace(judged, verdicts=(verdict, *judged.verdicts[1:]))


def test_junit_is_well_formed_and_keeps_the_text(subtests: pytest.Subtests) -> None:
    """An XML reader gives back what was put in, but for what XML cannot carry."""
    for name in NAMES:
        with subtests.test(ascii(name)):
            root = ET.fromstring(render_junit(*named(name)))  # noqa: S314 - our own document
            case = root.findall("testsuite/testcase")[0]
            assert case.get("name") == clean(f"ND-KPI-P95 {name}")
            assert len(case.findall("failure")) == 1


def test_allure_results_are_json_that_keeps_the_text(subtests: pytest.Subtests) -> None:
    """Each file is UTF-8 and a document; names stay within a label, a title, a message; files stay below the run."""
    for name in NAMES:
        with subtests.test(ascii(name)):
            files = render_allure(*named(name))
            results = [json.loads(body) for file, body in files.items() if file.endswith("-result.json")]
            (result,) = (r for r in results if {"name": "requirement", "value": "ND-KPI-P95"} in r["labels"])
            assert result["name"] == clean(f"ND-KPI-P95 {name}")
            assert all("/" not in file for file in files)
            release = files["environment.properties"].decode().partition("release = ")[2]
            assert "\n" not in release.partition("\ntarget")[0]


def test_no_document_has_markup_of_a_name(subtests: pytest.Subtests) -> None:
    """Neither a tag nor a link nor a cell of a table nor a line of its own, in the summary and in Allure's descriptions; no script and no image on the page."""
    for name in NAMES:
        with subtests.test(ascii(name)):
            plan, evidence, judged = named(name)
            texts = [render_summary(plan, evidence, judged).decode()]
            allure = render_allure(plan, evidence, judged)
            bodies = (body for file, body in allure.items() if file.endswith("-result.json"))
            texts += [json.loads(body).get("description", "") for body in bodies]
            for text in texts:
                assert not re.search(r"(?<!\\)<(script|img)", text)
                for link in re.findall(r"(?<!\\)\[(?:[^\[\]\\]|\\.)*\]\(([^)]*)\)", text):
                    assert link.startswith("../")
                for block in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
                    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
            page = render_page(plan, evidence, judged).decode()
            assert [one for one in ("<script>alert", "<img", 'href="javascript:') if one in page] == []


@pytest.mark.parametrize("render", [render_junit, render_summary, render_page])
def test_no_name_turns_the_direction_of_what_is_around_it(render: object) -> None:
    """Hebrew and Arabic letters stay; the marks that would reorder a verdict beside them go."""
    assert callable(render)
    text = render(*named(NAMES[5])).decode()
    assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert "ארבע מאות" in render(*named(NAMES[4])).decode()


@settings(max_examples=25)
@examples(name=st.text(max_size=30))
def test_every_text_gives_documents_that_can_be_read(name: str) -> None:
    """Whatever Unicode has."""
    run = named(name)
    ET.fromstring(render_junit(*run))  # noqa: S314 - our own document
    for file, body in render_allure(*run).items():
        if file.endswith(".json"):
            json.loads(body)
    render_summary(*run).decode()
    render_page(*run).decode()
