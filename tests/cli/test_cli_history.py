"""`readiness history`, `plan` and `why` as they are typed."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import main
from tests.builders.past import verdict, write

Call = Callable[..., tuple[int, str]]
A, B = "20261120T100000Z-shop-1.0.0", "20261120T110000Z-shop-1.1.0"


@pytest.fixture
def readiness(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """The command in this process, in a project with two runs and a directory that is none."""
    (tmp_path / "pyproject.toml").write_text('[tool.harness]\nprofiles = ["core"]\n')
    runs = tmp_path / "reports" / "runs"
    write(runs, A)
    write(runs, B, verdict(B, 150.0, release="1.1.0", decision="NO-GO"))
    (runs / "notes").mkdir()
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["readiness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), "".join(capfd.readouterr())

    return call


def test_the_runs_are_listed(readiness: Call) -> None:
    """Exit code 0, whatever they decided and whatever lies beside them."""
    code, text = readiness("history")
    assert code == 0, text
    assert f"{B}  NO-GO" in text
    assert "notes: the run has no verdict.json" in text
    assert "worse: 1.5 times" in text


def test_only_the_latest_are_read_on_demand(readiness: Call) -> None:
    """And how many there are beside them."""
    code, text = readiness("history", "--last", "1")
    assert code == 0, text
    assert A not in text
    assert "2 earlier runs not shown; --last 3 shows all" in text


def test_two_runs_are_compared_by_name_or_by_path(readiness: Call, tmp_path: Path) -> None:
    """A name is below the directory of the runs."""
    for first in (A, str(tmp_path / "reports" / "runs" / A)):
        code, text = readiness("history", first, B)
        assert code == 0, text
        assert "SHOP-P95  response time p95 of read-track: 100 ms [97 to 103 ms] → 150 ms" in text


def test_for_machines(readiness: Call) -> None:
    """One JSON document, also of two runs."""
    listed = json.loads(readiness("history", "--json")[1])
    assert [run["run"] for run in listed["runs"]] == [A, B]
    compared = json.loads(readiness("history", A, B, "--json")[1])
    assert compared["figures"][0]["change"]["proven"] == "worse"


def test_a_directory_whose_name_is_no_text_is_listed(readiness: Call, tmp_path: Path) -> None:
    """With what can be printed of it, for people and for machines."""
    name = os.fsdecode(b"20261120T120000Z-shop-\xff")
    write(tmp_path / "reports" / "runs", name, verdict(B))
    shown = "20261120T120000Z-shop-\N{REPLACEMENT CHARACTER}"
    assert [run["run"] for run in json.loads(readiness("history", "--json")[1])["runs"]] == [A, B, shown]
    assert shown in readiness("history")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["history", B], "the number of runs is 1, expected 0 or 2\n  hint: readiness history RUN RUN"),
        (["history", "--out", "elsewhere"], "elsewhere: the runs cannot be read: No such file or directory"),
        (["history", "--last", "0"], "Invalid value for '--last'"),
    ],
)
def test_what_is_mistyped_is_answered(readiness: Call, arguments: list[str], said: str) -> None:
    """Exit code 4, no traceback."""
    code, text = readiness(*arguments)
    assert code == 4, text
    assert said in text


def test_a_new_project_has_no_runs_yet(readiness: Call, tmp_path: Path) -> None:
    """No error: exit code 0, what makes the first, and for machines an empty list in its form."""
    shutil.rmtree(tmp_path / "reports")
    assert readiness("history") == (0, "reports/runs has no runs yet; `readiness run` makes the first one\n")
    code, text = readiness("history", "--json")
    assert code == 0, text
    assert json.loads(text) == {"runs": [], "unread": [], "left_out": 0, "trends": []}


@pytest.mark.parametrize(
    "words",
    [
        f"judge {A}",
        f"report {A}",
        f"why SHOP-P95 {A}",
        "why SHOP-P95",
        f"plan --target ../mine.yaml --profile core --baseline {A}",
    ],
)
def test_a_run_is_named_below_the_projects_runs_from_any_directory(
    readiness: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    """By its name, in every command alike, and `why` takes the latest; from a directory below the root, too."""
    (tmp_path / "reports" / "runs" / "latest").symlink_to(A)
    (tmp_path / "mine.yaml").write_text(
        "name: shop\nenvironment: staging\nentry: http://127.0.0.1:1\n", encoding="utf-8"
    )
    (tmp_path / "features").mkdir()
    monkeypatch.chdir(tmp_path / "features")
    text = readiness(*words.split())[1]
    assert "plan.json: the plan cannot be read" in text
    assert A in text


def test_a_run_that_was_named_and_cannot_be_read_is_an_error(readiness: Call, tmp_path: Path) -> None:
    """Exit code 10, as of any run that cannot be judged."""
    write(tmp_path / "reports" / "runs", "20261120T120000Z-x", b"{}")
    code, text = readiness("history", A, "20261120T120000Z-x")
    assert code == 10, text
    assert "verdict.json is not a verdict: " in text


def test_the_commands_are_listed_without_loading_what_they_need() -> None:
    """`readiness --help` names every command and exit code; none of the rooms that drive, judge or report is imported for it."""
    import subprocess

    code = (
        "import sys; sys.argv = ['readiness', '--help']\n"
        "from harness.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in {names!r}))"
    ).replace(
        "{names!r}", repr({"numpy", "scipy", "pydantic", "pytest", "yaml", "kubernetes", "httpx", "rich", "jinja2"})
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.splitlines()[-1] == "[]"
    for words in (
        *("  history ", "  judge ", "readiness run --target sandbox --release slow"),
        *("0 GO · 1 NO-GO · 2 interrupted", "10 inconclusive"),
    ):
        assert words in finished.stdout
    assert "\\b" not in finished.stdout


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 400])
def test_a_number_of_a_foreign_run_that_is_not_finite_costs_that_run(
    readiness: Call, tmp_path: Path, number: str
) -> None:
    """JSON has such a number, and no JSON can be written with what it is read as."""
    file = tmp_path / "reports" / "runs" / A / "verdict.json"
    body = json.loads(file.read_bytes())
    file.write_text(json.dumps({**body, "score": 12.5}).replace("12.5", number))
    code, text = readiness("history", "--json")
    assert code == 0, text
    found = json.loads(text)
    assert ([one["run"] for one in found["runs"]], A in {one["run"] for one in found["unread"]}) == ([B], True)
    code, text = readiness("history", "--json", A, B)
    assert (code, "Traceback" in text) == (10, False), text
