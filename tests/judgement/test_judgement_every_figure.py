"""Every figure, asked of a healthy run, a rough one, one that was cut short and one of which nothing was kept: what it says, to the letter.

Most of these runs lack what a figure is made of, and each then says what it lacks and what to do. Where a change is meant,
`python tests/judgement/test_judgement_every_figure.py` writes `golden/figures.ndjson` anew; read its diff.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import pytest
from judgement_builders import SPANS, claim, evidence, ledger, objective, plan, with_words, writes
from test_judgement_golden import RUNS
from test_judgement_specs import LIMITS, TIMES

from harness.judgement.figures import FIGURES
from harness.judgement.judging import _measures
from harness.judgement.measures import Case
from harness.model import Evidence, Figure, Objective, Op, Outcome, Per, Quantity, ReasonKind, Scope
from harness.model.records.table import PORTAL, Table
from harness.model.rounding import rounded

GOLDEN: Final = Path(__file__).parent / "golden" / "figures.ndjson"
FAULTLESS: Final = "faultless"
NOT_DECIDED: Final = (Outcome.INCONCLUSIVE, Outcome.NOT_ASSESSED)
PORTALS: Final = {PORTAL.name: Table.empty(PORTAL)}
"""A table that every run has that was read from its files."""
EVIDENCE: Final[Mapping[str, Evidence]] = {
    **{name: replace(RUNS[name][1], recorded=PORTALS) for name in ("healthy", "rough", "cut", "nothing")},
    "refused": replace(
        evidence(), ledger=ledger(with_words(writes(), slice(None), outcome="refused")), recorded=PORTALS
    ),
    FAULTLESS: replace(
        evidence(), experiments={}, pods=(), nodes=(), leaders=(), observations=(), watchers={}, recorded=PORTALS
    ),
}
PARAMS: Final = {
    "role": "operator",
    "at_most": "30 days",
    "parts": "R-1 R-2",
    "what": "quantiles",
    "share": "5 %",
    "workload": "track",
    "alert": "DatabaseDown",
    "declared": "DatabaseDown HighErrorRate",
    "most": "3",
    "fails": "10 %",
    "quiet": "3 %",
    "release": "1.0.0",
    "other_release": "1.1.0",
    "ready": "2",
    "high": "85 %",
    "by": "hand",
    "steps": "5 50",
    "step": "5",
    "height": "3",
    "manual_steps": "0",
    "over": "500 ms",
    "backup": "database",
    "service": "track",
}
"""What the sentences of some figures fix beside the limit."""
MORE_TIMES: Final = (
    "settled",
    "after",
    "silent for",
    "within",
    "below",
    "above for",
    "at for",
    "killed none later than",
)
UNSAID: Final = frozenset({("error rate", Op.AT_LEAST.value)})
"""Names and comparisons that no sentence makes: a guard on errors is one on too many of them."""
MANY: Final = 40
"""More names of figures than this fail in the tests of the judge."""


def asked(figure: Figure) -> Iterator[Objective]:
    """Without experiments, of some, of one that nobody knows; of reads and writes; of every route; of a region; with parameters."""
    spec = FIGURES[figure]
    op, limit = (min(spec.limit.ops), LIMITS[spec.limit.dimension]) if spec.limit else (Op.HOLDS, "1")
    lengths = {**dict.fromkeys(MORE_TIMES, "30 s"), **TIMES.get(figure, {})}
    times = {name: Quantity.parse(said, scaled=True) for name, said in lengths.items()}
    tolerance = "5 points" if op is Op.WITHIN else None
    given = {"tolerance": tolerance} if tolerance else {}
    for phase in sorted(spec.phases):
        alone = objective(figure, op, limit, times=times, phase=phase, quantile=0.95, **given)
        scopes: tuple[Scope, ...] = (
            alone.scope,
            replace(alone.scope, experiments=tuple(SPANS), operations=("reads", "writes"), rollout="canary"),
            replace(alone.scope, experiments=("nobody",), traffic=None, rollout="nobody"),
            replace(alone.scope, per=Per.ROUTE, domains=("region",)),
            replace(alone.scope, subject="us-east-1", users=200, missing_experiments=("disk",)),
        )
        of_it = {"what": "dependencies"} if figure is Figure.CONNECTIONS else {}
        for scope in scopes:
            yield replace(alone, scope=scope, params={**PARAMS, **of_it})
        yield replace(alone, scope=scopes[1], params=PARAMS, older_than=Quantity.parse("1 h", scaled=True))
        if figure is Figure.EXPOSED:
            yield from (replace(alone, params={**PARAMS, "what": what}) for what in ("error rate", "performance"))


def lean(value: Any) -> Any:
    """Without what is empty."""
    if isinstance(value, dict):
        return {key: made for key, each in value.items() if (made := lean(each)) not in (None, "", (), [], {})}
    return value


def lines(figure: Figure) -> list[str]:
    """One line a measure, each once: as they stand in the file."""
    found: dict[str, str] = {}
    for one in asked(figure):
        for name, run in EVIDENCE.items():
            case = Case(plan=plan({"R": one}), evidence=run, claim=claim("R", one), objective=one)
            for measure in _measures(case, FIGURES):
                assert name != "nothing" or measure.outcome in NOT_DECIDED
                assert measure.because.kind is not ReasonKind.HARNESS, (
                    f"{measure.because.text}: give it in PARAMS or MORE_TIMES"
                )
                text = json.dumps(lean(rounded(asdict(measure))), default=str, ensure_ascii=False)
                found.setdefault(text, f'{{"figure": "{figure.value}", "run": "{name}", {text[1:]}')
    return list(found.values())


def test_a_figure_says_what_it_said(subtests: pytest.Subtests) -> None:
    """Not a word and not a sixth digit else; and of nothing none passes or fails."""
    before = GOLDEN.read_text(encoding="utf-8").splitlines()
    for figure in FIGURES:
        with subtests.test(figure.value):
            assert lines(figure) == [line for line in before if line.startswith(f'{{"figure": "{figure.value}", ')]


def recorded() -> Iterator[Mapping[str, Any]]:
    """Every measure that the tests of the judge make, and those of every figure here."""
    for file in sorted(GOLDEN.parent.rglob("*.ndjson")):
        for line in file.read_text(encoding="utf-8").splitlines():
            text = line.rpartition("\t")[2]
            found = json.loads(text) if text.startswith("{") else {}
            if "outcome" in found and "because" in found:
                yield found


def is_inside(found: Mapping[str, Any]) -> bool:
    """Whether the value of a measure is as its limit says; of a fact, whether it counts nothing that is not as expected."""
    value, limit, op = found["value"], found.get("scaled_limit"), found["op"]
    if op == Op.WITHIN.value:
        return bool(abs(value - limit) <= (found.get("tolerance") or 0.0))
    if limit is None:
        allowed = re.fullmatch(r"at most (\d+)", found.get("limit", ""))
        return op == Op.HOLDS.value and bool(value <= (int(allowed[1]) if allowed else 0))
    compared = {Op.BELOW.value: value < limit, Op.AT_LEAST.value: value >= limit}
    return bool(compared.get(op, value <= limit))


def test_no_failure_has_a_value_inside_its_own_limit() -> None:
    """A waiver accepts a figure by a bound: what failed for another reason has no value that a bound could cover."""
    failed = [
        found
        for found in recorded()
        if found["outcome"] == Outcome.FAIL.value
        and found["because"]["kind"] == ReasonKind.NOT_AS_EXPECTED.value
        and found.get("value") is not None
        and (found["name"], found["op"]) not in UNSAID
    ]
    assert len({found["name"] for found in failed}) > MANY
    assert [(found["name"], found["because"]["text"]) for found in failed if is_inside(found)] == []


if __name__ == "__main__":
    GOLDEN.write_text("".join(f"{line}\n" for figure in FIGURES for line in lines(figure)), encoding="utf-8")
