"""Scripts of pipelines: which of their lines are plain commands, so that a failure of each ends the script.

Scripts are not executed. A pipe, a branch or a function may hide a failure, so the result is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_BOURNE: Final = frozenset({"", "bash", "sh"})
"""What runs a script with `-e`; empty: the shell of GitHub on Linux, and of GitLab."""
_HARMLESS: Final = re.compile(
    r"'[^']*'|\"[^\"$`\\]*\"|\"[^\"`\\(]*\"|\$\{\{.*?\}\}|\$\{\w+\}|\$\([^()]*\)|\d?>&\d|\d?>>?\s*[\w./$-]+"
)
"""What hides no failure of its line: texts in quotes, variables, expressions, output into a file."""
_CONTROL: Final = re.compile(r"[|&;<>()`!'\"{}\\]")
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
    joined = re.sub(r"\\\n", " ", text.replace("\r\n", "\n"))
    lines = [" ".join(line.split()) for line in joined.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    return (*lines[:-1], *_AND.split(lines[-1])) if lines else ()


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
    words = re.sub(r"^(?:\w+=\S*\s+)+", "", line).split()
    if words and _WORDS.fullmatch(words[0]):
        return _STRICT.fullmatch(line) is not None
    inner = [command for one in _INNER.finditer(line) for command in script_lines(one["script"])]
    return not _CONTROL.search(_HARMLESS.sub("", line)) and all(_is_plain(command) for command in inner)
