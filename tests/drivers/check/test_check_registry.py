"""Every check has one claim with its needs: each key of the target file that the check cannot do without."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from harness.drivers.check.calls import regions
from harness.drivers.check.registry import CHECKS, kind_of
from harness.errors import ConfigurationError, DriverError, HarnessError, UsageError
from harness.targets import Target
from harness.targets.kubernetes import Cluster
from tests.builders.full_target import asked_for, full_target, loaded, without
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers
from tests.fake_clock import FakeClock

SERVICE = {
    "metadata": {"name": "users", "namespace": "shop"},
    "spec": {"selector": {"app": "users"}, "ports": [{"port": 8080}]},
}
POD = {"metadata": {"name": "users-1", "namespace": "shop", "labels": {"app": "users"}}, "spec": {"containers": []}}


def test_every_check_has_a_sentence_and_every_sentence_a_check() -> None:
    """A check without a sentence is never done; a sentence without a check is never answered."""
    assert asked_for().keys() == CHECKS.keys()


def test_every_check_is_a_function_of_its_own() -> None:
    """All of them are imported with their sentences, and none of the clients that they ask with."""
    functions = [kind.read for kind in CHECKS.values()]
    assert len({*functions}) == len(functions)
    script = "import sys, harness.steps; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "harness" in loaded
    assert {"dns", "httpx", "hypothesis", "jsonschema", "kubernetes", "prometheus_client", "psycopg"}.isdisjoint(loaded)


def test_an_unknown_check_is_named() -> None:
    """With those that are known."""
    with pytest.raises(UsageError, match="unknown check `none-such`") as raised:
        kind_of("none-such")
    assert "gateway-reads" in raised.value.hint


class _Cluster:
    """Has one Service with one pod, and answers nothing else."""

    url = "https://cluster.test"

    def services(self, _namespace: str) -> list[dict[str, Any]]:
        """The one."""
        return [SERVICE]

    def pods(self, *_: str) -> list[dict[str, Any]]:
        """The one."""
        return [POD]

    def __getattr__(self, name: str) -> Any:
        def refused(*_: object, **__: object) -> None:
            raise DriverError(f"the API server did not answer: {name}")

        return refused


class _Prometheus(Answers, BaseHTTPRequestHandler):
    """Has no rule and no series."""

    def do_GET(self) -> None:
        self.say(200, {"status": "success", "data": {"groups": [], "resultType": "vector", "result": []}})


@pytest.fixture(scope="module")
def prometheus() -> Iterator[str]:
    """Its address."""
    with serving(_Prometheus) as url:
        yield url


def lacking(name: str, target: Target, params: Mapping[str, str]) -> str:
    """What the check itself finds missing in the target file; empty: nothing, whatever else kept it from being done."""
    try:
        with kind_of(name).placed(target, params) as probe:
            probe()
    except ConfigurationError as error:
        return f"{error.where}: {error.what}"
    except HarnessError:
        return ""
    return ""


@pytest.fixture(scope="module")
def full(
    prometheus: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any], Callable[[str], Target | None]]:
    """A directory with all that a target file can name, the file's content, and the target without a key: None where others need the key."""
    directory = tmp_path_factory.mktemp("full")
    content = full_target(directory, prometheus)

    @cache
    def target(key: str) -> Target | None:
        try:
            return loaded(directory, without(content, key))
        except ConfigurationError:
            return None

    return directory, content, target


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_check_names_each_key_that_it_cannot_do_without(
    name: str,
    full: tuple[Path, dict[str, Any], Callable[[str], Target | None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a target that lacks any one key of the file, the claim says so, or the check does not miss it."""
    FakeClock.installed(monkeypatch)
    directory, content, lacking_one = full
    monkeypatch.setenv("KUBECONFIG", str(directory / "kubeconfig"))
    monkeypatch.setattr(Cluster, "of", lambda _target: _Cluster())
    monkeypatch.setattr(regions, "REQUESTS", 20)
    used = set[str]()

    def noted(target: Target, key: str) -> object:
        used.add(key)
        return object.__getattribute__(target, key)

    monkeypatch.setattr(Target, "__getattribute__", noted)
    keys = [
        *content,
        *(f"{one}.{below}" for one, value in content.items() if isinstance(value, dict) for below in value),
    ]
    for params in asked_for()[name]:
        target = loaded(directory, content)
        assert [*kind_of(name).missing(target, params)] == []
        used.clear()
        assert not lacking(name, target, params)
        read_of = {"regions" if key in {"doors", "monitors"} else key for key in used}
        for key in (one for one in keys if one.split(".")[0] in read_of):
            if (one_less := lacking_one(key)) is None:
                continue  # the key is required where its section is
            if not [*kind_of(name).missing(one_less, params)]:
                assert not lacking(name, one_less, params), f"{name} does not declare {key}"


def test_a_check_needs_nothing_that_it_does_without(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Each declared key is one of the target file, or a property of it: lacking it is noticed."""
    content = full_target(tmp_path)
    bare = loaded(tmp_path, {key: content[key] for key in ("name", "environment", "entry")})
    for name in sorted(CHECKS):
        with subtests.test(name):
            first = {need.key.split(".")[0] for need in kind_of(name).needs} - {"entry"}
            assert {need.key.split(".")[0] for need in kind_of(name).missing(bare, asked_for()[name][-1])} == first
