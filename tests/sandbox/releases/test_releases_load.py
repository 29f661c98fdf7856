"""release.yaml: what comes with the harness, what a user may write, and how a mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.catalogue.load import load_catalogue
from harness.errors import ConfigurationError
from harness.model.judged.harm import Harm
from readiness_sandbox.platform import render
from readiness_sandbox.platform.credentials import Credentials
from readiness_sandbox.releases import load_release, names
from tests.builders.pages import pages

HEAD = "version: 2.0.0\nsummary: mine\nexpect: NO-GO\n"


def written(directory: Path, text: str) -> str:
    """A release of a user's own."""
    (directory / "release.yaml").write_text(text)
    return str(directory)


def refusal(directory: Path, text: str) -> ConfigurationError:
    """How a release.yaml is refused."""
    with pytest.raises(ConfigurationError) as caught:
        load_release(written(directory, text))
    return caught.value


def test_the_releases_that_come_with_the_harness() -> None:
    """Two are healthy, one is half rolled out, and each of the others is a NO-GO that a requirement catches."""
    releases = {name: load_release(name) for name in names()}
    assert {name: one.expect for name, one in releases.items() if one.expect != "NO-GO"} == {
        "1.0.0": "GO",
        "1.1.0": "GO",
        "half-rolled": "INCONCLUSIVE",
    }
    assert [name for name, one in releases.items() if (one.expect == "NO-GO") is not bool(one.caught_by)] == []


def test_candidates_of_rollouts_name_the_release_that_they_replace() -> None:
    """By a version of their own, which is the name of their directory."""
    candidates = [name for name in names() if load_release(name).replaces is not None]
    assert candidates == [name for name in names() if name.startswith("1.1.0")]
    assert {load_release(name).replaces for name in candidates} == {"1.0.0"}
    assert [load_release(name).version for name in candidates] == candidates


def test_what_catches_a_release_is_a_known_requirement() -> None:
    """Every identifier in caught_by and may_be_inconclusive is in the catalogue."""
    known = set(load_catalogue().requirements)
    for name in names():
        release = load_release(name)
        assert {*release.caught_by, *release.may_be_inconclusive} <= known
        assert set(release.harms) <= {harm.value for harm in Harm}


def test_a_release_that_does_harm_is_no_go_in_no_profile() -> None:
    """Where no row catches it, the harm keeps the run from GO."""
    release = load_release("split-brain")
    assert release.expected_of({"DA-GEO-PRIMARY-DB"}) == "NO-GO"
    assert release.expected_of({"ND-KPI-P95"}) == "INCONCLUSIVE"
    assert load_release("twice").expected_of({"ND-KPI-P95"}) == "GO"


def test_the_documentation_lists_every_release_as_its_file_says() -> None:
    """One row each in the pages on releases, with the requirements that fail, or the decision where none does."""
    others = (f"sandbox-{each}-releases" for each in ("settings", "rollout", "trust", "disaster"))
    lines = [line for line in pages("sandbox-releases", *others).splitlines() if line.startswith("| `")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    listed = {name.strip("`"): expected for name, _, expected in (row for row in rows if len(row) == 3)}
    releases = {name: load_release(name) for name in names()}
    assert listed == {name: ", ".join(release.caught_by) or release.expect for name, release in releases.items()}


def test_no_requirement_is_both_caught_and_inconclusive() -> None:
    """The two lists of a release do not overlap."""
    for name in names():
        release = load_release(name)
        assert not set(release.caught_by) & set(release.may_be_inconclusive)


def test_an_unknown_release_names_the_nearest() -> None:
    """And all there are."""
    with pytest.raises(ConfigurationError) as caught:
        load_release("forgetfull")
    assert caught.value.hint.startswith("did you mean forgetful? use one of 1.0.0, 1.1.0, 1.1.0-bad-migration")


@pytest.mark.parametrize(
    ("text", "line_and_key", "told"),
    [
        (HEAD + "caugth_by: []\n", "4: caugth_by", "did you mean caught_by?"),
        (HEAD + "workloads:\n  track-service:\n    replica: 1\n", "6: workloads.track-service.replica", "replicas"),
        (HEAD + "workloads:\n  track-service:\n    replicas: two\n", "6: workloads.track-service.replicas", "integer"),
        (HEAD + "workloads:\n  x:\n    env: {A: 1}\n", "6: workloads.x.env.A", "string"),
        (HEAD.replace("NO-GO", "MAYBE"), "3: expect", "'GO', 'NO-GO' or 'INCONCLUSIVE'"),
        (HEAD.replace("2.0.0", "2.0"), "1: version", "string"),
        ("version: 2.0.0\nsummary: mine\n", "1: expect", "required"),
        ("a: [\n", "2", "not plain YAML"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_key(tmp_path: Path, text: str, line_and_key: str, told: str) -> None:
    """A wrong key, type or value: where it is, and what was meant."""
    error = refusal(tmp_path, text)
    assert error.where == f"{tmp_path}/release.yaml:{line_and_key}"
    assert told in str(error)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ("workloads: {trak-service: {replicas: 1}}\n", "workloads.trak-service"),
        ("patches: [{kind: Deployment, metadata: {name: nothing}, spec: {replicas: 1}}]\n", "patches.0"),
    ],
)
def test_a_workload_that_is_not_there_is_refused(tmp_path: Path, change: str, key: str) -> None:
    """When the release is rendered, with the workloads there are."""
    release = load_release(written(tmp_path, HEAD + change))
    with pytest.raises(ConfigurationError) as caught:
        render.render(release, Credentials.generate())
    assert caught.value.where == f"{tmp_path}/release.yaml: {key}"
    assert "us-east-1/track-service" in caught.value.hint


def test_a_users_release_may_change_replicas_command_and_patch_anything(tmp_path: Path) -> None:
    """A directory is a release; a patch without a namespace meets every region."""
    text = HEAD + (
        "workloads: {us-east-1/user-service: {replicas: 1, command: [python, -m, mine]}}\n"
        "patches: [{kind: ConfigMap, metadata: {name: region}, data: {reads: database}}]\n"
    )
    objects = render.render(load_release(written(tmp_path, text)), Credentials.generate())
    changed = [obj for obj in objects if obj["kind"] == "Deployment" and obj["spec"]["replicas"] == 1]
    (user, *_) = [obj for obj in changed if obj["metadata"]["namespace"] == "us-east-1"]
    assert user["spec"]["template"]["spec"]["containers"][0]["command"] == ["python", "-m", "mine"]
    reads = {obj["metadata"]["namespace"]: obj["data"]["reads"] for obj in objects if obj["kind"] == "ConfigMap"}
    assert reads == {"us-east-1": "database", "eu-west-1": "database", "ap-southeast-1": "database"}
