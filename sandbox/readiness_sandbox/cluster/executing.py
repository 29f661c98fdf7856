"""`exec` of a pod: a command in a container over a WebSocket, in the protocol of the Kubernetes API's channels.

Each message begins with the number of its channel: 1 and 2 are what the command writes to its two streams, 3 is its end as a Status. Standard
input and terminals are not served.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from starlette.websockets import WebSocketDisconnect

from readiness_sandbox.cluster.calls import RequestPath
from readiness_sandbox.cluster.kinds import by_name
from readiness_sandbox.cluster.statuses import bad_request, no_such_path
from readiness_sandbox.cluster.subresources import container_of

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from readiness_sandbox.cluster.hooks import Command, Commands
    from readiness_sandbox.cluster.store import Object, Store

PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")
"""Those that are spoken, the newest first; they differ in what is not served: the end of standard input."""
_END: Final = b"\x03"
_POD: Final = by_name("Pod")


class Executing:
    """Commands in containers."""

    def __init__(self, store: Store, commands: Commands) -> None:
        self._store = store
        self._commands = commands

    def begin(self, websocket: WebSocket) -> Command:
        """Start the command that a handshake asks for.

        Raises:
            StatusError: there is no such pod, container or program, or what is asked for is not served.
        """
        target = RequestPath.of(websocket.url.path, self._store.kinds)
        if target.kind is not _POD or target.subresource != "exec":
            raise no_such_path()
        pod = self._store.get(_POD, target.namespace, target.name)
        asked = websocket.query_params
        argv = asked.getlist("command")
        if not argv:
            raise bad_request("you must specify at least 1 command for the container")
        if _spoken(websocket) is None:
            raise bad_request(f"unable to upgrade: no protocol of {', '.join(PROTOCOLS)} was offered")
        if any(asked.get(name, "").lower() in {"true", "1"} for name in ("stdin", "tty")):
            raise bad_request("stdin and tty are not served here: ask for neither")
        return self._commands.execute(pod, container_of(pod, asked.get("container", "")), argv)

    async def serve(self, websocket: WebSocket, command: Command) -> None:
        """Answer the handshake, and send what the command writes and how it ends; it is killed when the client goes before."""
        try:
            await websocket.accept(subprotocol=_spoken(websocket))
            sending, leaving = asyncio.create_task(_send(websocket, command)), asyncio.create_task(_left(websocket))
            try:
                await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
                if sending.done():
                    sending.result()
            finally:
                for task in (sending, leaving):
                    task.cancel()
                await asyncio.wait([sending, leaving])
        except (WebSocketDisconnect, OSError):  # the client is gone
            return
        finally:
            command.end()


async def _send(websocket: WebSocket, command: Command) -> None:
    """What the command writes, and how it ends."""
    async with aclosing(command.output()) as written:
        async for stream, chunk in written:
            await websocket.send_bytes(bytes([stream]) + chunk)
        await websocket.send_bytes(_END + json.dumps(_status(await command.code())).encode())
        await websocket.close()


async def _left(websocket: WebSocket) -> None:
    """Wait until the client is gone: a command that writes nothing would not find out. What it sends is not read."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


def _spoken(websocket: WebSocket) -> str | None:
    """The newest protocol that both sides speak."""
    return next((each for each in PROTOCOLS if each in websocket.scope["subprotocols"]), None)


def _status(code: int) -> Object:
    """The end of a command, as a client reads it."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
