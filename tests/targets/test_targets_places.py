"""Where a target's services are: regions, contexts and namespaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.drivers.scale.scaled import _primary
from harness.errors import ConfigurationError
from harness.targets import Target, load_target
from harness.targets.kubernetes import Cluster
from harness.targets.places import Clusters, common_namespace, every_place, namespaces, primary_namespace

CLUSTER = "kubernetes: {context: common, namespace: shop, namespaces: [tools]}\n"


def target(directory: Path, more: str) -> Target:
    """A target file with these keys."""
    file = directory / "target.yaml"
    file.write_text(f"name: shop\nenvironment: staging\nentry: https://a.test\n{more}", encoding="utf-8")
    return load_target(file)


def test_a_target_in_another_context_is_the_same_target(tmp_path: Path) -> None:
    """Its file stays known; the original is as it was, and one without a cluster has no context to change."""
    common = target(tmp_path, CLUSTER)
    there = common.in_context("north")
    assert there.kubernetes
    assert common.kubernetes
    assert (there.kubernetes.context, there.kubernetes.namespace, there.file) == ("north", "shop", common.file)
    assert common.kubernetes.context == "common"
    assert common.in_context("common") is common
    without = target(tmp_path, "")
    assert without.in_context("north") is without


def test_the_cluster_of_a_region_is_that_of_its_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each context once; a region that names none, and one that is not declared, have the common one."""
    made: list[str] = []

    def of(reached: Target) -> str:
        assert reached.kubernetes
        made.append(reached.kubernetes.context)
        return reached.kubernetes.context

    monkeypatch.setattr(Cluster, "of", of)
    clusters = Clusters(target(tmp_path, f"{CLUSTER}regions: {{eu: {{context: north}}, us: {{}}}}\n"))
    assert [str(clusters.of(region)) for region in ("eu", "us", "eu", "none")] == ["north", "common", "north", "common"]
    assert made == ["north", "common"]


def test_namespaces_are_those_of_the_regions_else_the_common_one(tmp_path: Path) -> None:
    """The primary namespace is the primary region's, else the first region's; every place is named once. Without a cluster the key to add is named."""
    with pytest.raises(ConfigurationError, match="the target file has no cluster") as raised:
        namespaces(target(tmp_path, ""))
    assert raised.value.hint == "write `kubernetes: {context: …}`"
    alone = target(tmp_path, CLUSTER)
    assert (namespaces(alone), primary_namespace(alone)) == ({"shop": "shop"}, "shop")
    regions = "regions: {us: {namespace: b}, eu: {namespace: a}, asia: {}}\n"
    several = target(tmp_path, f"{CLUSTER}{regions}primary_region: asia\n")
    assert namespaces(several) == {"us": "b", "eu": "a"}
    assert (primary_namespace(several), common_namespace(several)) == ("b", "shop")
    assert every_place(several) == [("us", "b"), ("eu", "a"), ("", "shop"), ("", "tools")]


@pytest.mark.parametrize(
    ("regions", "reached"),
    [
        ("", "common/shop"),
        ("regions: {us: {namespace: b}}\n", "common/shop"),
        ("regions: {us: {namespace: b}, eu: {context: north}}\nprimary_region: eu\n", "north/shop"),
        ("regions: {us: {namespace: b}, eu: {namespace: a}}\nprimary_region: eu\n", "common/a"),
    ],
)
def test_what_is_scaled_is_in_the_primary_region_or_the_common_namespace(
    regions: str, reached: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never in the namespace of another region."""
    monkeypatch.setattr(Cluster, "of", lambda there: there.kubernetes.context)
    cluster, namespace = _primary(target(tmp_path, CLUSTER + regions))
    assert f"{cluster}/{namespace}" == reached
