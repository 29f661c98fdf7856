"""Experiment files and journals, read without running anything."""

from __future__ import annotations

import json
import re
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from chaoslib.exceptions import ChaosException
from chaoslib.experiment import ensure_experiment_is_valid
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.chaos import actions, probes
from harness.drivers.chaos import find_experiments, load_experiment, read_experiment, read_journal
from harness.drivers.chaos.providers import functions_of, needs_cluster, parameters_of
from harness.errors import ConfigurationError

SHIPPED = Path(__file__).parents[3] / "experiments"


def message(directory: Path, right: str, wrong: str, name: str = "database-primary-loss") -> str:
    """What is said of a shipped experiment in which something is changed."""
    text = (SHIPPED / f"{name}.yaml").read_text()
    assert right in text
    (directory / f"{name}.yaml").write_text(text.replace(right, wrong))
    with pytest.raises(ConfigurationError) as caught:
        load_experiment(name, [directory])
    return str(caught.value).replace(f"{directory}/", "")


def test_the_shipped_experiments_say_domain_hold_and_time() -> None:
    """What the plan shows before anything runs; the table of README.md has each of them."""
    found = find_experiments([SHIPPED]).plans
    table = (SHIPPED / "README.md").read_text()
    assert all(f"| `{name}.yaml` | {plan.domain} |" in table for name, plan in found.items())
    assert {name: (plan.domain, plan.hold_s, plan.within_s, plan.seconds) for name, plan in found.items()} == {
        "cache-primary-loss": ("cache", 30.0, 15.0, 42.0),
        "database-members-loss": ("members", 1.0, 30.0, 18.0),
        "database-primary-loss": ("database", 25.0, 10.0, 42.0),
        "database-promotion": ("database", 25.0, 10.0, 45.0),
        "each-pod-loss": ("pod", 0.0, 140.0, 142.0),
        "errors-10": ("external", 14.0, 5.0, 22.0),
        "errors-3": ("external", 14.0, 5.0, 22.0),
        "frontend-hung": ("container", 0.0, 10.0, 50.0),
        "frontend-unready": ("container", 45.0, 10.0, 50.0),
        "locked-tables": ("external", 14.0, 5.0, 22.0),
        "memory-growth": ("process", 14.0, 10.0, 24.0),
        "network-partition": ("network", 15.0, 15.0, 40.0),
        "node-loss": ("node", 12.0, 60.0, 19.0),
        "null-run": ("none", 5.0, 10.0, 0.0),
        "pod-loss": ("pod", 0.0, 10.0, 15.0),
        "region-loss": ("region", 25.0, 60.0, 45.0),
        "region-loss-secondary": ("region", 12.0, 60.0, 40.0),
        "region-loss-tertiary": ("region", 12.0, 60.0, 24.0),
        "sign-in-pod-loss": ("pod", 0.0, 10.0, 15.0),
        "service-loss-cache": ("service", 20.0, 12.0, 30.0),
        "service-loss-track": ("service", 48.0, 12.0, 52.0),
        "service-loss-user": ("service", 48.0, 12.0, 52.0),
        "slow-queries": ("process", 14.0, 5.0, 22.0),
        "zone-loss-1": ("zone", 25.0, 60.0, 45.0),
        "zone-loss-2": ("zone", 20.0, 60.0, 32.0),
        "zone-loss-3": ("zone", 20.0, 60.0, 32.0),
    }


def test_the_shipped_experiments_use_chaostoolkit_kubernetes_or_say_why_not() -> None:
    """Its actions on pods, deployments, nodes and containers, its probes of nodes; what it has no action for has a comment."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in SHIPPED.glob("*.yaml")}
    acting = {name for name, text in texts.items() if re.search(r"module: chaosk8s\.\w+\.actions", text)}
    stock = {name for name, text in texts.items() if "module: chaosk8s." in text}
    assert len(stock) == 15
    assert {"pod-loss", "each-pod-loss", "database-promotion", "database-primary-loss", "frontend-hung"} <= acting
    assert [name for name, text in texts.items() if name not in stock and "  # of the harness: " not in text] == []
    page = (SHIPPED.parent / "docs" / "chaos-toolkit.md").read_text(encoding="utf-8")
    _, acts, asks, others = re.split(
        r"^(?:Of the 26|Seven ask|Eleven do not)", page.partition("\n## A trial")[0], flags=re.MULTILINE
    )
    for said, expected in ((acts, acting), (asks, stock - acting), (others, {*texts} - stock)):
        assert {*re.findall(r"`([a-z0-9-]+)`", said)} & {*texts} == expected


@pytest.mark.parametrize("other", ["mine/pod-loss.json", "theirs/pod-loss.yaml"])
def test_two_experiments_of_ones_own_with_one_name_are_refused(tmp_path: Path, other: str) -> None:
    """Beside each other or in two directories: which of them broke something would be a guess."""
    for name in ("mine/pod-loss.yaml", other):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(ConfigurationError) as caught:
        find_experiments([tmp_path / "mine", tmp_path / "theirs", SHIPPED])
    first, second = sorted(str(tmp_path / name) for name in ("mine/pod-loss.yaml", other))
    assert caught.value.what == f"the experiment `pod-loss` is defined twice, also in {first}"
    assert caught.value.where == second


def test_the_first_directory_wins(tmp_path: Path) -> None:
    """A project's own experiment takes the place of a bundled one."""
    (tmp_path / "pod-loss.yaml").write_text(
        (SHIPPED / "pod-loss.yaml").read_text().replace("within: 10 s", "within: 3 s")
    )
    assert load_experiment("pod-loss", [tmp_path, SHIPPED]).within_s == 3.0
    assert load_experiment("node-loss", [tmp_path, SHIPPED]).file == str(SHIPPED / "node-loss.yaml")


def test_a_mistake_in_an_experiment_is_explained(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Before anything runs: file, line, key, and the word that was meant."""
    for right, wrong, said in [
        ("    within: 10 s", "    within: 10 s\n    restarted_by: uncordon-nodes", "database-primary-loss.yaml:19: extensions[0].restarted_by: `restarted_by` is not allowed for a fault of domain `database`\n  hint: remove `restarted_by`: a service that the experiment restarts shows nothing about automatic recovery"),
        ("domain: database\n", "domain: database\n    if_there: [kill-primar]\n", "database-primary-loss.yaml:16: extensions[0].if_there: the method has no action `kill-primar`\n  hint: did you mean `kill-primary`?"),
        ("domain: database\n", "domain: process\n    restarted_by: uncordn-nodes\n", "database-primary-loss.yaml:16: extensions[0].restarted_by: the method has no action `uncordn-nodes`\n  hint: did you mean `uncordon-nodes`?"),
        ("at_least_s: 25, at_most_s: 600", "at_least_s: 25, at_most_s: 20", "database-primary-loss.yaml:50: method[3].provider.arguments.at_most_s: `at_most_s` of the action `hold` is 20, expected a number of seconds from 25 to 3600"),
        ("rollbacks:", "dry: actions\nrollbacks:", "database-primary-loss.yaml:64: dry: `dry` has no effect in an experiment file, so the run would inject the fault\n  hint: remove `dry`; `readiness plan` shows the steps of a run without executing them"),
    ]:  # fmt: skip
        with subtests.test(right=right, wrong=wrong):
            assert message(tmp_path, right, wrong) == said


def test_an_unknown_experiment_names_the_nearest(tmp_path: Path) -> None:
    """And says what there is when nothing is near."""
    with pytest.raises(
        ConfigurationError, match=r"the experiment `pod-los` does not exist\n  hint: did you mean `pod-loss`\?"
    ):
        load_experiment("pod-los", [SHIPPED])
    with pytest.raises(ConfigurationError, match="use one of none"):
        load_experiment("pod-loss", [tmp_path])


ACTIVITY = "title: t\ndescription: d\nmethod:\n  - {type: action, name: a, provider: {type: python, module: harness.chaos.actions, func: hold}}\n"


def test_a_hold_needs_only_its_shortest_time(tmp_path: Path) -> None:
    """As the page writes it: the limit of the sentence ends it. A hold of another module is a stock action, with arguments of its own."""
    (tmp_path / "a.yaml").write_text(ACTIVITY.replace("func: hold", "func: hold, arguments: {at_least_s: 5}"))
    file = read_experiment(tmp_path / "a.yaml")
    assert (file.plan.hold_s, file.hold_at_most_s) == (5.0, None)
    (tmp_path / "faults.py").write_text("def hold(seconds):\n    return seconds\n")
    stock = "module: faults, func: hold, arguments: {seconds: 5}"
    (tmp_path / "a.yaml").write_text(ACTIVITY.replace("module: harness.chaos.actions, func: hold", stock))
    assert load_experiment("a", [tmp_path]).hold_s == 0.0


FULL = """\
title: t
description: d
steady-state-hypothesis:
  title: h
  probes:
    - {type: probe, name: well, tolerance: true, provider: {type: python, module: shop_faults, func: well}}
method:
  - {type: action, name: act, pauses: {before: 1}, provider: {type: python, module: shop_faults, func: act, arguments: {name: x}}}
  - {ref: well}
rollbacks:
  - {type: action, name: back, timeout: 3, provider: {type: python, module: shop_faults, func: back, arguments: {any: 1}}}
"""
OWN = "def well(configuration=None):\n    return True\n\n\ndef act(name, *, secrets, qty=1):\n    pass\n\n\ndef back(**every):\n    pass\n"


def test_what_chaos_toolkit_would_refuse_when_it_runs_is_refused_when_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    """Else a load is offered for an experiment that never begins. Chaos Toolkit's own check refuses each of them, and not the right one."""
    (tmp_path / "shop_faults.py").write_text(OWN, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "a.yaml").write_text(FULL, encoding="utf-8")
    assert load_experiment("a", [tmp_path]).name == "a"
    ensure_experiment_is_valid(yaml.safe_load(FULL))
    for right, wrong, said in [
        ("title: t", "title: ''", "a.yaml:1: title: `title` is empty\n  hint: write `title: …`; Chaos Toolkit needs it"),
        ("description: d", "description: d\ntags: [1]", "a.yaml:3: tags[0]: the tag `1` is not text\n  hint: put it in quotes"),
        ("description: d", "description: d\nextensions: [{domain: pod}]", "a.yaml:3: extensions[0]: the extension has no name\n  hint: write `name: …`; the harness reads `name: harness`"),
        ("  title: h\n", "", "a.yaml:3: steady-state-hypothesis: the hypothesis has no title\n  hint: write `title: …` and `probes: […]` below it; Chaos Toolkit needs the title"),
        ("tolerance: true, ", "", "a.yaml:6: steady-state-hypothesis.probes[0]: a probe of the hypothesis has no tolerance\n  hint: write `tolerance: true`, `tolerance: 0` for an exit code, `tolerance: 200` for a status"),
        ("tolerance: true", "tolerance: {type: regx}", "a.yaml:6: steady-state-hypothesis.probes[0].tolerance: Chaos Toolkit does not know this tolerance: hypothesis probe tolerance type 'regx' is unsupported\n  hint: write a value, a list, or a mapping with `type: regex`, `jsonpath`, `range` or `probe`"),
        ("  - {ref: well}\n", "  - nothing\n", "a.yaml:9: method[1]: `nothing` is not a mapping\n  hint: write its keys below each other, like `- name: …`"),
        ("rollbacks:\n  - ", "rollbacks:\n  back: ", "a.yaml:10: rollbacks: `rollbacks` must be a list\n  hint: begin each item with `- `"),
        ("description: d", "description: d\nextensions: {name: harness}", "a.yaml:3: extensions: `extensions` must be a list\n  hint: begin each item with `- `"),
        ("description: d", "description: d\nconfiguration: [a]", "a.yaml:3: configuration: `configuration` must be a mapping\n  hint: write `configuration: {name: value}`"),
        ("description: d", "description: d\ncontrols: [{name: a}]", "a.yaml:3: controls[0]: the key `provider` is missing\n  hint: write `provider: …`"),
        ("description: d", "description: d\ncontrols: [a]", "a.yaml:3: controls[0]: `a` is not a mapping\n  hint: write its keys below each other, like `- name: …`"),
        ("type: action, name: act", "name: act", "a.yaml:8: method[0]: the key `type` is missing\n  hint: write `type: …`"),
        ("name: act, ", "", "a.yaml:8: method[0]: the key `name` is missing\n  hint: write `name: …`"),
        ("module: shop_faults, func: act", "func: act", "a.yaml:8: method[0].provider: the key `module` is missing\n  hint: write `module: …`: a Python provider needs a module and a function"),
        ("{type: python, module: shop_faults, func: act, arguments: {name: x}}", "act", "a.yaml:8: method[0].provider: a provider must be a mapping\n  hint: write `provider: {type: python, module: …, func: …}`"),
        ("ref: well", "ref: wel", "a.yaml:9: method[1].ref: no activity is named `wel`\n  hint: did you mean `well`?"),
        ("name: act,", "name: '',", "a.yaml:8: method[0].name: the activity has no name\n  hint: write `name: …`"),
        ("timeout: 3", "timeout: 3 s", "a.yaml:11: rollbacks[0].timeout: `3 s` is not a number of seconds\n  hint: write it like `timeout: 10`"),
        ("timeout: 3", "background: 'yes'", "a.yaml:11: rollbacks[0].background: `yes` is not `true` or `false`\n  hint: write `background: true`"),
        ("before: 1", "before: 1 s", "a.yaml:8: method[0].pauses.before: `1 s` is not a number of seconds\n  hint: write it like `before: 3`"),
        ("{name: x}", "{nmae: x}", "a.yaml:8: method[0].provider.arguments.nmae: `act` has no argument `nmae`\n  hint: did you mean `name`?"),
        ("{name: x}", "{qty: 2}", "a.yaml:8: method[0].provider.arguments: `act` needs the argument `name`\n  hint: write `arguments: {name: …}`"),
        (", arguments: {name: x}", "", "a.yaml:8: method[0].provider: `act` needs the argument `name`\n  hint: write `arguments: {name: …}`"),
        ("arguments: {name: x}", "arguments: x", "a.yaml:8: method[0].provider.arguments: `arguments` must be a mapping\n  hint: write `arguments: {name: …}`"),
    ]:  # fmt: skip
        with subtests.test(right=right, wrong=wrong):
            assert right in FULL
            text = FULL.replace(right, wrong)
            (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
            with pytest.raises(ConfigurationError) as caught:
                load_experiment("a", [tmp_path])
            assert str(caught.value).replace(f"{tmp_path}/", "") == said
            with pytest.raises((ChaosException, AttributeError, TypeError)):
                ensure_experiment_is_valid(yaml.safe_load(text))


def test_what_the_functions_of_this_harness_take_is_known(tmp_path: Path) -> None:
    """Also where a module only imports them; what another's decorator makes of a function is not known."""
    assert message(tmp_path, "label_selector:", "label_selctor:", "pod-loss").endswith("did you mean `label_selector`?")
    assert parameters_of("harness.chaos.actions", "stress_memory") == (
        ("label_selector", "ns", "size"),
        ("label_selector", "ns", "size"),
        False,
    )
    (tmp_path / "shop_faults.py").write_text("import functools\n\n@functools.cache\ndef act(name):\n    pass\n")
    assert parameters_of("shop_faults", "act", (tmp_path,)) is None
    assert parameters_of("shop_faults", "missing", (tmp_path,)) is None
    assert parameters_of("nowhere", "act", (tmp_path,)) is None


def test_a_function_that_declares_no_access_needs_no_cluster(subtests: pytest.Subtests) -> None:
    """Also where a module only imports it."""
    for module, function, needs in [
        ("harness.chaos.probes", "answers_fail", False),
        ("harness.chaos.probes", "rows_released", False),
        ("harness.chaos.actions", "hold", False),
        ("harness.chaos.actions", "lock_rows", True),
        ("harness.chaos.probes", "liveness_begun", True),
        ("chaosk8s.pod.probes", "count_pods", True),
        ("chaosk8s.pod.actions", "hold", True),
        ("shop_faults", "hold", False),
    ]:
        with subtests.test(module=module, function=function):
            provider = {"type": "python", "module": module, "func": function}
            assert needs_cluster({"name": "a", "type": "probe", "provider": provider}) is needs


def test_what_the_functions_of_this_harness_declare_is_read_as_it_is() -> None:
    """The source is read, and nothing is imported; what is imported says the same."""
    for module in (actions, probes):
        for name in module.__all__:
            provider = {"type": "python", "module": module.__name__, "func": name}
            declares_none = getattr(module, name).accesses == ((), None)
            assert needs_cluster({"name": name, "provider": provider}) is not declares_none, name


def test_an_experiment_takes_as_long_as_its_pauses(tmp_path: Path) -> None:
    """A stock file cannot declare how long it takes, and must not be interrupted in the midst of a pause."""
    for pauses, seconds in [("{after: 300}", 320.0), ("{before: 0.5, after: 1}", 21.5), ("{before: '${wait}'}", 20.0)]:
        action = f"{{name: a, type: action, provider: {{type: process, path: 'true'}}, pauses: {pauses}}}"
        (tmp_path / "a.yaml").write_text(f"title: t\ndescription: d\nmethod: [{action}]\nrollbacks: [{action}]\n")
        assert load_experiment("a", [tmp_path]).seconds == seconds


@pytest.mark.parametrize(
    ("text", "domain"),
    [("extensions: [{name: harness, domain: node}]\nmethod: 3", "node"), ("method: [", "unknown"), ("domain: moon", "unknown")],
)  # fmt: skip
def test_a_broken_experiment_keeps_its_name_and_the_domain_that_it_seems_to_have(
    tmp_path: Path, text: str, domain: str
) -> None:
    """So that `every … experiment` does not quietly mean one less."""
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    found = find_experiments([tmp_path, SHIPPED])
    assert (found.broken["mine"].domain, found.domains["mine"], found.domains["pod-loss"]) == (domain, domain, "pod")
    assert "mine" not in found.plans


def test_a_foreign_experiment_is_let_in(tmp_path: Path) -> None:
    """Without the block it has no domain and nothing confirms its fault; JSON is YAML too."""
    (tmp_path / "foreign.json").write_text(json.dumps({"title": "t", "description": "d", "method": []}))
    plan = load_experiment("foreign", [tmp_path])
    assert (plan.domain, plan.hold_s, plan.within_s) == ("unknown", 0.0, 0.0)


def test_what_can_be_imported_is_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    """The standard library, names that come with a `*` or are made when asked for, functions below a `try`, a package that is installed as editable."""
    tried = "try:\n    from nowhere import act\nexcept ImportError:\n    def act():\n        pass\n"
    (tmp_path / "starred.py").write_text("from time import *\n")
    (tmp_path / "dynamic.py").write_text("def __getattr__(name):\n    return print\n")
    (tmp_path / "tried.py").write_text(tried)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "edited.py").write_text("def act():\n    pass\n")

    class Editable:
        """What `pip install --editable` puts before the path."""

        @staticmethod
        def find_spec(name: str, path: object = None, _target: object = None) -> Any:
            """Of one package."""
            return PathFinder.find_spec(name, [str(tmp_path / "src")]) if (name, path) == ("edited", None) else None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Editable])
    for module, function in [
        ("os.path", "exists"),
        ("time", "sleep"),
        ("os", "system"),
        ("starred", "sleep"),
        ("dynamic", "act"),
        ("tried", "act"),
        ("edited", "act"),
    ]:
        with subtests.test(module):
            text = ACTIVITY.replace("module: harness.chaos.actions, func: hold", f"module: {module}, func: {function}")
            (tmp_path / "a.yaml").write_text(text)
            assert load_experiment("a", [tmp_path]).name == "a"
            if module in {"tried", "edited"}:  # its source says all of its names
                (tmp_path / "a.yaml").write_text(text.replace("func: act", "func: atc"))
                with pytest.raises(ConfigurationError, match=r"has no function `atc`\n  hint: did you mean `act`"):
                    load_experiment("a", [tmp_path])


def test_a_probe_of_the_configuration_is_checked_as_others_are(tmp_path: Path) -> None:
    """Chaos Toolkit passes over one that fails, and the value would be missing where a rollback needs it.

    A probe of the hypothesis is none of the method, where no `ref` of it names it.
    """
    probe = "{type: python, module: chaosk8s.pod.probes, func: count_podz, arguments: {label_selector: app=shop}}"
    own = f"configuration:\n  in_primary: {{type: probe, provider: {probe}}}\n"
    said = message(tmp_path, "configuration:\n", own, "pod-loss")
    assert "configuration.in_primary.provider.func: `chaosk8s.pod.probes` has no function `count_podz`" in said
    said = message(tmp_path, "gone_by: pods-replaced", "gone_by: workloads-ready", "pod-loss")
    assert "gone_by: the method has no probe `workloads-ready`" in said


def test_functions_are_found_without_importing() -> None:
    """Defined, imported or assigned at the top level; a module that is not there is None."""
    assert {"stress_memory", "hold", "annotations"} <= (functions_of("harness.chaos.actions") or frozenset())
    assert "terminate_pods" in (functions_of("chaosk8s.pod.actions") or frozenset())
    assert functions_of("harness.chaos.nothing") is None
    assert functions_of("") is None


def journal(**parts: Any) -> dict[str, Any]:
    """A whole journal, but for these parts."""
    steady = {"steady_state_met": True, "probes": [{"activity": {"name": "p"}, "status": "succeeded"}]}
    whole = {
        "status": "completed",
        "deviated": False,
        "steady_states": {"before": steady, "after": steady, "during": []},
        "run": [],
        "rollbacks": [],
    }
    return {**whole, **parts}


def read(text: str, directory: Path) -> dict[str, str]:
    """What a journal with this text says."""
    (directory / "journal.json").write_text(text)
    found = read_journal(directory / "journal.json")
    return {**found.words, "why": found.why}


def test_a_whole_journal_says_what_happened(tmp_path: Path) -> None:
    """Failed activities of method and rollbacks are named, whatever status and exit code say."""
    run = [{"activity": {"name": "kill"}, "status": "failed"}, {"activity": {"name": "look"}, "status": "succeeded"}]
    said = read(json.dumps(journal(run=run, rollbacks=[{"activity": {"name": "undo"}}])), tmp_path)
    assert said == {
        "status": "completed",
        "deviated": "false",
        "steady_before": "met",
        "steady_after": "met",
        "unmet": "",
        "failed": "kill, undo",
        "why": "failed: kill, undo",
    }


def test_what_became_of_a_hypothesis_is_said(tmp_path: Path) -> None:
    """The method was never run: completed, not deviated, and nothing was tested. One that was lost is named by the last probe that was asked."""
    before = {"steady_state_met": False, "probes": [{"activity": {"name": "all-well"}}]}
    said = read(json.dumps(journal(steady_states={"before": before, "after": None})), tmp_path)
    assert said["why"] == "the method was not run: the steady state was not met before the method: all-well"
    assert (said["steady_before"], said["steady_after"]) == ("not met", "not asked")
    lost = {"steady_state_met": False, "probes": [{"activity": {"name": "up"}}, {"activity": {"name": "consistent"}}]}
    steady = {"steady_state_met": True, "probes": []}
    said = read(json.dumps(journal(steady_states={"before": steady, "after": lost}, deviated=True)), tmp_path)
    assert (said["steady_after"], said["unmet"], said["why"]) == ("not met", "consistent", "")


def test_a_spoilt_journal_says_why(tmp_path: Path) -> None:
    """Cut short, garbage, or other JSON: a reason, never a traceback; so has one that is missing, also with a directory in its place."""
    broken = ["", json.dumps(journal())[:-20], "[" * 100_000]
    for text in (*broken, "[]", "{}", "null"):
        said = read(text, tmp_path)
        why = "the journal is truncated or not JSON" if text in broken else "the journal has no status"
        assert (said["status"], said["why"]) == ("none", why)
    for path in (tmp_path / "none.json", tmp_path):
        assert read_journal(path).why == "the journal is missing"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["status", "before", "activity", "name", "probes", "steady_state_met"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(["status", "deviated", "steady_states", "run", "rollbacks"]), json_values))
def test_no_journal_raises(parts: dict[str, Any]) -> None:
    """Whatever JSON stands where a journal has its parts."""
    with TemporaryDirectory() as directory:
        read(json.dumps(parts), Path(directory))
