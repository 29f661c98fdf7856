"""A demand on reports, as the ingest engines get it: a target file beside the reports, and what the sentence fixes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from harness.drivers.facts import FactReading
from harness.drivers.ingest.registry import ENGINES
from harness.drivers.paper import Asked
from harness.model import Demand
from harness.steps.grammar import read
from harness.targets import load_target

COMMIT = "3f2a1c9d0b7e4a55c1d2e3f405162738495a6b7c"
RELEASE = "1.0.0"
TODAY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def asked(directory: Path, when: str, then: str, evidence: Mapping[str, Any], **keys: Any) -> tuple[str, Asked]:
    """What a scenario of these two sentences asks, of a target file in `directory` with this `evidence`; the engine's name first."""
    target = {
        "name": "paper",
        "environment": "production",
        "release": {"version": RELEASE, "commit": COMMIT},
        "evidence": evidence,
        **keys,
    }
    path = directory / "target.yaml"
    path.write_text(yaml.safe_dump(target), encoding="utf-8")
    objective = read(then).objective
    assert objective is not None
    demand = Demand(kind=objective.demand, name=objective.check, params={**objective.params, **read(when).report})
    kept: list[Path] = []

    def keep(file: Path, copy: bytes | None = None, /) -> str:
        assert (file.read_bytes() if copy is None else copy) is not None
        kept.append(file)
        return file.name

    return demand.name, Asked(
        target=load_target(path), params=demand.params, release=RELEASE, commit=COMMIT, today=TODAY, keep=keep
    )


def seen(directory: Path, when: str, then: str, evidence: Mapping[str, Any], **keys: Any) -> Mapping[str, FactReading]:
    """The facts that the engine finds, by subject."""
    name, demand = asked(directory, when, then, evidence, **keys)
    facts: Sequence[FactReading] = ENGINES[name](demand)
    assert len({fact.subject for fact in facts}) == len(facts)
    return {fact.subject: fact for fact in facts}


def oks(facts: Mapping[str, FactReading]) -> dict[str, bool | None]:
    """How each fact came out."""
    return {subject: fact.ok for subject, fact in facts.items()}
