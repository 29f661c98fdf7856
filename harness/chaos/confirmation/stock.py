"""Records what actions of chaostoolkit-kubernetes hit and how they are undone, since these actions record nothing.

Before an action: the objects that it changes are in the undo log, and the target's guard has allowed its hits. After
it: the hits, read from the cluster. Once an object is as before, its entry is deleted; `put_back` undoes the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from harness.chaos.confirmation.hits import database_leader, name_of, pod_hits
from harness.chaos.confirmation.stock_calls import (
    NothingSelected,
    StockCall,
    by_chance,
    is_own,
    pending,
    predicted,
    read_call,
    stay,
)
from harness.chaos.database import take_leader
from harness.chaos.session import ChaosSession, node_hit, session
from harness.errors import FaultNotInjected
from harness.model import Hit
from harness.targets.cluster.chaosk8s import PodHits, Verb, function_of
from harness.targets.cluster.objects import Objects, Ref
from harness.targets.cluster.put_back import change_object, is_put_back, manifest_of, parts_of, ref_of
from harness.targets.cluster.workloads import restarts_of
from harness.targets.kubernetes import Object, is_terminating
from harness.targets.safety.intents import amend_intent, strike_intent

Activity = Mapping[str, Any]

_OWED: Final = (change_object, take_leader)
"""The undos that are left to the harness: a file's rollbacks may do them, and need not."""
_WITH_OTHERS: Final = frozenset({"namespaces", "customresourcedefinitions"})
"""Collections whose objects contain others, which are deleted with them and which nothing keeps."""


def about_to(
    activity: Activity,
    configuration: Activity,
    secrets: Activity,
    *,
    breaks: bool,
    rolls_back: bool = False,
    harmless: bool = False,
    if_there: bool = False,
) -> StockCall | None:
    """Record how an action is undone; None for an action that is not a known function of the package.

    Args:
        activity: action that is about to start.
        configuration: resolved configuration of the experiment.
        secrets: resolved secrets of the experiment.
        breaks: whether the action is a part of the fault. If not, it is a part of the undo: what it creates stays, and
            only the pods that it ends must be allowed.
        rolls_back: whether it is one of the file's rollbacks, which are not held against any limit.
        harmless: whether the experiment has no fault, so that nothing may be hit.
        if_there: whether the action may select nothing.

    Raises:
        HarnessError: the hits are not allowed, the arguments or the cluster cannot be read, or the undo log cannot be
            written.
    """
    function = function_of(activity.get("provider") or {})
    if function is None or not function.is_recorded:
        return None
    here, what = session(), str(activity["provider"]["func"])
    limited = not rolls_back and (breaks or not stay(function))
    try:
        call = read_call(here, function, activity["provider"], configuration, secrets, hits=limited)
    except NothingSelected:
        if not if_there:
            raise
        call = StockCall(function=function, arguments={}, expected=0)
    if limited:
        _allow(here, call, harmless=harmless)
        ending = [] if stay(function) else call.pods if by_chance(call) else predicted(call)
        if ending and database_leader(here) in {name_of(pod) for pod in ending}:
            _intend_leader(here, f"{what}: the database leader")
    for ref, before in call.found:
        if breaks or function.change is None or function.change.verb != Verb.CREATES:
            _intend(here, call, ref, before, f"{what}: {ref}")
    return replace(call, breaks=breaks or (limited and bool(call.pods or call.nodes)))


def _allow(here: ChaosSession, call: StockCall, *, harmless: bool) -> None:
    """Refuse a call whose hits are not allowed, or that deletes what cannot be made again.

    Raises:
        Refused: the target or the file does not allow the hits.
        FaultNotInjected: the file has no fault, or what would be deleted contains other objects.
    """
    change = call.function.change
    if change is not None and change.verb == Verb.DELETES:
        for ref, before in call.found:
            if ref.plural in _WITH_OTHERS and before is not None and not is_own(here, ref):
                raise FaultNotInjected(
                    f"{ref} contains other objects, which are not kept, so its deletion cannot be undone",
                    hint="delete an object in it by its name, or create what is deleted in the same experiment",
                )
    hits = [*map(node_hit, call.nodes), *pod_hits(here, predicted(call))]
    if harmless and hits:
        what = f"it would hit {', '.join(hit.name for hit in hits)}, and the file says `domain: none`"
        raise FaultNotInjected(what, hint="write the domain of the fault")
    here.destructive(hits)
    if by_chance(call):
        for hit in pod_hits(here, list(call.pods)):
            here.destructive([hit])


def done(call: StockCall, output: Any) -> str:
    """Record the hits of an action that has ended; returns why it hit nothing or less than it says, else an empty text.

    Raises:
        HarnessError: the cluster cannot be read.
    """
    here = session()
    objects = Objects(here.cluster.api)
    changed = [ref for ref, before in call.found if _changed(objects, call, ref, before)]
    if not call.breaks:
        return ""
    hits = _hits(here, call, changed, output)
    here.hit(hits, stays=stay(call.function))
    if call.expected is not None and len(hits) != call.expected:
        return f"{len(hits)} of {call.expected} pods were hit"
    change = call.function.change
    lasting = change is not None and change.verb in {Verb.CREATES, Verb.DELETES}
    return "the action changed no object" if lasting and not changed else ""


def owed() -> list[str]:
    """Descriptions of the changes that the file itself has not undone; the entries of objects that are as before are deleted.

    It is called at the end, and not after each action: one in the background may not have changed its object yet.

    Raises:
        HarnessError: the cluster cannot be read.
    """
    here = session()
    for intent in pending(here, change_object):
        if is_put_back(Objects(here.cluster.api), intent.undo):
            strike_intent(intent)
    return [intent.action for intent in pending(here, *_OWED)]


def put_back() -> None:
    """Undo the changes that the file itself has not undone.

    Raises:
        HarnessError: an undo failed; its entry stays in the undo log.
    """
    for action in _OWED:
        session().undo(action)


def _intend(here: ChaosSession, call: StockCall, ref: Ref, before: Object | None, what: str) -> None:
    """Write to the undo log how one object is put back, unless an earlier entry of this experiment says it."""
    change = call.function.change
    if change is None or not change.lasting or (before is None) != (change.verb == Verb.CREATES):
        return
    if change.verb == Verb.DELETES and ref.plural in _WITH_OTHERS:
        return
    entries = [one.undo for one in pending(here, change_object) if ref_of(one.undo) == ref]
    fields = list(change.fields)
    if any(one["before"] is None or list(one.get("fields") or ()) == fields for one in entries):
        return
    kept = parts_of(before, fields) if change.verb == Verb.CHANGES else manifest_of(before) if before else None
    here.intend(
        change_object, what, **{key: value for key, value in ref._asdict().items() if value}, before=kept, fields=fields
    )


def _intend_leader(here: ChaosSession, what: str) -> None:
    """Write to the undo log that the primary region leads again, to be undone last: it needs nodes that are schedulable."""
    earlier = pending(here, change_object)
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
    for intent in pending(here, change_object):
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
                pod
                for pod in _named(call, output)
                if pod["spec"].get("nodeName") in gone or pod["metadata"]["uid"] not in alive
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


def _named(call: StockCall, output: Any) -> list[Object]:
    """The pods that a function says it took, by their names or those of their nodes; all of them where it says nothing."""
    if not isinstance(output, list):
        return list(call.pods)
    of_node = call.function.pods == PodHits.OF_NODE
    return [pod for pod in call.pods if (pod["spec"].get("nodeName") if of_node else name_of(pod)) in output]


def _alive(here: ChaosSession, pods: Sequence[Object]) -> set[str]:
    """The uids of the pods of the same namespaces that have neither ended nor terminate."""
    places = {str(pod["metadata"]["namespace"]) for pod in pods}
    there = [pod for namespace in places for pod in here.cluster.pods(namespace)]
    return {str(pod["metadata"]["uid"]) for pod in there if not is_terminating(pod)}
