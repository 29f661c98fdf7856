"""`dns-records` and `dns-servers`: do the public names lead where they should, and do all servers of the zone say the same?"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver

from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError
from harness.model import Quantity
from harness.targets import Target
from harness.targets.outside import Dns

_WITHIN_S: Final = 3.0
_PORT: Final = 53
_TYPES: Final = (dns.rdatatype.A, dns.rdatatype.AAAA)


class Answered(NamedTuple):
    """What one server says of one name: addresses and the largest TTL in s; or why it says nothing."""

    addresses: frozenset[str]
    ttl_s: int = 0
    why: str = ""

    @property
    def words(self) -> str:
        """The addresses with their TTL, or why there are none."""
        if self.why:
            return self.why
        return f"{', '.join(sorted(self.addresses)) or 'no address'} with a TTL of {self.ttl_s} s"


class DnsServer(NamedTuple):
    """Where a DNS server is."""

    address: str
    port: int

    def __str__(self) -> str:
        return self.address if self.port == _PORT else f"{self.address}:{self.port}"


def dns_records(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Resolves every public name as users do: its declared addresses and no other, with a TTL of at most `ttl`."""
    names, most_s = _named(target), Quantity.parse(params["ttl"]).base
    servers = [_server(names.resolver, target)] if names.resolver else _own_resolvers()

    def probe() -> Sequence[FactReading]:
        return [_as_declared(name, expected, servers, most_s) for name, expected in _declared(names).items()]

    return probe


def dns_servers(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """Asks every authoritative server of the zone for every public name: each must answer, and all the same."""
    names = _named(target)

    def probe() -> Sequence[FactReading]:
        servers = [_server(one, target) for one in names.servers] or _of_zone(names, target)
        return [seen for name in names.names for seen in _equal(name, servers)]

    return probe


def _named(target: Target) -> Dns:
    if target.dns is None:
        raise ConfigurationError(
            "the public names are not named",
            where=f"{target.file}: dns",
            hint="write `dns: {names: {NAME: {addresses: [ADDRESS]}}}`",
        )
    return target.dns


def _declared(names: Dns) -> dict[str, frozenset[str]]:
    return {name: frozenset(str(address) for address in one.addresses) for name, one in names.names.items()}


def _as_declared(name: str, expected: frozenset[str], servers: Sequence[DnsServer], most_s: float) -> FactReading:
    found = _first([ask(name, server, recursive=True) for server in servers])
    ok = None if found.why else found.addresses == expected and found.ttl_s <= most_s
    declared = f"{', '.join(sorted(expected))} with a TTL of at most {most_s:g} s"
    return FactReading(subject=name, expected=declared, observed=found.words, ok=False if _is_denied(found) else ok)


def _first(answers: Iterable[Answered]) -> Answered:
    """The first that is an answer, as a resolver of a user takes it; the last where none is."""
    every = list(answers)
    return next((one for one in every if not one.why or _is_denied(one)), every[-1])


def _is_denied(answer: Answered) -> bool:
    """Whether a server answered that there is no such name."""
    return answer.why.endswith("NXDOMAIN")


def _equal(name: str, servers: Sequence[DnsServer]) -> Iterable[FactReading]:
    answers = {server: ask(name, server, recursive=False) for server in servers}
    said = [one.addresses for one in answers.values() if not one.why]
    common = max(said, key=said.count) if said else frozenset[str]()
    for server, one in answers.items():
        expected = f"an authoritative answer, {', '.join(sorted(common)) or 'as of every other server'}"
        yield FactReading(
            subject=f"{name} at {server}",
            expected=expected,
            observed=one.words,
            ok=not one.why and bool(one.addresses) and one.addresses == common,
        )


def ask(name: str, server: DnsServer, *, recursive: bool) -> Answered:
    """The addresses of a name at one server, by UDP, and by TCP where the answer does not fit; aliases are followed in the answer."""
    addresses: set[str] = set()
    ttl_s = 0
    for kind in _TYPES:
        query = dns.message.make_query(dns.name.from_text(name), kind)
        if not recursive:
            query.flags &= ~dns.flags.RD
        try:
            response, _ = dns.query.udp_with_fallback(query, server.address, timeout=_WITHIN_S, port=server.port)
        except (dns.exception.DNSException, OSError) as error:
            return Answered(frozenset(), why=f"no answer: {error or type(error).__name__}")
        if response.rcode() != dns.rcode.NOERROR:
            return Answered(frozenset(), why=f"the answer {dns.rcode.to_text(response.rcode())}")
        if not recursive and not response.flags & dns.flags.AA:
            return Answered(frozenset(), why="an answer that is not authoritative")
        for records in response.answer:
            ttl_s = max(ttl_s, records.ttl)
            addresses |= {ipaddress.ip_address(one.address).compressed for one in records if one.rdtype == kind}
    return Answered(frozenset(addresses), ttl_s)


def _server(text: str, target: Target) -> DnsServer:
    """`192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:5353`."""
    address, port = text, str(_PORT)
    if text.startswith("["):
        address, _, port = text[1:].partition("]:")
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    try:
        return DnsServer(str(ipaddress.ip_address(address)), int(port))
    except ValueError as error:
        raise ConfigurationError(
            f"`{text}` is not the address of a DNS server",
            where=f"{target.file}: dns",
            hint="write it like `192.0.2.53` or `192.0.2.53:5353`",
        ) from error


def _own_resolvers() -> list[DnsServer]:
    """Those of this machine."""
    try:
        known = dns.resolver.Resolver()
    except dns.exception.DNSException as error:
        raise DriverError(
            f"this machine names no resolver: {error}", hint="name one: `dns: {resolver: ADDRESS}`"
        ) from error
    return [DnsServer(str(address), known.port) for address in known.nameservers]


def _of_zone(names: Dns, target: Target) -> list[DnsServer]:
    """The addresses of the servers that the zone names for itself, all of them."""
    resolver = dns.resolver.Resolver(configure=not names.resolver)
    resolver.lifetime = _WITHIN_S
    if names.resolver:
        server = _server(names.resolver, target)
        resolver.nameservers, resolver.port = [server.address], server.port
    zone = names.zone or next(iter(names.names)).partition(".")[2]
    found: list[DnsServer] = []
    try:
        for record in resolver.resolve(zone, "NS"):
            for kind in ("A", "AAAA"):
                answer = resolver.resolve(record.target, kind, raise_on_no_answer=False)
                found += [DnsServer(one.address, _PORT) for one in answer.rrset or ()]
    except dns.exception.DNSException as error:
        raise DriverError(
            f"the servers of the zone {zone} were not found: {error}",
            where=f"{target.file}: dns",
            hint="name them: `dns: {servers: [ADDRESS]}`",
        ) from error
    return found
