"""The syntax of a shell script: lists of `a && b`, pipes, groups, branches, loops; texts in quotes and here documents left whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

_OPERATORS: Final = ("&&", "||", ";;", "|&", "|", ";", "&", "(", ")", "\n")
_SEPARATORS: Final = frozenset({";", "\n"})
_HERE: Final = re.compile(r"<<(?P<tabs>-?)[ \t]*(?P<quote>['\"\\]?)(?P<end>[\w.-]+)(?P=quote)?")
_LITERAL: Final = re.compile(r"[\w./:@=,+-]+")
_DEEPEST: Final = 50
"""Groups in groups."""


class ScriptError(ValueError):
    """A script that is not one, or is deeper than is read; its text says why."""


@dataclass(frozen=True, slots=True)
class Simple:
    """One command: its words, one space between them, and its line from 0."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class CommandGroup:
    """`{ a; b; }`, or `( a; b )` in a shell of its own."""

    body: tuple[AndOr, ...]
    subshell: bool


@dataclass(frozen=True, slots=True)
class If:
    """`if`: conditions with what they lead to, and `else`."""

    branches: tuple[tuple[tuple[AndOr, ...], tuple[AndOr, ...]], ...]
    otherwise: tuple[AndOr, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """`while`, `until`, `for`; `sure` is one over words that are written there."""

    condition: tuple[AndOr, ...]
    body: tuple[AndOr, ...]
    sure: bool


@dataclass(frozen=True, slots=True)
class Cases:
    """`case`: what each pattern leads to."""

    bodies: tuple[tuple[AndOr, ...], ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A function, which is defined and not run."""

    body: Node


Node: TypeAlias = "Simple | CommandGroup | If | Loop | Cases | Function"


@dataclass(frozen=True, slots=True)
class CommandPipe:
    """`a | b`, perhaps after `!`."""

    commands: tuple[Node, ...]
    negated: bool

    @property
    def label(self) -> str:
        """Its text, for people."""
        return " | ".join(one.text if isinstance(one, Simple) else "…" for one in self.commands)


@dataclass(frozen=True, slots=True)
class AndOr:
    """`a && b || c`: one operator fewer than pipelines; `background` where `&` ends it."""

    pipelines: tuple[CommandPipe, ...]
    operators: tuple[str, ...]
    background: bool


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    line: int
    operator: bool = False


def parsed(script: str) -> tuple[AndOr, ...]:
    """The commands of a script.

    Raises:
        ScriptError: a quote, a group or a branch does not end, or the nesting is too deep.
    """
    parser = _ScriptParser(_Scanner(script.replace("\r\n", "\n")).tokens())
    return parser.block(frozenset())


class _Scanner:
    """Takes a script apart into words and operators."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = self.line = 0
        self.word, self.word_line = "", 0
        self.found: list[_Token] = []
        self.waiting: list[tuple[str, bool]] = []

    def tokens(self) -> list[_Token]:
        """All of them; here documents and comments left out."""
        while self.at < len(self.text):
            self._step()
        self._flush()
        return self.found

    def _step(self) -> None:
        text, at, char = self.text, self.at, self.text[self.at]
        if text.startswith("\\\n", at):
            self.at, self.line = at + 2, self.line + 1
        elif char == "#" and not self.word:
            self.at = text.find("\n", at) if "\n" in text[at:] else len(text)
        elif end := self._whole(at):
            self._take(end)
        elif char != "\n" and char.isspace():
            self._flush()
            self.at += 1
        elif self._redirects(at):
            self._take(at + 1)
        elif operator := next((one for one in _OPERATORS if text.startswith(one, at)), ""):
            self._operator(operator)
        else:
            self._take(at + 1)

    def _whole(self, at: int) -> int:
        """The end of what is taken whole at a place: an escape, a quote, an expansion, the head of a here document; 0: nothing is."""
        text, char = self.text, self.text[at]
        if char == "\\":
            return at + 2
        if char in "'\"`":
            return self._quoted(at)
        if text.startswith("${", at):
            return self._after("}}" if text.startswith("${{", at) else "}", at)
        if text.startswith(("$(", "<(", ">("), at):
            return self._balanced(at + 1)
        if text.startswith("<<<", at):
            return at + 3
        here = _HERE.match(text, at)
        if here is not None:
            self.waiting.append((here["end"], bool(here["tabs"])))
        return here.end() if here is not None else 0

    def _redirects(self, at: int) -> bool:
        """Whether `&` or `|` is part of `>&`, `&>`, `>|`."""
        if self.text[at] == "&":
            return self.word.endswith((">", "<")) or self.text.startswith("&>", at)
        return self.text[at] == "|" and self.word.endswith(">")

    def _take(self, end: int) -> None:
        if not self.word:
            self.word_line = self.line
        piece = self.text[self.at : end]
        self.word += piece
        self.line += piece.count("\n")
        self.at = end

    def _flush(self) -> None:
        if self.word:
            self.found.append(_Token(self.word, self.word_line))
        self.word = ""

    def _operator(self, operator: str) -> None:
        self._flush()
        self.found.append(_Token(operator, self.line, operator=True))
        self.at += len(operator)
        if operator == "\n":
            self.line += 1
            for end, tabs in self.waiting:
                self._skip_here(end, tabs=tabs)
            self.waiting.clear()

    def _skip_here(self, end: str, *, tabs: bool) -> None:
        while self.at < len(self.text):
            line, _, _ = self.text[self.at :].partition("\n")
            self.at, self.line = min(len(self.text), self.at + len(line) + 1), self.line + 1
            if (line.lstrip("\t") if tabs else line) == end:
                return

    def _quoted(self, at: int) -> int:
        quote, index = self.text[at], at + 1
        while index < len(self.text):
            char = self.text[index]
            if char == quote:
                return index + 1
            index += 2 if char == "\\" and quote != "'" else 1
        raise ScriptError(f"{quote} does not end")

    def _after(self, end: str, at: int) -> int:
        found = self.text.find(end, at)
        if found < 0:
            raise ScriptError(f"{self.text[at : at + 3]} does not end")
        return found + len(end)

    def _balanced(self, at: int) -> int:
        """The place after the parenthesis that closes the one at `at`; quotes are passed over."""
        depth, index = 0, at
        while index < len(self.text):
            char = self.text[index]
            if char in "'\"`":
                index = self._quoted(index)
                continue
            depth += (char == "(") - (char == ")")
            index += 2 if char == "\\" else 1
            if not depth:
                return index
        raise ScriptError("( does not end")


class _ScriptParser:
    """Makes lists of the words."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = self.depth = 0

    def block(self, ends: frozenset[str]) -> tuple[AndOr, ...]:
        """Commands until one of these words, which is left to the caller, or to the end of the script."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ScriptError("it is nested too deeply")
        items: list[AndOr] = []
        while True:
            self._skip(_SEPARATORS)
            if self.at == len(self.tokens) and ends:
                raise ScriptError(f"`{min(ends)}` is missing")
            if self.at == len(self.tokens) or self.tokens[self.at].text in ends:
                self.depth -= 1
                return tuple(items)
            items.append(self._and_or())

    def _skip(self, texts: frozenset[str]) -> None:
        while self.at < len(self.tokens) and self.tokens[self.at].operator and self.tokens[self.at].text in texts:
            self.at += 1

    def _is(self, *texts: str, operator: bool) -> bool:
        if self.at == len(self.tokens):
            return False
        token = self.tokens[self.at]
        return token.operator is operator and token.text in texts

    def _next(self) -> _Token:
        if self.at == len(self.tokens):
            raise ScriptError("it is cut short")
        self.at += 1
        return self.tokens[self.at - 1]

    def _expect(self, text: str) -> None:
        if (token := self._next()).text != text:
            raise ScriptError(f"`{token.text.strip()}` in place of `{text}`")

    def _and_or(self) -> AndOr:
        pipelines, operators = [self._pipeline()], []
        while self._is("&&", "||", operator=True):
            operators.append(self._next().text)
            self._skip(frozenset({"\n"}))
            pipelines.append(self._pipeline())
        background = self._is("&", operator=True)
        self.at += background
        return AndOr(tuple(pipelines), tuple(operators), background)

    def _pipeline(self) -> CommandPipe:
        negated = False
        while self._is("!", operator=False):
            self.at, negated = self.at + 1, not negated
        commands = [self._command()]
        while self._is("|", "|&", operator=True):
            self.at += 1
            self._skip(frozenset({"\n"}))
            commands.append(self._command())
        return CommandPipe(tuple(commands), negated)

    def _command(self) -> Node:
        token = self._next()
        if token.operator and token.text != "(":
            raise ScriptError(f"`{token.text.strip() or 'the end of a line'}` in place of a command")
        if token.text == "[[":
            return self._test(token)
        node = self._compound(token)
        if node is None:
            return self._simple(token)
        while self.at < len(self.tokens) and not self.tokens[self.at].operator and not isinstance(node, Function):
            self.at += 1  # where its output goes
        return node

    def _compound(self, token: _Token) -> Node | None:
        if token.operator or token.text == "{":
            end = ")" if token.operator else "}"
            body = self.block(frozenset({end}))
            self._expect(end)
            return CommandGroup(body, subshell=token.operator)
        if token.text == "if":
            return self._if()
        if token.text in ("while", "until", "for", "select"):
            return self._loop(token.text)
        if token.text == "case":
            return self._cases()
        if token.text == "function":
            self._next()
            if self._is("(", operator=True):
                self.at += 2
            self._skip(frozenset({"\n"}))
            return Function(self._command())
        return None

    def _test(self, token: _Token) -> Simple:
        words = [token.text]
        while words[-1] != "]]":
            words.append(self._next().text.strip())
        return Simple(" ".join(words), token.line)

    def _simple(self, token: _Token) -> Node:
        words = [token.text]
        while self.at < len(self.tokens):
            one = self.tokens[self.at]
            if one.operator and one.text == "(":
                self.at += 1
                if len(words) == 1 and self._is(")", operator=True):
                    self.at += 1
                    self._skip(frozenset({"\n"}))
                    return Function(self._command())
                if not words[-1].endswith("="):
                    raise ScriptError("`(` in the midst of a command")
                while self._next().text != ")":
                    pass
            elif one.operator:
                break
            else:
                words.append(one.text)
                self.at += 1
        return Simple(" ".join(" ".join(words).split()), token.line)

    def _if(self) -> If:
        branches: list[tuple[tuple[AndOr, ...], tuple[AndOr, ...]]] = []
        otherwise: tuple[AndOr, ...] = ()
        word = "if"
        while word in ("if", "elif"):
            condition = self.block(frozenset({"then"}))
            self._expect("then")
            branches.append((condition, self.block(frozenset({"elif", "else", "fi"}))))
            word = self._next().text
        if word == "else":
            otherwise = self.block(frozenset({"fi"}))
            self._expect("fi")
        return If(tuple(branches), otherwise)

    def _loop(self, word: str) -> Loop:
        condition: tuple[AndOr, ...] = ()
        listed: list[str] = []
        if word in ("while", "until"):
            condition = self.block(frozenset({"do"}))
        else:
            while not self._is("do", operator=False):
                listed.append(self._next().text)
        self._expect("do")
        body = self.block(frozenset({"done"}))
        self._expect("done")
        words = [one for one in listed[2:] if one not in _SEPARATORS] if listed[1:2] == ["in"] else []
        return Loop(condition, body, bool(words) and all(map(_LITERAL.fullmatch, words)))

    def _cases(self) -> Cases:
        while self._next().text != "in":
            pass
        bodies: list[tuple[AndOr, ...]] = []
        while True:
            self._skip(frozenset({"\n", ";;"}))
            if self._is("esac", operator=False):
                self.at += 1
                return Cases(tuple(bodies))
            self._skip(frozenset({"("}))
            while self._next().text != ")":
                pass
            bodies.append(self.block(frozenset({";;", "esac"})))
