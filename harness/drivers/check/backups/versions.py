"""Versions of configuration in a branch of a git repository, read with `git`; neither the repository nor a work tree is changed."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.clock import Deadline
from harness.drivers.check.backups.manifests import MOST_BYTES
from harness.errors import DriverError
from harness.targets import Target
from harness.targets.files.configuration import GitCopy
from harness.targets.files.values import is_http
from harness.targets.http import proxy_for

_FILES: Final = frozenset({b"100644", b"100755"})
_WORDS: Final = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigurationVersions:
    """The versions of one branch.

    Attributes:
        directory: the repository.
        copy: branch and path.
        deadline: of everything that is asked.
        variables: of the environment of `git`.
    """

    directory: Path
    copy: GitCopy
    deadline: Deadline
    variables: Mapping[str, str]

    def newest(self, most: int) -> Sequence[str]:
        """Commits that changed the configuration, the newest first; empty: the branch is not there. Raises DriverError."""
        branch = f"refs/heads/{self.copy.branch}"
        found = self._git("for-each-ref", "--format=%(objectname)", branch).split()
        if not found:
            return ()
        path = self.copy.path.strip("/")
        below = ["--", path] if path else []
        return (
            self._git("--literal-pathspecs", "log", f"--max-count={most}", "--format=%H", branch, *below)
            .decode()
            .split()
        )

    def files(self, commit: str) -> Mapping[str, bytes]:
        """The files of a version, by their path below that of the configuration; none: the version does not have that path.

        Raises:
            DriverError: they cannot be read, are too large together, or are no files.
        """
        path = self.copy.path.strip("/")
        names: dict[str, bytes] = {}
        size = 0
        if path:
            found = self._git("--literal-pathspecs", "ls-tree", "-z", commit, "--", path)
            if not found:
                return {}
            if found.split()[1] != b"tree":
                hint = "let `path` be the directory of the configuration"
                raise DriverError(f"`{path}` is not a directory", where=self.copy.at, hint=hint)
        for line in self._git("ls-tree", "-r", "-l", "-z", f"{commit}:{path}").split(b"\0")[:-1]:
            about, _, name = line.partition(b"\t")
            mode, _, blob, length = about.split()
            if mode not in _FILES:
                what = f"{name.decode(errors='replace')} is a link or another repository, which is not followed"
                raise DriverError(what, where=self.copy.at)
            if not length.isdigit():
                hint = "`git fsck` names what is missing"
                raise DriverError(
                    f"the repository lacks a blob of the version {commit[:12]}", where=self.copy.at, hint=hint
                )
            names[name.decode(errors="surrogateescape")] = blob
            size += int(length)
        if size > MOST_BYTES:
            raise DriverError(f"the version is larger than {MOST_BYTES} bytes", where=self.copy.at)
        batch = self._git("cat-file", "--batch", given=b"".join(blob + b"\n" for blob in names.values()))
        return dict(zip(names, _contents(batch), strict=True))

    def _git(self, *words: str, given: bytes = b"") -> bytes:
        return git(["-C", str(self.directory), *words], self.variables, self.deadline, self.copy.at, given)


def git(
    words: Sequence[str], variables: Mapping[str, str], deadline: Deadline, where: str, given: bytes = b""
) -> bytes:
    """What `git` writes.

    Raises:
        DriverError: it is not on this machine, failed, or did not end in time.
    """
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            ["git", *words], env=variables, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
    except OSError as error:
        hint = "install git on this machine"
        raise DriverError(f"`git` could not be run ({type(error).__name__})", where=where, hint=hint) from error
    try:
        content, said = process.communicate(given, timeout=deadline.left_s)
    except subprocess.TimeoutExpired:
        raise DriverError("`git` did not end in time", where=where, hint="give more time with `within`") from None
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode:
        why = " ".join(said.decode(errors="replace").split())[-_WORDS:]
        raise DriverError(f"`git` ended with {process.returncode}: {why}", where=where)
    return content


@contextmanager
def versions_of(target: Target, copy: GitCopy, within_s: float) -> Iterator[ConfigurationVersions]:
    """Context of the versions; of a repository at an address in a clone that is removed.

    Raises:
        DriverError: the repository cannot be read. ConfigurationError: a secret cannot be read.
    """
    deadline = Deadline.after(within_s)
    if not copy.is_remote:
        directory = target.beside(copy.at)
        yield ConfigurationVersions(
            directory=directory, copy=copy, deadline=deadline, variables=_variables(target, copy, directory)
        )
        return
    with tempfile.TemporaryDirectory(prefix="readiness-") as made:
        clone = Path(made) / "clone"
        variables = _variables(target, copy, clone)
        words = ["clone", "--quiet", "--bare", "--no-tags", "--", copy.at, str(clone)]
        git(words, variables, deadline, copy.at)
        yield ConfigurationVersions(directory=clone, copy=copy, deadline=deadline, variables=variables)


def _variables(target: Target, copy: GitCopy, directory: Path) -> dict[str, str]:
    """The environment of `git`: no other repository, no question to people, and the target's own way to the server."""
    settings: dict[str, str] = {}
    if is_http(copy.at):
        settings["http.proxy"] = proxy_for(target, copy.at) or ""
        if copy.authorization is not None:
            settings["http.extraHeader"] = f"Authorization: {copy.authorization.resolve()}"
        if target.tls.ca_file:
            settings["http.sslCAInfo"] = str(target.beside(target.tls.ca_file).absolute())
    numbered = enumerate(settings.items())
    told = {
        f"GIT_CONFIG_{what}_{n}": text
        for n, pair in numbered
        for what, text in zip(("KEY", "VALUE"), pair, strict=True)
    }
    usual = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name == "GIT_SSH"}
    return {
        **usual,
        **told,
        "GIT_CONFIG_COUNT": str(len(settings)),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_CEILING_DIRECTORIES": str(directory.absolute().parent),
        "LC_ALL": "C",
    }


def _contents(batch: bytes) -> Iterator[bytes]:
    """The contents of `git cat-file --batch`, in order."""
    place = 0
    while place < len(batch):
        end = batch.index(b"\n", place)
        size = int(batch[place:end].split()[2])
        yield batch[end + 1 : end + 1 + size]
        place = end + size + 2
