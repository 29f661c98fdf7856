"""Amounts as Kubernetes writes them, and what is the harness's own."""

from __future__ import annotations

import pytest
from kubernetes.utils.quantity import parse_quantity

from harness.errors import UsageError
from harness.targets.cluster.amounts import amount
from harness.targets.cluster.own import OWN, is_own
from harness.targets.probe_pods import probe_pod


def test_an_amount_is_that_of_the_official_client(subtests: pytest.Subtests) -> None:
    """For each form of the API."""
    for text in ["500m", "1Gi", "-1.5", ".5", "1.", "+2k", "1e3", "1E3", "1E", "12Ei", "1e-2", "100n", "7u", "0"]:
        with subtests.test(text):
            assert amount(text) == parse_quantity(text)  # type: ignore[no-untyped-call]


def test_any_other_text_is_refused(subtests: pytest.Subtests) -> None:
    """With how to write it; some of them the official client reads as numbers."""
    for text in ["much", "", "Infinity", "NaN", "1_000", "1K", "1ki", "1e999", " 1", "1\n", "٣"]:
        with subtests.test(text):
            with pytest.raises(UsageError, match=f"`{text}` is not a Kubernetes quantity") as raised:
                amount(text)
            assert raised.value.hint == "write it like `500m` or `512Mi`"


@pytest.mark.parametrize(
    ("labels", "own"),
    [({**OWN, "app": "probe"}, True), ({"app.kubernetes.io/managed-by": "Helm"}, False), ({}, False), (None, False)],
)
def test_what_carries_the_label_is_the_harnesss_own(labels: dict[str, str] | None, *, own: bool) -> None:
    """An object without labels is not."""
    assert is_own({"metadata": {"labels": labels}}) is own


def test_a_probe_pod_is_the_harnesss_own() -> None:
    """Whatever labels it is given."""
    assert is_own(probe_pod("probe", "north", {"app.kubernetes.io/managed-by": "Helm"}, "python:3", ["true"]))
