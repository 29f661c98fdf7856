"""The listeners of a target: those that its file declares, its entries, and undeclared ones that the Kubernetes API shows."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from harness.drivers.check.calling import tcp_ports
from harness.drivers.check.needs import ENTRY
from harness.drivers.check.transport.wire import NoConnection, connected
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.access import access
from harness.targets.files.listeners import TlsListener, place_of
from harness.targets.kubernetes import Object
from harness.targets.places import Clusters, every_place

LISTENERS: Final = SentenceForm(
    "listeners",
    "every <listeners:name> listener <does:noun>",
    "Listeners are those of `tls.listeners`, the entry and the entries of the regions; a Service that is open to the outside and not "
    "among them makes `every public` INCONCLUSIVE.",
)
"""`<listeners>` is `public`, `mutual` or the name of one listener."""
NEEDS: Final = (ENTRY,)
READS: Final = access("list services")
PUBLIC: Final = "public"
MUTUAL: Final = "mutual"
BALANCED: Final = "LoadBalancer"
_AT_ONCE: Final = 8
_INTERNAL: Final = {
    "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
    "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
    "service.beta.kubernetes.io/azure-load-balancer-internal": "true",
    "networking.gke.io/load-balancer-type": "internal",
    "cloud.google.com/load-balancer-type": "internal",
}
"""Annotations of a Service by which AWS, Azure and Google Cloud make an internal load balancer; see their pages on Services."""


class NamedListener(NamedTuple):
    """A listener with the name by which facts call it."""

    name: str
    at: TlsListener

    def __str__(self) -> str:
        return f"{self.name} ({self.at.address})"


def listeners_of(target: Target) -> dict[str, TlsListener]:
    """Every listener of a target by its name: `entry`, the regions with an entry, and those of `tls.listeners`, which come first.

    The entry that a declared listener has the address of is that listener, and public, as is one called `entry` that has its name.
    """
    found = dict(target.tls.listeners)
    for name, url in {"entry": target.entry, **target.doors}.items():
        entry = _of_url(url) if url else None
        if entry is None:
            continue
        same = next((known for known, one in found.items() if one.address == entry.address), "")
        declared = found.get(same or name)
        if declared is None:
            found[name] = entry
        elif same or (name == "entry" and declared.called == entry.called):
            found[same or name] = declared.model_copy(update={"public": True})
        else:
            found[f"{name} (entry)"] = entry
    return found


def _of_url(url: str) -> TlsListener:
    parts = urlsplit(url)
    return TlsListener(address=f"{parts.scheme}://{parts.netloc}", public=True)


def chosen(target: Target, which: str) -> list[NamedListener]:
    """The listeners that a sentence is about.

    Args:
        target: whose listeners.
        which: `public`, `mutual`, or a listener's name.

    Raises:
        ConfigurationError: there is none.
    """
    every = listeners_of(target)
    if which == PUBLIC:
        names = [name for name, one in every.items() if one.public]
    elif which == MUTUAL:
        names = [name for name, one in every.items() if one.mutual]
    else:
        names = [which] if which in every else []
    if not names:
        raise ConfigurationError(
            f"names no {which} listener",
            where=f"{target.file}: tls.listeners",
            hint=f"write `listeners: {{NAME: {{address: HOST:PORT, {which if which == MUTUAL else PUBLIC}: true}}}}`; known are {', '.join(every)}",
        )
    return [NamedListener(name, every[name]) for name in names]


def read_each(
    listeners: Sequence[NamedListener], read: Callable[[NamedListener], Iterable[FactReading]]
) -> list[FactReading]:
    """The facts of every listener at each of its addresses, several at a time, in their order."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        each = [one for found in pool.map(_at_each_address, listeners) for one in found]
        return [fact for facts in pool.map(lambda one: list(read(one)), each) for fact in facts]


def _at_each_address(listener: NamedListener) -> list[NamedListener]:
    """A listener at every address of its name that takes connections, as behind each of them is another server; itself, if there are no two."""
    at = listener.at
    try:
        found = {str(one[4][0]) for one in socket.getaddrinfo(at.host, at.port, type=socket.SOCK_STREAM)}
    except OSError:
        return [listener]
    places = [place_of(one, at.port) for one in sorted(found) if "%" not in one]
    each = [NamedListener(listener.name, at.model_copy(update={"address": one, "name": at.called})) for one in places]
    there = [one for one in each if _is_there(one.at)] if len(each) > 1 else []
    return there if len(there) > 1 else [listener]


def _is_there(listener: TlsListener) -> bool:
    try:
        with connected(listener):
            return True
    except NoConnection:
        return False


def remembered(probe: FactProbe) -> FactProbe:
    """A probe whose proven failures stay: behind one address are several servers, and a later reading may be of a better one."""
    proven: dict[str, FactReading] = {}

    def again() -> Sequence[FactReading]:
        seen = probe()
        proven.update({one.subject: one for one in seen if one.ok is False and one.sure})
        return [proven.get(one.subject, one) for one in seen]

    return again


def undeclared(target: Target, which: str) -> list[FactReading]:
    """A fact of unknown outcome for each port that the Kubernetes API shows as open to the outside and that no public or mutual listener has.

    That of an internal load balancer may be declared as any listener: then two say that users do not reach it.
    """
    if which != PUBLIC or target.kubernetes is None:
        return []
    every = listeners_of(target).values()
    inside = {place for one in every for place in _places(one)}
    known = {place for one in every if one.public or one.mutual for place in _places(one)}
    clusters = Clusters(target)
    return [
        FactReading(
            subject=f"Service {namespace}/{service['metadata']['name']}, port {port}",
            expected="declared in `tls.listeners`, as an address or as `plain` of one that is `public` or `mutual`, unless its load balancer is internal",
            observed=f"open to the outside as {kind}, and no such listener has its address",
            ok=None,
        )
        for region, namespace in every_place(target)
        for service in clusters.of(region).services(namespace)
        for kind, port, hosts in outside(service)
        if not (inside if kind == BALANCED and _is_internal(service) else known) & {(host, port) for host in hosts}
    ]


def _is_internal(service: Object) -> bool:
    """Whether a load balancer has no address on the internet, by an annotation of its cloud."""
    noted = service["metadata"].get("annotations") or {}
    return any(str(noted.get(key, "")).lower() == value for key, value in _INTERNAL.items())


def _places(listener: TlsListener) -> Iterator[tuple[str, int]]:
    """Hosts and ports of a listener, by name and by address, with those of its plain listener."""
    plain = urlsplit(f"//{listener.plain}") if listener.plain else None
    places = [(listener.host, listener.port), *([(plain.hostname or "", plain.port or 0)] if plain else [])]
    for host, port in places:
        yield host, port
        try:
            for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                yield str(found[4][0]), port
        except OSError:
            continue


def outside(service: Object) -> Iterator[tuple[str, int, set[str]]]:
    """How, at which port and under which hosts a Service is open to the outside of its cluster."""
    spec, status = service["spec"], service.get("status") or {}
    ingress = (status.get("loadBalancer") or {}).get("ingress") or []
    balanced = {str(one.get(key)) for one in ingress for key in ("ip", "hostname")} | {spec.get("clusterIP") or ""}
    if spec.get("type") == BALANCED:
        yield from ((BALANCED, port, balanced) for port in tcp_ports(service))
    if spec.get("type") == "NodePort":
        ports: list[Mapping[str, object]] = [one for one in spec.get("ports") or [] if one.get("nodePort")]
        yield from (("NodePort", int(str(one["nodePort"])), balanced) for one in ports)
    if external := {str(one) for one in spec.get("externalIPs") or []}:
        yield from (("external address", port, external) for port in tcp_ports(service))
