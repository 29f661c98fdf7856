"""The form of a YAML file in a directory of claims. Each reader of such files has a subclass with the type of what it reads."""

from __future__ import annotations

from typing import Any

from harness.targets.files.values import TargetSection


class ClaimsFile(TargetSection):
    """One file, with every key that such a file may have.

    Attributes:
        documents, registers: nouns of sentences on files. formats: of reports. things, fields: nouns of sentences on objects of a cluster.
    """

    documents: Any = None
    fields: Any = None
    formats: Any = None
    registers: Any = None
    things: Any = None
