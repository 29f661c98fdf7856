"""Reasons of figures, scenarios, requirements and decisions: a kind, a sentence, and a hint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ReasonKind(StrEnum):
    """Kinds of reasons, ordered from the cause; of several reasons for one outcome the first kind leads."""

    OTHER_RUN = "other-run"
    """The evidence belongs to another run, target or release."""
    CUT = "cut-short"
    """The run ended early, because of a person or a missing precondition."""
    HARNESS = "harness"
    """A bug in the harness."""
    SENTENCE = "sentence"
    """The sentence can never be evaluated."""
    EVIDENCE = "evidence"
    """Evidence is missing, incomplete or edited."""
    MACHINE = "machine"
    """The machine of the harness slept, had its wall clock set or, shared with a sandbox, lacked processor time."""
    FAULT = "fault"
    LOAD = "load"
    WATCH = "watch"
    RESTORE = "restore"
    REPORT = "report"
    """The receipt `fault`, `load`, `watch`, `restore` or `report` of that name is missing or not complete."""
    UNSTEADY = "unsteady"
    """The target was not steady without a fault, or at the end."""
    NO_RECORD = "no-record"
    """There is no record of the figure in the sentence."""
    WORSE_AFTER = "worse-after-faults"
    """The time after the faults is proven worse than the time before."""
    CLUSTERED = "clustered"
    """Failures are clustered in too few episodes for a bound."""
    RESOLUTION = "resolution"
    """The limit lies within the measurement uncertainty of the watch."""
    TOO_FEW = "too-few-samples"
    """The limit lies between the bounds: more samples would decide."""
    NOT_AS_EXPECTED = "not-as-expected"
    AS_EXPECTED = "as-expected"
    NOT_TRIED = "not-tried"
    """A part of the sentence was not tried."""
    NOT_FALSIFIABLE = "not-falsifiable"
    """This run could not have failed the requirement."""
    NO_MEANS = "no-means"
    """The target or the command does not provide a required means."""
    PART = "part"
    """The platform lacks a component that the requirement is about."""
    UNCLAIMED = "unclaimed"
    """No scenario claims the requirement."""
    FILTERED = "filtered"
    """A filter left the scenario out."""
    HARM = "unjudged-harm"
    """Harm was measured, and no claim judges it."""
    WAIVED = "waived"


_RANK = {kind: rank for rank, kind in enumerate(ReasonKind)}


OF_THE_CHOICE: Final = frozenset({ReasonKind.FILTERED, ReasonKind.UNCLAIMED})
"""Kinds of reasons about the selection of scenarios, and not about results of the run."""


LONGEST: Final = 1000
"""Maximum number of characters of a sentence; a longer sentence is cut, with the number of further characters."""
NOT_DECIDED: Final = ". Not decided: "
"""The words between a measured figure and the cause for which it decides nothing."""
_CUT: Final = re.compile(r" … \(([0-9]+) more characters\)")


def shortened(text: str) -> str:
    """A text of at most `LONGEST` characters that ends with a complete word and the number of omitted characters.

    If a part of the text was shortened before, its omitted characters count too.
    """
    if len(text) <= LONGEST:
        return text
    room = LONGEST - len(" … (999999999 more characters)")
    kept = text[:room].rpartition(" ")[0] or text[:room]
    kept = _CUT.sub(" …", kept).rstrip()
    gone = len(_CUT.sub("", text)) - len(kept) + sum(int(n) for n in _CUT.findall(text))
    return f"{kept} … ({gone} more characters)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why a result has its outcome.

    Attributes:
        kind: kind of the reason.
        text: measured and expected value, at most `LONGEST` characters (`shortened`).
        hint: what to do next, at most `LONGEST` characters; empty if nothing is to be done.
        more: number of further figures with this outcome and kind.
    """

    kind: ReasonKind
    text: str
    hint: str = ""
    more: int = 0

    def __post_init__(self) -> None:
        """Limit the length of the sentences, for example of lists of a thousand pods."""
        for name in ("text", "hint"):
            value = getattr(self, name)
            if len(value) > LONGEST:
                object.__setattr__(self, name, shortened(value))

    @property
    def sentence(self) -> str:
        """The text, with the number of further figures."""
        if not self.more:
            return self.text
        alike = "as expected" if self.kind is ReasonKind.AS_EXPECTED else "like it"
        return f"{self.text} (and {self.more} more {alike})"

    @property
    def rank(self) -> int:
        """Position of the kind in the order of kinds; the lowest position leads."""
        return _RANK[self.kind]
