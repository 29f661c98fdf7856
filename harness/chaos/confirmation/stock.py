"""Records what actions of chaostoolkit-kubernetes hit and how they are undone, since these actions record nothing.

Before an action: the objects that it changes are in the undo log, and the target's guard has allowed its hits. After
it: the hits, read from the cluster. Once an object is as before, its entry is deleted; `put_back` undoes the others.
"""

from __future__ import annotations

import inspect
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from chaoslib import substitute

from harness.chaos.confirmation.hits import database_leader, name_of, pod_hits
from harness.chaos.database import take_leader
from harness.chaos.power import is_drained_with
from harness.chaos.session import ChaosSession, node_hit, session
from harness.errors import FaultNotInjected
from harness.model import Hit, Intent
from harness.targets.cluster.chaosk8s import Function, PodHits, Verb, described, function_of
from harness.targets.cluster.objects import Objects, Ref
from harness.targets.cluster.put_back import change_object, is_put_back, manifest_of, parts_of, ref_of
from harness.targets.cluster.selectors import selects
from harness.targets.cluster.workloads import controller_reference, replicas_of, restarts_of
from harness.targets.kubernetes import Object, is_over, is_terminating
from harness.targets.safety.intents import amend_intent, pending_intents, strike_intent
from harness.targets.undo import Undoable

Activity = Mapping[str, Any]
Found = Sequence[tuple[Ref, Object | None]]
"""Objects that an action addresses, each as it is before the action; None: it does not exist."""

_OWED: Final = (change_object, take_leader)
"""The undos that are left to the harness: a file's rollbacks may do them, and need not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StockCall:
    """A call of a function of the package, before it is made.

    Attributes:
        function: what is known of the function.
        arguments: its arguments, with defaults.
        found: the objects that it addresses.
        pods: the pods that it may hit.
        nodes: the nodes that it may hit.
        expected: number of pods that it must hit; None: not known.
        breaks: whether the call is a part of the fault.
    """

    function: Function
    arguments: Mapping[str, Any]
    found: Found = ()
    pods: Sequence[Object] = ()
    nodes: Sequence[Object] = ()
    expected: int | None = None
    breaks: bool = True


def about_to(
    activity: Activity, configuration: Activity, secrets: Activity, *, breaks: bool, undoes: bool = False
) -> StockCall | None:
    """Record how an action is undone; None for an action that is not a known function of the package.

    Args:
        activity: action that is about to start.
        configuration: resolved configuration of the experiment.
        secrets: resolved secrets of the experiment.
        breaks: whether the action is a part of the fault; then its hits must be allowed.
        undoes: whether the action is a part of the undo; then what it creates stays.

    Raises:
        HarnessError: the hits are not allowed, the cluster cannot be read, or the undo log cannot be written.
    """
    function = function_of(activity.get("provider") or {})
    if function is None or not function.is_recorded:
        return None
    here, what = session(), str(activity["provider"]["func"])
    call = _call(here, function, _bound(activity["provider"], configuration, secrets), breaks=breaks)
    if breaks:
        here.destructive([*map(node_hit, call.nodes), *pod_hits(here, _predicted(call))])
        if call.pods and not _stay(function) and database_leader(here) in {name_of(pod) for pod in call.pods}:
            _intend_leader(here, f"{what}: the database leader")
    if not (undoes and function.change is not None and function.change.verb == Verb.CREATES):
        for ref, before in call.found:
            _intend(here, call, ref, before, f"{what}: {ref}")
    return call


def done(call: StockCall, output: Any) -> str:
    """Record the hits of an action that has ended; returns why it hit nothing or less than it says, else an empty text.

    Raises:
        HarnessError: the cluster cannot be read.
    """
    here = session()
    objects = Objects(here.cluster.api)
    changed = [ref for ref, before in call.found if _changed(objects, call, ref, before)]
    settle()
    if not call.breaks:
        return ""
    hits = _hits(here, call, changed, output)
    here.hit(hits, stays=_stay(call.function))
    if call.expected is not None and len(hits) != call.expected:
        return f"{len(hits)} of {call.expected} pods were hit"
    change = call.function.change
    lasting = change is not None and change.verb in {Verb.CREATES, Verb.DELETES}
    return "the action changed no object" if lasting and not changed else ""


def settle() -> None:
    """Delete the entries of objects that are as before.

    Raises:
        HarnessError: the cluster cannot be read.
    """
    here = session()
    for intent in _pending(here, change_object):
        if is_put_back(Objects(here.cluster.api), intent.undo):
            strike_intent(intent)


def owed() -> list[str]:
    """Descriptions of the changes that the file itself has not undone.

    Raises:
        HarnessError: the cluster cannot be read.
    """
    settle()
    return [intent.action for intent in _pending(session(), *_OWED)]


def put_back() -> None:
    """Undo the changes that the file itself has not undone.

    Raises:
        HarnessError: an undo failed; its entry stays in the undo log.
    """
    for action in _OWED:
        session().undo(action)


def _pending(here: ChaosSession, *actions: Undoable[...]) -> list[Intent]:
    """The entries of this experiment for some actions."""
    names = {action.name for action in actions}
    pending = pending_intents(here.platform)
    return [one for one in pending if one.experiment == here.experiment and one.undo.get("do") in names]


def _predicted(call: StockCall) -> list[Object]:
    """The pods that an action will hit; where it picks nodes by chance, the pods of those with the most."""
    if call.expected is not None:
        return list(call.pods[: call.expected])
    number = 1 if call.arguments.get("rand") else call.arguments.get("count")
    if call.function.pods != PodHits.OF_NODE or not number:
        return list(call.pods)
    of_node = Counter(pod["spec"].get("nodeName") for pod in call.pods)
    busiest = {name for name, _ in of_node.most_common(int(number))}
    return [pod for pod in call.pods if pod["spec"].get("nodeName") in busiest]


def _bound(provider: Activity, configuration: Activity, secrets: Activity) -> dict[str, Any]:
    """The arguments that Chaos Toolkit passes, with the function's defaults."""
    given = substitute(dict(provider.get("arguments") or {}), dict(configuration), dict(secrets))
    function = getattr(import_module(str(provider["module"])), str(provider["func"]))
    bound = inspect.signature(function).bind_partial(**given)
    bound.apply_defaults()
    return dict(bound.arguments)


def _stay(function: Function) -> bool:
    """Whether the pods that a function hits stay in place."""
    return function.pods in {PodHits.ENTERED, PodHits.OF_POLICY}


def _call(here: ChaosSession, function: Function, arguments: Mapping[str, Any], *, breaks: bool) -> StockCall:
    """Read what a function addresses, and what it may hit if it breaks something."""
    change = function.change
    of_nodes = change is not None and change.plural == "nodes" and change.verb != Verb.CREATES
    deletes = of_nodes and change is not None and change.verb == Verb.DELETES
    nodes = _nodes(here, arguments, deletes=deletes) if of_nodes else []
    if of_nodes:
        found: Found = [(Ref("v1", "nodes", name_of(node)), node) for node in nodes]
    else:
        found = _addressed(here, function, arguments)
    if not breaks:
        return StockCall(function=function, arguments=arguments, found=found, breaks=False)
    pods, expected = list[Object](), None
    match function.pods:
        case PodHits.SELECTED | PodHits.ENTERED:
            pods, expected = _selected(here, arguments)
        case PodHits.OF_WORKLOAD:
            pods = _of_workloads(here, found, arguments)
        case PodHits.OF_NODE:
            names = {name_of(node) for node in nodes}
            on_them = [pod for pod in here.cluster.pods() if pod["spec"].get("nodeName") in names]
            pods = on_them if deletes else list(filter(is_drained_with, on_them))
        case PodHits.OF_POLICY:
            pods = _of_policy(here, arguments)
    deleted = nodes if deletes else []
    return StockCall(function=function, arguments=arguments, found=found, pods=pods, nodes=deleted, expected=expected)


def _addressed(here: ChaosSession, function: Function, arguments: Mapping[str, Any]) -> Found:
    """The objects that a function creates, changes or deletes."""
    ref = function.change.ref(arguments) if function.change is not None else None
    if function.change is None or ref is None:
        return ()
    objects = Objects(here.cluster.api)
    if ref.name:
        return [(ref, objects.read(ref))]
    if function.change.verb == Verb.CREATES:
        raise FaultNotInjected("the object to be created has no `metadata.name`, so its undo cannot be recorded")
    found = objects.listed(ref, str(arguments.get("label_selector") or ""))
    return [(ref._replace(name=name_of(one)), one) for one in found]


def _nodes(here: ChaosSession, arguments: Mapping[str, Any], *, deletes: bool) -> list[Object]:
    """The nodes that a function selects; where it picks some of them by chance, all of them."""
    nodes = here.cluster.nodes(str(arguments.get("label_selector") or ""))
    if name := arguments.get("name"):
        nodes = [node for node in nodes if name_of(node) == name]
    label, namespace = arguments.get("pod_label_selector"), arguments.get("pod_namespace")
    if label and namespace:
        names = {pod["spec"].get("nodeName") for pod in here.cluster.pods(str(namespace), str(label))}
        nodes = [node for node in nodes if name_of(node) in names]
    by_chance = any(arguments.get(key) for key in ("all", "rand", "count"))
    return nodes[:1] if deletes and not by_chance else nodes


def _selected(here: ChaosSession, arguments: Mapping[str, Any]) -> tuple[list[Object], int]:
    """The pods that a function may select, those that it takes first, and how many it takes.

    Pods that have ended or terminate are left out: a function that takes one of them has hit fewer pods than it says.
    """
    namespace, label = str(arguments["ns"]), str(arguments.get("label_selector") or "")
    pattern = re.compile(str(arguments.get("name_pattern") or arguments.get("name") or ""))
    pods = [pod for pod in here.cluster.pods(namespace, label, over=True) if pattern.search(name_of(pod))]
    if arguments.get("order") == "oldest":
        pods = sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")))
    number = int(arguments.get("qty", 1))
    if arguments.get("mode") == "percentage":
        number = math.ceil(number * len(pods) / 100)
    alive = [pod for pod in pods if not (is_over(pod) or is_terminating(pod))]
    expected = len(pods) if arguments.get("all") else number
    if expected > len(pods):
        raise FaultNotInjected(f"{len(pods)} pods match in {namespace}, expected at least {expected}")
    return alive, expected


def _of_workloads(here: ChaosSession, found: Found, arguments: Mapping[str, Any]) -> list[Object]:
    """The pods that end with workloads that are deleted or scaled down; empty where it is not known which of them end."""
    replicas, pods = arguments.get("replicas"), list[Object]()
    for ref, workload in found:
        if workload is None:
            continue
        own = [pod for pod in here.cluster.pods(ref.namespace) if _is_of(workload, pod) and not is_terminating(pod)]
        if replicas is None or int(replicas) == 0:
            pods += own
        elif ref.plural == "statefulsets":
            begin = int((workload["spec"].get("ordinals") or {}).get("start", 0))
            numbered = [(pod, name_of(pod).rpartition("-")[2]) for pod in own]
            pods += [pod for pod, number in numbered if number.isdecimal() and int(number) >= begin + int(replicas)]
        elif replicas_of(workload) <= int(replicas):
            continue
    return pods


def _is_of(workload: Object, pod: Object) -> bool:
    """Whether a pod belongs to a workload: by its controller, if the workload is it, and by its labels."""
    owner = controller_reference(pod)
    if workload.get("kind") == "ReplicaSet":
        return owner is not None and owner.get("uid") == workload["metadata"]["uid"]
    return selects(workload, pod)


def _of_policy(here: ChaosSession, arguments: Mapping[str, Any]) -> list[Object]:
    """The pods that a network policy selects; an empty selector selects all."""
    labels = arguments.get("label_selectors")
    body = described(arguments, "spec", "spec_path")
    selector = {"matchLabels": labels} if labels else (body.get("spec") or {}).get("podSelector") or {}
    policy: Object = {"spec": {"selector": selector}}
    pods = here.cluster.pods(str(arguments["ns"]))
    return [pod for pod in pods if not any(selector.values()) or selects(policy, pod)]


def _intend(here: ChaosSession, call: StockCall, ref: Ref, before: Object | None, what: str) -> None:
    """Write to the undo log how one object is put back, unless an earlier entry of this experiment says it."""
    change = call.function.change
    if change is None or not change.lasting or (before is None) != (change.verb == Verb.CREATES):
        return
    entries = [one.undo for one in _pending(here, change_object) if ref_of(one.undo) == ref]
    fields = list(change.fields)
    if any(one["before"] is None or list(one.get("fields") or ()) == fields for one in entries):
        return
    kept = parts_of(before, fields) if change.verb == Verb.CHANGES else manifest_of(before) if before else None
    here.intend(
        change_object, what, **{key: value for key, value in ref._asdict().items() if value}, before=kept, fields=fields
    )


def _intend_leader(here: ChaosSession, what: str) -> None:
    """Write to the undo log that the primary region leads again, to be undone last: it needs nodes that are schedulable."""
    earlier = _pending(here, change_object)
    here.intend(take_leader, what, region=here.target.primary_region)
    for intent in reversed(earlier):
        here.intend(change_object, intent.action, **{key: intent.undo[key] for key in intent.undo if key != "do"})
        strike_intent(intent)


def _changed(objects: Objects, call: StockCall, ref: Ref, before: Object | None) -> bool:
    """Whether an action has changed an object; the undo log gets what it left."""
    found = objects.read(ref)
    now = None if found is None or is_terminating(found) else found
    change = call.function.change
    if change is None or now is None or before is None:
        return (now is None) != (before is None)
    if now["metadata"]["uid"] != before["metadata"]["uid"]:  # its owner has created it again already
        return True
    fields, here = list(change.fields), session()
    left = parts_of(now, fields)
    if change.verb != Verb.CHANGES or left == parts_of(before, fields):
        return False
    for intent in _pending(here, change_object):
        if ref_of(intent.undo) == ref and list(intent.undo.get("fields") or ()) == fields:
            amend_intent(intent, left=left)
    return True


def _hits(here: ChaosSession, call: StockCall, changed: Sequence[Ref], output: Any) -> list[Hit]:
    """The objects that an action has hit."""
    match call.function.pods:
        case PodHits.SELECTED | PodHits.OF_NODE:
            left = {node["metadata"]["uid"] for node in here.cluster.nodes()}
            nodes = [node for node in call.nodes if node["metadata"]["uid"] not in left]
            gone, alive = {name_of(node) for node in nodes}, _alive(here, call.pods)
            ended = [
                pod for pod in call.pods if pod["spec"].get("nodeName") in gone or pod["metadata"]["uid"] not in alive
            ]
            return [*map(node_hit, nodes), *pod_hits(here, ended)]
        case PodHits.OF_WORKLOAD | PodHits.OF_POLICY:
            return pod_hits(here, list(call.pods)) if changed else []
        case PodHits.ENTERED:
            names = {str(one.get("pod_name")) for one in output or () if isinstance(one, Mapping)}
            entered = [pod for pod in call.pods if name_of(pod) in names]
            here.restarts |= {str(pod["metadata"]["uid"]): restarts_of(pod) for pod in entered}
            return pod_hits(here, entered)
    return []


def _alive(here: ChaosSession, pods: Sequence[Object]) -> set[str]:
    """The uids of the pods of the same namespaces that have neither ended nor terminate."""
    places = {str(pod["metadata"]["namespace"]) for pod in pods}
    there = [pod for namespace in places for pod in here.cluster.pods(namespace)]
    return {str(pod["metadata"]["uid"]) for pod in there if not is_terminating(pod)}
