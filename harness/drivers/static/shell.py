"""A script as a shell reads it: its commands, and for each whether its failure ends the script with an error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from harness.drivers.static.script import (
    AndOr,
    Cases,
    CommandGroup,
    CommandPipe,
    Function,
    If,
    Loop,
    Node,
    ScriptError,
    Simple,
    parsed,
)

_BOURNE: Final = frozenset({"bash", "sh", "dash", "ash", "zsh", "ksh"})
_WINDOWS: Final = frozenset({"pwsh", "powershell", "cmd"})
_EXIT: Final = re.compile(r"(?:exit|return)(?: (?P<status>\d+|\$\?))?(?: >&2)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shell:
    """What runs a script.

    Attributes:
        name: of the program. errexit: a command that fails ends the script. pipefail: so does one in front of a pipe.
        bourne: it reads the language of `sh`. known: whether these are known at all.
    """

    name: str
    errexit: bool
    pipefail: bool
    bourne: bool = True
    known: bool = True


GITLAB_SHELL: Final = Shell(name="bash", errexit=True, pipefail=True)
"""What GitLab's runner writes in front of a script."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShellCommand:
    """One command of a script.

    Attributes:
        text: its words, one space between them. line: in the script, from 0.
        may_fail: why its failure does not end the script with an error; empty where it does.
        unclear: whether `may_fail` is only that the script or its shell cannot be read.
    """

    text: str
    line: int = 0
    may_fail: str = ""
    unclear: bool = False


def github_shell(written: str, *, windows: bool) -> Shell:
    """The shell that a step of GitHub names; by default bash without pipefail, on Windows PowerShell.

    Args:
        written: the key `shell`; empty where there is none.
        windows: whether it runs on Windows.
    """
    if not written:
        name = "pwsh" if windows else "bash"
        return Shell(name=name, errexit=not windows, pipefail=False, bourne=not windows)
    program, *options = written.split()
    name = program.rpartition("/")[2].removesuffix(".exe")
    if "${{" in written:
        return Shell(name=written, errexit=False, pipefail=False, known=False)
    if name not in _BOURNE:
        return Shell(name=name, errexit=False, pipefail=False, bourne=False, known=name in _WINDOWS)
    if not options:
        return Shell(name=name, errexit=True, pipefail=name == "bash")
    given = _options(options)
    return Shell(name=name, errexit=given.get("errexit", False), pipefail=given.get("pipefail", False))


def _options(words: list[str]) -> dict[str, bool]:
    """`errexit` and `pipefail` as options of a shell or of `set` turn them on or off."""
    found: dict[str, bool] = {}
    for index, word in enumerate(words):
        option = re.fullmatch(r"([-+])([A-Za-z]+)", word)
        if option is None:
            continue
        if "e" in option[2]:
            found["errexit"] = option[1] == "-"
        if "o" in option[2] and words[index + 1 : index + 2] in (["pipefail"], ["errexit"]):
            found[words[index + 1]] = option[1] == "-"
    return found


def commands_of(script: str, shell: Shell) -> tuple[ShellCommand, ...]:
    """The commands of a script in order, those of its branches, loops and functions too."""
    if not shell.bourne:
        return tuple(_foreign(script, shell))
    try:
        items = parsed(script)
    except ScriptError as error:
        why = f"the script cannot be read: {error}"
        return tuple(
            ShellCommand(text=" ".join(line.split()), line=number, may_fail=why, unclear=True)
            for number, line in enumerate(script.splitlines())
            if line.strip()
        )
    reader = _ScriptReader(shell)
    reader.block(items, _Context(tail=True))
    return tuple(reader.found)


def _foreign(script: str, shell: Shell) -> Iterator[ShellCommand]:
    """Commands of PowerShell and of Windows' own: only the last one's failure is that of the script."""
    if not shell.known:
        return
    parts = [
        (number, " ".join(part.split()))
        for number, line in enumerate(script.splitlines())
        for part in re.split(r";|&&", line)
        if part.strip() and not line.lstrip().startswith(("#", "::", "rem "))
    ]
    for index, (number, text) in enumerate(parts):
        goes_on = index < len(parts) - 1 or "||" in text or (shell.name == "cmd" and "|" in text)
        why = f"{shell.name} goes on after a command that failed: `{text}`" if goes_on else ""
        yield ShellCommand(text=text, line=number, may_fail=why)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Context:
    """Where a list of commands is.

    Attributes:
        why: why no failure in it counts; empty where one may.
        exempt: whether the shell does not end at a failure in it, as it is a condition or the left of `&&` or `||`.
        tail: whether the status of its last command is that of the script.
        sure: whether it runs whenever the script does.
    """

    why: str = ""
    exempt: bool = False
    tail: bool = False
    sure: bool = True


class _ScriptReader:
    """Walks a script in the order in which it runs."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.errexit, self.pipefail = shell.errexit, shell.pipefail
        self.ended = ""
        self.found: list[ShellCommand] = []

    def block(self, items: tuple[AndOr, ...], at: _Context) -> None:
        """A list of commands."""
        for index, item in enumerate(items):
            tail = at.tail and index == len(items) - 1
            why = at.why or ("it runs in the background" if item.background else "")
            self._and_or(item, _Context(why=why, exempt=at.exempt, tail=tail, sure=at.sure))

    def _and_or(self, item: AndOr, at: _Context) -> None:
        skipped = ""
        for index, pipeline in enumerate(item.pipelines):
            final = index == len(item.pipelines) - 1
            unheeded = self._unheeded(item, index, at)
            why = at.why or skipped or unheeded
            place = _Context(why=why, exempt=at.exempt or not final, tail=at.tail, sure=at.sure and index == 0)
            self._pipeline(pipeline, place)
            if not final and item.operators[index] == "||":
                skipped = f"it runs only where `{pipeline.label}` failed"
            elif unheeded and not _prepares(pipeline):
                skipped = skipped or f"it may be left out: {unheeded}"

    def _unheeded(self, item: AndOr, index: int, at: _Context) -> str:
        """Why the failure of one of `a && b || c` does not end the script; empty where it does."""
        pipeline, after = item.pipelines[index], item.operators[index:]
        if pipeline.negated:
            return f"`! {pipeline.label}`"
        if "||" in after:
            other = index + after.index("||") + 1
            ends = _ends(item.pipelines[other])
            if ends == "exit":
                return ""
            return self._unheeded(item, other, at) if ends else f"`{pipeline.label} || {item.pipelines[other].label}`"
        if at.tail or (not after and self.errexit and not at.exempt):
            return ""
        if after:
            return (
                f"`{pipeline.label} && {item.pipelines[index + 1].label}` is not the last command: the script goes on"
            )
        return f"{self.shell.name} goes on after a command that failed: `{pipeline.label}`"

    def _pipeline(self, pipeline: CommandPipe, at: _Context) -> None:
        for index, node in enumerate(pipeline.commands):
            why = at.why
            if not why and not self.pipefail and index < len(pipeline.commands) - 1:
                why = f"`{pipeline.label}` without pipefail"
            self._node(node, _Context(why=why, exempt=at.exempt, tail=at.tail, sure=at.sure))

    def _node(self, node: Node, at: _Context) -> None:
        if isinstance(node, Simple):
            self._simple(node, at)
        elif isinstance(node, CommandGroup):
            before = self.errexit, self.pipefail, self.ended
            self.block(node.body, _Context(why=at.why, exempt=at.exempt, tail=True, sure=at.sure))
            if node.subshell:
                self.errexit, self.pipefail, self.ended = before
        elif isinstance(node, If):
            self._if(node, at)
        elif isinstance(node, Loop):
            self.block(node.condition, _Context(why=at.why or "it is the condition of a loop", exempt=True))
            why = at.why or ("" if node.sure else "it runs in a loop, perhaps never")
            self.block(node.body, _Context(why=why, exempt=at.exempt, sure=False))
        elif isinstance(node, Cases):
            for body in node.bodies:
                self.block(body, _Context(why=at.why or "it runs only in a case", exempt=at.exempt, sure=False))
        elif isinstance(node, Function):
            self._node(node.body, _Context(why=at.why or "it is in a function", sure=False))

    def _if(self, node: If, at: _Context) -> None:
        for index, (condition, body) in enumerate(node.branches):
            caught = index == 0 and _caught(node)
            why = at.why or ("" if caught else "it is a condition")
            self._condition(condition, why)
            self.block(body, _Context(why=at.why or "it runs only under a condition", exempt=at.exempt, sure=False))
        self.block(node.otherwise, _Context(why=at.why or "it runs only under a condition", sure=False))

    def _condition(self, condition: tuple[AndOr, ...], why: str) -> None:
        if why or len(condition) != 1 or len(condition[0].pipelines) != 1:
            self.block(condition, _Context(why=why or "it is a condition", exempt=True))
        else:
            self._pipeline(condition[0].pipelines[0], _Context(exempt=True, tail=True))

    def _simple(self, node: Simple, at: _Context) -> None:
        why = self.ended or at.why
        unclear = bool(why) and not self.shell.known
        self.found.append(ShellCommand(text=node.text, line=node.line, may_fail=why, unclear=unclear))
        words = node.text.split()
        if words[0] == "set":
            for name, on in _options(words[1:]).items():
                if not on or at.sure:
                    setattr(self, name, on)
        elif at.sure and _leaves(words):
            self.ended = f"it never runs: `{node.text}` comes before it"
        elif words[0] == "trap" and re.search(r"\bexit 0\b", node.text):
            self.ended = f"`{node.text}` ends the script without an error"


def _prepares(pipeline: CommandPipe) -> bool:
    """Whether it only prepares for what follows, and fails where nothing else would work either."""
    [node, *others] = pipeline.commands
    words = node.text.split() if isinstance(node, Simple) else [""]
    return not others and words[0] in ("cd", "pushd", "mkdir", "echo", "printf", "export", "source", ".", "set")


def _leaves(words: list[str]) -> bool:
    """Whether nothing after it runs: `exit`, or another program in the shell's place."""
    return words[0] in ("exit", "return") or (
        words[0] == "exec" and len(words) > 1 and re.match(r"\d*[<>]", words[1]) is None
    )


def _caught(node: If) -> bool:
    """Whether the branch of a failure ends the script: `if ! a; then exit 1; fi`, `if a; then …; else exit 1; fi`."""
    [(condition, body), *others] = node.branches
    negated = len(condition) == 1 and condition[0].pipelines[0].negated
    return _list_ends(body if negated else node.otherwise) == "exit" and (negated or not others)


def _ends(pipeline: CommandPipe) -> str:
    """How an alternative ends that surely fails: `exit` with the whole script, `fails` by itself; empty where it may succeed."""
    if len(pipeline.commands) > 1 or pipeline.negated:
        return ""
    [node] = pipeline.commands
    if isinstance(node, CommandGroup):
        ends = _list_ends(node.body)
        return "fails" if ends and node.subshell else ends
    if not isinstance(node, Simple):
        return ""
    found = _EXIT.fullmatch(node.text)
    if found:
        return "" if found["status"] == "0" else "exit"
    return "fails" if node.text == "false" else ""


def _list_ends(items: tuple[AndOr, ...]) -> str:
    """The same of a list: by the first command that leaves it, or by its last."""
    for index, item in enumerate(items):
        if item.background or not all(map(_succeeds, item.pipelines[:-1])) or "||" in item.operators:
            continue
        first = item.pipelines[-1].commands[0]
        if isinstance(first, Simple) and (found := _EXIT.fullmatch(first.text)):
            status = found["status"] or "$?"
            return "exit" if status not in ("0", "$?") or (status == "$?" and not index) else ""
        if index == len(items) - 1:
            return _ends(item.pipelines[-1])
    return ""


def _succeeds(pipeline: CommandPipe) -> bool:
    """Whether it is a text that is printed."""
    [node, *others] = pipeline.commands
    return not others and isinstance(node, Simple) and node.text.split()[0] in ("echo", "printf")
