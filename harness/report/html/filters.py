"""Filters of the page without a script: radio buttons, and style sheet rules that depend on the checked buttons.

A browser without `:has()` shows every row. The filters never hide the row that the current link points to.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

from harness.model import Gate, Outcome
from harness.report.view.wording import MARKS, anchor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.report.view.digest import Row
    from harness.report.view.sections import DocumentRows

SETTLED: Final = (Outcome.PASS, Outcome.WAIVED)
"""Outcomes that need no further work; rows with any other outcome have the class `open`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FilterOption:
    """One radio button.

    Attributes:
        id: id of the HTML element.
        text: label of the button.
        selector: class of the rows that the button shows; empty: all rows.
        ids: ids of the requirements that the button shows.
    """

    id: str
    text: str
    selector: str
    ids: frozenset[str]

    @property
    def count(self) -> int:
        """Number of rows that the button shows."""
        return len(self.ids)

    def shows(self, row: Row) -> bool:
        """Whether the button shows a row."""
        return row.requirement.id in self.ids


@dataclass(frozen=True, kw_only=True, slots=True)
class FilterChoice:
    """A group of radio buttons; exactly one button is checked, and the first button shows all rows."""

    name: str
    options: tuple[FilterOption, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PageFilters:
    """The filters of a page and their style sheet rules.

    Attributes:
        rows: groups that filter rows by verdict and by gate.
        documents: the group that filters documents.
        rules: the style sheet rules.
    """

    rows: tuple[FilterChoice, ...]
    documents: FilterChoice
    rules: tuple[str, ...]

    @property
    def choices(self) -> tuple[FilterChoice, ...]:
        """All groups in the order of the page."""
        return (*self.rows, self.documents)


def page_filters(every: Sequence[Row], documents: Sequence[DocumentRows]) -> PageFilters:
    """The filters for these rows."""
    chosen, own = (_verdicts(every), _gates(every)), _documents(every, documents)
    return PageFilters(rows=chosen, documents=own, rules=tuple(_rules(chosen, own)))


def places_of(documents: Sequence[DocumentRows]) -> dict[str, str]:
    """A unique anchor for each document, by its name, and for each section, by `document: section`."""
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


def slug(text: str) -> str:
    """A text as the name of a class or anchor: `NO-GO` → `no-go`, `NOT ASSESSED` → `not-assessed`."""
    return anchor(text.lower())


def _option(id_: str, text: str, selector: str, rows: Iterable[Row]) -> FilterOption:
    return FilterOption(id=id_, text=text, selector=selector, ids=frozenset(row.requirement.id for row in rows))


def _verdicts(every: Sequence[Row]) -> FilterChoice:
    options = [
        _option("f-v", "all", "", every),
        _option("f-v-open", "not passed", ".open", (row for row in every if row.outcome not in SETTLED)),
    ]
    for outcome in MARKS:
        name = slug(outcome.value)
        options.append(_option(f"f-v-{name}", outcome.value, f".{name}", (r for r in every if r.outcome is outcome)))
    return _choice("Verdict", options)


def _gates(every: Sequence[Row]) -> FilterChoice:
    options = [_option("f-g", "all", "", every)]
    for gate in Gate:
        rows = (row for row in every if row.requirement.gate is gate)
        options.append(_option(f"f-g-{gate.value}", gate.value, f".{gate.value}", rows))
    return _choice("Gate", options)


def _documents(every: Sequence[Row], documents: Sequence[DocumentRows]) -> FilterChoice:
    options = [_option("f-d", "all", "", every)]
    for number, document in enumerate(documents):
        options.append(_option(f"f-d-{number}", document.name, f".d{number}", document.rows))
    return _choice("Document", options)


def _choice(name: str, options: Sequence[FilterOption]) -> FilterChoice:
    """The group without options that show no row."""
    return FilterChoice(name=name, options=tuple(one for one in options if one.ids or not one.selector))


def _rules(choices: Sequence[FilterChoice], documents: FilterChoice) -> Iterator[str]:
    """Rules that hide the rows or documents an option does not show, and documents and sections without visible rows.

    The contents of a document or section are listed in its classes (`contained`), because selectors that search for rows take a
    browser seconds per click.
    """
    for option in (option for choice in choices for option in choice.options if option.selector):
        yield f"{_asked(option)} .row:not({option.selector}):not(:target) {{ display: none }}"
    for option in documents.options[1:]:
        yield f"{_asked(option)} .document:not({option.selector}):not(:has(:target)) {{ display: none }}"
    for options in product(*(choice.options for choice in choices)):
        chosen = [option for option in options if option.selector]
        if chosen:
            asked = "".join(f":has(#{option.id}:checked)" for option in chosen)
            yield f".list{asked} .part:not(.{_class(chosen)}):not(:has(:target)) {{ display: none }}"


def _asked(option: FilterOption) -> str:
    return f".list:has(#{option.id}:checked)"


def _class(options: Sequence[FilterOption]) -> str:
    """The class of a document or section that contains a row shown by all these options together."""
    return "with" + "".join(option.id.removeprefix("f") for option in options)


def contained(part: Sequence[Row], filters: PageFilters) -> str:
    """The classes of a document or section: the combinations of options that leave at least one of its rows visible."""
    found = []
    for options in product(*(choice.options for choice in filters.rows)):
        chosen = [option for option in options if option.selector]
        if chosen and any(all(option.shows(row) for option in chosen) for row in part):
            found.append(_class(chosen))
    return " ".join(["part", *found])
