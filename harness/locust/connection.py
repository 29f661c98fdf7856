"""One kept connection a journey, on which nothing is tried twice behind our back."""

from __future__ import annotations

from functools import cache
from typing import Any

import gevent.ssl
from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.url import URL
from locust.contrib.fasthttp import FastHttpSession


class _OneTryPool(HTTPClientPool):
    """geventhttpclient quietly repeats a GET whose connection broke; a user's failure would never be seen."""

    def get_client(self, url: str | URL) -> HTTPClient:
        client = super().get_client(url)
        client._connection_pool.size = -1  # noqa: SLF001  # it tries size + 1 times more, and asks `size` for nothing else
        return client


@cache
def _ssl_context() -> Any:
    """One for all journeys: reading the authorities takes longer than many a request."""
    return gevent.ssl.create_default_context()


def kept_connection(host: str, request_event: Any) -> FastHttpSession:
    """An HTTP session with cookies and one connection, made at the first request; close it with `close`.

    It has no time-outs of its own: the journey bounds each exchange as a whole.
    """
    pool = _OneTryPool(
        concurrency=1,
        connection_timeout=None,
        network_timeout=None,
        insecure=False,
        ssl_context_factory=lambda **_: _ssl_context(),
    )
    return FastHttpSession(
        base_url=host,
        request_event=request_event,
        user=None,
        insecure=False,
        client_pool=pool,
        max_redirects=5,
        max_retries=0,
        ssl_context_factory=lambda **_: _ssl_context(),
    )


def close(session: FastHttpSession) -> None:
    """Close the session's connection."""
    session.client.close()
