"""Records of this run that no rule of the judge uses, with the reason; reports list them under *What was not verified*."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Final

from harness.model import Evidence
from harness.model.records.readers import KINDS_READ, TABLES_READ, ReadBy

_WINDOWS: Final = {
    "quiet": "without a fault",
    "held": "while a fault is active",
    "back": "after the undo",
    "last": "after the last restore",
}


def for_people_only(evidence: Evidence) -> tuple[str, ...]:
    """One line for each recorded table or kind of observation that no rule of the judge uses in some windows."""
    seen = {observation.kind for observation in evidence.observations}
    names = {", ".join(kind.KINDS): read for kind, read in KINDS_READ.items() if not seen.isdisjoint(kind.KINDS)}
    names |= {name: read for name, read in TABLES_READ.items() if _recorded(evidence, name)}
    return tuple(chain.from_iterable(_lines(evidence, name, read) for name, read in names.items()))


def _recorded(evidence: Evidence, name: str) -> bool:
    """Whether the table has a row; if several watchers write the table, whether it has a row of that kind."""
    schema, _, kind = name.partition(" ")
    rows = evidence.tables.get(schema)
    if rows is None or not len(rows):
        return False
    return not kind or kind.split()[0] in rows.words["kind"].present


def _lines(evidence: Evidence, name: str, read: ReadBy) -> Iterable[str]:
    sent = any(a.fault.sent_ns is not None for a in chain.from_iterable(evidence.experiments.values()))
    there = {"quiet": True, "held": sent, "back": sent, "last": sent}
    whys = {window: why for window, why in read.for_people().items() if there[window]}
    for why in dict.fromkeys(whys.values()):
        own = [window for window in whys if whys[window] == why]
        yield f"{name}, recorded for people only{_in_words(own, there)}: {why}"


def _in_words(own: list[str], there: Mapping[str, bool]) -> str:
    if own == [window for window, is_there in there.items() if is_there]:
        return ""
    return f" {' and '.join(_WINDOWS[window] for window in own)}"
