"""Stock locustfiles of public kinds, by Locust itself and by the harness: equal names, counts and failures, exact percentiles."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from load_kinds import KINDS, VARIABLES, Counted, Differential, compared

QUICK = ("judged", "sequence")
PAGE, CART = ("GET", "/page"), ("POST", "/cart")


@pytest.mark.parametrize(
    "file",
    [pytest.param(file, marks=() if file.stem in QUICK else pytest.mark.slow, id=file.stem) for file in KINDS],
)
def test_what_is_recorded_of_a_locustfile_is_what_locust_counts(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last request, by name and method; the server saw as many; and quantiles are those of the raw rows."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    assert compared(file, tmp_path, "127.94.0.10").differences == []


def test_thirty_kinds_are_compared() -> None:
    """Or more."""
    assert len(KINDS) >= 30


def of(requests: int, failures: int = 0, served: int = 5) -> Counted:
    """So many pages."""
    return Counted(Counter({PAGE: requests}), +Counter({PAGE: failures}), Counter({PAGE: served}))


def test_each_difference_is_named() -> None:
    """A request too many, one that failed for one of them only, a name that the other has not, a quantile that is not in the rows."""
    other = Counted(Counter({PAGE: 5, CART: 1}), Counter(), Counter({PAGE: 5}))
    for locust, ours, quantile, said in [
        (of(5), of(5), 1.0, []),
        (of(5), of(4), 1.0, ["requests of GET /page: 4, of Locust 5"]),
        (of(5, 1), of(5, 2), 1.0, ["failures of GET /page: 2, of Locust 1"]),
        (of(5), of(5, served=6), 1.0, ["served requests of GET /page: 6, of Locust 5"]),
        (of(0), of(0), 1.0, ["Locust counted no request"]),
        (of(5), other, 1.0, ["requests of POST /cart: 1, of Locust 0"]),
        (of(5), of(5), 2.0, ["quantiles of GET /page: (2.0,), in the rows (1.0,)"]),
    ]:
        found = Differential(
            file=Path("a.py"), locust=locust, ours=ours, quantiles={PAGE: (quantile,)}, ranks={PAGE: (1.0,)}
        )
        assert found.differences == said
