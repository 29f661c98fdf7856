"""Rollout files: what they say, and every mistake answered with file, line and key before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.drivers.rollout import load_rollout, on_target, read_rollout
from harness.errors import ConfigurationError, Refused
from harness.files import bundled
from harness.model.planned.rollout import Strategy, TakenBack, percent
from harness.model.planned.trigger import Signal
from harness.targets import load_target
from harness.targets.safety.guard import guard_replaced, guard_rollout

FILE = """\
title: by steps
strategy: canary
steps: [5 %, 25 %, 100 %]
dwell: 2 h
dwell_scale: 720
promoted_by: harness
taken_back: by the platform
watched: 5 s
takes: 50 s
within: 2 min
triggers:
  latency: {reads: response time p95, above: 2000 ms, for: 5 min}
  users: {reads: critical report}
"""
TARGET = """\
name: shop
environment: staging
entry: http://127.0.0.1:9
disposable: false
kubernetes: {context: shop}
rollout: {kind: Deployment, names: [cart, stock], namespaces: [eu, us], candidate: 1.1.0}
"""


def _written(directory: Path, text: str) -> Path:
    file = directory / "by-steps.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_rollout_file_is_read_in_base_units(tmp_path: Path) -> None:
    """Steps are shares from 0 to 1, the dwell keeps the document's words, a trigger's window is scaled and its limit is not."""
    plan = read_rollout(_written(tmp_path, FILE))

    assert (plan.name, plan.strategy, plan.steps) == ("by-steps", Strategy.CANARY, (0.05, 0.25, 1.0))
    assert (str(plan.dwell), plan.dwell_s) == ("2 h", 10.0)
    assert (plan.promoted_by, plan.taken_back, plan.watched_s, plan.within_s) == (
        "harness",
        TakenBack.BY_PLATFORM,
        5.0,
        120.0,
    )
    assert plan.takes_s == 50.0
    latency, users = plan.trigger["latency"], plan.trigger["users"]
    assert (latency.limit, latency.window_ns(60), latency.window_ns(1)) == (2000.0, 5 * 10**9, 300 * 10**9)
    assert (users.signal, str(users)) == (Signal.REPORT, "users: a critical report")
    assert [percent(share) for share in plan.steps] == ["5", "25", "100"]


def test_a_mistake_is_refused_with_file_line_and_key(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Steps that fall, weights over 100, a trigger with limit and window swapped or in a wrong unit."""
    swapped = "a limit of 5 min is not below the window of 2000 ms: the limit and the window are swapped"
    late = "the rollout is expected to take longer than it may, 132 s\n  hint: raise `within`, or lower `takes`"
    for wrong, message in [
        ("steps: [5 %, 50 %, 25 %, 100 %]", ":3: steps[2]: the steps must rise, 25 % comes after 50 %"),
        ("steps: [5 %, 120 %]", ":3: steps[1]: 120 % is over 100 %"),
        ("steps: [5 %, 50 %]", ":3: steps[1]: the last step is 50 %"),
        ("steps: [0 %, 100 %]", ":3: steps[0]: a step is 0 %, expected more than 0 %"),
        ("steps: [5, 100]", ":3: steps[0]: `5` is not a ratio like `25 %`"),
        ("steps: []", ":3: steps: a canary rollout needs `steps`"),
        ("strategy: blue-green", ":3: steps: `steps` is not allowed for a blue-green rollout"),
        ("strategy: canarie", ":2: strategy: `canarie` is not one of canary, blue-green, all-at-once, rolling"),
        ("dwell: 5 %", ":4: dwell: 5 % is not a time above 0"),
        ("dwell: 2", ":4: dwell: `2` is not a number with a unit"),
        (
            "  latency: {reads: response time p95, above: 5 min, for: 2000 ms}",
            f":12: triggers.latency.above: {swapped}",
        ),
        (
            "  latency: {reads: error rate, above: 2000 ms, for: 5 min}",
            ":12: triggers.latency.above: 2000 ms is a time: the error rate is a ratio",
        ),
        (
            "  latency: {reads: response time p95, above: 2000 ms}",
            ":12: triggers.latency.for: the key `for` is missing",
        ),
        (
            "  users: {reads: critical report, above: 5 %}",
            ":13: triggers.users.above: `above` is not allowed for a critical report",
        ),
        ("  users: {reads: rumour}", ":13: triggers.users.reads: `rumour` is not one of"),
        ("takes: 133 s", f":9: takes: {late}"),
    ]:
        with subtests.test(wrong):
            (right,) = (line for line in FILE.splitlines() if line.startswith(f"{wrong.partition(':')[0]}:"))
            assert refused(tmp_path, FILE.replace(right, wrong)).startswith(message)
    for text, message in [
        (FILE.replace("dwell: 2 h\n", ""), ":4: dwell_scale: `dwell_scale` needs `dwell`"),
        (FILE.partition("triggers")[0], ":7: taken_back: a rollout with `taken_back: by the platform` needs a trigger"),
        (FILE.replace("title: by steps", "titel: by steps"), ":1: titel: unknown key `titel`"),
    ]:
        with subtests.test(message):
            assert refused(tmp_path, text).startswith(message)


def refused(directory: Path, text: str) -> str:
    """What is said of a file with this text, from its line on."""
    file = _written(directory, text)
    with pytest.raises(ConfigurationError) as caught:
        read_rollout(file)
    assert str(caught.value).startswith(str(file))
    return str(caught.value).removeprefix(str(file))


def test_an_unknown_rollout_is_answered_with_the_nearest(tmp_path: Path) -> None:
    """Names are looked up as those of experiments are."""
    _written(tmp_path, FILE)

    with pytest.raises(ConfigurationError, match=r"(?s)the rollout 'by-step' does not exist.*did you mean 'by-steps'"):
        load_rollout("by-step", [tmp_path])


def test_the_rollouts_that_come_with_the_package_are_sound() -> None:
    """Each of them, and they have the steps of document 002."""
    found = {path.stem: read_rollout(path) for path in bundled("rollouts").glob("*.yaml")}

    assert [percent(share) for share in found["canary"].steps] == ["5", "25", "50", "100"]
    assert found["canary"].dwell_s == 10.0
    assert found["blue-green"].steps == (1.0,)
    assert (
        found["there-and-back"].watched_s < 30
    )  # so long Argo Rollouts keeps the former colour, if it is not told otherwise


def test_the_target_says_which_objects_are_changed(tmp_path: Path) -> None:
    """One rollout file serves every platform; it may name a candidate of its own, and one of the two files must."""
    target = tmp_path / "target.yaml"
    target.write_text(TARGET, encoding="utf-8")
    plan = on_target(read_rollout(_written(tmp_path, FILE)), load_target(target))
    assert (plan.kind, plan.names, plan.namespaces) == ("Deployment", ("cart", "stock"), ("eu", "us"))
    assert plan.candidate == "1.1.0"
    own = on_target(read_rollout(_written(tmp_path, f"{FILE}candidate: slow\n")), load_target(target))
    assert own.candidate == "slow"
    target.write_text(TARGET.replace(", candidate: 1.1.0", ""), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="the rollout has no candidate"):
        on_target(read_rollout(_written(tmp_path, FILE)), load_target(target))


def test_a_target_that_is_not_disposable_must_allow_the_rollout(tmp_path: Path) -> None:
    """By name, with the objects that it may change and how many pods it may replace."""
    file = tmp_path / "target.yaml"
    plan = read_rollout(_written(tmp_path, FILE))

    def guarded(allowed: str) -> None:
        file.write_text(f"{TARGET}may_break: [{allowed}]\n", encoding="utf-8")
        here = load_target(file)
        guard_rollout(here, on_target(plan, here))
        guard_replaced(here, plan.name, 4)

    guarded("{rollout: by-steps, workloads: [cart, stock], max_pods: 4}")
    with pytest.raises(Refused, match="does not allow the rollout by-steps: it is missing in `may_break`"):
        guarded("{experiment: by-steps}")
    with pytest.raises(Refused, match="it would change stock"):
        guarded("{rollout: by-steps, workloads: [cart]}")
    with pytest.raises(Refused, match="it would replace 4 pods, `max_pods` allows 3"):
        guarded("{rollout: by-steps, max_pods: 3}")
    with pytest.raises(ConfigurationError, match="expected one of `experiment` and `rollout`"):
        guarded("{rollout: by-steps, experiment: by-steps}")


def test_a_report_is_sent_at_a_step(tmp_path: Path) -> None:
    """On the candidate or the stable release; at a share that is no step it would never be sent."""
    stated = (
        "reports: [{severity: critical, about: candidate, at: 25 %}, {severity: minor, about: stable, at: 100 %}]\n"
    )
    found = read_rollout(_written(tmp_path, FILE + stated)).reports
    assert [(one.severity, one.stable, one.at) for one in found] == [("critical", False, 0.25), ("minor", True, 1.0)]
    for wrong, what in (("at: 25 %", "at: 30 %"), ("severity: minor", "severity: loud")):
        with pytest.raises(ConfigurationError, match=r"reports\[\d\]"):
            read_rollout(_written(tmp_path, FILE + stated.replace(wrong, what)))
