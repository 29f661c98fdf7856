"""A target that is gone, and one that is verified as restored: on a plain service that is really killed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from itertools import pairwise, repeat
from pathlib import Path

import httpx
import pytest
import yaml

from harness import clock
from harness.cli import main
from harness.drivers.chaos import open_attempt
from harness.errors import TargetUnreachable
from harness.run.health.presence import Presence, presence_of
from harness.run.live import ended
from harness.targets import Target, load_target, platform_of
from harness.targets.safety.intents import pending_intents
from harness.targets.undo import recover
from tests.builders.http_servers import answering
from tests.builders.plans import experiment
from tests.fake_clock import FakeClock
from tests.plain.plain_project import HERE, free_address

RECOVER = "readiness recover --target target.yaml"


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An undo log of each test's own."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))


def started(host: str, port: int) -> subprocess.Popen[str]:
    """The plain service, ready."""
    words = [sys.executable, str(HERE / "service.py"), "--host", host, "--port", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def killed(process: subprocess.Popen[str]) -> None:
    """End it at once."""
    process.kill()
    process.communicate()


def target(directory: Path, host: str, port: int) -> Target:
    """A target file for it."""
    file = directory / "target.yaml"
    file.write_text(
        f"name: plain\nenvironment: staging\nentry: http://{host}:{port}\ndisposable: true\nprobes: {{read: /items/1}}\n"
    )
    return load_target(file)


def checked(presence: Presence, fake: FakeClock, times: int = 100) -> None:
    """Asked whether the target is there, ten times a second."""
    for _ in range(times):
        presence.check()
        fake.sleep(0.1)


def own(directory: Path, rollbacks: str = "") -> Path:
    """An experiment of a person's own that kills the service."""
    file = directory / "own-kill.yaml"
    file.write_text(f"method: [{{type: action, name: kill the service}}]\nrollbacks: [{rollbacks}]\n")
    return file


def test_a_service_that_is_killed_is_noticed_within_five_seconds(tmp_path: Path) -> None:
    """It answers, and then nothing does."""
    host, port = free_address()
    service = started(host, port)
    there = target(tmp_path, host, port)
    presence = presence_of(there)
    presence.begin(observe_s=0)
    presence.check()
    killed(service)
    asked_s = [clock.now_s()]

    def wait() -> None:
        for _ in clock.Deadline.after(60).ticks(0.1):
            asked_s.append(clock.now_s())
            presence.check()

    with pytest.raises(TargetUnreachable, match="the target is gone") as gone:
        wait()
    assert f"`readiness recover --target {there.file}`" in gone.value.hint
    own_s = [min(later - sooner, 0.3) for sooner, later in pairwise([*asked_s, clock.now_s()])]
    assert sum(own_s) < 5.0  # in which this process itself was not stopped


def test_one_address_that_answers_is_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that is down under a fault is what a run measures."""
    fake = FakeClock.installed(monkeypatch)
    asked: list[str] = []

    def probe(name: str, *, ok: bool) -> bool:
        asked.append(name)
        return ok

    presence = Presence(
        {"entry": lambda: probe("entry", ok=False), "api": lambda: probe("api", ok=True)},
        has_api_server=True,
        recover=RECOVER,
    )
    checked(presence, fake)
    assert asked[:3] == ["entry", "api", "api"]
    assert len(asked) < 30


@pytest.mark.parametrize(("has_api_server", "gone_after_s"), [(True, 4.0), (False, 34.0)])
def test_an_outage_that_is_measured_is_no_end_of_the_target(
    monkeypatch: pytest.MonkeyPatch, *, has_api_server: bool, gone_after_s: float
) -> None:
    """A service without an API server may be out for as long as its outage is observed, here 30 s."""
    fake = FakeClock.installed(monkeypatch)
    presence = Presence({"entry": lambda: False}, has_api_server=has_api_server, recover=RECOVER)
    presence.begin(observe_s=30)
    began = clock.now_s()
    with pytest.raises(TargetUnreachable):
        checked(presence, fake, 1000)
    assert clock.now_s() - began == pytest.approx(gone_after_s, abs=0.6)


@pytest.mark.parametrize("where", ["between two checks", "in a check"])
def test_a_harness_that_was_stopped_does_not_take_its_target_for_gone(
    monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """For ten seconds: one request that fails after that is one, however long ago the answer before it was."""
    fake = FakeClock.installed(monkeypatch)
    fails: list[str] = []

    def answers() -> bool:
        if not fails:
            return True
        if fails.pop() == "in a check":
            fake.sleep(10)
        return False

    presence = Presence({"api": answers}, has_api_server=True, recover=RECOVER)
    presence.begin(observe_s=0)
    checked(presence, fake)
    fails.append(where)
    fake.sleep(10 if where == "between two checks" else 0)
    checked(presence, fake)
    assert not fails
    fails += ["always"] * 100
    with pytest.raises(TargetUnreachable, match=r"none of its addresses has answered for 4\.[0-9] s") as gone:
        checked(presence, fake)
    assert gone.value.hint.startswith(f"start the target again, then run `{RECOVER}`; ")


def test_restored_is_only_said_where_it_was_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run was stopped after an experiment without rollbacks had killed the service: it is named, with what to do by hand."""
    host, port = free_address()
    service = started(host, port)
    plain = target(tmp_path, host, port)
    platform = platform_of(plain)
    one = experiment("own-kill").__class__(
        name="own-kill", file=str(own(tmp_path)), domain="pod", within_s=1, hold_s=0, observe_s=1, seconds=1
    )
    open_attempt(platform, one, 1, None)
    killed(service)
    recovered = recover(plain, within_s=0)
    what, hint = ended(recovered, plain, ends_with_run=False)
    assert ended(recovered, plain, ends_with_run=True) == (
        what.replace("the target is NOT", "the target, which ends with the run, was NOT"),
        "",
    )
    assert what.startswith(
        "the target is NOT verified as restored: experiment own-kill: the undo of attempt 1 was not verified"
    )
    assert "the entry: no answer (ConnectError)" in what
    assert f"by hand: undo the actions of {one.file} (kill the service); the file has no rollbacks" in what

    project = tmp_path / "a project"
    project.mkdir()
    (project / "pyproject.toml").write_text('[tool.harness]\ntarget = "other.yaml"\n')
    (project / "other.yaml").write_text("name: other\nenvironment: staging\nentry: http://127.0.0.1:9\n")
    monkeypatch.chdir(project)
    monkeypatch.setattr("harness.targets.undo.RECOVER_S", 0.0)
    monkeypatch.setattr(recover, "__kwdefaults__", {"within_s": 0.0})
    (command,) = re.findall("`(.*)`", hint)  # typed in a project of another target
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 10
    said = "".join(capsys.readouterr())
    assert "plain is not verified as restored: experiment own-kill" in said
    assert f"then run `{command}`" in said
    assert "no undo is pending" not in said
    assert len(pending_intents(platform)) == 1

    again = started(host, port)
    assert ended(recover(plain), plain, ends_with_run=False) == ("the target is restored (verified)", "")
    assert pending_intents(platform) == []
    killed(again)


@pytest.mark.parametrize(
    ("error", "there"),
    [
        (httpx.ReadError("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required"), True),
        (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]"), True),
        (httpx.ReadError("connection reset by peer"), False),
        (httpx.ReadTimeout("timed out"), False),
    ],
)
def test_who_wants_a_clients_certificate_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: httpx.TransportError, *, there: bool
) -> None:
    """With TLS 1.3 it says so only when its answer is read."""

    def refused(*_: object, **_more: object) -> None:
        raise error

    monkeypatch.setattr(httpx, "get", refused)
    assert presence_of(target(tmp_path, "127.0.0.1", 9))._any() is there


def test_an_api_server_behind_the_proxy_of_the_kubeconfig_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """While an experiment has the entry down: the request goes through `proxy-url`, as those of `kubectl` do, whatever `proxy` says."""
    fake = FakeClock.installed(monkeypatch)
    with answering(repeat((401, {}))) as (proxy, requests):
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": "http://127.96.0.7:1", "proxy-url": proxy}}],
            "users": [{"name": "c", "user": {"token": "t"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        }
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
        file = target(tmp_path, "127.96.0.9", 1).file
        file.write_text(f"{file.read_text()}kubernetes: {{kubeconfig: {tmp_path}/kubeconfig, context: c}}\n")
        presence = presence_of(load_target(file))
        presence.begin(observe_s=0)
        checked(presence, fake)
    assert {*requests} == {"http://127.96.0.7:1/version"}
