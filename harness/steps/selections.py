"""Which experiments a sentence asks for, as functions of the values of its slots."""

from __future__ import annotations

import re
from collections.abc import Callable

from harness.steps.meaning import KINDS, Meaning, Selection
from harness.steps.slots import Values


def under_traffic(selection: Callable[[Values], Selection | None]) -> Callable[[Values], Meaning]:
    """The meaning of `"…" traffic has run`, with the experiments that `selection` finds."""
    return lambda slots: Meaning(traffic=slots["traffic"], selection=selection(slots))


def no_experiment(_slots: Values) -> None:
    """Select nothing: for a sentence that names no experiment."""


def of_kind(slots: Values) -> Selection:
    """Every experiment of the kind that the sentence names."""
    return KINDS[slots["kind"]]


def of_domains(slots: Values) -> Selection:
    """Every experiment of the domains that the sentence names."""
    return Selection.of_domains(tuple(re.split(", | or ", slots["domains"])))


def always(selection: Selection) -> Callable[[Values], Selection]:
    """The same experiments for any values of the slots."""
    return lambda _slots: selection
