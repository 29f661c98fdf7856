"""Checks while a fault may be active whether the target still answers at any address.

A target that has disappeared is detected within seconds.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.errors import TargetGone
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.targets import Target

GONE_AFTER_S: Final = 4.0
"""Seconds without an answer from any address after which a target counts as gone."""
EVERY_S: Final = 0.5
TIMEOUT_S: Final = 1.0
"""Timeout of one probe of an address, in seconds.

Every address is probed twice within the 5 s in which a lost target must be detected, so a machine that is busy for a moment is not lost.
"""
_AT_MOST_S: Final = EVERY_S + 2 * TIMEOUT_S
"""Longest time that one check can add to the silence: first the address that answered last, then all others.

If more time has passed, no probe was sent: the harness itself was stopped, or was busy.
"""


class Presence:
    """The addresses of a target, each with a probe that shows whether it gives any answer.

    A run measures outages of the entry. The target is lost if its API server and every entry of a region are silent as well.
    Without an API server an outage and a lost target look alike: the target is lost if it is out for longer than the run observes.

    Args:
        probes: address → probe.
        has_api_server: whether one of the addresses is the API server.
        recover: command with which a person recovers the target.
    """

    def __init__(self, probes: Mapping[str, Callable[[], bool]], *, has_api_server: bool, recover: str) -> None:
        self._probes = dict(probes)
        self._has_api_server = has_api_server
        self._recover = recover
        self._answered = next(iter(self._probes), "")
        self._due_ns = self._asked_ns = clock.now_ns()
        self._silent_s = 0.0
        self._gone_after_s = GONE_AFTER_S

    def begin(self, observe_s: float) -> None:
        """Start: a fault may be active from now on; its outage is observed, and its end is waited for, `observe_s` seconds in total.

        The target counts as reachable until now.
        """
        self._due_ns = self._asked_ns = clock.now_ns()
        self._silent_s = 0.0
        self._gone_after_s = GONE_AFTER_S if self._has_api_server else GONE_AFTER_S + observe_s

    def check(self) -> None:
        """Probe the addresses if the next probe is due.

        Raises:
            TargetGone: no address has answered for `GONE_AFTER_S`; without an API server, for `GONE_AFTER_S` longer than the outage
                is observed.
        """
        if clock.now_ns() < self._due_ns:
            return
        answers, now_ns = self._any(), clock.now_ns()
        self._silent_s = 0.0 if answers else self._silent_s + min((now_ns - self._asked_ns) / NS_PER_S, _AT_MOST_S)
        self._asked_ns, self._due_ns = now_ns, now_ns + round(EVERY_S * NS_PER_S)
        if self._silent_s >= self._gone_after_s:
            raise TargetGone(
                f"the target is gone: none of its addresses has answered for {self._silent_s:.1f} s",
                where=", ".join(self._probes),
                hint=f"start the target again, then run `{self._recover}`; the evidence so far is kept, but is not sufficient for a decision",
            )

    def _any(self) -> bool:
        """Whether an address answers: probes the address that answered last, then all others at the same time."""
        if self._answered and self._probes[self._answered]():
            return True
        others = [name for name in self._probes if name != self._answered]
        self._answered = ""
        if others:
            with ThreadPoolExecutor(len(others)) as pool:
                answers = zip(others, pool.map(lambda name: self._probes[name](), others), strict=True)
                self._answered = next((name for name, ok in answers if ok), "")
        return bool(self._answered)


def presence_of(target: Target) -> Presence:
    """The presence check of a target: its API server, its entry, and the entries of its regions.

    Raises:
        ConfigurationError: the kubeconfig cannot be read.
    """
    from harness.targets.cluster.kubeconfig import api_client
    from harness.targets.http import proxy_for
    from harness.targets.undo import recover_command

    probes = {}
    if target.kubernetes is not None:
        configuration = api_client(target).configuration
        probes[configuration.host] = _prober(configuration.host, "/version", configuration.proxy)
    for url in (target.entry, *target.doors.values()):
        probes[url] = _prober(url, target.probes.health, proxy_for(target, url))
    return Presence(probes, has_api_server=target.kubernetes is not None, recover=recover_command(target))


def _prober(url: str, path: str, proxy: str | None) -> Callable[[], bool]:
    """A probe of whether one address answers, directly or through a proxy.

    A refusal counts as an answer, and so does one whose certificate is not trusted.
    """
    import httpx

    def answers() -> bool:
        try:
            # nothing is believed of the answer, so nothing has to be verified
            httpx.get(f"{url}{path}", timeout=TIMEOUT_S, verify=False, trust_env=False, proxy=proxy)  # noqa: S501
        except (
            httpx.TransportError
        ) as error:  # who wants a client's certificate says so while connecting, or when it is read
            return "SSL" in str(error).upper()
        except httpx.HTTPError:
            return False
        return True

    return answers
