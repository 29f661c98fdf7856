"""Caddy over three regions' gateways, each a process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.sandbox.platform.conftest import Child, Services

REGIONS = {"us-east-1": "127.93.6.1", "eu-west-1": "127.93.6.2", "ap-southeast-1": "127.93.6.3"}
ENTRY = "127.93.6.4"


@pytest.fixture
def regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Child]]:
    """The gateways' processes by region, with the balancer in front."""
    home = tmp_path_factory.mktemp("balancer")
    variables = {"REGIONS": "us-east-1=60 eu-west-1=30 ap-southeast-1=10", "BALANCER_HOME": str(home / "caddy")}
    for region, address in REGIONS.items():
        name = region.upper().replace("-", "_")
        variables |= {f"{name}_SERVICE_HOST": address, f"{name}_SERVICE_PORT": "8080"}
    with ExitStack() as stack:
        services = Services(home, stack)
        gateways = {region: services.start("gateway", address, REGION=region) for region, address in REGIONS.items()}
        services.start("balancer", ENTRY, **variables)
        yield gateways


def served(client: httpx.Client, requests: int) -> Counter[str]:
    """How many answers of the health path came from which region; anything but 200 is counted by its status."""
    answers = [client.get("/health") for _ in range(requests)]
    return Counter(str(a.headers["x-served-region"] if a.status_code == 200 else a.status_code) for a in answers)


def test_regions_are_weighted_60_30_10_and_a_lost_one_costs_no_request(
    regions: dict[str, Child],
) -> None:
    """Exact shares of 200 requests, and of any ten; after SIGKILL of a region every request is served by the others."""
    with httpx.Client(base_url=f"http://{ENTRY}:8080", trust_env=False, timeout=30) as client:
        assert client.get("/balancer-health").status_code == 200
        assert served(client, 200) == {"us-east-1": 120, "eu-west-1": 60, "ap-southeast-1": 20}
        assert served(client, 10) == {"us-east-1": 6, "eu-west-1": 3, "ap-southeast-1": 1}
        regions["us-east-1"].kill()
        regions["us-east-1"].wait()
        assert set(served(client, 100)) == {"eu-west-1", "ap-southeast-1"}
