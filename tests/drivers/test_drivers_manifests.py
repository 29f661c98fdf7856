"""Manifests and kustomize directories: what is declared, as `kubectl kustomize` would print it."""

from __future__ import annotations

import random
import shutil
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from harness.drivers.manifests import declared
from harness.errors import ConfigurationError, HarnessError

ROOT = Path(__file__).parents[2]
KUBECTL = shutil.which("kubectl")


def write(root: Path, **files: str) -> Path:
    """Files of a directory; `__` in a name is a slash, `_yaml` its end."""
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def built(directory: Path, *, exact: bool = False) -> list[dict[str, Any]]:
    """The objects that are declared, which are those that `kubectl kustomize` prints where there is one."""
    found = [one.content for one in declared([directory], exact=exact)]
    if KUBECTL:
        assert _by_name(_kubectl(directory)) == _by_name(deepcopy(found))
    return found


def refused(directory: Path) -> ConfigurationError:
    """Why a directory is refused, as kubectl refuses it."""
    with pytest.raises(ConfigurationError) as raised:
        declared([directory])
    if KUBECTL:
        with pytest.raises(subprocess.CalledProcessError):
            _kubectl(directory)
    return raised.value


DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: "registry:5000/web:1", env: [{name: A, value: "1"}]}
"""


def test_every_document_is_an_object_with_its_place(tmp_path: Path) -> None:
    """Lists are taken apart, empty documents are nothing, other files are left."""
    write(tmp_path, a=f"---\n{DEPLOYMENT}---\nkind: List\nitems:\n  - {{kind: A, metadata: {{name: b}}}}\n")
    (tmp_path / "README.md").write_text("no manifest")
    found = declared([tmp_path])
    assert [(one.kind, one.name, one.place.rpartition(":")[2]) for one in found] == [
        ("Deployment", "web", "3"),
        ("A", "b", "16"),
    ]


def test_the_transformers_do_what_kustomize_does(tmp_path: Path) -> None:
    """Namespace, labels, annotations, images, replicas, patches, generated ConfigMaps; patches before images and replicas, though they are written last."""
    write(
        tmp_path,
        base__web=DEPLOYMENT,
        base__kustomization="resources: [web.yaml]\n",
        over__patch="apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, annotations: {b: c}}\nspec: {replicas: 2, template: {spec: {containers: "
        '[{name: web, image: "registry:5000/shop:1", env: [{name: B, value: x}]}]}}}\n',
        over__kustomization="""
namespace: shop
resources: [../base]
labels: [{pairs: {team: a}, includeTemplates: true}]
commonAnnotations: {note: d}
images: [{name: "registry:5000/shop", newTag: "2"}]
replicas: [{name: web, count: 3}]
configMapGenerator: [{name: settings, literals: [K=V]}]
generatorOptions: {disableNameSuffixHash: true}
patches: [{path: patch.yaml}]
""",
    )
    found = {one["kind"]: one for one in built(tmp_path / "over")}
    web, settings = found["Deployment"], found["ConfigMap"]
    assert web["metadata"]["namespace"] == settings["metadata"]["namespace"] == "shop"
    assert web["spec"]["replicas"] == 3
    container = web["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "registry:5000/shop:2"
    assert {one["name"] for one in container["env"]} == {"A", "B"}
    assert web["spec"]["template"]["metadata"]["labels"] == {"app": "web", "team": "a"}
    assert web["metadata"]["annotations"] == {"note": "d", "b": "c"}
    assert settings["data"] == {"K": "V"}


CRON = """
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 1 * * *"
  jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: "registry:5000/web:1"}], restartPolicy: Never}}}}
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: once}
spec: {initContainers: [{name: a, image: "other@sha256:00"}], containers: [{name: b, image: "registry:5000/web:1@sha256:11"}, {name: c, image: other}]}
"""


def test_images_are_set_wherever_a_container_is(tmp_path: Path) -> None:
    """A new tag or digest takes the place of both; in pods and schedules, and in what runs first."""
    digest = f"sha256:{'ab' * 32}"
    write(
        tmp_path,
        d__all=f"{DEPLOYMENT}---{CRON}---{POD}",
        d__kustomization=f"""
resources: [all.yaml]
images:
  - {{name: "registry:5000/web", newName: web, digest: "{digest}"}}
  - {{name: other, newTag: "2"}}
""",
    )
    found = built(tmp_path / "d")
    images = {one["name"]: one["image"] for obj in declared([tmp_path / "d"]) for one in obj.containers}
    assert images == {"web": f"web@{digest}", "a": "other:2", "b": f"web@{digest}", "c": "other:2"}
    assert found[1]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["image"] == f"web@{digest}"


def test_a_patch_may_delete(tmp_path: Path) -> None:
    """An object that is taken away is not declared, whether it is named or a target is."""
    write(
        tmp_path,
        d__all=f"{DEPLOYMENT}---{CRON}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{a: b}}\n",
        d__kustomization="""
resources: [all.yaml]
namespace: shop
patches:
  - patch: |
      {$patch: delete, apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}
  - target: {kind: CronJob}
    patch: |
      {$patch: delete, apiVersion: batch/v1, kind: CronJob, metadata: {name: any}}
""",
    )
    [found] = built(tmp_path / "d")
    assert (found["kind"], found["metadata"]) == ("ConfigMap", {"name": "c", "namespace": "shop"})


@pytest.mark.parametrize(
    ("named", "kept"),
    [
        ("apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: a}", ["v1 b", "v1 ", "v2 "]),
        ("apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: default}", ["v1 a", "v1 b", "v2 "]),
        ("apiVersion: v2, kind: ConfigMap, metadata: {name: c}", ["v1 a", "v1 b", "v1 "]),
    ],
)
def test_a_patch_deletes_the_one_object_that_it_names(tmp_path: Path, named: str, kept: list[str]) -> None:
    """Not one of the same kind and name in another namespace, nor one of another version; no namespace is `default`."""
    objects = "---".join(
        f"\napiVersion: {version}\nkind: ConfigMap\nmetadata: {{name: c{space}}}\n"
        for version, space in (("v1", ", namespace: a"), ("v1", ", namespace: b"), ("v1", ""), ("v2", ""))
    )
    write(
        tmp_path,
        d__all=objects,
        d__kustomization=f"resources: [all.yaml]\npatches:\n  - patch: |\n      {{$patch: delete, {named}}}\n",
    )
    found = [one.content for one in declared([tmp_path / "d"])]
    for objects_of in (found, _kubectl(tmp_path / "d") if KUBECTL else found):
        assert [f"{one['apiVersion']} {one['metadata'].get('namespace', '')}" for one in objects_of] == kept


@pytest.mark.parametrize(
    ("named", "what"),
    [
        ("", "names no object"),
        (", kind: Deployment", "names no object"),
        (", metadata: {name: web}", "names no object"),
        (", apiVersion: apps/v1, kind: Deployment, metadata: {name: gone}", "is of an object that is not among"),
        (", apiVersion: apps/v2, kind: Deployment, metadata: {name: web}", "is of an object that is not among"),
        (
            ", apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}",
            "is of an object that is not among",
        ),
    ],
)
def test_a_patch_of_no_object_is_refused(tmp_path: Path, named: str, what: str) -> None:
    """It would delete all objects, all of a kind or a name, or none; kubectl refuses it. The namespace is set after patches."""
    write(
        tmp_path,
        d__web=DEPLOYMENT,
        d__kustomization=f"resources: [web.yaml]\nnamespace: shop\npatches: [{{patch: '{{$patch: delete{named}}}'}}]\n",
    )
    error = refused(tmp_path / "d")
    assert f"the patch {what}" in error.what
    assert error.where.endswith("kustomization.yaml:3: patches[0]")


def test_generated_config_maps_take_keys_from_their_bases(tmp_path: Path) -> None:
    """`merge` keeps what it does not name, `replace` does not; files go by their names, and options add labels."""
    write(
        tmp_path,
        base__kustomization="""
configMapGenerator:
  - {name: settings, literals: [DB_HOST=db.staging, MODE=a]}
  - {name: other, literals: [A=1]}
generatorOptions: {disableNameSuffixHash: true}
""",
        over__app="level: info\n",
        over__kustomization="""
resources: [../base]
configMapGenerator:
  - {name: settings, behavior: merge, literals: [MODE=b]}
  - {name: other, behavior: replace, env: more.yaml}
  - {name: files, files: [app.yaml, main=app.yaml]}
generatorOptions: {disableNameSuffixHash: true, labels: {team: a}}
""",
        over__more="B=2\n",
    )
    found = {one["metadata"]["name"]: one for one in built(tmp_path / "over", exact=True)}
    assert {name: one["data"] for name, one in found.items()} == {
        "settings": {"DB_HOST": "db.staging", "MODE": "b"},
        "other": {"B": "2"},
        "files": {"app.yaml": "level: info\n", "main": "level: info\n"},
    }


# fmt: off
# Literals, the env file, keys and values; of kustomize's api/krusty/configmaps_test.go and api/kv/kv_test.go at 12f9e6391464
GENERATED: tuple[tuple[list[str], str, dict[str, str]], ...] = (
    (["fruit=Indian Gooseberry", "year=2020", "crisis=true"], "", {"fruit": "Indian Gooseberry", "year": "2020", "crisis": "true"}),
    (['v2=[{"path": "var/druid/segment-cache"}]'], "", {"v2": '[{"path": "var/druid/segment-cache"}]'}),
    (['A="bar"'], "", {"A": "bar"}),
    (["A='bar'"], "", {"A": "bar"}),
    (["TEST=this is a 'test'"], "", {"TEST": "this is a 'test'"}),
    (["TEST='"], "", {"TEST": "'"}),
    (["A=\"bar'"], "", {"A": "\"bar'"}),
    (['A=""bar""'], "", {"A": '"bar"'}),
    (["A=", "B= x ", "C=a=b"], "", {"A": "", "B": " x ", "C": "a=b"}),
    ([], "\n\t\tk1=v1\n\t\tk2=v2\n\t\t", {"k1": "v1", "k2": "v2"}),
    ([], "\n\t\tk1=v1\n\t\t#k2=v2\n\t\t", {"k1": "v1"}),
    ([], "  # indented\nk1=\n", {"k1": ""}),
    ([], '\ufeffk1="v1"\r\nk2= v2 \n', {"k1": '"v1"', "k2": " v2 "}),
    (["A=1"], "B=2\n", {"A": "1", "B": "2"}),
)
# fmt: on


@pytest.mark.parametrize(("literals", "env", "data"), GENERATED)
def test_a_generated_map_has_the_keys_and_values_that_kustomize_gives_it(
    tmp_path: Path, literals: list[str], env: str, data: dict[str, str]
) -> None:
    """Quotes around a whole literal are none of it, in an env file they are; a comment may be indented, and the end of a line is of its value."""
    row = {"name": "it", "literals": literals, "envs": ["it.env"] if env else []}
    (tmp_path / "it.env").write_text(env, encoding="utf-8", newline="")
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({"configMapGenerator": [row]}), encoding="utf-8")
    (found,) = [one.content for one in declared([tmp_path])]
    printed = _kubectl(tmp_path) if KUBECTL else [found]
    assert [found["data"], *(one["data"] for one in printed)] == [data, data]


def test_any_literal_and_line_is_read_as_by_kubectl(tmp_path: Path) -> None:
    """300 rows of random quotes, blanks, signs and comments, against one `kubectl kustomize`."""
    if not KUBECTL:
        pytest.skip("no kubectl")
    chance = random.Random(35)
    rows = []
    for number in range(300):
        text, line = ("".join(chance.choices("\"' #ab\t\\", k=chance.randint(0, 8))) for _ in range(2))
        (tmp_path / f"{number}.env").write_text(f"{chance.choice(['', ' ', '# '])}E={line}\n", encoding="utf-8")
        rows.append({"name": f"m{number}", "literals": [f"L={text}"], "envs": [f"{number}.env"]})
    (tmp_path / "kustomization.yaml").write_text(
        yaml.safe_dump({"configMapGenerator": rows, "generatorOptions": {"disableNameSuffixHash": True}}),
        encoding="utf-8",
    )
    expected = {one["metadata"]["name"]: one["data"] for one in _kubectl(tmp_path)}
    assert {one.name: one.content["data"] for one in declared([tmp_path])} == expected


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("literals: [A]", "the literal `A` is not understood"),
        ("literals: ['=1']", "the literal `=1` is not understood"),
        ("literals: [A=1, A=2]", "has the key `A` twice"),
        ("envs: [a.yaml], literals: [A=2]", "has the key `A` twice"),
    ],
)
def test_a_row_that_kustomize_refuses_is_refused(tmp_path: Path, row: str, what: str) -> None:
    """By its line; `kubectl kustomize` fails on each."""
    write(tmp_path, a="A=1\n", kustomization=f"configMapGenerator: [{{name: it, {row}}}]\n")
    assert what in refused(tmp_path).what


def test_an_overlay_may_refer_to_a_base_beside_the_directory_of_overlays(tmp_path: Path) -> None:
    """The layout of kustomize's own documentation; in a repository the base may be anywhere in it, and nowhere else."""
    write(
        tmp_path,
        shop__deploy__base__web=DEPLOYMENT,
        shop__deploy__base__kustomization="resources: [web.yaml]\n",
        shop__deploy__overlays__staging__kustomization="namespace: shop\nresources: [../../base]\n",
        shop__deploy__overlays__eu__staging__kustomization="resources: [../../../base]\n",
    )
    deploy = tmp_path / "shop" / "deploy"
    (found,) = declared([deploy / "overlays" / "staging"])
    assert (found.name, found.namespace) == ("web", "shop")
    with pytest.raises(ConfigurationError, match="leads out of") as error:
        declared([deploy / "overlays" / "eu" / "staging"])
    assert error.value.hint
    (tmp_path / "shop" / ".git").mkdir()
    assert [one.name for one in declared([deploy / "overlays" / "eu" / "staging"])] == ["web"]


def test_a_patch_is_of_the_objects_that_its_target_names(tmp_path: Path) -> None:
    """Expressions are of the whole name, and a selector is one of labels."""
    objects = "---".join(
        f"\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, labels: {{tier: {tier}}}}}\ndata: {{k: v}}\n"
        for name, tier in (("web-a", "x"), ("web-b", "y"), ("old-web-a", "x"))
    )
    patch = "apiVersion: v1\n      kind: ConfigMap\n      metadata: {name: any}\n      data: {k: "
    write(
        tmp_path,
        d__all=objects,
        d__kustomization=f"""
resources: [all.yaml]
patches:
  - target: {{version: v1, kind: Config.*, name: web-.}}
    patch: |
      {patch}named}}
  - target: {{kind: ConfigMap, labelSelector: "tier=y"}}
    patch: |
      {patch}labelled}}
""",
    )
    found = built(tmp_path / "d")
    assert {one["metadata"]["name"]: one["data"]["k"] for one in found} == {
        "web-a": "named",
        "web-b": "labelled",
        "old-web-a": "v",
    }


def test_a_generated_name_with_a_hash_is_refused_where_it_must_be_the_live_one(tmp_path: Path) -> None:
    """Settings find their ConfigMap without it; a live object has it."""
    write(tmp_path, d__kustomization="configMapGenerator: [{name: settings, literals: [K=V]}]\n")
    assert [one.name for one in declared([tmp_path / "d"])] == ["settings"]
    with pytest.raises(ConfigurationError, match="its name gets a hash") as raised:
        declared([tmp_path / "d"], exact=True)
    assert "disableNameSuffixHash: true" in raised.value.hint


def test_the_name_of_an_image_is_an_expression(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Of the whole name; tag and digest are beside it."""
    for name, tag in [
        (".*/web", 2),
        ("registry.5000/we[bc]", 2),
        ("web", 1),
        (".*", 2),
        ("registry:5000/web|other", 2),
    ]:
        with subtests.test(name):
            kustomization = f"resources: [web.yaml]\nimages: [{{name: '{name}', newTag: '2'}}]\n"
            write(tmp_path, d__web=DEPLOYMENT, d__kustomization=kustomization)
            (found,) = built(tmp_path / "d")
            assert found["spec"]["template"]["spec"]["containers"][0]["image"] == f"registry:5000/web:{tag}"


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not on PATH")
def test_the_shipped_overlays_are_what_kubectl_prints() -> None:
    """Object by object."""
    for environment in ("staging", "production"):
        assert built(ROOT / "examples/paper/files/deploy" / environment)


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not on PATH")
def test_the_sandboxes_manifests_are_what_kubectl_prints() -> None:
    """But for the namespace of a subject, which kustomize fills in."""
    directory = ROOT / "sandbox/readiness_sandbox/platform/manifests"
    mine, theirs = _by_name([one.content for one in declared([directory])]), _by_name(_kubectl(directory))
    assert {key for key in {**mine, **theirs} if mine.get(key) != theirs.get(key)} <= {
        ("RoleBinding", "database", "patroni")
    }


def _kubectl(directory: Path) -> list[dict[str, Any]]:
    assert KUBECTL is not None
    printed = subprocess.run([KUBECTL, "kustomize", str(directory)], capture_output=True, text=True, check=True).stdout
    return [one for one in yaml.safe_load_all(printed) if one]


def _by_name(objects: list[dict[str, Any]]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Objects by kind, namespace and name; the order of environment variables is kustomize's own."""
    for one in objects:
        template = (one.get("spec") or {}).get("template") or {"spec": {"containers": []}}
        for container in template["spec"]["containers"]:
            container["env"] = sorted(container.get("env", []), key=lambda row: str(row["name"]))
    return {(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one for one in objects}


def test_a_kustomization_that_is_not_understood_says_so(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Better none than half of it."""
    job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\n"
    write(tmp_path, d__web=DEPLOYMENT, d__job=job, d__part__kustomization="kind: Component\n")
    (tmp_path / "d" / "a.env").write_text("E=1\nF\n")
    for kustomization, what in [
        ("resources: a\n", "must be a list"),
        ("resources: [https://example.test/base]\n", "there is no `https://example.test/base`"),
        ("resources: [../../../../../etc]\n", "leads out of"),
        ("patches: [{patch: '[{op: add}]'}]\nresources: [web.yaml]\n", "a JSON patch is not understood here"),
        ("patches: [{patch: '[a: b: c'}]\nresources: [web.yaml]\n", "is not YAML: "),
        (
            (
                "patches: [{patch: '{kind: Deployment, metadata: {name: web}, spec: {template: {spec: {containers: [{}]}}}}'}]\n"
                "resources: [web.yaml]\n"
            ),
            "a patch cannot be applied: an element of 'containers' does not contain declared merge key: name",
        ),
        (
            "patches: [{patch: '{$patch: replace, kind: Deployment, metadata: {name: web}}'}]\nresources: [web.yaml]\n",
            "a patch cannot be applied: `$patch: replace` of an object is not understood here",
        ),
        ("patches: [{path: ../a.yaml}]\nresources: [web.yaml]\n", "there is no `../a.yaml` beside it"),
        ("namespace: [a]\nresources: [web.yaml]\n", "must be a name"),
        ("images: {a: b}\nresources: [web.yaml]\n", "must be a list"),
        ("images: [{newTag: '1'}]\nresources: [web.yaml]\n", "each row must have a name"),
        (
            "images: [{name: 'a(?!b)'}]\nresources: [web.yaml]\n",
            "the image name `a(?!b)` has syntax that Go and Python read differently",
        ),
        ("images: [{name: 'a('}]\nresources: [web.yaml]\n", "is not a regular expression"),
        ("replicas: [{name: api, count: 2}]\nresources: [web.yaml]\n", "there is no Deployment, "),
        ("replicas: [{name: web}]\nresources: [web.yaml]\n", "each row must have a name and a number"),
        ("replicas: [{name: once, count: 2}]\nresources: [job.yaml]\n", "there is no Deployment, "),
        ("resources: [web.yaml, web.yaml]\n", "has the Deployment `web` twice"),
        ("labels: [{pairs: {a: yes}}]\nresources: [web.yaml]\n", "the value of `a` is not a text"),
        ("labels: [{pairs: {a: y}}]\nresources: [web.yaml]\n", "the value of `a` is not a text"),
        ("commonLabels: {a: 1}\nresources: [web.yaml]\n", "the value of `a` is not a text"),
        ("commonAnnotations: {a: [b]}\nresources: [web.yaml]\n", "the value of `a` is not a text"),
        ("resources: [part]\n", "is a `Component`, which kustomize does not build as a resource"),
        ("configMapGenerator: [{name: a, envs: [a.env]}]\n", "the line `F` of `a.env` has no value"),
        ("images: [{name: a, newtag: '1'}]\nresources: [web.yaml]\n", "`newtag` is not understood here"),
        ("configMapGenerator: [{name: a, behavior: merge}]\n", "its bases have 0 of that name"),
        ("configMapGenerator: [{name: a, behavior: add}]\n", "`behavior: add` is not understood here"),
        ("configMapGenerator: [{name: a, kvSources: []}]\n", "`kvSources` is not understood here"),
        ("configMapGenerator: [{name: a, files: [../b]}]\n", "there is no `../b` beside it"),
        ("generatorOptions: {hash: short}\n", "`hash` is not understood here"),
        ("patches: [{target: {name: 'a('}, patch: ''}]\n", "is not a regular expression"),
        (
            "patches: [{target: {labelSelector: a in (b)}, patch: ''}]\n",
            "the selector `a in (b)` is not understood here",
        ),
        ("patches: [{target: {names: a}, patch: ''}]\n", "`names` is not understood here"),
        ("namePrefix: a-\n", "`namePrefix` is not understood here"),
        ("- a\n", "is not a kustomization"),
    ]:
        with subtests.test(kustomization):
            write(tmp_path, d__kustomization=kustomization)
            with pytest.raises(ConfigurationError) as raised:
                declared([tmp_path / "d"])
            assert what in raised.value.what
            assert "kustomization.yaml" in raised.value.where


_TENFOLD = ", ".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10))


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ("{x: &a [*a]}", "the document is nested too deeply"),
        (f"{{a0: &a0 [1], {_TENFOLD}}}", "the document expands to more than 200000 values"),
        (f"{'[' * 100}{']' * 100}", "the text is not YAML: it is nested too deeply"),
        ("{a: 1, a: 2}", "the key `a` is defined twice"),
    ],
)
def test_the_text_of_a_patch_is_read_within_bounds(tmp_path: Path, spec: str, what: str) -> None:
    """As a file of its own is: an alias of itself, aliases of aliases, and nesting without end."""
    write(
        tmp_path,
        d__web=DEPLOYMENT,
        d__kustomization=f"""
resources: [web.yaml]
images: [{{name: web, newTag: "2"}}]
patches:
  - patch: |
      {{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {spec}}}
""",
    )
    with pytest.raises(ConfigurationError) as raised:
        declared([tmp_path / "d"])
    assert raised.value.what == what
    assert raised.value.where.endswith("kustomization.yaml:5: patches[0].patch")


def test_a_link_out_of_the_directory_is_refused(tmp_path: Path) -> None:
    """To a file as to a directory."""
    write(tmp_path, elsewhere__a=DEPLOYMENT)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "b.yaml").symlink_to(tmp_path / "elsewhere" / "a.yaml")
    with pytest.raises(ConfigurationError, match="a link that leads out"):
        declared([tmp_path / "here"])


_INNER = "metadata spec template containers env name labels kind pairs patch target"
_OUTER = "resources namespace replicas labels commonLabels commonAnnotations images patches configMapGenerator"
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "web", "Deployment"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_INNER.split()), inner),
    max_leaves=8,
)
_KEYS = st.sampled_from(_OUTER.split())


@given(st.dictionaries(_KEYS, _VALUES, max_size=3), _VALUES)
@example({"labels": {"metadata": None, "spec": None, "containers": [{}]}}, None)
def test_any_kustomization_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any], spec: Any
) -> None:
    """Whatever its values are, and those of the objects in it."""
    root = tmp_path_factory.mktemp("any")
    listed = content.get("resources")
    resources = ["web.yaml"] if not isinstance(listed, list) else ["web.yaml", *listed]
    web = {"kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    write(root, d__kustomization=yaml.safe_dump({**content, "resources": resources}), d__web=yaml.safe_dump(web))
    try:
        found = [one.pod_spec for one in declared([root / "d"])]
    except HarnessError as error:
        found, where = [], error.where
    else:
        where = str(root)
    assert str(root) in where
    assert all(isinstance(one, dict) for one in found)
