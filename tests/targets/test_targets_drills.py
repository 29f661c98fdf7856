"""The section `drills` of a target file: what is wrong is said with file, line, key and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigurationError
from harness.targets import load_target

BEFORE = "name: shop\nenvironment: staging\nentry: https://shop.example.test\n"
CLUSTER = "kubernetes: {context: shop, namespace: shop}\n"
VELERO = (
    "namespace: velero, schedule: nightly, source_namespace: shop, labels: {app: db}, scratch_namespace: shop-drill"
)
SNAPSHOT = "namespace: shop, claim: data-0, scratch_claim: data-drill"
NAMED = "namespace: shop, cluster: main, scratch_cluster: main-drill"


def pod(*volumes: str) -> str:
    """A spec with these volumes."""
    return f"pod: {{containers: [{{name: a}}], volumes: [{', '.join(f'{{name: v, {one}}}' for one in volumes)}]}}"


COPY = "persistentVolumeClaim: {claimName: data-drill}"


def drill(tmp_path: Path, words: str, before: str = CLUSTER) -> Path:
    """A target file with one drill."""
    file = tmp_path / "target.yaml"
    file.write_text(f"{BEFORE}{before}drills:\n  orders: {{scratch: {{env: DSN}}, {words}}}\n", encoding="utf-8")
    return file


def test_a_drill_by_resources_makes_a_backup_unless_it_takes_the_newest(tmp_path: Path) -> None:
    """So does one by commands that has `make`."""
    for words, makes in (
        (f"cloudnative-pg: {{{NAMED}}}", True),
        (f"cloudnative-pg: {{{NAMED}, backup: newest}}", False),
        (f"velero: {{{VELERO}}}", True),
        (f"velero: {{{VELERO}, backup: newest}}", False),
        (f"volume-snapshot: {{{SNAPSHOT}, {pod(COPY, 'emptyDir: {}')}}}", True),
        ("restore: {command: [a]}, remove: {command: [b]}", False),
        ("make: {command: [c]}, restore: {command: [a]}, remove: {command: [b]}", True),
    ):
        assert load_target(drill(tmp_path, words)).drills["orders"].makes is makes


def test_a_drill_that_cannot_be_is_refused(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """With its line, and what was expected."""
    for words, why in [
        ("restore: {command: [a]}", "`remove`, which removes the scratch database"),
        ("remove: {command: [b]}", "one of `restore` and `until`, or both; or one of `cloudnative-pg`, `velero`"),
        ("until: {command: [a]}, remove: {command: [b]}", "`until` with `{time}` in its command"),
        (
            f"remove: {{command: [b]}}, cloudnative-pg: {{{NAMED}}}",
            "commands or one of `cloudnative-pg`, `velero` and `volume-snapshot`, not several",
        ),
        (f"cloudnative-pg: {{{NAMED}, method: plugin}}", "`method: plugin` and `plugin` together"),
        (f"cloudnative-pg: {{{NAMED}, plugin: barman}}", "`method: plugin` and `plugin` together"),
        (f"cloudnative-pg: {{{NAMED.replace('main-drill', 'main')}}}", "a `scratch_cluster` other than `cluster`"),
        (f"cloudnative-pg: {{{NAMED.replace('main-drill', 'Main')}}}", "the name of a Cluster"),
        (f"cloudnative-pg: {{{NAMED}, backup: old}}", "new"),
        (f"cloudnative-pg: {{{NAMED}, scratch: x}}", "unknown key `scratch`"),
        (f"velero: {{{VELERO}}}, cloudnative-pg: {{{NAMED}}}", "not several"),
        (f"velero: {{{VELERO.replace('shop-drill', 'shop')}}}", "a `scratch_namespace` other than `source_namespace`"),
        (f"velero: {{{VELERO.replace('shop-drill', 'velero')}}}", "a `scratch_namespace` other than"),
        (f"velero: {{{VELERO.replace('shop-drill', 'Shop')}}}", "the name of an object"),
        (f"velero: {{{VELERO.replace('{app: db}', '{}')}}}", "drills.orders.velero.labels"),
        (f"volume-snapshot: {{{SNAPSHOT.replace('data-drill', 'data-0')}, {pod(COPY)}}}", "other than `claim`"),
        (f"volume-snapshot: {{{SNAPSHOT}, {pod('emptyDir: {}')}}}", "`pod` with one volume of a claim"),
        (f"volume-snapshot: {{{SNAPSHOT}, pod: {{}}}}", "`pod` with one volume of a claim"),
        (
            f"volume-snapshot: {{{SNAPSHOT}, {pod(COPY, COPY.replace('data-drill', 'data-0'))}}}",
            "`pod` with one volume of a claim, whose `claimName` is the `scratch_claim`",
        ),
        (f"volume-snapshot: {{{SNAPSHOT}, {pod(COPY, 'hostPath: {path: /data}')}}}", "`pod` with volumes of configMap"),
    ]:
        with subtests.test(words):
            with pytest.raises(ConfigurationError) as refused:
                load_target(drill(tmp_path, words))
            assert "target.yaml:6: drills.orders" in str(refused.value)
            assert why in str(refused.value)


def test_a_drill_by_resources_needs_a_cluster(tmp_path: Path) -> None:
    """The target names none."""
    for key, words in (
        ("cloudnative-pg", NAMED),
        ("velero", VELERO),
        ("volume-snapshot", f"{SNAPSHOT}, {pod(COPY)}"),
    ):
        with pytest.raises(ConfigurationError, match="the target names no cluster") as refused:
            load_target(drill(tmp_path, f"{key}: {{{words}}}", before=""))
        assert f"target.yaml:5: drills.orders.{key}" in str(refused.value)
