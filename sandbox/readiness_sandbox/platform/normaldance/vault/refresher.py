"""external-secrets: brings what a store has into Secrets, as ExternalSecrets of external-secrets.io say.

Each ExternalSecret is refreshed every `refreshInterval`, and at once when its annotation `force-sync` has changed. The store is that of its
SecretStore, by the provider `webhook`, whose address has the key as `{{ .remoteRef.key }}`. The Secret is owned by the ExternalSecret, and has
its keys and annotations (`{{ .KEY }}`).
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

from ..kit.app import build, serve  # noqa: TID252 - of the platform
from ..kit.settings import PodSettings  # noqa: TID252 - as above
from ..kit.transport import client_context  # noqa: TID252 - as above
from ..watching import Key, follow, key_of, reached  # noqa: TID252 - as above

API = "/apis/external-secrets.io/v1"
EVERY_S = 0.5
_KEY = re.compile(r"\{\{\s*\.([\w-]+)\s*\}\}")
_REMOTE = re.compile(r"\{\{\s*\.remoteRef\.key\s*\}\}")
_SERVICE = re.compile(r"\$\((\w+)_SERVICE_HOST\)")
"""The Service in the address of a store: its certificate names it."""
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
Object = Mapping[str, Any]


def seconds(interval: str) -> float:
    """Seconds of a duration as `15s` or `1h30m`."""
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9.]+)([smh])", interval))


class Refresher:
    """The ExternalSecrets as they are known, and when each is due."""

    def __init__(self) -> None:
        self._known: dict[Key, Object] = {}
        self._due: dict[Key, float] = {}

    def keep(self, there: set[Key]) -> None:
        """Forget those that are gone."""
        for key in self._known.keys() - there:
            del self._known[key]

    def learn(self, one: Object, *, gone: bool = False) -> None:
        """Take over one; a new one, another specification and another `force-sync` are due at once."""
        key, before = key_of(one), self._known.get(key_of(one))
        if gone:
            self._known.pop(key, None)
            return
        self._known[key] = one
        if before is None or _asked(before) != _asked(one):
            self._due[key] = 0.0

    async def watched(self, _: web.Application) -> AsyncIterator[None]:
        """The lifespan of the watch and of the work."""
        tasks = [asyncio.create_task(follow(f"{API}/externalsecrets", self)), asyncio.create_task(self._work())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        async with reached() as (session, server):
            while True:
                for key, one in [*self._known.items()]:
                    if self._due.get(key, 0.0) <= loop.time():
                        self._due[key] = loop.time() + seconds(one["spec"].get("refreshInterval", "1h"))
                        try:
                            await _refreshed(session, server, one)
                        except (aiohttp.ClientError, TimeoutError, KeyError, ValueError) as error:
                            self._due[key] = loop.time() + 1.0
                            sys.stderr.write(f"{'/'.join(key)} is not refreshed: {type(error).__name__}\n")
                await asyncio.sleep(EVERY_S)


def _asked(one: Object) -> object:
    return one["spec"], (one["metadata"].get("annotations") or {}).get("force-sync")


async def _refreshed(session: aiohttp.ClientSession, server: str, one: Object) -> None:
    """Read the store, write the Secret, and say so in the status."""
    namespace, spec = one["metadata"]["namespace"], one["spec"]
    store = await _got(session, f"{server}{API}/namespaces/{namespace}/secretstores/{spec['secretStoreRef']['name']}")
    refs = {each["secretKey"]: each["remoteRef"] for each in spec["data"]}
    webhook = store["spec"]["provider"]["webhook"]
    found = {key: await answered(webhook, key) for key in {ref["key"] for ref in refs.values()}}
    values = {name: value for each in found.values() for name, value in each.items()}
    data = {name: found[ref["key"]][ref["property"]] for name, ref in refs.items()}
    template = (spec["target"].get("template") or {}).get("metadata") or {}
    annotations = {
        name: _KEY.sub(lambda found: values[found[1]], text)
        for name, text in (template.get("annotations") or {}).items()
    }
    owner = {
        "apiVersion": one["apiVersion"],
        "kind": one["kind"],
        "name": one["metadata"]["name"],
        "uid": one["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": spec["target"]["name"],
            "namespace": namespace,
            "annotations": annotations,
            "ownerReferences": [owner],
        },
        "type": "Opaque",
        "data": {name: base64.b64encode(value.encode()).decode() for name, value in data.items()},
    }
    await _written(session, f"{server}/api/v1/namespaces/{namespace}/secrets", secret)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ready = {"type": "Ready", "status": "True", "reason": "SecretSynced", "message": "secret synced"}
    status = {"refreshTime": now, "conditions": [{**ready, "lastTransitionTime": now}]}
    url = f"{server}{API}/namespaces/{namespace}/externalsecrets/{one['metadata']['name']}/status"
    async with session.patch(url, json={"status": status}, headers=_MERGE) as response:
        response.raise_for_status()


_MERGE = {"content-type": "application/merge-patch+json"}


async def _got(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as response:
        response.raise_for_status()
        return await response.json()


async def _written(session: aiohttp.ClientSession, url: str, secret: Object) -> None:
    """Create a Secret, or make it as it should be."""
    async with session.patch(f"{url}/{secret['metadata']['name']}", json=secret, headers=_MERGE) as response:
        if response.status != 404:
            response.raise_for_status()
            return
    async with session.post(url, json=secret) as response:
        response.raise_for_status()


async def answered(webhook: Object, key: str) -> dict[str, str]:
    """What a store answers for a key, with the token of this pod; its address may name variables, as `$(NAME)`."""
    url = re.sub(r"\$\((\w+)\)", lambda found: os.environ[found[1]], webhook["url"])
    url = _REMOTE.sub(lambda _: key, url)
    headers = {"authorization": f"Bearer {os.environ['STORE_TOKEN']}"}
    service, tls = _SERVICE.search(webhook["url"]), client_context()
    name = service[1].lower().replace("_", "-") if service and tls else None
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3.0), headers=headers) as session,
        session.get(url, ssl=tls or True, server_hostname=name) as response,
    ):
        response.raise_for_status()
        found = await response.json()
    return dict(found["data"])


def main() -> None:
    """Serve as a pod; without the store's token it could refresh nothing, and ends."""
    if "STORE_TOKEN" not in os.environ:
        sys.exit("external-secrets: set STORE_TOKEN")
    settings, refresher = PodSettings.from_env("external-secrets"), Refresher()
    app = build(settings, [])
    app.cleanup_ctx.append(refresher.watched)
    serve(app, settings)


if __name__ == "__main__":
    main()
