"""What a reader of a chaos report gives: for each experiment, what the report itself says of four questions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import json_of, shown, text_of
from harness.errors import DriverError
from harness.words import some
from harness.yamlfile import documents_in

AGAIN: Final = "write it again with its tool, and copy it when the tool has ended"


class ChaosFinding(NamedTuple):
    """What a report says of one question: yes, no, or None where it does not say it; and what was found, in words."""

    ok: bool | None
    seen: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ChaosExperiment:
    """One experiment, or one run of an analysis.

    Attributes:
        name: as the tool names it. path: of its file. identity: equal for two reports of one run.
        injected: whether the fault went into at least one thing; None: the tool injects none.
        probed: whether probes that ran while the fault was in, or after it, all passed; False: one of them failed.
        undone: whether the fault came out; False: what was hit did not come back; None: the tool does not say it.
        ended: whether the tool came to an end by itself.
        end: when it ended. begun: when it began, where the tool does not write the end.
        passed_after: whether a probe passed after the fault.
        kills: whether the fault leaves nothing to undo, as the tool itself says.
        doubts: how the report contradicts itself.
    """

    name: str
    path: Path
    identity: str
    injected: ChaosFinding | None
    probed: ChaosFinding
    undone: ChaosFinding | None
    ended: ChaosFinding
    end: Moment | None
    begun: Moment | None = None
    passed_after: bool = False
    kills: bool = False
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ChaosFile:
    """One file of a report: its path, and its documents."""

    path: Path
    documents: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChaosFormat:
    """The format of one tool.

    Attributes:
        tool: key `tool` of the target file. what: such a report, in words.
        read: the experiments of all files of a report; raises DriverError, with file and key, for what the tool does not write.
    """

    tool: str
    what: str
    read: Callable[[Sequence[ChaosFile]], Sequence[ChaosExperiment]]


def chaos_file(path: Path, body: bytes) -> ChaosFile:
    """The JSON document or the YAML documents of a file.

    Raises:
        DriverError: it is neither, or is cut short. ConfigurationError: it is not YAML.
    """
    where = str(path)
    text = text_of(body, where)
    if text.lstrip()[:1] in ("{", "["):
        return ChaosFile(path=path, documents=(json_of(body, where),))
    if not text.endswith("\n"):
        raise DriverError("is cut short: its last line does not end", where=where, hint=AGAIN)
    documents = tuple(one.data for one in documents_in(text, path) if one.data is not None)
    if not documents or not all(isinstance(one, dict) for one in documents):
        raise DriverError("is neither a JSON object nor YAML", where=where, hint=AGAIN)
    return ChaosFile(path=path, documents=documents)


def only_document(file: ChaosFile) -> Any:
    """The only document of a file; raises DriverError where there are several."""
    if len(file.documents) != 1:
        raise DriverError(f"has {len(file.documents)} documents, expected one", where=str(file.path), hint=AGAIN)
    return file.documents[0]


def found_if(problems: Iterable[str], good: str) -> ChaosFinding:
    """Yes with `good` where there are no problems; else the report does not say it, and they are named."""
    listed = list(dict.fromkeys(problems))
    return ChaosFinding(ok=None, seen=some(listed)) if listed else ChaosFinding(ok=True, seen=good)


def time_of(text: str | None, where: str) -> Moment | None:
    """A time of a report; None where it has none; raises DriverError where it is no time."""
    return None if text is None else Moment.of(text, where)


def is_from(moment: Moment | None, start: Moment | None) -> bool | None:
    """Whether a time is at or after another of the same report; None where that is not known.

    Two times without a zone are of the same clock.
    """
    if moment is None or start is None:
        return None
    if moment.last - moment.first == start.last - start.first:
        return moment.first >= start.first
    before = moment.before(start)
    return None if before is None else not before


def newest_of(moments: Iterable[Moment | None]) -> Moment | None:
    """The latest of these times; None if one of them is not known, or there are none."""
    listed = list(moments)
    known = [one for one in listed if one is not None]
    return max(known, key=lambda one: one.first, default=None) if len(known) == len(listed) else None


def oldest_of(moments: Iterable[Moment | None]) -> Moment | None:
    """The earliest of these times; None if one of them is not known, or there are none."""
    listed = list(moments)
    known = [one for one in listed if one is not None]
    return min(known, key=lambda one: one.first, default=None) if len(known) == len(listed) else None


def unknown_word(what: str, word: str | None) -> str:
    """That a report has a word that is not known."""
    return f"no {what}" if not word else f"the {what} `{shown(word)}` is not known"
