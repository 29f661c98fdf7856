"""Every check by name, from the claims on the functions of this package; runs a check and records its facts."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

from harness.drivers.check.claim import CheckClaim, CheckFunction, CheckKind, checks_of
from harness.drivers.claim import claims_below
from harness.drivers.facts import record_facts, settled
from harness.errors import DriverError, UsageError
from harness.model import Check, Demand, Fact, Sink
from harness.model.need import RequiredKey
from harness.targets import Target

CLAIMS: Final[tuple[CheckClaim, ...]] = claims_below(sys.modules[__package__], CheckClaim)
"""Every sentence about the live target, from the functions that read it."""


def _function(make: str) -> CheckFunction:
    module, _, name = make.rpartition(".")
    found: CheckFunction = getattr(import_module(f"{__package__}.{module}"), name)
    return found


def _within(key: str, why: str) -> RequiredKey:
    """A needed key within a section of the target file."""
    return RequiredKey(key, why, f"`{key}`")


_API: Final = RequiredKey("kubernetes", "the check reads the Kubernetes API")
_EXPOSED: Final = RequiredKey("metrics", "the metrics of every pod are read")
_NO_ENTRIES: Final = ("region with an `entry`", "add `entry:` to each region of `regions:`")
_ENTRIES: Final = RequiredKey("doors", "requests are sent to the entry of every region", *_NO_ENTRIES)
_READS: Final = _within("probes.services", "a read of every service is sent to the entry of every region")
_CALLERS: Final = RequiredKey("callers", "a declared caller connects to the backend")


def _one_entry(region: str) -> RequiredKey:
    """The need for an entry of the region that a parameter names."""
    lacks = (f"entry of the region {region}", f"add `entry:` to {region} in `regions:`")
    return RequiredKey(f"doors.{region}", f"requests are sent to the entry of {region}", *lacks)


_ROWS: Final[Mapping[str, CheckKind]] = {
    "declared-fields": CheckKind(
        read=_function("declared.declared_fields"),
        needs=(RequiredKey("files.manifests", "declared-fields compares with the manifests"), _API),
    ),
    "declared-workloads": CheckKind(
        read=_function("declared.declared_workloads"),
        needs=(RequiredKey("files.manifests", "declared-workloads compares with the manifests"), _API),
    ),
    "health-of-pods": CheckKind(read=_function("health.health_of_pods"), needs=(_API,)),
    "deployment-size": CheckKind(read=_function("deployments.deployment_size"), needs=(_API,)),
    "gateway-reads": CheckKind(read=_function("gateways.gateway_reads"), needs=(_ENTRIES, _READS)),
    "network-policy": CheckKind(
        read=_function("policies.network_policy"), needs=(_API, _CALLERS), touches=("workloads",)
    ),
    "gateway-only": CheckKind(
        read=_function("around.gateway_only"),
        needs=(_API, _CALLERS, _ENTRIES, _READS),
        touches=("workloads",),
        seconds=3.0,
    ),
    "network-ports": CheckKind(
        read=_function("ports.network_ports"), needs=(_API, _CALLERS), touches=("workloads",), seconds=4.0
    ),
    "pending-pod-runs": CheckKind(
        read=_function("pending.pending_pod_runs"),
        needs=(_API, RequiredKey("callers", "its pods run the image of the declared callers")),
        touches=("workloads", "nodes"),
        seconds=15.0,
    ),
    "exposed-metrics": CheckKind(read=_function("exposition.exposed_metrics"), needs=(_API, _EXPOSED)),
    "written-and-read": CheckKind(
        read=_function("writing.written_and_read"),
        needs=(
            RequiredKey("ledger", "writes go to the ledger's path"),
            RequiredKey("doors", "one region is written to, another is read", *_NO_ENTRIES),
            RequiredKey("ledger.read", "the ledger is read through the entry", "`ledger.read: true`"),
            _one_entry("{from}"),
            _one_entry("{to}"),
        ),
    ),
    "dns-records": CheckKind(
        read=_function("dns.dns_records"), needs=(RequiredKey("dns", "the public names are resolved"),)
    ),
    "dns-servers": CheckKind(
        read=_function("dns.dns_servers"),
        needs=(RequiredKey("dns", "the public names are requested from the zone's servers"),),
    ),
}
CHECKS: Final[Mapping[str, CheckKind]] = {**_ROWS, **checks_of(CLAIMS)}
"""Every check by its name."""


def kind_of(name: str) -> CheckKind:
    """The check of a name.

    Raises:
        UsageError: there is no check of this name.
    """
    if name not in CHECKS:
        raise UsageError(f"unknown check `{name}`", hint=f"known checks: {', '.join(sorted(CHECKS))}")
    return CHECKS[name]


def consents() -> frozenset[str]:
    """The names by which `may_break` allows checks that change what users have."""
    return frozenset(kind.consent for kind in CHECKS.values() if kind.consent)


def run_check(demand: Demand, target: Target, sink: Sink, run_directory: Path | None = None) -> Check:
    """Run the check of a demand, and record its facts."""
    return record_facts(demand, lambda: _facts(demand, target), sink, run_directory)


def _facts(demand: Demand, target: Target) -> tuple[Fact, ...]:
    with kind_of(demand.name).placed(target, demand.params) as probe:
        facts = settled(probe)
    if not facts:
        raise DriverError(
            "there is nothing to check", where=target.name, hint="check the namespaces in the target file"
        )
    return facts
