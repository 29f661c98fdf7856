"""`readiness steps` and `readiness explain`: how the features speak."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("text", default="")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def steps(text: str, *, as_json: bool) -> int:
    """List the sentences that features are made of; TEXT narrows the list down."""
    from harness.errors import UsageError
    from harness.steps import vocabulary

    found = vocabulary(text)
    if not found:
        raise UsageError(f"no sentence has {text!r} in it", hint="`readiness steps` lists them all")
    if as_json:
        click.echo(
            json.dumps([{"keyword": t.keyword.value, "template": t.plain} for t in found], indent=1, ensure_ascii=False)
        )
        return 0
    for template in found:
        click.echo(f"{template.keyword.value.title():5} {template.plain}")
    return 0


@click.command()
@click.argument("sentence")
def explain(sentence: str) -> int:
    """Say what a SENTENCE reads, claims and needs."""
    from harness.drivers.chaos import find_experiments
    from harness.run.project import find_project
    from harness.steps import explain as explained

    experiments = find_experiments(find_project(Path.cwd()).search("experiments"))
    explanation = explained(sentence, experiments.domains)
    click.echo(f"template  {explanation.template.plain}")
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
