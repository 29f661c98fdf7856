"""A fact counts against the target only when it was asked three times."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.drivers.check.registry import run_check
from harness.drivers.facts import FactReading, once, record_facts, settled
from harness.evidence.histories.history import History
from harness.model import Demand, DemandKind, FactAmount
from harness.targets import load_target


def seen(*, ok: bool | None, subject: str = "one") -> FactReading:
    """A look's finding."""
    return FactReading(subject=subject, expected="this", observed="this" if ok else "that", ok=ok)


def test_three_failures_count_and_no_fourth_look_is_taken() -> None:
    """The iterator holds three looks only."""
    answers = iter([[seen(ok=True, subject="good"), seen(ok=False)]] * 3)
    facts = {fact.subject: fact for fact in settled(lambda: next(answers))}
    assert (facts["one"].ok, facts["one"].attempts) == (False, 3)
    assert (facts["good"].ok, facts["good"].attempts) == (True, 1)


def test_what_is_gone_at_the_second_look_is_no_longer_part_of_it() -> None:
    """A pod that was on its way out is not held against its service; the one that came instead is asked."""
    answers = iter([[seen(ok=False, subject="old")], [seen(ok=True, subject="new")]])
    [fact] = settled(lambda: next(answers))
    assert (fact.subject, fact.ok) == ("new", True)


def test_of_two_readings_of_one_subject_the_worst_counts_in_whichever_order_they_come() -> None:
    """Two rules of one name, one of which fails: it is not passed over, and no later order of the two excuses it."""
    good, bad = seen(ok=True), seen(ok=False)
    answers = iter([[good, bad], [bad, good], [good, bad]])
    [fact] = settled(lambda: next(answers))
    assert (fact.ok, fact.attempts, fact.observed) == (False, 3, "that (the worst of 2 of this name)")
    [fact] = settled(lambda: [good, seen(ok=None)])
    assert fact.ok is None
    [fact] = settled(lambda: [good, good])
    assert (fact.ok, fact.observed) == (True, "this")


def test_a_reading_that_is_sure_is_not_excused_by_an_earlier_one() -> None:
    """A stranger was refused, and is accepted while another fact is read again."""
    sure = FactReading(subject="one", expected="this", observed="that", ok=False, sure=True)
    other = seen(ok=False, subject="other")
    answers = iter([[seen(ok=True), other], [sure, other], [sure, other]])
    facts = {fact.subject: fact.ok for fact in settled(lambda: next(answers))}
    assert facts == {"one": False, "other": False}


@settings(max_examples=10)
@given(st.lists(st.sampled_from([True, False, None]), min_size=3, max_size=3))
def test_a_fact_is_as_its_best_attempt_says(oks: list[bool | None]) -> None:
    """True as soon as one look says so, else as the last look says."""
    answers = iter(oks)
    [fact] = settled(lambda: [seen(ok=next(answers))])
    assert fact.ok == (True if True in oks else oks[-1])
    assert fact.attempts == (oks.index(True) + 1 if True in oks else 3)


def test_the_amount_of_a_fact_is_on_record(tmp_path: Path) -> None:
    """A fact without one has no such fields, as in runs of earlier versions."""
    history, demand = History(tmp_path / "checks.ndjson", "checks"), Demand(kind=DemandKind.INGEST, name="any")
    counted = FactReading(subject="a", expected="none", observed="3", ok=False, amount=FactAmount(value=3))
    check = record_facts(demand, lambda: once([counted, seen(ok=True)]), history)
    history.close()
    assert [fact.amount for fact in check.facts] == [FactAmount(value=3), None]
    first, second, _ = (json.loads(line)["fields"] for line in (tmp_path / "checks.ndjson").read_text().splitlines())
    assert {name: first[name] for name in ("value", "unit", "at_least")} == {"value": 3, "unit": "", "at_least": False}
    assert "value" not in second


def test_a_check_that_cannot_look_says_why_and_has_no_facts(tmp_path: Path) -> None:
    """No cluster, no regions, no such check: never ok, always a reason, on record too."""
    file = tmp_path / "target.yaml"
    file.write_text("{name: bare, environment: staging, entry: 'http://127.95.9.9:1'}", encoding="utf-8")
    history = History(tmp_path / "checks.ndjson", "checks")
    params = {
        "health-of-pods": {"within": "1 s"},
        "deployment-size": {"deployment": "a", "replicas": "1", "cpu": "1", "memory": "1Gi"},
        "gateway-reads": {},
        "network-policy": {"port": "8080"},
        "nonsense": {},
    }
    for name, words in params.items():
        demand = Demand(kind=DemandKind.CHECK, name=name, params=words)
        check = run_check(demand, load_target(file), history)
        assert (check.demand, check.facts) == (demand.key, ())
        assert check.why
    history.close()
    lines = [json.loads(line) for line in (tmp_path / "checks.ndjson").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["check.failed"] * 5
    assert "the target file has no cluster" in lines[0]["fields"]["why"]
    assert (
        "known checks: accepted-operations, alert-rules, alert-rules-of-regions, alert-runbooks, annotation-of-account"
        in lines[-1]["fields"]["why"]
    )
