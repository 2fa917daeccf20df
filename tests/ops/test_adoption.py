"""What differs from what is declared, and what of it cannot be adopted."""

from __future__ import annotations

import pytest

from components.embedding_calls import calls
from components.settings import Collection, Embedding
from ops.adoption import (
    TOLERANCE,
    connector_mistakes,
    cosine,
    differences,
    document_mistakes,
    fits,
    pipeline_is_fixed,
    vector_mistakes,
)
from ops.stack import leaves
from providers.connector import ConnectorState
from providers.index import IndexInputs, immutable_changes
from providers.ingest_pipeline import IngestPipelineInputs
from providers.services.texts import Chunking, EmbeddedText

COLLECTION = Collection(
    name="docs",
    source={"table": "db.t", "columns": {"id": "INT", "t2": "TEXT"}, "primary_key": "id"},
    fields={"id": "id", "text": "t2"},
    mapping={"id": {"type": "integer"}, "text": {"type": "text"}, "vector": {"type": "knn_vector"}},
    field_map={"text": "vector"},
)
INDEX = {"name": "test_index", "properties": {"id": {"type": "integer"}}, "vectors": {"vector": {"dimension": 4}}}


def index(**changes):
    return IndexInputs(owner="p/s/index", **{**INDEX, **changes})


@pytest.mark.parametrize(
    ("declared", "name", "in_place"),
    [
        (index(replicas=0), "replicas", True),
        (index(search_pipeline="docs_1"), "search_pipeline", True),
        (index(properties={**INDEX["properties"], "note": {"type": "keyword"}}), "properties.note", True),
        (index(properties={"id": {"type": "long"}}), "properties.id", False),
        (index(vectors={"vector": {"dimension": 8}}), "vectors.vector", False),
        (index(vectors={"vector": {"dimension": 4, "space_type": "l2"}}), "vectors.vector", False),
        (index(shards=2), "shards", False),
        (index(settings={"refresh_interval": "1s"}), "settings.refresh_interval", True),
        (index(settings={"codec": "best_compression"}), "settings.codec", False),
        (index(mapping={"dynamic": "strict"}), "mapping.dynamic", True),
        (index(mapping={"_source": {"excludes": ["vector"]}}), "mapping._source", False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_an_index_changes_in_place_is_told_from_what_it_cannot(declared, name, in_place):
    [found] = differences("index test_index", index(), declared, lambda each: immutable_changes(index(), each))
    assert (found.name, found.in_place) == (name, in_place)


def test_a_refusal_has_both_values():
    [found] = differences("index test_index", index(), index(shards=2), lambda _: True)
    assert found.refusal == (
        "index test_index: shards is 1, and the configuration says 2; it cannot change in place: declare it as it is"
    )
    assert str(found) == "index test_index: shards: 1 → 2"


def test_nothing_differs_from_itself():
    assert list(differences("index test_index", index(), index(name="other"))) == []


LOWER, TRIM = {"lowercase": {"field": "text"}}, {"trim": {"field": "text"}}


def pipeline(**changes):
    declared = {"model_id": "m", "field_map": {"text": "vector"}, "skip_blank": False, **changes}
    return IngestPipelineInputs(owner="p/s/pipeline", name="p", **declared)


@pytest.mark.parametrize(
    ("shown", "declared", "before", "fixed"),
    [
        (pipeline(), pipeline(skip_blank=True, batch_size=10, description="x"), [], set()),
        (pipeline(), pipeline(model_id="ours"), [], set()),
        (pipeline(), pipeline(field_map={"made": "vector"}, before=[LOWER]), [], set()),
        (pipeline(), pipeline(field_map={"text": "other"}), [], {"field_map"}),
        (pipeline(field_map={"text": "vector", "title": "other"}), pipeline(), [], {"field_map"}),
        (pipeline(before=[TRIM]), pipeline(before=[TRIM, LOWER]), [TRIM], set()),
        (pipeline(before=[TRIM]), pipeline(), [], {"before"}),
        (pipeline(), pipeline(before=[TRIM]), [TRIM], {"before"}),
        (pipeline(after=[TRIM]), pipeline(), [], {"after"}),
    ],
    ids=[
        "in place",
        "the stack's own model",
        "a text that is cut",
        "another vector",
        "a vector that is not declared",
        "a declared processor, and ours",
        "a processor that is not declared",
        "a processor that is not there",
        "a processor after the embedding",
    ],
)
def test_what_a_pipeline_makes_of_a_document_cannot_change_in_place(shown, declared, before, fixed):
    collection = COLLECTION.model_copy(update={"before": before})
    found = list(differences("p", shown, declared, pipeline_is_fixed(shown, collection)))
    assert found
    assert {each.name for each in found if not each.in_place} == fixed


@pytest.mark.parametrize(
    ("properties", "fit"),
    [
        ({"id": {}, "text": {}, "vector": {"type": "knn_vector"}, "more": {}}, True),
        ({"id": {}, "text": {}, "vector": {"type": "float"}}, False),
        ({"text": {}, "vector": {"type": "knn_vector"}}, False),
        ({}, False),
    ],
    ids=["with a field more", "without a vector", "without a field", "empty"],
)
def test_an_index_fits_that_has_the_fields_and_the_vectors(properties, fit):
    assert fits(COLLECTION, {"properties": properties}) is fit


EMBEDDING = Embedding(url="https://e.test/v1/embeddings", model="m", dimension=4, api_key="sk-one")
ACTION = {
    "url": "https://${parameters.host}/v1/embeddings",
    "headers": {"Authorization": "Bearer ${credential.api_key}"},
}


BODY = '{ "model": "${parameters.model}", "input": ${parameters.input} }'


def connector(actions=1, action=None, protocol="http", **parameters):
    given = {"host": "e.test", "model": "m", **parameters}
    actions = [{**ACTION, "request_body": BODY, **(action or {})}] * actions
    return ConnectorState(owner="", name="c", protocol=protocol, parameters=given, actions=actions)


@pytest.mark.parametrize(
    ("shown", "lines"),
    [
        (connector(), []),
        (connector(host="other.test"), ["calls https://other.test/v1/embeddings, and embedding.url is https://e.test"]),
        (connector(action={"request_body": BODY.replace(" }", ', "dimensions": ${parameters.n} }')}, n="4"), []),
        (
            connector(action={"request_body": BODY.replace(" }", ', "truncate": true }')}),
            ["has {"],
        ),
        (connector(action={"pre_process_function": "a script"}), ['has "a script", and the configuration "connector.']),
        (connector(protocol="aws_sigv4"), ['has "aws_sigv4", and the configuration "http"; write embedding.aws_sigv4']),
        (connector(model="n"), ["asks for n, and embedding.model is m"]),
        (connector(actions=2), ["has 2 actions"]),
        (
            connector(action={"headers": {"Authorization": "Bearer sk-0123456789"}}),
            ["headers.Authorization: holds a key in plain"],
        ),
        (connector(action={"url": "https://e.test/?key=sk-0123456789"}), ["url: holds a key in plain text"]),
        (connector(api_key="sk-0123456789"), ["parameters.api_key: a key cannot be a parameter"]),
        (
            connector(action={"headers": {"x": "${credential.openai}"}}),
            ["names its key ${credential.openai}; a stack has api_key"],
        ),
        (
            connector(action={"headers": {"x": "${credential.access_key}"}}),
            ["has a key, which is not shown: `pulumi config set"],
        ),
    ],
    ids=[
        "the declared call",
        "url",
        "a length",
        "request",
        "pre-processing",
        "protocol",
        "model",
        "actions",
        "open header",
        "open url",
        "open parameter",
        "name of the key",
        "no key",
    ],
)
def test_a_connector_is_the_declared_call(shown, lines):
    found = list(connector_mistakes(shown, calls(EMBEDDING)[0], EMBEDDING))
    assert len(found) == len(lines)
    assert all(each.startswith(line) for each, line in zip(found, lines, strict=True))
    assert "sk-0123456789" not in str(found)


PLAIN = [EmbeddedText("vector", ["text"])]
STORED = {"id": 1, "text": "a b", "vector": [1.0, 0.0]}


@pytest.mark.parametrize(
    ("made", "lines"),
    [
        ({"text": "a  b", "vector": [2.0, 0.0]}, []),
        ({"text": "a b", "vector": [1.0, 0.1]}, []),
        ({"text": "a b", "vector": [0.0, 1.0]}, ["vector of document 7 has a cosine of 0.00 to the declared model's"]),
        ({"text": "a b", "vector": [1.0, 0.0, 0.0]}, ["vector of document 7 has a cosine of 0.00"]),
        ({"text": "a b"}, ["vector of document 7 has a cosine of 0.00"]),
        ({"text": "x", "vector": [1.0, 0.0]}, ['text of document 7 is "a b", and of its row "x"']),
    ],
    ids=["scaled", "rounded", "another model", "another length", "no vector", "another column"],
)
def test_a_stored_document_is_what_the_declared_pipeline_makes_of_its_row(made, lines):
    found = list(vector_mistakes("7", STORED, made, PLAIN))
    assert [each[: len(line)] for each, line in zip(found, lines, strict=True)] == lines


def test_passages_are_compared_one_by_one_and_a_blank_text_has_no_vector():
    chunked = [EmbeddedText("vector", ["text"], chunking=Chunking(10, 0.0, 3))]
    stored = {"text": "a", "vector": [{"knn": [1.0, 0.0]}, {"knn": [0.0, 1.0]}]}
    assert list(vector_mistakes("7", stored, stored, chunked)) == []
    assert len(list(vector_mistakes("7", stored, {"text": "a", "vector": stored["vector"][:1]}, chunked))) == 1
    assert list(vector_mistakes("7", {"text": None}, {"text": None}, PLAIN)) == []


def test_a_document_has_every_field_that_its_link_fills():
    assert list(document_mistakes("7", {"id": 1, "text": None}, ["id", "text"])) == []
    assert list(document_mistakes("7", {"id": 1}, ["id", "text", "price"])) == [
        "document 7 has no field text, price; leave out of `fields` what the link does not fill"
    ]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [([3, 4], [6, 8], 1), ([1, 0], [0, 1], 0), ([1, 0], [-1, 0], -1), ([1], [1, 1], 0), ([0, 0], [1, 1], 0)],
    ids=["same direction", "orthogonal", "opposite", "other length", "zero"],
)
def test_cosine(one, other, expected):
    assert cosine(one, other) == pytest.approx(expected)
    assert TOLERANCE < 1


def test_a_block_is_set_by_its_values():
    block = {"index": "i", "connector": {"action": {"headers": {"content-type": "a=b"}, "url": "u"}, "parameters": {}}}
    assert list(leaves("p:collections[0].adopted", block)) == [
        'p:collections[0].adopted["index"]=i',
        'p:collections[0].adopted["connector"]["action"]["headers"]["content-type"]=a=b',
        'p:collections[0].adopted["connector"]["action"]["url"]=u',
    ]
