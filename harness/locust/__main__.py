"""`python -m harness.locust …`: the `locust` command with options of the harness; it records the users of any locustfile.

Configuration files (`~/.locust.conf`, `locust.conf`, `[tool.locust]` of a `pyproject.toml`) are not read, since they
would change the planned load (`run-time`, `tags`, `master`). For the same reason Locust does not read its own variables
(`LOCUST_USERS`); the locustfile reads them, and variables of the locustfile's own options are kept.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentError, ArgumentParser
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final

from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.main import main

import harness.locust.travel  # noqa: F401  # adds the options, and what records
from harness.locust.process.options import add_options
from harness.priority import go_first
from harness.targets.child import ChildSettings

_READ_AT_ONCE: Final = "LOCUST_USER_CLASSES"
"""A variable that Locust reads without its parser, to run only some classes."""


def read_no_files() -> None:
    """Keep Locust's option parsers from reading configuration files by themselves; `--config` still works."""
    made = LocustArgumentParser.__init__

    def make(parser: LocustArgumentParser, *arguments: Any, **options: Any) -> None:
        made(parser, *arguments, **{**options, "default_config_files": []})

    LocustArgumentParser.__init__ = make  # type: ignore[assignment, method-assign]


def give_to_the_file(variables: Mapping[str, str]) -> None:
    """Set variables that the locustfile may read, and that Locust's option parsers do not."""
    parse = LocustArgumentParser.parse_known_args
    os.environ.update({name: value for name, value in variables.items() if name != _READ_AT_ONCE})

    def without(parser: LocustArgumentParser, *arguments: Any, **options: Any) -> Any:
        environment = {name: value for name, value in os.environ.items() if name not in variables}
        return parse(parser, *arguments, **{**options, "env_vars": environment})

    LocustArgumentParser.parse_known_args = without


def keep_our_options() -> None:
    """End the process if the locustfile has an option with a name of the harness's options; Locust would only log it."""
    hook: Any = events.init_command_line_parser
    add, ours = hook.add_listener, ArgumentParser(add_help=False)
    add_options(ours)

    def add_listener(listener: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(listener)
        def listen(**arguments: Any) -> None:
            try:
                listener(**arguments)
            except ArgumentError as error:
                named = {name.strip(",") for name in str(error).split()}
                if taken := sorted(named & {name for action in ours._actions for name in action.option_strings}):  # noqa: SLF001
                    sys.exit(
                        f"the locustfile's option `{taken[0]}` has the name of an option of the harness: rename it"
                    )
                raise

        add(listen)
        return listener

    hook.add_listener = add_listener


if __name__ == "__main__":
    go_first()
    read_no_files()
    keep_our_options()
    give_to_the_file(ChildSettings.from_env().for_the_file)
    # after what is installed, so that a file of the project replaces no package
    sys.path += ChildSettings.from_env().modules
    main()  # type: ignore[no-untyped-call]
