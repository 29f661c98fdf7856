"""Why a figure, a scenario, a requirement or a decision is as it is: a kind, a sentence, and what to do next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ReasonKind(StrEnum):
    """What decided. In order: of several reasons for one outcome the first kind leads, for it is closest to the cause."""

    OTHER_RUN = "other-run"
    """The evidence is that of another run, target or release."""
    CUT = "cut-short"
    """The run was cut short: by a person, or by what it needs to go on."""
    HARNESS = "harness"
    """A bug in the harness."""
    SENTENCE = "sentence"
    """The sentence can never be evaluated."""
    EVIDENCE = "evidence"
    """Evidence is gone, incomplete or edited."""
    MACHINE = "machine"
    """The machine of the harness slept, or its wall clock was set; or the one that it shares with a sandbox was starved."""
    FAULT = "fault"
    LOAD = "load"
    WATCH = "watch"
    RESTORE = "restore"
    """These four: that receipt is missing or not in order."""
    UNSTEADY = "unsteady"
    """The target was not steady without a fault, or at the end."""
    NO_RECORD = "no-record"
    """Nothing was recorded of what the sentence speaks of."""
    WORSE_AFTER = "worse-after-faults"
    """What came after the faults is proven worse than what came before."""
    CLUSTERED = "clustered"
    """Failures came together, in too few episodes for a bound."""
    RESOLUTION = "resolution"
    """The limit lies within what the watch can resolve."""
    TOO_FEW = "too-few-samples"
    """The limit lies between the bounds: more samples would decide."""
    NOT_AS_EXPECTED = "not-as-expected"
    AS_EXPECTED = "as-expected"
    NOT_TRIED = "not-tried"
    """A part of the sentence was not tried."""
    NOT_FALSIFIABLE = "not-falsifiable"
    """This run could not have failed it."""
    NO_MEANS = "no-means"
    """The target or the command does not provide what is needed."""
    PART = "part"
    """The platform lacks a part that the requirement is about."""
    UNCLAIMED = "unclaimed"
    """Nothing claims it."""
    FILTERED = "filtered"
    """A filter left it out."""
    HARM = "unjudged-harm"
    """Harm was measured that no claim judges."""
    WAIVED = "waived"


_RANK = {kind: rank for rank, kind in enumerate(ReasonKind)}


OF_THE_CHOICE: Final = frozenset({ReasonKind.FILTERED, ReasonKind.UNCLAIMED})
"""Reasons that speak of what was selected, not of what the run found."""


LONGEST: Final = 1000
"""Characters of a sentence at most; of a longer one the rest is counted. What it is of is in the evidence."""
_CUT: Final = re.compile(r" … \(([0-9]+) more characters\)")


def shortened(text: str) -> str:
    """A text of `LONGEST` characters at most, without half a word, and how many characters were left out.

    A text that was shortened before it became a part of another one counts with all that it had.
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
    """Why something has its outcome.

    Attributes:
        kind: what decided.
        text: what was measured and what was expected; bounded (`shortened`).
        hint: what to do next; empty where nothing has to be done; bounded as well.
        more: how many other figures of the same outcome it leads.
    """

    kind: ReasonKind
    text: str
    hint: str = ""
    more: int = 0

    def __post_init__(self) -> None:
        """Bound the sentences: a list of a thousand pods is no reason."""
        for name in ("text", "hint"):
            value = getattr(self, name)
            if len(value) > LONGEST:
                object.__setattr__(self, name, shortened(value))

    @property
    def sentence(self) -> str:
        """The text, with how many figures it leads."""
        if not self.more:
            return self.text
        alike = "as expected" if self.kind is ReasonKind.AS_EXPECTED else "like it"
        return f"{self.text} (and {self.more} more {alike})"

    @property
    def rank(self) -> int:
        """Its place in the order of the kinds: the lowest leads."""
        return _RANK[self.kind]
