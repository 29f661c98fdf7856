"""A plan loads what a run would: certificates, kubeconfig, and who answers behind them; what does not answer is named."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from harness.errors import ConfigurationError
from harness.run.plan.groups import served_groups
from harness.run.start.means import unready_means
from harness.targets import load_target
from tests.builders.http_servers import Quiet, answering, serving

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: u, user: {}}]
contexts: [{name: staging, context: {cluster: c, user: u}}]
"""


class _Prometheus(Quiet, BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/monitor/api/v1/alerts" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture(scope="module")
def prometheus() -> Iterator[str]:
    """An address below which /monitor answers as Prometheus does."""
    with serving(_Prometheus) as url:
        yield url


def unready(directory: Path, text: str) -> list[str]:
    """What does not answer of a target with these keys."""
    file = directory / "target.yaml"
    file.write_text(f"name: shop\nenvironment: staging\nentry: http://127.0.0.1:9\n{text}\n", encoding="utf-8")
    return unready_means(load_target(file))


def test_what_does_not_answer_is_named_with_its_line(tmp_path: Path, prometheus: str) -> None:
    """An API server that refuses, a Prometheus that has no such path, and one that is down. The entry itself is asked by the run, not by the plan."""
    assert unready(tmp_path, "") == []
    assert unready(tmp_path, f"prometheus: {prometheus}/monitor") == []
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    cluster = f"kubernetes: {{context: staging, kubeconfig: {tmp_path}/kubeconfig}}"
    first, second = unready(tmp_path, f"{cluster}\nprometheus: {prometheus}")
    assert first.startswith(f"{tmp_path}/target.yaml:4: kubernetes: http://127.0.0.1:9: the API server gave no answer")
    assert second == f"{tmp_path}/target.yaml:5: prometheus: GET {prometheus}/api/v1/alerts: status 404"
    assert "does not answer" in unready(tmp_path, "prometheus: http://127.0.0.1:9")[0]


CLUSTER = "name: shop\nenvironment: staging\nentry: http://127.0.0.1:9\nkubernetes: {context: staging, kubeconfig: kubeconfig}\n"


def served(directory: Path, url: str) -> frozenset[str] | None:
    """What a plan finds out of a target whose API server has this address."""
    (directory / "kubeconfig").write_text(KUBECONFIG.replace("http://127.0.0.1:9", url))
    (directory / "target.yaml").write_text(
        CLUSTER.replace("kubeconfig: kubeconfig", f"kubeconfig: {directory}/kubeconfig")
    )
    return served_groups(load_target(directory / "target.yaml"))


def test_the_groups_of_an_api_server_are_those_of_its_list(tmp_path: Path) -> None:
    """With those of add-ons: GET /apis."""
    groups = {"kind": "APIGroupList", "groups": [{"name": "apps"}, {"name": "metrics.k8s.io"}]}
    with answering([(200, groups)]) as (url, requests):
        assert served(tmp_path, url) == frozenset({"apps", "metrics.k8s.io"})
    assert requests == ["/apis/"]


def test_an_api_server_that_does_not_say_its_groups_leaves_them_unknown(tmp_path: Path) -> None:
    """It is down, it refuses, or its list is empty, which none has: no row is left out for it."""
    assert served(tmp_path, "http://127.0.0.1:9") is None
    for answer in [(403, {"kind": "Status"}), (503, b""), (200, {"groups": []}), (404, {"kind": "Status"})]:
        with answering([answer]) as (url, _):
            assert served(tmp_path, url) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tls: {ca_file: target.yaml}", "a certificate cannot be read"),
        ("tls: {ca_file: no.pem}", "a certificate cannot be read"),
        ("kubernetes: {context: other, kubeconfig: kubeconfig}", "context `other` cannot be read from"),
        ("kubernetes: {context: staging, kubeconfig: no-such-file}", "context `staging` cannot be read from"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, text: str, said: str) -> None:
    """Exit code 4, as in the run."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    with pytest.raises(ConfigurationError, match=said):
        unready(tmp_path, text)
