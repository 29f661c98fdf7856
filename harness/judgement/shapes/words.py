"""What measures say: one table for each shape, by figure.

A template names what the figure found (`names`), and of an effect its times in s from the cause on: `low`, `high`, `watched`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from harness.model import Figure


class UntilWords(NamedTuple):
    """Of an effect that must come within a limit.

    Attributes:
        head: begins every sentence.
        came: the effect came. missing: it did not.
        late: it came, and not within the limit; empty: as `came`.
        proof: follows where it came within the limit.
        between: follows where the limit is between `low` and `high`.
    """

    head: str
    came: str
    missing: str = ""
    late: str = ""
    proof: str = ""
    between: str = ""


UNTIL: Final[Mapping[Figure, UntilWords]] = {
    Figure.REPLACED: UntilWords(
        "{pod} was killed, and ",
        "{successor} was ready {high:.3g} s after the fault was sent",
        "no pod took its place in the {watched:.3g} s that were watched",
    ),
    Figure.RESCHEDULED: UntilWords(
        "{attempt}: {workload} lost {lost} of its pods; ",
        "all {before} pods were ready again after {high:.3g} s",
        "not all {before} pods were ready in the {watched:.3g} s until the power came back",
    ),
    Figure.SERVICE_HEALTH: UntilWords(
        "{service}, {attempt}: ",
        "it read failing after {high:.4g} s",
        "it read well in the {watched:.4g} s that were watched",
        between=", and was last asked {low:.4g} s after the fault",
    ),
    Figure.PROMOTION: UntilWords(
        "{attempt}: {member} was ordered to lead, and ",
        "it was the only primary after {high:.3g} s",
        "it did not lead in the {watched:.3g} s that were watched",
        between=", and was not yet {low:.3g} s after it",
    ),
    Figure.EQUAL_COPIES: UntilWords(
        "{attempt}: ",
        "{writes} rows of {copies} copies were equal {high:.3g} s after the partition healed",
        "of {writes} rows {lacking} differed from the other copies ({some}) to the end of the watch, {watched:.3g} s after the partition healed",
    ),
    Figure.RESTARTED: UntilWords(
        "{attempt}: {pod} ",
        "hung, and its container was started again after {high:.4g} s",
        "hung, and was not started again in the {watched:.4g} s that were watched",
    ),
    Figure.LAST_REQUEST: UntilWords(
        "{attempt}: {pod} ",
        "turned unready and answered its last request {high:.4g} s after that",
        late="still answered a request {high:.4g} s after it turned unready",
        proof="; of {later} later than the limit it would have got {expected:.3g}",
    ),
}
