"""Target files: every mistake is answered with file, line, key, what was expected, and the word that was meant."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ConfigurationError
from harness.targets import Target, load_target
from harness.targets.http import proxy_for

REPOSITORY = Path(__file__).parents[2]
FULL = """\
name: sandbox
environment: sandbox
time_scale: 60
release: "1.0.0"
entry: http://127.96.0.1:8080/
regions:
  us-east-1: {entry: "http://127.96.0.2:8080", namespace: us-east-1, share: 60 %}
  eu-west-1: {share: 40 %}
primary_region: us-east-1
kubernetes: {kubeconfig: /abs/kubeconfig, context: sandbox, namespace: us-east-1}
database:
  durability: quorum
  dsn: {file: /abs/secrets/dsn}
  members:
    postgres-us-east-1-0: {dsn: {env: DSN}, region: us-east-1}
  leader: {namespace: database, endpoints: main}
probes: {health: /health, read: {path: /tracks/1, expect: {id: 1, title: str}}, services: {api-gateway: /health}}
ledger: {path: /ledger, table: ledger, read: true}
pipeline: {accept: /events, visible: "/events/{id}"}
traffic: {everyday: {rate: 40/s, for: 3 min}}
may_break: [{experiment: pod-loss, workloads: [track-service], max_pods: 1}]
disposable: true
"""


def load(text: str, directory: Path) -> Target:
    """The target of a file with this text."""
    file = directory / "target.yaml"
    file.write_text(text)
    return load_target(file)


def message(text: str, directory: Path) -> str:
    """What is said of a file with this text."""
    with pytest.raises(ConfigurationError) as caught:
        load(text, directory)
    return str(caught.value).replace(f"{directory}/", "")


def test_a_full_file_is_read_in_base_units(tmp_path: Path) -> None:
    """Shares are ratios, rates per second, durations seconds; a trailing slash of an address goes."""
    target = load(FULL, tmp_path)
    assert target.shares == {"us-east-1": 0.6, "eu-west-1": 0.4}
    assert (target.traffic["everyday"].rate_per_s, target.traffic["everyday"].for_s) == (40.0, 180.0)
    assert target.entry == "http://127.96.0.1:8080"
    assert target.file == tmp_path / "target.yaml"
    assert target.time_scale == 60.0
    assert target.may_break[0].max_pods == 1
    assert (target.release.version, target.probes.services["api-gateway"].path) == ("1.0.0", "/health")


@pytest.mark.parametrize(
    ("written", "lease"),
    [
        ("", ("shop", "readiness-harness")),
        (", lease: ", ("shop", "readiness-harness")),
        (", lease: none", None),
        (", lease: {name: one}", ("shop", "one")),
        (", lease: {namespace: locks}", ("locks", "readiness-harness")),
    ],
)
def test_only_the_word_none_takes_the_lock_away(tmp_path: Path, written: str, lease: object) -> None:
    """A key whose value was forgotten does not."""
    text = f"name: t\nenvironment: staging\nentry: http://t\nkubernetes: {{context: c, namespace: shop{written}}}\n"
    assert load(text, tmp_path).lease == lease


def test_a_plain_text_stands_for_a_release_or_a_read(tmp_path: Path) -> None:
    """`release: 1.0.0` is a version, `read: /path` a path without expectations; the long form says more."""
    least = "name: a\nenvironment: staging\nentry: https://a.test\n"
    plain = load(f"{least}release: v1\nprobes: {{read: /x}}\n", tmp_path)
    assert (plain.release.version, plain.release.header, plain.release.images) == ("v1", "", False)
    assert plain.release.answered_in == "x-release"
    assert (plain.probes.read.path, plain.probes.read.expect) == ("/x", {})
    odd = load(f'{least}probes: {{read: "/straße 1?q=a%20b", health: "/[x]~"}}\n', tmp_path)
    assert (odd.probes.read.path, odd.probes.health) == ("/stra%C3%9Fe%201?q=a%20b", "/[x]~")
    full = load(f"{least}release: {{version: v1, header: x-release, images: true, path: /version}}\n", tmp_path)
    assert (full.release.header, full.release.images, full.release.path) == ("x-release", True, "/version")
    assert load(f"{least}release: {{version: v1, path: /version}}\n", tmp_path).release.answered_in == ""
    target = load(least, tmp_path)  # three keys are enough: what is not there costs evidence, never correctness
    assert (target.release.answered_in, target.time_scale, target.disposable) == ("", 1.0, False)
    assert (target.regions, target.kubernetes) == ({}, None)


def test_a_mistake_is_explained(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """One sentence: where it is, what is wrong, which word was meant."""
    cases: list[tuple[str, str, str]] = [
        ("durability:", "durabilty:", "target.yaml:12: database.durabilty: unknown key `durabilty`\n  hint: did you mean `durability`? known here: dsn, durability, members, leader, settings, roles, passwords, pool, production, restore, saved, retention, archives"),
        ("durability: quorum", "durability: qorum", "target.yaml:12: database.durability: `qorum` is not one of quorum, synchronous, asynchronous\n  hint: did you mean `quorum`? use one of these words"),
        ("disposable: true", "disposable: 1", "target.yaml:22: disposable: `1` is not `true` or `false`"),
        ("max_pods: 1", "max_pods: one", "target.yaml:21: may_break[0].max_pods: `one` is not a whole number"),
        ("max_pods: 1", "max_pods: -1", "target.yaml:21: may_break[0].max_pods: `-1` is not a number of at least 0"),
        ("share: 60 %", "share: 60", "target.yaml:7: regions.us-east-1.share: `60` is not a ratio like `60 %`"),
        ("/events/{id}", "/events", "target.yaml:19: pipeline.visible: `/events` is not a path with `{id}` in it, like `/events/{id}`"),
        ("rate: 40/s", "rate: 40 s", "target.yaml:20: traffic.everyday.rate: `40 s` is not a rate like `40/s`"),
        ("entry: http://127.96.0.1:8080/", "entry: http://127.96.0.1:8080/?a=b", "target.yaml:5: entry: `http://127.96.0.1:8080/?a=b` is not an address like `https://staging.example.test`, without user and password, `?` and `#`"),
        ("entry: http://127.96.0.1:8080/", "entry: http://127.96.0.1:8080/shop/", "target.yaml:5: entry: `http://127.96.0.1:8080/shop/` is not an address without a path: remove `/shop`, and write it at the begin of the paths"),
        ("entry: http://127.96.0.1:8080/", "entry: 127.96.0.1", "target.yaml:5: entry: `127.96.0.1` is not an address like `https://staging.example.test`, without user and password, `?` and `#`"),
        ("entry: http://127.96.0.1:8080/", "entry: http://127.96.0.1:80800/", "target.yaml:5: entry: `http://127.96.0.1:80800/` is not an address with a port from 1 to 65535"),
        ("entry: http://127.96.0.1:8080/", "entry: http://127.96.0.1:0/", "target.yaml:5: entry: `http://127.96.0.1:0/` is not an address with a port from 1 to 65535"),
        ("entry: http://127.96.0.1:8080/", "entry: http://127.96.0.1:web/", "target.yaml:5: entry: `http://127.96.0.1:web/` is not an address with a port from 1 to 65535"),
        ("name: sandbox", "nmae: sandbox", "target.yaml:1: nmae: unknown key `nmae` (and 1 more error)\n  hint: did you mean `name`? known here: name, environment, entry, time_scale, scrape_scale, cpu_scale, release, regions, primary_region, kubernetes, prometheus, alerting, grafana, profiles, database, probes, callers, power, ledger, pipeline, metrics, flows, routes, services, control, dns, portal, website, documentation, quality_report, rollout, migration, flags, user_reports, traffic, disposable, may_break, may_write, sign_in, api, identity, authorisation, limits, encryption, secrets, audit, export, attacks, layers, drills, backups, cache, tls, proxy, evidence, upload, files, parts, attestations, waivers"),
        ("name: sandbox", "name: a/b", "target.yaml:1: name: `a/b` is not a name\n  hint: use letters, digits, `-`, `.` and `_`, at most 63"),
        ('release: "1.0.0"', "release: {commit: main}", "target.yaml:4: release.commit: `main` is not a commit: 7 to 64 hexadecimal digits in small letters"),
        ('release: "1.0.0"', "release: {header: 'x release'}", "target.yaml:4: release.header: `x release` is not the name of a header: letters, digits and `-`, at most 60"),
        ("durability: quorum", "settings: {Work Mem: 4MB}", "target.yaml:12: database.settings.Work Mem: `Work Mem` is not the name of a setting: small letters, digits, `_` and `.`"),
        ("disposable: true", "may_write: [{tables: [ledger]}]", "target.yaml:22: may_write[0].tables: unknown key `tables`\n  hint: known here: users, operations, keys"),
        ("disposable: true", "may_write: [{users: ''}]", "target.yaml:22: may_write[0].users: this must not be empty\n  hint: write some text"),
        ("disposable: true", "may_write: [{operations: post /orders}]", "target.yaml:22: may_write[0].operations: `post /orders` is not an operation, written like `POST /orders` or `* /orders*`"),
        ("disposable: true", "may_write: [{operations: createOrder}]", "target.yaml:22: may_write[0].operations: `createOrder` is not an operation, written like `POST /orders` or `* /orders*`"),
        ("disposable: true", "may_write: [{users: a, operations: '*'}]", "target.yaml:22: may_write[0]: expected one of `users`, `operations` and `keys`"),
        ("disposable: true", "api: {description: a.yaml, seconds: 3}", "target.yaml:22: api.seconds: unknown key `seconds`\n  hint: did you mean `contracts`? known here: description, accepted, served, contracts, core, values, bodies, within"),
        ("time_scale: 60", "time_scale: 0", "target.yaml:3: time_scale: `0` is not a number of at least 1"),
        ("time_scale: 60", "time_scale: 0.5", "target.yaml:3: time_scale: `0.5` is not a number of at least 1"),
        ("environment: sandbox", "environment: staging", "target.yaml:3: time_scale: `60` is allowed only in `environment: sandbox`, or if the sandbox simulates staging\n  hint: remove `time_scale`: on a real platform all limits apply as written"),
        ("read: {path: /tracks/1", "read: {path: tracks", "target.yaml:17: probes.read.path: `tracks` is not a path that starts with `/`"),
        ("title: str", "title: [str]", "target.yaml:17: probes.read.expect.title: a list is not a text, a number, true, false, null or one of the type names str, int, float, bool, list, dict"),
        ("expect: {id", "expects: {id", "target.yaml:17: probes.read.expects: unknown key `expects`\n  hint: did you mean `expect`? known here: path, expect"),
        ('release: "1.0.0"', "release: {version: '1', haeder: x-release}", "target.yaml:4: release.haeder: unknown key `haeder`\n  hint: did you mean `header`? known here: version, commit, header, images, path"),
        ('release: "1.0.0"', "release: {path: version}", "target.yaml:4: release.path: `version` is not a path that starts with `/`"),
        ("disposable: true", "flags: {within: 30}", "target.yaml:22: flags.within: `30` is not a time like `30 s`"),
        ("disposable: true", "flags: {within: 0 s}", "target.yaml:22: flags.within: `0 s` is not a time above 0 s"),
        ("disposable: true", "power: {annotation: a, value: off}", "target.yaml:22: power.value: `false` is not text\n  hint: put it in quotes"),
        ("disposable: true", "power: {annotation: a, drain: true}", "target.yaml:22: power: expected one of `annotation`, `stop` with `start`, and `drain: true`"),
        ("disposable: true", "power: {stop: [halt, '{node}']}", "target.yaml:22: power: expected `start`: a command that names its node by {node}, {provider_id}, {instance}"),
        ("disposable: true", "callers: {accepted: {app: frontend}}", "target.yaml:22: callers.refused: the key `refused` is missing\n  hint: write `refused: …`"),
        ("disposable: true", "credentials: {}", "target.yaml:22: credentials: unknown key `credentials`\n  hint: did you mean `secrets`? known here: name, environment, entry, time_scale, scrape_scale, cpu_scale, release, regions, primary_region, kubernetes, prometheus, alerting, grafana, profiles, database, probes, callers, power, ledger, pipeline, metrics, flows, routes, services, control, dns, portal, website, documentation, quality_report, rollout, migration, flags, user_reports, traffic, disposable, may_break, may_write, sign_in, api, identity, authorisation, limits, encryption, secrets, audit, export, attacks, layers, drills, backups, cache, tls, proxy, evidence, upload, files, parts, attestations, waivers"),
        ("time_scale: 60", "cpu_scale: 0.5", "target.yaml:3: cpu_scale: `0.5` is not a number of at least 1"),
        ("time_scale: 60", "time_scale: .inf", "target.yaml:3: time_scale: `inf` is not a finite number"),
        ('release: "1.0.0"', "release: 1.0", "target.yaml:4: release: `1.0` is not text\n  hint: put it in quotes"),
        ("disposable: true", "name: again", "target.yaml:22: name: the key `name` is defined twice\n  hint: keep one of them; the first is in line 1"),
        ("primary_region: us-east-1", "primary_region: us-east-2", "target.yaml:9: primary_region: unknown region `us-east-2`\n  hint: use one of `us-east-1`, `eu-west-1`"),
        ("context: sandbox, ", "", "target.yaml:10: kubernetes: expected a `context` beside the `kubeconfig`, since the default context is never used"),
        ("time_scale: 60", "60: 60", 'target.yaml:3: a key that is not text\n  hint: put it in quotes, like `"no": …`'),
        ("  members:", "\tmembers:", "target.yaml:14: the text is not plain YAML: found character '\\t' that cannot start any token\n  hint: indent with spaces, not with tabs"),
        ("time_scale: 60", "time_scale: &a 60", "target.yaml:3: the text is not plain YAML: anchors are not used here\n  hint: repeat the content instead of the anchor"),
        ("dsn: {file: /abs/secrets/dsn}", "dsn: postgres://u:hunter2@h", "target.yaml:13: database.dsn: this must be a mapping\n  hint: write a mapping with the keys env, file, command"),
        ("dsn: {env: DSN}", "dsn: {env: DSN, file: /x}", "target.yaml:15: database.members.postgres-us-east-1-0.dsn: expected exactly one of `env`, `file`, `command`"),
        ("[track-service]", "[track-service", "target.yaml:21: the text is not plain YAML: expected ',' or ']', but got '}'"),
    ]  # fmt: skip
    for right, wrong, said in cases:
        with subtests.test(wrong):
            assert right in FULL
            assert message(FULL.replace(right, wrong, 1), tmp_path) == said


POWER_WAYS = re.findall(r"^\| `(\{.*?\})` \|", (REPOSITORY / "experiments" / "README.md").read_text(), re.MULTILINE)


def test_the_ways_of_the_page_to_cut_power_can_be_written_as_they_are_there(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """An annotation, commands, and a drain in their place. No key of them is one that YAML takes for another value, as it does `off` and `on`."""
    assert len(POWER_WAYS) == 3
    for way in POWER_WAYS:
        with subtests.test(way):
            power = load(f"{FULL}power: {way}\n", tmp_path).power
            assert power is not None
            assert [power.annotation is not None, bool(power.stop and power.start), power.drain].count(True) == 1


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (
            "cache: {servers: [{password: hunter2}]}",
            "cache.servers: a list is not a mapping\n  hint: write `NAME: {…}`, not a list",
        ),
        ("cache: {servers: {eu: {at: redis://h, password: {env: hunter-2}}}}", "not its value"),
        ("cache: {servers: {eu: {at: redis://h, password: {env: [hunter2]}}}}", "a list is not text"),
        ("cache: {servers: {eu: {at: 'redis://h/²'}}}", "an address like `redis://"),
        (
            "drills: {a: {scratch: {env: 'password=hunter2'}, remove: {command: [a]}, restore: {command: [a]}}}",
            "not its value",
        ),
        (
            "backups: {a: {at: /b, files: ['*'], configuration: {directory: d, git: {at: 'https://u:hunter2@h/x.git'}}}}",
            "an address without a password in `at`",
        ),
    ],
)
def test_no_value_that_may_be_a_secret_is_shown(tmp_path: Path, section: str, words: str) -> None:
    """Neither a list nor a mapping in the place of a name, nor a password in the place of its variable or in an address."""
    said = message(f"name: shop\nenvironment: staging\nentry: https://shop.example.test\n{section}\n", tmp_path)
    assert words in said
    assert "hunter" not in said


def test_a_value_that_begins_with_a_sign_needs_quotes(tmp_path: Path) -> None:
    """A pattern, a schedule or a form of times, as they are often written first."""
    for value in ("[*.dump]", "%Y", "@daily"):
        said = message(f"name: shop\nbackups: {{a: {{files: {value}}}}}\n", tmp_path)
        assert "in quotes, such as" in said, said


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Also a directory, and bytes that are no text."""
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml: the file cannot be read: No such file or directory"):
        load_target(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigurationError, match="the file cannot be read: Is a directory"):
        load_target(tmp_path)
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="the file cannot be read: the text is not UTF-8"):
        load_target(tmp_path / "bytes.yaml")


def test_a_reference_is_read_when_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the environment, a file or a command; what is missing names the place, never a value."""
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    places = {
        "env": "{env: SECRET}",
        "file": f"{{file: {secret}}}",
        "command": "{command: echo from a command}",
        "bad": "{command: 'false'}",
    }
    members = "".join(f"    {name}: {{dsn: {place}}}\n" for name, place in places.items())
    text = f"name: a\nenvironment: staging\nentry: https://a.test\ndatabase:\n  dsn: {{env: X}}\n  members:\n{members}"
    database = load(text, tmp_path).database
    assert database is not None
    secrets = {name: member.dsn for name, member in database.members.items()}
    with pytest.raises(ConfigurationError, match="env SECRET: the secret does not exist or is empty"):
        secrets["env"].resolve()
    monkeypatch.setenv("SECRET", "from the environment")
    assert [secrets[name].resolve() for name in ("env", "file", "command")] == [
        "from the environment",
        "from a file",
        "from a command",
    ]
    with pytest.raises(ConfigurationError, match="command false: the command ended with exit code 1"):
        secrets["bad"].resolve()


def test_loopback_is_never_proxied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`none` asks nobody, `env` asks the environment, an address is used; loopback goes straight in all three."""
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("no_proxy", "")
    for proxy, expected in (("none", None), ("env", "http://proxy.test:3128"), ("http://p.test:1", "http://p.test:1")):
        target = load(f"name: a\nenvironment: staging\nentry: http://a.test\nproxy: {proxy}\n", tmp_path)
        assert proxy_for(target, "http://a.test/x") == expected
        assert proxy_for(target, "http://127.96.3.4:8080") is None
        assert proxy_for(target, "http://localhost") is None


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from([*(line.partition(":")[0] for line in FULL.splitlines() if line[0] != " "), "x"])


def read_or_refuse(content: bytes) -> None:
    """Any other end than these two is an error of the test."""
    with TemporaryDirectory() as directory, contextlib.suppress(ConfigurationError):
        (Path(directory) / "t.yaml").write_bytes(content)
        load_target(Path(directory) / "t.yaml")


@settings(max_examples=150)
@given(st.binary(max_size=60) | st.text(alphabet="ab:{}[]-?!&*<>|'\"%@#\n\t 0_x.,~=", max_size=60).map(str.encode))
def test_no_bytes_end_in_anything_but_a_configuration_error(content: bytes) -> None:
    """Whatever stands in the file."""
    read_or_refuse(content)


@settings(max_examples=150)
@given(st.dictionaries(keys, values, max_size=4))
def test_no_values_end_in_anything_but_a_configuration_error(changes: dict[str, object]) -> None:
    """A full file in which some keys hold anything that YAML can say."""
    read_or_refuse(
        yaml.safe_dump({**yaml.safe_load(FULL), **changes}, allow_unicode=True).encode("utf-8", "surrogatepass")
    )


def test_depth_and_tags_and_odd_scalars_are_refused_in_words(tmp_path: Path) -> None:
    """What makes YAML readers stumble: deep nesting, tags, dates and numbers that are none."""
    for text, said in {
        "[" * 5000: "it is nested too deeply",
        "a: !!python/name:os.system x": "tags are not used here",
        "a: 2001-99-99": "month must be in 1..12",
        f"a: {'9' * 5000}": "is not plain YAML",
        "a: 0b_": "is not plain YAML",
        "a: \x00": "is not plain YAML",
        "- a": "must be a mapping",
        "": "must be a mapping",
        "a: 1\n---\nb: 1": "is not plain YAML",
    }.items():
        assert said in message(text, tmp_path), text[:20]


@pytest.mark.parametrize(
    "proxy", ["user:hunter2@proxy.test", "ht!tp://user:hunter2@proxy.test", "socks5://p.test:1", "http://:1"]
)
def test_a_proxy_that_is_none_is_refused_and_not_printed(tmp_path: Path, proxy: str) -> None:
    """It may hold a password; an address of another protocol would fail later, in a traceback."""
    with pytest.raises(ConfigurationError, match=r"target\.yaml:4: proxy: the value of `proxy` is invalid") as caught:
        load(f"name: a\nenvironment: staging\nentry: http://a.test\nproxy: {proxy}\n", tmp_path)
    assert "hunter2" not in str(caught.value)
