"""Files that a GitLab file includes: what they say of its jobs counts as GitLab merges it, and what is not read decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError
from tests.drivers.static.conftest import PaperPlatform, bad

TRIGGER = "the deploying workflow starts on a push to main and on nothing else"
RUNS = "the workflow runs npm ci, test:all and build on Node.js 20 and the deploy job needs them"
ALL = "the workflow runs npm ci, test:all and build and the deploy job needs them"
SCAN = "the workflow runs the vulnerability scan on every push and stops on its findings"
FILE = ".gitlab-ci.yml"

TESTS = "tests: {stage: test, script: [npm ci, npm run build, 'npm run test:all']}\n"
DEPLOY = "deploy: {stage: deploy, script: [helm upgrade a b]}\n"
LOCAL = "include: {local: ci/more.yml}\n"


def found(platform: PaperPlatform, sentence: str, main: str, **files: str) -> Sequence[FactReading]:
    """The facts of a sentence about a repository with these files: `ci__more` is `ci/more.yml`."""
    platform.write(FILE, main)
    for name, text in files.items():
        platform.write(f"{name.replace('__', '/')}.yml", text)
    platform.name(workflows=f"repository/{FILE}")
    return platform.find(sentence)


@pytest.mark.parametrize(
    ("more", "ok"),
    [
        ("tests: {image: node:20}", True),
        ("tests: {allow_failure: true}", False),
        ("tests: {rules: [{if: $CI_COMMIT_TAG}]}", False),
        ("tests: {when: manual}", False),
        ("tests: {only: [merge_requests]}", False),
        ("tests: {extends: .weak}\n.weak: {allow_failure: true}", False),
        ("tests: {script: [echo]}", True),
        ("tests: {stage: .post}", True),
        ("deploy: {needs: []}", False),
        ("deploy: {when: always}", False),
        ("deploy: {rules: [{when: always}]}", False),
        ("deploy: {script: [echo]}", True),
        ("stages: [deploy, test]", False),
        ("hotfix: {stage: build, script: [helm upgrade a b]}", None),
    ],
)
def test_what_an_included_file_adds_to_a_job_counts(platform: PaperPlatform, more: str, *, ok: bool | None) -> None:
    """Keys that the including file does not write; those that it writes win."""
    facts = found(platform, ALL, LOCAL + TESTS + DEPLOY, ci__more=more + "\n")
    assert {path.name for path in platform.kept} >= {FILE, "more.yml"}
    if ok is None:
        assert [subject.partition("job ")[2] for subject, one in bad(facts) if one is False] == [
            "hotfix: npm ci", "hotfix: test:all", "hotfix: build",
        ]  # fmt: skip
        return
    assert {fact.ok for fact in facts} == {ok}


def test_an_included_script_before_every_script_is_one_with_it(platform: PaperPlatform) -> None:
    """Its `set +e` passes over all failures but the last one."""
    facts = found(platform, ALL, LOCAL + TESTS + DEPLOY, ci__more="default: {before_script: [set +e]}\n")
    assert [fact.ok for fact in facts] == [False, True, False]


@pytest.mark.parametrize(
    "include",
    [
        "ci/more.yml",
        "/ci/more.yml",
        "[ci/more.yml]",
        "{local: /ci/more.yml}",
        "[{local: ci/more.yml}]",
        "['ci/*.yml']",
        "{local: '/c*/m*e.yml'}",
        "'**.yml'",
        "'ci**.yml'",
        "{local: '**/more.yml'}",
        "ci/outer/all.yaml",
        "{local: ci/more.yml, rules: [{when: always}]}",
        "{local: ci/more.yml, rules: [{if: $A}, {when: always}]}",
    ],
)
def test_the_ways_to_name_a_file(platform: PaperPlatform, include: str) -> None:
    """From the top of the repository, patterns, and a file that is included by one that is included."""
    platform.write("ci/outer/all.yaml", "include: [/ci/more.yml]\n")
    platform.write("ci/more.yml", "tests: {allow_failure: true}\n")
    main = f"include: {include}\n{TESTS}{DEPLOY}"
    if "**" in include:
        platform.write("app/ci/more.yml", "tests: {allow_failure: true}\n")
        main = main.replace("'**.yml'", "'ci/**.yml'")
    facts = found(platform, ALL, main)
    assert [fact.ok for fact in facts] == [False, False, False]
    assert all("`allow_failure`" in fact.observed for fact in facts)


@pytest.mark.parametrize(
    "include", ["'ci/**/*.yml'", "'*/more.yaml'", "'more.yml*.yml'", "{local: ci/more.yml, rules: [{when: never}]}"]
)
def test_what_a_pattern_leaves_out(platform: PaperPlatform, include: str) -> None:
    """`**/` asks for a directory below; a rule may leave a file out for sure."""
    facts = found(platform, ALL, f"include: {include}\n{TESTS}{DEPLOY}", ci__more="tests: {allow_failure: true}\n")
    assert bad(facts) == []


def test_a_pattern_of_many_stars_is_held_against_a_long_name(platform: PaperPlatform) -> None:
    """One way through it is enough; tried one after the other they would take for ever."""
    platform.write(f"ci/{'a' * 120}b.yml", "tests: {allow_failure: true}\n")
    pattern = f"ci/{'**a' * 40}.yml"
    assert bad(found(platform, ALL, f"include: '{pattern}'\n{TESTS}{DEPLOY}")) == []
    facts = found(platform, ALL, f"include: '{pattern.replace('.yml', 'b*.yml')}'\n{TESTS}{DEPLOY}")
    assert [fact.ok for fact in facts] == [False] * 3


def test_places_are_those_of_the_file_that_has_the_text(platform: PaperPlatform) -> None:
    """Of a job, a script that is extended, and one that is referred to; an image of `default` of an included file counts."""
    more = """default: {image: "node:20"}
.base:
  stage: test
  script:
    - npm ci
    - npm run build
.tests:
  script: ["npm run test:all"]
"""
    main = (
        LOCAL
        + "first: {extends: .base}\ntests:\n  stage: test\n  script:\n    - echo\n    - !reference [.tests, script]\n"
        + DEPLOY
    )
    facts = found(platform, RUNS, main, ci__more=more)
    assert bad(facts) == []
    assert [fact.observed for fact in facts if fact.observed != "20"] == [
        "repository/ci/more.yml:5", "repository/ci/more.yml:8", "repository/ci/more.yml:6",
    ]  # fmt: skip
    facts = found(platform, ALL, "include: ci/all.yml\n", ci__all="include: ci/more.yml\n", ci__more=TESTS + DEPLOY)
    assert [fact.subject.partition(" ")[0] for fact in facts] == ["repository/ci/more.yml:2"] * 3


def test_the_later_of_two_files_wins_and_mappings_are_merged(platform: PaperPlatform) -> None:
    """And the including file wins over both; a job that another one extends is merged, too."""
    main = "include: [ci/a.yml, ci/b.yml]\n" + TESTS.replace("stage", "extends: .c, stage") + DEPLOY
    files = {"ci__a": ".c: {allow_failure: true, only: {refs: [main]}}\n", "ci__b": ".c: {allow_failure: false}\n"}
    assert [fact.ok for fact in found(platform, ALL, main, **files)] == [False] * 3
    assert "is not in every pipeline" in found(platform, ALL, main, **files)[0].observed
    both = main + ".c: {only: {refs: [branches, tags]}}\n"
    assert bad(found(platform, ALL, both, **files)) == []
    swapped = both.replace("ci/a.yml, ci/b.yml", "ci/b.yml, ci/a.yml")
    assert ["`allow_failure`" in fact.observed for fact in found(platform, ALL, swapped, **files)] == [True] * 3


def test_the_rules_of_the_whole_may_be_included(platform: PaperPlatform) -> None:
    """They decide when the workflow starts, and what a push does."""
    more = "workflow: {rules: [{if: $CI_COMMIT_BRANCH == 'main' && $CI_PIPELINE_SOURCE == 'push'}]}\n"
    assert [fact.ok for fact in found(platform, TRIGGER, LOCAL + DEPLOY, ci__more=more)] == [True]
    assert [fact.ok for fact in found(platform, SCAN, LOCAL + "a: {script: [pip-audit]}\n", ci__more=more)] == [False]


def test_an_included_file_is_not_judged_by_itself(platform: PaperPlatform) -> None:
    """Nor need it be one that could be."""
    platform.write("pipelines/deploy.yml", DEPLOY)
    platform.write("pipelines/base.yml", ".base: {stage: test}\n")
    platform.write("pipelines/tests.yml", TESTS.replace("stage: test", "extends: .base"))
    platform.write(
        "pipelines/main.yml",
        "include: ['pipelines/[!m]*.yml', pipelines/deploy.yml, pipelines/base.yml, pipelines/tests.yml]\n",
    )
    platform.name(workflows="repository/pipelines")
    facts = platform.find(ALL)
    assert (len(facts), bad(facts)) == (3, [])
    platform.write("pipelines/base.yml", ".other: {stage: test}\n")
    with pytest.raises(ConfigurationError, match=r"extends `\.base`, which is not in this file"):
        platform.find(ALL)


ANY = [
    "{remote: 'https://ci.test/a.yml'}",
    "'https://ci.test/a.yml'",
    "{project: a/b, file: c.yml}",
    "{component: ci.test/a/b@1}",
    "{template: Auto-DevOps.gitlab-ci.yml}",
    "ci/gone.yml",
    "'ci/$NAME.yml'",
    "../more.yml",
    "{local: ci/more.yml, rules: [{if: $A}]}",
    "{local: ci/more.yml, rules: [{exists: [a]}]}",
    "{local: ci/inputs.yml, inputs: {b: c}}",
]
SAFE = [
    "{template: Security/SAST.gitlab-ci.yml}",
    "{template: Jobs/Secret-Detection.latest.gitlab-ci.yml}",
    "{component: $CI_SERVER_FQDN/components/sast/sast@2}",
    "{template: Workflows/Branch-Pipelines.gitlab-ci.yml}",
    "{local: ci/other.yml, rules: [{if: $A}]}",
    "ci/none*.yml",
]
MORE = {
    "ci__more": "tests: {allow_failure: true}\ndeploy: {rules: []}\nworkflow: {rules: []}\n",
    "ci__other": "tests: {variables: {A: b}}\nother: {allow_failure: true, script: [pip-audit]}\n",
    "ci__inputs": "spec: {inputs: {a: {}}}\n---\nother: {script: [make]}\n",
}


@pytest.mark.parametrize("include", ANY)
def test_what_is_not_read_may_change_what_a_job_does_not_write(platform: PaperPlatform, include: str) -> None:
    """Whether it holds a deployment back is not decided then, nor when it starts; the place of the include is the reason."""
    facts = found(platform, ALL, f"include: {include}\n{TESTS}{DEPLOY}", **MORE)
    assert [fact.ok for fact in facts] == [None, None, None]
    assert all("`include` (repository/.gitlab-ci.yml:1)" in fact.observed for fact in facts)
    if "gone" in include:
        assert (
            "is not read (`ci/gone.yml` is not a file in repository), and may set `before_script`, `allow_failure`"
            in facts[0].observed
        )
    scan = "a: {script: [pip-audit]}\n"
    if "more" not in include:
        assert [fact.ok for fact in found(platform, SCAN, f"include: {include}\n{scan}", **MORE)] == [None]
    trigger = found(platform, TRIGGER, f"include: {include}\n{DEPLOY}", **MORE)
    assert [fact.ok for fact in trigger] == [None]


@pytest.mark.parametrize("include", SAFE)
def test_what_is_known_to_leave_a_job_alone_decides_nothing_of_it(platform: PaperPlatform, include: str) -> None:
    """Scanners of GitLab, the rules of the whole, and a file that names other jobs and keys."""
    facts = found(platform, ALL, f"include: {include}\n{TESTS}{DEPLOY}", **MORE)
    assert bad(facts) == []


def test_a_job_that_has_the_name_of_a_scanner_is_not_known(platform: PaperPlatform) -> None:
    """The template of GitLab says `allow_failure: true` of it."""
    main = "include: {template: Jobs/Container-Scanning.gitlab-ci.yml}\n"
    scan = "container_scanning: {script: [pip-audit]}\n"
    assert [fact.ok for fact in found(platform, SCAN, main + scan)] == [None]
    assert [fact.ok for fact in found(platform, SCAN, main + scan.replace("container_scanning", "audit"))] == [True]
    written = "container_scanning: {script: [pip-audit], allow_failure: false, rules: [{when: on_success}], when: on_success, before_script: []}\n"
    assert [fact.ok for fact in found(platform, SCAN, main + written)] == [True]


def test_what_a_job_writes_is_not_changed(platform: PaperPlatform) -> None:
    """With every key that decides in the file itself, what is not read changes nothing."""
    sure = "before_script: [], allow_failure: false, when: on_success, rules: [{if: $CI_COMMIT_BRANCH}], needs: "
    main = "include: {project: a/b, file: c.yml}\n" + TESTS.replace("stage", f"{sure}[], stage") + DEPLOY
    assert [fact.ok for fact in found(platform, ALL, main)] == [None] * 3
    main = main.replace("{stage: deploy", f"{{{sure}[tests], stage: deploy")
    assert bad(found(platform, ALL, main)) == []
    assert [ok for _, ok in bad(found(platform, ALL, main.replace("[tests]", "[]")))] == [False] * 3
    bent = (
        main.replace("rules: [{if: $CI_COMMIT_BRANCH}], needs: [],", "needs: [], extends: .r,")
        + ".r: {rules: [{if: $CI_COMMIT_BRANCH}]}\n"
    )
    assert bad(found(platform, ALL, bent)) == []  # needed, whatever its rules are
    bent = (
        main.replace("allow_failure: false, ", "", 1).replace("needs: [],", "needs: [], extends: .r,")
        + ".r: {allow_failure: false}\n"
    )
    assert [fact.ok for fact in found(platform, ALL, bent)] == [None] * 3


@pytest.mark.parametrize(
    ("main", "more", "oks"),
    [
        (TESTS + DEPLOY, "stages: [deploy, test]", [None] * 3),
        ("stages: [test, deploy]\n" + TESTS + DEPLOY, "stages: [deploy, test]", []),
        (TESTS.replace("stage: test, ", "") + DEPLOY, "tests: {stage: .post}", [None] * 3),
        (
            TESTS.replace("stage: test", "stage: .post") + DEPLOY.replace("stage: deploy, ", ""),
            "deploy: {stage: .post}",
            [None] * 3,
        ),
        (TESTS + DEPLOY.replace("{stage", "{needs: [tests], stage"), "stages: [deploy, test]", []),
        (
            TESTS.replace("stage:", "only: [branches], stage:") + DEPLOY.replace("stage:", "only: [main], stage:"),
            "tests: {except: [main]}",
            [None] * 3,
        ),
        (".t: " + TESTS.partition(": ")[2] + "tests: {extends: .t}\n" + DEPLOY, "tests: {script: [echo]}", [None] * 3),
        (TESTS + DEPLOY, "default: {before_script: [set +e]}", [None] * 3),
        (TESTS.replace("{stage", "{before_script: [], stage") + DEPLOY, "default: {before_script: [set +e]}", []),
        (
            "all: {script: [npm ci, npm run build, 'npm run test:all', helm upgrade a b]}\n",
            "all: {allow_failure: true}",
            [],
        ),
        (
            "all: {script: [npm ci, npm run build, 'npm run test:all', helm upgrade a b]}\n",
            "before_script: [set +e]",
            [None] * 3,
        ),
    ],
)
def test_each_key_that_may_be_changed_is_one(platform: PaperPlatform, main: str, more: str, oks: list[None]) -> None:
    """Of what a file says that only its rules bring: the order of stages, a stage, `except`, a script that is extended."""
    include = "include: {local: ci/more.yml, rules: [{if: $A}]}\n"
    facts = found(platform, ALL, include + main, ci__more=more + "\n")
    assert [ok for _, ok in bad(facts)] == oks
    assert all("may set `" in fact.observed for fact in facts if fact.ok is None)


def test_an_image_that_may_be_changed_is_not_known(platform: PaperPlatform) -> None:
    """`default` of the file itself does not win over an image of the job."""
    main = "include: {local: ci/more.yml, rules: [{if: $A}]}\ndefault: {image: 'node:20'}\n" + TESTS + DEPLOY
    assert [ok for _, ok in bad(found(platform, RUNS, main, ci__more="tests: {image: 'node:18'}\n"))] == [None] * 3
    assert bad(found(platform, RUNS, main, ci__more="default: {image: 'node:18'}\n")) == []
    assert (
        bad(found(platform, RUNS, main.replace("{stage", "{image: 'node:20', stage"), ci__more="tests: {image: a}\n"))
        == []
    )


def test_the_order_of_deployments_is_not_known_with_what_is_not_read(platform: PaperPlatform) -> None:
    """As what one waits for may be changed."""
    main = """stages: [a, b, c]
staging: {stage: a, environment: staging, script: [helm upgrade a b]}
e2e: {stage: b, script: ['npm run test:e2e']}
production: {stage: c, environment: production, script: [helm upgrade a b]}
"""
    order = "the deploy job runs staging, then test:e2e, then production, and stops at the first failure"
    assert bad(found(platform, order, main)) == []
    facts = found(platform, order, "include: {project: a/b, file: c.yml}\n" + main)
    assert {fact.ok for fact in facts} == {None}
    assert all("`include` (" in fact.observed for fact in facts)


def test_jobs_that_extend_each_other(platform: PaperPlatform) -> None:
    """Of many the same one is read once; without end they are refused."""
    many = "".join(f".l{level}: {{extends: [{', '.join([f'.l{level + 1}'] * 8)}]}}\n" for level in range(9))
    tests = TESTS.replace("stage", "extends: .l0, stage")
    assert bad(found(platform, ALL, many + ".l9: {allow_failure: false}\n" + tests + DEPLOY)) == []
    with pytest.raises(ConfigurationError, match="extend each other without end"):
        found(platform, ALL, many + ".l9: {extends: .l0}\n" + tests + DEPLOY)


def test_a_job_that_only_its_rules_bring(platform: PaperPlatform) -> None:
    """Its tests hold nothing back for sure, and what it deploys is judged."""
    include = "include: {local: ci/more.yml, rules: [{if: $A}]}\n"
    facts = found(platform, ALL, include + DEPLOY, ci__more=TESTS)
    assert [fact.ok for fact in facts] == [None] * 3
    assert (
        "job tests of `include` (repository/.gitlab-ci.yml:1) is there only by its rules (`ci/more.yml`)"
        in facts[0].observed
    )
    facts = found(platform, ALL, include + TESTS, ci__more=DEPLOY)
    assert [(fact.subject.partition(" ")[0], fact.ok) for fact in facts] == [("repository/ci/more.yml:1", None)] * 3


@pytest.mark.parametrize(
    ("spec", "given", "ok"),
    [
        ("{stage: {}, fail: {type: boolean, default: false}}", "{stage: test}", True),
        ("{stage: {default: test}, fail: {type: boolean}}", "{fail: true}", False),
        ("{stage: {}, fail: {default: false}}", "{}", None),
        ("{stage: {default: $STAGE}, fail: {default: false}}", "{}", None),
        ("{stage: {default: test}}", "{}", None),
        ("{stage: {default: test}, fail: {default: false}}", "{other: a}", None),
    ],
)
def test_inputs_of_an_included_file(platform: PaperPlatform, spec: str, given: str, *, ok: bool | None) -> None:
    """In their places, by their types; one that is not known leaves the file unread."""
    more = f"""spec: {{inputs: {spec}}}
---
"$[[ inputs.stage ]]-all":
  stage: $[[ inputs.stage ]]
  allow_failure: "$[[ inputs.fail ]]"
  script: [npm ci, npm run build, "npm run test:all"]
"""
    main = f"include: {{local: ci/more.yml, inputs: {given}}}\n{DEPLOY}"
    facts = found(platform, ALL, main, ci__more=more)
    assert [fact.ok for fact in facts] == [ok] * 3


def test_a_default_that_a_job_does_not_inherit(platform: PaperPlatform) -> None:
    """`inherit: default` leaves out what is written for every job."""
    text = (
        "default: {before_script: [npm ci, npm run build, 'npm run test:all']}\ntests: {stage: test, script: [echo]}\n"
    )
    assert bad(found(platform, ALL, text + DEPLOY)) == []
    alone = DEPLOY.replace("{", "{inherit: {default: false}, ")
    for inherit, ok in (("false", False), ("[image]", False), ("[before_script]", True)):
        less = text.replace("{stage", f"{{inherit: {{default: {inherit}}}, stage")
        facts = [fact for fact in found(platform, ALL, less + alone) if fact.subject.startswith("repository")]
        assert {fact.ok for fact in facts} == {ok}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"ci__more": "include: ci/more.yml\n"}, "`include` leads back to"),
        ({"ci__more": "include: [.gitlab-ci.yml]\n"}, "`include` leads back to"),
        ({"ci__more": "- a\n"}, "is not a file that GitLab includes"),
        ({"ci__more": "a: [\n"}, "is not YAML"),
        (
            {"ci__more": f"include: [{', '.join(['ci/b.yml'] * 200)}]\n", "ci__b": "a: {}\n"},
            "leads to more than 150 includes",
        ),
    ],
)
def test_includes_that_are_refused(platform: PaperPlatform, files: dict[str, str], words: str) -> None:
    """With the file that is wrong."""
    with pytest.raises(ConfigurationError, match=words):
        found(platform, ALL, LOCAL + TESTS + DEPLOY, **files)


def test_includes_that_are_too_much_in_all(platform: PaperPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is small enough; the bound is that of one file."""
    monkeypatch.setattr("harness.drivers.static.includes.MOST_VALUES", 40)
    main = "include: ['ci/*.yml']\n" + TESTS + DEPLOY
    more = "a: {variables: {A: [b, c, d, e, f, g, h]}}\n"
    assert bad(found(platform, ALL, main, ci__a=more)) == []
    with pytest.raises(ConfigurationError, match="leads to more than 40 values"):
        found(platform, ALL, main, ci__a=more, ci__b=more, ci__c=more)


def test_an_include_that_is_a_link_out_of_the_repository(platform: PaperPlatform) -> None:
    """It is not followed."""
    outside = platform.target.parent / "more.yml"
    outside.write_text("tests: {allow_failure: true}\n")
    (platform.root / "ci").mkdir()
    (platform.root / "ci" / "more.yml").symlink_to(outside)
    for name in ("ci/more.yml", "'ci/*.yml'", "'ci/**.yml'"):
        with pytest.raises(ConfigurationError, match="leads out of"):
            found(platform, ALL, f"include: {name}\n{TESTS}{DEPLOY}")
