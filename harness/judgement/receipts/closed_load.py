"""Defects of a load, with what to do about them; and whether the users of a closed model sent as many requests as planned."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from harness.model import Plan, Receipt, TrafficPlan, Window
from harness.units import NS_PER_S

READ_LOG: Final = "load/{traffic}/locust.log says why; correct that, then run again"
NO_TRAFFIC: Final = "find out from load/*/locust.log of the run why there is no traffic, then run again"
AS_RECORDED: Final = "keep the files of a run as they were recorded, and run again"
UNEVEN: Final = (
    "set `requests_per_journey` in loadtests/{traffic}.yaml to what a journey sends on average; if journeys end early, "
    "`readiness why ID` shows the failed requests"
)
BLOCKED: Final = (
    "let tasks call only what gevent can switch (of gRPC `grpc.experimental.gevent.init_gevent()`) and compute little, "
    "or use more workers, then run again"
)
LEAST_SHARE: Final = 0.8
"""Users of a closed model send at least this share of the requests that the size plans: its think time and its journeys are estimates."""


class Trouble(NamedTuple):
    """A defect of a load.

    Attributes:
        what: what was measured, and what was expected.
        hint: what to do, if it is not to use more workers or a quieter machine; `{traffic}` stands for the traffic's name.
        by_target: whether the target may have caused it: then it makes a PASS INCONCLUSIVE, but not a FAIL.
    """

    what: str
    hint: str = ""
    by_target: bool = False


def weakest(receipts: Sequence[Receipt]) -> int:
    """The number of the first receipt that is not ok, else of the first that is unknown, else of the first."""
    oks = [receipt.ok for receipt in receipts]
    return next((oks.index(ok) for ok in (False, None) if ok in oks), 0)


def user_troubles(plan: Plan, window: Window) -> Iterable[Trouble]:
    """Whether as many users as planned were there, each of them sent requests, and together they sent as many as planned."""
    planned = plan.traffic[window.traffic]
    hint = next((worker.hint for worker in window.workers if worker.hint), READ_LOG)
    there = [worker.users for worker in window.workers]
    if any(users is None for users in there):
        yield Trouble("no count of the users was recorded", READ_LOG)
    elif planned.shaped or any(worker.shaped for worker in window.workers):
        return  # a shape of Locust's own says how many there are from second to second
    elif (seen := sum(users for users in there if users is not None)) != round(planned.users):
        yield Trouble(f"{seen} users ran, {round(planned.users)} were planned", hint)
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
    sent = f"{n / window.seconds:.4g} requests/s were sent where {planned.requests_per_s:.4g} were planned"
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
        cause, hint = f"the event loop of worker {blocked.id} was blocked for {1000 * blocked_s:.3g} ms", BLOCKED
        yield Trouble(f"{sent}: {cause}, so that users did not call at once", hint)
        return
    if not slow:
        of = "" if each == 1 else f" of {each:g} requests"
        cause = f"users paused {paused_s:.3g} s after a journey{of}, where `think` says {planned.think_s:.3g} s"
        hint = f"write `think: {paused_s:.2g} s` in loadtests/{{traffic}}.yaml, with as many users as the rate needs, or let the locustfile wait less"
    else:
        cause = f"journeys waited {waited_s:.3g} s for their answers, where `journey` says {journey_s:.3g} s"
        hint = "fix the platform, or write in loadtests/{traffic}.yaml the `journey` that is allowed, with as many users as the rate needs"
    yield Trouble(f"{sent}: {cause}", f"{hint}, then run again", by_target=slow)
