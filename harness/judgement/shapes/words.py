"""What measures say: one table for each shape, by figure.

A template names what the figure found (`names`), and of an effect its times in s from the cause on: `low`, `high`, `watched`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from harness.model import DemandKind, Figure


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


_FIRES: Final = UntilWords(
    "{alert}, {attempt}: ",
    "it fired {high:.4g} s after the fault at the latest",
    "it did not fire in the {watched:.4g} s that were watched",
)
_GONE: Final = UntilWords(
    "",
    "{gave} gave {old} of {n} {what} after the {switch}, the last {high:.4g} s after it",
    between="; when it began is known to {known:.3g} s",
)

UNTIL: Final[Mapping[str, UntilWords]] = {
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
    Figure.ALERT_FIRES: _FIRES,
    Figure.ALERT_AT_ERRORS: _FIRES,
    Figure.QUERY_ALERT: UntilWords(
        "`{query}`, {attempt}: ",
        "{alert} named it {high:.4g} s after its p95 passed {over} at the latest",
        "no alert with the label `part: query` named it in the {watched:.4g} s that it was slow",
    ),
    Figure.ALERTS_RESOLVED: UntilWords(
        "{attempt}: ",
        "of {n} alerts the last, {alert}, was resolved {high:.4g} s after the recovery",
        "{alert} was not resolved in the {watched:.4g} s that were watched after the recovery",
    ),
    Figure.ALERTS_DELIVERED: UntilWords(
        "{attempt}: ", "notices of {n} alerts came within {longest:.4g} s", "no notice of {alert} came"
    ),
    Figure.TAKEN_BACK: UntilWords(
        "{rollout}: ",
        "the rollback started {high:.4g} s after the switch at most ({why})",
        "no rollback started by itself in {watched:.4g} s after the switch{unclear}",
    ),
    Figure.ROLLBACK_START: UntilWords(
        "{rollout}: ",
        "the rollback started {high:.4g} s after the condition at most ({why})",
        "no rollback started by itself in {watched:.4g} s after the condition{unclear}",
    ),
    Figure.ROLLBACK_TOLD: UntilWords(
        "{rollout}: ",
        "a notice with release, cause and time came {high:.4g} s after the rollback",
        "{instead} in {watched:.4g} s{old}",
    ),
    Figure.ANSWERED_BY_NEW: _GONE,
    Figure.ANSWERED_BY_OLD: _GONE,
    "first request of a new pod": UntilWords(
        "{pod} ",
        "gave its first answer {high:.3g} s after it was ready",
        "was ready and gave no answer in the {watched:.3g} s that were watched",
    ),
    "last request of a killed pod": UntilWords(
        "",
        "{pod} last answered a request sent {high:.3g} s after it was killed, in the {watched:.3g} s that were watched, and {later}",
        late="{pod} answered a request that was sent {high:.3g} s after it was killed",
    ),
    "by another": UntilWords(
        "{rollout} was ", "", "{taken} when the condition of its trigger had been there for {watched:.4g} s"
    ),
    "its trigger": UntilWords("{rollout}: ", "{old} answered for {high:.4g} s after its trigger at most ({why})"),
    Figure.QUERIES_QUICK: UntilWords(
        "{rollout}: ",
        "the p95 of `{query}` was above {over} until {high:.4g} s after the release had its first users",
        late="the p95 of `{query}` was above {over} {low:.4g} s after the release was given users",
    ),
    Figure.SCALED_OUT: UntilWords(
        "{at} the replicas ",
        "rose from {before} to {after} after {high:.4g} s",
        "did not rise in {watched:.4g} s",
    ),
    Figure.SPIKE_RISE: UntilWords(
        "the replicas ",
        "rose from {before} to {after} {high:.4g} s after the begin of {spike}",
        "stayed at {before} in {spike}, which lasted {watched:.4g} s (between {least} and {most} are allowed{says})",
    ),
    Figure.SPIKE_BACK: UntilWords(
        "",
        "the replicas had risen from {was} to {most} in {spike} and were {was} again {high:.4g} s after it",
        "the replicas had risen from {was} to {most} in {spike} and were {now} still {watched:.4g} s after it",
    ),
}


class FactWords(NamedTuple):
    """Of facts that a driver read.

    Attributes:
        method: how they were read.
        where: follows the sentence of a check that passes.
        hint: what to do about a fact that is not known.
        live: whether the target itself was asked.
    """

    method: str
    where: str
    hint: str
    live: bool = False


_FACTS: Final[Mapping[str, FactWords]] = {
    DemandKind.CHECK: FactWords(
        "read from the live target", " on the live target", "see that the target answers, then run again", live=True
    ),
    DemandKind.STATIC: FactWords(
        "read from the platform's files",
        " in the platform's files",
        "correct the file, or the path in the target file, then run again",
    ),
    DemandKind.INGEST: FactWords(
        "read from the report", " in the report", "let the tool write its report anew for this release, then run again"
    ),
}


def words_of_facts(demand: str) -> FactWords:
    """The words of facts of a kind of demand; a driver that a package or project adds is named by its kind."""
    return _FACTS.get(
        demand,
        FactWords(f"recorded by the driver {demand}", "", _FACTS[DemandKind.CHECK].hint),
    )
