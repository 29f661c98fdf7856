"""The reader of YAML that other programs read too: manifests, workflows, rules."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConfigurationError
from harness.yamlfile import TaggedList, read_document, read_documents


def data(tmp_path: Path, text: str) -> list[Any]:
    """The documents of a file with this text."""
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return [one.data for one in read_documents(path)]


def test_several_documents_each_with_its_lines(tmp_path: Path) -> None:
    """An empty one is nothing."""
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n---\n---\nb:\n  - c\n")
    first, empty, second = read_documents(path)
    assert (first.data, empty.data, second.data) == ({"a": 1}, None, {"b": ["c"]})
    assert second.where(("b", 0)) == f"{path}:5: b[0]"


def test_words_stay_words(tmp_path: Path) -> None:
    """`on` is a key of a workflow, `22:22` a port, a day is text; numbers are as Kubernetes reads them."""
    text = "on: yes\nno: off\nport: 22:22\nday: 2025-10-24\nmode: 0420\nhex: 0x10\nsize: 1e3\nodd: .inf\ntrue: ~\n"
    assert data(tmp_path, text) == [
        {
            "on": "yes", "no": "off", "port": "22:22", "day": "2025-10-24", "mode": 272, "hex": 16, "size": 1000.0, "odd": ".inf",
            "true": None,
        }
    ]  # fmt: skip


def test_what_json_writes_as_a_pair_of_escapes_is_one_character(tmp_path: Path) -> None:
    """As `json.dumps` does with an emoji: YAML has no pairs. Half of one is no text, and is refused with its line."""
    path = tmp_path / "a.json"
    content = {"title": "kill \U0001f600", "path": "\\ud83d\\ude00", "both": "\\\U0001f600", "small": "é"}
    path.write_text(json.dumps(content), encoding="utf-8")
    assert read_document(path).data == content
    path.write_text('{\n "a": "\\ud83d"}', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"a.json:2: the text is not plain YAML: `\\ud83d` is not a character"):
        read_document(path)


def test_anchors_and_merges_are_followed(tmp_path: Path) -> None:
    """The first of several mappings counts, and what is written beside them before all."""
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  <<: [*x, *y]\n  a: 3\nw: *x\n"
    [found] = data(tmp_path, text)
    assert found["z"] == {"a": 3, "b": 1, "c": 2}
    assert found["w"] == {"a": 1, "b": 1}


def test_a_list_with_a_tag_is_told_apart(tmp_path: Path) -> None:
    """GitLab's `!reference`; a scalar with one is its text."""
    [found] = data(tmp_path, "a: !reference [b, c]\nd: !x e\n")
    assert isinstance(found["a"], TaggedList)
    assert (list(found["a"]), found["d"]) == (["b", "c"], "e")


def test_what_is_refused_says_where(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """File and line."""
    for text, line, what in [
        ("a: 1\nb: [\n", 3, "is not YAML"),
        ("a: 1\na: 2\n", 2, "the key `a` is defined twice"),
        ("? [a]\n: b\n", 1, "a key that is not text"),
        ("a: 1\nb:\n  <<: c\n", 3, "`<<` is followed by something that is not a mapping"),
        ("a: &a [*a]\n", 1, "is nested too deeply"),
        ("a: 1e999\n", 1, "`1e999` is not a finite number"),
        ("a: *b\n", 1, "undefined alias"),
        ("a: " + "[" * 80 + "]" * 80 + "\n", 1, "it is nested too deeply"),
    ]:
        with subtests.test(text):
            with pytest.raises(ConfigurationError) as raised:
                data(tmp_path, text)
            assert what in raised.value.what
            assert raised.value.where.startswith(f"{tmp_path}/a.yaml:{line}")


def test_aliases_that_multiply_are_bounded(tmp_path: Path) -> None:
    """Nine lines that would be a thousand million values."""
    rows = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ConfigurationError, match="expands to more than 200000 values"):
        data(tmp_path, "\n".join(["a0: &a0 [x, x]", *rows]))


def test_a_merge_of_itself_is_refused(tmp_path: Path) -> None:
    """And ends."""
    with pytest.raises(ConfigurationError):
        data(tmp_path, "a: &a\n  <<: *a\n")


_PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=8).filter(
        lambda text: (
            not re.fullmatch("[-+.0-9]+[eE][-+0-9]+", text)
        )  # `0E0` is a number of YAML 1.2, which the dumper does not quote
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(_PLAIN)
def test_what_a_dumper_writes_is_read_back(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    """Whatever it quotes."""
    assert data(tmp_path_factory.getbasetemp(), yaml.safe_dump(value, allow_unicode=True)) == [value]


@given(st.text(alphabet="ab:-[]{}&*!<>|?'\"#,% \n\t0", max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """In words."""
    try:
        data(tmp_path_factory.getbasetemp(), text)
    except ConfigurationError as error:
        where = error.where
    else:
        where = "a.yaml"
    assert "a.yaml" in where
