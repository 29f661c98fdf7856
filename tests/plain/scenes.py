"""Whole runs on the plain service, three at a time, each once a session, for all tests that look at what came of them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from harness import clock
from harness.errors import Exit
from tests.plain.plain_project import (
    Finished,
    Project,
    Running,
    descendants,
    free_address,
    gone,
    kill,
    kill_all,
    service,
)

Scene = Callable[[Path], Finished]
"""Plays in a directory of its own."""

SHORT: Final = "{rate: 20/s, for: 4 s}"
"""Enough to see that something is amiss, too little for a verdict."""
WITH_ALLURE: Final = ("features", "--alluredir", "allure-results")
"""What docs/allure-report.md tells to give to pytest."""
AT_ONCE: Final = 3
KILL_WITHIN_S: Final = 30.0
_TRIES: Final = 3

_SENDS_NOTHING: Final = (
    'journey.get("/items", name="list-items", status=200, expect={"items": list})',
    'if journey.number < 0:\n            journey.get("/items", name=str(journey.number))',  # not known from the source
)
_BLOCKS: Final = (
    'journey.get("/items", name="list-items", status=200, expect={"items": list})',
    'clock.sleep(0.06)\n        journey.get("/items", name="list-items", status=200, expect={"items": list})',
)

_BREAKS: Final = (
    "journey.think(0.5)",
    "journey.think(0.5)\n        if journey.random.random() < 0.5:\n            raise KeyError('id')",
)


class Stage:
    """Plays scenes in the background, those named first first."""

    def __init__(self, directory: Path, scenes: Mapping[str, Scene]) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._played: dict[str, Future[Finished]] = {
            name: self._pool.submit(scene, directory / name) for name, scene in scenes.items()
        }

    def __getitem__(self, name: str) -> Finished:
        return self._played[name].result()

    def close(self) -> None:
        """End what is under way, for nobody waits for it any more; what nobody asked for is not begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        kill_all()
        self._pool.shutdown(wait=True)


def _played(root: Path, entry: str, *arguments: str, traffic: str = "", module: str = "harness") -> Finished:
    return Project.copy(root, entry, traffic=traffic).do(*arguments, module=module)


def _undisturbed(
    root: Path,
    play: Callable[[Path], Finished],
    shows: Callable[[Finished], bool] = lambda finished: finished.code != Exit.INCONCLUSIVE,
) -> Finished:
    """What came of it where the machine was not starved: where it was, that is why a run is INCONCLUSIVE, and it is made again."""
    for number in range(_TRIES):
        finished = play(root / str(number))
        if shows(finished):
            break
    return finished


def _has_too_few(finished: Finished) -> bool:
    return all("too few to decide" in reason for reason in finished.reasons().values())


def _healthy(root: Path) -> Finished:
    with service() as entry:
        return _undisturbed(root, lambda at: _played(at, entry, "run"))


def _slow(root: Path) -> Finished:
    with service("--slow-ms", 250) as entry:
        return _undisturbed(root, lambda at: _played(at, entry, *WITH_ALLURE, module="pytest"))


def _too_short(root: Path) -> Finished:
    with service() as entry:
        short = "{rate: 20/s, for: 2 s}"
        return _undisturbed(root, lambda at: _played(at, entry, "run", traffic=short), _has_too_few)


def _only(root: Path) -> Finished:
    with service() as entry:
        return _played(root, entry, "run", "--only", "PL-P95", traffic=SHORT)


def _by_path(root: Path) -> Finished:
    """One of two files, which together claim everything once and one requirement twice."""
    with service() as entry:
        project = Project.copy(root, entry, traffic=SHORT)
        kpi = (root / "features/plain/kpi.feature").read_text(encoding="utf-8")
        (root / "features/plain/more.feature").write_text(kpi.replace("plain service", "plain service, again"))
        return project.do("features/plain/kpi.feature", "--no-decision", module="pytest")


def _down(root: Path) -> Finished:
    host, port = free_address()
    return _played(root, f"http://{host}:{port}", "run")


def _no_load(root: Path) -> Finished:
    with service() as entry:
        project = Project.copy(root, entry, traffic=SHORT)
        project.edit("loadtests/browse.py", *_SENDS_NOTHING)
        project.edit("loadtests/browse.py", "journey.get(f", "str(f")
        project.edit("loadtests/browse.py", ', name="read-item", status=200, expect={"id": item}', "")
        return project.do("run")


def _no_data_of_a_route(root: Path) -> Finished:
    with service() as entry:
        project = Project.copy(root, entry)
        project.edit("loadtests/browse.py", 'name="read-item"', 'name="list-" + "items"')
        return project.do("run")


def _lagging(root: Path) -> Finished:
    with service() as entry:
        project = Project.copy(root, entry)
        project.edit("loadtests/browse.py", *_BLOCKS)
        project.edit("loadtests/browse.py", "from harness.locust", "from harness import clock\nfrom harness.locust")
        return project.do("run")


def _breaking(root: Path) -> Finished:
    with service() as entry:
        project = Project.copy(root, entry)
        project.edit("loadtests/browse.py", *_BREAKS)
        return project.do("run")


def _second(root: Path) -> Finished:
    """The second of two runs on one target."""
    with service() as entry:
        project = Project.copy(root, entry, traffic=SHORT)
        first = project.start("run")
        first.wait_for("run", "run.started")
        second = project.do("run")
        first.process.send_signal(signal.SIGINT)
        first.wait()
        return second


SCENES: Final[Mapping[str, Scene]] = {
    "go": _healthy,
    "slow": _slow,
    "down": _down,
    "second": _second,
    "only": _only,
    "too short": _too_short,
    "by path": _by_path,
    "no load": _no_load,
    "no data": _no_data_of_a_route,
    "lagging": _lagging,
    "breaking": _breaking,
}
"""What came of them is the business of tests/run, tests/honesty and tests/pytest_plugin."""


def _struck(root: Path, moment: tuple[str, str], strike: Callable[[Running], None]) -> Finished:
    """A run that something happens to at a moment (source and kind of an observation); nothing of it may be left."""
    with service() as entry:
        project = Project.copy(root, entry, traffic="{rate: 20/s, for: 20 s}")
        running = project.start("run")
        running.wait_for(*moment)
        before = running.children()
        strike(running)
        finished = running.wait()
        left = {pid for pid in before if not gone({pid}, KILL_WITHIN_S)}
        for pid in left:
            kill(pid)
        if left:
            raise AssertionError(f"{len(left)} processes outlived their run for over {KILL_WITHIN_S:g} s")
        return finished


def _worker_dies(running: Running) -> None:
    kill(int(running.wait_for("load", "worker.started")["fields"]["pid"]))


def _watch_dies(running: Running) -> None:
    watching = [pid for pid in descendants(running.process.pid) if "harness.drivers.watch" in _command(pid)]
    for pid in watching:
        kill(pid)


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")


def _signalled(number: signal.Signals, *more: signal.Signals) -> Callable[[Running], None]:
    def strike(running: Running) -> None:
        for one in (number, *more):
            running.process.send_signal(one)
            clock.sleep(0.2)

    return strike


_WARMING: Final = ("load", "worker.started")
_MEASURING: Final = ("run", "window.opened")
STRIKES: Final[Mapping[str, Scene]] = {
    name: lambda root, moment=moment, strike=strike: _struck(root, moment, strike)  # type: ignore[misc]
    for name, moment, strike in [
        ("worker dies", _MEASURING, _worker_dies),
        ("watch dies", _MEASURING, _watch_dies),
        ("Ctrl-C in the warm-up", _WARMING, _signalled(signal.SIGINT)),
        ("Ctrl-C thrice in the window", _MEASURING, _signalled(signal.SIGINT, signal.SIGINT, signal.SIGINT)),
        ("SIGTERM in the window", _MEASURING, _signalled(signal.SIGTERM)),
        ("kill -9", _MEASURING, _signalled(signal.SIGKILL)),
    ]
}
"""What may happen to a run. `kill -9` of the harness is one of them."""
