"""The command `readiness`, also as `python -m harness`. Ctrl-C during the start is reported without a traceback."""

from __future__ import annotations

import sys


def main() -> None:
    """Load the command and run it."""
    try:
        from harness.cli import main as command

        command()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
