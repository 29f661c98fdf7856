"""`alert-rules`: named alert rules have their severity. `alert-rules-of-regions`: every region has them, and its rules evaluate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from harness.drivers.check.claim import claim
from harness.drivers.check.monitor.prometheus import AlertRule, prometheus_at, prometheus_of
from harness.drivers.check.needs import MONITOR
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model.planned.need import RequiredKey
from harness.targets import Target

_RULES: Final = SentenceForm(
    "alert-rules",
    'the alert rules "<first:name>" and "<second:name>" <are:noun>',
    "As Prometheus lists the rules of these names.",
)


@claim(
    _RULES,
    "carry severity critical",
    name="alert-rules-severity",
    example='the alert rules "HighErrorRate" and "DatabaseDown" carry severity critical',
    fixed={"severity": "critical"},
    needs=(MONITOR,),
)
def alert_rules(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The label `severity` of each rule of that name, and of the alerts and notices of it that the run recorded.

    The check reads the loaded rules; the judge reads the alerts and notices.
    """
    names, severity = [params["first"], params["second"]], params["severity"]

    def probe() -> Sequence[FactReading]:
        with prometheus_of(target) as prometheus:
            rules = prometheus.alert_rules()
        return [each for name in names for each in of_name(name, rules, severity)]

    return probe


@claim(
    _RULES,
    "are loaded in every region and every rule there evaluates without error",
    name="alert-rules-loaded",
    example='the alert rules "HighErrorRate" and "DatabaseDown" are loaded in every region and every rule there evaluates without error',
    needs=(
        RequiredKey(
            "monitors",
            "the loaded rules are read from the Prometheus of every region",
            "region with a `prometheus`",
            "add `prometheus:` to each region of `regions:`",
        ),
    ),
)
def alert_rules_of_regions(target: Target, params: Mapping[str, str]) -> FactProbe:
    """As each region's own Prometheus (`prometheus` of each of `regions`) lists its rules and the health of each.

    Any other rule that fails is a fact, too.
    """
    if not target.monitors:
        raise ConfigurationError(
            "no region with a Prometheus",
            where=f"{target.file}: regions",
            hint="write `regions: {NAME: {prometheus: …}}`",
        )
    names = [params["first"], params["second"]]

    def probe() -> Sequence[FactReading]:
        return [replace(one, subject=f"{region}/{one.subject}") for region in target.regions for one in _of(region)]

    def _of(region: str) -> Iterator[FactReading]:
        address = target.monitors.get(region)
        if address is None:
            named = "the target file names none"
            yield FactReading(subject="prometheus", expected="a Prometheus of the region", observed=named, ok=None)
            return
        with prometheus_at(target, address) as prometheus:
            rules = prometheus.alert_rules()
        yield from (each for name in names for each in of_name(name, rules))
        yield from _failing(rules, names)

    return probe


def of_name(name: str, rules: Sequence[AlertRule], severity: str = "") -> Iterator[FactReading]:
    """The fact whether rules of a name are loaded and evaluate or, for a given severity, whether one of them has it."""
    own = [rule for rule in rules if rule.name == name]
    if not own:
        yield FactReading(subject=name, expected="a rule of that name", observed="none is loaded", ok=False)
    elif severity:  # the same rule may have a lower limit that warns
        labels = sorted({rule.labels.get("severity", "") for rule in own} - {""})
        yield FactReading(
            subject=name,
            expected=f"severity {severity}",
            observed=f"severity {' and '.join(labels)}" if labels else "no severity",
            ok=severity in labels,
        )
    else:
        yield from (evaluates(rule, rules) for rule in own)


def _failing(rules: Sequence[AlertRule], names: Sequence[str]) -> Iterator[FactReading]:
    """Facts on other rules that fail to evaluate."""
    yield from (evaluates(rule, rules) for rule in rules if rule.name not in names and rule.health == "err")


def evaluates(rule: AlertRule, rules: Sequence[AlertRule]) -> FactReading:
    """The fact whether a rule evaluates; several rules of one name are distinguished by their severity."""
    health, severity = rule.health, rule.labels.get("severity", "")
    error = f": {rule.error}" if rule.error else ""
    more = f", severity {severity}" if severity and sum(one.name == rule.name for one in rules) > 1 else ""
    ok = None if health == "unknown" else health == "ok"
    return FactReading(
        subject=f"{rule.name}{more}", expected="evaluates without error", observed=f"{health}{error}", ok=ok
    )
