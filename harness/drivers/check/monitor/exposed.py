"""The form *METRICS of every THING are exposed and so young*: its sentence, and how young a sample is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harness.drivers.claim import SentenceForm
from harness.model import Quantity

EXPOSED: Final = SentenceForm(
    "exposed-and-young",
    "<metrics:noun> exposed and <bound:freshness> <age:duration>[ old][ in the steady state]",
    "Prometheus has these metrics of each pod, service, page or query, from samples of that age.",
)


@dataclass(frozen=True, slots=True)
class Freshness:
    """How young a sample must be: `younger than 30 s`, else `at most 30 s old`."""

    seconds: float
    younger: bool = False

    @classmethod
    def of(cls, params: Mapping[str, str]) -> Freshness:
        """As a sentence of the form states it."""
        return cls(Quantity.parse(params["age"]).in_unit("s"), younger=params.get("bound") == "younger than")

    def __str__(self) -> str:
        return f"{'under' if self.younger else 'at most'} {self.seconds:g} s old"

    def met(self, age_s: float) -> bool:
        """Whether a sample of this age is young enough."""
        return age_s < self.seconds if self.younger else age_s <= self.seconds
