"""The embedded target for a run.

It is a child process that reports when it is ready and ends with this one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from harness import clock
from harness.errors import SandboxError, UsageError
from harness.run.machine import company, waited_share
from harness.targets import load_target
from harness.targets.target import MARKER
from readiness_sandbox.directory import Directory, holder
from readiness_sandbox.platform.parts import described as with_parts
from readiness_sandbox.platform.parts import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from harness.model import Claim, Requirement
    from harness.targets import Target

_GONE_WITHIN_S: Final = 8.0
_NOWHERE: Final = "http://127.0.0.1"


def needed_parts(requirements: Iterable[Requirement], claims: Iterable[Claim]) -> tuple[str, ...]:
    """The parts of the sandbox's platform without which a claimed row cannot be decided.

    Of rows that need a part that it lacks, none; and none of a row that the profile gates in part, which is decided without.
    """
    there, claimed = names(), {claim.requirement for claim in claims}
    needs = [{part.name for part in row.needs} for row in requirements if row.id in claimed and not row.in_part]
    needed = set[str]().union(*(every for every in needs if every <= {*there}))
    return tuple(name for name in there if name in needed)


@contextmanager
def started_sandbox(
    release: str,
    say: Callable[[str], None],
    *,
    keep: bool = False,
    stands_for: str = "sandbox",
    parts: Iterable[str] = (),
) -> Iterator[Path]:
    """A context with `readiness sandbox up`; yields its target file.

    It ends at most five seconds after this process.

    The child holds the other end of a pipe: when that closes, for whatever reason, the sandbox takes itself down.
    With `keep` it stays.

    Raises:
        UsageError: it was asked for something that is not there, such as an unknown release; it has reported what.
        SandboxError: it did not come up; its output was passed to `say`.
    """
    if busy := company(waited_share()):
        say(f"{busy}; the sandbox shares it and may fail where alone it would not")
    command = [sys.executable, "-m", "harness", "sandbox", "up", *([] if keep else ["--hold"]), "--release", release]
    command += ["--as", stands_for, *(word for name in parts for word in ("--part", name))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        try:
            yield _ready(child, say)
        finally:
            _end(child)


def _ready(child: subprocess.Popen[str], say: Callable[[str], None]) -> Path:
    for line in child.stdout or ():
        word, _, rest = line.strip().partition(" ")
        if word == "ready":
            return Path(rest)
        say(line.rstrip())
    code = child.wait()
    if code == UsageError.exit_code:
        raise UsageError("the sandbox was not started", hint="see above")
    raise SandboxError(
        f"the sandbox did not come up (exit code {code})",
        hint="see its messages above; `readiness doctor` shows what this machine lacks",
    )


def _end(child: subprocess.Popen[str]) -> None:
    """Close the pipe, which is the sign to go down, and see that it was heeded."""
    if child.stdin is not None:
        child.stdin.close()
    for _ in clock.Deadline.after(_GONE_WITHIN_S).ticks(0.05):
        if child.poll() is not None:
            return
    child.kill()


def supervisors_of(target: Target) -> tuple[int, ...]:
    """The process that runs the sandbox whose target file this is; none: it is no sandbox's, or none runs."""
    directory = target.file.parent
    found = holder(Directory(directory)) if target.embedded else None
    return () if found is None else (found,)


class DescribedSandbox:
    """The target that the sandbox would be with a release, without starting it.

    Its addresses are of no use.
    It is described by a child process meanwhile: a plan needs it last.
    """

    def __init__(self, release: str, stands_for: str = "sandbox") -> None:
        self._files = tempfile.TemporaryDirectory()
        command = [sys.executable, "-m", "harness", "sandbox", "describe", "--release", release, "--as", stands_for]
        command += ["--samples", str(Path(self._files.name, "samples"))]
        with_output = partial(subprocess.run, capture_output=True, text=True, check=False)
        self._described = ThreadPoolExecutor(1).submit(with_output, command)

    @contextmanager
    def target(self, parts: Iterable[str] = ()) -> Iterator[Target]:
        """A context with the target with these parts: the files that it names are there meanwhile.

        Raises:
            UsageError: there is no such release. SandboxError: the sandbox cannot be described.
        """
        with self._files as directory:
            yield _described_target(self._described.result(), parts, Path(directory))


def _described_target(described: subprocess.CompletedProcess[str], parts: Iterable[str], directory: Path) -> Target:
    if described.returncode:
        error = UsageError if described.returncode == UsageError.exit_code else SandboxError
        raise error(described.stderr.strip() or "the sandbox cannot be described")
    content = with_parts(yaml.safe_load(described.stdout), parts, lambda _namespace, _name: _NOWHERE)
    if "names" not in content.get("rollout", {"names": ()}):
        raise UsageError(
            f"{content['rollout']['candidate']} is a candidate of rollouts, and no requirement that was chosen needs one",
            where="--release",
            hint="add `--profile rollout`",
        )
    file = directory / "target.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    (directory / MARKER).touch()
    return load_target(file)
