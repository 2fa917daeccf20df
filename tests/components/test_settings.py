# ruff: noqa: E501  the table of mistakes has one line each
"""The configuration and its validation: all mistakes are reported at once, each with its path and its fix."""

from __future__ import annotations

import copy
import pathlib

import pytest
import yaml

from components.embedding_calls import calls
from components.settings import Embedding, SettingsError, split_mapping
from components.validation import parse
from providers.services.texts import Chunking

STACKS = sorted((pathlib.Path(__file__).parents[2] / "stacks").glob("Pulumi.*.yaml"))
GOOD = {
    "connection": {"search_url": "http://h:3001", "database_host": "h", "database_user": "u"},
    "embedding": {"url": "https://e.test/v1/embeddings", "model": "text-embedding-v4", "dimension": 1024},
    "collections": [
        {
            "name": "docs",
            "source": {"table": "db.t", "columns": {"id": "INT", "t2": "TEXT"}, "primary_key": "id"},
            "fields": {"id": "id", "my_text": "t2"},
            "mapping": {"id": {"type": "integer"}, "my_text": {"type": "text"}, "my_vector": {"type": "knn_vector"}},
            "field_map": {"my_text": "my_vector"},
        }
    ],
}


def changed(*path, to):
    """Returns GOOD with one value changed, or removed if `to` is None."""
    raw = copy.deepcopy(GOOD)
    inner = raw
    for step in path[:-1]:
        inner = inner[step]
    if to is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return raw


def mistakes(raw, **keys):
    with pytest.raises(SettingsError) as raised:
        parse(raw, keys=keys)
    return raised.value.mistakes


IN_DOCS = ("collections", 0)

ONE_MISTAKE = [
    (changed("connection", to=None), "connection: is missing; stacks/Pulumi.dev.yaml shows how to write it"),
    (changed("collections", to=[]), "collections: must be a list with at least one collection; stacks/Pulumi.dev.yaml shows how"),
    (changed("connection", "search_url", to="h:3001"), "connection.search_url: 'h:3001' is no address; write one such as https://host:3001"),
    (changed("connection", "search_url", to="http://h:99999"), "connection.search_url: 'http://h:99999' is no address; write one such as https://host:3001"),
    (changed("connection", "search_url", to="http://h:port"), "connection.search_url: 'http://h:port' is no address; write one such as https://host:3001"),
    (changed("connection", "search_url", to="http://u:p@h"), "connection.search_url: must not contain a user or password; they have settings of their own"),
    (changed("connection", "serach_username", to="x"), "connection.serach_username: is no key we know; did you mean search_username?"),
    (changed("connection", "database_port", to="x"), "connection.database_port: Input should be a valid integer, unable to parse string as an integer"),
    (changed("embedding", "dimensions", to=3), "embedding.dimensions: is no key we know; did you mean dimension?"),
    (changed("embedding", "dimension", to=1000), "embedding.dimension: text-embedding-v4 has no vectors of 1000; write one of 2048, 1536, 1024, 768, 512, 256, 128, 64"),
    (changed("embedding", "batch_size", to=25), "embedding.batch_size: text-embedding-v4 takes 10 texts at most; write 10 or less"),
    (changed("embedding", "trusted_pattern", to="^https://e.test$"), "embedding.trusted_pattern: ^https://e.test$ does not match the whole of https://e.test/v1/embeddings; write one that does, or leave it out to trust this URL alone"),
    (changed("embedding", "trusted_pattern", to=".*"), "embedding.trusted_pattern: trusts every URL; write one that names the host, such as ^https://host/.*$"),
    (changed("embedding", "trusted_pattern", to="("), "embedding.trusted_pattern: is not a regular expression (missing ), unterminated subpattern at position 0); write one such as ^https://host/.*$"),
    (changed("embedding", "api_key", to="sk-1"), "embedding.api_key: keep the key out of the file; `pulumi config set --secret embeddingApiKey` encrypts it"),
    (changed(*IN_DOCS, "name", to="Docs"), "collections[0].name: index name 'Docs' must be lower case; write 'docs'"),
    (changed(*IN_DOCS, "name", to="a b"), "collections[0].name: index name 'a b' must not contain ' '; use letters, digits, - and _"),
    (changed(*IN_DOCS, "name", to="_a"), "collections[0].name: index name '_a' must start with a letter or digit and have at most 255 bytes"),
    (changed(*IN_DOCS, "source", "table", to="t"), "collections[0].source.table: 't' must name its database too; write database.table"),
    (changed(*IN_DOCS, "source", "columns", "t2", to="TEXT; DROP"), "collections[0].source.columns.t2: 'TEXT; DROP' is no column type; write one such as VARCHAR(200) NOT NULL"),
    (changed(*IN_DOCS, "source", "primary_key", to="ID"), "collections[0].source.primary_key: ID is not in source.columns; it has id, t2"),
    (changed(*IN_DOCS, "fields", "my_text", to="t3"), "collections[0].fields.my_text: t3 is not in source.columns; it has id, t2"),
    (changed(*IN_DOCS, "fields", "title", to="t2"), "collections[0].fields.title: title is not in mapping; it has id, my_text, my_vector"),
    (changed(*IN_DOCS, "mapping", "my_vector", "dimension", to=768), "collections[0].mapping.my_vector.dimension: 768 is not the model's 1024; write 1024, or leave it out"),
    (changed(*IN_DOCS, "mapping", "my_vector", "space_type", to="cosine"), "collections[0].mapping.my_vector.space_type: Input should be 'cosinesimil', 'l2', 'innerproduct', 'l1', 'linf' or 'hamming'"),
    (changed(*IN_DOCS, "mapping", "my_vector", "engin", to="faiss"), "collections[0].mapping.my_vector.engin: is no key we know; did you mean engine?"),
    (changed(*IN_DOCS, "mapping", "other", to={"properties": {"v": {"type": "knn_vector"}}}), "collections[0].mapping.other.v: a vector field can be at the top level of the mapping alone; move it there"),
    (changed(*IN_DOCS, "mapping", "other", to={"type": "knn_vector"}), "collections[0].mapping.other: no text fills this vector field; name it in field_map, or leave it out"),
    (changed(*IN_DOCS, "fields", "my_vector", to="t2"), "collections[0].fields.my_vector: my_vector is a vector field, which the pipeline fills; leave it out"),
    (changed(*IN_DOCS, "field_map", to={"my_txt": "my_vector"}), "collections[0].field_map.my_txt: my_txt is not in fields; did you mean my_text?"),
    (changed(*IN_DOCS, "source", "columns", "t2", to="INT"), "collections[0].field_map.my_text: column t2 is INT; only text can be embedded"),
    (changed(*IN_DOCS, "mapping", "my_text", to={"type": "long"}), "collections[0].field_map.my_text: my_text is mapped as long; only text can be embedded"),
    (changed(*IN_DOCS, "settings", to={"index": {"number_of_replicas": 2}}), "collections[0].settings: number_of_replicas is set by the collection (shards, replicas, its pipelines); leave it out"),
    (changed(*IN_DOCS, "name", to="my.docs"), "collections[0].name: sync_by_map cannot write 'my.docs'; use letters, digits, - and _, or another sync.backend"),
    (changed(*IN_DOCS, "sync", to={"backend": "sync_by_table"}), "collections[0].fields: sync_by_table cannot rename columns; name my_text like them, or use sync_by_map"),
    (changed(*IN_DOCS, "search", to={"weights": [0.3, 0.3]}), "collections[0].search.weights: [0.3, 0.3] must be two that add up to 1, of words and meaning; for example [0.3, 0.7]"),
    (changed(*IN_DOCS, "search", to={"weights": [0.5, 0.3, 0.2]}), "collections[0].search.weights: [0.5, 0.3, 0.2] must be two that add up to 1, of words and meaning; for example [0.3, 0.7]"),
    (changed(*IN_DOCS, "search", to={"weights": [-1, 2]}), "collections[0].search.weights: [-1.0, 2.0] must be two that add up to 1, of words and meaning; for example [0.3, 0.7]"),
    (changed(*IN_DOCS, "search", to={"normalization": "z_score", "combination": "harmonic_mean"}), "collections[0].search.combination: harmonic_mean does not go with normalization z_score; write arithmetic_mean"),
    (changed("collections", to=GOOD["collections"] * 2), "collections[1].name: docs is taken by another collection; choose another name"),
]  # fmt: skip


QUERY = "SELECT p.id, p.name, c.name AS kind FROM shop.p AS p LEFT JOIN shop.c AS c ON c.id = p.c"


def queried(query=QUERY, key="id", **changes):
    """Returns GOOD, filled by a query, with changes of the collection."""
    raw = copy.deepcopy(GOOD)
    fields = {"id": "id", "my_text": "kind"}
    raw["collections"][0] |= {"source": {"query": query, "key": key}, "fields": fields, **changes}
    return raw


ONE_MISTAKE += [
    (queried(None), "collections[0].source.query: Input should be a valid string"),
    (queried(key=None), "collections[0].source.key: Input should be a valid list"),
    (queried(source={"query": QUERY}), "collections[0].source.key: is missing"),
    (queried(source={"query": QUERY, "key": "id", "table": "shop.p"}), "collections[0].source.table: a source has a table or a query; leave one out"),
    (queried(source={"query": QUERY, "key": "id", "kye": "id"}), "collections[0].source.kye: is no key we know; did you mean key?"),
    (queried("SELECT * FROM shop.p"), "collections[0].source.query: SELECT *: columns that are added later would not be synced; name the columns"),
    (queried(QUERY.replace("shop.c ", "c ")), "collections[0].source.query: c must name its database too; write database.c"),
    (queried(key="no", sync={"backend": "sync_by_sql"}), "collections[0].source.key: no is not in the query; it has id, name, kind"),
    (queried(fields={"id": "id", "my_text": "kid"}), "collections[0].fields.my_text: kid is not in source.query; did you mean kind?"),
    (queried(sync={"backend": "sync_by_map"}), "collections[0].sync.backend: sync_by_map is documented for one table alone; write search_view or sync_by_sql for a query"),
    (queried(sync={"backend": "sync_by_table"}), "collections[0].sync.backend: sync_by_table is documented for one table alone; write search_view or sync_by_sql for a query"),
    (queried(fields={"my_text": "kind"}), "collections[0].fields: a search view must contain its key; add id"),
    (queried(QUERY.replace("c.name AS kind", "p.id + 1 AS kind")), "collections[0].field_map.my_text: column kind is double; only text can be embedded"),
    (changed(*IN_DOCS, "source", "colums", to={}), "collections[0].source.colums: is no key we know; did you mean columns?"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "line"), ONE_MISTAKE, ids=[line[:50] for _, line in ONE_MISTAKE])
def test_a_mistake_is_reported_with_its_path_and_its_fix(raw, line):
    assert mistakes(raw) == [line]


def texts(field_map=None, embedding=None, **changes):
    """Returns GOOD with a second text, `title`, and texts made in another way."""
    raw = changed(*IN_DOCS, "fields", "title", to="t2")
    raw["collections"][0]["mapping"]["title"] = {"type": "text"}
    raw["collections"][0] |= {"field_map": field_map or {"my_vector": ["title", "my_text"]}, **changes}
    raw["embedding"] |= embedding or {}
    return raw


UNKNOWN_LIMIT = {"model": "m"}
TEXT_MISTAKES = [
    (texts({"my_text": 5}), "field_map.my_text: write my_text: my_vector, or my_vector: [title, body] for several texts joined into one"),
    (texts({"my_vector": []}), "field_map.my_vector: write my_text: my_vector, or my_vector: [title, body] for several texts joined into one"),
    (texts({"my_vector": ["title", "body"]}), "field_map.my_vector: body is not in fields; it has id, my_text, title"),
    (texts({"my_vector": ["title", "id"]}), "field_map.my_vector: column id is INT; only text can be embedded|field_map.my_vector: id is mapped as integer; only text can be embedded"),
    (texts({"my_vector": ["title", "my_text", "title"]}), "field_map.my_vector: a text is there twice; write [title, my_text]"),
    (texts({"title": "my_vector", "my_text": "my_vector"}), "field_map.my_text: my_vector is filled by title; write my_vector: [title, my_text] to join them into one text, or give each a vector field of its own"),
    (texts({"title": "my_vector", "my_vector": ["my_text"]}), "field_map.my_vector: my_vector is filled by title; write my_vector: [title, my_text] to join them into one text, or give each a vector field of its own"),
    (texts(texts={"my_vectr": {}}), "texts.my_vectr: my_vectr is not in field_map; did you mean my_vector?"),
    (texts(texts={"my_vector": {"lables": True}}), "texts.my_vector.lables: is no key we know; did you mean labels?"),
    (texts(texts={"my_vector": {"labels": {"titel": "T"}}}), "texts.my_vector.labels.titel: titel is not in field_map of my_vector; did you mean title?"),
    (texts({"title": "my_vector"}, texts={"my_vector": {"separator": " "}}), "texts.my_vector.separator: title is the only text of my_vector; leave it out"),
    (texts(texts={"my_vector": {"chunk_tokens": 5, "overlap": 0}}), "texts.my_vector.chunk_tokens: is of chunks alone; write long_texts: chunk, or leave it out|texts.my_vector.overlap: is of chunks alone; write long_texts: chunk, or leave it out"),
    (texts(texts={"my_vector": {"long_texts": "chunk", "overlap": 0.6}}), "texts.my_vector.overlap: Input should be less than or equal to 0.5"),
    (texts(texts={"my_vector": {"long_texts": "chunk", "max_chunks": 0}}), "texts.my_vector.max_chunks: Input should be greater than or equal to 1"),
    (texts(texts={"my_vector": {"long_texts": "chunk", "chunk_tokens": 9000}}), "texts.my_vector.chunk_tokens: text-embedding-v4 takes 8192 tokens at most; write 8192 or less"),
    (texts(long_texts="truncate"), "long_texts: Input should be 'cut', 'chunk' or 'refuse'"),
    (texts(long_texts="chunk", embedding={"batch_size": None}), "long_texts: a text has many passages; write embedding.batch_size, the most texts in one request"),
    (texts(long_texts="chunk", mapping={**GOOD["collections"][0]["mapping"], "title": {"type": "text"}, "my_vector": {"type": "knn_vector", "engine": "nmslib"}}), "mapping.my_vector: engine nmslib does not find passages; write faiss or lucene"),
    (texts(fields={"id": "id", "title": "t2", "my_text": "t2", "my_vector_embedded_text": "t2"}, mapping={**GOOD["collections"][0]["mapping"], "title": {"type": "text"}, "my_vector_embedded_text": {"type": "text"}}), "fields.my_vector_embedded_text: the pipeline makes the text of my_vector under this name; choose another"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "lines"), TEXT_MISTAKES, ids=[lines[:50] for _, lines in TEXT_MISTAKES])
def test_a_mistake_in_how_texts_are_made_is_reported_with_its_fix(raw, lines):
    assert mistakes(raw) == [f"collections[0].{line}" for line in lines.split("|")]


def made(raw):
    settings = parse(raw)
    [text] = settings.collections[0].embedded_texts(settings.embedding.token_limit)
    return text


def test_texts_are_cut_by_default_at_a_limit_that_is_known_or_assumed():
    assert made(GOOD).token_limit == 8192
    assert made(texts(embedding=UNKNOWN_LIMIT)).token_limit == 512
    assert made(texts(long_texts="cut", embedding=UNKNOWN_LIMIT)).token_limit == 512
    assert made(texts(embedding={**UNKNOWN_LIMIT, "max_tokens": 256})).token_limit == 256
    assert made(texts(long_texts="refuse")).token_limit is None


def test_chunks_of_a_model_whose_limit_is_assumed_may_have_more_tokens_than_that():
    chunked = {"my_vector": {"long_texts": "chunk", "chunk_tokens": 1000}}
    assert made(texts(texts=chunked, embedding=UNKNOWN_LIMIT)).chunking == Chunking(1000, 0.2, 100)


def test_what_is_written_of_one_text_wins_over_what_is_written_for_all():
    own = {"my_vector": {"long_texts": "cut"}}
    assert made(texts(long_texts="chunk")).chunking == Chunking(384, 0.2, 100)
    assert made(texts(long_texts="chunk", texts=own)).chunking is None


@pytest.mark.parametrize(
    ("labels", "read"),
    [(True, {"title": "title", "my_text": "my_text"}), ({"title": "Title"}, {"title": "Title"}), (False, {})],
)
def test_a_label_is_a_fields_name_or_its_own(labels, read):
    assert made(texts(texts={"my_vector": {"labels": labels}})).labels == read


def test_a_field_map_to_a_field_that_is_not_a_vector_is_refused():
    raw = changed(*IN_DOCS, "field_map", "my_text", to="id")
    assert mistakes(raw)[0] == "collections[0].field_map.my_text: id is mapped as integer; map it as {type: knn_vector}"


def test_a_field_map_to_a_field_that_is_not_mapped_is_refused():
    raw = changed(*IN_DOCS, "field_map", "my_text", to="my_vectr")
    assert mistakes(raw) == [
        "collections[0].field_map.my_text: my_vectr is not in mapping; did you mean my_vector?",
        "collections[0].mapping.my_vector: no text fills this vector field; name it in field_map, or leave it out",
    ]


def test_every_mistake_is_reported_at_once():
    raw = changed("embedding", "dimension", to=1000)
    raw["connection"]["search_url"] = "nowhere"
    raw["collections"][0]["fields"]["my_text"] = "t3"
    raw["collections"].append({"name": "Bad"})
    places = [line.split(":")[0] for line in mistakes(raw, embeddingApiKey="${YOUR_API_KEY}")]
    assert places == [
        "embeddingApiKey",
        "connection.search_url",
        "collections[1].name",
        "collections[1].source",
        "collections[1].fields",
        "collections[1].mapping",
        "collections[1].field_map",
        "embedding.dimension",
        "collections[0].fields.my_text",
    ]


def test_the_message_has_one_line_for_each_mistake():
    with pytest.raises(SettingsError) as raised:
        parse(changed("embedding", "dimension", to=1000))
    assert str(raised.value).startswith("1 mistake in the configuration, nothing was touched:\n  embedding.dimension: ")


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("${YOUR_API_KEY}", "is the name of a variable that no shell expanded"),
        ("$YOUR_API_KEY", "is the name of a variable that no shell expanded"),
        (" ", "is blank"),
        ("sk-1\n", "has a blank, a line end or a letter that no HTTP header may have"),
        ("密钥", "has a blank, a line end or a letter that no HTTP header may have"),
    ],
)
def test_an_invalid_key_is_refused_and_no_key_is_shown(key, what):
    [line] = mistakes(GOOD, embeddingApiKey=key)
    assert line == f"embeddingApiKey: {what}; set the key itself: `pulumi config set --secret embeddingApiKey`"
    assert parse(GOOD, keys={"embeddingApiKey": "sk-very-secret"})
    assert "sk-very-secret" not in repr(Embedding(**GOOD["embedding"], api_key="sk-very-secret"))


def test_a_secret_in_plain_text_is_refused():
    with pytest.raises(SettingsError) as raised:
        parse(GOOD, open_secrets=["searchPassword"])
    assert raised.value.mistakes == [
        "searchPassword: stands in the file as plain text; `pulumi config set --secret searchPassword` encrypts it"
    ]


def test_a_batch_size_of_null_means_none():
    settings = parse({**GOOD, "embedding": {**GOOD["embedding"], "batch_size": None}})
    assert settings.embedding.batch_size is None


def test_a_query_is_followed_by_a_search_view_unless_said_otherwise():
    [docs] = parse(queried()).collections
    assert (docs.backend, docs.source.table, docs.source.tables) == ("search_view", "shop.p", ["shop.p", "shop.c"])
    assert (docs.source.key, docs.source.document_key) == (["id"], "id")
    assert parse(queried(sync={"backend": "sync_by_sql"}, name="a.b")).collections[0].backend == "sync_by_sql"
    assert parse(GOOD).collections[0].backend == "sync_by_map"


def test_tables_of_a_query_contradict_nothing():
    raw = queried()
    raw["collections"].append(
        {**GOOD["collections"][0], "name": "other", "source": {**GOOD["collections"][0]["source"], "table": "shop.p"}}
    )
    assert len(parse(raw).collections) == 2


def test_optional_settings_have_defaults():
    settings = parse(GOOD)
    [docs] = settings.collections
    vector = docs.vectors(settings.embedding)["my_vector"]
    assert (vector.dimension, vector.engine, vector.method, vector.space_type) == (1024, "faiss", "hnsw", "cosinesimil")
    assert calls(settings.embedding)[0].pattern == r"^https://e\.test/v1/embeddings$"
    assert settings.embedding.requested_dimensions == 1024
    assert (docs.replicas, docs.deletion_protection, docs.revision) == (1, True, 1)


@pytest.mark.parametrize(
    ("model", "send", "asked"),
    [
        ("text-embedding-v4", None, 384),
        ("my-own", None, None),
        ("my-own", True, 384),
        ("text-embedding-v4", False, None),
    ],
)
def test_dimensions_are_requested_from_models_that_offer_a_choice(model, send, asked):
    embedding = Embedding(url="http://e/v1", model=model, dimension=384, send_dimensions=send)
    assert embedding.requested_dimensions == asked


@pytest.mark.parametrize(
    ("model", "given", "limit"),
    [
        ("text-embedding-v4", None, 8192),
        ("text-embedding-v2", None, 2048),
        ("text-embedding-v4", 512, 512),
        ("my-own", None, 512),
        ("my-own", 8192, 8192),
    ],
)
def test_the_token_limit_is_the_documented_one_unless_the_configuration_says_another(model, given, limit):
    assert Embedding(url="http://e/v1", model=model, dimension=384, max_tokens=given).token_limit == limit


def test_a_vector_method_is_written_as_in_opensearch():
    method = {"name": "hnsw", "engine": "lucene", "space_type": "l2", "parameters": {"m": 16}}
    settings = parse(changed(*IN_DOCS, "mapping", "my_vector", "method", to=method))
    vector = settings.collections[0].vectors(settings.embedding)["my_vector"]
    assert (vector.engine, vector.space_type, vector.parameters) == ("lucene", "l2", {"m": 16})


def test_mode_and_compression_are_written_beside_the_method():
    settings = parse(changed(*IN_DOCS, "mapping", "my_vector", "mode", to="on_disk"))
    vector = settings.collections[0].vectors(settings.embedding)["my_vector"]
    assert (vector.mode, vector.compression_level) == ("on_disk", None)
    [mistake] = mistakes(changed(*IN_DOCS, "mapping", "my_vector", "mode", to="on_tape"))
    assert mistake == "collections[0].mapping.my_vector.mode: Input should be 'in_memory' or 'on_disk'"


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.stem)
def test_the_included_stacks_are_valid(path):
    config = yaml.safe_load(path.read_text().replace("pc-xxx", "pc-1a2b3c"))["config"]
    blocks = {name.split(":")[1]: value for name, value in config.items()}
    settings = parse(blocks)
    assert settings.connection.database_user == "polardb_user"


def test_there_are_three_stacks_and_prod_is_the_one_of_the_tutorial():
    assert [path.stem for path in STACKS] == ["Pulumi.dev", "Pulumi.prod", "Pulumi.staging"]
    config = yaml.safe_load(STACKS[1].read_text())["config"]
    embedding = config["polardb-semantic-search:embedding"]
    assert (embedding["model"], embedding["dimension"], embedding["batch_size"]) == ("text-embedding-v4", 1024, 10)
    assert config["polardb-semantic-search:connection"]["search_url"].startswith("https://")


@pytest.mark.parametrize(
    ("mapping", "fields", "parameters"),
    [
        ({"id": {"type": "long"}}, {"id": {"type": "long"}}, {}),
        ({"dynamic": "strict", "id": {}}, {"id": {}}, {"dynamic": "strict"}),
        ({"dynamic": {"type": "text"}}, {"dynamic": {"type": "text"}}, {}),
        ({"_source": {"excludes": ["v"]}, "id": {}}, {"id": {}}, {"_source": {"excludes": ["v"]}}),
        ({"dynamic": False, "properties": {"id": {"type": "long"}}}, {"id": {"type": "long"}}, {"dynamic": False}),
        ({"properties": {"type": "text"}}, {"properties": {"type": "text"}}, {}),
        ({"properties": {"id": {}}, "more": {}}, {"properties": {"id": {}}, "more": {}}, {}),
    ],
    ids=str,
)
def test_a_mapping_may_be_written_whole(mapping, fields, parameters):
    assert split_mapping(mapping) == (fields, parameters)
