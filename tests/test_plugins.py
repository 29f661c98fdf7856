"""What is loaded from packages and the project's own modules, whatever they raise."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from harness.errors import ConfigurationError, DriverError, UsageError
from harness.plugins import called, claims_modules, loaded, plugins


@pytest.mark.parametrize(
    ("module", "name", "said"),
    [
        ("raise ValueError('no figures here')", "SPEC", "ValueError: no figures here"),
        ("def broken(:", "SPEC", "SyntaxError: invalid syntax"),
        ("import nothing_like_it", "SPEC", "No module named 'nothing_like_it'"),
        ("", "SPEC", "has no attribute 'SPEC'"),
        ("import sys; sys.exit('shut')", "SPEC", "SystemExit: shut"),
        ("def make(): return 1 / 0", "make", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_module_of_ones_own_that_raises_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, name: str, said: str
) -> None:
    """With its entry point, what it raised, and what to do."""
    (tmp_path / "own_figures.py").write_text(f"{module}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint(name="own", value=f"own_figures:{name}", group="readiness.figures")
    with pytest.raises(ConfigurationError) as caught:
        loaded(entry, "the figure", made=True)
    sys.modules.pop("own_figures", None)
    assert caught.value.what.startswith("the figure cannot be loaded: ")
    assert said in caught.value.what
    assert caught.value.where == f"entry point own = own_figures:{name}"
    assert caught.value.hint == "correct the module, or leave the entry point out"


def test_a_function_of_a_project_that_raises_is_named_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the harness is passed on as it is."""
    text = "from harness.errors import UsageError\ndef divides():\n    return 1 / 0\ndef refuses():\n    raise UsageError('no')\n"
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "own.py").write_text(text, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\nclaims = ['claims']\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    [*_, module] = claims_modules.__wrapped__()
    monkeypatch.setattr("harness.plugins.claims_modules", lambda: (module,))
    with pytest.raises(DriverError) as raised:
        called(module.divides, module.divides)
    assert str(raised.value) == (
        f"{module.__file__}:3: `divides` raised ZeroDivisionError: division by zero\n  hint: correct the function"
    )
    with pytest.raises(UsageError, match="no"):
        called(module.refuses, module.refuses)
    assert called(lambda: 3, len) == 3


def test_a_line_of_a_project_is_named_by_file_line_and_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no entry point, and has no name but what it names."""
    text = "[tool.harness.plugins]\nfigures = [\n  'absent_figures:SPEC',\n]\n"
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    (entry,) = plugins("readiness.figures")
    with pytest.raises(ConfigurationError) as caught:
        loaded(entry, "the figure")
    at = f"{tmp_path / 'pyproject.toml'}:3: tool.harness.plugins.figures: absent_figures:SPEC"
    assert caught.value.where == at
    assert caught.value.hint == "correct the module, or leave the line out"
