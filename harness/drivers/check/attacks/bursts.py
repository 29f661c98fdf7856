"""Sends bursts of forged tokens or wrong passwords from an address of their own, and reads when the alert fires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Final, Literal, NamedTuple

from harness import clock
from harness.drivers.check.layers.switches import switched_off
from harness.drivers.check.monitor.prometheus import PrometheusClient
from harness.drivers.check.planted.calls import CallMaker, PlantedCall, require_allowed, sign_in_of
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.files.attacks import AttackSettings
from harness.targets.files.planted import DeclaredCall

Attack = Literal["forged-tokens", "wrong-passwords"]
_POLL_S: Final = 0.2
_TOGETHER: Final = 5
"""Number of requests of a burst that are sent at the same time."""


class Alerted(NamedTuple):
    """When an alert was seen to fire, in s since the first request of the attack.

    Attributes:
        before_s: last reading without it. at_s: first reading with it; None: it was not seen.
    """

    before_s: float
    at_s: float | None


def attacks_of(target: Target, attack: Attack) -> tuple[AttackSettings, str]:
    """The section `attacks` of the target file, and the alert that this attack must raise.

    Raises:
        ConfigurationError: it does not name them, or `may_write` does not allow wrong passwords.
    """
    settings = target.attacks
    if settings is None or attack not in settings.alerts:
        hint = f"write `attacks: {{alerts: {{{attack}: ALERT}}, …}}`"
        raise ConfigurationError("names no alert for the attack", where=f"{target.file}: attacks.alerts", hint=hint)
    require_allowed(target, [settings.protected, attacking(target, settings, attack)])
    return settings, settings.alerts[attack]


def attacking(target: Target, settings: AttackSettings, attack: Attack) -> DeclaredCall:
    """The request of which the attack consists."""
    if attack == "forged-tokens":
        return settings.protected.model_copy(update={"by": "forged"})
    return DeclaredCall(call=f"POST {sign_in_of(target).path}", by="wrong-password")


@dataclass(kw_only=True, slots=True)
class Attacker:
    """A client that attacks.

    Attributes:
        target: target. settings: its section `attacks`. attack: what it does. alert: the alert that must fire.
        client: its address. maker: sends its requests.
    """

    target: Target
    settings: AttackSettings
    attack: Attack
    alert: str
    client: str
    maker: CallMaker

    @classmethod
    def of(cls, target: Target, attack: Attack, number: int) -> Attacker:
        """The attacker with this number, from 0; addresses are taken in turn."""
        settings, alert = attacks_of(target, attack)
        client = str(settings.clients[number % len(settings.clients)])
        own = {"more": {settings.header: client}} if settings.header else {"source": client}
        maker = CallMaker(target=target, **own)
        return cls(target=target, settings=settings, attack=attack, alert=alert, client=client, maker=maker)

    def is_firing(self, prometheus: PrometheusClient) -> bool:
        """Whether the alert fires, for this client where its labels name clients."""
        label = self.settings.label
        found = prometheus.firing(self.alert)
        return any(not label or labels.get(label) == self.client for labels in found)

    def is_quiet(self, prometheus: PrometheusClient, for_s: float, within_s: float) -> bool:
        """Whether the alert is silent for some seconds in a row, within a time."""
        since_s: float | None = None
        for _ in clock.Deadline.after(within_s + for_s).ticks(_POLL_S):
            now_s = clock.now_s()
            since_s = None if self.is_firing(prometheus) else since_s if since_s is not None else now_s
            if since_s is not None and now_s - since_s >= for_s:
                return True
        return False

    def let_in(self, within_s: float) -> tuple[PlantedCall, bool]:
        """The first right call of the client that is let in, else the last within the time, and whether it was: a lifted block may take effect later."""
        call = self.settings.protected.model_copy(update={"by": "user"})
        for _ in clock.Deadline.after(within_s).ticks(_POLL_S):
            sent = self.maker.send([call])[0]
            if sent.answer.status not in self.settings.refused:
                break
        return sent, 200 <= sent.answer.status < 300

    def strike(self, prometheus: PrometheusClient, within_s: float) -> tuple[Alerted, list[PlantedCall]]:
        """Send the burst, and read the alert until it fires, or the time is over; once it fires, no more is sent."""
        call, rate, left = attacking(self.target, self.settings, self.attack), self.settings.rate, self.settings.calls
        self.maker.token()
        begin_s, fires = clock.now_s(), Event()

        def burst() -> list[PlantedCall]:
            sent: list[PlantedCall] = []
            pause_s = _TOGETHER / rate
            for _ in clock.Deadline.after(10 * left / rate).ticks(pause_s):
                if len(sent) >= left or fires.is_set():
                    break
                sent += self.maker.send([call] * min(_TOGETHER, left - len(sent)), at_once=_TOGETHER)
            return sent

        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(burst)
            alerted = self._awaited(prometheus, begin_s, within_s)
            fires.set()
            return alerted, sending.result()

    def _awaited(self, prometheus: PrometheusClient, begin_s: float, within_s: float) -> Alerted:
        before_s = 0.0
        for _ in clock.Deadline.after(within_s).ticks(_POLL_S):
            asked_s = clock.now_s() - begin_s
            if self.is_firing(prometheus):
                return Alerted(before_s, clock.now_s() - begin_s)
            before_s = asked_s
        return Alerted(before_s, None)

    @contextmanager
    def unblocked(self, check: str) -> Iterator[None]:
        """Context before whose begin and at whose end the client is not blocked; how that is done is on disk before the attack."""
        unblock = self.settings.unblock
        with switched_off(self.target, [unblock.of(self.client)] if unblock else [], f"block of {self.client}", check):
            yield


def answered(sent: list[PlantedCall]) -> Mapping[str, int]:
    """The number of answers of each kind."""
    counts: dict[str, int] = {}
    for one in sent:
        counts[one.got] = counts.get(one.got, 0) + 1
    return counts
