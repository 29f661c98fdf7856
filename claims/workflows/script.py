"""Scripts of pipelines: which of their lines are plain commands, so that a failure of each ends the script.

Scripts are not executed. A pipe, a branch or a function may hide a failure, so the result is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

_BOURNE: Final = frozenset({"", "bash", "sh"})
"""What runs a script with `-e`; empty: the shell of GitHub on Linux, and of GitLab."""
_HARMLESS: Final = re.compile(
    r"'[^']*'|\"[^\"$`\\]*\"|\"[^\"`\\(]*\"|\$\{\{.*?\}\}|\$\{\w+\}|\$\([^()]*\)|\d?>&\d|\d?>>?\s*[\w./$-]+"
)
"""What hides no failure of its line: texts in quotes, variables, expressions, output into a file."""
_CONTROL: Final = re.compile(r"[|&;<>()`!'\"{}\\]")
_CODE: Final = re.compile(r"""(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^'"\\#]|(?<=\S)#)*""")
"""What of a line is before its comment: a comment begins a word, outside quotes."""
_ASSIGNED: Final = re.compile(r"""^(?:env\s+)?(?:\w+=(?:\$\([^()]*\)|[^\s'"]|'[^']*'|"[^"]*")*\s+)+""")
"""Variables that a line sets for its command."""
_AND: Final = re.compile(r""" && (?=(?:[^'"]|'[^']*'|"[^"]*")*$)""")
"""Between two commands, outside quotes."""
_INNER: Final = re.compile(
    r"""(?<![\w-])(?:(?:ba|da|a|z|k)?(?:sh|su)\s(?:[^'"]*\s)?-[a-z]*c|ssh\s[^'"]*?)\s*(?P<quote>['"])(?P<script>.*?)(?P=quote)"""
)
"""A script in quotes that another shell runs, here or on another machine."""
_WORDS: Final = re.compile(
    r"if|then|else|elif|fi|for|while|until|do|done|case|esac|select|function|trap|exit|return|exec|eval|source|\.|alias|unalias|"
    r"shopt|coproc|set|\[\[|break|continue|kill|builtin|command"
)
"""First words of a line that change what the shell does with others."""
_STRICT: Final = re.compile(r"set (?:-[eux]+|-[eux]*o pipefail)(?: -o pipefail)?")


def script_lines(text: str) -> tuple[str, ...]:
    """The commands of a script, one a line. Continued lines are joined, comments and empty lines left out, and a last line `a && b` is two commands."""
    joined = re.sub(r"\\\n", " ", "\n".join(_without_comments(text.replace("\r\n", "\n"))))
    lines = [" ".join(line.split()) for line in joined.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    return (*lines[:-1], *commands_of(lines[-1])) if lines else ()


def without_comment(text: str) -> str:
    """A command as the lines of a script have it."""
    return " ".join(" ".join(_without_comments(text)).split())


def commands_of(line: str) -> list[str]:
    """The commands of a line that are joined by `&&`."""
    return _AND.split(line)


def _without_comments(text: str) -> Iterator[str]:
    """The lines of a script, as far as the quotes of every line before are closed without their comments."""
    closed = True
    for line in text.split("\n"):
        found = _CODE.match(line)
        rest = line[found.end() :] if found and closed else ""
        closed = closed and (rest in ("", "\\") or rest.startswith("#"))
        yield line.removesuffix(rest) if rest.startswith("#") else line


def wider_line(lines: Sequence[str], command: str) -> str:
    """The line that runs a command with variables or with other commands before it; empty if there is none."""
    own = [(line, _ASSIGNED.sub("", one)) for line in lines for one in commands_of(line)]
    return next((line for line, one in own if one == command), "")


def hides_failure(lines: Sequence[str], at: int, shell: str = "") -> str:
    """Why a failure of the command at `at` may not end the script with an error; empty where it does.

    Args:
        lines: of the script, as `script_lines` gives them.
        at: index of the command.
        shell: that runs it, as GitHub names it; empty: the default of Linux.
    """
    odd = next((line for line in lines[: at + 1] if not _is_plain(line)), "")
    odd = odd or next((line for line in lines[at + 1 :] if not _is_plain(line)), "")
    if odd:
        return f"the shell may hide a failure in `{odd[:80]}`; hint: put the command into a step of its own"
    if shell not in _BOURNE and at + 1 < len(lines):
        return f"the shell `{shell}` may go on after a failure; hint: put the command into a step of its own"
    return ""


def _is_plain(line: str) -> bool:
    words = _ASSIGNED.sub("", line).split()
    if words and _WORDS.fullmatch(words[0]):
        return _STRICT.fullmatch(line) is not None
    inner = [command for one in _INNER.finditer(line) for command in script_lines(one["script"])]
    return not _CONTROL.search(_HARMLESS.sub("", line)) and all(_is_plain(command) for command in inner)
