"""Settings of workloads whatever their kind and however they are given: projected maps, bytes, operators' kinds, values of a chart."""

from __future__ import annotations

import shutil
from pathlib import Path

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


_FIELD = "resources: {limits: {memory: %s}}, env: [{name: A, valueFrom: {resourceFieldRef: {resource: %s}}}]"
_KEYED = "env: [{name: A, valueFrom: {fileKeyRef: {volumeName: v, path: %s, key: A}}}]"


def test_where_a_variable_has_its_value_from(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """An amount of its resources is compared as an amount; a source that is not understood is unknown."""
    for staging, production, ok in [
        (_FIELD % ("1Gi", "limits.memory"), _FIELD % ("1024Mi", "limits.memory"), True),
        (_FIELD % ("1Gi", "limits.memory"), _FIELD % ("2Gi", "limits.memory"), False),
        (_FIELD % ("1Gi", "limits.memory"), _FIELD % ("1Gi", "limits.cpu"), False),
        (_FIELD % ("1Gi", "limits.cpu"), _FIELD % ("1Gi", "requests.cpu"), False),
        (_KEYED % "a.env", _KEYED % "b.env", None),
        (_KEYED % "a.env", _KEYED % "a.env", None),
        ("env: [{name: A, valueFrom: {}}]", "env: [{name: A, valueFrom: {}}]", None),
        ("env: [{name: A, value: ''}]", "env: [{name: A, value: ''}]", True),
    ]:
        with subtests.test(staging=staging, production=production):
            texts = [workload("Deployment", "api", "shop", one) for one in (staging, production)]
            assert differences(platform, *texts) == ([] if ok else [("Deployment api api A", ok)])


def test_one_pod_runs_where_their_number_is_not_set(platform: PaperPlatform) -> None:
    """Of a Deployment; a kind that is not understood has none."""
    for kind, found in (("Deployment", []), ("RedisFailover", [("RedisFailover api  replicas", False)])):
        text = workload(kind, "api", "shop", "env: []").replace("replicas: 2", "replicas: 1")
        assert differences(platform, text.replace("replicas: 1, ", ""), text) == found


@pytest.mark.parametrize(
    ("mount", "names"),
    [
        ("subPath: a", ["/etc/web"]),
        ("subPath: d", ["/etc/web/b", "/etc/web/c"]),
        ("subPath: d/b", ["/etc/web"]),
        ("subPathExpr: a", ["/etc/web"]),
        ("readOnly: true", ["/etc/web/a", "/etc/web/d/b", "/etc/web/d/c"]),
    ],
)
def test_a_part_of_a_volume_is_the_file_or_directory_that_it_names(
    platform: PaperPlatform, mount: str, names: list[str]
) -> None:
    """Another file of it is no setting."""
    items = "items: [{key: a, path: a}, {key: b, path: d/b}, {key: c, path: d/c}]"
    text = (_MOUNTED % f"configMap: {{name: c, {items}}}").replace("/etc/web}", f"/etc/web, {mount}}}")
    overlays(
        platform, **{one: text + _MAP % f"data: {{a: {one}, b: {one}, c: {one}}}" for one in ("staging", "production")}
    )
    found = [subject.rpartition(" ")[2] for subject, ok in bad(platform.row("AT-STG-CONFIG")) if ok is False]
    assert found == names


def test_a_part_of_a_volume_by_a_variable_is_unknown(platform: PaperPlatform) -> None:
    """It may be any of its files."""
    text = (_MOUNTED % "configMap: {name: c}").replace("/etc/web}", "/etc/web, subPathExpr: $(POD)}")
    overlays(platform, **dict.fromkeys(("staging", "production"), text + _MAP % "data: {a: b}"))
    assert [ok for _, ok in bad(platform.row("AT-STG-CONFIG"))] == [None]


def test_a_value_that_denies_an_environment_may_name_another(
    platform: PaperPlatform, pristine: Path, subtests: pytest.Subtests
) -> None:
    """Unknown, until the register says that the setting is a mode."""
    for value, ok in [
        ("https://production.test", False),
        ("non-production", None),
        ("--no-sandbox", None),
        ("pre_production", None),
        ("non-production, then production", False),
        ("casino-production", False),
        ("reproduction", True),
        ("", True),
    ]:
        with subtests.test(value=value):
            shutil.copyfile(pristine / "registers/settings.yaml", platform.root / "registers/settings.yaml")
            text = workload("Deployment", "api", "shop", f"env: [{{name: A, value: '{value}'}}]")
            overlays(platform, staging=text)
            assert [fact.ok for fact in platform.row("AT-ENV-CONFIG")] == [ok]
            platform.edit("registers/settings.yaml", "modes: [", "modes: [A, ")
            assert bad(platform.row("AT-ENV-CONFIG")) == []
