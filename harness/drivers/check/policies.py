"""`network-policy`: do the backends accept their declared callers on a port, and no others?

Two pods are made in each region's namespace, with the labels that the target file gives under `callers`: those of a caller
that the backends must accept, and those of one that they must refuse. Each calls every backend by its Service, again and
again, and writes what came of it to its log. A backend is a Service with a selector that has the port. A stranger that is refused shows
something only where the declared caller is accepted.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from harness.drivers.check.calling import (
    ACCEPTED,
    CALLER,
    CLOSED,
    NO_ANSWER,
    REFUSED,
    CallerPod,
    Round,
    place_name,
    tcp_ports,
)
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.access import accesses
from harness.targets.places import Clusters, caller_name, callers_of, namespaces
from harness.targets.probe_pods import CALLERS, LIFE_S, place_pod, probe_pod
from harness.targets.undo import PendingUndos

_ENOUGH: Final = 10
"""Rounds without one in which every backend accepts the declared caller: the network of its pod is there by then."""
_SHOWN: Final = 3
"""Rounds of a stranger after the declared caller was accepted: so many refusals in a row are none of a network that is not there yet."""
_WORST: Final = (NO_ANSWER, "no address", "no network", CLOSED, REFUSED)
_CONNECTED: Final = (ACCEPTED, CLOSED, NO_ANSWER)


class Backend(NamedTuple):
    """A service and its port, as a pod calls them."""

    service: str
    port: int

    def __str__(self) -> str:
        return f"{self.service}:{self.port}"


class CallsSeen(NamedTuple):
    """What came of the calls of one backend: those of the declared caller, and the stranger's."""

    backend: Backend
    declared: str
    stranger: str


@dataclass(kw_only=True, slots=True)
class CallerPair:
    """The two pods of one namespace.

    Attributes:
        region: where they are.
        backends: that they call.
        declared, stranger: the pods.
        labels: of both, for people.
        read: how many rounds of the declared caller were read.
    """

    region: str
    backends: Sequence[Backend]
    declared: CallerPod
    stranger: CallerPod
    labels: tuple[str, str]
    read: int = field(default=0)

    def calls(self) -> list[CallsSeen]:
        """What came of the next rounds: first the declared caller's, then those that the stranger makes after them."""
        declared, stranger = self._declared(), self._strangers()
        return [CallsSeen(one, declared[str(one)], stranger[str(one)]) for one in self.backends]

    def _declared(self) -> Round:
        """The next round in which all accept; after `_ENOUGH` without, or where there is no next one, the last."""

        def accepted(rounds: Sequence[Round]) -> list[Round]:
            return [one for one in rounds[self.read :] if all(came == ACCEPTED for came in one.values())]

        enough = 1 if self.read else _ENOUGH  # the network of the pod is there by the second time
        rounds = self.declared.awaited(lambda rounds: bool(accepted(rounds)) or len(rounds) - self.read >= enough)
        found = (accepted(rounds) or rounds)[-1]
        self.read = len(rounds)
        return found

    def _strangers(self) -> Round:
        """Of each backend `accepted` if it ever was, else the worst of the rounds that begin now."""
        before = len(self.stranger.rounds())
        rounds = self.stranger.awaited(lambda rounds: len(rounds) - before >= _SHOWN)
        later = rounds[before:] or rounds[-_SHOWN:]
        return {
            str(one): ACCEPTED
            if any(came[str(one)] == ACCEPTED for came in rounds)
            else min((came[str(one)] for came in later), key=_WORST.index)
            for one in self.backends
        }


@contextmanager
def callers_in_place(
    target: Target, clusters: Clusters, backends: Mapping[tuple[str, str], Sequence[Backend]], by: str
) -> Iterator[list[CallerPair]]:
    """Put both pods in place, in each namespace that has a backend, and remove them however it ends.

    Args:
        target: whose declared callers they are.
        clusters: of it.
        backends: by region and namespace.
        by: the check, as the undo log names it.
    """
    declared = callers_of(target)
    both = {"accepted": declared.accepted, "refused": declared.refused}
    said = [caller_name(own) for own in both.values()]
    with PendingUndos(target, by) as undos:
        pairs: list[CallerPair] = []
        for (region, namespace), own in backends.items():
            if not own:
                continue
            cluster, pods = clusters.of(region), []
            for kind, labels in both.items():
                name = f"readiness-{kind}-{uuid.uuid4().hex[:6]}"
                program = ["python", "-c", CALLER, str(LIFE_S), target.probes.health, *map(str, own)]
                body = probe_pod(name, namespace, labels, declared.image, program)
                place_pod(undos, cluster, body)
                pods.append(CallerPod(cluster=cluster, namespace=namespace, name=name))
            pairs.append(
                CallerPair(region=region, backends=own, declared=pods[0], stranger=pods[1], labels=(said[0], said[1]))
            )
        yield pairs


@accesses(*CALLERS)
@contextmanager
def network_policy(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """Puts the probe pods in place, reads each (caller, backend) of each region, and removes them however it ends."""
    port, clusters, places = int(params["port"]), Clusters(target), namespaces(target)
    backends = {
        (region, namespace): [
            Backend(service["metadata"]["name"], port)
            for service in clusters.of(region).services(namespace)
            if service["spec"].get("selector") and port in tcp_ports(service)
        ]
        for region, namespace in places.items()
    }
    without = [no_service(place_name(places, region), port) for (region, _), own in backends.items() if not own]
    with callers_in_place(target, clusters, backends, "check network-policy") as pairs:
        yield lambda: [*without, *(one for pair in pairs for one in _readings(pair, place_name(places, pair.region)))]


def no_service(place: str, port: int) -> FactReading:
    """That a region has no service on a port: whom its backends accept is not known."""
    return FactReading(subject=f"{place}: TCP {port}", expected="a service on that port", observed="none", ok=None)


def _readings(pair: CallerPair, place: str) -> Iterator[FactReading]:
    declared, stranger = pair.labels
    calls = pair.calls()
    for seen in calls:
        yield FactReading(
            subject=f"{place}: {declared} to {seen.backend.service}",
            expected=ACCEPTED,
            observed=seen.declared,
            ok=seen.declared == ACCEPTED,
        )
    for seen in calls:
        yield refusal(f"{place}: {stranger} to {seen.backend.service}", seen)


def refusal(subject: str, seen: CallsSeen) -> FactReading:
    """Whether a backend refuses the stranger: known only where it does not refuse the declared caller alike."""
    ok: bool | None
    observed, ok = seen.stranger, None
    if seen.stranger == ACCEPTED:
        ok = False
    elif seen.stranger == REFUSED and seen.declared in _CONNECTED:
        ok = True
    elif seen.stranger == CLOSED and seen.declared == ACCEPTED:
        observed, ok = REFUSED, True
    elif seen.declared != ACCEPTED:
        observed += (
            f", which shows nothing: {seen.declared} for the declared caller; hint: name a caller that it accepts"
        )
    return FactReading(subject=subject, expected=REFUSED, observed=observed, ok=ok, sure=ok is False)
