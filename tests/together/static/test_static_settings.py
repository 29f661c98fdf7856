"""Settings of workloads whatever their kind and however they are given: projected maps, bytes, operators' kinds, values of a chart."""

from __future__ import annotations

import pytest

from tests.together.static.conftest import PaperPlatform, bad
from tests.together.static.test_static_rows import overlays, workload

_EQUAL = workload("Deployment", "web", "shop", "env: []")
_MOUNTED = """\
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      volumes: [{name: v, %s}]
      containers: [{name: web, image: 'shop:1', volumeMounts: [{name: v, mountPath: /etc/web}]}]
"""
_PROJECTED = _MOUNTED % "projected: {sources: [{configMap: {name: c, items: [{key: a, path: b}]}}]}"
_MAP = "---\nkind: ConfigMap\nmetadata: {name: c, namespace: shop}\n%s\n"
_CONTAINER = "name: k, image: 'k:1', env: [{name: A, value: '%s'}]"
_KINDS = {
    "ScaledJob": "{jobTargetRef: {template: {spec: {containers: [{%s}]}}}}",
    "CronWorkflow": "{workflowSpec: {templates: [{name: a, container: {%s}}]}}",
    "RayCluster": "{head: {template: {spec: {containers: [{name: k, image: 'k:1'}]}}}, workers: [{template: {spec: {containers: [{%s}]}}}]}",
}
_RELEASE = "kind: HelmRelease\nmetadata: {name: k, namespace: shop}\nspec: %s\n"


def differences(platform: PaperPlatform, staging: str, production: str) -> list[tuple[str, bool | None]]:
    """What is not equal, beside a Deployment that is, by its workload, container and name."""
    overlays(platform, staging=f"{_EQUAL}---\n{staging}", production=f"{_EQUAL}---\n{production}")
    return [(subject.split(" ", 1)[1], ok) for subject, ok in bad(platform.row("AT-STG-CONFIG"))]


@pytest.mark.parametrize(
    ("mounted", "data", "name"),
    [
        (_PROJECTED, ("data: {a: x}", "data: {a: y}"), "/etc/web/b"),
        (_PROJECTED, ("data: {a: x, c: x}", "data: {a: x, c: y}"), ""),
        (_MOUNTED % "configMap: {name: c}", ("binaryData: {a: eA==}", "binaryData: {a: eQ==}"), "/etc/web/a"),
        (_PROJECTED, ("binaryData: {a: eA==}", "binaryData: {a: eQ==}"), "/etc/web/b"),
    ],
)
def test_files_of_a_map_however_it_is_mounted(
    platform: PaperPlatform, mounted: str, data: tuple[str, str], name: str
) -> None:
    """Projected, under another path, and as bytes; a key that is not mounted is no setting."""
    staging, production = (mounted + _MAP % one for one in data)
    overlays(platform, staging=staging, production=production)
    found = [(subject.split(" ", 1)[1], ok) for subject, ok in bad(platform.row("AT-STG-CONFIG"))]
    assert found == ([(f"Deployment web web file {name}", False)] if name else [])


@pytest.mark.parametrize("kind", _KINDS)
def test_containers_of_a_kind_that_is_not_understood_are_compared(platform: PaperPlatform, kind: str) -> None:
    """At any depth; what such an object has beside them is unknown where it differs, and named."""
    text = f"kind: {kind}\nmetadata: {{name: j, namespace: shop}}\nspec: {_KINDS[kind] % _CONTAINER}\n"
    assert differences(platform, text % "1", text % "1") == []
    [(subject, ok)] = differences(platform, text % "1", text % "2")
    assert (subject.startswith(f"{kind} j "), subject.endswith("k A"), ok) == (True, True, False)
    more = text.replace("spec: {", "spec: {most: 4, ")
    assert differences(platform, text % "1", more % "1") == [(f"{kind} j  spec", None)]
    observed = next(fact.observed for fact in platform.row("AT-STG-CONFIG") if fact.ok is None)
    assert f"the kind {kind} is not understood; hint: add `j spec` to `differ` where it may" in observed
    platform.edit("registers/settings.yaml", "differ:", "differ:\n  - j spec")
    assert bad(platform.row("AT-STG-CONFIG")) == []


@pytest.mark.parametrize(
    ("staging", "production", "found"),
    [
        ("{values: {env: {URL: a}}}", "{values: {env: {URL: a}}}", []),
        ("{values: {env: {URL: a}}}", "{values: {env: {URL: b}}}", [("HelmRelease k  values.env.URL", False)]),
        ("{values: {a: [x]}}", "{values: {a: [x, y]}}", [("HelmRelease k  values.a.1", False)]),
        ("{chart: 1, values: {a: x}}", "{chart: 2, values: {a: x}}", [("HelmRelease k  spec", None)]),
        (
            "{valuesFrom: [{kind: ConfigMap, name: gone}]}",
            "{valuesFrom: [{kind: ConfigMap, name: gone}]}",
            [("HelmRelease k  file valuesFrom", None)],
        ),
    ],
)
def test_values_that_are_handed_to_a_chart_are_settings(
    platform: PaperPlatform, staging: str, production: str, found: list[tuple[str, bool | None]]
) -> None:
    """One by one, and those of a map that is in no file are unknown."""
    assert differences(platform, _RELEASE % staging, _RELEASE % production) == found


def test_a_value_of_a_chart_names_no_other_environment(platform: PaperPlatform) -> None:
    """As an environment variable does not."""
    text = _RELEASE % "{values: {url: 'https://%s.test'}}"
    overlays(platform, staging=text % "staging", production=text % "staging")
    [(subject, ok)] = bad(platform.row("AT-ENV-CONFIG"))
    assert (subject.startswith("production: "), subject.endswith("values.url"), ok) == (True, True, False)


def test_a_schema_of_values_is_no_setting(platform: PaperPlatform) -> None:
    """A definition of a kind that has them declares none."""
    text = "kind: CustomResourceDefinition\nmetadata: {name: k}\nspec: {properties: {values: {type: %s}, env: {type: x}}}\n"
    assert differences(platform, text % "a", text % "b") == []
