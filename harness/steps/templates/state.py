"""The declared and running state of cluster and database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.model.declared import StateObject, conditions_of
from harness.steps.meaning import Keyword, Meaning
from harness.steps.objectives import check
from harness.steps.slots import Values
from harness.steps.template import Template


def _state(of: StateObject, mean: Callable[[Values], Meaning]) -> Callable[[Values], Meaning]:
    """The same, where the object has the fields that the sentence names."""

    def checked(slots: Values) -> Meaning:
        conditions_of(of, slots["has"])
        return mean(slots)

    return checked


STATE: Final = (
    Template(
        name="state-of-containers",
        keyword=Keyword.THEN,
        text="every container has <has:conditions>",
        about=(
            "Each container that a workload, a CronJob or a Job that has not ended declares, init containers too, and those of pods "
            "without a controller; one that does not state a field fails."
        ),
        example="every container has run-as-non-root equal to true and user id other than 0",
        mean=_state(StateObject.CONTAINER, check("state-of-containers", has="<has>")),
    ),
    Template(
        name="state-of-workloads",
        keyword=Keyword.THEN,
        text="every workload has <has:conditions>",
        about=(
            "The controllers of a namespace whose pods have the same label `app`, else `app.kubernetes.io/name`, and are the same "
            "component of it (`app.kubernetes.io/component`, else `component`), and their pods."
        ),
        example="every workload has liveness period at most 10 s and readiness period at most 10 s",
        mean=_state(StateObject.WORKLOAD, check("state-of-workloads", has="<has>")),
    ),
    Template(
        name="state-of-workloads-of-a-region",
        keyword=Keyword.THEN,
        text="every workload of region <region> has <has:conditions>[ in the steady state]",
        about="The same in one region; a workload that another region has must be there as well.",
        example="every workload of region us-east-1 has ready share at least 100 %",
        mean=_state(StateObject.WORKLOAD, check("state-of-workloads", region="<region>", has="<has>")),
    ),
    Template(
        name="container-user",
        keyword=Keyword.THEN,
        text='every container of deployment "<deployment:name>" runs as user id <user:count>',
        about="`runAsUser` of its security context, else of the pod's; of init containers too.",
        example='every container of deployment "web" runs as user id 1001',
        mean=check("container-user", deployment="<deployment>", user="<user>"),
    ),
    Template(
        name="container-environment",
        keyword=Keyword.THEN,
        text='every container of deployment "<deployment:name>" has NODE_ENV "<value:name>" and port <port>',
        about=(
            "The variable by its row of `env`, else by `envFrom`, of a ConfigMap too; the ports that it declares, "
            "and the variable PORT where it has one."
        ),
        example='every container of deployment "web" has NODE_ENV "production" and port 3000',
        mean=check(
            "container-environment", deployment="<deployment>", variable="NODE_ENV", value="<value>", port="<port>"
        ),
    ),
    Template(
        name="container-probes",
        keyword=Keyword.THEN,
        text=(
            'liveness of deployment "<deployment:name>" on <path:name> has delay <live_delay:duration> and period '
            "<live_period:duration>, readiness delay <ready_delay:duration> and period <ready_period:duration>"
        ),
        about=(
            "The probes of the container that `kubectl.kubernetes.io/default-container` names; without it those of the first, "
            "and where that has no liveness probe, of those beside it that have one."
        ),
        example=(
            'liveness of deployment "web" on /api/health has delay 30 s and period 10 s, readiness delay 5 s and period 5 s'
        ),
        mean=check(
            "container-probes",
            deployment="<deployment>",
            path="<path>",
            live_delay="<live_delay>",
            live_period="<live_period>",
            ready_delay="<ready_delay>",
            ready_period="<ready_period>",
        ),
    ),
    Template(
        name="autoscaler-target",
        keyword=Keyword.THEN,
        text='the autoscaler "<autoscaler:name>" targets deployment "<deployment:name>" and reports ScalingActive true',
        about=(
            "What its `scaleTargetRef` names is there, and its condition is True; so says its history, too, while no fault is in: "
            "not a PASS where it says otherwise for more than 15 s, FAIL from 60 s on that no fault began."
        ),
        example='the autoscaler "web-hpa" targets deployment "web" and reports ScalingActive true',
        mean=check("autoscaler-target", autoscaler="<autoscaler>", deployment="<deployment>"),
    ),
    Template(
        name="annotation-of-account",
        keyword=Keyword.THEN,
        text=(
            'service account "<account:name>" of namespace "<namespace:name>" is annotated "<annotation:name>" '
            'in the form "<like:name>"'
        ),
        about="The annotation's value; `#` is a digit and `*` any text.",
        example=(
            'service account "autoscaler" of namespace "kube-system" is annotated "eks.amazonaws.com/role-arn" '
            'in the form "arn:aws:iam::############:role/*"'
        ),
        mean=check(
            "annotation-of-account",
            account="<account>",
            namespace="<namespace>",
            annotation="<annotation>",
            like="<like>",
        ),
    ),
    Template(
        name="api-version",
        keyword=Keyword.THEN,
        text="the Kubernetes API of every region reports version <version> or newer",
        about="The version that the API server of each region reports.",
        example="the Kubernetes API of every region reports version 1.28 or newer",
        mean=check("api-version", at_least="<version>"),
    ),
    Template(
        name="database-version",
        keyword=Keyword.THEN,
        text="the database of every region reports server version <version> or newer",
        about="The server version of every member of the database.",
        example="the database of every region reports server version 15.4 or newer",
        mean=check("database-version", at_least="<version>"),
    ),
    Template(
        name="database-primary",
        keyword=Keyword.THEN,
        text="the database primary runs in <region>[ in the steady state]",
        about="Every member is asked whether it is in recovery; one is not, and it is in that region.",
        example="the database primary runs in us-east-1 in the steady state",
        mean=check("database-primary", region="<region>"),
    ),
    Template(
        name="database-standbys",
        keyword=Keyword.THEN,
        text="at least <count> member in <region> streams from the primary and refuses writes[ in the steady state]",
        about="Each member there is asked for its receiver's state, and is given a write, which it must refuse.",
        example="at least 1 member in eu-west-1 streams from the primary and refuses writes in the steady state",
        mean=check("database-standbys", region="<region>", at_least="<count>"),
    ),
    Template(
        name="database-settings",
        keyword=Keyword.THEN,
        text="the database settings equal the declared set and <count> standby is synchronous",
        about="Each setting of `database.settings` of the target file as a new session has it; at least so many standbys are synchronous.",
        example="the database settings equal the declared set and 1 standby is synchronous",
        mean=check("database-settings", synchronous="<count>"),
    ),
    Template(
        name="password-hashes",
        keyword=Keyword.THEN,
        text="every stored password is an argon2id, scrypt or bcrypt hash",
        about="Counted in the database by the format of each value; no hash leaves it.",
        example="every stored password is an argon2id, scrypt or bcrypt hash",
        mean=check("password-hashes", forms="argon2id scrypt bcrypt"),
    ),
    Template(
        name="secrets-hidden",
        keyword=Keyword.THEN,
        text="no secret value is found in a manifest, a literal environment value or a log line",
        about=(
            "Every value of every Secret is searched for in the objects of the platform's namespaces and in what its containers "
            "have written, when the traffic has ended; no value is printed."
        ),
        example="no secret value is found in a manifest, a literal environment value or a log line",
        mean=check("secrets-hidden"),
    ),
)
