"""`tls-in-transit`: checks that every connection inside the platform uses a version of TLS.

The log of connections says who connects to whom. Each place that is connected to is asked for plain text and for older handshakes: where
it refuses both, no connection to it used them. PostgreSQL also says of each of its connections which version it has.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from harness.drivers.check.claim import When, claim
from harness.drivers.check.flow_log import FlowKey, FlowLog, FlowsRead
from harness.drivers.check.needs import API
from harness.drivers.check.sql.asking import rows_of
from harness.drivers.check.transport.handshakes import refusals, version_of
from harness.drivers.check.transport.hello import VERSIONS
from harness.drivers.check.transport.listeners import NamedListener, read_each
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import TargetUnreachable
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.files.listeners import TlsListener
from harness.targets.kubernetes import is_terminating, labels_of, workload_of
from harness.targets.places import Clusters

_FORWARDED: Final = "FORWARDED"
_ENDED: Final = frozenset({"Succeeded", "Failed"})
"""Phases of a pod that keeps its address, at which nothing listens any more."""
_SESSIONS: Final = (
    "SELECT coalesce(a.usename, ''), coalesce(a.application_name, ''), s.ssl, coalesce(s.version, '') "
    "FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) "
    "WHERE a.pid <> pg_backend_pid() AND (a.client_addr IS NOT NULL OR s.ssl IS NULL)"
)
"""Connections over the network; of those that the role may not see, `ssl` is NULL."""


class Destination(NamedTuple):
    """A port of a workload that was connected to."""

    namespace: str
    workload: str
    port: int


@claim(
    "every connection between services, stores and event bus uses TLS <least:version>[ in the steady state]",
    example="every connection between services, stores and event bus uses TLS 1.3 in the steady state",
    needs=(RequiredKey("flows", "the log of connections says who connects to whom"), API),
    when=When.UNDER_TRAFFIC,
    seconds=6.0,
    again=False,
)
@accesses(*access("list pods -A"))
@contextmanager
def tls_in_transit(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """Each port that a workload connected to, in the log of connections: all its pods refuse plain text and older handshakes.

    The protocol is that of the listener in `tls.listeners` with this `workload` and port, else TLS from the first byte. Workloads of
    `tls.apart` are left out. Every connection of PostgreSQL is read from `pg_stat_ssl` besides.
    """
    least, log, clusters = version_of(params["least"]), FlowLog(target), Clusters(target)
    before = log.read()

    def probe() -> Sequence[FactReading]:
        readings = (before, log.read())
        seen = between(target, readings)
        places = _pods(clusters, seen)
        facts = [
            fact
            for one, callers in sorted(seen.items())
            for fact in destination_facts(target, one, callers, places, least)
        ]
        return [*facts, *_sessions(target, least), *_gaps(readings)]

    yield probe


def between(target: Target, readings: Sequence[FlowsRead]) -> dict[Destination, Counter[str]]:
    """Connections of workloads to workloads by destination and caller."""
    found: defaultdict[Destination, Counter[str]] = defaultdict(Counter)
    for read in readings:
        for flow, number in read.connections.items():
            if _is_inside(flow) and not {flow.source, flow.destination} & {*target.tls.apart}:
                found[Destination(flow.namespace, flow.destination, flow.port)][flow.source] += number
    return dict(found)


def _is_inside(flow: FlowKey) -> bool:
    return flow.verdict == _FORWARDED and bool(flow.source_namespace and flow.namespace)


def _pods(clusters: Clusters, seen: Mapping[Destination, object]) -> dict[tuple[str, str], list[str]]:
    """Addresses of the running pods of each workload that was connected to, by namespace and name."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for namespace in {one.namespace for one in seen}:
        for cluster in clusters.every():
            for pod in cluster.pods(namespace):
                address = (pod.get("status") or {}).get("podIP")
                if address and not is_terminating(pod) and pod["status"].get("phase") not in _ENDED:
                    found[namespace, workload_of(labels_of(pod))].append(address)
    return found


def destination_facts(
    target: Target,
    one: Destination,
    callers: Counter[str],
    places: Mapping[tuple[str, str], Sequence[str]],
    least: int,
) -> Iterator[FactReading]:
    """One fact of a destination, of all its pods together: the worst of them is named."""
    subject = f"{one.namespace}/{one.workload} on TCP {one.port}, from {', '.join(sorted(callers))}"
    expected = f"{VERSIONS[least]} only"
    if one.port == 0 or not one.workload:
        yield FactReading(subject=subject, expected=expected, observed="the log does not name it", ok=None)
        return
    pods = places.get((one.namespace, one.workload), ())
    if not pods:
        yield FactReading(subject=subject, expected=expected, observed="none of its pods runs any more", ok=None)
        return
    declared = _declared(target, one)
    listeners = [NamedListener(one.workload, _at(declared, address, one.port)) for address in pods]
    facts = read_each(listeners, lambda listener: refusals(listener, least))
    worst = next((fact for fact in facts if fact.ok is False), next((fact for fact in facts if fact.ok is None), None))
    total = f"{callers.total()} connections to {len(pods)} pods"
    if worst is None:
        yield FactReading(subject=subject, expected=expected, observed=f"{total}, only with it", ok=True)
        return
    hint = ""
    if worst.ok is None and declared is None:
        hint = f"; hint: name its protocol in `tls.listeners`, with `workload: {one.workload}`"
    words = f"{total}; {worst.subject}: {worst.observed}{hint}"
    yield FactReading(subject=subject, expected=expected, observed=words, ok=worst.ok)


def _declared(target: Target, one: Destination) -> TlsListener | None:
    known = target.tls.listeners.values()
    return next((each for each in known if (each.workload, each.port) == (one.workload, one.port)), None)


def _at(declared: TlsListener | None, address: str, port: int) -> TlsListener:
    place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    known = declared or TlsListener(address=place, protocol="tls")
    return known.model_copy(update={"address": place, "name": known.called if declared else ""})


def _sessions(target: Target, least: int) -> Iterator[FactReading]:
    """Which version each connection of PostgreSQL has, as each member says."""
    if target.database is None:
        return
    members = {name: member.dsn for name, member in target.database.members.items()} or {
        "database": target.database.dsn
    }
    right = {name.replace(" ", "v") for number, name in VERSIONS.items() if number >= least}
    for name, dsn in members.items():
        subject, expected = f"connections of the database member {name}", f"{VERSIONS[least]} or newer"
        try:
            rows = rows_of(dsn, _SESSIONS)
        except TargetUnreachable as error:
            yield FactReading(subject=subject, expected=expected, observed=str(error), ok=None)
            continue
        hidden = sum(ssl is None for _, _, ssl, _ in rows)
        wrong = Counter(
            f"{user} ({application or 'no name'}) with {version or 'no TLS'}"
            for user, application, ssl, version in rows
            if ssl is not None and version not in right
        )
        words = f"{len(rows)} connections"
        words += "".join(f"; {n} of {who}" for who, n in wrong.most_common(5))
        words += f"; {hidden} that its role may not see (GRANT pg_read_all_stats)" if hidden else ""
        ok = False if wrong else (None if hidden or not rows else True)
        yield FactReading(subject=subject, expected=expected, observed=words, ok=ok)


def _gaps(readings: Sequence[FlowsRead]) -> Iterator[FactReading]:
    """What is missing from the log."""
    for why in dict.fromkeys(read.why for read in readings if read.why):
        yield FactReading(subject="the log of connections", expected="complete", observed=why, ok=None)
