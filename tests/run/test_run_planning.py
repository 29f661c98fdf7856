"""What a plan says of rows that nothing claims."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pytest

from harness.catalogue import load_catalogue
from harness.drivers.chaos import find_experiments
from harness.drivers.check.registry import CHECKS, kind_of
from harness.errors import ConfigurationError
from harness.model import Claim, Demand, ExperimentPlan, NotAssessable, Plan, ReasonKind, Requirement
from harness.run.acts.driver import Library
from harness.run.acts.registry import drivers
from harness.run.plan.groups import unserved
from harness.run.plan.planning import Compiled, make_plan
from harness.run.plan.watched import watched, way_back_watched
from harness.run.project import find_project
from harness.run.settings import Settings
from harness.run.start.provision import needed_parts
from harness.targets import Target, load_target
from harness.targets.access import of_missing_add_on
from tests.builders.core_plan import ROOT, sandbox_target
from tests.builders.full_target import asked_for, full_target, loaded, without
from tests.builders.plans import experiment
from tests.builders.rollout_runs import objective_of, planned, rollout_plan
from tests.builders.scenarios import scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


NOTHING = Library(traffic={}, experiments={})


def made(
    target: Target,
    rows: Sequence[Requirement],
    claims: Sequence[Claim] = (),
    demands: Sequence[Demand] = (),
    library: Library = NOTHING,
) -> Plan:
    """The plan of these rows and claims."""
    return make_plan(
        "run-1",
        settings=Settings(project=find_project(ROOT)),
        target=target,
        requirements=rows,
        compiled=Compiled(claims=tuple(claims), demands=tuple(demands)),
        library=library,
    )


def left(requirement: str, *parts: str) -> NotAssessable:
    """What the plan says of one row when no scenario was written, for a target that has these parts."""
    target = sandbox_target().model_copy(update={"parts": parts})
    (lack,) = made(target, [load_catalogue().requirement(requirement)]).not_assessable
    return lack


def claimed(requirement: str, file: str = "any.feature", *demands: Demand) -> Claim:
    """A claim that asks for these, or for nothing."""
    return Claim(
        scenario=scenario(requirement, file=file, tag=requirement),
        requirement=requirement,
        objectives=(),
        demands=tuple(demand.key for demand in demands),
    )


def test_a_row_that_waits_for_a_part_names_it() -> None:
    """With what the part is, and what is decided once it is there."""
    lack = left("ND-PH1-EVENTBUS")
    assert (lack.requirement, lack.because.kind) == ("ND-PH1-EVENTBUS", ReasonKind.PART)
    assert lack.because.text == "missing component `bus` (event bus and its consumers)"
    assert lack.because.hint.startswith("once the platform has it, add `bus` to `parts` of the target file")


def test_a_row_that_waits_for_several_parts_names_each() -> None:
    """In the order in which the platform gets them."""
    because = left("ND-PH2-IPFS").because
    assert because.text == (
        "missing components `content` (uploads, IPFS, object store and CDN edge)"
        " and `external-services` (external services that can be made slow, failing or absent)"
    )
    assert because.hint.startswith(
        "once the platform has it, add `content`, `external-services` to `parts` of the target file"
    )


def test_a_part_that_the_target_has_is_not_waited_for() -> None:
    """Then the other is waited for, and where both are there, nothing reads the criterion: a scenario could not be written."""
    assert left("ND-PH2-IPFS", "content").because.text.startswith("missing component `external-services` (")
    because = left("ND-PH2-IPFS", "content", "external-services").because
    assert (because.kind, because.text) == (
        ReasonKind.UNCLAIMED,
        "the criterion matches no known Then sentence, so no scenario can test this requirement",
    )
    assert "write a scenario" not in because.hint


def test_parts_are_deployed_for_claimed_rows_that_they_are_enough_for() -> None:
    """A row that needs what the sandbox lacks, that nobody claims, or that is gated in part, has none deployed."""
    there = ("bus", "content")
    rows = [load_catalogue().requirement(name) for name in ("ND-PH1-EVENTBUS", "ND-PH2-IPFS", "ND-KPI-P95")]
    claims = [claimed(row.id) for row in rows]
    assert needed_parts(there, rows, claims) == ("bus",)
    assert needed_parts(there, rows, claims[1:]) == ()
    assert needed_parts(there, [replace(rows[0], in_part=("loss of a region",)), *rows[1:]], claims) == ()


def test_a_row_is_told_the_only_feature_file_of_its_profile() -> None:
    """As a project of `readiness init` has it, whatever its section is called; without one, and with two, by document and section."""
    rows = [load_catalogue().requirement(name) for name in ("ND-KPI-P95", "ND-KPI-UPTIME", "AT-STB-RECOVERY")]
    files = {"ND-KPI-UPTIME": "features/service.feature", "AT-STB-RECOVERY": "features/other.feature"}
    claims = [claimed(one, file) for one, file in files.items()]

    def hint(claims: Sequence[Claim]) -> str:
        lacks = made(sandbox_target(), rows, claims).not_assessable
        return next(one.because.hint for one in lacks if one.requirement == "ND-KPI-P95")

    by_section = "write a scenario tagged @ND-KPI-P95 into features/normaldance/technical-kpis.feature"
    because = left("ND-KPI-P95").because
    assert (because.kind, because.text, because.hint) == (ReasonKind.UNCLAIMED, "no scenario claims it", by_section)
    assert hint(claims) == "write a scenario tagged @ND-KPI-P95 into features/service.feature"
    third = replace(claims[0], scenario=replace(claims[0].scenario, file="features/third.feature"))
    assert hint([*claims, third]) == by_section


def lacking(
    target: Target, kind: str, name: str, params: Mapping[str, str] | None = None, library: Library = NOTHING
) -> tuple[str, str]:
    """What the plan says of a row whose only demand is this one: the reason and the hint."""
    demand, row = Demand(kind=kind, name=name, params=params or {}), load_catalogue().requirement("ND-KPI-P95")
    claim = claimed(row.id, "any.feature", demand)
    (lack,) = made(target, [row], [claim], [demand], library).not_assessable
    assert lack.because.kind is ReasonKind.NO_MEANS
    return lack.because.text, lack.because.hint


def test_the_commit_of_the_release_is_planned(tmp_path: Path) -> None:
    """As the target file says: the manifest of the run names it, and a later run reads it there."""
    plan = made(shop(tmp_path, "release: {version: 1.0.0, commit: 3f2a1c9d0b7e}\n"), [])
    assert (plan.release, plan.release_commit) == ("1.0.0", "3f2a1c9d0b7e")


def shop(tmp_path: Path, more: str = "") -> Target:
    """A target file with two regions without entries."""
    file = tmp_path / "shop.yaml"
    text = "name: shop\nenvironment: staging\nentry: https://a.test\nregions: {eu: {}, us: {}}\n"
    file.write_text(text + more, encoding="utf-8")
    return load_target(file)


def test_regions_without_an_entry_are_named_as_the_target_file_has_them(tmp_path: Path) -> None:
    """By the key that is missing, for each check that asks every region."""
    hint = "add `entry:` to each region of `regions:`"
    why = "requests are sent to the entry of every region, and shop has no region with an `entry`"
    assert lacking(shop(tmp_path), "check", "region-serves") == (why, hint)
    ledger = shop(tmp_path, "ledger: {path: /ledger}\n")
    why = "one region is written to, another is read, and shop has no region with an `entry`"
    assert lacking(ledger, "check", "written-and-read") == (why, hint)
    flags = (
        "flags: {config_map: {namespace: n, name: f, key: k}}\nkubernetes: {context: c, namespace: n}\n"
        "may_break: [{experiment: feature-flags}]\n"
    )
    assert lacking(shop(tmp_path, flags), "check", "flag-off")[1] == hint


@pytest.mark.parametrize(
    ("kind", "name", "experiment"),
    [
        ("check", "migrated-and-back", "migration"),
        ("check", "flag-page", "feature-flags"),
        ("scale", "hold", "autoscaling"),
    ],
)
def test_consent_that_is_missing_is_shown_as_it_is_written(
    tmp_path: Path, kind: str, name: str, experiment: str
) -> None:
    """Also where `may_break` has another experiment."""
    why, hint = lacking(shop(tmp_path, "may_break: [{experiment: pod-loss}]\n"), kind, name)
    assert why.endswith(f" (experiment: {experiment}), and shop names no such experiment in `may_break`")
    assert hint == f"add `may_break: [{{experiment: {experiment}}}]`"


ADD_ON = "kubernetes: {{context: c, namespace: n, api_groups: [{}]}}\nmay_break: [{{experiment: autoscaling}}]\n"


def test_load_that_an_add_on_gives_waits_for_it(tmp_path: Path) -> None:
    """Where a target file does not name its API group, the plan says which one; copies of pods are Kubernetes' own."""
    why, hint = lacking(shop(tmp_path, ADD_ON.format("gateway.envoyproxy.io")), "scale", "hold")
    assert why == "hold creates stresschaos.chaos-mesh.org, and shop names no such API group"
    assert hint == "if the add-on is installed, add `api_groups: [chaos-mesh.org]` to `kubernetes:` of shop.yaml"
    driver = drivers()["scale"]
    for name, groups in (("hold", "chaos-mesh.org"), ("replicate", "")):
        target, demand = shop(tmp_path, ADD_ON.format(groups)), Demand(kind="scale", name=name)
        assert of_missing_add_on(driver.accesses(demand, NOTHING, target), target) is None


def test_load_is_given_where_the_metrics_api_is_served_or_nothing_is_known_of_it(tmp_path: Path) -> None:
    """The API server lists its groups: known before a load is given. The bounds of an autoscaler are read without it."""
    target = shop(tmp_path, ADD_ON.format("chaos-mesh.org"))
    without = replace(NOTHING, served=frozenset({"apps", "autoscaling"}))
    for name in ("hold", "spike", "resize", "replicate"):
        assert lacking(target, "scale", name, library=without) == (
            "the CPU usage of pods is read from the metrics API, and the API server of shop serves no group metrics.k8s.io",
            "install metrics-server, or another server of the metrics API, and check it with `kubectl top pods`",
        )
    demand = Demand(kind="scale", name="hold")
    for served in (None, frozenset({"apps", "metrics.k8s.io"})):
        assert unserved([demand], replace(NOTHING, served=served)) is None
    assert unserved([replace(demand, name="observe")], replace(NOTHING, served=frozenset({"apps"}))) is None


def test_rollouts_of_argo_wait_for_a_cluster_that_serves_them(tmp_path: Path) -> None:
    """Where a Deployment or a Service is changed they do not."""
    target = shop(
        tmp_path,
        "kubernetes: {context: c, namespace: n}\nmay_break: [{rollout: canary}]\n"
        "rollout: {kind: Rollout, names: [user-service], candidate: 1.1.0}\n",
    )
    bare = Library(traffic={}, experiments={}, rollouts={"canary": rollout_plan()}, served=frozenset({"apps"}))
    why, hint = lacking(target, "rollout", "canary", library=bare)
    assert why == "its objects are of kind Rollout, and the API server of shop serves no group argoproj.io"
    assert (
        hint
        == "install Argo Rollouts, or write `kind: Deployment` or `kind: Service` under `rollout` of the target file"
    )
    plain = replace(bare, rollouts={"canary": replace(rollout_plan(), kind="Deployment")})
    assert unserved([Demand(kind="rollout", name="canary")], plain) is None


def test_experiments_name_the_add_ons_that_they_need() -> None:
    """Those of the project, by what their activities create."""
    target, experiments = sandbox_target(), find_experiments([ROOT / "experiments"]).plans
    assert target.kubernetes is not None
    bare = target.model_copy(update={"kubernetes": target.kubernetes.model_copy(update={"api_groups": ()})})
    library, driver = Library(traffic={}, experiments=experiments), drivers()["experiment"]
    missing = {
        name: of_missing_add_on(driver.accesses(Demand(kind="experiment", name=name), library, bare), bare)
        for name in experiments
    }
    assert {name: one.group for name, one in missing.items() if one} == {
        "errors-10": "gateway.envoyproxy.io",
        "errors-3": "gateway.envoyproxy.io",
        "memory-growth": "chaos-mesh.org",
        "network-partition": "chaos-mesh.org",
    }


@pytest.fixture(scope="module")
def lacking_one_key(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Target | None]:
    """A target that has every key but one, which many checks need; None where the others cannot be without it."""
    directory = tmp_path_factory.mktemp("full")
    content = full_target(directory)

    @cache
    def target(key: str) -> Target | None:
        try:
            return loaded(directory, lacks(content, key))
        except ConfigurationError:
            return None

    return target


def test_a_check_whose_key_is_missing_is_not_assessed(
    lacking_one_key: Callable[[str], Target | None], subtests: pytest.Subtests
) -> None:
    """Of a target that has every other key, for each key that the check needs: the plan says what it is for, and the check is not done."""
    for name in sorted(CHECKS):
        with subtests.test(name):
            for params in asked_for()[name]:
                for need in kind_of(name).needs:
                    key, why = (text.format_map({"region": "", **params}) for text in (need.key, need.why))
                    if key.endswith("."):
                        continue  # the sentence has no such parameter
                    if (target := lacking_one_key(key)) is None:
                        continue  # the key is required where its section is, or another section names it
                    assert lacking(target, "check", name, params)[0].startswith(f"{why}, and shop ")


_WRITTEN_AS: Final = {
    "tls.right": "tls.client_certificates",
    "drills.orders.restores": "drills.orders.restore",
    "drills.orders.makes": "drills.orders.make",
    "parts.content": "parts",
}
"""Keys that are written otherwise in the file."""


def lacks(content: dict[str, Any], key: str) -> dict[str, Any]:
    """A target file without a key, or whose regions have no entry and no Prometheus: all of them, or one."""
    section, _, region = key.partition(".")
    if section not in {"doors", "monitors"}:
        return without(content, _WRITTEN_AS.get(key, key))
    return {**content, "regions": {k: {} if region in {"", k} else v for k, v in content["regions"].items()}}


BACK = "every request is served by the old release within 5 min of the one documented command, under traffic"


@pytest.mark.parametrize(
    ("sentence", "scale", "seconds", "alone"),
    [
        (BACK, 1, 302, 302),
        (BACK, 60, 12, 12),
        ("no request fails within 40 s of the switch and the switch back", 60, 42, 42),
        (
            "100 % of new connections are served by the other colour within 20 s of each switch, there and back",
            60,
            22,
            22,
        ),
        ("100 % of the answers are served by the new release within 30 s of the switch", 60, 32, 12),
        ("every step lasted at least 2 h", 1, 12, 12),
    ],
)
def test_the_way_back_of_a_rollout_is_watched_as_long_as_its_sentences_ask(
    sentence: str, scale: float, seconds: float, alone: float
) -> None:
    """With 2 s more: what was observed for less passes nothing. It is left to others only for what judges how fast they are."""
    plan = planned(objective_of(sentence))
    asked = way_back_watched(plan.rollouts["canary"], plan.claims, scale)
    assert (asked.after_s, asked.helped_after_s) == (seconds, alone)
    other = way_back_watched(replace(rollout_plan(), name="other"), plan.claims, scale)
    assert (other.after_s, other.helped_after_s) == (12, 12)


@pytest.mark.parametrize(("journeys_per_s", "seconds"), [(40.0, 45.0), (20.0, 90.0), (0.1, 120.0), (1000.0, 35.0)])
def test_the_return_of_a_region_is_watched_for_as_many_answers_as_its_share_needs(
    journeys_per_s: float, seconds: float
) -> None:
    """1 800 answers of two requests per journey, 35 s at least and two minutes at most."""
    asked = "the share of every region is within 5 points of the declared one 50 s after the return"
    assert (found := _watched_region(asked, journeys_per_s)).after_s == pytest.approx(seconds)
    assert found.served_s == 0.0


@pytest.mark.parametrize(("journeys_per_s", "seconds"), [(40.0, 10.0), (0.1, 120.0)])
def test_the_loss_of_a_region_is_held_for_as_many_answers_as_a_remaining_one_needs(
    journeys_per_s: float, seconds: float
) -> None:
    """400 answers while requests are served again, in two minutes at most."""
    asked = "the response time p95 at every remaining region is below 200 ms within 1 h of the loss of a region"
    assert _watched_region(asked, journeys_per_s).served_s == pytest.approx(seconds)


def _watched_region(sentence: str, journeys_per_s: float) -> ExperimentPlan:
    """The loss of a region as a sentence about it asks, under a traffic of two requests per journey."""
    asked = objective_of(sentence)
    asked = replace(asked, scope=replace(asked.scope, experiments=("region-loss",)))
    plan = planned(asked)
    size = replace(plan.traffic["census"], journeys_per_s=journeys_per_s / 2, requests_per_journey=2)
    return watched(experiment("region-loss"), plan.claims, 60, {"census": size})
