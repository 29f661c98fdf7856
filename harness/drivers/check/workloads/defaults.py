"""`workload-defaults`: checks that workloads started without settings refuse anonymous calls and default passwords.

A pod of each workload is started from its template without settings (`unset`). Two workloads of the same name whose pods would be alike, such as
those of two regions, are started once. A pod that ends by itself with an error is right. To a pod that serves, anonymous calls of the
protected operations of its API description are sent, and sign-ins with default passwords.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote, urlencode

from harness import clock
from harness.drivers.check.calls.matrix.operations import (
    GuardedOperation,
    OperationAccess,
    operations_of,
    why_forbidden,
)
from harness.drivers.check.calls.together import CallPlan
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import API
from harness.drivers.check.reach import PodAnswer, PodReach
from harness.drivers.check.workloads.unset import end_of, paths_of, patience_s, unset_pod, waits_for
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import HarnessError
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.cluster.workloads import CONTROLLERS, controllers
from harness.targets.files.requests import ENTRY, SignInFields
from harness.targets.kubernetes import Cluster, Object
from harness.targets.places import Clusters, every_place
from harness.targets.probe_pods import place_pod
from harness.targets.undo import PendingUndos

_LEAST_S: Final = 30.0
"""Least time in s in which a workload serves or ends."""
_CALLS_S: Final = 120
"""Time in s for all calls to a pod that serves; it ends by itself afterwards."""
_WITHIN_S: Final = 5.0
_EXPECTED: Final = "ends with an error, or refuses anonymous calls and default passwords"
_PLACE: Final = frozenset({"nodeSelector", "affinity", "tolerations", "activeDeadlineSeconds"})
_REFUSED: Final = frozenset({401, 403})
_NOT_SERVED: Final = frozenset({404, 405})
"""Statuses of an operation that is not served, which is a refusal only of a pod that refuses others: the paths may be those of a gateway. An
operation on an object may answer them to everybody, if the object does not exist."""
_NO_SIGN_IN: Final = frozenset({400, 401, 403, 404, 405, 422})
_PASSWORDS: Final = (
    *(("admin", "admin"), ("admin", "password"), ("admin", "changeme"), ("admin", ""), ("root", "root")),
    *(("administrator", "administrator"), ("postgres", "postgres"), ("guest", "guest"), ("user", "user")),
    *(("test", "test"), ("demo", "demo")),
)
"""Users and passwords that products are delivered with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnsetWorkload:
    """A workload and the pod that starts it without settings.

    Attributes:
        name: name of its controller. region: where the pod is started. subject: all places where the workload is, in words.
        paths: paths of its probes, and `/`. body: manifest of the pod. patience_s: time in s in which it serves or ends.
    """

    name: str
    region: str
    subject: str
    paths: Sequence[str]
    body: Object
    patience_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredSignIn:
    """A sign-in of the target file.

    Attributes:
        method, path: of its operation. fields: keys of its body. form: whether the body is a form.
        token: key of the token in the answer; empty: there is none. cookie: name of the cookie that begins a session; empty: there is none.
    """

    method: str
    path: str
    fields: SignInFields
    form: bool
    token: str = ""
    cookie: str = ""

    def plan(self, user: str, password: str) -> CallPlan:
        """The request of a sign-in."""
        body = {self.fields.user: user, self.fields.password: password}
        written: dict[str, Any] = {"form": body} if self.form else {"body": body}
        return CallPlan(method=self.method, path=self.path, **written)

    def lets_in(self, answer: PodAnswer) -> bool:
        """Whether an answer has what a user gets who signed in."""
        if self.cookie and f"{self.cookie}=" in answer.headers.get("set-cookie", ""):
            return answer.status < 400
        try:
            body = json.loads(answer.body) if self.token else None
        except ValueError:
            return False
        return 200 <= answer.status < 300 and isinstance(body, dict) and bool(body.get(self.token))


@claim(
    "a workload started without settings refuses anonymous calls and default passwords",
    needs=(API,),
    seconds=60.0,
    touches=("workloads",),
    consent="workload-defaults",
    again=False,
)
@accesses(*CONTROLLERS, *access("get,create,delete pods", "get,create,update,patch,delete pods/proxy"))
def workload_defaults(target: Target, params: Mapping[str, str]) -> FactProbe:  # noqa: ARG001 - the sentence has no slots
    """A pod of each workload is started without variables, ConfigMaps and Secrets, in every namespace of the target file.

    It must end by itself with an error, or refuse each protected operation of its API description without a credential, and default
    passwords at the sign-ins of the target file. The pods have no labels of the workload, so no Service leads to them, and are always removed.
    """
    clusters = Clusters(target)

    def probe() -> Sequence[FactReading]:
        return [one for workload in _workloads(target, clusters) for one in _facts(target, clusters, workload)]

    return probe


def _workloads(target: Target, clusters: Clusters) -> list[UnsetWorkload]:
    """Every workload once; those of one name whose pods would be alike are one."""
    found: dict[str, UnsetWorkload] = {}
    seen: set[tuple[str, str, str]] = set()
    for region, namespace in every_place(target):
        cluster = clusters.of(region)
        for kind, one in controllers(cluster, namespace):
            name, template = str(one["metadata"]["name"]), one["spec"]["template"]
            at = (cluster.url, namespace, f"{kind}/{name}")
            if at in seen:  # two regions may have one namespace
                continue
            seen.add(at)
            life_s = round(patience_s(template, _LEAST_S) + _CALLS_S)
            body = unset_pod(f"readiness-unset-{uuid.uuid4().hex[:6]}", namespace, template, life_s=life_s)
            started = {key: value for key, value in body["spec"].items() if key not in _PLACE}
            alike, subject = json.dumps([name, started], sort_keys=True), f"{namespace}/{name}"
            if alike in found:
                found[alike] = replace(found[alike], subject=f"{found[alike].subject}, {subject}")
            else:
                found[alike] = UnsetWorkload(
                    name=name,
                    region=region,
                    subject=subject,
                    paths=paths_of(template),
                    body=body,
                    patience_s=life_s - _CALLS_S,
                )
    return [*found.values()]


def _facts(target: Target, clusters: Clusters, workload: UnsetWorkload) -> list[FactReading]:
    """The facts of one workload; unknown where its pod cannot be started."""
    with (
        PendingUndos(target, "check workload-defaults") as undos,
        closing(PodReach(clusters.target_of(workload.region), _WITHIN_S)) as reach,
    ):
        try:
            place_pod(undos, clusters.of(workload.region), workload.body)
            return _of_pod(target, clusters.of(workload.region), workload, reach)
        except HarnessError as error:
            return [_unknown(workload.subject, f"not known: {error.what}")]


def _of_pod(target: Target, cluster: Cluster, workload: UnsetWorkload, reach: PodReach) -> list[FactReading]:
    """The facts of one workload, whose pod is there."""
    meta, pod = workload.body["metadata"], workload.body
    for _ in clock.Deadline.after(workload.patience_s).ticks(0.5):
        pod = cluster.pod(meta["namespace"], meta["name"]) or pod
        if (end := end_of(pod)) is not None:
            ok, observed = True if end.by_itself else None, end.words
            return [FactReading(subject=workload.subject, expected=_EXPECTED, observed=observed, ok=ok)]
        answers = (reach.get(pod, path) for path in workload.paths)
        if any(answer.status and not answer.why for answer in answers):
            caller = UnsetCaller(target=target, workload=workload, reach=reach, pod=pod)
            return [*caller.anonymous(), *caller.default_passwords()]
    waits = waits_for(pod)
    return [
        _unknown(workload.subject, f"neither serves nor ends within {workload.patience_s:g} s{waits and f': {waits}'}")
    ]


def _unknown(subject: str, observed: str) -> FactReading:
    return FactReading(subject=subject, expected=_EXPECTED, observed=observed, ok=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class UnsetCaller:
    """Sends calls to a pod that serves without settings; fields as the arguments of `PodReach` and `UnsetWorkload`."""

    target: Target
    workload: UnsetWorkload
    reach: PodReach
    pod: Object

    def anonymous(self) -> Iterator[FactReading]:
        """A fact of each operation that is not public, called without a credential."""
        subject, api, metrics = self.workload.subject, self.target.api, self.target.metrics
        service = ENTRY if metrics is not None and metrics.entry == self.workload.name else self.workload.name
        if api is None or not api.described(service):
            hint = f"write `api: {{description: {{{service}: …}}}}`, or let it refuse to start without settings"
            yield _unknown(subject, f"serves, and no API description says which operations are protected; hint: {hint}")
            return
        operations = operations_of(self.target, service)
        if all(one.access is OperationAccess.PUBLIC for one in operations):
            observed = "serves, and each operation of its API description is public"
            yield FactReading(subject=subject, expected=_EXPECTED, observed=observed, ok=True)
        called = [(one, self._called(one)) for one in operations if one.access is not OperationAccess.PUBLIC]
        asks = any(answer.status in _REFUSED and not answer.why for _, answer in called)
        for one, answer in called:
            ok = self._refuses(one, answer, asks=asks)
            subject = f"{self.workload.subject}: {one.name} without a credential"
            yield FactReading(subject=subject, expected="refused", observed=answer.words, ok=ok, sure=ok is False)

    def _called(self, one: GuardedOperation) -> PodAnswer:
        """The answer to an operation without a credential."""
        if why := one.why or why_forbidden(self.target, one):
            return PodAnswer(0, why=f"not called: {why}")
        known = self.target.api.values if self.target.api is not None else {}
        values = {**one.given, **{name: listed[0] for name, listed in known.items() if listed}}
        path = one.path
        for name in one.inside:
            path = path.replace(f"{{{name}}}", quote(str(values.get(name) or 1), safe=""))
        query = urlencode({name: values.get(name) or 1 for name in one.query})
        headers = {name: str(values.get(name) or 1) for name in one.headers}
        plan = CallPlan(method=one.method, path=path + (query and f"?{query}"), body=one.body, headers=headers)
        return self.reach.send(self.pod, plan)

    @staticmethod
    def _refuses(one: GuardedOperation, answer: PodAnswer, *, asks: bool) -> bool | None:
        """Whether an operation refuses, where `asks` is whether any operation of the pod asks for a credential; None: it is not known."""
        if answer.why:
            return None
        if 200 <= answer.status < 300:
            return False if one.access is OperationAccess.PROTECTED else None
        return True if answer.status in _REFUSED or (asks and answer.status in _NOT_SERVED and not one.inside) else None

    def default_passwords(self) -> Iterator[FactReading]:
        """A fact of each sign-in of the target file."""
        found = [*_sign_ins(self.target)]
        if not found:
            yield _unknown(self.workload.subject, "serves, and the target file names no sign-in; hint: write `sign_in`")
        for one in found:
            observed, ok = self._tried(one)
            yield FactReading(
                subject=f"{self.workload.subject}: default passwords at {one.method} {one.path}",
                expected="refused",
                observed=observed,
                ok=ok,
                sure=ok is False,
            )

    def _tried(self, sign_in: DeclaredSignIn) -> tuple[str, bool | None]:
        """What a sign-in answers default passwords, and whether it refuses them."""
        words: dict[str, bool] = {}
        made_up = self.reach.send(self.pod, sign_in.plan(uuid.uuid4().hex, uuid.uuid4().hex))
        if not made_up.why and sign_in.lets_in(made_up):  # a session may begin before the sign-in
            observed = f"a made-up user gets a {'session' if sign_in.cookie else 'token'}, {made_up.words}"
            return observed, None if sign_in.cookie else False
        for user, password in _PASSWORDS:
            answer = self.reach.send(self.pod, sign_in.plan(user, password))
            if not answer.why and sign_in.lets_in(answer):
                return f"{user} is let in with the password {password or 'that is empty'}", False
            words[answer.words] = not answer.why and answer.status in _NO_SIGN_IN
        return ", ".join(words), True if all(words.values()) else None


def _sign_ins(target: Target) -> Iterator[DeclaredSignIn]:
    """The sign-ins of the target file: that of users, and that of browsers."""
    if (one := target.sign_in) is not None:
        yield DeclaredSignIn(method="POST", path=one.path, fields=one.fields, form=one.body == "form", token=one.token)
    session = target.identity.session if target.identity is not None else None
    if session is not None:
        method, _, path = session.sign_in.partition(" ")
        form = session.body == "form"
        yield DeclaredSignIn(method=method, path=path, fields=session.fields, form=form, cookie=session.cookie)
