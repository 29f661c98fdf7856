"""A genuine Prometheus tells which alerts fired while nobody asked, as long as it has not been started anew."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from harness import clock
from harness.drivers.watch.entry.wires import Wires
from harness.drivers.watch.monitor.alerts_meanwhile import AlertLabels, AlertsMeanwhile

CONFIG = "{global: {evaluation_interval: 200ms}, rule_files: [rules.yaml]}"
RULES = """\
groups:
- name: two
  rules:
  - {alert: Fires, expr: vector(1), labels: {severity: page}}
  - {alert: Silent, expr: vector(1) > 2}
"""
FIRES = frozenset({("alertname", "Fires"), ("severity", "page")})


@contextmanager
def prometheus(directory: Path, port: int) -> Iterator[str]:
    """The address of a genuine one that has evaluated its rules."""
    words = [
        "prometheus",
        "--config.file=config.yaml",
        "--storage.tsdb.path=data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with subprocess.Popen(words, cwd=directory, stderr=subprocess.DEVNULL) as running:
        try:
            url = f"http://127.0.0.1:{port}"
            assert any("Fires" in _alerts(url) for _ in clock.Deadline.after(60).ticks(0.1))
            yield url
        finally:
            running.terminate()


def _alerts(url: str) -> str:
    try:
        return httpx.get(f"{url}/api/v1/alerts", timeout=5).text
    except httpx.HTTPError:
        return ""


async def told(meanwhile: AlertsMeanwhile, since_ns: int) -> Mapping[AlertLabels, float] | None:
    """What fired since then; an alert is on record a moment after it fires, and always before it is resolved."""
    await meanwhile.begin()
    found: Mapping[AlertLabels, float] | None = {}
    for _ in clock.Deadline.after(60).ticks(0.1):
        found = await meanwhile.fired(since_ns)
        if found is None or found:
            break
    return found


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="there is no prometheus")
def test_a_genuine_prometheus_tells_what_fired_until_it_is_started_anew(tmp_path: Path) -> None:
    """The alert without the labels of the record, and when it fired at first; one that never fired is not among them."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "rules.yaml").write_text(RULES)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    since_ns, since_s = clock.now_ns(), clock.wall().timestamp()

    async def run() -> None:
        wires = Wires(f"http://127.0.0.1:{port}", ssl.create_default_context())
        meanwhile = AlertsMeanwhile("", wires)
        with prometheus(tmp_path, port):
            found = await told(meanwhile, since_ns)
            assert found is not None
            assert {labels: at_s > since_s for labels, at_s in found.items()} == {FIRES: True}
        with prometheus(tmp_path, port):
            first, *_, last = [
                await told(meanwhile, since_ns) for _ in range(3)
            ]  # a connection to the old one may end in between
            assert first is None
            assert (last or {}).keys() == {FIRES}
        await wires.close()

    asyncio.run(run())
