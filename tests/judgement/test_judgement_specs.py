"""What the plan asks the spec of each figure, to the letter: its words, needs, files, samples, what it lacks, how long it is watched.

Where a change is meant, `python tests/judgement/test_judgement_specs.py` writes `golden/specs.ndjson` anew; read its diff.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import pytest
from judgement_builders import claim, objective, plan

from harness.judgement.figures import FIGURES, Offered
from harness.judgement.figures.sufficiency import lacks_of, numbers_of
from harness.judgement.measures import Case
from harness.model import Evidence, Figure, Objective, Op, Per, Phase, Quantity

GOLDEN: Final = Path(__file__).parent / "golden" / "specs.ndjson"
LIMITS: Final = {"time": "30 s", "ratio": "1 %", "rate": "20 /s", "count": "3", "size": "10 MB"}
TIMES: Final = {
    Figure.RETURNED_SHARE: {"after": "10 min"},
    Figure.LAST_HOUR: {"soak": "24 h"},
    Figure.RESTARTS: {"soak": "24 h"},
    Figure.MEMORY_GROWTH: {"soak": "24 h"},
    Figure.VARIATION: {"of every": "15 min"},
    Figure.BACKUPS_KEPT: {"age": "30 d"},
}
"""The lengths of time without which no sentence of a figure can be written."""
PARAMS: Final = {
    "role": "operator",
    "at_most": "30 days",
    "parts": "R-1 R-2",
    "what": "stores",
    "manual_steps": "0",
    "backup": "cache",
}
OFFERED: Final = {
    "much": Offered(
        requests=20_000, probes=4_000, journeys=5_000, window_s=300, users=150, before_fault_s=300, time_scale=60
    ),
    "a route's": Offered(
        requests=300, probes=200, journeys=80, by_route=True, window_s=30, users=150, before_fault_s=30, time_scale=60
    ),
    "at scale 1": Offered(requests=7, probes=3, journeys=2, window_s=12, users=10, before_fault_s=12),
    "to a quorum": Offered(requests=7, probes=3, window_s=12, users=10, before_fault_s=12, durability="quorum"),
    "no window": Offered(requests=0, probes=0),
}


def asked(figure: Figure) -> Iterator[tuple[str, Objective]]:
    """The figure alone, as a p95, under a fault, with all that a sentence may say, of every route."""
    rule = FIGURES[figure].limit
    op, limit = (min(rule.ops), LIMITS[rule.dimension]) if rule else (Op.HOLDS, "1")
    times = {name: Quantity.parse(said, scaled=True) for name, said in TIMES.get(figure, {}).items()}
    alone = objective(figure, op, limit, times=times)
    yield "alone", alone
    yield "p95", replace(alone, quantile=0.95)
    fault = replace(alone.scope, traffic=None, phase=Phase.FAULT, operations=("reads", "writes"), rollout="canary")
    yield "under a fault", replace(alone, scope=fault, older_than=Quantity.parse("1 h", scaled=True))
    yield "before it", replace(alone, older_than=Quantity.parse("1 h", scaled=True))
    full = replace(alone.scope, subject="us-east-1", users=100, missing_experiments=("disk", "network"))
    window = Quantity.parse("10 min", scaled=True)
    yield "all that may be said", replace(alone, scope=full, quantile=0.99, window=window, params=PARAMS)
    yield "of every route", replace(alone, scope=replace(alone.scope, per=Per.ROUTE), params={"what": "else"})


def told(figure: Figure) -> Iterator[dict[str, Any]]:
    """What the spec says of each objective, and what each run that could be offered to it would be short of."""
    spec = FIGURES[figure]
    for name, one in asked(figure):
        case = Case(plan=plan({"R": one}), evidence=Evidence(), claim=claim("R", one), objective=one)
        yield {
            "figure": figure.value,
            "objective": name,
            "words": spec.words(one),
            "needs": [asdict(need) for need in spec.needs(one)],
            "evidence": list(spec.evidence(case)),
            "watched": [spec.watched(one, scale) for scale in (1.0, 60.0)],
            "afterwards": [spec.afterwards(one, scale) for scale in (1.0, 60.0)],
            "numbers": {offer: asdict(n) for offer, given in OFFERED.items() if (n := numbers_of(spec, one, given))},
            "lacks": {offer: [asdict(lack) for lack in lacks_of(spec, one, given)] for offer, given in OFFERED.items()},
        }


def lines(figure: Figure) -> list[str]:
    """As they stand in the file."""
    return [json.dumps(one, ensure_ascii=False) for one in told(figure)]


def test_a_spec_says_what_it_said(subtests: pytest.Subtests) -> None:
    """Not a word and not a digit else."""
    before = GOLDEN.read_text(encoding="utf-8").splitlines()
    for figure in FIGURES:
        with subtests.test(figure.value):
            assert lines(figure) == [line for line in before if json.loads(line)["figure"] == figure]


if __name__ == "__main__":
    GOLDEN.write_text("".join(f"{line}\n" for figure in sorted(FIGURES) for line in lines(figure)), encoding="utf-8")
