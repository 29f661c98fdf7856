"""Sends calls of several clients on schedule, each client in its own connections; a late answer delays no later call."""

from __future__ import annotations

import asyncio
import email.utils
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from harness import clock
from harness.targets import Target
from harness.targets.http import proxy_for, tls_context
from harness.targets.loops import run_in_loop
from harness.units import NS_PER_S

if TYPE_CHECKING:
    import aiohttp

WITHIN_S: Final = 5.0
"""Timeout of an answer, in s."""
CONNECTIONS: Final = 40
"""Number of connections of one client."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallingClient:
    """A client and its part of a burst.

    Attributes:
        name: what it is called, without a secret.
        headers: headers with its credentials.
        address: address of this machine from which it calls; empty: any.
        per_s: calls per second.
    """

    name: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    address: str = ""
    per_s: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitedAnswer:
    """The answer to one call.

    Attributes:
        sent_ns, at_ns: when the call was sent, and when its answer was there.
        status: HTTP status; 0: no answer.
        retry_after: whether it has a header Retry-After with seconds or a date. Source: RFC 9110, section 10.2.3.
        why: why there is no answer.
    """

    sent_ns: int
    at_ns: int
    status: int
    retry_after: bool = False
    why: str = ""

    @property
    def words(self) -> str:
        """`status 200`, or why there is no answer."""
        return self.why or f"status {self.status}"

    @property
    def is_limited(self) -> bool:
        """Whether it is 429 with Retry-After."""
        return self.status == 429 and self.retry_after

    @property
    def is_served(self) -> bool:
        """Whether the call was served."""
        return 200 <= self.status < 300


def send_for(
    target: Target, path: str, clients: Sequence[CallingClient], seconds: float
) -> dict[str, list[LimitedAnswer]]:
    """Let the clients call a path of the entry for some seconds: the answers of each by its name, in the order of the calls.

    Args:
        target: its entry, certificates and proxy rule are used.
        path: path that is read.
        clients: clients, each with its own rate.
        seconds: length of the burst, in s.
    """
    return run_in_loop(_all(target, path, clients, seconds))


async def _all(
    target: Target, path: str, clients: Sequence[CallingClient], seconds: float
) -> dict[str, list[LimitedAnswer]]:
    import aiohttp  # here, so that a replay, which sends no request, starts quickly; a call costs a tenth of what it costs by httpx

    context, proxy = tls_context(target), proxy_for(target, target.entry)
    async with AsyncExitStack() as stack:
        opened = []
        for one in clients:
            local = (one.address, 0) if one.address else None
            connector = aiohttp.TCPConnector(ssl=context, limit=CONNECTIONS, local_addr=local)
            session = aiohttp.ClientSession(
                connector=connector,
                headers=one.headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),  # `_sent` limits all of it
            )
            opened.append(await stack.enter_async_context(session))
        begun_ns = clock.now_ns()
        found = await asyncio.gather(
            *(
                _of_client(_Call(session, target.entry + path, proxy), one, begun_ns, seconds)
                for session, one in zip(opened, clients, strict=True)
            )
        )
    return {one.name: answers for one, answers in zip(clients, found, strict=True)}


async def _of_client(call: _Call, one: CallingClient, begun_ns: int, seconds: float) -> list[LimitedAnswer]:
    tasks: list[asyncio.Task[LimitedAnswer]] = []
    for number in range(max(round(one.per_s * seconds), 1)):
        due_ns = begun_ns + round(number / one.per_s * NS_PER_S)
        if clock.now_ns() > begun_ns + round((seconds + WITHIN_S) * NS_PER_S):
            break  # this machine cannot send so many
        await clock.asleep((due_ns - clock.now_ns()) / NS_PER_S)
        tasks.append(asyncio.create_task(call.sent()))
    return list(await asyncio.gather(*tasks))


class _Call(NamedTuple):
    """A call that is sent again and again."""

    session: aiohttp.ClientSession
    url: str
    proxy: str | None

    async def sent(self) -> LimitedAnswer:
        """Send it once."""
        import aiohttp

        sent_ns = clock.now_ns()
        try:
            status, again = await clock.within(WITHIN_S, self._answered())
        except TimeoutError:
            why = f"no answer within {WITHIN_S:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:  # also a header that cannot be written
            why = f"no answer ({type(error).__name__})"
        else:
            return LimitedAnswer(sent_ns=sent_ns, at_ns=clock.now_ns(), status=status, retry_after=_says_when(again))
        return LimitedAnswer(sent_ns=sent_ns, at_ns=clock.now_ns(), status=0, why=why)

    async def _answered(self) -> tuple[int, str]:
        async with self.session.get(self.url, proxy=self.proxy, allow_redirects=False) as answer:
            await answer.read()
            return answer.status, answer.headers.get("retry-after", "")


def _says_when(value: str) -> bool:
    """Whether a value of Retry-After is a number of seconds, or a date."""
    if value.strip().isdecimal():
        return True
    try:
        return bool(value) and bool(email.utils.parsedate_to_datetime(value))
    except ValueError:
        return False
