"""Turns the verdict of a claim into the outcome of a test: after all Then steps an exception is raised once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import pytest

from harness.errors import HarnessError
from harness.model import ClaimVerdict, Outcome, Scenario


class Inconclusive(Exception):
    """The evidence is sufficient for neither PASS nor FAIL."""


class NotAssessed(Exception):
    """This target or run cannot assess the requirement."""


STATUS: Final = {
    Outcome.INCONCLUSIVE: ("inconclusive", "I", "INCONCLUSIVE"),
    Outcome.NOT_ASSESSED: ("not assessed", "N", "NOT ASSESSED"),
    Outcome.WAIVED: ("waived", "W", "WAIVED"),
}
"""Category, letter and word of the outcomes that pytest does not have, for its terminal."""


@dataclass(slots=True)
class Settling:
    """The state that the steps of a scenario share: its verdict, and the Then sentences so far.

    Attributes:
        claim: verdict of the scenario; None if the run has none.
        why: reason why there is no verdict, or who waives it.
        sentences: Then sentences that were reached.
        told: outcome that `settle` reported; None before, when an exception of the project's own steps is not a verdict.
    """

    claim: ClaimVerdict | None
    why: str
    sentences: list[str] = field(default_factory=list)
    told: Outcome | None = None

    def take(self, sentence: str) -> None:
        """Record that a Then step was reached."""
        self.sentences.append(sentence)

    def settle(self) -> None:
        """Raise the outcome of the verdict, once.

        Raises:
            pytest.fail.Exception: the verdict is FAIL.
            Inconclusive: the verdict is INCONCLUSIVE.
            NotAssessed: the verdict is NOT ASSESSED.
            HarnessError: the scenario ended without reaching one of its Then steps.
        """
        if self.claim is None:
            self.told = Outcome.NOT_ASSESSED
            raise NotAssessed(self.why)
        if len(self.sentences) != len(self.claim.measures):
            raise HarnessError(
                f"{len(self.sentences)} Then steps were reached, expected {len(self.claim.measures)} as in the plan",
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


SCENARIO: Final = pytest.StashKey[Scenario]()
"""The scenario of a test item that claims a requirement."""
SETTLING: Final = pytest.StashKey[Settling]()
"""The state of the steps of a test item's scenario, once they run."""
