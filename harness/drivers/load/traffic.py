"""Reads the size of a traffic from `<name>.yaml` in the directory of its locustfile, without Locust."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from harness.drivers.load.locustfile import LocustUsers, check_locustfile
from harness.drivers.load.options import refuse_missing_options, refuse_missing_variables
from harness.drivers.load.routes import sent_routes
from harness.drivers.load.size import ArrivalSchedule, Size, schedule_of
from harness.errors import ConfigurationError
from harness.model import AccountPlan, TrafficPlan
from harness.model.planned.schedule import FEWEST_TO_STOP
from harness.nearest import nearest
from harness.targets.files.parts import TrafficOverride
from harness.validation import configuration_error
from harness.yamlfile import YamlDocument, read_document

MOST_PER_WORKER: Final = 2000.0
"""Maximum number of requests per second of one process.

A request costs about 0.12 ms of processor time, so this rate uses a quarter of a core. The remainder is a reserve for
bursts, for expensive journeys, and for other load on the machine. In a measurement a process was late from twice this
rate on.
"""


def load_traffic(
    name: str,
    search_paths: Sequence[Path],
    overrides: Mapping[str, TrafficOverride] | None = None,
    *,
    asked_at: str = "",
    scale: float = 1.0,
    profiles: Collection[str] = (),
) -> TrafficPlan:
    """Read the size of a traffic; the first search path that contains it wins.

    Args:
        name: name of the traffic; `everyday` is read from `everyday.yaml`.
        search_paths: directories with locustfiles; those of the project come before those of the package.
        overrides: values of the target file, by traffic name.
        asked_at: `file:line` of the sentence with the traffic, if any.
        scale: factor for the rate, or for the number of users in a closed model.
        profiles: profiles of the run.

    Raises:
        ConfigurationError: the traffic does not exist, its file is invalid, or its rate needs more workers.
    """
    file = next((path / f"{name}.yaml" for path in search_paths if (path / f"{name}.yaml").is_file()), None)
    if file is None:
        raise _unknown(name, search_paths, asked_at)
    document = read_document(file)
    size = _validated(document)
    locustfile = _locustfile_of(size, document)
    users = _checked(locustfile, size, document)
    override = (overrides or {}).get(name) or TrafficOverride()
    window = size.window_in(profiles)
    window_s = window.seconds if override.for_s is None else override.for_s
    size, schedule = _at_scale(size, document, override.rate_per_s, scale)
    planned = schedule.journeys(size.warm_up, size.warm_up + window_s)
    plan = TrafficPlan(
        name=name,
        locustfile=str(locustfile),
        journeys_per_s=float(f"{planned / window_s:.12g}") if window_s else 0.0,
        requests_per_journey=size.requests_per_journey,
        warm_up_s=size.warm_up,
        window_s=window_s,
        window_grows=window.grows and override.for_s is None,
        after_s=size.after,
        health_per_s=size.health_probes or 0.0,
        routes=dict(size.routes),
        users=size.users
        or planned / (window_s or 1.0) * size.journey,  # Little's law: arrivals per second times time spent
        workers=size.workers,
        model=size.model,
        arrivals=schedule.arrivals,
        rates=schedule.rates,
        trace_ns=schedule.trace_ns,
        trace=schedule.trace,
        think_s=size.think or 0.0,
        remote_workers=size.remote.workers if size.remote else 0,
        remote_bind=size.remote.bind if size.remote else "",
        accounts=_accounts(size),
        census=size.census,
        tags=size.tags,
        exclude_tags=size.exclude_tags,
        entry="" if size.entry == "entry" else size.entry,
        traceparent=_is_traced(size, override, document, stock=users.stock),
        stock=users.stock,
        shaped=users.shaped,
        stop_when=size.stop_when.rules() if size.stop_when else (),
    )
    _refuse_idle_stop(plan, document)
    _refuse_shared_census(plan, document)
    _refuse_overload(plan, document, schedule.peak_per_s)
    return plan


def _is_traced(size: Size, override: TrafficOverride, document: YamlDocument, *, stock: bool) -> bool:
    """Whether requests carry a trace id: those of journeys do, unless the target file, or else the size file, says `traceparent: false`."""
    asked = size.traceparent if override.traceparent is None else override.traceparent
    if stock and asked:
        what = "`traceparent: true` is for journeys of `harness.locust`, and this traffic has users of Locust's own"
        at = ("traceparent",) if ("traceparent",) in document.lines else ()
        raise ConfigurationError(what, where=document.where(at), hint="remove `traceparent`, also from the target file")
    return not stock and asked is not False


def _refuse_shared_census(plan: TrafficPlan, document: YamlDocument) -> None:
    if plan.census and plan.all_workers > 1:
        what = "with several workers each worker would send requests for all known users"
        raise ConfigurationError(what, where=document.where(("census",)), hint="write `workers: 1`")


def _refuse_idle_stop(plan: TrafficPlan, document: YamlDocument) -> None:
    """Refuse a `stop_when` that names no threshold, that cannot be exceeded, or whose span has too few requests."""
    section = document.data.get("stop_when") if isinstance(document.data, dict) else None
    if section is None:
        return
    where = document.where(("stop_when",))
    if not plan.stop_when:
        raise ConfigurationError(
            "no threshold is named", where=where, hint="write `error_rate: 20 %`, `p95: 2 s` or both"
        )
    expected = plan.requests_per_s * plan.stop_when[0].for_s
    if expected < FEWEST_TO_STOP:
        raise ConfigurationError(
            f"{expected:.3g} requests would be compared, expected at least {FEWEST_TO_STOP}",
            where=document.where(("stop_when", "for")),
            hint=f"write `for: {math.ceil(FEWEST_TO_STOP / plan.requests_per_s)} s`",
        )
    if any(rule.quantile is None and rule.over >= 1 for rule in plan.stop_when):
        raise ConfigurationError(
            "an error rate is never over 100 %",
            where=document.where(("stop_when", "error_rate")),
            hint="write a share below 100 %",
        )


def _accounts(size: Size) -> tuple[AccountPlan, ...]:
    """The accounts whose writes are read back."""
    return tuple(
        AccountPlan(name=account, path=said.path, fields=said.same, counts=said.counts)
        for account, said in size.accounts.items()
    )


def _at_scale(
    size: Size, document: YamlDocument, rate_per_s: float | None, scale: float
) -> tuple[Size, ArrivalSchedule]:
    """The size and its schedule with the rate, or the users who wait for answers, multiplied. Raises ConfigurationError for a trace."""
    if scale != 1 and size.users is not None:
        size = size.model_copy(update={"users": max(round(size.users * scale), 1)})
    schedule = schedule_of(size, document, rate_per_s)
    if scale == 1 or size.users is not None:
        return size, schedule
    if schedule.trace_ns:
        what = "the traffic is a trace, and a trace has no rate to scale"
        raise ConfigurationError(what, where=document.where(("trace",)), hint="remove `--traffic-scale`")
    return size, schedule.scaled(scale)


def _locustfile_of(size: Size, document: YamlDocument) -> Path:
    """The locustfile that a size names, beside it."""
    found = _file_beside(document.path, size.locustfile)
    if found is None:
        raise ConfigurationError(
            f"the file `{size.locustfile}` does not exist",
            where=document.where(("locustfile",)),
            hint=_nearest_locustfile(document.path, size.locustfile),
        )
    return found


def _check_routes(size: Size, document: YamlDocument, locustfile: Path) -> None:
    """Refuse a route that no journey requests, as it would have no data at the end of the run."""
    sent = sent_routes(locustfile)
    if sent is None:
        return
    for route in size.routes:
        method, _, name = route.partition(" ")
        if route not in sent and not (method.isupper() and name in sent):
            suggestion = nearest(route, sent)
            hint = f"the requests of the locustfile have the names {', '.join(sorted(sent)) or '(none)'}"
            raise ConfigurationError(
                f"no journey of {locustfile.name} sends the route `{route}`",
                where=document.where(("routes", route)),
                hint=f"did you mean `{suggestion}`?" if suggestion else hint,
            )


def _file_beside(file: Path, name: str) -> Path | None:
    try:
        path = (file.parent / name).resolve()
        return path if path.is_file() else None
    except (OSError, ValueError):  # a name that is too long, or none at all
        return None


def _nearest_locustfile(file: Path, name: str) -> str:
    suggestion = nearest(name, [one.name for one in file.parent.glob("*.py")])
    return (
        f"did you mean `{suggestion}`? " if suggestion else ""
    ) + "write the path of the locustfile relative to this file"


def _validated(document: YamlDocument) -> Size:
    if not isinstance(document.data, dict):
        raise ConfigurationError(
            "the size file must be a mapping", where=document.where(()), hint="begin with `locustfile: …`"
        )
    try:
        size = Size.model_validate(document.data)
    except ValidationError as error:
        raise configuration_error(document, Size, error) from error
    total = sum(size.routes.values())
    if not math.isclose(total, 1.0, abs_tol=0.001):
        raise ConfigurationError(
            f"the routes' shares add up to {total:.4g}, expected 1",
            where=document.where(("routes",)),
            hint="change the shares so that they add up to 100 %",
        )
    return size


def _refuse_overload(plan: TrafficPlan, document: YamlDocument, peak_per_s: float) -> None:
    if not (plan.requests_per_s > 0 and plan.window_s > 0):
        raise ConfigurationError(
            f"{plan.name}: no journey would begin in the window",
            where=document.where(("for",)),
            hint="raise `rate`, or make `for` longer",
        )
    busiest = peak_per_s * plan.requests_per_journey
    needed = math.ceil(busiest / MOST_PER_WORKER)
    if needed > plan.all_workers:
        raise ConfigurationError(
            f"{plan.all_workers} load processes cannot send {busiest:g} requests/s on time",
            where=document.where(("workers",)),
            hint=f"write `workers: {needed}`",
        )


def _refuse_accounts_elsewhere(size: Size, document: YamlDocument) -> None:
    """Refuse `accounts` with workers on other machines, which do not report writes: a counter would have grown by more than was reported."""
    if size.accounts and size.remote is not None:
        raise ConfigurationError(
            "`accounts` is not allowed with workers on other machines, which do not report the writes of their journeys",
            where=document.where(("accounts",)),
            hint="remove `accounts` or `remote`",
        )


def _checked(locustfile: Path, size: Size, document: YamlDocument) -> LocustUsers:
    """The kind of a locustfile's users, which the size and the environment suit.

    Raises:
        ConfigurationError: they do not, or the locustfile cannot be run.
    """
    _refuse_accounts_elsewhere(size, document)
    users = check_locustfile(locustfile)
    _refuse_stock(users, size, document)
    refuse_missing_variables(locustfile)
    if users.stock:
        refuse_missing_options(locustfile)
    _check_routes(size, document, locustfile)
    return users


def _refuse_stock(users: LocustUsers, size: Size, document: YamlDocument) -> None:
    """Refuse settings that Locust's own users, which wait for their answers, cannot follow.

    Raises:
        ConfigurationError: an open model, workers elsewhere, or several processes with one shape of users.
    """
    if not users.stock:
        return
    what = hint = ""
    if size.model != "closed":
        key, what = "model", "users of Locust's own wait for their answers, so they are a closed model"
        hint = "write `model: closed` and `users: N`; for arrivals by a schedule write journeys of `harness.locust`"
    elif size.remote is not None:
        key, what = "remote", "users of Locust's own run on this machine only"
        hint = "remove `remote`, or write journeys of `harness.locust`"
    elif users.shaped and size.workers > 1:
        key, what, hint = (
            "workers",
            "with several workers each worker would run all users of the shape",
            "write `workers: 1`",
        )
    elif size.accounts or size.census:
        key, what = (
            "accounts" if size.accounts else "census",
            "only journeys of `harness.locust` report their writes and users",
        )
        hint = "remove it"
    if what:
        at = (key,) if (key,) in document.lines else ()
        raise ConfigurationError(what, where=document.where(at), hint=hint)


def _unknown(name: str, search_paths: Sequence[Path], asked_at: str) -> ConfigurationError:
    known = sorted({file.stem for path in search_paths for file in path.glob("*.yaml")})
    suggestion = nearest(name, known)
    hint = f"did you mean `{suggestion}`? " if suggestion else ""
    own = "" if suggestion else f"; a directory that `loadtests` of [tool.harness] names has to contain {name}.yaml"
    return ConfigurationError(
        f"there is no traffic `{name}`",
        where=asked_at or ", ".join(str(path) for path in search_paths),
        hint=f"{hint}known: {', '.join(known)}{own}" if known else f"write loadtests/{name}.yaml and its locustfile",
    )
