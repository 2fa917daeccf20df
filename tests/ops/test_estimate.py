"""`estimate`: tokens, money and space, computed and on a stack."""

from __future__ import annotations

import pytest

from components.settings import Collection, Embedding
from ops.checks import ColumnFacts
from ops.cost import collection_cost
from ops.prices import Limits, limits_of, price_of, seconds_at
from ops.tokens import Tokens, script_of, shares, tokens_of

LATIN, CJK, OTHERS = "latin", "chinese, japanese, korean", "others"
SINGAPORE = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/embeddings"
BEIJING = "https://dashscope.aliyuncs.com/compatible-mode/v1/embeddings"


@pytest.mark.parametrize(("characters", "script"), [("aé7’", LATIN), ("我か한，", CJK), ("яш", OTHERS)])
def test_scripts(characters, script):
    assert {script_of(character) for character in characters} == {script}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [([], {LATIN: 1}), (["ab", "我们"], {LATIN: 0.5, CJK: 0.5}), (["привет"], {OTHERS: 1})],
)
def test_shares(texts, expected):
    assert shares(texts) == expected


@pytest.mark.parametrize(
    ("characters", "shared", "tokens"),
    [
        (4000, {LATIN: 1}, Tokens(1000, 700, 1300)),
        (1500, {CJK: 1}, Tokens(1000, 700, 1300)),
        (2000, {OTHERS: 1}, Tokens(1000, 500, 1500)),
        (8000, {LATIN: 0.5, CJK: 0.5}, Tokens(3667, 2567, 4767)),
    ],
)
def test_tokens_are_told_from_characters(characters, shared, tokens):
    assert tokens_of(characters, shared) == tokens


def embedding(**changes):
    return Embedding(**{"url": SINGAPORE, "model": "text-embedding-v4", "dimension": 1024, **changes})


@pytest.mark.parametrize(
    ("changes", "dollars"),
    [
        ({}, 0.07),
        ({"url": BEIJING}, 0.072),
        ({"price_per_million_tokens": 0.5}, 0.5),
        ({"price_per_million_tokens": 0}, 0),
        ({"model": "other"}, None),
        ({"url": "https://elsewhere/v1/embeddings"}, None),
    ],
    ids=str,
)
def test_prices(changes, dollars):
    price = price_of(embedding(**changes))
    assert (None if price is None else price.dollars) == dollars


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [(Limits(60, None), 100), (Limits(6000, 1000), 60), (Limits(60, 500), 120), (Limits(), None)],
    ids=str,
)
def test_time_is_that_of_the_limit_that_is_reached_first(limits, seconds):
    assert seconds_at(limits, 100, 1000) == seconds


def test_limits_are_given_or_documented():
    assert limits_of(embedding(), 10, None) == Limits(10, None, "as given")
    assert limits_of(embedding(), None, None).requests_per_minute == 6000
    assert limits_of(embedding(model="other"), None, None).requests_per_minute is None


COLUMNS = {"id": "INT", "title": "TEXT", "body": "TEXT"}


def collection(**changes):
    return Collection.model_validate(
        {
            "name": "docs",
            "source": {
                "table": "db.docs",
                "columns": {"id": "INT", "title": "TEXT", "body": "TEXT"},
                "primary_key": "id",
            },
            "fields": {"id": "id", "title": "title", "body": "body"},
            "mapping": {"title": {"type": "text"}, "body": {"type": "text"}, "vector": {"type": "knn_vector"}},
            "field_map": {"body": "vector"},
            "replicas": 0,
            **changes,
        }
    )


FACTS = {
    "body": ColumnFacts(1000, 800, 3_200_000, 3_200_000, 9000, 9000),
    "title": ColumnFacts(1000, 1000, 20_000, 20_000, 40, 40),
}


def cost(of, **changes):
    return collection_cost(of, embedding(**changes), FACTS, {LATIN: 1}, in_source=False)


def test_a_text_as_it_is():
    found = cost(collection())
    assert (found.rows, found.vectors, found.characters, found.requests) == (1000, 800, 3_200_000, 80)
    assert found.tokens.expected == 800_000
    assert found.native_memory == round(1.1 * (4 * 1024 + 128) * 800)


def test_joined_texts_have_the_characters_of_all_and_of_what_is_between():
    found = cost(collection(field_map={"vector": ["title", "body"]}))
    assert (found.vectors, found.characters) == (1000, 3_220_000 + 1000)


def test_chunked_texts_have_a_vector_for_each_passage_and_tokens_for_each_overlap():
    chunked = {"vector": {"long_texts": "chunk", "chunk_tokens": 100, "overlap": 0.5}}
    found = cost(collection(texts=chunked))
    assert found.vectors == 800 * 14  # 4000 characters are 667 words, each passage has 50 new ones
    assert found.tokens.expected == 1_600_000


def test_texts_that_are_cut_have_no_more_tokens_than_the_model_takes():
    assert cost(collection(), max_tokens=100).tokens.expected == 800 * 100


def test_a_service_without_batches_takes_a_request_a_text():
    assert cost(collection(), batch_size=None).requests == 800


def test_replicas_are_not_embedded_and_take_space():
    one, two = cost(collection()), cost(collection(replicas=1))
    assert two.tokens == one.tokens
    assert (two.native_memory, two.disk) == (2 * one.native_memory, 2 * one.disk)


def test_what_is_declared_is_estimated_before_the_first_up(ops, project):
    project.embedding(price_per_million_tokens=100)
    ran = ops("estimate", "--requests-per-minute", "60", "--json")
    [docs] = ran.json["collections"]
    assert (ran.code, docs["rows"], docs["vectors"], docs["requests"]) == (0, 5, 4, 1)
    assert docs["characters"] == sum(map(len, ["a warm jumper", "a kettle for tea", "running shoes", "garden gloves"]))
    assert docs["tokens"] == {"expected": 14, "low": 10, "high": 18}
    assert ran.json["dollars"] == pytest.approx(14 * 100 / 1e6)
    assert ran.json["seconds"] == 1
    assert ran.json["native_memory"] == round(1.1 * (4 * 64 + 8 * 16) * 4)
    assert any("Model Studio's billing" in rule for rule in ran.json["rules"])
    assert "14 tokens (10 to 18) in 1 request" in ops("estimate").stdout


def test_a_table_that_is_not_there_yet_is_not_estimated(ops, project):
    [docs] = project.blocks["collections"]
    project.collection(source={**docs["source"], "table": "db.later"})
    ran = ops("estimate", "--json")
    assert (ran.code, ran.json["collections"]) == (0, [])
    assert ran.json["unchecked"] == ["docs: its table or a column is not there yet"]
    assert ran.json["dollars"] is None
