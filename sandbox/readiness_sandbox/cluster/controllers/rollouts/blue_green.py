"""strategy.blueGreen: two colours, and one Service that selects one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness_sandbox.cluster.controllers.rollouts.analysis import AnalysisPhase
from readiness_sandbox.cluster.controllers.rollouts.turn import Notice, PauseReason, RunRole

if TYPE_CHECKING:
    from readiness_sandbox.cluster.controllers.rollouts.arguments import Analysis
    from readiness_sandbox.cluster.controllers.rollouts.spec import BlueGreenStrategy
    from readiness_sandbox.cluster.controllers.rollouts.turn import TemplateSet, Turn


def turn_blue_green(turn: Turn, strategy: BlueGreenStrategy) -> None:
    """Take one turn."""
    stable = turn.stable
    if stable is None:
        _first(turn, strategy)
    elif not turn.updating:
        _settled(turn, strategy)
    else:
        if not turn.aborted:
            _forward(turn, strategy, stable)
        if turn.aborted:  # perhaps only now
            _taken_back(turn, strategy, stable)
    selected = turn.observed.selectors
    turn.status["blueGreen"] = {
        **(turn.status.get("blueGreen") or {}),
        "activeSelector": selected.get(strategy.active_service, ""),
        "previewSelector": selected.get(strategy.preview_service or "", ""),
    }


def _first(turn: Turn, strategy: BlueGreenStrategy) -> None:
    """The first template: no pause, no analysis."""
    turn.scale(turn.new, turn.spec.replicas)
    for service in strategy.services:
        turn.select(service, turn.new)
    if turn.is_full(turn.new):
        _promote(turn)


def _settled(turn: Turn, strategy: BlueGreenStrategy) -> None:
    """The stable template is the one that the spec asks for, after a promotion or an undo."""
    turn.status["promoteFull"] = False
    turn.scale(turn.new, turn.spec.replicas)
    turn.keep(turn.new)
    if turn.is_full(turn.new):
        for service in strategy.services:
            turn.select(service, turn.new)
    if turn.observed.selectors.get(strategy.active_service) == turn.new.hash:
        for each in turn.others:
            turn.retire(each, strategy.scale_down_delay_s)


def _taken_back(turn: Turn, strategy: BlueGreenStrategy, stable: TemplateSet) -> None:
    """Aborted: the active Service selects the stable colour again, then the new one goes."""
    turn.scale(stable, turn.spec.replicas)
    turn.keep(stable)
    if stable.available:
        for service in strategy.services:
            turn.select(service, stable)
    if turn.observed.selectors.get(strategy.active_service) == stable.hash:
        turn.retire(turn.new, strategy.abort_delay_s)
        for each in turn.others:
            turn.retire(each, strategy.scale_down_delay_s)


def _forward(turn: Turn, strategy: BlueGreenStrategy, stable: TemplateSet) -> None:
    still_up = turn.new.scale_down_at is not None and turn.is_full(turn.new)  # a colour gone back to: known to be good
    full = bool(turn.status.get("promoteFull"))
    turn.scale(stable, turn.spec.replicas)
    turn.keep(stable)
    turn.scale(turn.new, turn.spec.replicas)
    turn.select(strategy.preview_service, turn.new)
    if full:
        turn.go_on()
        turn.stop_runs()
    if turn.observed.selectors.get(strategy.active_service) != turn.new.hash:
        if turn.is_full(turn.new) and not turn.spec.paused and (full or still_up or _may_switch(turn, strategy)):
            turn.go_on()
            turn.select(strategy.active_service, turn.new)
        return
    turn.keep(turn.new)
    for each in turn.others:
        turn.retire(each, strategy.scale_down_delay_s)
    if not turn.spec.paused and (full or _passed(turn, RunRole.AFTER, strategy.after)):
        _promote(turn)


def _passed(turn: Turn, role: RunRole, analysis: Analysis | None) -> bool:
    """Whether there is no analysis, or it passed."""
    return analysis is None or turn.analysed(role, analysis) is AnalysisPhase.SUCCESSFUL


def _may_switch(turn: Turn, strategy: BlueGreenStrategy) -> bool:
    """Whether the analysis before the switch passed, and nothing has to be waited for."""
    if not _passed(turn, RunRole.BEFORE, strategy.before):
        return False
    if strategy.auto_promotion and strategy.auto_promotion_s is None:
        return not turn.paused
    return turn.pause_is_over(PauseReason.BLUE_GREEN, strategy.auto_promotion_s)


def _promote(turn: Turn) -> None:
    turn.status |= {"stableRS": turn.new.hash, "promoteFull": False}
    turn.do(Notice("RolloutCompleted", f"Rollout completed update to revision {turn.new.revision} ({turn.new.hash})"))
