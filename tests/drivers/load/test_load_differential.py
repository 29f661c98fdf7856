"""What is recorded of stock locustfiles, held against Locust's own statistics of the same load."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from load_bench import LOCUSTFILES, words
from load_kinds import shop
from load_truth import truth_server

from harness.evidence import read_rows
from harness.evidence.rows import RowsRead
from harness.judgement.routes import by_method
from harness.model import SAMPLES

FILES: Final = sorted((LOCUSTFILES / "public").glob("*.py"))
CUT_OFF: Final = "cut_off"
MEASURED: Final = "STEPS"
_Counts = Counter[tuple[str, str]]
"""Requests by name and method."""


class Both(NamedTuple):
    """Requests, failures, and requests without a response time as Locust counted them, and the rows of the same load."""

    requests: _Counts
    failures: _Counts
    untimed: _Counts
    rows: RowsRead

    def ours(self, *, failed: bool) -> _Counts:
        """The rows, without those that Locust's end cut off: it reports none of them but what `measure` measures, and that as a success."""
        columns = (words(self.rows, name) for name in ("name", "method", "error"))
        return Counter(
            (str(name), str(method))
            for name, method, error in zip(*columns, strict=True)
            if not (error == CUT_OFF and (failed or method != MEASURED)) and (error is not None or not failed)
        )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """One load of all the files, three users of each, for some seconds."""
    directory = tmp_path_factory.mktemp("differential")
    with truth_server("127.94.0.9") as server:
        server.behave = shop
        command = [
            *(sys.executable, "-m", "harness.locust", "--headless", "--only-summary", "--loglevel", "CRITICAL"),
            *("-f", ",".join(map(str, FILES)), "--host", server.url, "-u", "60", "-r", "60", "-t", "6s"),
            *(
                "--samples",
                str(directory / "samples"),
                "--json-file",
                str(directory / "locust"),
                "--exit-code-on-error",
                "0",
            ),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    counted = json.loads((directory / "locust.json").read_bytes())
    return Both(
        requests=_counts(counted, "num_requests"),
        failures=_counts(counted, "num_failures"),
        untimed=_counts(counted, "num_none_requests"),
        rows=read_rows(directory / "samples-1.rows", SAMPLES),
    )


def _counts(counted: list[dict[str, Any]], what: str) -> _Counts:
    return +Counter({(line["name"], line["method"]): line[what] for line in counted})


def _of(counts: _Counts, file: Path) -> dict[tuple[str, str], int]:
    return {key: n for key, n in counts.items() if key[0].strip("/").startswith(file.stem)}


def test_requests_and_failures_are_those_of_locusts_statistics(both: Both, subtests: pytest.Subtests) -> None:
    """By name and method, to the last one."""
    for file in FILES:
        with subtests.test(file.stem):
            requests = _of(both.requests, file)
            assert requests
            assert _of(both.ours(failed=False), file) == requests
            assert _of(both.ours(failed=True), file) == _of(both.failures, file)


def test_no_request_is_of_another_name(both: Both) -> None:
    """Also one that is cut off has a name that others have, and nothing is recorded that no file sent."""
    names = {*zip(words(both.rows, "name"), words(both.rows, "method"), strict=True)}
    assert names <= {*both.requests}
    assert {key for file in FILES for key in _of(both.requests, file)} == {*both.requests}


def test_routes_are_the_lines_of_locusts_table(both: Both) -> None:
    """As many, each with as many requests."""
    routes = by_method(both.rows.table).words["name"].counts
    assert len(routes) == len(both.requests)
    assert sum(routes.values()) == len(both.rows.table)


def test_what_has_no_time_in_locusts_statistics_has_none_here(both: Both) -> None:
    """What a server pushes, and nothing else."""
    table = both.rows.table
    instant = table.where(table.ints["done_ns"] == table.ints["intended_ns"])
    columns = (instant.words[column].text() for column in ("name", "method"))
    assert Counter((str(name), str(method)) for name, method in zip(*columns, strict=True)) == both.untimed


def test_a_failure_has_the_words_that_its_file_gave_it(both: Both, subtests: pytest.Subtests) -> None:
    """Text, what can be written as text, or the class of an exception; what Locust takes for none is none."""
    for name, said in [
        ("texts empty", None),
        ("texts no", None),
        ("texts no list", None),
        ("texts text", "wrong checksum of block 7"),
        ("texts number", "17"),
        ("texts listed", "['first', 'second']"),
        ("texts exception", "ValueError"),
        ("texts pushed badly", "gone"),
        ("/caught/missing", None),
        ("/caught/text", "got 200, wanted 404"),
    ]:
        with subtests.test(name):
            rows = zip(words(both.rows, "name"), words(both.rows, "error"), strict=True)
            assert {error for route, error in rows if route == name and error != CUT_OFF} == {said}
