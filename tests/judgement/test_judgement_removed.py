"""Histories of which one kind of record is gone, or that end too soon: what each figure of a rollout, an alert, an autoscaler or a log says then.

Every measure is held against `golden/measures/removed.ndjson`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial

import pytest
import test_judgement_alert_errors as alert_errors
import test_judgement_alerts as alerts
import test_judgement_connections as connections
import test_judgement_exposed as exposed
import test_judgement_query_time as query_time
import test_judgement_rollouts as rollouts
import test_judgement_scaling as scaling
import test_judgement_signals as signals
import test_judgement_watched_rollouts as watched
import test_judgement_worse_releases as worse
from judgement_builders import ns, plan

from harness.judgement.figures import FIGURES
from harness.judgement.judging import _measures
from harness.judgement.measures import Case
from harness.model import Evidence, Measure, Objective, Observation, ReasonKind
from harness.model.planned.rollout import RolloutPlan
from tests.builders import rollout_runs

Ask = Callable[[Evidence], list[Measure]]
Room = tuple[Evidence, tuple[Ask, ...]]
"""A run that is whole, and the sentences about it."""


def _of_rollout(sentences: Iterable[str], rollout: RolloutPlan | None = None) -> tuple[Ask, ...]:
    return tuple(partial(_rollout, sentence, rollout) for sentence in sentences)


def _rollout(sentence: str, rollout: RolloutPlan | None, run: Evidence) -> list[Measure]:
    return rollout_runs.judged(sentence, run, rollout)


def _of(objectives: Iterable[Objective]) -> tuple[Ask, ...]:
    return tuple(partial(_plain, objective) for objective in objectives)


def _plain(objective: Objective, run: Evidence) -> list[Measure]:
    known = plan({"R": objective})
    return list(_measures(Case(plan=known, evidence=run, claim=known.claims[0], objective=objective), FIGURES))


def _scaled(run: Evidence) -> list[Measure]:
    return [one for each in (scaling.CPU, scaling.FEWEST) for one in scaling.judged(each, base=run)]


def _taken_back() -> Evidence:
    readings = [*signals.memory(16, 25, 0.5), *signals.memory(25, 55, 0.81), *signals.memory(16, 55, 0.3, pod="b")]
    told = [signals.report(46, "critical", rollout_runs.NEW), signals.notice(51)]
    return signals.run([*readings, *told], 50.0)


@cache
def rooms() -> Mapping[str, Room]:
    """By name."""
    switch = rollout_runs.evidence(parts=rollout_runs.COLOURS, back=45.0)
    of_signals = (signals.MEMORY, signals.QUIET, signals.REPORT, signals.NO_REPORT, signals.TOLD, rollouts.BY_ITSELF)
    many = alert_errors.run(alert_errors.alert("firing", 121), alert_errors.notice("12 % of the answers failed"))
    fired = (alerts.alert("firing", alerts.SENT + 2), alerts.alert("resolved", alerts.RESTORED))
    noticed = (alerts.notice(1, alerts.SENT + 2.5, alerts.SENT + 2),)
    asked = (alerts.FIRES, alerts.RESOLVED, alerts.DELIVERED, alerts.QUIET, alerts.RULES, alerts.GROUPED)
    metrics = (exposed.QUANTILES, exposed.ERRORS, exposed.RATE, exposed.PLAYS)
    base = exposed.quiet()
    read = [connections.read(0, {}, before=True), connections.read(59, connections.QUIET)]
    queries = [
        query_time.read("north", at, query_time.statement("a", query_time.QUICK * n)) for at, n in ((1, 1), (59, 2))
    ]
    return {
        "canary": (rollout_runs.evidence(), _of_rollout((*rollouts.OF_A_CANARY, rollouts.QUIET, rollouts.HIT))),
        "switch": (switch, _of_rollout((*rollouts.OF_A_SWITCH, worse.TAKEN), rollouts.BLUE_GREEN)),
        "platform": (_taken_back(), _of_rollout((*of_signals, worse.PROMOTED), signals.PLATFORM)),
        "watched": (watched.run(), _of_rollout((watched.HEALTH, watched.DEPLOYED))),
        "alerts": (alerts.run(*fired, *noticed), _of(asked)),
        "alert at errors": (many, _of((alert_errors.fires(alert_errors.MANY), alert_errors.TEXT))),
        "autoscalers": (replace(base, observations=(*base.observations, *scaling.held())), (_scaled,)),
        "metrics": (replace(base, observations=(*base.observations, *exposed.reads())), _of(metrics)),
        "connections": (
            replace(base, observations=(*base.observations, *read)),
            _of((connections.DEPENDENCIES, connections.ACCESS, connections.POOLED)),
        ),
        "queries": (replace(base, observations=(*base.observations, *queries)), _of((query_time.SENTENCE,))),
    }  # fmt: skip


def _kinds(run: Evidence) -> Sequence[str]:
    return sorted({one.kind for one in run.observations} - {"load.users"})


def _judged(asks: Iterable[Ask], run: Evidence) -> None:
    for ask in asks:
        assert all(one.because.kind is not ReasonKind.HARNESS for one in ask(run))


def _kept(run: Evidence, keep: Callable[[Observation], bool]) -> Evidence:
    return replace(run, observations=tuple(one for one in run.observations if keep(one)))


def test_without_a_kind_of_record_it_is_said_what_lacks(subtests: pytest.Subtests) -> None:
    """Each kind in turn: no figure breaks, and each says something."""
    for name, (run, asks) in rooms().items():
        with subtests.test(name):
            for kind in _kinds(run):
                _judged(asks, _kept(run, lambda one, kind=kind: one.kind != kind))  # type: ignore[misc]  # of this turn


def test_a_history_that_ends_too_soon_or_begins_too_late_is_told(subtests: pytest.Subtests) -> None:
    """At a few moments between its first and its last line."""
    for name, (run, asks) in rooms().items():
        with subtests.test(name):
            for at in (26.0, 47.0, 115.0):
                if any(one.mono_ns > ns(at) and one.kind != "load.users" for one in run.observations):
                    _judged(asks, _kept(run, lambda one, at=at: one.mono_ns <= ns(at)))  # type: ignore[misc]  # of this turn
                    _judged(asks, _kept(run, lambda one, at=at: one.mono_ns > ns(at)))  # type: ignore[misc]  # of this turn


def test_without_watchers_pods_or_requests_it_is_said_what_lacks(subtests: pytest.Subtests) -> None:
    """One after the other."""
    for name, (run, asks) in rooms().items():
        with subtests.test(name):
            bare = {
                key: replace(one, samples=one.samples.where(one.samples.ints["sent_ns"] < 0))
                for key, one in run.windows.items()
            }
            for less in (
                replace(run, watchers={}),
                replace(run, pods=(), nodes=()),
                replace(run, windows=bare),
                replace(run, windows={}),
            ):
                _judged(asks, less)
