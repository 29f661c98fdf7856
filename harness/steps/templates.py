"""The vocabulary: every sentence that a feature or a criterion may hold, and what it means.

A template is a row of this table. Figures are taken in the steady state unless the sentence says otherwise; a sentence
about recovery or loss that names no experiment speaks of those that its scenario ran.
"""

from __future__ import annotations

from typing import Final

from harness.model import Figure, Op, Per
from harness.steps.meaning import KINDS, Keyword, Meaning, Selection
from harness.steps.objectives import (
    always,
    check,
    compared,
    first_request,
    no_experiment,
    no_lost_write,
    of_domains,
    of_kind,
    recovery,
    steady,
    under_traffic,
    visible_events,
)
from harness.steps.template import Template

HEALTH_PATH: Final = "/health"
"""Where a service says that it is well; the sentences call it `the health path`."""

GIVEN_AND_WHEN: Final = (
    Template(
        name="deployed",
        keyword=Keyword.GIVEN,
        text="the release is deployed",
        about="Says for people what every run starts from; asks for nothing.",
        example="the release is deployed",
        mean=lambda _slots: Meaning(),
    ),
    Template(
        name="looked-at",
        keyword=Keyword.WHEN,
        text="the deployed platform is looked at",
        about="Asks for nothing by itself: the checks that the Then steps name are done on the live target.",
        example="the deployed platform is looked at",
        mean=lambda _slots: Meaning(),
    ),
    Template(
        name="traffic",
        keyword=Keyword.WHEN,
        text='"<traffic:name>" traffic has run',
        about="Traffic by name has run without a fault, its warm-up cut off.",
        example='"everyday" traffic has run',
        mean=under_traffic(no_experiment),
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
        name="every-experiment-of-kind",
        keyword=Keyword.WHEN,
        text='every <kind> experiment has run under "<traffic:name>" traffic',
        about="Every experiment of that kind which the project has has been run while the traffic went on.",
        example='every single-fault experiment has run under "everyday" traffic',
        mean=under_traffic(of_kind),
    ),
    Template(
        name="every-experiment-of-domain",
        keyword=Keyword.WHEN,
        text='every experiment of domain <domains> has run under "<traffic:name>" traffic',
        about="Every experiment of those fault domains which the project has has been run while the traffic went on.",
        example='every experiment of domain pod, node or network has run under "everyday" traffic',
        mean=under_traffic(of_domains),
    ),
)

_KPIS: Final = (
    Template(
        name="response-time",
        keyword=Keyword.THEN,
        text="the response time <quantile> is below <limit:duration>[ in the steady state]",
        about="A quantile of all response times together, from the intended send time.",
        example="the response time p99 is below 1 s",
        mean=steady(Figure.RESPONSE_TIME, Op.BELOW),
    ),
    Template(
        name="response-time-of-every-route",
        keyword=Keyword.THEN,
        text="the response time <quantile> of every route is below <limit:duration>[ in the steady state]",
        about="A quantile of the response times of each route, from the intended send time; the worst route decides.",
        example="the response time p95 of every route is below 200 ms in the steady state",
        mean=steady(Figure.RESPONSE_TIME, Op.BELOW, per=Per.ROUTE),
    ),
    Template(
        name="response-time-of-a-route",
        keyword=Keyword.THEN,
        text='the response time <quantile> of route "<route:name>" is below <limit:duration>[ in the steady state]',
        about="A quantile of the response times of one route, from the intended send time.",
        example='the response time p95 of route "read-track" is below 150 ms',
        mean=steady(Figure.RESPONSE_TIME, Op.BELOW, per=Per.ROUTE, subject="<route>"),
    ),
    Template(
        name="response-time-with-users",
        keyword=Keyword.THEN,
        text="the response time <quantile> of every route is below <limit:duration> with <users:count> users at once for <window:duration>",
        about="The same per route, over a window in every second of which at least so many journeys were in progress.",
        example="the response time p95 of every route is below 1000 ms with 101 users at once for 10 min",
        mean=steady(Figure.RESPONSE_TIME, Op.BELOW, per=Per.ROUTE),
    ),
    Template(
        name="error-rate",
        keyword=Keyword.THEN,
        text="the error rate is below <limit:ratio>[ in the steady state]",
        about="Failed requests over all requests, of all routes together.",
        example="the error rate is below 0.1 % in the steady state",
        mean=steady(Figure.ERROR_RATE, Op.BELOW),
    ),
    Template(
        name="error-rate-of-every-route",
        keyword=Keyword.THEN,
        text="the error rate of every route is below <limit:ratio>[ in the steady state]",
        about="Failed requests over all requests of each route; the worst route decides.",
        example="the error rate of every route is below 1 % in the steady state",
        mean=steady(Figure.ERROR_RATE, Op.BELOW, per=Per.ROUTE),
    ),
    Template(
        name="error-rate-of-a-route",
        keyword=Keyword.THEN,
        text='the error rate of route "<route:name>" is below <limit:ratio>[ in the steady state]',
        about="Failed requests over all requests of one route.",
        example='the error rate of route "create-track" is below 1 %',
        mean=steady(Figure.ERROR_RATE, Op.BELOW, per=Per.ROUTE, subject="<route>"),
    ),
    Template(
        name="uptime",
        keyword=Keyword.THEN,
        text="the uptime of the entry is at least <limit:ratio>[ in the steady state]",
        about="Share of the watcher's probes of the entry that were answered, in the fault-free window.",
        example="the uptime of the entry is at least 99.9 % in the steady state",
        mean=steady(Figure.UPTIME, Op.AT_LEAST, subject="entry"),
    ),
    Template(
        name="region-share",
        keyword=Keyword.THEN,
        text="the share of answers of region <region> is <limit:ratio> ± <tolerance:points>[ in the steady state]",
        about="Answers that one region served over all answers.",
        example="the share of answers of region us-east-1 is 60 % ± 5 points in the steady state",
        mean=steady(Figure.REGION_SHARE, Op.WITHIN, subject="<region>"),
    ),
    Template(
        name="replication-lag",
        keyword=Keyword.THEN,
        text="the replication lag <quantile> of every replica is below <limit:duration>[ in the steady state]",
        about="A quantile of how far each replica is behind the primary; the worst replica decides.",
        example="the replication lag p99 of every replica is below 10 s in the steady state",
        mean=steady(Figure.REPLICATION_LAG, Op.BELOW, per=Per.REPLICA),
    ),
)

_COMPARISONS: Final = (
    Template(
        name="drift",
        keyword=Keyword.THEN,
        text="the response time <quantile> of every route grows by less than <limit:duration> an hour[ in the steady state]",
        about="The slope of a quantile of the response times of each route over the window; one jump is no growth. The worst route decides.",
        example="the response time p95 of every route grows by less than 20 ms an hour",
        mean=steady(Figure.DRIFT, Op.BELOW, per=Per.ROUTE),
    ),
    Template(
        name="improvement",
        keyword=Keyword.THEN,
        text="the response time <quantile> of <traffic> traffic is at least <limit:ratio> lower than in the baseline run",
        about="A quantile of all response times together, against the run that `--baseline` names.",
        example="the response time p95 of everyday traffic is at least 40 % lower than in the baseline run",
        mean=compared(Figure.IMPROVEMENT, Op.AT_LEAST),
    ),
    Template(
        name="errors-above-another-release",
        keyword=Keyword.THEN,
        text=(
            'the error rate of release "<release>" is less than <limit:points> above that of release "<other:release>"'
            "[, looked at <looks> times]"
        ),
        about=(
            "Failed requests of a canary less those of the stable release, both serving in one window; looked at several times "
            "while it grows, the first look that tells decides, and all share one budget of error."
        ),
        example='the error rate of release "1.1.0" is less than 0.5 points above that of release "1.0.0"',
        mean=compared(Figure.MORE_ERRORS, Op.BELOW, release="release", other_release="other", looks="looks"),
    ),
    Template(
        name="response-time-above-another-release",
        keyword=Keyword.THEN,
        text=(
            'the response time <quantile> of release "<release>" is less than <limit:ratio> above that of release "<other:release>"'
            "[, looked at <looks> times]"
        ),
        about="A quantile of the response times of a canary against that of the stable release, both serving in one window.",
        example='the response time p95 of release "1.1.0" is less than 10 % above that of release "1.0.0", looked at 4 times',
        mean=compared(Figure.SLOWDOWN, Op.BELOW, release="release", other_release="other", looks="looks"),
    ),
)

_RECOVERIES: Final = (
    Template(
        name="recovery",
        keyword=Keyword.THEN,
        text="the recovery of <operations> is below <limit:duration>",
        about="From the fault sent to operations served again at the entry, in each experiment that the scenario ran.",
        example="the recovery of reads and of writes is below 30 s",
        mean=recovery(no_experiment),
    ),
    Template(
        name="recovery-after-every-kind",
        keyword=Keyword.THEN,
        text="the recovery of <operations> is below <limit:duration> after every <kind> experiment",
        about="From the fault sent to operations served again at the entry; the worst experiment of the kind decides.",
        example="the recovery of reads and of writes is below 30 s after every single-fault experiment",
        mean=recovery(of_kind),
    ),
    Template(
        name="served-again",
        keyword=Keyword.THEN,
        text="<operations> are served again within <limit:duration>",
        about="From the fault sent to operations served again at the entry, in each experiment that the scenario ran.",
        example="reads are served again within 30 s",
        mean=recovery(no_experiment),
    ),
    Template(
        name="served-again-after-every-disaster",
        keyword=Keyword.THEN,
        text=(
            "<operations> are served again within <limit:duration> of every disaster"
            "[: loss of the primary, a region, all database members]"
        ),
        about="From the fault sent to operations served again at the entry; the worst disaster decides.",
        example="reads and writes are served again within 4 h of every disaster",
        mean=recovery(always(KINDS["disaster"])),
    ),
    Template(
        name="served-again-after-the-loss-of-a-region",
        keyword=Keyword.THEN,
        text="<operations> are served again within <limit:duration> of the loss of <region>",
        about="From the loss of one region sent to operations served again at the entry.",
        example="reads and writes are served again within 50 s of the loss of us-east-1",
        mean=recovery(always(Selection.of_domains(("region",), every=False))),
    ),
    Template(
        name="served-again-after-the-loss-of-the-primary",
        keyword=Keyword.THEN,
        text="<operations> are served again within <limit:duration> of the primary's death[ with <steps:count> manual steps]",
        about="From the death of the database primary sent to operations served again at the entry.",
        example="writes are served again within 45 s of the primary's death with 0 manual steps",
        mean=recovery(always(Selection.of_domains(("database",), every=False))),
    ),
)

_LOSSES: Final = (
    Template(
        name="no-lost-write",
        keyword=Keyword.THEN,
        text="no acknowledged write[ older than <age:duration>] is lost",
        about="Every write that was acknowledged is there afterwards, in the database and in every region that can be asked, in each experiment that the scenario ran.",
        example="no acknowledged write older than 1 h is lost",
        mean=no_lost_write(no_experiment),
    ),
    Template(
        name="no-lost-write-in-any-of-kind",
        keyword=Keyword.THEN,
        text="no acknowledged write[ older than <age:duration>] is lost in any <kind> experiment",
        about="Every write that was acknowledged is there afterwards, in the database and in every region that can be asked, in every experiment of the kind.",
        example="no acknowledged write older than 1 h is lost in any disaster experiment",
        mean=no_lost_write(of_kind),
    ),
    Template(
        name="no-lost-write-in-any-of-domain",
        keyword=Keyword.THEN,
        text="no acknowledged write[ older than <age:duration>] is lost in any experiment of domain <domains>",
        about="Every write that was acknowledged is there afterwards, in the database and in every region that can be asked, in every experiment of the domains.",
        example="no acknowledged write is lost in any experiment of domain pod, node or network",
        mean=no_lost_write(of_domains),
    ),
    Template(
        name="first-request",
        keyword=Keyword.THEN,
        text="a new pod has its first request within <limit:duration> of being ready, a killed pod none later than <after:duration>",
        about="From a pod's Ready to the first request that it served, and from a pod's death to the last one sent to it.",
        example="a new pod has its first request within 10 s of being ready, a killed pod none later than 10 s",
        mean=first_request,
    ),
    Template(
        name="visible-events",
        keyword=Keyword.THEN,
        text="every accepted event is visible once and whole within <limit:duration>",
        about="Every event that the pipeline accepted in the whole run, faults included, from its acceptance to being visible.",
        example="every accepted event is visible once and whole within 30 s",
        mean=visible_events,
    ),
)

_CHECKS: Final = (
    Template(
        name="health-of-pods",
        keyword=Keyword.THEN,
        text="the health path of every pod of every service in every region answers 200 within <within:duration>",
        about="Each pod behind each Service is asked for its health directly.",
        example="the health path of every pod of every service in every region answers 200 within 1 s",
        mean=check("health-of-pods", path=HEALTH_PATH, within="<within>"),
    ),
    Template(
        name="deployment-size",
        keyword=Keyword.THEN,
        text=(
            'deployment "<deployment:name>" has <replicas:count> ready replicas with cpu <cpu> and memory <memory>'
            "[ in the steady state]"
        ),
        about="Ready replicas, and CPU and memory as both request and limit, as the Kubernetes API says.",
        example='deployment "api-gateway" has 3 ready replicas with cpu 500m and memory 512Mi',
        mean=check("deployment-size", deployment="<deployment>", replicas="<replicas>", cpu="<cpu>", memory="<memory>"),
    ),
    Template(
        name="gateway-reads",
        keyword=Keyword.THEN,
        text="a read of every service passes through the api-gateway of every region with status 200",
        about="One read of each service is sent through each region's gateway.",
        example="a read of every service passes through the api-gateway of every region with status 200",
        mean=check("gateway-reads"),
    ),
    Template(
        name="network-policy",
        keyword=Keyword.THEN,
        text="TCP <port> of the backend accepts its declared callers and refuses every other workload",
        about="Two probe pods, one labelled as a declared caller and one not, connect to each backend.",
        example="TCP 8080 of the backend accepts its declared callers and refuses every other workload",
        mean=check("network-policy", port="<port>"),
    ),
)

TEMPLATES: Final = (*GIVEN_AND_WHEN, *_KPIS, *_COMPARISONS, *_RECOVERIES, *_LOSSES, *_CHECKS)
