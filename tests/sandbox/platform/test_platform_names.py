"""A nameserver of the public names: what it answers for Services that name a host, in the wire form that clients send."""

from __future__ import annotations

from typing import Any

import dns.flags
import dns.message
import dns.rcode
import pytest

from readiness_sandbox.platform.normaldance.names import HOSTNAME, TTL, PublicZone

ORIGIN = "shop.example"
SERVERS = ("ns1.shop.example.", "ns2.shop.example.")


def service(name: str, address: str, host: str = "", ttl: str = "") -> dict[str, Any]:
    """A Service that names a host, or none."""
    annotations = {key: value for key, value in ((HOSTNAME, host), (TTL, ttl)) if value}
    return {
        "metadata": {"namespace": "web", "name": name, "annotations": annotations},
        "spec": {"clusterIP": address},
    }


@pytest.fixture
def zone() -> PublicZone:
    """Of three Services: two of one host, one that names none."""
    made = PublicZone(ORIGIN, SERVERS, {"old.shop.example": "192.0.2.9"})
    made.learn(service("one", "192.0.2.1", "www.shop.example", "30"))
    made.learn(service("two", "192.0.2.2", "www.shop.example"))
    made.learn(service("three", "192.0.2.3"))
    made.learn(service("four", "192.0.2.4", "old.shop.example"))
    return made


def asked(zone: PublicZone, name: str, kind: str = "A", most: int | None = None) -> dns.message.Message:
    """The answer to a query without EDNS."""
    wire = zone.answer(dns.message.make_query(name, kind, use_edns=False).to_wire(), most)
    assert wire is not None
    return dns.message.from_wire(wire)


def addresses(found: dns.message.Message) -> set[str]:
    """Of all records of the answer."""
    return {record.to_text() for records in found.answer for record in records}


def test_a_host_has_the_addresses_of_its_services_and_the_shortest_time_to_live(zone: PublicZone) -> None:
    """With authority; a host that keeps an old record has that."""
    found = asked(zone, "www.shop.example")
    assert (addresses(found), found.answer[0].ttl) == ({"192.0.2.1", "192.0.2.2"}, 30)
    assert found.flags & dns.flags.AA
    assert addresses(asked(zone, "old.shop.example")) == {"192.0.2.9"}


def test_a_service_that_is_gone_or_moved_is_followed(zone: PublicZone) -> None:
    """By an event, and by a list of what is there."""
    zone.learn(service("one", "192.0.2.8", "www.shop.example"))
    zone.learn(service("two", "192.0.2.2", "www.shop.example"), gone=True)
    assert addresses(asked(zone, "www.shop.example")) == {"192.0.2.8"}
    zone.keep({("web", "four")})
    assert asked(zone, "www.shop.example").rcode() == dns.rcode.NXDOMAIN


def test_what_is_not_there_is_told_apart(zone: PublicZone) -> None:
    """No such name, a name without such an address, the zone itself, a name of another zone, and no query at all."""
    unknown, other = asked(zone, "none.shop.example"), asked(zone, "www.other.example")
    assert (unknown.rcode(), unknown.authority[0].name.to_text()) == (dns.rcode.NXDOMAIN, "shop.example.")
    assert (other.rcode(), bool(other.flags & dns.flags.AA)) == (dns.rcode.REFUSED, False)
    without = asked(zone, "www.shop.example", "AAAA")
    assert (without.rcode(), without.answer, len(without.authority)) == (dns.rcode.NOERROR, [], 1)
    assert addresses(asked(zone, ORIGIN, "NS")) == set(SERVERS)
    assert zone.answer(b"no DNS") is None


def test_the_serial_of_the_zone_grows_with_its_changes(zone: PublicZone) -> None:
    """As secondaries expect it."""

    def serial() -> int:
        return int(asked(zone, ORIGIN, "SOA").answer[0][0].serial)

    before = serial()
    zone.learn(service("one", "192.0.2.1", "www.shop.example", "30"))
    assert serial() == before
    zone.learn(service("one", "192.0.2.7", "www.shop.example", "30"))
    assert serial() == before + 1


def test_an_answer_that_does_not_fit_a_datagram_says_so(zone: PublicZone) -> None:
    """The client asks again by TCP, where it fits."""
    for number in range(60):
        zone.learn(service(f"more-{number}", f"198.51.100.{number}", "www.shop.example"))
    short, whole = asked(zone, "www.shop.example", most=512), asked(zone, "www.shop.example")
    assert (bool(short.flags & dns.flags.TC), addresses(short), len(addresses(whole))) == (True, set(), 62)
