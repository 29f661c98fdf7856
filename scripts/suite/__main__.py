"""How strong the project's own tests are, and which of them a commit needs: `scripts/mutate` and `scripts/choose`.

All that is found is kept in `build/suite/COMMIT`, so that what was interrupted goes on where it was:
`trace/` (which test runs which line), `SEED/drawn.ndjson` (changes), `SEED/tried.ndjson` (who noticed them).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from scripts.suite import cold, records
from scripts.suite.changes import ROOMS, Change, draw
from scripts.suite.choosing import Need, choose
from scripts.suite.lines import Lines

ROOT: Final = Path(__file__).parents[2]
_HEAD: Final = ("git", "rev-parse", "--short", "HEAD")
PLACE: Final = ROOT / "build" / "suite" / subprocess.check_output(_HEAD, cwd=ROOT, text=True).strip()
"""Of one commit: which test runs which line, and the lines of changes, are those of its files."""
NIGHTLY: Final = ROOT / "tests" / "nightly.txt"
TABLE: Final = ROOT / "benchmarks" / "suite-strength.csv"
QUICK: Final = "not slow and not alone"
GOLDENS: Final = {f"test_judgement_{name}.py" for name in ("golden", "bounds", "every_figure", "specs")}
"""They notice much of what the judge may get wrong, and no trial says so: the quickest tests of a line are asked first."""
MOST_KILLERS: Final = 3
WITHIN_S: Final = 30.0
GOAL: Final = 95.0


def trace() -> Path:
    """Run the whole suite with its lines traced, once: an hour."""
    place = PLACE / "trace"
    if not (place / "complete").is_file():
        code = _pytest(("-p", "scripts.suite.traced", "-m", QUICK, "-n", "4"), SUITE_TRACE=str(place))
        if code not in {0, 1}:  # every test ran; those that failed are not asked about changes
            raise SystemExit(
                f"the trace did not complete (exit code {code} of pytest); call the command again to go on"
            )
        (place / "complete").touch()
    return place


def _pytest(words: Iterable[str], **environment: str) -> int:
    own = {name: value for name, value in os.environ.items() if name not in {"SEED", "PYTHONDONTWRITEBYTECODE"}}
    command = (sys.executable, "-m", "pytest", "-q", *words)
    return subprocess.run(command, cwd=ROOT, env={**own, **environment}, check=False).returncode


def drawn(seed: int, counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """The changes of a seed, drawn once."""
    file = PLACE / str(seed) / "drawn.ndjson"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [_line(kind, change) for kind, count in counts.items() for change in draw(kind, count, seed)]
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return _read(file)


def _line(kind: str, change: Change) -> dict[str, Any]:
    return {
        "name": change.name,
        "kind": kind,
        "room": change.room,
        "file": str(change.file),
        "lines": sorted(change.lines),
        "source": change.source,
        "diff": change.diff,
    }


def _read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []


def attempt(seed: int, changes: list[dict[str, Any]], first: Collection[str] = ()) -> dict[str, list[str]]:
    """Who notices each change, by its name: at most three tests, or of those of `first`, which are asked before the others, one."""
    places = [trace()]
    ran = records.tests(places)
    place = PLACE / str(seed)
    (place / "usual.json").write_text(json.dumps({name: one.seconds for name, one in ran.items()}), encoding="utf-8")
    asked = list(_asked(changes, ran, Lines(places, ROOT), first))
    (place / "asked.ndjson").write_text("".join(json.dumps(one) + "\n" for one in asked), encoding="utf-8")
    files = sorted({test.partition("::")[0] for one in asked for test in one["tests"]})
    _pytest(("-p", "scripts.suite.trials", "-p", "no:xdist", "--capture=no", *files), SUITE_TRIALS=str(place))
    tried = {line["name"]: line for line in _read(place / "tried.ndjson")}
    found = {name: line["killers"] for name, line in tried.items()}
    found |= _cold(place, [one for one in changes if _is_cold(tried.get(one["name"]))], ran)
    return _controlled(place, found)


def _is_cold(line: Mapping[str, Any] | None) -> bool:
    """Whether a change is of what no test of its process runs."""
    return line is None or not line["swapped"] or not line["ran"]


def _asked(
    changes: list[dict[str, Any]], ran: Mapping[str, records.Ran], lines: Lines, first: Collection[str]
) -> Iterator[dict[str, Any]]:
    most = 1 if first else MOST_KILLERS  # a choice wants to know of several, a measure that there is one
    by_file = defaultdict[str, list[dict[str, Any]]](list)
    for change in changes:
        by_file[change["file"]].append(change)
    for file, listed in by_file.items():
        of = lines.of(file)
        for change in listed:
            names = _around(of, change["lines"])
            order = [test for test in records.in_turn(names, ran, WITHIN_S) if test]
            if first:
                before = records.in_turn(names & set(first), ran, WITHIN_S)
                order = [*before, *(test for test in order if test not in set(before))]
            if order:
                yield {**{key: change[key] for key in ("name", "file", "source")}, "tests": order, "most": most}


def _around(of: Mapping[int, set[str]], lines: list[int]) -> set[str]:
    """Tests of the changed lines; of a line that is traced as part of a statement above it, those of the nearest one."""
    low = min(lines)
    for begin in range(low, max(low - 30, 0), -1):
        names = set[str]().union(*(of.get(line, set()) for line in (lines if begin == low else [begin]))) - {""}
        if names:
            return names
    return set()


def _cold(place: Path, changes: list[dict[str, Any]], ran: Mapping[str, records.Ran]) -> dict[str, list[str]]:
    """Try in copies what cannot be tried in a loaded process."""
    done = {line["name"]: line["killers"] for line in _read(place / "cold.ndjson")}
    left = [change for change in changes if change["name"] not in done]
    if not left:
        return done
    with cold.copies_of(2) as copies, (place / "cold.ndjson").open("a", encoding="utf-8") as out:
        free: SimpleQueue[Path] = SimpleQueue()
        for copy in copies:
            free.put(copy)

        def one(change: dict[str, Any]) -> tuple[str, list[str]]:
            copy = free.get()
            try:
                tests = cold.of_the_room(Path(change["file"]), ran, WITHIN_S)
                return change["name"], cold.killers(
                    Path(change["file"]), change["source"], tests, copy
                ) if tests else []
            finally:
                free.put(copy)

        with ThreadPoolExecutor(len(copies)) as pool:
            for name, killers in pool.map(one, left):
                done[name] = killers
                out.write(json.dumps({"name": name, "killers": killers}) + "\n")
                out.flush()
                print(f"cold: {name} {killers}", file=sys.stderr)
    return done


def _controlled(place: Path, found: dict[str, list[str]]) -> dict[str, list[str]]:
    """Without the tests that fail, in a trial, without a change, too: they are asked for by themselves, once each."""
    control = place / "control"
    control.mkdir(exist_ok=True)
    killers = sorted({test for tests in found.values() for test in tests})
    lines = [{"name": test, "file": "", "source": "", "tests": [test], "most": 1} for test in killers]
    (control / "asked.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    (control / "usual.json").write_bytes((place / "usual.json").read_bytes())
    files = sorted({test.partition("::")[0] for test in killers})
    _pytest(("-p", "scripts.suite.trials", "-p", "no:xdist", "--capture=no", *files), SUITE_TRIALS=str(control))
    bad = {line["name"] for line in _read(control / "tried.ndjson") if line["killers"]}
    return {name: [test for test in tests if test not in bad] for name, tests in found.items()}


def always() -> set[str]:
    """Functions (`file::name`) of tests that every commit waits for: what the judge says of kept runs, and those that came with a fix.

    A test came with a fix if a commit added it that adds a `changes/*.fixed.md`.
    """
    log = ("git", "log", "--diff-filter=A", "--format=%h", "--", "changes/*.fixed.md")
    names = set[str]()
    for commit in subprocess.run(log, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split():
        show = ("git", "show", "--format=", "--unified=0", commit, "--", "tests")
        text = subprocess.run(show, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        names.update(re.findall(r"^\+(?:async )?def (test_\w+)", text, re.MULTILINE))
    return {
        f"{file.relative_to(ROOT)}::{name}"
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
        if name in names or file.is_relative_to(ROOT / "tests" / "frozen") or file.name in GOLDENS
    }


def needs(found: Mapping[str, list[str]], ran: Mapping[str, records.Ran]) -> dict[str, Need]:
    """What each test offers: the lines that it runs, as bits of one number, and the changes that it notices."""
    lines = Lines([trace()], ROOT)
    bits = Counter[str]()
    begin = 0
    for file in lines.files():
        for line, names in lines.of(file).items():
            for name in names - {""} if "" not in names else set():
                bits[name] |= 1 << (begin + line)
        begin += (ROOT / file).read_bytes().count(b"\n") + 2 if (ROOT / file).is_file() else 0
    noticed = defaultdict[str, set[str]](set)
    for change, tests in found.items():
        for test in tests:
            noticed[test].add(change)
    return {test: Need(lines=bits[test], changes=frozenset(noticed[test])) for test in ran}


def report(
    changes: list[dict[str, Any]], found: Mapping[str, list[str]], kept: Collection[str]
) -> list[tuple[Any, ...]]:
    """By kind and room: changes, noticed by all tests, noticed by those of a commit; survivors are printed."""
    kept = {*kept, *(test.partition("::")[0] for test in kept)}  # a file that cannot be imported fails as a whole
    rows = defaultdict[tuple[str, str], list[int]](lambda: [0, 0, 0])
    for change in changes:
        tests = found.get(change["name"], [])
        for key in ((change["kind"], change["room"]), (change["kind"], "all"), ("all", "all")):
            rows[key][0] += 1
            rows[key][1] += bool(tests)
            rows[key][2] += any(test in kept for test in tests)
        if not tests:
            print(f"survived: {change['name']}\n{change['diff']}")
        elif not any(test in kept for test in tests):
            print(f"only at night: {change['name']} by {tests[0]}")
    table = [(*key, *counts) for key, counts in sorted(rows.items())]
    for kind, room, drawn_, whole, commit in table:
        print(
            f"{kind:8} {room:24} {drawn_:5d} changes, noticed by all {whole:5d}, by the tests of a commit {commit:5d}"
        )
    return table


def main() -> int:
    """Exit code 0: the goal is reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("mutate", "choose"))
    parser.add_argument("--seed", type=int, default=None, help="of the changes (default: 2; of a choice 1)")
    for kind, count in (("judge", 300), ("outside", 300), ("rest", 100)):
        parser.add_argument(f"--{kind}", type=int, default=count, help=f"changes of {', '.join(ROOMS[kind])}")
    parser.add_argument("--most", type=int, default=7000, help="cases of the tests of a commit")
    parser.add_argument("--share", type=float, default=0.33, help="what they may cost of what all tests cost")
    asked = parser.parse_args()
    os.chdir(ROOT)
    seed = asked.seed or (1 if asked.what == "choose" else 2)
    changes = drawn(seed, {kind: getattr(asked, kind) for kind in ROOMS})
    ran = records.tests([trace()])
    kept = set(ran) - _left(ran)
    found = attempt(seed, changes, kept if asked.what == "mutate" else ())
    if asked.what == "choose":
        whole = sum(one.cost for one in ran.values())
        chosen = choose(ran, needs(found, ran), always(), most=asked.most, within=asked.share * whole)
        kept = set(chosen.why)
        _write_nightly(ran, kept)
        print(
            f"{len(kept)} of {len(ran)} cases, {chosen.cost:.0f} of {whole:.0f} s: {dict(Counter(chosen.why.values()))}"
        )
    table = report(changes, found, kept)
    if asked.what == "choose":
        lines = ["kind,room,changes,noticed by all,noticed by a commit", *(",".join(map(str, row)) for row in table)]
        TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    *_, every = (row for row in table if row[:2] == ("all", "all"))
    return int(100 * every[3] < GOAL * every[2])


def _left(ran: Mapping[str, records.Ran]) -> set[str]:
    """The tests that `nightly.txt` names."""
    lines = set(NIGHTLY.read_text(encoding="utf-8").splitlines()) if NIGHTLY.is_file() else set()
    return {name for name, one in ran.items() if name in lines or one.function in lines}


def _write_nightly(ran: Mapping[str, records.Ran], kept: Collection[str]) -> None:
    """A line for each function that is left out with all its cases, and for each other case that is left out."""
    functions = {ran[test].function for test in kept}
    left = {one.function if one.function not in functions else name for name, one in ran.items() if name not in kept}
    head = (
        "# Tests that a commit is not held up for: `scripts/test` leaves them out, `scripts/test --all` and the night run them.\n"
        "# Written by scripts/choose; a test that is not named here is run with every commit.\n"
    )
    NIGHTLY.write_text(head + "".join(f"{name}\n" for name in sorted(left)), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
