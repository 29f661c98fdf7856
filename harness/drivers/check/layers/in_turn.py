"""`layers-outside` and `layers-inside`: checks that foreign calls are refused with any one layer of protection off, each switched off in turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from harness.drivers.check.claim import When, claim
from harness.drivers.check.layers.foreign import Fate, ForeignCaller, SeenCall, awaited, placed_callers
from harness.drivers.check.layers.switches import switch_access, switched_off
from harness.drivers.check.needs import within
from harness.drivers.check.once import OncePerRun
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.access import accesses
from harness.targets.files.attacks import ForeignCall, Layer, LayerSettings, LayerSwitch
from harness.targets.probe_pods import CALLERS

LAYERS: Final = RequiredKey("layers", "layers of protection are switched off")
SIGN_IN: Final = RequiredKey("sign_in", "a signed-in user is served before and after")
REFUSED: Final = SentenceForm(
    "foreign-calls-refused",
    "every foreign call is refused <off:noun>",
    "The right call beside each must be let in, and that a layer is off must be seen, else its refusals prove nothing.",
)
_CHECK: Final = "check layers"
_OFF: Final = OncePerRun[list[FactReading]]()


def _needs(*layers: Layer) -> tuple[RequiredKey, ...]:
    each = (within(f"layers.switches.{one}", f"the {one.replace('-', ' ')} is switched off") for one in layers)
    return (LAYERS, within("layers.foreign", "foreign calls are sent"), SIGN_IN, *each)


_GATEWAY: Final[tuple[Layer, ...]] = ("gateway-check", "token-check", "network-policy")
_DATABASE: Final[tuple[Layer, ...]] = ("token-check", "network-policy", "database-role")


@claim(
    REFUSED,
    "with any one of gateway check, token check and network policy off",
    needs=_needs(*_GATEWAY),
    when=When.AFTER_TRAFFIC,
    seconds=60.0,
    touches=("entry", "workloads"),
    consent="layers",
    again=False,
)
@accesses(*CALLERS, by=switch_access)
def layers_outside(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Gateway check, token check and network policy are each switched off in turn; foreign calls from outside and from a pod are sent meanwhile."""
    return in_turn(target, _GATEWAY, params)


@claim(
    REFUSED,
    "with any one of token check, network policy and database role off",
    needs=_needs(*_DATABASE),
    when=When.AFTER_TRAFFIC,
    seconds=60.0,
    touches=("entry", "workloads"),
    consent="layers",
    again=False,
)
@accesses(*CALLERS, by=switch_access)
def layers_inside(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Token check, network policy and the rights of the services' database role are each switched off in turn; foreign calls from outside and from a pod are sent meanwhile."""
    return in_turn(target, _DATABASE, params)


def layers_of(target: Target) -> LayerSettings:
    """The section `layers` of the target file.

    Raises:
        ConfigurationError: there is none.
    """
    if target.layers is None:
        hint = "write `layers: {switches: {token-check: {disable: […], shown: {…}}}, foreign: […]}`"
        raise ConfigurationError("names no layers", where=f"{target.file}: layers", hint=hint)
    return target.layers


def in_turn(target: Target, names: Sequence[Layer], params: Mapping[str, str]) -> FactProbe:
    """The probe that switches these layers off, one after the other; one that both sentences name, once in a run.

    Raises:
        ConfigurationError: the target file does not name one of them, or no foreign call from outside or past the gateway.
    """
    settings = layers_of(target)
    if missing := [name for name in names if name not in settings.switches]:
        hint = f"write `layers: {{switches: {{{missing[0]}: …}}}}`"
        raise ConfigurationError(f"does not name {', '.join(missing)}", where=f"{target.file}: layers", hint=hint)
    past = [one for one in settings.foreign if one.inside is not None or one.at]
    if not past or len(past) == len(settings.foreign):
        hint = "name at least one call `outside`, and one `inside` or `outside` with the address `at` of a service, in `layers.foreign`"
        raise ConfigurationError("foreign calls are missing", where=f"{target.file}: layers.foreign", hint=hint)

    def probe() -> Sequence[FactReading]:
        calls = [*settings.foreign, *(settings.switches[name].shown for name in names)]
        with placed_callers(target, calls, _CHECK) as pods:
            caller = ForeignCaller(target=target, refused=settings.refused, user=settings.user, pods=pods)
            facts = list(_with_all(caller, settings, names))
            if all(one.ok for one in facts):
                for name in names:
                    facts += _OFF.of(params, name, partial(_without, target, caller, settings, name))
            return facts

    return probe


def _with_all(caller: ForeignCaller, settings: LayerSettings, names: Sequence[Layer]) -> Iterator[FactReading]:
    """The facts with every layer on: right calls are let in, foreign ones refused, also those by which each layer is seen."""
    shown = [settings.switches[name].shown for name in names]
    proven = [*settings.foreign, *(one for one in shown if one.database is not None)]
    for call, right in zip(proven, caller.right(proven), strict=True):
        ok = True if right.fate is Fate.LET_IN else None
        beside = "a query that the role may run" if call.database is not None else "the right call"
        subject = f"{beside}, beside {named(call)}"
        yield FactReading(subject=subject, expected=Fate.LET_IN, observed=right.words, ok=ok)
    yield from _refusals(caller, [*settings.foreign, *shown], "with every layer on")


def _without(target: Target, caller: ForeignCaller, settings: LayerSettings, name: Layer) -> list[FactReading]:
    """The facts with one layer off, and that it is on again."""
    layer, words = settings.switches[name], name.replace("-", " ")
    before = caller.quickly(layer.shown)
    with switched_off(target, layer.disable, words, _CHECK):
        off = awaited(lambda: _differs(before, caller.quickly(layer.shown)), settings.within_s)
        facts = [_seen(layer, words, before, off=off)]
        if off:
            facts += _refusals(caller, settings.foreign, f"with the {words} off")
            still = _differs(before, caller.quickly(layer.shown))
            observed = "seen" if still else "not seen any more"
            at_end = f"the {words} is off at the end"
            facts.append(FactReading(subject=at_end, expected="seen", observed=observed, ok=True if still else None))
    on = awaited(lambda: not _differs(before, caller.quickly(layer.shown)), settings.within_s)
    observed = "seen" if on else f"not seen within {settings.within_s:g} s"
    on_again = f"the {words} is on again"
    return [*facts, FactReading(subject=on_again, expected="seen", observed=observed, ok=True if on else None)]


def _seen(layer: LayerSwitch, words: str, before: SeenCall, *, off: bool) -> FactReading:
    expected = f"observed by {named(layer.shown)}"
    observed = "seen" if off else f"still {before.words}, so nothing shows that it is off"
    return FactReading(subject=f"the {words} is off", expected=expected, observed=observed, ok=True if off else None)


def _differs(before: SeenCall, now: SeenCall) -> bool:
    """Whether a call is answered otherwise: let in, or with the header that is there only then. An answer that is no evidence shows nothing."""
    return now.fate is not Fate.UNKNOWN and (now.fate, now.header) != (before.fate, before.header)


def _refusals(caller: ForeignCaller, calls: Sequence[ForeignCall], when: str) -> Iterator[FactReading]:
    """The facts that foreign calls are refused."""
    for call, seen in zip(calls, caller.foreign(calls), strict=True):
        ok = {Fate.REFUSED: True, Fate.LET_IN: False}.get(seen.fate)
        subject = f"{named(call)}, {when}"
        yield FactReading(subject=subject, expected=Fate.REFUSED, observed=seen.words, ok=ok, sure=ok is False)


def named(call: ForeignCall) -> str:
    """A call in words; a query is not shown, since it may hold values."""
    if call.outside is not None:
        where = f"past the gateway, at {call.at}," if call.at else "from outside"
        return f"{call.outside.call} {where} by {call.outside.by}"
    if call.inside is not None:
        who = "a stranger's pod" if call.inside.caller == "refused" else "the declared caller's pod without a token"
        return f"GET {call.inside.path} of {call.inside.service} from {who}"
    return "a query that the services' role may not run"
