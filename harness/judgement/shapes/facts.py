"""Judges facts: a fact is as expected, is not as expected, or could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from harness.errors import HINT
from harness.judgement.measures import Case, Figures, because
from harness.judgement.shapes.found import Found, made
from harness.judgement.shapes.words import words_of_facts
from harness.model import Fact, FactTable, Measure, Outcome, ReasonKind
from harness.model.records.facts import FIRST

_OUTCOMES: Final[Mapping[bool | None, Outcome]] = {
    True: Outcome.PASS,
    False: Outcome.FAIL,
    None: Outcome.INCONCLUSIVE,
}

_NO_FIGURES: Final = Figures()


def known(
    case: Case, text: str, found: Found, name: str = "", *, ok: bool | None, figures: Figures = _NO_FIGURES
) -> Measure:
    """The measure of a fact: PASS if `ok` is True, FAIL if it is False, INCONCLUSIVE if it is None.

    Args:
        case: objective and evidence.
        text: observed and expected value, in words.
        found: other fields of the measure; its hint is used for every outcome, its kind only if `ok` is None.
        name: name of the measure; empty: the name of the figure.
        ok: whether the fact is as expected; None: unknown.
        figures: number of the measure, with its bounds and its limit.
    """
    outcome = _OUTCOMES[ok]
    reason = because(outcome, text, found.hint, kind=found.kind if ok is None else None)
    return made(case, found, outcome, reason, figures, name=name)


def one_fact(case: Case, fact: Fact, found: Found, name: str) -> Measure:
    """The measure of one fact. A fact is false only if every attempt to read it found it false; the hint of an error that kept it from being read is the measure's."""
    words = words_of_facts(case.objective.demand)
    observed, _, cure = fact.observed.partition(HINT)
    seen = observed if fact.ok is not None or not words.live else f"not decided: {observed}"
    asked = f", read {fact.attempts} times" if fact.attempts > 1 else ""
    of_it = replace(
        found,
        scope={**found.scope, "subject": fact.subject},
        said=fact.expected,
        n=fact.attempts,
        method=words.method,
        hint=(cure or words.hint) if fact.ok is None else "",
        kind=ReasonKind.NO_RECORD,
    )
    measured = known(case, f"{fact.subject}: {seen}, expected {fact.expected}{asked}", of_it, name, ok=fact.ok)
    return measured if fact.amount is None else replace(measured, amount=fact.amount)


def all_facts(case: Case, matrix: FactTable, found: Found, name: str) -> Measure:
    """All facts of a table as one measure, which names the first mismatches.

    If some facts were not read, the number of mismatches is a lower bound.
    """
    words, failed, unread = words_of_facts(case.objective.demand), matrix.count(ok=False), matrix.count(ok=None)
    covers = f" ({matrix.covered:,} of {matrix.of:,} cases have a fact)".replace(",", " ")
    partly = unread > 0 or matrix.covered < matrix.of
    ok = False if failed else None if partly or not len(matrix) else True
    named = [*matrix.first(ok=False), *matrix.first(ok=None)][:FIRST]
    summary = "; ".join(f"{fact.subject}: {fact.observed}, expected {fact.expected}" for fact in named)
    unknown = f", {unread} could not be read" if unread else ""
    head = f"{failed:,} of {len(matrix):,} facts are not as expected".replace(",", " ") + f"{unknown}{covers}"
    of_all = replace(
        found,
        n=len(matrix),
        method=f"each fact {words.method}",
        hint=words.hint if ok is None else "",
        kind=ReasonKind.NO_RECORD,
    )
    text = f"{head}: {summary}" if summary else head
    return known(
        case, text, of_all, name, ok=ok, figures=Figures(value=failed, low=failed if failed and partly else None)
    )
