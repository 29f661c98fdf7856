"""Shapes decide: a figure says what it found, and picks no outcome by itself."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Final

import pytest
from judgement_builders import check, claim, evidence, objective, plan

import harness.judgement.figures
from harness.judgement.measures import Case
from harness.judgement.shapes.amount import Amount, amount
from harness.judgement.shapes.every import Gap, Things, every_one
from harness.judgement.shapes.facts import known, one_fact
from harness.judgement.shapes.found import Found
from harness.judgement.shapes.until import Effect, until
from harness.judgement.shapes.words import UNTIL
from harness.model import Fact, Figure, Measure, Op, Outcome, ReasonKind, Receipt

FIGURES: Final = Path(harness.judgement.figures.__file__).parent
PASS, FAIL, INCONCLUSIVE, NOT_ASSESSED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_ASSESSED
NOT_MOVED: Final = {
    "fault_free.py": 1,  # whether the time after the faults passes alone decides whether there is a measure at all
    "ledger/delivered.py": 2,  # with unknown events as bad and as good: which of the two is shown depends on both outcomes
    "recovery/recovered.py": 1,  # the measure is that of the worst route or region, which is found by the outcome of each
    "releases.py": 1,  # the measure is that of the first analysis that decides
    "scaling/spike.py": 2,  # a PASS that stands only without the refused requests has no number
    "traffic/response_time.py": 2,  # a FAIL is read twice more, with quick failures and from when requests were sent
}
"""Modules of figures that still pick an outcome by themselves, and in how many places: a number here may only become smaller."""
MEASURES_HELD: Final = False
"""What they are is said here."""
SEEN: Final = {"watch": Receipt(ok=True, why="seen")}
BLIND: Final = {"watch": Receipt(ok=False, why="the watcher was blind")}


def picked(source: str) -> int:
    """In how many places an outcome is picked: PASS or FAIL named but to ask for it, a rule or the receipts asked for one, or one of a limit."""
    tree, found = ast.parse(source), 0
    asked = {id(each) for one in ast.walk(tree) if isinstance(one, ast.Compare) for each in ast.walk(one)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in asked:
            found += ast.unparse(node) in ("Outcome.PASS", "Outcome.FAIL")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found += node.func.id in ("settled", "within", "held")
    return found


def test_a_figure_that_was_moved_picks_no_outcome() -> None:
    """What is not listed names no PASS or FAIL but to ask for one, and asks neither a rule nor the receipts: the shapes do."""
    paths = sorted(FIGURES.rglob("*.py"))
    found = Counter({str(path.relative_to(FIGURES)): picked(path.read_text("utf-8")) for path in paths})
    assert dict(+found) == NOT_MOVED


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("outcome = Outcome.PASS if took_s < limit_s else Outcome.FAIL", 2),
        ("if found.outcome is Outcome.FAIL: pass", 0),
        ("outcome, reason = settled(outcome, own, receipts)", 1),
        ("outcome = within(limit, low=None, high=seconds, watched=0)", 1),
    ],
)
def test_what_picks_an_outcome(source: str, places: int) -> None:
    """A question for one does not."""
    assert picked(source) == places


def case(figure: Figure, op: Op, limit: str) -> Case:
    """Of one objective, of a plan at scale 60."""
    one = objective(figure, op, limit)
    return Case(plan=plan({"R": one}), evidence=evidence(), claim=claim("R", one), objective=one)


def effect(**fields: Any) -> Measure:
    """A promotion within 10 s."""
    given = {"names": {"attempt": "manual", "member": "pg-1"}, "receipts": SEEN, "needs": ("watch",), **fields}
    return until(case(Figure.PROMOTION, Op.BELOW, "10 s"), Effect(method="m", files=(), **given))


def test_an_effect_is_decided_and_worded(subtests: pytest.Subtests) -> None:
    """By its times; by what is unknown, broken or in doubt; and by its receipts."""
    cases: list[tuple[dict[str, Any], Outcome, str]] = [
        ({"low": 8.0, "high": 9.0}, PASS, "it was the only primary after 9 s, expected within 10 s"),
        ({"low": 10.0, "high": 11.0}, FAIL, "it was the only primary after 11 s, expected within 10 s"),
        (
            {"low": 9.0, "high": 11.0},
            INCONCLUSIVE,
            "it was the only primary after 11 s, expected within 10 s. Not decided: 9 s after the order it was not yet primary",
        ),
        ({"watched": 10.0}, FAIL, "it did not become primary in the 10 s of observation, expected within 10 s"),
        ({"watched": 9.0}, INCONCLUSIVE, "it did not become primary in the 9 s of observation, expected within 10 s"),
        ({"watched": 9.0, "short": "planned were 9 s"}, NOT_ASSESSED, "planned were 9 s"),
        ({"high": 9.0, "unknown": "nobody asked"}, INCONCLUSIVE, "and nobody asked, expected within 10 s"),
        ({"high": 9.0, "broken": "pg-2 led too"}, FAIL, "and pg-2 led too, expected within 10 s"),
        ({"high": 9.0, "doubt": "it led before"}, INCONCLUSIVE, "after 9 s, expected within 10 s. Not decided: it led before"),
        ({"high": 11.0, "doubt": "it led before"}, FAIL, "after 11 s, expected within 10 s"),
        ({"high": 11.0, "excuse": "it was held"}, INCONCLUSIVE, "after 11 s, expected within 10 s. Not decided: it was held"),
        ({"high": 9.0, "excuse": "it was held"}, PASS, "after 9 s, expected within 10 s"),
        ({"high": 9.0, "ends": True, "watched": 9.5}, INCONCLUSIVE, "Not decided: the observation lasted 9.5 s, expected at least 10 s"),
        ({"high": 9.0, "ends": True, "watched": 10.0}, PASS, "after 9 s, expected within 10 s"),
        ({"high": 9.0, "receipts": BLIND}, INCONCLUSIVE, "expected within 10 s. Not decided: the watcher was blind"),
        ({"high": 11.0, "receipts": BLIND}, INCONCLUSIVE, "expected within 10 s. Not decided: the watcher was blind"),
        ({"broken": "pg-2 led too", "receipts": BLIND, "needs": ()}, FAIL, "pg-2 led too, expected within 10 s"),
    ]  # fmt: skip
    for fields, outcome, end in cases:
        with subtests.test(end, fields=fields):
            found = effect(**fields)
            assert found.outcome is outcome
            assert found.because.text.endswith(end)


def test_an_effect_has_both_of_its_moments() -> None:
    """What is pushed has one."""
    found, pushed = effect(low=9.0, high=11.0), effect(high=9.0)
    assert (found.value, found.low, found.high, found.because.kind) == (11.0, 9.0, 11.0, ReasonKind.RESOLUTION)
    assert (pushed.value, pushed.low, pushed.high, pushed.scaled_limit) == (9.0, None, None, 10.0)


def things(**fields: Any) -> Measure:
    """Writes of which none may be lost."""
    given = {"bad": 0, "n": 9, "text": "0 of 9 are lost", "receipts": SEEN, **fields}
    return every_one(case(Figure.LOST_WRITES, Op.HOLDS, "0"), Things(method="m", files=(), **given))


GAP: Final = Gap("2 were not read", "read them")


def test_every_thing_must_be_as_expected(subtests: pytest.Subtests) -> None:
    """One that is not fails, whatever is missing; of what is missing, and of none, nothing is claimed."""
    cases: list[tuple[dict[str, Any], Outcome, str]] = [
        ({}, PASS, "0 of 9 are lost"),
        ({"bad": 1, "text": "1 of 9 is lost"}, FAIL, "1 of 9 is lost"),
        ({"gaps": (GAP,)}, INCONCLUSIVE, "0 of 9 are lost. Not decided: 2 were not read"),
        ({"gaps": (Gap("", ""), Gap("2 were not read", "", alone=True))}, INCONCLUSIVE, "2 were not read"),
        ({"bad": 1, "gaps": (GAP,)}, FAIL, "0 of 9 are lost"),
        ({"bad": 1, "excuse": GAP}, INCONCLUSIVE, "0 of 9 are lost. Not decided: 2 were not read"),
        ({"excuse": GAP}, PASS, "0 of 9 are lost"),
        ({"n": 0}, INCONCLUSIVE, "0 of 9 are lost"),
        ({"n": 0, "none": Gap("there are none", "write")}, INCONCLUSIVE, "0 of 9 are lost. Not decided: there are none"),
        ({"short": "nothing was old enough"}, NOT_ASSESSED, "this run could not have failed the sentence: nothing was old enough"),
        ({"short": "nothing was old enough", "bad": 1}, FAIL, "0 of 9 are lost"),
        ({"receipts": BLIND, "gaps": (GAP,)}, INCONCLUSIVE, "0 of 9 are lost. Not decided: the watcher was blind"),
        ({"receipts": BLIND, "bad": 1}, FAIL, "0 of 9 are lost"),
        ({"receipts": BLIND, "bad": 1, "needs": ("watch",)}, INCONCLUSIVE, "0 of 9 are lost. Not decided: the watcher was blind"),
    ]  # fmt: skip
    for fields, outcome, text in cases:
        with subtests.test(text, fields=fields):
            found = things(**fields)
            assert (found.outcome, found.because.text) == (outcome, text)


def test_how_many_are_bad_is_the_value() -> None:
    """But where no bound on one number would cover all of them."""
    assert [things(bad=2).value, things(bad=2, value=7.0).value, things(bad=2, mixed=True).value] == [2.0, 7.0, None]


def number(op: Op, low: float, high: float, **fields: Any) -> Measure:
    """A share of 10 %."""
    given = {"text": "the share is so much", "unit": "ratio", "limit": 0.1, "receipts": SEEN, **fields}
    return amount(
        case(Figure.USERS_HIT, Op.AT_MOST, "10 %"), Amount(low=low, high=high, op=op, method="m", files=(), **given)
    )


def test_a_number_is_inside_where_both_of_its_ends_are(subtests: pytest.Subtests) -> None:
    """Its value is the end that decides."""
    for op, low, high, outcome, value in [
        (Op.AT_MOST, 0.05, 0.1, PASS, 0.1),
        (Op.AT_MOST, 0.05, 0.2, INCONCLUSIVE, 0.2),
        (Op.AT_MOST, 0.11, 0.2, FAIL, 0.11),
        (Op.BELOW, 0.1, 0.1, FAIL, 0.1),
        (Op.AT_LEAST, 0.1, 0.2, PASS, 0.1),
        (Op.AT_LEAST, 0.05, 0.2, INCONCLUSIVE, 0.05),
        (Op.AT_LEAST, 0.01, 0.05, FAIL, 0.05),
        (Op.AT_LEAST, 0.2, float("inf"), PASS, None),
        (Op.AT_LEAST, 0.05, float("inf"), INCONCLUSIVE, None),
    ]:
        with subtests.test(op.value, low=low, high=high):
            found = number(op, low, high)
            assert (found.outcome, found.value) == (outcome, value)


@pytest.mark.parametrize(("op", "outcome"), [(Op.AT_MOST, PASS), (Op.AT_LEAST, PASS), (Op.WITHIN, INCONCLUSIVE)])
def test_a_number_that_was_read_closely_is_decided_by_its_better_end(op: Op, outcome: Outcome) -> None:
    """Where that is said; it is 9 % to 11 %."""
    assert number(op, 0.09, 0.11, lenient=op is not Op.WITHIN, tolerance=0.005).outcome is outcome


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"unknown": "nobody counted"}, INCONCLUSIVE),
        ({"doubt": "nothing was tried"}, INCONCLUSIVE),
        ({"broken": True}, FAIL),
        ({"op": Op.AT_LEAST, "doubt": "nothing was tried"}, FAIL),
        ({"receipts": BLIND}, INCONCLUSIVE),
    ],
)
def test_a_number_that_is_not_all(fields: dict[str, Any], outcome: Outcome) -> None:
    """It is 5 %, at most 10 % are allowed."""
    assert number(fields.pop("op", Op.AT_MOST), 0.05, 0.05, **fields).outcome is outcome


def test_a_figure_of_time_has_its_words_in_one_table(subtests: pytest.Subtests) -> None:
    """A sentence of an effect that came, or of one that did not; and nothing in it that cannot be filled in."""
    for key, words in UNTIL.items():
        with subtests.test(str(key)):
            assert words.came or words.missing
            assert "{" not in "".join(words).format_map(defaultdict(float))


def fact_case() -> Case:
    """Of a check."""
    one = check()
    return Case(plan=plan({"R": one}), evidence=evidence(), claim=claim("R", one), objective=one)


@pytest.mark.parametrize(
    ("ok", "outcome", "kind", "hint"),
    [
        (True, PASS, ReasonKind.AS_EXPECTED, ""),
        (False, FAIL, ReasonKind.NOT_AS_EXPECTED, "ask the owner"),
        (None, INCONCLUSIVE, ReasonKind.NO_RECORD, "ask the owner"),
    ],
)
def test_a_fact_is_as_expected_is_not_or_is_not_known(
    ok: bool | None,  # noqa: FBT001
    outcome: Outcome,
    kind: ReasonKind,
    hint: str,
) -> None:
    """The text is that of the figure; its kind is that of a fact that is not known."""
    found = Found(method="m", files=("f",), hint="ask the owner", kind=ReasonKind.NO_RECORD)
    measured = known(fact_case(), "it is 2, expected 2", found, "size", ok=ok)
    assert (measured.outcome, measured.because.kind, measured.because.hint) == (outcome, kind, hint)
    assert (measured.name, measured.because.text, measured.value) == ("size", "it is 2, expected 2", None)


def test_a_fact_is_worded_by_the_driver_that_read_it() -> None:
    """Of the live target: how often it was asked, and what was in the way where it could not be read."""
    fact = Fact(subject="pod", expected="2", observed="no answer", ok=None, attempts=3, at_ns=1)
    measured = one_fact(fact_case(), fact, Found(method="", files=()), "size")
    assert measured.because.text == "pod: not decided: no answer, expected 2, read 3 times"
    assert (measured.method, measured.limit, measured.n) == ("read from the live target", "2", 3)
