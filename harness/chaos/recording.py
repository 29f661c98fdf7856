"""Records one experiment while it runs: its fault with the hits and the proof, the undo, and the end of the fault."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from chaoslib import substitute
from chaoslib.exceptions import ActivityFailed, InterruptExecution

from harness import clock
from harness.chaos.child.parts import HYPOTHESIS, METHOD, ROLLBACK, THREAD
from harness.chaos.child.remembered import keep_rollbacks, remember
from harness.chaos.confirmation import stock
from harness.chaos.confirmation.confirming import comes_to_be_met, comes_true, still_true, was_true
from harness.chaos.confirmation.reads import newly_answered
from harness.chaos.confirmation.receipts import HitSnapshot
from harness.chaos.confirmation.stock_calls import StockCall
from harness.chaos.confirmation.tolerances import complaint, failure, holds
from harness.chaos.confirmation.undoing import is_of_harness, is_own_undo, may_undo, prepares
from harness.chaos.session import session
from harness.errors import HarnessError
from harness.model import NO_FAULT, Intent, domain_of
from harness.model.planned.domain import NODES
from harness.targets.child import ChildSettings
from harness.targets.cluster.patience import patiently
from harness.targets.files.harness_block import HarnessBlock, is_hold, probes_of_method
from harness.targets.safety.intents import strike_intent
from harness.units import NS_PER_S

Activity = Mapping[str, Any]

_LONGEST: Final = 300
"""Maximum number of characters recorded of an activity's output; the journal has the complete output."""
_NO_ROLLBACKS: Final = 30
"""Exit code of Chaos Toolkit for an experiment that ends without rollbacks (`chaoslib.exit`)."""
UNDO_LOG: Final = "undo from the undo log"
"""Name of the activity by which the harness undoes what the file itself has not undone."""
_ROLES: Final = {"confirmed_by": "fault.confirmed", "gone_by": "fault.gone"}
"""Observation that a probe of the method records, by the key of the block that names the probe."""


class FaultRecord(Protocol):
    """Where a recorder puts its observations."""

    def put(self, kind: str, subject: str, /, **fields: Any) -> object:
        """Record an observation."""
        ...

    def close(self) -> object:
        """End the record."""
        ...


class _Shown(NamedTuple):
    """The answer of a probe for a receipt: whether it is true, otherwise why not, and when a repeated run confirmed it (0: the first run did)."""

    ok: bool = False
    why: str = ""
    at_ns: int = 0


@dataclass
class ExperimentRecorder:
    """Recorder of one running experiment; background activities and a continuous hypothesis have separate threads."""

    history: FaultRecord
    experiment: Mapping[str, Any]
    block: HarnessBlock
    receipts: HitSnapshot = field(default_factory=HitSnapshot)
    part: str = ""
    sent: bool = False
    confirmed: bool = False
    true_before: bool = False
    undone: bool = False
    gone: bool = False
    uses_stock: bool = False
    by_hand: bool = False
    acted: bool = False
    rollbacks: Intent | None = None
    began_ns: int = field(default_factory=clock.now_ns)
    lock: AbstractContextManager[Any] = field(default_factory=threading.RLock, repr=False)

    @property
    def part_here(self) -> str:
        """The part of the experiment that the calling thread executes."""
        return HYPOTHESIS if THREAD.asks_continuously else self.part

    @property
    def breaks(self) -> bool:
        """Whether the experiment has a fault; the experiment without a fault is a control."""
        return self.block.domain != NO_FAULT.name

    def begins(self, configuration: Activity) -> None:
        """Write the data that the rollbacks need to disk, at the begin of the experiment.

        Raises:
            SystemExit: the data for the rollbacks are not available, so neither actions nor rollbacks run.
        """
        try:
            if self.by_hand:
                self.rollbacks = keep_rollbacks(self.experiment)
            remember(self.experiment, configuration)
        except HarnessError as error:
            self._put("fault.why", why=str(error))
            if self.rollbacks is not None:
                strike_intent(self.rollbacks)
            raise SystemExit(_NO_ROLLBACKS) from error

    def starts(self, activity: Activity, configuration: Activity, secrets: Activity) -> None:
        """Record the begin of the fault at the first action of the method, or the begin of its undo."""
        action = activity.get("type") == "action"
        breaking = action and self.breaks
        THREAD.refused = action
        if action:
            with suppress(HarnessError):  # without a target the actions that need one say it
                session().max_pods = self.block.blast_radius.max_pods
            self._assert_same_cluster(activity, secrets)
            THREAD.call = self._stock_call(activity, configuration, secrets)
            THREAD.refused = False
            self.acted = self.acted or self.part_here == METHOD
        with self.lock if breaking else nullcontext():  # of two in the background one is the first
            first = breaking and self.part_here == METHOD and not (self.sent or prepares(activity, self.experiment))
            if first:
                probe = self._probe("confirmed_by")
                self.true_before = probe is not None and was_true(probe, configuration, secrets)
            THREAD.started_ns = clock.now_ns()
            if first:
                ends = str((self._probe("gone_by") or {}).get("name", ""))
                self._put("fault.sent", at_ns=THREAD.started_ns, activity=activity.get("name", ""), gone_by=ends)
                self.sent = True
            elif self.sent and breaking and self.part_here in (METHOD, ROLLBACK) and not self.gone:  # else it is back
                self._ends(activity, configuration, secrets)

    def _assert_same_cluster(self, activity: Activity, secrets: Activity) -> None:
        try:
            self.receipts.assert_same_cluster(activity, secrets)
        except InterruptExecution as error:
            self._put("fault.why", why=str(error))
            raise
        except HarnessError as error:
            raise InterruptExecution(f"{activity.get('name')} refused: {error}") from error

    def _stock_call(self, activity: Activity, configuration: Activity, secrets: Activity) -> StockCall | None:
        """Record how an action of chaostoolkit-kubernetes is undone; None for others. In the rollbacks an error does not stop it.

        Raises:
            InterruptExecution: the action of the method is not allowed, or its undo cannot be recorded.
        """
        rolls_back = self.part_here == ROLLBACK
        breaks = not (rolls_back or self.undone or (self.confirmed and may_undo(activity)))
        if_there = activity.get("name") in self.block.if_there
        given = {"breaks": breaks, "rolls_back": rolls_back, "harmless": not self.breaks, "if_there": if_there}
        try:
            call = stock.about_to(activity, configuration, secrets, **given)
        except HarnessError as error:
            if rolls_back:
                return None
            why = f"{activity.get('name')} refused: {error}"
            self._put("fault.why", why=why)
            raise InterruptExecution(why) from error
        self.uses_stock = self.uses_stock or call is not None
        return call

    def _stock_ended(self, activity: Activity, run: dict[str, Any]) -> str:
        """Record the hits of an action of chaostoolkit-kubernetes; why it hit nothing or less than it says, else an empty text."""
        call, THREAD.call = THREAD.call, None
        if call is None or activity.get("type") != "action":
            return ""
        try:
            why = patiently(partial(stock.done, call, run.get("output")))
        except HarnessError as error:
            why = f"its hits cannot be read: {error}"
        if not why or run.get("status") != "succeeded":
            return ""
        run["status"] = "failed"
        run["exception"] = [f"FaultNotInjected: {why}\n"]
        return why

    def _ends(self, activity: Activity, configuration: Activity, secrets: Activity) -> None:
        """Record the start of an action that may end the fault: a rollback, an undo, or a foreign action after the fault was confirmed."""
        at_ns = THREAD.started_ns + _pause_ns(activity, configuration, secrets)
        if self.part_here == METHOD and activity.get("name") and self.block.restarted_by == str(activity["name"]):
            self._put("fault.restarted", at_ns=at_ns, activity=activity["name"])
        elif self.part_here == ROLLBACK or is_own_undo(activity) or (self.confirmed and may_undo(activity)):
            self._undone(activity, at_ns)

    def ended(self, activity: Activity, run: dict[str, Any], configuration: Activity, secrets: Activity) -> None:
        """Record the end of an activity, unless it was refused and so not begun; an action without hits or with too many hits ends the experiment."""
        if THREAD.refused:
            return
        role = self._role(activity)
        shown = _shown(activity, run, configuration, secrets, self.block.within_s) if role else _Shown()
        why = self._stock_ended(activity, run) or shown.why or failure(activity, run, self.block.if_there)
        action = activity.get("type") == "action"
        beyond = ""
        if self.part_here == METHOD and self.breaks and (action or role == "confirmed_by"):
            if NODES in domain_of(self.block.domain).touches and not is_of_harness(activity):
                self.receipts.keep_nodes()
            if not why:
                why = beyond = self.receipts.beyond(self.block.blast_radius)  # what was sent may take a moment to be in
        ended_ns = shown.at_ns or _ended_ns(run, THREAD.started_ns)
        reports = not why and (action or self.part_here == ROLLBACK)
        against = complaint(activity, run, configuration, secrets) if reports else ""
        self._put(
            "activity",
            name=activity.get("name", ""),
            type=activity.get("type", ""),
            part=self.part_here,
            started_ns=THREAD.started_ns,
            ended_ns=ended_ns,
            status=run.get("status", "interrupted"),
            ok=run.get("status") == "succeeded" and not (why or against),
            output=str(run.get("output"))[:_LONGEST],
            answers=newly_answered(),
        )
        said = why or (against if action else "")
        if said:
            self._put("fault.why", why=f"{activity.get('name')}: {said}")
        elif self.part_here == METHOD:
            self._restored_from(activity, run.get("output"), ended_ns)
            if is_hold(activity):
                if run.get("status") == "succeeded":  # else it was interrupted, and is rolled back at once
                    self._held(configuration, secrets)
                self._undone(activity, clock.now_ns())
            self._receipt(activity, role, shown=shown.ok, at_ns=ended_ns)
        if beyond or (why and self.part_here == METHOD and action):
            raise InterruptExecution(f"{activity.get('name')}: {why}")

    def _restored_from(self, activity: Activity, output: object, at_ns: int) -> None:
        """Record what the action `restarted_by` says that it restored."""
        said = output.get("restored_from") if isinstance(output, Mapping) else None
        if said and self.block.restarted_by == str(activity.get("name") or ""):
            self._put("fault.restored_from", at_ns=at_ns, what=str(said))

    def _role(self, activity: Activity) -> str:
        """The key of the block `harness` that names this probe of the method; empty if none does."""
        if self.part_here != METHOD or activity.get("type") != "probe" or not activity.get("name"):
            return ""
        return next((key for key in _ROLES if self._named(key) == str(activity["name"])), "")

    def _receipt(self, activity: Activity, role: str, *, shown: bool, at_ns: int) -> None:
        if not role:
            return
        name, confirms = activity.get("name"), role == "confirmed_by"
        why = self._unconfirmed(shown=shown, confirms=confirms)
        if why:
            self._put("fault.why", why=f"{name}: {why}")
            return
        self.gone, self.confirmed = self.gone or not confirms, self.confirmed or confirms
        self._put(_ROLES[role], at_ns=at_ns, probe=name, **(self.receipts.proof() if confirms else {}))

    def _unconfirmed(self, *, shown: bool, confirms: bool) -> str:
        """Why the probe's answer is not a receipt; empty if it is one."""
        if not shown:
            return "the fault was not observed" if confirms else "the end of the fault was not observed"
        if confirms and (why := self.receipts.untouched()):
            return why
        if confirms and self.true_before and not self._hits_gone():
            return "the probe was also true before the fault, so it confirms nothing"
        return ""

    def _held(self, configuration: Activity, secrets: Activity) -> None:
        """At the end of `hold`: record whether the fault is still active, by its confirming probe or by the objects that it hit."""
        probe = self._probe("confirmed_by")
        if probe is None or not self.confirmed or self.undone:
            return
        ok = still_true(probe, configuration, secrets) or self._hits_gone()
        self._put("fault.held", at_ns=clock.now_ns(), probe=probe["name"], ok=ok)

    def _hits_gone(self) -> bool:
        """Whether the objects that the fault hit are gone; False for a fault that does not hit pods, nodes or processes."""
        of_hits = domain_of(self.block.domain).hits or bool(self.block.processes)
        return of_hits and self.receipts.gone()

    def _undone(self, activity: Activity, at_ns: int) -> None:
        if self.sent and not self.undone and self.breaks:
            self.undone = True
            self._put("fault.undone", at_ns=at_ns, activity=activity.get("name", ""))

    def put_back(self) -> None:
        """Undo the changes by actions of chaostoolkit-kubernetes that the file itself has not undone."""
        if not self.uses_stock:
            return
        try:
            if not (owed := stock.owed()):
                return
            THREAD.started_ns = clock.now_ns()
            self._undone({"name": UNDO_LOG}, THREAD.started_ns)
            stock.put_back()
        except HarnessError as error:
            self._put("fault.why", why=f"not put back: {error}")
            return
        self._put(
            "activity",
            name=UNDO_LOG,
            type="action",
            part="undo log",
            started_ns=THREAD.started_ns,
            ended_ns=clock.now_ns(),
            status="succeeded",
            ok=True,
            output=", ".join(owed)[:_LONGEST],
        )

    def rolled_back(self, configuration: Activity, secrets: Activity) -> None:
        """Check after the rollbacks whether the fault has ended, unless its end was confirmed before."""
        probe = self._probe("gone_by")
        if not self.sent or not self.breaks or self.gone or probe is None:
            return
        self.gone = was_true(probe, configuration, secrets)
        self._put("fault.gone" if self.gone else "fault.stays", at_ns=clock.now_ns(), probe=probe["name"])

    def close(self, journal: Activity) -> None:
        """End the record; the rollbacks of a file that was run by hand are not needed any more if they succeeded, or nothing was done."""
        self.history.close()
        runs = journal.get("rollbacks") or ()
        complete = len(runs) == len(self.experiment.get("rollbacks") or ())
        if self.rollbacks is not None and (
            not self.acted or (complete and all(run.get("status") == "succeeded" for run in runs))
        ):
            strike_intent(self.rollbacks)

    def steady_again(self, journal: Activity, configuration: Activity, secrets: Activity) -> None:
        """Record whether a hypothesis that was not met after the method is met later."""
        after = (journal.get("steady_states") or {}).get("after") or {}
        if after.get("steady_state_met") is not False:
            return
        left_s = ChildSettings.from_env().observe_s - (clock.now_ns() - self.began_ns) / NS_PER_S
        if comes_to_be_met(self.experiment, configuration, secrets, left_s):
            self._put("steady.again", at_ns=clock.now_ns())

    def _probe(self, role: str) -> Activity | None:
        """The probe of the method that this key of the block `harness` names; None: none."""
        _, probe = probes_of_method(self.experiment).get(self._named(role), ((), None))
        return probe

    def _named(self, role: str) -> str:
        """The name of the probe that this key of the block `harness` names; empty: none."""
        return {"confirmed_by": self.block.confirmed_by, "gone_by": self.block.gone_by}[role]

    def _put(self, kind: str, /, **fields: Any) -> None:
        with self.lock:
            self.history.put(kind, experiment_name(), **fields)


def experiment_name() -> str:
    """Name of the experiment of this process."""
    return ChildSettings.from_env().experiment


def _ended_ns(run: Activity, started_ns: int) -> int:
    """The time at which an activity ended, before its pause; now if its record does not say it."""
    now_ns, ended = clock.now_ns(), run.get("end")
    if not isinstance(ended, str):
        return now_ns
    ago = clock.wall() - datetime.fromisoformat(ended)
    return max(started_ns, now_ns - max(0, round(ago.total_seconds() * NS_PER_S)))


def _shown(
    activity: Activity, run: dict[str, Any], configuration: Activity, secrets: Activity, within_s: float
) -> _Shown:
    """Whether a probe is within its tolerance; one of another package is asked again for at most `within_s`."""
    try:
        if run.get("status") == "succeeded" and holds(activity, run.get("output"), configuration, secrets):
            return _Shown(ok=True)
    except ActivityFailed as error:
        return _Shown(why=str(error))
    if run.get("status") and comes_true(activity, configuration, secrets, within_s, run.get("duration", 0.0)):
        run["status"] = "succeeded"
        run.pop("exception", None)
        return _Shown(ok=True, at_ns=clock.now_ns())
    return _Shown()


def _pause_ns(activity: Activity, configuration: Activity, secrets: Activity) -> int:
    """The pause of Chaos Toolkit before an activity, in ns."""
    pauses = substitute(dict(activity.get("pauses") or {}), dict(configuration), dict(secrets))
    try:
        return round(float(pauses.get("before") or 0) * NS_PER_S)
    except (TypeError, ValueError):
        return 0
