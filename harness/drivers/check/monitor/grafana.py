"""`grafana-panels`: Grafana is healthy, and every panel of its dashboards has data, as its own HTTP API answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError
from harness.model import Quantity
from harness.targets.http import http_client

if TYPE_CHECKING:
    import httpx

    from harness.targets import Target

_WITHIN_S: Final = 10.0
_PAGE: Final = 500
_PAGES: Final = 20
_POINTS: Final = 300
"""How many points a query is asked for, at most."""
MIXED: Final = "-- Mixed --"
"""The data source of a panel each of whose queries names its own."""
SHOWN_ELSEWHERE: Final = frozenset({"-- Dashboard --", "-- Grafana --", "grafana"})
"""Data sources of panels that show what is another panel's, or Grafana's own."""
_PANELS: Final = frozenset({"panels", "rows"})
"""Where a dashboard has its panels: Grafana 5 and later, and before. One of schema version 2 has `elements`, which are not read."""
_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)|\[\[(\w+)(?::\w+)?\]\]")
_ALL: Final = "$__all"
_DEFAULT: Final = "default"
"""What stands for the default data source where a uid or a name is expected."""
_WRITTEN: Final = frozenset({"constant", "textbox"})
"""Kinds of variables whose query is their value."""


class GrafanaPanel(NamedTuple):
    """A panel that asks for data; its queries have the values of the dashboard's variables.

    Attributes:
        subject: dashboard and title; the dashboard alone where its panels cannot be read.
        queries: none where they cannot be read.
        unknown: why it is not known what it shows; empty: it can be asked.
    """

    subject: str
    queries: Sequence[Mapping[str, Any]]
    unknown: str = ""


def grafana_panels(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Ask Grafana for its health and for what every panel of every dashboard shows of the last so long.

    A panel has data where one of its visible queries has a value and none fails. Panels without queries are passed over.
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
    """How much there is; panels of a dashboard that cannot be read are not counted, and none of the others is then unknown."""
    counted = sum(bool(one.queries) for one in panels)
    known = counted == len(panels)
    for subject, count, ok in (
        ("dashboards", len(boards), bool(boards)),
        ("panels with queries", counted, bool(counted) if counted or known else None),
    ):
        yield FactReading(subject=subject, expected="at least 1", observed=str(count), ok=ok)


@contextmanager
def grafana_of(target: Target) -> Iterator[GrafanaClient]:
    """The Grafana of a target, for as long as it is asked.

    Raises:
        ConfigurationError: the target file names none, or its token is not there.
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
        client: sends the requests, with whatever credentials there are.
        base: address of Grafana, a path before /api included.
    """

    def __init__(self, client: httpx.Client, base: str) -> None:
        self._client, self._base = client, base
        self._sources: list[dict[str, Any]] | None = None

    def health(self) -> FactReading:
        """`database: ok` of /api/health. Raises DriverError where nothing answers."""
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
        """The panels of a dashboard that ask for data, those in closed rows included. Raises as `_content`."""
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
        """What the panel's queries give of the last seconds. Raises DriverError where nothing answers."""
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
        """A query as /api/ds/query takes it."""
        mixed = isinstance(of_panel, dict) and of_panel.get("uid") == MIXED
        named = query.get("datasource") or (None if mixed else of_panel)
        source = self._source(_replaced(named, values))
        filled: dict[str, Any] = _replaced(dict(query), values)
        return {"refId": "A", "intervalMs": 1000, "maxDataPoints": _POINTS, **filled, "datasource": source}

    def _source(self, named: Any) -> dict[str, Any]:
        """A data source by its uid; by name, or the default one, of its type where that is named. Raises as `_content`."""
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
        """What a path answers.

        Raises:
            DriverError: no answer, a status other than 200, or another shape; with the URL.
        """
        status, content = self._ask("GET", path)
        if status != 200 or not isinstance(content, kind):
            why = content.get("message", "") if isinstance(content, dict) else "another shape"
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
    """Why it is not known which panels a dashboard has; empty: `panels_in` gives them."""
    return (
        "" if _PANELS & {*board} else "its panels are not read: it has no `panels`; hint: save it in the classic schema"
    )


def panels_in(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The panels of a dashboard or of a row, rows and what is in closed ones included; the oldest dashboards have `rows` of panels."""
    for panel in [one for key in sorted(_PANELS) for one in objects_in(board.get(key))]:
        yield panel
        yield from panels_in(panel)


def objects_in(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; of anything else none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def variables_in(text: str) -> list[str]:
    """The names of variables in a text; a number is a group of a regular expression."""
    named = [met[1] or met[2] or met[3] for met in _VARIABLE.finditer(text)]
    return [name for name in named if not name.isdigit()]


def _variables(board: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Name and value of each variable of a dashboard as it was saved; several values are alternatives of a regular expression.

    None: it was saved without one, and Grafana chooses it when the dashboard is opened.
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
    """A text with the variables that have a value; Grafana itself knows the others, as `$__rate_interval`."""

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
    """Whether a frame of the answer has a value in a field that is not the time; what is no number comes as null."""
    for frame in result.get("frames") or []:
        fields = (frame.get("schema") or {}).get("fields") or []
        columns = (frame.get("data") or {}).get("values") or []
        for field, column in zip(fields, columns, strict=False):
            if field.get("type") != "time" and any(value is not None for value in column):
                return True
    return False
