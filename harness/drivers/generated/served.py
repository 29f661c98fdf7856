"""Whether every operation that the entry serves is described."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from harness.clock import Deadline
from harness.drivers.facts import FactReading
from harness.drivers.generated.findings import Facts, source_fact
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.openapi.comparing import DescribedApi
from harness.targets.openapi.description import METHODS, DescriptionReading, Operation, read_operations
from harness.targets.openapi.source import DescriptionText, description_of, read_text

_IMPLIED: Final = frozenset({"HEAD", "OPTIONS", "TRACE", "CONNECT", "*"})
"""Methods that every server answers by itself: a description need not have them."""
_LINE: Final = re.compile(rf"({'|'.join(METHODS)})\s+(/\S*)", re.IGNORECASE)
_NOT_SERVED: Final = frozenset({"404", "405"})
_PARAMETER: Final = re.compile(r"{[^}]*}|(?<![\w}]):[A-Za-z_]\w*|<[^>]*>")
"""A parameter of a path, as OpenAPI, Express and Flask write it; `/items:undelete` has none."""
_EXPECTED: Final = "described"
_METHODS_S: Final = 30.0
"""Time for asking every path for its methods, in s."""

Routes = Mapping[str, Mapping[str, float]]
"""Number of answers of the entry by route and status, as its metrics count them."""


def served_facts(target: Target, routes: Callable[[], Routes | str], allowed: Callable[[str], str]) -> Facts:
    """A fact for each operation that the entry is known to serve.

    Known are the routes in `api.served`, those that the entry's own metrics count, and the methods in `Allow` of described paths.

    Args:
        target: target.
        routes: reads the metrics of the entry; or says why there are none.
        allowed: asks a path for its methods: the header `Allow` of the answer to OPTIONS; empty: it has none.

    Raises:
        HarnessError: the description, or the list of served operations, cannot be read.
    """
    text = description_of(target)
    operations = read_operations(text.document(), DescriptionReading(requests=False))
    known = {_plain(one.method, one.path) for one in operations} | {
        _plain(*one.name.split(" ", 1)) for one in operations if one.method
    }
    listed = [*_listed(target, known)]
    counted = routes()
    unmatched = target.metrics.unmatched if target.metrics is not None else ""
    found = [*listed, *_counted(operations, known, counted, unmatched), *_of_methods(operations, known, allowed)]
    if not listed and isinstance(counted, str):
        observed = f"known are only the methods of described paths ({counted})"
        unknown = "list them in `api.served`, or name the metrics of the entry"
        found.append(FactReading(subject="what the entry serves", expected=unknown, observed=observed, ok=None))
    return [*found, source_fact(text, len(operations))]


def _plain(method: str, path: str) -> str:
    """An operation with its parameters unnamed: two templates that differ in names only are one."""
    return f"{method.upper()} {_PARAMETER.sub('{}', path)}".rstrip("/")


def _listed(target: Target, known: set[str]) -> Iterator[FactReading]:
    if target.api is None or not target.api.served:
        return
    where = f"{target.file}: api.served"
    text = read_text(target, target.api.served, where)
    for method, path in served_in(text):
        if method not in _IMPLIED:
            ok = _plain(method, path) in known
            observed = "in the list of served operations" + ("" if ok else ", not in the description")
            yield FactReading(subject=f"{method} {path}", expected=_EXPECTED, observed=observed, ok=ok)


def served_in(text: DescriptionText) -> Sequence[tuple[str, str]]:
    """Method and path of each operation in a list: lines like `GET /orders/{id}`, or JSON of objects with `method` and `path`.

    Raises:
        ConfigurationError: a line or an object is neither, or there is none.
    """
    body = text.body.decode("utf-8", errors="replace")
    found: list[tuple[str, str]] = []
    if body.lstrip().startswith("["):
        try:
            found = [(str(one["method"]).upper(), str(one["path"])) for one in json.loads(body)]
        except (ValueError, TypeError, KeyError) as error:
            hint = 'write `[{"method": "GET", "path": "/orders/{id}"}]`'
            raise ConfigurationError(
                "the list is not one of objects with `method` and `path`", where=text.source, hint=hint
            ) from error
    else:
        for number, line in enumerate(body.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            if (matched := _LINE.match(line.strip())) is None:
                hint = "write a line like `GET /orders/{id}`"
                raise ConfigurationError(
                    f"the line {line.strip()[:80]!r} names no operation", where=f"{text.source}:{number}", hint=hint
                )
            found.append((matched[1].upper(), matched[2]))
    if not found:
        raise ConfigurationError(
            "the list names no operation", where=text.source, hint="write a line like `GET /orders/{id}`"
        )
    return found


def _counted(
    operations: Sequence[Operation], known: set[str], counted: Routes | str, unmatched: str
) -> Iterator[FactReading]:
    """A fact for each route that the entry's metrics count; one that only 404 and 405 were answered for is left out.

    The label of requests that met no route is left out unless one of them was carried out.
    """
    if isinstance(counted, str):
        return
    names = {name for one in operations for name in (one.id, one.name, one.path) if name}
    paths = {one.partition(" ")[2] for one in known}
    for route, statuses in sorted(counted.items()):
        answers = sum(statuses.values())
        refused = bool(unmatched) and route == unmatched and all(status >= "400" for status in statuses)
        if not answers or refused or {*statuses} <= _NOT_SERVED:
            continue
        method, _, path = route.rpartition(" ")
        ok = route in names or (_plain(method, path) in known if method else _plain("", path).strip() in paths)
        observed = f"{answers:g} answers in the metrics of the entry" + ("" if ok else ", not in the description")
        yield FactReading(subject=f"route {route}", expected=_EXPECTED, observed=observed, ok=ok)


def _of_methods(
    operations: Sequence[Operation], known: set[str], allowed: Callable[[str], str]
) -> Iterator[FactReading]:
    """A fact for each path whose answer says which methods it has."""
    deadline, paths = (
        Deadline.after(_METHODS_S),
        [*dict.fromkeys(one.path for one in DescribedApi(operations).operations)],
    )
    for number, path in enumerate(paths):
        if deadline.over:
            observed = f"{len(paths) - number} of {len(paths)} paths were not asked within {_METHODS_S:g} s"
            yield FactReading(subject="methods of paths", expected=_EXPECTED, observed=observed, ok=None)
            return
        methods = {one.strip().upper() for one in allowed(_PARAMETER.sub("1", path)).split(",")} - _IMPLIED - {""}
        missing = sorted(one for one in methods if _plain(one, path) not in known)
        if methods:
            observed = f"allows {', '.join(sorted(methods))}" + (
                f"; {', '.join(missing)} not in the description" if missing else ""
            )
            yield FactReading(subject=f"methods of {path}", expected=_EXPECTED, observed=observed, ok=not missing)
