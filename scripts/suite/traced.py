"""A pytest plugin: what each test takes, which lines of `harness/` and `claims/` it runs, and through which seams of the system it goes.

    SUITE_TRACE=DIR python -m pytest -p scripts.suite.traced -n 4

Each process writes two files to DIR: `NAME.coverage` (coverage.py, a context a test) and `NAME.ndjson`, a line a test: `id`, `s` (set-up, call and clean-up together, seconds), `cpu` (of it on a processor, children that were
waited for included), `outcome` and `seams`; a last line has `collecting` in seconds. With SUITE_LINES=no lines are not traced, and the
times are those of the suite. Tests that DIR has already are left out, and with SUITE_CASES=2 all but two cases of a function.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import coverage
import pytest

from harness import clock

_INTERPRETER: Final = re.compile(r"python[\d.]*$")
_SEAMS: Final = {"socket.bind": "server", "os.kill": "signal", "signal.pthread_kill": "signal", "os.killpg": "signal"}
"""What the interpreter reports (`sys.addaudithook`) and what it is called here."""

_CASES: Final = int(os.environ.get("SUITE_CASES", "1000000"))


def _done(place: Path) -> set[str]:
    """The tests of which there is a line."""
    lines = (line for file in place.glob("*.ndjson") for line in file.read_text(encoding="utf-8").splitlines())
    return {line["id"] for line in map(json.loads, lines) if "id" in line}


def _program(words: Any) -> str:
    """What a subprocess is called: its program, and of an interpreter what it runs."""
    listed = [os.fsdecode(word) for word in ([words] if isinstance(words, str | bytes | os.PathLike) else words)]
    program = Path(listed[0]).name if listed else ""
    if not _INTERPRETER.match(program):
        return program
    after = next((word for word in listed[1:] if not word.startswith("-")), "-c")
    return "python " + (after.partition("\n")[0] if len(after) < 60 else "-c")


class Traced:
    """Notes what comes between the begin and the end of each test of this process."""

    def __init__(self, place: Path, name: str, *, lines: bool) -> None:
        """A process begins; name: of its files."""
        self._done = _done(place)
        self._out: IO[str] = (place / f"{name}.ndjson").open("a", encoding="utf-8")
        self._seams: set[str] = set()
        self._begun = clock.now_s()
        self._coverage = None
        if lines:
            self._coverage = coverage.Coverage(
                data_file=str(place / f"{name}.coverage"), config_file=False, source=["harness", "claims"]
            )
            self._coverage.load()
        sys.addaudithook(self._heard)

    def _heard(self, event: str, words: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen":
            self._seams.add(f"runs {_program(words[1] or words[0])}")
        elif event in _SEAMS:
            self._seams.add(_SEAMS[event])

    def _write(self, line: dict[str, Any]) -> None:
        self._out.write(json.dumps(line) + "\n")
        self._out.flush()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what is done, and cases beyond the first few of their function."""
        cases = Counter[str]()
        kept = []
        for item in items:
            function = item.nodeid.partition("[")[0]
            cases[function] += 1
            if item.nodeid not in self._done and cases[function] <= _CASES:
                kept.append(item)
        items[:] = kept

    def pytest_collection_finish(self) -> None:
        """Collected: from here on tests run, and lines are traced."""
        if self._coverage:
            self._coverage.start()
        self._write({"collecting": round(clock.now_s() - self._begun, 3)})

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        """One test, from its first fixture to the end of its last."""
        self._seams.clear()
        self.outcome = "passed"
        if self._coverage:
            self._coverage.switch_context(item.nodeid)
        begun, cpu = clock.now_s(), _cpu()
        result = yield
        took = {"s": round(clock.now_s() - begun, 4), "cpu": round(_cpu() - cpu, 4)}
        self._write({"id": item.nodeid, **took, "outcome": self.outcome, "seams": sorted(self._seams)})
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The worst of set-up, call and clean-up."""
        if report.outcome != "passed" and self.outcome != "failed":
            self.outcome = report.outcome

    def pytest_sessionfinish(self) -> None:
        """Save the lines."""
        self._out.close()
        if self._coverage and self._coverage.get_data():
            self._coverage.switch_context("")
            self._coverage.stop()
            self._coverage.save()


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def pytest_configure(config: pytest.Config) -> None:
    """In each process that runs tests: a worker of xdist, or the one there is."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker or not getattr(config.option, "numprocesses", None):
        place = Path(os.environ["SUITE_TRACE"])
        place.mkdir(parents=True, exist_ok=True)
        config.pluginmanager.register(Traced(place, worker or "one", lines=os.environ.get("SUITE_LINES") != "no"))
