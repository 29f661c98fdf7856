"""`readiness steps` and `readiness explain`: the sentences of features."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from harness.steps.template import Template


@click.command()
@click.argument("text", default="")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def steps(text: str, *, as_json: bool) -> int:
    """List the sentences that features can use.

    TEXT lists only the sentences and nouns that contain its words, or words that mean the same, such as `latency`. The values that each `<slot>` takes follow.
    """
    from harness.errors import UsageError
    from harness.steps import vocabulary

    found = vocabulary(text)
    if not found:
        raise UsageError(f"no sentence contains {text!r}", hint="`readiness steps` lists all sentences")
    if as_json:
        click.echo(json.dumps([_document(template) for template in found], indent=1, ensure_ascii=False))
        return 0
    for template in found:
        click.echo(f"{template.keyword.value.title():5} {template.plain}")
        for one in template.pairs:
            click.echo(f"        {one.plain}")
    for line in dict.fromkeys(_slots(found)):
        click.echo(line)
    return 0


def _document(template: Template) -> dict[str, Any]:
    slots = {name: slot.about for name, slot in template.every_slot}
    return {
        "keyword": template.keyword.value,
        "template": template.plain,
        "about": template.about,
        "example": template.example,
        "slots": slots,
        "nouns": [one.plain for one in template.nouns],
    }


def _slots(found: Sequence[Template]) -> Iterator[str]:
    """A line for each slot of the sentences: what it takes."""
    every = sorted({(name, slot.about) for of in found for name, slot in of.every_slot})
    width = max((len(name) for name, _ in every), default=0) + 2
    if every:
        yield "\nSlots; parts in [ ] may be left out"
    yield from (f"{f'<{name}>':{width}}  {about}" for name, about in every)


@click.command()
@click.argument("sentence")
def explain(sentence: str) -> int:
    """Explain a sentence: what it measures and needs."""
    from harness.drivers.chaos import find_experiments
    from harness.run.project import find_project
    from harness.steps import explain as explained

    experiments = find_experiments(find_project(Path.cwd()).search("experiments"))
    explanation = explained(sentence, experiments.domains)
    click.echo(f"template  {explanation.template.plain}")
    if explanation.form is not explanation.template:
        click.echo(f"form      {explanation.form.plain}")
        for slot, about in explanation.form.noun_slots.items():
            click.echo(f"  {slot}: {about}")
    click.echo(f"reads     {explanation.template.about}")
    for slot, value in explanation.slots.items():
        click.echo(f"  {slot}: {value}")
    if explanation.claims:
        click.echo(f"claims    {explanation.claims}")
    for time in explanation.times:
        click.echo(f"time      {time}")
    for need in explanation.needs:
        click.echo(f"needs     {need}")
    for kind in explanation.missing:
        click.echo(f"missing   {kind}: there is no experiment of this kind")
    return 0
