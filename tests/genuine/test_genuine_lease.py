"""A run's Lease and the roles of `plan --roles` on a genuine control plane, used with the token of a pod's ServiceAccount."""

from __future__ import annotations

import base64
import os
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import yaml

from harness.errors import AccessDenied, Refused
from harness.run.plan.access import roles
from harness.targets import ClusterLease, Target, load_target, platform_of
from harness.targets.access import access, placed
from harness.targets.cluster import service_account
from harness.targets.kubernetes import Cluster
from harness.targets.safety import lease as module
from harness.targets.safety.lease import lease_access
from tests.genuine.conftest import WHERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

PLACE = "leases"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{PLACE}/leases/readiness-harness"
PLURALS = {
    "ServiceAccount": "serviceaccounts",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
}


@pytest.fixture
def account(genuine: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """What a pod of the namespace has: the three files and the two variables; and a target file without a context."""
    assert genuine.post("/api/v1/namespaces", json={"metadata": {"name": PLACE}}).status_code in {201, 409}
    kubeconfig = yaml.safe_load(Path(os.environ[WHERE]).read_text())["clusters"][0]["cluster"]
    directory = tmp_path / "serviceaccount"
    directory.mkdir()
    (directory / "ca.crt").write_bytes(base64.b64decode(kubeconfig["certificate-authority-data"]))
    (directory / "namespace").write_text(PLACE)
    monkeypatch.setattr(service_account, "DIRECTORY", directory)
    at = urlsplit(kubeconfig["server"])
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(at.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(at.port))
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    file = tmp_path / "target.yaml"
    file.write_text(f"name: genuine\nenvironment: staging\nentry: https://a.test\nkubernetes: {{namespace: {PLACE}}}\n")
    applied = apply(genuine, load_target(file))
    token = genuine.post(
        f"/api/v1/namespaces/{PLACE}/serviceaccounts/readiness-genuine/token", json={"spec": {"expirationSeconds": 600}}
    )
    (directory / "token").write_text(token.raise_for_status().json()["status"]["token"])
    yield load_target(file)
    for path in reversed(applied):
        genuine.delete(path)
    genuine.delete(LEASE)


def apply(genuine: httpx.Client, target: Target) -> list[str]:
    """Apply the roles of a run that holds its Lease and reads pods and nodes; the paths of what was made."""
    asked = placed([*lease_access(target), *access("list,watch pods"), *access("list nodes")], target)
    paths = []
    for obj in roles(asked, target.name, (PLACE, "readiness-genuine"))["items"]:
        version, place = obj["apiVersion"], obj["metadata"].get("namespace")
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        path = f"{root}{f'/namespaces/{place}' if place else ''}/{PLURALS[obj['kind']]}"
        genuine.post(f"{path}?fieldValidation=Strict", json=obj).raise_for_status()
        paths.append(f"{path}/{obj['metadata']['name']}")
    return paths


def of(target: Target, run: str, **options: Any) -> ClusterLease:
    """The Lease of a run."""
    return ClusterLease(target, platform_of(target), run, **options)


def test_a_pod_holds_renews_and_releases_the_lease_with_its_own_token(
    genuine: httpx.Client, account: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API server checks each write, and the kubelet's way to sign in."""
    monkeypatch.setattr(module, "RENEW_S", 0.1)
    assert of(account, "plan").refuse_if_held() == ""
    assert genuine.get(LEASE).status_code == 404
    with of(account, "run-1") as held:
        held.will_change()
        with pytest.raises(Refused, match="genuine is in use by run run-1"):
            of(account, "plan").refuse_if_held()
        before = genuine.get(LEASE).json()["spec"]
        assert before["holderIdentity"].startswith("run-1@")
        other = of(account, "run-2")
        with pytest.raises(Refused, match="genuine is in use by run run-1"):
            other.__enter__()
        after = genuine.get(LEASE).json()
        assert after["spec"]["renewTime"] > before["renewTime"]
        assert "readiness/undo-log" in after["metadata"]["annotations"]
        assert not held.why_lost
    released = genuine.get(LEASE).json()
    assert not released["spec"].get("holderIdentity")
    assert "annotations" not in released["metadata"]
    assert of(account, "plan").refuse_if_held() == ""
    assert genuine.get(LEASE).json() == released


def test_of_many_runs_at_once_one_holds_the_lease(account: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the resource version that each write names."""
    monkeypatch.setattr(module, "RENEW_S", 0.1)
    begin, held, over = threading.Barrier(6), list[int](), threading.Event()

    def attempt(number: int) -> str:
        begin.wait(60)
        try:
            with of(account, f"run-{number}"):
                held.append(number)
                over.wait(60)
        except Refused as error:
            return error.what
        return ""

    with ThreadPoolExecutor(6) as pool:
        tries = [pool.submit(attempt, number) for number in range(6)]
        refused = [one.result() for one in islice(as_completed(tries, 60), 5)]
        over.set()
    assert len(held) == 1
    assert all(f"in use by run run-{held[0]} (" in what for what in refused)


def test_a_dead_holder_with_a_clock_ahead_is_replaced(genuine: httpx.Client, account: Target) -> None:
    """After the duration that its Lease states."""
    spec = {"holderIdentity": "run-1@gone", "leaseDurationSeconds": 2, "renewTime": "2099-01-01T00:00:00.000000Z"}
    meta = {"name": "readiness-harness", "labels": {"app.kubernetes.io/managed-by": "readiness"}}
    genuine.post(LEASE.rpartition("/")[0], json={"metadata": meta, "spec": spec}).raise_for_status()
    said: list[str] = []
    with of(account, "run-2", say=said.append):
        pass
    assert said[-1].startswith(
        "run-1@gone did not release the Lease leases/readiness-harness and did not renew it for 2 s"
    )


def test_the_printed_roles_allow_what_they_list_and_nothing_else(account: Target) -> None:
    """As the API server's own review says, and as it answers."""
    cluster = Cluster.of(account)
    assert cluster.pods(PLACE) == []
    for refused in (partial(cluster.secrets, PLACE), partial(cluster.pods, "default")):
        with pytest.raises(
            AccessDenied, match=r'answered 403 .* is forbidden: User "system:serviceaccount:leases:readiness-genuine"'
        ):
            refused()
    other = account.model_copy(
        update={"kubernetes": account.kubernetes.model_copy(update={"namespace": "default"})}
        if account.kubernetes
        else {}
    )
    with pytest.raises(
        AccessDenied, match="the Lease default/readiness-harness cannot be taken: the API server answered 403"
    ):
        of(other, "run-1").__enter__()
