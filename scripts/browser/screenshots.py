"""What scripts/screenshots does: two runs with their reports, opened in a browser, judged by their network log and by axe, and pictured."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "report")]

from report_builders import go, no_go  # noqa: E402 - found by the line above
from report_many import many  # noqa: E402

from harness.evidence import RunDirectory  # noqa: E402
from harness.model import DecisionOutcome  # noqa: E402
from harness.report import write_reports  # noqa: E402
from harness.report.allure.npm import find_node, npm_install  # noqa: E402
from harness.report.allure.site import write_site  # noqa: E402
from harness.run.deciding import decide  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model import Evidence, Judgement, Plan

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SERIOUS = ("serious", "critical")
WIDTH, HEIGHT = 1280, 960


def main(arguments: Sequence[str]) -> int:
    """Make the pictures; 1 where a page asked the network for something or axe found something serious, 4 where something is lacking."""
    node, browser = find_node(), os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if node is None or browser is None or len(arguments) not in (0, 2):
        print(
            __doc__ if node and browser else f"node: {node}, browser: {browser}; see scripts/screenshots",
            file=sys.stderr,
        )
        return 4
    packages = npm_install(node, Path(__file__).parent, "screenshots")
    runs = [_recorded(Path(path)) for path in arguments] or [go(), no_go()]
    with tempfile.TemporaryDirectory() as scratch:
        pages = []
        for name, expected, run in zip(("go", "no-go"), (DecisionOutcome.GO, DecisionOutcome.NO_GO), runs, strict=True):
            if run[2].decision.outcome is not expected:
                print(f"this is {run[2].decision.outcome.value}, not {expected.value}: {run[0].run}", file=sys.stderr)
                return 4
            pages += _pages(Path(scratch) / name, name, run, code=int(expected is DecisionOutcome.NO_GO))
        every = Path(scratch) / "every-row"
        every.mkdir()
        write_reports(every, *many())
        pages.append({"file": str(every / "readiness.html"), "axe": True, "width": WIDTH, "height": HEIGHT})
        options = Path(scratch) / "options.json"
        options.write_text(
            json.dumps({"packages": str(packages), "browser": browser, "pages": pages}), encoding="utf-8"
        )
        program = Path(__file__).parent / "open.mjs"
        done = subprocess.run([node.node, program, options], stdout=subprocess.PIPE, text=True, check=True, timeout=600)
    return _judged(json.loads(done.stdout))


def _recorded(path: Path) -> tuple[Plan, Evidence, Judgement]:
    decided = decide(RunDirectory.open(path))
    return decided.plan, decided.evidence, decided.judgement


def _pages(path: Path, name: str, run: tuple[Plan, Evidence, Judgement], *, code: int) -> list[dict[str, Any]]:
    path.mkdir()
    write_reports(path, *run)
    allure = write_site(path, *run, exit_code=code)
    size = {"width": WIDTH, "height": HEIGHT}
    docs = ROOT / "docs"
    return [
        {
            "file": str(path / "readiness.html"),
            "picture": str(docs / f"readiness-page-{name}.png"),
            "axe": True,
            **size,
        },
        {
            "file": str(allure),
            "picture": str(docs / f"allure-{name}.png"),
            "wait": "00 Readiness",
            "unfold": "Readiness verdict",
            **size,
        },
    ]


def _judged(pages: Sequence[dict[str, Any]]) -> int:
    wrong = 0
    for page in pages:
        serious = [finding for finding in page["findings"] if finding["impact"] in SERIOUS]
        lesser = [finding for finding in page["findings"] if finding["impact"] not in SERIOUS]
        bad = [*page["requests"], *page["errors"]]
        wrong += len(bad) + len(serious)
        counts = f"{len(page['requests'])} requests, {len(serious)} serious findings, {len(lesser)} others"
        print(f"{'/'.join(Path(page['file']).parts[-2:])}: {counts}")
        for finding in (*serious, *lesser):
            first = finding["nodes"][0]
            print(
                f"  {finding['impact']} {finding['id']} ({finding['way']}): {finding['help']}\n    {first['html'][:200]}"
            )
        for text in bad:
            print(f"  {text}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
