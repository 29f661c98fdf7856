"""Workloads started without settings: who ends, who refuses, who lets in; on a cluster whose pods are real processes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from harness.drivers.check.workloads import defaults
from harness.drivers.check.workloads.defaults import workload_defaults
from harness.drivers.check.workloads.unset import end_of, patience_s, unset_pod
from harness.targets import load_target, platform_of
from harness.targets.safety.intents import pending_intents
from readiness_sandbox.platform.render import without_credentials
from readiness_sandbox.releases import load_release
from tests.sandbox.pocket import PocketCluster, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.drivers.facts import FactReading
    from harness.targets import Target

pytestmark = pytest.mark.sandbox

SHOP = """
import http.server, json, os, sys
class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200 if self.path == "/healthz" else int(sys.argv[1]))
    def do_POST(self):
        given = json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}")
        self.answer(200 if (given.get("user"), given.get("password")) == (sys.argv[2], sys.argv[2]) else int(sys.argv[1]))
    def answer(self, status):
        body = json.dumps({"token": "t"}).encode()
        self.send_response(status); self.send_header("content-length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8080), Shop).serve_forever()
"""
DESCRIPTION = {
    "openapi": "3.1.0",
    "info": {"title": "shop", "version": "1"},
    "paths": {
        "/orders": {"get": {"security": [{"token": []}], "responses": {}}},
        "/orders/{id}": {"get": {"security": [{"token": []}], "responses": {}}},
    },
    "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
}
POD_IP = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
PARTS = ("identity", "api-description", "audit", "tls", "secrets", "encryption-at-rest", "frontend")


@pytest.fixture(scope="module")
def pocket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PocketCluster]:
    """A cluster of its own."""
    with running(tmp_path_factory.mktemp("defaults") / "sandbox") as cluster:
        yield cluster


def made(pocket: PocketCluster, namespace: str, *templates: tuple[str, dict[str, Any]]) -> None:
    """A namespace with Deployments that run no pod."""
    pocket.core.create_namespace({"metadata": {"name": namespace}})
    for name, template in templates:
        spec = {"replicas": 0, "selector": {"matchLabels": template["metadata"]["labels"]}, "template": template}
        pocket.apps.create_namespaced_deployment(namespace, {"metadata": {"name": name}, "spec": spec})


def shop(status: int, user: str = "none", **more: Any) -> dict[str, Any]:
    """The template of a shop that answers this status to anybody, and lets in this user with the own name as password."""
    return command("python", "-c", SHOP, str(status), user, **more)


def command(*words: str, **more: Any) -> dict[str, Any]:
    """A pod template with this command, a setting, and a file of a ConfigMap that does not exist."""
    container = {
        "name": "main",
        "image": "test/shop:1",
        "command": [*words],
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [POD_IP, {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "missing", "key": "key"}}}],
        "volumeMounts": [{"name": "files", "mountPath": "/etc/shop"}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
    }
    volumes = [{"name": "files", "configMap": {"name": "missing"}}]
    spec = {"containers": [container], "volumes": volumes, **more}
    return {"metadata": {"labels": {"app": "shop"}}, "spec": spec}


def target_of(pocket: PocketCluster, tmp_path: Path, *namespaces: str, **more: Any) -> Target:
    """A target in these namespaces."""
    (tmp_path / "password").write_text("p", encoding="utf-8")
    (tmp_path / "shop.json").write_text(json.dumps(DESCRIPTION), encoding="utf-8")
    content = {
        "name": "pocket",
        "environment": "sandbox",
        "disposable": True,
        "entry": "http://127.0.0.1:9",
        "kubernetes": {
            "kubeconfig": str(pocket.kubeconfig),
            "context": pocket.context,
            "namespace": namespaces[0],
            "namespaces": [*namespaces],
        },
        "sign_in": {"path": "/sessions", "user": "u", "password": {"file": str(tmp_path / "password")}},
        **more,
    }
    (tmp_path / "target.yaml").write_text(json.dumps(content), encoding="utf-8")
    return load_target(tmp_path / "target.yaml")


def facts_of(target: Target) -> dict[str, FactReading]:
    """The facts by their subjects."""
    probe = workload_defaults(target, {})
    assert callable(probe)
    return {one.subject: one for one in probe()}


@pytest.fixture(autouse=True)
def _short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))


def test_who_is_open_without_settings_fails_and_what_is_not_known_is_named(
    pocket: PocketCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workload that ends or refuses is right; one that lets in anybody, or a default password, fails; silence, no description and no place are named."""
    monkeypatch.setattr(defaults, "_LEAST_S", 8.0)
    names = ("closed", "open", "delivered", "broken", "absent")
    made(
        pocket,
        "shop",
        ("ends", command("python", "-c", "import os; os.environ['KEY']")),
        ("closed", shop(401)),
        ("open", shop(200)),
        ("delivered", shop(403, "admin")),
        ("broken", shop(500)),
        ("absent", shop(404)),
        ("undescribed", shop(401)),
        ("done", command("python", "-c", "")),
        ("unplaced", shop(401, nodeSelector={"zone": "nowhere"})),
    )
    target = target_of(pocket, tmp_path, "shop", api={"description": dict.fromkeys(names, "shop.json")})
    seen = {subject: (one.ok, one.observed) for subject, one in facts_of(target).items()}

    def of(name: str, what: str = "") -> tuple[bool | None, str]:
        return seen.pop(f"shop/{name}{what}")

    orders, order = ": GET /orders without a credential", ": GET /orders/{id} without a credential"
    passwords = ": default passwords at POST /sessions"
    assert of("ends") == (True, "ended: exit code 1 (Error)")
    assert [of("closed", what) for what in (orders, order, passwords)] == [(True, "status 401")] * 3
    assert [of("open", what) for what in (orders, order)] == [(False, "status 200")] * 2
    assert of("open", passwords) == (False, "a made-up user gets a token, status 200")
    assert [of("delivered", what) for what in (orders, order)] == [(True, "status 403")] * 2
    assert of("delivered", passwords) == (False, "admin is let in with the password admin")
    assert [of("broken", what) for what in (orders, order, passwords)] == [(None, "status 500")] * 3
    assert [of("absent", what) for what in (orders, order)] == [(None, "status 404")] * 2
    assert of("absent", passwords) == (True, "status 404")
    assert of("undescribed")[0] is None
    assert of("undescribed", passwords) == (True, "status 401")
    assert of("done") == (None, "ended: exit code 0 (Completed)")
    assert of("unplaced") == (None, "neither serves nor ends within 8 s: Unschedulable")
    assert not seen
    assert not pending_intents(platform_of(target))
    assert not pocket.core.list_namespaced_pod("shop").items


@pytest.mark.parametrize(("release", "let_in"), [("1.0.0", False), ("open-by-default", True)])
def test_the_platform_of_the_sandbox_ends_without_settings(
    pocket: PocketCluster, tmp_path: Path, release: str, *, let_in: bool
) -> None:
    """Each of its workloads ends; auth-service of `open-by-default` serves, and lets in admin with the password admin."""
    version = load_release(release).version.replace(".", "-")
    namespace, names = f"of-{version}", set[str]()
    made(pocket, namespace)
    create = {
        "Deployment": pocket.apps.create_namespaced_deployment,
        "StatefulSet": pocket.apps.create_namespaced_stateful_set,
    }
    for one in without_credentials(load_release(release), PARTS):
        if one["kind"] in {"Deployment", "StatefulSet"} and one["metadata"]["namespace"] in {
            "us-east-1",
            "global",
            "database",
        }:
            for field in ("nodeSelector", "serviceAccountName"):  # of the platform's own nodes and accounts
                one["spec"]["template"]["spec"].pop(field, None)
            one["spec"]["replicas"] = 0
            one["metadata"]["namespace"] = namespace
            create[one["kind"]](namespace, one)
            names.add(one["metadata"]["name"])
    identity = {
        "issuer": "http://127.0.0.1:9",
        "clients": {"app": {"id": "app"}},
        "session": {"cookie": "sid", "sign_in": "POST /login", "page": "/account"},
    }
    seen = facts_of(target_of(pocket, tmp_path, namespace, identity=identity))
    assert {"api-gateway", "auth-service", "normaldance-frontend", "external-secrets"} <= names
    wrong = {subject.removeprefix(f"{namespace}/"): one.ok for subject, one in seen.items() if not one.ok}
    assert wrong == (
        {"auth-service": None, "auth-service: default passwords at POST /login": False} if let_in else {}
    ), [one.observed for one in seen.values() if not one.ok]


def test_a_pod_without_settings_has_nothing_of_the_workload_but_its_command() -> None:
    """No label that a Service selects, no probe, no data, no token, no port of the node; the address of the pod stays."""
    template = command("shop", "serve", hostNetwork=True, priorityClassName="high")
    container = template["spec"]["containers"][0]
    container["ports"][0]["hostPort"] = 80
    container["envFrom"] = [{"secretRef": {"name": "all"}}]
    container["volumeMounts"].append({"name": "data", "mountPath": "/data"})
    template["spec"]["volumes"].append({"name": "data", "persistentVolumeClaim": {"claimName": "data"}})
    container["livenessProbe"] = {"initialDelaySeconds": 40, "httpGet": {"path": "/healthz"}}
    body = unset_pod("one", "shop", template, life_s=60)
    assert body["metadata"] == {
        "name": "one",
        "namespace": "shop",
        "labels": {"app.kubernetes.io/managed-by": "readiness"},
    }
    [started] = body["spec"]["containers"]
    assert started["env"] == [POD_IP]
    assert started["ports"] == [{"name": "http", "containerPort": 8080}]
    assert started["volumeMounts"] == [{"name": "data", "mountPath": "/data"}]
    assert body["spec"]["volumes"] == [{"name": "data", "emptyDir": {}}]
    assert not {"envFrom", "readinessProbe", "livenessProbe"} & started.keys()
    assert not {"hostNetwork", "priorityClassName"} & body["spec"].keys()
    assert patience_s(template, 30.0) == 70.0


@pytest.mark.parametrize(
    ("code", "reason", "of_pod", "by_itself"),
    [
        (1, "Error", "", True),
        (137, "OOMKilled", "", False),
        (1, "Error", "Evicted", False),
        (127, "StartError", "", False),
    ],
)
def test_only_who_ends_by_itself_with_an_error_refuses_to_serve(
    code: int, reason: str, of_pod: str, *, by_itself: bool
) -> None:
    """A container that was killed, evicted or could not be started says nothing of its settings."""
    state = {"terminated": {"exitCode": code, "reason": reason}}
    status = {"phase": "Failed" if code else "Succeeded", "reason": of_pod, "containerStatuses": [{"state": state}]}
    end = end_of({"status": status})
    assert end is not None
    assert end.by_itself is by_itself
