"""The requests that begin, promote and take back each kind of object: those of its product's own command line."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from harness.drivers.rollout.back import Given, go_back, take_over
from harness.drivers.rollout.candidate import previous, relabelled
from harness.drivers.rollout.objects import ArgoRollout, Changeable, PlainDeployment, SwitchedService
from harness.drivers.rollout.reverted import FollowedSpec
from harness.errors import DriverError, TargetSilent
from harness.targets import Target
from tests.fake_clock import FakeClock

OLD: dict[str, Any] = {
    "metadata": {"labels": {"app": "cart", "version": "1.0.0"}},
    "spec": {"containers": [{"image": "shop/cart:1.0.0"}]},
}
NEW: dict[str, Any] = {
    "metadata": {"labels": {"app": "cart", "version": "1.1.0"}},
    "spec": {"containers": [{"image": "shop/cart:1.1.0"}]},
}


class RecordedCluster:
    """Objects as they were read from a cluster; keeps what is sent to it, and applies a JSON patch's `replace`.

    Attributes:
        loses: whether the answer to the next patch is lost; its controller has made that revision the newest by then.
    """

    def __init__(
        self, obj: dict[str, Any], sets: list[dict[str, Any]] | None = None, workload: dict[str, Any] | None = None
    ) -> None:
        self.obj = obj
        self.workload = workload
        self.sets = sets or []
        self.primary: dict[str, Any] | None = None
        self.loses = False
        self.sent: list[tuple[str, Any]] = []

    def custom(self, version: str, plural: str, namespace: str, name: str) -> dict[str, Any] | None:
        """The object, the workload that it refers to, or its primary."""
        group = {"rollouts": "argoproj.io/v1alpha1", "deployments": "apps/v1"}[plural]
        assert (version, namespace) == (group, "eu")
        if name == "cart-pods" and self.workload is not None:
            return deepcopy(self.workload)
        if name == "cart-primary":
            return deepcopy(self.primary)
        assert name == "cart"
        return deepcopy(self.obj)

    def services(self, namespace: str) -> list[dict[str, Any]]:
        """The object."""
        assert namespace == "eu"
        return [deepcopy(self.obj)]

    def pods(self, namespace: str, selector: str) -> list[dict[str, Any]]:
        """None are there."""
        del namespace, selector
        return []

    def endpoints(self, namespace: str, name: str) -> None:
        """None."""
        del namespace, name

    def replica_sets(self, namespace: str) -> list[dict[str, Any]]:
        """As given."""
        assert namespace == "eu"
        return self.sets

    def patch_custom(
        self, version: str, plural: str, namespace: str, name: str, body: Any, *, status: bool = False
    ) -> None:
        """Keep it."""
        self.custom(version, plural, namespace, name)
        self._patched("status" if status else "workload" if name == "cart-pods" else "object", body)

    def patch_service(self, namespace: str, name: str, body: Any) -> None:
        """Keep it."""
        assert (namespace, name) == ("eu", "cart")
        self._patched("object", body)

    def _patched(self, what: str, body: Any) -> None:
        self.sent.append((what, body))
        if isinstance(body, list) and what != "status":
            changed = self.workload if what == "workload" and self.workload is not None else self.obj
            changed["spec"][body[0]["path"].rpartition("/")[2]] = body[0]["value"]
        if self.loses:
            self.loses = False
            self.sets.reverse()
            for number, one in enumerate(self.sets, start=1):
                one["metadata"]["annotations"] = {"rollout.argoproj.io/revision": str(number)}
            raise TargetSilent("the API server gave no answer (ReadTimeoutError)")


def argo(template: dict[str, Any], **status: Any) -> dict[str, Any]:
    """A Rollout under way."""
    return {
        "metadata": {"name": "cart", "generation": 2},
        "spec": {"replicas": 4, "strategy": {"canary": {}}, "template": template},
        "status": {"observedGeneration": "2", "phase": "Progressing", "currentPodHash": "b", "stableRS": "a", **status},
    }


def replica_set(
    revision: int, template: dict[str, Any], *, owner: str = "cart", key: str = "rollout.argoproj.io/revision"
) -> dict[str, Any]:
    """A ReplicaSet of a revision, with the label that the controller puts on its pods."""
    hashed = deepcopy(template)
    hashed["metadata"]["labels"]["rollouts-pod-template-hash"] = f"h{revision}"
    hashed["metadata"]["labels"]["pod-template-hash"] = f"h{revision}"
    kind = "Rollout" if "argo" in key else "Deployment"
    return {
        "metadata": {"annotations": {key: str(revision)}, "ownerReferences": [{"kind": kind, "name": owner}]},
        "spec": {"template": hashed},
    }


def referring(template: dict[str, Any] | None, **status: Any) -> RecordedCluster:
    """A Rollout that refers to a workload, with this template where it can be read, of whose generation the status may speak."""
    obj = argo(OLD, **status)
    if "workloadObservedGeneration" in status:
        obj["metadata"]["annotations"] = {"rollout.argoproj.io/workload-generation": "4"}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart-pods"}
    obj["spec"] = {"replicas": 4, "strategy": {"canary": {}}, "workloadRef": reference}
    workload = {"metadata": {"name": "cart-pods"}, "spec": {"template": deepcopy(template)}}
    return RecordedCluster(obj, workload=None if template is None else workload)


def recover(
    cluster: RecordedCluster,
    kind: str = "Deployment",
    current: str = "1",
    before: dict[str, Any] = OLD,
    **kept: Any,
) -> None:
    """Undo a rollout whose run was killed, by what its undo log has kept."""
    target = Target(name="t", environment="staging", entry="https://a.test")
    undo = {"kind": kind, "namespace": "eu", "name": "cart", "release": "1.0.0", "current": current, "before": before}
    take_over.undo(cluster, target, **undo, **kept)


def on(cluster: RecordedCluster, kind: type[ArgoRollout | PlainDeployment] = ArgoRollout) -> Changeable:
    """The object."""
    return kind(cluster=cluster, namespace="eu", name="cart")  # type: ignore[arg-type]  # recorded


def test_only_a_pause_that_waits_for_a_person_is_promoted() -> None:
    """`promote` takes the conditions away; an inconclusive analysis is never promoted, and a running step neither.

    A background analysis adds its reason to that of a step which waits already: removing both would promote past it.
    """
    pause = [{"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}]
    waiting = paused(*pause, currentStepIndex=1)
    assert on(waiting).promote(waiting.obj)
    tested = {"op": "test", "path": "/status/pauseConditions", "value": pause}
    step = {"op": "test", "path": "/status/currentStepIndex", "value": 1}
    remove = {"op": "remove", "path": "/status/pauseConditions"}
    assert waiting.sent == [("status", [step, tested, remove])]
    colours = paused({"reason": "BlueGreenPause"})
    assert on(colours).promote(colours.obj)
    assert [one["op"] for one in colours.sent[0][1]] == ["test", "remove"]
    analysis = "InconclusiveAnalysisRun"
    both = [pair for one in ("CanaryPauseStep", "BlueGreenPause") for pair in ([one, analysis], [analysis, one])]
    for reasons in ([analysis], ["InconclusiveExperiment"], *both):
        open_ = paused(*({"reason": reason} for reason in reasons))
        assert not on(open_).promote(open_.obj), reasons
        assert open_.sent == []
    running = RecordedCluster(argo(NEW))
    assert not on(running).promote(running.obj)


def paused(*conditions: dict[str, str], **status: Any) -> RecordedCluster:
    """A Rollout that its controller has paused for these reasons."""
    return RecordedCluster(argo(NEW, phase="Paused", controllerPause=True, pauseConditions=[*conditions], **status))


def test_undo_takes_the_second_newest_revision_without_the_controllers_label() -> None:
    """Of its own ReplicaSets only."""
    sets = [replica_set(3, NEW), replica_set(2, OLD), replica_set(9, NEW, owner="stock"), replica_set(1, NEW)]
    cluster = RecordedCluster(argo(NEW), sets)
    on(cluster).undo()
    value = deepcopy(OLD)
    value["metadata"]["labels"]["pod-template-hash"] = "h2"  # not the label of this controller
    assert cluster.sent == [("object", [{"op": "replace", "path": "/spec/template", "value": value}])]


def test_a_paused_deployment_is_not_rolled_back() -> None:
    """As `kubectl rollout undo` refuses it."""
    paused = {"metadata": {"name": "cart"}, "spec": {"paused": True, "template": NEW}, "status": {}}
    with pytest.raises(DriverError, match="is paused"):
        on(RecordedCluster(paused), PlainDeployment).undo()


def test_the_way_back_aborts_then_sets_the_spec_and_is_hastened_only_when_it_was_observed() -> None:
    """An abort alone leaves the candidate in the spec; `promote --full` before the controller has seen it would be lost."""
    cluster = RecordedCluster(argo(NEW))
    here = on(cluster)
    assert not go_back(here, OLD, "a", hasten=True, restore=False)
    assert cluster.sent == []
    assert not go_back(here, OLD, "a", hasten=True, restore=True)
    assert cluster.sent == [
        ("status", {"status": {"abort": True}}),
        ("object", [{"op": "replace", "path": "/spec/template", "value": OLD}]),
    ]
    cluster.obj["metadata"]["generation"] = 3
    assert not go_back(here, OLD, "a", hasten=False, restore=True)
    assert len(cluster.sent) == 2
    cluster.obj["status"] |= {"observedGeneration": "3", "currentPodHash": "a", "stableRS": "b"}
    assert not go_back(here, OLD, "a", hasten=True, restore=True)
    assert cluster.sent[2:] == [("status", {"status": {"promoteFull": True}})]
    cluster.obj["status"] |= {"stableRS": "a", "phase": "Healthy"}
    assert go_back(here, OLD, "a", hasten=True, restore=True)
    assert len(cluster.sent) == 3


WOKEN = [("object", {"metadata": {"annotations": {"readiness-harness/woken": value}}}) for value in ("true", None)]


def test_a_controller_that_missed_the_last_write_is_woken() -> None:
    """The same write once more would change nothing, and be an event for nobody: an annotation comes and goes. One that has reacted is not woken."""
    aborted = {"currentPodHash": "b", "abort": True}
    cases: list[tuple[dict[str, Any], list[Any]]] = [
        ({"observedGeneration": "1", "currentPodHash": "b"}, WOKEN),
        ({"currentPodHash": "a", "promoteFull": True}, WOKEN),
        (aborted, WOKEN),
        ({**aborted, "abortedAt": "2026-01-01T00:00:00Z"}, []),
        ({"currentPodHash": "b", "controllerPause": True}, WOKEN),
    ]
    for status, sent in cases:
        cluster = RecordedCluster(argo(OLD, stableRS="b", **status))
        assert not go_back(on(cluster), OLD, "a", hasten=True, restore=False)
        assert cluster.sent == sent, status


MORE: dict[str, Any] = {**OLD, "spec": {**OLD["spec"], "restartPolicy": "Always"}}
"""What the API server makes of OLD, or a candidate that only adds to it."""


def test_the_controller_identifies_a_template_that_has_its_defaults_written_out() -> None:
    """After `undo` the spec has the template of a ReplicaSet: it is back when the controller says so, and not before."""
    cluster = RecordedCluster(argo(MORE, currentPodHash="a", stableRS="a", phase="Healthy"))
    assert go_back(on(cluster), OLD, "a", hasten=True, restore=True)
    cluster.obj["metadata"]["generation"] = 3  # set, and not observed yet: it may be a candidate
    assert not go_back(on(cluster), OLD, "a", hasten=False, restore=False)
    assert cluster.sent == []


def test_a_candidate_that_only_adds_to_a_template_is_not_taken_for_what_was_there() -> None:
    """Neither of a Deployment at rest on it, nor of the one that a Rollout refers to and has not observed."""
    status = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1}
    plain = {"metadata": {"name": "cart", "generation": 2}, "spec": {"replicas": 1, "template": MORE}, "status": status}
    here = on(RecordedCluster(plain), PlainDeployment)
    assert not go_back(here, OLD, "1", hasten=False, restore=False)
    assert go_back(here, MORE, "1", hasten=False, restore=False)
    cluster = referring(MORE, currentPodHash="a", stableRS="a", phase="Healthy")
    assert not go_back(on(cluster), OLD, "a", hasten=False, restore=False)


def test_the_candidate_is_in_the_tag_of_every_image() -> None:
    """And in its label, where there is one: a selector of a label that no pod has would select nothing. A port of the registry is no tag."""
    assert relabelled({"app": "cart"}, "version", "1.1.0") == {"app": "cart"}
    assert relabelled(OLD, "version", "1.1.0") == NEW
    for image, tagged_as in [
        ("shop/cart:1.0.0", "shop/cart:1.1.0"),
        ("registry:5000/shop/cart", "registry:5000/shop/cart:1.1.0"),
        ("registry:5000/cart:1.0.0@sha256:ab", "registry:5000/cart:1.1.0"),
        ("cart", "cart:1.1.0"),
    ]:
        template = {"spec": {"containers": [{"name": "c", "image": image}]}}
        assert relabelled(template, "version", "1.1.0")["spec"]["containers"][0]["image"] == tagged_as


def test_a_container_of_another_product_keeps_its_tag() -> None:
    """There is no proxy of that release; where no tag is the one that runs, nothing tells which image is the product's."""
    for image, version, proxy in [
        ("shop/cart:1.0.0", "1.0.0", "proxy:2.3"),
        ("shop/cart:1.0.0", "stable", "proxy:2.3"),
        ("shop/cart:v7", "v7", "proxy:2.3"),
        ("shop/cart:v7", "stable", "proxy:1.1.0"),
    ]:
        containers = [{"name": "c", "image": image}, {"name": "proxy", "image": "proxy:2.3"}]
        template = {"metadata": {"labels": {"version": version}}, "spec": {"containers": containers}}
        found = relabelled(template, "version", "1.1.0", "1.0.0")["spec"]["containers"]
        assert [one["image"] for one in found] == ["shop/cart:1.1.0", proxy], (image, version)


def test_a_rollout_that_refers_to_a_workload_is_changed_there() -> None:
    """Its own spec has no template, and its status is of the workload's generation that it says."""
    cluster = referring(OLD, workloadObservedGeneration="4", phase="Healthy", currentPodHash="a")
    here = on(cluster)
    assert here.template(here.present()) == OLD
    take_over(here, NEW)
    assert cluster.sent == [("workload", [{"op": "replace", "path": "/spec/template", "value": NEW}])]
    assert here.template(here.present()) == NEW
    assert here.status().at_rest  # the controller has not seen it: who trusts the phase alone is wrong
    cluster.obj["metadata"]["annotations"]["rollout.argoproj.io/workload-generation"] = "5"
    assert here.status().message == "waiting for rollout spec update to be observed"


def test_what_is_set_back_is_back_only_when_its_controller_says_so() -> None:
    """Right after the spec is set the object still says that it is at rest: on the candidate."""
    cluster = RecordedCluster(argo(OLD, phase="Healthy", currentPodHash="b", stableRS="b"))
    assert not on(cluster).back_on(cluster.obj, OLD, "a")
    cluster.obj["status"] |= {"currentPodHash": "a", "stableRS": "a"}
    assert on(cluster).back_on(cluster.obj, OLD, "a")


@pytest.mark.parametrize(
    ("kind", "shown"),
    [(ArgoRollout, "kubectl argo rollouts get rollout"), (PlainDeployment, "kubectl rollout status deployment")],
)
def test_what_does_not_return_in_time_says_how_to_check_it(
    kind: type[ArgoRollout | PlainDeployment], shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the object, the release and the time; the hint the command that shows how far it is."""
    FakeClock.installed(monkeypatch)
    cluster = RecordedCluster(argo(OLD, phase="Degraded", message="no pods"))
    with pytest.raises(DriverError, match=rf"{kind.KIND} eu/cart was not back on 1.0.0 within 20 s \(") as caught:
        recover(cluster, kind.KIND, "a")
    assert caught.value.hint == (
        f"check the object with `{shown} cart -n eu`, roll it back by hand, then run `readiness recover --target FILE`"
    )


def test_a_strategy_of_its_own_kind_is_kept_unless_it_is_set_always() -> None:
    """All at once is a canary, too; the object's name is filled in."""
    obj = {"spec": {"strategy": {"canary": {"steps": [{"setWeight": 5}]}}}}
    asked = {"canary": {"canaryService": "{name}-canary", "steps": [{"setWeight": 100}, {"pause": {}}]}}
    cart = on(RecordedCluster(obj))
    assert cart.strategy_for(obj, asked) == obj["spec"]["strategy"]
    set_always = {"canary": {"canaryService": "cart-canary", "steps": [{"setWeight": 100}, {"pause": {}}]}}
    assert cart.strategy_for(obj, asked, always=True) == set_always
    assert cart.strategy_for(obj, {}, always=True) == obj["spec"]["strategy"]


def followed(
    cluster: RecordedCluster,
    kind: type[ArgoRollout | PlainDeployment] = ArgoRollout,
    sent: dict[str, Any] | None = None,
) -> FollowedSpec:
    """Its spec from the candidate on, which was read once: it has what was sent, where nothing else is given."""
    spec = FollowedSpec(on(cluster, kind), OLD, "a", sent or cluster.obj["spec"].get("template", NEW))
    spec.read()
    assert spec.back is None
    return spec


def back_of(spec: FollowedSpec) -> tuple[str, str]:
    """Who took it back, and why, when it is read again."""
    spec.read()
    return ("", "") if spec.back is None else (spec.back.by.value, spec.back.why)


def tagged(tag: str, **more: Any) -> dict[str, Any]:
    """A template of that image."""
    return {**OLD, "spec": {"containers": [{"image": f"shop/cart:{tag}"}], **more}}


def beside(tag: str) -> dict[str, Any]:
    """A template of that image, with a container that an operator added."""
    return tagged(tag, initContainers=[{"name": "mesh", "image": "mesh:2.0"}])


def test_who_set_a_spec_back_is_told_from_what_it_asks_for(subtests: pytest.Subtests) -> None:
    """At once, before its controller has observed it."""
    kinds: tuple[type[ArgoRollout | PlainDeployment], ...] = (ArgoRollout, PlainDeployment)
    beyond = "which belongs to neither release"
    for name, template, by, why in [
        ("undone", OLD, "platform", "another user or controller set its spec back to shop/cart:1.0.0"),
        ("in its image", tagged("1.0.0", restartPolicy="Always"), "platform", "set its spec back to shop/cart:1.0.0"),
        ("another release", tagged("0.9.0"), "unknown", f"its spec requests shop/cart:0.9.0, {beyond}"),
        ("the candidate, changed otherwise", tagged("1.1.0", restartPolicy="Always"), "", ""),
        ("the candidate, pinned to its digest", tagged("1.1.0@sha256:ab"), "", ""),
        ("pinned to its digest", tagged("1.0.0@sha256:ab"), "platform", "set its spec back to shop/cart:1.0.0"),
        ("beside the candidate", beside("1.1.0"), "", ""),
        ("beside the release before", beside("1.0.0"), "platform", "set its spec back to shop/cart:1.0.0"),
        ("beside another", beside("1.0.1"), "unknown", f"its spec requests mesh:2.0, shop/cart:1.0.1, {beyond}"),
    ]:
        for kind in kinds:
            with subtests.test(name, kind=kind.__name__):
                cluster = RecordedCluster(argo(NEW))
                spec = followed(cluster, kind)
                cluster.obj["spec"]["template"] = template
                cluster.obj["metadata"]["generation"] = 3
                found, said = back_of(spec)
                assert (found, why in said) == (by, True)


def test_a_template_with_its_defaults_is_back_when_its_controller_says_so() -> None:
    """Releases of one image: `undo` writes another text of the old template; what is not observed says nothing."""
    same = {**OLD, "metadata": {"labels": {"app": "cart", "version": "1.1.0"}}}
    cluster = RecordedCluster(argo(same))
    spec = followed(cluster)
    cluster.obj["spec"]["template"] = {**OLD, "spec": {**OLD["spec"], "restartPolicy": "Always"}}
    cluster.obj["metadata"]["generation"] = 3
    cluster.obj["status"] |= {"currentPodHash": "a"}
    assert back_of(spec) == ("", "")
    cluster.obj["status"] |= {"observedGeneration": "3"}
    assert back_of(spec)[0] == "platform"


def test_a_workload_is_back_only_after_its_candidate_was_taken_up() -> None:
    """Until its controller processes the candidate, a Rollout that refers to a workload says that it is on the old release."""
    cluster = referring(None, currentPodHash="a", stableRS="a", phase="Healthy")
    spec = followed(cluster)
    cluster.obj["status"] |= {"currentPodHash": "b", "phase": "Progressing"}
    assert back_of(spec) == ("", "")
    cluster.obj["status"] |= {"currentPodHash": "a"}
    assert back_of(spec)[0] == "platform"


@pytest.mark.parametrize("kind", [ArgoRollout, PlainDeployment])
def test_a_candidate_that_was_never_observed_was_taken_back_by_whom_is_not_known(
    kind: type[ArgoRollout | PlainDeployment],
) -> None:
    """Admission undid it or its image, or a reconciler did before the first observation: nothing shows which. A candidate that differs in its label alone is followed."""
    kept = {**NEW, "spec": OLD["spec"]}
    images = "at the first observation its spec requested shop/cart:1.0.0, expected the candidate's images"
    for there, said in (
        (
            argo(OLD, currentPodHash="a"),
            "its spec requests shop/cart:1.0.0, and no observation of it requested the candidate",
        ),
        (argo(kept), images),
    ):
        spec = FollowedSpec(on(RecordedCluster(there), kind), OLD, "a", NEW)
        assert [back_of(spec) for _ in range(2)] == [("unknown", f"{kind.KIND} eu/cart: {said}")] * 2
    assert back_of(FollowedSpec(on(RecordedCluster(argo(kept)), kind), OLD, "a", kept)) == ("", "")


def test_a_container_that_the_candidate_lacks_is_back_with_the_release_before() -> None:
    """The candidate's own container is the same in both releases."""
    cluster = RecordedCluster(argo(tagged("1.0.0")))
    spec = FollowedSpec(on(cluster), beside("1.0.0"), "a", tagged("1.0.0"))
    spec.read()
    cluster.obj["spec"]["template"] = {**beside("1.0.0"), "metadata": {}}
    assert back_of(spec)[0] == "platform"


def test_another_image_in_a_container_that_the_candidate_adds_is_of_neither_release() -> None:
    """The containers of the release before are as they were in both."""
    cluster = RecordedCluster(argo(beside("1.0.0")))
    spec = followed(cluster)
    cluster.obj["spec"]["template"]["spec"]["initContainers"][0]["image"] = "mesh:3.0"
    assert back_of(spec) == ("unknown", "Rollout eu/cart: its spec requests mesh:3.0, which belongs to neither release")


def test_a_deployment_that_flagger_scaled_to_nothing(subtests: pytest.Subtests) -> None:
    """Its spec keeps the candidate; what its primary runs tells a promotion from a way back.

    Of releases of one image only the configuration differs. Flagger names the primary, its label and the Secrets that it copies with a suffix.
    """
    new, old = configured("2"), configured("1")
    for name, candidate, primary, ran, before, told in [
        ("given up by Flagger", NEW, OLD, 4, OLD, ("platform", 0.0)),
        ("promoted by Flagger", NEW, NEW, 4, OLD, ("", 1.0)),
        ("neither", NEW, tagged("0.9.0"), 4, OLD, ("unknown", 0.0)),
        ("not begun by Flagger", NEW, OLD, 0, OLD, ("", 0.0)),
        ("given up, of one image", new, configured("1", "-primary"), 4, old, ("platform", 0.0)),
        ("promoted, of one image", new, configured("2", "-primary"), 4, old, ("", 1.0)),
        ("neither, of one image", new, configured("3", "-primary"), 4, old, ("unknown", 0.0)),
    ]:
        with subtests.test(name):
            assert scaled_to_nothing(candidate, primary, ran, before) == told


@pytest.mark.parametrize("ran", [4, 0], ids=["scaled by KEDA", "never ran"])
def test_a_deployment_at_zero_without_a_primary_is_not_taken_back(ran: int) -> None:
    """An autoscaler took it there, or it was there before: it is at rest as its status says, and a candidate only by its spec."""
    cluster = RecordedCluster(argo(NEW, replicas=ran, observedGeneration=2))
    cluster.obj["spec"]["replicas"] = ran
    spec = followed(cluster, PlainDeployment)
    cluster.obj["spec"]["replicas"] = 0
    cluster.obj["status"] |= {"replicas": 0}
    status = spec.read()
    assert (spec.back, status.at_rest, status) == (None, True, on(cluster, PlainDeployment).status())
    cluster.obj["spec"]["template"] = OLD
    assert back_of(spec)[0] == "platform"


def configured(value: str, suffix: str = "") -> dict[str, Any]:
    """A template of one image with a value in its environment, as it is or as Flagger copies it."""
    secret = {"name": f"cart{suffix}"}
    container = {"name": "cart", "image": "shop/cart:1.0.0", "env": [{"name": "A", "value": value}]}
    labels = {"app": f"cart{suffix}"}
    return {"metadata": {"labels": labels}, "spec": {"containers": [container], "volumes": [{"secret": secret}]}}


def scaled_to_nothing(
    candidate: dict[str, Any], primary: dict[str, Any], ran: int, before: dict[str, Any]
) -> tuple[str, float | None]:
    """Who took a Deployment back that is scaled to 0 beside that primary, and the share of its candidate."""
    cluster = RecordedCluster(argo(candidate, replicas=ran))
    cluster.obj["spec"]["replicas"] = ran
    cluster.primary = {"spec": {"template": primary}}
    spec = FollowedSpec(on(cluster, PlainDeployment), before, "a", candidate)
    spec.read()
    cluster.obj["spec"]["replicas"] = 0
    return back_of(spec)[0], spec.read().share


def test_a_spec_of_neither_release_is_not_set_back() -> None:
    """Others gave it a third one; an image that admission only pinned is known."""
    cluster = RecordedCluster(argo(tagged("1.0.1")))
    given = Given(NEW)
    assert not go_back(on(cluster), OLD, "a", hasten=True, restore=True, given=given)
    assert cluster.sent == []
    cluster.obj["spec"]["template"] = tagged("1.1.0@sha256:ab")
    assert not go_back(on(cluster), OLD, "a", hasten=True, restore=True, given=given)
    assert cluster.obj["spec"]["template"] == OLD


BLUE, GREEN, THIRD = ({"app": "cart", "version": version} for version in ("1.0.0", "1.1.0", "1.0.2"))


def test_a_service_that_others_switched_to_a_third_colour_is_left_to_them() -> None:
    """While it is followed, on the way back, and in a recovery."""
    cluster = RecordedCluster({"metadata": {"name": "cart"}, "spec": {"selector": dict(GREEN)}})
    here = SwitchedService(cluster=cluster, namespace="eu", name="cart", before=BLUE)  # type: ignore[arg-type]  # recorded
    was = "app=cart,version=1.0.0"
    spec = FollowedSpec(here, BLUE, was, GREEN)
    assert back_of(spec) == ("", "")
    cluster.obj["spec"]["selector"] = dict(THIRD)
    others = "app=cart,version=1.0.2"
    assert back_of(spec) == (
        "unknown",
        f"Service eu/cart: its spec requests {others}, which belongs to neither release",
    )
    assert not go_back(here, BLUE, was, hasten=True, restore=True, given=Given(GREEN))
    with pytest.raises(
        DriverError, match=f"Service eu/cart has {others}, of neither release: another user or controller changed it"
    ):
        recover(cluster, "Service", was, BLUE, template=GREEN)
    assert cluster.sent == []


def deployed(template: dict[str, Any]) -> RecordedCluster:
    """A Deployment at rest on a template."""
    status = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    spec = {"replicas": 1, "template": template}
    return RecordedCluster({"metadata": {"name": "cart", "generation": 2}, "spec": spec, "status": status})


def test_a_release_that_others_restored_and_configured_is_left_to_them() -> None:
    """It runs the images of the release before, with more than that had; an older undo log says only which images are known."""
    theirs = tagged("1.0.0", terminationGracePeriodSeconds=60)
    cluster = deployed(theirs)
    said = "Deployment eu/cart has shop/cart:1.0.0 again, with a configuration of neither release"
    with pytest.raises(DriverError, match=f"{said}: another user or controller changed it"):
        recover(cluster, template=NEW)
    assert cluster.sent == []
    for template in (NEW, tagged("1.1.0", restartPolicy="Always"), {**NEW, "spec": OLD["spec"]}):
        cluster = deployed(template)
        recover(cluster, template=NEW)
        assert cluster.obj["spec"]["template"] == OLD, "the candidate, also as admission or others left it"
    cluster = deployed(theirs)
    recover(cluster, images=["shop/cart:1.1.0"])
    assert cluster.obj["spec"]["template"] == OLD


def test_what_the_command_for_the_way_back_wrote_is_taken_for_its_own() -> None:
    """A ReplicaSet's template may have labels of its own, as of `stableMetadata`; the spec is then set to its own text. Labels of others are left.

    So does a recovery: the run was killed once that command was received, of which the undo log has what it writes.
    """
    undone = {**OLD, "metadata": {"labels": {**OLD["metadata"]["labels"], "role": "stable"}}}
    cluster = RecordedCluster(argo(undone, currentPodHash="c", stableRS="b"))
    assert not go_back(on(cluster), OLD, "a", hasten=False, restore=True, given=Given(NEW))
    assert cluster.obj["spec"]["template"] == undone
    assert not go_back(on(cluster), OLD, "a", hasten=False, restore=True, given=Given(NEW, undone=undone))
    assert cluster.obj["spec"]["template"] == OLD
    cluster = deployed(undone)
    recover(cluster, template=NEW, undone=undone)
    assert cluster.obj["spec"]["template"] == OLD
    theirs = deployed(tagged("1.0.0", terminationGracePeriodSeconds=60))
    with pytest.raises(DriverError, match="with a configuration of neither release"):
        recover(theirs, template=NEW, undone=undone)
    assert theirs.sent == []


def test_what_others_do_while_a_recovery_waits_is_not_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The spec is set to what it was, and a person gives it a hotfix before the object is at rest on that."""
    clock = FakeClock.installed(monkeypatch)
    cluster = deployed(NEW)
    cluster.obj["status"]["availableReplicas"] = 0
    fix_ns = clock.now_ns + 3 * 10**9
    read = cluster.custom

    def custom(*words: str) -> dict[str, Any] | None:
        if clock.now_ns >= fix_ns:
            cluster.obj["spec"]["template"] = tagged("1.0.1")
        return read(*words)

    monkeypatch.setattr(cluster, "custom", custom)
    with pytest.raises(DriverError, match=r"has shop/cart:1\.0\.1, of neither release"):
        recover(cluster, template=NEW)
    assert [body[0]["value"] for _, body in cluster.sent] == [OLD]


def test_a_candidate_is_not_promoted_on_the_way_back_of_its_workload() -> None:
    """The workload is set back, and the controller has not seen it: it still says, of the generation that it knows, that it is on the candidate."""
    cluster = referring(OLD, workloadObservedGeneration="4")
    assert on(cluster).status().observed
    assert not go_back(on(cluster), OLD, "a", hasten=True, restore=True)
    assert cluster.sent == []
    cluster.obj["status"] |= {"currentPodHash": "a", "stableRS": "b"}
    assert not go_back(on(cluster), OLD, "a", hasten=True, restore=True)
    assert cluster.sent == [("status", {"status": {"promoteFull": True}})]


def test_an_undo_whose_answer_was_lost_is_sent_again_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server had received it: by its history the release before is then the candidate."""
    FakeClock.installed(monkeypatch)
    cluster = RecordedCluster(argo(NEW), [replica_set(1, OLD), replica_set(2, NEW)])
    cluster.loses = True
    sending: list[tuple[int, dict[str, Any]]] = []
    on(cluster).undo(lambda undone: sending.append((len(cluster.sent), undone)))
    ((sent_before, undone),) = sending
    assert sent_before == 0
    assert [body[0]["value"] for _, body in cluster.sent] == [undone, undone]
    assert cluster.obj["spec"]["template"]["spec"] == OLD["spec"]


def test_without_a_history_the_way_back_fails_with_its_reason() -> None:
    """`revisionHistoryLimit: 0` deletes old ReplicaSets."""
    with pytest.raises(DriverError, match="no rollout history found for Rollout eu/cart"):
        on(RecordedCluster(argo(NEW), [replica_set(3, NEW)])).undo()
    assert previous(
        [replica_set(2, NEW), replica_set(1, OLD)], "rollout.argoproj.io/revision", "rollouts-pod-template-hash", "x"
    )


def test_a_service_is_switched_by_its_selector_and_back_to_the_one_before() -> None:
    """There is no history in the cluster: what it was is remembered, and is in the undo log."""
    before, after = {"app": "cart", "version": "1.0.0"}, {"app": "cart", "version": "1.1.0"}
    cluster = RecordedCluster({"metadata": {"name": "cart"}, "spec": {"selector": dict(before)}})
    here = SwitchedService(cluster=cluster, namespace="eu", name="cart", before=before)  # type: ignore[arg-type]  # recorded
    take_over(here, relabelled(before, "version", "1.1.0"))
    assert cluster.obj["spec"]["selector"] == after
    here.undo()
    assert cluster.obj["spec"]["selector"] == before
    assert not here.back_on(cluster.obj, before, "app=cart,version=1.0.0")  # no pod of it is ready
