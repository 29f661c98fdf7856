"""`alert-runbooks`: checks that every alert rule names a runbook, and that the runbook can be requested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.drivers.check.claim import claim
from harness.drivers.check.links.answers import WITHIN_S, ask, names_it, release_of
from harness.drivers.check.monitor.prometheus import AlertRule, prometheus_of
from harness.drivers.check.needs import MONITOR
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.files.values import is_http
from harness.targets.http import http_client

ANNOTATION: Final = "runbook_url"
"""Annotation of an alert rule with its runbook, as in the rules of kube-prometheus."""


_RUNBOOKS: Final = SentenceForm(
    "runbooks-of-alert-rules",
    "every alert rule names a runbook and 100 % of these addresses <answer:noun>",
    "The annotation `runbook_url` of each rule that Prometheus has loaded, requested, and what the answer has.",
)


@claim(
    _RUNBOOKS,
    "answer 200",
    name="runbooks",
    example="every alert rule names a runbook and 100 % of these addresses answer 200",
    needs=(MONITOR,),
)
@claim(
    _RUNBOOKS,
    "answer 200 and name this release",
    name="runbooks-of-the-release",
    example="every alert rule names a runbook and 100 % of these addresses answer 200 and name this release",
    about="The same; and the text of each has the release that is judged as a word.",
    fixed={"of": "release"},
)
def alert_runbooks(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The annotation `runbook_url` of each rule that Prometheus has loaded, requested.

    If `of` is `release`, the runbook must name the release under test.
    """
    release = release_of(target) if params.get("of") == "release" else ""

    def probe() -> Sequence[FactReading]:
        with prometheus_of(target) as prometheus:
            rules = prometheus.alert_rules()
        if not rules:
            return [FactReading(subject="rules", expected="loaded", observed="none is loaded", ok=False)]
        return [fact for rule in rules for fact in _of_rule(target, rule, release)]

    return probe


def _of_rule(target: Target, rule: AlertRule, release: str) -> Iterator[FactReading]:
    url = rule.annotations.get(ANNOTATION, "")
    if not is_http(url):
        observed = f"`{url[:80]}` is not an address" if url else f"no annotation `{ANNOTATION}`"
        yield FactReading(subject=f"{rule.name}: runbook", expected="an address", observed=observed, ok=False)
        return
    with http_client(target, url, timeout_s=WITHIN_S) as client:
        answered = ask(client, url)
    yield answered.as_fact(f"{rule.name}: {url}")
    if release:
        yield names_it(answered, f"{rule.name}: release", release)
