"""Finds the sentences that people mean by other words than the sentences have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from harness.steps.template import Template
from harness.yamlfile import read_document

SYNONYMS: Final = Path(__file__).with_name("synonyms.yaml")
_SMALL: Final = frozenset(
    re.findall(
        r"\w+",
        """
a above an and answered are at be below being by do does every for from gets happen happens has have in is it
its least less load longer lower may minute minutes more most must never no of on or over per return returned
returns second seconds service should stays take takes than that the there to under with within
""",
    )
)
"""Words that do not say what is searched."""
_ENDS: Final = ".,;:!?\"'`()"


@cache
def synonyms() -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Name of a thing → the words of the sentences about it, each as words that one sentence contains."""
    found = read_document(SYNONYMS).data
    return {str(name): tuple(tuple(one.split()) for one in words) for name, words in found.items()}


def searched(template: Template) -> str:
    """The text of a template in which words are searched, in small letters."""
    nouns = (slot.about.partition(": ")[2] for slot in template.slots.values())
    words = (template.name, template.plain, template.about, template.example, *template.takes.values(), *nouns)
    return " ".join(words).casefold()


def containing(text: str, templates: Sequence[Template]) -> tuple[Template, ...]:
    """The templates that contain every word of a text as it is written; all of them without a text."""
    words = text.casefold().split()
    return tuple(one for one in templates if all(word in searched(one) for word in words))


def sentences_about(text: str, templates: Sequence[Template]) -> tuple[Template, ...]:
    """The templates that contain most of the words of a text, or words that mean the same, the best ones first; empty if none has more than half of them."""
    terms = _terms(text)
    ranks = {one.name: [_rank(searched(one), term) for term in terms] for one in templates}
    most = max((sum(map(bool, found)) for found in ranks.values()), default=0)
    if not most or 2 * most <= len(terms):
        return ()
    best = [one for one in templates if sum(map(bool, ranks[one.name])) == most]
    return tuple(sorted(best, key=lambda one: -sum(ranks[one.name])))


def is_named_otherwise(text: str) -> bool:
    """Whether a text has a name that the sentences do not use."""
    left = f" {' '.join(word.strip(_ENDS) for word in text.casefold().split())} "
    return any(f" {name} " in left for name in synonyms())


def _terms(text: str) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """The terms of a text: each as alternatives, which are words that must all be there. Small words and numbers are left out."""
    left = f" {' '.join(word.strip(_ENDS) for word in text.casefold().split())} "
    found: list[tuple[tuple[str, ...], ...]] = []
    for name in sorted(synonyms(), key=len, reverse=True):
        if f" {name} " in left:
            found.append(synonyms()[name])
            left = left.replace(f" {name} ", " ")
    words = (word for word in left.split() if word not in _SMALL and not re.match(r"[0-9<\"]", word))
    return (*found, *(((word,),) for word in words))


def _rank(text: str, term: tuple[tuple[str, ...], ...]) -> int:
    """How well a text has a term: the number of its alternatives, less for each that is better and is not there; 0 if it has none."""
    return next((len(term) - at for at, words in enumerate(term) if all(word in text for word in words)), 0)
