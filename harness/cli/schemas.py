"""`readiness schema`: JSON Schemas of the files that people write, made from the models that read them, for editors and other tools."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from harness.errors import UsageError
from harness.files import write_atomic

FILES: Final = {
    "target": ("harness.targets.files.target", "Target", "Target file of Readiness Harness"),
    "catalogue": ("harness.catalogue.files", "CatalogueFile", "Catalogue file of Readiness Harness"),
    "traffic": ("harness.drivers.load.size", "Size", "Size file of a traffic of Readiness Harness"),
    "rollout": ("harness.drivers.rollout.files", "RolloutFile", "Rollout file of Readiness Harness"),
    "experiment": (
        "harness.targets.files.harness_block",
        "HarnessBlock",
        "Experiment file of Chaos Toolkit, with the block `harness` of Readiness Harness",
    ),
}
"""The files with a schema, by name: module and name of the model, title of the schema."""
SUFFIX: Final = ".schema.json"
_DIALECT: Final = "http://json-schema.org/draft-07/schema#"
"""The newest version that the YAML plugins of all editors know."""


@click.command()
@click.argument("name", required=False, type=click.Choice([*FILES]))
@click.option(
    "--write",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write all schemas into this directory, as NAME.schema.json.",
)
def schema(name: str | None, directory: Path | None) -> int:
    """Print the JSON Schema of a file that people write, or write all of them for an editor.

    In a project the schema of the target file also has the formats of reports that the project itself declares. A file that a schema refuses
    is refused by a run, too; a run also checks what no schema can say.
    """
    if (name is None) == (directory is None):
        hint = (
            f"`readiness schema target` prints one of {', '.join(FILES)}; `readiness schema --write schemas` writes all"
        )
        raise UsageError("expected the name of a schema or --write DIR", where="schema", hint=hint)
    if name is not None:
        click.echo(schema_text(name), nl=False)
    if directory is not None:
        for path in write_schemas(directory):
            click.echo(f"wrote  {path}")
    return 0


def write_schemas(directory: Path) -> Iterator[Path]:
    """Write all schemas; yields the path of each.

    Raises:
        UsageError: the directory cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in schema_files():
            write_atomic(directory / name, text.encode())
            yield directory / name
    except OSError as error:
        what = f"the schemas cannot be written: {error.strerror}"
        raise UsageError(what, where=str(error.filename or directory), hint="name another directory") from error


def schema_files() -> Iterator[tuple[str, str]]:
    """File name and text of each schema."""
    for name in FILES:
        yield f"{name}{SUFFIX}", schema_text(name)


def schema_text(name: str) -> str:
    """The schema of a file as JSON text."""
    return json.dumps(json_schema(name), indent=1, ensure_ascii=False) + "\n"


def json_schema(name: str) -> dict[str, Any]:
    """The schema of a file; `name` is a key of `FILES`."""
    from harness.schemas import schema_of  # pydantic: for the commands that need schemas alone

    module, model, title = FILES[name]
    made = schema_of(getattr(import_module(module), model))
    if name == "experiment":
        made = _experiment(made)
    return {"$schema": _DIALECT, "title": title, **made}


def _experiment(block: dict[str, Any]) -> dict[str, Any]:
    """The schema of an experiment file whose extension `harness` is the block; Chaos Toolkit itself reads the rest."""
    definitions = block.pop("$defs", {})
    named = {"properties": {"name": {"const": "harness"}}, "required": ["name"]}
    item = {"type": "object", "if": named, "then": {"$ref": "#/$defs/HarnessBlock"}}
    return {
        "type": "object",
        "properties": {"extensions": {"anyOf": [{"type": "array", "items": item}, {"type": "null"}]}},
        "required": ["title", "description", "method"],
        "$defs": {**definitions, "HarnessBlock": block},
    }
