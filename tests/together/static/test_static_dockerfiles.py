"""Dockerfiles as Docker reads them: continuation, comments, here-documents, arguments, stages."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.infrastructure.dockerfiles import Instruction, instructions, stages
from harness.errors import ConfigurationError
from tests.together.static.conftest import PaperPlatform, bad

SENTENCE = "every image of a Node.js service starts from node:20 and reports version 20"


def read(text: str) -> list[tuple[str, str, int]]:
    """Word, rest and line of each instruction."""
    return [(one.word, one.rest, one.line) for one in instructions(text, "Dockerfile")]


def test_instructions_are_read_as_docker_takes_them(subtests: pytest.Subtests) -> None:
    """Continued lines with comments and empty lines between them; small letters and tabs; another escape character, as in images of Windows."""
    for text, found in [
        (
            "FROM a\n\n# comment\nRUN b \\\n  # not this\n\n  && c\\\n  d\nCMD e",
            [("FROM", "a", 1), ("RUN", "b   && c  d", 4), ("CMD", "e", 9)],
        ),
        ("from a\n\trun\tb", [("FROM", "a", 1), ("RUN", "b", 2)]),
        ("# escape=`\nFROM a\nRUN b `\n c", [("FROM", "a", 2), ("RUN", "b  c", 3)]),
    ]:
        with subtests.test(text):
            assert read(text) == found


def test_a_here_document_holds_no_instructions() -> None:
    """Neither in RUN nor in COPY; two of them end one after the other."""
    text = "FROM a\nRUN <<EOF\nFROM node:18\nEOF\nCOPY <<one <<-'two' /b/\nFROM x\none\nFROM y\n\ttwo\nCMD c"
    assert [(word, line) for word, _, line in read(text)] == [("FROM", 1), ("RUN", 2), ("COPY", 5), ("CMD", 10)]


@pytest.mark.parametrize(
    "line",
    [
        "RUN cat <<'A' > /x && cat <<'B' > /y",
        'COPY <<"A" <<"B" /dest/',
        "RUN echo '<<C' \"it's\" && cat <<'A' <<B",
        """RUN cat <<"A" > 'x y' && cat 3<<-'B'""",
    ],
)
def test_an_instruction_may_have_several_here_documents_in_quotes(line: str) -> None:
    """Each mark of a quote belongs to one text alone, from left to right."""
    text = f"FROM a\n{line}\nFROM x\nA\nFROM y\nB\nCMD c"
    assert [(word, line) for word, _, line in read(text)] == [("FROM", 1), (line.partition(" ")[0], 2), ("CMD", 7)]


def test_an_argument_stands_for_its_default() -> None:
    """Also within another, and where FROM gives one of its own."""
    text = "ARG VERSION=20\nARG BASE=node:${VERSION}\nFROM $BASE-alpine AS One\nFROM ${OTHER:-node:18}\nFROM ${NONE}\nFROM one"
    found = stages(text, "Dockerfile")
    assert [stage.image for stage in found] == ["node:20-alpine", "node:18", "${NONE}", "one"]
    assert found[3].origin == "node:20-alpine"


def test_a_line_may_have_several_arguments() -> None:
    """As BuildKit takes them, in quotes too."""
    found = stages('ARG NODE=20 OS="alpine" NONE\nFROM node:$NODE-$OS\nFROM a:$NONE', "Dockerfile")
    assert [stage.image for stage in found] == ["node:20-alpine", "a:$NONE"]


@pytest.mark.parametrize("run", ['grep a <<<"text"', 'sh -c "cat <<EOF > b"', "echo $((1<<SHIFT))", "echo 'a <<EOF'"])
def test_what_only_reads_like_a_here_document(run: str) -> None:
    """A here-string, a text in quotes, a shift."""
    assert [word for word, _, _ in read(f"FROM a\nRUN {run}\nCMD b")] == ["FROM", "RUN", "CMD"]


def test_which_dockerfile_is_of_a_service_on_node(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """By its base, its command or its stages; of another language it is left out, and one that nothing places is unknown."""
    for dockerfile, facts in [
        ('FROM node:20 AS build\nFROM gcr.io/distroless/nodejs18-debian12\nCMD ["server.js"]', [False]),
        ('FROM public.ecr.aws/lambda/nodejs:18\nCMD ["index.handler"]', [False]),
        ('FROM registry.access.redhat.com/ubi9/nodejs-18\nCMD ["./start.sh"]', [False]),
        ('FROM acme/base:1\nCMD ["pm2-runtime", "a"]', [False]),
        ('FROM acme/base:1\nCMD ["next", "start"]', [False]),
        ('FROM acme/base:1\nENTRYPOINT ["/run", "main.mjs"]', [False]),
        ("FROM node:20 AS build\nFROM acme/base:1\nCMD ./start.sh", [False]),
        ("FROM acme/base:1\nCMD ./start.sh", [None]),
        ("FROM alpine:3\nCOPY config.json /", [None]),
        ("ARG BASE\nFROM $BASE", [None]),
        ("FROM node:18 AS ui\nFROM golang:1 AS build\nFROM scratch\nCMD /server", [None]),
        ("FROM node:18 AS ui\nFROM nginx:1", []),
        ("FROM golang:1 AS build\nFROM scratch\nCMD /server", []),
        ("FROM gcr.io/distroless/python3-debian12\nCMD a", []),
        ("FROM registry.acme.com:5000/eclipse-temurin:21\nCMD a", []),
        ("FROM prom/node-exporter:v1", []),
        ('FROM alpine:3\nCMD ["python3", "a.py"]', []),
        ("FROM postgres:16", []),
    ]:
        with subtests.test(dockerfile):
            platform.write("docker/more/Dockerfile", dockerfile)
            found = [(fact.ok, fact.observed) for fact in platform.find(SENTENCE) if "more/Dockerfile" in fact.subject]
            assert [ok for ok, _ in found if ok is not True] == facts
            assert all(
                "neither says whether it is a service on Node.js; hint:" in words for ok, words in found if ok is None
            )


@pytest.mark.parametrize(
    "name",
    ["api.Dockerfile", "Dockerfile-api", "Dockerfile_api", "Dockerfile.api.ci", "Containerfile", "Containerfile.api"],
)
def test_a_dockerfile_may_have_a_name_of_its_own(platform: PaperPlatform, name: str) -> None:
    """As `docker build -f` and Podman take them; what a build ignores is not one."""
    platform.write(f"docker/{name}", "FROM node:18\nCMD node a\n")
    platform.write(f"docker/{name}.dockerignore", "node_modules\n!src\n")
    found = [(subject, ok) for subject, ok in bad(platform.find(SENTENCE)) if name in subject]
    assert found == [(f"repository/docker/{name}:1 FROM", False)]


@pytest.mark.parametrize("name", ["dockerfile-guide.md", "Dockerfile_test.go", "Dockerfile-build.sh", "dockerfiles"])
def test_a_file_beside_dockerfiles_is_not_one(platform: PaperPlatform, name: str) -> None:
    """A text, a test or a script about them; where such a file is named itself, the hint says what to name."""
    platform.write(f"docker/{name}", "# How images are built\nRead this.\n")
    assert bad(platform.find(SENTENCE)) == []
    platform.name(dockerfiles=f"repository/docker/{name}")
    with pytest.raises(ConfigurationError, match="`Read` is not an instruction") as raised:
        platform.find(SENTENCE)
    assert raised.value.hint.startswith("name Dockerfiles only")


def test_which_image_a_service_starts_from(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """Every stage from a node image, and what runs in the end; an unknown version is neither."""
    for dockerfile, facts in [
        ("FROM node:20.18-slim", []),
        ("FROM docker.io/library/node:20", []),
        ("FROM --platform=linux/amd64 node:20@sha256:abc", []),
        ("ARG V=20\nFROM node:$V", []),
        ("FROM node:200", [False]),
        ("FROM node:lts", [False]),
        ("FROM node:lts-alpine", [False]),
        ("FROM node:iron-alpine", [None]),
        ("FROM node", [False]),
        ("FROM node@sha256:abc", [None]),
        ("ARG V\nFROM node:$V\nCMD node", [None]),
        ("FROM alpine:3\nRUN apk add nodejs npm\nCMD npm start", [False]),
        ("FROM node:18 AS build\nRUN npm ci\nFROM node:20\nCMD node a", [False]),
        ("FROM node:20 AS build\nRUN npm ci\nFROM gcr.io/distroless/base\nCMD node a", [False]),
    ]:
        with subtests.test(dockerfile):
            platform.write("docker/backend/Dockerfile", dockerfile)
            found = [(subject, ok) for subject, ok in bad(platform.find(SENTENCE)) if "backend/Dockerfile" in subject]
            assert [ok for _, ok in found] == facts


def test_an_image_of_something_else_is_not_asked_for_node(platform: PaperPlatform) -> None:
    """It runs another program."""
    platform.write(
        "images/ipfs.json", json.dumps([{"RepoTags": ["ipfs:1"], "Config": {"Env": None, "Cmd": ["daemon"]}}])
    )
    assert bad(platform.find(SENTENCE)) == []


def test_a_service_whose_image_reports_nothing_is_unknown(platform: PaperPlatform) -> None:
    """Two Dockerfiles, one report; or none at all."""
    (platform.root / "images" / "backend.json").unlink()
    assert bad(platform.find(SENTENCE)) == [("built images", None)]
    platform.name(images=None)
    assert bad(platform.find(SENTENCE)) == [("built images", None)]


@given(st.text(alphabet="FROM ARGUN node:20\\\n#<E`=$\t\"'", max_size=120))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing else comes out, and each instruction is in a line of the file."""
    try:
        found = instructions(text, "Dockerfile")
    except ConfigurationError as error:
        found, where = [Instruction(word="FROM", rest="", line=1)], error.where
    else:
        where = "Dockerfile:1"
    assert where.startswith("Dockerfile:")
    assert all(isinstance(one, Instruction) and 1 <= one.line <= max(1, len(text.splitlines())) for one in found)
    assert any(one.word == "FROM" for one in found)


@given(st.lists(st.sampled_from(["RUN a", "COPY b c", "ENV D=e", "USER f"]), max_size=6))
def test_what_was_written_is_what_is_read(lines: list[str]) -> None:
    """Instructions of one line each, in order."""
    assert [f"{word} {rest}" for word, rest, _ in read("\n".join(["FROM x", *lines]))] == ["FROM x", *lines]
