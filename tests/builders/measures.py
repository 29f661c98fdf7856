"""Every measure that the tests of a module of `tests/judgement` make is what it was: to the letter, where there is a file in `golden/measures/`.

A test asserts what it is about; a text, a method, a scope or a bound beside that would change unseen. Of a test that makes no measure its
receipts are held. Where a change is meant, `python -m pytest tests/judgement/test_judgement_NAME.py --golden` writes the file anew (one
process, all tests of the module): read its diff. Figures have the six digits of a judgement. What stands in `golden/healthy.ndjson` word
for word is counted, not repeated; what an earlier test of the module made word for word is named by its hash. Tests of random data are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from harness.evidence.histories.history import clock_name
from harness.model import Measure, Receipt
from harness.model.rounding import rounded

GOLDEN: Final = Path(__file__).parents[1] / "judgement" / "golden"
MEASURES: Final = GOLDEN / "measures"
_PREFIX: Final = "test_judgement_"
_WRITTEN: Final[dict[Path, list[str]]] = {}


def add_options(parser: pytest.Parser) -> None:
    """`--golden`."""
    parser.addoption("--golden", action="store_true", help="write golden/measures/ of the test modules anew")


def _plain(value: Any) -> Any:
    """What JSON holds of a value, numbers rounded: `asdict` copies each part, of hundreds of measures a test."""
    if value is None or isinstance(value, str | int | float):
        return rounded(value)
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return {each.name: _plain(getattr(value, each.name)) for each in fields(value)} if is_dataclass(value) else value


def _text(found: Mapping[str, Any]) -> str:
    text = json.dumps(found, default=str, ensure_ascii=False, sort_keys=True)
    return text.replace(clock_name(), "CLOCK")  # its name is that of the machine's last boot


@cache
def _healthy() -> frozenset[str]:
    lines = (GOLDEN / "healthy.ndjson").read_text(encoding="utf-8").splitlines()
    return frozenset(json.dumps(json.loads(line), ensure_ascii=False, sort_keys=True) for line in lines)


@cache
def _before(file: Path) -> Mapping[str, list[str]]:
    """The lines of each test of a module, whole."""
    found: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        test, _, text = line.partition("\t")
        texts.setdefault(_hash(text), text)
        found.setdefault(test, []).append(f"{test}\t{texts.get(text, text)}")
    return found


def _hash(text: str) -> str:
    return "#" + sha256(text.encode()).hexdigest()[:12]


def _written_once(lines: list[str]) -> list[str]:
    """The lines of a module, each text as its hash where it comes again."""
    known: set[str] = set()
    found = []
    for line in lines:
        test, _, text = line.partition("\t")
        short = _hash(text)
        found.append(f"{test}\t{short}" if short in known and len(text) > len(short) else line)
        known.add(short)
    return found


def fields_of(one: Measure | Receipt) -> Mapping[str, Any]:
    """All of it; an amount and worst requests only where there are, as few have, and of a feature of the project its file: its lines move."""
    found = {name: value for name, value in _plain(one).items() if name not in {"amount", "worst_requests"} or value}
    if str(found.get("at", "")).startswith("features/"):
        found["at"] = found["at"].partition(":")[0]
    return found


def _lines(test: str, measures: list[Measure], receipts: list[Receipt]) -> list[str]:
    """One line each, and how many are those of a healthy run."""
    texts = list(dict.fromkeys(_text(fields_of(one)) for one in measures or receipts))
    own = [text for text in texts if text not in _healthy()]
    same = [f"{len(texts) - len(own)} as in healthy.ndjson"] if len(own) < len(texts) else []
    return [f"{test}\t{text}" for text in [*own, *same]]


@pytest.fixture(autouse=True)
def measures_as_before(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Note each measure that the test makes, and hold all of them against the file of its module."""
    file = MEASURES / f"{request.path.stem.removeprefix(_PREFIX)}.ndjson"
    golden = request.config.getoption("--golden") and request.path.stem.startswith(_PREFIX)
    held = getattr(request.module, "MEASURES_HELD", True) and (golden or file.is_file())
    if hasattr(getattr(request, "function", None), "hypothesis") or not held:
        yield
        return
    measures: list[Measure] = []
    receipts: list[Receipt] = []
    for made, kind in ((measures, Measure), (receipts, Receipt)):
        monkeypatch.setattr(kind, "__init__", _noting(kind, made))
    yield
    lines = _lines(request.node.name, measures, receipts)
    if golden:
        _WRITTEN.setdefault(file, []).extend(lines)
        return
    own = _before(file).get(request.node.name, [])
    assert lines == own, f"its measures changed: where that is meant, `--golden` writes {file.name} anew"


def _noting(kind: type, made: list[Any]) -> Any:
    make: Any = kind.__init__  # type: ignore[misc]  # that of a dataclass, replaced while a test runs

    def noted(self: Any, *words: Any, **fields: Any) -> None:
        make(self, *words, **fields)
        made.append(self)

    return noted


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was collected for `--golden`."""
    if session.config.getoption("--golden"):
        MEASURES.mkdir(parents=True, exist_ok=True)
        for file, lines in _WRITTEN.items():
            if lines:
                file.write_text("\n".join(_written_once(lines)) + "\n", encoding="utf-8")
