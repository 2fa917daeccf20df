"""From a row's document to its vector: blank texts, refused texts, stale vectors, queries by text alone."""

from __future__ import annotations

import json

import pytest

from providers.ingest_pipeline import remove_blank
from providers.search_pipeline import SearchPipelineInputs, definition
from tests.conformance.server import BAD_KEY, ML

VECTOR = {"type": "knn_vector", "dimension": 1024, "method": {"name": "hnsw", "engine": "faiss", "space_type": "l2"}}
BLANK = {
    "empty": "",
    "blanks": "  \t ",
    "a line": "\n",
    "ideographic": "\u3000",
    "separators": "\u1680\u2000\u2028\u205f",
    "controls": "\v\x1c\x1f",
}
NOT_BLANK = {"non-breaking": "\u00a0\u202f", "of no width": "\u200b", "a control": "\x01", "next line": "\u0085"}


@pytest.fixture
def docs(server):
    """An index `docs` whose texts are embedded; `deployed` is the model's id."""
    server.trust()
    server.deployed = server.model(server.connector())
    server.embedding_pipeline(server.deployed, batch_size=10)
    server.index("docs", {"knn": True, "default_pipeline": "embed"}, text={"type": "text"}, vector=VECTOR)
    return server


def bulk(server, *lines):
    return server.ok("POST", "/_bulk?refresh=true", "".join(json.dumps(line) + "\n" for line in lines))


def kept(server, id):
    return server.ok("GET", f"/docs/_doc/{id}")["_source"]


@pytest.mark.parametrize("text", BLANK.values(), ids=BLANK)
def test_a_blank_text_is_refused(docs, text):
    answer = docs.ask("PUT", "/docs/_doc/1", {"text": text})
    assert (answer.status, answer.reason) == (400, "map type field [text] has empty string value, cannot process it")


@pytest.mark.parametrize("text", NOT_BLANK.values(), ids=NOT_BLANK)
def test_what_java_does_not_call_white_space_is_embedded(docs, text):
    docs.embedding_pipeline(docs.deployed, remove_blank("text"))
    docs.ok("PUT", "/docs/_doc/1", {"text": text})
    assert (kept(docs, 1)["text"], len(kept(docs, 1)["vector"])) == (text, 1024)


@pytest.mark.parametrize("document", [{}, {"text": None}, {"other": "x"}], ids=["empty", "null", "absent"])
def test_no_text_at_all_is_let_through(docs, document):
    docs.ok("PUT", "/docs/_doc/1", document)
    assert kept(docs, 1) == document


@pytest.mark.parametrize("text", BLANK.values(), ids=BLANK)
def test_our_processor_takes_a_blank_text_out(docs, text):
    docs.embedding_pipeline(docs.deployed, remove_blank("text"))
    docs.ok("PUT", "/docs/_doc/1", {"text": text, "n": 1})
    assert kept(docs, 1) == {"n": 1}
    docs.ok("PUT", "/docs/_doc/2", {"text": "not blank"})
    assert len(kept(docs, 2)["vector"]) == 1024


@pytest.mark.parametrize("document", [{"text": None}, {"text": 5}, {"text": ["a", ""]}, {}], ids=str)
def test_our_processor_leaves_alone_what_is_no_blank_text(docs, document):
    docs.ok("PUT", "/_ingest/pipeline/embed", {"processors": [remove_blank("text")]})
    docs.ok("PUT", "/docs/_doc/1", document)
    assert kept(docs, 1) == document


@pytest.mark.parametrize(
    ("document", "left"),
    [
        ({"a": {"b": " "}}, {"a": {}}),
        ({"a": {"b": "x"}}, {"a": {"b": "x"}}),
        ({"a": None}, {"a": None}),
        ({}, {}),
    ],
    ids=str,
)
def test_our_processor_reaches_inside_objects(server, document, left):
    server.ok("PUT", "/_ingest/pipeline/p", {"processors": [remove_blank("a.b")]})
    simulated = {"docs": [{"_source": document}]}
    [shown] = server.ok("POST", "/_ingest/pipeline/p/_simulate", simulated)["docs"]
    assert shown["doc"]["_source"] == left


def test_one_blank_text_in_a_bulk_fails_alone(docs):
    answer = bulk(docs, {"index": {"_index": "docs", "_id": "1"}}, {"text": ""},
                        {"index": {"_index": "docs", "_id": "2"}}, {"text": "x"})  # fmt: skip
    status = {item["index"]["_id"]: item["index"]["status"] for item in answer["items"]}
    assert status == {"1": 400, "2": 201}


def test_a_bad_key_looks_like_a_login_failure_of_our_own(docs):
    docs.ok("PUT", f"{ML}/models/{docs.deployed}", {"connector_id": docs.connector(BAD_KEY)})
    docs.until("GET", "/", lambda _: docs.embed(docs.deployed, "a").status == 401)
    answer = docs.ask("PUT", "/docs/_doc/1", {"text": "x"})
    assert answer.status == 401
    assert "Incorrect API key provided" in answer.reason
    failed = bulk(docs, {"index": {"_index": "docs", "_id": "1"}}, {"text": "x"})
    assert (failed["errors"], failed["items"][0]["index"]["status"]) == (True, 401)


def test_texts_go_to_the_model_in_batches(docs):
    docs.embeddings.asked.clear()
    lines = [line for id in range(25) for line in ({"index": {"_index": "docs", "_id": str(id)}}, {"text": f"t{id}"})]
    assert bulk(docs, *lines)["errors"] is False
    assert sorted(map(len, docs.embeddings.asked)) == [5, 10, 10]


def test_the_whole_document_is_embedded_anew_and_a_partial_bulk_update_is_not(docs):
    docs.ok("PUT", "/docs/_doc/1", {"text": "first"})
    first = kept(docs, 1)["vector"]
    update = '{"update": {"_index": "docs", "_id": "1"}}\n{"doc": {"text": "second"}}\n'
    answer = docs.ask("POST", "/_bulk?refresh=true", update)
    assert answer.by_name or (kept(docs, 1)["text"], kept(docs, 1)["vector"] == first) == ("second", True)
    bulk(docs, {"index": {"_index": "docs", "_id": "1"}}, {"text": "second"})
    assert kept(docs, 1)["vector"] != first


def test_a_pipeline_that_is_deleted_while_in_use_breaks_every_write(docs):
    docs.ok("DELETE", "/_ingest/pipeline/embed")
    assert docs.ask("PUT", "/docs/_doc/1", {"text": "x"}).reason == "pipeline with id [embed] does not exist"
    docs.ok("PUT", "/docs/_settings", {"index": {"default_pipeline": "_none"}})
    docs.ok("PUT", "/docs/_doc/1", {"text": "x"})


def test_a_vector_of_another_length_is_refused(docs):
    docs.ok("PUT", "/docs/_settings", {"index": {"default_pipeline": "_none"}})
    answer = docs.ask("PUT", "/docs/_doc/1", {"vector": [0.5, 0.5]})
    assert answer.status == 400
    assert "Vector dimension mismatch. Expected: 1024, Given: 2" in answer.reason


def test_neural_and_hybrid_queries_need_no_model_of_their_own(docs):
    """With our search pipeline, which fills it in."""
    pipeline = SearchPipelineInputs(owner="o", name="p", model_id=docs.deployed, weights=[0.3, 0.7])
    docs.ok("PUT", "/_search/pipeline/p", definition(pipeline, "i"))
    docs.ok("PUT", "/docs/_settings", {"index": {"search.default_pipeline": "p"}})
    for id, text in enumerate(["a warm jumper", "a kettle for tea", "running shoes"], 1):
        docs.ok("PUT", f"/docs/_doc/{id}?refresh=true", {"text": text})
    neural = {"neural": {"vector": {"query_text": "a kettle for tea", "k": 2}}}
    found = docs.ok("POST", "/docs/_search", {"_source": False, "query": neural})["hits"]["hits"]
    assert (found[0]["_id"], found[0]["_score"], len(found)) == ("2", pytest.approx(1.0), 2)
    hybrid = {"hybrid": {"queries": [{"match": {"text": "kettle"}}, neural]}}
    found = docs.ok("POST", "/docs/_search", {"_source": False, "query": hybrid})["hits"]["hits"]
    assert (found[0]["_id"], found[0]["_score"]) == ("2", pytest.approx(1.0))


WEIGHTED = {"normalization-processor": {"combination": {"parameters": {"weights": [0.3, 0.7]}}}}


def matching(*texts):
    """A hybrid query of as many parts as texts."""
    return {"query": {"hybrid": {"queries": [{"match": {"text": text}} for text in texts]}}}


@pytest.fixture
def weighted(docs):
    """With one document, and a search pipeline of two weights."""
    docs.ok("PUT", "/_search/pipeline/p", {"phase_results_processors": [WEIGHTED]})
    docs.ok("PUT", "/docs/_doc/1?refresh=true", {"text": "a kettle for tea"})
    return docs


@pytest.mark.parametrize("texts", [["kettle"], ["kettle", "tea", "mug"], ["mug", "mug", "tea"]], ids=" ".join)
def test_a_hybrid_query_needs_as_many_weights_as_parts(weighted, texts):
    answer = weighted.ask("POST", "/docs/_search?search_pipeline=p", matching(*texts))
    reason = f"number of weights [2] must match number of sub-queries [{len(texts)}] in hybrid query"
    assert answer.status == 400
    assert reason in answer.reason


def test_the_number_of_weights_does_not_matter_where_nothing_is_found(weighted):
    found = weighted.ok("POST", "/docs/_search?search_pipeline=p", matching("mug", "cup", "bowl"))
    assert found["hits"]["hits"] == []


def test_a_document_is_written_or_deleted_only_as_it_was_seen(docs):
    first = docs.ok("PUT", "/docs/_doc/seen", {"text": "a"})
    docs.ok("PUT", "/docs/_doc/seen", {"text": "b"})
    stale = f"if_seq_no={first['_seq_no']}&if_primary_term=1"
    for method, body in (("PUT", {"text": "c"}), ("DELETE", None)):
        refused = docs.ask(method, f"/docs/_doc/seen?{stale}", body)
        assert (refused.status, refused.type) == (409, "version_conflict_engine_exception")
        seen = f"[seen]: version conflict, required seqNo [{first['_seq_no']}], primary term [1]. current document has"
        assert refused.reason.startswith(seen)
    [hit] = docs.ok("POST", "/docs/_search", {"query": {"ids": {"values": ["seen"]}}, "seq_no_primary_term": True}
                    if docs.ok("POST", "/docs/_refresh") else {})["hits"]["hits"]  # fmt: skip
    latest = f"if_seq_no={hit['_seq_no']}&if_primary_term={hit['_primary_term']}"
    assert docs.ok("DELETE", f"/docs/_doc/seen?{latest}")["result"] == "deleted"
    gone = docs.ask("DELETE", f"/docs/_doc/seen?{latest}")
    assert (gone.status, gone.reason.endswith("but no document was found")) == (409, True)
    half = docs.ask("PUT", "/docs/_doc/seen?if_seq_no=0", {"text": "d"})
    assert half.reason == "Validation Failed: 1: ifSeqNo is set, but primary term is [0];"
    assert docs.ask("PUT", "/docs/_doc/seen?if_seq_no=-1&if_primary_term=1", {"text": "d"}).status == 400


def test_what_queries_match_is_counted_in_one_search(docs):
    for id, document in enumerate(({"text": "a"}, {"text": "b"}, {"other": 1})):
        docs.ok("PUT", f"/docs/_doc/{id}?refresh=true", document)
    queries = {"all": {"match_all": {}}, "texts": {"exists": {"field": "text"}}, "none": {"exists": {"field": "nope"}}}
    body = {"size": 0, "aggs": {name: {"filter": query} for name, query in queries.items()}}
    counted = docs.ok("POST", "/docs/_search", body)["aggregations"]
    assert {name: each["doc_count"] for name, each in counted.items()} == {"all": 3, "texts": 2, "none": 0}
