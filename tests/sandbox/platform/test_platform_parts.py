"""Parts of the platform that are deployed by need: what is applied, and what the target file says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from harness.cli import readiness
from harness.errors import ConfigurationError
from readiness_sandbox.platform import parts
from readiness_sandbox.platform.credentials import Credentials
from readiness_sandbox.platform.render import render
from readiness_sandbox.releases import Release
from readiness_sandbox.scales import CPU_SCALE
from readiness_sandbox.settings import SandboxSettings

BELL = """
apiVersion: v1
kind: Namespace
metadata: {name: tower}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: bell, namespace: tower}
spec:
  replicas: 1
  selector: {matchLabels: {app: bell}}
  template:
    metadata: {labels: {app: bell}}
    spec:
      containers: [{name: bell, image: "normaldance/bell:1.0.0", command: [python, -m, bell]}]
"""


@pytest.fixture
def tower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two parts: `bell`, and `clock`, which needs it."""
    for name, part, resources in (
        ("bell", "target: {prometheus: '{tower/bell}', regions: {north: {entry: 'at {tower/bell}'}}}", "[bell.yaml]"),
        ("clock", "needs: [bell]", "[]"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part.yaml").write_text(part)
        (tmp_path / name / "kustomization.yaml").write_text(f"resources: {resources}")
    (tmp_path / "bell" / "bell.yaml").write_text(BELL)
    monkeypatch.setattr(parts, "PARTS", tmp_path)
    return tmp_path


def rendered(release: Release, *deployed: str) -> list[dict[str, Any]]:
    """The Deployments of the namespace of the part."""
    objects = render(release, Credentials.generate(), deployed)
    return [obj for obj in objects if obj["kind"] == "Deployment" and obj["metadata"]["namespace"] == "tower"]


def test_a_part_is_applied_where_it_is_asked_for(tower: Path) -> None:
    """Its workloads run the release as those of the core do; without it there is nothing of it."""
    release = Release(version="1.1.0", summary="", expect="GO")
    (bell,) = rendered(release, "clock")
    assert bell["spec"]["template"]["spec"]["containers"][0]["image"] == "normaldance/bell:1.1.0"
    assert rendered(release) == []


def test_a_release_may_change_a_part_that_is_not_deployed(tower: Path) -> None:
    """Whoever deploys it gets the change, the others nothing; what no part has is refused still."""
    release = Release.model_validate(
        {"version": "1.1.0", "summary": "", "expect": "GO", "workloads": {"bell": {"replicas": 3}}}
    )
    (bell,) = rendered(release, "bell")
    assert bell["spec"]["replicas"] == 3
    assert rendered(release) == []
    nobody = Release.model_validate({**release.model_dump(), "workloads": {"gong": {"replicas": 3}}})
    with pytest.raises(ConfigurationError, match="the platform does not have this object"):
        rendered(nobody, "bell")


def test_the_target_file_says_what_a_part_adds_to_it(tower: Path) -> None:
    """Mappings are merged, Services have their URLs, and the parts are named, those first that others need."""
    before = {"name": "sandbox", "regions": {"north": {"share": "60 %"}}}
    content = parts.described(before, ["clock"], lambda namespace, name: f"http://{name}.{namespace}:1")
    assert content == {
        "name": "sandbox",
        "regions": {"north": {"share": "60 %", "entry": "at http://bell.tower:1"}},
        "prometheus": "http://bell.tower:1",
        "parts": ["bell", "clock"],
    }
    assert parts.described(before, [], lambda _, name: name) == before


def test_a_part_says_more_where_another_one_is_deployed(tower: Path) -> None:
    """What is added beside `clock` is there with it alone."""
    (tower / "bell" / "part.yaml").write_text("{target: {stores: [bell]}, beside: {clock: {stores: ['{valkey}']}}}")
    stores = [parts.described({}, [one], lambda _, name: name)["stores"] for one in ("bell", "clock")]
    assert stores[0] == ["bell"]
    assert stores[1][1].endswith("valkey-server")


def test_the_cpu_scale_is_the_least_that_a_part_names(tower: Path) -> None:
    """Kubelets and target file have the same one; without such a part it is the usual one."""
    (tower / "bell" / "part.yaml").write_text("cpu_scale: 4")
    assert (parts.cpu_scale(["clock"]), parts.cpu_scale([])) == (4, CPU_SCALE)
    assert parts.described({"cpu_scale": CPU_SCALE}, ["clock"], lambda _, name: name)["cpu_scale"] == 4


def test_an_address_of_a_part_has_no_scheme(tower: Path) -> None:
    """Of a Service or a pod: with its port, and the host alone."""
    (tower / "bell" / "part.yaml").write_text("target: {dns: ['{address tower/bell-0}', '{host tower/bell}']}")
    content = parts.described({}, ["bell"], lambda namespace, name: f"http://{name}.{namespace}:53")
    assert content["dns"] == ["bell-0.tower:53", "bell.tower"]


def test_a_patch_of_a_part_names_what_it_changes(tower: Path) -> None:
    """The annotations of the Service of one namespace, and of no other."""
    (tower / "bell" / "kustomization.yaml").write_text("""
kind: Component
resources: [bell.yaml]
patches:
  - target: {kind: Service, name: api-gateway, namespace: eu-west-1}
    patch: "{apiVersion: v1, kind: Service, metadata: {name: any, annotations: {host: here}}}"
""")
    objects = render(Release(version="1.1.0", summary="", expect="GO"), Credentials.generate(), ["bell"])
    annotated = [obj["metadata"] for obj in objects if obj["metadata"].get("annotations") == {"host": "here"}]
    assert [(one["namespace"], one["name"]) for one in annotated] == [("eu-west-1", "api-gateway")]


def test_a_description_has_the_health_of_every_service() -> None:
    """A plan of a sandbox that is not started yet knows that each service can be asked."""
    told = CliRunner().invoke(readiness, ["sandbox", "describe"])
    services = yaml.safe_load(told.stdout)["services"]
    assert len(services) == 9
    assert "us-east-1/track-service" in services


def test_an_unknown_part_is_refused_with_the_nearest(tower: Path) -> None:
    """Before anything is started."""
    told = CliRunner().invoke(readiness, ["sandbox", "up", "--part", "clok"])
    assert isinstance(told.exception, ConfigurationError | SystemExit)
    with pytest.raises(ConfigurationError, match=r"the sandbox has no part 'clok'") as refused:
        parts.with_needs(["clok"])
    assert refused.value.hint == "did you mean clock? use one of its parts: bell, clock"


def test_a_wrong_part_file_is_refused_with_its_line(tower: Path) -> None:
    """A key that nobody reads would be a part that is not as its author thinks."""
    (tower / "bell" / "part.yaml").write_text("need: [clock]")
    with pytest.raises(ConfigurationError) as refused:
        parts.with_needs(["bell"])
    assert refused.value.where.startswith(f"{tower / 'bell' / 'part.yaml'}:1")


def test_the_parts_travel_to_the_control_plane() -> None:
    """As JSON on its command line."""
    settings = SandboxSettings(
        directory="/d", octet=64, release="1.0.0", parts=("monitor",), zygote=3, forwarder=4, supervisor=5
    )
    assert SandboxSettings.parse(settings.as_argument()) == settings
