"""Recorded runs with what the judge made of each when it was frozen: `NAME.tar.xz`, the evidence, and `NAME.json.xz`, the judgement."""

from __future__ import annotations

import json
import lzma
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from harness.evidence import RunDirectory
from harness.evidence.run_directory import REPORTS
from harness.model import Judgement
from harness.model.rounding import rounded
from harness.report import render_verdict
from harness.run.deciding import decide

HERE: Final = Path(__file__).parent
_ABSENT: Final = "(absent)"
_JUDGEMENT: Final = TypeAdapter(Judgement)


def names() -> list[str]:
    """The frozen runs."""
    return sorted(file.name.removesuffix(".tar.xz") for file in HERE.glob("*.tar.xz"))


@contextmanager
def unpacked(name: str) -> Iterator[Path]:
    """A frozen run as a directory, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="frozen.") as place:
        with tarfile.open(HERE / f"{name}.tar.xz") as archive:
            archive.extractall(place, filter="data")
        yield Path(place)


def judged(run: Path) -> dict[str, Any]:
    """All that the judge says of a run, and the words of `verdict.json`; figures have the digits of a judgement."""
    decided = decide(RunDirectory.open(run))
    return {
        "judgement": _JUDGEMENT.dump_python(rounded(decided.judgement), mode="json"),
        "verdict.json": json.loads(render_verdict(decided.plan, decided.judgement)),
    }


def frozen(name: str) -> dict[str, Any]:
    """What the judge said when the run was frozen."""
    return dict(json.loads(lzma.decompress((HERE / f"{name}.json.xz").read_bytes())))


def freeze(run: Path, name: str) -> None:
    """Keep the evidence of a run under a name; `keep` is for what the judge says of it."""

    def evidence(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if Path(member.name).parts[:1] and Path(member.name).parts[0] in REPORTS:
            return None
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    with tarfile.open(HERE / f"{name}.tar.xz", "w:xz", preset=9) as archive:
        archive.add(run, arcname=".", filter=evidence)


def keep(name: str) -> None:
    """Keep what today's judge says of a frozen run."""
    with unpacked(name) as run:
        text = json.dumps(judged(run), ensure_ascii=False, sort_keys=True)
    (HERE / f"{name}.json.xz").write_bytes(lzma.compress(text.encode(), preset=9))


def differences(name: str) -> list[str]:
    """Each value that today's judge says otherwise, as `path: before -> now`."""
    with unpacked(name) as run:
        return list(_differ("", frozen(name), json.loads(json.dumps(judged(run)))))


def _differ(path: str, before: Any, now: Any) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted(before.keys() | now.keys()):
            yield from _differ(f"{path}/{name}", before.get(name, _ABSENT), now.get(name, _ABSENT))
    elif isinstance(before, list) and isinstance(now, list):
        for number in range(max(len(before), len(now))):
            pair = [side[number] if number < len(side) else _ABSENT for side in (before, now)]
            named = _name(pair[0]) or _name(pair[1]) or str(number)
            yield from _differ(f"{path}/{named}", *pair)
    elif before != now:
        yield f"{path}: {_text(before)} -> {_text(now)}"


def _name(value: Any) -> str:
    """What an entry of a list calls itself."""
    if not isinstance(value, dict):
        return ""
    return next((str(value[key]) for key in ("requirement", "id", "experiment", "name") if key in value), "")


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
