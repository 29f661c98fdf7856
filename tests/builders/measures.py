"""Every measure that the tests of a module of `tests/judgement` make is what it was: to the letter, where there is a file in `golden/measures/`.

A test asserts what it is about; a text, a method, a scope or a bound beside that would change unseen. Where a change is meant,
`python -m pytest tests/judgement/test_judgement_NAME.py --golden` writes the file anew (one process, all tests of the module): read its diff.
Tests of random data are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pytest

from harness.model import Measure

MEASURES: Final = Path(__file__).parents[1] / "judgement" / "golden" / "measures"
_PREFIX: Final = "test_judgement_"
_WRITTEN: Final[dict[Path, list[str]]] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--golden`."""
    parser.addoption("--golden", action="store_true", help="write golden/measures/ of the test modules anew")


def _line(test: str, measure: Measure) -> str:
    return f"{test}\t{json.dumps(asdict(measure), default=str, ensure_ascii=False, sort_keys=True)}"


@pytest.fixture(autouse=True)
def measures_as_before(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Note each measure that the test makes, and hold all of them against the file of its module."""
    file = MEASURES / f"{request.path.stem.removeprefix(_PREFIX)}.ndjson"
    golden = request.config.getoption("--golden") and request.path.stem.startswith(_PREFIX)
    if hasattr(getattr(request, "function", None), "hypothesis") or not (golden or file.is_file()):
        yield
        return
    made: list[Measure] = []
    make = Measure.__init__

    def noted(self: Measure, *words: Any, **fields: Any) -> None:
        make(self, *words, **fields)
        made.append(self)

    monkeypatch.setattr(Measure, "__init__", noted)
    yield
    lines = list(dict.fromkeys(_line(request.node.name, one) for one in made))
    if golden:
        _WRITTEN.setdefault(file, []).extend(lines)
        return
    before = file.read_text(encoding="utf-8").splitlines()
    own = [line for line in before if line.startswith(f"{request.node.name}\t")]
    assert lines == own, f"its measures changed: where that is meant, `--golden` writes {file.name} anew"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was collected for `--golden`."""
    if session.config.getoption("--golden"):
        MEASURES.mkdir(parents=True, exist_ok=True)
        for file, lines in _WRITTEN.items():
            if lines:
                file.write_text("\n".join(lines) + "\n", encoding="utf-8")
