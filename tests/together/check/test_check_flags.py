"""Feature flags in a ConfigMap of a real API server, switched, and seen in the answers of a real service that may be slow to follow."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from harness.chaos.confirmation.polling import until
from harness.drivers.check.flags import exposed, served, switching
from harness.drivers.check.flags.asking import AnswersSoFar, FeatureAnswer
from harness.drivers.check.flags.switching import FlagSwitch, switched
from harness.drivers.check.workloads.services import services_in
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target, load_target, platform_of
from harness.targets.files.changes import FlagSettings
from harness.targets.files.outside import Metrics
from harness.targets.places import Clusters
from harness.targets.safety.intents import pending_intents
from harness.targets.undo import recover
from readiness_sandbox.cluster import kinds
from tests.builders.addresses import NET
from tests.together.objects import deployment, pod, stored

if TYPE_CHECKING:
    from tests.together.conftest import PocketCluster

ADDRESS = f"{NET}7"
FLAG = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}


class FlaggedService(ThreadingHTTPServer):
    """Says by OFREP what the ConfigMap has, and has in its other answers what its flag says.

    Attributes:
        sticks: whether what was on once stays on.
        evaluates: whether OFREP follows; else each flag is off.
        always: whether they have their features all the time, or never; None: as their flags say.
        pages: how many were served.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, cluster: PocketCluster) -> None:
        super().__init__((ADDRESS, 8080), _FlaggedHandler)
        self._cluster = cluster
        self._was_on = False
        self.sticks = False
        self.always: bool | None = None
        self.evaluates = True
        self.pages = 0

    def is_on(self) -> bool:
        """What the ConfigMap says now."""
        found = self._cluster.do(lambda store: store.get(kinds.by_name("ConfigMap"), "north", "flags"))
        return bool(json.loads(found["data"]["flags.json"])["flags"]["new"]["defaultVariant"] == "on")

    def shows(self) -> bool:
        """Whether an answer has the feature."""
        on = self.is_on()
        self._was_on = self._was_on or on
        return (on or (self.sticks and self._was_on)) if self.always is None else self.always


class _FlaggedHandler(BaseHTTPRequestHandler):
    server: FlaggedService

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._answer(
            {}, json.dumps({"key": "new", "value": self.server.evaluates and self.server.is_on(), "reason": "STATIC"})
        )

    def do_GET(self) -> None:
        shows = self.server.shows()
        self.server.pages += 1
        if self.path == "/metrics":
            self._answer({}, "m 1\n" if shows else "n 1\n")
            return
        self._answer({"x-features": "other, new"} if shows else {}, "{}")

    def _answer(self, headers: dict[str, str], body: str) -> None:
        self.send_response(200)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""


@pytest.fixture
def flagged(cluster: PocketCluster) -> Iterator[FlaggedService]:
    """A service with one flag, `new`, which is off."""
    flags = {"new": FLAG, "size": {"variants": {"s": 1}, "defaultVariant": "s"}}
    cluster.create("ConfigMap", stored("flags", **{"flags.json": json.dumps({"flags": flags})}))
    server = FlaggedService(cluster)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def target(cluster: PocketCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """One region; limits and waits of the checks are short."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    for name, seconds in (("HELD", 3), ("HELD_S", 0.2), ("HELD_WITHIN_S", 1.0)):
        monkeypatch.setattr(served, name, seconds)
    for name, seconds in (("ON_WITHIN_S", 4.0), ("SETTLED_S", 0.1), ("AFTER_S", 1.0), ("LEAST", 1), ("IN_A_ROW", 2)):
        monkeypatch.setattr(served, name, seconds)
    file = tmp_path / "target.yaml"
    file.write_text(
        f"name: pocket\nenvironment: sandbox\nentry: http://{ADDRESS}:8080\ndisposable: true\n"
        f"regions: {{north: {{entry: 'http://{ADDRESS}:8080', namespace: north}}}}\nprimary_region: north\n"
        f"kubernetes: {{context: pocket, namespace: north, kubeconfig: {cluster.kubeconfig}}}\n"
        f"flags:\n  ofrep: http://{ADDRESS}:8080\n  config_map: {{namespace: north, name: flags, key: flags.json}}\n"
        f"  answers: {{new: /tracks/1}}\n  pages: {{new: {{north: 'http://{ADDRESS}:8080/dashboard'}}}}\n"
    )
    return load_target(file)


def seen(check: Any, target: Target, within: str) -> dict[str, FactReading]:
    """What a check finds, by subject."""
    with check(target, {"within": within}) as probe:
        return {one.subject: one for one in probe()}


@pytest.mark.slow
def test_a_feature_that_goes_with_its_flag_and_one_that_stays(flagged: FlaggedService, target: Target) -> None:
    """Gone; still there after the limit; never there, which shows nothing; the flag is off again."""
    good = seen(served.flag_off, target, "2 s")
    assert {subject: one.ok for subject, one in good.items()} == {"flag new": True, "answers of north, flag new": True}
    flagged.sticks = True
    late = seen(served.flag_off, target, "500 ms")["answers of north, flag new"]
    assert (late.ok, late.expected) == (False, "none with new later than 0.5 s after its flag is off")
    flagged.always = False
    never = seen(served.flag_off, target, "500 ms")["answers of north, flag new"]
    assert (never.ok, never.observed) == (None, "no answer had it while its flag was on")
    assert not flagged.is_on()
    assert pending_intents(platform_of(target)) == []


def test_a_page_that_comes_with_its_flag_and_one_that_does_not(flagged: FlaggedService, target: Target) -> None:
    """At once; not in time; there before, which shows nothing."""
    good = seen(served.flag_page, target, "20 s")
    assert {subject: one.ok for subject, one in good.items()} == {"flag new": True, "page of north, flag new": True}
    flagged.always = False
    missing = seen(served.flag_page, target, "4 s")["page of north, flag new"]
    assert (missing.ok, missing.observed.startswith("not in the last of ")) == (False, True)
    flagged.always = True
    assert seen(served.flag_page, target, "1 s")["page of north, flag new"].ok is None


def test_a_page_is_held_by_what_was_asked_for_after_the_switch(
    flagged: FlaggedService, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API takes its time to answer the switch: the pages that come meanwhile have the feature, and count for nothing."""
    set_variant = switching._set_variant

    def slowly(cluster: Any, place: Any, flag: str, variant: str) -> None:
        set_variant(cluster, place, flag, variant)
        before = flagged.pages
        assert variant == "off" or until(20.0, lambda: flagged.pages > before + 8)

    monkeypatch.setattr(switching, "_set_variant", slowly)
    assert seen(served.flag_page, target, "20 s")["page of north, flag new"].ok


def test_a_flag_that_was_left_on_is_set_back(
    flagged: FlaggedService, target: Target, cluster: PocketCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is killed leaves how to undo it; what others changed meanwhile stays."""
    flags = switched(target, "new", "flag-off")
    flags.__enter__().turn(on=True)
    assert flagged.is_on()
    assert len(pending_intents(platform_of(target))) == 1
    found = cluster.do(lambda store: store.get(kinds.by_name("ConfigMap"), "north", "flags"))
    cluster.do(
        lambda store: store.update(kinds.by_name("ConfigMap"), {**found, "data": {**found["data"], "more": "kept"}})
    )
    assert len(recover(target).undone) == 1
    assert not flagged.is_on()
    found = cluster.do(lambda store: store.get(kinds.by_name("ConfigMap"), "north", "flags"))
    assert found["data"]["more"] == "kept"


def test_what_is_no_flag_is_refused(flagged: FlaggedService, target: Target, tmp_path: Path) -> None:
    """One that is not there, one that is no boolean, a target that names none."""
    del flagged
    for name in ("old", "size"):
        with pytest.raises(DriverError, match=f"there is no boolean flag {name}"), switched(target, name, "flag-off"):
            pass
    file = tmp_path / "none.yaml"
    file.write_text("name: pocket\nenvironment: sandbox\nentry: http://127.0.0.1:1\n")
    with pytest.raises(ConfigurationError, match="names no feature flags"), served.flag_off(load_target(file), {}):
        pass


def test_a_flag_that_is_gone_cannot_be_switched(
    flagged: FlaggedService, target: Target, cluster: PocketCluster
) -> None:
    """Others took it out meanwhile: that is an error with the flags that are there, and what undoes it stays on disk."""
    del flagged

    def without(store: Any) -> None:
        found = store.get(kinds.by_name("ConfigMap"), "north", "flags")
        store.update(
            kinds.by_name("ConfigMap"), {**found, "data": {"flags.json": json.dumps({"flags": {"size": FLAG}})}}
        )

    with pytest.raises(DriverError, match="there is no flag new") as caught, switched(target, "new", "flag-off"):
        cluster.do(without)
    assert caught.value.hint == "its flags: size"
    assert len(pending_intents(platform_of(target))) == 1


@pytest.mark.parametrize("variants", [["on", "off"], {}])
def test_variants_that_are_no_mapping_are_not_understood(
    target: Target, cluster: PocketCluster, variants: object
) -> None:
    """With the form that flagd reads."""
    flags = {"new": {**FLAG, "variants": variants}}
    cluster.create("ConfigMap", stored("flags", **{"flags.json": json.dumps({"flags": flags})}))
    with pytest.raises(DriverError, match=r"`flags.json` cannot be read as flags"), switched(target, "new", "flag-off"):
        pass


def test_answers_are_held_against_the_limit() -> None:
    """The last one with the feature at 4 s, and one at 6 s; too few after the limit show nothing."""
    flag = FlagSwitch(target=None, cluster=None, place=None, name="new", on="on", off="off", said=[])  # type: ignore[arg-type]
    flag.sent_ns = 20 * 10**9
    answers = [FeatureAnswer(int(n * 1e8), n < 240) for n in range(400)]  # off at 20 s, the last one with it at 23.9 s
    good = served.off_reading("north", answers, 20 * 10**9, 5, flag)
    assert (good.ok, good.observed) == (True, "the last one after 3.9 s; 0 of 149 later than 5 s")
    late = served.off_reading("north", [*answers, FeatureAnswer(26 * 10**9, has=True)], 20 * 10**9, 5, flag)
    assert (late.ok, late.observed) == (False, "the last one after 6.0 s; 1 of 150 later than 5 s")
    assert served.off_reading("north", answers[:260], 20 * 10**9, 5, flag).ok is None
    flag.sent_ns = 18 * 10**9  # the API server answered 2 s later: the last one with the feature was late, or was not
    assert served.off_reading("north", answers, 20 * 10**9, 5, flag).ok is None


SWITCHED_NS = 10 * 10**9


def test_a_page_has_its_feature_when_no_answer_lacks_it_any_more() -> None:
    """On at 10 s, there from 30 s on; too few answers with it show nothing; one without it after the limit, though many have it."""
    page = [FeatureAnswer(n * 10**9, n >= 30) for n in range(100)]
    good = served.on_reading("north", page, SWITCHED_NS, 60, SWITCHED_NS)
    assert (good.ok, good.observed) == (True, "after 20.0 s, in all 70 answers since")
    slow = served.on_reading("north", page, SWITCHED_NS, 15, SWITCHED_NS)
    assert (slow.ok, slow.observed) == (
        False,
        "after 20.0 s, in all 70 answers since; 4 answers after 15 s still lack it",
    )
    assert served.on_reading("north", page[11:], SWITCHED_NS, 60, SWITCHED_NS).ok is None
    for few in (page[:10], page[:20], page[:79]):
        assert served.on_reading("north", few, SWITCHED_NS, 60, SWITCHED_NS).ok is None
    assert served.on_reading("north", page[:20], SWITCHED_NS, 5, SWITCHED_NS).ok is False
    dense = [FeatureAnswer(n * 10**9 + more, n >= 30) for n in range(33) for more in range(50)]
    assert served.on_reading("north", dense, SWITCHED_NS, 60, SWITCHED_NS).ok is None  # 150 answers in 2 s


def test_a_page_is_in_time_by_the_moment_at_which_its_switch_was_sent() -> None:
    """Sent at 10 s, answered at 18 s, there from 27.5 s on: after 9.5 s or after 17.5 s, in time for certain from 17.5 s on, and late below 9.5 s."""
    page = [FeatureAnswer(n * 10**8, n >= 275) for n in range(500) if not 100 <= n < 180]
    read = {
        within_s: served.on_reading("north", page, 18 * 10**9, within_s, SWITCHED_NS) for within_s in (9, 10, 17, 18)
    }
    assert {within_s: one.ok for within_s, one in read.items()} == {9: False, 10: None, 17: None, 18: True}
    assert read[10].observed == "after 9.5 to 17.5 s, in all 225 answers since"


def test_an_answer_that_was_under_way_while_the_flag_was_switched_is_neither_before_nor_after() -> None:
    """Two had come before; one that was sent before the switch came after it, with the feature."""
    early = [FeatureAnswer(n, has=False) for n in (1, 2)]
    late = [FeatureAnswer(3, has=True), FeatureAnswer(5, has=True)]
    assert served._clear([*early, *late], 2, 4) == [*early, FeatureAnswer(5, has=True)]


def test_an_error_is_a_page_without_its_feature_and_no_proof_that_one_is_gone() -> None:
    """Of a page that was served before; else nothing was served yet."""
    had, broken = httpx.Response(200, headers={"x-features": "one"}), httpx.Response(500)
    for lacks, kept in ((True, [True, False]), (False, [True])):
        asked = AnswersSoFar("x-features", "one", {"north": "http://north"}, errors_lack=lacks)
        for answer in (broken, had, broken):
            asked.take("north", 1, answer)
        assert [one.has for one in asked.answers["north"]] == kept


def test_a_pod_of_three_that_never_gets_the_feature_is_found() -> None:
    """Each answer is of a pod drawn at random: tens in a row have the feature, and others lack it to the end."""
    draw = random.Random(1)
    mixed = [FeatureAnswer(n * 50_000_000, n >= 200 and draw.random() < 2 / 3) for n in range(1600)]
    tens = sum(all(one.has for one in mixed[at : at + 10]) for at in range(200, 1590))
    assert tens > 3
    page = served.on_reading("north", mixed, SWITCHED_NS, 60, SWITCHED_NS)
    assert (page.ok, page.observed.endswith("answers after 60 s still lack it")) == (False, True)


def of_track(*pods: tuple[str, str], declared: int = 2, region: str = "north") -> exposed.MetricsSeen:
    """Pods of track by what each has and why it was not read."""
    home = (region, "track")
    found = [
        exposed.PodMetrics(
            home=home, pod=f"{region}/track-{n}", lacks=[] if has else ["m"], has=["m"] if has else [], why=why
        )
        for n, (has, why) in enumerate(pods)
    ]
    return exposed.MetricsSeen(pods=found, declared={home: declared} if declared else {})


HAS, LACKS, UNREAD = ("m", ""), ("", ""), ("", "status 500")


def test_a_service_exposes_its_metrics_when_every_pod_of_it_does(subtests: pytest.Subtests) -> None:
    """In time by all that are declared; what was not read, or was there before, shows nothing; a service that is gone fails."""
    for before, now, ok, observed in [
        (of_track(LACKS, LACKS), of_track(HAS, HAS), True, "by all 2 pods after 2.0 s"),
        (of_track(LACKS, LACKS), of_track(LACKS, HAS), False, "m not by 1 of 2 pods, such as north/track-0"),
        (of_track(LACKS, HAS), of_track(LACKS, HAS), None, "north/track-1 exposed them before the flag was on"),
        (of_track(LACKS, LACKS), of_track(), False, "no pod is ready in north"),
        (of_track(LACKS, LACKS), of_track(declared=0), False, "no pod is ready in north"),
        (of_track(), of_track(), False, "no pod is ready in north"),
        (of_track(LACKS, LACKS), of_track(HAS), None, "1 of 2 pods are ready in north"),
        (
            of_track(LACKS, UNREAD),
            of_track(HAS, HAS),
            None,
            "north/track-1 could not be read before the flag was on: status 500",
        ),
        (
            of_track(UNREAD),
            of_track(UNREAD, UNREAD),
            None,
            "north/track-0 could not be read before the flag was on: status 500",
        ),
        (of_track(LACKS), of_track(UNREAD), False, "m not by 1 of 1 pods, such as north/track-0"),
        (of_track(UNREAD), of_track(LACKS, HAS), False, "m not by 1 of 2 pods, such as north/track-0"),
        (of_track(), of_track(HAS, HAS), None, "no pod of north was ready before the flag was on"),
    ]:
        with subtests.test(before=before, now=now):
            [one] = exposed.readings(before, now, {"track": 2.0}, 60)
            assert (one.subject, one.ok, one.observed) == ("service track", ok, observed)


def test_a_service_that_is_gone_from_one_region_fails_and_none_at_all_shows_nothing() -> None:
    """Ready in the north only, where it was in the south too; then no service is there at all."""
    north, south = of_track(LACKS, LACKS), of_track(LACKS, LACKS, region="south")
    both = exposed.MetricsSeen(pods=[*north.pods, *south.pods], declared={**north.declared, **south.declared})
    [one] = exposed.readings(both, of_track(HAS, HAS), {"track": 2.0}, 60)
    assert (one.ok, one.observed) == (False, "no pod is ready in south")
    [none] = exposed.readings(of_track(declared=0), of_track(declared=0), {}, 60)
    assert (none.subject, none.ok, none.observed) == ("service", None, "there is none")


def test_a_declared_service_without_a_ready_pod_does_not_expose_what_its_flag_switches_on(
    flagged: FlaggedService, cluster: PocketCluster, target: Target
) -> None:
    """One whose pod has the metric as soon as the flag is on; then another one beside it, which is not ready."""
    cluster.create("Deployment", deployment("till", replicas=1))
    ports = [{"name": "http", "containerPort": 8080}]
    till = pod("till-0", "till", containers=[{"name": "c", "image": "none:1", "ports": ports}])
    status = {"podIP": ADDRESS, "conditions": [{"type": "Ready", "status": "True"}]}
    cluster.create("Pod", {**till, "status": status})
    flags = (target.flags or FlagSettings()).model_copy(update={"metrics": {"new": ("m",)}})
    measured = target.model_copy(update={"flags": flags, "metrics": Metrics(entry="till")})
    good = seen(exposed.flag_metrics, measured, "20 s")
    assert {subject: one.ok for subject, one in good.items()} == {"flag new": True, "service till, flag new": True}
    assert not flagged.is_on()
    cluster.create("Deployment", deployment("gone"))
    beside = seen(exposed.flag_metrics, measured, "10 s")
    assert {subject: one.ok for subject, one in beside.items()} == {
        "flag new": True,
        "service gone, flag new": False,
        "service till, flag new": True,
    }


def test_the_services_are_those_that_are_declared(cluster: PocketCluster, target: Target) -> None:
    """A workload whose pods never become ready is one; one that is scaled to zero is none."""
    for name, replicas in (("till", 2), ("rest", 0)):
        cluster.create("Deployment", deployment(name, replicas=replicas))
    found = services_in(target, Clusters(target))
    assert [(one.region, one.name, one.declared, list(one.ready)) for one in found] == [("north", "till", 2, [])]


@pytest.mark.parametrize(
    ("time_scale", "flags", "seconds"),
    [(60, "{}", 10.0), (1, "{}", 120.0), (1, "{within: 30 s}", 30.0), (60, "{within: 2 min}", 120.0)],
)
def test_a_kubelet_has_time_to_give_a_config_map_to_its_pods(
    tmp_path: Path, time_scale: int, flags: str, seconds: float
) -> None:
    """It does so at once in the sandbox alone; the target file may say how long it takes."""
    file = tmp_path / "target.yaml"
    file.write_text(
        f"name: pocket\nenvironment: sandbox\ndisposable: true\nentry: http://{NET}9:8080\n"
        f"time_scale: {time_scale}\nflags: {flags}\n"
    )
    assert switching.said_within_s(load_target(file)) == seconds


def test_a_switch_waits_as_long_as_the_target_file_says(flagged: FlaggedService, target: Target) -> None:
    """OFREP never says that the flag is on: that is known after this time, and no row is decided."""
    flagged.evaluates = False
    assert target.flags is not None
    brief = target.model_copy(update={"flags": target.flags.model_copy(update={"within_s": 0.2})})
    with switched(brief, "new", "flag-off") as flag:
        flag.turn(on=True)
        assert (flag.reading.ok, flag.reading.observed) == (None, "not on after 0.2 s")
    assert not flagged.is_on()
