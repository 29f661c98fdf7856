"""`readiness schema`: every shipped file validates, and whatever a schema refuses the reader of the file refuses, too."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError as SchemaError
from jsonschema.validators import extend
from pydantic import ValidationError

from harness.catalogue.files import CatalogueFile
from harness.cli.schemas import FILES, json_schema, schema, schema_files
from harness.cli.starter.writing import ProjectAnswers, write_project
from harness.drivers.load.size import Size
from harness.drivers.rollout.files import RolloutFile
from harness.errors import ConfigurationError
from harness.targets.files.harness_block import harness_block
from harness.targets.files.target import Target, _lists_as_tuples
from harness.yamlfile import documents_in, read_document
from tests.builders.full_target import full_target
from tests.builders.preloaded import command
from tests.builders.yaml_mutations import READERS, mutated, place_for

ROOT: Final = Path(__file__).parents[2]


def as_an_editor(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[SchemaError]:
    """A pattern as JavaScript reads it: a digit is one of ASCII, and `$` the very end."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance, re.ASCII):
        yield SchemaError(f"{instance!r} does not match {pattern!r}")


EDITOR: Final = extend(Draft7Validator, {"pattern": as_an_editor})  # type: ignore[no-untyped-call]
VALIDATORS: Final = {name: EDITOR(json_schema(name)) for name in FILES}
PATTERNS: Final = {
    "target": ("tests/plain/target.yaml", "tests/builders/core_target.yaml", "examples/paper.yaml"),
    "catalogue": ("harness/catalogue/**/*.yaml", "tests/plain/catalogue/*.yaml"),
    "traffic": ("loadtests/*.yaml", "tests/plain/loadtests/*.yaml"),
    "rollout": ("rollouts/*.yaml",),
    "experiment": ("experiments/*.yaml",),
}
SHIPPED: Final = [(name, file) for name, own in PATTERNS.items() for one in own for file in sorted(ROOT.glob(one))]
PAGES: Final = {
    "target": ("docs/target-file.md", "^name: "),
    "catalogue": ("docs/catalogue*.md", "^(profile|contradictions):"),
    "traffic": ("docs/traffic-size.md", "^locustfile: "),
    "rollout": ("docs/rollout-files.md", "^title: "),
    "experiment": ("docs/adding-an-experiment.md", "^title: "),
}
MODELS: Final[Mapping[str, Callable[[Any], object]]] = {
    "target": lambda data: Target.model_validate(_lists_as_tuples(data)),
    "catalogue": CatalogueFile.model_validate,
    "traffic": Size.model_validate,
    "rollout": lambda data: RolloutFile.model_validate(
        {key: tuple(one) if isinstance(one, list) else one for key, one in data.items()}
    ),
    "experiment": harness_block,
}
"""How the reader of each file begins; what it checks afterwards refuses more."""


def blocks(name: str) -> Iterator[tuple[str, str]]:
    """The blocks of the pages about a file that are such a file: name and text."""
    pages, begins = PAGES[name]
    joined = "\n".join(page.read_text(encoding="utf-8") for page in sorted(ROOT.glob(pages)))
    for text in re.findall(r"^```yaml\n(.*?)^```$", joined, re.MULTILINE | re.DOTALL):
        if re.search(begins, text.lstrip("# \n"), re.MULTILINE):
            yield name, text


def written(value: Any) -> Any:
    """A value as JSON has it: an editor reads a date as text."""
    if isinstance(value, dict):
        return {key: written(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [written(one) for one in value]
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def refusals(name: str, data: Any) -> list[str]:
    """What the schema refuses; an empty file is a mapping without keys to our readers, and nothing to an editor."""
    errors = VALIDATORS[name].iter_errors({} if data is None else written(data))
    return [f"{'.'.join(map(str, one.absolute_path))}: {one.message}"[:300] for one in errors]


@pytest.mark.parametrize("name", FILES)
def test_a_schema_is_one_and_the_published_file_is_it(name: str) -> None:
    """Made by `readiness schema --write docs/schemas`."""
    Draft7Validator.check_schema(json_schema(name))
    published = (ROOT / "docs" / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
    assert json.loads(published) == json_schema(name)


def test_every_shipped_file_validates(subtests: pytest.Subtests) -> None:
    """As our reader reads it, and as an editor does, which knows YAML 1.2 and takes `yes` and dates for text."""
    for name, file in SHIPPED:
        with subtests.test(name=name, file=file.name):
            assert refusals(name, read_document(file).data) == []
            (editor,) = documents_in(file.read_text(encoding="utf-8"), file)
            assert refusals(name, editor.data) == []


def test_there_are_files_of_each_kind() -> None:
    """None of the patterns is empty."""
    assert {name for name, _ in SHIPPED} == {*FILES} == {*PAGES}
    assert all(any(ROOT.glob(one)) for own in PATTERNS.values() for one in own)


@pytest.mark.parametrize(("name", "text"), [one for name in FILES for one in blocks(name)])
def test_the_examples_of_the_pages_validate(name: str, text: str) -> None:
    """Each block of a page that is a whole file."""
    assert refusals(name, documents_in(text, Path("page.md"))[0].data) == []


KINDS: Final = {
    "target.yaml": "target",
    "catalogue.yaml": "catalogue",
    "profiles.yaml": "catalogue",
    "shop.yaml": "catalogue",
    "contradictions.yaml": "catalogue",
    "everyday.yaml": "traffic",
    "experiment.yaml": "experiment",
    "rollout.yaml": "rollout",
}


def test_a_changed_text_that_is_read_validates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four hundred files changed as a hasty hand changes them: what its reader takes, the schema takes."""
    place_for(tmp_path)
    monkeypatch.setattr("harness.catalogue.load._BUNDLED_FILES", ())
    wrong, taken = {}, 0
    for seed in range(400):
        rng = random.Random(seed)
        file = rng.choice(sorted(KINDS))
        text, read = READERS[file]
        path = tmp_path / file
        path.write_bytes(mutated(text, rng))
        try:
            read(path)
        except ConfigurationError:
            pass
        else:
            taken += 1
            if refused := refusals(KINDS[file], read_document(path).data):
                wrong[seed] = (file, refused)
        path.write_text(text, encoding="utf-8")
    assert wrong == {}
    assert taken > 15


SIZE: Final[dict[str, Any]] = {
    "locustfile": "shop.py",
    "entry": "website",
    "model": "open",
    "rate": "16/s",
    "arrivals": "constant",
    "shape": {"steps": [{"rate": "5/s", "for": "1 min"}], "ramp": {"from": "0/s", "to": "9/s", "over": "30 s"}},
    "trace": "t.txt",
    "users": 20,
    "think": "2 s",
    "journey": "9 s",
    "requests_per_journey": 4,
    "warm_up": "10 s",
    "for": "at least 128 s",
    "after": "60 s",
    "health_probes": "110/s",
    "workers": 2,
    "remote": {"workers": 2, "bind": "10.0.0.5:5557"},
    "routes": {"read": "50 %", "list": "50 %"},
    "accounts": {"tracks": {"path": "/tracks/{id}", "same": ["title"], "counts": "plays"}},
    "census": 3,
    "tags": ["a"],
    "exclude_tags": ["b"],
    "stop_when": {"error_rate": "20 %", "p50": "1 s", "p90": "1 s", "p95": "2 s", "p99": "3 s", "for": "10 s"},
}
ROLLOUT: Final[dict[str, Any]] = {
    "title": "canary",
    "strategy": "canary",
    "candidate": "1.1.0",
    "steps": ["5 %", "100 %"],
    "dwell": "2 h",
    "dwell_scale": 720,
    "promoted_by": "harness",
    "taken_back": "by the platform",
    "watched": "12 s",
    "within": "1 min",
    "triggers": {"errors": {"reads": "error rate", "above": "5 %", "for": "3 min"}},
    "reports": [{"severity": "critical", "about": "candidate", "at": "5 %"}],
}
EXPERIMENT: Final[dict[str, Any]] = {
    "title": "t",
    "description": "d",
    "method": [],
    "extensions": [
        {"name": "other", "anything": [1]},
        {
            "name": "harness",
            "domain": "pod",
            "confirmed_by": "a",
            "gone_by": "b",
            "restarted_by": "c",
            "within": "10 s",
            "takes": "15 s",
            "blast_radius": {"max_pods": 1, "max_processes": 2},
            "processes": ["p.pid"],
            "chosen": "by name",
            "access": ["get,list pods"],
        },
    ],
}
BLOCK: Final = ("extensions", 1)
"""Where the block of an experiment file is; the rest is read by other functions than its model."""
VALUES: Final[list[Any]] = [
    *(None, True, False, 0, 1, -1, 2.0, 0.5, 1e300, 10**30, "", " ", "x", "A-B", "1", "yes", "10 s", "5 %", "3/s"),
    *("-0 s", " 7\u00a0min ", "٣ s", "1 s\n", "at least 1 h", "/a/{id}", "http://127.0.0.1:9", "127.0.0.1"),
    *(date(2026, 1, 1), [], ["x"], [1], [[]], {}, {"x": "y"}, {"env": "X"}, {"name": "harness", "domain": "none"}),
]


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """A file of each kind with every key that it may have, or nearly so."""
    path = tmp_path_factory.mktemp("seeds")
    catalogue: dict[str, Any] = {}
    for _, text in blocks("catalogue"):
        catalogue |= documents_in(text, path)[0].data
    target = {**full_target(path), "evidence": {"as_of": date(2026, 1, 1), "junit": {"unit": "a.xml"}}}
    target |= {"traffic": {"browse": {"rate": "5/s", "for": "1 min"}}, "release": "1.0.0"}
    return {"target": target, "catalogue": catalogue, "traffic": SIZE, "rollout": ROLLOUT, "experiment": EXPERIMENT}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a document, but the document itself."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        yield (*path, key)
        yield from places(one, (*path, key))


def edit(document: Any, data: st.DataObject) -> None:
    """Change one thing: another value, a key gone, of another name, one more, or an item in a list of its own."""
    path = data.draw(st.sampled_from([*places(document)]), label="path")
    holder = document
    for part in path[:-1]:
        holder = holder[part]
    kind = data.draw(st.sampled_from(["value", "value", "gone", "renamed", "more", "in a list", "out of it"]))
    value = data.draw(st.sampled_from(VALUES), label="value")
    one = holder[path[-1]]
    if kind == "value":
        holder[path[-1]] = copy.deepcopy(value)
    elif kind == "gone" or (kind == "renamed" and isinstance(holder, list)):
        del holder[path[-1]]
    elif kind == "renamed":
        holder[data.draw(st.sampled_from(["name", "x", "unit", "path", "for"]))] = holder.pop(path[-1])
    elif kind == "more" and isinstance(one, dict):
        one["x"] = copy.deepcopy(value)
    elif kind == "more" and isinstance(one, list):
        one.append(copy.deepcopy(value))
    elif kind == "in a list":
        holder[path[-1]] = [one]
    elif isinstance(one, list) and one:
        holder[path[-1]] = one[0]


@pytest.mark.parametrize(
    ("name", "every"),
    [
        *((name, 16 if name == "target" else 1) for name in FILES),
        pytest.param("target", 1, marks=pytest.mark.slow),
    ],
)
def test_each_value_that_a_reader_takes_at_a_key_validates(name: str, every: int, seeds: Mapping[str, Any]) -> None:
    """Every value in the place of every other one: the model of the reader decides what is taken.

    Of the target file, which is large, a place has every sixteenth value, and the next place those after them; in the night it has all.
    """
    wrong = []
    for number, path in enumerate(places(seeds[name])):
        if name == "experiment" and (path[:2] != BLOCK or path == BLOCK):
            continue
        document = holder = copy.deepcopy(seeds[name])
        for part in path[:-1]:
            holder = holder[part]
        for value in VALUES[number % every :: every]:
            holder[path[-1]] = copy.deepcopy(value)
            try:
                MODELS[name](document)
            except ValidationError:
                continue
            wrong += [(path, value, one) for one in refusals(name, document)]
    assert wrong == []


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=400)
@given(data=st.data())
def test_what_a_schema_refuses_the_harness_refuses(name: str, seeds: Mapping[str, Any], data: st.DataObject) -> None:
    """Files of every key, with one to three edits of any kind."""
    document = copy.deepcopy(seeds[name])
    edited = document["extensions"][1] if name == "experiment" else document  # as BLOCK says
    for _ in range(data.draw(st.integers(1, 3))):
        if [*places(edited)]:
            edit(edited, data)
    try:
        MODELS[name](document)
    except ValidationError:
        return
    assert refusals(name, document) == []


@pytest.mark.parametrize("name", FILES)
def test_the_files_that_are_edited_are_right(name: str, seeds: Mapping[str, Any]) -> None:
    """Else the edits would prove nothing."""
    MODELS[name](copy.deepcopy(seeds[name]))
    assert refusals(name, seeds[name]) == []


def test_a_mistake_is_seen_by_an_editor(seeds: Mapping[str, Any], subtests: pytest.Subtests) -> None:
    """Misspelt keys and words, other units, other types; `...` is a key that is gone."""
    for name, path, value in [
        ("target", ("disposabel",), True),
        ("target", ("environment",), "test"),
        ("target", ("entry",), "shop.example.test"),
        ("target", ("ledger", "path"), "orders"),
        ("target", ("database", "dsn"), "host=x"),
        ("target", ("probes", "services", "users"), {"paht": "/"}),
        ("target", ("traffic", "browse", "rate"), "5 s"),
        ("target", ("evidence", "junti"), {"unit": "a.xml"}),
        ("catalogue", ("sections", 0, "requirements", 0, "gate"), "mayor"),
        ("catalogue", ("sections", 0, "requirements", 0, "id"), "shop"),
        ("traffic", ("rate",), 16),
        ("traffic", ("routes", "read"), "0.5"),
        ("rollout", ("steps",), "5 %"),
        ("rollout", ("triggers", "errors", "reads"), "errors"),
        ("experiment", ("extensions", 1, "domain"), "pods"),
        ("experiment", ("extensions", 1, "takes"), 15),
        ("experiment", ("method",), ...),
    ]:
        with subtests.test(name=name, path=path, value=value):
            document = copy.deepcopy(seeds[name])
            holder = document
            for part in path[:-1]:
                holder = holder[part]
            holder[path[-1]] = value
            if value is ...:
                del holder[path[-1]]
            assert refusals(name, document) != []


def test_keys_are_described_in_the_words_of_the_file() -> None:
    """What an editor shows beside a key is the docstring's text."""
    keys = json_schema("rollout")["properties"]
    assert keys["watched"]["description"] == "time at all users before a rollback by hand."
    assert keys["watched"]["examples"] == ["10 s"]
    assert "without it: the time scale of the target" in keys["dwell_scale"]["description"]
    texts = re.findall(r'"description": "(.*)"', json.dumps(json_schema("target"), indent=1))
    assert len(texts) > 100
    assert [text for text in texts if not text or "None" in text or "Attributes" in text] == []


def test_a_format_of_the_project_is_in_the_schema_of_its_target_file(tmp_path: Path) -> None:
    """With what it says of itself."""
    (tmp_path / "claims").mkdir()
    declared = "formats:\n  - {key: pip-audit, name: pip-audit report, about: Vulnerabilities of packages.}\n"
    (tmp_path / "claims" / "audit.yaml").write_text(declared, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text('[tool.harness]\nclaims = ["claims"]\n', encoding="utf-8")
    printed = command("harness", "schema", "target", cwd=tmp_path)
    evidence = json.loads(printed.stdout)["$defs"]["EvidenceFiles"]["properties"]
    assert evidence["pip-audit"]["description"] == "Vulnerabilities of packages."
    assert {*evidence} > {*json_schema("target")["$defs"]["EvidenceFiles"]["properties"]}


def test_the_files_of_init_name_their_schema(tmp_path: Path) -> None:
    """By a path from the file, which is there; the file validates by it, and the other YAML files belong to others."""
    write_project(tmp_path, ProjectAnswers(name="shop", entry="http://127.0.0.1:8080", write="/orders"))
    named = {}
    for file in (path for path in sorted(tmp_path.rglob("*.y*ml")) if ".github" not in path.parts):
        if line := re.match(r"# yaml-language-server: \$schema=(\S+)\n", file.read_text(encoding="utf-8")):
            schema_file = (file.parent / line[1]).resolve(strict=True)
            assert not [*EDITOR(json.loads(schema_file.read_bytes())).iter_errors(read_document(file).data)]
            named[str(file.relative_to(tmp_path))] = str(schema_file.relative_to(tmp_path))
    assert named == {
        "catalogue/shop.yaml": "schemas/catalogue.schema.json",
        "experiments/service-restart.yaml": "schemas/experiment.schema.json",
        "loadtests/visitors.yaml": "schemas/traffic.schema.json",
        "target.yaml": "schemas/target.schema.json",
    }


def test_the_command_prints_one_and_writes_all(tmp_path: Path) -> None:
    """Into a directory that is made; the texts are the same."""
    printed = CliRunner().invoke(schema, ["traffic"], standalone_mode=False)
    assert json.loads(printed.output) == json_schema("traffic")
    wrote = CliRunner().invoke(schema, ["--write", str(tmp_path / "a" / "b")], standalone_mode=False)
    assert wrote.output.splitlines() == [f"wrote  {tmp_path}/a/b/{name}.schema.json" for name in FILES]
    assert {file.name: file.read_text("utf-8") for file in (tmp_path / "a" / "b").iterdir()} == dict(schema_files())


@pytest.mark.parametrize("arguments", [[], ["target", "--write", "x"]])
def test_the_command_wants_one_of_both(arguments: list[str]) -> None:
    """A usage error in words."""
    result = CliRunner().invoke(schema, arguments, standalone_mode=False)
    assert "expected the name of a schema or --write DIR" in str(result.exception)


def test_a_directory_that_cannot_be_written_is_refused_in_words(tmp_path: Path) -> None:
    """A file in its place."""
    (tmp_path / "x").touch()
    result = CliRunner().invoke(schema, ["--write", str(tmp_path / "x" / "y")], standalone_mode=False)
    assert str(result.exception).startswith(f"{tmp_path}/x/y: the schemas cannot be written: Not a directory")
