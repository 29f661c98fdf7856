"""Templates of alerts: the part of Go's that labels and annotations use.

Anything else is refused by name when a rule is read.

{{ $value }}  {{ $labels.pod }}  {{ $value | humanizePercentage }}  {{ printf "%.2f" $value }}
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

Text: TypeAlias = str | float

_ACTION: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_LABEL: Final = re.compile(r"(?:\$labels|\.Labels)\.(\w+)$")
_PRINTF: Final = re.compile(r'printf\s+"([^"%]*%[-+0 #]*\d*(?:\.\d+)?[vdfgs][^"%]*(?:%%[^"%]*)*)"(?:\s+(\S+))?$')
_VALUE: Final = frozenset({"$value", ".Value"})
_DAY_S: Final = 86_400


class TemplateRefused(Exception):
    """A template says what is not understood here."""


def float_text(value: float) -> str:
    """As Go writes a float64: shortest, with an exponent below 0.0001 and from 1e21 on."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
    if value == 0 or 1e-4 <= abs(value) < 1e21:
        text = f"{value:.0f}" if value == int(value) else repr(value)
        return text if "e" not in text else f"{value:.20f}".rstrip("0")
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        mantissa, _, exponent = f"{value:e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent):+03d}"


def _number(value: Text) -> float:
    return float(value.replace("Inf", "inf")) if isinstance(value, str) else value


def _short(value: float) -> str:
    """`%.4g`."""
    return float_text(value) if not math.isfinite(value) else f"{value:.4g}"


def humanize(value: Text) -> str:
    """With an SI prefix."""
    number = _number(value)
    if number == 0 or not math.isfinite(number):
        return _short(number)
    if abs(number) >= 1:
        for prefix in ("", "k", "M", "G", "T", "P", "E", "Z"):
            if abs(number) < 1000:
                return f"{_short(number)}{prefix}"
            number /= 1000
        return f"{_short(number)}Y"
    for prefix in ("m", "u", "n", "p", "f", "a", "z", "y"):  # noqa: B007 - the last one counts
        number *= 1000
        if abs(number) >= 1:
            break
    return f"{_short(number)}{prefix}"


def humanize_duration(value: Text) -> str:
    """In days, hours, minutes and seconds."""
    number = _number(value)
    if not math.isfinite(number):
        return _short(number)
    if number == 0 or abs(number) < 1:
        text = humanize(number)
        return f"{text}s"
    sign, whole = ("-" if number < 0 else ""), int(abs(number))
    days, hours, minutes, seconds = whole // _DAY_S, whole // 3600 % 24, whole // 60 % 60, whole % 60
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    return f"{sign}{minutes}m {seconds}s" if minutes else f"{sign}{_short(abs(number))}s"


_PIPES: Final[Mapping[str, Callable[[Text], str]]] = {
    "humanize": humanize,
    "humanizePercentage": lambda value: f"{_short(_number(value) * 100)}%",
    "humanizeDuration": humanize_duration,
    "toUpper": lambda value: _text(value).upper(),
    "toLower": lambda value: _text(value).lower(),
    "title": lambda value: _text(value).title(),
}


def _text(value: Text) -> str:
    return value if isinstance(value, str) else float_text(value)


def expand(template: str, labels: Mapping[str, str], value: float) -> str:
    """The text of a template for one alert.

    Raises:
        TemplateRefused: it says what is not understood here.
    """
    return _ACTION.sub(lambda action: _text(_expanded(action[1], labels, value)), template)


def check(template: str) -> None:
    """Refuse a template that `expand` would not understand."""
    expand(template, {}, 0.0)


def _expanded(action: str, labels: Mapping[str, str], value: float) -> Text:
    first, *pipes = (part.strip() for part in action.split("|"))
    result = _operand(first, labels, value)
    for pipe in pipes:
        if (formatted := _PRINTF.match(pipe)) is not None and formatted[2] is None:
            result = _printf(formatted[1], result)
        elif pipe in _PIPES:
            result = _PIPES[pipe](result)
        else:
            raise TemplateRefused(f"`{pipe}` is not supported in a template")
    return result


def _operand(text: str, labels: Mapping[str, str], value: float) -> Text:
    if text in _VALUE:
        return value
    if (named := _LABEL.match(text)) is not None:
        return labels.get(named[1], "")
    if (formatted := _PRINTF.match(text)) is not None and formatted[2] is not None:
        return _printf(formatted[1], _operand(formatted[2], labels, value))
    function, _, argument = text.partition(" ")
    if function in _PIPES and argument:
        return _PIPES[function](_operand(argument.strip(), labels, value))
    raise TemplateRefused(f"`{text}` is not supported in a template")


def _printf(form: str, value: Text) -> str:
    verb = form[re.search(r"%[-+0 #]*\d*(?:\.\d+)?", form).end()]  # type: ignore[union-attr]  # the pattern of _PRINTF has one
    if verb == "v":
        return form.replace("%v", "%s", 1) % _text(value)
    if verb == "s":
        return form % _text(value)
    return form % (int(_number(value)) if verb == "d" else _number(value))
