"""The Helm chart: linted and rendered by helm, its values checked by their schema, its roles those of `plan --roles`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

import harness
from harness.run.plan.access import roles
from harness.targets.access import access
from tests.builders.charts import CHART, helm, needs_helm, rendered

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = ("--set", "image.repository=registry.test/shop")
WORKERS = ("--set", "workers.replicas=2", "--set", "workers.locustfile=loadtests/browse.py")
NIGHTLY = ("--set", "schedule=0 2 * * *")
BUCKET = ("--set", "upload.to=s3://evidence/shop", "--set", "upload.credentialsSecret=s3")
ASKED = [*access("list nodes"), *access("list pods", "create leases.coordination.k8s.io", at="shop")]


@pytest.fixture
def printed(tmp_path: Path) -> Path:
    """What `plan --roles` prints, with its comments."""
    file = tmp_path / "roles.yaml"
    document = yaml.safe_dump(roles(ASKED, "shop", ("shop", "readiness-shop")), sort_keys=False)
    file.write_text(f"# permissions unknown: a step\n{document}")
    return file


def of(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The only object of a kind."""
    (found,) = [one for one in objects if one["kind"] == kind]
    return found


def test_the_chart_has_the_version_of_the_tool() -> None:
    """One version of all that is released together."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == harness.__version__


def test_the_values_of_the_chart_fit_their_schema_but_for_the_image() -> None:
    """Which each project has its own of; every value has its place in the schema."""
    schema, values = (
        json.loads((CHART / "values.schema.json").read_text()),
        yaml.safe_load((CHART / "values.yaml").read_text()),
    )
    (wrong,) = jsonschema.Draft7Validator(schema).iter_errors(values)
    assert list(wrong.absolute_path) == ["image", "repository"]
    values["image"]["repository"] = "registry.test/shop"
    jsonschema.Draft7Validator(schema).validate(values)
    assert {*values} == {*schema["properties"]} - {"global"}


@needs_helm
def test_the_chart_passes_lint(printed: Path) -> None:
    """Strictly, with everything that it can make."""
    done = helm(
        "lint", str(CHART), "--strict", "--set-file", f"rbac.roles={printed}", *IMAGE, *WORKERS, *NIGHTLY, *BUCKET
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_helm
def test_a_release_is_one_job_with_its_account_roles_claim_and_wall(printed: Path) -> None:
    """The least that a project needs to say is its image."""
    made = rendered(printed, *IMAGE)
    job = of(made, "Job")
    pod = job["spec"]["template"]["spec"]
    assert (job["metadata"]["name"], job["spec"]["backoffLimit"], pod["restartPolicy"]) == (
        "nightly-readiness-1",
        0,
        "Never",
    )
    assert pod["serviceAccountName"] == of(made, "ServiceAccount")["metadata"]["name"] == "nightly-readiness"
    (container,) = pod["containers"]
    assert container["image"] == f"registry.test/shop:{harness.__version__}"
    assert (container["command"], container["args"]) == (["readiness"], ["run", "--out", "/data/runs"])
    assert {one["name"]: one.get("value") for one in container["env"]}["READINESS_STATE"] == "/data/state"
    claim = of(made, "PersistentVolumeClaim")
    assert pod["volumes"] == [{"name": "state", "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}}]
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    policy = of(made, "NetworkPolicy")["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= job["spec"]["template"]["metadata"]["labels"].items()
    assert (policy["policyTypes"], "ingress" in policy) == (["Ingress"], False)


@needs_helm
def test_the_roles_are_those_that_the_plan_prints_bound_to_the_account_of_the_release(printed: Path) -> None:
    """Rule by rule; the account and the bindings of the plan are replaced."""
    made = rendered(printed, *IMAGE)
    plan = {one["kind"]: one for one in yaml.safe_load(printed.read_text())["items"]}
    for kind, name, place in (("Role", "nightly-readiness", "shop"), ("ClusterRole", "jobs-nightly-readiness", None)):
        role, binding = of(made, kind), of(made, f"{kind}Binding")
        assert role["rules"] == plan[kind]["rules"]
        assert (role["metadata"]["name"], role["metadata"].get("namespace")) == (name, place)
        assert binding["metadata"].get("namespace") == place
        assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "nightly-readiness", "namespace": "jobs"}]


@needs_helm
def test_a_schedule_makes_a_cron_job_of_which_one_runs_at_a_time(printed: Path) -> None:
    """With the same pod as the Job."""
    once, nightly = rendered(printed, *IMAGE, *BUCKET), rendered(printed, *IMAGE, *BUCKET, *NIGHTLY)
    cron = of(nightly, "CronJob")["spec"]
    assert (cron["schedule"], cron["concurrencyPolicy"]) == ("0 2 * * *", "Forbid")
    assert cron["jobTemplate"]["spec"] == of(once, "Job")["spec"]
    (container,) = cron["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["args"][-2:] == ["--upload", "s3://evidence/shop"]
    assert container["envFrom"] == [{"secretRef": {"name": "s3"}}]


@needs_helm
def test_workers_reach_the_master_and_nobody_else_does(printed: Path) -> None:
    """A Deployment behind a wall, a Service that selects the run."""
    made = rendered(printed, *IMAGE, *WORKERS)
    worker = of(made, "Deployment")["spec"]
    (container,) = worker["template"]["spec"]["containers"]
    service = of(made, "Service")
    run = of(made, "Job")["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= run.items()
    host = f"{service['metadata']['name']}.jobs.svc"
    assert container["args"] == [
        "-f",
        "loadtests/browse.py",
        "--worker",
        "--master-host",
        host,
        "--master-port",
        "5557",
    ]
    assert worker["template"]["spec"]["automountServiceAccountToken"] is False
    walls = {one["metadata"]["name"]: one["spec"] for one in made if one["kind"] == "NetworkPolicy"}
    (rule,) = walls["nightly-readiness"]["ingress"]
    assert rule["from"][0]["podSelector"]["matchLabels"].items() <= worker["template"]["metadata"]["labels"].items()
    assert rule["ports"] == [{"protocol": "TCP", "port": 5557}]
    assert "ingress" not in walls["nightly-readiness-workers"]


@needs_helm
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "image"),
        ((*IMAGE, "--set", "schedule=nightly"), "schedule"),
        ((*IMAGE, "--set", "workers.replicas=-1"), "workers"),
        ((*IMAGE, "--set", "workers.replicas=2"), "locustfile"),
        ((*IMAGE, "--set", "upload.to=evidence"), "upload"),
        ((*IMAGE, "--set", "uplaod.to=s3://a/b"), "uplaod"),
        ((*IMAGE, "--set", "state.size=much"), "state"),
        ((*IMAGE, "--set", "terminationGracePeriodSeconds=1"), "terminationGracePeriodSeconds"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(printed: Path, options: tuple[str, ...], says: str) -> None:
    """By the schema, before anything is installed."""
    done = helm(
        "template", "x", str(CHART), "--kube-version", "1.33.0", "--set-file", f"rbac.roles={printed}", *options
    )
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr
    assert says in done.stderr


@needs_helm
@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "rbac.roles is empty: give what `readiness plan --roles` prints"),
        ("kind: Pod", "expected a List of Kubernetes"),
    ],
)
def test_roles_that_are_missing_or_other_are_refused(tmp_path: Path, given: str, says: str) -> None:
    """Else a Job would be installed that may do nothing."""
    file = tmp_path / "roles.yaml"
    file.write_text(given)
    done = helm("template", "x", str(CHART), "--kube-version", "1.33.0", "--set-file", f"rbac.roles={file}", *IMAGE)
    assert (done.returncode != 0, says in done.stderr) == (True, True)
    without = ("--set", "rbac.create=false")
    assert helm("template", "x", str(CHART), "--kube-version", "1.33.0", *without, *IMAGE).returncode == 0
