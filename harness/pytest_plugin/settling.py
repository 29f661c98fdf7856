"""Makes the outcome of a test from the verdict of its claim: all Then steps run, then it raises once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import pytest

from harness.errors import HarnessError
from harness.model import ClaimVerdict, Outcome


class Inconclusive(Exception):
    """The evidence is sufficient for neither PASS nor FAIL."""


class NotAssessed(Exception):
    """This target or run has no means to assess it."""


STATUS: Final = {
    Outcome.INCONCLUSIVE: ("inconclusive", "I", "INCONCLUSIVE"),
    Outcome.NOT_ASSESSED: ("not assessed", "N", "NOT ASSESSED"),
    Outcome.WAIVED: ("waived", "W", "WAIVED"),
}
"""How pytest's terminal names the outcomes it has no word for: category, letter, word."""


@dataclass(slots=True)
class Settling:
    """What one scenario's steps share: its verdict, and the sentences heard so far.

    `claim` is None when the run has no verdict for the scenario; `why` says so, or who waives it. `told` is what `settle` told: what breaks
    in a step of the project's own before that is no verdict.
    """

    claim: ClaimVerdict | None
    why: str
    sentences: list[str] = field(default_factory=list)
    told: Outcome | None = None

    def take(self, sentence: str) -> None:
        """Note that a Then step was reached."""
        self.sentences.append(sentence)

    def settle(self) -> None:
        """Raise the outcome of the verdict, once.

        Raises:
            pytest.fail.Exception: FAIL. Inconclusive, NotAssessed: as named.
            HarnessError: the scenario ended without reaching one of its Then steps.
        """
        if self.claim is None:
            self.told = Outcome.NOT_ASSESSED
            raise NotAssessed(self.why)
        if len(self.sentences) != len(self.claim.measures):
            raise HarnessError(
                f"{len(self.sentences)} Then steps were reached, the plan has {len(self.claim.measures)}",
                where=self.claim.scenario.location,
            )
        self.told = self.claim.outcome
        message = self.claim.reason + (f"\n  hint: {self.claim.hint}" if self.claim.hint else "")
        match self.claim.outcome:
            case Outcome.FAIL:
                pytest.fail(message, pytrace=False)
            case Outcome.INCONCLUSIVE:
                raise Inconclusive(message)
            case Outcome.NOT_ASSESSED:
                raise NotAssessed(message)
            case Outcome.WAIVED:
                self.why = message
            case _:
                return
