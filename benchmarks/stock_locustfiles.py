"""`python benchmarks/stock_locustfiles.py [NAME …]`: stock locustfiles of public kinds, by Locust itself and by the harness.

Each file of `tests/drivers/load/locustfiles/kinds` sends a fixed number of requests to a small server of its own: by `locust --headless --csv`, and as
`readiness run` offers its load. Names, counts and failures have to be equal, the server has to have seen equal requests, and the judge's quantiles have
to be those of the raw rows. About six minutes; exit code 1 if a file differs.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/drivers/load")]

from load_kinds import KINDS, VARIABLES, Differential, compared  # noqa: E402 - of this checkout

ADDRESS: Final = "127.94.0.11"


def main() -> int:
    """Print a line for each file, and each difference."""
    os.environ.update(VARIABLES)
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell ignores it in the background, and Locust would too
    files = [file for file in KINDS if file.stem in sys.argv[1:] or not sys.argv[1:]]
    if not files:
        raise SystemExit(f"no such file; there are {', '.join(file.stem for file in KINDS)}")
    print(
        f"{'locustfile':14} {'names':>5} {'requests':>9} {'of Locust':>9} {'failures':>9} {'of Locust':>9} {'slowest p95':>12}"
    )
    differ = 0
    for file in files:
        with tempfile.TemporaryDirectory() as directory:
            found = compared(file, Path(directory), ADDRESS)
        print(line_of(found), flush=True)
        for difference in found.differences:
            print(f"    {difference}")
        differ += bool(found.differences)
    print(f"{len(files)} locustfiles, {differ} differ from Locust")
    return 1 if differ else 0


def line_of(found: Differential) -> str:
    """Of one file: names, requests and failures of both, and the slowest p95 of a route."""
    (ours, failed, _), (theirs, failed_there, _) = found.ours, found.locust
    slowest = max((quantiles[1] for quantiles in found.quantiles.values()), default=0.0)
    return (
        f"{found.file.stem:14} {len(ours):5} {ours.total():9} {theirs.total():9} {failed.total():9} {failed_there.total():9} "
        f"{slowest:9.1f} ms {'' if found.differences else 'equal'}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
