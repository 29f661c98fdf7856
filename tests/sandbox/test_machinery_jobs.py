"""Jobs and CronJobs over the public API, with real processes."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from harness import clock
from tests.sandbox.pocket import needs_kubectl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox.pocket import PocketCluster

pytestmark = pytest.mark.sandbox
LONG = "import time; time.sleep(600)"


def job_spec(code: str, policy: str = "Never", **spec: Any) -> dict[str, Any]:
    """The spec of a Job that runs Python code."""
    container = {"name": "main", "image": "test/job:1", "command": ["python", "-c", code]}
    pod = {"restartPolicy": policy, "terminationGracePeriodSeconds": 0, "containers": [container]}
    return {"template": {"spec": pod}, **spec}


def job(code: str = "", name: str = "work", policy: str = "Never", **spec: Any) -> dict[str, Any]:
    """A Job of that spec."""
    return {"metadata": {"name": name}, "spec": job_spec(code, policy, **spec)}


def cron_job(code: str = "", schedule: str = "0 0 1 1 *", **spec: Any) -> dict[str, Any]:
    """A CronJob, by default one that is not due in a test."""
    spec = {"schedule": schedule, "jobTemplate": {"spec": job_spec(code)}, **spec}
    return {"metadata": {"name": "tick"}, "spec": spec}


@pytest.fixture
def batch(cluster: PocketCluster) -> Iterator[Any]:
    """batch/v1, without Jobs before and after."""
    api: Any = client.BatchV1Api(cluster.core.api_client)
    yield api
    api.delete_collection_namespaced_cron_job("default")
    api.delete_collection_namespaced_job("default", propagation_policy="Background")


def outcome(batch: Any, name: str = "work") -> tuple[str, str]:
    """(Complete, Failed or empty; the reason)."""
    conditions = batch.read_namespaced_job(name, "default").status.conditions or ()
    return next(((each.type, each.reason) for each in conditions if each.type in ("Complete", "Failed")), ("", ""))


def counts(batch: Any, name: str = "work") -> tuple[int, int, int]:
    """(active, succeeded, failed); what is not there is 0, and no 0 is there."""
    status = batch.read_namespaced_job(name, "default").status
    found = (status.active, status.succeeded, status.failed)
    assert 0 not in found
    return status.active or 0, status.succeeded or 0, status.failed or 0


def refusal(call: Any, *arguments: Any) -> list[tuple[str, str]]:
    """Fields and messages of a 422."""
    with pytest.raises(ApiException) as refused:
        call(*arguments)
    assert refused.value.status == 422
    causes = json.loads(refused.value.body or "")["details"]["causes"]
    return [(each["field"], each["message"]) for each in causes]


def test_a_job_completes(cluster: PocketCluster, batch: Any) -> None:
    """Three completions, two at a time; the pods stay as Succeeded, their logs too; deleting the Job takes them along where that is asked for."""
    batch.create_namespaced_job("default", job("print('done')", completions=3, parallelism=2))
    assert counts(batch)[0] <= 2
    cluster.until(lambda: outcome(batch) == ("Complete", "CompletionsReached"))
    status = batch.read_namespaced_job("work", "default").status
    assert (counts(batch), status.start_time <= status.completion_time) == ((0, 3, 0), True)
    pods = cluster.pods("batch.kubernetes.io/job-name=work")
    assert [pod.status.phase for pod in pods] == ["Succeeded"] * 3
    assert cluster.core.read_namespaced_pod_log(pods[0].metadata.name, "default") == "done\n"
    batch.delete_namespaced_job("work", "default", propagation_policy="Background")
    cluster.until(lambda: not cluster.pods("job-name=work"))


@pytest.mark.parametrize("code", ["", LONG], ids=["completed", "active"])
def test_a_job_deleted_in_the_foreground_goes_after_its_pods(cluster: PocketCluster, batch: Any, code: str) -> None:
    """Whether they have completed or still run."""
    batch.create_namespaced_job("default", job(code))
    cluster.until(lambda: counts(batch) == ((1, 0, 0) if code else (0, 1, 0)))
    batch.delete_namespaced_job("work", "default", propagation_policy="Foreground")
    cluster.until(lambda: not batch.list_namespaced_job("default").items)
    assert not cluster.pods("job-name=work")


def test_a_job_that_keeps_failing_fails(cluster: PocketCluster, batch: Any) -> None:
    """With backoffLimit 1: two pods, then Failed; none is started after that."""
    batch.create_namespaced_job("default", job("raise SystemExit(3)", backoffLimit=1))
    cluster.until(lambda: outcome(batch) == ("Failed", "BackoffLimitExceeded"))
    assert counts(batch) == (0, 0, 2)
    codes = [pod.status.container_statuses[0].state.terminated.exit_code for pod in cluster.pods("job-name=work")]
    assert codes == [3, 3]


def test_restarts_in_place_count_against_the_limit(cluster: PocketCluster, batch: Any) -> None:
    """OnFailure: one pod, restarted; Failed at the second restart."""
    batch.create_namespaced_job("default", job("raise SystemExit(3)", "work", "OnFailure", backoffLimit=2))
    cluster.until(lambda: outcome(batch) == ("Failed", "BackoffLimitExceeded"))
    assert counts(batch) == (0, 0, 1)


def test_a_pod_that_is_killed_is_replaced_and_counted(cluster: PocketCluster, batch: Any) -> None:
    """As a chaos experiment would: the second pod has another name, and one failure is noted."""
    batch.create_namespaced_job("default", job(LONG))
    cluster.until(lambda: len(cluster.ready_pods("job-name=work")) == 1)
    victim = cluster.pods("job-name=work")[0].metadata.name
    cluster.core.delete_namespaced_pod(victim, "default", grace_period_seconds=0)
    cluster.until(lambda: [pod.metadata.name for pod in cluster.ready_pods("job-name=work")] not in ([], [victim]))
    assert counts(batch) == (1, 0, 1)


def test_a_job_is_not_active_for_longer_than_its_deadline(cluster: PocketCluster, batch: Any) -> None:
    """After activeDeadlineSeconds its pod is killed; ttlSecondsAfterFinished 0: then the Job goes as well."""
    batch.create_namespaced_job("default", job(LONG, activeDeadlineSeconds=1))
    cluster.until(lambda: outcome(batch) == ("Failed", "DeadlineExceeded"))
    cluster.until(lambda: not cluster.pods("job-name=work"))
    batch.patch_namespaced_job("work", "default", {"spec": {"ttlSecondsAfterFinished": 0}})
    cluster.until(lambda: not batch.list_namespaced_job("default").items)


def test_a_suspended_job_has_no_pods_until_it_is_resumed(cluster: PocketCluster, batch: Any) -> None:
    """Suspending ends the pods without counting them; resuming starts the clock again."""
    batch.create_namespaced_job("default", job(LONG))
    cluster.until(lambda: len(cluster.ready_pods("job-name=work")) == 1)
    batch.patch_namespaced_job("work", "default", {"spec": {"suspend": True}})
    cluster.until(lambda: not cluster.pods("job-name=work"))
    status = batch.read_namespaced_job("work", "default").status
    (suspended,) = status.conditions
    assert (suspended.type, suspended.status, suspended.reason) == ("Suspended", "True", "JobSuspended")
    assert (counts(batch), status.start_time) == ((0, 0, 0), None)
    batch.patch_namespaced_job("work", "default", {"spec": {"suspend": False}})
    cluster.until(lambda: len(cluster.ready_pods("job-name=work")) == 1)
    assert batch.read_namespaced_job("work", "default").status.conditions[0].reason == "JobResumed"


def test_workers_at_a_queue_are_done_when_one_is_and_the_others_end(cluster: PocketCluster, batch: Any) -> None:
    """Without completions: nobody is started after the first success, and the last to end completes the Job."""
    batch.create_namespaced_job("default", job(parallelism=2))
    cluster.until(lambda: outcome(batch) == ("Complete", "CompletionsReached"))
    assert counts(batch) == (0, 2, 0)


def test_the_template_of_a_job_does_not_change(batch: Any) -> None:
    """A started Job is what it is; only how many run at once may change."""
    batch.create_namespaced_job("default", job(LONG))
    other = job("print()")
    assert refusal(batch.patch_namespaced_job, "work", "default", other) == [
        ("spec.template", "Invalid value: field is immutable")
    ]
    assert batch.patch_namespaced_job("work", "default", {"spec": {"parallelism": 0}}).spec.parallelism == 0


def due_hourly(**ago: int) -> str:
    """A schedule that was due so long ago, and is not due in a test again."""
    return f"{(clock.wall() - timedelta(**ago)).minute} * * * *"


def started_before(batch: Any, **ago: int) -> None:
    """Let the CronJob believe that it was started for the last time so long ago."""
    last = (clock.wall() - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    batch.patch_namespaced_cron_job_status("tick", "default", {"status": {"lastScheduleTime": last}})


def jobs(batch: Any) -> list[str]:
    """The names of all Jobs."""
    return [each.metadata.name for each in batch.list_namespaced_job("default").items]


def test_a_cron_job_starts_what_is_due(cluster: PocketCluster, batch: Any) -> None:
    """What was missed once, named after its minute; when it is done the status says so, and nothing is active."""
    missed = (int(clock.wall().timestamp()) // 60 - 5, due_hourly(minutes=5))
    batch.create_namespaced_cron_job("default", cron_job("print('tick')", missed[1], startingDeadlineSeconds=3600))
    assert jobs(batch) == []
    started_before(batch, minutes=10)
    cluster.until(lambda: bool(jobs(batch)))
    minute = int(jobs(batch)[0].removeprefix("tick-"))
    assert missed[0] <= minute <= missed[0] + 1  # where a minute ended between the two
    cluster.until(lambda: outcome(batch, f"tick-{minute}")[0] == "Complete")
    cluster.until(lambda: batch.read_namespaced_cron_job("tick", "default").status.last_successful_time is not None)
    found = batch.list_namespaced_job("default").items[0].metadata
    assert found.annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"].endswith(":00Z")
    assert (found.owner_references[0].kind, found.owner_references[0].name) == ("CronJob", "tick")
    batch.delete_namespaced_cron_job("tick", "default")
    cluster.until(lambda: not jobs(batch))


@pytest.mark.parametrize(("policy", "expected"), [("Forbid", 1), ("Replace", 1), ("Allow", 2)])
def test_a_cron_job_whose_last_run_is_active(cluster: PocketCluster, batch: Any, policy: str, expected: int) -> None:
    """Forbid leaves the old one alone, Replace ends it, Allow starts another beside it."""
    batch.create_namespaced_cron_job(
        "default", cron_job(LONG, due_hourly(minutes=5), concurrencyPolicy=policy, suspend=True)
    )
    old = batch.create_namespaced_job("default", _from(batch.read_namespaced_cron_job("tick", "default"), "old"))
    cluster.until(lambda: batch.read_namespaced_cron_job("tick", "default").status.active is not None)
    batch.patch_namespaced_cron_job("tick", "default", {"spec": {"suspend": False}})
    started_before(batch, minutes=10)

    def decided() -> bool:
        reasons = {
            each.reason
            for each in cluster.core.list_namespaced_event("default").items
            if each.involved_object.uid == uid
        }
        return bool(reasons & ({"JobAlreadyActive"} if policy == "Forbid" else {"SuccessfulCreate"}))

    uid = batch.read_namespaced_cron_job("tick", "default").metadata.uid
    cluster.until(decided)
    assert len(jobs(batch)) == expected
    assert (old.metadata.name in jobs(batch)) == (policy != "Replace")


def _from(cronjob: Any, name: str) -> dict[str, Any]:
    """What `kubectl create job NAME --from=cronjob/TICK` sends."""
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": cronjob.metadata.name, "uid": cronjob.metadata.uid}
    api = client.ApiClient()
    spec = api.sanitize_for_serialization(cronjob.spec.job_template.spec)  # type: ignore[no-untyped-call]
    annotations = {"cronjob.kubernetes.io/instantiate": "manual"}
    owners = [{**owner, "controller": True}]
    return {"metadata": {"name": name, "annotations": annotations, "ownerReferences": owners}, "spec": spec}


@needs_kubectl
def test_kubectl_starts_a_cron_job_by_hand(cluster: PocketCluster, batch: Any) -> None:
    """Also while it is suspended; the tables show both."""
    batch.create_namespaced_cron_job("default", cron_job("print('by hand')", suspend=True))
    manifest = cluster.kubectl("create", "job", "now", "--from=cronjob/tick", "--dry-run=client", "-o", "json")
    cluster.kubectl("create", "-f", "-", stdin=manifest)
    cluster.kubectl("wait", "--for=condition=complete", "job/now", "--timeout=60s")
    assert cluster.kubectl("logs", "job/now") == "by hand\n"
    assert cluster.kubectl("get", "jobs").split("\n")[1].split()[:3] == ["now", "Complete", "1/1"]
    row = cluster.kubectl("get", "cj").split("\n")[1]
    assert row.split() == ["tick", "0", "0", "1", "1", "*", "<none>", "True", "0", "<none>", row.split()[-1]]


def test_a_wrong_job_or_cron_job_is_refused(batch: Any, subtests: pytest.Subtests) -> None:
    """422 with field and words."""
    cases: list[tuple[dict[str, Any], str, str]] = [
        (job(policy="Always"), "template.spec.restartPolicy", 'Required value: valid values: "OnFailure", "Never"'),
        (job(completions=-1), "completions", "Invalid value: -1: must be greater than or equal to 0"),
        (
            job(completionMode="Indexed"),
            "completionMode",
            'Unsupported value: "Indexed": supported values: "NonIndexed"',
        ),
        (cron_job(schedule="* * *"), "schedule", 'Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]'),
        (cron_job(timeZone="Mars/Base"), "timeZone", 'Invalid value: "Mars/Base": unknown time zone Mars/Base'),
        (
            cron_job(concurrencyPolicy="Queue"),
            "concurrencyPolicy",
            'Unsupported value: "Queue": supported values: "Allow", "Forbid", "Replace"',
        ),
    ]
    for body, field, message in cases:
        with subtests.test(field):
            is_cron_job = "schedule" in body["spec"]
            create = batch.create_namespaced_cron_job if is_cron_job else batch.create_namespaced_job
            assert refusal(create, "default", body) == [(f"spec.{field}", message)]
