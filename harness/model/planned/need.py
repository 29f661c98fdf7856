"""Keys that the target file must have before a step of the run can be planned."""

from __future__ import annotations

from typing import NamedTuple


class RequiredKey(NamedTuple):
    """A required key of the target file, without which there is no evidence.

    Attributes:
        key: of the target file, or a property of the target.
        why: why it is needed.
        lacks: what messages say that the target lacks; empty: they name the key.
        hint: how to provide it; empty: "add the key".
    """

    key: str
    why: str
    lacks: str = ""
    hint: str = ""
