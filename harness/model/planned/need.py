"""Keys that the target file must have before a step of the run can be planned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class RequiredKey(NamedTuple):
    """A required key of the target file, without which there is no evidence.

    Attributes:
        key: key of the target file, or property of the target.
        why: reason for the need.
        lacks: text of messages on the missing key; empty: the name of the key.
        hint: how to provide the key; empty: "add the key".
    """

    key: str
    why: str
    lacks: str = ""
    hint: str = ""

    def filled(self, params: Mapping[str, str]) -> RequiredKey:
        """The key for a sentence: a key such as `drills.{drill}` has the name that the sentence gives.

        Raises:
            KeyError: the sentence does not give it.
        """
        return RequiredKey(*(text.format_map(params) for text in self)) if "{" in self.key else self
