"""Reads what a call of chaostoolkit-kubernetes addresses and may hit, before it is made."""

from __future__ import annotations

import inspect
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import yaml
from chaoslib import substitute

from harness.chaos.confirmation.hits import name_of
from harness.chaos.power import is_drained_with
from harness.chaos.session import ChaosSession
from harness.errors import FaultNotInjected
from harness.model import Intent
from harness.targets.cluster.chaosk8s import Function, PodHits, Verb, described
from harness.targets.cluster.objects import Objects, Ref
from harness.targets.cluster.put_back import change_object, ref_of
from harness.targets.cluster.selectors import selects
from harness.targets.cluster.workloads import controller_reference, replicas_of
from harness.targets.kubernetes import Object, is_over, is_terminating
from harness.targets.safety.intents import pending_intents
from harness.targets.undo import Undoable

Activity = Mapping[str, Any]
Found = Sequence[tuple[Ref, Object | None]]
"""Objects that an action addresses, each as it is before the action; None: it does not exist."""

_UNREADABLE: Final = (AttributeError, LookupError, OSError, TypeError, ValueError, re.error, yaml.YAMLError)
"""Errors of arguments that the function cannot use either; Chaos Toolkit would ignore them in a control, and call the function."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StockCall:
    """A call of a function of the package, before it is made.

    Attributes:
        function: what is known of the function.
        arguments: its arguments, with defaults.
        found: the objects that it addresses.
        pods: the pods that it may hit.
        chosen: number of pods of each workload that its controller will choose and end, with the pods that it has.
        nodes: the nodes that it may hit.
        expected: number of pods that it must hit; None: not known.
        breaks: whether its hits are recorded: it is a part of the fault, or ends pods after it.
    """

    function: Function
    arguments: Mapping[str, Any]
    found: Found = ()
    pods: Sequence[Object] = ()
    chosen: Sequence[tuple[int, Sequence[Object]]] = ()
    nodes: Sequence[Object] = ()
    expected: int | None = None
    breaks: bool = True


class NothingSelected(FaultNotInjected):
    """No pod matches what an action selects."""


def read_call(
    here: ChaosSession,
    function: Function,
    provider: Activity,
    configuration: Activity,
    secrets: Activity,
    *,
    hits: bool,
) -> StockCall:
    """Read what a call addresses, and what it may hit if that is asked for.

    Raises:
        HarnessError: the arguments do not say what is changed, they select fewer pods than asked for, or the cluster
            cannot be read.
    """
    try:
        return _read(here, function, _bound(provider, configuration, secrets), hits=hits)
    except _UNREADABLE as error:
        what = f"its arguments do not say what it changes: {type(error).__name__}: {error}"
        raise FaultNotInjected(what, hint="correct `arguments`; `chaos discover` of the package lists them") from error


def _read(here: ChaosSession, function: Function, arguments: Mapping[str, Any], *, hits: bool) -> StockCall:
    change = function.change
    of_nodes = change is not None and change.plural == "nodes" and change.verb != Verb.CREATES
    deletes = of_nodes and change is not None and change.verb == Verb.DELETES
    nodes = _nodes(here, arguments, deletes=deletes) if of_nodes else []
    if of_nodes:
        found: Found = [(Ref("v1", "nodes", name_of(node)), node) for node in nodes]
    else:
        found = _addressed(here, function, arguments)
    if not hits:
        return StockCall(function=function, arguments=arguments, found=found)
    pods, expected, chosen = list[Object](), None, list[tuple[int, Sequence[Object]]]()
    match function.pods:
        case PodHits.SELECTED | PodHits.ENTERED:
            pods, expected = _selected(here, arguments)
        case PodHits.OF_WORKLOAD:
            pods, chosen = _of_workloads(here, function, found, arguments)
        case PodHits.OF_NODE:
            names = {name_of(node) for node in nodes}
            on_them = [pod for pod in here.cluster.pods() if pod["spec"].get("nodeName") in names]
            pods = on_them if deletes else list(filter(is_drained_with, on_them))
        case PodHits.OF_POLICY:
            pods = _of_policy(here, arguments)
    deleted = nodes if deletes else []
    return StockCall(
        function=function, arguments=arguments, found=found, pods=pods, chosen=chosen, nodes=deleted, expected=expected
    )


def predicted(call: StockCall) -> list[Object]:
    """As many pods as an action will hit; where it picks nodes by chance, the pods of those with the most."""
    if call.chosen:
        return [*call.pods, *(pod for number, pods in call.chosen for pod in pods[:number])]
    if call.expected is not None:
        return list(call.pods[: call.expected])
    number = 1 if call.arguments.get("rand") else call.arguments.get("count")
    if call.function.pods != PodHits.OF_NODE or not number:
        return list(call.pods)
    of_node = Counter(pod["spec"].get("nodeName") for pod in call.pods)
    busiest = {name for name, _ in of_node.most_common(int(number))}
    return [pod for pod in call.pods if pod["spec"].get("nodeName") in busiest]


def by_chance(call: StockCall) -> bool:
    """Whether a function picks by chance, so that each of the pods may be hit."""
    return bool(call.arguments.get("rand") or call.arguments.get("count"))


def stay(function: Function) -> bool:
    """Whether the pods that a function hits stay in place."""
    return function.pods in {PodHits.ENTERED, PodHits.OF_POLICY}


def _bound(provider: Activity, configuration: Activity, secrets: Activity) -> dict[str, Any]:
    """The arguments that Chaos Toolkit passes, with the function's defaults."""
    given = substitute(dict(provider.get("arguments") or {}), dict(configuration), dict(secrets))
    function = getattr(import_module(str(provider["module"])), str(provider["func"]))
    bound = inspect.signature(function).bind_partial(**given)
    bound.apply_defaults()
    return dict(bound.arguments)


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
        what = f"{len(pods)} pods match in {namespace}, expected at least {expected}"
        raise FaultNotInjected(what) if pods else NothingSelected(what)
    return alive, expected


def _of_workloads(
    here: ChaosSession, function: Function, found: Found, arguments: Mapping[str, Any]
) -> tuple[list[Object], list[tuple[int, Sequence[Object]]]]:
    """The pods that end with workloads that are deleted or scaled down; where the controller chooses, how many of which pods.

    Objects that this experiment has created are left out, and those that get back the replicas that they had.
    """
    replicas, pods, chosen = arguments.get("replicas"), list[Object](), list[tuple[int, Sequence[Object]]]()
    restarts = function.change is not None and not function.change.lasting
    for ref, workload in found:
        if workload is None or is_own(here, ref) or {"spec": {"replicas": replicas}} in _kept(here, ref):
            continue
        own = [
            pod for pod in here.cluster.pods(ref.namespace) if _is_of(ref, workload, pod) and not is_terminating(pod)
        ]
        fewer = len(own) if restarts else replicas_of(workload) - int(replicas or 0)
        if not restarts and not int(replicas or 0):
            pods += own
        elif ref.plural == "statefulsets":
            begin = int((workload["spec"].get("ordinals") or {}).get("start", 0))
            numbered = [(pod, name_of(pod).rpartition("-")[2]) for pod in own]
            pods += [
                pod for pod, number in numbered if number.isdecimal() and int(number) >= begin + int(replicas or 0)
            ]
        elif fewer > 0:
            chosen.append((fewer, own))
    return pods, chosen


def _is_of(ref: Ref, workload: Object, pod: Object) -> bool:
    """Whether a pod belongs to a workload: by its controller, if the workload is it, and by its labels."""
    owner = controller_reference(pod)
    if ref.plural == "replicasets":
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


def is_own(here: ChaosSession, ref: Ref) -> bool:
    """Whether this experiment has created an object."""
    return None in _kept(here, ref)


def _kept(here: ChaosSession, ref: Ref) -> list[Any]:
    """What the undo log has of an object, as it was before each change by this experiment."""
    return [one.undo["before"] for one in pending(here, change_object) if ref_of(one.undo) == ref]


def pending(here: ChaosSession, *actions: Undoable[...]) -> list[Intent]:
    """The entries of this experiment for some actions."""
    names = {action.name for action in actions}
    pending = pending_intents(here.platform)
    return [one for one in pending if one.experiment == here.experiment and one.undo.get("do") in names]
