"""Local processes that serve an address."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from harness.ports import port_of

PROC: Final = Path("/proc")
_LISTENS: Final = "0A"
_INODE: Final = re.compile(r"^socket:\[([0-9]+)\]$")


def listeners(addresses: Iterable[str], proc: Path = PROC) -> frozenset[int]:
    """The processes that listen at the host and port of these URLs, if their open files may be read.

    Source: Linux, proc(5), /proc/net/tcp: the local address in hexadecimal, the state, the inode of the socket.
    """
    places = {place for address in addresses for place in _places(address)}
    inodes = {inode for table in ("tcp", "tcp6") for inode in _inodes(proc / "net" / table, places)}
    return frozenset(pid for pid in _processes(proc) if inodes and not inodes.isdisjoint(_sockets(proc / str(pid))))


def _places(address: str) -> Iterator[str]:
    """Host and port as /proc/net/tcp writes them.

    Of each word of 32 bits the bytes in the machine's order.
    """
    parts = urlsplit(address)
    port = port_of(parts)
    if not parts.hostname or not port:
        return
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError:
        return
    for family, _, _, _, (host, *_) in found:
        packed = socket.inet_pton(family, str(host))
        words = [packed[at : at + 4][::-1] for at in range(0, len(packed), 4)]
        yield f"{b''.join(words).hex().upper()}:{port:04X}"
        yield f"{'0' * 2 * len(packed)}:{port:04X}"  # one that listens at every address


def _inodes(table: Path, places: set[str]) -> Iterator[str]:
    for line in _lines(table)[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTENS and fields[1] in places:
            yield fields[9]


def _processes(proc: Path) -> Iterator[int]:
    yield from (int(path.name) for path in proc.iterdir() if path.name.isdigit())


def _sockets(process: Path) -> set[str]:
    found = set()
    try:
        for file in (process / "fd").iterdir():
            if match := _INODE.match(str(file.readlink())):
                found.add(match[1])
    except OSError:  # it has ended, or is another user's
        pass
    return found


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").splitlines()
    except OSError:  # it has ended, or the kernel was built without it
        return []
