"""A scenario becomes one claim, or is refused at the line that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.catalogue import Catalogue, load_catalogue
from harness.errors import UsageError
from harness.model import Claim, Demand, DemandKind, Figure, KnownExperiments, Per, Phase
from harness.steps import compile_scenario, traffic_of
from tests.builders.scenarios import scenario

EVERYDAY = 'when: "everyday" traffic has run'
KNOWN = {"pod-loss": "pod", "node-loss": "node", "database-primary-loss": "database", "region-loss": "region"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The bundled one."""
    return load_catalogue()


def compiled(catalogue: Catalogue, requirement: str, *sentences: str) -> tuple[Claim, list[Demand]]:
    """The claim of a scenario with this tag and these steps, in lines 1, 2, 3."""
    return compile_scenario(scenario("a", *sentences, tag=requirement), catalogue, KNOWN)


def test_a_claim_and_its_demands(catalogue: Catalogue) -> None:
    """A Then may name fewer experiments than its criterion; those that it does not run are missing."""
    claim, demands = compiled(
        catalogue,
        "DA-DR-RPO",
        'when: the experiment "database-primary-loss" has run under "everyday" traffic',
        "then: no acknowledged write older than 1 h is lost",
    )
    assert claim.demands == ("traffic everyday", "experiment database-primary-loss traffic=everyday")
    assert [demand.key for demand in demands] == list(claim.demands)
    (objective,) = claim.objectives
    assert objective.at == "a.feature:2"
    assert objective.scope.experiments == ("database-primary-loss",)
    assert objective.scope.missing_experiments == ("loss of a region", "loss of all database members")


DISASTERS = (
    'when: every disaster experiment has run under "everyday" traffic',
    "then: no acknowledged write older than 1 h is lost in any disaster experiment",
)


def test_a_profile_leaves_out_what_it_does_not_gate_on(catalogue: Catalogue) -> None:
    """Of the kinds that are not tried, those on which it gates are missing, the others left out."""
    told = scenario("a", *DISASTERS, tag="DA-DR-RPO")
    known = {name: domain for name, domain in KNOWN.items() if domain != "region"}
    claim, _ = compile_scenario(told, catalogue, known, ("loss of the primary", "loss of a region"))
    scope = claim.objectives[0].scope
    assert scope.missing_experiments == ("loss of a region",)
    assert scope.left_out == ("loss of all database members",)


@pytest.mark.parametrize(
    ("kinds", "what", "hint"),
    [
        (
            ("loss of a planet",),
            "on 'loss of a planet', which its criterion does not name",
            "loss of the primary, loss",
        ),
        (
            ("loss of the primary", "loss of a region", "loss of all database members"),
            "in part, and names every part of its criterion",
            "write only the id",
        ),
    ],
)
def test_a_profile_gates_in_part_on_parts_of_the_criterion(
    catalogue: Catalogue, kinds: tuple[str, ...], what: str, hint: str
) -> None:
    """Another word than the criterion's would gate on nothing."""
    with pytest.raises(UsageError) as found:
        compile_scenario(scenario("a", *DISASTERS, tag="DA-DR-RPO"), catalogue, KNOWN, kinds)
    assert what in found.value.what
    assert hint in found.value.hint


ONCE = "then: every acknowledged write is there once and the calls cover every write operation"


def test_a_sentence_of_the_writes_and_of_calls_asks_for_a_check_beside_the_traffic(catalogue: Catalogue) -> None:
    """Both decide the row; a profile may gate on the writes of the run, and says what it has not tried."""
    claim, demands = compiled(catalogue, "IP-BP-IDEMPOTENT", EVERYDAY, ONCE)
    calls = "check calls-sent-twice class=write operation"
    assert [demand.key for demand in demands] == ["traffic everyday", calls]
    assert [one.figure for one in claim.objectives] == [Figure.COPIES, Figure.CHECK]
    told = scenario("a", EVERYDAY, ONCE, tag="IP-BP-IDEMPOTENT")
    part, _ = compile_scenario(told, catalogue, KNOWN, ("writes of the run",))
    assert part.demands == ("traffic everyday",)
    assert part.objectives[0].scope.left_out == ("calls of every write operation",)


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("then: every acknowledged write is there once", "only one of the two asks for the check `calls-sent-twice`"),
        (
            "then: every acknowledged write is there once and the calls cover every admin operation",
            "class admin operation, the criterion says write operation",
        ),
    ],
)
def test_a_check_of_its_criterion_cannot_be_left_out(catalogue: Catalogue, sentence: str, said: str) -> None:
    """Nor be of another class."""
    with pytest.raises(UsageError, match=said):
        compiled(catalogue, "IP-BP-IDEMPOTENT", EVERYDAY, sentence)


def test_a_named_experiment_that_runs_counts_for_its_domain(catalogue: Catalogue) -> None:
    """`chosen: by name` keeps it out of every experiment of its domain, not out of the sentence of a scenario that runs it."""
    known = KnownExperiments({**KNOWN, "cut": "network"}, by_name=["cut"])
    told = scenario(
        "a",
        'when: every experiment of domain pod or node has run under "everyday" traffic',
        'when: the experiment "cut" has run under "everyday" traffic',
        "then: no acknowledged write is lost in any experiment of domain pod, node or network",
        tag="ND-RISK-DATALOSS",
    )
    scope = compile_scenario(told, catalogue, known)[0].objectives[0].scope
    assert scope.experiments == ("pod-loss", "node-loss", "cut")
    assert scope.missing_experiments == ()


def test_a_check_needs_no_when(catalogue: Catalogue) -> None:
    """The Then step names all there is to do."""
    claim, _ = compiled(
        catalogue, "ND-ARCH-USER", 'then: deployment "user-service" has 2 ready replicas with cpu 250m and memory 256Mi'
    )
    assert claim.demands == ("check deployment-size cpu=250m deployment=user-service memory=256Mi replicas=2",)
    assert claim.objectives[0].scope.traffic is None


@pytest.mark.parametrize(("requirement", "profile"), [("ND-CHG-TEST", "normaldance"), ("AT-VEC-PRODUCTION", "atomos")])
def test_an_earlier_run_must_be_of_the_profile_of_the_row(catalogue: Catalogue, requirement: str, profile: str) -> None:
    """The sentence names none: it is that of the file which the requirement is in. So the demand of one row is not that of another."""
    claim, _ = compiled(
        catalogue,
        requirement,
        'when: the verdict "staging" of this release has been read',
        "then: the decision of the run in staging is GO, younger than 7 d",
    )
    assert claim.objectives[0].params["profile"] == profile
    assert claim.objectives[0].params["rows"] == str(len(catalogue.profiles[profile]))


def test_two_experiments_serve_one_claim(catalogue: Catalogue) -> None:
    """A sentence that names none speaks of those that the scenario ran."""
    claim, _ = compiled(
        catalogue,
        "AT-STB-RECOVERY",
        'when: the experiment "pod-loss" has run under "everyday" traffic',
        'when: the experiment "node-loss" has run under "everyday" traffic',
        "then: reads and writes are served again within 30 s",
    )
    assert claim.objectives[0].scope.experiments == ("pod-loss", "node-loss")


K6 = 'when: the load report "k6" of this commit has been read'


def test_a_sentence_about_traffic_is_of_the_load_report_that_was_read_in_its_place(catalogue: Catalogue) -> None:
    """With the quantile, the routes and the limit of its criterion; the report is read once for both sentences."""
    time, _ = compiled(catalogue, "ND-KPI-P95", K6, "then: the response time p95 of every route is below 200 ms")
    rate, _ = compiled(catalogue, "ND-KPI-ERRORS", K6, "then: the error rate is below 0.1 %")
    (objective,) = time.objectives
    assert (objective.figure, objective.quantile, objective.scope.per) == (Figure.REPORTED_TIME, 0.95, Per.ROUTE)
    assert rate.objectives[0].figure is Figure.REPORTED_ERRORS
    assert time.demands == rate.demands == ("ingest load-report format=load of=commit report=k6",)


POD = 'when: the experiment "pod-loss" has run under "everyday" traffic'


WRONG_SCENARIOS = [
    ("ND-KPI-P95", [EVERYDAY], "a.feature:9: a", "the scenario has no Then step", "add a Then step"),
    (
        "ND-PRE-TESTS-UNIT",
        [
            'when: the SARIF report "unit" of this commit has been read',
            "then: at least 1 test passed and none failed, younger than 7 d",
        ],
        "a.feature:2",
        "reads `evidence.junit.<report>` of the target file, and the When step names `evidence.sarif.<report>`",
        "name a report of `evidence",
    ),
    (
        "ND-KPI-P95",
        [K6, "then: the response time p95 of every route is below 250 ms"],
        "a.feature:2",
        "differs from the criterion of ND-KPI-P95",
        "the criterion says: the response time p95 of every route is below 200 ms in the steady state",
    ),
    (
        "ND-KPI-UPTIME",
        [K6, "then: the uptime of the entry is at least 99.9 %"],
        "a.feature:2",
        "is about more than a load report shows",
        "name a traffic in the When step",
    ),
    (
        "ND-KPI-P95",
        [EVERYDAY, "then: the error rate is below 0.1 %"],
        "a.feature:2",
        "it is about error rate in the steady state",
        "",
    ),
    (
        "ND-KPI-ERRORS",
        [EVERYDAY, 'when: "rush" traffic has run', "then: the error rate is below 0.1 %"],
        "a.feature:2",
        "the scenario has two traffics, 'everyday' and 'rush'",
        "write two scenarios",
    ),
    (
        "DA-GEO-LOSS-PRIMARY",
        [POD, "then: reads and writes are served again within 50 s of the loss of us-east-1"],
        "a.feature:2",
        "names region-loss, which no When step runs",
        "",
    ),
    (
        "AT-STB-RECOVERY",
        [POD, "then: reads and writes are served again within 30 s of every single-fault experiment"],
        "a.feature:2",
        "names node-loss, database-primary-loss, which no When step runs",
        "",
    ),
    (
        "AT-STB-RECOVERY",
        [EVERYDAY, "then: reads and writes are served again within 30 s"],
        "a.feature:2",
        "needs an experiment, and no When step runs one",
        "",
    ),
    (
        "DA-DR-RTO",
        [POD, "then: reads and writes are served again within 4 h"],
        "a.feature:2",
        "it names pod-loss, the criterion only experiments of domain database or region",
        "",
    ),
    (
        "ND-PH5-COST",
        ["then: ND-BIZ-COMPLETION passes"],
        "",
        "the step differs from the criterion of ND-PH5-COST",
        "the criterion says: ND-BIZ-COST passes",
    ),
    ("ND-PH1-EVENTBUS", [EVERYDAY], "", "the criterion of ND-PH1-EVENTBUS cannot be read: unknown sentence", ""),
]


def test_a_wrong_scenario_is_refused_where_it_is_wrong(catalogue: Catalogue, subtests: pytest.Subtests) -> None:
    """The line, what is wrong, and how to fix it."""
    for requirement, sentences, where, what, hint in WRONG_SCENARIOS:
        with subtests.test(requirement=requirement, sentences=sentences):
            with pytest.raises(UsageError) as caught:
                compiled(catalogue, requirement, *sentences)
            assert what in caught.value.what
            assert hint in caught.value.hint
            if where:
                assert caught.value.where == where


def test_a_difference_names_both_places(catalogue: Catalogue) -> None:
    """The line of the feature, and the line of the criterion."""
    with pytest.raises(UsageError) as caught:
        compiled(catalogue, "ND-KPI-ERRORS", EVERYDAY, "then: the error rate is below 1 %")
    assert caught.value.where == "a.feature:2"
    assert catalogue.where("ND-KPI-ERRORS", "criterion") in caught.value.what
    assert caught.value.what.endswith("limit 1 %, the criterion says 0.1 %")


IMPROVED = "then: the response time p95 of everyday traffic is at least 40 % lower than in the baseline run"


def test_a_sentence_about_some_traffic_needs_that_traffic(catalogue: Catalogue) -> None:
    """What the criterion says of everyday traffic is not shown by another."""
    claim, _ = compiled(catalogue, "ND-BIZ-PERFORMANCE", EVERYDAY, IMPROVED)
    assert claim.objectives[0].scope.traffic == "everyday"
    rush = 'when: "rush" traffic has run'
    with pytest.raises(UsageError, match="names another traffic than the When step, which names 'rush'") as caught:
        compiled(catalogue, "ND-BIZ-PERFORMANCE", rush, IMPROVED)
    assert caught.value.where == "a.feature:2"


def test_the_traffic_of_demands() -> None:
    """Named by itself or under an experiment, each once."""
    demands = [
        Demand(kind=DemandKind.CHECK, name="gateway-reads"),
        Demand(kind=DemandKind.EXPERIMENT, name="pod-loss", params={"traffic": "rush"}),
        Demand(kind=DemandKind.TRAFFIC, name="everyday"),
        Demand(kind=DemandKind.TRAFFIC, name="rush"),
    ]
    assert traffic_of(demands) == ("rush", "everyday")


PHASED = """\
profile: shop
sections:
  - source: contract
    requirements:
      - {id: S-1, title: one, criterion: "the error rate is below 5 % during the fault", kinds: [X], gate: major, falsified_by: errors}
"""
DURING = "then: the error rate is below 5 % during the fault"


@pytest.fixture
def shop(tmp_path: Path) -> Catalogue:
    """One whose only row speaks of a fault."""
    (tmp_path / "shop.yaml").write_text(PHASED, encoding="utf-8")
    return load_catalogue([tmp_path])


def test_a_sentence_about_a_fault_is_about_the_experiments_that_the_scenario_ran(shop: Catalogue) -> None:
    """Only those that break something make such a window."""
    null = 'when: the experiment "null-run" has run under "everyday" traffic'
    claim, _ = compile_scenario(scenario("a", null, POD, DURING, tag="S-1"), shop, {**KNOWN, "null-run": "none"})
    assert (claim.objectives[0].scope.phase, claim.objectives[0].scope.experiments) == (Phase.FAULT, ("pod-loss",))


def test_a_phase_that_the_scenario_cannot_have_is_refused(shop: Catalogue, subtests: pytest.Subtests) -> None:
    """With file and line."""
    for when, phase, what in [
        (EVERYDAY, " during the fault", "is about a fault, and no When step runs an experiment with a fault"),
        (POD, "", "it is about error rate in the steady state"),
        (POD, " after the recovery", "it is about error rate after the recovery"),
        (POD, " after the switch", "is about a rollout, and no When step runs one"),
    ]:
        with subtests.test(when, phase=phase):
            with pytest.raises(UsageError) as caught:
                compiled(shop, "S-1", when, f"then: the error rate is below 5 %{phase}")
            assert caught.value.where == "a.feature:2"
            assert what in caught.value.what
