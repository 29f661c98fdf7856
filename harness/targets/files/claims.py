"""The form of a YAML file in a directory of claims; each reader has a subclass with the type of its entries."""

from __future__ import annotations

from typing import Any

from harness.targets.files.values import TargetSection


class ClaimsFile(TargetSection):
    """One claims file, with every key that is allowed.

    Attributes:
        documents: nouns of sentences about files.
        registers: nouns of sentences about registers in files.
        formats: formats of reports.
        things: nouns of sentences about objects of a cluster.
        fields: nouns of sentences about fields of these objects.
    """

    documents: Any = None
    fields: Any = None
    formats: Any = None
    registers: Any = None
    things: Any = None
