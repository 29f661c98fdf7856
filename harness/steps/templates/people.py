"""What is not measured here.

People vouch for it, or it is made of other requirements.
"""

from __future__ import annotations

from typing import Final

from harness.steps.meaning import Keyword
from harness.steps.objectives import parts, vouched
from harness.steps.template import Template

PEOPLE: Final = (
    Template(
        name="vouched",
        keyword=Keyword.THEN,
        text="<role:role> vouches for it, for this release, not longer than <age:duration> ago",
        about="A file below `attestations`, as `readiness attest` writes it: who vouches, in which role, since when, for which release, until when.",
        example="security-lead vouches for it, for this release, not longer than 90 d ago",
        mean=vouched,
    ),
    Template(
        name="parts",
        keyword=Keyword.THEN,
        text="<parts:ids> pass[es]",
        about="A requirement that is made of others: as good as the worst of them, never an average.",
        example="ND-PRE-TESTS, ND-PRE-SCAN and ND-PRE-BENCH pass",
        mean=parts,
    ),
)
