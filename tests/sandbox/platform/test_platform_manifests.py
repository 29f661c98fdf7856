"""The manifests, as objects of a release and as a target file."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict

from harness.errors import ConfigurationError
from readiness_sandbox import target
from readiness_sandbox.cluster import admission, kinds
from readiness_sandbox.cluster.kubelet.nodes import POWER
from readiness_sandbox.cluster.kubelet.status import image_id
from readiness_sandbox.directory import Directory
from readiness_sandbox.platform import render
from readiness_sandbox.platform.credentials import Credentials
from readiness_sandbox.platform.describe import MEMBERS, SHARES, Addresses, describe, dsn_files
from readiness_sandbox.releases import load_release, names

CREDENTIALS = Credentials.generate()


def rendered(release: str = "1.0.0") -> list[dict[str, Any]]:
    """The objects of a release."""
    return render.render(load_release(release), CREDENTIALS)


def deployment(namespace: str, name: str, release: str = "1.0.0") -> dict[str, Any]:
    """One Deployment."""
    key = (namespace, name)
    return next(
        obj for obj in rendered(release)
        if obj["kind"] == "Deployment" and (obj["metadata"]["namespace"], obj["metadata"]["name"]) == key
    )  # fmt: skip


def test_every_object_is_admitted_with_strict_validation(subtests: pytest.Subtests) -> None:
    """No unknown field, no number where a text belongs: the API that will take them says so."""
    for release in names():
        with subtests.test(release):
            unknown: list[str] = []
            for obj in [*render.nodes(), *rendered(release)]:
                kind = next(k for k in kinds.KINDS if (k.kind, k.api_version) == (obj["kind"], obj["apiVersion"]))
                admission.created(kind, obj["metadata"].get("namespace"), obj, unknown.extend)
            assert unknown == []


def test_regions_have_their_sizes(subtests: pytest.Subtests) -> None:
    """The documents' 3, 2 and 5 in us-east-1, fewer elsewhere, each on nodes of its region."""
    for region, replicas in {"us-east-1": (3, 2, 5), "eu-west-1": (2, 2, 3), "ap-southeast-1": (2, 2, 2)}.items():
        with subtests.test(region):
            services = [deployment(region, name) for name in ("api-gateway", "user-service", "track-service")]
            assert tuple(service["spec"]["replicas"] for service in services) == replicas
            selectors = [service["spec"]["template"]["spec"]["nodeSelector"] for service in services]
            assert selectors == [{"topology.kubernetes.io/region": region}] * 3


@pytest.mark.parametrize(
    ("service", "cpu", "memory"),
    [("api-gateway", "500m", "512Mi"), ("user-service", "250m", "256Mi"), ("track-service", "1000m", "1Gi")],
)
def test_requests_are_limits_and_the_documents(service: str, cpu: str, memory: str) -> None:
    """Both are set, to the same."""
    resources = deployment("us-east-1", service)["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert resources == {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu, "memory": memory}}


def test_services_and_secrets_come_before_the_pods_that_need_them() -> None:
    """Pods learn of Services when they start."""
    order = [obj["kind"] for obj in rendered()]
    assert order.index("Namespace") == 0
    assert max(i for i, kind in enumerate(order) if kind in ("Service", "Secret", "ConfigMap")) < order.index(
        "StatefulSet"
    )


def test_backends_accept_their_declared_callers_on_8080_only() -> None:
    """frontend, api-gateway, balancer and the metrics scraper, from any namespace."""
    policies = [obj for obj in rendered() if obj["kind"] == "NetworkPolicy"]
    assert [policy["metadata"]["namespace"] for policy in policies] == list(SHARES)
    (rule,) = policies[0]["spec"]["ingress"]
    callers = [peer["podSelector"]["matchLabels"]["app"] for peer in rule["from"]]
    assert callers == ["frontend", "api-gateway", "balancer", "prometheus"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 8080}]


def test_the_primarys_service_has_no_selector() -> None:
    """Patroni keeps its endpoints."""
    (main,) = [obj for obj in rendered() if obj["kind"] == "Service" and obj["metadata"]["name"] == "main"]
    assert "selector" not in main["spec"]


def test_a_release_is_on_its_pods_and_images() -> None:
    """Label, tag and variables of the workload that it changes; others keep theirs."""
    template = deployment("ap-southeast-1", "track-service", "unready")["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert template["metadata"]["labels"]["version"] == "1.1.0-unready"
    assert container["image"] == "normaldance/track-service:1.1.0-unready"
    assert {"name": "DEFECT_REFUSES_ALL", "value": "yes"} in container["env"]
    assert "DEFECT_REFUSES_ALL" not in str(deployment("eu-west-1", "track-service", "unready"))


def test_a_half_rolled_release_leaves_one_region_at_the_old_version() -> None:
    """Labels, tags and digests of ap-southeast-1 are those of 1.0.0; the other regions have the new ones."""

    def versions(release: str) -> dict[str, tuple[str, str]]:
        templates = {region: deployment(region, "track-service", release)["spec"]["template"] for region in SHARES}
        containers = {region: template["spec"]["containers"][0] for region, template in templates.items()}
        return {
            region: (templates[region]["metadata"]["labels"]["version"], image_id(container))
            for region, container in containers.items()
        }

    old, new = versions("1.0.0"), versions("half-rolled")
    assert [new[region][0] for region in SHARES] == ["1.1.0-half-rolled", "1.1.0-half-rolled", "1.0.0"]
    assert [region for region in SHARES if new[region] == old[region]] == ["ap-southeast-1"]


def test_a_digest_changes_with_variables_and_command() -> None:
    """The same image under another command or with another variable is another digest; the name of the image stays."""
    container: dict[str, Any] = {"image": "normaldance/user-service:1.0.0", "command": ["python"], "env": []}
    changed = [{**container, "command": ["sh"]}, {**container, "env": [{"name": "A", "value": "1"}]}]
    ids = [image_id(each) for each in (container, *changed)]
    assert len(set(ids)) == 3
    assert {each.partition("@sha256:")[0] for each in ids} == {"normaldance/user-service"}


def test_a_dark_door_is_not_where_the_balancer_goes() -> None:
    """Port 8080 of the region's gateways leads to where nobody listens; the balancer is given the other port."""
    objects = rendered("dark-door")
    (door,) = [
        obj for obj in objects
        if obj["kind"] == "Service"
        and (obj["metadata"]["namespace"], obj["metadata"]["name"]) == ("ap-southeast-1", "api-gateway")
    ]  # fmt: skip
    assert {port["port"]: port["targetPort"] for port in door["spec"]["ports"]} == {8080: 8081, 8090: 8080}
    env = deployment("global", "balancer", "dark-door")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "AP_SOUTHEAST_1_SERVICE_PORT", "value": "8090"} in env


def test_rendering_leaves_the_manifests_as_they_are() -> None:
    """A bad release does not stain the next one."""
    before = rendered()
    rendered("slow")
    assert rendered() == before


def test_a_kustomization_that_is_not_understood_is_refused(tmp_path: Path) -> None:
    """By file and key."""
    (tmp_path / "kustomization.yaml").write_text("resources: []\nnamePrefix: x\n")
    with pytest.raises(ConfigurationError, match="the value of namePrefix is invalid"):
        render.kustomized(tmp_path)


def test_secrets_hold_what_the_manifests_ask_for() -> None:
    """Every secretKeyRef finds its key."""
    objects = rendered()
    held = {
        (obj["metadata"]["namespace"], obj["metadata"]["name"], key)
        for obj in objects if obj["kind"] == "Secret" for key in obj["data"]
    }  # fmt: skip
    asked = {
        (obj["metadata"]["namespace"], reference["name"], reference["key"])
        for obj in objects if obj["kind"] in ("Deployment", "StatefulSet")
        for entry in obj["spec"]["template"]["spec"]["containers"][0]["env"]
        if (reference := entry.get("valueFrom", {}).get("secretKeyRef"))
    }  # fmt: skip
    assert asked <= held
    platform = next(obj for obj in objects if obj["kind"] == "Secret" and obj["metadata"]["name"] == "platform")
    assert base64.b64decode(platform["data"]["database-password"]).decode() == CREDENTIALS.passwords["normaldance"]


def test_another_release_changes_the_version_in_the_target_file_and_nothing_else(tmp_path: Path) -> None:
    """Header, path and images of the key `release` stay."""
    directory = Directory(tmp_path)
    before = {"name": "sandbox", "release": {"version": "1.0.0", "header": "x-release", "images": True}}
    directory.target.write_text(yaml.safe_dump(before))
    target.set_release(directory, "1.1.0-late")
    after = yaml.safe_load(directory.target.read_text())
    assert after == {**before, "release": {"version": "1.1.0-late", "header": "x-release", "images": True}}


def test_the_target_file_says_where_everything_is() -> None:
    """Entry, regions with shares, database by reference only."""
    addresses = Addresses(
        entry="http://127.93.8.1:8080",
        regions={region: f"http://127.93.8.{n}:8080" for n, region in enumerate(SHARES, 2)},
        members={member: f"127.93.9.{n}" for n, member in enumerate(MEMBERS, 1)},
    )
    secrets = Path("/sandbox/secrets")
    described = describe(
        addresses, release="1.0.0", kubeconfig=Path("/sandbox/kubeconfig"), secrets=secrets, flows=secrets / "flows.log"
    )
    files = dsn_files(addresses, CREDENTIALS, secrets)
    europe = {"entry": "http://127.93.8.3:8080", "namespace": "eu-west-1", "share": "30 %"}
    assert described["regions"]["eu-west-1"] == europe
    assert CREDENTIALS.passwords["readiness"] not in yaml.safe_dump(described)
    assert described["release"] == {"version": "1.0.0", "header": "x-release", "images": True, "path": "/version"}
    assert described["probes"]["read"] == {"path": "/tracks/1", "expect": {"id": 1, "title": "str"}}
    assert described["power"] == {"annotation": POWER, "value": "off"}
    primary = conninfo_to_dict(files[secrets / "dsn"])
    assert (primary["host"], primary["target_session_attrs"]) == ("127.93.9.1,127.93.9.2,127.93.9.3", "read-write")
    named = {Path(described["database"]["dsn"]["file"])} | {
        Path(member["dsn"]["file"]) for member in described["database"]["members"].values()
    }
    assert named <= set(files)
