"""`described-operations`, `core-operations` and `malformed-inputs`: requests that hypothesis draws from the target's API description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from harness.drivers.check.claim import SEED, claim
from harness.drivers.check.needs import within
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model.planned.need import RequiredKey
from harness.targets import Target

if TYPE_CHECKING:
    from harness.drivers.generated.findings import DrawnInputs

_INPUTS: Final = "50"
"""Number of different inputs to each operation, where the sentence names none."""
_NEEDED: Final = RequiredKey(
    "api", "requests are drawn from the API description", "API description", "write `api: {description: openapi.yaml}`"
)
_ANSWERED: Final = SentenceForm(
    "answered-as-described",
    "every <operations:noun> was called and answered as its description says[ for up to <inputs:count> different inputs]",
    "Inputs are drawn from the schemas of the API description, and each answer is held against it.",
)


@claim(
    _ANSWERED,
    "described operation",
    example="every described operation was called and answered as its description says for up to 100 different inputs",
    needs=(_NEEDED,),
    seconds=30.0,
    touches=("entry",),
    again=False,
)
def described_operations(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Every operation of the API description is called with 50 drawn inputs, of which one succeeds; status, headers and body are as described."""
    return _answered(target, params, core=False)


@claim(
    _ANSWERED,
    "core operation",
    example="every core operation was called and answered as its description says",
    needs=(_NEEDED, within("api.core", "the core operations are called")),
    seconds=30.0,
    touches=("entry",),
    again=False,
)
def core_operations(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Every operation in `api.core` is called with 50 drawn inputs, of which one succeeds; status, headers and body are as described."""
    return _answered(target, params, core=True)


def _answered(target: Target, params: Mapping[str, str], *, core: bool) -> FactProbe:
    asked = _asked(target, params, core=core)

    def probe() -> Sequence[FactReading]:
        from harness.drivers.generated.findings import answered_facts  # needs the extra `generated`

        return answered_facts(asked, core=core)

    return probe


@claim(
    "each of <inputs:count> malformed inputs to every described operation that takes any is refused with 4xx, 0 answered 5xx",
    example="each of 100 malformed inputs to every described operation that takes any is refused with 4xx, 0 answered 5xx",
    needs=(_NEEDED,),
    seconds=30.0,
    touches=("entry",),
    again=False,
)
def malformed_inputs(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Every operation that takes an input gets drawn inputs, each malformed in one place, after one as described has succeeded."""
    asked = _asked(target, params)

    def probe() -> Sequence[FactReading]:
        from harness.drivers.generated.findings import refused_facts  # needs the extra `generated`

        return refused_facts(asked)

    return probe


def _asked(target: Target, params: Mapping[str, str], *, core: bool = False) -> DrawnInputs:
    from harness.drivers.generated.findings import DrawnInputs  # needs the extra `generated`

    if target.api is None:
        raise ConfigurationError("there is no API description", where=f"{target.file}: api", hint=_NEEDED.hint)
    if core and not target.api.core:
        hint = "write `api: {core: [POST /orders]}`"
        raise ConfigurationError("no operation is named as core", where=f"{target.file}: api.core", hint=hint)
    return DrawnInputs(
        target=target, api=target.api, count=max(1, int(params.get("inputs", _INPUTS))), seed=int(params.get(SEED, "1"))
    )
