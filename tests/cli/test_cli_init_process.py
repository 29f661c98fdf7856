"""What the script of a new project kills: the service at the entry, and nothing that is not it or could not be started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from harness.cli import main
from harness.cli.starter.listening import FORWARDERS, listening
from harness.cli.starter.writing import ProjectAnswers, write_project
from harness.targets import load_target

SERVICE = str(Path(__file__).with_name("small_service.py"))


@pytest.fixture
def port() -> int:
    """A free one, at every address."""
    with socket.create_server(("", 0)) as probe:
        return int(probe.getsockname()[1])


class Machine:
    """Services of a test, and the project of the one at 127.0.0.1."""

    def __init__(self, root: Path, port: int, processes: ExitStack) -> None:
        self._processes = processes
        self._port = port
        self.root = root
        self.entry = f"http://127.0.0.1:{port}"

    def start(self, *words: str, program: str = sys.executable, name: str = "") -> subprocess.Popen[str]:
        """A service that listens; `words` are its host, and what small_service.py knows."""
        command = [name or program, SERVICE, str(self._port), *words]
        process = subprocess.Popen(command, executable=program, stdout=subprocess.PIPE, text=True)
        self._processes.enter_context(process)
        self._processes.callback(process.kill)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def linked(self, name: str) -> str:
        """Python by another name."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(os.path.realpath(sys.executable))
        return str(path)

    def do(self, word: str, entry: str = "") -> tuple[int, str]:
        """Exit code and output of the script."""
        project = self.root / "project"
        write_project(project, ProjectAnswers(name="shop", entry=entry or self.entry))
        done = subprocess.run(
            ["python3", "experiments/service_process.py", word],
            cwd=project,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def machine(tmp_path: Path, port: int) -> Iterator[Machine]:
    """No service runs yet."""
    with ExitStack() as processes:
        yield Machine(tmp_path, port, processes)


@pytest.mark.parametrize("name", ["kubectl", "ssh", "session-manager-plugin"])
def test_a_forwarder_is_not_killed(machine: Machine, name: str) -> None:
    """The service behind it would not be broken, and the restart would be measured of the forwarder."""
    process = machine.start(program=machine.linked(name))
    code, said = machine.do("kill")
    assert (code, process.poll()) == (1, None)
    assert f"{name[:15]} (process {process.pid}) listens there and only forwards connections" in said
    assert "Nothing was killed" in said
    assert not (machine.root / "project" / "reports").exists()


def test_a_service_behind_a_forwarder_may_not_be_broken(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is mostly on another machine: no row of a restart, and its name is typed."""
    process = machine.start(program=machine.linked("kubectl"))
    monkeypatch.chdir(machine.root)
    monkeypatch.setattr(sys, "argv", ["readiness", "init", "shop", "--entry", machine.entry])
    with pytest.raises(SystemExit) as ended:
        main()
    said = "".join(capfd.readouterr())
    assert not ended.value.code, said
    assert f"kubectl (process {process.pid}) listens at {machine.entry} and forwards connections" in said
    assert "readiness run --allow-target shop" in said
    assert not load_target(machine.root / "shop" / "target.yaml").disposable
    rows = yaml.safe_load((machine.root / "shop" / "catalogue" / "shop.yaml").read_text())["sections"][0]
    assert [row["id"] for row in rows["requirements"]] == ["SHOP-P95", "SHOP-ERRORS", "SHOP-UPTIME"]
    assert (
        "for shop is reached through kubectl:" in (machine.root / "shop/experiments/service-restart.yaml").read_text()
    )


def test_what_listens_is_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Before the first run, with what that does to it."""
    process = machine.start()
    (found,) = listening(machine.entry)
    assert (found.pid, found.forwards) == (process.pid, False)
    monkeypatch.chdir(machine.root)
    monkeypatch.setattr(sys, "argv", ["readiness", "init", "shop", "--entry", machine.entry])
    with pytest.raises(SystemExit):
        main()
    said = f"(process {process.pid}) listens at {machine.entry}: experiments/service-restart.yaml kills it and starts it again\n"
    assert said in "".join(capfd.readouterr())


@pytest.mark.parametrize("other", ["127.0.0.2", "::1"])
def test_only_what_listens_at_the_host_is_killed_and_it_is_named(machine: Machine, other: str) -> None:
    """The port of another address of this machine is another service's."""
    neighbour, process = machine.start(other), machine.start()
    assert machine.do("pid") == (0, f"{process.pid}\n")
    code, said = machine.do("kill")
    assert (code, process.wait(60), neighbour.poll()) == (0, -signal.SIGKILL, None)
    assert said == f"killed {Path(sys.executable).name} {SERVICE} (process {process.pid}) in {Path.cwd()}\n"


@pytest.mark.parametrize(
    ("host", "entry"),
    [
        ("::", "http://127.0.0.1"),
        ("::", "http://localhost"),
        ("::ffff:127.0.0.1", "http://127.0.0.1"),
        ("0.0.0.0", "http://localhost"),
        ("0.0.0.0", "http://0.0.0.0"),
        ("::1", "http://[::1]"),
        ("::", "http://[::]"),
    ],
)
def test_what_listens_at_every_address_listens_at_the_entry_too(machine: Machine, host: str, entry: str) -> None:
    """Servers of Go, Java and Node listen at every address of IPv6, which takes the connections of IPv4."""
    process = machine.start(host)
    assert machine.do("pid", machine.entry.replace("http://127.0.0.1", entry)) == (0, f"{process.pid}\n")


def test_the_port_of_this_machine_is_not_that_of_another(machine: Machine) -> None:
    """An address of another machine is served by no process of this one."""
    process = machine.start("0.0.0.0")
    code, said = machine.do("kill", machine.entry.replace("127.0.0.1", "192.0.2.1"))
    assert (code, process.poll()) == (1, None)
    assert "no process of this user listens there" in said


@pytest.mark.parametrize(
    ("words", "program", "name", "said"),
    [
        ((), "", "shop of nowhere", "the program `shop of nowhere` does not exist in"),
        (("127.0.0.1", "titled"), "", "", "has changed its command line"),
        ((), "go-build17/b001/exe/shop", "", "`go run` removes"),
    ],
)
def test_what_could_not_be_started_again_is_not_killed(
    machine: Machine, *, words: tuple[str, ...], program: str, name: str, said: str
) -> None:
    """The service of the user would stay down: `start`, the rollback and the recovery do the same."""
    process = machine.start(*words, program=machine.linked(program) if program else sys.executable, name=name)
    code, answered = machine.do("kill")
    assert (code, process.poll()) == (1, None), answered
    assert said in answered
    assert "Nothing was killed" in answered
    assert "Traceback" not in answered


def test_of_two_processes_that_share_a_port_none_is_killed(machine: Machine) -> None:
    """Only one of them would be started again."""
    both = [machine.start("127.0.0.1", "shared") for _ in range(2)]
    code, said = machine.do("kill")
    assert (code, [one.poll() for one in both]) == (1, [None, None])
    assert "neither is a child of the other" in said


def test_what_was_never_killed_is_not_started(machine: Machine) -> None:
    """With a sentence, as for a program that is gone."""
    code, said = machine.do("start")
    assert (code, said.count("\n")) == (1, 1)
    assert "the process cannot be started: " in said


def test_the_script_knows_every_forwarder(tmp_path: Path) -> None:
    """It is copied into the project, and imports nothing of the harness."""
    write_project(tmp_path, ProjectAnswers(name="shop", entry="http://127.0.0.1:9"))
    text = (tmp_path / "experiments" / "service_process.py").read_text()
    assert {*FORWARDERS} <= {*text.partition('FORWARDERS = """')[2].partition('"""')[0].split()}
    assert "harness" not in text
