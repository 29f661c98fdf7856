"""Keeps commands working if their output cannot be written, such as to a closed pipe, a full disk or a closed terminal."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STREAMS: Final = {1: "stdout", 2: "stderr"}
_spoken: list[_Spoken] = []


class _Spoken(io.FileIO):
    """A standard stream whose writes never fail.

    Attributes:
        lost: why some output was not written; None if all was, or if the reader closed the pipe.
    """

    lost: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write data; data that cannot be written is dropped."""
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes
        except OSError as error:
            self.lost = error
            return memoryview(data).nbytes


def settle_streams() -> None:
    """Replace stdout and stderr so that writing to them never raises.

    Closed descriptors 0 to 2 are opened first; otherwise a file of evidence could get such a number, and output would be written into it.
    """
    while (fd := os.open(os.devnull, os.O_RDWR)) <= max(_STREAMS):
        os.set_inheritable(fd, True)  # noqa: FBT003 - a positional only parameter
    os.close(fd)
    _spoken.clear()
    for number, name in _STREAMS.items():
        stream = getattr(sys, name)
        if stream is not None and not _is_descriptor(stream, number):
            continue  # another component replaced it, as a test does
        raw = _Spoken(number, "w", closefd=False)
        _spoken.append(raw)
        encoding = stream.encoding if stream is not None else "utf-8"
        buffer = io.BufferedWriter(raw)
        # what the encoding of a terminal has no character for is written as its code
        spoken = io.TextIOWrapper(buffer, encoding=encoding, errors="backslashreplace", line_buffering=True)
        setattr(sys, name, spoken)


def _is_descriptor(stream: object, number: int) -> bool:
    try:
        return isinstance(stream, io.TextIOWrapper) and stream.fileno() == number
    except (OSError, ValueError):
        return False


def unsaid() -> str:
    """The reason why some output was not written, such as a full disk; empty if all was written, or the output was closed."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    return next((spoken.lost.strerror or str(spoken.lost) for spoken in _spoken if spoken.lost is not None), "")
