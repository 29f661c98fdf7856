"""Runs a check by name and records its facts."""

from __future__ import annotations

from pathlib import Path

from harness.drivers.check.registry import kind_of
from harness.drivers.facts import record_facts, settled
from harness.errors import DriverError
from harness.model import Check, Demand, Fact, Sink
from harness.targets import Target


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
