"""What a traced run of the suite left (traced.py) of each test: times and seams."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """One test that ran.

    Attributes:
        test: its node id.
        seconds: set-up, call and clean-up.
        processor: seconds of it on a processor.
        seams: what it goes through: `server`, `signal`, `runs PROGRAM`.
    """

    test: str
    seconds: float
    processor: float
    seams: Collection[str]

    @property
    def cost(self) -> float:
        """What it costs a suite on four workers and two processors, in seconds: a worker that waits leaves the processor to others."""
        return self.processor + 0.3 * max(self.seconds - self.processor, 0.0)

    @property
    def function(self) -> str:
        """Node id without the case."""
        return self.test.partition("[")[0]


def tests(places: Iterable[Path]) -> dict[str, Ran]:
    """The tests that passed, by node id; of one that was traced twice the last."""
    found = {}
    for line in _lines(places):
        if line.get("outcome") == "passed":
            found[line["id"]] = Ran(
                test=line["id"], seconds=line["s"], processor=line["cpu"], seams=tuple(line["seams"])
            )
    return found


def _lines(places: Iterable[Path]) -> Iterable[Mapping[str, Any]]:
    for place in places:
        for file in sorted(place.glob("*.ndjson")):
            for line in file.read_text(encoding="utf-8").splitlines():
                yield json.loads(line)


def in_turn(names: Collection[str], ran: Mapping[str, Ran], within_s: float) -> Sequence[str]:
    """Tests in the order in which a change is tried: the quickest case of each function, then the others; as many as fit in the time."""
    cases = defaultdict[str, list[Ran]](list)
    for one in sorted((ran[name] for name in names if name in ran), key=lambda one: (one.seconds, one.test)):
        cases[one.function].append(one)
    order = sorted((number, one.seconds, one.test) for listed in cases.values() for number, one in enumerate(listed))
    chosen = list[str]()
    for _, seconds, test in order:
        within_s -= max(seconds, 0.01)
        if within_s < 0 and chosen:
            break
        chosen.append(test)
    return chosen
