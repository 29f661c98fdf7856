"""A pytest plugin: collects once, then tries each change in a process of its own, forked from the one that has everything loaded.

    SUITE_TRIALS=DIR python -m pytest -p scripts.suite.trials -p no:xdist

DIR has `asked.ndjson`: a line for each trial with `name`, `file`, `source` and `tests`, node ids in the order in which they are tried, and
`most`, how many of them may fail before the trial ends. Each trial adds a line to `tried.ndjson`: `name`, `swapped` (the change is in a loaded
function), `killers` (node ids of the tests that failed, or that were running when the trial's time was over, far over their own), `ran`, `s`.

A trial has its own network, processes and temporary directory where the kernel lets it (root), so that two at a time do not meet.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from harness import clock
from scripts.suite.swapping import Loaded

AT_ONCE: Final = int(os.environ.get("SUITE_AT_ONCE", "2"))
WITHIN_S: Final = 30.0
"""So long the tests of one change may take altogether."""
HANGS: Final = 10.0
"""A test that takes so many times its usual time, and five seconds more, was kept by the change."""
_NAMESPACES: Final = 0x40000000 | 0x20000000 | 0x00020000  # CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS
_libc: Final = ctypes.CDLL(None, use_errno=True)


@dataclass(kw_only=True)
class Trial:
    """A trial that runs: its process, what it has said so far."""

    asked: Mapping[str, Any]
    pid: int
    out: int
    began: float
    place: Path
    text: bytes = b""
    running: tuple[str, float] | None = None
    ran: int = 0
    swapped: bool = False
    error: str = ""
    killers: list[str] = field(default_factory=list)

    def heard(self, line: str) -> None:
        """`swapped YES`, `begin ID` or `end ID OUTCOME`."""
        word, _, rest = line.partition(" ")
        if word == "swapped":
            self.swapped = rest == "yes"
        elif word == "error":
            self.error = rest
        elif word == "begin":
            self.running = (rest, clock.now_s())
        elif word == "end":
            outcome, _, test = rest.partition(" ")
            self.running = None
            self.ran += 1
            if outcome == "failed":
                self.killers.append(test)


class Trials:
    """In place of pytest's own loop over the tests."""

    def __init__(self, place: Path) -> None:
        """place: of the files."""
        self._place = place
        self._usual: dict[str, float] = json.loads((place / "usual.json").read_text(encoding="utf-8"))
        self._items: dict[str, pytest.Item] = {}
        self._failed = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try all that is asked and was not tried yet."""
        self._items = {item.nodeid: item for item in session.items}
        for item in session.items:
            _draw_alike(item)
        gc.unfreeze()  # what is frozen is not listed
        self._loaded = Loaded(session.config.rootpath)
        gc.freeze()
        tried = self._place / "tried.ndjson"
        done = {json.loads(line)["name"] for line in tried.read_text().splitlines()} if tried.is_file() else set()
        lines = (self._place / "asked.ndjson").read_text(encoding="utf-8").splitlines()
        asked = (one for one in map(json.loads, lines) if one["name"] not in done)
        with tried.open("a", encoding="utf-8") as out:
            for number, line in enumerate(self._each(session, asked), len(done) + 1):
                out.write(json.dumps(line) + "\n")
                out.flush()
                print(
                    f"{number} of {len(lines)}: {line['name']} {line['killers'][:1]} {line['s']}", file=sys.__stderr__
                )
        return True

    def _each(self, session: pytest.Session, asked: Iterator[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Run trials, so many at once; what came of each."""
        running = list[Trial]()
        selector = selectors.DefaultSelector()
        more = True
        while more or running:
            while more and len(running) < AT_ONCE:
                one = next(asked, None)
                more = one is not None
                if one is not None:
                    running.append(self._begun(session, one))
                    selector.register(running[-1].out, selectors.EVENT_READ, running[-1])
            for key, _ in selector.select(timeout=1):
                trial: Trial = key.data
                chunk = os.read(trial.out, 65536)
                *whole, trial.text = (trial.text + chunk).split(b"\n")
                for line in whole:
                    trial.heard(line.decode())
                if not chunk:
                    selector.unregister(trial.out)
                    running.remove(trial)
                    yield self._ended(trial)
            for trial in [one for one in running if self._over(one)]:
                selector.unregister(trial.out)
                running.remove(trial)
                yield self._ended(trial)

    def _over(self, trial: Trial) -> bool:
        now = clock.now_s()
        if trial.running is None:
            return now - trial.began > 2 * WITHIN_S
        test, since = trial.running
        if now - since > HANGS * self._usual.get(test, 1.0) + 5:
            trial.killers.append(test)
            return True
        return now - trial.began > WITHIN_S and now - since > 2 * self._usual.get(test, 1.0) + 5

    def _begun(self, session: pytest.Session, asked: Mapping[str, Any]) -> Trial:
        place = self._place / "tmp" / sha256(asked["name"].encode()).hexdigest()[:16]  # names of cases may be long
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        out, inside = os.pipe()
        began = clock.now_s()
        pid = os.fork()
        if pid:
            os.close(inside)
            return Trial(asked=asked, pid=pid, out=out, began=began, place=place)
        try:
            os.close(out)
            os.setsid()
            _alone()
            self._try(session, asked, inside, place)
        except BaseException as error:  # noqa: BLE001 - nothing of a child may go on where its parent does
            os.write(inside, f"error {str(error)[:200]!r}\n".encode())
        finally:
            os._exit(0)

    def _try(self, session: pytest.Session, asked: Mapping[str, Any], out: int, place: Path) -> None:
        """In the child: change, and run the tests until enough of them fail."""
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        session.config._tmp_path_factory._basetemp = place  # type: ignore[attr-defined]  # noqa: SLF001 - the parent removes it
        swapped = not asked["source"] or self._loaded.swap(Path(asked["file"]), asked["source"])
        os.write(out, f"swapped {'yes' if swapped else 'no'}\n".encode())
        if not swapped:
            return
        items = [self._items[test] for test in asked["tests"] if test in self._items]
        failed = list[str]()
        for number, item in enumerate(items):
            if item.nodeid.partition("[")[0] in failed:
                continue  # another case of a function that failed tells nothing new
            os.write(out, f"begin {item.nodeid}\n".encode())
            self._failed = False
            after = items[number + 1] if number + 1 < len(items) and len(failed) + 1 < asked["most"] else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            os.write(out, f"end {'failed' if self._failed else 'passed'} {item.nodeid}\n".encode())
            if self._failed:
                failed.append(item.nodeid.partition("[")[0])
            if len(failed) >= asked["most"]:
                return

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A failure of set-up or call; one of the clean-up is not the test's."""
        if report.failed and report.when != "teardown":
            self._failed = True

    def _ended(self, trial: Trial) -> dict[str, Any]:
        os.close(trial.out)
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError):
                kill(trial.pid, signal.SIGKILL)
        os.waitpid(trial.pid, 0)
        shutil.rmtree(trial.place, ignore_errors=True)
        took = round(clock.now_s() - trial.began, 2)
        return {
            "name": trial.asked["name"],
            "swapped": trial.swapped,
            "killers": trial.killers,
            "ran": trial.ran,
            "s": took,
            **({"error": trial.error} if trial.error else {}),
        }


def _draw_alike(item: pytest.Item) -> None:
    """Properties draw the same examples each time, and look for no smaller one of a failure."""
    from hypothesis import Phase, settings

    function = getattr(item, "obj", None)
    name = "_hypothesis_internal_use_settings"
    if (own := getattr(function, name, None)) is not None:
        alike = settings(own, phases=(Phase.explicit, Phase.generate), derandomize=True, database=None)
        setattr(getattr(function, "__func__", function), name, alike)


def _alone() -> None:
    """A network, processes and mounts of one's own; the first process waits for the second, in which this returns."""
    if _libc.unshare(_NAMESPACES):
        return
    if pid := os.fork():
        os.waitpid(pid, 0)
        os._exit(0)
    _libc.mount(None, b"/", None, ctypes.c_ulong(0x44000), None)  # MS_REC | MS_PRIVATE
    _libc.mount(b"proc", b"/proc", b"proc", ctypes.c_ulong(0), None)
    subprocess.run(("ip", "link", "set", "lo", "up"), check=False, capture_output=True)
    if pid := os.fork():  # the first process of a namespace ignores signals and inherits orphans: it only waits
        while os.wait()[0] != pid:
            pass
        os._exit(0)


def pytest_configure(config: pytest.Config) -> None:
    """Only where it is asked for."""
    if place := os.environ.get("SUITE_TRIALS"):
        config.pluginmanager.register(Trials(Path(place)))
