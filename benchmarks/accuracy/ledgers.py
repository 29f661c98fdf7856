"""Ledgers with planted losses, wrong values, duplicates, refused writes that are there and unknown ones: are they found exactly?

Each ledger is drawn at random and balanced twice: by the judge, and by plain Python sets that know what was planted. They must agree on
every single write. Beside it: how long the judge takes for a ledger of a million writes, read back from the database alone and
through three regions as well, and what Python sets take for the first.

Goals: all found exactly, in each ledger; a million writes, read back from the database, in under a second of CPU.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.judgement.ledger.account import Account, Writes, account_of
from harness.model import LEDGER_FINAL, LEDGER_WRITES, FinalRead, Ledger, Table, Words
from harness.model.records.items import OUTCOMES

CLIENTS: Final = 6
FIRST_CLIENT: Final = 1_234_566
REGIONS: Final = ("us-east-1", "eu-west-1", "ap-southeast-1")
STATES: Final = ("found", "wrong")
WHAT: Final = ("lost", "wrong", "twice", "unexpected", "recovered", "unsure")
GOAL_S: Final = 1.0

Ints = npt.NDArray[np.int64]
Numbers = set[tuple[int, int]]


def table(ints: Mapping[str, Ints], words: Mapping[str, Words], *, final: bool) -> Table:
    """Columns under the schema of writes or of final reads; those not named are zero or missing."""
    schema, n = LEDGER_FINAL if final else LEDGER_WRITES, len(ints["by"])
    none = Words(codes=np.full(n, -1, dtype=np.int8), names=())
    return Table(
        schema=schema,
        ints={name: ints.get(name, np.zeros(n, dtype=np.int64)) for name in schema.ints},
        words={name: words.get(name, none) for name in schema.words},
    )


def numbered(n: int) -> dict[str, Ints]:
    """Clients and sequence numbers of n writes, one after the other."""
    turn = np.arange(n, dtype=np.int64)
    return {"by": FIRST_CLIENT + turn % CLIENTS, "id": turn // CLIENTS, "accepted_ns": turn * 1000}


def ledger(n: int, rng: np.random.Generator, share: float, regions: int = 0) -> tuple[Ledger, Mapping[str, Numbers]]:
    """A ledger with faults planted in a share of its writes, and the truth about each."""
    own = numbered(n)
    outcome = rng.choice(3, n, p=[1 - 2 * share, share, share]).astype(np.int8)
    gone, wrong, twice = (rng.random(n) < share for _ in range(3))
    there = (outcome == 0) | (rng.random(n) < 0.5)
    there &= ~gone
    rows = rng.permutation(np.concatenate([np.flatnonzero(there), np.flatnonzero(there & twice)]))
    finals, reads = [], []
    for number, source in enumerate(("database", *REGIONS[:regions]), start=1):
        ints = {name: own[name][rows] for name in ("by", "id")}
        ints["round"] = np.full(len(rows), number, dtype=np.int64)
        words = {
            "place": Words(codes=np.zeros(len(rows), dtype=np.int8), names=(source,)),
            "state": Words(codes=wrong[rows].astype(np.int8), names=STATES),
        }
        finals.append(table(ints, words, final=True))
        reads.append(FinalRead(round=number, after="end", complete=True, at_ns=n * 2000, rows=len(rows), source=source))
    writes = table(own, {"outcome": Words(codes=outcome, names=OUTCOMES)}, final=False)
    books = Ledger(writes=writes, final=Table.merged(LEDGER_FINAL, finals), final_reads=tuple(reads))
    pairs = list(zip(own["by"].tolist(), own["id"].tolist(), strict=True))
    planted = {
        "lost": (outcome == 0) & (~there | wrong),
        "wrong": there & wrong,
        "twice": there & twice,
        "unexpected": (outcome == 1) & there & ~wrong,
        "recovered": (outcome == 2) & there & ~wrong,
        "unsure": (outcome == 2) & ~there,
    }
    return books, {name: {pairs[i] for i in np.flatnonzero(mask).tolist()} for name, mask in planted.items()}


def found(writes: Writes) -> Numbers:
    """As pairs of client and number."""
    return set(zip(writes.client.tolist(), writes.sequence.tolist(), strict=True))


def right(account: Account, planted: Mapping[str, Numbers]) -> bool:
    """Whether the judge found what was planted, all of it and nothing else."""
    return not account.trouble and all(found(getattr(account, name)) == planted[name] for name in WHAT)


def python_sets(books: Ledger) -> int:
    """The losses by plain sets of pairs, for the ratio."""
    ok = books.writes.where(books.writes.words["outcome"].equals("accepted")).ints
    whole = books.final.where(books.final.words["state"].equals("found")).ints
    acknowledged = set(zip(ok["by"].tolist(), ok["id"].tolist(), strict=True))
    return len(acknowledged - set(zip(whole["by"].tolist(), whole["id"].tolist(), strict=True)))


def cpu_s(what: object, books: Ledger, tries: int) -> float:
    """The least CPU seconds of a few tries."""
    took = []
    for _ in range(tries):
        began = time.process_time()
        what(books)  # type: ignore[operator]
        took.append(time.process_time() - began)
    return min(took)


def main() -> int:
    """Balance, compare, print, and say whether the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer ledgers, and a tenth of the million")
    parser.add_argument("--seed", type=int, default=1, help="of the ledgers")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    drawn = 20 if given.quick else 200
    exact = 0
    planted_of = dict.fromkeys(WHAT, 0)
    for number in range(drawn):
        books, planted = ledger(int(rng.integers(1, 20_000)), rng, float(rng.choice([0, 0.001, 0.05])), number % 4)
        exact += right(account_of(books), planted)
        planted_of = {name: planted_of[name] + len(planted[name]) for name in WHAT}
    n = 100_000 if given.quick else 1_000_000
    alone, _ = ledger(n, rng, 0.001)
    regional, _ = ledger(n, rng, 0.001, regions=3)
    figures = {
        "ledgers": drawn,
        "exact": exact,
        "planted": planted_of,
        "writes": n,
        "database_cpu_s": cpu_s(account_of, alone, 3),
        "with_three_regions_cpu_s": cpu_s(account_of, regional, 3),
        "python_sets_cpu_s": cpu_s(python_sets, alone, 1),
    }
    sys.stdout.write(
        json.dumps(figures, indent=1) + "\n" if given.json else "\n".join(_lines(figures, given.seed)) + "\n"
    )
    return 0 if exact == drawn and figures["database_cpu_s"] < GOAL_S else 1  # type: ignore[operator]


def _lines(figures: Mapping[str, object], seed: int) -> Iterable[str]:
    yield f"planted, seed {seed}: {figures['planted']}"
    yield f"found exactly, write by write: {figures['exact']} of {figures['ledgers']} ledgers (goal: all)"
    alone, regional, sets = (
        float(figures[name])  # type: ignore[arg-type]
        for name in ("database_cpu_s", "with_three_regions_cpu_s", "python_sets_cpu_s")
    )
    yield f"{figures['writes']} writes, CPU seconds: database {alone:.2f} (goal: < {GOAL_S:g}) · and three regions {regional:.2f}"
    yield f"plain Python sets, losses only: {sets:.2f} s · ratio {alone / sets:.2f}"


if __name__ == "__main__":
    sys.exit(main())
