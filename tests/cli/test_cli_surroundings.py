"""What the machine lacks is said in words: no home, a deleted working directory, no memory, a writer that is a zombie, secrets in addresses."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.cli import main
from harness.drivers.chaos import sweep_scratch
from harness.drivers.chaos.scratch import Scratch
from harness.errors import HarnessError, UsageError
from harness.evidence import RunDirectory
from harness.targets.state import state_directory


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """No HOME, and no entry for the user: no traceback."""
    for name in ("HOME", "READINESS_STATE", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", str)
    with pytest.raises(UsageError, match="no directory was found for locks and the undo log") as caught:
        state_directory()
    assert caught.value.hint == "set READINESS_STATE to the absolute path of a directory"


def test_a_deleted_working_directory_is_said(tmp_path: Path) -> None:
    """Exit code 4 and a hint."""
    code = (
        "import os, sys\n"
        "from harness.cli import main\n"
        f"os.chdir({str(tmp_path)!r}); os.rmdir({str(tmp_path)!r})\n"
        "sys.argv = ['readiness', 'plan']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
    assert "the working directory cannot be used: No such file or directory\n  hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_too_little_memory_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3, no traceback."""

    def greedy(**_: object) -> int:
        raise MemoryError

    monkeypatch.setattr("harness.cli.readiness.main", greedy)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    assert capsys.readouterr().err.startswith("out of memory\n  hint: ")


@pytest.mark.parametrize(
    "text",
    [
        "`http://user:hunter2@a.test` is not an address",
        "no answer from postgresql://user:hunter2@10.0.0.1/db",
        "proxy HTTP://hunter2@proxy.test:3128",
        "proxy http://user:hun@hunter2@proxy.test:3128",
    ],
)
def test_users_and_passwords_of_addresses_are_never_printed(text: str) -> None:
    """Neither in what happened, nor where, nor in the hint."""
    said = str(HarnessError(text, where=text, hint=text))
    assert "hunter2" not in said
    assert said.count("***@") == 3


def test_an_address_without_them_is_printed_as_it_is() -> None:
    """Also beside an address of mail."""
    text = "https://a.test/x?q=a@b.test, http://127.0.0.1:8080 (write to a@b.test)"
    assert str(HarnessError(text)) == text


def test_a_zombie_writes_no_run(tmp_path: Path) -> None:
    """Its number and start are still there: the run is not in progress."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    mark = Path(f"/proc/{child.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19]
    (tmp_path / "running.json").write_text(json.dumps({"pid": child.pid, "started": mark}), encoding="utf-8")
    assert not RunDirectory(tmp_path).in_progress
    child.wait()


def test_what_a_child_kept_goes_with_it_also_when_the_harness_was_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Certificates of a Kubernetes client, for example; those of a living harness stay."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path))
    mine, dead = Scratch(), tmp_path / "scratch" / "chaos-dead"
    path = mine.make()
    (path / "tls.key").write_text("secret")
    dead.mkdir()
    (dead / "tls.key").write_text("secret")
    other = tmp_path / "scratch" / "chaos-alive"
    other.mkdir()
    fd = os.open(other, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    second = Scratch()
    again = second.make()
    assert (path.exists(), dead.exists(), other.exists()) == (True, False, True)
    for scratch in (mine, second):
        scratch.remove()
        scratch.remove()
    os.close(fd)
    assert not path.exists()
    assert not again.exists()


def test_a_scratch_directory_that_another_command_swept_is_made_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is nobody's until it is locked: a command that starts at that moment takes it for what a killed one left."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path))
    make, made = tempfile.mkdtemp, list[Path]()

    def swept_at_once(**words: str) -> str:
        made.append(Path(make(**words)))
        if len(made) == 1:
            sweep_scratch()
        return str(made[-1])

    monkeypatch.setattr(tempfile, "mkdtemp", swept_at_once)
    scratch = Scratch()
    path = scratch.make()
    sweep_scratch()
    assert path.is_dir()
    assert [one.exists() for one in made] == [False, True]
    scratch.remove()


def test_what_a_killed_run_left_in_scratch_goes_with_recover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of a cluster need not wait for the next experiment."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    left = tmp_path / "state" / "scratch" / "chaos-dead"
    left.mkdir(parents=True)
    (left / "tls.key").write_text("secret")
    file = tmp_path / "target.yaml"
    file.write_text("name: shop\nenvironment: staging\nentry: http://127.0.0.1:9\n")
    monkeypatch.setattr(sys, "argv", ["readiness", "recover", "--target", str(file)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert not left.exists()


@pytest.mark.parametrize("named", [False, True])
def test_recover_names_what_is_pending_of_other_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, named: bool
) -> None:
    """Outside a project there is no target to undo it on, and with another target file nothing is undone; a file that is not JSON counts, too."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "target.yaml"
    file.write_text("name: shop\nenvironment: staging\nentry: http://127.0.0.1:9\n")
    arguments = ["readiness", "recover", *(["--target", str(file)] if named else [])]
    monkeypatch.setattr(sys, "argv", arguments)

    def said() -> tuple[object, str]:
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, "".join(capsys.readouterr())

    assert "pending for" not in said()[1]
    intents = tmp_path / "state" / "intents"
    for place, name in (("aa", "stage"), ("aa", "stage"), ("bb", "live")):
        (intents / place).mkdir(parents=True, exist_ok=True)
        number = len(list((intents / place).iterdir()))
        (intents / place / f"{number}.json").write_text(json.dumps({"target": name}))
    (intents / "cc").mkdir()
    (intents / "cc" / "1.json").write_text("{")
    code, text = said()
    assert code == (0 if named else 4), text
    assert "Traceback" not in text
    for words in (
        f"2 undos are pending for the target stage ({intents / 'aa'})",
        f"1 undo is pending for the target live ({intents / 'bb'})",
        f"1 undo is pending for the target cc ({intents / 'cc'})",
        "run `readiness recover --target FILE` with",
    ):
        assert words in text
