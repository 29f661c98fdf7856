"""All that the judge says of three runs, to the letter: a healthy one, one whose requests fail, one of which nothing was kept.

Where a change of words or figures is meant, `python tests/judgement/test_judgement_golden.py` writes `golden/` anew; read its diff.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pytest
from judgement_builders import evidence, failing, plan, samples, with_load

from harness.judgement import judge
from harness.model import Evidence

GOLDEN: Final = Path(__file__).with_name("golden")
RUNS: Final = {
    "healthy": evidence(),
    "failing": with_load(failing(samples(0, 60), slice(0, 6000, 30))),
    "nothing": Evidence(),
}


def lines(run: Evidence) -> list[str]:
    """One line each: the decision, every measure, every experiment, window and watcher, the ledger."""
    judgement = judge(plan(), run)
    measures = [m for v in judgement.verdicts for c in v.claims for of_one in c.measures for m in of_one]
    told: list[Any] = [judgement.decision, *measures, *judgement.experiments, *judgement.traffic, *judgement.watchers]
    return [json.dumps(asdict(one), default=str, ensure_ascii=False) for one in [*told, judgement.ledger] if one]


@pytest.mark.parametrize("name", RUNS)
def test_the_judge_says_what_it_said(name: str) -> None:
    """Not a word and not a digit else."""
    assert lines(RUNS[name]) == (GOLDEN / f"{name}.ndjson").read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, run in RUNS.items():
        (GOLDEN / f"{name}.ndjson").write_text("\n".join(lines(run)) + "\n", encoding="utf-8")
