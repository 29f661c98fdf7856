"""Functions that select the experiments of a sentence from the values of its slots."""

from __future__ import annotations

import re
from collections.abc import Callable

from harness.steps.meaning import KINDS, Meaning, Selection
from harness.steps.nouns import AT_ITS_ENTRY, CACHES_DEATH, PRIMARYS_DEATH
from harness.steps.slots import Values


def under_traffic(selection: Callable[[Values], Selection | None]) -> Callable[[Values], Meaning]:
    """The meaning of `"…" traffic has run`, with the experiments that `selection` returns."""
    return lambda slots: Meaning(traffic=slots["traffic"], selection=selection(slots))


def of_experiments(slots: Values) -> Selection | None:
    """Every experiment of the kind or the domains that the sentence names; None if it names none."""
    named = slots.get("experiments", "")
    return _of_domains(named) or KINDS.get(named.removesuffix(" experiment"))


def of_faults(slots: Values) -> Selection | None:
    """Every disaster, or every experiment of the domains that the sentence names."""
    return _of_domains(slots["faults"]) or KINDS["disaster"]


def of_loss(slots: Values) -> Selection | None:
    """The experiments of the loss that the sentence names: a region, a zone or a primary; None if it names no loss."""
    loss = slots.get("loss", "")
    if not loss:
        return None
    named = {PRIMARYS_DEATH: "database", CACHES_DEATH: "cache"}
    domain = named.get(loss, "zone" if loss.endswith(AT_ITS_ENTRY) else "region")
    return Selection.of_domains((domain,), every=False)


def _of_domains(named: str) -> Selection | None:
    _, _, domains = named.partition(" of domain ")
    return Selection.of_domains(tuple(re.split(", | or ", domains))) if domains else None
