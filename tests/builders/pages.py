"""Pages of `docs/` as text: what was one subject is several short pages."""

from __future__ import annotations

from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parents[2] / "docs"


def pages(*names: str) -> str:
    """The text of pages, by their names without `.md`, one after the other."""
    return "\n".join((DOCS / f"{name}.md").read_text(encoding="utf-8") for name in names)
