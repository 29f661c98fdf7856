"""What kube-proxy and an ingress are elsewhere: `python -m tests.genuine.balancer KUBECONFIG NAMESPACE SERVICE PORT` on 127.0.0.1."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from harness import clock
from tests.genuine.kubelets import Api

POLL_S: Final = 0.1
ATTEMPTS: Final = 3


class Balancer:
    """Forwards each GET to one of the ready endpoints of a Service, and to another one where that is gone.

    Args:
        api: where the endpoints are read. namespace, service: of the Service.
    """

    def __init__(self, api: Api, namespace: str, service: str) -> None:
        self._api = api
        self._path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        self._query = f"labelSelector=kubernetes.io/service-name={service}"
        self._places: list[str] = []
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))

    async def follow(self) -> None:
        """Read the endpoints for ever."""
        while True:
            _, found = await self._api.call("GET", f"{self._path}?{self._query}")
            self._places = [
                f"http://{address}:{one['ports'][0]['port']}"
                for one in found["items"]
                for endpoint in one.get("endpoints") or ()
                if endpoint["conditions"].get("ready")
                for address in endpoint["addresses"]
            ]
            await clock.asleep(POLL_S)

    async def forward(self, request: web.Request) -> web.Response:
        """The answer of an endpoint; 503 where none answers."""
        for place in random.sample(self._places, k=min(ATTEMPTS, len(self._places))):
            try:
                async with self._http.get(place + request.path_qs) as answer:
                    named = {name: answer.headers[name] for name in ("x-served-pod", "x-release")}
                    return web.Response(status=answer.status, body=await answer.read(), headers=named)
            except aiohttp.ClientError:
                continue
        return web.Response(status=503)


async def main(kubeconfig: Path, namespace: str, service: str, port: int) -> None:
    """Serve until the process ends."""
    balancer = Balancer(Api(kubeconfig), namespace, service)
    app = web.Application()
    app.router.add_get("/{path:.*}", balancer.forward)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await balancer.follow()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
