"""Who may do what: tokens of ServiceAccounts, roles, bindings, and the reviews by which a client asks."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest
from kubernetes import client

from harness import clock
from readiness_sandbox.cluster.authorization.attributes import Attributes
from readiness_sandbox.cluster.authorization.rbac import _matches
from tests.sandbox.cluster.conftest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sandbox.cluster.conftest import PocketApi

RBAC = "/apis/rbac.authorization.k8s.io/v1"
GROUP = "rbac.authorization.k8s.io"
CORE = "/api/v1/namespaces/default"
READS_PODS = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]


@pytest.fixture
def ask(pocket_api: PocketApi) -> Iterator[Callable[..., httpx.Response]]:
    """Send a request with a token; without one it is the administrator's."""
    trust = ssl.create_default_context(cafile=str(pocket_api.authority))
    with httpx.Client(base_url=pocket_api.url, verify=trust, trust_env=False) as http:

        def send(method: str, path: str, body: Any = None, token: str = TOKEN) -> httpx.Response:
            return http.request(method, path, json=body, headers={"authorization": f"Bearer {token}"})

        yield send


@pytest.fixture
def token(ask: Callable[..., httpx.Response]) -> Iterator[str]:
    """Of a new ServiceAccount without any role."""
    assert ask("POST", f"{CORE}/serviceaccounts", {"metadata": {"name": "robot"}}).status_code == 201
    answer = ask("POST", f"{CORE}/serviceaccounts/robot/token", {"spec": {"expirationSeconds": 600}})
    assert answer.status_code == 201
    yield str(answer.json()["status"]["token"])
    for path in (
        f"{CORE}/serviceaccounts/robot",
        f"{RBAC}/namespaces/default/roles/r",
        f"{RBAC}/namespaces/default/rolebindings/r",
        f"{RBAC}/clusterroles/r",
        f"{RBAC}/clusterrolebindings/r",
    ):
        ask("DELETE", path)


def granted(ask: Callable[..., httpx.Response], rules: list[dict[str, Any]], *, everywhere: bool = False) -> None:
    """Bind these rules to the account."""
    kind, place = ("ClusterRole", "") if everywhere else ("Role", "/namespaces/default")
    subjects = [{"kind": "ServiceAccount", "name": "robot", "namespace": "default"}]
    reference = {"apiGroup": GROUP, "kind": kind, "name": "r"}
    role = ask("POST", f"{RBAC}{place}/{kind.lower()}s", {"metadata": {"name": "r"}, "rules": rules})
    assert role.status_code == 201, role.text
    binding = {"metadata": {"name": "r"}, "roleRef": reference, "subjects": subjects}
    assert ask("POST", f"{RBAC}{place}/{kind.lower()}bindings", binding).status_code == 201


def allowed(ask: Callable[..., httpx.Response], token: str, **attributes: str) -> bool:
    """What the account's own review says."""
    path, spec = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"resourceAttributes": attributes}
    answer = ask("POST", path, {"spec": spec}, token)
    assert answer.status_code == 201
    return bool(answer.json()["status"]["allowed"])


def test_an_account_without_roles_may_ask_who_it_is_and_nothing_else(
    ask: Callable[..., httpx.Response], token: str
) -> None:
    """The refusal has the words of Kubernetes."""
    who = ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, token).json()["status"]["userInfo"]
    assert who["username"] == "system:serviceaccount:default:robot"
    assert "system:serviceaccounts:default" in who["groups"]
    refused = ask("GET", f"{CORE}/pods", token=token)
    assert (refused.status_code, refused.json()["reason"]) == (403, "Forbidden")
    assert refused.json()["message"] == (
        'pods is forbidden: User "system:serviceaccount:default:robot" cannot list resource "pods" in API group "" '
        'in the namespace "default"'
    )
    assert ask("GET", "/apis", token=token).status_code == 200
    assert ask("GET", "/api/v1/nodes/a", token=token).json()["message"] == (
        'nodes "a" is forbidden: User "system:serviceaccount:default:robot" cannot get resource "nodes" in API group "" '
        "at the cluster scope"
    )


def test_a_role_counts_in_its_namespace_and_a_cluster_role_everywhere(
    ask: Callable[..., httpx.Response], token: str
) -> None:
    """The review and the answer agree."""
    granted(ask, READS_PODS)
    assert ask("GET", f"{CORE}/pods", token=token).status_code == 200
    assert ask("GET", "/api/v1/pods", token=token).status_code == 403
    assert ask("DELETE", f"{CORE}/pods", token=token).status_code == 403
    assert (
        allowed(ask, token, verb="list", resource="pods", namespace="default"),
        allowed(ask, token, verb="list", resource="pods"),
    ) == (True, False)
    granted(ask, READS_PODS, everywhere=True)
    assert ask("GET", "/api/v1/pods", token=token).status_code == 200
    assert allowed(ask, token, verb="list", resource="pods")
    assert not allowed(ask, token, verb="watch", resource="pods")


def test_a_rule_matches_as_in_kubernetes(subtests: pytest.Subtests) -> None:
    """Verb, group, resource with its subresource, and name."""
    cases: list[tuple[dict[str, Any], dict[str, str], object]] = [
        ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, {"verb": "get", "resource": "pods"}, True),
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}, {"verb": "get", "resource": "pods", "subresource": "log"}, False),
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["pods/log"]}, {"verb": "get", "resource": "pods", "subresource": "log"}, True),
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["*/log"]}, {"verb": "get", "resource": "pods", "subresource": "log"}, True),
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["pods/log"]}, {"verb": "get", "resource": "pods"}, False),
        ({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["pods"]}, {"verb": "get", "resource": "pods"}, False),
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}, {"verb": "get", "resource": "pods", "name": "a"}, True),
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}, {"verb": "get", "resource": "pods", "name": "b"}, False),
        ({"verbs": ["list"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}, {"verb": "list", "resource": "pods"}, False),
        ({"verbs": ["get"], "nonResourceURLs": ["/apis/*"]}, {"verb": "get", "path": "/apis/apps"}, True),
        ({"verbs": ["get"], "nonResourceURLs": ["/apis"]}, {"verb": "get", "path": "/apis/apps"}, False),
        ({"verbs": ["get"], "nonResourceURLs": ["*"]}, {"verb": "get", "resource": "pods"}, False),
    ]  # fmt: skip
    for rule, asked, matches in cases:
        with subtests.test(rule=rule, asked=asked):
            assert _matches(rule, Attributes(**asked)) is matches


def test_a_token_ends_with_its_account_and_its_pod(ask: Callable[..., httpx.Response], token: str) -> None:
    """It is also of no use with another signature, after its time, or for another audience."""
    granted(ask, READS_PODS)
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    assert ask("POST", f"{CORE}/pods", pod).status_code == 201
    request = {"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p"}}}
    bound = ask("POST", f"{CORE}/serviceaccounts/robot/token", request).json()["status"]["token"]
    assert ask("GET", f"{CORE}/pods", token=bound).status_code == 200
    ask("DELETE", f"{CORE}/pods/p")
    assert ask("GET", f"{CORE}/pods", token=bound).status_code == 401
    assert ask("GET", f"{CORE}/pods", token=token).status_code == 200
    vault = {"spec": {"audiences": ["vault"]}}
    elsewhere = ask("POST", f"{CORE}/serviceaccounts/robot/token", vault).json()["status"]["token"]
    head, _, signature = token.rpartition(".")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 600
    forged = jwt.encode(claims | {"exp": clock.wall().timestamp() + 9e6}, "x" * 32, algorithm="HS256")
    for wrong in (elsewhere, f"{head}.{signature[::-1]}", forged, "nonsense"):
        assert ask("GET", f"{CORE}/pods", token=wrong).status_code == 401
    ask("DELETE", f"{CORE}/serviceaccounts/robot")
    assert ask("GET", f"{CORE}/pods", token=token).status_code == 401


def test_nobody_grants_what_they_may_not_do(ask: Callable[..., httpx.Response], token: str) -> None:
    """An account that may write roles gives itself no more."""
    writes = {"apiGroups": [GROUP], "resources": ["roles", "rolebindings"], "verbs": ["create", "update", "patch"]}
    granted(ask, [writes, *READS_PODS])
    more = {"metadata": {"name": "more"}, "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}
    refused = ask("POST", f"{RBAC}/namespaces/default/roles", more, token)
    assert refused.status_code == 403
    assert "attempting to grant RBAC permissions not currently held" in refused.json()["message"]
    disguised = more | {"roleRef": {"apiGroup": GROUP, "kind": "Role", "name": "r"}}
    assert ask("POST", f"{RBAC}/namespaces/default/roles", disguised, token).status_code == 403
    for kind, body in (
        ("roles", []),
        ("roles", {"rules": "x"}),
        ("roles", {"rules": ["x"]}),
        ("rolebindings", {"roleRef": "x"}),
        ("rolebindings", {"roleRef": None}),
        ("rolebindings", {"roleRef": {}}),
    ):
        assert ask("POST", f"{RBAC}/namespaces/default/{kind}", body, token).status_code in {400, 422}
    review = {"spec": {"resourceAttributes": "x"}}
    assert ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review, token).status_code == 400
    same = {"metadata": {"name": "same"}, "rules": READS_PODS}
    assert ask("POST", f"{RBAC}/namespaces/default/roles", same, token).status_code == 201
    assert ask("DELETE", f"{RBAC}/namespaces/default/roles/same").status_code == 200


@pytest.mark.parametrize(
    ("kind", "body", "cause"),
    [
        ("roles", {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": []}]}, "rules[0].verbs: Required value"),
        ("roles", {"rules": [{"nonResourceURLs": ["/x"], "verbs": ["get"]}]}, "namespaced rules cannot apply to non-resource URLs"),
        ("rolebindings", {"roleRef": {"apiGroup": GROUP, "kind": "Pod", "name": "r"}}, 'roleRef.kind: Unsupported value: "Pod"'),
        ("rolebindings", {"roleRef": {"apiGroup": "", "kind": "Role", "name": "r"}}, "roleRef.apiGroup"),
    ],
)  # fmt: skip
def test_a_role_or_binding_that_makes_no_sense_is_422(
    ask: Callable[..., httpx.Response], kind: str, body: dict[str, Any], cause: str
) -> None:
    """With the field."""
    refused = ask("POST", f"{RBAC}/namespaces/default/{kind}", {"metadata": {"name": "r"}, **body})
    assert refused.status_code == 422
    assert cause in refused.json()["message"]


def test_a_binding_keeps_its_role(ask: Callable[..., httpx.Response], token: str) -> None:
    """As on a genuine server: delete it and create it again."""
    assert token
    granted(ask, READS_PODS)
    path = f"{RBAC}/namespaces/default/rolebindings/r"
    binding = ask("GET", path).json()
    refused = ask("PUT", path, {**binding, "roleRef": {**binding["roleRef"], "name": "other"}})
    assert (refused.status_code, "cannot change roleRef" in refused.json()["message"]) == (422, True)


def test_the_official_client_asks_for_a_token_and_a_review(pocket_api: PocketApi, token: str) -> None:
    """Its models take what is answered."""
    assert token
    api = pocket_api.client()
    core: Any = client.CoreV1Api(api)
    reviews: Any = client.AuthorizationV1Api(api)
    made = core.create_namespaced_service_account_token("robot", "default", {"spec": {"audiences": None}})
    assert made.status.token.count(".") == 2
    review = {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}}}
    assert reviews.create_self_subject_access_review(review).status.allowed
