"""`search` on a stack of a real engine, and why a document is there."""

from __future__ import annotations

import pytest

from components.queries import hybrid, ready
from ops.found import bodies, hits
from providers.services.texts import Chunking, EmbeddedText

PLAIN = EmbeddedText("vector", ["text"])


def test_the_two_searches_of_a_hybrid_one_are_those_of_its_query():
    asked = bodies(ready(hybrid([PLAIN])), "tea", 3)
    assert asked["words"]["query"] == {"match": {"text": "tea"}}
    assert asked["meaning"]["query"]["neural"]["vector"]["query_text"] == "tea"
    assert {each["size"] for each in asked.values()} == {3}


@pytest.mark.parametrize(
    ("id", "why", "words", "meaning"),
    [
        ("1", "its words match (place 1) and close in meaning (place 2)", 1, 2),
        ("2", "close in meaning (place 1)", None, 1),
        ("3", "below the best of both", None, None),
    ],
)
def test_a_hybrid_hit_is_explained_by_its_places(id, why, words, meaning):
    hit = {"_id": id, "_score": 0.5, "_source": {"text": "a  kettle\nfor tea", "vector": [1]}}
    answers = {"hybrid": [hit], "words": [{"_id": "1"}], "meaning": [{"_id": "2"}, {"_id": "1"}]}
    [found] = hits("hybrid", answers, [PLAIN])
    assert (found.why, found.words, found.meaning, found.text) == (why, words, meaning, "a kettle for tea")


def test_of_a_chunked_text_the_best_passage_is_shown():
    text = EmbeddedText("vector", ["text"], chunking=Chunking(20, 0.2, 10))
    inner = {"vector": {"hits": {"hits": [{"_source": {"text": "the best\npassage"}}]}}}
    hit = {"_id": "1", "_score": 1, "_source": {"text": "long"}, "inner_hits": inner}
    assert hits("meaning", {"meaning": [hit]}, [text])[0].text == "the best passage"


@pytest.mark.parametrize("mode", ["words", "meaning", "hybrid"])
def test_a_stack_is_searched_in_every_mode(ops, filled, mode):
    ran = ops("search", "a kettle", "--mode", mode, "--size", "2", "--json")
    [docs] = ran.json["collections"]
    assert (ran.code, docs["collection"], docs["hits"][0]["id"]) == (0, "docs", "2")
    assert docs["hits"][0]["text"] == "a kettle for tea"
    assert "place 1" in docs["hits"][0]["why"]
    assert len(docs["hits"]) <= 2
    assert "a kettle for tea" in ops("search", "a kettle", "--mode", mode).stdout


def test_what_is_not_there_is_one_line(ops, project):
    ran = ops("search", "tea")
    assert (ran.code, ran.stderr) == (2, "stack test has no outputs: run `pulumi up` first\n")


def test_a_collection_that_is_not_there_is_one_line(ops, filled):
    ran = ops("search", "tea", "--collection", "other")
    assert (ran.code, ran.stderr) == (2, "stack test has no collection other; it has docs\n")
