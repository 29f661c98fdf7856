"""What a container gets of a busy machine follows its CPU request, as the kernel's weights do in Kubernetes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_sandbox import messages, settings
from readiness_sandbox.cluster.kubelet.launcher import Launch, Launcher
from readiness_sandbox.cluster.kubelet.weights import nice_of


@pytest.mark.parametrize(
    ("resources", "nice"),
    [
        ({"requests": {"cpu": "1000m"}}, -4),
        ({"requests": {"cpu": "4"}}, -4),
        ({"requests": {"cpu": "500m"}, "limits": {"cpu": "1"}}, -1),
        ({"requests": {"cpu": 0.25}}, 2),
        ({"requests": {"cpu": "100m"}}, 6),
        ({"requests": {"cpu": "10m"}}, 9),
        ({"requests": {"cpu": "0"}}, 9),
        ({"limits": {"cpu": "1"}}, -4),
        ({"requests": {"memory": "1Gi"}}, 9),
        ({}, 9),
    ],
)
def test_the_more_a_container_requests_the_earlier_its_turn(resources: dict[str, dict[str, str]], nice: int) -> None:
    """None goes before the control plane; one that has only a limit requests that."""
    assert nice_of({"resources": resources}) == nice


@given(st.integers(min_value=50, max_value=1000), st.integers(min_value=50, max_value=1000))
def test_weights_are_proportional_to_requests(one: int, other: int) -> None:
    """As near as whole steps come to it."""
    steps = nice_of({"resources": {"requests": {"cpu": f"{one}m"}}}) - nice_of(
        {"resources": {"requests": {"cpu": f"{other}m"}}}
    )
    assert other / one / 1.25 <= 1.25**steps <= other / one * 1.25


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="the kernel does not group by sessions")
def test_the_session_of_a_container_has_its_weight(tmp_path: Path) -> None:
    """Of one that is executed; the zygote is a genuine one."""
    asking, serving = messages.pair()
    words = [sys.executable, "-m", settings.ZYGOTE, str(serving.fileno())]
    zygote = subprocess.Popen(words, pass_fds=[serving.fileno()])
    serving.close()
    log = tmp_path / "log"

    async def run() -> int:
        launcher = Launcher(asking)
        argv = ["/bin/cat", "/proc/self/autogroup"]
        code = await launcher.start(Launch(argv=argv, env=dict(os.environ), cwd=tmp_path, log=log, nice=7)).wait()
        launcher.close()
        return code

    assert asyncio.run(asyncio.wait_for(run(), 60)) == 0
    assert zygote.wait(60) == 0
    assert log.read_text(encoding="utf-8").split()[-1] == "7"
