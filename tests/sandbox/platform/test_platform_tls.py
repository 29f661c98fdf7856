"""The part `tls` without a cluster: a balancer in front of a gateway and its services, each a process, and each planted defect is seen by its check alone."""

from __future__ import annotations

import base64
import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from http.client import HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest
import yaml

from harness.clock import Deadline
from harness.drivers.check.registry import CHECKS
from harness.targets import Target, load_target
from readiness_sandbox.platform import parts
from readiness_sandbox.platform.certificates import PART, IssuedCertificates
from readiness_sandbox.platform.render import without_credentials
from readiness_sandbox.releases import load_release
from tests.sandbox.platform.conftest import GATEWAY, TRACK, USER, Services, process
from tests.sandbox.platform.forked import PLATFORM

if TYPE_CHECKING:
    from tests.sandbox.platform.conftest import Postgres

BALANCER: Final = "127.93.0.5"
PLACES: Final = {"balancer": BALANCER, "api-gateway": GATEWAY, "user-service": USER, "track-service": TRACK}
SENTENCES: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "AT-SEC-TLS": ("refuses-old-tls", {"listeners": "entry", "least": "1.2"}),
    "IP-SEC-TLS13": ("refuses-old-tls", {"listeners": "entry", "least": "1.3"}),
    "IP-SEC-MTLS": ("client-certificates", {"listeners": "machines"}),
    "IP-ROAD-QUANTUM": ("hybrid-key-exchange", {"listeners": "entry"}),
    "DA-AWS-ACM": ("valid-certificate", {"listeners": "entry", "days": "30"}),
    "DA-GEO-TLS": ("redirects-to-https", {"listeners": "entry"}),
    "DA-GEO-LB": (
        "answers-its-host",
        {"listeners": "entry", "host": "api.normaldance.com", "workload": "api-gateway"},
    ),
    "DA-AWS-WAF": ("refuses-attacks", {"listeners": "entry"}),
}


def files_of(service: str, issued: IssuedCertificates, home: Path, release: str) -> Path:
    """The directory with the certificate of a service, as its pods have it in this release."""
    objects = without_credentials(load_release(release), [PART])
    secrets = {one["metadata"]["name"]: one for one in issued.secrets(objects, lambda _, name: PLACES.get(name, USER))}
    directory = home / service
    directory.mkdir()
    for name, text in secrets[f"{service}-tls"]["data"].items():
        (directory / name).write_bytes(base64.b64decode(text))
    return directory


def environment(release: str, workload: str) -> dict[str, str]:
    """The variables by which a release changes a workload."""
    changed = load_release(release).workloads.get(workload)
    return dict(changed.env) if changed else {}


class SecurePlatform:
    """A platform with TLS in one release."""

    def __init__(self, home: Path, stack: ExitStack, release: str = "1.0.0") -> None:
        issued = IssuedCertificates()
        self.secrets = home / "secrets"
        self.secrets.mkdir()
        issued.write(self.secrets)
        services = Services(home, stack)
        for name, place, module in (
            ("user-service", USER, "user"),
            ("track-service", TRACK, "track"),
            ("api-gateway", GATEWAY, "gateway"),
        ):
            own = {"TLS_DIR": str(files_of(name, issued, home, release)), "FIREWALL": "on"}
            own |= {"USER_SERVICE_SERVICE_PORT": "8443", "TRACK_SERVICE_SERVICE_PORT": "8443"}
            services.start(module, place, **own, POD_NAME=f"{name}-0", **environment(release, name))
        variables = {
            "PYTHONPATH": str(PLATFORM),
            "POD_IP": BALANCER,
            "REGIONS": "api-gateway=1",
            "API_GATEWAY_SERVICE_HOST": GATEWAY,
            "API_GATEWAY_SERVICE_PORT": "8443",
            "BALANCER_HOME": str(home / "caddy"),
            "TLS_DIR": str(files_of("balancer", issued, home, release)),
            "MACHINES_PORT": "9443",
            **environment(release, "balancer"),
        }
        stack.enter_context(process([sys.executable, "-m", "normaldance.balancer"], variables, home / "balancer.log"))
        self.target = self._target(home)
        self._await(home / "balancer.log")

    def _target(self, home: Path) -> Target:
        def url(_: str, name: str) -> str:
            ports = {"http": "8080", "machines": "9443"}
            return f"https://{BALANCER}:{ports.get(name.partition(':')[2], '8443')}"

        base = {"name": "s", "environment": "staging", "entry": f"https://{BALANCER}:8443"}
        content = parts.described({**base, "probes": {"read": "/tracks/1"}}, [PART], url)
        (home / "target.yaml").write_text(yaml.safe_dump(content))
        return load_target(home / "target.yaml")

    def _await(self, log: Path) -> None:
        last: object = None
        for _ in Deadline.after(20).ticks(0.1):
            try:
                last = self.get("/tracks/1")
            except httpx.HTTPError as error:
                last = error
            if isinstance(last, httpx.Response) and last.status_code == 200:
                return
        raise AssertionError(f"{last}: {log.read_text()}")

    def get(self, path: str) -> httpx.Response:
        """An answer of the entry."""
        authority = ssl.create_default_context(cafile=self.secrets / "platform-ca.crt")
        return httpx.get(f"https://{BALANCER}:8443{path}", verify=authority, trust_env=False, timeout=20)

    def outcomes(self) -> dict[str, bool | None]:
        """What each row's check says: the worst of its facts."""
        found: dict[str, bool | None] = {}
        for row, (check, params) in SENTENCES.items():
            with CHECKS[check].placed(self.target, params) as probe:
                facts = probe()
            known = {one.ok for one in facts}
            found[row] = False if False in known else None if None in known else True
            assert found[row] is not None, [(one.subject, one.observed) for one in facts if one.ok is None]
        return found


@pytest.fixture
def secure(postgres: Postgres, tmp_path: Path) -> Iterator[SecurePlatform]:
    """The healthy one."""
    assert postgres.answers()
    with ExitStack() as stack:
        yield SecurePlatform(tmp_path, stack)


def test_every_row_passes_on_the_healthy_platform(secure: SecurePlatform) -> None:
    """All eight that need no log of connections."""
    assert secure.outcomes() == dict.fromkeys(SENTENCES, True)


def test_a_connection_with_tls_serves_as_many_requests_as_any_other(secure: SecurePlatform) -> None:
    """Sixteen; the last answer says so. Connections go to the pods in turn, and pods have equal shares where connections do."""
    context = ssl.create_default_context(cafile=secure.secrets / "platform-ca.crt")
    context.check_hostname = False
    connection = HTTPSConnection(TRACK, 8443, context=context, timeout=20)
    ends = []
    for _ in range(16):
        connection.request("GET", "/version")
        with connection.getresponse() as answer:
            answer.read()
            ends.append(answer.getheader("connection"))
    connection.close()
    assert ends == [None] * 15 + ["close"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("release", "fails"),
    [
        ("old-tls", {"IP-SEC-TLS13"}),
        ("no-client-cert", {"IP-SEC-MTLS"}),
        ("expires-soon", {"DA-AWS-ACM"}),
        ("plain-entry", {"AT-SEC-TLS", "IP-SEC-TLS13", "DA-GEO-TLS"}),
        ("every-host", {"DA-GEO-LB"}),
        ("counts-attacks", {"DA-AWS-WAF"}),
        ("classic-exchange", {"IP-ROAD-QUANTUM"}),
    ],
)
def test_each_planted_defect_is_seen_by_its_rows_alone(
    postgres: Postgres, tmp_path: Path, release: str, fails: set[str]
) -> None:
    """And they are those that the release says."""
    assert postgres.answers()
    with ExitStack() as stack:
        outcomes = SecurePlatform(tmp_path, stack, release).outcomes()
    assert {row for row, ok in outcomes.items() if not ok} == fails
    assert {*load_release(release).caught_by} == fails
