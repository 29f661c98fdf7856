"""Statements of people for one release and a limited time: attestations and waivers.

An attestation vouches for a requirement. A waiver accepts a result within a bound.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonalStatement:
    """Fields of every statement.

    Attributes:
        by: author of the statement.
        reason: reason in one sentence.
        link: address of the agreement or of the reviewed document.
        date: ISO date of the statement.
        expires: ISO date of its last valid day.
        release: release to which it applies.
        file: directory name and file name, as stored below `inputs/` of the run.
        void: reason why it does not count in this run; empty: it counts.
    """

    by: str
    reason: str
    link: str
    date: str
    expires: str
    release: str
    file: str
    void: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attestation(PersonalStatement):
    """A statement in which a person vouches for a requirement.

    Attributes:
        vouches: id of the requirement.
        role: role of the person.
        age_days: days from its date to the day of the run.
    """

    vouches: str
    role: str
    age_days: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiver(PersonalStatement):
    """A statement that accepts a result by bound, subjects (with or without a bound), outcome or count.

    Attributes:
        waives: id of the requirement, or a kind of harm without a requirement, such as `writes-lost`.
        bound: accepted bound of figures, such as `300 ms`.
        subjects: subjects whose facts are accepted; with a bound for facts that are counts or shares.
        outcome: accepted outcome, `INCONCLUSIVE` or `NOT ASSESSED`; a FAIL is never accepted by outcome.
        count: accepted number of cases of a harm.
    """

    waives: str
    bound: str = ""
    subjects: tuple[str, ...] = ()
    outcome: str = ""
    count: int = 0

    @property
    def accepts(self) -> str:
        """What the waiver accepts, in words: `the bound 300 ms`."""
        if self.subjects:
            within = f" within the bound {self.bound}" if self.bound else ""
            return f"the facts of {', '.join(self.subjects)}{within}"
        if self.bound:
            return f"the bound {self.bound}"
        return f"that it is {self.outcome}" if self.outcome else f"at most {self.count}"

    @property
    def sentence(self) -> str:
        """The text of the waiver on the decision line."""
        return f"{self.waives}: {self.by} accepts {self.accepts} until {self.expires} ({self.reason})"
