"""The package is discovered by Chaos Toolkit as any extension is: by its command, with names, arguments, types and descriptions."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness.chaos import actions, probes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def discovery(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the command writes."""
    file: Path = tmp_path_factory.mktemp("discovery") / "discovery.json"
    chaos = [sys.executable, "-m", "chaostoolkit", "--no-version-check", "--no-log-file"]
    command = [*chaos, "discover", "--no-install", "--discovery-path", str(file), "readiness-harness"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, file.exists()) == (0, True), done.stderr
    return json.loads(file.read_bytes())


def test_the_command_finds_every_action_and_probe(discovery: Any) -> None:
    """Under the name and the version of the distribution, with the modules that experiment files name."""
    assert discovery["extension"] == {"name": "readiness-harness", "version": harness.__version__}
    found = [(one["type"], one["mod"], one["name"]) for one in discovery["activities"]]
    expected = [("action", "harness.chaos.actions", name) for name in sorted(actions.__all__)]
    assert found == [*expected, *(("probe", "harness.chaos.probes", name) for name in sorted(probes.__all__))]


def test_each_has_a_description_and_arguments_with_types_and_defaults(discovery: Any) -> None:
    """No type is `object`, which Chaos Toolkit writes for one that it does not know; every argument is among them."""
    for one in discovery["activities"]:
        function = getattr(actions if one["type"] == "action" else probes, one["name"])
        parameters = inspect.signature(function).parameters
        assert one["doc"] == inspect.getdoc(function)
        assert [argument["name"] for argument in one["arguments"]] == [*parameters]
        types = {argument["type"] for argument in one["arguments"]}
        assert {*types, one["return_type"]} <= {"string", "number", "integer", "boolean", "list", "mapping"}
        defaults = {argument["name"]: argument["default"] for argument in one["arguments"] if "default" in argument}
        assert defaults == {
            name: parameter.default
            for name, parameter in parameters.items()
            if parameter.default is not parameter.empty
        }


def test_one_of_them_in_full(discovery: Any) -> None:
    """As an editor of experiments shows it."""
    (one,) = [each for each in discovery["activities"] if each["name"] == "lock_tables"]
    assert {key: one[key] for key in ("type", "mod", "arguments", "return_type")} == {
        "type": "action",
        "mod": "harness.chaos.actions",
        "arguments": [
            {"name": "tables", "type": "list"},
            {"name": "held_s", "type": "number", "default": 2.0},
            {"name": "free_s", "type": "number", "default": 0.5},
        ],
        "return_type": "mapping",
    }


def test_actions_need_no_driver_of_a_database() -> None:
    """`hold` in a project without one: what locks tables imports it where it is called."""
    code = "import sys; sys.modules['psycopg'] = None; import harness.chaos.actions"
    subprocess.run([sys.executable, "-c", code], timeout=120, check=True)
