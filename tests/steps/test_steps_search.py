"""Words that people use lead to the sentences that mean the same, in `readiness steps` and in the hint of an unknown sentence."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.steps import read, vocabulary
from harness.steps.search import searched, synonyms
from harness.steps.templates import TEMPLATES


def test_a_word_that_people_use_finds_the_sentence(subtests: pytest.Subtests) -> None:
    """The best one is the first one."""
    for words, first in [
        ("latency", "latency"),
        ("p95 latency is under", "latency"),
        ("outage", "served-again"),
        ("downtime", "uptime"),
        ("failover", "served-again"),
        ("throughput", "throughput"),
        ("rps", "throughput"),
        ("latency under load", "latency"),
        ("the service recovers in 10 s", "served-again"),
        ("no 5xx is returned", "failing"),
        ("timeout", "failing"),
        ("error budget", "failing"),
        ("no 5xx", "failing"),
        ("errors", "failing"),
        ("data loss", "nothing-lost"),
        ("memory leak", "memory-growth"),
        ("availability", "uptime"),
        ("autoscaling", "replicas-rise"),
    ]:
        with subtests.test(words):
            assert vocabulary(words)[0].name == first


def test_the_hint_of_an_unknown_sentence_searches_the_same_way(subtests: pytest.Subtests) -> None:
    """Not the sentence that has the most letters in common."""
    for sentence, template in [
        ("the p95 latency is under 200 ms", "the response time p95 of every route is below 200 ms"),
        ("there are no 5xx", "the error rate of every route is below"),
        ("the failover takes less than 10 s", "writes are served again within"),
        ("throughput is at least 100 rps", "the entry serves at least"),
        ("downtime is less than 1 minute", "the uptime of the entry is at least"),
        ("no data loss", "no acknowledged write"),
        ("the outage is under 5 s", "writes are served again within"),
    ]:
        with subtests.test(sentence):
            with pytest.raises(UsageError) as raised:
                read(sentence)
            assert f"for example: {template}" in raised.value.hint


def test_each_word_of_a_synonym_is_in_a_sentence(subtests: pytest.Subtests) -> None:
    """All words of one of its alternatives stand in one template: a sentence that was renamed fails here."""
    texts = [searched(template) for template in TEMPLATES]
    for name, others in synonyms().items():
        with subtests.test(name):
            lost = [words for words in others if not any(all(word in text for word in words) for text in texts)]
            assert lost == []


def test_words_that_no_sentence_has_find_nothing() -> None:
    """The command then says where all sentences are listed."""
    assert vocabulary("zzz unheard-of") == ()
