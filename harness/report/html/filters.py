"""Filters of the page that need no script: radio buttons, and rules of the style sheet that ask which of them is checked.

A browser without `:has()` shows every row. A row that a link leads to is shown, whatever is filtered.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

from harness.model import Gate, Outcome
from harness.report.view.wording import MARKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.report.view.digest import Row
    from harness.report.view.sections import DocumentRows

SETTLED: Final = (Outcome.PASS, Outcome.WAIVED)
"""What nobody has to work on; rows of any other outcome have the class `open`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FilterOption:
    """One radio button.

    Attributes:
        id: in the page. text: beside it. count: how many rows it shows. selector: the class that a row has; empty for all.
    """

    id: str
    text: str
    count: int
    selector: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FilterChoice:
    """Radio buttons of which one is checked; the first shows all rows."""

    name: str
    options: tuple[FilterOption, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PageFilters:
    """The filters of a page: radio buttons for verdict and gate, the documents of the list, and the rules of the style sheet."""

    choices: tuple[FilterChoice, ...]
    documents: tuple[DocumentRows, ...]
    rules: tuple[str, ...]


def page_filters(every: Sequence[Row], documents: tuple[DocumentRows, ...], places: Mapping[str, str]) -> PageFilters:
    """The filters for these rows; `places` has the anchor of each document and section."""
    verdicts, gates = _verdicts(every), _gates(every)
    rules = [*_row_rules(verdicts, gates), *_place_rules(documents, places)]
    return PageFilters(choices=(verdicts, gates), documents=documents, rules=tuple(rules))


def places_of(documents: Sequence[DocumentRows]) -> dict[str, str]:
    """The anchor of each document, by its name, and of each section, by `document: section`; each once."""
    names = [
        name
        for document in documents
        for name in (document.name, *(f"{document.name}: {part.name}" for part in document.sections if part.name))
    ]
    found: dict[str, str] = {}
    for name in names:
        anchor = f"in-{slug(name)}"
        while anchor in found.values():
            anchor += "-"
        found[name] = anchor
    return found


def anchor(id_: str) -> str:
    """Where a requirement is on the page: its id, as links from elsewhere write it."""
    return "".join(letter if letter.isalnum() else "-" for letter in id_)


def slug(text: str) -> str:
    """`NO-GO` → `no-go`, `NOT ASSESSED` → `not-assessed`: names of classes and anchors."""
    return anchor(text.lower())


def _verdicts(every: Sequence[Row]) -> FilterChoice:
    counts = {outcome: sum(row.outcome is outcome for row in every) for outcome in MARKS}
    left = sum(count for outcome, count in counts.items() if outcome not in SETTLED)
    return FilterChoice(
        name="Verdict",
        options=(
            FilterOption(id="f-v-all", text="all", count=len(every), selector=""),
            FilterOption(id="f-v-open", text="not passed", count=left, selector=".open"),
            *(
                FilterOption(
                    id=f"f-v-{slug(outcome.value)}", text=outcome.value, count=n, selector=f".{slug(outcome.value)}"
                )
                for outcome, n in counts.items()
                if n
            ),
        ),
    )


def _gates(every: Sequence[Row]) -> FilterChoice:
    counts = {gate: sum(row.requirement.gate is gate for row in every) for gate in Gate}
    return FilterChoice(
        name="Gate",
        options=(
            FilterOption(id="f-g-all", text="all", count=len(every), selector=""),
            *(
                FilterOption(id=f"f-g-{gate.value}", text=gate.value, count=n, selector=f".{gate.value}")
                for gate, n in counts.items()
                if n
            ),
        ),
    )


def _row_rules(verdicts: FilterChoice, gates: FilterChoice) -> Iterator[str]:
    """Of each pair of choices: hide the other rows, and the sections in which none is left."""
    for verdict, gate in product(verdicts.options, gates.options):
        shown = verdict.selector + gate.selector
        if shown:
            asked = f":root:has(#{verdict.id}:checked):has(#{gate.id}:checked)"
            yield f"{asked} .row:not({shown}):not(:target) {{ display: none }}"
            yield f"{asked} :is(.document, .section):not(:has(.row{shown}, .row:target)) {{ display: none }}"


def _place_rules(documents: Sequence[DocumentRows], places: Mapping[str, str]) -> Iterator[str]:
    """Of each document and section: hide the others."""
    for document in documents:
        own = places[document.name]
        yield f"{_asked(own)} .document:not(#{own}, :has(:target)) {{ display: none }}"
        for section in document.sections:
            if section.name:
                part = places[f"{document.name}: {section.name}"]
                yield f"{_asked(part)} :is(.document:not(#{own}), .section:not(#{part})):not(:has(:target)) {{ display: none }}"


def _asked(place: str) -> str:
    return f':root:has(#f-place option[value="{place}"]:checked)'
