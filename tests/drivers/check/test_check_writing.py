"""What one region accepts is readable in another: two real HTTP services with one ledger between them, or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from harness import clock
from harness.drivers.check.writing import written_and_read
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers, shop_of

Rows = dict[tuple[int, int], tuple[str, float]]
"""Of all regions, with the moment from which each is shown."""


@dataclass
class Edge:
    """One region: rows written here are shown everywhere after `after_s`.

    Attributes:
        rows: see above. url: where it is. status: of a write. after_s: see above.
        changes: shows another checksum than was written.
    """

    rows: Rows
    url: str = ""
    status: int = 201
    after_s: float = 0.0
    changes: bool = False


class _Ledger(Answers, BaseHTTPRequestHandler):
    edge: Edge

    def do_POST(self) -> None:
        row = json.loads(self.sent())
        shown_s = clock.now_s() + self.edge.after_s
        self.edge.rows[row["client"], row["sequence"]] = (row["checksum"], shown_s)
        self.say(self.edge.status, {})

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        key = int(query["client"][0]), int(query["sequence"][0])
        checksum, shown_s = self.edge.rows.get(key, ("", float("inf")))
        said = "0" * 16 if self.edge.changes else checksum
        self.say(200, {"rows": [[key[1], said]] if clock.now_s() >= shown_s else []})


@pytest.fixture
def edges() -> Iterator[tuple[Edge, Edge]]:
    """Two regions of one platform."""
    rows: Rows = {}
    one, other = Edge(rows), Edge(rows)
    first, second = (type("_Own", (_Ledger,), {"edge": edge}) for edge in (one, other))
    with serving(first) as one.url, serving(second) as other.url:
        yield one, other


def probe(edges: tuple[Edge, Edge], tmp_path: Path, within: str) -> list[FactReading]:
    """What is seen when twenty rows are written in the far region and read at home."""
    regions = {name: {"entry": edge.url} for name, edge in zip(("far", "home"), edges, strict=True)}
    target = shop_of(tmp_path, entry=edges[0].url, ledger={"path": "/ledger", "read": True}, regions=regions)
    return list(written_and_read(target, {"from": "far", "to": "home", "within": within})())


def test_rows_that_are_readable_at_once_are_as_expected(edges: tuple[Edge, Edge], tmp_path: Path) -> None:
    """Twenty of twenty."""
    found = probe(edges, tmp_path, "30 s")
    assert [one.ok for one in found] == [True] * 20
    assert found[0].subject == "write 1 of 20 from far to home"


def test_rows_that_wait_at_the_edge_are_a_failure(edges: tuple[Edge, Edge], tmp_path: Path) -> None:
    """They are shown after a minute, 50 ms are promised."""
    edges[0].after_s = 60.0
    found = probe(edges, tmp_path, "50 ms")
    assert {one.ok for one in found} == {False}
    assert found[0].observed == "not readable in 0.05 s"


@pytest.mark.parametrize("spoil", ["refuses", "changes"])
def test_rows_that_are_refused_or_changed_are_a_failure(edges: tuple[Edge, Edge], tmp_path: Path, spoil: str) -> None:
    """By the far region, or on the way."""
    edges[0].status = 503 if spoil == "refuses" else 201
    edges[1].changes = spoil == "changes"
    assert {one.ok for one in probe(edges, tmp_path, "50 ms")} == {False}


def test_a_region_without_an_entry_is_named(tmp_path: Path) -> None:
    """With those that have one."""
    target = shop_of(tmp_path, ledger={"path": "/ledger", "read": True})
    with pytest.raises(ConfigurationError, match="the region far has no entry"):
        written_and_read(target, {"from": "far", "to": "home", "within": "5 s"})
