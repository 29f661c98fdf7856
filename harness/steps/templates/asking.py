"""What must have been done: traffic, experiments, rollouts, reading of files. Sentences under Given and When."""

from __future__ import annotations

from typing import Final

from harness.steps.meaning import Keyword, Meaning, Selection
from harness.steps.selections import of_experiments, under_traffic
from harness.steps.template import Template

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
        name="scraped",
        keyword=Keyword.WHEN,
        text='the metrics of every service have been read under "<traffic:name>" traffic',
        about="The traffic has run, and every pod's own metrics were read from its path for them from the beginning to the end of the fault-free window.",
        example='the metrics of every service have been read under "everyday" traffic',
        mean=lambda slots: Meaning(traffic=slots["traffic"], told="metrics"),
    ),
    Template(
        name="users-read",
        keyword=Keyword.WHEN,
        text='the number of active users has been read under "<traffic:name>" traffic',
        about="The traffic has run, and every 2 s Prometheus was asked how many users are active (`metrics.active_users` of the target file).",
        example='the number of active users has been read under "everyday" traffic',
        mean=lambda slots: Meaning(traffic=slots["traffic"], told="active-users"),
    ),
    Template(
        name="memory-read",
        keyword=Keyword.WHEN,
        text='the memory of every service has been read under "<traffic:name>" traffic',
        about="The traffic has run, and Prometheus was asked for every sample of the resident memory of each container of the regions' workloads.",
        example='the memory of every service has been read under "everyday" traffic',
        mean=lambda slots: Meaning(traffic=slots["traffic"], told="memory"),
    ),
    Template(
        name="memory-read-in-a-rollout",
        keyword=Keyword.WHEN,
        text='the memory of every service has been read during the rollout "<rollout:name>" under "<traffic:name>" traffic',
        about="The rollout has run, and Prometheus was asked for every sample of the resident memory of each container of the regions' workloads.",
        example='the memory of every service has been read during the rollout "blue-green" under "visits" traffic',
        mean=lambda slots: Meaning(traffic=slots["traffic"], rollout=slots["rollout"], told="memory"),
    ),
    Template(
        name="statements-read",
        keyword=Keyword.WHEN,
        text='the query statistics of the database have been read under "<traffic:name>" traffic',
        about="The traffic has run, and `pg_stat_statements` of every member was read at the beginning and at the end of the fault-free window.",
        example='the query statistics of the database have been read under "everyday" traffic',
        mean=lambda slots: Meaning(traffic=slots["traffic"], told="queries"),
    ),
    Template(
        name="connections-read",
        keyword=Keyword.WHEN,
        text='the log of connections has been read under "<traffic:name>" traffic',
        about="The traffic has run, and the log of connections, as Hubble exports it, was read to the end of the fault-free window.",
        example='the log of connections has been read under "everyday" traffic',
        mean=lambda slots: Meaning(traffic=slots["traffic"], told="connections"),
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
        name="pods-read",
        keyword=Keyword.WHEN,
        text='every pod has been read during the rollout "<rollout:name>" under "<traffic:name>" traffic',
        about="The rollout has run, and every 2 s each pod was asked which release it is and how often it was asked for its health.",
        example='every pod has been read during the rollout "canary" under "census" traffic',
        mean=lambda slots: Meaning(traffic=slots["traffic"], rollout=slots["rollout"], told="pod-reads"),
    ),
    Template(
        name="series-read",
        keyword=Keyword.WHEN,
        text='the metrics in Prometheus have been read during the rollout "<rollout:name>" under "<traffic:name>" traffic',
        about="The rollout has run, and Prometheus was asked in which seconds it got a sample of each metric of the regions' workloads.",
        example='the metrics in Prometheus have been read during the rollout "canary" under "census" traffic',
        mean=lambda slots: Meaning(traffic=slots["traffic"], rollout=slots["rollout"], told="series"),
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
