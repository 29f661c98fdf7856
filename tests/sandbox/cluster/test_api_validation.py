"""Strict validation on the server, with nothing stored: `dryRun=All` and `fieldValidation`, in the words of the genuine one."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.sandbox.pocket import needs_kubectl

if TYPE_CHECKING:
    from tests.sandbox.cluster.conftest import PocketApi

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
IN_EUROPE = {"key": "region", "operator": "In", "values": ["eu"]}
STRICT = "dryRun=All&fieldValidation=Strict"
CONTAINER = "spec.template.spec.containers[0]"
MAIN = {
    "name": "main",
    "image": "web:1",
    "ports": [{"name": "http", "containerPort": 80}],
    "env": [{"name": "A", "value": "1"}],
    "resources": {"limits": {"cpu": "1"}},
    "readinessProbe": {"httpGet": {"port": 80}},
}
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [MAIN]}}
SPEC = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}
WEB: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": SPEC}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The Deployment with one field set."""
    obj = copy.deepcopy(WEB)
    *steps, last = path.replace("]", "").replace("[", ".").split(".")
    where: Any = obj
    for step in steps:
        where = where[int(step)] if step.isdecimal() else where.setdefault(step, {})
    where[int(last) if last.isdecimal() else last] = value
    return obj


def undecoded(http: httpx.Client, path: str, value: Any) -> str:
    """Why a Deployment with that field cannot be decoded: 400."""
    answer = http.post(f"{DEPLOYMENTS}?{STRICT}", json=changed(path, value))
    kind, _, why = answer.json()["message"].partition(" cannot be handled as a Deployment: ")
    assert (answer.status_code, answer.json()["reason"], kind) == (400, "BadRequest", 'Deployment in version "v1"')
    return str(why)


def test_a_field_of_another_type_is_400(http: httpx.Client, subtests: pytest.Subtests) -> None:
    """The field by the decoder's name of it: its struct, and its path without indices."""
    cases: list[tuple[str, Any, str, str, str]] = [
        ("spec.replicas", "two", "string", "DeploymentSpec", "int32"),
        ("spec.replicas", 1.5, "number 1.5", "DeploymentSpec", "int32"),
        (f"{CONTAINER}.env[0].value", 1, "number", "EnvVar", "string"),
        (f"{CONTAINER}.image", True, "bool", "Container", "string"),
        (f"{CONTAINER}.ports", {}, "object", "Container", "[]v1.ContainerPort"),
        (f"{CONTAINER}.readinessProbe", "http", "string", "Container", "v1.Probe"),
        ("metadata.labels", ["app"], "array", "ObjectMeta", "map[string]string"),
        ("metadata.finalizers", "a", "string", "ObjectMeta", "[]string"),
    ]
    for path, value, given, struct, expected in cases:
        with subtests.test(path, value=value):
            field = f"{struct}.{path.replace('[0]', '')}"
            why = f"json: cannot unmarshal {given} into Go struct field {field} of type {expected}"
            assert undecoded(http, path, value) == why


def test_an_unknown_field_and_what_is_no_quantity_are_400(http: httpx.Client) -> None:
    """As the decoder says it."""
    unknown = f'strict decoding error: unknown field "{CONTAINER}.imag"'
    assert undecoded(http, f"{CONTAINER}.imag", "x") == unknown
    quantity = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    assert undecoded(http, f"{CONTAINER}.resources.limits.cpu", "much") == quantity


SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def test_what_is_invalid_is_422_with_its_field(http: httpx.Client, subtests: pytest.Subtests) -> None:
    """One cause: field, which is what was changed or is below it, and words; the message of the whole ends with it."""
    cases: list[tuple[str, Any, str, str]] = [
        ("spec.replicas", -1, "", "Invalid value: -1: must be greater than or equal to 0"),
        ("metadata.name", "Web", "", f'Invalid value: "Web": {SUBDOMAIN}'),
        (
            "spec.template.metadata.labels",
            {"app": "other"},
            "",
            'Invalid value: {"app":"other"}: `selector` does not match template `labels`',
        ),
        (f"{CONTAINER}.image", "", "", "Required value"),
        (
            f"{CONTAINER}.imagePullPolicy",
            "Sometimes",
            "",
            'Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
        ),
        (f"{CONTAINER}.ports[0].containerPort", 0, "", "Invalid value: 0: must be between 1 and 65535, inclusive"),
        (f"{CONTAINER}.readinessProbe", {}, "", "Required value: must specify a handler type"),
        ("spec.template.spec.restartPolicy", "Never", "", 'Unsupported value: "Never": supported values: "Always"'),
        (
            "spec.strategy",
            {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}},
            ".rollingUpdate.maxUnavailable",
            "Invalid value: 0: may not be 0 when `maxSurge` is 0",
        ),
        (
            "spec.strategy",
            {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}},
            ".rollingUpdate",
            "Forbidden: may not be specified when strategy `type` is 'Recreate'",
        ),
        ("spec.progressDeadlineSeconds", 0, "", "Invalid value: 0: must be greater than minReadySeconds"),
    ]
    for path, value, below, message in cases:
        with subtests.test(path=path, value=value):
            answer, field = http.post(f"{DEPLOYMENTS}?{STRICT}", json=changed(path, value)).json(), f"{path}{below}"
            assert (answer["code"], answer["reason"], answer["details"]["group"]) == (422, "Invalid", "apps")
            assert [(each["field"], each["message"]) for each in answer["details"]["causes"]] == [(field, message)]
            name = value if path == "metadata.name" else "web"
            assert answer["message"] == f'Deployment.apps "{name}" is invalid: {field}: {message}'


POD = "spec.template.spec"
PEERS = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}
SPREAD = {**PEERS, "maxSkew": 1}
STRICTLY = {**SPREAD, "whenUnsatisfiable": "DoNotSchedule"}


def test_what_a_pod_asks_for_in_vain_is_refused_by_name(http: httpx.Client, subtests: pytest.Subtests) -> None:
    """Instead of a pod that runs without it."""
    log = {"name": "log", "image": "log:1", "restartPolicy": "Always"}
    cases: list[tuple[str, Any, str, str]] = [
        (f"{POD}.affinity.podAffinity", {REQUIRED: [PEERS]}, f".{REQUIRED}[0]", ""),
        (f"{POD}.affinity.podAntiAffinity", {REQUIRED: [PEERS]}, f".{REQUIRED}[0]", ""),
        (f"{POD}.topologySpreadConstraints", [STRICTLY], "[0].whenUnsatisfiable", " as DoNotSchedule"),
        (f"{POD}.initContainers", [log], "[0].restartPolicy", " as Always"),
        (f"{CONTAINER}.lifecycle", {"postStart": {"exec": {"command": ["true"]}}}, ".postStart", ""),
        (f"{CONTAINER}.readinessProbe", {"grpc": {"port": 80}}, ".grpc", ""),
    ]
    for path, value, below, message in cases:
        with subtests.test(path):
            answer = http.post(f"{DEPLOYMENTS}?{STRICT}", json=changed(path, value)).json()
            causes = [(each["field"], each["message"]) for each in answer["details"]["causes"]]
            why = f"Forbidden: this field is not served here{message}"
            assert (answer["code"], causes) == (422, [(f"{path}{below}", why)])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{POD}.topologySpreadConstraints", [{**SPREAD, "whenUnsatisfiable": "ScheduleAnyway"}]),
        (f"{POD}.affinity.podAntiAffinity", {PREFERRED: [{"weight": 1, "podAffinityTerm": PEERS}]}),
        (f"{POD}.affinity.nodeAffinity", {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [IN_EUROPE]}]}}),
        (f"{POD}.initContainers", [{"name": "first", "image": "first:1"}]),
        (f"{CONTAINER}.lifecycle", {"preStop": {"exec": {"command": ["true"]}}}),
    ],
)
def test_hints_and_what_is_done_are_taken(http: httpx.Client, path: str, value: Any) -> None:
    """What only prefers may be passed over."""
    assert http.post(f"{DEPLOYMENTS}?{STRICT}", json=changed(path, value)).status_code == 201


@pytest.mark.parametrize(
    ("expression", "field"),
    [
        ({"key": "disks", "operator": "Gt", "values": ["many"]}, "values"),
        ({"key": "disks", "operator": "In"}, "values"),
        ({"key": "disks", "operator": "About", "values": ["3"]}, "operator"),
    ],
)
def test_a_node_affinity_that_cannot_be_evaluated_is_refused(
    http: httpx.Client, expression: dict[str, Any], field: str
) -> None:
    """With the path of what is wrong."""
    terms = {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}
    answer = http.post(f"{DEPLOYMENTS}?{STRICT}", json=changed(f"{POD}.affinity.nodeAffinity", terms)).json()
    where = f"{POD}.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms[0].matchExpressions[0].{field}"
    assert [each["field"] for each in answer["details"]["causes"]] == [where]


def test_warn_says_what_strict_refuses_and_ignore_says_nothing(http: httpx.Client) -> None:
    """A Warning header for each field, and by default; the field is left out all the same."""
    body = changed("spec.replicaz", 3)
    for query, expected in (
        ("", ['299 - "unknown field \\"spec.replicaz\\""']),
        ("&fieldValidation=Warn", ['299 - "unknown field \\"spec.replicaz\\""']),
        ("&fieldValidation=Ignore", []),
    ):
        answer = http.post(f"{DEPLOYMENTS}?dryRun=All{query}", json=body)
        assert (answer.status_code, answer.headers.get_list("warning")) == (201, expected)
        assert "replicaz" not in answer.json()["spec"]
    refused = http.post(f"{DEPLOYMENTS}?fieldValidation=Loose", json=body).json()
    why = 'fieldValidation: Unsupported value: "Loose": supported values: "", "Ignore", "Warn", "Strict"'
    assert (refused["code"], refused["message"]) == (422, f'CreateOptions.meta.k8s.io "" is invalid: {why}')


def test_a_name_that_comes_twice_is_found(http: httpx.Client) -> None:
    """Strict refuses it with its path, Warn warns, the last value counts."""
    text = json.dumps(WEB).replace('"replicas": 2', '"replicas": 2, "replicas": 3')
    strict = http.post(f"{DEPLOYMENTS}?{STRICT}", content=text).json()
    whole = 'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: duplicate field "spec.replicas"'
    assert (strict["code"], strict["message"]) == (400, whole)
    warned = http.post(f"{DEPLOYMENTS}?dryRun=All", content=text)
    assert warned.headers.get_list("warning") == ['299 - "duplicate field \\"spec.replicas\\""']
    assert warned.json()["spec"]["replicas"] == 3


def test_a_patch_is_validated_as_strictly_and_changes_nothing(http: httpx.Client) -> None:
    """An unknown field is 422 with the patch, an immutable one with its path; a dry run leaves the object as it was."""
    made = http.post(DEPLOYMENTS, json=WEB).json()
    merge = {"content-type": "application/merge-patch+json"}
    text = '{"spec":{"replicaz":1}}'
    answer = http.patch(f"{DEPLOYMENTS}/web?{STRICT}", content=text, headers=merge).json()
    why = 'strict decoding error: unknown field "spec.replicaz"'
    assert (answer["code"], answer["message"]) == (
        422,
        f' "" is invalid: patch: Invalid value: {json.dumps(text)}: {why}',
    )
    selector = {"spec": {"selector": {"matchLabels": {"app": "other"}}}}
    answer = http.patch(f"{DEPLOYMENTS}/web?{STRICT}", json=selector, headers=merge).json()
    fields = {each["field"] for each in answer["details"]["causes"]}
    assert (answer["code"], fields) == (422, {"spec.selector", "spec.template.metadata.labels"})
    scaled = http.patch(f"{DEPLOYMENTS}/web?{STRICT}", json={"spec": {"replicas": 5}}, headers=merge).json()
    assert scaled["spec"]["replicas"] == 5
    assert http.get(f"{DEPLOYMENTS}/web").json() == made
    http.delete(f"{DEPLOYMENTS}/web")


@needs_kubectl
def test_kubectl_dry_runs_on_the_server(pocket_api: PocketApi) -> None:
    """`apply --dry-run=server` names every misspelt field, and stores nothing."""
    apply = ("apply", "--dry-run=server", "-f", "-")
    misspelt = json.dumps(changed("spec.template.spec.hostNam", "x"))
    assert 'unknown field "spec.template.spec.hostNam"' in pocket_api.kubectl(*apply, stdin=misspelt, check=False)
    assert "created (server dry run)" in pocket_api.kubectl(*apply, stdin=json.dumps(WEB))
    assert "NotFound" in pocket_api.kubectl("get", "deploy", "web", check=False)
