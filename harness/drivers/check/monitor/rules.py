"""`alert-rules`: the rules that a document names are loaded, evaluate without error, and carry their severity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.drivers.check.monitor.prometheus import AlertRule, prometheus_of
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target


def alert_rules(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Read the rules of the names `first` and `second`, and with `severity` at their label; any rule that fails is a fact, too."""
    names, severity = [params["first"], params["second"]], params.get("severity", "")

    def probe() -> Sequence[FactReading]:
        with prometheus_of(target) as prometheus:
            rules = prometheus.alert_rules()
        seen = [each for name in names for each in of_name(name, rules, severity)]
        return seen if severity else [*seen, *_failing(rules, names)]

    return probe


def of_name(name: str, rules: Sequence[AlertRule], severity: str = "") -> Iterator[FactReading]:
    """Whether rules of a name are loaded, and evaluate; or, given a severity, whether one of them has it."""
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
    """Rules beside the named ones that do not evaluate."""
    yield from (evaluates(rule, rules) for rule in rules if rule.name not in names and rule.health == "err")


def evaluates(rule: AlertRule, rules: Sequence[AlertRule]) -> FactReading:
    """Whether a rule evaluates; of several rules of its name each is named with its severity."""
    health, severity = rule.health, rule.labels.get("severity", "")
    error = f": {rule.error}" if rule.error else ""
    more = f", severity {severity}" if severity and sum(one.name == rule.name for one in rules) > 1 else ""
    ok = None if health == "unknown" else health == "ok"
    return FactReading(
        subject=f"{rule.name}{more}", expected="evaluates without error", observed=f"{health}{error}", ok=ok
    )
