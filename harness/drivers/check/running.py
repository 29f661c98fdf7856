"""Runs a check by name and records what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final

from harness.drivers.check.deployments import deployment_size
from harness.drivers.check.facts import Look, settled
from harness.drivers.check.gateways import gateway_reads
from harness.drivers.check.health import health_of_pods
from harness.drivers.check.policies import network_policy
from harness.errors import DriverError, UsageError
from harness.evidence.checks import MANY, write_facts
from harness.model import Check, Demand, Fact, FactTable, Sink
from harness.targets import Target

Params = Mapping[str, str]


def _plain(make: Callable[[Target, Params], Look]) -> Callable[[Target, Params], AbstractContextManager[Look]]:
    """A check that needs nothing put in place first."""
    return lambda target, params: nullcontext(make(target, params))


CHECKS: Final[Mapping[str, Callable[[Target, Params], AbstractContextManager[Look]]]] = {
    "health-of-pods": _plain(health_of_pods),
    "deployment-size": _plain(deployment_size),
    "gateway-reads": _plain(gateway_reads),
    "network-policy": network_policy,
}
"""Every check: what its name stands for, given a target and the demand's parameters."""


def run_check(demand: Demand, target: Target, sink: Sink, run_directory: Path | None = None) -> Check:
    """Do what a check demand asks for: one `check.fact` a fact and `check.done`, or `check.failed` when it could not be done.

    Many facts go into a table of the run directory. A check that cannot be done says why and has no facts; it never raises
    for what the target does.
    """
    key = demand.key
    try:
        facts = _facts(demand, target)
    except (DriverError, UsageError) as error:
        sink.put("check.failed", key, demand=key, why=str(error))
        return Check(demand=key, facts=(), why=str(error))
    if run_directory is not None and len(facts) > MANY:
        subjects = len({fact.subject for fact in facts})
        read = len({fact.subject for fact in facts if fact.ok is not None})
        file = write_facts(run_directory, key, facts)
        sink.put("check.done", key, demand=key, facts=len(facts), file=file, covered=read, of=subjects)
        return Check(demand=key, facts=(), matrix=FactTable.made(facts, read, subjects))
    for fact in facts:
        sink.put(
            "check.fact",
            fact.subject,
            demand=key,
            expected=fact.expected,
            seen=fact.seen,
            ok=fact.ok,
            attempts=fact.attempts,
            at_ns=fact.at_ns,
        )
    sink.put("check.done", key, demand=key, facts=len(facts))
    return Check(demand=key, facts=facts)


def _facts(demand: Demand, target: Target) -> tuple[Fact, ...]:
    if demand.name not in CHECKS:
        raise UsageError(f"unknown check `{demand.name}`", hint=f"known are {', '.join(sorted(CHECKS))}")
    with CHECKS[demand.name](target, demand.params) as look:
        facts = settled(look)
    if not facts:
        raise DriverError(
            "there is nothing to check", where=target.name, hint="check the namespaces in the target file"
        )
    return facts
