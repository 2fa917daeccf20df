"""A configuration of any shape is accepted, or refused with lines that name places: never with a traceback."""

from __future__ import annotations

import copy
import pathlib

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components.settings import Settings, SettingsError
from components.validation import parse
from components.wiring import StackWiring

ROOT = pathlib.Path(__file__).parents[2]
DEV = yaml.safe_load((ROOT / "stacks" / "Pulumi.dev.yaml").read_text())["config"]
GOOD = {name: DEV[f"polardb-semantic-search:{name}"] for name in ("connection", "embedding", "collections")}

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
WORDS = st.sampled_from(
    ["hnsw", "type", "name", "knn_vector", "date", "_source", "dynamic", "pc-xxx", "64", "id", "text"]
)
ANYTHING = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def paths(value, path=()):
    """Yields the places of everything inside."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths(inner, (*path, key))


PLACES = [path for path in paths(GOOD) if path]


def changed(place, value):
    raw = copy.deepcopy(GOOD)
    inner = raw
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return raw


def outcome(raw):
    """The settings, or the mistakes; what is accepted can be wired."""
    found = parsed(raw)
    assert isinstance(found, Settings) or (found and all(len(mistake.splitlines()) == 1 for mistake in found))
    return found


def parsed(raw):
    try:
        return parse(raw, keys={"embeddingApiKey": "sk-0123456789"})
    except SettingsError as refused:
        return refused.mistakes


@settings(max_examples=600, deadline=None)
@given(place=st.sampled_from(PLACES), value=ANYTHING)
def test_anything_in_any_place_of_a_good_configuration(place, value):
    outcome(changed(place, value))


COHERE = {
    "service": "cohere",
    "url": "https://e.test/v2/embed",
    "model": "embed-v4.0",
    "dimension": 256,
    "vector_type": "byte",
    "headers": {"x": "y"},
    "parameters": {"truncate": "END"},
    "request_body": '{"texts": ${parameters.texts}, "type": "${parameters.input_type}", "t": "${parameters.truncate}"}',
    "pre_process": "connector.pre_process.cohere.embedding",
    "post_process": "connector.post_process.cohere.embedding",
    "client_config": {"read_timeout": 5},
    "document_prefix": "a",
    "query_prefix": "b",
    "input_type": {"document": "search_document", "query": "search_query"},
}
TEMPLATES = st.sampled_from(
    ["${parameters.x}", "${credential.api_key}", "{", "bedrock", "tei", "sk-0123456789", "byte"]
)


def test_the_service_is_a_good_one():
    assert isinstance(outcome({**GOOD, "embedding": COHERE}), Settings)


@settings(max_examples=600, deadline=None)
@given(place=st.sampled_from([path for path in paths(COHERE) if path]), value=ANYTHING | TEMPLATES)
def test_anything_in_any_place_of_a_service(place, value):
    """What is accepted is declared: a connector for documents, and one for queries where they differ."""
    raw = copy.deepcopy(GOOD)
    raw["embedding"] = block = copy.deepcopy(COHERE)
    for key in place[:-1]:
        block = block[key]
    block[place[-1]] = value
    accepted = outcome(raw)
    if isinstance(accepted, Settings):
        assert StackWiring("search", accepted.embedding, accepted.collections).embedding_model.declarations()


@settings(max_examples=200, deadline=None)
@given(raw=st.dictionaries(st.sampled_from(["connection", "embedding", "collections", "x"]), ANYTHING))
def test_anything_at_all(raw):
    outcome(raw)


@settings(max_examples=150, deadline=None)
@given(place=st.sampled_from([path for path in PLACES if path[0] == "collections"]), value=SCALARS | WORDS)
def test_what_is_accepted_can_be_declared(place, value):
    accepted = outcome(changed(place, value))
    if isinstance(accepted, Settings):
        stack = StackWiring("search", accepted.embedding, accepted.collections)
        assert {collection.name for collection in accepted.collections} == {
            stack.collection(collection).names.alias for collection in accepted.collections
        }
        for collection in accepted.collections:
            assert stack.collection(collection).index("in", "search").inputs


DOCS = ("collections", 0)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ((*DOCS, "mapping", "my_vector", "method"), "hnsw", None),
        ((*DOCS, "mapping", "my_vector", "dimension"), "384", None),
        ((*DOCS, "mapping", "my_vector", "method"), None, "collections[0].mapping.my_vector.method: None is no method; "
         "write {name: hnsw, engine: faiss}, or leave it out"),
        ((*DOCS, "mapping", "my_vector", "method"), ["hnsw"], "collections[0].mapping.my_vector.method: ['hnsw'] is "
         "no method; write {name: hnsw, engine: faiss}, or leave it out"),
        ((*DOCS, "mapping", "dynamic"), False, None),
        ((*DOCS, "mapping", "_source"), {"enabled": True}, None),
        ((*DOCS, "mapping", "dynamic"), "runtime", "collections[0].mapping: dynamic must be one of true, "
         "false, strict, strict_allow_templates"),
        ((*DOCS, "mapping", "_routing"), {"required": True}, "collections[0].mapping._routing: AutoETL writes "
         "documents without a routing; leave it out"),
        ((*DOCS, "mapping", "_meta"), {}, "collections[0].mapping._meta: is where owner references are kept; leave it "
         "out"),
        ((*DOCS, "before"), [{"text_embedding": {}}], "collections[0].before: every entry is one processor, as "
         "{set: {…}}, and not another text_embedding"),
        ((*DOCS, "search"), {"normalization": "none"}, None),
        ((*DOCS, "mapping", "id"), "integer", "collections[0].mapping.id: is no mapping of a field; write {type: …}"),
        ((*DOCS, "mapping", "meta"), {"properties": {"v": {"type": "knn_vector"}}}, "collections[0].mapping.meta.v: a "
         "vector field can be at the top level of the mapping alone; move it there"),
        ((*DOCS, "source", "columns", "t2"), "TEXT COMMENT 'it''s'", None),
        ((*DOCS, "source", "columns", "t1"), "INT GENERATED ALWAYS AS (id + 1)", "collections[0].source.columns.t1: "
         "'INT GENERATED ALWAYS AS (id + 1)' is a generated column; write its type alone, such as INT"),
        ((*DOCS, "source", "columns", "id"), "INT PRIMARY KEY", "collections[0].source.columns.id: 'INT PRIMARY KEY' "
         "names a key; name the column in `primary_key`, and write its type alone here"),
        (("embedding", "url"), "http://127.0.0.1:18080/v1", "embedding.url: http://127.0.0.1:18080/v1 is the service's "
         "base; write the whole address, such as http://127.0.0.1:18080/v1/embeddings"),
        (("embedding", "roleArn"), "arn:aws", "embedding.roleArn: is for Amazon OpenSearch Service, which takes on "
         "roles; PolarSearch signs with keys: `pulumi config set --secret embeddingAccessKey`, embeddingSecretKey too "
         "and, for temporary keys, embeddingSessionToken"),
    ],
)  # fmt: skip
def test_loosely_written_yaml_is_taken_or_says_what_to_write(place, value, said):
    found = outcome(changed(place, value))
    assert found == [said] if said else isinstance(found, Settings)


def test_two_texts_do_not_share_a_vector():
    raw = changed((*DOCS, "field_map"), {"my_text": "my_vector", "other": "my_vector"})
    raw["collections"][0]["mapping"]["other"] = {"type": "text"}
    raw["collections"][0]["fields"]["other"] = "t2"
    said = (
        "collections[0].field_map.other: my_vector is filled by my_text; write my_vector: [my_text, other] to join "
        "them into one text, or give each a vector field of its own"
    )
    assert outcome(raw) == [said]


def test_a_datetime_needs_a_format_that_takes_it():
    raw = changed((*DOCS, "source", "columns", "made"), "DATETIME")
    raw["collections"][0]["fields"]["made"] = "made"
    raw["collections"][0]["mapping"]["made"] = {"type": "date"}
    [said] = outcome(raw)
    assert said.startswith(
        "collections[0].mapping.made: a DATETIME is written with a blank; write {type: date, format:"
    )
    raw["collections"][0]["mapping"]["made"]["format"] = "yyyy-MM-dd HH:mm:ss"
    assert isinstance(outcome(raw), Settings)
