"""The platform's own repository in a sandbox.

Its files, the manifests of the release that runs, and a history in git.
A release may bring changes of its own: each directory `files/N-TITLE/` beside its release.yaml is one commit that puts the files in it
in the place of those that were there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness import clock
from readiness_sandbox import documents

if TYPE_CHECKING:
    from readiness_sandbox.releases import Release

Object = dict[str, Any]

_PACKAGE: Final = Path(__file__).parents[1]
MANIFESTS: Final = "deploy/sandbox"
"""What runs here, below the repository: the manifests of the release, rendered."""
_AUTHOR: Final = b"sandbox <sandbox@localhost>"
_BASELINES: Final = "registers/baselines"
_AGE: Final = timedelta(days=1)
"""How old the stored baseline runs of a sandbox are."""


def examples() -> Path | None:
    """The sample files that come with the sandbox.

    In a wheel below the package, in a checkout in its root; None where neither is.
    """
    places = (_PACKAGE / "examples" / "paper", _PACKAGE.parents[1] / "examples" / "paper")
    return next((place for place in places if (place / "files").is_dir()), None)


def write(root: Path, release: Release, objects: Iterable[Object]) -> str:
    """Make the repository anew at `root`, which is removed first.

    The id of its newest commit, empty where there are no sample files.

    Args:
        root: its directory.
        release: whose changes are committed last.
        objects: of the platform in this release; Secrets are left out.
    """
    source = examples()
    if root.exists():
        shutil.rmtree(root)
    if source is None:
        return ""
    earlier = sorted(path for path in (source / "earlier").iterdir() if path.is_dir())
    history = _CommitWriter(root)
    for path in earlier:
        history.commit(path, _day(path.name), path.name[11:].replace("-", " "))
    shutil.copytree(source / "files", root, dirs_exist_ok=True)
    _write_manifests(root / MANIFESTS, objects)
    _date_baselines(root / _BASELINES)
    history.commit(None, _documented(root), "the platform's files")
    changes = release.directory / "files"
    for path in sorted(changes.iterdir()) if changes.is_dir() else ():
        history.commit(path, clock.wall(), path.name.partition("-")[2].replace("-", " "))
    return history.head


def files_block(root: Path) -> dict[str, Any]:
    """What a target file says of the repository: `files`, and the report of the contract tests."""
    places = {
        "manifests": MANIFESTS,
        "chart": "charts/normaldance",
        "terraform": "terraform",
        "dockerfiles": "docker",
        "images": "images",
        "rules": "rules",
        "documents": "docs/integration",
        "registers": "registers",
        "scenarios": "scenarios",
    }
    overlays = {"sandbox": MANIFESTS, "staging": "deploy/staging", "production": "deploy/production"}
    return {
        **{name: str(root / place) for name, place in places.items()},
        "workflows": [str(root / ".github/workflows"), str(root / ".gitlab-ci.yml")],
        "overlays": {name: str(root / place) for name, place in overlays.items()},
    }


def evidence_block(root: Path) -> dict[str, Any]:
    """The reports of the repository's last pipeline, as a target file names them."""
    return {"junit": {"contract": str(root / "reports/contract.xml")}}


class _CommitWriter:
    """The git repository at a directory; each commit is of everything that is there."""

    def __init__(self, root: Path) -> None:
        from dulwich.repo import Repo

        root.mkdir(parents=True)
        self._root = root
        self._repository = Repo.init(str(root), default_branch=b"main")
        self.head = ""

    def commit(self, changed: Path | None, at: datetime, title: str) -> None:
        """Put the files of a directory in place, where one is given, and commit all."""
        if changed is not None:
            shutil.copytree(changed, self._root, dirs_exist_ok=True)
        paths = sorted(
            path
            for path in self._root.rglob("*")
            if path.is_file() and ".git" not in path.relative_to(self._root).parts
        )
        tree, own = (
            self._repository.get_worktree(),
            self._repository.get_config(),
        )  # not those of whoever runs the sandbox
        tree.stage([path.relative_to(self._root).as_posix() for path in paths], config=own)
        moment = at.timestamp()
        self.head = tree.commit(
            message=f"{title}\n".encode(),
            committer=_AUTHOR,
            author=_AUTHOR,
            author_timestamp=moment,
            commit_timestamp=moment,
            author_timezone=0,
            commit_timezone=0,
            no_verify=True,
            sign=False,
            config=own,
        ).decode()


def _write_manifests(directory: Path, objects: Iterable[Object]) -> None:
    by_namespace: dict[str, list[Object]] = {}
    for obj in objects:
        if obj["kind"] not in ("Secret", "Node"):
            by_namespace.setdefault(obj["metadata"].get("namespace") or "cluster", []).append(obj)
    directory.mkdir(parents=True, exist_ok=True)
    for namespace, listed in by_namespace.items():
        (directory / f"{namespace}.yaml").write_text(documents.dump_all(listed), encoding="utf-8")


def _date_baselines(directory: Path) -> None:
    """The sample's stored runs are as old as a sandbox's can be.

    They are figures to be read, not measured here.
    """
    measured = (clock.wall() - _AGE).isoformat(timespec="seconds")
    for path in sorted(directory.glob("*.json")):
        content: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
        path.write_text(json.dumps({**content, "measured": measured}, indent=2) + "\n", encoding="utf-8")


def _day(name: str) -> datetime:
    """`2025-09-30-…` → that day."""
    return datetime.strptime(name[:10], "%Y-%m-%d").replace(tzinfo=UTC, hour=12)


def _documented(root: Path) -> datetime:
    """The day on which the README says that it was changed last."""
    text = (root / "docs/integration/README.md").read_text("utf-8")
    line = next(line for line in text.splitlines() if "Last Updated" in line)
    return datetime.strptime(line.rpartition("**")[2].strip(), "%B %d, %Y").replace(tzinfo=UTC, hour=12)
