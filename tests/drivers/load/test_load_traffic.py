"""The size of a traffic, and what is said when its file is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.drivers.load import load_traffic
from harness.errors import ConfigurationError
from harness.model import TrafficPlan
from harness.targets.target import Traffic

LOADTESTS = Path(__file__).parents[3] / "loadtests"

GOOD = """\
locustfile: shop.py
rate: 10/s
journey: 3 s
requests_per_journey: 2
warm_up: 5 s
for: 1 min
routes: {buy: 50 %, look: 50 %}
"""


def shop(tmp_path: Path, text: str = GOOD) -> Path:
    """A folder with the traffic `shop`."""
    (tmp_path / "shop.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "shop.py").touch()
    return tmp_path


def test_the_everyday_traffic_bears_twelve_thousand_requests() -> None:
    """25 journeys a second of four requests over six seconds: 150 users, and 12 800 requests in 128 s."""
    plan = load_traffic("everyday", [LOADTESTS])
    assert plan == TrafficPlan(
        name="everyday",
        locustfile=str(LOADTESTS / "everyday.py"),
        journeys_per_s=25.0,
        requests_per_journey=4,
        warm_up_s=10.0,
        window_s=128.0,
        routes={"sign-in": 0.25, "read-track": 0.25, "create-track": 0.25, "play-track": 0.25},
        users=150.0,
        workers=1,
    )
    assert (plan.requests_per_s, plan.requests) == (100.0, 12800)


def test_the_locustfile_by_hand_has_the_same_rate() -> None:
    """`journeys_per_s` of everyday.py and `rate` of everyday.yaml are one figure."""
    text = (LOADTESTS / "everyday.py").read_text(encoding="utf-8")
    rate = re.search(r"journeys_per_s = ([\d.]+)", text)
    assert rate is not None
    assert float(rate[1]) == load_traffic("everyday", [LOADTESTS]).journeys_per_s


def test_a_target_replaces_rate_and_length(tmp_path: Path) -> None:
    """The users follow the rate; other traffic's settings change nothing."""
    settings = {
        "shop": Traffic.model_validate({"rate": "40/s", "for": "3 min"}),
        "other": Traffic.model_validate({"rate": "1/s"}),
    }
    plan = load_traffic("shop", [shop(tmp_path)], settings)
    assert (plan.journeys_per_s, plan.window_s, plan.users, plan.requests) == (40.0, 180.0, 120.0, 14400)


def test_the_first_search_path_wins(tmp_path: Path) -> None:
    """A project's own traffic hides the one that comes with the package."""
    (tmp_path / "own").mkdir()
    (tmp_path / "bundled").mkdir()
    own, bundled = shop(tmp_path / "own", GOOD.replace("10/s", "20/s")), shop(tmp_path / "bundled")
    assert load_traffic("shop", [own, bundled]).journeys_per_s == 20.0
    assert load_traffic("shop", [tmp_path, bundled]).journeys_per_s == 10.0


def test_an_unknown_name_names_the_nearest(tmp_path: Path) -> None:
    """`everday` is most likely `everyday`."""
    with pytest.raises(ConfigurationError) as raised:
        load_traffic("everday", [LOADTESTS, shop(tmp_path)])
    assert raised.value.what == "there is no traffic `everday`"
    assert raised.value.mend == "did you mean `everyday`? known: everyday, shop"


@pytest.mark.parametrize(
    ("right", "wrong", "place", "what"),
    [
        ("rate: 10/s", "rate: 10", "2: rate", "`10` is not a rate above 0 like `25/s`"),
        ("rate: 10/s", "rate: 0/s", "2: rate", "`0/s` is not a rate above 0 like `25/s`"),
        ("for: 1 min", "for: 1 min\nwarmup: 1 s", "7: warmup", "unknown key `warmup`"),
        ("journey: 3 s", "journey: 3 kg", "3: journey", "`3 kg` is not a time above 0 like `6 s`"),
        (
            "requests_per_journey: 2",
            "requests_per_journey: 0",
            "4: requests_per_journey",
            "`0` is not a number of at least 1",
        ),
        ("locustfile: shop.py", "locustfile: shp.py", "1: locustfile", "there is no file `shp.py`"),
        ("buy: 50 %", "buy: 60 %", "7: routes", "the routes' shares add up to 1.1, not to 1"),
        ("buy: 50 %", "buy: half", "7: routes.buy", "`half` is not a ratio above 0 like `25 %`"),
        ("rate: 10/s", "rate: 900/s", "1: workers", "1800 requests/s are more than 1 load processes offer on time"),
    ],
)
def test_a_wrong_file_is_refused_with_line_and_key(
    tmp_path: Path, right: str, wrong: str, place: str, what: str
) -> None:
    """Where, what, and what was expected."""
    folder = shop(tmp_path, GOOD.replace(right, wrong))
    with pytest.raises(ConfigurationError) as raised:
        load_traffic("shop", [folder])
    assert raised.value.what.startswith(what)
    assert raised.value.where == f"{folder}/shop.yaml:{place}"


@pytest.mark.parametrize("text", ["", "- a\n", "rate: [\n", "rate: 1/s\nrate: 2/s\n"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    """Never a traceback."""
    with pytest.raises(ConfigurationError, match=r"shop\.yaml"):
        load_traffic("shop", [shop(tmp_path, text)])


def test_a_target_that_asks_for_nothing_is_refused(tmp_path: Path) -> None:
    """Zero journeys a second would be a run without evidence."""
    with pytest.raises(ConfigurationError, match="no traffic at all"):
        load_traffic("shop", [shop(tmp_path)], {"shop": Traffic.model_validate({"rate": "0/s"})})
