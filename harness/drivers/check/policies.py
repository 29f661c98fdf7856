"""`network-policy`: checks that backends accept their declared callers on a port, and refuse others.

Two pods are created in each region's namespace, with the labels under `callers` in the target file: a declared caller that the
backends must accept, and a stranger that they must refuse. Each calls every backend by its Service repeatedly and writes the
results to its log. A backend is a Service that has a selector and the port. The refusal of the stranger counts only if the
declared caller is accepted.
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
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import API, DECLARED_CALLERS
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.access import accesses
from harness.targets.places import Clusters, caller_name, callers_of, namespaces
from harness.targets.probe_pods import CALLERS, LIFE_S, place_pod, probe_pod
from harness.targets.undo import PendingUndos

_ENOUGH: Final = 10
"""Maximum number of rounds to wait until every backend accepts the declared caller; its pod's network is ready by then."""
_SHOWN: Final = 3
"""Rounds of the stranger after the declared caller was accepted; as many refusals in a row are not due to a pod network that is not ready."""
_WORST: Final = (NO_ANSWER, "no address", "no network", CLOSED, REFUSED)
_CONNECTED: Final = (ACCEPTED, CLOSED, NO_ANSWER)


class Backend(NamedTuple):
    """A service and its port, as a pod calls them."""

    service: str
    port: int

    def __str__(self) -> str:
        return f"{self.service}:{self.port}"


class CallsSeen(NamedTuple):
    """The results of the declared caller's and the stranger's calls to one backend."""

    backend: Backend
    declared: str
    stranger: str


@dataclass(kw_only=True, slots=True)
class CallerPair:
    """The two pods of one namespace.

    Attributes:
        region: region of the pods.
        backends: backends that they call.
        declared, stranger: the two pods.
        labels: their labels as texts.
        read: number of the declared caller's rounds that were read.
    """

    region: str
    backends: Sequence[Backend]
    declared: CallerPod
    stranger: CallerPod
    labels: tuple[str, str]
    read: int = field(default=0)

    def calls(self) -> list[CallsSeen]:
        """The results of the next rounds: first the declared caller's, then the stranger's later ones."""
        declared, stranger = self._declared(), self._strangers()
        return [CallsSeen(one, declared[str(one)], stranger[str(one)]) for one in self.backends]

    def _declared(self) -> Round:
        """The next round in which all backends accept; the last round if there is none within `_ENOUGH` rounds."""

        def accepted(rounds: Sequence[Round]) -> list[Round]:
            return [one for one in rounds[self.read :] if all(came == ACCEPTED for came in one.values())]

        enough = 1 if self.read else _ENOUGH  # the network of the pod is there by the second time
        rounds = self.declared.awaited(lambda rounds: bool(accepted(rounds)) or len(rounds) - self.read >= enough)
        found = (accepted(rounds) or rounds)[-1]
        self.read = len(rounds)
        return found

    def _strangers(self) -> Round:
        """The result for each backend over the rounds that begin now: `accepted` if it accepted once, else the worst result."""
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
    """Create both pods in each namespace that has a backend, and always remove them at the end.

    Args:
        target: target whose declared callers are used.
        clusters: clusters of the target.
        backends: backends by region and namespace.
        by: name of the check in the undo log.
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


PORT: Final = SentenceForm(
    "port-of-the-backend",
    "TCP <port> of the backend <accepts:noun>",
    "Probe pods connect to the backend of each region.",
)


@claim(
    PORT,
    "accepts its declared callers and refuses every other workload",
    example="TCP 8080 of the backend accepts its declared callers and refuses every other workload",
    needs=(API, DECLARED_CALLERS),
    touches=("workloads",),
)
@accesses(*CALLERS)
@contextmanager
def network_policy(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """Two probe pods, one labelled as a declared caller and one not, connect to each backend.

    Each region is read; the pods are always removed.
    """
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
    """The unknown fact of a region that has no service on the port."""
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
    """The fact whether a backend refuses the stranger; unknown if it refuses the declared caller too."""
    ok: bool | None
    observed, ok = seen.stranger, None
    if seen.stranger == ACCEPTED:
        ok = False
    elif seen.stranger == REFUSED and seen.declared in _CONNECTED:
        ok = True
    elif seen.stranger == CLOSED and seen.declared == ACCEPTED:
        observed, ok = REFUSED, True
    elif seen.declared != ACCEPTED:
        observed += f", which proves nothing: the result of the declared caller is `{seen.declared}`; hint: name a caller that the backend accepts"
    return FactReading(subject=subject, expected=REFUSED, observed=observed, ok=ok, sure=ok is False)
