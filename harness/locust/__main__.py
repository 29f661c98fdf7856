"""`python -m harness.locust …`: the `locust` command with our options, which records the users of any locustfile.

Only what it is started with counts: no `~/.locust.conf`, `locust.conf` or `[tool.locust]` of a `pyproject.toml`, which would change the load
that the plan says (`run-time`, `tags`, `master`). For the same reason its environment has no variables `LOCUST_*`.
"""

from __future__ import annotations

import sys
from typing import Any

from locust.argument_parser import LocustArgumentParser
from locust.main import main

import harness.locust.travel  # noqa: F401  # adds the options, and what records
from harness.targets.child import ChildSettings


def read_no_files() -> None:
    """Let parsers of Locust's options that are made from now on read no file by themselves; `--config` still names one."""
    made = LocustArgumentParser.__init__

    def make(parser: LocustArgumentParser, *arguments: Any, **options: Any) -> None:
        made(parser, *arguments, **{**options, "default_config_files": []})

    LocustArgumentParser.__init__ = make  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    read_no_files()
    # after what is installed, so that a file of the project replaces no package
    sys.path += ChildSettings.from_env().modules
    main()  # type: ignore[no-untyped-call]
