"""Tools that pipelines run, as far as the harness knows them: by which options the findings of a scan fail it, and which commands change an environment.

A tool that is in no table does what the register of pipelines declares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from . import nouns
from .jobs import CiStep, Held

_WORD: Final = re.compile(r"[^\s'\"`;|&()]+")
_VARIABLE: Final = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)")
_VERSION: Final = re.compile(r"[@:][^/]*$")
_FALSE: Final = frozenset({"", "false", "no", "0"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Scanner:
    """By what the findings of a scan fail it; each option is a regular expression of `option` or `option=value`.

    Attributes:
        needs: options without any of which it succeeds with findings. write: one of them as people write it.
        soft: options with which it succeeds with findings, beside those that every tool may have.
        file: options that name a file with further options. never: whether no option makes its findings fail it.
        chooses: options that name what it searches for; with any of them it searches for vulnerabilities only if one names `vuln`.
        aside: options with which it searches for something else.
    """

    needs: tuple[str, ...] = ()
    write: str = ""
    soft: tuple[str, ...] = ()
    file: tuple[str, ...] = ()
    never: bool = False
    chooses: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()


_SOFT: Final = (
    "exit-code=0",
    "exit-zero",
    "suppress-errors",
    "no-fail",
    "audit-level=none",
    "command=(?:container )?monitor",
    "fail-build=false",
    "fail-on-vuln=false",
    "soft-fail",
    "continue-on-error",
    "ignore-on-exit=(?:all|results)",
    "dry-run",
    "version",
)
"""Options with which a scan succeeds with findings, whatever the tool is."""
_EXIT_CODE: Final = "exit-code=[1-9][0-9]*"
_CVSS: Final = r"failOnCVSS=(?:[0-9]|10)(?:\.[0-9]+)?"
_CHOOSES: Final = ("(?:scanners|security-checks)=.+", "f(?:ormat)?=(?:cyclonedx|spdx(?:-json)?|github)")
_ASIDE: Final = ("scan-type=conf(?:ig)?", "download-(?:java-)?db-only")
_SCANNERS: Final[Mapping[str, Scanner]] = MappingProxyType(
    {
        "trivy": Scanner(
            needs=(_EXIT_CODE,), write="--exit-code 1", file=("config=.+", "c=.+"), chooses=_CHOOSES, aside=_ASIDE
        ),
        "trivy-action": Scanner(
            needs=(_EXIT_CODE,), write="exit-code: 1", file=("trivy-config=.+",), chooses=_CHOOSES, aside=_ASIDE
        ),
        "grype": Scanner(
            needs=("f=.+", "fail-on=.+", "fail-on-severity=.+"), write="--fail-on high", file=("c=.+", "config=.+")
        ),
        "docker scout": Scanner(needs=("e", "exit-code"), write="--exit-code"),
        "scout-action": Scanner(needs=("exit-code",), write="exit-code: true"),
        "dependency-check": Scanner(needs=(_CVSS,), write="--failOnCVSS 7"),
        "dependency-check.sh": Scanner(needs=(_CVSS,), write="--failOnCVSS 7"),
        "Dependency-Check_Action": Scanner(needs=(_CVSS,), write="--failOnCVSS 7"),
        "semgrep ci": Scanner(),
        "semgrep": Scanner(needs=("error",), write="--error"),
        "govulncheck": Scanner(soft=("format=(?:json|sarif|openvex)", "json")),
        "govulncheck-action": Scanner(soft=("output-format=(?:json|sarif|openvex)",)),
        "checkov": Scanner(soft=("s", "soft-fail-on=.*CRITICAL.*")),
        "tfsec": Scanner(soft=("s",)),
        "brakeman": Scanner(soft=("no-exit-on-warn",)),
        "retire": Scanner(soft=("exitwith=0",)),
        "zap-baseline.py": Scanner(soft=("I",)),
        "snyk monitor": Scanner(never=True),
        "snyk container monitor": Scanner(never=True),
        "dotnet list": Scanner(never=True),
        "codeql-action/analyze": Scanner(never=True),
    }
)
"""By the program with its subcommand, or by the end of an action's name; of several that fit the first."""
_WRAPPERS: Final = frozenset(
    [
        "sudo",
        "time",
        "timeout",
        "env",
        "npx",
        "bunx",
        "uvx",
        "pipx",
        "poetry",
        "pipenv",
        "uv",
        "python",
        "python3",
        "go",
        "docker",
        "podman",
        "sh",
        "bash",
    ]
)
"""Programs whose arguments may be another program with its options."""
_PACKAGE_MANAGERS: Final = frozenset({"npm", "pnpm", "yarn"})
_RUNS_PROGRAM: Final = frozenset({"exec", "x", "dlx"})
"""Commands of package managers whose arguments are a program with its options; those of their other commands are names of scripts."""
_NAMED_SCRIPTS: Final = frozenset({"make", "just", "task", "compose"})
"""Words after which a name is that of a script or service, not of a program."""

_CLUSTER: Final = (
    "apply|create|replace|patch|edit|delete|scale|autoscale|expose|drain|set (?:image|env|resources|selector|"
    "serviceaccount|subject|triggers|volumes?)|rollout (?:restart|undo|latest|retry)"
)
_STACK: Final = "apply|destroy"
_CHANGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "helm": "upgrade|install|rollback|uninstall",
        "helmfile": "sync|apply|destroy",
        "kubectl": _CLUSTER,
        "oc": f"{_CLUSTER}|new-app|start-build",
        "terraform": _STACK,
        "tofu": _STACK,
        "terragrunt": _STACK,
        "pulumi": "up|update|destroy",
        "argocd": "sync|rollback|create|set|delete",
        "flux": "reconcile|bootstrap",
        "ansible-playbook": "",
        "az": "(?:up|create|update|restart|swap)",
        "aws": "sync|update-service|update-function-code|create-stack|update-stack|start-instance-refresh",
        "wrangler": "publish",
        "cf": "push",
        "nomad": "run",
        "skaffold": "run",
        "docker": "(?:service|stack) (?:update|create|scale|rollback)",
    }
)
"""Programs, and their verbs that change something; an empty text: any of its commands does."""


def may_deploy(step: CiStep) -> Iterator[str]:
    """The commands of a step, or its action, that may change an environment."""
    for line in (step.uses,) if step.uses else step.lines:
        if "deploy" in line.lower() or _changes(line):
            yield line
    if step.uses and "deploy" not in step.uses.lower() and any(_changes(one.partition("=")[2]) for one in step.options):
        yield step.uses


def _changes(line: str) -> bool:
    words = _words(line)
    for at, word in enumerate(words):
        verbs = _CHANGES.get(_program(word))
        if verbs is not None and (not verbs or re.search(rf"(?<!\S)(?:{verbs})(?!\S)", " ".join(words[at + 1 :]))):
            return True
    return False


def searches(step: CiStep, text: str) -> Held:
    """Whether a scan, as the register has it, searches for vulnerabilities; unknown where its name or its options say something else."""
    name, options = _scan_of(step, text)
    scanner = _SCANNERS.get(name, Scanner())
    chosen = {one for one in options if _first({one}, scanner.chooses)}
    other = "" if any("vuln" in one for one in chosen) else _first(chosen, scanner.chooses)
    if odd := nouns.NOT_OF_VULNERABILITIES.search(f"{step.uses} {' '.join(text.split())}"):
        other = odd[0]
    if other := _first(options, scanner.aside) or other:
        return Held(ok=None, why=f"`{other}` does not search for vulnerabilities")
    return Held()


def findings_fail(step: CiStep, text: str, stops_by: str) -> Held:
    """Whether the findings of a scan fail its command or action.

    Args:
        step: of the workflow file.
        text: the command or action, as the register has it.
        stops_by: what the register says that its findings stop it by; empty where it does not say.
    """
    name, options = _scan_of(step, text)
    scanner = _SCANNERS.get(name, Scanner())
    if soft := _first(options, (*_SOFT, *scanner.soft)):
        return Held(ok=False, why=f"`{soft}` lets the scan succeed with findings")
    if re.search("[|;&]", text) and (scanner.never or scanner.needs) and not _first(options, scanner.needs):
        return Held(ok=None, why=f"another command of the line may read the findings of `{name}`")
    if scanner.never:
        return Held(ok=False, why=f"`{name}` succeeds with findings, and no option of it changes that")
    if not stops_by:
        hint = "hint: add `stops_by` to the scan in `pipelines.yaml`: the option by which findings make it fail, or `itself`"
        return Held(ok=None, why=f"it is not declared whether findings make the scan fail; {hint}")
    declared = _options(_words(stops_by)) if stops_by.startswith("-") else {stops_by}
    if stops_by != "itself" and not declared <= options and f" {stops_by} " not in f" {' '.join(text.split())} ":
        return Held(ok=False, why=f"the scan lacks `{stops_by}`, by which it would fail on findings")
    return _lacking(name, scanner, options, declared)


def _lacking(name: str, scanner: Scanner, options: set[str], declared: set[str]) -> Held:
    """Whether findings fail a tool by the options that it needs for that."""
    if not scanner.needs or _first(options, scanner.needs):
        return Held()
    hint = f"hint: add `{scanner.write}`"
    names = {one.partition("=")[0] for one in scanner.needs}
    if late := next((one for one in sorted(options) if one.partition("=")[0] in names and "$" in one), ""):
        return Held(ok=None, why=f"the value of `{late}` is known only at run time; {hint}")
    if _first(declared, scanner.file):
        return Held()
    if found := _first(options, scanner.file):
        why = f"the file of `{found}` is not read, and may have the option by which findings fail `{name}`"
        return Held(ok=None, why=f"{why}; hint: write it as `stops_by` if it has, or add `{scanner.write}`")
    return Held(ok=False, why=f"`{name}` succeeds with findings; {hint}")


def _scan_of(step: CiStep, text: str) -> tuple[str, set[str]]:
    """The name of a scan in the table, empty where it is in none, and its options: arguments, inputs, and variables that the tool reads as options."""
    words = [] if step.uses else _words(text)
    if step.uses:
        action = _VERSION.sub("", step.uses)
        name = next((one for one in _SCANNERS if f"/{action}".endswith(f"/{one}")), "")
        options = {one for text in step.options for one in _input(text)}
    else:
        name, arguments = _tool(words)
        options = _options(arguments)
    prefix = re.sub(r"\W.*", "", name).upper()
    given = {one.partition("=")[0] for one in options}
    for one in (*step.variables, *words):
        found = _VARIABLE.fullmatch(one)
        if found and prefix and found["name"].startswith(f"{prefix}_"):
            option = found["name"].removeprefix(f"{prefix}_").lower().replace("_", "-")
            options |= set() if option in given else {*_pair(option, found["value"])}
    return name, options


def _tool(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The scanner of a command and its arguments; without one, no name and every word."""
    start = next((at for at, word in enumerate(words) if not _VARIABLE.fullmatch(word)), 0)
    wrapped = words and _wraps(words[start:]) and not _NAMED_SCRIPTS.intersection(words)
    for at in range(start, len(words) if wrapped else min(start + 1, len(words))):
        rest = [word for word in words[at + 1 :] if not word.startswith("-")]
        for name in _SCANNERS:
            program, *sub = name.split()
            image = rest[:1] and _program(rest[0]) == program  # `docker run semgrep/semgrep semgrep ci`
            if _program(words[at]) == program and rest[: len(sub)] == sub and not image:
                return name, words[at + 1 :]
    return "", words


def _wraps(words: Sequence[str]) -> bool:
    """Whether the arguments of a command may be another program with its options."""
    program = _program(words[0])
    return program in _WRAPPERS or (program in _PACKAGE_MANAGERS and not _RUNS_PROGRAM.isdisjoint(words[1:2]))


def _words(line: str) -> list[str]:
    return _WORD.findall(line)


def _program(word: str) -> str:
    """The name of a program without its directory and version, or of an image without its registry and tag."""
    return _VERSION.sub("", word).rpartition("/")[2]


def _options(words: Sequence[str]) -> set[str]:
    """The options of a command, with one dash or two, as `option` and `option=value`."""
    found: set[str] = set()
    for word, following in zip(words, [*words[1:], "-"], strict=False):
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name:
            found |= {*_pair(name, value)} if equals else {name.replace("_", "-")}
            if not equals and not following.startswith("-"):
                found.add(f"{name.replace('_', '-')}={following}")
    return found


def _input(text: str) -> Iterator[str]:
    """The options that an input of an action is: itself if it is true, with its value, and the arguments in its value."""
    name, _, value = text.partition("=")
    name = name.replace("_", "-")
    yield f"{name}={value}"
    if value.lower() == "true":
        yield name
    yield from _options(_words(value))


def _pair(name: str, value: str) -> Iterator[str]:
    name = name.replace("_", "-")
    yield f"{name}={value}"
    if value.lower() not in _FALSE:
        yield name


def _first(options: set[str], patterns: Sequence[str]) -> str:
    """The first option that one of the patterns is; empty if there is none."""
    return next((one for one in sorted(options) if any(re.fullmatch(pattern, one) for pattern in patterns)), "")
