"""One attempt of a probe."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from harness import clock
from readiness_sandbox.cluster.kubelet.probes import Result, attempt
from tests.builders.http_servers import answering


@dataclass(frozen=True)
class Loopback:
    """A container that listens on this machine."""

    address: str = "127.0.0.1"
    ports: Mapping[str, int] = field(default_factory=dict)

    def run(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        """As a kubelet would."""
        return subprocess.Popen(argv)


def test_a_kubelet_that_was_stopped_does_not_take_its_containers_for_unhealthy() -> None:
    """For longer than a probe waits: what the container answered meanwhile counts."""

    async def probed(port: int) -> Result:
        asked = asyncio.create_task(attempt({"httpGet": {"path": "/", "port": port}}, Loopback(), 0.3))
        for _ in range(5):
            await clock.asleep(0)
        clock.sleep(0.6)  # stops the loop
        return await asked

    with answering([(200, {})]) as (url, _):
        assert asyncio.run(probed(urlsplit(url).port or 0)) == Result(ok=True, saw="HTTP probe got statuscode: 200")


def test_a_command_without_an_end_is_a_probe_without_an_answer() -> None:
    """After its time, and it is killed."""
    result = asyncio.run(attempt({"exec": {"command": ["sleep", "600"]}}, Loopback(), 0.2))
    assert result == Result(ok=False, saw="no answer within 0.2 s")
