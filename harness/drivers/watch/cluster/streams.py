"""Lists and then watches Kubernetes objects over HTTP in an event loop, until the watch ends."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

import httpx

from harness import clock
from harness.drivers.watch.attendance import Attendance
from harness.targets.cluster.bodies import status_message
from harness.targets.cluster.calls import PAGE
from harness.targets.cluster.kubeconfig import USER_AGENT, api_client
from harness.targets.files.target import Target
from harness.targets.kubernetes import Object

if TYPE_CHECKING:
    from kubernetes.client import Configuration

_TURN_S: Final = 20
"""Seconds after which a watch request is renewed; they limit the blind time after a silently lost connection."""

_PAUSE_S: Final = 0.5
_CREDENTIALS_S: Final = 5.0
"""Seconds that the credentials program may take before the stream counts as interrupted."""
_AT_ONCE_S: Final = 0.02
"""Pause in s before a new list after status 410."""


class Follower(Protocol):
    """Receives the events of a stream."""

    def listed(self, objects: Sequence[Object]) -> None:
        """Process a list of all objects."""
        ...

    def changed(self, event: str, obj: Object) -> None:
        """Process an event: ADDED, MODIFIED or DELETED."""
        ...

    def trouble(self, why: str) -> None:
        """Note that the stream was interrupted; it resumes with a list."""
        ...


class _Interrupted(Exception):
    """The stream cannot continue from its resource version."""


class _Expired(_Interrupted):
    """The API server does not know the resource version any more (410): a new list is to be read at once."""


def api_http(target: Target, context: str) -> httpx.AsyncClient:
    """An HTTP client for the API server of a context, with the certificates and the token of the target's kubeconfig.

    Raises:
        ConfigurationError: the target names no cluster, or the kubeconfig or the context is missing.
    """
    configuration = api_client(target.in_context(context)).configuration
    tls = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.verify_ssl is False:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        tls.load_cert_chain(configuration.cert_file, configuration.key_file)

    return httpx.AsyncClient(
        base_url=configuration.host,
        verify=tls,
        headers={"accept": "application/json", "user-agent": USER_AGENT},
        auth=_Authorized(configuration),
        timeout=httpx.Timeout(5.0, read=_TURN_S + 5.0),
        proxy=configuration.proxy,
        trust_env=False,
    )


class _Authorized(httpx.Auth):
    """Each request with the token of now, and for the name that the certificate of the API server is for."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._name = str(configuration.tls_server_name or "")
        self._renewal: asyncio.Future[Mapping[str, Any]] | None = None

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the credentials in a thread, since renewing a token may start a program or read a file.

        Raises:
            httpx.ConnectTimeout: there were no credentials within `_CREDENTIALS_S`; the next request waits for the
            program again.
        """
        if self._renewal is None or self._renewal.done():
            self._renewal = _in_thread(self._configuration.auth_settings)
        try:
            settings = await asyncio.wait_for(asyncio.shield(self._renewal), _CREDENTIALS_S)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no credentials within {_CREDENTIALS_S:g} s", request=request) from error
        request.headers.update({one["key"]: one["value"] for one in settings.values()})
        if self._name:
            request.extensions = {**request.extensions, "sni_hostname": self._name}
        yield request


def _in_thread(call: Callable[[], Mapping[str, Any]]) -> asyncio.Future[Mapping[str, Any]]:
    """What a call returns, in a thread that the end of the process does not wait for."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Mapping[str, Any]] = loop.create_future()

    def settle(value: Mapping[str, Any]) -> None:
        if not found.done():
            found.set_result(value)

    def run() -> None:
        value = call()
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, value)

    threading.Thread(target=run, name="credentials", daemon=True).start()
    return found


async def follow(
    client: httpx.AsyncClient, path: str, follower: Follower, attendance: Attendance, *, field_selector: str = ""
) -> None:
    """List and watch the collection at `path` until cancelled; interruptions count as blind time."""
    chosen = {"fieldSelector": field_selector} if field_selector else {}
    lost_ns: int | None = None
    try:
        while True:
            try:
                version = await _list(client, path, chosen, follower)
                if lost_ns is not None:
                    attendance.interrupted(lost_ns, clock.now_ns())
                    lost_ns = None
                while True:
                    attendance.heard(clock.now_ns())
                    version = await _turn(client, path, chosen, version, follower=follower, attendance=attendance)
            except (httpx.HTTPError, _Interrupted) as error:
                lost_ns = lost_ns or _lost_at(error, attendance)
                follower.trouble(str(error) or type(error).__name__)
                await clock.asleep(_AT_ONCE_S if isinstance(error, _Expired) else _PAUSE_S)
    finally:
        if lost_ns is not None:
            attendance.interrupted(lost_ns, clock.now_ns())


def _lost_at(error: Exception, attendance: Attendance) -> int:
    """When changes may begin to be missing: for a silent stream, at its last event."""
    silent = isinstance(error, httpx.TimeoutException) and attendance.probes
    return attendance.last_ns if silent else clock.now_ns()


async def _list(client: httpx.AsyncClient, path: str, chosen: Mapping[str, str], follower: Follower) -> str:
    """Read a list, page by page; returns its resource version."""
    objects: list[Object] = []
    more: str | None = ""
    while more is not None:
        answer = await client.get(path, params={**chosen, "limit": str(PAGE), **({"continue": more} if more else {})})
        if answer.status_code != 200:
            raise _refused(answer.status_code, path, answer.content)
        try:
            found = answer.json()
            items, version = list(found["items"]), str(found["metadata"]["resourceVersion"])
            more = found["metadata"].get("continue") or None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _Interrupted(f"{path}: the API server answered with something other than a list") from error
        objects += items
    follower.listed(objects)
    return version


def _refused(status: int, path: str, text: bytes) -> _Interrupted:
    why = f"{path}: the API server answered {status} {status_message(text)}".rstrip()
    return _Expired(why) if status == 410 else _Interrupted(why)


async def _turn(
    client: httpx.AsyncClient,
    path: str,
    chosen: Mapping[str, str],
    version: str,
    *,
    follower: Follower,
    attendance: Attendance,
) -> str:
    """Run one watch request; returns the resource version to continue from."""
    asked = {
        **chosen,
        "watch": "true",
        "resourceVersion": version,
        "timeoutSeconds": str(_TURN_S),
        "allowWatchBookmarks": "true",
    }
    async with client.stream("GET", path, params=asked) as answer:
        if answer.status_code != 200:
            raise _refused(answer.status_code, path, await answer.aread())
        async for event, reached in _events(answer, path):
            version = reached
            attendance.heard(clock.now_ns())
            if event["type"] != "BOOKMARK":
                follower.changed(event["type"], event["object"])
    return version


async def _events(answer: httpx.Response, path: str) -> AsyncIterator[tuple[dict[str, Any], str]]:
    """The events of one watch, each with the resource version to continue from."""
    async for line in answer.aiter_lines():
        if not line:
            continue
        try:
            event: dict[str, Any] = json.loads(line)
            if event["type"] == "ERROR":
                why = f"{path}: the watch ended: {event['object'].get('message', '')}"
                raise _Expired(why) if event["object"].get("code") == 410 else _Interrupted(why)
            version = str(event["object"]["metadata"]["resourceVersion"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:  # a truncated line
            raise _Interrupted(f"{path}: the API server sent something other than an event") from error
        yield event, version
