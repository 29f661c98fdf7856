"""The size of a traffic, and what is said when its file is wrong."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from harness.drivers.load import load_traffic
from harness.errors import ConfigurationError
from harness.locust.process.options import add_options
from harness.model import AccountPlan, StopRule, TrafficPlan
from harness.targets.files.parts import TrafficOverride
from tests.builders.pages import pages

LOADTESTS = Path(__file__).parents[3] / "loadtests"
USERS = """\
from harness.locust import Journey, Shape


class Shopper(Shape):
    def run(self, journey: Journey) -> None:
        journey.get("/goods", name="look")
        journey.post("/orders", name="buy", json={})
"""
MANUAL = pages("stock-locustfiles", "traffic-size", "journey-writes", "load-generator")

STOCK = """\
from locust import HttpUser, task

class Shopper(HttpUser):
    @task
    def shop(self):
        self.client.get("/buy", name="buy")
        self.client.get("/look", name="look")
"""

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
    (tmp_path / "shop.py").write_text(USERS, encoding="utf-8")
    return tmp_path


def test_a_load_may_be_stopped_by_thresholds(tmp_path: Path) -> None:
    """The error rate, and quantiles of the response time, of one span. The block of the page is one, with users that send its routes."""
    stopped = f"{GOOD}stop_when: {{p95: 2 s, error_rate: 20 %, p99: 900 ms, for: 10 s}}\n"
    assert load_traffic("shop", [shop(tmp_path, stopped)]).stop_when == (
        StopRule(over=0.2, for_s=10.0),
        StopRule(quantile=0.95, over=2.0, for_s=10.0),
        StopRule(quantile=0.99, over=0.9, for_s=10.0),
    )
    assert load_traffic("shop", [shop(tmp_path)]).stop_when == ()
    (block,) = re.findall(r"```yaml\n(.*?)```", pages("stop-when"), re.DOTALL)
    (tmp_path / "visitors.yaml").write_text(block, encoding="utf-8")
    users = USERS.replace("look", "home").replace("buy", "read-track")
    (tmp_path / "visitors.py").write_text(users, encoding="utf-8")
    assert [rule.figure for rule in load_traffic("visitors", [tmp_path]).stop_when] == ["error rate", "p95"]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("{for: 10 s}", "shop.yaml:8: stop_when: no threshold is named\n  hint: write `error_rate: 20 %`, `p95: 2 s` or both"),
        ("{error_rate: 20 %, for: 500 ms}", "shop.yaml:8: stop_when.for: 10 requests would be compared, expected at least 20\n  hint: write `for: 1 s`"),
        ("{error_rate: 100 %, for: 10 s}", "shop.yaml:8: stop_when.error_rate: an error rate is never over 100 %"),
        ("{error_rate: 20 %}", "shop.yaml:8: "),
        ("{p75: 2 s, for: 10 s}", "shop.yaml:8: "),
        ("{p95: 2, for: 10 s}", "shop.yaml:8: "),
    ],
)  # fmt: skip
def test_a_threshold_that_could_never_stop_a_load_is_refused(tmp_path: Path, section: str, said: str) -> None:
    """With its line and what to write."""
    with pytest.raises(ConfigurationError) as refused:
        load_traffic("shop", [shop(tmp_path, f"{GOOD}stop_when: {section}\n")])
    assert said in str(refused.value)


def test_the_everyday_traffic_sends_over_nine_thousand_requests() -> None:
    """16 journeys a second of four requests, and sixteen seconds in all: 264 users, and 9600 requests in 150 s; the locustfile has the same rate."""
    plan = load_traffic("everyday", [LOADTESTS])
    assert plan == TrafficPlan(
        name="everyday",
        locustfile=str(LOADTESTS / "everyday.py"),
        journeys_per_s=16.0,
        requests_per_journey=4,
        warm_up_s=12.0,
        window_s=150.0,
        window_grows=True,
        routes={"sign-in": 0.25, "read-track": 0.25, "create-track": 0.25, "play-track": 0.25},
        users=264.0,
        workers=1,
        accounts=(
            AccountPlan(name="tracks", path="/tracks/{id}", fields=("title", "artist")),
            AccountPlan(name="plays", path="/tracks/{id}", counts="plays"),
        ),
        traceparent=True,
    )
    assert (plan.requests_per_s, plan.requests) == (64.0, 9600)
    by_hand = re.findall(r"journeys_per_s = ([\d.]+)", (LOADTESTS / "everyday.py").read_text(encoding="utf-8"))
    assert [float(rate) for rate in by_hand[:1]] == [plan.journeys_per_s]


def test_a_profile_may_ask_for_another_window() -> None:
    """Of several profiles the longest window counts, and of one that is not named that of `for`."""
    windows = {
        profiles: load_traffic("everyday", [LOADTESTS], profiles=profiles).window_s
        for profiles in ((), ("security",), ("core",), ("core", "security"))
    }
    assert windows == {(): 150.0, ("security",): 20.0, ("core",): 150.0, ("core", "security"): 150.0}


def test_spikes_are_three_times_as_high() -> None:
    """Both begin 16 s after the load, last 24 s, and end in the window; visitors go to the website."""
    spike, pages = (load_traffic(name, [LOADTESTS]) for name in ("spike", "page-spike"))
    assert spike.rates == ((0.0, 6.0), (16.0, 6.0), (16.0, 18.0), (40.0, 18.0), (40.0, 6.0))
    assert pages.rates == ((0.0, 18.0), (16.0, 18.0), (16.0, 54.0), (40.0, 54.0), (40.0, 18.0))
    assert (spike.entry, pages.entry) == ("", "website")


def test_a_target_replaces_rate_and_length(tmp_path: Path) -> None:
    """The users follow the rate; other traffic's settings change nothing."""
    settings = {
        "shop": TrafficOverride.model_validate({"rate": "40/s", "for": "3 min"}),
        "other": TrafficOverride.model_validate({"rate": "1/s"}),
    }
    plan = load_traffic("shop", [shop(tmp_path)], settings)
    assert (plan.journeys_per_s, plan.window_s, plan.users, plan.requests) == (40.0, 180.0, 120.0, 14400)


def test_trace_ids_are_switched_off_in_the_size_or_by_the_target(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """They are sent where neither says otherwise, and the target file wins."""
    cases: list[tuple[str, dict[str, bool], bool]] = [
        ("", {}, True),
        ("traceparent: false\n", {}, False),
        ("traceparent: true\n", {}, True),
        ("", {"traceparent": False}, False),
        ("traceparent: true\n", {"traceparent": False}, False),
        ("traceparent: false\n", {"traceparent": True}, True),
    ]
    for said, by_target, sends in cases:
        with subtests.test(said=said, by_target=by_target):
            settings = {"shop": TrafficOverride.model_validate(by_target)}
            assert load_traffic("shop", [shop(tmp_path, GOOD + said)], settings).traceparent is sends


def test_users_of_locusts_own_send_no_trace_ids_of_ours(tmp_path: Path) -> None:
    """Not asked for, none; asked for, refused with its line."""
    stock = GOOD.replace("rate: 10/s", "model: closed\nusers: 3")
    shop(tmp_path, stock)
    (tmp_path / "shop.py").write_text(STOCK, encoding="utf-8")
    assert not load_traffic("shop", [tmp_path]).traceparent
    (tmp_path / "shop.yaml").write_text(f"{stock}traceparent: true\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="`traceparent: true` is for journeys") as refused:
        load_traffic("shop", [tmp_path])
    assert refused.value.where == f"{tmp_path / 'shop.yaml'}:9: traceparent"


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
    assert (
        raised.value.hint == "did you mean `everyday`? known: census, everyday, page-spike, quick, shop, spike, visits"
    )


def traffic(tmp_path: Path, rate: str, trace: str = "0.5\n1.5\n2.5\n") -> TrafficPlan:
    """The traffic `shop` with other lines than `rate`, beside a trace."""
    (tmp_path / "trace.csv").write_text(trace, encoding="utf-8")
    return load_traffic("shop", [shop(tmp_path, GOOD.replace("rate: 10/s", rate))])


def test_steps_a_ramp_and_a_spike_are_rates_over_time(tmp_path: Path) -> None:
    """Time 0 is when the load begins; warm-up 5 s, window 60 s; the mean rate of the window is the plan's."""
    steps = traffic(
        tmp_path, "shape: {steps: [{rate: 10/s, for: 35 s}, {rate: 0/s, for: 5 s}, {rate: 40/s, for: 5 s}]}"
    )
    assert list(steps.rates) == [(0, 10), (35, 10), (35, 0), (40, 0), (40, 40), (45, 40)]
    assert steps.journeys(5, 65) == pytest.approx(30 * 10 + 25 * 40)
    assert (steps.requests, steps.arrivals, steps.model) == (2600, "poisson", "open")

    ramp = traffic(tmp_path, "arrivals: constant\nshape: {ramp: {from: 0/s, to: 65/s, over: 65 s}}")
    assert list(ramp.rates) == [(0, 0), (65, 65)]
    assert ramp.arrivals == "constant"
    assert ramp.journeys_per_s == pytest.approx(35)

    spike = traffic(tmp_path, "rate: 10/s\nshape: {spike: {rate: 70/s, after: 20 s, for: 10 s}}")
    assert list(spike.rates) == [(0, 10), (20, 10), (20, 70), (30, 70), (30, 10)]
    assert spike.journeys(5, 65) == pytest.approx(50 * 10 + 10 * 70)


def test_a_trace_is_counted(tmp_path: Path) -> None:
    """Arrivals at 0.5, 1.5 and 2.5 s, and from 3.5 s on again: 52 in the window from 5 to 65 s. One that a spreadsheet wrote has a byte order mark."""
    plan = traffic(tmp_path, "trace: trace.csv")
    assert plan.trace_ns == (500_000_000, 1_500_000_000, 2_500_000_000)
    assert (plan.arrivals, plan.trace) == ("trace", str(tmp_path / "trace.csv"))
    assert plan.journeys(5, 65) == sum(5 <= turn * 3.5 + at < 65 for turn in range(20) for at in (0.5, 1.5, 2.5)) == 52
    assert len(traffic(tmp_path, "trace: trace.csv", "\ufeff1\n2\n").trace_ns) == 2


def test_a_closed_model_has_users_and_workers_may_be_elsewhere(tmp_path: Path) -> None:
    """Thirty users, a journey of 3 s and 2 s of thought: at most 6 journeys a second. Two workers here, two that are waited for at an address."""
    plan = traffic(tmp_path, "model: closed\nusers: 30\nthink: 2 s")
    assert (plan.model, plan.arrivals, plan.users, plan.think_s, plan.journeys_per_s) == ("closed", "closed", 30, 2, 6)
    plan = traffic(tmp_path, "rate: 10/s\nworkers: 2\nremote: {workers: 2, bind: 10.0.0.5:5557}")
    assert (plan.workers, plan.remote_workers, plan.all_workers, plan.remote_bind) == (2, 2, 4, "10.0.0.5:5557")


def test_a_wrong_schedule_is_refused_with_line_and_key(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Where and what."""
    ends = "shape: {steps: [{rate: 9/s, for: 1 s}, {rate: 0/s, for: 1 s}]}"
    spike = "rate: 1/s\nshape: {spike: {rate: 1100/s, after: 1 s, for: 1 s}}"
    remote = "rate: 1/s\nremote: {workers: 1, bind: "
    accounts = f"{remote}'a:1'}}\naccounts: {{plays: {{path: '/t/{{id}}', counts: plays}}}}"
    unreported = "with workers on other machines, which do not report the writes of their journeys"
    for rate, place, what in [
        ("rate: -1/s", "2: rate", "`-1/s` is not a rate above 0"),
        ("rate: .nan", "2: rate", "`nan` is not a rate above 0"),
        (f"rate: {'9' * 400}/s", "2: rate", f"`{'9' * 400}/s` is not a rate above 0"),
        ("rate: 1/s\narrivals: bursty", "3: arrivals", "`bursty` is not one of poisson, constant"),
        ("model: closed", "1: users", "the key `users` is missing"),
        ("rate: 1/s\nmodel: closed\nusers: 5", "2: rate", "`rate` is not allowed with a closed model"),
        ("rate: 1/s\nthink: 1 s", "3: think", "`think` is not allowed with an open model"),
        ("rate: 1/s\ntrace: trace.csv", "2: rate", "`rate` is not allowed with a trace"),
        ("shape: {steps: []}", "2: shape.steps", "`steps` is empty"),
        ("shape: {}", "2: shape", "`shape` has more than one of `steps`, `ramp`, `spike`"),
        ("shape: {stps: []}", "2: shape.stps", "unknown key `stps`"),
        ("shape: {steps: [{rate: 1/s, for: 0 s}]}", "2: shape.steps[0].for", "`0 s` is not a time above 0"),
        ("shape: {steps: [{rate: -1/s, for: 1 s}]}", "2: shape.steps[0].rate", "`-1/s` is not a rate of 0 and more"),
        ("shape: {steps: [{rate: 0/s, for: 1 s}]}", "2: shape", "the rate is 0 throughout"),
        (ends, "6: for", "shop: no journey would begin in the window"),
        ("rate: 1/s\nshape: {ramp: {from: 1/s, to: 2/s, over: 1 s}}", "2: rate", "`rate` is not allowed with a shape"),
        (spike, "1: workers", "1 load processes cannot send 2200 requests/s"),
        (f"model: closed\nusers: {'9' * 400}", "3: users", f"`{'9' * 400}` is not a number of at most 1000000"),
        ("rate: 1/s\nworkers: 1001", "3: workers", "`1001` is not a number of at most 1000"),
        ("rate: 1/s\nremote: {workers: 0, bind: a:1}", "3: remote.workers", "`0` is not a number of at least 1"),
        (f"{remote}'x y:5557'}}", "3: remote.bind", "`x y:5557` is not an address and port"),
        (f"{remote}'a:٣'}}", "3: remote.bind", "`a:٣` is not an address and port"),
        (f"{remote}here}}", "3: remote.bind", "`here` is not an address and port"),
        (accounts, "4: accounts", f"`accounts` is not allowed {unreported}"),
    ]:
        with subtests.test(rate):
            with pytest.raises(ConfigurationError) as raised:
                traffic(tmp_path, rate)
            assert raised.value.what.startswith(what)
            assert raised.value.where.startswith(f"{tmp_path}/shop.yaml:{place}")
    endless = GOOD.replace("requests_per_journey: 2", f"requests_per_journey: {'9' * 400}")
    with pytest.raises(ConfigurationError, match=r"4: requests_per_journey: `9+` is not a number"):
        load_traffic("shop", [shop(tmp_path, endless)])


def test_a_wrong_trace_is_refused_with_its_line(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """The place in the traffic's file, and in the trace."""
    for text, where, what in [
        ("1\n\n0.5\n", ":3", "`0.5` is before the time of the previous line"),
        ("-1\n", ":1", "`-1` is not a time"),
        ("# seconds\n0\nnan\n", ":3", "`nan` is not a time"),
        ("soon\n", ":1", "`soon` is not a time"),
        ("1\n1e300\n", ":2", "`1e300` is not a time"),
        ("1,buyer,2\n", ":1", "the line has a third column"),
        ("# nobody\n\n", "", "the trace is empty"),
        ("1\n1\n", "", "the trace has no two different times"),
    ]:
        with subtests.test(text):
            with pytest.raises(ConfigurationError) as raised:
                traffic(tmp_path, "trace: trace.csv", text)
            assert raised.value.what == what
            assert raised.value.where == f"{tmp_path}/shop.yaml:2: trace: {tmp_path}/trace.csv{where}"


def test_what_is_no_name_of_a_file_is_refused(tmp_path: Path) -> None:
    """Too long for any disk, or with a byte of 0 in it."""
    for place, key, old in (
        ("2: trace", "trace", "rate: 10/s"),
        ("1: locustfile", "locustfile", "locustfile: shop.py"),
    ):
        for name in ("a" * 5000, '"a\\0b"'):
            folder = shop(tmp_path, GOOD.replace(old, f"{key}: {name}"))
            with pytest.raises(ConfigurationError) as raised:
                load_traffic("shop", [folder])
            assert f"shop.yaml:{place}" in raised.value.where


def test_a_spike_keeps_its_height_where_the_target_replaces_the_rate(tmp_path: Path) -> None:
    """Three times the rate before as after: from 10/s to 30/s, and on this target from 4/s to 12/s."""
    shape = "rate: 10/s\nshape: {spike: {rate: 30/s, after: 5 s, for: 4 s}}"
    folder = shop(tmp_path, GOOD.replace("rate: 10/s", shape))
    here = load_traffic("shop", [folder], {"shop": TrafficOverride.model_validate({"rate": "4/s"})})
    assert {per_s for _, per_s in here.rates} == {4, 12}
    assert {per_s for _, per_s in load_traffic("shop", [folder]).rates} == {10, 30}


def test_a_rate_that_a_target_cannot_ask_for_is_refused(tmp_path: Path) -> None:
    """Which of the steps would it be? And zero journeys a second would be a run without evidence."""
    ramp = GOOD.replace("rate: 10/s", "shape: {ramp: {from: 1/s, to: 2/s, over: 9 s}}")
    for text, rate, why in (
        (ramp, "40/s", "this traffic has no single rate"),
        (GOOD, "0/s", "so no request would be sent"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            load_traffic("shop", [shop(tmp_path, text)], {"shop": TrafficOverride.model_validate({"rate": rate})})


@pytest.mark.parametrize("text", ["", "- a\n", "rate: [\n", "rate: 1/s\nrate: 2/s\n"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    """Never a traceback."""
    with pytest.raises(ConfigurationError, match=r"shop\.yaml"):
        load_traffic("shop", [shop(tmp_path, text)])


def test_the_examples_of_the_manual_are_right(tmp_path: Path) -> None:
    """The size of a traffic, with each line of the table in the place of its rate, with accounts, and with workers elsewhere."""
    stock, size, accounts, remote = re.findall(r"```yaml\n(.*?)```", MANUAL, re.DOTALL)
    (tmp_path / "shop.py").write_text(STOCK, encoding="utf-8")
    (tmp_path / "shop.yaml").write_text(stock, encoding="utf-8")
    assert load_traffic("shop", [tmp_path]).model == "closed"
    shutil.copy(LOADTESTS / "everyday.py", tmp_path)
    shutil.copytree(LOADTESTS / "journeys", tmp_path / "journeys")
    shutil.copytree(LOADTESTS / "shapes", tmp_path / "shapes")
    (tmp_path / "arrivals.csv").write_text("0.5\n1.5\n")
    lines = [
        line.split("|")[1]
        for line in MANUAL.split("| instead of `rate` | |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
    ]
    assert len(lines) == 5
    for line in [" `rate: 25/s` ", *lines]:
        keys = "\n".join(re.findall("`(.*?)`", line))
        text = re.sub("rate: 25/s .*\narrivals: poisson .*", keys, size)
        (tmp_path / "everyday.yaml").write_text(text, encoding="utf-8")
        assert load_traffic("everyday", [tmp_path]).requests > 0
    for keys, workers in ((accounts, 1), (remote, 4)):
        text = re.sub("workers: 1 .*\n", keys, re.sub("census: .*\n", "", size))
        (tmp_path / "everyday.yaml").write_text(text, encoding="utf-8")
        assert load_traffic("everyday", [tmp_path]).all_workers == workers


def test_a_package_that_is_installed_as_editable_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pip puts a finder before the path; a name that none knows is refused as before."""

    class Editable:
        """What `pip install --editable` adds."""

        @staticmethod
        def find_spec(name: str, path: object = None, _target: object = None) -> ModuleSpec | None:
            """Of one package."""
            return ModuleSpec(name, None) if (name, path) == ("edited_shop", None) else None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Editable])
    folder = shop(tmp_path)
    (folder / "shop.py").write_text(f"import edited_shop\n{USERS}", encoding="utf-8")
    assert load_traffic("shop", [folder]).journeys_per_s == 10.0
    (folder / "shop.py").write_text(f"import edited_shop_2\n{USERS}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="the module `edited_shop_2` is not installed"):
        load_traffic("shop", [folder])


def test_a_file_that_extends_its_path_may_import_from_there(tmp_path: Path) -> None:
    """Locust runs it as it is; what is on its path then is not known before. Without that a hint names the way."""
    folder = shop(tmp_path)
    extended = "import sys\nsys.path.insert(0, 'perf')\nfrom steps_of_shop import Browse\n"
    (folder / "shop.py").write_text(f"{extended}{USERS}", encoding="utf-8")
    assert load_traffic("shop", [folder]).journeys_per_s == 10.0
    (folder / "shop.py").write_text(f"from steps_of_shop import Browse\n{USERS}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="`steps_of_shop` is not installed") as refused:
        load_traffic("shop", [folder])
    assert "PYTHONPATH=DIRECTORY readiness plan" in str(refused.value)


@pytest.mark.parametrize(("old", "new"), [("HttpLocust", "HttpUser"), ("TaskSequence", "SequentialTaskSet")])
def test_a_locustfile_of_locust_below_1_is_refused(tmp_path: Path, old: str, new: str) -> None:
    """With its line and the name of today; some of the old names can still be imported, and raise when they are used."""
    folder = shop(tmp_path)
    (folder / "shop.py").write_text(f"from locust import {old}\n{USERS}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=f"shop.py:1: Locust has no `{old}` since 1.0") as refused:
        load_traffic("shop", [folder])
    assert f"write `{new}`" in str(refused.value)


def test_the_manual_names_every_option_and_no_other() -> None:
    """In its table of options."""
    parser = argparse.ArgumentParser(add_help=False)
    add_options(parser)
    table = MANUAL.split("| option | what |\n")[1].split("\n\n")[0]
    named = set(re.findall(r"`(--[a-z-]+)", "\n".join(line.split(" | ")[0] for line in table.splitlines())))
    assert named == {option for action in parser._actions for option in action.option_strings}


def test_a_scale_multiplies_the_rate_and_the_users(tmp_path: Path) -> None:
    """Half of the rate is half of the requests and of the users, in the same window; a spike is half as high; of a closed model the users are halved.

    Twice the rate may be more than one process is asked for; the arrivals of a trace are what they are.
    """
    whole, half = (load_traffic("shop", [shop(tmp_path)], scale=scale) for scale in (1.0, 0.5))
    assert (whole.journeys_per_s, whole.users, whole.requests, whole.window_s) == (10.0, 30.0, 1200, 60.0)
    assert (half.journeys_per_s, half.users, half.requests, half.window_s) == (5.0, 15.0, 600, 60.0)
    low = load_traffic("spike", [LOADTESTS], scale=0.5)
    assert low.rates == ((0.0, 3.0), (16.0, 3.0), (16.0, 9.0), (40.0, 9.0), (40.0, 3.0))
    closed = load_traffic("shop", [shop(tmp_path, GOOD.replace("rate: 10/s", "model: closed\nusers: 30"))], scale=0.5)
    assert (closed.users, closed.journeys_per_s) == (15, 5.0)
    (tmp_path / "trace.csv").write_text("0.5\n1.5\n2.5\n", encoding="utf-8")
    for rate, scale, why in (("rate: 600/s", 2.0, "2400"), ("trace: trace.csv", 0.5, "a trace has no rate to scale")):
        folder = shop(tmp_path, GOOD.replace("rate: 10/s", rate))
        load_traffic("shop", [folder], scale=1.0)
        with pytest.raises(ConfigurationError, match=why):
            load_traffic("shop", [folder], scale=scale)
