"""What people say, each for one release and for a time: an attestation, that a requirement holds; a waiver, that it need not, within a bound."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonalStatement:
    """What every statement has.

    Attributes:
        by: who says it. reason: why, in a sentence. link: where that was agreed, or what was reviewed.
        date, expires: ISO dates; it counts on the day that it expires.
        release: that it is for.
        file: the name of its directory and its own, as it is kept below `inputs/` of the run.
        void: why it does not count in this run; empty: it does.
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
    """A named person vouches for a requirement.

    Attributes:
        vouches: the requirement by id.
        role: as what the person vouches.
        age_days: from its date to the day of the run.
    """

    vouches: str
    role: str
    age_days: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiver(PersonalStatement):
    """What was accepted, as its file says; exactly one of `bound`, `subjects`, `outcome` and `count` is given, or a bound with subjects.

    Attributes:
        waives: the requirement by id; or a kind of harm, `writes-lost`, that no requirement judges.
        bound: figures up to this (or down to this) are accepted: `300 ms`.
        subjects: facts of these subjects are accepted as they are; those that are counts or shares up to the bound, or down to it.
        outcome: `INCONCLUSIVE` or `NOT ASSESSED`: that it is not known is accepted; no FAIL is.
        count: of a harm: so many are accepted.
    """

    waives: str
    bound: str = ""
    subjects: tuple[str, ...] = ()
    outcome: str = ""
    count: int = 0

    @property
    def accepts(self) -> str:
        """What it accepts, in words: `the bound 300 ms`."""
        if self.subjects:
            within = f" within the bound {self.bound}" if self.bound else ""
            return f"the facts of {', '.join(self.subjects)}{within}"
        if self.bound:
            return f"the bound {self.bound}"
        return f"that it is {self.outcome}" if self.outcome else f"at most {self.count}"

    @property
    def sentence(self) -> str:
        """Its text on the decision line."""
        return f"{self.waives}: {self.by} accepts {self.accepts} until {self.expires} ({self.reason})"
