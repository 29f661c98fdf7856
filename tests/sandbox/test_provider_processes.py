"""Which processes of a sandbox are a release's."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from pathlib import Path

from readiness_sandbox.directory import Directory
from readiness_sandbox.provider import released


def test_a_container_is_a_release_s_by_the_namespace_of_its_pod(tmp_path: Path) -> None:
    """A gateway and a database are; the monitor is not, nor what works elsewhere."""
    directory = Directory(tmp_path)
    names = ("us-east-1_api-gateway-x_u1", "database_postgres-0_u2", "monitoring_prometheus-x_u3")
    for name in names:
        (directory.logs / name).mkdir(parents=True)
        (directory.pods / name.rpartition("_")[2]).mkdir(parents=True)
    directory.log.touch()
    places = [directory.pods / "u1", directory.pods / "u2", directory.pods / "u3", tmp_path]
    with ExitStack() as stack:
        started = [subprocess.Popen(["sleep", "60"], cwd=place) for place in places]
        for each in started:
            stack.callback(each.wait)
            stack.callback(each.kill)
        assert set(released(directory, [os.getpid()])) == {started[0].pid, started[1].pid}
