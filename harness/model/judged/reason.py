"""Reasons of figures, scenarios, requirements and decisions: a kind, a sentence, and a hint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ReasonKind(StrEnum):
    """Kinds of reasons, in order: of several reasons for one outcome the first kind leads, since it is closest to the cause."""

    OTHER_RUN = "other-run"
    """The evidence belongs to another run, target or release."""
    CUT = "cut-short"
    """The run ended early, because of a person or of something that it needs."""
    HARNESS = "harness"
    """A bug in the harness."""
    SENTENCE = "sentence"
    """The sentence can never be evaluated."""
    EVIDENCE = "evidence"
    """Evidence is missing, incomplete or edited."""
    MACHINE = "machine"
    """The harness's machine slept or its wall clock was set; or the machine shared with a sandbox lacked processor time."""
    FAULT = "fault"
    LOAD = "load"
    WATCH = "watch"
    RESTORE = "restore"
    """For `fault`, `load`, `watch` and `restore`: the receipt of that name is missing or not complete."""
    UNSTEADY = "unsteady"
    """The target was not steady without a fault, or at the end."""
    NO_RECORD = "no-record"
    """Nothing was recorded that the sentence is about."""
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
    """The target or the command does not provide what is needed."""
    PART = "part"
    """The platform lacks a part that the requirement is about."""
    UNCLAIMED = "unclaimed"
    """No scenario claims the requirement."""
    FILTERED = "filtered"
    """A filter left the scenario out."""
    HARM = "unjudged-harm"
    """Harm was measured but no claim judges it."""
    WAIVED = "waived"


_RANK = {kind: rank for rank, kind in enumerate(ReasonKind)}


OF_THE_CHOICE: Final = frozenset({ReasonKind.FILTERED, ReasonKind.UNCLAIMED})
"""Kinds of reasons about the selection of scenarios, not about results of the run."""


LONGEST: Final = 1000
"""Maximum number of characters of a sentence; the rest of a longer one is counted. The details are in the evidence."""
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
        """Limit the length of the sentences, for example of lists of a thousand pods."""
        for name in ("text", "hint"):
            value = getattr(self, name)
            if len(value) > LONGEST:
                object.__setattr__(self, name, shortened(value))

    @property
    def sentence(self) -> str:
        """The text, with the number of further figures that it stands for."""
        if not self.more:
            return self.text
        alike = "as expected" if self.kind is ReasonKind.AS_EXPECTED else "like it"
        return f"{self.text} (and {self.more} more {alike})"

    @property
    def rank(self) -> int:
        """Position of the kind in the order of kinds; the lowest leads."""
        return _RANK[self.kind]
