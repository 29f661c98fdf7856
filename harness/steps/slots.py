"""The typed slots of the templates, with the values that they accept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from harness.drivers.check.calls.matrix.classes import CLASSES
from harness.drivers.check.state.conditions import CONDITIONS_PATTERN
from harness.drivers.static.noun_files import DOCUMENTS, REGISTERS
from harness.errors import ConfigurationError
from harness.model import Quantity
from harness.steps import nouns as of_figures

DOMAINS: Final = (
    "pod",
    "node",
    "zone",
    "database",
    "region",
    "members",
    "service",
    "cache",
    "container",
    "process",
    "host",
    "external",
    "network",
)
"""Fault domains, from small to large."""

_NUMBER: Final = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_MORE_THAN_0: Final = "(?=[0-9.]*[1-9])"
_RATIO: Final = rf"{_MORE_THAN_0}{_NUMBER} ?%"
_ID: Final = "[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+"
_DOMAIN: Final = f"(?:{'|'.join(DOMAINS)})"
_DOMAINS: Final = f"{_DOMAIN}(?:, {_DOMAIN})*(?: or {_DOMAIN})?"
_TIME: Final = rf"{_MORE_THAN_0}{_NUMBER} ?(?:ms|s|min|h|d)"
_POINTS: Final = rf"{_MORE_THAN_0}{_NUMBER} ?points?"
_REGION: Final = "[a-z0-9]+(?:-[a-z0-9]+)*"
_QUANTILE: Final = r"p(?:50|75|90|95|99|99\.9)"
_ROUTES: Final = r'every route|route "[^"<>]{1,80}"'
_PHASES: Final = "in the steady state|during the fault|after the recovery|after the switch|at the [0-9]{1,3} % step"
_SCALED: Final = " (scaled)"
_NOT_SCALED: Final = " (not scaled)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """The values that a slot accepts.

    Attributes:
        pattern: regular expression of the text, without groups.
        about: description of the values.
        example: one valid value.
        scaled: whether a length of time is divided by the target's time scale; the pattern may allow `(not scaled)` after it.
        listed: whether the slot accepts only a few fixed phrases.
    """

    pattern: str
    about: str
    example: str
    listed: bool = False
    scaled: bool = False

    @property
    def is_time(self) -> bool:
        """Whether the value is a length of time."""
        return self.pattern.startswith(_TIME)


class Values(dict[str, str]):
    """The values of the slots of a sentence, by name; a slot in an omitted optional part has no value.

    Args:
        values: name of each slot → its text.
        slots: slots of the template.
    """

    def __init__(self, values: Mapping[str, str], slots: Mapping[str, Slot]) -> None:
        super().__init__(values)
        self._slots = slots

    def quantity(self, name: str) -> Quantity:
        """The value of a slot as a quantity.

        Whether a length of time is scaled depends on the type of the slot, unless `(scaled)` or `(not scaled)` follows.

        Raises:
            KeyError: the slot has no value.
            UsageError: the value is not a number with a unit.
        """
        text, said, _ = self[name].partition(" (")
        scaled = self[name].endswith(_SCALED) if said else self._slots[name].scaled
        return Quantity.parse(text, scaled=scaled)

    def times(self) -> dict[str, Quantity]:
        """Slot → length of time, for all slots with a length of time."""
        return {name: self.quantity(name) for name in self if self._slots[name].is_time}

    def optional(self, name: str) -> Quantity | None:
        """The quantity of a slot; None if the slot has no value."""
        return self.quantity(name) if name in self else None


def _one_of(words: Iterable[str]) -> str:
    """A pattern for one of these words, the longer ones first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _series(words: Iterable[str], last: str = " and ", between: str = ", ") -> str:
    """A pattern for `a`, `a and b`, `a, b and c` of these words."""
    one = f"(?:{_one_of(words)})"
    return f"{one}(?:{between}{one})*(?:{last}{one})?"


def _noun(words: Iterable[str], about: str) -> Slot:
    """A slot that takes one of these words."""
    phrases = tuple(words)
    return Slot(pattern=_one_of(phrases), about=f"{about}: {', '.join(phrases)}", example=phrases[0], listed=True)


NOUN: Final = Slot(pattern=".{1,200}?", about="one of the sentence's nouns", example="every pod")
"""A slot that each noun of a form fills with words of its own."""
_ATTRIBUTES: Final = tuple(dict.fromkeys(each.words for one in REGISTERS.values() for each in one.attributes))

SLOTS: Final[Mapping[str, Slot]] = {
    "calls": Slot(
        pattern=f"{_ROUTES}|{_one_of(of_figures.LATENCIES)}",
        about=f'every route, {" or ".join(of_figures.LATENCIES)}, of which the worst decides, or one route by its name: route "read-track"',
        example="every route",
    ),
    "cause": _noun(("the database's silence", "one pod growing by 100 MB"), "what an alert is for"),
    "copies": _noun(("backups", "snapshots"), "what copies are called"),
    "data": _noun(of_figures.DATA, "what has been read"),
    "latency": _noun(("response time", "replication lag"), "what is measured"),
    "failing": Slot(
        pattern=f"error rate|error rate of (?:{_ROUTES})|{of_figures.WITHOUT_A_SERVICE}|share of journeys in trouble",
        about=(
            f'a share of failures: error rate, error rate of every route, error rate of route "read-track", {of_figures.WITHOUT_A_SERVICE}, '
            "share of journeys in trouble"
        ),
        example="error rate of every route",
        listed=True,
    ),
    "metric": Slot(
        pattern=f"{_one_of(of_figures.METRICS)}|a number of active users|p50, p95 and p99 of the {_REGION}",
        about=f"what the metrics show: {', '.join(of_figures.METRICS)}, a number of active users, or p50, p95 and p99 of the workload at the entry",
        example="requests per second",
    ),
    "moment": Slot(
        pattern=f"{_PHASES}|{of_figures.WHILE_PODS_DIE}|{of_figures.WHILE_GONE}",
        about=f"when: in the steady state, during the fault, after the recovery, after the switch, {of_figures.WHILE_PODS_DIE}, {of_figures.WHILE_GONE}",
        example="in the steady state",
        listed=True,
    ),
    "tolerance": Slot(pattern=f"{_POINTS}|{_RATIO}", about="percentage points, or a share in percent", example="5 %"),
    "conditions": Slot(
        pattern=CONDITIONS_PATTERN,
        about="fields of an object of the cluster with the value that each has, the last after `and`",
        example="image tag other than latest",
    ),
    "attributes": Slot(
        pattern=_series(_ATTRIBUTES),
        about=f"what a register's entries name: {', '.join(_ATTRIBUTES)}",
        example="its command, its owner and its time limit",
    ),
    "bound": Slot(
        pattern=(
            rf"at (?:least|most) (?:{_NUMBER}(?: ?(?:%|[A-Za-z][A-Za-z/]{{0,15}}|of [0-9]{{1,4}}))?|its (?:baseline|target))"
            rf"|at least {_RATIO} below its baseline"
        ),
        about=(
            "at least or at most a number in the unit of the figure (%, d, months, EUR, of 5…, or none), its baseline or its target; "
            "or at least a share below its baseline"
        ),
        example="at least 90 %",
    ),
    "branch": Slot(pattern=r"[A-Za-z0-9._/-]{1,80}", about="a branch by name", example="main"),
    "class": _noun(CLASSES, "a class of operations"),
    "count": Slot(pattern=r"[0-9]{1,6}", about="a whole number", example="3"),
    "cpu": Slot(pattern=r"[0-9]{1,6}(?:\.[0-9]{1,3}|m)?", about="CPU as Kubernetes writes it", example="500m"),
    "document": Slot(
        pattern=_one_of(DOCUMENTS),
        about=f"a document: {' or '.join(DOCUMENTS)}",
        example="data layer report",
    ),
    "entry": Slot(
        pattern=_one_of(REGISTERS),
        about=f"an entry of a register: {', '.join(REGISTERS)}",
        example="boundary",
    ),
    "image": Slot(pattern=r"[a-z0-9./_-]{1,80}:[A-Za-z0-9._-]{1,40}", about="an image with its tag", example="node:20"),
    "instance": Slot(pattern=r"[a-z0-9-]+\.[a-z0-9-]+", about="an instance type", example="m5.large"),
    "platform": Slot(pattern="Linux|Windows", about="an operating system", example="Linux"),
    "duration": Slot(
        pattern=_TIME, about="a length of time above 0 in ms, s, min, h or d, never scaled", example="200 ms"
    ),
    "excess": Slot(
        pattern=f"the new release's (?:p95 above {_TIME}|error rate above {_RATIO})|one new pod above {_RATIO} of its limit",
        about=(
            "what a trigger reads, above its limit: the new release's p95 above a time, the new release's error rate above a share, "
            "one new pod above a share of its limit"
        ),
        example="the new release's p95 above 2000 ms",
    ),
    "experiments": Slot(
        pattern=f"single-fault experiment|disaster experiment|experiment of domain {_DOMAINS}",
        about=(
            "single-fault experiment (domain pod, node, database), disaster experiment (domain database, region, members), or experiment of domain with "
            f"fault domains, the last after `or`: {', '.join(DOMAINS)}"
        ),
        example="experiment of domain pod, node or network",
    ),
    "faults": Slot(
        pattern=f"disaster(?:: loss of the primary, a region, all database members)?|fault of domain {_DOMAINS}",
        about="disaster, or fault of domain with fault domains, the last after `or`",
        example="fault of domain database or region",
    ),
    "factor": Slot(pattern=rf"{_MORE_THAN_0}{_NUMBER}", about="a number more than 0", example="1.2"),
    "environment": _noun(("staging", "production", "sandbox"), "an environment"),
    "failures": Slot(
        pattern="failed or was skipped|failed", about="failed, or failed or was skipped", example="failed", listed=True
    ),
    "ids": Slot(
        pattern=rf"{_ID}(?:, {_ID})*(?: and {_ID})?",
        about="requirements by id, the last after `and`",
        example="ND-PRE-TESTS and ND-PRE-SCAN",
    ),
    "analyses": Slot(
        pattern=r"(?:[2-9]|1[0-9]|20)", about="how often the data is analysed, 2 to 20 times", example="4"
    ),
    "level": Slot(
        pattern="low|moderate|high|critical",
        about="a level of npm audit: low, moderate, high or critical",
        example="moderate",
        listed=True,
    ),
    "memory": Slot(
        pattern=r"[0-9]{1,9}(?:\.[0-9]{1,3})?(?:[kMGT]i?|Ki)?", about="memory as Kubernetes writes it", example="512Mi"
    ),
    "noun": NOUN,
    "name": Slot(pattern=r'[^"<>]{1,80}', about="a name as it is written in files", example="everyday"),
    "operations": Slot(
        pattern=r"(?:reads and (?:of )?writes|reads|writes)(?: of the cache)?",
        about="what clients do, of the target or of its caches",
        example="reads and writes",
    ),
    "size": Slot(
        pattern=rf"{_MORE_THAN_0}{_NUMBER} ?(?:kB|MB|GB)",
        about="an amount of memory in kB, MB or GB, of 1000 each",
        example="10 MB",
    ),
    "period": Slot(
        pattern=rf"{_TIME}(?:{re.escape(_NOT_SCALED)})?",
        about=f"a length of time above 0 in ms, s, min, h or d, divided by the time scale unless `{_NOT_SCALED.strip()}` follows it",
        example="4 h",
        scaled=True,
    ),
    "phase": Slot(
        pattern=_PHASES,
        about="when: in the steady state, during the fault, after the recovery, after the switch or at the N % step",
        example="in the steady state",
        listed=True,
    ),
    "points": Slot(pattern=_POINTS, about="percentage points, more than 0", example="5 points"),
    "port": Slot(pattern=r"[0-9]{1,5}", about="a TCP port", example="8080"),
    "provenance": _noun(("release", "commit", "target"), "what a report is of"),
    "quantile": Slot(pattern=_QUANTILE, about="a quantile: p50, p75, p90, p95, p99 or p99.9", example="p95"),
    "loss": Slot(
        pattern=rf"{of_figures.PRIMARYS_DEATH}|{of_figures.CACHES_DEATH}|the loss of {_REGION}|the loss of any one zone of {_REGION}{of_figures.AT_ITS_ENTRY}",
        about=f"{of_figures.PRIMARYS_DEATH} (of the database), {of_figures.CACHES_DEATH} (of the cache), the loss of a region by its name, or the loss of any one zone of a region{of_figures.AT_ITS_ENTRY}",
        example="the loss of us-east-1",
    ),
    "routes": Slot(
        pattern=_ROUTES,
        about='every route, of which the worst decides, or one route by its name: route "read-track"',
        example="every route",
    ),
    "ratio": Slot(pattern=_RATIO, about="a share in percent, more than 0", example="0.1 %"),
    "reaction": Slot(
        pattern=rf"{_TIME}(?:{re.escape(_SCALED)})?",
        about=f"a length of time above 0 in ms, s, min, h or d, not scaled unless `{_SCALED.strip()}` follows it",
        example="45 s",
    ),
    "region": Slot(pattern=_REGION, about="a region by name", example="us-east-1"),
    "freshness": Slot(
        pattern="younger than|at most", about="younger than, or at most … old", example="at most", listed=True
    ),
    "release": Slot(pattern=r'[^"<>\s]{1,80}', about="a release by name, as answers name it", example="1.0.0"),
    "shares": Slot(
        pattern=rf"{_NUMBER} ?%(?:, {_NUMBER} ?%)*(?: and {_NUMBER} ?%)?",
        about="shares in percent, in order, the last after `and`",
        example="5 %, 25 %, 50 % and 100 %",
    ),
    "resource": Slot(pattern="CPU|memory", about="CPU or memory", example="CPU", listed=True),
    "role": Slot(pattern=r"[a-z]+(?:-[a-z]+)*", about="what a person answers for", example="security-lead"),
    "scope": Slot(pattern=r"[A-Za-z0-9._:/-]{1,60}", about="a scope of access tokens", example="READ"),
    "status": Slot(
        pattern=r"[1-5][0-9]{2}(?: or [1-5][0-9]{2}){0,2}",
        about="a status of HTTP, or several with `or`",
        example="403 or 404",
    ),
    "threshold": Slot(pattern=f"{_RATIO}|{_TIME}", about="a share in percent or a length of time", example="3 %"),
    "unfelt": Slot(
        pattern="or is not felt|or are not felt",
        about="or is not felt: the fault need not be met by any request",
        example="or is not felt",
        listed=True,
    ),
    "version": Slot(pattern=r"[0-9]{1,5}(?:\.[0-9]{1,5}){0,3}", about="a version in numbers", example="15.4"),
    "severity": Slot(
        pattern=r"critical|high|medium|low|(?:10|[0-9])(?:\.[0-9])?",
        about="critical, high, medium, low, or a number from 0 to 10 as of CVSS",
        example="high",
    ),
    "workload": Slot(pattern=r"[a-z0-9]+(?:-[a-z0-9]+)*", about="a workload by its label `app`", example="api-gateway"),
    "traffic": Slot(pattern=r"[a-z0-9]+(?:-[a-z0-9]+)*", about="traffic by name, without quotes", example="everyday"),
}

_SLOT: Final = re.compile(r"<(?P<name>[a-z_]+)(?::(?P<type>[a-z]+))?>")
_TOKEN: Final = re.compile(rf"{_SLOT.pattern}|\[(?P<optional>[^\]]*)\]")


def pattern_of(text: str) -> re.Pattern[str]:
    """The pattern of a template.

    `<limit:duration>` is a slot with its type, text in `[…]` is optional, other text is literal.
    """
    return re.compile(_pattern(text, lambda slot: slot.pattern))


def loose_pattern_of(text: str) -> re.Pattern[str]:
    """Like `pattern_of`, but each slot accepts any text, unless it accepts only fixed phrases."""
    return re.compile(_pattern(text, lambda slot: f"(?:{slot.pattern})" if slot.listed else ".+?"))


def _pattern(text: str, of_slot: Callable[[Slot], str]) -> str:
    parts, end = [], 0
    for token in _TOKEN.finditer(text):
        parts.append(re.escape(text[end : token.start()]))
        if token["optional"] is not None:
            parts.append(f"(?:{_pattern(token['optional'], of_slot)})?")
        else:
            parts.append(f"(?P<{token['name']}>{of_slot(SLOTS[token['type'] or token['name']])})")
        end = token.end()
    return "".join((*parts, re.escape(text[end:])))


def start_of(text: str) -> str:
    """The literal text at the start of a template, which is compared before a pattern is compiled."""
    return text[: token.start()] if (token := _TOKEN.search(text)) else text


def plain_of(text: str) -> str:
    """A template as people read it: `<limit>` for `<limit:duration>`."""
    return re.sub(r"<([a-z_]+):[a-z]+>", r"<\1>", text)


def slots_of(text: str) -> dict[str, Slot]:
    """The slots of a template by name, in order."""
    found = _SLOT.finditer(text)
    return {token["name"]: SLOTS[token["type"] or token["name"]] for token in found}


def filled_nouns(text: str, words: Iterable[str]) -> str:
    """A form with words for its slots of the type `noun`, in order.

    Where a slot may be left out, an empty word leaves it out, and one in `[…]` may itself be left out.
    """
    for word in words:
        found = re.search(r"\[([^\[<]*)<[a-z_]+:noun>\]|<[a-z_]+:noun>", text)
        if found is None:
            raise ValueError(f"the form {text!r} has no slot for the noun {word!r}")
        before = found[1] or ""
        own = word if not word or word.startswith("[") else f"{before}{word}"
        text = text[: found.start()] + own + text[found.end() :]
    return text


def require_types(text: str, where: str) -> None:
    """Check that the type of each slot of a template is known.

    Raises:
        ConfigurationError: a type is unknown; the hint lists all types.
    """
    for token in _SLOT.finditer(text):
        kind = token["type"] or token["name"]
        if kind not in SLOTS:
            hint = f"write `<{token['name']}:TYPE>` with one of the types {', '.join(sorted(SLOTS))}"
            raise ConfigurationError(f"the slot type '{kind}' is unknown", where=where, hint=hint)
