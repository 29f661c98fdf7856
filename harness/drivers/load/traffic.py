"""The size of a traffic: `<name>.yaml` beside its locustfile, read without Locust."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from harness.catalogue.names import nearest
from harness.errors import ConfigurationError, UsageError
from harness.model import Quantity, TrafficPlan
from harness.targets.document import Document, read_document
from harness.targets.explain import configuration_error
from harness.targets.target import Traffic

MOST_PER_WORKER: Final = 1000.0
"""Requests per second that one process offers without being late itself: each costs it 0.4 ms of processor time."""


def _positive(dimension: str, example: str) -> BeforeValidator:
    def read(value: object) -> float:
        wrong = f"a {dimension} above 0 like `{example}`"
        try:
            quantity = Quantity.parse(str(value))
        except UsageError as error:
            raise ValueError(wrong) from error
        if quantity.dimension != dimension or quantity.value <= 0:
            raise ValueError(wrong)
        return quantity.base

    return BeforeValidator(read)


class _Size(BaseModel):
    """The file. A route's share is that of the requests, so the shares add up to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    locustfile: str
    rate: Annotated[float, _positive("rate", "25/s")]
    journey: Annotated[float, _positive("time", "6 s")]
    requests_per_journey: Annotated[int, Field(ge=1)]
    warm_up: Annotated[float, _positive("time", "10 s")]
    window: Annotated[float, _positive("time", "128 s")] = Field(alias="for")
    workers: Annotated[int, Field(ge=1)] = 1
    routes: Mapping[str, Annotated[float, _positive("ratio", "25 %")]]


def load_traffic(
    name: str, search_paths: Sequence[Path], overrides: Mapping[str, Traffic] | None = None
) -> TrafficPlan:
    """Read the size of a traffic; the first search path that has it wins.

    Args:
        name: `everyday` is read from `everyday.yaml`.
        search_paths: directories of locustfiles, the project's own before those that come with the package.
        overrides: by traffic name, what the target file says instead.

    Raises:
        ConfigurationError: there is none of this name, its file is wrong, or its rate needs more workers.
    """
    file = next((path / f"{name}.yaml" for path in search_paths if (path / f"{name}.yaml").is_file()), None)
    if file is None:
        raise _unknown(name, search_paths)
    document = read_document(file)
    size = _validated(document)
    locustfile = (file.parent / size.locustfile).resolve()
    if not locustfile.is_file():
        raise ConfigurationError(
            f"there is no file `{size.locustfile}`",
            where=document.where(("locustfile",)),
            mend="name the locustfile relative to this file",
        )
    override = (overrides or {}).get(name) or Traffic()
    rate = size.rate if override.rate_per_s is None else override.rate_per_s
    window_s = size.window if override.for_s is None else override.for_s
    plan = TrafficPlan(
        name=name,
        locustfile=str(locustfile),
        journeys_per_s=rate,
        requests_per_journey=size.requests_per_journey,
        warm_up_s=size.warm_up,
        window_s=window_s,
        routes=dict(size.routes),
        users=rate * size.journey,  # Little's law: arrivals per second times time spent
        workers=size.workers,
    )
    _refuse_overload(plan, document)
    return plan


def _validated(document: Document) -> _Size:
    if not isinstance(document.data, dict):
        raise ConfigurationError("is no mapping", where=document.where(()), mend="it starts with `locustfile: …`")
    try:
        size = _Size.model_validate(document.data)
    except ValidationError as error:
        raise configuration_error(document, _Size, error) from error
    total = sum(size.routes.values())
    if not math.isclose(total, 1.0, abs_tol=0.001):
        raise ConfigurationError(
            f"the routes' shares add up to {total:.4g}, not to 1",
            where=document.where(("routes",)),
            mend="give each route its share of the requests",
        )
    return size


def _refuse_overload(plan: TrafficPlan, document: Document) -> None:
    if not (plan.requests_per_s > 0 and plan.window_s > 0):
        raise ConfigurationError(
            f"{plan.name}: the target file asks for no traffic at all",
            where=document.where(("rate",)),
            mend="ask for some",
        )
    needed = math.ceil(plan.requests_per_s / MOST_PER_WORKER)
    if needed > plan.workers:
        raise ConfigurationError(
            f"{plan.requests_per_s:g} requests/s are more than {plan.workers} load processes offer on time",
            where=document.where(("workers",)),
            mend=f"write `workers: {needed}`",
        )


def _unknown(name: str, search_paths: Sequence[Path]) -> ConfigurationError:
    known = sorted({file.stem for path in search_paths for file in path.glob("*.yaml")})
    meant = nearest(name, known)
    hint = f"did you mean `{meant}`? " if meant else ""
    return ConfigurationError(
        f"there is no traffic `{name}`",
        where=", ".join(str(path) for path in search_paths),
        mend=f"{hint}known: {', '.join(known) or 'none'}",
    )
