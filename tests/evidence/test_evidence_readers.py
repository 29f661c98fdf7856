"""Each recorded table and each kind of observation names, for each kind of window, the rule that decides on it, or says why none does."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import harness.judgement
import harness.judgement.figures
from harness.judgement.figures import Spec
from harness.judgement.unread import for_people_only
from harness.model import SAMPLES, Observation
from harness.model.observations import KINDS
from harness.model.records import evidence
from harness.model.records.readers import KINDS_READ, TABLES_READ, ForPeople, ReadBy
from harness.model.records.recorded import RECORDED, SERVICE
from harness.modules import modules_below, values_in
from tests.builders.core_course import ns
from tests.builders.core_run import core_evidence

ROOM = Path(harness.judgement.__file__).parent
PACKAGE = "harness.judgement"
WINDOWS = ("quiet", "held", "back", "last")
REGISTRY = ("harness.judgement.figures", "FIGURES")
SPECS = [(each.__name__, name) for each, name, _ in values_in(modules_below(harness.judgement.figures), Spec)]
"""What the registry finds without naming it."""
EVERY: Mapping[str, ReadBy] = {**TABLES_READ, **{kind.__name__: read for kind, read in KINDS_READ.items()}}


@dataclass(frozen=True, slots=True)
class RoomOfJudge:
    """One module of the judge: what it defines, and what it imports from others of the judge."""

    defines: Mapping[str, ast.AST]
    imports: Mapping[str, tuple[str, str]]


@cache
def module(name: str) -> RoomOfJudge | None:
    """A module of the judge by its dotted name, parsed; None: there is none."""
    path = ROOM.joinpath(*name.removeprefix(PACKAGE).lstrip(".").split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not name.startswith(PACKAGE) or not file.is_file():
        return None
    defines, imports = dict[str, ast.AST](), dict[str, tuple[str, str]]()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=own) | ast.ClassDef(name=own):
                defines[own] = node
            case ast.Assign(targets=[ast.Name(id=own)]) | ast.AnnAssign(target=ast.Name(id=own)):
                defines[own] = node
            case ast.ImportFrom(module=str(source), names=names):
                imports |= {one.asname or one.name: (source, one.name) for one in names}
            case _:
                pass
    return RoomOfJudge(defines, imports)


def followed(room: str, name: str) -> Iterator[tuple[str, str]]:
    """Where a name of a module is defined: there, or in what it imports it from."""
    own = module(room)
    if own is None:
        return
    if name in own.defines:
        yield room, name
    elif name in own.imports and not module(".".join(own.imports[name])):
        yield from followed(*own.imports[name])


def place(rule: str) -> list[tuple[str, str]]:
    """Where a rule is defined; nowhere where there is none of that name."""
    room, _, name = rule.partition(":")
    return [*followed(f"{PACKAGE}.{room}", name)]


@cache
def read_by_method(name: str) -> frozenset[str]:
    """The fields that a method of the evidence of this name reads."""
    tree = ast.parse(Path(evidence.__file__).read_text(encoding="utf-8"))
    (own,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Evidence"]
    body = [node for node in own.body if isinstance(node, ast.FunctionDef) and node.name == name != "tables"]
    return frozenset(node.attr for one in body for node in ast.walk(one) if isinstance(node, ast.Attribute))


@cache
def reach(rule: str) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """Every word that a rule reads as a name or an attribute, itself or in what it calls within the judge; and what that is."""
    left, seen, words = place(rule), set[tuple[str, str]](), set[str]()
    while left:
        room, own = left.pop()
        parsed = module(room)
        if (room, own) in seen or parsed is None:
            continue
        seen.add((room, own))
        left += SPECS if (room, own) == REGISTRY else ()
        for node in ast.walk(parsed.defines[own]):
            if isinstance(node, ast.Name):
                words.add(node.id)
                left += followed(room, node.id)
            elif isinstance(node, ast.Constant):
                words.add(str(node.value))
            elif isinstance(node, ast.Attribute):
                words |= {node.attr, *read_by_method(node.attr)}
                if isinstance(node.value, ast.Name) and node.value.id in parsed.imports:
                    left += followed(".".join(parsed.imports[node.value.id]), node.attr)
    return frozenset(words), frozenset(seen)


def test_every_table_and_every_kind_is_in_the_register_and_nothing_else() -> None:
    """Rows of a table that several watchers write are told apart; of probes, each kind that is asked."""
    tables = {table.schema.name for table in RECORDED} | {SAMPLES.name}
    assert {name.partition(" ")[0] for name in TABLES_READ} == tables
    assert {name.split()[1] for name in TABLES_READ if name.startswith("probes")} == {"read", "health", SERVICE}
    assert set(KINDS_READ) == set(KINDS.values())


def test_every_record_names_a_rule_or_says_why_there_is_none() -> None:
    """In each kind of window. A reason is a sentence."""
    cells = [(name, window, getattr(read, window)) for name, read in EVERY.items() for window in WINDOWS]
    bare = [cell for cell in cells if isinstance(cell[2], ForPeople) and len(cell[2].why.split()) < 8]
    nowhere = [cell for cell in cells if isinstance(cell[2], str) and not place(cell[2])]
    assert (bare, nowhere) == ([], [])
    assert len(cells) == 4 * (len(TABLES_READ) + len(KINDS_READ))


def test_the_rule_reads_the_record_and_the_judge_asks_the_rule() -> None:
    """Followed through the code of the judge, from each rule to the record, and from the judge to each rule."""
    _, asked = reach("judging:judge")
    rules = {(name, cell) for name, read in EVERY.items() for w in WINDOWS if isinstance(cell := getattr(read, w), str)}
    blind = {(name, rule) for name, rule in rules if EVERY[name].at not in reach(rule)[0]}
    assert (blind, {rule for _, rule in rules if not asked.issuperset(place(rule))}) == (set(), set())


def test_a_rule_that_does_not_read_a_record_is_found_out() -> None:
    """The walk tells what a rule reads from what it does not."""
    words, seen = reach("decisions.quiet_harm:quiet_harm")
    assert "probes" in words
    assert words.isdisjoint({"nodes", "replicas", "COPIES"})
    assert ("harness.judgement.recovery.rule", "served_in") in seen
    assert place("decisions.quiet_harm:nothing") == place("nowhere:quiet_harm") == []


def test_what_a_run_recorded_for_people_only_is_listed_with_its_reason() -> None:
    """Once; of what is decided in some windows, where it is not. What was not recorded is not listed."""
    run = core_evidence()
    assert [line.partition(":")[0] for line in for_people_only(run)] == [
        "probes health, recorded for people only while a fault is active"
    ]
    role = Observation(
        source="pods", seq=0, clock="boot", mono_ns=ns(1), wall="", kind="role.changed", subject="a", fields={}
    )
    told = replace(run, observations=(*run.observations, role))
    assert [line for line in for_people_only(told) if line.startswith("role.changed")] == [
        "role.changed, recorded for people only: each role and its time are also in the table of replicas, which is judged"
    ]
    quiet = replace(run, experiments={})
    assert for_people_only(quiet) == ()
