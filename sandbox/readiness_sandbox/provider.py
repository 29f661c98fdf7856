"""The sandbox as the harness finds it: the entry point `sandbox` of the group `readiness.targets`.

For a run it is a child process that reports when it is ready and ends with this one. `readiness --help` loads this module: what takes
time to import is imported where it is used.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.errors import SandboxError, UsageError
from harness.provided import TargetProcesses
from readiness_sandbox import marker, processes
from readiness_sandbox.directory import Directory, holder
from readiness_sandbox.settings import ZYGOTE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import click

    from harness.provided import Finding, ProvidedTarget

RELEASED: Final = ("us-east-1", "eu-west-1", "ap-southeast-1", "database")
"""Namespaces of a release and its stores. What surrounds them, as the monitor and the balancer, takes its processor time whatever the release is."""
_GONE_WITHIN_S: Final = 8.0
_NOWHERE: Final = "http://127.0.0.1"
_COMMAND: Final = (sys.executable, "-m", "harness", "sandbox")


class Sandbox:
    """The embedded target."""

    def parts(self) -> Sequence[str]:
        """What can be deployed beside the platform's core."""
        from readiness_sandbox.platform.parts import names

        return names()

    def start(
        self, release: str, say: Callable[[str], None], *, keep: bool, stands_for: str, parts: Iterable[str]
    ) -> RunningSandbox:
        """`readiness sandbox up` in a child process, until it is ready.

        The child holds the other end of a pipe: when that closes, for whatever reason, the sandbox takes itself down, at most five
        seconds after this process has ended. With `keep` it stays.

        Raises:
            UsageError: it was asked for something that is not there, such as an unknown release; it has reported what.
            SandboxError: it did not come up; its output was passed to `say`.
        """
        words = ["up", *([] if keep else ["--hold"]), "--release", release, "--as", stands_for]
        words += [word for name in parts for word in ("--part", name)]
        with ExitStack() as stack:
            child = subprocess.Popen(
                [*_COMMAND, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
            )
            stack.callback(_end, child)
            running = RunningSandbox(_ready(child, say), child)
            stack.pop_all()  # from here on `close` ends it
        return running

    def attach(self, file: Path) -> RunningSandbox | None:
        """The sandbox whose target file this is; None: none runs in its directory."""
        directory = Directory(file.parent)
        its_own = file == directory.target and (file.parent / marker.NAME).is_file()
        return RunningSandbox(file) if its_own and holder(directory) is not None else None

    def describe(self, release: str, *, stands_for: str) -> DescribedSandbox:
        """Begin to describe it in a child process."""
        return DescribedSandbox(release, stands_for)

    def findings(self) -> Iterator[Finding]:
        """What it needs of this machine."""
        from readiness_sandbox.needs import findings

        return findings()

    def command(self) -> click.Command:
        """`readiness sandbox`."""
        from readiness_sandbox.cli import sandbox

        return sandbox


class RunningSandbox:
    """A sandbox that runs.

    Args:
        file: its target file.
        child: the process that was started for it; None: it ran already.
    """

    def __init__(self, file: Path, child: subprocess.Popen[str] | None = None) -> None:
        self.file = file
        self._child = child

    @property
    def release(self) -> str:
        """The version of the release that it runs."""
        import yaml

        return str(yaml.safe_load(self.file.read_text(encoding="utf-8"))["release"]["version"])

    def processes(self) -> TargetProcesses:
        """The supervisor is its own with all that surrounds a release; the target is what a release is, and its stores."""
        directory = Directory(self.file.parent)
        supervisor = holder(directory)
        if supervisor is None:
            return TargetProcesses()
        zygotes = [pid for pid in processes.children(supervisor) if ZYGOTE in processes.command_line(pid)]
        return TargetProcesses(own=frozenset({supervisor}), target=frozenset(released(directory, zygotes)))

    def close(self) -> None:
        """End it if it was started here; one that is kept stays, as its child has ended by then."""
        if self._child is not None:
            _end(self._child)


def released(directory: Directory, zygotes: Iterable[int]) -> Iterator[int]:
    """The first process of each container of a released namespace: it works in its pod's directory, which is named as the end of the pod's logs."""
    logs = (each.name.split("_") for each in directory.logs.iterdir() if each.is_dir())
    pods = {names[-1] for names in logs if names[0] in RELEASED}
    for pid in (container for zygote in zygotes for container in processes.children(zygote)):
        place = processes.working_directory(pid)
        if place is not None and pods.intersection(place.parts):
            yield pid


def _ready(child: subprocess.Popen[str], say: Callable[[str], None]) -> Path:
    for line in child.stdout or ():
        word, _, rest = line.strip().partition(" ")
        if word == "ready":
            return Path(rest)
        say(line.rstrip())
    code = child.wait()
    if code == UsageError.exit_code:
        raise UsageError("the sandbox was not started", hint="correct the error above")
    raise SandboxError(
        f"the sandbox did not start (exit code {code})",
        hint="see its messages above; `readiness doctor` lists missing prerequisites of this machine",
    )


def _end(child: subprocess.Popen[str]) -> None:
    """Close the pipes, which is the sign to go down, and see that it was heeded."""
    with child:  # closes its output and reaps it
        if child.stdin is not None:
            child.stdin.close()
        for _ in clock.Deadline.after(_GONE_WITHIN_S).ticks(0.05):
            if child.poll() is not None:
                return
        child.kill()


class DescribedSandbox:
    """The target that the sandbox would be with a release, without starting it.

    Its addresses are of no use.
    It is described by a child process meanwhile: a plan needs it last.
    """

    def __init__(self, release: str, stands_for: str = "sandbox") -> None:
        self._files = tempfile.TemporaryDirectory()
        words = ["describe", "--release", release, "--as", stands_for]
        words += ["--samples", str(Path(self._files.name, "samples"))]
        with_output = partial(subprocess.run, capture_output=True, text=True, check=False)
        self._described = ThreadPoolExecutor(1).submit(with_output, [*_COMMAND, *words])

    @contextmanager
    def written(self, parts: Iterable[str] = ()) -> Iterator[Path]:
        """A context with the target file with these parts: the files that it names are there meanwhile.

        Raises:
            UsageError: there is no such release. SandboxError: the sandbox cannot be described.
        """
        with self._files as directory:
            yield _described_file(self._described.result(), parts, Path(directory))


def _described_file(described: subprocess.CompletedProcess[str], parts: Iterable[str], directory: Path) -> Path:
    import yaml

    from readiness_sandbox.platform.parts import described as with_parts

    if described.returncode:
        error = UsageError if described.returncode == UsageError.exit_code else SandboxError
        raise error(described.stderr.strip() or "the sandbox cannot be described")
    content = with_parts(yaml.safe_load(described.stdout), parts, lambda _namespace, _name: _NOWHERE)
    if "names" not in content.get("rollout", {"names": ()}):
        raise UsageError(
            f"the release {content['rollout']['candidate']} needs a rollout, and no chosen requirement has one",
            where="--release",
            hint="add `--profile rollout`",
        )
    file = directory / "target.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    (directory / marker.NAME).touch()
    return file


SANDBOX: Final[ProvidedTarget] = Sandbox()
