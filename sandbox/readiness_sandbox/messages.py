"""Messages between the sandbox's own processes.

JSON over a socket pair that keeps the borders between them.
"""

from __future__ import annotations

import json
import os
import socket
from typing import Any

from harness.errors import SandboxError

Message = dict[str, Any]
LONGEST = 1 << 17
PATIENCE_S = 5.0


def pair() -> tuple[socket.socket, socket.socket]:
    """The asking end, which waits at most `PATIENCE_S`, and the serving end."""
    asking, serving = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    asking.settimeout(PATIENCE_S)
    return asking, serving


def asking(fd: int) -> socket.socket:
    """The asking end again, after it was handed to another process."""
    end = socket.socket(fileno=fd)
    end.settimeout(PATIENCE_S)
    return end


def fits(message: Message) -> bool:
    """Whether it is short enough to be received whole."""
    return len(_encoded(message)) <= LONGEST


def _encoded(message: Message) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def send(end: socket.socket, message: Message, carried: socket.socket | None = None) -> None:
    """Send one message, and with it a socket. Raises SandboxError when the reader is gone."""
    data = _encoded(message)
    try:
        if carried is None:
            end.send(data)
        else:
            socket.send_fds(end, [data], [carried.fileno()])
    except OSError as error:
        raise SandboxError(
            f"a process of the sandbox does not take messages: {error}",
            where=_who(message),
            hint="see the sandbox's log",
        ) from error


def send_now(end: socket.socket, message: Message) -> bool:
    """Send one message if the reader has room for it; whether it has.

    Raises SandboxError when the reader is gone.
    """
    try:
        os.write(end.fileno(), _encoded(message))  # `socket.send` would wait for as long as the end's patience
    except BlockingIOError:
        return False
    except OSError as error:
        raise SandboxError(
            f"a process of the sandbox does not take messages: {error}",
            where=_who(message),
            hint="see the sandbox's log",
        ) from error
    return True


def receive(end: socket.socket, *, waits: bool = True) -> tuple[Message | None, socket.socket | None]:
    """The next message and the TCP socket beside it; None at end of file.

    Raises:
        BlockingIOError: it does not wait for one, and there is none.
    """
    try:
        data, fds, _, _ = socket.recv_fds(end, LONGEST, 1, 0 if waits else socket.MSG_DONTWAIT)
    except ConnectionResetError:
        data, fds = b"", []
    if not data:
        return None, None
    # The protocol is named again: without it asyncio would leave Nagle's algorithm on and every answer would take 40 ms.
    carried = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=fds[0]) if fds else None
    return json.loads(data), carried


def ask(end: socket.socket, message: Message) -> Message:
    """Send a message and wait for its answer.

    Raises SandboxError when there is none within `PATIENCE_S`.
    """
    send(end, message)
    try:
        answer, _ = receive(end)
    except TimeoutError as error:
        raise SandboxError("a process of the sandbox does not answer", where=_who(message)) from error
    if answer is None:
        raise SandboxError("a process of the sandbox has ended", where=_who(message))
    return answer


def _who(message: Message) -> str:
    return f"message {next(iter(message), '')!r}"
