"""`grafana-panels`: checks by Grafana's HTTP API that Grafana is healthy and every panel of its dashboards has data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harness.drivers.check.claim import When, claim
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError
from harness.model import Quantity
from harness.model.planned.need import RequiredKey
from harness.targets.http import http_client

if TYPE_CHECKING:
    import httpx

    from harness.targets import Target

_WITHIN_S: Final = 30.0
"""As long as Grafana itself waits for a data source by default: `timeout` in the section `dataproxy` of its configuration."""
_PAGE: Final = 500
_PAGES: Final = 20
_POINTS: Final = 300
"""Maximum number of points requested for a query."""
MIXED: Final = "-- Mixed --"
"""Data source of a panel whose queries each name their own data source."""
SHOWN_ELSEWHERE: Final = frozenset({"-- Dashboard --", "-- Grafana --", "grafana"})
"""Data sources of panels that show data of another panel or of Grafana itself."""
_PANELS: Final = frozenset({"panels", "rows"})
"""Keys of a dashboard's panels, in Grafana 5 and later, and before. Dashboards of schema version 2 have `elements` and are not read."""
_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)|\[\[(\w+)(?::\w+)?\]\]")
_ALL: Final = "$__all"
_DEFAULT: Final = "default"
"""Values that mean the default data source in place of a uid or a name."""
_WRITTEN: Final = frozenset({"constant", "textbox"})
"""Kinds of variables whose query is also their value."""


class GrafanaPanel(NamedTuple):
    """A panel with queries, in which the dashboard's variables are replaced by their values.

    Attributes:
        subject: dashboard and title; only the dashboard if its panels cannot be read.
        queries: the queries; empty if they cannot be read.
        unknown: why the panel's data cannot be requested; empty if it can.
    """

    subject: str
    queries: Sequence[Mapping[str, Any]]
    unknown: str = ""


@claim(
    "Grafana answers healthy and every panel of every dashboard has data of the last <last:duration>",
    about=(
        "By Grafana's HTTP API (`grafana` of the target file): the health, and of each panel with queries that one of them has a "
        "value of that time and none fails; variables have the values with which the dashboard was saved."
    ),
    example="Grafana answers healthy and every panel of every dashboard has data of the last 5 min",
    needs=(RequiredKey("grafana", "the data of panels are requested from Grafana"),),
    when=When.UNDER_TRAFFIC,
)
def grafana_panels(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Request Grafana's health, and the data of every panel of every dashboard for the last seconds.

    A panel has data if at least one of its visible queries returns a value and none fails. Panels without queries are left out.
    """
    last_s = Quantity.parse(params["last"]).in_unit("s")

    def probe() -> Sequence[FactReading]:
        with grafana_of(target) as grafana:
            health = grafana.health()
            if not health.ok:
                return [health]
            boards = grafana.dashboards()
            panels = [panel for board in boards for panel in grafana.panels(board)]
            return [health, *_found(boards, panels), *(grafana.shown(one, last_s) for one in panels)]

    return probe


def _found(boards: Sequence[str], panels: Sequence[GrafanaPanel]) -> Iterator[FactReading]:
    """The fact on the number of panels with queries; unknown if a dashboard could not be read and there are no others."""
    counted = sum(bool(one.queries) for one in panels)
    known = counted == len(panels)
    for subject, count, ok in (
        ("dashboards", len(boards), bool(boards)),
        ("panels with queries", counted, bool(counted) if counted or known else None),
    ):
        yield FactReading(subject=subject, expected="at least 1", observed=str(count), ok=ok)


@contextmanager
def grafana_of(target: Target) -> Iterator[GrafanaClient]:
    """Context manager with a client for the Grafana of a target.

    Raises:
        ConfigurationError: the target file names no Grafana, or its token does not exist.
    """
    if target.grafana is None:
        raise ConfigurationError(
            "names no Grafana", where=f"{target.file}: grafana", hint="write `grafana: {url: https://…}`"
        )
    base = target.grafana.url.rstrip("/")
    with http_client(target, base, timeout_s=_WITHIN_S) as client:
        if target.grafana.token is not None:
            client.headers["authorization"] = f"Bearer {target.grafana.token.resolve()}"
        yield GrafanaClient(client, base)


class GrafanaClient:
    """Grafana's HTTP API.

    Args:
        client: HTTP client with the credentials, if any.
        base: address of Grafana, a path before /api included.
    """

    def __init__(self, client: httpx.Client, base: str) -> None:
        self._client, self._base = client, base
        self._sources: list[dict[str, Any]] | None = None

    def health(self) -> FactReading:
        """The fact that /api/health answers `database: ok`. Raises DriverError without an answer."""
        status, content = self._ask("GET", "/api/health")
        said = content.get("database", "") if isinstance(content, dict) else ""
        seen = f"status {status}, database {said or 'not named'}"
        return FactReading(
            subject="Grafana", expected="status 200, database ok", observed=seen, ok=(status, said) == (200, "ok")
        )

    def dashboards(self) -> list[str]:
        """The uid of every dashboard that the credentials may see. Raises as `_content`."""
        uids: list[str] = []
        for page in range(1, _PAGES + 1):
            found = self._content(f"/api/search?type=dash-db&limit={_PAGE}&page={page}", list)
            uids += [str(one["uid"]) for one in found if isinstance(one, dict) and "uid" in one]
            if len(found) < _PAGE:
                break
        return uids

    def panels(self, uid: str) -> Iterator[GrafanaPanel]:
        """The panels of a dashboard with queries, also in collapsed rows. Raises as `_content`."""
        board = self._content(f"/api/dashboards/uid/{uid}", dict).get("dashboard") or {}
        values = dict(_variables(board))
        if why := unread_in(board):
            yield GrafanaPanel(str(board.get("title", uid)), (), why)
        for panel in panels_in(board):
            if library := (panel.get("libraryPanel") or {}).get("uid"):
                model = (self._content(f"/api/library-elements/{library}", dict).get("result") or {}).get("model") or {}
                panel = {**model, "title": panel.get("title") or model.get("title", "")}  # noqa: PLW2901 - the same one, whole
            queries = objects_in(panel.get("targets"))
            named = variables_in(json.dumps([queries, panel.get("datasource")]))
            unvalued = next((name for name in named if name in values and values[name] is None), "")
            asked = [self._query(one, panel.get("datasource"), values) for one in queries]
            own = [one for one in asked if one["datasource"].get("uid") not in SHOWN_ELSEWHERE]
            if any(not one.get("hide") for one in own):
                title = _filled(str(panel.get("title") or f"panel {panel.get('id', '?')}"), values)
                why = f"the variable `{unvalued}` has no saved value; hint: choose one and save the dashboard with it"
                yield GrafanaPanel(f"{board.get('title', uid)}, {title}", own, why if unvalued else "")

    def shown(self, panel: GrafanaPanel, last_s: float) -> FactReading:
        """The fact whether the panel's queries returned data for the last seconds. Raises DriverError without an answer."""
        expected = f"data of the last {last_s:g} s"
        if panel.unknown:
            return FactReading(subject=panel.subject, expected=expected, observed=panel.unknown, ok=None)
        body = {"queries": list(panel.queries), "from": f"now-{last_s:.0f}s", "to": "now"}
        status, content = self._ask("POST", "/api/ds/query", body)
        results = content.get("results") if isinstance(content, dict) else None
        visible = [str(one["refId"]) for one in panel.queries if not one.get("hide")]
        if not isinstance(results, dict):
            why = content.get("message", "") if isinstance(content, dict) else ""
            observed, ok = f"status {status} {why}".strip(), False
        else:
            answers = {name: results.get(name) or {} for name in visible}
            failed = next((f"query {name}: {one['error']}" for name, one in answers.items() if one.get("error")), "")
            having = [name for name, one in answers.items() if _has_value(one)]
            observed = failed or (f"data of {len(having)} of {len(visible)} queries" if having else "no data")
            ok = bool(having) and not failed
        return FactReading(subject=panel.subject, expected=expected, observed=observed, ok=ok)

    def _query(self, query: Mapping[str, Any], of_panel: Any, values: Mapping[str, str | None]) -> dict[str, Any]:
        """A query in the form that /api/ds/query expects."""
        mixed = isinstance(of_panel, dict) and of_panel.get("uid") == MIXED
        named = query.get("datasource") or (None if mixed else of_panel)
        source = self._source(_replaced(named, values))
        filled: dict[str, Any] = _replaced(dict(query), values)
        return {"refId": "A", "intervalMs": 1000, "maxDataPoints": _POINTS, **filled, "datasource": source}

    def _source(self, named: Any) -> dict[str, Any]:
        """A data source by uid, by name, or the default one, restricted to a type if one is named. Raises as `_content`."""
        uid, kind = (named.get("uid"), str(named.get("type") or "")) if isinstance(named, dict) else (named, "")
        uid = str(uid or _DEFAULT)
        if isinstance(named, dict) and uid != _DEFAULT:
            return named
        if uid in SHOWN_ELSEWHERE:
            return {"uid": uid}
        if self._sources is None:
            self._sources = [one for one in self._content("/api/datasources", list) if isinstance(one, dict)]
        of_kind = [one for one in self._sources if kind in ("", one.get("type"))]
        chosen = [one for one in of_kind if uid in (one.get("uid"), one.get("name"))]
        if uid == _DEFAULT:
            chosen = [one for one in of_kind if one.get("isDefault")] or (of_kind if kind else []) or chosen
        return {"uid": chosen[0].get("uid", ""), "type": chosen[0].get("type", "")} if chosen else {"uid": uid}

    def _content(self, path: str, kind: type[Any]) -> Any:
        """The JSON answer of a path.

        Raises:
            DriverError: no answer, a status other than 200, or an unexpected form; with the URL.
        """
        status, content = self._ask("GET", path)
        if status != 200 or not isinstance(content, kind):
            why = content.get("message", "") if isinstance(content, dict) else "its JSON has an unexpected form"
            hint = "a service account with the role Viewer may read dashboards: `grafana: {token: {env: NAME}}`"
            raise DriverError(f"Grafana answered {status}: {why}", where=f"{self._base}{path}", hint=hint)
        return content

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        import httpx

        url = f"{self._base}{path}"
        try:
            answer = self._client.request(method, url, json=body)
        except httpx.HTTPError as error:
            raise DriverError(f"Grafana gave no answer: {error or type(error).__name__}", where=url) from error
        try:
            return answer.status_code, answer.json()
        except ValueError:
            return answer.status_code, None


def unread_in(board: Mapping[str, Any]) -> str:
    """Why the panels of a dashboard cannot be read; empty if `panels_in` can read them."""
    return (
        "" if _PANELS & {*board} else "its panels are not read: it has no `panels`; hint: save it in the classic schema"
    )


def panels_in(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The panels of a dashboard or row, including rows and panels in collapsed rows; the oldest dashboards have `rows`."""
    for panel in [one for key in sorted(_PANELS) for one in objects_in(board.get(key))]:
        yield panel
        yield from panels_in(panel)


def objects_in(value: Any) -> list[dict[str, Any]]:
    """The JSON objects in a list; empty for any other value."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def variables_in(text: str) -> list[str]:
    """The names of the variables in a text, without numbers: `$1` is a group of a regular expression."""
    named = [met[1] or met[2] or met[3] for met in _VARIABLE.finditer(text)]
    return [name for name in named if not name.isdigit()]


def _variables(board: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Name and saved value of each variable of a dashboard; several values become alternatives of a regular expression.

    A value of None means that none was saved, and Grafana chooses one when the dashboard is opened.
    """
    for one in (board.get("templating") or {}).get("list") or []:
        value = (one.get("current") or {}).get("value")
        if value in (None, "", [], {}):
            value = one.get("query", "") if one.get("type") in _WRITTEN else None
        if value is None:
            yield str(one.get("name", "")), _DEFAULT if one.get("type") == "datasource" else None
            continue
        chosen = [str(each) for each in (value if isinstance(value, list) else [value])]
        every = one.get("allValue") or ".+"
        yield str(one.get("name", "")), every if _ALL in chosen else "|".join(chosen)


def _filled(text: str, values: Mapping[str, str | None]) -> str:
    """A text with its variables replaced by their values; Grafana itself replaces others, such as `$__rate_interval`."""

    def value(met: re.Match[str]) -> str:
        known = values.get(met[1] or met[2] or met[3])
        return met[0] if known is None else known

    return _VARIABLE.sub(value, text)


def _replaced(found: Any, values: Mapping[str, str | None]) -> Any:
    if isinstance(found, str):
        return _filled(found, values)
    if isinstance(found, dict):
        return {key: _replaced(value, values) for key, value in found.items()}
    return [_replaced(one, values) for one in found] if isinstance(found, list) else found


def _has_value(result: Mapping[str, Any]) -> bool:
    """Whether a frame of the answer has a value in a field other than time; NaN comes as null."""
    for frame in result.get("frames") or []:
        fields = (frame.get("schema") or {}).get("fields") or []
        columns = (frame.get("data") or {}).get("values") or []
        for field, column in zip(fields, columns, strict=False):
            if field.get("type") != "time" and any(value is not None for value in column):
                return True
    return False
