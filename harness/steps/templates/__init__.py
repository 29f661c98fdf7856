"""The vocabulary: every sentence that a feature or a criterion may use, and what it means.

A sentence about the live target, about the platform's files or about another tool's report is written on the function that reads them
(`@claim`), or made of nouns (`harness.drivers.check.state`); the sentence of one figure is in its spec (`FigureSentence`); every other
sentence is a row of one of these tables. Figures are taken in
the steady state unless the sentence says otherwise; a sentence about recovery or loss that names no experiment speaks of those that its
scenario ran. A package of its own adds a sentence by an entry point of the group `readiness.steps` whose value is a `Template`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from harness.drivers.check.registry import CLAIMS as OF_TARGETS
from harness.drivers.claim import ClaimedSentence, FactClaim, SentenceForm, no_keys
from harness.drivers.ingest.registry import CLAIMS as OF_REPORTS
from harness.drivers.static.registry import CLAIMS as OF_FILES
from harness.errors import ConfigurationError, UsageError
from harness.figures import sentences
from harness.judgement.figures import FIGURES
from harness.plugins import claims_paths, loaded, place_of, plugins, tried
from harness.steps.meaning import Keyword, Meaning
from harness.steps.objectives import facts
from harness.steps.sentences import PlacedTemplate, templates_of_figures
from harness.steps.slots import Values, plain_of, require_types, slots_of
from harness.steps.template import Template
from harness.steps.templates.alerts import ALERTS
from harness.steps.templates.asking import ASKING
from harness.steps.templates.comparisons import COMPARISONS
from harness.steps.templates.exposures import EXPOSURES
from harness.steps.templates.items import ITEMS
from harness.steps.templates.kpis import KPIS
from harness.steps.templates.people import PEOPLE
from harness.steps.templates.recoveries import RECOVERIES
from harness.steps.templates.replicas import REPLICA_STEPS
from harness.steps.templates.reported import REPORTED
from harness.steps.templates.reports import REPORTS
from harness.steps.templates.rollouts import ROLLOUTS
from harness.steps.templates.scaling import SCALING
from harness.steps.templates.spikes import SPIKES
from harness.steps.templates.triggers import TRIGGERS

GROUP: Final = "readiness.steps"
CLAIMS: Final[tuple[ClaimedSentence, ...]] = (*OF_TARGETS, *OF_FILES, *OF_REPORTS)
"""The sentences on functions that read the target, its files or a report, and on nouns."""


def template_of(claim: ClaimedSentence) -> Template:
    """The sentence of a claim: its slots are parameters of the demand, by their names unless the claim names them.

    Raises:
        ConfigurationError: a slot has a type that there is not; with file and line.
    """
    named = {*claim.fixed.values(), *(f"<{name}>" for name in claim.unread)}
    require_types(claim.text, claim.where)
    slots = {name: f"<{name}>" for name in slots_of(claim.text) if f"<{name}>" not in named}
    found = facts(claim.kind, claim.check, **slots, **claim.fixed)

    def mean(values: Values) -> Meaning:
        if claim.parse is not None:
            claim.parse(values)
        return found(values)

    return Template(
        name=claim.name,
        keyword=Keyword.THEN,
        text=claim.text,
        about=claim.about,
        example=claim.example,
        mean=mean,
        keys=claim.keys if isinstance(claim, FactClaim) else no_keys,
        takes=claim.slots,
    )


def templates_of(claims: Iterable[ClaimedSentence]) -> tuple[Template, ...]:
    """The sentences of claims; those that share a form are one.

    Raises:
        ConfigurationError: as `template_of`.
    """
    found: list[Template] = []
    of_form: dict[SentenceForm, list[ClaimedSentence]] = {}
    for claim in claims:
        if claim.form is None:
            found.append(template_of(claim))
        else:
            of_form.setdefault(claim.form, []).append(claim)
    for form, own in of_form.items():
        takes = {form.slot: f"one of: {', '.join(plain_of(one.noun) for one in own)}"}
        for slot in {name: "" for one in own for name in one.slots if name in slots_of(form.text)}:
            takes[slot] = "; ".join(dict.fromkeys(one.slots[slot] for one in own if slot in one.slots))
        nouns = tuple(map(template_of, own))
        one = replace(nouns[0], name=form.name, text=form.text, about=form.about, takes=takes, nouns=nouns)
        found.append(one)
    return tuple(found)


def require_apart(claims: Iterable[ClaimedSentence | PlacedTemplate], templates: Iterable[Template]) -> None:
    """Refuse claims that say what another sentence says.

    Raises:
        ConfigurationError: another template has the name of a claim or reads its example, or its own does not, reads that of another or
            finds values in it that are refused; with file and line.
    """
    there = tuple(templates)
    for claim in reversed(tuple(claims)):  # of two, the later one is named: it is the project's
        if [one.name for one in there].count(claim.name) > 1:
            what = f"two sentences are named `{claim.name}`"
            raise ConfigurationError(
                what, where=claim.where, hint="give one of the two another `name`, or rename its function"
            )
        reading = [one.plain for one in there if one.match(claim.example) is not None]
        if len(reading) != 1:
            what = f"two sentences read {claim.example!r}: {' and '.join(map(repr, reading))}"
            if not reading:
                what = f"the example {claim.example!r} is not read by its own sentence {claim.text!r}"
            raise ConfigurationError(what, where=claim.where, hint="change its words, or its example")
        [own] = [one for one in there if one.name == claim.name]
        for other in there:
            if other is not own and own.match(other.example) is not None:
                what = f"two sentences read {other.example!r}: {own.plain!r} and {other.plain!r}"
                raise ConfigurationError(what, where=claim.where, hint="change its words")
        try:
            own.mean(own.match(claim.example) or Values({}, {}))
        except UsageError as error:
            raise ConfigurationError(f"its example: {error.what}", where=claim.where, hint=error.hint) from error


_IN_SPECS: Final = templates_of_figures((one, spec, "") for spec in FIGURES.values() for one in spec.sentences)

OWN: Final = (
    *ASKING,
    *KPIS,
    *COMPARISONS,
    *RECOVERIES,
    *ITEMS,
    *EXPOSURES,
    *ALERTS,
    *REPLICA_STEPS,
    *ROLLOUTS,
    *TRIGGERS,
    *SCALING,
    *SPIKES,
    *PEOPLE,
    *REPORTS,
    *REPORTED,
    *(one.template for one in _IN_SPECS),
    *templates_of(CLAIMS),
)
"""The harness's own sentences, and those on the nouns of the project."""


def _require_meaning(template: Template, where: str) -> None:
    """Return where a sentence of a package or a project reads its own example; raises ConfigurationError where it does not."""
    require_types(template.text, where)
    values = template.match(template.example)
    if values is None:
        hint = f"write an example that reads like `{template.plain}`"
        raise ConfigurationError(f"the sentence does not read its example `{template.example}`", where=where, hint=hint)
    tried(lambda: template.mean(values), f"the sentence `{template.name}`", where)


def installed() -> tuple[Template, ...]:
    """The sentences of installed packages, sorted by the name of their entry point.

    Raises:
        UsageError: a package names a sentence that cannot be loaded, or whose name is taken.
    """
    found: list[Template] = []
    for entry in plugins(group=GROUP):
        where = place_of(entry)
        template = loaded(entry, "the sentence")
        if not isinstance(template, Template):
            raise UsageError("this is not a sentence", where=where, hint="name a `harness.steps.Template`")
        _require_meaning(template, where)
        if template.name in {one.name for one in (*OWN, *found)}:
            raise UsageError(f"two sentences are named `{template.name}`", where=where, hint="rename one of them")
        found.append(template)
    return tuple(found)


_INSTALLED: Final = installed()
_OF_FIGURES: Final = templates_of_figures(sentences())
TEMPLATES: Final = (*OWN, *_INSTALLED, *(one.template for one in _OF_FIGURES))
"""All sentences, the harness's own first."""

# a test compares the harness's own with each other: that compiles the pattern of each
if _INSTALLED or _OF_FIGURES or claims_paths()[1:]:
    require_apart((*CLAIMS, *_OF_FIGURES), [one for template in TEMPLATES for one in template.each])
