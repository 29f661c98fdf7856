"""Pods as their kubelet treats them: start, probes, crashes, logs, configuration, the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from kubernetes.client.exceptions import ApiException

from harness import clock
from tests.sandbox.pocket import server_container

if TYPE_CHECKING:
    from tests.sandbox.pocket import PocketCluster

pytestmark = pytest.mark.sandbox


def pod(name: str, container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A bare pod with one container."""
    spec = {"containers": [container or server_container()], **spec}
    return {"metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def python(code: str, **more: Any) -> dict[str, Any]:
    """A container that runs that code."""
    return {"name": "main", "image": "test/main:1", "command": ["python", "-c", code], **more}


def state(cluster: PocketCluster, name: str) -> Any:
    """The status of the first container."""
    statuses = cluster.core.read_namespaced_pod(name, "default").status.container_statuses
    return statuses[0] if statuses else None


def waits_because(cluster: PocketCluster, name: str, reason: str) -> bool:
    """Whether the first container waits for that reason."""
    status = state(cluster, name)
    return bool(status and status.state.waiting and status.state.waiting.reason == reason)


def test_a_failing_liveness_probe_restarts_the_container_in_place(cluster: PocketCluster) -> None:
    """Same pod, one restart more, and the start before in lastState."""
    liveness = {
        "httpGet": {"path": "/healthz", "port": 8080},
        "initialDelaySeconds": 3,
        "periodSeconds": 1,
        "failureThreshold": 1,
        "timeoutSeconds": 20,
    }
    cluster.core.create_namespaced_pod("default", pod("one", server_container(livenessProbe=liveness)))
    cluster.until(lambda: len(cluster.ready_pods()) == 1)
    before = cluster.pods()[0]
    httpx.post(f"http://{before.status.pod_ip}:8080/sick")
    cluster.until(lambda: state(cluster, "one").restart_count >= 1)
    after = cluster.core.read_namespaced_pod("one", "default")
    assert after.metadata.uid == before.metadata.uid
    assert state(cluster, "one").last_state.terminated is not None


def test_a_crashing_container_backs_off_and_keeps_its_logs(cluster: PocketCluster) -> None:
    """CrashLoopBackOff, the exit code, the log of this start and of the one before."""
    cluster.core.create_namespaced_pod("default", pod("crash", python("print('going down'); raise SystemExit(3)")))
    cluster.until(
        lambda: waits_because(cluster, "crash", "CrashLoopBackOff") and state(cluster, "crash").restart_count >= 2
    )
    status = state(cluster, "crash")
    assert status.last_state.terminated.exit_code == 3
    assert cluster.core.read_namespaced_pod("crash", "default").status.phase == "Running"
    cluster.until(lambda: log_of(cluster, "crash") == log_of(cluster, "crash", previous=True) == "going down\n")
    assert state(cluster, "crash").restart_count < 8


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ({"name": "main", "image": "docker.io/library/nginx:1"}, "ImagePullBackOff"),
        ({"name": "main", "image": "test/x:1", "command": ["no-such-program"]}, "CreateContainerError"),
        (
            python("", env=[{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "k"}}}]),
            "CreateContainerConfigError",
        ),
    ],
)
def test_what_cannot_start_waits_and_says_why(cluster: PocketCluster, container: dict[str, Any], reason: str) -> None:
    """Pending with a reason, never Failed: nothing spins."""
    cluster.core.create_namespaced_pod("default", pod("stuck", container))
    cluster.until(lambda: waits_because(cluster, "stuck", reason))
    assert cluster.core.read_namespaced_pod("stuck", "default").status.phase == "Pending"


def test_configuration_reaches_the_container(cluster: PocketCluster) -> None:
    """ConfigMap, Secret, downward API, expansion, mounted files, and paths put where they are."""
    cluster.core.create_namespaced_config_map(
        "default", {"metadata": {"name": "settings"}, "data": {"color": "blue", "a.txt": "file"}}
    )
    cluster.core.create_namespaced_secret("default", {"metadata": {"name": "keys"}, "stringData": {"token": "s3cret"}})
    code = "import os; e = os.environ; print(e['COLOR'], e['TOKEN'], e['ME'], e['URL'], open(e['FILE']).read(), e['POD_IP'] != '')"
    env = [
        {"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "color"}}},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
        {"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "URL", "value": "http://$(ME)/$(NONE)"},
        {"name": "FILE", "value": "/etc/settings/a.txt"},
    ]
    container = python(code, env=env, volumeMounts=[{"name": "settings", "mountPath": "/etc/settings"}])
    volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
    cluster.core.create_namespaced_pod("default", pod("conf", container, volumes=volumes, restartPolicy="Never"))
    cluster.until(lambda: cluster.core.read_namespaced_pod("conf", "default").status.phase == "Succeeded")
    log = cluster.core.read_namespaced_pod_log("conf", "default")
    assert log.strip() == "blue s3cret conf http://conf/$(NONE) file True"


def test_a_graceful_end_lets_the_process_finish(cluster: PocketCluster) -> None:
    """SIGTERM first: deletionTimestamp stands while it works, gone when it is done; a deaf one is killed at its deadline."""
    code = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: (time.sleep(2), sys.exit(0)))\nprint('up', flush=True)\nwhile True: time.sleep(0.05)"
    deaf = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\nwhile True: time.sleep(1)"
    for name, source in (("polite", code), ("deaf", deaf)):
        cluster.core.create_namespaced_pod("default", pod(name, python(source), terminationGracePeriodSeconds=30))
    cluster.until(lambda: all("up" in log_of(cluster, name) for name in ("polite", "deaf")))
    began_s = clock.now_s()
    cluster.core.delete_namespaced_pod("polite", "default")
    assert cluster.core.read_namespaced_pod("polite", "default").metadata.deletion_timestamp is not None
    cluster.until(lambda: "polite" not in [each.metadata.name for each in cluster.pods()])
    assert clock.now_s() - began_s > 1.9
    began_s = clock.now_s()
    cluster.core.delete_namespaced_pod("deaf", "default", grace_period_seconds=1)
    cluster.until(lambda: not cluster.pods())
    assert clock.now_s() - began_s > 0.5


def log_of(cluster: PocketCluster, name: str, **which: Any) -> str:
    """A pod's log, empty before there is one."""
    try:
        return str(cluster.core.read_namespaced_pod_log(name, "default", **which))
    except ApiException:
        return ""


def test_a_kill_takes_everything_a_container_has_started(cluster: PocketCluster) -> None:
    """A grandchild in a session of its own dies with its pod."""
    code = (
        "import os, subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', 'grandchild-of-the-test'], start_new_session=True)\n"
        "print('up', flush=True)\ntime.sleep(600)"
    )
    cluster.core.create_namespaced_pod("default", pod("tree", python(code)))
    cluster.until(lambda: "up" in log_of(cluster, "tree"))
    assert cluster_processes("grandchild-of-the-test") > 0
    cluster.core.delete_namespaced_pod("tree", "default", grace_period_seconds=0)
    assert cluster_processes("grandchild-of-the-test") == 0


def cluster_processes(mark: str) -> int:
    """How many processes were started with that argument."""
    from pathlib import Path

    def last_argument(entry: Path) -> str:
        try:
            return (entry / "cmdline").read_text().rstrip("\0").rpartition("\0")[2]
        except OSError:
            return ""

    return sum(last_argument(entry) == mark for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def test_logs_by_tail_timestamp_and_container(cluster: PocketCluster) -> None:
    """What chaosk8s and kubectl ask of a log."""
    code = "import time\nfor i in range(5): print('line', i, flush=True)\ntime.sleep(600)"
    cluster.core.create_namespaced_pod("default", pod("talk", python(code)))
    cluster.until(lambda: "line 4" in log_of(cluster, "talk"))
    assert cluster.core.read_namespaced_pod_log("talk", "default", tail_lines=2) == "line 3\nline 4\n"
    stamped = cluster.core.read_namespaced_pod_log("talk", "default", timestamps=True, tail_lines=1)
    assert stamped[4] == "-"
    assert stamped.rstrip().endswith("Z line 4")
    assert cluster.core.read_namespaced_pod_log("talk", "default", since_seconds=600) != ""
    path = "/api/v1/namespaces/default/pods/talk/log?sinceTime="
    assert cluster.get(f"{path}2020-01-31T12:00:00Z").startswith("line 0")
    assert cluster.get(f"{path}2199-01-31T12:00:00Z") == ""
    with pytest.raises(ApiException, match="400"):
        cluster.core.read_namespaced_pod_log("talk", "default", container="other")


def test_a_followed_log_ends_with_its_container_and_is_refused_before_it_begins(cluster: PocketCluster) -> None:
    """Of a container that is over, of one that crashes while it is in its back-off, and of one that was never started."""
    over = pod("over", python("print('done')"), restartPolicy="Never")
    crash = pod("crash", python("print('going down'); raise SystemExit(3)"))
    for each in (over, crash, pod("stuck", {"name": "main", "image": "docker.io/library/nginx:1"})):
        cluster.core.create_namespaced_pod("default", each)
    cluster.until(lambda: cluster.core.read_namespaced_pod("over", "default").status.phase == "Succeeded")
    assert log_of(cluster, "over", follow=True) == "done\n"
    cluster.until(lambda: log_of(cluster, "crash", follow=True) == "going down\n")
    with pytest.raises(ApiException, match="waiting to start") as refused:
        cluster.core.read_namespaced_pod_log("stuck", "default", follow=True)
    assert refused.value.status == 400


def test_a_pod_fails_when_it_was_active_for_longer_than_it_may(cluster: PocketCluster) -> None:
    """Its processes end, whatever its restart policy is; one that was over before stays as it was."""
    long = pod("long", python("import time; time.sleep(600)"), activeDeadlineSeconds=1, terminationGracePeriodSeconds=1)
    short = pod("short", python("print('done')"), activeDeadlineSeconds=10, restartPolicy="Never")
    for each in (long, short):
        cluster.core.create_namespaced_pod("default", each)
    cluster.until(lambda: cluster.core.read_namespaced_pod("long", "default").status.phase == "Failed")
    cluster.until(lambda: state(cluster, "long").state.terminated is not None)
    status = cluster.core.read_namespaced_pod("long", "default").status
    assert (status.reason, status.phase, state(cluster, "long").restart_count) == ("DeadlineExceeded", "Failed", 0)
    assert cluster.core.read_namespaced_pod("short", "default").status.phase == "Succeeded"


def test_init_containers_run_first(cluster: PocketCluster) -> None:
    """The main container starts when they have succeeded, and finds what they left."""
    share = [{"name": "share", "mountPath": "/share"}]
    more = {"args": ["/share/x"], "volumeMounts": share}
    first = {**python("import sys; open(sys.argv[1], 'w').write('left')", **more), "name": "first"}
    main = python("import sys; print(open(sys.argv[1]).read())", **more)
    volumes = [{"name": "share", "emptyDir": {}}]
    two = pod("two", main, initContainers=[first], volumes=volumes, restartPolicy="Never")
    cluster.core.create_namespaced_pod("default", two)
    cluster.until(lambda: cluster.core.read_namespaced_pod("two", "default").status.phase == "Succeeded")
    assert cluster.core.read_namespaced_pod_log("two", "default", container="main").strip() == "left"
