"""The pages on extending the harness and its run: every Python block runs, does what the page says of it, and is as few files as the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from httpx import ConnectError

from harness.drivers.check.claim import CheckClaim, checks_of
from harness.drivers.check.needs import API
from harness.drivers.claim import FactClaim, claims_of
from harness.drivers.paper import Asked
from harness.drivers.watch import Watcher
from harness.errors import DriverError
from harness.judgement.figures import Spec
from harness.judgement.measures import Case
from harness.model import Demand, Evidence, Measure, Objective, Observation, Op, Outcome, Quantity, Scope, WatchSource
from harness.model.observations import KINDS
from harness.provided import ProvidedTarget, TargetProcesses
from harness.run.acts.driver import Driver, Library
from harness.steps.grammar import demands_of, read
from harness.steps.sentences import templates_of_figures
from harness.steps.templates import template_of
from harness.targets import Target, load_target
from harness.targets.access import access, accesses_of
from harness.units import NS_PER_S
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence
from tests.builders.pages import pages

ROOT = Path(__file__).parent.parent
THINGS = pages("extending", "extending-checks", "extending-figures", "extending-reports")
PAGE = THINGS + pages(
    "extending-the-run", "extending-drivers", "extending-by-pytest", "targets-started-for-a-run", "keys-of-nouns"
)
BLOCKS = re.findall(r"```python\n\"\"\"(\w+)\.py: (.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, ModuleType]]:
    """Each block as a module under the name in its first line; that of a format is one only where its key is declared."""
    made: dict[str, ModuleType] = {}
    for name, rest in (block for block in BLOCKS if block[0] != "pip_audit"):
        made[name] = sys.modules[name] = ModuleType(name)
        made[name].__file__ = str(Path(__file__).with_name(f"{name}.py"))
        code = compile(f'"""{name}.py: {rest}', f"docs/extending.md: {name}.py", "exec", dont_inherit=True)
        exec(code, made[name].__dict__)  # noqa: S102 - the page's own examples
    yield made
    del KINDS["readers.asked"]  # of the page's own watcher
    for name in made:
        del sys.modules[name]


def test_every_entry_point_names_what_a_block_defines(modules: dict[str, ModuleType]) -> None:
    """Each of the six groups has its example."""
    groups: dict[str, dict[str, str]] = {}
    for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL):
        groups |= tomllib.loads(block).get("project", {}).get("entry-points", {})
    assert sorted(groups) == [
        "readiness.drivers",
        "readiness.figures",
        "readiness.probes",
        "readiness.reports",
        "readiness.steps",
        "readiness.targets",
    ]
    for entries in groups.values():
        for value in entries.values():
            module, _, name = value.partition(":")
            assert hasattr(modules[module], name), value


def measured(spec: Spec, run: Evidence, **params: str) -> list[Measure]:
    """What the judge of a spec says of a run, without the guards."""
    plan = core_plan()
    limit = Quantity.parse("1 %") if spec.limit else Quantity(value=0, unit="")
    op = Op.BELOW if spec.limit else Op.HOLDS
    asked = Objective(
        figure=spec.figure,
        op=op,
        limit=limit,
        sentence="",
        params=params,
        scope=Scope(traffic=plan.claims[0].objectives[0].scope.traffic),
    )
    return list(spec.judge(Case(plan=plan, evidence=run, claim=plan.claims[0], objective=asked)))


def file_of(name: str) -> str:
    """The text of a block of Python."""
    return f'"""{name}.py: {dict(BLOCKS)[name]}'


def block(kind: str, words: str) -> str:
    """The block that has these words."""
    (found,) = (one for one in re.findall(rf"```{kind}\n(.*?)```", THINGS, re.DOTALL) if words in one)
    return str(found)


TABLE = '[tool.harness]\nprofiles = ["shop"]\nfeatures = ["features"]\nclaims = ["claims"]\n'
FILES: dict[str, tuple[str, dict[str, str]]] = {
    "a requirement": (
        "every container has resources stated",
        {"features/shop.feature": "Feature: A shop\n\n" + block("gherkin", "@SHOP-RESOURCES")},
    ),
    "a noun": (
        "every supplier names its contact and its notice",
        {"claims/papers.yaml": block("yaml", "supplier")},
    ),
    "a check": (
        'the entry answers with the header "x-frame-options"',
        {"claims/entry_header.py": file_of("entry_header")},
    ),
    "a figure": (
        "the share of requests over 500 ms is below 1 %",
        {"claims/slow_share.py": file_of("slow_share")},
    ),
    "a sentence": ("fewer than 2 % of all requests fail", {"claims/fewer_fail.py": file_of("fewer_fail")}),
    "a report of another tool": (
        "no audited package is vulnerable",
        {"claims/formats.yaml": block("yaml", "formats:"), "claims/pip_audit.py": file_of("pip_audit")},
    ),
    "an observation": (
        "a reader is accepted at all times",
        {"readers_free.py": file_of("readers_free"), "pyproject.toml": TABLE + block("toml", "probes")},
    ),
}
"""What the page adds to a project: its sentence, and every file that is written for it."""


@pytest.mark.parametrize("thing", FILES)
def test_each_thing_is_as_few_files_as_the_page_says(tmp_path: Path, thing: str) -> None:
    """In a project with a table and nothing else; the table of the page has the number."""
    sentence, files = FILES[thing]
    (row,) = (line for line in THINGS.splitlines() if line.startswith(f"| [{thing}]"))
    assert row.split("|")[2].rstrip().endswith((f": {len(files)}", f": {len(files)} file"))
    for directory in ("claims", "features"):
        (tmp_path / directory).mkdir()
    for name, text in {"pyproject.toml": TABLE, **files}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from harness.figures import spec_of\n"
        "from harness.run.project import catalogue_of, find_project\n"
        "from harness.steps import read\n"
        "said = read(sys.argv[1]).objective\n"
        "own = [one for one in catalogue_of(find_project(Path.cwd())).requirements.values() if one.profile == 'shop']\n"
        "print(spec_of(said.figure).figure, *(one.criterion for one in own), sep='; ')\n"
    )
    command = [sys.executable, "-P", "-c", code, sentence]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    figure = {"a figure": "share of slow requests", "a sentence": "error rate", "an observation": "readers accepted"}
    own = f"; {sentence}" if thing == "a requirement" else ""
    assert (ended.stdout, ended.stderr) == (f"{figure.get(thing, 'check')}{own}\n", "")


def test_a_module_of_this_repository_is_named_by_no_other(tmp_path: Path) -> None:
    """The page's figure and checks are put into its packages, and are found there with their sentences."""
    for name in ("harness", "claims"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, copy_function=os.symlink, ignore=ignored)
    added = {
        "judgement/figures/traffic": "slow_share",
        "drivers/check": "entry_header",
        "drivers/static": "documentation_file",
    }
    for room, name in added.items():
        (tmp_path / "harness" / room / f"{name}.py").write_text(file_of(name), encoding="utf-8")
    code = (
        "from harness.steps import read\n"
        "print(read('the share of requests over 500 ms is below 1 %').objective.figure)\n"
        "print(read('the entry answers with the header \"x-frame-options\"').objective.check)\n"
        "print(read('the documentation has the file \"LICENSE\"').objective.check)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (ended.stdout.splitlines(), ended.stderr) == (
        ["share of slow requests", "entry-header", "documentation-file"],
        "",
    )


def test_the_sentence_means_the_figure(modules: dict[str, ModuleType]) -> None:
    """Its slots are parameters of the objective, and the docstring of the judge says what is measured."""
    spec = modules["slow_share"].SPEC
    (template,) = (one.template for one in templates_of_figures([(spec.sentences[0], spec, "")]))
    values = template.match(template.example)
    assert values is not None
    objective = template.mean(values).objective
    assert objective is not None
    assert (objective.figure, objective.params, str(objective.limit)) == (spec.figure, {"over": "500 ms"}, "1 %")
    assert template.about == "Requests that took longer than a time, over all requests of the fault-free windows."


def test_the_figure_counts_slow_requests(modules: dict[str, ModuleType]) -> None:
    """Over all requests of a recorded run, with the receipt of the load."""
    spec = modules["slow_share"].SPEC
    for over, outcome in (("10 s", Outcome.PASS), ("0.001 ms", Outcome.FAIL)):
        first = measured(spec, core_evidence(), over=over)[0]
        assert (first.name, first.outcome, sorted(first.receipts)) == ("share of slow requests", outcome, ["load"])


def test_the_figure_reads_what_its_watcher_records(modules: dict[str, ModuleType]) -> None:
    """No record is no verdict; an answer of 503 in the window is a FAIL."""
    spec, run = modules["readers_free"].SPEC, core_evidence()
    (nothing,) = measured(spec, run)
    assert nothing.outcome is Outcome.INCONCLUSIVE
    watchers = {"readers-free": WatchSource(name="readers-free", spacing_ms=1000.0, closed=True)}
    for status, outcome in ((200, Outcome.PASS), (503, Outcome.FAIL)):
        times = (at for window in run.fault_free("everyday") for at in range(*window.span, NS_PER_S))
        asked = tuple(
            Observation(
                source="readers-free",
                seq=number,
                clock="boot",
                mono_ns=at,
                wall="",
                kind="readers.asked",
                subject="entry",
                fields={"status": 200 if number else status, "at_ns": at},
            )
            for number, at in enumerate(times)
        )
        (found,) = measured(spec, replace(run, observations=asked, watchers=watchers))
        assert (found.outcome, found.n) == (outcome, len(asked))


def test_the_check_is_claimed_on_its_function(modules: dict[str, ModuleType]) -> None:
    """Its sentence, its demand and what it needs are made from that."""
    target = Target.model_validate({"name": "a", "environment": "sandbox", "entry": "http://127.0.0.1:1"})
    claims = claims_of(modules["node_label"], CheckClaim)
    [(name, check)] = checks_of(claims).items()
    template = template_of(claims[0])
    objective = read(template.example, templates=[template]).objective
    assert (name, template.about) == ("node-label", "The nodes of every region's cluster.")
    assert objective is not None
    assert (objective.check, objective.params) == ("node-label", {"label": "topology.kubernetes.io/zone"})
    assert check.needs == (API,)
    assert accesses_of(check.read, target) == access("list nodes")


def test_the_check_over_http_reads_the_header(modules: dict[str, ModuleType]) -> None:
    """Of the entry; nothing answers there, which is no fact."""
    target = Target.model_validate({"name": "a", "environment": "sandbox", "entry": "http://127.0.0.1:1"})
    check = checks_of(claims_of(modules["entry_header"], CheckClaim))["entry-header"]
    assert [need.key for need in check.needs] == ["entry"]
    with check.placed(target, {"header": "x-frame-options"}) as probe, pytest.raises(ConnectError):
        probe()


def test_the_check_of_files_reads_the_directory_that_the_target_file_names(
    modules: dict[str, ModuleType], tmp_path: Path
) -> None:
    """A file that is there is kept with the run; one that is missing fails."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "LICENSE").write_text("free", encoding="utf-8")
    file = tmp_path / "target.yaml"
    file.write_text("name: a\nenvironment: sandbox\nfiles: {documents: docs}\n", encoding="utf-8")
    (claim,) = claims_of(modules["documentation_file"], FactClaim)
    objective = read(claim.example, templates=[template_of(claim)]).objective
    assert objective is not None
    assert objective.params == {"file": "LICENSE"}
    kept: list[Path] = []

    def keep(path: Path, copy: bytes | None = None, /) -> str:
        assert copy is None
        kept.append(path)
        return path.name

    found = [
        (fact.subject, fact.ok)
        for name in ("LICENSE", "NOTICE")
        for fact in claim(
            Asked(
                target=load_target(file),
                params={"file": name},
                release="1.0.0",
                commit="",
                today=datetime(2026, 11, 21, tzinfo=UTC),
                keep=keep,
            )
        )
    ]
    assert found == [("docs/LICENSE", True), ("docs/NOTICE", False)]
    assert kept == [tmp_path / "docs" / "LICENSE"]


def test_a_project_adds_the_format_of_another_tool_with_two_files(tmp_path: Path) -> None:
    """It has a key in the target file and a When sentence; a package that was left out of the audit is unknown, another file is refused."""
    (declared,) = (one for one in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "\nformats:" in one)
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "formats.yaml").write_text(declared, encoding="utf-8")
    (tmp_path / "claims" / "pip_audit.py").write_text(f'"""pip_audit.py: {dict(BLOCKS)["pip_audit"]}', encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text('[tool.harness]\nclaims = ["claims"]\n', encoding="utf-8")
    flask = '{"name": "flask", "version": "0.5", "vulns": [{"id": "PYSEC-2019-179"}]}'
    left_out = '{"name": "shop", "skip_reason": "not on PyPI"}'
    for name, packages in {
        "bad": f"{flask}, {left_out}",
        "good": '{"name": "flask", "version": "3", "vulns": []}',
    }.items():
        (tmp_path / f"{name}.json").write_text(f'{{"dependencies": [{packages}], "fixes": []}}', encoding="utf-8")
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    (tmp_path / "target.yaml").write_text(
        "name: a\nenvironment: sandbox\nevidence:\n  pip-audit: {bad: bad.json, good: good.json, other: other.json}\n",
        encoding="utf-8",
    )
    code = (
        "from datetime import UTC, datetime\n"
        "from pathlib import Path\n"
        "from harness.drivers.ingest.registry import ENGINES\n"
        "from harness.drivers.paper import Asked\n"
        "from harness.errors import DriverError\n"
        "from harness.steps import read\n"
        "from harness.targets import load_target\n"
        "print(read('the pip-audit report \"bad\" of this commit has been read').report)\n"
        'said = read("no audited package is vulnerable").objective\n'
        "target, now = load_target(Path('target.yaml')), datetime.now(UTC)\n"
        "for name in ('bad', 'good', 'other'):\n"
        "    params = {**said.params, 'format': 'pip-audit', 'report': name, 'of': 'target'}\n"
        "    asked = Asked(target=target, params=params, release='', commit='', today=now, keep=lambda *_: '')\n"
        "    try:\n"
        "        print(*(str(fact.ok) for fact in ENGINES[said.check](asked)[-3:]))\n"
        "    except DriverError as error:\n"
        "        print(error.what)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ended.stdout.splitlines(), ended.stderr) == (
        [
            "{'format': 'pip-audit', 'report': 'bad', 'of': 'commit'}",
            "True False None",
            "True True True",
            "is not a report of pip-audit: field required",
        ],
        "",
    )


def test_the_driver_plans_its_act(modules: dict[str, ModuleType]) -> None:
    """One act of fifteen seconds, for the demand of the page's sentence."""
    template = modules["drill_sentence"].TEMPLATE
    (demand,) = demands_of(template.mean(template.match(template.example)).objective)
    assert demand == Demand(kind="drill", name="restore-backup", params={"within": "60 s"})
    driver = modules["drill"].DrillDriver()
    (act,) = driver.plan(demand, Library(traffic={}, experiments={}))
    assert (act.name, act.seconds) == (demand.key, 15)


def test_what_is_asked_of_the_cluster_is_said(modules: dict[str, ModuleType]) -> None:
    """By a driver of each demand, by a watcher of each target; what asks nothing says nothing."""
    target = Target.model_validate({"name": "a", "environment": "sandbox", "entry": "http://127.0.0.1:1"})
    demand, library = Demand(kind="cluster-drill", name="dump", params={}), Library(traffic={}, experiments={})
    driver = modules["in_the_cluster"].ClusterDrillDriver()
    assert [str(one) for one in driver.accesses(demand, library, target)] == [
        *("list pods", "get pods", "get pods/exec", "create pods/exec", "get secrets -n backups")
    ]
    assert driver.undeclared(demand, library) == ["drills/dump.sh"]
    assert [one.name for one in driver.groups(demand, library)] == ["postgresql.cnpg.io"]
    assert modules["drill"].DrillDriver().accesses(demand, library, target) == ()
    assert modules["drill"].DrillDriver().groups(demand, library) == ()
    watcher = modules["in_the_cluster"].PodsFree()
    assert isinstance(watcher, Watcher)
    assert not watcher.needs(target)
    assert [str(one) for one in watcher.accesses(target)] == [
        *("list pods", "watch pods", "list nodes -A", "list events.events.k8s.io -A")
    ]


def test_the_page_names_every_method_of_a_driver_that_has_a_default() -> None:
    """Whoever writes one finds what it may say."""
    own = [name for name in vars(Driver) if not name.startswith("_") and callable(getattr(Driver, name))]
    assert [name for name in own if not re.search(rf"`{name}`|def {name}\(", PAGE)] == []


def test_the_driver_reads_how_its_script_ends(
    modules: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anything but 0, or too late, is not as expected."""
    script = tmp_path / "drills" / "restore.sh"
    script.parent.mkdir()
    monkeypatch.setattr(modules["drill"], "__file__", str(tmp_path / "drill.py"))
    seen = []
    for ends, within in (("exit 0", "60 s"), ("exit 3", "60 s"), ("exit 0", "0 s")):
        script.write_text(f"#!/bin/sh\n{ends}\n", encoding="utf-8")
        script.chmod(0o755)
        fact = modules["drill"].drilled(Demand(kind="drill", name="restore", params={"within": within}))
        seen.append((fact.ok, fact.observed.partition(" after ")[0]))
    assert seen == [(True, "exit 0"), (False, "exit 3"), (False, "exit 0")]


def test_a_drill_that_is_not_there_is_told_as_not_done(modules: dict[str, ModuleType]) -> None:
    """With the script's name."""
    with pytest.raises(DriverError, match=r"drills/none\.sh"):
        modules["drill"].drilled(Demand(kind="drill", name="none", params={"within": "1 s"}))


def test_lines_of_a_project_extend_every_registry(tmp_path: Path) -> None:
    """Outside any package: the page's files and its table, in a process of their own."""
    (table,) = (one for one in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "drivers = [" in one)
    (tmp_path / "pyproject.toml").write_text(f'[tool.harness]\ntarget = "sandbox"\n{table}', encoding="utf-8")
    for name, rest in BLOCKS:
        (tmp_path / f"{name}.py").write_text(f'"""{name}.py: {rest}', encoding="utf-8")
    code = (
        "from harness.steps.templates import TEMPLATES, OWN\n"
        "from harness.figures import spec_of\n"
        "from harness.drivers.watch.registry import watchers\n"
        "from harness.run.acts.registry import drivers\n"
        "from harness.report.reports import formats\n"
        "from harness.run.project import find_project\n"
        "from pathlib import Path\n"
        "find_project(Path.cwd())\n"
        "import readers_free\n"
        "assert spec_of(readers_free.SPEC.figure) is readers_free.SPEC\n"
        "print(len(TEMPLATES) - len(OWN), watchers()[-1].name, 'drill' in drivers(), formats()[-1].name)\n"
    )
    command = [sys.executable, "-P", "-c", code]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("2 readers-free True one-line\n", "")


def test_the_target_that_is_started_for_a_run_does_what_the_page_says(
    modules: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is described without being started; while it runs it is found by its file and declares its process."""
    shed: ProvidedTarget = modules["my_shed"].SHED
    monkeypatch.setattr(modules["my_shed"].subprocess, "Popen", _NoProcess)
    with shed.describe("1.0.0", stands_for="sandbox").written() as file:
        assert (load_target(file).name, shed.attach(file)) == ("shed", None)
    running = shed.start("1.0.0", print, keep=False, stands_for="sandbox", parts=())
    assert (running.release, shed.attach(running.file)) == ("1.0.0", running)
    assert (running.processes(), load_target(running.file).release.version) == (
        TargetProcesses(target=frozenset({7})),
        "1.0.0",
    )
    running.close()
    assert not running.file.exists()


class _NoProcess:
    """Instead of a service."""

    pid = 7

    def __init__(self, words: list[str]) -> None:
        assert words[1:3] == ["-m", "http.server"]

    def terminate(self) -> None:
        """It has not begun."""

    def wait(self) -> None:
        """It has not begun."""
