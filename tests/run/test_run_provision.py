"""A provided target for a run: found by its name, started, ended, and refused before anything is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import click
import pytest

import harness
from harness import provided as found
from harness.errors import ConfigurationError, Refused, UsageError
from harness.provided import DescribedTarget, Finding, ProvidedTarget, RunningTarget, TargetProcesses
from harness.run.plan.choice import Choice, choose
from harness.run.project import find_project
from harness.run.settings import Settings
from harness.run.start import provision
from harness.run.start.provision import PlannedTarget, declared_processes, started
from harness.targets import load_target

FILE = "name: shed\nenvironment: sandbox\nentry: http://127.0.0.1:1\n"


class Running:
    """What a provided target is while it runs."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.release = "2.0.0"
        self.closed = 0

    def processes(self) -> TargetProcesses:
        """Two of them."""
        return TargetProcesses(frozenset({1}), frozenset({2}))

    def close(self) -> None:
        """Count."""
        self.closed += 1


class Shed:
    """The least that provides a target."""

    def __init__(self, root: Path) -> None:
        self.running = Running(root / "target.yaml")
        self.running.file.write_text(FILE, encoding="utf-8")
        self.asked: dict[str, object] = {}

    def parts(self) -> Sequence[str]:
        """None."""
        return ()

    def start(
        self, release: str, say: Callable[[str], None], *, keep: bool, stands_for: str, parts: Iterable[str]
    ) -> RunningTarget:
        """At once, but for a release that is not there."""
        if release == "none":
            raise UsageError("there is no release 'none'")
        self.asked = {"release": release, "keep": keep, "stands_for": stands_for, "parts": parts}
        say("1 of 1")
        return self.running

    def attach(self, file: Path) -> RunningTarget | None:
        """Its own file."""
        return self.running if file == self.running.file else None

    def describe(self, release: str, *, stands_for: str) -> DescribedTarget:
        """The same file."""
        assert (release, stands_for) == ("1.0.0", "sandbox")
        return self

    def written(self, parts: Iterable[str] = ()) -> AbstractContextManager[Path]:
        """The same file."""
        assert not parts
        return nullcontext(self.running.file)

    def findings(self) -> Iterator[Finding]:
        """None."""
        return iter(())

    def command(self) -> click.Command:
        """Nothing by hand."""
        return click.Command("shed")


class Installed:
    """A distribution with this entry point."""

    def __init__(self, name: str, version: str, *requires: str) -> None:
        self.name, self.version, self.requires = name, version, requires


def entry(name: str, package: Installed | None) -> EntryPoint:
    """An entry point that names `SHED` here."""
    made = EntryPoint(name=name, value=f"{__name__}:SHED", group=found.GROUP)
    vars(made).update(dist=package)
    return made


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """These packages are installed, each with its target, and no other one."""

    def install(**packages: Installed | None) -> None:
        entries = [entry(name.rstrip("_"), package) for name, package in packages.items()]

        def listed(*, group: str, name: str | None = None) -> list[EntryPoint]:
            assert group == "readiness.targets"
            return [one for one in entries if name in {None, one.name}]

        monkeypatch.setattr(found, "entry_points", listed)

    return install


@pytest.fixture
def shed(tmp_path: Path, install: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Shed:
    """A provided target that is installed."""
    install(shed=Installed("my-shed", "2.0", f"readiness-harness=={harness.__version__}"))
    made = Shed(tmp_path)
    monkeypatch.setattr(EntryPoint, "load", lambda _self: made)
    return made


def settings(root: Path, **options: Any) -> Settings:
    """Of a run on it."""
    return Settings(project=find_project(root), provided="shed", **options)


def test_a_provided_target_is_started_for_a_run_and_ended_with_it(
    shed: Shed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked of it, and what is said; a busy machine is told of before."""
    monkeypatch.setattr(provision, "waited_share", lambda: 0.9)
    said: list[str] = []
    with started(settings(tmp_path, release="2.0.0", keep=True), (), (), said.append) as target:
        assert (target.name, shed.running.closed) == ("shed", 0)
    assert shed.running.closed == 1
    assert shed.asked == {"release": "2.0.0", "keep": True, "stands_for": "sandbox", "parts": ()}
    assert said == [
        "starting the shed with release 2.0.0",
        "this machine is busy: programs waited for a processor in 90 % of the last 10 s; the shed runs on the same machine and may fail because of it",
        "1 of 1",
        "the shed is ready with release 2.0.0",
    ]


def test_a_target_whose_file_is_wrong_is_ended_too(shed: Shed, tmp_path: Path) -> None:
    """Nothing that was started stays."""
    shed.running.file.write_text("name: 1", encoding="utf-8")
    with pytest.raises(ConfigurationError), started(settings(tmp_path), (), (), print):
        pytest.fail("it is no target file")
    assert shed.running.closed == 1


def test_a_plan_describes_it(shed: Shed, tmp_path: Path) -> None:
    """Nothing is started."""
    with PlannedTarget(settings(tmp_path)).target((), ()) as target:
        assert target.name == "shed"
    assert shed.asked == {}


def test_its_processes_are_those_that_it_declares(shed: Shed, tmp_path: Path, install: Callable[..., None]) -> None:
    """By the target file that it wrote; of another target nothing is known.

    A run on a target file goes on where the package does not fit: it is refused where it is named as the target.
    """
    target = load_target(shed.running.file)
    assert declared_processes(target)() == TargetProcesses(frozenset({1}), frozenset({2}))
    elsewhere = tmp_path / "elsewhere" / "target.yaml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(FILE, encoding="utf-8")
    assert declared_processes(load_target(elsewhere))() == TargetProcesses()
    install(shed=Installed("my-shed", "1.0", "readiness-harness>=9"))
    assert declared_processes(target)() == TargetProcesses()


def test_its_name_is_a_target_on_the_command_line_and_in_a_project(shed: Shed, tmp_path: Path) -> None:
    """A profile has to be named: only the sandbox has one of its own. A file of that name has a suffix or a directory."""
    assert choose(find_project(tmp_path), Path("shed"), ["mine"]) == Choice(None, ("mine",), "shed")
    assert choose(find_project(tmp_path), Path("shed.yaml"), ["mine"]) == Choice(Path("shed.yaml"), ("mine",), "")
    with pytest.raises(UsageError, match="no project is configured here"):
        choose(find_project(tmp_path), None, ["mine"])
    (tmp_path / "pyproject.toml").write_text('[tool.harness]\ntarget = "shed"\nprofiles = ["mine"]\n', encoding="utf-8")
    assert choose(find_project(tmp_path), None, []) == Choice(None, ("mine",), "shed")
    with pytest.raises(UsageError, match="the profile mine of this project is for the shed, not for sandbox"):
        choose(find_project(tmp_path), Path("sandbox"), [])


def test_a_target_that_is_not_installed_is_refused_with_the_command_that_brings_it(
    install: Callable[..., None],
) -> None:
    """The sandbox by its extra; of another one the installed targets are listed."""
    install()
    with pytest.raises(UsageError) as raised:
        found.provided("sandbox")
    assert raised.value.what == "the target `sandbox` is not installed"
    version = harness.__version__
    by_checkout = "or in a checkout of that version `pip install . ./sandbox`"
    assert raised.value.hint == f"pip install 'readiness-harness[sandbox]=={version}', {by_checkout}"
    install(shed=None)
    with pytest.raises(UsageError) as raised:
        found.provided("barn")
    assert raised.value.hint == "install the package that has it (installed targets: shed)"


@pytest.mark.parametrize(
    ("name", "package", "what", "hint"),
    [
        (
            "sandbox",
            Installed("readiness-sandbox", "9.9.9", "click", "readiness-harness==9.9.9"),
            f"readiness-sandbox 9.9.9 does not fit readiness-harness {harness.__version__}: it requires readiness-harness==9.9.9",
            f"pip install 'readiness-harness[sandbox]=={harness.__version__}', or in a checkout",
        ),
        (
            "shed",
            Installed("my-shed", "1.0", "readiness-harness>=9,<10"),
            f"my-shed 1.0 does not fit readiness-harness {harness.__version__}: it requires readiness-harness<10,>=9",
            f"pip install 'readiness-harness=={harness.__version__}' my-shed",
        ),
    ],
)
def test_a_target_for_another_version_of_the_harness_is_refused(
    install: Callable[..., None], name: str, package: Installed, what: str, hint: str
) -> None:
    """With both versions and the command; it is not imported."""
    install(**{name: package})
    with pytest.raises(Refused) as raised:
        found.provided(name)
    assert raised.value.what == what
    assert raised.value.hint.startswith(hint)


def test_a_target_that_cannot_be_loaded_is_a_message(install: Callable[..., None]) -> None:
    """Of two packages which one is judged would be chance; one that cannot be imported is another package's, and no traceback."""
    install(shed=Installed("my-shed", "1.0"), shed_=Installed("your-shed", "1.0"))
    with pytest.raises(ConfigurationError) as raised:
        found.provided("shed")
    assert (raised.value.what, raised.value.where) == ("two packages have a target `shed`", "my-shed and your-shed")
    install(shed=None)
    with pytest.raises(ConfigurationError, match="the target `shed` cannot be loaded: "):
        found.provided("shed")


def test_a_target_that_does_not_come_up_is_an_error(shed: Shed, tmp_path: Path) -> None:
    """Of the target's own, passed on; nothing was begun that has to be ended."""
    with (
        pytest.raises(UsageError, match="there is no release 'none'"),
        started(settings(tmp_path, release="none"), (), (), print),
    ):
        pytest.fail("it is not started")
    assert shed.running.closed == 0


def typed(shed: Shed) -> ProvidedTarget:
    """The type checker holds this file's target against the protocol."""
    return shed
