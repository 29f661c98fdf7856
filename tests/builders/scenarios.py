"""Scenarios, as if read from a feature file."""

from __future__ import annotations

from harness.model import Scenario, Step


def scenario(name: str = "a", *sentences: str, file: str = "a.feature", line: int = 9, tag: str = "") -> Scenario:
    """Named `name`; each sentence is `when: …` or `then: …`, in lines 1, 2, 3."""
    split = (sentence.split(": ", 1) for sentence in sentences)
    steps = [Step(keyword=key, text=text, at=f"{file}:{number}") for number, (key, text) in enumerate(split, 1)]
    return Scenario(file=file, line=line, name=name, template=name, tags=(tag,) if tag else (), steps=tuple(steps))
