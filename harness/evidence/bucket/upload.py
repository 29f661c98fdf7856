"""Sends the evidence of a run to a bucket while it is recorded.

Objects of S3 cannot grow. Of a file that grows, each pass sends what was added as an object of its own, named after where it begins; a killed run leaves
what was written until the last pass. At the end of the run each file is sent as a whole, the manifest and the verdict last, and the pieces are deleted:
whatever ends in between, the bucket has a run that is complete, or one that says that it is not.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from harness.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from harness.evidence.bucket.store import Bucket

EACH_S: Final = 5.0
"""Seconds between two passes; a killed run loses at most what was written since the last one."""
GROWING: Final = ".growing"
"""Name, below that of the run, of the pieces of files that grow."""
DIGITS: Final = 15
"""Of the position of a piece, so that names are in the order of the file."""
_GROW: Final = (".ndjson", ".rows", ".log")
_NOT_SENT: Final = ("running.json", "allure-report")
"""The mark of a process of this machine, and a site that is made of the evidence at any time."""
_LAST: Final = ("manifest.json", "verdict.json")


@dataclass(frozen=True, slots=True)
class _SentFile:
    """A file as it was sent: its inode, size and time of change."""

    inode: int
    size: int
    changed_ns: int


class EvidenceUpload:
    """Context manager that sends the evidence of a run until its end.

    Args:
        directory: the run directory.
        bucket: the bucket, at the run's own prefix.
        say: function that gets what people should know.
    """

    def __init__(self, directory: Path, bucket: Bucket, say: Callable[[str], None]) -> None:
        self._directory = directory
        self._bucket = bucket
        self._say = say
        self._sent: dict[str, _SentFile] = {}
        self._failed = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="upload", daemon=True)

    def __enter__(self) -> Self:
        """Send what is there.

        Raises:
            EvidenceError: the bucket cannot be written.
        """
        self.sync()
        self._say(f"the evidence is sent to {self._bucket.url}")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send everything as a whole. A failure is reported, and the evidence on this machine is complete."""
        self._ended.set()
        self._thread.join()
        try:
            self.finish()
        except EvidenceError as failed:
            self._say(f"the evidence in the bucket is not complete: {failed}")

    def _keep(self) -> None:
        while not self._ended.wait(EACH_S):
            try:
                self.sync()
                failed = ""
            except EvidenceError as error:
                failed = error.what
            if failed != self._failed:
                self._say(f"{self._bucket.url}: {failed}" if failed else "the evidence is sent again")
            self._failed = failed

    def sync(self) -> None:
        """Send what is new. Raises EvidenceError; what was not sent is sent with the next pass."""
        for path, name in self._files():
            self._send(path, name, in_pieces=path.suffix in _GROW)

    def finish(self) -> None:
        """Send every file as a whole, and delete what is no file of the run. Raises EvidenceError."""
        names = [name for _, name in self._files()]
        for name in [*(one for one in names if one not in _LAST), *(one for one in _LAST if one in names)]:
            self._send(self._directory / name, name, in_pieces=False)
        self._bucket.delete([name for name in self._bucket.names() if name not in names])

    def _send(self, path: Path, name: str, *, in_pieces: bool) -> None:
        """Send a file, if it is still there. Raises EvidenceError."""
        try:
            self._send_changed(path, name, in_pieces=in_pieces)
        except FileNotFoundError:  # it was sealed meanwhile
            return
        except OSError as error:
            hint = "check the directory of the run"
            raise EvidenceError(f"{name} cannot be read: {error.strerror}", where=str(path), hint=hint) from error

    def _send_changed(self, path: Path, name: str, *, in_pieces: bool) -> None:
        found = path.stat()
        now = _SentFile(found.st_ino, found.st_size, found.st_mtime_ns)
        key = f"{GROWING}/{name}" if in_pieces else name
        before = self._sent.get(key)
        if now == before:
            return
        begin = before.size if in_pieces and before is not None else 0
        if begin and before is not None and (now.inode != before.inode or now.size < begin):
            self._bucket.delete([one for one in self._bucket.names() if one.startswith(f"{key}/")])
            begin = 0  # another file has its name now
        with path.open("rb") as file:
            if not in_pieces:
                self._bucket.put(key, file)
            elif now.size > begin:
                file.seek(begin)
                self._bucket.put(f"{key}/{begin:0{DIGITS}d}", file.read(now.size - begin))
        self._sent[key] = now

    def _files(self) -> Iterator[tuple[Path, str]]:
        """The files of the run with their names; those that are being written under another name are left out."""
        for path in sorted(self._directory.rglob("*")):
            name = path.relative_to(self._directory)
            hidden = any(part.startswith(".") for part in name.parts)
            if not hidden and name.parts[0] not in _NOT_SENT and path.suffix != ".part" and _is_plain(path):
                yield path, name.as_posix()


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
