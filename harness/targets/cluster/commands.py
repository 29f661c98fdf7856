"""Runs commands in containers of the target with `exec` of the Kubernetes API."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from harness.errors import AccessDenied, TargetUnreachable
from harness.targets.cluster.kubeconfig import api_client
from harness.targets.files.target import Target

WITHIN_S: Final = 10.0
_END: Final = 3
"""The channel with the exit status of the command."""
_REFUSED: Final = re.compile(r"\b(401|403)\b")


class CommandResult(NamedTuple):
    """Result of a command.

    Attributes:
        output: output of the command, both streams together.
        code: exit code of the command.
    """

    output: str
    code: int


def run_in_pod(
    target: Target,
    namespace: str,
    name: str,
    command: Sequence[str],
    *,
    container: str = "",
    within_s: float = WITHIN_S,
) -> CommandResult:
    """Run a command in a container of a pod (its only one if none is named), and wait for its end.

    Raises:
        AccessDenied: the user has no permission for the command.
        TargetUnreachable: the pod, container or program does not exist, or the command did not end within `within_s`
            seconds.
    """
    import websocket
    from kubernetes.client import ApiException, CoreV1Api
    from kubernetes.stream import stream

    api = api_client(target)
    api.configuration.refresh_api_key_hook = None  # it would name files again that are in memory by now
    core = CoreV1Api(api)
    url, what = str(core.api_client.configuration.host), f"`{' '.join(command)}` in {namespace}/{name}"
    asked: dict[str, Any] = {"command": list(command), "stdin": False, "stdout": True, "stderr": True, "tty": False}
    chosen = {"container": container} if container else {}
    websocket.setdefaulttimeout(within_s)  # the client itself waits for ever while it connects
    try:
        talk = stream(core.connect_get_namespaced_pod_exec, name, namespace, **asked, **chosen, _preload_content=False)
    except ApiException as error:
        if isinstance(error.__context__, KeyboardInterrupt):  # the client takes it for a refusal
            raise KeyboardInterrupt from error
        why = f"{what} was refused: {error.reason}"
        if _REFUSED.search(str(error.reason)):
            raise AccessDenied(why, where=url, hint="grant `create` and `get` of `pods/exec` to the user") from error
        raise TargetUnreachable(why, where=url) from error
    try:
        talk.run_forever(timeout=within_s)
        if talk.is_open():
            raise TargetUnreachable(f"{what} did not end within {within_s:g} s", where=url)
        code = _code(talk.read_channel(_END))
        if code is None:
            raise TargetUnreachable(f"{what}: the API server did not report the exit code", where=url)
        return CommandResult(output=talk.read_all(), code=code)
    except (websocket.WebSocketException, OSError) as error:
        raise TargetUnreachable(f"{what}: the connection was lost ({type(error).__name__})", where=url) from error
    finally:
        talk.sock.shutdown()  # the client's own `close` leaves the socket open once the server has closed


def _code(end: str) -> int | None:
    """The exit code in a Status; None if it has none."""
    try:
        status: Any = json.loads(end)
        if status["status"] == "Success":
            return 0
        causes = status["details"]["causes"]
        return next((int(one["message"]) for one in causes if one["reason"] == "ExitCode"), None)
    except (ValueError, KeyError, TypeError):
        return None
