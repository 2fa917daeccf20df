"""Which changes make a new generation."""

from __future__ import annotations

import pytest

from components.embedding_calls import embedding_space
from components.generation import collection_of, generation, names
from components.queries import filled, hybrid, neural, ready
from components.settings import AdoptedGeneration, Collection, Embedding
from providers.services.texts import Chunking, EmbeddedText

EMBEDDING = Embedding(url="https://e.test/v1/embeddings", model="m", dimension=384)
DOCS = {
    "name": "docs",
    "source": {"table": "db.t", "columns": {"id": "INT", "t1": "TEXT", "t2": "TEXT"}, "primary_key": "id"},
    "fields": {"id": "id", "text": "t2"},
    "mapping": {"id": {"type": "integer"}, "text": {"type": "text"}, "vector": {"type": "knn_vector"}},
    "field_map": {"text": "vector"},
}


def created(embedding=EMBEDDING, **changes):
    return generation(Collection(**{**DOCS, **changes}), embedding)


QUERY = "SELECT p.id, p.name, c.name AS kind FROM db.p AS p JOIN db.c AS c ON c.id = p.c"
QUERIED = {"source": {"query": QUERY, "key": "id"}, "fields": {"id": "id", "text": "kind"}}


def test_a_query_is_part_of_the_generation_and_its_spelling_is_not():
    made = created(**QUERIED)
    assert made != created()
    for spelled in (QUERY.lower().replace("as p", ""), QUERY.replace("FROM", "\n  FROM"), f"{QUERY};"):
        assert created(**{**QUERIED, "source": {"query": spelled, "key": ["id"]}}) == made
    for other in (QUERY.replace("JOIN", "LEFT JOIN"), f"{QUERY} WHERE p.id > 1", QUERY.replace("p.name, ", "")):
        assert created(**{**QUERIED, "source": {"query": other, "key": "id"}}) != made
    assert created(**QUERIED, sync={"backend": "sync_by_sql"}) != made
    assert created(**QUERIED, sync={"backend": "search_view"}) == made


ANOTHER = {
    "source column": {"fields": {"id": "id", "text": "t1"}},
    "synced field": {"fields": {"text": "t2"}},
    "vector method": {"mapping": {**DOCS["mapping"], "vector": {"type": "knn_vector", "space_type": "l2"}}},
    "table": {"source": {**DOCS["source"], "table": "db.u"}},
    "key": {"source": {**DOCS["source"], "primary_key": ["id", "t1"]}},
    "shards": {"shards": 2},
    "backend": {"sync": {"backend": "sync_by_sql"}},
    "a joined text": {"field_map": {"vector": ["text", "id"]}},
    "a label": {"texts": {"vector": {"labels": True}}},
    "chunks": {"long_texts": "chunk"},
    "revision": {"revision": 2},
}
THE_SAME = {
    "replicas": {"replicas": 3},
    "settings": {"settings": {"refresh_interval": "5s"}},
    "a new mapping field": {"mapping": {**DOCS["mapping"], "note": {"type": "keyword"}}},
    "description": {"description": "x"},
    "weights": {"search": {"weights": [0.5, 0.5]}},
    "protection": {"deletion_protection": False},
    "cutover": {"cutover_timeout": 5},
    "a list of one text": {"field_map": {"vector": ["text"]}},
    "texts that are cut or refused": {"long_texts": "refuse"},
    "an unused column": {"source": {**DOCS["source"], "columns": {**DOCS["source"]["columns"], "t3": "INT"}}},
}


@pytest.mark.parametrize("changes", ANOTHER.values(), ids=ANOTHER)
def test_a_change_that_needs_a_new_index_is_another_generation(changes):
    assert created(**changes) != created()


@pytest.mark.parametrize("changes", THE_SAME.values(), ids=THE_SAME)
def test_a_change_in_place_is_the_same_generation(changes):
    assert created(**changes) == created()


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"model": "n"}, False),
        ({"dimension": 768}, False),
        ({"url": "https://f.test/v1"}, True),
        ({"batch_size": 5}, True),
        ({"max_tokens": 512}, True),
    ],
)
def test_a_generation_follows_the_embedding_space(change, same):
    assert (created(EMBEDDING.model_copy(update=change)) == created()) is same


JOINED = {"field_map": {"vector": ["text", "id"]}}
CHUNKED = {"long_texts": "chunk"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (JOINED, {"field_map": {"vector": ["id", "text"]}}),
        (JOINED, {**JOINED, "texts": {"vector": {"separator": " "}}}),
        (JOINED, {**JOINED, "texts": {"vector": {"labels": {"text": "T"}}}}),
        (CHUNKED, {"texts": {"vector": {"long_texts": "chunk", "chunk_tokens": 100}}}),
        (CHUNKED, {"texts": {"vector": {"long_texts": "chunk", "overlap": 0}}}),
        (CHUNKED, {"texts": {"vector": {"long_texts": "chunk", "max_chunks": 10}}}),
    ],
)
def test_another_way_to_make_a_text_is_another_generation(one, other):
    assert created(**one) != created(**other)


def test_it_does_not_matter_where_chunks_are_asked_for():
    assert created(**CHUNKED) == created(texts={"vector": {"long_texts": "chunk"}})


@pytest.mark.parametrize(("changes", "name"), [({}, "eb3e3d5e"), (JOINED, "b4deaa4a"), (CHUNKED, "1c5cb870")])
def test_the_name_of_a_generation_is_stable(changes, name):
    """It is part of the names of live objects: another value would rebuild every index of every user."""
    assert created(**changes) == name


def test_the_index_has_the_generation_in_its_name_and_the_alias_does_not():
    docs = Collection(**DOCS)
    assert names(docs, EMBEDDING).alias == "docs"
    assert names(docs, EMBEDDING).index == f"docs_{created()}"
    assert embedding_space(EMBEDDING) == "m/384"


def test_queries_contain_no_model_and_exclude_vectors():
    assert neural([EmbeddedText("vector", ["text"])], size=3) == {
        "size": 3,
        "_source": {"excludes": ["vector"]},
        "query": {"neural": {"vector": {"query_text": "{{text}}", "k": 3}}},
    }


def test_a_ready_query_is_json_but_for_its_text():
    query = ready(neural([EmbeddedText("vector", ["text"])], size=3))
    given = '{"size":3,"_source":{"excludes":["vector"]},"query":{"neural":{"vector":{"query_text":{{text}},"k":3}}}}'
    assert query == given
    body = filled(query, 'say "hot"\\')
    assert body == {**body, "size": 3, "query": {"neural": {"vector": {"query_text": 'say "hot"\\', "k": 3}}}}


def test_a_hybrid_query_has_two_parts_for_any_number_of_fields():
    query = hybrid([EmbeddedText("a", ["title"]), EmbeddedText("b", ["text"])])["query"]["hybrid"]["queries"]
    assert query[0] == {"multi_match": {"query": "{{text}}", "fields": ["title", "text"]}}
    assert [list(part["neural"]) for part in query[1]["bool"]["should"]] == [["a"], ["b"]]
    alone = hybrid([EmbeddedText("b", ["text"])])["query"]["hybrid"]["queries"]
    assert alone[0] == {"match": {"text": "{{text}}"}}


def test_a_joined_text_is_searched_for_words_in_each_of_its_fields():
    joined = [EmbeddedText("a", ["title", "text"]), EmbeddedText("b", ["text"])]
    words, _ = hybrid(joined)["query"]["hybrid"]["queries"]
    assert words == {"multi_match": {"query": "{{text}}", "fields": ["title", "text"]}}


def test_the_query_of_a_chunked_text_returns_the_best_passage():
    query = neural([EmbeddedText("vector", ["text"], chunking=Chunking(384, 0.2, 100))], size=3)
    assert query["_source"] == {"excludes": ["vector"]}
    assert query["query"] == {
        "nested": {
            "path": "vector",
            "score_mode": "max",
            "query": {"neural": {"vector.knn": {"query_text": "{{text}}", "k": 3}}},
            "inner_hits": {"size": 1, "_source": ["vector.text"]},
        }
    }


ADOPTED = {"generation": created(), "index": "test_index", "ingest_pipeline": "text_to_vec_pipeline"}


@pytest.mark.parametrize(
    ("changes", "kept"),
    [({}, True), ({"replicas": 3}, True), ({"revision": 2}, False), ({"shards": 2}, False)],
    ids=["as adopted", "in place", "another revision", "other shards"],
)
def test_an_adopted_generation_keeps_the_names_that_a_person_gave(changes, kept):
    called = names(Collection(**{**DOCS, **changes, "adopted": ADOPTED}), EMBEDDING)
    generated = f"docs_{created(**changes)}"
    assert called.search_pipeline == generated
    assert called.alias == "docs"
    given = ("test_index", "text_to_vec_pipeline") if kept else (generated, generated)
    assert (called.index, called.ingest_pipeline) == given


@pytest.mark.parametrize(("called", "collection"), [(f"my_docs_{created()}", "my_docs"), ("test_index", "")])
def test_a_generated_name_tells_its_collection(called, collection):
    assert collection_of(called) == collection


def test_digits_that_are_written_as_a_number_are_the_same_generation():
    assert AdoptedGeneration(**{**ADOPTED, "generation": 12345678}).generation == "12345678"
