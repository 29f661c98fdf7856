"""What the cluster tells the forwarder: JSON messages over a socket pair, a listening socket travelling beside its message.

Messages to the forwarder (one key names the message, its value is the front or impairment it is about):
    {"open": front, "group": text, "caller": address}  with the listening socket
    {"route": front, "to": [[address, port]…], "denied": [[address, port]…]}
    {"close": front}
    {"impair": id, "kind": …, "delay_s": …, "pairs": [[address, address]…]}   answered {"impaired": id}
    {"heal": id}                                                             answered {"healed": id, "hits": n}
"""

from __future__ import annotations

import json
import socket
from typing import Any

from harness.errors import SandboxError

Message = dict[str, Any]
LONGEST = 1 << 17
PATIENCE_S = 5.0


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends that keep the borders between messages; the cluster's end first, which waits at most `PATIENCE_S`."""
    cluster, forwarder = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    cluster.settimeout(PATIENCE_S)
    return cluster, forwarder


def send(end: socket.socket, message: Message, carried: socket.socket | None = None) -> None:
    """Send one message, and with it a socket. Raises SandboxError when nobody reads it."""
    data = json.dumps(message, separators=(",", ":")).encode()
    try:
        if carried is None:
            end.send(data)
        else:
            socket.send_fds(end, [data], [carried.fileno()])
    except OSError as error:
        raise SandboxError(f"the forwarder does not take messages: {error}", where="network") from error


def receive(end: socket.socket) -> tuple[Message | None, socket.socket | None]:
    """The next message and the socket beside it; None at end of file."""
    data, fds, _, _ = socket.recv_fds(end, LONGEST, 1)
    if not data:
        return None, None
    # The protocol is named again: without it asyncio would leave Nagle's algorithm on and every answer would take 40 ms.
    carried = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=fds[0]) if fds else None
    return json.loads(data), carried


def ask(end: socket.socket, message: Message) -> Message:
    """Send a message and wait for its answer. Raises SandboxError when there is none within `PATIENCE_S`."""
    send(end, message)
    try:
        answer, _ = receive(end)
    except TimeoutError as error:
        raise SandboxError(f"the forwarder gives no answer to {message}", where="network") from error
    if answer is None:
        raise SandboxError("the forwarder has ended", where="network")
    return answer
