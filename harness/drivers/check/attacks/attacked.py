"""`forged-tokens`, `guessed-passwords` and `attacker-refused`: checks that planted attacks raise the alert in time, and that the attacker is refused then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness import clock
from harness.drivers.check.attacks.bursts import Alerted, Attack, Attacker, answered, attacks_of
from harness.drivers.check.claim import When, claim
from harness.drivers.check.monitor.prometheus import PrometheusClient, prometheus_of
from harness.drivers.check.needs import MONITOR, within
from harness.drivers.check.planted.calls import CallMaker, PlantedCall
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.model import Quantity
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.units import NS_PER_S

_ATTACKS: Final = RequiredKey("attacks", "attacks are planted")
_SIGN_IN: Final = RequiredKey("sign_in", "a user signs in, and is served while others attack")
_MAY_WRITE: Final = RequiredKey("may_write", "wrong passwords may lock the account of a user")
_FORM: Final = SentenceForm(
    "attack-alerted",
    "each of <bursts:count> planted bursts of <attack:noun>",
    "Each burst comes from an address of its own, after the alert was silent; from its first request to the alert firing in Prometheus.",
)
_POLL_S: Final = 0.3
_STAYS_S: Final = 5.0
"""Time for which every call of the attacker is refused, once it is."""
_CHECK: Final = "check attacks"


@claim(
    _FORM,
    "forged tokens raises the security alert within <limit:reaction>",
    example="each of 1 planted bursts of forged tokens raises the security alert within 60 s",
    needs=(_ATTACKS, MONITOR, _SIGN_IN, within("attacks.alerts.forged-tokens", "forged tokens must raise it")),
    when=When.AFTER_TRAFFIC,
    seconds=20.0,
    touches=("entry",),
    again=False,
)
def forged_tokens(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Tokens with another signature are sent to a protected operation, and the alert is read from Prometheus."""
    return _alerted(target, params, "forged-tokens", strict=False)


@claim(
    _FORM,
    "wrong passwords raises the security alert in less than <limit:reaction>",
    example="each of 5 planted bursts of wrong passwords raises the security alert in less than 30 s",
    needs=(
        _ATTACKS,
        MONITOR,
        _SIGN_IN,
        _MAY_WRITE,
        within("attacks.alerts.wrong-passwords", "wrong passwords must raise it"),
    ),
    when=When.AFTER_TRAFFIC,
    seconds=70.0,
    touches=("entry",),
    again=False,
)
def guessed_passwords(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The passwords of a planted user are guessed, and the alert is read from Prometheus."""
    return _alerted(target, params, "wrong-passwords", strict=True)


@claim(
    "every call of an attacking client is refused within <limit:reaction> of the alert and others are served",
    example="every call of an attacking client is refused within 60 s of the alert and others are served",
    needs=(
        _ATTACKS,
        MONITOR,
        _SIGN_IN,
        within("attacks.alerts.forged-tokens", "forged tokens must raise it"),
        within("attacks.unblock", "the attacking client is let in again at the end"),
    ),
    when=When.AFTER_TRAFFIC,
    seconds=25.0,
    touches=("entry",),
    again=False,
)
def attacker_refused(target: Target, params: Mapping[str, str]) -> FactProbe:
    """A client sends forged tokens until the alert fires; its right calls, which were let in before, are refused then, and those of another client are not."""
    limit_s = Quantity.parse(params["limit"]).base
    attacks_of(target, "forged-tokens")

    def probe() -> Sequence[FactReading]:
        attacker = Attacker.of(target, "forged-tokens", 0)
        with prometheus_of(target) as prometheus, attacker.unblocked(_CHECK):
            return list(_refused(attacker, prometheus, limit_s))

    return probe


def _alerted(target: Target, params: Mapping[str, str], attack: Attack, *, strict: bool) -> FactProbe:
    limit_s, bursts = Quantity.parse(params["limit"]).base, int(params["bursts"])
    attacks_of(target, attack)

    def probe() -> Sequence[FactReading]:
        facts: list[FactReading] = []
        with prometheus_of(target) as prometheus:
            for number in range(bursts):
                attacker = Attacker.of(target, attack, number)
                with attacker.unblocked(_CHECK):
                    facts += _struck(attacker, prometheus, f"burst {number + 1} of {bursts}", limit_s, strict=strict)
        return facts

    return probe


def _struck(
    attacker: Attacker, prometheus: PrometheusClient, subject: str, limit_s: float, *, strict: bool
) -> Iterator[FactReading]:
    """The facts of one burst: it was silent before, and the burst was refused; and the alert."""
    settings = attacker.settings
    if not attacker.is_quiet(prometheus, settings.quiet_s, settings.resolved_s):
        said = f"it fired, or came back, for {settings.resolved_s:g} s"
        yield FactReading(subject=f"{attacker.alert} before {subject}", expected="silent", observed=said, ok=None)
        return
    alerted, sent = attacker.strike(prometheus, limit_s + _POLL_S * 2)
    yield _as_an_attack(sent, subject)
    ok = _in_time(alerted, limit_s, strict=strict)
    if ok is False and any(not 200 <= one.answer.status < 500 for one in sent):
        ok = None  # of an attack that no service answered none need be noticed
    word = "in less than" if strict else "within"
    expected = f"{attacker.alert} fires {word} {limit_s:g} s"
    yield FactReading(subject=subject, expected=expected, observed=_said(alerted), ok=ok)


def _as_an_attack(sent: Sequence[PlantedCall], subject: str) -> FactReading:
    """That each request of the burst was refused: one that no service answered was no attack."""
    said = ", ".join(f"{n} {word}" for word, n in answered(list(sent)).items())
    refused = all(400 <= one.answer.status < 500 for one in sent)
    return FactReading(
        subject=f"requests of {subject}", expected="refused", observed=said, ok=True if refused else None
    )


def _in_time(alerted: Alerted, limit_s: float, *, strict: bool) -> bool | None:
    if alerted.at_s is None:
        return False if alerted.before_s >= limit_s else None
    if alerted.at_s < limit_s or (alerted.at_s == limit_s and not strict):
        return True
    return False if alerted.before_s >= limit_s else None


def _said(alerted: Alerted) -> str:
    if alerted.at_s is None:
        return f"silent until {alerted.before_s:.1f} s after the first request"
    return f"silent until {alerted.before_s:.1f} s, firing at {alerted.at_s:.1f} s after the first request"


def _refused(attacker: Attacker, prometheus: PrometheusClient, limit_s: float) -> Iterator[FactReading]:
    settings = attacker.settings
    before, let_in = attacker.let_in(settings.resolved_s)
    yield FactReading(
        subject="a right call of the client before the attack",
        expected="let in",
        observed=before.got,
        ok=True if let_in else None,
    )
    if not attacker.is_quiet(prometheus, settings.quiet_s, settings.resolved_s):
        yield FactReading(
            subject=f"{attacker.alert} before the attack", expected="silent", observed="it fired", ok=None
        )
        return
    alerted, _ = attacker.strike(prometheus, settings.resolved_s)
    if alerted.at_s is None:
        yield FactReading(
            subject=f"{attacker.alert} after the attack", expected="firing", observed=_said(alerted), ok=None
        )
        return
    yield from _after_the_alert(attacker, limit_s)


def _after_the_alert(attacker: Attacker, limit_s: float) -> Iterator[FactReading]:
    """The facts from the alert on: the last call of the attacker that was not refused, and the calls of another client."""
    call = attacker.settings.protected.model_copy(update={"by": "user"})
    other = CallMaker(target=attacker.target)
    begin_ns, last_s, refused_s = clock.now_ns(), 0.0, None
    of_others: list[PlantedCall] = []
    strange: list[str] = []
    for _ in clock.Deadline.after(limit_s + _STAYS_S).ticks(_POLL_S):
        sent_s = (clock.now_ns() - begin_ns) / NS_PER_S
        mine = attacker.maker.send([call])[0]
        of_others += other.send([call])
        if mine.answer.status in attacker.settings.refused:
            refused_s = sent_s if refused_s is None else refused_s
        elif 200 <= mine.answer.status < 300:
            last_s, refused_s = sent_s, None
        else:
            strange.append(mine.got)
            refused_s = None
        if refused_s is not None and sent_s - refused_s >= _STAYS_S:
            break
    expected = f"every one refused with {' or '.join(map(str, attacker.settings.refused))} from {limit_s:g} s after the alert on"
    said = f"the last was let in {last_s:.1f} s after the alert" if last_s else "none was let in after the alert"
    if refused_s is None:
        said = f"{said}; not all were refused {limit_s + _STAYS_S:g} s after it"
    if strange:
        said = f"{said}; {len(strange)} got {', '.join(sorted(set(strange)))}"
    ok = True if refused_s is not None and refused_s <= limit_s else False if last_s > limit_s else None
    yield FactReading(subject="calls of the attacking client", expected=expected, observed=said, ok=ok)
    served = ", ".join(f"{n} {word}" for word, n in answered(of_others).items())
    good = all(200 <= one.answer.status < 300 for one in of_others)
    blocked = any(one.answer.status in attacker.settings.refused for one in of_others)
    yield FactReading(
        subject="calls of another client meanwhile",
        expected="served",
        observed=served,
        ok=True if good else False if blocked else None,
    )
