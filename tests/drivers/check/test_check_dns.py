"""Public names, asked of real DNS servers that run in the test, by UDP and TCP."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from harness.drivers.check.dns import DnsServer, _is_routed, _of_zone, dns_records, dns_servers
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError
from harness.targets import Target, load_target
from tests.builders.addresses import NET

HERE = f"{NET}120"
"""No other test listens there: what is free by TCP is free by UDP."""
NAMES = {"api.example.test": ("192.0.2.1", "2001:db8::1"), "www.example.test": ("192.0.2.2",)}
API = {"api.example.test": NAMES["api.example.test"]}


@dataclass
class Zone:
    """What a server says.

    Attributes:
        records: addresses by name. ttl: of every record.
        authoritative: whether it says that it is. long: answers that do not fit a datagram.
        status: a code in place of an answer.
        asked: `udp` or `tcp` for each question.
        aliases: other names by name, in place of addresses.
        others: records of other types, by name and type.
    """

    records: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(NAMES))
    ttl: int = 60
    authoritative: bool = True
    long: bool = False
    status: int | None = None
    asked: list[str] = field(default_factory=list)
    aliases: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def answer(self, wire: bytes, by: str) -> bytes:
        """The answer to a question."""
        self.asked.append(by)
        query = dns.message.from_wire(wire)
        response = dns.message.make_response(query)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        kind = dns.rdatatype.to_text(question.rdtype)
        known = name in self.records or name in self.aliases or (name, kind) in self.others
        if self.status is not None or not known:
            response.set_rcode(dns.rcode.from_text("NXDOMAIN") if self.status is None else dns.rcode.Rcode(self.status))
            return response.to_wire()
        if self.authoritative:
            response.flags |= dns.flags.AA
        if self.long and by == "udp":
            response.flags |= dns.flags.TC
            return response.to_wire()
        if (name, kind) in self.others:
            response.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", kind, self.others[name, kind]))
            return response.to_wire()
        if name in self.aliases:
            alias = dns.rrset.from_text(question.name, self.ttl, "IN", "CNAME", self.aliases[name])
            response.answer.append(alias)
            name = self.aliases[name].rstrip(".")
        wanted = ":" if question.rdtype == dns.rdatatype.AAAA else "."
        addresses = [address for address in self.records.get(name, ()) if wanted in address]
        if addresses:
            response.answer.append(dns.rrset.from_text_list(f"{name}.", self.ttl, "IN", question.rdtype, addresses))
        return response.to_wire()


@contextmanager
def serving(zone: Zone) -> Iterator[str]:
    """The zone behind one port, by UDP and by TCP: `address:port`."""

    class OverUdp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, connection = self.request
            connection.sendto(zone.answer(wire, "udp"), self.client_address)

    class OverTcp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            size = int.from_bytes(self.request.recv(2), "big")
            said = zone.answer(self.request.recv(size), "tcp")
            self.request.sendall(len(said).to_bytes(2, "big") + said)

    tcp = socketserver.ThreadingTCPServer((HERE, 0), OverTcp)
    port = tcp.server_address[1]
    udp = socketserver.ThreadingUDPServer((HERE, port), OverUdp)
    servers: list[socketserver.BaseServer] = [tcp, udp]
    for server in servers:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"{HERE}:{port}"
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def target(tmp_path: Path, **keys: Any) -> Target:
    """A target with two public names."""
    names = "".join(f"    {name}: {{addresses: [{', '.join(map(repr, own))}]}}\n" for name, own in NAMES.items())
    rest = "".join(f"  {key}: {value}\n" for key, value in keys.items())
    file = tmp_path / "target.yaml"
    file.write_text(f"name: t\nenvironment: staging\nentry: https://api.example.test\ndns:\n  names:\n{names}{rest}")
    return load_target(file)


def resolved(tmp_path: Path, zone: Zone, ttl: str = "60 s") -> dict[str, FactReading]:
    """The facts of the names as users resolve them."""
    with serving(zone) as at:
        return {one.subject: one for one in dns_records(target(tmp_path, resolver=at), {"ttl": ttl})()}


def test_names_that_lead_where_they_should_are_as_expected(tmp_path: Path) -> None:
    """Both kinds of address, 60 s each."""
    found = resolved(tmp_path, Zone())
    assert {name: one.ok for name, one in found.items()} == dict.fromkeys(NAMES, True)
    assert found["api.example.test"].observed == "192.0.2.1, 2001:db8::1 with a TTL of 60 s"
    assert found["api.example.test"].expected == "192.0.2.1, 2001:db8::1 with a TTL of at most 60 s"


def test_a_record_that_is_not_as_declared_or_is_kept_for_too_long_is_a_failure(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """Of one name, while the other stays right; an hour, where a minute is promised, of both."""
    for case, zone, ttl, expected in [
        ("old address", Zone(records={**NAMES, "www.example.test": ("192.0.2.99",)}), "60 s", [True, False]),
        ("one too many", Zone(records={**NAMES, "www.example.test": ("192.0.2.2", "192.0.2.99")}), "60 s", [True, False]),
        ("none", Zone(records={**NAMES, "www.example.test": ()}), "60 s", [True, False]),
        ("no such name", Zone(records=API), "60 s", [True, False]),
        ("kept for too long", Zone(ttl=3600), "60 s", [False, False]),
        ("kept for as long as it may be", Zone(ttl=3600), "1 h", [True, True]),
    ]:  # fmt: skip
        with subtests.test(case):
            assert [one.ok for one in resolved(tmp_path, zone, ttl).values()] == expected


def test_a_resolver_that_fails_says_nothing_of_the_names(tmp_path: Path) -> None:
    """SERVFAIL is nobody's record."""
    found = resolved(tmp_path, Zone(status=dns.rcode.SERVFAIL))
    assert {one.ok for one in found.values()} == {None}
    assert found["www.example.test"].observed == "the answer SERVFAIL"


def test_an_answer_that_does_not_fit_a_datagram_is_asked_for_by_tcp(tmp_path: Path) -> None:
    """Cut short by UDP, whole by TCP."""
    zone = Zone(long=True)
    assert [one.ok for one in resolved(tmp_path, zone).values()] == [True, True]
    assert {"udp", "tcp"} == set(zone.asked)


def test_every_server_of_the_zone_has_the_same_records(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Of two that do not agree one is wrong; an alias is compared where a server has no addresses of it, as one of another zone."""
    old = Zone(records={**NAMES, "www.example.test": ("192.0.2.99",)})
    one, other = (Zone(records=API, aliases={"www.example.test": f"{at}.cdn.test."}) for at in ("a", "b"))
    none, inside = Zone(records={**API, "www.example.test": ()}), {"www.example.test": "edge.example.test."}
    whole, short = Zone(records={**API, "edge.example.test": ("192.0.2.7",)}, aliases=inside), Zone({}, aliases=inside)
    for case, zones, expected in [
        ("equal", (Zone(), Zone()), [True, True]),
        ("not authoritative", (Zone(), Zone(authoritative=False)), [True, False]),
        ("refuses", (Zone(), Zone(status=dns.rcode.REFUSED)), [True, False]),
        ("knows no such name", (Zone(), Zone(records=API)), [True, False]),
        ("an old zone", (Zone(), old), [True, False]),
        ("an alias of another zone", (one, one), [True, True]),
        ("another alias", (one, other), [True, False]),
        ("no record", (none, none), [False, False]),
        ("an alias within the zone", (whole, whole), [True, True]),
        ("an alias whose addresses one of them lacks", (whole, short), [True, True]),
    ]:
        with subtests.test(case), serving(zones[0]) as first, serving(zones[1]) as second:
            facts = dns_servers(target(tmp_path, servers=f"['{first}', '{second}']"), {})()
            assert [fact.ok for fact in facts if fact.subject.startswith("www.")] == expected


def test_a_key_that_is_no_server_is_named(tmp_path: Path) -> None:
    """A name in place of an address."""
    with pytest.raises(ConfigurationError, match=r"`ns1.example.test` is not the address of a DNS server"):
        dns_servers(target(tmp_path, servers="[ns1.example.test]"), {})()


def left_in_a_cache(tmp_path: Path, record: Zone, ttl: str = "300 s") -> list[tuple[bool | None, str]]:
    """The facts of names that a resolver has in its cache for 200 s more, whose record is that of a server."""
    with serving(Zone(ttl=200, authoritative=False)) as resolver, serving(record) as server:
        named = target(tmp_path, resolver=resolver, servers=f"['{server}']")
        return [(one.ok, one.observed.partition(" with ")[2]) for one in dns_records(named, {"ttl": ttl})()]


def test_a_ttl_is_that_of_the_record_and_not_what_a_cache_has_left(tmp_path: Path) -> None:
    """An hour, where five minutes are promised; and five minutes."""
    words = "a TTL of 200 s left in a cache, of {} at the authoritative servers"
    assert left_in_a_cache(tmp_path, Zone(ttl=3600)) == [(False, words.format("3600 s"))] * 2
    assert left_in_a_cache(tmp_path, Zone(ttl=300)) == [(True, words.format("300 s"))] * 2
    assert {ok for ok, _ in left_in_a_cache(tmp_path, Zone(ttl=300), ttl="100 s")} == {False}


def test_a_ttl_that_no_authoritative_server_gives_is_not_known(tmp_path: Path) -> None:
    """One that answers from a cache, too; and a zone whose servers are not found."""
    [one, _] = left_in_a_cache(tmp_path, Zone(authoritative=False))
    assert (one[0], "an unknown TTL (an answer that is not authoritative)" in one[1]) == (None, True)
    found = resolved(tmp_path, Zone(authoritative=False))
    assert {one.ok for one in found.values()} == {None}
    assert "an unknown TTL (the servers of the zone of" in found["www.example.test"].observed


def test_a_server_that_cannot_be_asked_from_here_is_not_known(tmp_path: Path) -> None:
    """The question did not leave this machine, as where it has no route of IPv6."""
    with serving(Zone()) as first:
        facts = dns_servers(target(tmp_path, servers=f"['{first}', 255.255.255.255]"), {})()
    assert {one.ok for one in facts if one.subject.endswith("255.255.255.255")} == {None}
    assert {one.ok for one in facts if one.subject.endswith(first)} == {True}


def test_the_zone_is_that_of_the_first_name_which_may_be_its_apex(tmp_path: Path) -> None:
    """Not what follows the first point; of its servers the addresses that there is a way to."""
    zone = Zone(
        records={"ns.example.test": ("192.0.2.53", "2001:db8::53")},
        others={
            ("example.test", "SOA"): "ns.example.test. admin.example.test. 1 1 1 1 1",
            ("example.test", "NS"): "ns.example.test.",
        },
    )
    with serving(zone) as resolver:
        named = target(tmp_path, resolver=resolver)
        assert named.dns is not None
        apex = named.dns.model_copy(update={"names": {"example.test": named.dns.names["www.example.test"]}})
        found = _of_zone(apex, named)
    sixth = DnsServer("2001:db8::53", 53)
    assert found == [DnsServer("192.0.2.53", 53), *([sixth] if _is_routed(sixth) else [])]
