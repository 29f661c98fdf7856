"""What a genuine API server, v1.36.3, said of invalid objects, and the sandbox's must say without one at hand."""

from __future__ import annotations

import pytest

from readiness_sandbox.cluster import admission, kinds
from readiness_sandbox.cluster.statuses import StatusError
from tests.genuine.asked import INVALID, NAMESPACE, object_of

SAID = {
    "Pod: requests above limits": 'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    "Pod: negative quantity": 'spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0',
    "Pod: probe of port 0": "spec.containers[0].readinessProbe.tcpSocket.port: Invalid value: 0: must be between 1 and 65535, inclusive",
    "Pod: liveness needs 2 successes": "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
    "Pod: negative user": "spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
    "Pod: seccomp": 'spec.containers[0].securityContext.seccompProfile.type: Unsupported value: "Some": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
    "Pod: toleration": "spec.tolerations[0].operator: Invalid value: \"b\": value must be empty when `operator` is 'Exists'",
    "Pod: unknown field reference": 'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.gold": error converting fieldPath: field label not supported: spec.gold',
    "Pod: variable with two sources": 'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
    "Pod: deadline 0": "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
    "Pod: restart policy": 'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
    "Deployment: selector of other labels": 'spec.template.metadata.labels: Invalid value: {"app":"alike"}: `selector` does not match template `labels`',
    "Service: session affinity": 'spec.sessionAffinity: Unsupported value: "Sometimes": supported values: "ClientIP", "None"',
    "Service: cluster IP": 'spec.clusterIPs[0]: Invalid value: "nowhere": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    "Service: node port of a cluster IP": "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    "ConfigMap: key twice": 'data[a]: Invalid value: "a": duplicate of key present in binaryData',
    "NetworkPolicy: port": "spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
    "NetworkPolicy: block": 'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "everywhere": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
}


@pytest.mark.parametrize("name", SAID)
def test_an_invalid_object_is_refused_in_the_genuine_words(name: str) -> None:
    """Field and message, one cause each."""
    body = INVALID[name]
    with pytest.raises(StatusError) as refused:
        admission.created(kinds.by_name(body["kind"]), NAMESPACE, body)
    assert refused.value.code == 422
    assert refused.value.message.endswith(f" is invalid: {SAID[name]}")


def test_an_immutable_map_is_not_changed() -> None:
    """Neither its data nor that it is immutable; its labels are."""
    kind = kinds.by_name("ConfigMap")
    old = admission.created(kind, NAMESPACE, {**object_of("ConfigMap"), "immutable": True})
    for change, field in (({"data": {"a": "2"}}, "data"), ({"immutable": False}, "immutable")):
        with pytest.raises(StatusError, match=f"{field}: Forbidden: field is immutable when `immutable` is set"):
            admission.changed(kind, old, {**old, **change})
    changed = admission.changed(kind, old, {**old, "metadata": {**old["metadata"], "labels": {"b": "1"}}})
    assert changed["metadata"]["labels"] == {"b": "1"}
