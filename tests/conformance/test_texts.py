"""Texts before they are embedded: joined, cut and chunked in the ingest pipeline; passages found by nested queries."""

from __future__ import annotations

import json

import pytest

from components.queries import hybrid, neural
from providers.ingest_pipeline import IngestPipelineInputs
from providers.ingest_pipeline import definition as ingest_definition
from providers.search_pipeline import SearchPipelineInputs
from providers.search_pipeline import definition as search_definition
from providers.services.backfill import has_vector
from providers.services.texts import PASSAGES, UNLIMITED, Chunking, EmbeddedText, processors_after, processors_before

JOINED = EmbeddedText("v", ["title", "body"], labels={"title": "Title"})
WORDS = "one two three four five six seven eight nine ten eleven twelve"
HASHED = {"type": "knn_vector", "dimension": 1024}
COSINE = {"name": "hnsw", "space_type": "cosinesimil"}


def simulated(server, processors, *documents):
    """What the processors make of each document, or the reason why they cannot."""
    server.ok("PUT", "/_ingest/pipeline/p", {"processors": processors})
    asked = {"docs": [{"_source": document} for document in documents]}
    docs = server.ok("POST", "/_ingest/pipeline/p/_simulate", asked)["docs"]
    return [each["doc"]["_source"] if "doc" in each else each["error"]["reason"] for each in docs]


JOINS = {
    "both": ({"title": "A kettle", "body": "boils\nwater"}, "Title: A kettle\nboils\nwater"),
    "a label of a blank part": ({"title": " \t\u3000", "body": "boils"}, "boils"),
    "one is null": ({"title": "A kettle", "body": None}, "Title: A kettle"),
    "one is absent": ({"body": "boils"}, "boils"),
    "what JSON and HTML escape": ({"title": "\"a\" & 'b' <c> \\d", "body": "{{title}}"},
                                  "Title: \"a\" & 'b' <c> \\d\n{{title}}"),
    "Chinese": ({"title": "保温杯", "body": "双层真空"}, "Title: 保温杯\n双层真空"),
    "all blank": ({"title": "", "body": " "}, None),
    "nothing": ({}, None),
    "one from before": ({"v_embedded_text": "old", "title": ""}, None),
}  # fmt: skip


@pytest.mark.parametrize(("document", "text"), JOINS.values(), ids=JOINS)
def test_fields_are_joined_with_labels_and_without_blank_parts(server, document, text):
    [made] = simulated(server, JOINED.before, document)
    assert made.get("v_embedded_text") == text
    assert {name: made.get(name) for name in ("title", "body")} == {n: document.get(n) for n in ("title", "body")}


def test_fields_inside_of_objects_are_found(server):
    documents = [{"a": {"b": "x"}, "c": "y"}, {"a.b": "flat", "c": "y"}, {"a": "no object", "c": "y"}]
    made = simulated(server, EmbeddedText("v", ["a.b", "c"], separator=" · ").before, *documents)
    assert [each["v_embedded_text"] for each in made] == ["x · y", "flat · y", "y"]


CUTS = {
    "what fits": ("x" * 48, "x" * 48),
    "a byte too many": ("x" * 49, "x" * 48),
    "Chinese that fits": ("中" * 16, "中" * 16),
    "Chinese": ("中" * 17, "中" * 16),
    "between two characters": ("x" + "中" * 17, "x" + "中" * 15),
    "a pair of surrogates": ("xx" + "😀" * 12, "xx" + "😀" * 11),
    "two bytes each": ("é" * 25, "é" * 24),
    "blanks before": (" " * 60 + "x" * 60, "x" * 48),
    "blanks before what fits": (" " * 8 + "x" * 40, " " * 8 + "x" * 40),
    "a megabyte": ("word " * 250_000, ("word " * 10)[:48]),
}


@pytest.mark.parametrize(("text", "cut"), CUTS.values(), ids=CUTS)
def test_a_text_is_cut_at_as_many_bytes_as_the_model_takes_tokens(server, text, cut):
    [made] = simulated(server, EmbeddedText("v", ["text"], token_limit=64).before, {"text": text})
    assert (made["v_embedded_text"], made["text"]) == (cut, text)


@pytest.mark.parametrize("text", ["word " * 8193, "中" * 8193, "e\u0301" * 8193], ids=["words", "Chinese", "accents"])
def test_the_row_of_a_text_beyond_the_limit_is_refused_and_arrives_where_it_is_cut(server, text):
    server.trust()
    deployed = server.model(server.connector(model="text-embedding-v4"))
    server.index("docs", {"default_pipeline": "embed"})
    cut = EmbeddedText("vector", ["text"], token_limit=8192)
    server.embedding_pipeline(deployed)
    answer = server.ask("PUT", "/docs/_doc/1", {"text": text})
    assert (answer.status, "Range of input length should be [1, 8192]" in answer.reason) == (400, True)
    embed = {"text_embedding": {"model_id": deployed, "field_map": {cut.embedded: "vector"}}}
    processors = [*cut.before, embed, *processors_after([cut])]
    server.ok("PUT", "/_ingest/pipeline/embed", {"processors": processors})
    server.ok("PUT", "/docs/_doc/1", {"text": text})
    source = server.ok("GET", "/docs/_doc/1")["_source"]
    assert (source["text"], len(source["vector"]), sorted(source)) == (text, 1024, ["text", "vector"])


def chunked(tokens=5, overlap=0.2, most=100, **options):
    return EmbeddedText("v", ["text"], chunking=Chunking(tokens, overlap, most), **options)


CHUNKS = {
    "overlapping": (chunked(), WORDS, ["one two three four five ", "five six seven eight nine ",
                                       "nine ten eleven twelve"]),
    "side by side": (chunked(overlap=0), WORDS, ["one two three four five ", "six seven eight nine ten ",
                                                 "eleven twelve"]),
    "no more than allowed": (chunked(most=2), WORDS, ["one two three four five ", "five six seven eight nine "]),
    "a short text": (chunked(), "  one, two!  ", ["  one, two!  "]),
    "Chinese": (chunked(4, 0.5), "数据库，中文文本。", ["数据库，中", "库，中文文", "文文本。"]),
    "what has no token": (chunked(), "--- ***", ["--- ***"]),
    "longer than the model takes": (chunked(token_limit=64), "x" * 100, ["x" * 48, "x" * 48, "x" * 4]),
    "longer, and too many": (chunked(most=2, token_limit=64), "中" * 40, ["中" * 5, "中" * 5]),
    "nothing but blanks where it is cut": (chunked(token_limit=64), "x" + " " * 95 + "y", ["x" + " " * 47, "y"]),
    "blank": (chunked(), " \n", None),
    "null": (chunked(), None, None),
}  # fmt: skip


@pytest.mark.parametrize(("made", "text", "passages"), CHUNKS.values(), ids=CHUNKS)
def test_a_text_is_chunked_into_passages_that_the_model_takes(server, made, text, passages):
    [found] = simulated(server, made.before, {"text": text})
    assert found.get("v_embedded_passages") == passages


REFUSED = {
    "no tokens": ({"token_limit": 0}, "Parameter [token_limit] must be positive."),
    "too much overlap": ({"overlap_rate": 0.6}, "Parameter [overlap_rate] must be between 0.0 and 0.5"),
    "no chunks": ({"max_chunk_limit": 0},
                  "Parameter [max_chunk_limit] must be positive or -1 to disable this parameter"),
}  # fmt: skip


@pytest.mark.parametrize(("options", "reason"), REFUSED.values(), ids=REFUSED)
def test_chunks_that_cannot_be_are_refused(server, options, reason):
    chunking = {"algorithm": {"fixed_token_length": options}, "field_map": {"a": "b"}}
    answer = server.ask("PUT", "/_ingest/pipeline/p", {"processors": [{"text_chunking": chunking}]})
    assert answer.by_name or (answer.status, answer.reason.endswith(reason)) == (500, True)


def test_a_text_of_many_tokens_is_chunked_where_the_index_allows_it(server):
    server.ok(
        "PUT", "/_ingest/pipeline/p", {"processors": [*chunked(most=2).before, *processors_after([chunked()])[1:]]}
    )
    server.index("docs", {"default_pipeline": "p"}, text={"type": "text", "index": False})
    answer = server.ask("PUT", "/docs/_doc/1", {"text": "w " * 10001})
    assert answer.by_name or (answer.status, answer.type) == (500, "illegal_state_exception")
    assert "has exceeded the allowed maximum of [10000]" in answer.reason
    server.ok("PUT", "/docs/_settings", {"index": {"analyze.max_token_count": UNLIMITED}})
    server.ok("PUT", "/docs/_doc/1", {"text": "w " * 10001})


LONG = " ".join(f"filler{number}" for number in range(40))
STORY = f"{LONG} the kettle whistles in the kitchen {LONG}"


@pytest.fixture(params=["faiss", "lucene"])
def docs(server, request):
    """An index `docs` with passages of `text` in `v`, and one vector of title and body in `w`."""
    server.trust()
    ten = {"parameters": {"model": "hashing", "input_docs_processed_step_size": 10}}
    server.deployed = server.model(server.connector(**ten))
    server.texts = [chunked(10, token_limit=8192), EmbeddedText("w", ["title", "body"], labels={"title": "Title"})]
    ingest = IngestPipelineInputs(
        owner="o",
        name="embed",
        model_id=server.deployed,
        field_map={text.embedded: text.vector for text in server.texts},
        batch_size=10,
        before=processors_before(server.texts),
        after=processors_after(server.texts),
    )
    server.ok("PUT", "/_ingest/pipeline/embed", ingest_definition(ingest, "i"))
    search = SearchPipelineInputs(owner="o", name="find", model_id=server.deployed, weights=[0.3, 0.7])
    server.ok("PUT", "/_search/pipeline/find", search_definition(search, "i"))
    vector = {**HASHED, "method": {**COSINE, "engine": request.param}}
    settings = {"knn": True, "default_pipeline": "embed", "search.default_pipeline": "find"}
    passages = {**PASSAGES, "properties": {**PASSAGES["properties"], "knn": vector}}
    text = {"type": "text"}
    server.index("docs", settings, text=text, title=text, body=text, v=passages, w=vector)
    return server


def kept(server, id):
    return server.ok("GET", f"/docs/_doc/{id}")["_source"]


def test_a_document_keeps_its_fields_and_its_passages_and_nothing_else(docs):
    docs.ok("PUT", "/docs/_doc/1", {"text": STORY, "title": "T", "body": None})
    found = kept(docs, 1)
    assert sorted(found) == ["body", "text", "title", "v", "w"]
    assert (found["text"], len(found["w"])) == (STORY, 1024)
    assert [(sorted(passage), len(passage["knn"])) for passage in found["v"]] == [(["knn", "text"], 1024)] * 11
    assert all(passage["text"] in STORY for passage in found["v"])


@pytest.mark.parametrize("text", ["", " \n", None], ids=["empty", "blank", "null"])
def test_a_row_without_a_text_arrives_without_a_vector(docs, text):
    docs.ok("PUT", "/docs/_doc/1", {"text": text, "title": text})
    assert kept(docs, 1) == {"text": text, "title": text}


def test_no_more_passages_go_to_the_model_at_once_than_it_takes(docs):
    docs.embeddings.asked.clear()
    docs.ok("PUT", "/docs/_doc/1", {"text": STORY})
    assert sorted(map(len, docs.embeddings.asked)) == [1, 10]


def test_another_title_makes_another_vector(docs):
    for title in ("A kettle", "A mug", "A kettle"):
        docs.ok("PUT", f"/docs/_doc/{title[2:]}", {"title": title, "body": "for tea"})
    docs.embeddings.asked.clear()
    docs.ok("PUT", "/docs/_doc/1", {"title": "A pot", "body": "for tea"})
    assert docs.embeddings.asked == [["Title: A pot\nfor tea"]]
    assert kept(docs, "kettle")["w"] != kept(docs, "mug")["w"]


@pytest.fixture
def filled(docs):
    """With a long text that has the passage in its middle, and others."""
    for id, text in enumerate([LONG, STORY, "a short text of shoes", ""], 1):
        docs.ok("PUT", f"/docs/_doc/{id}?refresh=true", {"text": text, "title": f"number {id}"})
    return docs


def asked(query, text):
    return json.loads(json.dumps(query).replace("{{text}}", text))


def passage(hit):
    [inner] = hit["inner_hits"]["v"]["hits"]["hits"]
    return inner["_source"]["text"]


def test_the_ready_query_finds_the_passage_and_returns_it(filled):
    body = asked(neural(filled.texts[:1], 2), "the kettle whistles in the kitchen")
    found = filled.ok("POST", "/docs/_search", body)["hits"]["hits"]
    assert (found[0]["_id"], len(found), sorted(found[0]["_source"])) == ("2", 2, ["text", "title", "w"])
    assert "kettle whistles" in passage(found[0])
    assert len(passage(found[0]).split()) == 10
    assert found[0]["_score"] == found[0]["inner_hits"]["v"]["hits"]["max_score"]


def test_the_ready_queries_of_several_vectors_find_by_any_of_them(filled):
    body = asked(neural(filled.texts, 2), "the kettle whistles in the kitchen")
    assert filled.ok("POST", "/docs/_search", body)["hits"]["hits"][0]["_id"] == "2"


def test_the_hybrid_query_ranks_by_the_best_passage_and_shows_none_before_3_0(filled):
    body = asked(hybrid(filled.texts[:1], 3), "the kettle whistles in the kitchen")
    found = filled.ok("POST", "/docs/_search", body)["hits"]["hits"]
    assert (found[0]["_id"], found[0]["_score"]) == ("2", pytest.approx(1.0))
    assert "inner_hits" not in found[0]


@pytest.mark.parametrize("server", ["3.3.2"], indirect=True)
def test_from_3_0_on_the_hybrid_query_shows_the_best_passage(filled):
    """neural-search 3.0: HybridQueryBuilder.extractInnerHitBuilders. The emulator alone, as in test_versions."""
    body = asked(hybrid(filled.texts[:1], 3), "the kettle whistles in the kitchen")
    found = filled.ok("POST", "/docs/_search", body)["hits"]["hits"]
    assert "kettle whistles" in passage(found[0])


@pytest.mark.parametrize(("field", "count"), {"v.knn": 3, "w": 4}.items())
def test_documents_with_vectors_are_counted(filled, field, count):
    assert filled.ok("POST", "/docs/_count", {"query": has_vector(field)})["count"] == count
    assert filled.ok("GET", "/docs/_count")["count"] == 4


def test_an_exists_query_from_outside_sees_no_vector_of_a_passage(filled):
    for field in ("v", "v.knn"):
        assert filled.ok("POST", "/docs/_count", {"query": {"exists": {"field": field}}})["count"] == 0


# -- nested queries, by documents written as they are

POINTS = {1: [[1, 0], [0.9, 0], [0.8, 0]], 2: [[0.5, 0], [5, 5]], 3: [[3, 3]], 4: []}


@pytest.fixture
def points(server):
    """An index `k` of small vectors in a nested field `v`, beside an object `o`."""
    vector = {"type": "knn_vector", "dimension": 2, "method": {"name": "hnsw", "engine": "lucene", "space_type": "l2"}}
    inside = {"knn": vector, "text": {"type": "text", "index": False}}
    number = {"type": "integer"}
    server.index(
        "k", {"knn": True}, n=number, o={"properties": {"x": number}}, v={"type": "nested", "properties": inside}
    )
    for id, vectors in POINTS.items():
        passages = [{"knn": numbers, "text": f"{id}-{at}"} for at, numbers in enumerate(vectors)]
        server.ok("PUT", f"/k/_doc/{id}?refresh=true", {"n": id, "v": passages})
    return server


def near(k=2, path="v", **options):
    return {"nested": {"path": path, "query": {"knn": {"v.knn": {"vector": [1, 0], "k": k}}}, **options}}


def hits(server, query, **body):
    return server.ok("POST", "/k/_search", {"query": query, "_source": False, **body})["hits"]


def scored(found):
    return [(hit["_id"], hit["_score"]) for hit in found["hits"]]


def test_k_counts_documents_and_not_their_passages(points):
    assert scored(hits(points, near())) == [("1", 1.0), ("2", pytest.approx(0.8))]
    assert scored(hits(points, near(3, score_mode="max")))[2] == ("3", pytest.approx(0.0714286))
    assert hits(points, near(1))["total"]["value"] == 1
    assert scored(hits(points, near(1, boost=2))) == [("1", 2.0)]


def test_a_nested_vector_is_found_by_a_nested_query_alone(points):
    assert hits(points, near()["nested"]["query"])["hits"] == []


SHOWN = {
    "all": ({}, {"knn": [1, 0], "text": "1-0"}),
    "its text": ({"_source": ["v.text"]}, {"text": "1-0"}),
    "all but the vector": ({"_source": {"excludes": ["v.knn"]}}, {"text": "1-0"}),
    "a name without its path": ({"_source": ["text"]}, {}),
}


@pytest.mark.parametrize(("options", "source"), SHOWN.values(), ids=SHOWN)
def test_inner_hits_show_the_best_passage(points, options, source):
    [hit] = hits(points, near(1, inner_hits=options))["hits"]
    [inner] = hit["inner_hits"]["v"]["hits"]["hits"]
    assert inner == {
        "_index": "k",
        "_id": "1",
        "_nested": {"field": "v", "offset": 0},
        "_score": 1.0,
        "_source": source,
    }


def test_inner_hits_are_empty_for_a_document_that_something_else_found(points):
    query = {"bool": {"should": [{"term": {"n": 3}}, near(1, inner_hits={"name": "best", "_source": False})]}}
    one, three = hits(points, query)["hits"]
    assert "_source" not in one["inner_hits"]["best"]["hits"]["hits"][0]
    nothing = {"total": {"value": 0, "relation": "eq"}, "max_score": None, "hits": []}
    assert three["inner_hits"] == {"best": {"hits": nothing}}


def test_inner_hits_of_size_0_are_counted(points):
    [hit] = hits(points, near(1, inner_hits={"size": 0}))["hits"]
    assert hit["inner_hits"]["v"]["hits"] == {"total": {"value": 1, "relation": "eq"}, "max_score": None, "hits": []}


def test_two_inner_hits_of_one_name_are_refused(points):
    query = {"bool": {"should": [near(1, inner_hits={}), near(2, inner_hits={})]}}
    answer = points.ask("POST", "/k/_search", {"query": query})
    root = answer.body["error"]["root_cause"][0]["reason"]
    assert answer.status == 400
    assert answer.by_name or root == "[inner_hits] already contains an entry for key [v]"


def test_an_unknown_key_of_inner_hits_is_refused(points):
    answer = points.ask("POST", "/k/_search", {"query": near(inner_hits={"foo": 1})})
    assert answer.by_name or (answer.status, answer.type) == (400, "x_content_parse_exception")
    assert answer.by_name or answer.reason.endswith("[inner_hits] unknown field [foo]")


PATHS = {
    "nowhere": "failed to find nested object under path [nowhere]",
    "n": "failed to find nested object under path [n]",
    "o": "nested object under path [o] is not of nested type",
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_is_not_nested_is_refused(points, path):
    answer = points.ask("POST", "/k/_search", {"query": near(path=path)})
    root = answer.body["error"]["root_cause"][0]
    assert answer.status == 400
    assert answer.by_name or root["reason"] == f"failed to create query: [nested] {PATHS[path]}"


PARTS = {
    "without the vectors": ({"excludes": ["v.knn"]}, {"n": 2, "v": [{"text": "2-0"}, {"text": "2-1"}]}),
    "their texts": (["v.text"], {"v": [{"text": "2-0"}, {"text": "2-1"}]}),
    "without the passages": ({"excludes": ["v"]}, {"n": 2}),
}


@pytest.mark.parametrize(("wanted", "source"), PARTS.values(), ids=PARTS)
def test_a_source_filter_reaches_into_lists_of_objects(points, wanted, source):
    [hit] = hits(points, {"term": {"n": 2}}, _source=wanted)["hits"]
    assert hit["_source"] == source


def test_passages_are_updated_and_an_update_without_a_change_is_seen(points):
    for numbers, result in (([0.5, 0], "noop"), ([1, 1], "updated")):
        passages = [{"knn": numbers, "text": "2-0"}, {"knn": [5, 5], "text": "2-1"}]
        lines = [{"update": {"_index": "k", "_id": "2"}}, {"doc": {"v": passages}}]
        answer = points.ask("POST", "/_bulk", "".join(f"{json.dumps(line)}\n" for line in lines))
        assert answer.by_name or answer.body["items"][0]["update"]["result"] == result
