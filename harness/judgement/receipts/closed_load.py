"""Defects of a load with their hints, and whether the users of a closed model sent as many requests as planned."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from harness.model import Plan, Receipt, TrafficPlan, Window
from harness.model.rounding import plain
from harness.units import NS_PER_S

READ_LOG: Final = "correct the cause that load/{traffic}/locust.log in the run directory shows, then run again"
NO_TRAFFIC: Final = "correct the cause that load/*/locust.log in the run directory shows, then run again"
AS_RECORDED: Final = "run again, and do not change the files of a run"
UNEVEN: Final = (
    "set `requests_per_journey` in loadtests/{traffic}.yaml to the mean number of requests of a journey; if journeys end early, "
    "correct the failed requests that `readiness why ID` shows"
)
BLOCKED: Final = (
    "call only libraries that gevent can switch in tasks (for gRPC: `grpc.experimental.gevent.init_gevent()`) and compute little, "
    "or raise `workers` in loadtests/{traffic}.yaml, then run again"
)
LEFT: Final = (
    "let each user go on until the load is stopped (one that ends by `StopUser` or `self.stop()` is not replaced), or correct the cause that "
    "load/{traffic}/locust.log in the run directory shows, then run again"
)
LEAST_SHARE: Final = 0.8
"""Users of a closed model send at least this share of the requests that the size plans: its think time and its journeys are estimates."""


class Trouble(NamedTuple):
    """A defect of a load.

    Attributes:
        what: measured and expected value, in words.
        hint: what to do; `{traffic}` is replaced by the traffic's name. Empty: the usual hint for a load.
        by_target: whether the target may have caused the defect; then a PASS becomes INCONCLUSIVE and a FAIL stays.
    """

    what: str
    hint: str = ""
    by_target: bool = False


def weakest(receipts: Sequence[Receipt]) -> int:
    """Index of the first receipt that is not ok; if all are ok or unknown, of the first unknown receipt; else 0."""
    oks = [receipt.ok for receipt in receipts]
    return next((oks.index(ok) for ok in (False, None) if ok in oks), 0)


def user_troubles(plan: Plan, window: Window) -> Iterable[Trouble]:
    """Defects of a closed model: too few users ran, some users sent no request, or all together sent too few."""
    planned = plan.traffic[window.traffic]
    hint = next((worker.hint for worker in window.workers if worker.hint), READ_LOG)
    there = [worker.users for worker in window.workers]
    if any(users is None for users in there):
        yield Trouble("no count of the users was recorded", READ_LOG)
    elif planned.shaped or any(worker.shaped for worker in window.workers):
        return  # a shape of Locust's own says how many there are from second to second
    elif (seen := sum(users for users in there if users is not None)) != round(planned.users):
        left = planned.stock and seen < planned.users and hint == READ_LOG
        yield Trouble(f"{seen} users ran, expected {round(planned.users)}", LEFT if left else hint)
    elif silent := sum(worker.silent for worker in window.workers):
        yield Trouble(f"{silent} of {seen} users never sent a request", hint)
    elif window.fault_free:
        yield from _rate_troubles(planned, window)


def _rate_troubles(planned: TrafficPlan, window: Window) -> Iterable[Trouble]:
    """Whether the users sent as many requests as planned; if not, whether they paused for longer or waited for longer.

    The number of users is the rate of their journeys times the time that each takes with the pause after it (Little, A proof for the
    queuing formula L = λ W, Operations Research 9, 1961).
    """
    expected, n = planned.requests_per_s * window.seconds, len(window.samples)
    if not n or n >= LEAST_SHARE * expected - 4 * math.sqrt(expected):
        return
    sent = f"{n / window.seconds:.4g} requests/s were sent, expected {planned.requests_per_s:.4g}"
    began = int(window.samples.words["step"].equals("1").sum())  # of users of Locust's own no journey is known
    if began >= LEAST_SHARE * planned.journeys_per_s * window.seconds:
        yield Trouble(sent, UNEVEN)
        return
    ints, each = window.samples.ints, planned.requests_per_journey
    waited_s = float((ints["done_ns"] - ints["intended_ns"]).sum()) / NS_PER_S / n * each
    paused_s = max(planned.users * window.seconds / n * each - waited_s, 0.0)
    journey_s = planned.users / planned.journeys_per_s - planned.think_s
    slow = waited_s - journey_s > paused_s - planned.think_s
    blocked = max(window.workers, key=lambda worker: worker.loop_ms or 0.0, default=None)
    blocked_s = ((blocked.loop_ms if blocked else None) or 0.0) / 1000
    if not slow and blocked is not None and blocked_s >= (paused_s - planned.think_s) / 2:
        cause, hint = f"the event loop of worker {blocked.id} was blocked for {plain(1000 * blocked_s)} ms", BLOCKED
        yield Trouble(f"{sent}: {cause}, which delayed the users' requests", hint)
        return
    if not slow:
        of = "" if each == 1 else f" of {each:g} requests"
        cause = f"users paused {paused_s:.3g} s after a journey{of}, and `think` is {planned.think_s:.3g} s"
        hint = f"set `think: {paused_s:.2g} s` and the number of users for this rate in loadtests/{{traffic}}.yaml, or shorten the pauses of the locustfile"
    else:
        cause = f"journeys waited {waited_s:.3g} s for their answers, and `journey` is {journey_s:.3g} s"
        hint = "fix the platform, or set the allowed `journey` and the number of users for this rate in loadtests/{traffic}.yaml"
    yield Trouble(f"{sent}: {cause}", f"{hint}, then run again", by_target=slow)
