"""What sentences about files may name, and what stands for a text that is not written yet; documents and registers are in `noun_files.py`."""

from __future__ import annotations

import re
from typing import Final

ENVIRONMENTS: Final = ("sandbox", "staging", "production")
PLACEHOLDERS: Final = frozenset(
    {"", "-", "?", "...", "…", "todo", "tbd", "tba", "fixme", "to be done", "to be written", "n/a"}
)
"""What people write where nothing is written yet."""
UNWRITTEN: Final = re.compile(
    r"(?:TODO|TBD|TBA|FIXME|XXX)\b|(?i:(?:todo|tbd|tba|fixme|wip|coming soon|work in progress|under construction)(?=\W*$|\s*[:(\u2013\u2014-])|"
    r"to be (?:added|completed|continued|decided|defined|described|determined|done|written)\b)"
)
"""How a text begins that stands for one that is not written yet."""
