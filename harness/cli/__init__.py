"""The command `readiness`. The module of a subcommand is imported when the subcommand is called."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Final

import click

import harness
from harness.cli.streams import settle_streams, unsaid
from harness.errors import Exit, HarnessError, UsageError

_COMMANDS: Final = {
    # command: (module, attribute), in the order of use
    "init": ("harness.cli.init", "init"),
    "run": ("harness.cli.run", "run"),
    "plan": ("harness.cli.run", "plan"),
    "judge": ("harness.cli.judging", "judge"),
    "report": ("harness.cli.judging", "report"),
    "why": ("harness.cli.why", "why"),
    "history": ("harness.cli.history", "history"),
    "fleet": ("harness.cli.fleet", "fleet"),
    "steps": ("harness.cli.vocabulary", "steps"),
    "explain": ("harness.cli.vocabulary", "explain"),
    "catalogue": ("harness.cli.catalogue", "catalogue"),
    "schema": ("harness.cli.schemas", "schema"),
    "attest": ("harness.cli.statements", "attest"),
    "waive": ("harness.cli.statements", "waive"),
    "attest-run": ("harness.cli.signed", "attest_run"),
    "verify": ("harness.cli.signed", "verify"),
    "recover": ("harness.cli.recover", "recover"),
    "doctor": ("harness.cli.doctor", "doctor"),
}

_YOUNG: Final = 50_000
"""Number of new objects before garbage collection: with the default of 700, collection takes a tenth of a command's time."""


class _Commands(click.Group):
    """Finds a command by name and imports only its module; for an unknown name the nearest known name is shown.

    Each installed provided target has a command with its name; entry points are read only for these commands.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        from harness.provided import (
            provided_names,
        )  # most commands need no entry points, which take a third of the time to start

        return list(dict.fromkeys([*_COMMANDS, *provided_names()]))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in _COMMANDS:
            from harness.provided import is_provided, provided

            return provided(cmd_name).command() if is_provided(cmd_name) else None
        module, attribute = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-") and not self.get_command(ctx, args[0]):
            from harness.nearest import hint_with_nearest

            ctx.fail(f"there is no command {args[0]!r} ({hint_with_nearest(args[0], self.list_commands(ctx))})")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(harness.__version__, prog_name="readiness")
def readiness() -> None:
    """Decide from evidence whether a release of a platform may go live.

    \b
      readiness init DIR --entry URL                  write a project for your own service
      readiness run --target sandbox                  start the sandbox, load it, break it, decide
      readiness run --target sandbox --release slow   a bad release, which ends with NO-GO
      readiness judge reports/runs/latest --check     judge the recorded run again

    \b
    Exit codes: 0 GO · 1 NO-GO · 2 interrupted · 3 internal error · 4 usage error or refused · 5 nothing selected · 10 inconclusive
    """  # noqa: D301 - the escape is click's: what follows it is not wrapped anew


def main() -> None:
    """Run the command and exit with a code of the table; errors of the user are shown without a traceback."""
    settle_streams()
    gc.set_threshold(_YOUNG)
    code = _code()
    if (why := unsaid()) and code == Exit.GO:
        click.secho(f"some output could not be written: {why}", err=True, fg="red")
        code = Exit.INTERNAL
    sys.exit(code)


def _annotate(error: HarnessError) -> None:
    """Show an error as an annotation of the GitHub job, if this is one."""
    if "GITHUB_ACTIONS" in os.environ:
        from harness.run.github import problem_annotations  # a command with a mistake starts quicker without

        for line in problem_annotations(str(error)):
            click.echo(line, err=True)


def _called() -> int:
    """Call the command.

    Raises:
        UsageError: the working directory was deleted, so relative paths cannot be resolved.
        HarnessError: the machine has not enough memory.
    """
    try:
        Path.cwd()
    except OSError as error:
        what = f"the working directory cannot be used: {error.strerror}"
        raise UsageError(what, hint="change to an existing directory") from error
    try:
        return int(readiness.main(standalone_mode=False) or 0)
    except MemoryError as error:
        raise HarnessError("out of memory", hint="end other programs, or use a machine with more memory") from error


def _code() -> int:
    try:
        return _called()
    except click.exceptions.Exit as finished:
        return finished.exit_code
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except HarnessError as error:
        click.secho(str(error), err=True, fg="red")
        _annotate(error)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.secho("interrupted", err=True)
        return Exit.INTERRUPTED
    except Exception:  # noqa: BLE001 - the command's seam: an unexpected exception is an internal error, with everything to report it
        traceback.print_exc()
        click.secho("internal error: this is a bug in the harness, not a fault of the target", err=True, fg="red")
        return Exit.INTERNAL
