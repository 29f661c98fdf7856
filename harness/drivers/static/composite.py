"""Composite actions of GitHub in the repository of a workflow: their steps are in the place of the step that uses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from harness.drivers.static.called import filled, string_input, written
from harness.drivers.static.jobs import mapping_of
from harness.yamlfile import YamlDocument


class CompositeAction(NamedTuple):
    """An action with its inputs filled in, and its file from where the target file is."""

    document: YamlDocument
    file: str


ActionReader = Callable[[str, Mapping[str, str]], CompositeAction | None]
"""`uses` and inputs → the composite action of the repository; None where it is not one, or is not read."""


def with_action_inputs(document: YamlDocument, given: Mapping[str, str]) -> YamlDocument | None:
    """A composite action with its inputs, which are all texts: those that are given, else their defaults; None where it is no such action."""
    runs = mapping_of(mapping_of(document.data).get("runs"))
    steps = runs.get("steps")
    if (
        runs.get("using") != "composite"
        or not isinstance(steps, list)
        or not all(isinstance(one, dict) for one in steps)
    ):
        return None
    values = {name.lower(): value for name, value in given.items()}
    inputs = {
        name.lower(): string_input(values.get(name.lower(), written(mapping_of(one).get("default"))))
        for name, one in mapping_of(document.data.get("inputs")).items()
    }
    return replace(document, data={**document.data, "runs": filled(runs, inputs)})
