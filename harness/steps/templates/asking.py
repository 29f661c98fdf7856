"""What must have been done: traffic, experiments, rollouts, reading of files. Sentences under Given and When."""

from __future__ import annotations

from typing import Final

from harness.errors import UsageError
from harness.steps.meaning import Keyword, Meaning, Selection
from harness.steps.nouns import DATA, IN_A_ROLLOUT, UNDER_TRAFFIC
from harness.steps.selections import of_experiments, under_traffic
from harness.steps.slots import Values
from harness.steps.template import Template


def _read(slots: Values) -> Meaning:
    """Raises UsageError where a rollout is named for data that are read without one, or none for data that are of a rollout."""
    told, rollout = DATA[slots["data"]], slots.get("rollout", "")
    if told not in (IN_A_ROLLOUT if rollout else UNDER_TRAFFIC):
        what = (
            f"`{slots['data']} been read` during a rollout"
            if rollout
            else f"`{slots['data']} been read` without a rollout"
        )
        hint = "leave the rollout out" if rollout else 'write: during the rollout "NAME" under "NAME" traffic'
        raise UsageError(f"{what} is not known", hint=hint)
    return Meaning(traffic=slots["traffic"], rollout=rollout, told=told)


ASKING: Final = (
    Template(
        name="deployed",
        keyword=Keyword.GIVEN,
        text="the release is deployed",
        about="Says for people what every run starts from; asks for nothing.",
        example="the release is deployed",
        mean=lambda _slots: Meaning(),
    ),
    Template(
        name="inspected",
        keyword=Keyword.WHEN,
        text="the deployed platform has been inspected",
        about="Asks for nothing by itself: the checks that the Then steps name are done on the live target.",
        example="the deployed platform has been inspected",
        mean=lambda _slots: Meaning(),
    ),
    Template(
        name="files-read",
        keyword=Keyword.WHEN,
        text="the files of the platform have been read",
        about="Asks for nothing by itself: the Then steps read what `files:` of the target file names.",
        example="the files of the platform have been read",
        mean=lambda _slots: Meaning(),
    ),
    Template(
        name="traffic",
        keyword=Keyword.WHEN,
        text='"<traffic:name>" traffic has run',
        about="Traffic by name has run without a fault, its warm-up cut off.",
        example='"everyday" traffic has run',
        mean=under_traffic(of_experiments),
    ),
    Template(
        name="data-read",
        keyword=Keyword.WHEN,
        text='<data> been read[ during the rollout "<rollout:name>"] under "<traffic:name>" traffic',
        about=(
            "The traffic, or the rollout, has run, and was read meanwhile. Metrics of every service: each pod's own, from its path for them. Active users: every 2 s what Prometheus "
            "answers to `metrics.active_users` of the target file. Memory: every sample that Prometheus has of the resident memory of each container of the regions' workloads. Query "
            "statistics: `pg_stat_statements` of every member, at the beginning and at the end. Log of connections: as Hubble exports it. Every pod: every 2 s which release it is and "
            "how often it was asked for its health. Metrics in Prometheus: the seconds in which it got a sample of each metric of the regions' workloads."
        ),
        example='the metrics of every service have been read under "everyday" traffic',
        mean=_read,
    ),
    Template(
        name="experiment",
        keyword=Keyword.WHEN,
        text='the experiment "<experiment:name>" has run under "<traffic:name>" traffic',
        about="One experiment file has been run while the traffic went on.",
        example='the experiment "pod-loss" has run under "everyday" traffic',
        mean=under_traffic(lambda slots: Selection.of_name(slots["experiment"])),
    ),
    Template(
        name="rollout",
        keyword=Keyword.WHEN,
        text='the rollout "<rollout:name>" has run under "<traffic:name>" traffic',
        about="A candidate took over as the rollout file says, was followed step by step and taken back, while the traffic went on.",
        example='the rollout "canary" has run under "census" traffic',
        mean=lambda slots: Meaning(traffic=slots["traffic"], rollout=slots["rollout"]),
    ),
    Template(
        name="every-experiment",
        keyword=Keyword.WHEN,
        text='every <experiments> has run under "<traffic:name>" traffic',
        about="Every experiment of that kind, or of those fault domains, which the project has has been run while the traffic went on.",
        example='every single-fault experiment has run under "everyday" traffic',
        mean=under_traffic(of_experiments),
    ),
)
