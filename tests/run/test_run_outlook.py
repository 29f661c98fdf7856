"""What a plan promises before it is run."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.model import Figure, Objective, Op, Per, Phase, Plan, Quantity, Scope
from harness.run.plan.outlook import grown, outlook_document, prospects, seconds
from tests.builders.core_plan import core_plan
from tests.builders.plans import act, breaks, experiment, fault, plan
from tests.builders.rollout_runs import rollout_plan


def at_full_time(durability: str = "") -> Plan:
    """Profile core on a platform whose hours are hours."""
    return replace(core_plan(), time_scale=1.0, durability=durability)


def lacks(plan: Plan) -> dict[str, str]:
    """What each requirement is short of."""
    return {said.requirement: "; ".join(lack.what for lack in said.lacks) for said in prospects(plan) if said.lacks}


def test_core_can_be_decided_on_the_sandbox_and_at_full_time_takes_longer() -> None:
    """Every sentence, at 150 s and scale 60. At full time an hour before the fault, ten minutes of users; a quorum is excused no write, so that every write counts."""
    assert lacks(core_plan()) == {}
    window = {"AT-PERF-USERS": "a fault-free window of 600 s (planned: 150 s)"}
    rpo = {"DA-DR-RPO": "more than 3600 s of writes before the fault (planned: about 196 s)"}
    assert lacks(at_full_time()) == {**rpo, **window}
    assert lacks(at_full_time("quorum")) == window


def test_a_window_that_may_grow_is_as_long_as_the_sentences_need() -> None:
    """3 564 s, so that the first disaster comes 3 610 s after the load began; one that says how long it is stays."""
    plan = at_full_time()
    (everyday,) = grown(plan).values()
    assert (everyday.window_s, everyday.requests, everyday.window_grows) == (3564.0, 356_400, False)
    fixed = replace(plan, traffic={"everyday": replace(plan.traffic["everyday"], window_grows=False)})
    assert grown(fixed) == fixed.traffic
    assert grown(core_plan()) == core_plan().traffic


def test_a_soak_says_how_long_it_must_be_and_does_not_grow_by_itself() -> None:
    """400 requests a route in an hour of 16 s are too few; with 442 s there are enough, and only people spend them."""
    plan = core_plan()
    sentence = Objective(
        figure=Figure.LAST_HOUR,
        op=Op.BELOW,
        limit=Quantity.parse("1.2"),
        quantile=0.95,
        scope=Scope(traffic="everyday", per=Per.ROUTE),
        times={"soak": Quantity(value=8, unit="h")},
        sentence="the last hour is as quick as the first",
        at="a.feature:3",
    )
    plan = replace(plan, claims=(replace(plan.claims[0], objectives=(sentence,)),))
    [lack] = prospects(plan)[0].lacks
    assert lack.what == "1379 requests per hour of the soak on the least used route (planned: 468)"
    assert lack.window_s == 442.0
    assert grown(plan) == plan.traffic
    longer = replace(plan, traffic={"everyday": plan.traffic["everyday"].with_window(lack.window_s)})
    assert lacks(longer) == {}


@pytest.mark.parametrize(
    ("asked", "short"), [("100 /s", ""), ("1000 /s", "a traffic of at least 1000 /s (planned: 100 requests/s)")]
)
def test_a_traffic_that_offers_less_than_is_to_be_served_decides_nothing(asked: str, short: str) -> None:
    """The judge would say so after the load; the plan says it before, and counts the row as not decided."""
    plan = core_plan()
    sentence = Objective(
        figure=Figure.THROUGHPUT,
        op=Op.AT_LEAST,
        limit=Quantity.parse(asked),
        quantile=0.95,
        scope=Scope(traffic="everyday"),
        times={"below": Quantity.parse("200 ms")},
        sentence="so many are served",
        at="a.feature:3",
    )
    plan = replace(plan, claims=(replace(plan.claims[0], objectives=(sentence,)),))
    assert "; ".join(lacks(plan).values()) == short
    waiting = outlook_document(plan)["account"]["waiting"]
    mine = [one["for"] for one in waiting if one["rows"] == [plan.claims[0].requirement]]
    assert mine == ([f"a run of this size cannot decide the requirement, which needs {short}"] if short else [])


def test_after_a_switch_the_rollout_says_how_long_it_is_watched() -> None:
    """The window before the faults is no matter then, and does not grow for it."""
    core = core_plan()
    sentence = Objective(
        figure=Figure.MEMORY_GROWTH,
        op=Op.BELOW,
        limit=Quantity.parse("10 MB"),
        scope=Scope(traffic="everyday", phase=Phase.SWITCHED, rollout="canary"),
        times={"soak": Quantity.parse("8 h", scaled=True)},
        sentence="no service holds more and more",
        at="a.feature:3",
    )
    growing = replace(core.traffic["everyday"], window_grows=True)
    plan = replace(
        core,
        claims=(replace(core.claims[0], objectives=(sentence,)),),
        traffic={"everyday": growing},
        rollouts={"canary": rollout_plan(watched_s=95.0)},
    )
    [lack] = prospects(plan)[0].lacks
    assert lack.what == "107 s after the switch for a soak of 480 s (planned: 95 s)"
    assert grown(plan) == plan.traffic
    assert lacks(replace(plan, rollouts={"canary": rollout_plan(watched_s=107.0)})) == {}


def test_too_little_traffic_says_how_much_it_takes() -> None:
    """Ten seconds hold 1 000 requests, 0.1 % takes 2 995 without a failure: 30 s. Ninety users are not 101."""
    plan = core_plan()
    short = replace(plan.traffic["everyday"], window_s=10.0, users=90.0)
    said = lacks(replace(plan, traffic={"everyday": short}))
    assert said["ND-KPI-ERRORS"] == "at least 2995 samples (planned: 1000)"
    assert said["AT-PERF-USERS"] == "101 users at once (planned: 90 on average)"
    (lack,) = next(
        p.lacks for p in prospects(replace(plan, traffic={"everyday": short})) if p.requirement == "ND-KPI-ERRORS"
    )
    assert lack.window_s == 30.0


def test_an_experiment_that_nobody_wrote_is_lacking() -> None:
    """`every disaster` speaks of three, the project has two."""
    plan = core_plan()
    claim = next(claim for claim in plan.claims if claim.requirement == "DA-DR-RTO")
    (objective,) = claim.objectives
    scope = replace(objective.scope, missing_experiments=("loss of all database members",))
    changed = replace(claim, objectives=(replace(objective, scope=scope),))
    assert lacks(replace(plan, claims=(changed,))) == {"DA-DR-RTO": "an experiment of: loss of all database members"}


def test_an_experiment_that_nothing_confirms_decides_nothing() -> None:
    """A stock file without a block: it would be run, and its rows be INCONCLUSIVE however well users are served."""
    plan = core_plan()
    foreign = replace(plan.experiments["pod-loss"], domain="unknown", file="/shop/experiments/stock.json")
    found = lacks(replace(plan, experiments={**plan.experiments, "pod-loss": foreign}))
    told = "a block `harness` in stock.json with `confirmed_by`, the name of the probe that confirms the fault"
    assert {*found.values()} == {told}
    speaking = {
        claim.requirement
        for claim in plan.claims
        if any("pod-loss" in objective.scope.experiments for objective in claim.objectives)
    }
    assert {*found} == speaking


def test_a_run_is_expected_to_take_less_than_it_may() -> None:
    """The acts of core with what is around them, as runs on two cores took, five of six checks at the same time; at most when no recovery comes."""
    expected, longest = seconds(core_plan())
    assert expected == pytest.approx(10 + 16 + 3 * 0.8 + 162 + 15 + 19 + 42 + 45 + 60)
    assert longest == pytest.approx(10 + 16 + 3 * 0.8 + 162 + 60 + 222 + 300 + 430 + 480)


def test_steps_after_the_last_fault_are_in_the_window_after_the_faults() -> None:
    """A rotation of 25 s leaves 35 s of a minute; what was done before the last fault, and under other traffic, leaves it as it is."""
    demand = breaks("pod-loss").key
    before = act("rotation", demand=demand, traffic="everyday", seconds=25.0)
    after = fault("pod-loss", seconds=15.0)
    window = act("everyday/after-faults", "traffic", demand=demand, traffic="everyday", seconds=60.0)
    made = plan(acts=[before, after, window], demands=[breaks("pod-loss")], experiments=[experiment("pod-loss")])
    assert seconds(replace(made, live=False))[0] == 2.0 + 25.0 + 15.0 + 60.0
    assert seconds(replace(made, live=False, acts=(after, before, window)))[0] == 2.0 + 15.0 + 25.0 + 35.0
    longer = replace(before, seconds=70.0)
    assert seconds(replace(made, live=False, acts=(after, longer, window)))[0] == 2.0 + 15.0 + 70.0
    elsewhere = replace(before, traffic="")
    assert seconds(replace(made, live=False, acts=(elsewhere, window)))[0] == 2.0 + 25.0 + 60.0


def test_the_plan_for_machines_says_all_of_it() -> None:
    """JSON with seconds, acts, sentences, their lengths of time and whether they can be decided."""
    document = json.loads(json.dumps(outlook_document(at_full_time())))
    assert document["seconds"] == {"expected": 371.4, "at_most": 1682.4}
    assert document["acts"][-1]["name"] == "everyday/after-faults"
    said = {sentence["requirement"]: sentence for sentence in document["sentences"]}
    assert said["DA-DR-RTO"]["times"] == [{"name": "limit", "said": "4 h", "scaled": True, "used_s": 14400.0}]
    assert said["DA-DR-RPO"]["can_be_decided"] is False
    assert said["ND-KPI-ERRORS"]["samples"]["needed"] == "2995 at 0 failures"
    assert said["ND-ARCH-USER"]["can_be_decided"] is True
