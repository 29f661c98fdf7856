"""How a pod reaches its own cluster: by the files of its ServiceAccount, with a token that is replaced, and only where no context is named."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import yaml
from click.testing import CliRunner

from harness.chaos.child.kubeconfig import one_context
from harness.cli import readiness
from harness.drivers.chaos.environment import target_environment
from harness.errors import ConfigurationError, TargetSilent
from harness.targets import Target, load_target
from harness.targets.cluster import service_account as module
from harness.targets.cluster.kubeconfig import api_client
from harness.targets.cluster.service_account import service_account
from harness.targets.kubernetes import Cluster
from tests.builders.http_servers import Quiet, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


def token(subject: str) -> str:
    """A token that states this subject; only the API server could tell whether it is signed."""
    parts = ({"alg": "RS256"}, {"sub": subject})
    head, claims = (base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in parts)
    return f"{head}.{claims}.signature"


TOKEN = token("system:serviceaccount:jobs:readiness")


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a pod's ServiceAccount, and the variables that every pod has."""
    directory = tmp_path / "serviceaccount"
    directory.mkdir()
    for name, text in {"token": f"{TOKEN}\n", "ca.crt": "", "namespace": "jobs"}.items():
        (directory / name).write_text(text)
    _make_authority(directory)
    monkeypatch.setattr(module, "DIRECTORY", directory)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return directory


def _make_authority(directory: Path) -> None:
    """A certificate for 127.0.0.1 that is its own authority."""
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=api -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(directory / "key"), "-out", str(directory / "ca.crt")]
    subprocess.run(["openssl", *words.split(), *files], check=True, capture_output=True)


@pytest.fixture
def asked(mounted: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """An API server with TLS; the list gets the credentials of each request."""
    seen: list[str] = []

    class Api(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            body = b'{"gitVersion": "v1.36.3"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(mounted / "ca.crt", mounted / "key")
    with serving(Api, tls=tls) as url:
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(urlsplit(url).port))
        yield seen


def target(directory: Path, kubernetes: str = "{namespace: shop}") -> Target:
    """A target file without a context."""
    file = directory / "target.yaml"
    file.write_text(f"name: a\nenvironment: staging\nentry: https://a.test\nkubernetes: {kubernetes}\n")
    return load_target(file)


def test_a_pod_uses_its_service_account_and_reads_the_token_anew(
    tmp_path: Path, mounted: Path, asked: list[str]
) -> None:
    """The kubelet replaces the token; a file that is being replaced leaves the former token in use."""
    cluster = Cluster.of(target(tmp_path))
    assert cluster.version() == "v1.36.3"
    (mounted / "token").write_text("second")
    assert cluster.version() == "v1.36.3"
    (mounted / "token").unlink()
    assert cluster.version() == "v1.36.3"
    assert asked == [f"Bearer {TOKEN}", "Bearer second", "Bearer second"]


def test_an_api_server_of_another_authority_is_refused(tmp_path: Path, mounted: Path, asked: list[str]) -> None:
    """The authority of the pod is the only one."""
    _make_authority(mounted)
    with pytest.raises(TargetSilent, match="SSLError"):
        Cluster.of(target(tmp_path)).version()
    assert asked == []


def test_a_context_that_is_named_is_used_in_a_pod_too(tmp_path: Path, mounted: Path) -> None:
    """The ServiceAccount never stands in for another cluster."""
    assert mounted.is_dir()
    with pytest.raises(ConfigurationError, match="context `staging` cannot be read"):
        api_client(target(tmp_path, f"{{context: staging, kubeconfig: {tmp_path}/none}}"))


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        ("token", r"the pod's ServiceAccount cannot be used: .*/token cannot be read: "),
        ("ca.crt", r"the pod's ServiceAccount cannot be used: .*/ca.crt cannot be read: "),
        ("empty", r"the pod's ServiceAccount cannot be used: .*/token is empty"),
        ("port", "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not both set"),
        ("all", "no `context` is given, and this process is not in a pod"),
    ],
)
def test_an_account_that_is_not_complete_is_told(
    tmp_path: Path, mounted: Path, monkeypatch: pytest.MonkeyPatch, spoilt: str, says: str
) -> None:
    """What is missing, with the key of the target file that asks for it."""
    ours = target(tmp_path)
    if spoilt == "empty":
        (mounted / "token").write_text("\n")
    elif spoilt == "port":
        monkeypatch.delenv("KUBERNETES_SERVICE_PORT")
    elif spoilt == "all":
        monkeypatch.setattr(module, "DIRECTORY", tmp_path / "nowhere")
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    else:
        (mounted / spoilt).unlink()
    with pytest.raises(ConfigurationError, match=says) as raised:
        api_client(ours)
    assert raised.value.where == f"{tmp_path}/target.yaml: kubernetes"


@pytest.mark.parametrize(
    ("stated", "shown"),
    [
        (TOKEN, "ServiceAccount jobs/readiness"),
        ("opaque", "a ServiceAccount of the namespace jobs"),
        (token("system:node:one"), "a ServiceAccount of the namespace jobs"),
        ("a.b.c", "a ServiceAccount of the namespace jobs"),
        ("a.W10.c", "a ServiceAccount of the namespace jobs"),
    ],
)
def test_the_account_is_named_where_its_token_states_it(mounted: Path, stated: str, shown: str) -> None:
    """A token that is not of this form is used as it is."""
    (mounted / "token").write_text(stated)
    assert str(service_account()) == shown


def test_an_address_of_ipv6_is_in_brackets(mounted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a URL."""
    assert mounted.is_dir()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    assert service_account().server == "https://[fd00::1]:6443"


def test_an_experiment_gets_a_kubeconfig_of_the_account_without_its_token(
    tmp_path: Path, mounted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So chaostoolkit-kubernetes and kubectl go where the run goes; the token is read from its file."""
    for name, value in target_environment(target(tmp_path)).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("kubernetes.config.KUBE_CONFIG_DEFAULT_LOCATION", "")
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", "")
    one_context(tmp_path)
    (file,) = tmp_path.glob("kubeconfig-*")
    assert TOKEN not in file.read_text()
    content = yaml.safe_load(file.read_text())
    assert content["current-context"] == "in-cluster"
    assert content["clusters"][0]["cluster"] == {
        "server": "https://127.0.0.1:6443",
        "certificate-authority": f"{mounted}/ca.crt",
    }
    from chaosk8s import create_k8s_api_client

    configuration = create_k8s_api_client().configuration
    assert configuration.host == "https://127.0.0.1:6443"
    assert TOKEN in str(configuration.api_key)


def test_the_doctor_names_the_account(mounted: Path) -> None:
    """One line, in a pod only."""
    shown = CliRunner().invoke(readiness, ["doctor"], standalone_mode=False).output
    assert "ok      pod           ServiceAccount jobs/readiness at https://127.0.0.1:6443\n" in shown
    (mounted / "token").unlink()
    shown = CliRunner().invoke(readiness, ["doctor"], standalone_mode=False).output
    assert "warning pod           the pod's ServiceAccount cannot be used: " in shown
