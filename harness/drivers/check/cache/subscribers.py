"""`cache-messages`: checks that a message is received by every subscriber, and that the platform's own subscribers are there."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.drivers.check.cache.memory import SERVERS
from harness.drivers.check.claim import When, claim
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError, TargetUnreachable
from harness.model import Quantity
from harness.targets import Target
from harness.targets.caches import (
    CACHE,
    MAY_WRITE,
    WITHIN_S,
    CacheAddress,
    CacheConnection,
    CommandRefused,
    connected,
    endpoints_of,
    require_keys,
    servers_of,
)
from harness.targets.files.cache import PREFIX, CacheServer

if TYPE_CHECKING:
    from redis.client import PubSub

_MESSAGES: Final = 10
"""Messages that are published through each server."""
_LONGER: Final = 2.0
"""Factor by which messages are awaited longer than they may take, so that late and lost ones differ."""
_POLL_S: Final = 0.005
_NO_SHARDS: Final = re.compile("unknown (subcommand|pubsub)|wrong number of arguments|syntax error", re.IGNORECASE)
"""What a server without channels of shards, as Redis 6, says to a question about them."""
Received = dict[CacheAddress, list[tuple[str, int]]]
"""Messages that each subscriber got, and when."""


@claim(
    "every message published reaches every subscriber within <limit:duration>[ in the steady state]",
    example="every message published reaches every subscriber within 1 s in the steady state",
    needs=(CACHE, SERVERS, MAY_WRITE),
    when=When.UNDER_TRAFFIC,
)
def cache_messages(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Ten messages are published through every server of every cache, on a channel of the harness with a subscriber at every server; each of these must get each message once.

    The subscribers of each channel in `channels` are counted at every server (`PUBSUB NUMSUB`).
    """
    require_keys(target)
    servers, limit_s = servers_of(target), Quantity.parse(params["limit"]).base
    if not any(server.channels for server in servers.values()):
        hint = "write `cache: {servers: {NAME: {channels: {CHANNEL: NUMBER}}}}`, with the number of the platform's subscribers"
        what = "does not say how many subscribers of the platform there are"
        raise ConfigurationError(what, where=f"{target.file}: cache.servers", hint=hint)

    def probe() -> Sequence[FactReading]:
        found: list[FactReading] = []
        for name, server in servers.items():
            at = endpoints_of(target, server)
            found += _published(target, name, server, at, limit_s)
            found += [_subscribed(target, name, server, at, channel) for channel in server.channels]
        return found

    return probe


def _published(
    target: Target, name: str, server: CacheServer, at: Sequence[CacheAddress], limit_s: float
) -> list[FactReading]:
    channel = f"{PREFIX}{secrets.token_hex(8)}"
    with ExitStack() as stack:
        try:
            listeners = {one: stack.enter_context(_listener(target, server, one, channel)) for one in at}
            publishers = [stack.enter_context(connected(target, server, one)) for one in at]
            got: Received = {one: [] for one in at}
            for publisher in publishers:
                publisher.ask("PUBSUB NUMSUB", channel)  # opens its connection, whose time is not that of a message
            sent = _sent(publishers, channel, listeners, got)
        except (TargetUnreachable, CommandRefused) as error:
            ok = False if isinstance(error, CommandRefused) and error.decides else None
            expected = f"every message within {limit_s:g} s"
            return [FactReading(subject=f"messages of {name}", expected=expected, observed=error.what, ok=ok)]
        for _ in clock.Deadline.after(_LONGER * limit_s).ticks(_POLL_S):
            _receive(listeners, got)
            if all(len(one) >= len(sent) for one in got.values()):
                break
    return [_of_one(f"{name}, subscriber at {one}", sent, got[one], limit_s) for one in at]


def _sent(
    publishers: Sequence[CacheConnection], channel: str, listeners: Mapping[CacheAddress, PubSub], got: Received
) -> dict[str, int]:
    """Each message, and when it was published. What comes is received beside: to servers far away publishing takes longer than a message may."""
    sent: dict[str, int] = {}

    def publish() -> None:
        for number in range(_MESSAGES):
            for publisher in publishers:
                message = f"{publisher.at} {number}"
                sent[message] = clock.now_ns()
                publisher.ask("PUBLISH", channel, message)

    with ThreadPoolExecutor(1) as beside:
        publishing = beside.submit(publish)
        while not publishing.done():
            _receive(listeners, got)
            clock.sleep(_POLL_S)
        publishing.result()
    return sent


@contextmanager
def _listener(target: Target, server: CacheServer, at: CacheAddress, channel: str) -> Iterator[PubSub]:
    """Context of a subscription that the server has confirmed. Raises as `CacheConnection.ask`."""
    from redis import exceptions

    with connected(target, server, at) as connection:
        listener = connection.client.pubsub()  # type: ignore[no-untyped-call]
        try:
            listener.subscribe(channel)
            if listener.get_message(timeout=WITHIN_S) is None:
                raise TargetUnreachable("no answer to SUBSCRIBE", where=str(at))
            yield listener
        except (exceptions.RedisError, OSError) as error:
            raise TargetUnreachable(f"no answer to a subscriber: {error}", where=str(at)) from error
        finally:
            listener.close()


def _receive(listeners: Mapping[CacheAddress, PubSub], got: Received) -> None:
    """Add what each subscriber has got by now, and when."""
    for at, listener in listeners.items():
        while (message := listener.get_message(ignore_subscribe_messages=True, timeout=0.0)) is not None:
            got[at].append((str(message["data"]), clock.now_ns()))


def _of_one(subject: str, sent: Mapping[str, int], got: Sequence[tuple[str, int]], limit_s: float) -> FactReading:
    first = dict(reversed(got))
    took_s = [(first[one] - at_ns) / 1e9 for one, at_ns in sent.items() if one in first]
    late, lost = sum(one > limit_s for one in took_s), len(sent) - len(took_s)
    again = len(got) - len(first)
    said = [f"{len(took_s)} of {len(sent)}, the slowest after {1000 * max(took_s, default=0.0):.0f} ms"]
    said += [f"{late} late"] if late else []
    said += [f"{again} more than once"] if again else []
    return FactReading(
        subject=subject,
        expected=f"every message once, within {limit_s:g} s",
        observed=", ".join(said),
        ok=not (late or lost or again),
    )


def _subscribed(
    target: Target, name: str, server: CacheServer, at: Sequence[CacheAddress], channel: str
) -> FactReading:
    expected = server.channels[channel]
    subject = f"{name}, subscribers of {channel}"
    try:
        count = sum(_number(target, server, one, "NUMSUB", channel) for one in at)
        count += sum(_of_shards(target, server, one, channel) for one in at) if count < expected else 0
        patterns = 0 if count >= expected else sum(_patterns(target, server, one) for one in at)
    except DriverError as error:
        return FactReading(subject=subject, expected=f"at least {expected}", observed=error.what, ok=None)
    ok = None if patterns else count >= expected  # a server does not say who is subscribed to a pattern
    observed = f"{count}, and {patterns} patterns, whose subscribers are in no count" if patterns else str(count)
    return FactReading(subject=subject, expected=f"at least {expected}", observed=observed, ok=ok)


def _patterns(target: Target, server: CacheServer, at: CacheAddress) -> int:
    """Number of patterns that are subscribed to at one server."""
    with connected(target, server, at) as connection:
        return int(connection.ask("PUBSUB NUMPAT"))


def _of_shards(target: Target, server: CacheServer, at: CacheAddress, channel: str) -> int:
    """Number of subscribers of the channel of a shard; none where the server has no such channels."""
    try:
        return _number(target, server, at, "SHARDNUMSUB", channel)
    except CommandRefused as error:
        if _NO_SHARDS.search(error.what):
            return 0
        raise


def _number(target: Target, server: CacheServer, at: CacheAddress, what: str, channel: str) -> int:
    """Number of subscribers that one server has. Raises DriverError if it does not say it."""
    with connected(target, server, at) as connection:
        found = connection.ask(f"PUBSUB {what}", channel)
    try:
        pair = found[0] if isinstance(found[0], Sequence) and not isinstance(found[0], str) else found
        return int(pair[1])
    except (TypeError, ValueError, IndexError):
        raise DriverError(f"PUBSUB {what} was answered with {found!r}", where=str(at)) from None
