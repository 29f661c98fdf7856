"""`dns-records` and `dns-servers`: check that public names resolve as declared, and that all servers of the zone agree."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from harness.drivers.check.claim import claim
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError
from harness.model import Quantity
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.files.outside import Dns

if TYPE_CHECKING:
    import dns.name
    import dns.resolver

_WITHIN_S: Final = 3.0
_PORT: Final = 53
_TYPES: Final = ("A", "AAAA")
_ALIASES: Final = 8
"""Maximum number of zones that an alias is followed through."""


class Answered(NamedTuple):
    """The answer of one DNS server for one name.

    Attributes:
        addresses: of the name.
        ttl_s: the largest TTL of the answer, in s.
        why: why there is no answer; empty if there is one.
        alias: the last name in the chain of aliases; empty: the name is not an alias.
        authoritative: whether the server is authoritative; the TTL of another server is the time left in its cache.
        unsent: whether the query could not be sent from this machine.
    """

    addresses: frozenset[str]
    ttl_s: int = 0
    why: str = ""
    alias: str = ""
    authoritative: bool = False
    unsent: bool = False

    @property
    def words(self) -> str:
        """The addresses with their TTL, or the reason why there are none."""
        if self.why:
            return self.why
        alias = f"an alias of {self.alias}" if self.alias else "no address"
        return f"{', '.join(sorted(self.addresses)) or alias} with a TTL of {self.ttl_s} s"


class DnsServer(NamedTuple):
    """Address and port of a DNS server."""

    address: str
    port: int

    def __str__(self) -> str:
        return self.address if self.port == _PORT else f"{self.address}:{self.port}"


_NAMES: Final = SentenceForm(
    "public-names",
    "every public name <is:noun>",
    "Each name of the key `dns`, as the users' resolver and the authoritative servers of its zone answer.",
)


@claim(
    _NAMES,
    "resolves to its declared addresses with a TTL of at most <ttl:duration>",
    example="every public name resolves to its declared addresses with a TTL of at most 60 s",
    needs=(RequiredKey("dns", "the public names are resolved"),),
)
def dns_records(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Each name of the key `dns` is asked of the users' resolver: its addresses and no other, IPv4 and IPv6.

    A cache answers with less than the TTL of the record, so the TTL is taken from the authoritative servers.
    """
    names, most_s = _named(target), Quantity.parse(params["ttl"]).base
    servers = [_server(names.resolver, target)] if names.resolver else _own_resolvers()

    def probe() -> Sequence[FactReading]:
        return [
            _as_declared(name, expected, _first(ask(name, one, recursive=True) for one in servers), most_s, target)
            for name, expected in _declared(names).items()
        ]

    return probe


@claim(
    _NAMES,
    "has equal records at every authoritative server of the zone",
    needs=(RequiredKey("dns", "the public names are requested from the zone's servers"),),
)
def dns_servers(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """Each authoritative server is asked for each public name by itself; its answer must be authoritative and that of all others."""
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


def _as_declared(name: str, expected: frozenset[str], found: Answered, most_s: float, target: Target) -> FactReading:
    ok = None if found.why else found.addresses == expected and found.ttl_s <= most_s
    words = found.words
    if ok and not found.authoritative:
        record = _of_its_zone(name, target)
        ok = None if record.why else record.ttl_s <= most_s
        words += f" left in a cache, of {record.why or f'{record.ttl_s} s'} at the authoritative servers"
    declared = f"{', '.join(sorted(expected))} with a TTL of at most {most_s:g} s"
    return FactReading(subject=name, expected=declared, observed=words, ok=False if _is_denied(found) else ok)


def _of_its_zone(name: str, target: Target) -> Answered:
    """The authoritative answer for a name, followed through its aliases, with the largest TTL of the chain."""
    names, ttl_s = _named(target), 0
    servers = [_server(one, target) for one in names.servers]
    for _ in range(_ALIASES):
        try:
            found = _first(ask(name, one, recursive=False) for one in servers or _of_zone(names, target, name))
        except DriverError as error:
            return Answered(frozenset(), why=f"an unknown TTL ({error.what})")
        if found.why or not (found.addresses or found.alias):
            return Answered(frozenset(), why=f"an unknown TTL ({found.words})")
        ttl_s = max(ttl_s, found.ttl_s)
        if found.addresses:
            return found._replace(ttl_s=ttl_s)
        name, servers = found.alias, []
    return Answered(frozenset(), why=f"an unknown TTL (more than {_ALIASES} aliases)")


def _first(answers: Iterable[Answered]) -> Answered:
    """The first answer of the servers in order, as a user's resolver takes it; without an answer the last error."""
    last = Answered(frozenset(), why="no server")
    for last in answers:
        if not last.why or _is_denied(last):
            break
    return last


def _is_denied(answer: Answered) -> bool:
    """Whether a server answered that there is no such name."""
    return answer.why.endswith("NXDOMAIN")


def _equal(name: str, servers: Sequence[DnsServer]) -> Iterable[FactReading]:
    """Facts on whether all servers answer with the same addresses or, for an alias into another zone, with the same alias."""
    answers = {server: ask(name, server, recursive=False) for server in servers}
    answered = [one for one in answers.values() if not one.why]
    by_alias = any(one.alias and not one.addresses for one in answered)
    said = [_records(one, by_alias=by_alias) for one in answered]
    common = max(said, key=said.count) if said else frozenset[str]()
    for server, one in answers.items():
        expected = f"an authoritative answer, {', '.join(sorted(common)) or 'as of every other server'}"
        records = _records(one, by_alias=by_alias)
        yield FactReading(
            subject=f"{name} at {server}",
            expected=expected,
            observed=one.words,
            ok=None if one.unsent else not one.why and bool(records) and records == common,
        )


def _records(answer: Answered, *, by_alias: bool) -> frozenset[str]:
    return frozenset({answer.alias} - {""}) if by_alias else answer.addresses


def ask(name: str, server: DnsServer, *, recursive: bool) -> Answered:
    """The addresses of a name at one server, by UDP, or by TCP if the answer is too long; aliases in the answer are followed."""
    import dns.exception  # here: the sentences of the checks are read where no name is asked for
    import dns.flags
    import dns.message
    import dns.name
    import dns.query
    import dns.rcode
    import dns.rdatatype

    addresses: set[str] = set()
    asked = dns.name.from_text(name)
    ttl_s, alias, authoritative = 0, asked, True
    for kind in _TYPES:
        query = dns.message.make_query(asked, kind)
        if not recursive:
            query.flags &= ~dns.flags.RD
        try:
            response, _ = dns.query.udp_with_fallback(query, server.address, timeout=_WITHIN_S, port=server.port)
        except (dns.exception.DNSException, OSError) as error:
            unsent = isinstance(error, OSError) and not isinstance(error, ConnectionError | TimeoutError)
            return Answered(frozenset(), why=f"no answer: {error or type(error).__name__}", unsent=unsent)
        if response.rcode() != dns.rcode.NOERROR:
            return Answered(frozenset(), why=f"the answer {dns.rcode.to_text(response.rcode())}")
        authoritative = authoritative and bool(response.flags & dns.flags.AA)
        if not recursive and not authoritative:
            return Answered(frozenset(), why="an answer that is not authoritative")
        aliases = {
            records.name: records[0].target for records in response.answer if records.rdtype == dns.rdatatype.CNAME
        }
        for _ in aliases:
            alias = aliases.get(alias, alias)
        for records in response.answer:
            ttl_s = max(ttl_s, records.ttl)
            addresses |= {
                ipaddress.ip_address(one.address).compressed
                for one in records
                if one.rdtype == query.question[0].rdtype
            }
    said = "" if alias == asked else alias.to_text(omit_final_dot=True)
    return Answered(frozenset(addresses), ttl_s, alias=said, authoritative=authoritative)


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
    """The DNS resolvers of this machine."""
    import dns.exception
    import dns.resolver

    try:
        known = dns.resolver.Resolver()
    except dns.exception.DNSException as error:
        raise DriverError(
            f"this machine names no resolver: {error}", hint="name a resolver: `dns: {resolver: ADDRESS}`"
        ) from error
    return [DnsServer(str(address), known.port) for address in known.nameservers]


def _of_zone(names: Dns, target: Target, name: str = "") -> list[DnsServer]:
    """The addresses of the name servers of a zone: of the given name, else of the target file's zone, else of its first name."""
    import dns.exception
    import dns.resolver

    zone = "" if name else names.zone
    try:
        resolver = _resolver(names, target)
        if not zone:
            name = name or next(iter(names.names))
            zone = dns.resolver.zone_for_name(name, resolver=resolver).to_text(omit_final_dot=True)
        return [one for record in resolver.resolve(zone, "NS") for one in _addresses(resolver, record.target)]
    except dns.exception.DNSException as error:
        raise DriverError(
            f"the servers of the zone {zone or f'of {name}'} were not found: {error}",
            where=f"{target.file}: dns",
            hint="name the servers: `dns: {servers: [ADDRESS]}`",
        ) from error


def _resolver(names: Dns, target: Target) -> dns.resolver.Resolver:
    import dns.resolver

    resolver = dns.resolver.Resolver(configure=not names.resolver)
    resolver.lifetime = _WITHIN_S
    if names.resolver:
        server = _server(names.resolver, target)
        resolver.nameservers, resolver.port = [server.address], server.port
    return resolver


def _addresses(resolver: dns.resolver.Resolver, name: dns.name.Name) -> list[DnsServer]:
    """The addresses of a DNS server; IPv6 addresses are left out if this machine has no IPv6 route and there are others."""
    found = [
        DnsServer(one.address, _PORT)
        for kind in _TYPES
        for one in resolver.resolve(name, kind, raise_on_no_answer=False).rrset or ()
    ]
    return [one for one in found if _is_routed(one)] or found


def _is_routed(server: DnsServer) -> bool:
    """Whether this machine has a route to an IPv6 address; nothing is sent."""
    if ":" not in server.address:
        return True
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as unused:
            unused.connect((server.address, server.port))
    except OSError:
        return False
    return True
