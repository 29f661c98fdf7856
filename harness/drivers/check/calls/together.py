"""Sends many requests, a given number of them at once, and returns the answer of each."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final

from harness import clock
from harness.targets import Target
from harness.targets.http import proxy_for, tls_context
from harness.targets.loops import run_in_loop
from harness.units import NS_PER_S

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, kw_only=True, slots=True)
class CallAnswer:
    """The result of one request.

    Attributes:
        status: HTTP status; 0 if no answer came in time.
        seconds: from sending the request to its answer, or to the end of waiting.
        headers, body: of the answer; the body is cut at 64 KiB, unless all of it is asked for.
        why: why no answer came.
    """

    status: int
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallPlan:
    """One request.

    Attributes:
        method, path: of its first line; the path is encoded.
        body: JSON value of its body; None: it has none.
        form: fields of a form that is its body; None: it has none.
        headers: further headers; they are not printed, since they may have a credential.
    """

    method: str
    path: str
    body: Any = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


_LONGEST: Final = 64 * 1024
_LARGEST: Final = 64 * 1024 * 1024


def send_together(
    target: Target,
    entry: str,
    calls: Sequence[CallPlan],
    *,
    at_once: int,
    within_s: float,
    per_s: float = math.inf,
    source: str = "",
    whole: bool = False,
) -> list[CallAnswer]:
    """Send the calls; returns the answers in the order of the calls.

    Args:
        target: its certificates and proxy rule are used.
        entry: base address of the paths.
        calls: the requests.
        at_once: number of requests sent at the same time, each on its own connection.
        within_s: timeout of each request, in seconds from sending it.
        per_s: greatest number of requests per second.
        source: address of this machine from which the requests are sent; empty: the system chooses it.
        whole: whether bodies are not cut.
    """
    longest = _LARGEST if whole else _LONGEST
    sending = _Sending(at_once=at_once, within_s=within_s, per_s=per_s, source=source, longest=longest)
    return run_in_loop(_all(target, entry, calls, sending))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sending:
    """How requests are sent; fields as the arguments of `send_together`, `longest` bytes of each body are read."""

    at_once: int
    within_s: float
    per_s: float
    source: str
    longest: int


async def _all(target: Target, entry: str, calls: Sequence[CallPlan], how: _Sending) -> list[CallAnswer]:
    import httpx  # here, so that a replay, which sends no request, starts quickly

    gate = asyncio.Semaphore(how.at_once)
    limits = httpx.Limits(max_connections=how.at_once, max_keepalive_connections=how.at_once)
    tls, proxy = tls_context(target), proxy_for(target, entry)
    client = httpx.AsyncClient(
        base_url=entry,
        timeout=httpx.Timeout(None),  # `_sent` limits all of it
        transport=httpx.AsyncHTTPTransport(verify=tls, proxy=proxy, limits=limits, local_address=how.source or None),
        trust_env=False,
    )
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))  # no call has what another caller was given
    began_s = clock.now_s()

    async def one(number: int, call: CallPlan) -> CallAnswer:
        await clock.asleep(began_s + number / how.per_s - clock.now_s())
        async with gate:
            return await _sent(client, call, how.within_s, how.longest)

    async with client:
        return list(await asyncio.gather(*(one(number, call) for number, call in enumerate(calls))))


async def _sent(client: httpx.AsyncClient, call: CallPlan, within_s: float, longest: int) -> CallAnswer:
    import httpx

    began_ns = clock.now_ns()

    def seconds() -> float:
        return (clock.now_ns() - began_ns) / NS_PER_S

    try:
        request = client.build_request(call.method, call.path, json=call.body, data=call.form, headers=call.headers)
    except (httpx.InvalidURL, ValueError) as error:  # a path, a header or a number that cannot be written
        return CallAnswer(status=0, seconds=0.0, why=f"the request cannot be written ({type(error).__name__})")
    try:
        answer = await clock.within(within_s, client.send(request))
    except (TimeoutError, httpx.TimeoutException):
        return CallAnswer(status=0, seconds=seconds(), why=f"no answer within {within_s:g} s")
    except httpx.HTTPError as error:
        return CallAnswer(status=0, seconds=seconds(), why=f"no answer ({type(error).__name__})")
    return CallAnswer(
        status=answer.status_code, seconds=seconds(), headers=dict(answer.headers), body=answer.content[:longest]
    )


def counted_by(answers: Sequence[CallAnswer], words: Callable[[CallAnswer], str]) -> str:
    """The number of answers of each kind: `198 answered, 2 refused with 503`."""
    kinds: dict[str, int] = {}
    for answer in answers:
        kinds[words(answer)] = kinds.get(words(answer), 0) + 1
    return ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items(), key=lambda item: (-item[1], item[0])))
