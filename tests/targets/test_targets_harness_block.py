"""The block of an experiment file, and the probes that it may name, as driver and child read them."""

from __future__ import annotations

from typing import Any

from harness.targets.files.harness_block import HarnessBlock, block_index, harness_block, probes_of_method


def probe(name: Any, url: str = "http://127.0.0.1") -> dict[str, Any]:
    """A probe by HTTP."""
    return {"type": "probe", "name": name, "provider": {"type": "http", "url": url}}


def test_the_probes_of_the_method_are_its_own_and_those_it_refers_to() -> None:
    """By names that are texts; of two with one name the first counts, and one of the method before one of the hypothesis.

    A file without probes names none, whatever stands where a file has its parts.
    """
    bare: list[dict[str, Any]] = [{}, {"method": None, "steady-state-hypothesis": []}, {"method": [{"ref": 1}]}]
    assert [probes_of_method(one) for one in bare] == [{}] * 3
    experiment = {
        "method": [
            {"ref": "ready"},
            probe("gone"),
            probe("gone", "http://127.0.0.2"),
            probe(5),
            probe(""),
            "no activity",
        ],
        "steady-state-hypothesis": {"probes": [probe("ready"), probe("gone"), probe("other"), None]},
        "rollbacks": [probe("ready"), probe("back")],
    }
    found = probes_of_method(experiment)
    assert {name: place for name, (place, _) in found.items()} == {
        "gone": ("method", 1),
        "5": ("method", 3),
        "ready": ("steady-state-hypothesis", "probes", 0),
    }
    assert found["gone"][1] == probe("gone")


def test_the_block_is_the_extension_of_our_name() -> None:
    """A fault may take 10 s to be confirmed where the file does not say it; a foreign file has no block."""
    experiment = {"extensions": [None, {"name": "other"}, {"name": "harness", "domain": "pod"}]}
    assert block_index(experiment) == 2
    assert harness_block(experiment) == HarnessBlock(name="harness", domain="pod")
    assert HarnessBlock(name="harness", domain="pod").within_s == 10.0
    assert [(block_index(one), harness_block(one)) for one in ({}, {"extensions": "harness"})] == [(None, None)] * 2
