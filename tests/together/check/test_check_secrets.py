"""A planted secret is found wherever it is, and is never printed."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from harness import clock
from harness.drivers.check.registry import run_check
from harness.drivers.check.secrets.values import secret_values
from harness.evidence.histories.history import History
from harness.model import Demand, DemandKind
from tests.together.objects import deployment, stored

if TYPE_CHECKING:
    from pathlib import Path

    from harness.targets import Target
    from tests.together.conftest import PocketCluster

SECRET = 'kP9"x/Zq4+vL'


def secret(namespace: str = "north", **data: str) -> dict[str, Any]:
    """A Secret with these values."""
    encoded = {key.replace("_", "."): base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {**stored("shop", namespace, **encoded), "type": "Opaque"}


def facts(target: Target, tmp_path: Path) -> dict[str, tuple[bool | None, str]]:
    """What the check recorded; the value is not in the record."""
    file = tmp_path / "history" / "checks.ndjson"
    history = History(file, "checks")
    check = run_check(Demand(kind=DemandKind.CHECK, name="secrets-hidden"), target, history)
    history.close()
    recorded = file.read_text()
    for form in (SECRET, base64.b64encode(SECRET.encode()).decode()):
        assert form not in recorded
        assert form not in repr(check)
    assert not check.why
    return {fact.subject: (fact.ok, fact.observed) for fact in check.facts}


def test_a_target_that_keeps_its_secrets(cluster: PocketCluster, target: Target, tmp_path: Path) -> None:
    """The value is in its Secret alone; two objects were searched for it."""
    cluster.create("Secret", secret(password=SECRET))
    cluster.create("ConfigMap", stored("settings", mode="plain"))
    assert facts(target, tmp_path) == {
        "secrets of the target": (True, "1 values"),
        "north: manifests and settings": (True, "1 searched for 1 values, none found"),
    }


def test_a_value_in_the_settings_of_a_workload_and_in_a_config_map(
    cluster: PocketCluster, target: Target, tmp_path: Path
) -> None:
    """Written out as a variable, and as a part of an address; each place is named with the Secret."""
    cluster.create("Secret", secret(password=SECRET))
    container = {"name": "main", "image": "x:1", "env": [{"name": "PASSWORD", "value": SECRET}]}
    cluster.create("Deployment", deployment("web", "south", container, replicas=0))
    cluster.create("ConfigMap", stored("settings", url="http://shop:kP9%22x%2FZq4%2BvL@store"))
    found = facts(target, tmp_path)
    leak = (False, "the value of north/Secret/shop, key password")
    assert found["south/Deployment/web"] == leak
    assert found["north/ConfigMap/settings"] == leak
    assert found["south: manifests and settings"] == (False, "1 searched for 1 values, 1 found")


def test_a_value_in_a_log(cluster: PocketCluster, target: Target, tmp_path: Path) -> None:
    """A pod prints it in JSON, where its quotation mark is escaped."""
    cluster.create("Secret", secret(password=SECRET))
    program = (
        "import json, time; print(json.dumps({'login': " + repr(SECRET) + "[::-1][::-1]}), flush=True); time.sleep(60)"
    )
    command = ["python", "-c", program.replace(SECRET, r"kP9\x22x/Zq4+vL")]
    metadata = {"name": "chatty", "namespace": "north", "labels": {"app": "chatty"}}
    spec = {"containers": [{"name": "main", "image": "x:1", "command": command}]}
    cluster.create("Pod", {"metadata": metadata, "spec": spec})
    log = cluster.kubelet.logs_directory / "chatty"
    assert any(log.exists() and log.stat().st_size for _ in clock.Deadline.after(60).ticks(0.05))
    found = facts(target, tmp_path)
    assert found["log of north/chatty, container main"] == (False, "the value of north/Secret/shop, key password")


@pytest.mark.parametrize(
    ("started", "size", "leaks", "ok"),
    [
        ("2026-01-31T11:00:00Z", 100_000, False, None),
        ("2026-01-31T11:00:00Z", 100_000, True, False),
        ("2026-01-31T11:00:00Z", 1_000, False, True),
        ("2026-01-31T11:59:30Z", 100_000, False, True),
    ],
)
def test_a_log_without_its_beginning_is_unknown(
    cluster: PocketCluster, target: Target, tmp_path: Path, started: str, size: int, *, leaks: bool, ok: bool | None
) -> None:
    """The first line is an hour younger than the container: the kubelet has rotated it. One that writes seldom may begin late."""
    cluster.create("Secret", secret(password=SECRET))
    (cluster.kubelet.logs_directory / "web").write_text("line\n" * (size // 5) + (SECRET if leaks else ""))
    state = {"name": "main", "restartCount": 0, "ready": True, "image": "x:1", "imageID": "x"}
    status = {"containerStatuses": [{**state, "state": {"running": {"startedAt": started}}}]}
    spec = {"containers": [{"name": "main", "image": "x:1"}]}
    cluster.create("Pod", {"metadata": {"name": "web", "namespace": "north"}, "spec": spec, "status": status})
    found = facts(target, tmp_path)
    worst, observed = found.get("log of north/web, container main", (True, ""))
    assert worst is ok
    assert found["north: logs"][0] is (not leaks)
    if ok is None:
        assert observed == (
            "the container started at 2026-01-31T11:00:00Z, its log begins at 2026-01-31T12:00:00.123456789Z: the kubelet has deleted "
            "the earlier lines; hint: restart the pod shortly before the run, or raise containerLogMaxSize"
        )


def test_jobs_ingresses_and_containers_that_run_first_are_searched(
    cluster: PocketCluster, target: Target, tmp_path: Path
) -> None:
    """A schedule's command, a Job's variable, an annotation of an Ingress, and the log of a container that prepares a pod."""
    cluster.create("Secret", secret(password=SECRET))
    container = {"name": "main", "image": "x:1", "env": [{"name": "PASSWORD", "value": SECRET}]}
    job = {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}
    for kind, spec in (("Job", job), ("CronJob", {"schedule": "0 3 * * *", "jobTemplate": {"spec": job}})):
        cluster.create(kind, {"metadata": {"name": "nightly", "namespace": "north"}, "spec": spec})
    ingress = {"name": "door", "namespace": "north", "annotations": {"auth": f"Basic {SECRET}"}}
    rules = {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}
    cluster.create("Ingress", {"metadata": ingress, "spec": rules})
    first, main = ({"name": name, "image": "x:1"} for name in ("migrate", "main"))
    pod = {"name": "web", "namespace": "north", "labels": {"app": "web"}}
    (cluster.kubelet.logs_directory / "web").write_text(SECRET)
    cluster.create("Pod", {"metadata": pod, "spec": {"initContainers": [first], "containers": [main]}})
    leaks = {subject for subject, (_, observed) in facts(target, tmp_path).items() if observed.startswith("the value")}
    assert leaks >= {
        "north/Job/nightly",
        "north/CronJob/nightly",
        "north/Ingress/door",
        "log of north/web, container migrate",
    }


def test_a_target_without_a_secret_has_shown_nothing(cluster: PocketCluster, target: Target, tmp_path: Path) -> None:
    """Nothing was searched for: that is not known, and no pass."""
    assert facts(target, tmp_path)["secrets of the target"] == (None, "0 values")


def test_what_is_worth_a_search() -> None:
    """Certificates, user names and short words are not; of a private key its first line is; one value counts once."""
    key = "-----BEGIN PRIVATE KEY-----\nMIIBVgIBADANBgkqhkiG9w0\nsecond\n-----END PRIVATE KEY-----\n"
    public = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    made = secret(tls_key=key, tls_crt=public, ca_crt=public, username="administrator", password="short", token=SECRET)
    again = secret("south", token=SECRET)
    found = list(secret_values([made, again]))
    assert [value.place for value in found] == ["north/Secret/shop, key tls.key", "north/Secret/shop, key token"]
    assert found[0].is_in("log: MIIBVgIBADANBgkqhkiG9w0")
    assert SECRET not in repr(found)


def test_the_secrets_within_a_value_are_searched_for() -> None:
    """Of a `.env` and of JSON what is called a secret, of an address its password; other settings are none."""
    env = "# shop\nexport DB_PASSWORD='aUk3-7hTq-2'\nLOG_FORMAT=structured\nSTORE_URL=redis://:r3d%2Fis-pw@cache:6379\n"
    docker = '{"auths": {"registry.test": {"username": "pusher-of-images", "password": "d0cker-pw-9"}}}'
    made = secret(_env=env, config_json=docker, DATABASE_URL="postgres://shop:pg-pw-4711@main/shop?sslmode=require")
    parts = {one.place.partition("key ")[2]: one for one in secret_values([made])}
    assert set(parts) == {
        ".env, DB_PASSWORD", ".env, STORE_URL", "config.json", "config.json, password", "DATABASE.URL",
        "DATABASE.URL, password of the address",
    }  # fmt: skip
    assert parts[".env, DB_PASSWORD"].is_in("login with aUk3-7hTq-2")
    assert parts[".env, STORE_URL"].is_in("redis password r3d/is-pw")
    assert parts["DATABASE.URL, password of the address"].is_in("PGPASSWORD=pg-pw-4711")
    assert not any(one.is_in("structured logs of pusher-of-images in registry.test") for one in parts.values())


def test_places_and_environments_are_no_secrets() -> None:
    """By the name of their key, or because the value names a region or a namespace."""
    made = secret(
        AWS_REGION="us-east-1",
        S3_BUCKET="shop-assets",
        LOG_LEVEL="information",
        NODE_ENV="production",
        SITE="eu-west-1",
    )
    assert [one.place for one in secret_values([made], {"eu-west-1"})] == []
