"""The decisions of the search application: bodies, fields, what is marked, settings, what can be edited."""

from __future__ import annotations

import json

import pymysql
import pytest

from components.queries import hybrid, ready
from examples.search_app import edits, hits, rows, settings, state
from examples.search_app.queries import Fields, Filters, body, chosen_filters, fields, fields_of
from providers.services.texts import Chunking, EmbeddedText

READY = ready(hybrid([EmbeddedText("v", ["text"])]))
CHUNKED = ready(hybrid([EmbeddedText("v", ["text"], chunking=Chunking(20, 0.2, 100))]))
FILTERS = Filters({"kind": "cup"}, {"price": 2}, {"price": 9})
CLAUSES = [{"term": {"kind": {"value": "cup"}}}, {"range": {"price": {"gte": 2, "lte": 9}}}]


def test_the_three_searches_are_the_parts_of_the_ready_query():
    words, meaning = ({"match": {"text": "tea"}}, {"neural": {"v": {"query_text": "tea", "k": 10}}})
    assert body(READY, "words", "tea")["query"] == words
    assert body(READY, "meaning", "tea")["query"] == meaning
    assert body(READY, "hybrid", "tea") == json.loads(READY.replace("{{text}}", '"tea"'))


def parts(query):
    return body(query, "hybrid", "tea", FILTERS)["query"]["hybrid"]["queries"]


def test_filters_are_in_both_parts_and_before_the_nearest_are_chosen():
    words, meaning = parts(READY)
    assert words == {"bool": {"must": [{"match": {"text": "tea"}}], "filter": CLAUSES}}
    assert meaning == {"neural": {"v": {"query_text": "tea", "k": 10, "filter": {"bool": {"filter": CLAUSES}}}}}


def test_where_texts_are_chunked_filters_follow_a_wider_search():
    ([found], filters) = parts(CHUNKED)[1]["bool"].values()
    assert filters == CLAUSES
    assert found["nested"]["query"] == {"neural": {"v.knn": {"query_text": "tea", "k": 200}}}
    assert found["nested"]["inner_hits"]["size"] == 1


def test_with_several_vectors_each_is_filtered():
    query = ready(hybrid([EmbeddedText("v", ["text"]), EmbeddedText("w", ["text"], chunking=Chunking(20, 0.2, 100))]))
    plain, chunked = parts(query)[1]["bool"]["should"]
    assert plain["neural"]["v"]["filter"] == {"bool": {"filter": CLAUSES}}
    assert chunked["bool"]["filter"] == CLAUSES


def test_the_fields_of_a_mapping_are_sorted_by_what_can_be_done_with_them():
    mapping = {
        "text": {"type": "text"},
        "kind": {"type": "keyword"},
        "hidden": {"type": "keyword", "index": False},
        "price": {"type": "scaled_float"},
        "size": {"properties": {"unit": {"type": "keyword"}}},
        "v": {"type": "knn_vector"},
        "passages": {"type": "nested", "properties": {"text": {"type": "text"}}},
    }
    assert fields(mapping) == Fields(["kind", "size.unit"], ["price"], ["text"])


def test_the_fields_of_documents_are_numbers_and_texts():
    documents = [{"a": "x", "n": 1}, {"a": None, "f": 0.5, "b": True}]
    assert fields_of(documents) == Fields((), ["f", "n"], ["a"])


@pytest.mark.parametrize(
    ("asked", "filters", "wrong"),
    [
        ({}, Filters({}, {}, {}), []),
        ({"is.kind": " cup ", "max.price": "9", "min.price": "2"}, FILTERS, []),
        ({"is.other": "x", "min.kind": "2"}, Filters({}, {}, {}), []),
        ({"min.price": "cheap", "max.price": "nan"}, Filters({}, {}, {}), ["price"]),
        ({"max.price": "1e999"}, Filters({}, {}, {}), ["price"]),
    ],
)
def test_filters_are_taken_from_known_fields_only(asked, filters, wrong):
    assert chosen_filters(Fields(["kind"], ["price"], []), asked) == (filters, wrong)


@pytest.mark.parametrize(
    ("text", "searched", "marked"),
    [
        ("Mugs & <b>cups</b>", "mug cup", "<mark>Mugs</mark> &amp; &lt;b&gt;<mark>cups</mark>&lt;/b&gt;"),
        ("a hotel is hot", "hot", "a <mark>hotel</mark> is <mark>hot</mark>"),
        ("不粘炒锅，好用", "好炒锅", "不粘<mark>炒锅</mark>，好用"),
        ("to be", "to be", "to be"),
        ("anything (", "(", "anything ("),
    ],
)
def test_the_searched_words_are_marked(text, searched, marked):
    assert hits.marked(text, hits.searched(searched)) == marked


def test_a_long_text_is_shown_from_where_it_matches():
    text = "x " * 500 + "kettle " + "y " * 500
    shown = hits.shortened(text, hits.searched("kettle"))
    assert "kettle" in shown
    assert (shown[0], shown[-1], len(shown) < 400) == ("…", "…", True)


@pytest.mark.parametrize("source", [{"text": "the kettle\nwhistles"}, {"v": {"text": "the kettle whistles"}}])
def test_of_a_chunked_document_the_best_passage_is_shown(source):
    inner = {"v": {"hits": {"hits": [{"_source": source}]}}}
    hit = {"_id": "1", "_score": 1, "_source": {"text": "long"}, "inner_hits": inner}
    [shown] = hits.shown([hit], Fields((), (), ["text"]), "kettle")
    assert shown.passage == "the <mark>kettle</mark> whistles"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "SEARCH_URL is not set: export it; it is PolarSearch"),
        ({"SEARCH_TIMEOUT": "soon"}, "SEARCH_TIMEOUT is 'soon', no number: export one"),
        ({"SEARCH_CA_FILE": "/nowhere"}, "SEARCH_CA_FILE is '/nowhere': No such file or directory: export a file"),
        ({"STACK_OUTPUTS": "/nowhere"}, "/nowhere: No such file or directory: set STACK_OUTPUTS"),
    ],
)
def test_a_wrong_environment_is_refused_with_what_to_do(environ, said):
    told = {"SEARCH_URL": "http://s", "SEARCH_USERNAME": "u", "SEARCH_PASSWORD": "p"} if environ else {}
    with pytest.raises(settings.Unset) as raised:
        settings.read({**told, **environ})
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize("outputs", ["", "[]", "{}", '{"collections": {}}', '{"collections": {"a": {"alias": "a"}}}'])
def test_outputs_without_collections_are_refused(outputs):
    told = {"SEARCH_URL": "http://s", "SEARCH_USERNAME": "u", "SEARCH_PASSWORD": "p"}
    with pytest.raises(settings.Unset, match="pulumi up"):
        settings.read(told, lambda: outputs)


def test_no_password_is_in_a_printed_setting():
    told = {"SEARCH_URL": "http://s", "SEARCH_USERNAME": "u", "SEARCH_PASSWORD": "hush", "DATABASE_HOST": "h",
            "DATABASE_PASSWORD": "hush"}  # fmt: skip
    read = settings.read(told, lambda: '{"collections": {"a": {"alias": "a", "hybrid": "{}"}}}')
    assert "hush" not in repr(read)
    assert read.database.port == 3306


LINK = {"Source": "shop.products", "Target": "products_1", "Status": "active", "Message": '{"latency": "1500"}'}
SOURCE = rows.Source("shop", "products", "active", 1.5)


@pytest.mark.parametrize(
    ("message", "lag"), [('{"latency": "1500"}', 1.5), ('{"latency": "-1"}', None), ("", None), ("{}", None)]
)
def test_the_table_of_an_index_is_the_one_of_its_link(message, lag):
    found = rows.source_of("products_1", [{**LINK, "Target": "other"}, {**LINK, "Message": message}])
    assert found == rows.Source("shop", "products", "active", lag)


def column(name, type="text", part="", may="select,insert,update,references"):
    return {"name": name, "type": type, "part": part, "may": may}


@pytest.mark.parametrize(
    ("columns", "editable"),
    [
        ([column("id", "int", "PRI"), column("text"), column("n", "int")], rows.Editable(SOURCE, "id", ["text"])),
        ([column("id", "int", "PRI"), column("text", may="select")], None),
        ([column("a", "int", "PRI"), column("b", "int", "PRI"), column("text")], None),
        ([column("id", "varchar", "PRI")], None),
    ],
    ids=["texts that may be changed", "a read-only account", "a key of two columns", "no text but the key"],
)
def test_texts_that_the_account_may_update_can_be_edited(columns, editable):
    assert rows.editable(SOURCE, columns) == editable


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(1045, "database_account"), (1142, "database_account"), (2003, "database_down"), (1146, "database")],
)
def test_an_error_of_mysql_is_a_sentence(number, sentence):
    error = pymysql.err.OperationalError(number, "why")
    assert rows.problem(error, settings.Database("h", 1, "u", "p")).sentence == sentence


def test_the_columns_in_a_document_are_found_by_name_or_value():
    row = {"t2": "a mug", "note": "unseen", "name": None}
    assert edits.in_document(row, {"my_text": "a mug", "name": "x", "id": 1}) == ["t2", "name"]


def test_only_what_was_changed_is_written():
    assert edits.changed({"a": "x\ny", "b": None, "c": "z"}, {"a": "x\r\ny", "b": "", "c": "w", "d": "v"}) == {"c": "w"}


@pytest.mark.parametrize(("looks", "seconds"), [([True], 0), ([False, False, True], 0.2), ([False] * 900, None)])
def test_a_document_is_waited_for(fake_clock, looks, seconds):
    remaining = list(looks)
    found = edits.seconds_until(lambda: remaining.pop(0), now=lambda: fake_clock.time, sleep=fake_clock.sleep)
    assert found == (seconds if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(("documents", "rows_", "percent"), [(0, 0, 100), (1, 3, 33), (999, 1000, 99), (5, 4, 100)])
def test_backfill_is_not_complete_before_it_is(documents, rows_, percent):
    assert state.share(documents, rows_) == percent
