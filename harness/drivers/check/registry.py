"""Every check by name, from the claims on the functions of this package and from nouns; runs a check and records its facts."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from harness.drivers.check.claim import RUN, SEED, CheckClaim, CheckKind, checks_of
from harness.drivers.check.state.form import claims_of_nouns
from harness.drivers.check.state.nouns import load_nouns
from harness.drivers.claim import claims_below
from harness.drivers.facts import once, record_facts, settled
from harness.errors import DriverError, UsageError
from harness.model import Check, Demand, Fact, Sink
from harness.plugins import called, claims_paths
from harness.targets import Target

CLAIMS: Final[tuple[CheckClaim, ...]] = (
    *claims_below(sys.modules[__package__], CheckClaim),
    *claims_of_nouns(load_nouns(claims_paths())),
)
"""Every sentence about the live target, from the functions that read it, and from the nouns of the harness and of the project."""
CHECKS: Final[Mapping[str, CheckKind]] = checks_of(CLAIMS)
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


def run_check(demand: Demand, target: Target, sink: Sink, run_directory: Path | None = None, *, seed: int = 1) -> Check:
    """Run the check of a demand with the seed of the run, and record its facts."""
    return record_facts(demand, lambda: _facts(demand, target, seed, run_directory), sink, run_directory)


def _facts(demand: Demand, target: Target, seed: int, run_directory: Path | None) -> tuple[Fact, ...]:
    kind = kind_of(demand.name)
    facts = called(lambda: _read(kind, demand, target, {SEED: str(seed), RUN: str(run_directory or "")}), kind.read)
    if not facts:
        raise DriverError(
            "there is nothing to check", where=target.name, hint="check the namespaces in the target file"
        )
    return facts


def _read(kind: CheckKind, demand: Demand, target: Target, of_run: Mapping[str, str]) -> tuple[Fact, ...]:
    with kind.placed(target, {**demand.params, **of_run}) as probe:
        return settled(probe) if kind.again else once(probe())
