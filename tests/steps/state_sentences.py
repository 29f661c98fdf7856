"""Sentences on the declared and running state, and the check that each asks for."""

from __future__ import annotations

from harness.model import Figure, Objective, Op, Quantity


def fact(name: str, **params: str) -> Objective:
    """A check of the live target."""
    limit = Quantity(value=1, unit="")
    return Objective(figure=Figure.CHECK, op=Op.HOLDS, limit=limit, check=name, params=params, sentence="")


STATE_SENTENCES = {
    "every container has run-as-non-root equal to true and user id other than 0": fact(
        "state-of-containers", has="run-as-non-root equal to true and user id other than 0"
    ),
    "every workload has ready replicas at least 2, nodes at least 2 and resources stated": fact(
        "state-of-workloads", has="ready replicas at least 2, nodes at least 2 and resources stated"
    ),
    "every workload of region us-east-1 has ready share at least 100 % in the steady state": fact(
        "state-of-workloads", region="us-east-1", has="ready share at least 100 %"
    ),
    'service account "a" of namespace "kube-system" is annotated "role" in the form "arn:##:role/*"': fact(
        "annotation-of-account", account="a", namespace="kube-system", annotation="role", like="arn:##:role/*"
    ),
    "the Kubernetes API of every region reports version 1.28 or newer": fact("api-version", at_least="1.28"),
    "the database of every region reports server version 15.4 or newer": fact("database-version", at_least="15.4"),
    "the database primary runs in us-east-1 in the steady state": fact("database-primary", region="us-east-1"),
    "at least 1 member in eu-west-1 streams from the primary and refuses writes": fact(
        "database-standbys", region="eu-west-1", at_least="1"
    ),
    "the database settings equal the declared set and 1 standby is synchronous": fact(
        "database-settings", synchronous="1"
    ),
    "every stored password is an argon2id, scrypt or bcrypt hash": fact(
        "password-hashes", forms="argon2id scrypt bcrypt"
    ),
    "no secret value is found in a manifest, a literal environment value or a log line": fact("secrets-hidden"),
}
