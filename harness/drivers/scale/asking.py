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
"""Number of turns of each set of copies; the variation of the turns gives the uncertainty of the mean."""
TURN_S: Final = 3.0
FIRST_S: Final = 4.0
"""Minimum length in s of the first turn of a set; a turn must contain one window of the metrics API per copy."""
_WINDOWS: Final = 2.5
"""Length of a turn in windows. Two windows would be enough for equal windows; later windows may be longer."""
IN_FLIGHT: Final = 8
"""Number of open requests at each copy during a turn; after each answer the next request is sent."""
_WARM_S: Final = 1.5
"""Seconds of requests before the first turn of each set; they do not count, since a new process serves less."""
_MORE_S: Final = 30.0
"""Time in s for the pod to start and to end."""
_POLL_S: Final = 0.5
_WHOLE_S: Final = 1.0
"""Resolution in s of times in the metrics API, which truncates them."""
PROGRAM: Final = """
import http.client, json, ssl, sys, threading, time
path, warm, first, later, in_flight, rounds, *turns = sys.argv[1:]
anybody = ssl.create_default_context()
anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
def reach(place):
    scheme, _, address = place.rpartition("://")
    host, _, port = address.rpartition(":")
    secure = {"context": anybody} if scheme == "https" else {}
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    return kind(host, int(port), timeout=10, **secure)
def turn(places, seconds):
    end = time.monotonic() + float(seconds)
    def ask(place, counts):
        there = None
        while True:
            try:
                there = there or reach(place)
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
    """A ready copy, with its address and port, after `https://` if it speaks TLS."""

    copy: PodCopy
    place: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CopiesTurn:
    """One turn of some copies.

    Attributes:
        copies: copies that got requests at the same time.
        counted: answers, failed, seconds and busy, as counted by the pod that sent the requests.
        used: maximum CPU use in cores of each copy whose CPU was read in the turn.
    """

    copies: Sequence[PodCopy]
    counted: Mapping[str, Any]
    used: Sequence[float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """The pod that sends the requests.

    Attributes:
        body: manifest of the pod.
        turns: sets of copies that get requests at the same time, in the order of a round.
        within_s: maximum time in s until the pod has ended.
    """

    body: Object
    turns: Sequence[Sequence[PodCopy]]
    within_s: float
    _seen: set[CpuReading] = field(default_factory=set)

    def ended(self, alive: Callable[[], None], here: Scaled) -> Iterator[CopiesTurn]:
        """Wait until the pod has ended, and read the CPU use of the copies meanwhile; yields every turn.

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
                f"the pod {here.namespace}/{name} wrote no valid counts of answers: {written[-200:]}"
            ) from error
        for copies, each in zip(self.turns, counted, strict=True):
            yield CopiesTurn(copies=copies, counted=each, used=used_in(self._seen, copies, each))


def asking(here: Scaled, callers: Callers, path: str, sets: Sequence[Sequence[PlacedCopy]], first_s: float) -> Asking:
    """A pod that requests a path from sets of copies, one set after the other, in several rounds.

    Args:
        here: workload, in whose namespace the pod runs.
        callers: image of the pod, and labels that allow it to call the copies.
        path: path of the requests.
        sets: sets of copies that get requests at the same time.
        first_s: length of the first turn of each set, in seconds.
    """
    places = [",".join(one.place for one in each) for each in sets]
    words = [path, str(_WARM_S), str(first_s), str(TURN_S), str(IN_FLIGHT), str(ROUNDS), *places]
    within_s = asked_within_s(len(sets), first_s)
    turns = [[one.copy for one in each] for _ in range(ROUNDS) for each in sets]
    return Asking(body=_pod(here, callers, words, within_s), turns=turns, within_s=within_s)


def first_turn_s(seen: Iterable[CpuReading]) -> float:
    """Length in s of the first turn of a set, for CPU windows like these (resolution 1 s)."""
    return max([FIRST_S, *(_WINDOWS * one.window_s + 2 * _WHOLE_S for one in seen)])


def asked_within_s(sets: int, first_s: float) -> float:
    """Maximum time in s for the requests to a number of sets, with first turns of the given length."""
    return sets * (_WARM_S + first_s + (ROUNDS - 1) * TURN_S) + _MORE_S


def used_in(seen: Iterable[CpuReading], copies: Sequence[PodCopy], turn: Mapping[str, Any]) -> list[float]:
    """Maximum CPU use in cores of each copy in windows inside a turn; copies without such a window are left out."""
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
        ["python", "-c", PROGRAM, *words],
        life_s=round(life_s),
        resources={"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}},
    )
