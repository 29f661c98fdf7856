"""The addresses that these tests listen at are those of one run."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from harness.targets import Target
from tests.builders.addresses import NET

if TYPE_CHECKING:
    from tests.together.check.conftest import Backend

_OTHER_RUN = """
from tests.builders.addresses import NET
from tests.together.check.conftest import Backend

server = Backend(f"{NET}1")
print(server.server_address[0])
server.server_close()
"""


def test_another_run_has_other_addresses(backends: list[Backend], target: Target) -> None:
    """It listens at the same ports meanwhile."""
    other = subprocess.run([sys.executable, "-c", _OTHER_RUN], capture_output=True, text=True, timeout=60, check=True)
    own = str(backends[0].server_address[0])
    assert (own, other.stdout.strip() != own) == (f"{NET}1", True)
    assert target.entry == f"http://{own}:8080"
