"""Commands to the servers of a cache, with timeouts; which servers a cluster has, as each of them reports; keys of the harness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from harness.errors import ConfigurationError, DriverError, TargetUnreachable
from harness.model.planned.need import RequiredKey
from harness.targets.files.cache import PORT, PREFIX, CacheServer, CacheSettings
from harness.targets.files.listeners import place_of
from harness.targets.files.target import Target

if TYPE_CHECKING:
    from redis import Redis

WITHIN_S: Final = 2.0
"""Time for a connection, and for each answer, in s."""
SLOTS: Final = 16_384
_RIGHTS: Final = ("NOAUTH", "NOPERM", "WRONGPASS", "unknown command")
"""Beginnings of refusals that come from the user, or from a server that has no such command."""
CACHE: Final = RequiredKey("cache", "the caches are asked")
MAY_WRITE: Final = RequiredKey("may_write", "keys are written into the cache")


class CommandRefused(DriverError):
    """The server refused a command.

    Attributes:
        decides: whether that is a fault of the cache; a refusal of the user, an unknown command and a slot that moves are none.
    """

    def __init__(self, what: str, *, where: str, hint: str, decides: bool) -> None:
        super().__init__(what, where=where, hint=hint)
        self.decides = decides


class CacheAddress(NamedTuple):
    """Host and port of a server."""

    host: str
    port: int

    def __str__(self) -> str:
        return place_of(*self)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterNode:
    """A server, as another one of its cluster sees it.

    Attributes:
        id: its id. primary: id of its primary; empty: it is one itself.
        at: where it is reached. host: address that it announces.
        slots: number of hash slots that it serves.
        ranges: first and last slot of each of its ranges.
        state: `ok`; `fail`, if the cluster agrees that it is gone; `unknown` if only one server finds so.
    """

    id: str
    primary: str
    at: CacheAddress
    host: str
    slots: int
    ranges: tuple[tuple[int, int], ...]
    state: str

    def serves(self, slot: int | None) -> bool:
        """Whether a hash slot is one of its own."""
        return slot is not None and any(first <= slot <= last for first, last in self.ranges)


@dataclass(kw_only=True, slots=True)
class CacheConnection:
    """A connection to one server of a cache.

    Attributes:
        server: what the target file says.
        at: the server.
        client: the client of redis-py.
    """

    server: CacheServer
    at: CacheAddress
    client: Redis = field(repr=False)

    def ask(self, *words: str | int | bytes) -> Any:
        """The answer to a command.

        Raises:
            TargetUnreachable: no connection, or no answer in time.
            CommandRefused: the server refused the command.
        """
        with self._answered(words[0]):
            return self.client.execute_command(*words)  # type: ignore[no-untyped-call]

    def ask_each(self, commands: Sequence[Sequence[str | bytes]]) -> list[Any]:
        """The answers to commands that are sent together. Raises as `ask`."""
        with self._answered(commands[0][0] if commands else ""), self.client.pipeline(transaction=False) as pipeline:
            for words in commands:
                pipeline.execute_command(*words)  # type: ignore[no-untyped-call]
            answers: list[Any] = pipeline.execute(raise_on_error=False)  # an error that it raises has the key in it
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
            return answers

    @contextmanager
    def _answered(self, word: object) -> Iterator[None]:
        """Context in which errors of the client are those of `ask`."""
        from redis import exceptions

        try:
            yield
        except (exceptions.AuthenticationError, exceptions.ResponseError) as error:
            said = " ".join(str(error).split())
            of_rights = isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError)
            hint = (
                "check `user` and `password` of the cache, and that the user may run the command" if of_rights else ""
            )
            moves = isinstance(error, exceptions.AskError | exceptions.MovedError | exceptions.TryAgainError)
            decides = not (of_rights or moves or said.startswith(_RIGHTS))
            raise CommandRefused(f"refused {word}: {said}", where=str(self.at), hint=hint, decides=decides) from error
        except (exceptions.RedisError, OSError) as error:
            what = " ".join(str(error).split()) or type(error).__name__
            raise TargetUnreachable(f"no answer from the cache: {what}", where=str(self.at)) from error

    def info(self, section: str) -> Mapping[str, Any]:
        """A section of INFO. Raises as `ask`."""
        found = self.ask("INFO", section)
        return found if isinstance(found, Mapping) else {}

    def nodes(self) -> list[ClusterNode]:
        """The servers of its cluster, as this server sees them; none if it is not in a cluster.

        Raises:
            DriverError: the server does not say whether it is in a cluster, or what `ask` raises.
        """
        enabled = self.info("cluster").get("cluster_enabled")
        if enabled is None:
            hint = "name a server itself: behind a proxy it is not known"
            raise DriverError("does not say whether it is in a cluster (INFO)", where=str(self.at), hint=hint)
        if not enabled:
            return []
        return cluster_nodes(self.ask("CLUSTER NODES"), self.at.host)


def cluster_nodes(seen: object, asked: str) -> list[ClusterNode]:
    """The servers of an answer to CLUSTER NODES, by address; `asked` is the host of the server that answered."""
    found = seen.items() if isinstance(seen, Mapping) else ()
    return sorted((_node(address, one, asked) for address, one in found), key=lambda one: one.at)


def _node(address: str, seen: Mapping[str, Any], asked: str) -> ClusterNode:
    host, _, port = address.rpartition(":")
    host = host or asked  # of itself, before another server has told it its address
    flags = str(seen["flags"]).split(",")
    ranges = tuple((int(one[0]), int(one[-1])) for one in seen["slots"])
    down = "unknown" if {"fail?", "handshake", "noaddr"} & {*flags} else "ok"
    return ClusterNode(
        id=str(seen["node_id"]),
        primary="" if seen["master_id"] == "-" else str(seen["master_id"]),
        at=CacheAddress(str(seen["hostname"] or host), int(port or 0)),
        host=host,
        slots=sum(last - first + 1 for first, last in ranges),
        ranges=ranges,
        state="fail" if "fail" in flags else down,
    )


def cache_of(target: Target) -> CacheSettings:
    """The section `cache`.

    Raises:
        ConfigurationError: the target file has none.
    """
    if target.cache is None:
        hint = "write `cache: {servers: {NAME: {at: 'redis://HOST:6379'}}}`"
        raise ConfigurationError("names no cache", where=f"{target.file}: cache", hint=hint)
    return target.cache


def servers_of(target: Target) -> Mapping[str, CacheServer]:
    """Every cache, by name.

    Raises:
        ConfigurationError: the target file names none.
    """
    if not (servers := cache_of(target).servers):
        hint = "write `cache: {servers: {NAME: {at: 'redis://HOST:6379'}}}`"
        raise ConfigurationError("names no server", where=f"{target.file}: cache.servers", hint=hint)
    return servers


def require_keys(target: Target) -> None:
    """Check that the harness may write keys of its own.

    Raises:
        ConfigurationError: `may_write` does not allow it.
    """
    if not target.caches_probed:
        hint = f"write `may_write: [{{keys: '{PREFIX}*'}}]`; each key is removed, and expires after a minute"
        raise ConfigurationError(
            f"does not allow keys that begin with `{PREFIX}`", where=f"{target.file}: may_write", hint=hint
        )


def address_of(server: CacheServer) -> CacheAddress:
    """The address that the target file names."""
    parts = urlsplit(server.at)
    return CacheAddress(parts.hostname or "", parts.port or PORT)


def options_of(target: Target, server: CacheServer, at: CacheAddress, within_s: float = WITHIN_S) -> dict[str, Any]:
    """How a client of redis-py reaches one server, apart from retries.

    Raises:
        ConfigurationError: redis-py is not installed, or a secret or a certificate cannot be read.
    """
    from harness.extras import CACHE as EXTRA
    from harness.extras import require

    require(EXTRA, "a cache", f"{target.file}: cache")
    parts = urlsplit(server.at)
    tls = parts.scheme == "rediss"
    files = (target.tls.ca_file, target.tls.client_cert, target.tls.client_key)
    ca, certificate, key = (str(target.beside(one)) if one else None for one in files)
    return {
        "host": at.host,
        "port": at.port,
        "db": server.database,
        "username": server.user or None,
        "password": server.password.resolve() if server.password is not None else None,
        "socket_timeout": within_s,
        "socket_connect_timeout": within_s,
        "decode_responses": True,
        "protocol": 2,
        "ssl": tls,
        "ssl_ca_certs": ca,
        "ssl_certfile": certificate if tls else None,
        "ssl_keyfile": key if tls else None,
    }


@contextmanager
def connected(
    target: Target, server: CacheServer, at: CacheAddress | None = None, *, text: bool = True
) -> Iterator[CacheConnection]:
    """Context of a connection to a server of a cache, by default the one that the target file names.

    Args:
        target: whose cache.
        server: what the target file says.
        at: the server; None: the one that is named.
        text: whether answers are text; a key may be bytes that are not.

    Raises:
        ConfigurationError: redis-py is not installed, a secret or a certificate cannot be read.
    """
    at = at or address_of(server)
    options: dict[str, Any] = {**options_of(target, server, at), "decode_responses": text}
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    client = Redis(**options, retry=Retry(NoBackoff(), 0))
    try:
        yield CacheConnection(server=server, at=at, client=client)
    finally:
        client.close()


def members_of(target: Target, server: CacheServer) -> Sequence[ClusterNode]:
    """The servers of a cluster, as the named server sees them; none if the cache is not a cluster. Raises as `connected` and `ask`."""
    with connected(target, server) as connection:
        return connection.nodes()


def endpoints_of(target: Target, server: CacheServer, *, gone: bool = False) -> list[CacheAddress]:
    """Every server of a cache, without those that its cluster counts as gone unless `gone`. Raises as `members_of`."""
    nodes = members_of(target, server)
    if nodes:
        return sorted(one.at for one in nodes if gone or one.state != "fail")
    return [address_of(server)]


def watched_key(slot: int | None) -> str:
    """The key in a hash slot that the watcher of caches reads and writes; its value is how often it was read: `lookups_text`."""
    return key_in(slot, "watch")


def lookups_text(hits: int, misses: int) -> str:
    """How often a key of the watcher was read, as its value."""
    return f"{hits} {misses}"


def lookups_in(value: object) -> tuple[int, int]:
    """Hits and misses in a value of `lookups_text`; none in any other."""
    match str(value).split():
        case [hits, misses] if hits.isdigit() and misses.isdigit():
            return int(hits), int(misses)
    return 0, 0


def key_in(slot: int | None, word: str) -> str:
    """A key of the harness that ends in a word, in a hash slot of a cluster, or in any."""
    if slot is None:
        return f"{PREFIX}{word}"
    from redis.crc import key_slot

    number = next(one for one in count() if key_slot(str(one).encode()) == slot)
    return f"{PREFIX}{{{number}}}{word}"
