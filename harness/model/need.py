"""What the target file must name before an act can be planned."""

from __future__ import annotations

from typing import NamedTuple


class RequiredKey(NamedTuple):
    """A key of the target file without which there is no evidence, and why.

    Attributes:
        key: of the target file, or a property of the target.
        why: it is needed.
        lacks: what a target without it lacks; empty: the key.
        hint: how to provide it; empty: add the key.
    """

    key: str
    why: str
    lacks: str = ""
    hint: str = ""
