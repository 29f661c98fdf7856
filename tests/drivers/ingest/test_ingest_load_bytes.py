"""Load reports in other encodings, with long fields, or of a load that is too short for a sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.model import Outcome
from tests.builders import load_writers as w
from tests.builders.load_judged import measured

TIME = "the reported response time p95 is below 200 ms"
RATE = "the reported number of requests served per second is at least 10/s"
LOAD = w.lognormal(1, 2000, median_ms=50)


@pytest.mark.parametrize(
    ("tool", "name", "text"),
    [
        ("k6", "a.json", w.k6_points(LOAD)),
        ("k6", "a_summary.json", w.k6_summary(LOAD, percentiles=(99,))),
        ("jmeter", "a.jtl", w.jtl_csv(LOAD)),
        ("jmeter", "a.xml", w.jtl_xml(LOAD)),
        ("oha", "a.json", w.oha(LOAD)),
    ],
)
def test_a_byte_order_mark_is_no_part_of_a_report(tmp_path: Path, tool: str, name: str, text: str) -> None:
    """As Windows tools write it."""
    assert measured(tmp_path, tool, {name: text.encode("utf-8-sig")}, TIME)[0].outcome is Outcome.PASS


def test_utf_16_is_read_of_a_summary_and_named_of_single_requests(tmp_path: Path) -> None:
    """As PowerShell redirects an output."""
    assert measured(tmp_path, "oha", {"a.json": w.oha(LOAD).encode("utf-16")}, TIME)[0].outcome is Outcome.PASS
    found = measured(tmp_path, "jmeter", {"a.jtl": w.jtl_csv(LOAD).encode("utf-16")}, TIME)[0]
    assert (found.outcome, "a.jtl:1: is not UTF-8 text" in found.reason) == (Outcome.INCONCLUSIVE, True)


def test_a_header_in_quotes_with_semicolons_is_read(tmp_path: Path) -> None:
    """As a table calculation writes it."""
    rows = (";".join(f'"{cell}"' for cell in line.split(",")) for line in w.jtl_csv(LOAD).splitlines())
    assert measured(tmp_path, "jmeter", {"a.jtl": "".join(f"{row}\n" for row in rows)}, TIME)[0].outcome is Outcome.PASS


def test_a_long_body_of_vegeta_is_read(tmp_path: Path) -> None:
    """In base64, longer than what a format is recognised by, and than Python's own limit."""
    first, rest = w.vegeta_csv(LOAD).split("\n", 1)
    cells = first.split(",")
    text = "\n".join([",".join([*cells[:6], "A" * 200_000, *cells[7:]]), rest])
    assert measured(tmp_path, "vegeta", {"a.csv": text}, TIME)[0].outcome is Outcome.PASS


@pytest.mark.parametrize(
    "sentence", [TIME, RATE, "the reported number of requests is at least 10", "the reported error rate is below 1 %"]
)
def test_a_load_within_its_warm_up_decides_nothing(tmp_path: Path, sentence: str) -> None:
    """No request is left, which is neither few nor good."""
    (found,) = measured(tmp_path, "jmeter", {"a.jtl": w.jtl_csv(LOAD)}, sentence, warm_up="10 min")
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "all 2000 requests are of the warm-up of 600 s, expected at least 1 after it" in found.reason


def test_a_moment_has_no_rate(tmp_path: Path) -> None:
    """Two requests within 0.1 s are no 20 requests per second."""
    (found,) = measured(tmp_path, "jmeter", {"a.jtl": w.jtl_csv(LOAD[:2])}, RATE)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "a rate needs a load of at least 10 s" in found.reason


def test_two_long_names_stay_two_routes(tmp_path: Path) -> None:
    """Else the quick requests of one would hide the slow ones of the other."""
    quick, slow = (f"{'x' * 220}{end}" for end in "ab")
    load = [replace(one, route=slow, took_ns=one.took_ns * 20) if i % 25 == 0 else replace(one, route=quick) for i, one in enumerate(LOAD)]  # fmt: skip
    found = measured(tmp_path, "jmeter", {"a.jtl": w.jtl_csv(load)}, TIME.replace("p95", "p90 of every route"))
    assert {one.outcome for one in found} == {Outcome.PASS, Outcome.FAIL}


def test_many_users_that_begin_at_once_are_not_there_twice(tmp_path: Path) -> None:
    """A hundred equal rows in one millisecond are a hundred requests."""
    burst = [replace(LOAD[0], route="list") for _ in range(100)]
    assert measured(tmp_path, "jmeter", {"a.jtl": w.jtl_csv([*burst, *LOAD])}, TIME)[0].outcome is Outcome.PASS
