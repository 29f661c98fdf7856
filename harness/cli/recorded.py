"""The argument RUN of commands that work on a recorded run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

_SCHEME: Final = "s3://"
"""As in `harness.targets.files.upload`, whose import takes longer than a command's help."""


class RecordedRun(click.Path):
    """A directory, a name below the directory of the runs, or `s3://BUCKET/PREFIX/RUN`, which is downloaded."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path as given, or that of the downloaded run."""
        if not str(value).startswith(_SCHEME) or (ctx is not None and ctx.resilient_parsing):  # a shell completes
            return super().convert(value, param, ctx)
        from harness.run.uploads import downloaded

        return downloaded(str(value), lambda line: click.echo(line, err=True))
