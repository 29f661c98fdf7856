"""nameserver: one authoritative DNS server of the platform's public names.

It does what ExternalDNS does for a zone: each Service with the annotation `external-dns.alpha.kubernetes.io/hostname` has a record with its
address, and the annotation `…/ttl` says how long it may be kept. Each server follows the Services by itself, by the Kubernetes API.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import signal
from collections.abc import Iterator, Mapping
from typing import Any, Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from .watching import Key, follow, key_of

PORT: Final = 5353
HOSTNAME: Final = "external-dns.alpha.kubernetes.io/hostname"
TTL: Final = "external-dns.alpha.kubernetes.io/ttl"
_TTL_S: Final = 60
_DATAGRAM: Final = 512
_LENGTH: Final = 2
"""Bytes of the length before each message by TCP."""


class PublicZone:
    """The records of one zone, made of the Services that name a host in it.

    Args:
        origin: the zone.
        servers: names of its servers.
        old: name to the address that a record keeps, although its Service has another one.
    """

    def __init__(self, origin: str, servers: tuple[str, ...], old: Mapping[str, str]) -> None:
        self._origin = dns.name.from_text(origin)
        self._servers = servers
        self._old = old
        self._found: dict[Key, tuple[dns.name.Name, str, int]] = {}
        self._serial = 1

    def learn(self, one: Mapping[str, Any], *, gone: bool = False) -> None:
        """Take over one Service, or forget it."""
        key, before = key_of(one), dict(self._found)
        self._found.pop(key, None)
        annotations = one["metadata"].get("annotations") or {}
        address = one["spec"].get("clusterIP", "")
        if not gone and HOSTNAME in annotations and address not in ("", "None"):
            host = annotations[HOSTNAME]
            ttl_s = int(annotations.get(TTL, _TTL_S))
            self._found[key] = dns.name.from_text(host), self._old.get(host, address), ttl_s
        self._serial += self._found != before

    def keep(self, there: set[Key]) -> None:
        """Forget all Services but these."""
        self._found = {key: one for key, one in self._found.items() if key in there}

    def answer(self, wire: bytes, most: int | None = None) -> bytes | None:
        """The answer to a message; truncated where it is longer than `most` and the client's own limit. None: it is no query."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        if query.flags & dns.flags.QR or not query.question:
            return None
        response = dns.message.make_response(query)
        asked = query.question[0]
        if not asked.name.is_subdomain(self._origin):
            response.set_rcode(dns.rcode.REFUSED)
            return response.to_wire()
        response.flags |= dns.flags.AA
        records = list(self._records(asked.name))
        if not records:
            response.set_rcode(dns.rcode.NXDOMAIN)
        response.answer = [one for one in records if one.rdtype == asked.rdtype]
        if not response.answer:
            response.authority = [self._soa()]
        try:
            return response.to_wire(max_size=max(most, query.payload or 0) if most else 65_535)
        except dns.exception.TooBig:
            response.answer, response.authority = [], []
            response.flags |= dns.flags.TC
            return response.to_wire()

    def _records(self, name: dns.name.Name) -> Iterator[dns.rrset.RRset]:
        """The record sets of a name; several Services of one name are several addresses."""
        mine = [(address, ttl_s) for host, address, ttl_s in self._found.values() if host == name]
        for kind in ("A", "AAAA"):
            of_kind = [one for one in mine if ipaddress.ip_address(one[0]).version == (4 if kind == "A" else 6)]
            if of_kind:
                ttl_s = min(ttl_s for _, ttl_s in of_kind)
                yield dns.rrset.from_text(name, ttl_s, "IN", kind, *sorted({address for address, _ in of_kind}))
        if name == self._origin:
            yield self._soa()
            yield dns.rrset.from_text(name, _TTL_S, "IN", "NS", *self._servers)

    def _soa(self) -> dns.rrset.RRset:
        said = f"{self._servers[0]} hostmaster.{self._origin} {self._serial} 60 30 3600 {_TTL_S}"
        return dns.rrset.from_text(self._origin, _TTL_S, "IN", "SOA", said)


class _Datagrams(asyncio.DatagramProtocol):
    """Answers by UDP."""

    def __init__(self, zone: PublicZone) -> None:
        self._zone = zone
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # typeshed names the base class
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        said = self._zone.answer(data, _DATAGRAM)
        if said is not None and self._transport is not None:
            self._transport.sendto(said, addr)


async def serve(zone: PublicZone, address: str, port: int) -> None:
    """Answer by UDP and TCP until SIGTERM, once the Services are known."""
    stop, known = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watch = asyncio.create_task(follow("/api/v1/services", zone, known.set))
    await known.wait()

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(_LENGTH))
                said = zone.answer(await reader.readexactly(length))
                if said is None:
                    break
                writer.write(len(said).to_bytes(_LENGTH) + said)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left, as a probe does
        finally:
            writer.close()

    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(zone), local_addr=(address, port))
    try:
        async with await asyncio.start_server(stream, address, port):
            await stop.wait()
    finally:
        transport.close()
        watch.cancel()


def main() -> None:
    """Serve as a pod: the zone ZONE, of the servers NAMESERVERS."""
    old = dict(one.split("=") for one in os.environ.get("DEFECT_OLD_RECORDS", "").split())
    zone = PublicZone(os.environ["ZONE"], tuple(os.environ["NAMESERVERS"].split()), old)
    asyncio.run(serve(zone, os.environ.get("POD_IP", "127.0.0.1"), int(os.environ.get("PORT", str(PORT)))))


if __name__ == "__main__":
    main()
