"""How a cluster is reached: by the named context, never the default one, and in words when it cannot be."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from kubernetes.client import Configuration
from kubernetes.config import load_kube_config
from urllib3.exceptions import ProtocolError
from urllib3.util.retry import Retry

from harness.errors import AccessDenied, ConfigurationError, TargetSilent, TargetUnreachable
from harness.targets import Target, load_target
from harness.targets.cluster import kubeconfig
from harness.targets.cluster.kubeconfig import api_client, api_server_url
from harness.targets.cluster.selectors import selects
from harness.targets.kubernetes import (
    Cluster,
    has_condition,
    is_over,
    labels_of,
    workload_of,
)
from tests.builders.http_servers import answering


def target(
    directory: Path,
    context: str = "ours",
    server: str = "https://127.96.0.7:1",
    *,
    user: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Target:
    """A target whose kubeconfig has two contexts; the current one is not ours. more: what is said of the clusters."""
    clusters = {"ours": server, "theirs": "https://127.96.0.8:1"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "theirs",
        "clusters": [
            {"name": name, "cluster": {"server": server, **(more or {})}} for name, server in clusters.items()
        ],
        "users": [{"name": "u", "user": dict(user or {"token": "t"})}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "u"}} for name in clusters],
    }
    (directory / "kubeconfig").write_text(yaml.safe_dump(config))
    file = directory / "target.yaml"
    file.write_text(
        "name: a\nenvironment: staging\nentry: https://a.test\n"
        f"kubernetes: {{kubeconfig: {directory}/kubeconfig, context: {context}}}\n"
    )
    return load_target(file)


def test_the_named_context_is_used_not_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever KUBECONFIG and the proxies of the environment say."""
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    ours = target(tmp_path)
    assert api_server_url(ours) == "https://127.96.0.7:1"
    assert api_client(ours).configuration.proxy is None


def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With the file that was looked in; without a cluster the target can still be judged by its entry, and the key is named."""
    astray = target(tmp_path, "nobody")
    with pytest.raises(ConfigurationError, match=r"context `nobody` cannot be read from .*/kubeconfig"):
        api_client(astray)
    (tmp_path / "kubeconfig").write_text("{")
    with pytest.raises(ConfigurationError, match=r"/kubeconfig: while parsing a flow node"):
        api_client(astray)
    astray.file.write_text("name: a\nenvironment: staging\nentry: https://a.test\n")
    with pytest.raises(ConfigurationError, match=r"target\.yaml: kubernetes: the target file has no cluster"):
        api_client(load_target(astray.file))


def test_what_a_cluster_does_not_serve_is_not_created(tmp_path: Path) -> None:
    """A read of it is nothing; to create it is an error, with the API server's own words."""
    absence = {"kind": "Status", "code": 404, "message": "the server could not find the requested resource"}
    with answering([(404, absence), (404, absence)]) as (url, _):
        cluster = Cluster.of(target(tmp_path, server=url))
        assert cluster.custom("chaos.test/v1", "faults", "default", "one") is None
        with pytest.raises(TargetUnreachable, match=r"answered 404 .*could not find the requested resource"):
            cluster.create_custom("chaos.test/v1", "faults", "default", {"kind": "Fault"})


def test_a_server_that_does_not_answer_is_a_target_that_is_unreachable(tmp_path: Path) -> None:
    """At once, not after retries."""
    with pytest.raises(TargetUnreachable, match=r"https://127\.96\.0\.7:1: the API server gave no answer"):
        Cluster.of(target(tmp_path)).nodes()


@pytest.mark.parametrize(
    ("labels", "workload"),
    [
        ({"app": "shop", "app.kubernetes.io/name": "nginx"}, "shop"),
        ({"app.kubernetes.io/name": "nginx"}, "nginx"),
        ({"app": "", "app.kubernetes.io/name": "nginx"}, "nginx"),
        ({"tier": "web"}, ""),
    ],
)
def test_a_workload_goes_by_the_label_that_its_pods_have(labels: dict[str, str], workload: str) -> None:
    """Charts write `app.kubernetes.io/name`, older manifests `app`, which comes first."""
    assert workload_of(labels) == workload


def test_what_is_missing_in_an_object_reads_as_empty() -> None:
    """Real servers leave out what is empty."""
    assert labels_of({"metadata": {}}) == {}
    assert not has_condition({"metadata": {}}, "Ready")
    assert not has_condition({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}, "Ready")


def page(names: Sequence[str], more: str = "") -> tuple[int, Any]:
    """A page of a list of nodes."""
    return 200, {"metadata": {"continue": more}, "items": [{"metadata": {"name": name}} for name in names]}


EXPIRED = (410, {"kind": "Status", "code": 410, "reason": "Expired", "message": "the continue parameter is too old"})


def test_a_list_is_read_page_by_page(tmp_path: Path) -> None:
    """Large clusters give no more at once than is asked for."""
    with answering([page(["a", "b"], more="next"), page(["c"])]) as (server, requests):
        nodes = Cluster.of(target(tmp_path, server=server)).nodes()
    assert [node["metadata"]["name"] for node in nodes] == ["a", "b", "c"]
    asked = [dict(parse_qsl(urlsplit(request).query)) for request in requests]
    assert asked == [{"limit": "500"}, {"limit": "500", "continue": "next"}]


def test_a_list_whose_pages_expired_is_read_at_once(tmp_path: Path) -> None:
    """What the first pages had is read again, nothing twice."""
    with answering([page(["a"], more="next"), EXPIRED, page(["a", "b"])]) as (server, requests):
        nodes = Cluster.of(target(tmp_path, server=server)).nodes()
    assert [node["metadata"]["name"] for node in nodes] == ["a", "b"]
    assert requests[-1] == "/api/v1/nodes"


@pytest.mark.parametrize(
    ("body", "absent"),
    [
        ({"kind": "Status", "code": 404, "reason": "NotFound"}, True),
        (b"404 page not found\n", True),
        (b"<html>404 Not Found</html>", False),
        (b"", False),
        ({"message": "no Route matched"}, False),
    ],
)
def test_only_the_api_server_says_that_an_object_is_not_there(tmp_path: Path, body: object, *, absent: bool) -> None:
    """By a `Status`, or by a line where it does not serve the group at all. Of a proxy, an undo whose DELETE never arrived would count as done."""
    refused = pytest.raises(TargetUnreachable, match="answered 404")
    with answering([(404, body)]) as (server, _), nullcontext() if absent else refused:
        assert Cluster.of(target(tmp_path, server=server)).pod("a", "b") is None


@pytest.mark.parametrize(("status", "silent"), [(500, True), (503, True), (504, True), (409, False), (422, False)])
def test_of_a_write_that_was_answered_5xx_it_is_not_known_whether_it_was_done(
    tmp_path: Path, status: int, *, silent: bool
) -> None:
    """Such as 504 by a proxy whose API server took longer; a 4xx says that it was not."""
    with (
        answering([(status, {"kind": "Status", "code": status})]) as (server, _),
        pytest.raises(TargetUnreachable, match=f"answered {status}") as refused,
    ):
        Cluster.of(target(tmp_path, server=server)).patch_service("a", "b", [])
    assert isinstance(refused.value, TargetSilent) is silent


def test_the_log_of_a_pod_that_is_not_scheduled_yet_is_empty(tmp_path: Path) -> None:
    """A genuine API server answers 204 then."""
    with answering([(204, "")]) as (server, _):
        assert Cluster.of(target(tmp_path, server=server)).pod_log("a", "b") == ""


@pytest.mark.parametrize(("phase", "over"), [("Failed", True), ("Succeeded", True), ("Running", False), (None, False)])
def test_a_pod_is_over_when_it_failed_or_succeeded(phase: str | None, *, over: bool) -> None:
    """One without a status is still to come."""
    assert is_over({"status": {"phase": phase}} if phase else {}) is over


CERTIFIED = {"certificate-authority-data": base64.b64encode(b"a certificate").decode()}


def test_certificates_of_a_kubeconfig_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even while the client is in use, so that a process which is killed leaves none; those of other clients stay."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    own = target(tmp_path, more=CERTIFIED)
    for _ in range(2):
        configuration = api_client(own).configuration
        assert Path(str(configuration.ssl_ca_cert)).read_bytes() == b"a certificate"
        assert [*temporary.iterdir()] == []
    other = Configuration()  # as another library does
    load_kube_config(config_file=str(tmp_path / "kubeconfig"), context="ours", client_configuration=other)  # type: ignore[no-untyped-call]
    assert Path(str(api_client(own).configuration.ssl_ca_cert)).read_bytes() == b"a certificate"
    assert Path(str(other.ssl_ca_cert)).read_bytes() == b"a certificate"


def test_clients_made_side_by_side_have_their_own_certificates(tmp_path: Path) -> None:
    """As the checks of a run make them: none takes the files of another."""
    own = target(tmp_path, more=CERTIFIED)
    with ThreadPoolExecutor(8) as pool:
        made = [pool.submit(api_client, own) for _ in range(80)]
    paths = [Path(str(one.result().configuration.ssl_ca_cert)) for one in made]
    assert {path.read_bytes() for path in paths} == {b"a certificate"}


def test_an_answer_that_breaks_off_is_no_answer() -> None:
    """Status and headers came, and the body did not: the library reads it only when it is asked for it."""

    class Broken:
        status = 200

        @property
        def data(self) -> bytes:
            raise ProtocolError("Connection broken: IncompleteRead")

    cluster = object.__new__(Cluster)
    cluster.url = "https://10.0.0.1:6443"
    with pytest.raises(TargetUnreachable, match=r"the API server gave no answer \(ProtocolError\)"):
        cluster._answer(lambda **_: Broken())


def plugin(script: str) -> dict[str, Any]:
    """A user whose credentials a program gives."""
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script]}}


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (plugin("echo token expired >&2; exit 1"), "the credential plugin `sh` returned no credentials: exec: process returned 1"),
        (plugin("echo {}"), "the credential plugin `sh` returned no credentials: exec: malformed response"),
        (
            {"exec": {"apiVersion": "v1", "command": "no-such-plugin"}},
            "the credential plugin `no-such-plugin` returned no credentials: [Errno 2] No such file",
        ),
    ],
)  # fmt: skip
def test_a_credential_plugin_that_gives_nothing_is_named_with_its_reason(
    tmp_path: Path, user: dict[str, Any], said: str
) -> None:
    """The library goes on without credentials, and what is refused then reads as a right that is missing."""
    with pytest.raises(ConfigurationError) as raised:
        api_client(target(tmp_path, user=user))
    assert said in str(raised.value)
    assert "sign in again" in raised.value.hint


def test_a_credential_plugin_that_gives_a_token_is_used(tmp_path: Path) -> None:
    """It is the token that requests have."""
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-a-plugin"},
    }
    ours = target(tmp_path, user=plugin(f"echo '{json.dumps(credential)}'"))
    assert api_client(ours).configuration.auth_settings()["BearerToken"]["value"] == "Bearer from-a-plugin"


@pytest.mark.parametrize(("status", "hint"), [(401, "sign in to the cluster again"), (403, "readiness plan --roles")])
def test_credentials_that_expired_have_another_cure_than_a_right_that_is_missing(
    tmp_path: Path, status: int, hint: str
) -> None:
    """401 says that the server does not know who asks. It is no server that does not answer: nothing asks again, and its message is told."""
    with (
        answering([(status, {"kind": "Status", "code": status, "message": "nodes is forbidden"})]) as (server, _),
        pytest.raises(AccessDenied, match=f"answered {status} nodes is forbidden") as raised,
    ):
        Cluster.of(target(tmp_path, server=server)).nodes()
    assert hint in raised.value.hint


def test_the_token_file_is_read_anew_for_each_request(tmp_path: Path) -> None:
    """It is replaced before it expires; while it is gone the one before is good."""
    (tmp_path / "token").write_text("first\n")
    configuration = api_client(target(tmp_path, user={"tokenFile": "token"})).configuration

    def sent() -> str:
        return str(configuration.auth_settings()["BearerToken"]["value"])

    assert sent() == "Bearer first"
    (tmp_path / "token").write_text("second\n")
    assert sent() == "Bearer second"
    (tmp_path / "token").unlink()
    assert sent() == "Bearer second"


def test_the_proxy_that_the_kubeconfig_names_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As kubectl does, whatever the environment says; one of SOCKS says which packages it takes."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    behind = target(tmp_path, server="https://10.0.0.1", more={"proxy-url": "http://bastion.test:8080"})
    assert api_client(behind).configuration.proxy == "http://bastion.test:8080"
    monkeypatch.setattr(kubeconfig, "find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match="behind a SOCKS proxy, and socks and socksio is not installed"):
        api_client(target(tmp_path, server="https://10.0.0.1", more={"proxy-url": "socks5://bastion.test:1080"}))


def test_what_the_api_server_refuses_because_it_is_busy_is_asked_again(tmp_path: Path) -> None:
    """Three times, and no longer apart than two seconds, whatever the server asks for."""
    busy = (429, {"kind": "Status", "message": "too many requests"})
    with answering([busy, page(["a"])]) as (server, requests):
        ours = target(tmp_path, server=server)
        assert len(Cluster.of(ours).nodes()) == 1
        assert len(requests) == 2
    retries = api_client(ours).configuration.retries
    assert isinstance(retries, Retry)
    assert (retries.total, retries.connect, retries.read) == (3, 0, 0)
    assert retries.new(total=1).parse_retry_after("3600") == 2
    assert retries.is_retry("POST", 429, has_retry_after=True)
    assert not retries.is_retry("POST", 503, has_retry_after=True)  # a write may have been done


def test_a_controller_selects_by_labels_and_by_expressions(subtests: pytest.Subtests) -> None:
    """All of them must be met; an empty selector selects nothing."""
    for selector, met in [
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "api"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
        ({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Near", "values": ["web"]}]}, False),
        ({}, False),
    ]:
        with subtests.test(selector=selector):
            assert selects({"spec": {"selector": selector}}, {"metadata": {"labels": {"app": "web"}}}) is met
