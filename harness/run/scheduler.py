"""Runs the acts of a plan in its order: those that may share their time at the same time, each other act alone.

A traffic runs from the first act that names it to the last such act.
"""

from __future__ import annotations

import gc
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack
from itertools import groupby
from typing import TYPE_CHECKING

from harness.errors import AccessDenied, DriverError, HarnessError, TargetUnreachable
from harness.run.acts.sharing import SIDE_BY_SIDE, longest_first, startable, together
from harness.run.acts.yielding import yield_processors
from harness.run.load.underway import under_way
from harness.stops import stops_held

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from harness.model import Act
    from harness.run.acts.context import Context
    from harness.run.acts.driver import Driver
    from harness.run.health.steady import Steadiness


class Scheduler:
    """Runs the acts of a plan.

    Args:
        context: context that each act gets.
        steadiness: check of reads and writes at the entry.
        stopped: whether a person or a supervisor has requested a stop; an act may report the stop as its own failure.
    """

    def __init__(self, context: Context, steadiness: Steadiness, stopped: Callable[[], bool]) -> None:
        self._context = context
        self._steadiness = steadiness
        self._stopped = stopped

    def run(self) -> None:
        """Run all acts of the plan.

        Raises:
            HarnessError: the run cannot go on.
            KeyboardInterrupt: a stop was requested.
        """
        own = [act for act in self._context.plan.acts if not act.beside]
        for name, acts in groupby(own, key=lambda act: act.traffic):
            with ExitStack() as stack:
                if name:
                    self._context.read_back()
                    stack.enter_context(under_way(self._context.plan.traffic[name], self._context, self._steadiness))
                for group in together(acts):
                    self._run_together(group)

    def _run_together(self, acts: Sequence[Act]) -> None:
        """Run acts concurrently; after an error that ends the run, or a stop, no further act is begun."""
        if self._stopped():
            raise KeyboardInterrupt
        if len(acts) == 1:
            self._run_one(acts[0])
            return
        if acts[0].touches:
            self._context.progress.say(f"{len(acts)} steps that touch nothing in common, at the same time")
        else:
            self._context.progress.say(f"{len(acts)} checks and other steps that touch nothing, at the same time")
        waiting = longest_first(acts)
        running: dict[Future[None], Act] = {}
        # what touches a part measures it, and is not slowed down by a lower priority
        pool = ThreadPoolExecutor(SIDE_BY_SIDE, initializer=None if acts[0].touches else yield_processors)
        try:
            while waiting or running:
                self._begin_free(waiting, running, pool)
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    del running[done]
                    done.result()
        finally:
            if running:
                self._context.ending.set()  # those that still run end before their time
            pool.shutdown(cancel_futures=True)  # what has begun undoes what it did at its end

    def _begin_free(self, waiting: list[Act], running: dict[Future[None], Act], pool: ThreadPoolExecutor) -> None:
        """Begin each waiting act that touches nothing that a running act touches; skip those that must not be run."""
        while (act := startable(waiting, running.values())) is not None:
            if self._stopped():
                raise KeyboardInterrupt
            waiting.remove(act)
            if why := self._why_not(act):
                self._driver(act).skip(act, why, self._context)
                continue
            self._begun(act)
            running[pool.submit(self._do, act)] = act

    def _run_one(self, act: Act) -> None:
        driver = self._driver(act)
        if why := self._why_not(act):
            driver.skip(act, why, self._context)
            return
        self._context.progress.now(act.name)
        self._begun(act)
        self._do(act)

    def _do(self, act: Act) -> None:
        """Run an act; a failure in any driver ends the run, and the evidence so far is kept.

        Raises:
            HarnessError: the run cannot go on.
        """
        try:
            self._driver(act).run(act, self._context)
        except HarnessError:
            raise
        except Exception as error:
            # the plugin's seam: a driver may be of any package, and what it broke must be undone
            raise DriverError(
                f"this step of the run failed: {type(error).__name__}: {error}",
                where=act.name,
                hint="report it to the author of the driver; the evidence so far is kept, but is not sufficient for a decision",
            ) from error

    def _begun(self, act: Act) -> None:
        with stops_held():  # in a finalizer an interrupt is lost, and the run would go on to the act's end
            gc.collect(1)
        gc.freeze()  # what was gathered so far stays: walking all of it stopped the run for 0.9 s
        self._context.history.put("act.started", act.name)

    def _why_not(self, act: Act) -> str:
        """Why an act must not be run now: a part that it touches is not restored, or not steady.

        Empty if it may be run.
        """
        context = self._context
        if why := context.blocked(act.touches):
            return why
        if context.underway is None or not needs_as_before(act):
            return ""
        try:
            context.underway.condition.baseline()
        except (TargetUnreachable, AccessDenied) as error:
            return f"the state of the target before this step could not be read: {error.what}"
        state, waited_s = context.underway.condition.wait(act.touches)
        subject = context.plan.demand[act.demand].name
        context.history.put("steady", subject, ok=state.ok, why=state.why, waited_s=waited_s)
        return "" if state.ok else f"the target was not steady: {state.why}"

    def _driver(self, act: Act) -> Driver:
        return self._context.drivers[act.kind]


def needs_as_before(act: Act) -> bool:
    """Whether an act requires a steady target in its state before the first fault."""
    return bool(act.touches and act.needs_steady and act.traffic)
