"""Prometheus' HTTP API, as checks ask it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harness.errors import ConfigurationError, DriverError
from harness.targets.http import http_client

if TYPE_CHECKING:
    import httpx

    from harness.targets import Target

_WITHIN_S: Final = 5.0


class SeriesValue(NamedTuple):
    """One element of a result: its labels, and its last value."""

    labels: Mapping[str, str]
    value: float


class PrometheusClient:
    """The Prometheus of a target."""

    def __init__(self, client: httpx.Client, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def get(self, path: str, **parameters: str) -> Any:
        """`data` of an answer.

        Raises:
            DriverError: no answer, or one that says that it failed.
        """
        import httpx

        url = f"{self._prefix}/api/v1/{path}"
        try:
            answer = self._client.get(url, params=parameters)
            content = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise DriverError(f"Prometheus gave no answer: {error or type(error).__name__}", where=url) from error
        if not isinstance(content, dict) or content.get("status") != "success":
            why = content.get("error", "") if isinstance(content, dict) else ""
            raise DriverError(f"Prometheus answered {answer.status_code}: {why or 'no reason given'}", where=url)
        return content["data"]

    def vector(self, query: str, *, lookback_s: float = 0.0) -> list[SeriesValue]:
        """The elements of an instant vector; with `lookback_s` of samples that are younger (Prometheus heeds it from 2.44 on)."""
        more = {"lookback_delta": f"{lookback_s:g}"} if lookback_s else {}
        data = self.get("query", query=query, **more)
        if data["resultType"] == "scalar":
            return [SeriesValue({}, float(data["result"][1]))]
        return [SeriesValue(one["metric"], float(one["value"][1])) for one in data["result"]]

    def samples(self, selector: str) -> list[tuple[Mapping[str, str], list[float]]]:
        """Labels and times in seconds of every sample of a range, by series."""
        data = self.get("query", query=selector)
        return [(one["metric"], [float(at) for at, _ in one["values"]]) for one in data["result"]]


@contextmanager
def prometheus_of(target: Target) -> Iterator[PrometheusClient]:
    """The Prometheus of a target, for as long as it is asked.

    Raises:
        ConfigurationError: the target file names none.
    """
    if target.prometheus is None:
        raise ConfigurationError(
            "names no Prometheus", where=f"{target.file}: prometheus", hint="write `prometheus: http://…`"
        )
    base = target.prometheus.rstrip("/")
    with http_client(target, base, timeout_s=_WITHIN_S) as client:
        yield PrometheusClient(client, base)
