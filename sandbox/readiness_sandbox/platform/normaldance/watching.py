"""Objects of the Kubernetes API as they are now: listed, then followed by a watch, for as long as the pod runs.

While the API is away what was known last counts.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import aiohttp

AGAIN_S = 0.2
OF_THE_LONGEST_S = 30
"""A watch is begun anew after so many seconds."""
Key = tuple[str, str]
"""Namespace and name."""


class ObjectList(Protocol):
    """What keeps the objects."""

    def learn(self, one: Mapping[str, Any], *, gone: bool = False) -> None:
        """Take over one object, or forget it."""

    def keep(self, there: set[Key]) -> None:
        """Forget all but these."""


def key_of(one: Mapping[str, Any]) -> Key:
    """Its namespace and name."""
    return one["metadata"]["namespace"], one["metadata"]["name"]


async def follow(path: str, follower: ObjectList, known: Callable[[], None] = lambda: None) -> None:
    """Follow the objects at `path` of the pod's Kubernetes API until cancelled; `known` is called once they are listed."""
    async with reached() as (session, server):
        while True:
            try:
                await _once(session, server + path, follower, known)
            except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
                sys.stderr.write(f"{path} is not watched: {type(error).__name__}: {error}\n")
                await asyncio.sleep(AGAIN_S)


@asynccontextmanager
async def reached() -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """Context of a session with the pod's Kubernetes API, and its URL."""
    server, context, token = _cluster(Path(os.environ["KUBECONFIG"]))
    headers = {"authorization": f"Bearer {token}"}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=1.0, sock_read=OF_THE_LONGEST_S + 5)
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as session:
        yield session, server


async def _once(session: aiohttp.ClientSession, url: str, follower: ObjectList, known: Callable[[], None]) -> None:
    """List, then follow the changes until the server ends the stream."""
    async with session.get(url) as response:
        response.raise_for_status()
        listed = await response.json()
    follower.keep({key_of(each) for each in listed["items"]})
    for each in listed["items"]:
        follower.learn(each)
    known()
    since = {"watch": "1", "resourceVersion": listed["metadata"]["resourceVersion"]}
    async with session.get(url, params={**since, "timeoutSeconds": str(OF_THE_LONGEST_S)}) as response:
        response.raise_for_status()
        async for line in response.content:
            event = json.loads(line)
            if event["type"] == "ERROR":
                return
            follower.learn(event["object"], gone=event["type"] == "DELETED")


def _cluster(kubeconfig: Path) -> tuple[str, ssl.SSLContext, str]:
    """(URL, what to trust, token) of the first cluster of a kubeconfig."""
    import yaml  # only where objects are watched

    config = yaml.safe_load(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    return cluster["server"], ssl.create_default_context(cadata=authority), user["token"]
