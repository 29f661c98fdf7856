"""Sends requests to copies of a workload's pod in turns, and measures the CPU that the copies use."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harness.clock import Deadline
from harness.drivers.scale.copies import PodCopy
from harness.errors import DriverError
from harness.targets.kubernetes import is_over
from harness.targets.probe_pods import probe_pod

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.drivers.scale.scaled import CpuReading, Scaled
    from harness.targets.files.parts import Callers
    from harness.targets.kubernetes import Object

ROUNDS: Final = 4
"""Number of turns of each set of copies; their variation gives the uncertainty of the mean."""
TURN_S: Final = 3.0
FIRST_S: Final = 4.0
"""Length in s of the first turn of a set; longer if the windows of the metrics API are, as one window of each copy must fit into it."""
_WINDOWS: Final = 2.5
"""Length of a turn in windows: two would contain one of consecutive windows of equal length; the next ones may be longer than observed."""
IN_FLIGHT: Final = 8
"""Number of requests open at each copy during a turn: the next one is sent when one is answered."""
_WARM_S: Final = 1.5
"""Seconds of requests before the first turn of each set, which do not count: a program that has just started serves less."""
_MORE_S: Final = 30.0
"""Time in s for the pod to start and to end."""
_POLL_S: Final = 0.5
_WHOLE_S: Final = 1.0
"""Resolution in s of times in the metrics API, which truncates them."""
_PROGRAM: Final = """
import http.client, json, sys, threading, time
path, warm, first, later, in_flight, rounds, *turns = sys.argv[1:]
def turn(places, seconds):
    end = time.monotonic() + float(seconds)
    def ask(place, counts):
        (host, _, port), there = place.rpartition(":"), None
        while True:
            try:
                there = there or http.client.HTTPConnection(host, int(port), timeout=10)
                there.request("GET", path)
                answer = there.getresponse()
                answer.read()
                counts[answer.status >= 400] += 1
                if answer.will_close:
                    there = None
            except (OSError, http.client.HTTPException):
                counts[1] += 1
                there = None
            if time.monotonic() >= end:
                return
    wall, began, used = time.time(), time.monotonic(), time.process_time()
    counts = [(place, [0, 0]) for place in places for _ in range(int(in_flight))]
    threads = [threading.Thread(target=ask, args=each) for each in counts]
    for each in threads: each.start()
    for each in threads: each.join()
    took = time.monotonic() - began
    answers, failed = (sum(own[which] for _, own in counts) for which in (0, 1))
    busy = (time.process_time() - used) / took
    return {"answers": answers, "failed": failed, "seconds": took, "busy": busy, "began": wall}
for each in turns: turn(each.split(","), warm)
lengths = [first, *[later] * (int(rounds) - 1)]
print(json.dumps([turn(each.split(","), length) for length in lengths for each in turns]), flush=True)
"""


class PlacedCopy(NamedTuple):
    """A copy that is ready, and its address and port."""

    copy: PodCopy
    place: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CopiesTurn:
    """One turn of some copies.

    Attributes:
        copies: the copies that got requests together.
        counted: answers, failed, seconds and busy, as counted by the pod that sent the requests.
        used: the most cores that each copy used, for copies whose CPU was read within the turn.
    """

    copies: Sequence[PodCopy]
    counted: Mapping[str, Any]
    used: Sequence[float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """The pod that sends the requests.

    Attributes:
        body: of the pod. turns: the copies that get requests together, set by set, in each round.
        within_s: longest time until it has ended, in seconds.
    """

    body: Object
    turns: Sequence[Sequence[PodCopy]]
    within_s: float
    _seen: set[CpuReading] = field(default_factory=set)

    def ended(self, alive: Callable[[], None], here: Scaled) -> Iterator[CopiesTurn]:
        """Wait until the pod has ended, and read meanwhile the CPU that the copies use; yields every turn.

        Raises:
            DriverError: the log of the pod has no counts.
        """
        name = self.body["metadata"]["name"]
        for _ in Deadline.after(self.within_s).ticks(_POLL_S):
            alive()
            self._seen.update(here.cpu_readings())
            pod = here.cluster.pod(here.namespace, name)
            if pod is not None and is_over(pod):
                break
        written = here.cluster.pod_log(here.namespace, name).strip()
        try:
            counted: list[dict[str, Any]] = json.loads(written)
        except ValueError as error:
            raise DriverError(
                f"the pod {here.namespace}/{name} did not write its counts of answers: {written[-200:]}"
            ) from error
        for copies, each in zip(self.turns, counted, strict=True):
            yield CopiesTurn(copies=copies, counted=each, used=used_in(self._seen, copies, each))


def asking(here: Scaled, callers: Callers, path: str, sets: Sequence[Sequence[PlacedCopy]], first_s: float) -> Asking:
    """A pod that requests a path from sets of copies, one set after the other, in several rounds.

    Args:
        here: the workload, in whose namespace it is.
        callers: the image of the pod, and the labels of a pod that may call the copies.
        path: the requested path.
        sets: the copies that get requests together.
        first_s: length of the first turn of each set, in seconds.
    """
    places = [",".join(one.place for one in each) for each in sets]
    words = [path, str(_WARM_S), str(first_s), str(TURN_S), str(IN_FLIGHT), str(ROUNDS), *places]
    within_s = asked_within_s(len(sets), first_s)
    turns = [[one.copy for one in each] for _ in range(ROUNDS) for each in sets]
    return Asking(body=_pod(here, callers, words, within_s), turns=turns, within_s=within_s)


def first_turn_s(seen: Iterable[CpuReading]) -> float:
    """Length of the first turn of a set in seconds, for windows like these, whose begin and end are known to a second."""
    return max([FIRST_S, *(_WINDOWS * one.window_s + 2 * _WHOLE_S for one in seen)])


def asked_within_s(sets: int, first_s: float) -> float:
    """Longest time in seconds for the requests to this number of sets, with first turns of this length."""
    return sets * (_WARM_S + first_s + (ROUNDS - 1) * TURN_S) + _MORE_S


def used_in(seen: Iterable[CpuReading], copies: Sequence[PodCopy], turn: Mapping[str, Any]) -> list[float]:
    """The largest CPU use in cores of each copy in windows inside a turn; copies without such a window are left out."""
    until_s = turn["began"] + turn["seconds"] - _WHOLE_S
    inside = [one for one in seen if one.until_s - one.window_s >= turn["began"] and one.until_s <= until_s]
    most = [[one.cores for one in inside if one.pod == each.name] for each in copies]
    return [max(each) for each in most if each]


def _pod(here: Scaled, callers: Callers, words: Sequence[str], life_s: float) -> Object:
    return probe_pod(
        f"readiness-asking-{uuid.uuid4().hex[:8]}",
        here.namespace,
        callers.accepted,
        callers.image,
        ["python", "-c", _PROGRAM, *words],
        life_s=round(life_s),
        resources={"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}},
    )
