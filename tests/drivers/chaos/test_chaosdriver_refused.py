"""What of an experiment file is refused when it is read, held against Chaos Toolkit's own check."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from chaoslib.exceptions import ChaosException
from chaoslib.experiment import ensure_experiment_is_valid
from chaoslib.hypothesis import run_steady_state_hypothesis, within_tolerance
from chaoslib.run import EventHandlerRegistry

from harness.drivers.chaos import find_experiments, load_experiment

PROBE = "{type: probe, name: near, provider: {type: python, module: near_enough, func: fits, arguments: {value: 0}}}"
TOLERATED = f"""\
title: t
description: d
steady-state-hypothesis:
  title: h
  probes:
    - {{type: probe, name: up, tolerance: {PROBE}, provider: {{type: process, path: "true"}}}}
method: []
"""
AT = "a.yaml:6: steady-state-hypothesis.probes[0].tolerance"


def refused(directory: Path, text: str) -> str:
    """Why a file is not used; empty where it is. Every other file of its directory is read as before."""
    (directory / "a.yaml").write_text(text, encoding="utf-8")
    error = find_experiments([directory]).broken.get("a")
    return "" if error is None else str(error).replace(f"{directory}/", "")


def test_a_tolerance_may_be_a_probe_of_a_module_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the child finds it; the module is not imported here. In the child Chaos Toolkit accepts the file."""
    module = tmp_path / "near_enough.py"
    module.write_text("def fits(value):\n    return True\n", encoding="utf-8")
    assert refused(tmp_path, TOLERATED) == ""
    assert load_experiment("a", [tmp_path]).name == "a"
    assert "near_enough" not in sys.modules
    monkeypatch.syspath_prepend(tmp_path)
    ensure_experiment_is_valid(yaml.safe_load(TOLERATED))
    del sys.modules["near_enough"]


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("near_enough", "nowhere_near", f"{AT}.provider.module: the module `nowhere_near` is not installed\n  hint: install the package of the module, put the module into the directory of the experiment, or correct the name"),
        ("func: fits", "func: fit", f"{AT}.provider.func: `near_enough` has no function `fit`\n  hint: did you mean `fits`?"),
        ("name: near, ", "", f"{AT}: the key `name` is missing\n  hint: write `name: …`"),
        ("value: 0", "", f"{AT}.provider.arguments: `fits` needs the argument `value`\n  hint: write `arguments: {{value: …}}`"),
        (PROBE, "{type: probe, name: near, provider: [1]}", f"{AT}.provider: a provider must be a mapping\n  hint: write `provider: {{type: python, module: …, func: …}}`"),
        (PROBE, "{type: regex, pattern: 'a{99999999999999999999}'}", f"{AT}: Chaos Toolkit does not know this tolerance: the repetition number is too large\n  hint: write a value, a list, or a mapping with `type: regex`, `jsonpath`, `range` or `probe`"),
    ],
)  # fmt: skip
def test_a_tolerance_that_chaos_toolkit_would_refuse_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str, said: str
) -> None:
    """As an activity is, with file, line and key. Chaos Toolkit's own check fails on each of them."""
    (tmp_path / "near_enough.py").write_text("def fits(value):\n    return True\n", encoding="utf-8")
    assert right in TOLERATED
    text = TOLERATED.replace(right, wrong)
    assert refused(tmp_path, text) == said
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises((ChaosException, AttributeError, OverflowError)):
        ensure_experiment_is_valid(yaml.safe_load(text))
    sys.modules.pop("near_enough", None)


def test_a_probe_as_a_tolerance_needs_arguments_for_the_value(tmp_path: Path) -> None:
    """Chaos Toolkit accepts it without them, and then fails where it adds the value."""
    (tmp_path / "near_enough.py").write_text("def fits(value=None):\n    return True\n", encoding="utf-8")
    program = PROBE.replace(", arguments: {value: 0}", "")
    said = f"{AT}.provider: the tolerance needs `arguments`, a mapping\n  hint: write `arguments: {{value: 0}}`; Chaos Toolkit replaces `value` with the result of the probe"
    assert refused(tmp_path, TOLERATED.replace(PROBE, program)) == said


@pytest.mark.parametrize(
    ("kind", "provider"),
    [("process", "path: 'false', arguments: {value: 0}"), ("http", "url: 'http://127.0.0.1:9', arguments: {value: 0}")],
)
def test_a_program_or_a_request_as_a_tolerance_is_refused(tmp_path: Path, kind: str, provider: str) -> None:
    """Chaos Toolkit asks whether what it returned is empty, and a status with its output never is: `false` would be a yes."""
    tolerance = f"{{type: probe, name: near, provider: {{type: {kind}, {provider}}}}}"
    said = f"{AT}.provider: a tolerance with a {kind} provider always succeeds, also after an error\n  hint: write `tolerance: 0` for an exit code, `tolerance: 200` for a status, or a probe that is a python function"
    assert refused(tmp_path, TOLERATED.replace(PROBE, tolerance)) == said
    if kind == "process":
        assert within_tolerance(yaml.safe_load(tolerance), {"status": 1}, {}, {}) is True


@pytest.mark.parametrize("part", ["configuration", "secrets", "controls", "rollbacks"])
def test_a_part_without_a_value_is_refused(tmp_path: Path, part: str) -> None:
    """As when everything below the key is a comment: Chaos Toolkit fails on it before it does anything."""
    text = f"title: t\ndescription: d\nmethod: []\n{part}:\n  # - {{ref: nothing}}\n"
    said = f"a.yaml:4: {part}: `{part}` has no value\n  hint: remove the key, or write its value below it"
    assert refused(tmp_path, text) == said
    experiment = yaml.safe_load(text)
    with pytest.raises((TypeError, AttributeError)):
        ensure_experiment_is_valid(experiment)
    assert refused(tmp_path, text.replace(f"{part}:", "extensions:\ntags:")) == ""


def test_a_hypothesis_without_a_value_for_its_probes_is_refused(tmp_path: Path) -> None:
    """Chaos Toolkit accepts the file, and fails when it asks the probes."""
    text = "title: t\ndescription: d\nsteady-state-hypothesis:\n  title: h\n  probes:\nmethod: []\n"
    said = "a.yaml:5: steady-state-hypothesis.probes: `probes` has no value\n  hint: remove the key, or write its value below it"
    assert refused(tmp_path, text) == said
    with pytest.raises(TypeError):
        run_steady_state_hypothesis(yaml.safe_load(text), {}, {}, None, EventHandlerRegistry())


def test_an_empty_value_of_another_type_is_no_mapping(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """An error of this file alone: of a hypothesis it ended every command that reads experiments."""
    for part in ["steady-state-hypothesis", "configuration", "secrets"]:
        for empty in ["[]", "''", "false", "0"]:
            with subtests.test(part=part, empty=empty):
                text = f"title: t\ndescription: d\n{part}: {empty}\nmethod: []\n"
                said = f"a.yaml:3: {part}: `{part}` must be a mapping\n  hint: write `{part}: {{name: value}}`"
                assert refused(tmp_path, text) == said
                with pytest.raises(AttributeError):
                    ensure_experiment_is_valid(yaml.safe_load(text))


def test_a_variable_without_its_name_is_explained(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """It was named as a variable that is not set, without a name."""
    for part, taken, said in [
        ("configuration", "{type: env, default: x}", "configuration.a: the key `key` is missing\n  hint: write `key: NAME` of an environment variable"),
        ("configuration", "{type: env, key: 5, default: x}", "configuration.a.key: `5` is not the name of an environment variable\n  hint: write `key: NAME`"),
        ("secrets", "{b: {type: env}}", "secrets.a.b: the key `key` is missing\n  hint: write `key: NAME` of an environment variable"),
    ]:  # fmt: skip
        with subtests.test(part=part, taken=taken):
            text = f"title: t\ndescription: d\n{part}: {{a: {taken}}}\nmethod: []\n"
            assert refused(tmp_path, text) == f"a.yaml:3: {said}"
            with pytest.raises((KeyError, TypeError)):
                ensure_experiment_is_valid(yaml.safe_load(text))


def test_a_name_that_is_no_text_is_not_a_missing_one(tmp_path: Path) -> None:
    """The message says what is wrong with it."""
    text = TOLERATED.replace("name: up", "name: [up]")
    at = "a.yaml:6: steady-state-hypothesis.probes[0].name"
    assert refused(tmp_path, text) == f"{at}: `name` is ['up'], expected text\n  hint: write `name: …`"


def test_of_pauses_only_those_count_that_chaos_toolkit_reads(tmp_path: Path) -> None:
    """A note beside them is text; a pause is a number of seconds or the name of a variable."""
    program = "{type: action, name: a, pauses: {before: 3, note: why}, provider: {type: process, path: 'true'}}"
    text = f"title: t\ndescription: d\nmethod:\n  - {program}\n"
    ensure_experiment_is_valid(yaml.safe_load(text))
    assert refused(tmp_path, text) == ""
    assert refused(tmp_path, text.replace("note:", "after:")) == (
        "a.yaml:4: method[0].pauses.after: `why` is not a number of seconds\n  hint: write it like `after: 3`"
    )
