"""Allows one run at a time on a cluster, from whatever machine or pod, by a Lease in that cluster.

The rules are those of client-go's leader election: a holder renews its Lease; who finds one that is held observes by its own monotonic clock
whether it is renewed, and takes it only after it was not for its duration. Times of two machines are never compared, so a clock that is wrong does
no harm. Each write names the version that was read, so of two writers one is refused. A Lease that was released names no holder.

A run that may change the platform writes into the Lease where its undo log is. Until everything is undone, only a run that has this undo log takes it.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

from harness import clock
from harness.errors import AccessDenied, HarnessError, Refused, TargetUnreachable
from harness.targets.access import Access, access
from harness.targets.cluster.leases import DURATION_S, RESOURCE, STATE, UNDO_LOG, WHO, LeaseRecord, Leases
from harness.targets.cluster.patience import patiently
from harness.targets.cluster.service_account import is_pod, pod_name
from harness.targets.safety.intents import intents_directory, pending_intents, unclear_intents
from harness.targets.state import state_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from harness.targets.files.target import Target
    from harness.targets.safety.platform import Platform

RENEW_S: Final = 5.0
LOST_AFTER_S: Final = 45.0
"""Seconds without a renewal after which the holder gives up; the rest of the duration is for undoing its faults."""
PATIENCE_S: Final = 10.0
"""Seconds for which an API server that fails is asked again at the start."""
OBSERVED_S: Final = 2 * RENEW_S
"""Seconds for which a plan observes whether a holder renews its Lease."""
_POLL_S: Final = 1.0
_WAIT: Final = (
    "wait for the other run, or stop it: the Lease is released at its end, and free some time after it was killed"
)
_LONGEST_S: Final = 120
"""Largest duration of another holder's Lease, in seconds, whose end is waited for."""


def lease_access(target: Target) -> tuple[Access, ...]:
    """The permissions that the Lease of a target needs."""
    settings = target.lease
    if settings is None:
        return ()
    place, name = settings
    return (
        *access(f"create {RESOURCE}", at=place),
        *access(f"get,patch {RESOURCE}", at=place, name=name),
    )


class ClusterLease:
    """Context manager that holds the Lease of a target; a target without a cluster, or with `lease: none`, has none.

    Args:
        target: the target.
        platform: its platform, whose undo log the Lease names.
        run: name of the run.
        lost: called once, in another thread, when the Lease is lost.
        say: function that gets what people should know while the Lease is taken.

    Attributes:
        why_lost: why the Lease is lost; empty while it is held.
    """

    def __init__(
        self,
        target: Target,
        platform: Platform,
        run: str,
        *,
        lost: Callable[[], None] = lambda: None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.why_lost = ""
        self._target = target
        self._platform = platform
        self._lost = lost
        self._say = say
        self._settings = target.lease
        self._place, self._name = self._settings or ("", "")
        host = pod_name() if is_pod() else socket.gethostname()
        self._who = f"run {run} ({f'pod {host}' if is_pod() else f'{host}, process {os.getpid()}'})"
        self._identity = f"{run}@{host}#{secrets.token_hex(4)}"
        self._leases = Leases.of(target) if self._settings else None
        self._version = ""
        self._renewed_s = 0.0
        self._one = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    @property
    def name(self) -> str:
        """Namespace and name, for people; empty if there is no Lease."""
        return f"{self._place}/{self._name}" if self._settings else ""

    def __enter__(self) -> Self:
        """Take the Lease.

        Raises:
            Refused: another run holds it, it belongs to another program, or a run left changes whose undo log is elsewhere.
            AccessDenied: the user may not read or write it. TargetUnreachable: the API server does not answer.
        """
        if self._leases is not None:
            with self._told():
                self._acquire(self._leases)
            self._thread.start()
        return self

    def refuse_if_held(self) -> str:
        """Observe the holder until it renews the Lease, for `OBSERVED_S` at most, then try a dry run of taking it; nothing is stored.

        Returns:
            What a run would wait for before it takes the Lease; empty if it takes it at once.

        Raises:
            HarnessError: as `__enter__` does.
        """
        if self._leases is None:
            return ""
        record: LeaseRecord | None = None
        observed: tuple[LeaseRecord, float] | None = None
        with self._told():
            for _ in clock.Deadline.after(OBSERVED_S).ticks(_POLL_S):
                record = self._leases.lease(self._place, self._name)
                if record is None or record.holder == "" or self._is_dead(record, observed):
                    break
                observed = observed or (record, clock.now_s())
            self._taken(self._leases, record, dry_run="All")
        return self._waited_for(record) if record is not None and record.holder else ""

    @contextmanager
    def _told(self) -> Iterator[None]:
        """A context whose errors name the Lease."""
        try:
            yield
        except (AccessDenied, TargetUnreachable) as error:
            hint = error.hint or "check the API server, and `kubernetes` of the target file"
            what = f"the Lease {self.name} cannot be taken: {error.what}"
            raise type(error)(what, where=error.where, hint=f"{hint}; or write `lease: none`") from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the Lease; if that fails, it expires."""
        if self._leases is None:
            return
        self._ended.set()
        self._thread.join()
        if self.why_lost:
            if kind is not None and issubclass(kind, KeyboardInterrupt):
                self._raise_lost()
            return
        left = pending_intents(self._platform) or unclear_intents(self._platform)
        now, notes = clock.wall_text(), self._undo_notes(pending=bool(left))
        released = {"holderIdentity": "", "leaseDurationSeconds": 1, "acquireTime": now, "renewTime": now}
        with suppress(HarnessError):
            self._write(self._leases, released, {WHO: None, **notes})

    @contextmanager
    def stops(self) -> Iterator[None]:
        """A context whose interruption by a lost Lease is an error that says so.

        Raises:
            LeaseLost: the Lease was lost.
        """
        try:
            yield
        except KeyboardInterrupt:
            self._raise_lost()
            raise

    def _raise_lost(self) -> None:
        if self.why_lost:
            raise LeaseLost(
                self.why_lost,
                where=f"{self._target.file}: kubernetes",
                hint="another run may use the platform now: run again when it is free",
            ) from None

    def will_change(self) -> None:
        """Write where the undo log is, before the run changes the platform.

        Raises:
            DriverError: it cannot be written; then nothing must be changed.
        """
        if self._leases is None:
            return
        self._write(self._leases, {}, self._undo_notes(pending=True))

    def _undo_notes(self, *, pending: bool) -> dict[str, str | None]:
        """The annotations about the undo log: where it is, if something may have to be undone."""
        here = f"{intents_directory(self._platform)} of {self._who}"
        return {UNDO_LOG: here, STATE: state_id()} if pending else {UNDO_LOG: None, STATE: None}

    def _acquire(self, leases: Leases) -> None:
        observed: tuple[LeaseRecord, float] | None = None
        for _ in clock.Deadline.after(2 * _LONGEST_S).ticks(_POLL_S):
            asked_s = clock.now_s()
            record = patiently(partial(leases.lease, self._place, self._name), within_s=PATIENCE_S)
            if record is not None and record.holder not in ("", self._identity) and not self._is_dead(record, observed):
                if observed is None:
                    self._say(
                        f"the Lease {self.name} names {record.who} as its holder: waiting until it is renewed or expires"
                    )
                    observed = record, clock.now_s()
                continue
            took = patiently(partial(self._taken, leases, record), within_s=PATIENCE_S)
            if took is not None:
                self._have(took, asked_s)
                if record is not None and record.holder not in ("", self._identity):
                    self._say(self._taken_from(record))
                return
            observed = None  # another run was quicker
        raise self._in_use("several runs", "")

    def _taken(self, leases: Leases, record: LeaseRecord | None, **how: str) -> LeaseRecord | None:
        """Create the Lease, or take the one that was read; None if another run was quicker. `how` are options of the write.

        After an answer that did not arrive, a repetition finds this process as the holder.
        """
        notes = {WHO: self._who}
        if record is None:
            return leases.create_lease(self._place, self._name, self._spec(0), notes, **how)
        self._refuse_foreign(record)
        self._refuse_unrecovered(record)
        spec = self._spec(record.transitions + 1)
        return leases.change_lease(self._place, self._name, record.version, spec, notes, **how)

    def _spec(self, transitions: int) -> dict[str, Any]:
        now = clock.wall_text()
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": DURATION_S,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }

    def _have(self, record: LeaseRecord, asked_s: float) -> None:
        self._version, self._renewed_s = record.version, asked_s

    def _is_dead(self, record: LeaseRecord, observed: tuple[LeaseRecord, float] | None) -> bool:
        """Whether a holder has not renewed its Lease for its duration, by the clock of this process.

        Raises:
            Refused: the holder lives, or its Lease lasts for longer than is waited for.
        """
        self._refuse_foreign(record)
        if record.duration_s > _LONGEST_S:
            lasts = f" for {record.duration_s} s, and at most {_LONGEST_S} s are waited for"
            hint = f"wait for the other run; if it has ended, run `{self._delete}`"
            raise self._in_use(record.who, record.acquired, lasts, hint)
        if observed is None:
            return False
        before, since_s = observed
        if (before.holder, before.renewed, before.transitions) != (record.holder, record.renewed, record.transitions):
            raise self._in_use(record.who, record.acquired)
        return clock.now_s() - since_s >= record.duration_s

    def _in_use(self, who: str, since: str, more: str = "", hint: str = _WAIT) -> Refused:
        when = f", since {since} by its clock" if since else ""
        return Refused(
            f"{self._platform.name} is in use by {who}{when}: it has the Lease {self.name}{more}",
            where=f"{self._target.file}: kubernetes",
            hint=hint,
        )

    def _refuse_foreign(self, record: LeaseRecord) -> None:
        if not record.own:
            raise Refused(
                f"the Lease {self.name} is not one of the harness; its holder is {record.holder or 'nobody'}",
                where=f"{self._target.file}: kubernetes",
                hint="name another one: `lease: {name: …}`",
            )

    def _refuse_unrecovered(self, record: LeaseRecord) -> None:
        if not record.undo_log or record.state == state_id(make=False):
            return
        what = f"{record.who} ended" if record.holder else "a run ended"
        raise Refused(
            f"{what} and may have left {self._platform.name} changed; its undo log is not here: {record.undo_log}",
            where=f"{self._target.file}: kubernetes",
            hint="run `readiness recover` with that directory as `READINESS_STATE`; if the log is lost, restore the platform by hand, "
            f"then run `{self._delete}`",
        )

    @property
    def _delete(self) -> str:
        return f"kubectl -n {self._place} delete lease {self._name}"

    def _waited_for(self, record: LeaseRecord) -> str:
        return (
            f"{record.who} has the Lease {self.name} since {record.acquired} by its clock and did not renew it for {OBSERVED_S:g} s: "
            f"a run takes it once that is so for {record.duration_s} s"
        )

    def _taken_from(self, record: LeaseRecord) -> str:
        undo_log = f"; its undo log is {record.undo_log}" if record.undo_log else "; it had changed nothing"
        return f"{record.who} did not release the Lease {self.name} and did not renew it for {record.duration_s} s{undo_log}"

    def _keep(self) -> None:
        """Renew the Lease until the end, or until it is lost."""
        assert self._leases is not None  # noqa: S101 - the thread is started for a Lease only
        why = "an error of the harness ended its renewal"
        try:
            while not self._ended.wait(RENEW_S):
                try:
                    self._write(self._leases, {}, {})
                except HarnessError as error:
                    silent_s = clock.now_s() - self._renewed_s
                    if isinstance(error, LeaseLost) or silent_s > LOST_AFTER_S:
                        why = error.what
                        return
            why = ""
        finally:  # also after an unexpected error: a run must not go on without its Lease
            if why:
                self.why_lost = f"the Lease {self.name} was lost: {why}"
                self._lost()

    def _write(self, leases: Leases, spec: dict[str, Any], notes: dict[str, str | None]) -> None:
        """Renew the Lease with these changes.

        Raises:
            LeaseLost: it was deleted, or another holder has it.
            DriverError: the API server failed or refused the change.
        """
        with self._one:
            for _ in range(3):
                asked_s = clock.now_s()
                fresh = {"renewTime": clock.wall_text(), **spec}
                record = leases.change_lease(self._place, self._name, self._version, fresh, notes)
                if record is not None:
                    self._have(record, asked_s)
                    return
                found = leases.lease(self._place, self._name)
                if found is None:
                    raise LeaseLost("it was deleted")
                if found.holder != self._identity:
                    raise LeaseLost(f"it belongs to {found.who or 'nobody'} now")
                self._version = found.version  # a person edited it, for example its labels
            raise TargetUnreachable("it is changed by others all the time")


class LeaseLost(TargetUnreachable):
    """The Lease was deleted, or another run holds it: the run must end."""
