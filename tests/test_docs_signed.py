"""What docs/signed-verdict.md and docs/trace-ids.md tell to type is run, and their tables are those of the code."""

from __future__ import annotations

import hashlib
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import readiness
from harness.evidence.signed.statements import LISTED, TEST_RESULT, VERDICT
from harness.evidence.signed.verdicts import FILE
from harness.model.judged.outcome import DECISION_EXITS
from tests.builders.signed_runs import good_run, recorded
from tests.page_blocks import blocks

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "signed-verdict.md").read_text(encoding="utf-8")
TRACES = (DOCS / "trace-ids.md").read_text(encoding="utf-8")


def lines(text: str) -> list[list[str]]:
    """The lines of its blocks for a shell, word by word."""
    return [shlex.split(line) for block in blocks(text, "sh") for line in block.splitlines()]


def test_each_line_can_be_typed_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the page, but for the name of the run; what is installed is installed."""
    run = recorded(tmp_path / "runs", good_run()).path
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEY_PASSPHRASE", "correct horse")
    programs = {"pip": 0, "openssl": 0, "readiness": 0}
    for line in lines(PAGE):
        words = [str(run) if word == "RUN" else word for word in line]
        programs[words[0]] += 1
        if words[0] == "openssl":
            subprocess.run(words, check=True, capture_output=True)
        elif words[0] == "readiness":
            done = CliRunner().invoke(readiness, words[1:], standalone_mode=False)
            assert (done.exception, done.return_value) == (None, 0)
    assert min(programs.values()) > 0
    assert done.output.splitlines()[-1].startswith("GO for sandbox")
    assert FILE in PAGE


def test_the_tables_are_those_of_the_code() -> None:
    """Of the exit codes, and of the list in which each verdict is."""
    told = dict(
        re.findall(r"^\| (PASS|FAIL|WAIVED|INCONCLUSIVE|NOT ASSESSED)(?:: [^|]*)? \| `(\w+)` \|$", PAGE, re.MULTILINE)
    )
    assert told == {outcome.value: name for outcome, name in LISTED.items()}
    codes = {line.split(" | ")[0]: line for line in re.findall(r"^\| (\d+ \| authentic, .*) \|$", PAGE, re.MULTILINE)}
    for decision, code in DECISION_EXITS.items():
        assert re.search(rf"\b{decision.value}\b", codes[str(int(code))])
    assert TEST_RESULT in PAGE
    assert VERDICT in PAGE


def test_the_rule_of_trace_ids_is_that_of_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    """The block of the page prints what the rule of the page gives."""
    (block,) = re.findall(
        r"^```python\n(from harness\.model\.records\.traces.*?)^```$", TRACES, re.MULTILINE | re.DOTALL
    )
    exec(compile(block, "trace-ids.md", "exec"), {})  # noqa: S102 - as a reader runs it
    digest = hashlib.sha256(b"20261121T093752Z-shop-1.0.0/everyday/1").digest()
    start, journey, request = (int.from_bytes(digest[at : at + 8]) for at in (8, 16, 24))
    second = (start + 17 * (journey | 1) + 3 * (request | 1)) % 2**64
    assert capsys.readouterr().out == f"{digest[:8].hex()}{second:016x}\n"
