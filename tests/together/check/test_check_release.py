"""Blind side 4: which release runs is read from the workloads and the version path, never taken from a label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.drivers.check.release import read_release
from harness.targets.files.parts import ReleaseSource
from tests.together import objects
from tests.together.objects import deployment

if TYPE_CHECKING:
    from harness.targets import Target
    from tests.together.check.conftest import Backend
    from tests.together.conftest import PocketCluster


def pod(name: str, app: str, namespace: str, digest: str) -> dict[str, Any]:
    """A pod whose container runs this digest; without one only its image is known."""
    body = objects.pod(name, app, namespace, containers=[{"name": "c", "image": f"{app}:1"}])
    return {**body, "status": {"containerStatuses": [{"name": "c", "imageID": digest}]} if digest else {}}


def test_digests_of_every_workload_and_the_version_are_read(
    cluster: PocketCluster, target: Target, backends: list[Backend]
) -> None:
    """Two digests in one workload are both there; a pod without a digest gives its image; a workload without pods is empty."""
    cluster.create("Deployment", deployment("track", "north"))
    cluster.create("Deployment", deployment("lost", "north"))
    cluster.create("StatefulSet", deployment("store", "south"))
    cluster.create("Pod", pod("track-1", "track", "north", "sha256:a"))
    cluster.create("Pod", pod("track-2", "track", "north", "sha256:b"))
    cluster.create("Pod", pod("store-0", "store", "south", ""))
    backends[0].body = b'{"service": "balancer", "version": "1.0.0"}'
    found = read_release(target)
    assert found.workloads == {
        "north/Deployment/lost": (),
        "north/Deployment/track": ("sha256:a", "sha256:b"),
        "south/StatefulSet/store": ("store:1",),
    }
    assert (found.version, found.why) == ("1.0.0", "")
    assert found.at_ns > 0


def test_each_container_of_a_pod_has_an_image_of_its_own(cluster: PocketCluster, target: Target) -> None:
    """An application beside its proxy is one release, not two."""
    cluster.create("Deployment", deployment("web", "north"))
    for number in (1, 2):
        both = pod(f"web-{number}", "web", "north", "sha256:web")
        both["spec"]["containers"].append({"name": "proxy", "image": "proxy:1"})
        both["status"]["containerStatuses"].append({"name": "proxy", "imageID": "sha256:proxy"})
        cluster.create("Pod", both)
    read = read_release(target).workloads
    assert {name: images for name, images in read.items() if "web" in name} == {
        "north/Deployment/web/c": ("sha256:web",),
        "north/Deployment/web/proxy": ("sha256:proxy",),
    }


def test_what_cannot_be_read_is_said(cluster: PocketCluster, target: Target, backends: list[Backend]) -> None:
    """A version path that answers 404, and a cluster that does not answer, each with its reason."""
    backends[0].status = 404
    cluster.kubeconfig.write_text(cluster.kubeconfig.read_text().replace("127.95.2.1", "127.95.2.99"))
    found = read_release(target)
    assert (found.workloads, found.version) == ({}, "")
    assert found.why == "images: the API server gave no answer (NewConnectionError); GET /version: status 404"


def test_only_what_the_target_names_is_asked(cluster: PocketCluster, target: Target, backends: list[Backend]) -> None:
    """A release that is only a version asks nobody; a plain text is a version, an object without one is none."""
    plain = target.model_copy(update={"release": ReleaseSource(version="1.0.0")})
    assert (read_release(plain).workloads, read_release(plain).version, backends[0].paths) == ({}, "", [])
    only_path = target.model_copy(update={"release": ReleaseSource(path="/version")})
    for body, version in (
        (b"1.2.3\n", "1.2.3"),
        (b'"1.2.4"', "1.2.4"),
        (b'{"release": "1.2.5"}', "1.2.5"),
        (b"{}", ""),
    ):
        backends[0].body = body
        found = read_release(only_path)
        assert (found.version, bool(found.why)) == (version, not version), body
