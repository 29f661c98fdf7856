"""flags: feature flags, evaluated for whoever asks by OFREP, OpenFeature's remote evaluation protocol.

The flags are those of a ConfigMap, in flagd's own form (`{"flags": {NAME: {"state", "variants", "defaultVariant"}}}`), watched by the Kubernetes
API: a change of the ConfigMap is answered at once. Targeting is not evaluated: a flag has its default variant for everybody.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiohttp import web

from .kit.app import Unavailable, build, serve
from .kit.settings import PodSettings
from .watching import Key, follow

KEY = "flags.json"


class Flags:
    """The flags as they are known now; none before the ConfigMap of that name was read."""

    def __init__(self, name: str = "flags") -> None:
        self._name = name
        self._flags: Mapping[str, Any] | None = None

    def keep(self, there: set[Key]) -> None:
        """A ConfigMap that is gone changes nothing."""

    def learn(self, config_map: Mapping[str, Any], *, gone: bool = False) -> None:
        """Take over the ConfigMap; one that cannot be read, or is gone, changes nothing."""
        if gone or config_map["metadata"]["name"] != self._name:
            return
        try:
            flags = json.loads((config_map.get("data") or {})[KEY])["flags"]
        except (KeyError, TypeError, ValueError) as error:
            sys.stderr.write(f"flags: the ConfigMap is not understood: {type(error).__name__}: {error}\n")
            return
        if isinstance(flags, dict):
            self._flags = flags

    async def known(self) -> None:
        """Raise Unavailable before the flags were read."""
        if self._flags is None:
            raise Unavailable("the flags are not read yet")

    def evaluated(self, key: str) -> tuple[int, dict[str, Any]]:
        """Status and body of one evaluation."""
        flag = (self._flags or {}).get(key)
        if not isinstance(flag, dict):
            return 404, {"key": key, "errorCode": "FLAG_NOT_FOUND", "errorDetails": f"there is no flag {key}"}
        if flag.get("state") != "ENABLED":
            return 200, {"key": key, "reason": "DISABLED", "metadata": {}}
        variant = flag.get("defaultVariant")
        if variant not in (flag.get("variants") or {}):
            return 400, {"key": key, "errorCode": "GENERAL", "errorDetails": f"there is no variant {variant}"}
        value = flag["variants"][variant]
        return 200, {"key": key, "value": value, "reason": "STATIC", "variant": variant, "metadata": {}}

    async def one(self, request: web.Request) -> web.Response:
        """POST /ofrep/v1/evaluate/flags/{key}."""
        await self.known()
        status, body = self.evaluated(request.match_info["key"])
        return web.json_response(body, status=status)

    async def all(self, request: web.Request) -> web.Response:
        """POST /ofrep/v1/evaluate/flags: 304 where nothing is other than the client has."""
        await self.known()
        text = json.dumps({"flags": [self.evaluated(key)[1] for key in self._flags or {}], "metadata": {}})
        tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == tag:
            return web.Response(status=304, headers={"etag": tag})
        return web.Response(text=text, content_type="application/json", headers={"etag": tag})

    async def watched(self, _: web.Application) -> AsyncIterator[None]:
        """The lifespan of the watch."""
        watch = asyncio.create_task(follow(f"/api/v1/namespaces/{os.environ['POD_NAMESPACE']}/configmaps", self))
        yield
        watch.cancel()
        await asyncio.wait([watch])


def application(settings: PodSettings, flags: Flags) -> web.Application:
    """The service that answers for these flags."""
    path = "/ofrep/v1/evaluate/flags"
    routes = [web.post(path, flags.all), web.post(path + "/{key}", flags.one)]
    return build(settings, routes, check=flags.known)


def main() -> None:
    """Serve as a pod."""
    settings, flags = PodSettings.from_env("flags"), Flags(os.environ["CONFIG_MAP"])
    app = application(settings, flags)
    app.cleanup_ctx.append(flags.watched)
    serve(app, settings)


if __name__ == "__main__":
    main()
