"""The texts of measures: one table of templates per shape, by figure.

The fields of a template are the values that the figure found (`names`), and times in s after the cause: `low`, `high`, `watched`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from harness.model import DemandKind, Figure


class UntilWords(NamedTuple):
    """Templates of the text about an effect that must come within a limit.

    Attributes:
        head: beginning of every text.
        came: follows `head` if the effect came.
        missing: follows `head` if the effect did not come.
        late: follows `head` if the effect came after the limit; empty: use `came`.
        proof: second sentence if the effect came within the limit.
        between: cause in the second sentence if the limit is between `low` and `high`.
    """

    head: str
    came: str
    missing: str = ""
    late: str = ""
    proof: str = ""
    between: str = ""


_FIRES: Final = UntilWords(
    "{alert}, {attempt}: ",
    "the alert fired at most {high:.4g} s after the fault",
    "the alert did not fire in the {watched:.4g} s of observation",
)
_GONE: Final = UntilWords(
    "",
    "{old} of {n} {what} after the {switch} were of release {gave}, the last of them {high:.4g} s after the {switch}",
    between="the time of the {switch} is only known to {known:.3g} s",
)

UNTIL: Final[Mapping[str, UntilWords]] = {
    Figure.REPLACED: UntilWords(
        "{pod} was killed, and ",
        "{successor} was ready {high:.3g} s after the fault was sent",
        "no new pod was ready in its place in the {watched:.3g} s of observation",
        between="the new pod was first observed after a gap in the watch that began {low:.4g} s after the fault",
    ),
    Figure.RESCHEDULED: UntilWords(
        "{attempt}: {workload} lost {lost} of its pods; ",
        "all {before} pods were ready again after {high:.3g} s",
        "not all {before} pods were ready in the {watched:.3g} s until the power came back",
        between="the last of these pods was first observed after a gap in the watch that began {low:.4g} s after the fault",
    ),
    Figure.SERVICE_HEALTH: UntilWords(
        "{service}, {attempt}: ",
        "{high:.4g} s after the fault the service reported that it fails",
        "in the {watched:.4g} s of observation the service did not report that it fails",
        between="its last healthy answer was requested {low:.4g} s after the fault",
    ),
    Figure.PROMOTION: UntilWords(
        "{attempt}: {member} was ordered to become primary, and ",
        "it was the only primary after {high:.3g} s",
        "it did not become primary in the {watched:.3g} s of observation",
        between="{low:.3g} s after the order it was not yet primary",
    ),
    Figure.EQUAL_COPIES: UntilWords(
        "{attempt}: ",
        "{writes} rows were equal in all {copies} copies at the latest {high:.3g} s after the end of the partition",
        "{lacking} of {writes} rows differed from the other copies ({some}) until the watch ended, {watched:.3g} s after the end of the partition",
        between="the copies were last read as different {low:.3g} s after the end of the partition",
    ),
    Figure.RESTARTED: UntilWords(
        "{attempt}: {pod} ",
        "hung, and its container was restarted after {high:.4g} s",
        "hung, and its container was not restarted in the {watched:.4g} s of observation",
        between="the restart was observed after a gap in the watch that began {low:.4g} s after the fault",
    ),
    Figure.LAST_REQUEST: UntilWords(
        "{attempt}: {pod} ",
        "turned unready and answered its last request {high:.4g} s after that",
        late="still answered a request {high:.4g} s after it turned unready",
        proof="If it had still been in use, it would have received {expected:.3g} of the {later} requests after the limit",
    ),
    Figure.REMAINING_TIME: UntilWords(
        "{attempt}, {region}: ",
        "the response time {quantile} was below {below} from {high:.4g} s after the loss on ({last})",
        "the response time {quantile} was not below {below} in the {watched:.4g} s of the loss ({last})",
    ),
    Figure.ALERT_FIRES: _FIRES,
    Figure.ALERT_AT_ERRORS: _FIRES,
    Figure.QUERY_ALERT: UntilWords(
        "`{query}`, {attempt}: ",
        "the alert {alert} named the query at most {high:.4g} s after its p95 passed {over}",
        "no alert with the label `part: query` named the query in the {watched:.4g} s in which the query was slow",
    ),
    Figure.ALERTS_RESOLVED: UntilWords(
        "{attempt}: ",
        "the last of {n} alerts, {alert}, was resolved {high:.4g} s after the recovery",
        "the alert {alert} was not resolved in the {watched:.4g} s of observation after the recovery",
    ),
    Figure.ALERTS_DELIVERED: UntilWords(
        "{attempt}: ",
        "the notices of {n} alerts arrived within {longest:.4g} s",
        "no notice of the alert {alert} was received",
    ),
    Figure.TAKEN_BACK: UntilWords(
        "{rollout}: ",
        "the rollback started at most {high:.4g} s after the switch ({why})",
        "the platform started no rollback in the {watched:.4g} s after the switch{unclear}",
    ),
    Figure.ROLLBACK_START: UntilWords(
        "{rollout}: ",
        "the rollback started at most {high:.4g} s after the condition was met ({why})",
        "the platform started no rollback in the {watched:.4g} s after the condition was met{unclear}",
    ),
    Figure.ROLLBACK_TOLD: UntilWords(
        "{rollout}: ",
        "a notice with release, cause and time arrived {high:.4g} s after the rollback",
        "{instead} in {watched:.4g} s{old}",
    ),
    Figure.ANSWERED_BY_NEW: _GONE,
    Figure.ANSWERED_BY_OLD: _GONE,
    "first request of a new pod": UntilWords(
        "{pod} ",
        "gave its first answer {high:.3g} s after it was ready",
        "was ready but gave no answer in the {watched:.3g} s of observation",
    ),
    "last request of a killed pod": UntilWords(
        "",
        "{pod} last answered a request sent {high:.3g} s after it was killed, in {watched:.3g} s of observation, and {later}",
        late="{pod} answered a request that was sent {high:.3g} s after it was killed",
    ),
    "by another": UntilWords(
        "{rollout} was ", "", "{taken} when the condition of its rollback trigger had been met for {watched:.4g} s"
    ),
    "its trigger": UntilWords(
        "{rollout}: ",
        "the last answer of {old} came at most {high:.4g} s after the condition of its rollback trigger was met ({why})",
    ),
    Figure.QUERIES_QUICK: UntilWords(
        "{rollout}: ",
        "the p95 of `{query}` was above {over} until {high:.4g} s after the release received its first users",
        late="the p95 of `{query}` was still above {over} {low:.4g} s after the release received its first users",
    ),
    Figure.SCALED_OUT: UntilWords(
        "{at} the replicas ",
        "rose from {before} to {after} after {high:.4g} s",
        "did not rise in {watched:.4g} s",
    ),
    Figure.SPIKE_RISE: UntilWords(
        "the replicas ",
        "rose from {before} to {after} {high:.4g} s after the beginning of {spike}",
        "stayed at {before} in {spike}, which lasted {watched:.4g} s (allowed: {least} to {most}{says})",
    ),
    Figure.SPIKE_BACK: UntilWords(
        "",
        "the replicas rose from {was} to {most} in {spike} and were back at {was} {high:.4g} s after its end",
        "the replicas rose from {was} to {most} in {spike} and were still {now} {watched:.4g} s after its end",
    ),
}


class FactWords(NamedTuple):
    """The words for facts that a driver read.

    Attributes:
        method: how the facts were read.
        where: place in which the facts were read; follows the words of a check that passes.
        hint: action for the user if a fact is unknown.
        live: whether the facts were read from the running target.
    """

    method: str
    where: str
    hint: str
    live: bool = False


_FACTS: Final[Mapping[str, FactWords]] = {
    DemandKind.CHECK: FactWords(
        "read from the live target",
        " on the live target",
        "make sure that the target answers, and that nothing else changes what is checked, then run again",
        live=True,
    ),
    DemandKind.STATIC: FactWords(
        "read from the platform's files",
        " in the platform's files",
        "correct the file, or the path in the target file, then run again",
    ),
    DemandKind.INGEST: FactWords(
        "read from the report", " in the report", "generate the report again for this release, then run again"
    ),
}


def words_of_facts(demand: str) -> FactWords:
    """The words for facts of one kind of demand; a driver of a package or project is named by its kind."""
    return _FACTS.get(
        demand,
        FactWords(f"recorded by the driver {demand}", "", _FACTS[DemandKind.CHECK].hint),
    )


def part_in_words(label: str, value: str, window: str) -> str:
    """A part of the requests, after the name of a figure: `of route search after the fault of pod-loss`."""
    return " ".join(filter(None, [f"of {label} {value}" if label else "", _window_in_words(window)]))


def _window_in_words(name: str) -> str:
    """A window in words: `after the fault of pod-loss` for `experiment:pod-loss/after`."""
    owner, _, part = name.rpartition("/")
    part, _, attempt = part.partition("#")
    kind, _, of = owner.rpartition(":")
    text = f"in the window {name}" if name else ""
    if not kind and part == "fault-free":
        text = f"before the first fault (traffic {of})"
    elif not kind and part == "after-faults":
        text = f"after the last fault (traffic {of})"
    elif kind == "experiment" and part in ("fault", "after"):
        text = f"{'during' if part == 'fault' else 'after'} the fault of {of}"
    elif kind == "rollout":
        text = f"in the part {part} of the rollout {of}"
    return f"{text} (attempt {attempt})" if attempt else text
