"""What stops a session before anything runs: every fault at once, with file and line, exit code 4, no traceback."""

from __future__ import annotations

import json

import pytest

from tests.plain.plain_project import Finished, Project

FEATURE = "features/plain/kpi.feature"
TRAFFIC = '    When "browse" traffic has run\n'
TRUE = "    Then the response time p95 of every route is below 200 ms in the steady state\n"
OTHERS = "    Then the error rate of every route is below 1 % in the steady state\n"
FAULTS = f"""
  @PL-P95
  Scenario: 95 of 100 requests are answered within 200 ms
{TRAFFIC}{TRUE}
  @PL-P95
  Scenario: nothing in it

  @PL-P95
  Scenario Outline: no rows
{TRAFFIC}    Then the response time p95 of every route is below <limit> in the steady state

  @PL-P59
  Scenario: unknown id
{TRAFFIC}{TRUE}
  @PL-P95
  Scenario: another value
{TRAFFIC}    Then the response time p95 of every route is below 300 ms in the steady state

  @PL-P95
  Scenario: misspelt
{TRAFFIC}    Then the response time p95 of evry route is below 200 ms in the steady state
"""
SAID = (
    ":19: two scenarios have the name '95 of 100 requests are answered within 200 ms', the first in line 4",
    ":24: the scenario 'nothing in it' has no Then step",
    ":27: the Outline 'no rows' has no Examples",
    ":32: no requirement has the id 'PL-P59'\n  hint: did you mean 'PL-P95'?",
    ":39: the step differs from the criterion of PL-P95 (",
    "catalogue/plain.yaml:9): limit 300 ms, the criterion says 200 ms",
    ":44: unknown sentence 'the response time p95 of evry route is below 200 ms in the steady state'",
    "hint: did you mean `the <latency> <quantile>[ of <calls>] is below <limit>",
)


def _refused(finished: Finished) -> str:
    assert finished.code == 4, finished.said
    assert "Traceback" not in finished.said
    assert "INTERNALERROR" not in finished.said
    assert not finished.project.run_directories()
    return finished.said


@pytest.mark.parametrize(
    ("module", "arguments"), [("harness", ["run"]), ("harness", ["plan"]), ("pytest", ["features"])]
)
def test_faults_of_a_feature_are_all_named(project: Project, module: str, arguments: list[str]) -> None:
    """A name twice, no steps, no rows, an unknown id, another value than the criterion's (both places), a misspelt step."""
    project.append(FEATURE, FAULTS)
    said = _refused(project.do(*arguments, module=module))
    for words in SAID:
        assert words in said
    assert said.count("features/plain/kpi.feature:") == 7


def test_faults_are_named_under_xdist_too(project: Project) -> None:
    """A replay with -n: its workers are not even started."""
    project.append(FEATURE, FAULTS)
    run = project.root / "run"
    run.mkdir()
    said = _refused(project.do("features", "--evidence", run, "-n", "1", module="pytest"))
    for words in SAID:
        assert words in said


def test_a_live_run_is_not_distributed(project: Project) -> None:
    """-n without --evidence."""
    said = _refused(project.do("features", "-n", "2", module="pytest"))
    assert "a live run cannot be distributed by xdist: leave out -n, or replay a run with --evidence" in said


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (FEATURE, "Feature: A plain service", "A plain service", f"{FEATURE}:1: "),
        (
            FEATURE,
            '"browse" traffic',
            '"brows" traffic',
            f"{FEATURE}:5: there is no traffic `brows`\n  hint: did you mean `browse`? known: ",
        ),
        ("pyproject.toml", "loadtests =", "loadtest =", "tool.harness.loadtest: there is no key 'loadtest'"),
        ("target.yaml", "disposable:", "disposabel:", "target.yaml:4: disposabel: unknown key `disposabel`"),
        ("loadtests/browse.yaml", "rate: 20/s", "rate: 20 ms", "browse.yaml:3: rate: `20 ms` is not a rate above 0"),
        (
            "catalogue/plain.yaml",
            "gate: critical",
            "gate: crtical",
            "plain.yaml:11: sections[0].requirements[0].gate: ",
        ),
    ],
)
def test_a_wrong_file_is_named_with_line_and_key(project: Project, file: str, old: str, new: str, said: str) -> None:
    """Feature, project, target file, traffic, catalogue: by pytest as by the command."""
    project.edit(file, old, new)
    assert said in _refused(project.do("features", module="pytest"))


@pytest.mark.parametrize(
    ("key", "named", "said"),
    [
        ("figures", '["nope:SPEC"]', "figures: nope:SPEC: the figure cannot be loaded: No module named 'nope'"),
        ("figures", '["json:dumps"]', "figures: json:dumps: the figure's value is not a Spec"),
        ("figures", '["nope"]', "tool.harness.plugins.figures: the value must be a list of `module:name`"),
        ("reports", '["json:dumps"]', "reports: json:dumps: the object is <function dumps"),
        ("reports", '"nope:FORMAT"', "tool.harness.plugins.reports: the value must be a list of `module:name`"),
    ],
)
def test_a_plan_refuses_a_figure_or_a_report_that_cannot_be_loaded(
    project: Project, key: str, named: str, said: str
) -> None:
    """With the line that names it; before, a run ended with GO beside a figure that was not there."""
    project.append("pyproject.toml", f"\n[tool.harness.plugins]\n{key} = {named}\n")
    told = _refused(project.do("plan"))
    assert said in told
    assert "pyproject.toml:" in told
    assert "entry point" not in told


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"Feature: a\n\n  # caf\xe9\n",
            "bad.feature:3: the byte 0xe9 is not UTF-8 text\n  hint: save the file as UTF-8",
        ),
        (b"no feature\n", "bad.feature:1: "),
    ],
)
def test_a_broken_feature_that_is_not_collected_is_named_too(project: Project, content: bytes, said: str) -> None:
    """Beside the one that pytest was given: what it holds was left out, and nothing tells what that is."""
    (project.root / "features/plain/bad.feature").write_bytes(content)
    assert said in _refused(project.do(FEATURE, module="pytest"))


def test_a_test_of_the_projects_own_that_cannot_be_collected_is_named_and_runs_nothing(project: Project) -> None:
    """Beside the features: exit code 1, as pytest has it for a suite that is broken, and it is said whose it is."""
    (project.root / "features/test_own.py").write_text("import no_such_module\n", encoding="utf-8")
    finished = project.do("features", module="pytest")
    assert finished.code == 1, finished.said
    said = "1 of the project's own tests or steps failed, which are not verdicts: features/test_own.py; nothing was run or judged"
    assert said in finished.out
    assert not project.run_directories()


def test_a_free_tag_is_allowed_and_selects(project: Project) -> None:
    """`@smoke` needs no declaration; `-m smoke` leaves the other scenarios out of the plan, which says so."""
    project.edit(FEATURE, "@PL-P95", "@PL-P95 @smoke")
    finished = project.do("plan", "--", "-m", "smoke")
    assert finished.code == 0, finished.said
    assert "PL-P95" in finished.out
    assert "2 requirements (PL-ERRORS, PL-UPTIME): left out by a filter\n" in finished.out
    assert "2 scenarios are left out" in finished.out


def test_a_tag_may_have_a_colon_brackets_or_a_first_underscore(project: Project) -> None:
    """As issue trackers and reports read them: pytest declares no marker of such a name, and its `-k` selects by it."""
    project.edit(FEATURE, "@PL-P95", "@PL-P95 @issue:SHOP-42 @severity(high) @_draft")
    finished = project.do("plan", "--", "-k", "issue:SHOP-42")
    assert finished.code == 0, finished.said
    assert "PL-P95" in finished.out
    assert "2 requirements (PL-ERRORS, PL-UPTIME): left out by a filter\n" in finished.out


RUSSIAN = """\
# language: ru
Функция: 🛒 корзина

  @PL-P95
  Структура сценария: ответы <which>
    Когда "browse" traffic has run
    Тогда the response time p95 of every route is below 200 ms in the steady state

    Примеры:
      | which      |
      | 95 \\| 100 |
"""


def test_a_feature_in_russian_with_a_pipe_and_an_emoji_is_planned(project: Project) -> None:
    """What pytest collects of it is what the harness reads of it: its one row claims its requirement."""
    (project.root / FEATURE).write_text(RUSSIAN, encoding="utf-8")
    finished = project.do("plan", "--json")
    assert finished.code == 0, finished.said
    assert [one["requirement"] for one in json.loads(finished.out)["sentences"]] == ["PL-P95"]


def test_a_plan_of_a_file_that_is_not_there_is_only_refused(project: Project) -> None:
    """A profile's name in the place of a file: pytest's words, and no plan in which no scenario claims any row."""
    finished = project.do("plan", "core")
    assert finished.code == 4, finished.said
    assert "file or directory not found: core" in finished.said
    assert "no scenario claims it" not in finished.said


def test_a_broken_experiment_stops_only_what_uses_it(project: Project) -> None:
    """The profile that does not use it is planned, and the file is named; the one that does exits with 4."""
    project.edit("pyproject.toml", "loadtests =", 'experiments = ["experiments"]\nloadtests =')
    (project.root / "experiments").mkdir()
    (project.root / "experiments/pod-loss.yaml").write_text("title: mine\nmethod: [\n", encoding="utf-8")
    finished = project.do("plan")
    assert finished.code == 0, finished.said
    assert "pod-loss.yaml:3: the text is not plain YAML" in finished.said
    assert "(no chosen scenario uses this file)" in finished.said
    refused = project.do("plan", "--profile", "core")
    said = _refused(refused)
    assert "pod-loss.yaml:3: the text is not plain YAML" in said
    assert "7 chosen scenarios use this file, the first is features/atomos/stability-criteria.feature" in said
    said = _refused(project.do("plan", "--profile", "core", "--only", "AT-STB-RECOVERY"))
    assert "; the chosen scenario features/atomos/stability-criteria.feature:" in said
    assert " uses this file\n" in said


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize("features", ["empty", "of others", "unnamed"])
def test_a_project_without_a_scenario_is_told_where_to_write_one(project: Project, command: str, features: str) -> None:
    """Which directories were read, the requirement and the file: exit code 5, and no more than pytest's words before."""
    (project.root / FEATURE).unlink()
    if features == "of others":
        (project.root / FEATURE).write_text(
            f"Feature: a\n\n  @AT-STB-ERRORS\n  Scenario: b\n{TRAFFIC}{OTHERS}", encoding="utf-8"
        )
    if features == "unnamed":
        project.edit("pyproject.toml", 'features = ["features"]\n', "")
    finished = project.do(command)
    assert finished.code == 5, finished.said
    assert "Traceback" not in finished.said
    read = {
        "empty": f"no feature files in {project.root / 'features'}, and from the package",
        "of others": f"1 feature file in {project.root / 'features'}, and from the package",
        "unnamed": "no directory of the project's own, and from the package",
    }[features]
    named = 'name a directory with `features = ["features"]` under `[tool.harness]`, and ' * (features == "unnamed")
    assert (
        "no scenario claims a requirement of plain\n"
        f"  features were read from {read}\n"
        f"  hint: {named}write a scenario tagged @PL-P95 into features/plain/this-project.feature; `readiness steps` lists"
    ) in finished.said
    if command == "plan":
        assert "no scenario claims a requirement" not in project.do("plan", "--json").said


def test_a_filter_that_leaves_nothing_over_selects_nothing(project: Project) -> None:
    """Exit code 5."""
    finished = project.do("features", "-k", "nothing_like_it", module="pytest")
    assert finished.code == 5
    assert "no scenario claims a requirement" not in finished.said


def test_the_projects_own_names_of_tests_hide_no_scenario(project: Project) -> None:
    """`python_functions` is for its modules: with it a session judged nothing, without a word."""
    (project.root / "pytest.ini").write_text("[pytest]\npython_functions = check_*\n", encoding="utf-8")
    finished = project.do("features", "--collect-only", module="pytest")
    assert finished.out.count("<Function test_0") == 3, finished.said


def test_two_experiments_of_one_name_stop_a_plan(project: Project) -> None:
    """By pytest as by the command, in words."""
    project.edit("pyproject.toml", "loadtests =", 'experiments = ["experiments"]\nloadtests =')
    (project.root / "experiments").mkdir()
    for suffix in ("json", "yaml"):
        (project.root / f"experiments/mine.{suffix}").write_text("{}", encoding="utf-8")
    for arguments, module in ((["plan"], "harness"), (["features"], "pytest")):
        said = _refused(project.do(*arguments, module=module))
        assert "experiments/mine.yaml: the experiment `mine` is defined twice, also in " in said
