"""The names and inputs of a stack's resources; a table is declared once for all collections that share it."""

from __future__ import annotations

import pytest

from components.embedding_calls import call_fingerprint
from components.settings import AdoptedModel, Collection, Embedding, SettingsError
from components.validation import contradictions
from components.wiring import CollectionWiring, StackWiring
from providers.source_table import SourceTableInputs

DOCS = {
    "name": "docs",
    "source": {"table": "db.t", "columns": {"id": "INT", "t2": "TEXT"}, "primary_key": "id"},
    "fields": {"text": "t2"},
    "mapping": {"text": {"type": "text"}, "vector": {"type": "knn_vector"}},
    "field_map": {"text": "vector"},
}


def collection(name, *, table="db.t", columns=None, key="id", protected=True):
    source = {"table": table, "columns": columns or DOCS["source"]["columns"], "primary_key": key}
    return Collection(**{**DOCS, "name": name, "source": source, "deletion_protection": protected})


def tables(collections):
    embedding = Embedding(url="https://e.test/v1", model="m", dimension=8)
    return [table.inputs for table in StackWiring("search", embedding, collections).tables().values()]


def test_a_program_without_an_address_is_told_so():
    with pytest.raises(SettingsError, match=r"embedding\.url: is missing"):
        StackWiring("search", Embedding(service="tei", model="m", dimension=8), []).embedding_model.declarations()


def test_queries_of_a_service_that_tells_them_apart_are_declared_too():
    voyage = Embedding(service="voyage", model="voyage-4", dimension=256)
    declared = [each.name for each in StackWiring("search", voyage, []).embedding_model.declarations()]
    assert declared[-2:] == ["search-embedding-query-connector", "search-embedding-query-model"]


def declared(model="m", **changes):
    """The inputs of a collection's ingest pipeline, index and alias."""
    docs = Collection(**{**DOCS, **changes})
    embedding = Embedding(url="https://e.test/v1", model=model, dimension=64)
    wiring = CollectionWiring("search-docs", docs, embedding)
    return wiring.ingest_pipeline("id").inputs, wiring.index("in", "out").inputs, wiring.alias("docs_1").inputs


def test_a_text_that_is_a_field_as_it_is_needs_no_more_than_its_embedding():
    ingest, index, alias = declared(long_texts="refuse")
    assert (ingest.field_map, ingest.before, ingest.after) == ({"text": "vector"}, [], [])
    assert (index.properties, list(index.vectors), index.settings) == ({"text": {"type": "text"}}, ["vector"], {})
    assert alias.cutover.vector_fields == {"t2": "vector"}


@pytest.mark.parametrize(("model", "cut_at"), [("text-embedding-v4", 8176), ("my-own", 496)])
def test_a_text_is_cut_in_place_at_what_the_model_is_known_or_assumed_to_take(model, cut_at):
    ingest, *others = declared(model)
    [script] = ingest.before
    assert (ingest.field_map, script["script"]["params"]["bytes"]) == ({"vector_embedded_text": "vector"}, cut_at)
    refusing, *the_same = declared(model, long_texts="refuse")
    assert (refusing.name, refusing.field_map, refusing.before) == (ingest.name, {"text": "vector"}, [])
    assert others == the_same


def test_a_joined_text_waits_for_the_vector_of_each_of_its_columns():
    ingest, _, alias = declared(
        fields={"title": "id", "text": "t2"},
        mapping={**DOCS["mapping"], "title": {"type": "text"}},
        field_map={"vector": ["title", "text"]},
    )
    assert (ingest.field_map, ingest.description) == ({"vector_embedded_text": "vector"}, "Embeds title, text of docs")
    assert alias.cutover.vector_fields == {"id": "vector", "t2": "vector"}


def test_passages_are_in_a_nested_field_of_an_index_that_takes_long_texts():
    ingest, index, alias = declared(long_texts="chunk", settings={"index": {"refresh_interval": "5s"}})
    assert [list(processor) for processor in ingest.before] == [["script"], ["text_chunking"], ["script"]]
    assert ingest.field_map == {"vector_embedded_passages": "vector"}
    assert index.properties["vector"] == {"type": "nested", "properties": {"text": {"type": "text", "index": False}}}
    assert list(index.vectors) == ["vector.knn"]
    assert index.settings == {"analyze.max_token_count": "2147483647", "refresh_interval": "5s"}
    assert alias.cutover.vector_fields == {"t2": "vector.knn"}
    own = declared(long_texts="chunk", settings={"analyze": {"max_token_count": 5}})[1]
    assert own.settings == {"analyze.max_token_count": "5"}


@pytest.mark.parametrize(
    ("model", "texts", "at"),
    [
        ({}, {}, "496 bytes"),
        ({"document_prefix": "doc: "}, {}, "491 bytes"),
        ({}, {"long_texts": "chunk"}, "496 bytes"),
        ({}, {"long_texts": "refuse"}, ""),
        ({"max_tokens": 512}, {}, ""),
        ({"model": "text-embedding-v4"}, {}, ""),
    ],
    ids=["unknown", "with a prefix", "chunked", "not cut", "told", "in a table"],
)
def test_what_is_assumed_of_a_model_is_said(model, texts, at):
    embedding = Embedding.model_validate({"url": "https://e.test/v1", "model": "my-own", "dimension": 64, **model})
    said = StackWiring("search", embedding, [Collection(**{**DOCS, **texts})]).assumption
    assert bool(said) == bool(at)
    assert at in said


def test_each_table_is_declared_once():
    found = tables([collection("a"), collection("b", table="db.u"), collection("c")])
    assert [table.id for table in found] == ["db.t", "db.u"]
    assert (found[1].database, found[1].name) == ("db", "u")


def test_a_shared_table_has_all_columns_and_the_strictest_protection():
    more = {"id": "INT", "t2": "LONGTEXT", "t3": "INT"}
    shared = tables([collection("a", protected=False), collection("b", columns=more)])
    columns = {"id": "INT", "t2": "TEXT", "t3": "INT"}
    assert shared == [SourceTableInputs(database="db", name="t", columns=columns, primary_key=["id"])]
    assert not tables([collection("a", protected=False)])[0].deletion_protection


QUERY = "SELECT p.id, p.name, c.name AS kind FROM db.p AS p JOIN db.c AS c ON c.id = p.c"


def test_the_tables_of_a_query_are_not_declared_and_must_be_there():
    source = {"query": QUERY.lower(), "key": "id"}
    queried = Collection(**{**DOCS, "name": "q", "source": source, "fields": {"id": "id", "text": "kind"}})
    embedding = Embedding(url="https://e.test/v1", model="m", dimension=8)
    wiring = StackWiring("search", embedding, [queried, collection("a", table="db.c")])
    assert list(wiring.tables()) == ["db.c"]
    assert wiring.required_tables() == {"db.p"}
    objects = wiring.collection(queried)
    link, alias = objects.link("i", "db.p").owned, objects.alias("i").owned
    assert (link.backend, link.table, link.key) == ("search_view", "db.p", ["id"])
    assert (alias.cutover.table, alias.cutover.key, alias.cutover.vector_fields) == ("db.p", "id", {"kind": "vector"})
    assert link.query == alias.cutover.query
    assert link.query.startswith("SELECT `p`.`id` AS `id`, `p`.`name` AS `name`, `c`.`name` AS `kind` FROM `db`.`p`")


def test_a_link_of_a_table_has_no_query():
    wiring = StackWiring("search", Embedding(url="https://e.test/v1", model="m", dimension=8), [collection("a")])
    objects = wiring.collection(wiring.collections[0])
    assert "query" not in objects.link("i", "db.t").inputs.declared()
    assert set(objects.alias("i").inputs.declared()["cutover"]).isdisjoint({"query"})


@pytest.mark.parametrize(
    ("other", "mistake"),
    [
        (
            {"columns": {"id": "BIGINT", "t2": "TEXT"}},
            "collections[1].source.columns.id: BIGINT cannot be INT too; write INT, as in collections[0]",
        ),
        (
            {"key": "t2"},
            "collections[1].source.primary_key: db.t has one; write [id], as in collections[0]",
        ),
    ],
    ids=["column", "key"],
)
def test_contradictions_between_collections_of_one_table_are_reported(other, mistake):
    assert list(contradictions([collection("a"), collection("b", **other)])) == [mistake]
    assert list(contradictions([collection("a"), None, collection("b", **other, table="db.u")])) == []


CONNECTOR = {
    "name": "qwen embedding connector",
    "parameters": {"model": "m", "endpoint": "e.test"},
    "action": {
        "url": "https://${parameters.endpoint}/v1",
        "headers": {"Authorization": "Bearer ${credential.api_key}"},
    },
}


def embedding_inputs(call=None, **changes):
    """The inputs of group, connector and model, where a model was adopted for the call of the given fingerprint."""
    called = Embedding(url="https://e.test/v1", model="m", dimension=8, api_key="sk-one", **changes)
    adopted = {"call": call, "group": "their group", "model": "their model", "connector": CONNECTOR}
    called = called.model_copy(update={"adopted": AdoptedModel(**adopted)})
    wiring = StackWiring("search", called, []).embedding_model
    return wiring.group().inputs, wiring.connector().inputs, wiring.model("g", "c").inputs


def test_an_adopted_model_keeps_the_names_that_a_person_gave_while_it_is_called_in_the_same_way():
    call = call_fingerprint(Embedding(url="https://e.test/v1", model="m", dimension=8, api_key="sk-other"))
    group, connector, model = embedding_inputs(call)
    assert (group.name, connector.name, model.name) == ("their group", "qwen embedding connector", "their model")
    assert connector.parameters == {"model": "m", "endpoint": "e.test"}
    assert connector.credential == {"api_key": "sk-one"}
    for name, changed in {"batch_size": 5, "headers": {"x": "y"}, "send_dimensions": True}.items():
        others = embedding_inputs(call, **{name: changed})
        assert [each.name.partition("-search-embedding")[2] for each in others] == ["", "", "-m"]
        assert not {each.name for each in others} & {"their group", "qwen embedding connector", "their model"}
