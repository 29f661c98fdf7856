"""Checks of the target's API descriptions: answers to inputs that are drawn from them, what is served and not described, calls between services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from harness.drivers.check.claim import SEED, When, claim
from harness.drivers.check.exposition import scrape
from harness.drivers.check.needs import within
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.http import http_client

if TYPE_CHECKING:
    import httpx

    from harness.drivers.generated.findings import DrawnInputs

_INPUTS: Final = "50"
"""Number of different inputs to each operation, where the sentence names none."""
_ACCEPTED: Final = "20"
"""Number of different inputs to each operation of the accepted description: fields are to be found, not mistakes."""
_CALLS: Final = "10"
"""Number of different inputs to each declared call."""
_WITHIN_S: Final = 5.0
"""Time that an answer to OPTIONS may take, in s."""
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
    seconds=10.0,
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
    seconds=10.0,
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
    seconds=10.0,
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


@claim(
    "every operation and field of the last accepted release's API is still answered",
    needs=(_NEEDED, within("api.accepted", "the last accepted release says what must be answered")),
    seconds=10.0,
    touches=("entry",),
    again=False,
)
def accepted_operations(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Every operation in the description of the last accepted release is called with 20 drawn inputs, and each of its fields must be in the answers."""
    asked = _asked(target, {**params, "inputs": _ACCEPTED})

    def probe() -> Sequence[FactReading]:
        from harness.drivers.generated.kept import kept_facts  # needs the extra `generated`

        return kept_facts(asked)

    return probe


@claim(
    "every declared call between services was answered as its contract says in the steady state",
    needs=(_NEEDED, within("api.contracts", "the calls between services are declared")),
    when=When.UNDER_TRAFFIC,
    seconds=20.0,
    again=False,
)
def declared_calls(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Each declared call is made at its service with 10 drawn inputs, and the service's metrics say which statuses its callers got meanwhile."""
    asked = _asked(target, {**params, "inputs": _CALLS})

    def probe() -> Sequence[FactReading]:
        from harness.drivers.generated.contracts import contract_facts  # needs the extra `generated`

        return contract_facts(asked, lambda service: _counted(target, service))

    return probe


@claim(
    "100 % of the operations the target serves are described in its API document",
    needs=(_NEEDED,),
    when=When.AFTER_TRAFFIC,
    seconds=5.0,
)
def served_operations(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """What the entry serves, by `api.served`, by the routes that its metrics count, and by the header `Allow` of its paths, against its description."""

    def probe() -> Sequence[FactReading]:
        from harness.drivers.generated.served import served_facts  # needs the extra `generated`

        entry = target.metrics.entry if target.metrics is not None else ""
        unknown = "the target file names no metrics of the entry: `metrics.entry`"
        with http_client(target, target.entry, timeout_s=_WITHIN_S) as client:
            return served_facts(
                target,
                lambda: _counted(target, entry) if entry else unknown,
                lambda path: _allowed(client, path),
            )

    return probe


def _allowed(client: httpx.Client, path: str) -> str:
    """The header `Allow` of the answer to OPTIONS; empty: there is none."""
    import httpx  # as `http_client` has it

    try:
        return str(client.options(path).headers.get("allow", ""))
    except (httpx.HTTPError, httpx.InvalidURL):
        return ""


def _counted(target: Target, workload: str) -> Mapping[str, Mapping[str, float]] | str:
    """The answers that the pods of a workload have counted, by route and status; or why they are unknown."""
    if target.metrics is None or target.kubernetes is None:
        return "the target file has no `metrics`, or no `kubernetes` to find the pods"
    pods = scrape(target, workload)
    if why := next(
        (f"{one.pod}: {one.why}" for one in pods if one.why), "" if pods else f"no pod of {workload} was found"
    ):
        return why
    found: dict[str, dict[str, float]] = {}
    for pod in pods:
        for route, statuses in pod.requests.items():
            counts = found.setdefault(route, {})
            for status, number in statuses.items():
                counts[status] = counts.get(status, 0.0) + number
    return found


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
