"""A claim: a sentence, written on the function that reads what the sentence is about.

The template of the sentence, its demand, and the keys of the target file that it needs are made from the claim; nothing else names the function.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType, ModuleType
from typing import Any, Final, TypeVar

from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked, Engine
from harness.errors import ConfigurationError
from harness.model import DemandKind
from harness.modules import modules_below
from harness.plugins import called, claims_modules
from harness.targets.files.paper import EvidenceFiles, PlatformFiles
from harness.targets.files.values import TargetSection

_READERS: Final[Mapping[str, tuple[DemandKind, type[TargetSection]]]] = {
    "files": (DemandKind.STATIC, PlatformFiles),
    "evidence": (DemandKind.INGEST, EvidenceFiles),
}
"""By the section of the target file that a claim needs first: who reads it, and which keys it has."""
_CLAIMS: Final = "__claims__"


def no_keys(_params: Mapping[str, str]) -> Iterable[str]:
    """Of a sentence that needs no key of the target file, or none besides those of its claim."""
    return ()


@dataclass(frozen=True, slots=True)
class SentenceForm:
    """A sentence that several claims share, each with a noun of its own.

    Attributes:
        name: of the sentence, unique.
        text: as of a `Template`; `<figures:noun>` is where the noun is.
        about: what is read, of whatever noun.
    """

    name: str
    text: str
    about: str

    @property
    def slot(self) -> str:
        """Name of the slot of the noun."""
        return self.text.partition(":noun>")[0].rpartition("<")[2]

    def of(self, noun: str) -> str:
        """The sentence with a noun, which may have slots too."""
        return self.text.replace(f"<{self.slot}:noun>", noun)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimedSentence:
    """A sentence on a function.

    Attributes:
        name: of the sentence, unique. check: of the function, as demands name it. kind: of the demand: who reads it.
        text: literal but for slots, as of a `Template`; each slot is a parameter of the demand, by its name unless `fixed` names it.
        about: what is read, in one sentence. example: a sentence that it matches.
        fixed: parameters of the demand that the words of the sentence fix; `<age>` is the value of that slot.
        where: file and line of the function.
        unread: slots that are no parameter. slots: what a slot takes, where that is narrower than its type.
        parse: refuses values of the slots that cannot be read, with a UsageError.
        form: the sentence that it shares with others. noun: its own words there; `text` has them.
    """

    name: str
    check: str
    kind: DemandKind
    text: str
    about: str
    example: str
    fixed: Mapping[str, str]
    where: str
    unread: tuple[str, ...] = ()
    slots: Mapping[str, str] = field(default_factory=dict)
    parse: Callable[[Mapping[str, str]], object] | None = None
    form: SentenceForm | None = None
    noun: str = ""


_Claimed = TypeVar("_Claimed", bound=ClaimedSentence)


@dataclass(frozen=True, kw_only=True, slots=True)
class FactClaim(ClaimedSentence):
    """A sentence about files, and what reads the facts that decide it.

    Attributes:
        needs: keys of the target file without which there is nothing to read, as `keys_of` reads them.
        further: those that the values of the slots need besides. read: the function.
    """

    needs: tuple[str, ...]
    read: Engine
    further: Callable[[Mapping[str, str]], Iterable[str]] = no_keys

    def keys(self, params: Mapping[str, str]) -> Iterator[str]:
        """The keys of the target file that a demand with these parameters needs."""
        return keys_of((*self.needs, *self.further(params)), params)

    def __call__(self, asked: Asked) -> Sequence[FactReading]:
        """Read the facts. Raises HarnessError, with file, place and hint, for what cannot be used."""
        return called(lambda: self.read(asked), self.read)


def claim(
    text: str | SentenceForm,
    noun: str = "",
    *,
    needs: tuple[str, ...],
    example: str = "",
    name: str = "",
    fixed: Mapping[str, str] | None = None,
    further: Callable[[Mapping[str, str]], Iterable[str]] = no_keys,
    slots: Mapping[str, str] | None = None,
    parse: Callable[[Mapping[str, str]], object] | None = None,
) -> Callable[[Engine], Engine]:
    """Put a sentence on the function that reads its facts. A function may have several.

    The demand has the name of the function, with dashes; the first paragraph of the docstring describes it.

    Args:
        text: the sentence; `<limit:duration>` is a slot with its type, `[…]` may be left out. A `SentenceForm` is one that others share.
        noun: the words in the form that are of this claim.
        needs: keys of the target file that it reads: `files.chart` of the platform's own files, `evidence.junit.<report>` of the
            report that the When step names. The first says which of the two it is. A need with a parameter that the sentence leaves
            out, as `files.registers.<register>`, is not needed.
        example: a sentence that it matches, where it has slots.
        name: of the sentence, where the function has several.
        fixed: parameters that these words fix; `{"within": "<limit>"}` gives the parameter the value of the slot `limit`.
        further: the keys that the values of the slots need besides, from the parameters.
        slots: what a slot takes, where that is narrower than its type: `{"stages": "stages of a pipeline: build, test"}`.
        parse: refuses values of the slots that cannot be read, with a UsageError; a plan says so, before anything is run.

    Raises:
        ConfigurationError: a need is missing or unknown, or nothing says what is read; with file and line.
    """

    def of(read: Engine) -> Engine:
        fields = sentence_fields(read, text, noun, example=example, name=name, fixed=fixed) | {"slots": slots or {}}
        _require_needs(needs, fields["text"], fields["where"])
        kind = _READERS[needs[0].partition(".")[0]][0]
        attach(read, FactClaim(**fields, kind=kind, needs=needs, further=further, read=read, parse=parse))
        return read

    return of


def defined_at(read: Callable[..., Any]) -> str:
    """File and line of a function, also where another decorator is around it."""
    code = inspect.unwrap(read).__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


def sentence_fields(
    read: Callable[..., Any],
    text: str | SentenceForm,
    noun: str,
    *,
    example: str,
    name: str,
    fixed: Mapping[str, str] | None,
    about: str = "",
) -> dict[str, Any]:
    """The fields of a `ClaimedSentence` that a claim of any kind has.

    Args:
        read: the function; its name is that of the demand, and the first paragraph of its docstring describes it.
        text: see `claim`.
        noun: see `claim`.
        example: see `claim`.
        name: see `claim`.
        fixed: see `claim`.
        about: what is read, where it is not what the docstring says.

    Raises:
        ConfigurationError: nothing says what is read; with file and line.
    """
    where, check = defined_at(read), read.__name__.replace("_", "-")
    about = about or " ".join(inspect.cleandoc(read.__doc__ or "").partition("\n\n")[0].split())
    if not about:
        raise ConfigurationError("a claim has no docstring", where=where, hint="say in it what is read")
    words, form = (text.of(noun), text) if isinstance(text, SentenceForm) else (text, None)
    return {
        "name": name or check,
        "check": check,
        "text": words,
        "form": form,
        "noun": noun,
        "about": about,
        "example": example or words,
        "fixed": MappingProxyType(dict(fixed or {})),
        "where": where,
    }


def attach(read: Callable[..., Any], made: ClaimedSentence) -> None:
    """Put a claim on a function, before those that it has: decorators are applied from the last to the first."""
    setattr(read, _CLAIMS, (made, *getattr(read, _CLAIMS, ())))


def _require_needs(needs: tuple[str, ...], text: str, where: str) -> None:
    if not needs:
        hint = 'name the key of the target file that it reads, as in `needs=("files.registers",)`'
        raise ConfigurationError(
            "a claim needs no key of the target file, so there is nothing to read", where=where, hint=hint
        )
    for need in needs:
        section, _, key = need.partition(".")
        fields = _READERS[section][1].model_fields if section in _READERS else {}
        known = {field.alias or each for each, field in fields.items()}
        if key.partition(".")[0] not in known:
            hint = (
                f"known in `{section}` are {', '.join(sorted(known))}"
                if known
                else "begin with `files.` or `evidence.`"
            )
            raise ConfigurationError(f"a claim needs the unknown key `{need}`", where=where, hint=hint)
        param = key.partition(".<")[2]
        if param not in ("", "report>") and not re.search(rf"<{param.removesuffix('>')}[:>]", text):
            what = f"a claim needs `{need}`, and its sentence has no slot <{param}"
            raise ConfigurationError(
                what, where=where, hint="name a slot, or `<report>` for the report of the When step"
            )


def keys_of(needs: Iterable[str], params: Mapping[str, str]) -> Iterator[str]:
    """The keys of the target file that a demand with these parameters needs.

    `evidence.junit.<report>` is `evidence.junit.unit`; `files.registers.<register>` is `files.registers`, whose directories have the
    register as a file. A need with a parameter that is not there is left out.
    """
    for need in needs:
        key, _, param = need.partition(".<")
        name = params.get(param.removesuffix(">"), "")
        if not param:
            yield key
        elif name:
            yield f"{key}.{name}" if key.startswith("evidence.") else key


def claims_of(module: ModuleType, kind: type[_Claimed]) -> tuple[_Claimed, ...]:
    """The claims of a kind on the functions of a module, in their order there; imported functions are another module's."""
    own = (one for one in vars(module).values() if getattr(one, "__module__", "") == module.__name__)
    return tuple(found for one in own for found in getattr(one, _CLAIMS, ()) if isinstance(found, kind))


def claims_below(package: ModuleType, kind: type[_Claimed]) -> tuple[_Claimed, ...]:
    """The claims of a kind in every module below a package, which are imported, and in the modules of the project's `claims`."""
    return tuple(found for one in (*modules_below(package), *claims_modules()) for found in claims_of(one, kind))


def by_check(claims: Iterable[FactClaim]) -> Mapping[str, FactClaim]:
    """One claim of each function by the name of its demands: they share the function and what it needs.

    Raises:
        ConfigurationError: two functions have one name; with file and line.
    """
    found: dict[str, FactClaim] = {}
    for one in claims:
        if found.setdefault(one.check, one).read is not one.read:
            what = f"two functions are named `{one.check}`, the other in {found[one.check].where}"
            raise ConfigurationError(what, where=one.where, hint="rename one of them")
    return MappingProxyType(found)
