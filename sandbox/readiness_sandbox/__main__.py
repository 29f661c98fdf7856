"""A sandbox without a terminal.

`python -m readiness_sandbox DIR [--release R] [--part NAME…] [--octet N] [--hold]`; tells its news as JSON lines.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from readiness_sandbox.supervisor import Supervisor, Wish

if TYPE_CHECKING:
    from readiness_sandbox.messages import Message


def tell(message: Message) -> None:
    """Write a line, for as long as the reader is there."""
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def main() -> int:
    """Run a sandbox until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m readiness_sandbox")
    parser.add_argument("root", type=Path)
    parser.add_argument("--release")
    parser.add_argument("--part", dest="parts", action="append", default=[])
    parser.add_argument("--octet", type=int)
    parser.add_argument("--hold", action="store_true")
    given = parser.parse_args()
    try:
        wish = Wish(
            root=given.root, release=given.release, hold=given.hold, octet=given.octet, parts=tuple(given.parts)
        )
        Supervisor(wish, tell).run()
    except HarnessError as error:
        tell({"failed": {"what": error.what, "where": error.where, "hint": error.hint}})
        return error.exit_code
    except Exception as error:  # the supervisor's seam: its standard error is not read, so it reports
        what = f"internal error: {type(error).__name__}: {error}"
        tell({"failed": {"what": what, "where": str(given.root), "hint": "`--hold` shows where in the program"}})
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
