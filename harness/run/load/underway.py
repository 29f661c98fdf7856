"""Runs one traffic, as a context, from its first to its last request.

The traffic has a warm-up, windows, and at the end a check whether the target is still steady.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.drivers.chaos import Restorer
from harness.drivers.load import Load, LoadSettings
from harness.drivers.load.read_back import read_back
from harness.errors import ConfigurationError, DriverError
from harness.judgement.recovery import Promise
from harness.model import Figure
from harness.run.acts.context import Underway
from harness.run.health.condition import STEADY_WITHIN_S, Condition
from harness.run.health.shares import Shares
from harness.run.health.users import UsersServed
from harness.run.load.exceeded import ThresholdWatch
from harness.run.load.windows import WindowLog
from harness.targets.http import tls_variables
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.model import Plan, TrafficPlan
    from harness.run.acts.context import Context
    from harness.run.health.steady import Steadiness
    from harness.targets import Target

_END_WITHIN_S: Final = 10.0


@contextmanager
def under_way(plan: TrafficPlan, context: Context, steadiness: Steadiness) -> Iterator[Underway]:
    """A context in which the traffic runs.

    The first window begins after the warm-up, once the target is steady.

    Raises:
        DriverError: the load does not start, or the target does not serve.
    """
    target = context.target
    settings = load_settings(plan, target, context.directory.path, context.plan)
    load = context.spawned.pop(plan.name, None) or Load(settings, context.sink("load"), say=context.progress.say)
    windows = WindowLog(plan, context.history)

    def ended() -> None:
        windows.end(load.stopping_ns or clock.now_ns())
        context.underway = None

    # what is entered last ends first: the watch's health window, then the load, then the windows of its traffic
    with ExitStack() as ending:
        ending.callback(ended)
        ending.enter_context(load)
        ending.callback(context.watch.health_window, is_open=False)
        # what is not the entry is in one region, and says nothing of the shares of the others
        shares = Shares(load.rows, {} if plan.entry else target.shares, plan.requests_per_s)
        condition = Condition(steadiness, shares, Restorer(target) if target.kubernetes else None)
        rates = {route: share * plan.requests_per_s for route, share in plan.routes.items()}
        users = UsersServed(load.rows, rates, Promise.of(context.plan))
        now = Underway(
            plan=plan,
            load=load,
            windows=windows,
            condition=condition,
            users=users,
            watch=context.watch,
            stop_when=ThresholdWatch(plan, load.rows, context.sink("load")),
            gives_uptime=_gives_uptime(context.plan, plan.name),
        )
        context.underway = now
        context.progress.say(f"{plan.name}: {plan.requests_per_s:g} requests/s, {plan.warm_up_s:g} s of warm-up")
        begins_in_s = (load.begin_ns - clock.now_ns()) / NS_PER_S  # the warm-up counts from there
        context.pass_time(begins_in_s + plan.warm_up_s, "warm-up")
        if said := context.room.said():
            context.progress.say(said)
        _record_steady("start", context, now, STEADY_WITHIN_S)
        if down := condition.down():
            raise DriverError(
                f"the target does not serve requests, so no window was opened: {down}",
                where=target.name,
                hint="check the platform, and `probes` and `ledger` of the target file; then run again",
            )
        now.begin(clock.now_ns())
        yield now
        _record_steady("end", context, now, _END_WITHIN_S)
        context.progress.say("ending the load")
    if plan.accounts:
        context.read_backs.append(partial(read_back, settings, target, context.sink("load"), faults_ns=now.sent_ns))


def _gives_uptime(plan: Plan, traffic: str) -> bool:
    """Whether a sentence of the plan asks for the uptime under a traffic; one that names no traffic asks for that of each."""
    asked = (one.scope for claim in plan.claims for one in claim.objectives if one.figure is Figure.UPTIME)
    return any(scope.traffic in (None, traffic) for scope in asked)


def load_settings(traffic: TrafficPlan, target: Target, run_dir: Path, plan: Plan) -> LoadSettings:
    """The settings of the load of a traffic of a plan."""
    description, trouble = _description(traffic, target, plan)
    return LoadSettings(
        plan=traffic,
        entry=_address(target, traffic),
        run_dir=run_dir,
        seed=plan.seed,
        run=plan.run,
        release_header=target.release.answered_in,
        timing=target.metrics.timing if target.metrics else "",
        variables=tls_variables(target),
        api=description,
        api_trouble=trouble,
    )


def _description(traffic: TrafficPlan, target: Target, plan: Plan) -> tuple[bytes, str]:
    """The API description that answers to a traffic of the entry are compared with, and why it cannot be read; both empty where no claim asks for it."""
    objectives = [one for claim in plan.claims for one in claim.objectives]
    asked = any(one.figure == Figure.AS_DESCRIBED and one.scope.traffic in {None, traffic.name} for one in objectives)
    if not asked or traffic.entry:
        return b"", ""
    from harness.targets.openapi.source import description_of  # needs the extra `generated`

    try:
        return description_of(target).body, ""
    except ConfigurationError as error:  # the other claims on the traffic are decided all the same
        return b"", str(error)


def _address(target: Target, plan: TrafficPlan) -> str:
    """The address to which requests are sent; paths are relative to it."""
    address: str = getattr(target, plan.entry) if plan.entry else target.entry
    return address.rstrip("/") if plan.entry else address


def _record_steady(subject: str, context: Context, traffic: Underway, within_s: float) -> None:
    state, waited_s = traffic.condition.entry_steady(within_s)
    context.history.put("steady", subject, ok=state.ok, why=state.why, waited_s=waited_s)
