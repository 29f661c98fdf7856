"""`authentication-down`: checks that calls without a valid token are refused while authentication is down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness import clock
from harness.drivers.check.claim import When, claim
from harness.drivers.check.layers.foreign import awaited
from harness.drivers.check.layers.in_turn import LAYERS, REFUSED, SIGN_IN, layers_of
from harness.drivers.check.layers.switches import switch_access, switched_off
from harness.drivers.check.needs import within
from harness.drivers.check.planted.calls import (
    CallMaker,
    PlantedCall,
    first_user,
    require_allowed,
    sign_in_answer,
    sign_in_of,
    token_in,
)
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model import Quantity
from harness.targets import Target
from harness.targets.access import accesses
from harness.targets.files.attacks import Authentication
from harness.targets.files.planted import Credential, DeclaredCall

_WITHOUT: Final[tuple[Credential, ...]] = ("none", "forged")
_PAUSE_S: Final = 0.5
_AT_A_TIME: Final = 5
_NO_ROUTE: Final = 404
"""Status by which gateways answer for a service that is gone, besides 5xx."""
_LEAST: Final = 50
"""Least number of calls without a valid token to each operation while authentication is down."""


@claim(
    REFUSED,
    "while authentication is down for <down:duration>",
    example="every foreign call is refused while authentication is down for 20 s",
    needs=(
        LAYERS,
        SIGN_IN,
        within("layers.authentication", "authentication is taken down"),
    ),
    when=When.AFTER_TRAFFIC,
    seconds=40.0,
    touches=("entry", "workloads"),
    consent="authentication-down",
    again=False,
)
@accesses(by=switch_access)
def authentication_down(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Right sign-ins are not answered, or with 404 or 5xx, from the first to the last call without a valid token, and succeed before and afterwards; each protected operation lets the user in before."""
    settings, down_s = layers_of(target), Quantity.parse(params["down"]).base
    if settings.authentication is None:
        hint = "write `layers: {authentication: {disable: […], protected: […]}}`"
        raise ConfigurationError("does not say how", where=f"{target.file}: layers.authentication", hint=hint)
    section = settings.authentication
    require_allowed(target, section.protected)

    def probe() -> Sequence[FactReading]:
        return list(_facts(target, section, down_s, settings.within_s))

    return probe


def _facts(target: Target, section: Authentication, down_s: float, within_s: float) -> Iterator[FactReading]:
    maker = CallMaker(target=target)
    before = maker.send([one.model_copy(update={"by": "user"}) for one in section.protected])
    for one in before:
        ok = True if 200 <= one.answer.status < 300 else None
        yield FactReading(
            subject=f"{one.declared.call} by the user, before", expected="let in", observed=one.got, ok=ok
        )
    refused = maker.send([one for call in section.protected for one in _without_token(call)])
    yield from _let_in(refused, "before", least=0)
    sent: list[PlantedCall] = []
    answered = 0
    with switched_off(target, section.disable, "authentication", "check authentication-down"):
        is_down = awaited(lambda: not _answers(target), within_s)
        yield _receipt("authentication is down", expected="no right sign-in is answered", ok=is_down, within_s=within_s)
        if is_down:
            for _ in clock.Deadline.after(down_s).ticks(_PAUSE_S):
                sent += maker.send([one for call in section.protected for one in _without_token(call)] * _AT_A_TIME)
                answered += _answers(target)
            observed = f"{answered} right sign-ins were answered" if answered else "no right sign-in was answered"
            yield FactReading(
                subject="authentication was down until the last call",
                expected="no right sign-in is answered",
                observed=observed,
                ok=None if answered else True,
            )
            yield from _let_in(sent, "while authentication is down", least=_LEAST)
    is_back = awaited(lambda: _signs_in(target), within_s)
    yield _receipt("authentication is back", expected="right sign-ins succeed", ok=is_back, within_s=within_s)


def _without_token(call: DeclaredCall) -> list[DeclaredCall]:
    return [call.model_copy(update={"by": by}) for by in _WITHOUT]


def _signs_in(target: Target) -> bool:
    return bool(token_in(sign_in_answer(target, first_user(target)), sign_in_of(target)))


def _answers(target: Target) -> bool:
    """Whether a right sign-in is answered, by a token or a refusal: a status 429 or 401 is one of a service that is up."""
    status = sign_in_answer(target, first_user(target)).status
    return 200 <= status < 500 and status != _NO_ROUTE


def _receipt(subject: str, *, expected: str, ok: bool, within_s: float) -> FactReading:
    observed = "seen" if ok else f"not seen within {within_s:g} s"
    return FactReading(subject=subject, expected=expected, observed=observed, ok=True if ok else None)


def _let_in(sent: Sequence[PlantedCall], when: str, *, least: int) -> Iterator[FactReading]:
    """One fact for each operation and credential: none of its calls got 2xx. Calls that no gateway answered are calls that were not let in."""
    groups: dict[tuple[str, str], list[PlantedCall]] = {}
    for one in sent:
        groups.setdefault((one.declared.call, one.declared.by), []).append(one)
    for (call, by), own in groups.items():
        let_in = sum(200 <= one.answer.status < 300 for one in own)
        said = ", ".join(f"{n} {word}" for word, n in Counter(one.got for one in own).most_common())
        answered = any(one.answer.status for one in own)
        ok = False if let_in else True if answered and len(own) * len(_WITHOUT) >= least else None
        yield FactReading(
            subject=f"{call} by {by}, {when}",
            expected=f"no 2xx of at least {least // len(_WITHOUT)}" if least else "no 2xx",
            observed=said,
            ok=ok,
            sure=let_in > 0,
        )
