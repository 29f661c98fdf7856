"""Nouns of objects of the cluster: what a file of them may say, and what is refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.drivers.check.registry import CHECKS
from harness.drivers.check.state.form import claims_of_nouns
from harness.drivers.check.state.nouns import load_nouns
from harness.drivers.check.state.paths import ObjectPath
from harness.errors import ConfigurationError, UsageError
from harness.steps.grammar import read
from harness.steps.templates import OWN as OWN_SENTENCES
from harness.steps.templates import require_apart, template_of
from harness.targets import Target
from harness.targets.access import accesses_of

TARGET = Target.model_validate({"name": "a", "environment": "sandbox", "entry": "http://127.0.0.1:1"})
NOUN = """\
things:
  - name: Ingress
    kind: networking.k8s.io/v1 Ingress
fields:
  - name: class
    of: Ingress
    about: its controller
    path: .spec.ingressClassName
    example: class equal to nginx
"""


def written(directory: Path, text: str) -> Path:
    """A file of nouns."""
    file = directory / "nouns.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_noun_becomes_a_sentence_a_check_and_what_it_asks_of_the_cluster(tmp_path: Path) -> None:
    """Nothing but its file names it."""
    file = written(tmp_path, NOUN)
    [claim] = claims_of_nouns(load_nouns([tmp_path])[-1:])
    template = template_of(claim)
    assert (claim.where, template.text) == (
        f"{file}:2: things[0]",
        "every Ingress has <has:conditions>[ in the steady state]",
    )
    assert (template.example, template.match(template.example)) == (
        "every Ingress has class equal to nginx",
        {"has": "class equal to nginx"},
    )
    assert template.slots["has"].about == "conditions on fields of `Ingress` (class: its controller)"
    objective = read("every Ingress has class like ngin#*", templates=[template]).objective
    assert objective is not None
    assert (objective.check, objective.params) == ("state-of-ingress", {"has": "class like ngin#*"})
    assert claim.made is not None
    assert [str(one) for one in accesses_of(claim.made.read, TARGET, objective.params) or ()] == [
        "list ingresses.networking.k8s.io"
    ]


def test_a_noun_in_no_namespace_is_read_in_the_cluster(tmp_path: Path) -> None:
    """A Role of a namespace does not allow it."""
    text = NOUN.replace("networking.k8s.io/v1 Ingress", "v1 Node\n    scope: cluster")
    [claim] = claims_of_nouns(load_nouns([written(tmp_path, text)])[-1:])
    assert claim.made is not None
    [asked] = accesses_of(claim.made.read, TARGET, {"has": "class stated"}) or ()
    assert str(asked) == "list nodes -A"


def test_a_field_may_be_added_to_a_thing_of_the_harness(tmp_path: Path) -> None:
    """Beside the fields that it has."""
    field = NOUN.partition("fields:")[2].replace("of: Ingress", "of: container")
    things = {one.name: one for one in load_nouns([written(tmp_path, f"fields:{field}")])}
    assert {"user id", "class"} <= things["container"].fields.keys()
    assert "user id" not in things["service account"].fields


def test_the_nouns_of_the_harness_read_what_they_read_before() -> None:
    """The checks of these sentences have their names of old, which recorded runs have too."""
    named = {one.check for one in claims_of_nouns(load_nouns())}
    assert named == {
        *("state-of-containers", "state-of-workloads", "container-user", "container-probes", "annotation-of-account"),
        *("owner-of-secret", "store-of-secret"),
    }
    assert named <= CHECKS.keys()


UNUSABLE_NOUNS = [
    ("    kind: networking.k8s.io/v1 Ingress\n", "", 2, "expected one reading of `Ingress`"),
    ("v1 Ingress\n", "v1 Ingress\n    read: containers\n", 2, "expected one reading of `Ingress`"),
    ("kind: networking.k8s.io/v1 Ingress", "kind: Ingress", 3, "is not version and kind, like"),
    ("kind: networking.k8s.io/v1 Ingress", "kind: v1 Secret", 3, "Secrets are not read"),
    ("kind: networking.k8s.io/v1 Ingress", "kind: v2 Pod", 3, "is not version and kind, like"),
    (
        "kind: networking.k8s.io/v1 Ingress",
        "read: ingresses",
        3,
        "`ingresses` is not one of the readers containers, ",
    ),
    (
        "kind: networking.k8s.io/v1 Ingress",
        "read: containers\n    scope: cluster",
        2,
        "together with `kind`, not with `read`",
    ),
    ("    kind:", "    knd:", 3, "unknown key `knd`"),
    ("name: Ingress", "name: container", 2, "two things are named `container`"),
    ("fields:\n", "fields:\n" + NOUN.partition("fields:\n")[2], 10, "two fields of `Ingress` are named `class`"),
    ("of: Ingress", "of: Ingres", 6, "there is no thing `Ingres`"),
    ("    path: .spec.ingressClassName\n", "", 5, "expected one reading of `class`"),
    ("path: .spec.ingressClassName", "path: spec.ingressClassName", 8, "`spec.ingressClassName` is not a path: "),
    ("path: .spec.ingressClassName", "path: [.spec.a, '.spec[0]']", 8, "`[0]` of `.spec[0]` is not understood"),
    ("path: .spec.ingressClassName", "path: .spec.a\n    read: image tag", 5, "expected one reading of `class`"),
    ("path: .spec.ingressClassName", "read: image tag", 8, "`Ingress` has no function `image tag`"),
    ("    example", "    unit: s\n    example", 5, "expected `unit` beside `value: number`"),
    ("    example", "    value: colour\n    example", 9, "`colour` is not one of"),
    ("name: class", "name: class and colour", 5, "`class and colour` is not words"),
    ("    example", "    default: [a]\n    example", 9, "a list is not text"),
    ("    example", "    value: number\n    default: soon\n    example", 5, "`soon` is not a number"),
    ("path: .spec.ingressClassName", "path: '.spec.a[*]'\n    default: a", 5, "ends with a key"),
    ("path: .spec.ingressClassName", "path: .metadata.annotations['<key>']", 2, "or a field needs: <key>"),
    (
        "v1 Ingress\nfields:\n",
        "v1 Ingress\n    sentences: [{text: a, has: class stated, example: a}]\nfields:\n  - {name: age, of: Ingress, about: a, path: .a, example: age stated}\n",
        6,
        "no sentence on `Ingress` can name `age`",
    ),
    (
        NOUN,
        "things: [{name: job, read: workloads}]\nfields: [{name: holes, of: job, about: a, read: nodes, example: holes stated}]\n",
        2,
        "a function reads the field of its name",
    ),
    ("example: class equal to nginx", "example: class at least 3", 9, "`at least` compares numbers"),
    ("example: class equal to nginx", "example: nginx", 9, "is not a list of conditions"),
    (NOUN.partition("fields:")[2], " []\n", 2, "`Ingress` has no field"),
    *(
        ("v1 Ingress\n", f"v1 Ingress\n    sentences: [{{{sentence}}}]\n", 4, said)
        for sentence, said in (
            ("text: 'all[ with <has:conditions>]', example: all", "outside of `[…]`"),
            ("text: '<name:name> <name:name> <has:conditions>', example: a", "the slot <name> once"),
            ("text: 'x <has:conditions>', read: containers, example: a", "`containers` finds things with other fields"),
            ("text: all is well, example: all is well", "expected <has:conditions> in the text"),
            ("text: all is well, has: class equal to <a>, example: all is well", "expected the slot <a> of `has`"),
        )
    ),
]


def test_a_noun_that_cannot_be_used_is_refused(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """With file and line, before anything is run."""
    for old, new, line, said in UNUSABLE_NOUNS:
        with subtests.test(old=old, new=new):
            assert NOUN.count(old) >= 1
            file = written(tmp_path, NOUN.replace(old, new, 1))
            with pytest.raises(ConfigurationError) as raised:
                load_nouns([tmp_path])
            assert said in raised.value.what
            assert raised.value.where.partition(": ")[0] == f"{file}:{line}"


def test_two_sentences_of_one_check_mean_the_same(tmp_path: Path) -> None:
    """What the second one says would be judged by the first one's conditions."""
    rows = [f"{{text: {name} is well, has: class equal to {name}, example: {name} is well}}" for name in ("a", "b")]
    text = NOUN.replace("v1 Ingress\n", f"v1 Ingress\n    sentences: [{', '.join(rows)}]\n")
    with pytest.raises(ConfigurationError, match="a `check` of its own for each sentence") as raised:
        load_nouns([written(tmp_path, text)])
    assert raised.value.where == f"{tmp_path / 'nouns.yaml'}:2: things[0]"
    [*_, thing] = load_nouns([written(tmp_path, text.replace("b is well}", "b is well, check: b}"))])
    assert [(one.check, one.made is not None) for one in claims_of_nouns([thing])] == [
        ("state-of-ingress", True),
        ("b", True),
    ]


def test_a_sentence_that_another_noun_reads_too_is_refused(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Before any feature is read, with file, line and key; so is an example that its own sentence does not read."""
    own_sentences = [one for template in OWN_SENTENCES for one in template.each]
    no_colour = "its example: `x` has no field `colour`"
    for own, said in [
        ("", "two sentences read 'every workload of region north has class equal to nginx'"),
        ("text: '<name:name> has <has:conditions>', example: x has class stated", "two sentences read '"),
        ("text: 'every x has <has:conditions>', example: every y has class stated", "is not read by its own sentence"),
        ("text: 'every x has <has:conditions>', example: every x has colour stated", no_colour),
        ("text: x is well, has: class stated and colour stated, example: x is well", no_colour),
        ("text: x is well, has: class stated, name: state-of-workloads, example: x is well", "two sentences are named"),
    ]:
        with subtests.test(own):
            name, sentences = ("x", f"[{{{own}}}]") if own else ("workload of region north", "[]")
            text = NOUN.replace("name: Ingress", f"name: {name}").replace("of: Ingress", f"of: {name}")
            file = written(tmp_path, text.replace("v1 Ingress\n", f"v1 Ingress\n    sentences: {sentences}\n"))
            [claim] = claims_of_nouns(load_nouns([tmp_path])[-1:])
            with pytest.raises(ConfigurationError) as raised:
                require_apart([claim], [*own_sentences, template_of(claim)])
            assert said in raised.value.what
            assert raised.value.where == f"{file}:{'4: things[0].sentences[0]' if own else '2: things[0]'}"


def test_a_mistake_in_the_file_is_refused_in_words(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """With file and line; nothing of it is a library's own message."""
    for text, line, said in [
        ("- a\n", 1, "this must be a mapping"),
        ("things:\n", 1, "`None` is not a list"),
        ("things: {a: 1}\n", 1, "is not a list"),
        ("things: [a]\n", 1, "this must be a mapping"),
        ("things:\n\t- a\n", 2, "is not plain YAML"),
        ("things: &a []\n", 1, "anchors are not used here"),
        ("things: []\nthings: []\n", 2, "the key `things` is defined twice"),
        (NOUN.replace("name: Ingress", "name: 5"), 2, "`5` is not text"),
        (NOUN.replace("name: Ingress", "name: a  b"), 2, "is not words"),
        (NOUN.replace("v1 Ingress", "v1 Ingress\n    check: ../a"), 4, "`../a` is not a name like"),
        (NOUN.replace("v1 Ingress", "v1 Ingress\n    selector: [a]"), 4, "is not a mapping"),
        (NOUN.replace("v1 Ingress", "v1 Ingress\n    selector: {a: 1}"), 4, "`1` is not text"),
        (NOUN.replace("v1 Ingress", "v1 Ingress\n    scope: all"), 4, "`all` is not one of namespace, cluster"),
        (NOUN.replace("v1 Ingress", "v1 Ingress\n    sentences: a"), 4, "is not a list"),
        (NOUN.replace("    about: its controller\n", ""), 5, "the key `about` is missing"),
        (NOUN.replace("path: .spec.ingressClassName", "path: []"), 8, "is not a path"),
        (NOUN.replace("    example", "    unit: h\n    example"), 9, "`h` is not one of ms, s, %"),
        (NOUN.replace("    example", "    value: yes\n    example"), 9, "is not one of text, "),
    ]:
        with subtests.test(text):
            file = written(tmp_path, text)
            with pytest.raises(ConfigurationError) as raised:
                load_nouns([tmp_path])
            assert said in raised.value.what
            assert "nput should" not in str(raised.value)
            assert raised.value.where.partition(": ")[0] == f"{file}:{line}"


@pytest.mark.parametrize(
    ("reading", "sentence", "odd"),
    [
        ("kind: v1 Pod", "every pod of <workload> has <has:conditions>", "<workload>"),
        ("read: containers of a workload", "every container has <has:conditions>", "<deployment>"),
        ("read: containers", 'every container of "<deployment:name>" has <has:conditions>', "<deployment>"),
    ],
)
def test_a_slot_that_nothing_reads_is_refused(tmp_path: Path, reading: str, sentence: str, odd: str) -> None:
    """A sentence about one workload would be judged by all."""
    own = f"{reading}\n    sentences: [{{text: '{sentence}', example: a}}]"
    file = written(tmp_path, NOUN.replace("kind: networking.k8s.io/v1 Ingress", own))
    with pytest.raises(
        ConfigurationError, match=rf"nothing reads, or lacks one that its reader or a field needs: {odd}"
    ) as raised:
        load_nouns([file])
    assert raised.value.where == f"{file}:4: things[0].sentences[0]"


def test_a_slot_of_no_type_is_refused(tmp_path: Path) -> None:
    """With the line of the sentence."""
    own = "    sentences:\n      - text: Ingress <name:colour> has <has:conditions>\n        example: Ingress a has class stated\n"
    file = written(tmp_path, NOUN.replace("v1 Ingress\n", f"v1 Ingress\n{own}"))
    [claim] = claims_of_nouns(load_nouns([tmp_path])[-1:])
    with pytest.raises(ConfigurationError, match="the slot type 'colour' is unknown") as raised:
        template_of(claim)
    assert raised.value.where == f"{file}:5: things[0].sentences[0]"


def test_a_path_leads_to_values(subtests: pytest.Subtests) -> None:
    """None for what an object lacks; nothing where a list is empty or no item is selected."""
    for path, values in [
        (".spec.replicas", [2]),
        (".spec.absent", [None]),
        (".spec.absent.below", [None]),
        (".metadata.labels['a/b']", ["c"]),
        (".metadata.labels['<label>']", ["c"]),
        (".spec.ports[*].port", [80, 81]),
        (".spec.ports[*].name", ["http", None]),
        (".spec.none[*].name", []),
        ('.spec.ports[?(@.name=="http")].port', [80]),
        (".spec.ports[?(@.name=='grpc')].port", []),
        (".spec.ports[?(@.open=='true')].port", [81]),
        (".spec.ports[?(@.name=='None')].port", []),
        (".spec.replicas[*].name", [None]),
    ]:
        with subtests.test(path):
            ports = [{"name": "http", "port": 80}, {"port": 81, "open": True}]
            obj = {"metadata": {"labels": {"a/b": "c"}}, "spec": {"replicas": 2, "ports": ports, "none": []}}
            assert ObjectPath.parse(path).values(obj, {"label": "a/b"}) == values


def test_a_default_counts_where_the_object_around_it_is_there() -> None:
    """An API server leaves a 0 out; a probe that is not there has no delay."""
    delay = ObjectPath.parse(".probe.delay")
    objects: list[dict[str, dict[str, int]]] = [{"probe": {}}, {"probe": {"delay": 5}}, {}]
    assert [delay.values(one, {}, 0) for one in objects] == [[0], [5], [None]]


@pytest.mark.parametrize("text", ["", "spec", ".spec.", ".spec[0]", ".a..b", ".a[?(@.b)]", ".a b"])
def test_what_is_no_path_is_refused(text: str) -> None:
    """With what is not understood."""
    with pytest.raises(UsageError, match="is not understood"):
        ObjectPath.parse(text)
