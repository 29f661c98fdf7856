"""Sentences are read literally: each template gives one objective or one demand, and nothing else is understood."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harness.judgement
from harness.drivers.ingest.registry import CLAIMS
from harness.errors import UsageError
from harness.model import Figure, Objective, Op, Per, Phase, Quantity, Scope
from harness.steps import TEMPLATES, Keyword, compare, explain, read, vocabulary
from harness.steps.grammar import bare
from harness.steps.meaning import Meaning
from harness.steps.template import Noun, form
from harness.steps.templates import CLAIMS as ALL_CLAIMS
from harness.steps.templates import templates_of
from tests.steps.alert_sentences import ALERT_SENTENCES
from tests.steps.objectives import (
    BOTH,
    FAULT,
    REPORTED,
    RUN,
    at_least,
    at_most,
    below,
    fact,
    holds,
    lost,
    scaled,
    static,
    within,
)
from tests.steps.rollout_sentences import ROLLOUT_SENTENCES
from tests.steps.scaling_sentences import SCALING_SENTENCES
from tests.steps.state_sentences import STATE_SENTENCES

KNOWN = {
    "null-run": "none",
    "pod-loss": "pod",
    "node-loss": "node",
    "database-primary-loss": "database",
    "region-loss": "region",
}


OBJECTIVES = {
    "security-lead vouches for it, for this release, not longer than 90 d ago": holds(
        Figure.ATTESTATION, limit="1", params={"role": "security-lead", "at_most": "90 d"}
    ),
    "ND-PRE-TESTS, ND-PRE-SCAN and ND-PRE-BENCH pass": holds(
        Figure.PARTS, limit="1", params={"parts": "ND-PRE-TESTS ND-PRE-SCAN ND-PRE-BENCH"}
    ),
    'the reported response time p99 of route "checkout" is below 400 ms, younger than 7 d': below(
        Figure.REPORTED_TIME,
        "400 ms",
        Scope(per=Per.ROUTE, subject="checkout"),
        quantile=0.99,
        params={"age": "7 d"},
        **REPORTED,
    ),
    "the reported mean response time is below 100 ms": below(Figure.REPORTED_MEAN, "100 ms", **REPORTED),
    "the reported error rate of every route is below 1 %": below(
        Figure.REPORTED_ERRORS, "1 %", Scope(per=Per.ROUTE), **REPORTED
    ),
    "the reported number of requests served per second is at least 100/s": at_least(
        Figure.REPORTED_RATE, "100/s", **REPORTED
    ),
    "the reported number of requests is at least 10000": at_least(Figure.REPORTED_REQUESTS, "10000", **REPORTED),
    "the response time p99 is below 1 s": below(Figure.RESPONSE_TIME, "1 s", quantile=0.99),
    "the response time p95 of every route is below 200 ms in the steady state": below(
        Figure.RESPONSE_TIME, "200 ms", Scope(per=Per.ROUTE), quantile=0.95
    ),
    'the response time p99.9 of route "read-track" is below 150 ms': below(
        Figure.RESPONSE_TIME, "150 ms", Scope(per=Per.ROUTE, subject="read-track"), quantile=0.999
    ),
    "the response time p95 of every route is below 1000 ms with 101 users at once for 10 min": below(
        Figure.RESPONSE_TIME, "1000 ms", Scope(per=Per.ROUTE, users=101), quantile=0.95, window=scaled("10 min")
    ),
    "the error rate is below 0.1 %": below(Figure.ERROR_RATE, "0.1 %"),
    "the error rate of every route is below 1 % in the steady state": below(
        Figure.ERROR_RATE, "1 %", Scope(per=Per.ROUTE)
    ),
    "the error rate is below 5 % during the fault": below(Figure.ERROR_RATE, "5 %", FAULT),
    "the response time p95 of every route is below 2 s after the recovery": below(
        Figure.RESPONSE_TIME, "2 s", Scope(per=Per.ROUTE, phase=Phase.RECOVERED), quantile=0.95
    ),
    'the error rate of route "create-track" is below 2 %': below(
        Figure.ERROR_RATE, "2 %", Scope(per=Per.ROUTE, subject="create-track")
    ),
    "the response time p95 of every route grows by less than 20 ms an hour in the steady state": below(
        Figure.DRIFT, "20 ms", Scope(per=Per.ROUTE), quantile=0.95
    ),
    "the response time p95 of everyday traffic is at least 40 % lower than in the baseline run": at_least(
        Figure.IMPROVEMENT, "40 %", Scope(traffic="everyday"), quantile=0.95
    ),
    'the error rate of release "1.1.0" is less than 0.5 points above that of release "1.0.0"': below(
        Figure.MORE_ERRORS, "0.5 points", params={"release": "1.1.0", "other_release": "1.0.0"}
    ),
    'the response time p99 of release "1.1.0" is less than 10 % above that of release "1.0.0", analysed 4 times': below(
        Figure.SLOWDOWN, "10 %", quantile=0.99, params={"release": "1.1.0", "other_release": "1.0.0", "analyses": "4"}
    ),
    'every answer to "everyday" traffic matches the API description in the steady state': holds(
        Figure.AS_DESCRIBED, params={"traffic": "everyday"}
    ),
    "the uptime of the entry is at least 99.9 % in the steady state": at_least(
        Figure.UPTIME, "99.9 %", Scope(subject="entry")
    ),
    "the share of answers of region us-east-1 is 60 % ± 5 points": within(
        Figure.REGION_SHARE, "60 %", "5 points", Scope(subject="us-east-1")
    ),
    "the replication lag p99 of every replica is below 10 s": below(
        Figure.REPLICATION_LAG, "10 s", Scope(per=Per.REPLICA), quantile=0.99
    ),
    "reads and writes are served again within 30 s": below(
        Figure.RECOVERY, "30 s", Scope(operations=BOTH, phase=Phase.FAULT)
    ),
    "reads and writes are served again within 30 s of every single-fault experiment": below(
        Figure.RECOVERY,
        "30 s",
        lost("pod node database", "pod-loss", "node-loss", "database-primary-loss", operations=BOTH),
    ),
    "reads are served again within 30 s": below(
        Figure.RECOVERY, "30 s", Scope(operations=("reads",), phase=Phase.FAULT)
    ),
    "reads and writes are served again within 4 h of every disaster": below(
        Figure.RECOVERY,
        scaled("4 h"),
        lost(
            "database region members",
            "database-primary-loss",
            "region-loss",
            missing="loss of all database members",
            operations=BOTH,
        ),
    ),
    "reads and writes are served again within 50 s of the loss of us-east-1": below(
        Figure.RECOVERY, "50 s", lost("region", "region-loss", operations=BOTH), params={"lost_region": "us-east-1"}
    ),
    "writes are served again within 45 s of the primary's death with 0 manual steps": below(
        Figure.RECOVERY,
        "45 s",
        lost("database", "database-primary-loss", operations=("writes",)),
        params={"manual_steps": "0", "hit": "primary"},
    ),
    "reads and writes of the cache are served again within 30 s of its primary's death": below(
        Figure.RECOVERY,
        "30 s",
        lost("cache", missing="experiments of domain cache", operations=("reads of the cache", "writes of the cache")),
    ),
    "no acknowledged write is lost": holds(Figure.LOST_WRITES, FAULT),
    "no signed-in user is signed out after a cache node or a service pod was killed": holds(
        Figure.SIGNED_OUT, lost("cache pod", "pod-loss", missing="experiments of domain cache")
    ),
    "no acknowledged write older than 1 h is lost in any disaster experiment": holds(
        Figure.LOST_WRITES,
        lost("database region members", "database-primary-loss", "region-loss", missing="loss of all database members"),
        older_than=scaled("1 h"),
    ),
    "no acknowledged write is lost in any experiment of domain pod, node or network": holds(
        Figure.LOST_WRITES, lost("pod node network", "pod-loss", "node-loss", missing="experiments of domain network")
    ),
    "a new pod has its first request within 10 s of being ready, a killed pod none later than 12 s": below(
        Figure.FIRST_REQUEST, "10 s", lost("pod", "pod-loss"), times={"killed none later than": "12 s"}
    ),
    "every accepted event is visible once and whole within 30 s": below(Figure.EVENTS, "30 s", RUN),
    "every acknowledged write is there once": holds(Figure.COPIES, RUN),
    "every acknowledged write is read back equal in every region": holds(Figure.READ_BACK, RUN),
    "the share of journeys in trouble is below 2 %": below(Figure.TROUBLED_JOURNEYS, "2 %"),
    "reads and writes are served again within 4 h of every fault of domain database or region": below(
        Figure.RECOVERY, scaled("4 h"), lost("database region", "database-primary-loss", "region-loss", operations=BOTH)
    ),
    "the health path of every pod of every service in every region answers 200 within 1 s": fact(
        "health-of-pods", within="1 s"
    ),
    'deployment "api-gateway" has 3 ready replicas with cpu 500m and memory 512Mi in the steady state': fact(
        "deployment-size", deployment="api-gateway", replicas="3", cpu="500m", memory="512Mi"
    ),
    "there is exactly one audit entry with who, what and when for every state change made by the traffic": fact(
        "audit-of-traffic"
    ),
    "an audit entry changed or removed is reported by the log's own check": fact("audit-tampering"),
    "the export of a person contains every record that names the person and nothing of others": fact(
        "export-of-person"
    ),
    "each of 5 planted bursts of wrong passwords raises the security alert in less than 30 s": fact(
        "guessed-passwords", bursts="5", limit="30 s"
    ),
    "every call of an attacking client is refused within 60 s of the alert and others are served": fact(
        "attacker-refused", limit="60 s"
    ),
    "a workload started without settings refuses anonymous calls and default passwords": fact("workload-defaults"),
    "every foreign call is refused while authentication is down for 20 s": fact("authentication-down", down="20 s"),
    "a copy of orders restored from the newest backup has equal row counts and checksums for every table": fact(
        "restored-copy", drill="orders"
    ),
    "every table has the checksum it had before the release after the data rollback": fact("migrated-and-back"),
    "no row is older than its table's declared retention by more than 1 d, and every table declares one": replace(
        fact("rows-within-retention", more="1 d"), times={"more": scaled("1 d")}
    ),
    "the orders restored to a chosen second contains every write acknowledged before it and none after it": fact(
        "restored-moment", drill="orders"
    ),
    "a restore of orders is done within 4 h": fact("restore-time", drill="orders", within="4 h"),
    "the longest interval between two saved states, by schedule and archive settings, is at most 1 h": replace(
        fact("saved-interval", limit="1 h"), times={"limit": scaled("1 h")}
    ),
    "the retention rule of the database backups is 30 d": fact("backup-retention", backup="database", keep="30 d"),
    "the retention rule of the cache snapshots is 7 d": fact("backup-retention", backup="cache", keep="7 d"),
    "a cache restored from the newest snapshot contains 100 % of the keys of its moment": fact(
        "restored-cache", snapshots="cache"
    ),
    "the newest copies in git and in the object store equal the live settings, 0 differences": fact(
        "saved-configuration", backup="settings"
    ),
    "the settings restored from the chosen version equals it, 0 differences": fact(
        "restored-configuration", backup="settings"
    ),
    "every archived record of orders reads back with the checksum it had before, 0 differences": fact(
        "archived-records", archive="orders"
    ),
    'the newest backup of the database lies in "s3://shop-backups/database/" and has the checksum of the backup made': fact(
        "backup-place", backup="database", place="s3://shop-backups/database/"
    ),
    "the newest backup of the database is younger than 70 min at every moment of the run": below(
        Figure.BACKUP_AGE, scaled("70 min"), RUN, params={"backup": "database"}
    ),
    "the newest snapshot of the cache is younger than 24 h": below(
        Figure.BACKUP_AGE, scaled("24 h"), RUN, params={"backup": "cache"}
    ),
    "the newest backup was at most 1 h old and verified when each migration began": at_most(
        Figure.MIGRATION_BACKUP, scaled("1 h"), RUN, check="migrated-and-back"
    ),
    "no backup of the database older than 30 d is kept and no younger one was removed": holds(
        Figure.BACKUPS_KEPT, RUN, params={"backup": "database", "age": "30 d"}, times={"age": scaled("30 d")}
    ),
    "the cache has a memory limit and an eviction policy and stays below the limit in the steady state": fact(
        "cache-memory"
    ),
    "every hash slot is served and each of at least 3 primaries has a replica on another node": fact(
        "cache-slots", primaries="3"
    ),
    "the cache of every region that declares one answers and returns a key 1 s after it was written": fact(
        "cache-returns", after="1 s"
    ),
    "every declared cache layer answers at least 50 % of its lookups in the steady state": fact(
        "cache-hits", at_least="50 %"
    ),
    "the response time p95 of cache reads is below 10 ms in the steady state": fact("cache-reads", limit="10 ms"),
    "with the cache gone no request fails and the response time p95 is below 1000 ms during the fault": below(
        Figure.WITHOUT_SERVICE, "1000 ms", FAULT, quantile=0.95, params={"service": "cache"}
    ),
    "every message published reaches every subscriber within 1 s in the steady state": fact(
        "cache-messages", limit="1 s"
    ),
    "a value cached through one replica is a hit through every other within 5 s": fact("cached-for-all", limit="5 s"),
    "no read is older than its declared time to live after the write": fact("cache-fresh"),
    "every service is reached through the api-gateway of every region with status 200": fact("gateway-reads"),
    "TCP 8080 of the backend accepts its declared callers and refuses every other workload": fact(
        "network-policy", port="8080"
    ),
    **STATE_SENTENCES,
    **ROLLOUT_SENTENCES,
    **ALERT_SENTENCES,
    **SCALING_SENTENCES,
    "every rollback procedure names its command, its owner and its time limit": static(
        "register", entry="rollback procedure", names="its command, its owner and its time limit"
    ),
    "every integration's configuration names one of the five patterns": static(
        "register", entry="integration's configuration", names="one of the five patterns"
    ),
    "every trigger and every listed risk names a rollback procedure that exists": static("rollbacks-exist"),
    "every boundary in the register names at least one scenario that exists": static(
        "register", entry="boundary", names="at least one scenario that exists"
    ),
    "every boundary has a declared limit and a stored baseline run younger than 90 d": static(
        "baselines-stored", younger_than="90 d"
    ),
    "every integration names at least one contract test that ran in the last pipeline": static(
        "register", entry="integration", names="at least one contract test that ran in the last pipeline"
    ),
    "the README is changed by every change of a file in its directory, over the last 100 changes": static(
        "readme-follows", count="100"
    ),
    "the README lists every file of its directory and no other": static("readme-index"),
    "the README has the date of its own newest change": static("readme-date"),
    "the data layer report contains its 7 named sections, none of them empty": static(
        "document-sections", document="data layer report", count="7"
    ),
    "the chart renders and contains Chart.yaml, values.yaml, the 9 named templates and the 2 named subcharts": static(
        "chart-parts", templates="9", subcharts="2"
    ),
    "the chart renders with each of values-staging.yaml and values-production.yaml": static(
        "chart-values", one="staging", other="production"
    ),
    "every component's pipeline file has the stages build, test, scan, deploy and roll back": static(
        "pipeline-stages", stages="build, test, scan, deploy and roll back"
    ),
    "the workflow deploys on a push to main and on nothing else": static("workflow-trigger", branch="main"),
    "the workflow runs npm ci, test:all and build on Node.js 20 and the deploy job needs them": static(
        "workflow-runs", commands="npm ci, test:all and build", node="20"
    ),
    "the workflow runs a security scan and npm audit --audit-level=moderate and the deploy job needs them": static(
        "workflow-runs", commands="a security scan and npm audit --audit-level=moderate"
    ),
    "the workflow runs staging, then test:e2e, then production in its deploy job, and stops at the first failure": static(
        "workflow-order", steps="staging, then test:e2e, then production"
    ),
    "the workflow runs the vulnerability scan on every push and stops on its findings": static("workflow-scan"),
    "the settings of every workload in every environment are declared there and none names another one": static(
        "settings-declared"
    ),
    "the settings of staging and production differ in the declared keys only": static(
        "settings-differ", one="staging", other="production"
    ),
    "every subnet of the cluster is private: 0 routes to an internet gateway": static("subnets-private"),
    "the database cluster is declared with a minimum of 2 and a maximum of 16 capacity units": static(
        "database-capacity", least="2", most="16"
    ),
    "the capacity reservation covers 10 instances of m5.large on Linux in us-east-1a": static(
        "capacity-reservation", count="10", instance="m5.large", platform="Linux", zone="us-east-1a"
    ),
    "every image of a Node.js service starts from node:20 and reports version 20": static(
        "node-images", image="node:20", version="20"
    ),
    "0 declared fields of the live objects differ from the manifests": fact("declared-fields"),
    "0 running workloads lack a manifest in the one repository": fact("declared-workloads"),
    "the error rate is below 0.1 % while one pod of each service is killed in turn": below(
        Figure.ERROR_RATE, "0.1 %", FAULT, params={"hit": "each service"}
    ),
    "reads and writes are served again within 45 s of the loss of any one zone of us-east-1, at its own entry": below(
        Figure.RECOVERY,
        "45 s",
        lost("zone", missing="experiments of domain zone", operations=BOTH),
        params={"entry": "us-east-1", "zone_of": "us-east-1"},
    ),
    "every pod of a lost node is ready again elsewhere within 45 s": below(
        Figure.RESCHEDULED, "45 s", lost("node zone", "node-loss", missing="experiments of domain zone")
    ),
    "the share of every region is within 5 points of the declared one 50 s after the return": within(
        Figure.RETURNED_SHARE,
        "0 points",
        "5 points",
        Scope(experiments=("region-loss",), domains=("region",), per=Per.REGION, phase=Phase.RECOVERED),
        times={"after": "50 s"},
    ),
    "the health of every service reads failing within 10 s during the fault": below(
        Figure.SERVICE_HEALTH, "10 s", lost("database", "database-primary-loss")
    ),
    "the response time p95 at every remaining region is below 200 ms within 1 h of the loss of a region": below(
        Figure.REMAINING_TIME, scaled("1 h"), lost("region", "region-loss"), quantile=0.95, times={"below": "200 ms"}
    ),
    "a promotion ordered by hand leaves the chosen member the only primary within 45 s": below(
        Figure.PROMOTION, "45 s", lost("database", "database-primary-loss")
    ),
    "both copies are equal row by row within 60 s after a partition heals": below(
        Figure.EQUAL_COPIES, "60 s", lost("network", missing="experiments of domain network")
    ),
    "after the promotion the newest row of every table differs by 0 from the ledger of acknowledged writes": holds(
        Figure.NEWEST_ROWS, lost("database", "database-primary-loss")
    ),
    "the entry serves at least 1000 requests/s with a response time p95 below 200 ms in the steady state": at_least(
        Figure.THROUGHPUT, "1000/s", quantile=0.95, times={"below": "200 ms"}
    ),
    "every service exposes p50, p95, p99, error rate and requests per second": fact("exposed-metrics"),
    "every pod of every service is a scrape target and is up in the steady state": fact("pods-scraped"),
    "every annotated pod and service is scraped every 15 s ± 3 s and no other is": fact(
        "scrape-schedule", every="15 s", tolerance="3 s"
    ),
    'the alert rules "HighErrorRate" and "DatabaseDown" are loaded in every region and every rule there evaluates without error': fact(
        "alert-rules-of-regions", first="HighErrorRate", second="DatabaseDown"
    ),
    'the alert rules "HighErrorRate" and "DatabaseDown" carry severity critical': fact(
        "alert-rules", first="HighErrorRate", second="DatabaseDown", severity="critical"
    ),
    "the request count, errors and duration of every service are exposed and at most 15 s old": fact(
        "service-series", age="15 s", bound="at most"
    ),
    "every panel of every dashboard has data younger than 60 s in the steady state": fact("dashboard-data", age="60 s"),
    "the metrics show p50, p95 and p99 of the api-gateway within 5 % or 5 ms of what the traffic measured": within(
        Figure.EXPOSED, "5 ms", params={"what": "quantiles", "workload": "api-gateway", "share": "5 %"}
    ),
    "the metrics show an error rate within 0.1 points of what the traffic measured": within(
        Figure.EXPOSED, "0.1 points", params={"what": "error rate"}
    ),
    "the metrics show requests per second within 5 % of what the traffic measured in the steady state": within(
        Figure.EXPOSED, "5 %", params={"what": "requests per second"}
    ),
    "the metrics show plays per user within 1 % of what the traffic measured": within(
        Figure.EXPOSED, "1 %", params={"what": "plays per user"}
    ),
    "TCP 8080 of the backend is its only port that a declared caller reaches": fact("network-ports", port="8080"),
    "every write accepted by ap-southeast-1 is readable in us-east-1 within 5 s": fact(
        "written-and-read", **{"from": "ap-southeast-1", "to": "us-east-1", "within": "5 s"}
    ),
    "every public name resolves to its declared addresses with a TTL of at most 60 s": fact("dns-records", ttl="60 s"),
    "every public name has equal records at every authoritative server of the zone": fact("dns-servers"),
    "every public listener refuses plain text and every handshake below TLS 1.2": fact(
        "refuses-old-tls", listeners="public", least="1.2"
    ),
    "every mutual listener accepts a right client certificate, and none, an expired or a foreign one ended the handshake": fact(
        "client-certificates", listeners="mutual"
    ),
    "every partners listener has a certificate that is valid for its name and for 30 more days": fact(
        "valid-certificate", listeners="partners", days="30"
    ),
    "every public listener offers a hybrid post-quantum key exchange": fact("hybrid-key-exchange", listeners="public"),
    "every public listener redirects 100 % of plain HTTP requests to HTTPS with a certificate that names the host": fact(
        "redirects-to-https", listeners="public"
    ),
    'every public listener of host "api.example.com" answers every path by "api-gateway" and another host by 404': fact(
        "answers-its-host", listeners="public", host="api.example.com", workload="api-gateway"
    ),
    "every public listener refuses 100 % of requests with SQL injection, script injection and path traversal patterns with 403": fact(
        "refuses-attacks", listeners="public"
    ),
    "every connection between services, stores and event bus uses TLS 1.3 in the steady state": fact(
        "tls-in-transit", least="1.3"
    ),
    "the share of accepted events delivered whole within 30 s is at least 99.5 % in the steady state": at_least(
        Figure.DELIVERED, "99.5 %", times={"within": "30 s"}
    ),
}
DEMANDS = {
    "the release is deployed": [],
    "the deployed platform has been inspected": [],
    "the files of the platform have been read": [],
    '"everyday" traffic has run': ["traffic everyday"],
    'the experiment "pod-loss" has run under "everyday" traffic': [
        "traffic everyday",
        "experiment pod-loss traffic=everyday",
    ],
    'the metrics of every service have been read under "everyday" traffic': [
        "traffic everyday",
        "expose metrics traffic=everyday",
    ],
    'every disaster experiment has run under "rush" traffic': [
        "traffic rush",
        "experiment database-primary-loss traffic=rush",
        "experiment region-loss traffic=rush",
    ],
    'every experiment of domain node or region has run under "rush" traffic': [
        "traffic rush",
        "experiment node-loss traffic=rush",
        "experiment region-loss traffic=rush",
    ],
    'deployment "api-gateway" has 3 ready replicas with cpu 500m and memory 512Mi': [
        "check deployment-size cpu=500m deployment=api-gateway memory=512Mi replicas=3"
    ],
}


def test_a_then_sentence_is_one_objective(subtests: pytest.Subtests) -> None:
    """Figure, operator, limit and scope, and the sentence itself."""
    for sentence, objective in OBJECTIVES.items():
        with subtests.test(sentence):
            assert read(sentence, KNOWN).objective == replace(objective, sentence=sentence)


@pytest.mark.parametrize("times", [0, 1, 21, 100])
def test_one_looks_2_to_20_times(times: int) -> None:
    """Once is no several, and twenty leave the first nothing to err with."""
    sentence = 'the error rate of release "b" is less than 1 points above that of release "a", analysed {} times'
    assert read(sentence.format(2)).objective is not None
    assert read(sentence.format(20)).objective is not None
    with pytest.raises(UsageError):
        read(sentence.format(times))


def test_every_then_template_is_among_them() -> None:
    """No template without a literal; those about reports are in test_steps_reports.py."""
    read_by = {read(sentence).template.name for sentence in OBJECTIVES}
    then = {template.name for template in TEMPLATES if template.keyword is Keyword.THEN}
    assert read_by == then - {template.name for template in templates_of(CLAIMS)}
    of_claims = {claim.form.name for claim in ALL_CLAIMS if claim.form}
    forms = [template for template in TEMPLATES if template.nouns and template.name in then - of_claims]
    nouns = {read(sentence).template.alone(sentence).text for sentence in OBJECTIVES}
    assert {one.text for every in forms for one in every.nouns} - nouns == set()


def test_what_a_sentence_asks_for(subtests: pytest.Subtests) -> None:
    """Traffic first, then the experiments under it; a check by its parameters."""
    for sentence, keys in DEMANDS.items():
        with subtests.test(sentence):
            assert [demand.key for demand in read(sentence, KNOWN).demands] == keys


def test_an_example_is_read_by_its_own_template(subtests: pytest.Subtests) -> None:
    """And by no other: `read` refuses two. So is that of each of its nouns, by one noun."""
    for template in TEMPLATES:
        with subtests.test(template.name):
            assert read(template.example).template is template
            for one in template.nouns:
                assert read(one.example).template is template
                assert [noun for noun in template.nouns if noun.match(one.example) is not None] == [one]


def test_the_sentence_says_which_length_of_time_is_scaled_never_the_number(subtests: pytest.Subtests) -> None:
    """RTO, RPO and windows are; reaction limits and latencies are not, however long; words behind the value say otherwise."""
    for sentence, words in [
        ("reads are served again within 45 s", "limit not scaled: 45 s"),
        ("reads are served again within 60 s", "limit not scaled: 60 s"),
        ("reads are served again within 10 min (scaled)", "limit scaled by 60: 10 min → 10 s"),
        ("writes are served again within 60 s of the loss of eu-west-1", "limit not scaled: 60 s"),
        ("writes are served again within 45 s of every disaster", "limit scaled by 60: 45 s → 0.75 s"),
        ("writes are served again within 45 s (not scaled) of every disaster", "limit not scaled: 45 s"),
        ("no acknowledged write older than 30 s is lost", "older than scaled by 60: 30 s → 0.5 s"),
        ("no acknowledged write older than 1 h (not scaled) is lost", "older than not scaled: 1 h"),
        ("the response time p95 is below 90 s", "limit not scaled: 90 s"),
        ("the replication lag p99 of every replica is below 5 min", "limit not scaled: 5 min"),
    ]:
        with subtests.test(sentence):
            (length,) = read_objective(sentence).lengths(60)
            assert length.words == words
            assert {length.used_s for length in read_objective(sentence).lengths(1)} == {
                length.factor * length.used_s for length in read_objective(sentence).lengths(60)
            }


@pytest.mark.parametrize(
    "sentence",
    [
        "the response time p95 is below 200 ms (scaled)",
        "the health path of every pod of every service in every region answers 200 within 1 s (scaled)",
        "the replication lag p99 of every replica is below 5 min (scaled)",
        "reads are served again within 45 s (not scaled)",
        "writes are served again within 4 h (scaled) of every disaster",
    ],
)
def test_a_latency_is_never_scaled_and_no_value_says_what_it_is_anyway(sentence: str) -> None:
    """One way to say each thing."""
    with pytest.raises(UsageError, match="unknown sentence"):
        read(sentence)


def test_an_interpretation_is_no_part_of_a_sentence() -> None:
    """Nor are line breaks and double spaces."""
    assert bare("the error rate is  below\n 1 %  (interpretation: of all routes)") == "the error rate is below 1 %"
    assert read("the error rate is below 1 % (interpretation)").sentence == "the error rate is below 1 %"


@pytest.mark.parametrize(
    ("sentence", "nearest"),
    [
        ("writes are served agin within 3 s", "<operations> are served again within <limit>"),
        ("everyday traffic has run", '"<traffic>" traffic has run'),
        ("the uptime of the entry is below 99 %", "the uptime of the entry is at least <limit>"),
    ],
)
def test_a_misspelt_sentence_names_the_nearest(sentence: str, nearest: str) -> None:
    """With an example of it."""
    with pytest.raises(UsageError, match="unknown sentence") as caught:
        read(sentence)
    assert f"did you mean `{nearest}" in caught.value.hint
    assert "for example: " in caught.value.hint


def test_two_templates_that_match_are_refused() -> None:
    """Never one of the two silently."""
    template = next(template for template in TEMPLATES if template.name == "failing")
    twin = replace(template, name="twin", text="the error rate is below <limit:ratio>")
    with pytest.raises(UsageError, match="two templates match"):
        read("the error rate is below 1 %", templates=(template, twin))


SPLICED = st.lists(
    st.one_of(
        st.sampled_from([word for template in TEMPLATES for word in template.example.split()]),
        st.text(max_size=6),
    ),
    max_size=16,
).map(" ".join)


@given(st.one_of(st.text(max_size=80), SPLICED))
def test_reading_never_raises_anything_else(sentence: str) -> None:
    """A sentence is read, or refused with a UsageError; nothing else comes out."""
    try:
        reading = read(sentence, KNOWN)
    except UsageError:
        return
    assert reading.template.match(reading.sentence) is not None


@given(st.integers(1, 99_999), st.sampled_from(["ms", "s", "min", "h", "d"]), st.booleans())
def test_a_limit_comes_back_as_it_was_written(value: int, unit: str, spaced: bool) -> None:  # noqa: FBT001
    """With or without the space between number and unit."""
    written = f"{value / 10:.1f}{' ' if spaced else ''}{unit}"
    objective = read(f"reads are served again within {written}").objective
    assert objective is not None
    assert objective.limit == Quantity(value=value / 10, unit=unit)
    assert Quantity.parse(str(objective.limit)) == objective.limit


def test_a_value_that_no_run_can_bear_is_named_with_what_was_expected(subtests: pytest.Subtests) -> None:
    """Which word is wrong, and what belongs there."""
    for sentence, wrong in [
        (
            "the response time p100 of every route is below 200 ms",
            "'p100' is not a valid <quantile>, expected a quantile: p50, p75",
        ),
        ("the response time p0 is below 200 ms", "'p0' is not a valid <quantile>"),
        (
            "the response time p95 is below 200 %",
            "'200 %' is not a valid <limit>, expected a length of time above 0 in ms, s, min, h or d",
        ),
        ("the response time p95 is below 200", "'200' is not a valid <limit>"),
        ("the response time p95 is below -5 ms", "'-5 ms' is not a valid <limit>"),
        ("the response time p95 is below 0 ms", "'0 ms' is not a valid <limit>"),
        ("the response time p95 is below nan ms", "'nan ms' is not a valid <limit>"),
        (
            "the response time p95 of every route is below 1 s with 9 users at once for 0 s",
            "'0 s' is not a valid <window>",
        ),
        ("the error rate is below 5 ms", "'5 ms' is not a valid <limit>, expected a share in percent, more than 0"),
        ("the error rate is below 0.0 %", "'0.0 %' is not a valid <limit>"),
        ("the error rate is below 200 %", "the limit of 200 % is over 100 %"),
        ("the uptime of the entry is at least 100.1 %", "the limit of 100.1 % is over 100 %"),
        ("reads are served again within 0 s", "'0 s' is not a valid <limit>"),
        ("at least 0 tests passed and none failed", "can never fail: nothing is less than 0"),
        (
            'at least 1 test passed and none failed, with the property "changed" of at least 0',
            "can never fail: nothing is less than 0",
        ),
        ("at least 800 % of the last 30 d was available", "the limit of 800 % is over 100 %"),
    ]:
        with subtests.test(sentence), pytest.raises(UsageError, match=re.escape(wrong)):
            read(sentence)


def read_objective(sentence: str) -> Objective:
    """The objective of a Then sentence."""
    objective = read(sentence, KNOWN).objective
    assert objective is not None
    return objective


P99_FOR_P95 = (
    "it is about response time p99 of every route in the steady state, "
    "the criterion is about response time p95 of every route in the steady state"
)


def test_a_then_sentence_is_held_against_its_criterion(subtests: pytest.Subtests) -> None:
    """Figure, operator and values are equal, whatever unit they are written in; experiments may be fewer."""
    for then, criterion, differences in [
        ("the error rate is below 0.1 %", "the error rate is below 0.1 % in the steady state", []),
        (
            "the response time p95 of every route is below 1 s",
            "the response time p95 of every route is below 1000 ms",
            [],
        ),
        ("no acknowledged write is lost", "no acknowledged write is lost in any disaster experiment", []),
        (
            "the response time p99 of every route is below 200 ms",
            "the response time p95 of every route is below 200 ms",
            [P99_FOR_P95],
        ),
        (
            "the error rate is below 1 %",
            "the error rate of every route is below 1 %",
            [
                "it is about error rate in the steady state, the criterion is about error rate of every route in the steady state"
            ],
        ),
        (
            "no acknowledged write older than 1 h is lost",
            "no acknowledged write is lost",
            ["older than 1 h, the criterion says none"],
        ),
        (
            "writes are served again within 4 h",
            "writes are served again within 4 h of every disaster",
            ["limit 4 h is not scaled in the step, and is scaled in the criterion"],
        ),
        (
            "writes are served again within 45 s of the primary's death",
            "writes are served again within 45 s of the primary's death with 0 manual steps",
            ["manual steps not given, the criterion says 0"],
        ),
        (
            "the share of answers of region us-east-1 is 50 % ± 10 points",
            "the share of answers of region us-east-1 is 60 % ± 5 points",
            ["limit 50 %, the criterion says 60 %", "tolerance 10 points, the criterion says 5 points"],
        ),
        (
            "the response time p95 of every route is below 1 s with 100 users at once for 5 min",
            "the response time p95 of every route is below 1 s with 101 users at once for 10 min",
            ["window 5 min, the criterion says 10 min", "100 simultaneous users, the criterion says 101"],
        ),
        (
            'deployment "a" has 2 ready replicas with cpu 1 and memory 1Gi',
            'deployment "a" has 3 ready replicas with cpu 1 and memory 1Gi',
            ["replicas 2, the criterion says 3"],
        ),
    ]:
        with subtests.test(then):
            assert compare(read_objective(then), read_objective(criterion)) == differences


@pytest.mark.parametrize("criterion", ["in the steady state", "after the recovery"])
def test_what_holds_in_the_steady_state_may_be_claimed_after_a_switch(criterion: str) -> None:
    """It is the steady state of the release that took over; no other phase is."""
    claimed = read_objective("the error rate is below 1 % after the switch")
    differences = compare(claimed, read_objective(f"the error rate is below 1 % {criterion}"))
    assert not differences if criterion == "in the steady state" else differences


def test_the_operator_is_compared_too() -> None:
    """Two objectives of one figure with another operator differ."""
    mine = read_objective("the error rate is below 1 %")
    assert compare(mine, replace(mine, op=Op.AT_LEAST)) == ["it says 'is below', the criterion 'is at least'"]


def test_the_vocabulary_is_searched_by_words() -> None:
    """All words must be in it."""
    assert len(vocabulary()) == len(TEMPLATES)
    assert [template.name for template in vocabulary("replication lag")] == ["latency"]
    assert [template.name for template in vocabulary("integration roadmap")] == ["document-sections"]
    assert vocabulary("no such thing") == ()


def test_a_sentence_is_explained() -> None:
    """What it claims, what it needs, and what nobody has written."""
    explanation = explain("reads and writes are served again within 4 h of every disaster", KNOWN)
    assert explanation.claims == "recovery of reads and writes, below 4 h, during the fault"
    assert explanation.slots == {"operations": "reads and writes", "limit": "4 h", "faults": "disaster"}
    assert explanation.needs == (
        "`ledger` of the target file",
        "traffic, named by a When step",
        "experiment database-primary-loss",
        "experiment region-loss",
    )
    assert explanation.missing == ("loss of all database members",)
    assert explain('"everyday" traffic has run').needs == ("traffic everyday",)


def test_an_explanation_names_the_keys_of_the_target_file() -> None:
    """Those that a check reads, and those that the evidence of a figure needs."""
    names = explain("every public name resolves to its declared addresses with a TTL of at most 60 s")
    assert names.needs == ("check dns-records ttl=60 s", "`dns` of the target file")
    opened = explain("every service opens less than 1 database connection per 100 requests in the steady state")
    assert opened.needs[:2] == ("`flows` of the target file", "`routes` of the target file")
    lost = explain("no acknowledged write is lost")
    assert lost.needs[:2] == (
        "`ledger` of the target file",
        "add `database:` to the target file, or `read: true` to its `ledger:`",
    )


@pytest.mark.parametrize(
    ("sentence", "claims"),
    [
        (
            "no acknowledged write older than 1 h is lost",
            "no acknowledged write older than 1 h is lost, during the fault",
        ),
        (
            "the share of answers of region x is 60 % ± 5 points",
            "share of answers of x, 60 % ± 5 points, in the steady state",
        ),
        ("the error rate of every route is below 1 %", "error rate of every route, below 1 %, in the steady state"),
        (
            "TCP 8080 of the backend accepts its declared callers and refuses every other workload",
            "check network-policy (port 8080) passes on the live target",
        ),
        (
            "the response time p95 of every route is below 1 s with 101 users at once for 10 min",
            "response time p95 of every route, below 1 s, in the steady state, with 101 users at once, for 10 min",
        ),
    ],
)
def test_an_objective_in_words(sentence: str, claims: str) -> None:
    """As people would say it."""
    assert explain(sentence, KNOWN).claims.endswith(claims)


def test_a_phase_that_the_figure_is_not_judged_in_is_refused() -> None:
    """It is read, and said why it cannot be judged."""
    with pytest.raises(UsageError) as caught:
        read("the error rate is below 1 % at the 25 % step")
    assert caught.value.what.endswith(
        "can never be evaluated: the error rate is judged after the recovery or after the switch or during the fault or "
        "in the steady state, not at the N % step"
    )


@pytest.mark.parametrize(
    ("sentence", "what", "hint"),
    [
        (
            "every rollback procedure names its retries",
            "the rollback procedure does not name its retries",
            "it names its command, its owner, ",
        ),
        (
            "the data layer report contains its 6 named sections, none of them empty",
            "the data layer report has 7 named sections, not 6",
            "write 7, or add the sections where the document is declared",
        ),
    ],
    ids=["an attribute of a register", "the sections of a document"],
)
def test_what_a_noun_does_not_have_is_refused_before_anything_is_read(sentence: str, what: str, hint: str) -> None:
    """A plan says so; no run is needed to find it out."""
    with pytest.raises(UsageError) as caught:
        read(sentence)
    assert caught.value.what.endswith(what)
    assert caught.value.hint.startswith(hint)


def test_two_nouns_of_which_one_does_not_fit_the_other_are_refused(subtests: pytest.Subtests) -> None:
    """A form takes each of them, and not every two."""
    for sentence, what in [
        (
            "no rollback starts after 8 min of one new pod above 80 % of its limit nor after 20 min at 1 s",
            "1 s does not",
        ),
        ("the metrics show plays per user within 2 points of what the traffic measured", "2 points has the wrong unit"),
        (
            "the metrics show plays per user within 5 % or 5 ms of what the traffic measured",
            "the tolerance is not one of",
        ),
        (
            "the response time p95 of every database query is below 1 s with 9 users at once for 5 min",
            "every database query has no users",
        ),
        ("the replication lag p99 is below 1 s", "the replication lag is not one of all requests"),
        ("the response time p99 of every replica is below 1 s", "the response time is not one of every replica"),
        ("the error rate is below 1 % while it is gone, each in turn", "a service is gone"),
        ('the throughput of / of "web" at 2 replicas is at least 2 times that at 4', "2 replicas are not more"),
        ('the throughput of / of "web" at 2 replicas is at least 2 times that at 0', "2 replicas are not more"),
        (
            'every pod has been read under "everyday" traffic',
            "`every pod has been read` without a rollout is not known",
        ),
        (
            'the log of connections has been read during the rollout "canary" under "everyday" traffic',
            "`the log of connections has been read` during a rollout is not known",
        ),
    ]:
        with subtests.test(sentence):
            with pytest.raises(UsageError, match=re.escape(what)) as caught:
                read(sentence)
            assert caught.value.hint


def test_nouns_of_a_form_that_do_not_fit_each_other_are_refused(subtests: pytest.Subtests) -> None:
    """It is no sentence, and the nearest one of the form is named."""
    for sentence, nearest in [
        (
            'the error rate of release "2" is less than 5 % above that of release "1"',
            'the error rate of release "<release>" is less than <limit> above',
        ),
        (
            "the response time p95 of every route is at most 1.2 times that of the first hour",
            "the response time <quantile> of every route is at most <limit> times that of the baseline run",
        ),
        (
            "every autoscaler has a minimum of at least 2 and its target is never under 2 ready replicas, faults excluded",
            "every autoscaler has a minimum of at least <least> and no service is under <ready> ready replicas",
        ),
        (
            'the throughput of / of "web" at 4 replicas is at least 2 times that at the first',
            'the throughput of <path> of "<workload>" at <more> replicas is at least <limit> times that at <fewer>',
        ),
        (
            "every alert that fired is resolved within 10 min of the recovery",
            "every alert that fired is resolved within <limit> after the recovery",
        ),
        ("every accepted event is there once", "every accepted event is visible once and whole within <limit>"),
        (
            "the memory alert fires within 3 min of the database's silence",
            "the memory alert fires within <limit> of one pod growing by 100 MB",
        ),
        (
            "every request is served by the new release within 5 min of the trigger, by no hand",
            "every request is served by the old release within <limit> of the trigger, by no hand",
        ),
        (
            "every killed pod is replaced by a ready one within 60 s after a partition heals",
            "every killed pod is replaced by a ready one within <limit> with <steps> manual steps",
        ),
        (
            "the share of users on the new release is at most 8 % at the 5 % step",
            "the share of users on the new release is <limit>",
        ),
        ("the uptime of the entry is at most 99.9 %", "the uptime of the entry is at least <limit>"),
        (
            'none of "a, b" has more than 10 replicas at any moment of the run',
            'none of "<services>" has more than <most> replicas at any moment of the run, traffic spike included',
        ),
    ]:
        with subtests.test(sentence):
            with pytest.raises(UsageError, match="unknown sentence") as caught:
                read(sentence)
            assert f"did you mean `{nearest}" in caught.value.hint


def test_a_form_lists_its_nouns_and_their_slots() -> None:
    """A slot of a noun is one of the form; where a form has several slots for nouns, the sentences say which fit each other."""
    [rollback] = vocabulary("a critical report on the new release is recorded")
    assert rollback.noun_slots == {
        "cause": "one of: after <window> of <excess>; after a critical report on the new release is recorded; of its trigger at the <steps> steps"
    }
    assert [name for name, _ in rollback.every_slot] == [
        "cause",
        "limit",
        "window",
        "excess",
        "limit",
        "limit",
        "steps",
    ]
    assert rollback.pairs == ()
    [release] = vocabulary("a notice with release")
    assert [one.plain for one in release.pairs][-1].endswith("goes out within <limit> of every rollback")


def test_a_form_has_a_slot_for_each_word_of_a_noun() -> None:
    """Another number of words is a mistake of who wrote it."""
    noun = Noun(("one", "two"), lambda _slots: Meaning(), "Nothing.", "it is one")
    with pytest.raises(ValueError, match="no slot for the noun 'two'"):
        form("mistaken", "it is <what:noun>", "Nothing.", noun)


def test_each_time_that_a_sentence_names_is_read_by_the_judge() -> None:
    """Sentence and figure write its key apart: with another one a limit of the sentence would not be asked, without a word."""
    sources = [file.read_text(encoding="utf-8") for file in Path(harness.judgement.__file__).parent.rglob("*.py")]
    nodes = (node for source in sources for node in ast.walk(ast.parse(source)))
    asked = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    each = [one for template in TEMPLATES for one in template.each]
    objectives = [one for template in each if (one := read(template.example, KNOWN).objective)]
    named = {key: one.figure for one in objectives if one.figure is not Figure.CHECK for key in one.times}
    assert "killed none later than" in named
    assert {key: figure for key, figure in named.items() if key not in asked} == {}


def test_few_sentences_say_everything() -> None:
    """At most 165 under Then, 20 of them on backups, restores and caches: a new row is a noun on a form before it is a sentence of its own; `benchmarks/house.py` prints the number."""
    assert sum(1 for one in TEMPLATES if one.keyword is Keyword.THEN) <= 165
