"""Copies of a configuration in a genuine git repository and a genuine S3 server, held against live files; and an older version restored."""

from __future__ import annotations

import io
import json
import shlex
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any, Final, Literal

import pytest
import yaml

from harness.drivers.check.backups.configuration import restored_configuration, saved_configuration
from harness.drivers.check.backups.manifests import difference_facts, state_of
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.files.configuration import GitCopy, LiveObjects, SavedConfiguration
from harness.targets.safety.intents import pending_intents
from harness.targets.safety.platform import platform_of
from harness.targets.undo import recover
from tests.builders.http_servers import Quiet, serving
from tests.builders.s3_server import S3Server, needs_s3_server, s3_server
from tests.drivers.check.check_builders import killed, s3_keys, secret, shop_of

OLD, NEW, EDITED = ({"app.ini": b"port = %d\n" % port, "users/roles.json": b"{}\n"} for port in (80, 81, 82))
GIT, STORE, LIVE = "copy in git", "copy in the object store", "the live configuration"
WELL: Final = {GIT: True, STORE: True}
RESTORED: Final = "restored configuration"
HEADER: Final = "Bearer tests"


def packed(files: Mapping[str, bytes], mode: Literal["w:gz", "w:xz"] = "w:gz") -> bytes:
    """A compressed archive of files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:
        for name, content in files.items():
            one = tarfile.TarInfo(name)
            one.size = len(content)
            archive.addfile(one, io.BytesIO(content))
    return made.getvalue()


class Shop:
    """A shop with live files, a repository whose last commit has them, and an archive of them."""

    def __init__(self, here: Path) -> None:
        self.here = here
        self.git = here / "config.git"
        self.copy: dict[str, Any] = {"at": "config.git", "path": "etc"}
        self.store: dict[str, Any] = {"at": "copies"}
        self.restore = f"git -C {self.git} archive {{version}}:etc | tar -x -C {{directory}}"
        self.run("init", "--quiet", "--bare", "--initial-branch=main", str(self.git))
        self.commit(OLD)
        self.commit(NEW)
        self.live(NEW)
        self.archive("20260131T110000Z", packed(OLD))
        self.archive("20260131T120000Z", packed(NEW))

    def run(self, *words: str) -> None:
        """Run git."""
        who = ["-c", "user.name=tests", "-c", "user.email=tests@example.test"]
        subprocess.run(["git", *who, *words], check=True, cwd=self.here)

    def commit(self, files: Mapping[str, bytes]) -> None:
        """Make a version."""
        work = self.here / "work"
        for name, content in files.items():
            (work / "etc" / name).parent.mkdir(parents=True, exist_ok=True)
            (work / "etc" / name).write_bytes(content)
        at = [f"--git-dir={self.git}", f"--work-tree={work}"]
        self.run(*at, "add", "--all", str(work))
        self.run(*at, "commit", "--quiet", "--allow-empty", "--message", "a version")

    def remove(self) -> None:
        """Make a version without the directory."""
        shutil.rmtree(self.here / "work" / "etc")
        self.commit({})

    def live(self, files: Mapping[str, bytes]) -> None:
        """What serves."""
        for name, content in files.items():
            (self.here / "live" / name).parent.mkdir(parents=True, exist_ok=True)
            (self.here / "live" / name).write_bytes(content)

    def archive(self, stamp: str, content: bytes) -> None:
        """Make a copy in the directory."""
        (self.here / "copies").mkdir(exist_ok=True)
        (self.here / "copies" / f"etc-{stamp}.tar.gz").write_bytes(content)

    @property
    def target(self) -> Target:
        """The target file."""
        restore = {"command": ["sh", "-c", self.restore]}
        configuration = {"directory": "live", "git": self.copy, "restore": restore}
        names = {"files": ["etc-*.tar.gz"], "time": "%Y%m%dT%H%M%SZ", "configuration": configuration}
        return shop_of(self.here, backups={"settings": {**names, **self.store}})


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Healthy."""
    return Shop(tmp_path)


def facts_of(check: Callable[..., Any], shop: Shop) -> dict[str, FactReading]:
    """The facts of a check, by subject."""
    probe = check(shop.target, {"backup": "settings"})
    return {one.subject: one for one in probe()}


def outcomes(check: Callable[..., Any], shop: Shop) -> dict[str, bool | None]:
    """Of each fact."""
    return {name: one.ok for name, one in facts_of(check, shop).items()}


def not_committed(shop: Shop) -> None:
    """The archive alone has the change."""
    shop.live(EDITED)
    shop.archive("20260131T130000Z", packed(EDITED))


def no_repository(shop: Shop) -> None:
    """It is a directory, in one of a repository."""
    shop.run("init", "--quiet")
    shop.copy["at"] = "live"


def no_archive(shop: Shop) -> None:
    """None was made."""
    for one in (shop.here / "copies").iterdir():
        one.unlink()


def spoilt_archive(shop: Shop) -> None:
    """Of the newest archive eight bytes in the middle are others."""
    content = packed(NEW, "w:xz")
    middle = len(content) // 2
    shop.archive("20260131T130000Z", content[:middle] + b"\xff" * 8 + content[middle + 8 :])


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda _: None, WELL),
        (lambda shop: shop.live(EDITED), {**WELL, f"{GIT}: app.ini": False, f"{STORE}: app.ini": False}),
        (lambda shop: shop.live({"more.ini": b""}), {**WELL, f"{GIT}: more.ini": False, f"{STORE}: more.ini": False}),
        (
            lambda shop: (shop.here / "live" / "app.ini").unlink(),
            {**WELL, f"{GIT}: app.ini": False, f"{STORE}: app.ini": False},
        ),
        (not_committed, {**WELL, f"{GIT}: app.ini": False}),
        (lambda shop: shop.copy.update(branch="production"), {GIT: False, STORE: True}),
        (lambda shop: shop.copy.update(path="etcetera"), {GIT: False, STORE: True}),
        (Shop.remove, {GIT: False, STORE: True}),
        (lambda shop: shop.copy.update(path="etc/app.ini"), {GIT: None, STORE: True}),
        (no_repository, {GIT: None, STORE: True}),
        (no_archive, {GIT: True, STORE: False}),
        (lambda shop: shop.archive("20260131T130000Z", packed(NEW)[:40]), {GIT: True, STORE: None}),
        (spoilt_archive, {GIT: True, STORE: None}),
        (lambda shop: shop.archive("newest", packed(OLD)), {GIT: True, STORE: None}),
    ],
)
def test_each_difference_is_named_and_a_copy_that_is_not_read_decides_nothing(
    shop: Shop, spoil: Callable[[Shop], object], expected: dict[str, bool | None]
) -> None:
    """What is live against the last commit and the newest archive; a branch or directory that is not there, or no longer, is a difference."""
    spoil(shop)
    assert outcomes(saved_configuration, shop) == expected


KEYS: Final = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys, namespace: shop}\nstringData: {password: right}\n"


@pytest.mark.parametrize(
    ("files", "ok", "words"),
    [
        ({"a.yaml": KEYS}, True, ""),
        ({"a.yaml": KEYS.replace("right", "wrong")}, False, "data.password differs"),
        (
            {"a.yaml": KEYS.replace("right", "'ENC[AES256_GCM]'") + "sops: {version: 3}\n"},
            None,
            "is encrypted with SOPS",
        ),
        ({"a.yaml": KEYS.replace("kind: Secret", "kind: SealedSecret")}, None, "a SealedSecret, whose Secret is made"),
        ({"a.yaml": KEYS.replace("kind: Secret", "kind: ExternalSecret")}, None, "an ExternalSecret, whose Secret"),
        ({"a.yaml": KEYS.replace("right", "x"), "kustomization.yaml": "resources: [a.yaml]\n"}, None, "kustomization"),
        ({"prod/a.yaml": KEYS, "staging/a.yaml": KEYS.replace("right", "x")}, None, "is there twice"),
    ],
    ids=["equal", "other", "sops", "sealed", "external", "kustomized", "twice"],
)
def test_what_is_made_into_an_object_elsewhere_is_not_decided(
    files: dict[str, str], *, ok: bool | None, words: str
) -> None:
    """A copy in git is seldom the object itself: it is encrypted, sealed, rendered, or one of several."""
    saved = SavedConfiguration(
        objects=(LiveObjects(kind="Secret", namespaces=("shop",)),), git=GitCopy(at="repository")
    )
    live = state_of({"live.yaml": KEYS.encode()}, saved)
    found = state_of({name: text.encode() for name, text in files.items()}, saved)
    facts = list(difference_facts("copy", live, found, like="the live objects"))
    worst = min((one.ok for one in facts), key=lambda one: (one is not False, one is not None))
    assert worst is ok
    assert words in " ".join(one.observed for one in facts)


def test_a_work_tree_is_read_by_its_last_commit(shop: Shop) -> None:
    """What is in its files and not committed is not in git; nothing of it is changed."""
    shop.run("clone", "--quiet", str(shop.git), "tree")
    (shop.here / "tree" / "etc" / "app.ini").write_bytes(b"port = 82\n")
    shop.copy["at"] = "tree"
    before = (shop.here / "tree" / ".git" / "index").read_bytes()
    assert outcomes(saved_configuration, shop) == WELL
    assert (shop.here / "tree" / ".git" / "index").read_bytes() == before


class _Guarded(Quiet, SimpleHTTPRequestHandler):
    """Serves files to who shows the header."""

    def do_GET(self) -> None:
        """Serve a file."""
        if self.headers.get("authorization") != HEADER:
            self.send_error(401)
            return
        super().do_GET()


def test_a_repository_at_an_address_is_cloned_with_its_header(shop: Shop) -> None:
    """Without the header it is not read, nobody is asked for a password, and no secret is in the message."""
    shop.run(f"--git-dir={shop.git}", "update-server-info")
    with serving(partial(_Guarded, directory=str(shop.here))) as url:
        shop.copy |= {"at": f"{url}/config.git", "authorization": secret(shop.here, "header", HEADER)}
        assert outcomes(saved_configuration, shop) == WELL
        (shop.here / "header").write_text("Bearer another", encoding="utf-8")
        fact = facts_of(saved_configuration, shop)[GIT]
    assert fact.ok is None
    assert "another" not in fact.observed


@needs_s3_server
def test_the_newest_archive_of_a_bucket_is_read(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> None:
    """By the time in its name; an older one, stored later, does not count."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        bucket: S3Server = server
        bucket.ask("PUT", "shop-copies")
        bucket.ask("PUT", "shop-copies/etc/etc-20260131T120000Z.tar.gz", body=packed(NEW))
        bucket.ask("PUT", "shop-copies/etc/etc-20260131T110000Z.tar.gz", body=packed(OLD))
        shop.store = {"at": "s3://shop-copies/etc", "endpoint": bucket.endpoint, "region": "us-east-1"}
        shop.store |= s3_keys(shop.here)
        assert outcomes(saved_configuration, shop) == WELL
        bucket.ask("PUT", "shop-copies/etc/etc-20260131T130000Z.tar.gz", body=packed(OLD))
        assert outcomes(saved_configuration, shop) == {GIT: True, f"{STORE}: app.ini": False, STORE: True}


def scratch_left() -> list[Path]:
    """Directories that a drill has left."""
    return list(Path(tempfile.gettempdir()).glob("readiness-*/app.ini"))


def test_an_older_version_is_restored_and_nothing_is_left(shop: Shop) -> None:
    """The version before the last one equals its commit; the directory and the entry of the undo log are gone."""
    facts = facts_of(restored_configuration, shop)
    assert {name: one.ok for name, one in facts.items()} == {RESTORED: True, LIVE: True}
    assert facts[RESTORED].observed == "2 of 2 equal"
    assert scratch_left() == []
    assert pending_intents(platform_of(shop.target)) == []


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("git -C {git} archive main:etc | tar -x -C {{directory}}; : {{version}}", {f"{RESTORED}: app.ini": False, RESTORED: True, LIVE: True}),
        (": {{version}} {{directory}}", {f"{RESTORED}: app.ini": False, f"{RESTORED}: users/roles.json": False, RESTORED: True, LIVE: True}),
        ("exit 1; : {{version}} {{directory}}", {RESTORED: False}),
        ("git -C {git} archive {{version}}:etc | tar -x -C {{directory}}; git -C {git} archive {{version}}:etc | tar -x -C {live}", {RESTORED: True, LIVE: None}),
    ],
)  # fmt: skip
def test_a_wrong_restore_is_seen(shop: Shop, command: str, expected: dict[str, bool | None]) -> None:
    """The newest version in place of the chosen one, nothing, a failure, and one that changes what is live."""
    shop.restore = command.format(git=shlex.quote(str(shop.git)), live=shop.here / "live")
    assert outcomes(restored_configuration, shop) == expected
    assert scratch_left() == []


def _killed_in_the_middle(target: Target) -> None:
    list(restored_configuration(target, {"backup": "settings"})())


def test_after_a_kill_the_restored_files_are_removed_by_recover(shop: Shop) -> None:
    """While the restore runs the harness is killed."""
    shop.restore = f"echo {{directory}} > {shop.here}/place.new; mv {shop.here}/place.new {shop.here}/place; exec sleep 3; : {{version}}"
    target = shop.target
    killed(partial(_killed_in_the_middle, target), shop.here / "place")
    directory = Path((shop.here / "place").read_text().strip())
    assert directory.is_dir()
    recovered = recover(target)
    assert (len(recovered.undone), recovered.left) == (1, ())
    assert not directory.exists()


def test_without_a_version_that_differs_there_is_nothing_to_choose(shop: Shop) -> None:
    """A commit that changes nothing is no other version; of one commit alone none is chosen."""
    shop.run("--git-dir", str(shop.git), "update-ref", "refs/heads/main", "main~1")
    assert outcomes(restored_configuration, shop) == {"chosen version": None}
    shop.copy["path"] = ""
    shop.commit(OLD)
    assert outcomes(restored_configuration, shop) == {"chosen version": None}


def test_a_version_without_the_directory_is_not_chosen(shop: Shop) -> None:
    """It was deleted in one, and is there again in the next."""
    shop.remove()
    shop.commit(NEW)
    assert all(outcomes(restored_configuration, shop).values())


CHOSEN: Final = SavedConfiguration(
    objects=(LiveObjects(namespaces=("shop",), selector={"app": "web"}, without=("root",)),), git=GitCopy(at="config")
)
MAP: Final = (
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: web, namespace: shop, labels: {app: web}}, data: {a: b}}"
)


def test_manifests_are_chosen_as_live_objects_are(subtests: pytest.Subtests) -> None:
    """By kind, namespace, labels and name; what is not recognised is named."""
    for text, objects, unknown in [
        (MAP, ["ConfigMap shop/web"], []),
        (f"{{apiVersion: v1, kind: List, items: [{MAP}]}}", ["ConfigMap shop/web"], []),
        (f"{MAP}\n---\n{MAP}", ["ConfigMap shop/web"], ["web.yaml: ConfigMap shop/web is there twice"]),
        (MAP.replace("namespace: shop", "namespace: bank"), [], []),
        (MAP.replace("name: web", "name: root"), [], []),
        (MAP.replace("app: web", "app: api"), [], []),
        (MAP.replace("ConfigMap", "Secret"), [], []),
        (MAP.replace(", namespace: shop", ""), [], ["web.yaml: a ConfigMap without a name or a namespace"]),
        ("{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization, metadata: {name: a}}", [], ["web.yaml: not a manifest of an object"]),
        ("[1]", [], ["web.yaml: not a manifest of an object"]),
        (MAP.replace("ConfigMap", "[ConfigMap]"), [], ["web.yaml: not a manifest of an object"]),
        (MAP.replace("name: web", "name: 1"), [], ["web.yaml: a ConfigMap without a name or a namespace"]),
        (MAP.replace("{app: web}", "[app]"), [], ["web.yaml: a ConfigMap whose `labels` is not a mapping"]),
        (MAP.replace("{a: b}", "[a]"), [], ["web.yaml: a ConfigMap whose `data` is not a mapping"]),
        ("a: [", [], ["web.yaml:2: the text is not YAML: did not find expected node content"]),
    ]:  # fmt: skip
        with subtests.test(text):
            found = state_of({"web.yaml": text.encode()}, CHOSEN)
            assert (sorted(found.objects), list(found.unknown)) == (objects, unknown)


def test_values_are_compared_by_key_and_never_kept() -> None:
    """Text of a Secret equals its data in base64; what clients and servers add is no difference; a value is nowhere in what is kept."""
    secrets = SavedConfiguration(objects=(LiveObjects(kind="Secret", namespaces=("shop",)),), git=GitCopy(at="config"))
    head = "{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: shop"
    written = state_of({"a.yaml": f"{head}}}, stringData: {{key: hunter2}}}}".encode()}, secrets)
    added = "annotations: {kubectl.kubernetes.io/last-applied-configuration: x}, resourceVersion: '1'"
    kept = state_of({"a.yaml": f"{head}, {added}}}, type: Opaque, data: {{key: aHVudGVyMg==}}}}".encode()}, secrets)
    assert written == kept
    assert [*written.objects["Secret shop/a"]] == ["data.key"]
    assert "hunter2" not in str(written)
    assert "aHVudGVyMg" not in str(written)


@pytest.mark.parametrize(
    ("kind", "written", "live"),
    [
        ("Secret", 'data: {key: "aHVu\\ndGVyMg==\\n"}', "data: {key: aHVudGVyMg==}"),
        ("Secret", "type: ''", "type: Opaque"),
        ("ConfigMap", 'binaryData: {key: "aHVu\\ndGVyMg=="}', "binaryData: {key: aHVudGVyMg==}"),
        ("Secret", "", "metadata: {annotations: {argocd.argoproj.io/tracking-id: 'shop:/Secret:shop/a'}}"),
        ("Secret", "", "metadata: {labels: {kustomize.toolkit.fluxcd.io/name: shop}}"),
    ],
)
def test_what_the_server_or_who_applies_it_makes_of_a_manifest_is_no_difference(
    kind: str, written: str, live: str
) -> None:
    """Line ends in base64, the usual type, and marks of Argo CD and Flux."""
    chosen = SavedConfiguration(objects=(LiveObjects(kind=kind, namespaces=("shop",)),), git=GitCopy(at="config"))  # type: ignore[arg-type]
    head = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", "namespace": "shop"}}
    made = [{**head, **yaml.safe_load(f"{{{text}}}")} for text in (written, live)]
    for one in made:
        one["metadata"] = {**head["metadata"], **one["metadata"]}  # type: ignore[dict-item]
    first, second = (state_of({"a.json": json.dumps(one).encode()}, chosen) for one in made)
    assert first == second
    assert not first.unknown
    assert [*first.objects] == [f"{kind} shop/a"]


@pytest.mark.parametrize(
    ("section", "what"),
    [
        ({"git": {"at": "x"}}, "one of `objects` and `directory`"),
        ({"git": {"at": "--upload-pack=x"}, "directory": "x"}, "without a `-` at its begin"),
        ({"git": {"at": "x"}, "directory": "x", "restore": {"command": ["x"]}}, "with `{version}` and `{directory}`"),
        ({"git": {"at": "x"}, "objects": [{"namespaces": ["x"]}]}, "the target names no cluster"),
    ],
)
def test_what_a_target_file_lacks_is_refused(tmp_path: Path, section: dict[str, Any], what: str) -> None:
    """Before anything is read."""
    with pytest.raises(ConfigurationError) as raised:
        shop_of(tmp_path, backups={"settings": {"at": "x", "files": ["*"], "configuration": section}})
    assert what in str(raised.value)
