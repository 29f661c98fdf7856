"""Defects that bad releases switch on.

The harness's own test data, planted to prove that each is caught.
All are off unless the pod's environment sets them; release 1.0.0 sets none of these variables. One in n is counted,
not drawn: each route of each pod has a counter, and each counter starts elsewhere, so that all pods together fail their
share in any window, and no more than their share. What waits for a fault is switched on by `latent`.
"""

from __future__ import annotations

import asyncio
import os
import time
import zlib
from dataclasses import dataclass, field

from .schedule import Schedule, deployed

EVERY = "every"
"""In place of a list of routes: all of them. The health path is no route."""


@dataclass(kw_only=True, slots=True)
class Defects:
    """Which answers of this pod go wrong. One in 0 means never.

    Attributes:
        pod: name of the pod; it decides where the counters start.
        slow_routes: routes whose answers are late, one in `slow_one_in` of them by `slow_s` seconds.
        burns: what is late keeps the processor busy meanwhile, and all other requests of the pod waiting.
        late_s: seconds by which `late_routes` are late once something was broken (`fault_seen`).
        fail_one_in: of the answers of each route, one in this many is replaced by 502.
        error_one_in: of the answers of each route of a service itself, one in this many is replaced by 500, which no gateway tries again.
        errs_from: place of a user between 0 and 100 from which on all answers of a service itself are 500: users who come with a later share.
        leak_kb: kilobytes that each request leaves behind. leak_most_kb: until it is so many; 0: for ever.
        leak_after_kb: what each leaves behind from then on.
        query_s: seconds by which each write's query takes longer, in the database itself.
        refuses_sign_in: who signs in is answered 503, whatever the password.
        forget_routes: routes of which one write in `forget_one_in` is acknowledged and rolled back.
        repeat_routes: routes of which one request in `repeat_one_in` is sent to its service twice, as after a lost answer.
        keyless_routes: writes that ignore their idempotency key.
        refuses_all: everything but the health path is answered 503.
        failback_s: for how many seconds writes are refused after the first primary leads again.
        never_returns: a pod that starts later than the initial rollout ends at once.
        no_buckets: response times are summed up and not counted by length, so that no quantile can be told from them.
        uncounted_methods: methods whose answers the metrics leave out.
        counts_as_200: an answer of 500 and above is counted as one of 200.
        door_shut: a gateway answers 503 to every read that comes through its region's own entry, not by the balancer.
        plays_every_s: how often plays are added to the metrics; 0: each at once.
        active_users: what the number of active users is made of: `own`, who signed in at the pod; `ever`, whoever signed in; empty: as it should be.
        hold_one_in: of accepted events, one in this many is held back by `hold_s` seconds.
        regroups_s: for how long, in seconds, the pods of user-service in a region wait for one of them that was lost, and refuse sign-ins.
        renew_every: of the requests to the database, after one in this many its connection is closed; 0: it is kept.
        health_needs: the service without which the gateway's health path answers 503; empty: none.
        always_ready: a service says that it is ready without asking what it depends on.
        opens_database: the gateway holds a connection to the database of its own.
        no_profiles: no CPU profile is given.
        logs_password: the password of the database is written to the log at the start.
        listens_after_s: how long, in seconds, after its start a pod begins to listen.
        drops_newest: a new primary loses the rows of a second that were added last before the old one died.
        bundle_bytes: of noise that the script of the dashboard has beside its own.
        untimed_page: a page of which no timing is counted; empty: none.
        page_s: seconds for which a page of the frontend keeps all others waiting.
        locked_page: a page of the frontend that is served under a lock that all replicas share; empty: none. locked_s: seconds for which it is held.
        lock_file: of that lock, on a volume that all of them have.
        documented_release: the release that the documentation names; empty: the pod's own.
        splits_alone: a gateway splits users by the routes of its own region.
        flags_every_s: how often the flags of features are asked for.
        ignored_flags: flags that change nothing.
        rollout_s: how long the initial rollout takes at most, in seconds from the first start of any pod.
        fault_seen: whether a pod was replaced; set by `latent`.
        schedule: what comes and goes by time.
        writes_refused_until: on the event loop's clock; set by `latent`.
    """

    pod: str = ""
    slow_routes: frozenset[str] = frozenset()
    slow_s: float = 0.0
    slow_one_in: int = 1
    burns: bool = False
    late_s: float = 0.0
    late_routes: frozenset[str] = frozenset({"read-track"})
    fail_one_in: int = 0
    error_one_in: int = 0
    errs_from: float = 100.0
    leak_kb: int = 0
    leak_most_kb: int = 0
    leak_after_kb: int = 0
    query_s: float = 0.0
    refuses_sign_in: bool = False
    forget_one_in: int = 0
    forget_routes: frozenset[str] = frozenset()
    repeat_one_in: int = 0
    repeat_routes: frozenset[str] = frozenset()
    keyless_routes: frozenset[str] = frozenset()
    refuses_all: bool = False
    failback_s: float = 0.0
    never_returns: bool = False
    no_buckets: bool = False
    uncounted_methods: frozenset[str] = frozenset()
    counts_as_200: bool = False
    door_shut: bool = False
    plays_every_s: float = 0.0
    active_users: str = ""
    hold_one_in: int = 0
    hold_s: float = 0.0
    regroups_s: float = 0.0
    renew_every: int = 0
    health_needs: str = ""
    always_ready: bool = False
    opens_database: bool = False
    no_profiles: bool = False
    logs_password: bool = False
    listens_after_s: float = 0.0
    drops_newest: bool = False
    bundle_bytes: int = 0
    untimed_page: str = ""
    page_s: float = 0.0
    locked_page: str = ""
    locked_s: float = 0.0
    lock_file: str = ""
    documented_release: str = ""
    splits_alone: bool = False
    flags_every_s: float = 2.0
    ignored_flags: frozenset[str] = frozenset()
    rollout_s: float = 45.0
    fault_seen: bool = False
    writes_refused_until: float = 0.0
    schedule: Schedule = field(default_factory=Schedule)
    _answers: dict[str, int] = field(default_factory=dict)
    _leaked: list[bytes] = field(default_factory=list)
    _leaked_kb: int = 0

    @classmethod
    def from_env(cls) -> Defects:
        """The defects this pod was deployed with."""
        env = os.environ
        return cls(
            pod=env.get("POD_NAME", ""),
            slow_routes=_names(env.get("DEFECT_SLOW_ROUTES")),
            slow_s=_seconds(env.get("DEFECT_SLOW_MS")),
            slow_one_in=int(env.get("DEFECT_SLOW_ONE_IN", "1")),
            burns=env.get("DEFECT_BURNS", "") == "yes",
            late_s=_seconds(env.get("DEFECT_LATE_MS")),
            late_routes=_names(env.get("DEFECT_LATE_ROUTES", "read-track")),
            fail_one_in=int(env.get("DEFECT_FAIL_ONE_IN", "0")),
            error_one_in=int(env.get("DEFECT_ERROR_ONE_IN", "0")),
            errs_from=float(env.get("DEFECT_ERRORS_FROM", "100")),
            leak_kb=int(env.get("DEFECT_LEAK_KB", "0")),
            leak_most_kb=int(env.get("DEFECT_LEAK_MOST_KB", "0")),
            leak_after_kb=int(env.get("DEFECT_LEAK_AFTER_KB", "0")),
            query_s=_seconds(env.get("DEFECT_QUERY_MS")),
            refuses_sign_in=env.get("DEFECT_REFUSES_SIGN_IN", "") == "yes",
            forget_one_in=int(env.get("DEFECT_FORGET_ONE_IN", "0")),
            forget_routes=_names(env.get("DEFECT_FORGET_ROUTES")),
            repeat_one_in=int(env.get("DEFECT_REPEAT_ONE_IN", "0")),
            repeat_routes=_names(env.get("DEFECT_REPEAT_ROUTES")),
            keyless_routes=_names(env.get("DEFECT_KEYLESS_ROUTES")),
            refuses_all=env.get("DEFECT_REFUSES_ALL", "") == "yes",
            failback_s=float(env.get("DEFECT_FAILBACK_S", "0")),
            never_returns=env.get("DEFECT_NEVER_RETURNS", "") == "yes",
            no_buckets=env.get("DEFECT_NO_BUCKETS", "") == "yes",
            uncounted_methods=_names(env.get("DEFECT_UNCOUNTED_METHODS")),
            counts_as_200=env.get("DEFECT_COUNTS_AS_200", "") == "yes",
            door_shut=env.get("DEFECT_DOOR_SHUT", "") == "yes",
            plays_every_s=float(env.get("DEFECT_PLAYS_EVERY_S", "0")),
            active_users=env.get("DEFECT_ACTIVE_USERS", ""),
            hold_one_in=int(env.get("DEFECT_HOLD_ONE_IN", "0")),
            hold_s=float(env.get("DEFECT_HOLD_S", "0")),
            regroups_s=float(env.get("DEFECT_REGROUPS_S", "0")),
            renew_every=int(env.get("DEFECT_RENEW_EVERY", "0")),
            health_needs=env.get("DEFECT_HEALTH_NEEDS", ""),
            always_ready=env.get("DEFECT_ALWAYS_READY", "") == "yes",
            opens_database=env.get("DEFECT_OPENS_DATABASE", "") == "yes",
            no_profiles=env.get("DEFECT_NO_PROFILES", "") == "yes",
            logs_password=env.get("DEFECT_LOGS_PASSWORD", "") == "yes",
            bundle_bytes=int(env.get("DEFECT_BUNDLE_BYTES", "0")),
            untimed_page=env.get("DEFECT_UNTIMED_PAGE", ""),
            page_s=_seconds(env.get("DEFECT_PAGE_MS")),
            locked_page=env.get("DEFECT_LOCKED_PAGE", ""),
            locked_s=_seconds(env.get("DEFECT_LOCKED_MS")),
            lock_file=env.get("DEFECT_LOCK_FILE", ""),
            documented_release=env.get("DEFECT_DOCUMENTED_RELEASE", ""),
            listens_after_s=float(env.get("DEFECT_LISTENS_AFTER_S", "0")),
            drops_newest=env.get("DEFECT_DROPS_NEWEST", "") == "yes",
            splits_alone=env.get("DEFECT_SPLITS_ALONE", "") == "yes",
            schedule=deployed(),
            flags_every_s=float(env.get("DEFECT_FLAGS_EVERY_S", "2")),
            ignored_flags=_names(env.get("DEFECT_IGNORED_FLAGS")),
            rollout_s=float(env.get("DEFECT_ROLLOUT_S", "45")),
        )

    def delay_s(self, route: str) -> float:
        """Seconds by which this answer of the route comes late."""
        late = self.late_s if self.fault_seen and route in self.late_routes else self.schedule.delay_s(route)
        if not self.slow_routes & {route, EVERY} or not self._one_in(self.slow_one_in, f"slow {route}"):
            return late
        return late + self.slow_s

    async def delay(self, route: str) -> None:
        """Be late with an answer by `delay_s`."""
        until = time.monotonic() + self.delay_s(route)
        while self.burns and time.monotonic() < until:
            pass
        await asyncio.sleep(until - time.monotonic())

    def fails(self, route: str) -> bool:
        """Whether this answer is replaced by a failure."""
        return self._one_in(self.fail_one_in, f"fail {route}")

    def errs(self, route: str) -> bool:
        """Whether this answer of the service itself is replaced by an error."""
        return self.schedule.errs() or self._one_in(self.error_one_in, f"error {route}")

    def leak(self) -> None:
        """Leave behind what one request leaks; the pages are written, so that they are in memory."""
        full = 0 < self.leak_most_kb <= self._leaked_kb
        if kb := self.leak_after_kb if full else self.leak_kb:
            self._leaked.append(b"x" * 1024 * kb)
            self._leaked_kb += kb

    def forgets(self, route: str) -> bool:
        """Whether this write is acknowledged and rolled back."""
        return route in self.forget_routes and self._one_in(self.forget_one_in, f"forget {route}")

    def repeats(self, route: str) -> bool:
        """Whether this request is sent to its service twice."""
        return route in self.repeat_routes and self._one_in(self.repeat_one_in, f"repeat {route}")

    def _one_in(self, n: int, counter: str) -> bool:
        if n == 0:
            return False
        start = zlib.crc32(f"{self.pod} {counter}".encode())
        self._answers[counter] = self._answers.get(counter, start) + 1
        return self._answers[counter] % n == 0


def _names(text: str | None) -> frozenset[str]:
    return frozenset((text or "").split())


def _seconds(milliseconds: str | None) -> float:
    return float(milliseconds or "0") / 1000
