"""The harness's own figures: one file per figure, with its spec and its judge. `harness.figures` adds those of packages and the project."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from harness.errors import UsageError
from harness.judgement.figures import attestation, checks, parts, releases
from harness.judgement.figures.alerting import errors, firing, queries, reaching
from harness.judgement.figures.database import equal_copies, promotion, query_time, replication_lag
from harness.judgement.figures.kubernetes import (
    connections,
    containers,
    discovery,
    replaced,
    rescheduled,
    service_health,
)
from harness.judgement.figures.ledger import copies, delivered, loss, newest_rows, pipelines, read_back
from harness.judgement.figures.monitor import active_users, exposed
from harness.judgement.figures.recovery import coupling, recoveries, returned_share
from harness.judgement.figures.rollouts import steps, switches, watched
from harness.judgement.figures.rollouts import users as rollout_users
from harness.judgement.figures.rollouts.rollback import queries as rollout_queries
from harness.judgement.figures.rollouts.rollback import rollbacks, telling, worse
from harness.judgement.figures.scaling import bounds, resized, rises, spacing, spike_back, spike_rise, spike_time
from harness.judgement.figures.spec import Basis, Lack, Need, Numbers, Offered, Spec
from harness.judgement.figures.traffic import (
    error_rate,
    journeys,
    region_share,
    replica_share,
    response_time,
    throughput,
    uptime,
)
from harness.judgement.figures.trends import baseline_factor, drift, improvement, memory_growth, soak, variation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.model import Figure

__all__ = [
    "FIGURES",
    "Basis",
    "Lack",
    "Need",
    "Numbers",
    "Offered",
    "Spec",
    "spec_in",
]

FIGURES: Final[Mapping[Figure, Spec]] = MappingProxyType(
    {
        spec.figure: spec
        for spec in (
            response_time.SPEC,
            error_rate.SPEC,
            journeys.SPEC,
            uptime.SPEC,
            region_share.SPEC,
            replication_lag.SPEC,
            recoveries.SPEC,
            loss.SPEC,
            copies.SPEC,
            read_back.SPEC,
            discovery.SPEC,
            pipelines.SPEC,
            delivered.SPEC,
            rescheduled.SPEC,
            promotion.SPEC,
            equal_copies.SPEC,
            returned_share.SPEC,
            newest_rows.SPEC,
            service_health.SPEC,
            exposed.SPEC,
            active_users.SPEC,
            query_time.SPEC,
            coupling.SPEC,
            connections.SPEC,
            connections.POOLING_SPEC,
            throughput.SPEC,
            checks.SPEC,
            attestation.SPEC,
            parts.SPEC,
            drift.SPEC,
            improvement.SPEC,
            releases.MORE_ERRORS,
            releases.SLOWDOWN,
            baseline_factor.SPEC,
            soak.LAST_HOUR_SPEC,
            soak.RESTARTS_SPEC,
            memory_growth.SPEC,
            variation.SPEC,
            replica_share.SPEC,
            replaced.SPEC,
            containers.RESTARTED,
            containers.LAST_REQUEST,
            firing.FIRES,
            firing.RULES_FIRE,
            firing.QUIET,
            errors.AT_ERRORS,
            errors.TEXT,
            queries.NAMED,
            reaching.RESOLVED,
            reaching.DELIVERED,
            reaching.GROUPED,
            steps.ORDER,
            steps.LENGTH,
            steps.VERDICT,
            rollout_users.SHARE,
            rollout_users.HIT,
            rollout_users.STICKY,
            switches.NEW,
            switches.OLD,
            switches.FAILURES,
            telling.TOLD,
            rollbacks.START,
            rollbacks.NONE,
            watched.HEALTH,
            watched.DEPLOYED,
            rollout_queries.QUICK,
            worse.TAKEN,
            worse.PROMOTED,
            rises.SPEC,
            bounds.FEWEST,
            bounds.MOST,
            spacing.APART,
            spacing.SCALED_IN,
            spike_rise.SPEC,
            spike_back.SPEC,
            spike_time.SPEC,
            resized.SPEC,
        )
    }
)
"""The harness's own figures."""


def spec_in(figures: Mapping[Figure, Spec], figure: Figure) -> Spec:
    """The spec of a figure.

    Args:
        figures: all that there are, the harness's own and those of packages and the project.
        figure: one of them.

    Raises:
        UsageError: no figure has this name.
    """
    if figure not in figures:
        known = ", ".join(sorted(figures))
        hint = (
            "install the package it is in, or name its `MODULE:SPEC` under `figures` of [tool.harness.plugins]; "
            f"known are {known}"
        )
        raise UsageError(f"the figure {figure.value!r} is unknown", hint=hint)
    return figures[figure]
