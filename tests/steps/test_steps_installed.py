"""Sentences of installed packages stand beside the harness's own; what cannot be used is refused with its entry point."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from harness.errors import UsageError
from harness.steps import Keyword, Template, templates
from harness.steps.meaning import Meaning
from harness.steps.slots import Values

FOREIGN = Template(
    name="cache-warm",
    keyword=Keyword.GIVEN,
    text="the cache is warm",
    about="Says for people what the run starts from.",
    example="the cache is warm",
    mean=lambda _slots: Meaning(),
)
TAKEN = Template(**{**FOREIGN.__dict__, "name": "failing"})
UNTYPED = Template(**{**FOREIGN.__dict__, "text": "the cache is <part:percent> warm"})
UNREAD = Template(**{**FOREIGN.__dict__, "example": "the stove is warm"})


def _raises(_values: Values) -> Meaning:
    raise KeyError("stat")


RAISES = Template(**{**FOREIGN.__dict__, "mean": _raises})
NOT_ONE = "the cache is warm"


def entries(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Installed packages name these values of this module."""
    found = [EntryPoint(name=name, group=templates.GROUP, value=f"{__name__}:{name}") for name in names]
    monkeypatch.setattr(templates, "plugins", lambda group: found if group == templates.GROUP else [])


def test_a_sentence_of_a_package_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found by its entry point, after the harness's own."""
    entries(monkeypatch, "FOREIGN")
    assert [template.name for template in templates.installed()] == ["cache-warm"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("MISSING", "cannot be loaded"),
        ("NOT_ONE", "not a sentence"),
        ("TAKEN", "two sentences are named `failing`"),
        ("UNTYPED", "the slot type 'percent' is unknown"),
        ("UNREAD", "the sentence does not read its example `the stove is warm`"),
        ("RAISES", "the sentence `cache-warm` raised KeyError: 'stat'"),
    ],
)
def test_a_sentence_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, why: str) -> None:
    """A name that is missing or taken, a value of another type, a slot without a type, an example of another sentence, a meaning that raises."""
    entries(monkeypatch, name)
    with pytest.raises(UsageError, match=why) as raised:
        templates.installed()
    assert raised.value.where == f"entry point {name} = {__name__}:{name}"
