"""What is loaded from packages and the project's own modules, whatever they raise."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from harness.errors import ConfigurationError
from harness.plugins import loaded


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
