"""Runs on a plain service that several rooms' tests look at; nothing starts before one of them asks."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import yaml
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # as of a job in the background: what tests start would ignore Ctrl-C, too
    signal.signal(signal.SIGINT, signal.default_int_handler)
if (root := str(Path(__file__).parent.parent)) not in sys.path:
    sys.path.insert(0, root)  # so that helpers are imported by one name, `tests.…`, by tests and type checker alike

from tests.builders import commit_suite, measures
from tests.builders.measures import measures_as_before, pytest_sessionfinish  # noqa: F401 - pytest's
from tests.plain.plain_project import Project
from tests.plain.scenes import SCENES, STRIKES, Stage

if TYPE_CHECKING:
    from xdist.remote import Producer

NEEDS_SANDBOX = ("sandbox", "together", "genuine")
"""Folders of tests that need `readiness-sandbox`: its own, those that hold it and the engine together, and those of a genuine cluster."""

settings.register_profile(
    "harness", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # what an example may take is for a benchmark, on a quiet machine
settings.load_profile("harness")

gc.set_threshold(50_000)  # as `readiness` has it
# With the default, each worker needs 21 s of a processor to collect the tests, not 15.

if hasattr(yaml, "CSafeLoader"):  # the loader of libyaml, ten times as fast
    setattr(yaml, "safe_load", partial(yaml.load, Loader=yaml.CSafeLoader))  # noqa: B010

setattr(httpx._transports.default, "create_ssl_context", cache(httpx.create_ssl_context))  # noqa: B010
# Reading the certificates of the machine takes 25 ms of a processor, for each client that a test asks with while a service starts.
# The harness itself hands its clients a context of its own.

SHARED: Mapping[str, tuple[str, ...]] = {
    "scenes": (
        "tests/run/test_run_decisions.py",
        "tests/run/test_run_struck.py",
        "tests/run/test_run_evidence.py",
        "tests/run/test_run_baseline.py",
        "tests/honesty/test_honesty_runs.py",
        "tests/honesty/test_honesty_fault.py",
        "tests/pytest_plugin/test_plugin_allure.py",
        "tests/pytest_plugin/test_plugin_replay.py",
        "tests/pytest_plugin/test_plugin_own_steps.py",
    ),
    "loads that people start": tuple(
        f"tests/drivers/load/test_load_{name}.py" for name in ("by_hand", "fleet", "foreign", "stock")
    ),
    "loads that the harness starts": ("tests/drivers/load/",),
    "one PostgreSQL": ("tests/sandbox/platform/", "tests/together/check/test_check_cache_snapshots.py"),
    "one pocket cluster": ("tests/sandbox/test_machinery_",),
    "one API server": ("tests/together/check/", "tests/together/watch/"),
    "servers that are checked": ("tests/drivers/check/",),
    "servers that are watched": ("tests/drivers/watch/",),
    "one network": ("tests/sandbox/test_network_",),
    "one API": ("tests/sandbox/cluster/",),
    "one chaos child": ("tests/together/chaos/",),
}
"""Files of which one worker runs all tests, because they share processes or addresses, or would take the processors from each other. These begin first, in this order."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the project's own tests."""
    measures.add_options(parser)
    commit_suite.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """The tests of a commit, where they are asked for."""
    commit_suite.configure(config)


def _group(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return next((name for name, starts in SHARED.items() if file.startswith(starts)), file)


class _ByGroup(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands groups to workers: those of SHARED first, every other file by itself."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _ByGroup:
    """Under `-n`: how tests are handed to workers."""
    config.option.loadscopereorder = False
    return _ByGroup(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long groups first, for a worker that begins one last would end alone."""
    order = list(SHARED)
    items.sort(key=lambda item: order.index(group) if (group := _group(item.nodeid)) in order else len(order))


def pytest_collection_finish() -> None:
    """What was collected is no garbage before the end: nothing looks for some in it."""
    gc.freeze()


class _WithoutSandbox(pytest.Collector):
    """A folder whose tests need `readiness-sandbox`, where it is not installed; of a `Directory` pytest would load the conftest."""

    def collect(self) -> Iterator[pytest.Item]:
        """Skip all of it, in one sentence."""
        pytest.skip(f"tests/{self.name} needs readiness-sandbox, which is not installed: pip install ./sandbox")


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The engine's tests run without the sandbox."""
    if path.parent != Path(__file__).parent or path.name not in NEEDS_SANDBOX or find_spec("readiness_sandbox"):
        return None
    folder: _WithoutSandbox = _WithoutSandbox.from_parent(parent, name=path.name)
    return folder


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """What came of each whole run of `tests.plain.scenes.SCENES`, by name."""
    with closing(Stage(tmp_path_factory.mktemp("scenes"), SCENES)) as stage:
        yield stage


@pytest.fixture(scope="session")
def strikes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """What came of each run that something happened to, by name."""
    with closing(Stage(tmp_path_factory.mktemp("strikes"), STRIKES)) as stage:
        yield stage


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A copy of the plain project whose service is not there: for what must be refused before anything runs."""
    copy = Project.copy(tmp_path / "project", "http://127.97.0.1:9")
    yield copy
    copy.clean()
