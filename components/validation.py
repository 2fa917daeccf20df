"""The checks of a whole configuration, before anything is touched.

Every mistake is reported at once, with its place and what to write instead: a `field_map` is checked against the
mapping, the mapping against the source's columns, vectors against the model's; `components.embedding_validation` has
the checks of the `embedding` block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from providers.connector import UNEXPANDED
from providers.kit import flatten_settings, format_error, suggest
from providers.services.autoetl import MAP_SYNTAX, OF_ONE_TABLE, renamed_fields, unmapped_key_columns
from providers.services.column_types import base_type
from providers.services.index_settings import OWN_SETTINGS
from providers.services.mappings import vectors_inside
from providers.services.select import read_query
from providers.services.vector import Vector

from .embedding_validation import embedding_mistakes
from .settings import (
    EMBEDDING_SECRETS,
    QUERY,
    TABLE,
    Collection,
    ConnectionSettings,
    Embedding,
    QuerySettings,
    Settings,
    SettingsBlock,
    SettingsError,
    SourceSettings,
    vector_of,
)
from .text_mistakes import column_mistakes, field_map_mistakes, text_mistakes, type_of, unknown

DATETIMES = frozenset({"datetime", "timestamp"})
DATETIME_FORMAT = "yyyy-MM-dd HH:mm:ss||strict_date_optional_time||epoch_millis"
"""AutoETL writes a DATETIME with a blank (Flink CDC docs, MySQL connector), which a `date` takes only with a format."""

NO_FIELDS: Mapping[str, str] = {
    "_meta": "is where owner references are kept; leave it out",
    "_field_names": "is a parameter that OpenSearch has deprecated; leave it out",
    "_size": "is a parameter of a plugin that PolarSearch does not have; leave it out",
}
"""What stands in a mapping, is no field, and cannot be declared."""

PLACEHOLDER = "pc-xxx"
ROLE = (
    "is for Amazon OpenSearch Service, which takes on roles; PolarSearch signs with keys: `pulumi config set --secret "
    "embeddingAccessKey`, embeddingSecretKey too and, for temporary keys, embeddingSessionToken"
)


def parse(
    raw: Mapping[str, Any], *, keys: Mapping[str, str] = MappingProxyType({}), open_secrets: Sequence[str] = ()
) -> Settings:
    """Returns the settings of a stack from its configuration, `connection`, `embedding` and `collections`.

    `keys` are the secrets of the embedding service that are set: checked, and neither kept nor shown. `open_secrets`
    names the secrets that the file holds unencrypted. Raises SettingsError with every mistake.
    """
    found: list[str] = list(secret_mistakes(raw, keys, open_secrets))
    connection = _block(ConnectionSettings, raw.get("connection"), "connection", found)
    embedding = _block(Embedding, raw.get("embedding"), "embedding", found)
    collections = [
        _block(Collection, block, f"collections[{at}]", found) for at, block in enumerate(_listed(raw, found))
    ]
    if connection is not None:
        found += connection_mistakes(connection)
    if embedding is not None:
        found += embedding_mistakes(embedding, keys)
    for at, collection in enumerate(collections):
        if collection is not None:
            found += [f"collections[{at}].{mistake}" for mistake in collection_mistakes(collection, embedding)]
    found += [*repeated(collections), *contradictions(collections)]
    if found or connection is None or embedding is None:
        raise SettingsError(found)
    return Settings.model_construct(connection=connection, embedding=embedding, collections=collections)


def secret_mistakes(raw: Mapping[str, Any], keys: Mapping[str, str], open_secrets: Sequence[str]) -> Iterator[str]:
    """Yields what is wrong with the secrets: one is unencrypted, or is a variable that no shell expanded."""
    for name in open_secrets:
        yield f"{name}: stands in the file as plain text; `pulumi config set --secret {name}` encrypts it"
    written = raw["embedding"] if isinstance(raw.get("embedding"), Mapping) else {}
    for name, key in EMBEDDING_SECRETS.items():
        if written.get(key) is not None:
            yield f"embedding.{key}: {_keep_out(name)}"
    for name, value in keys.items():
        if what := _no_key(value):
            yield f"{name}: {what}; set the key itself: `pulumi config set --secret {name}`"


def _keep_out(secret: str) -> str:
    return f"keep the key out of the file; `pulumi config set --secret {secret}` encrypts it"


def _no_key(text: str) -> str:
    """Returns why a text cannot be an API key; empty when it can."""
    if UNEXPANDED.search(text):
        return "is the name of a variable that no shell expanded"
    if not text.strip():
        return "is blank"
    return "" if re.fullmatch("[!-~]+", text) else "has a blank, a line end or a letter that no HTTP header may have"


def connection_mistakes(connection: ConnectionSettings) -> Iterator[str]:
    """Yields the addresses that still have the example's placeholder in them."""
    for name in ("search_url", "database_host"):
        if PLACEHOLDER in getattr(connection, name):
            yield f"connection.{name}: {PLACEHOLDER} stands for your cluster's id; write that, as the console shows it"


def collection_mistakes(collection: Collection, embedding: Embedding | None) -> Iterator[str]:
    """Yields where fields, mapping, field map and source of a collection do not fit each other, or the model."""
    source, columns = collection.source, collection.source.columns
    if isinstance(source, QuerySettings):
        yield from (f"source.key: {mistake}" for mistake in read_query(source.query).key_mistakes(source.key))
    else:
        missing = (column for column in source.primary_key if column not in columns)
        yield from (f"source.primary_key: {unknown(column, columns, 'source.columns')}" for column in missing)
    for name, column in collection.fields.items():
        if column not in columns:
            where = "source.columns" if source.query is None else "source.query"
            yield f"fields.{name}: {unknown(column, columns, where)}"
        if name not in collection.mapping:
            yield f"fields.{name}: {unknown(name, collection.mapping, 'mapping')}"
    yield from _mapping_mistakes(collection)
    yield from type_mistakes(collection, columns)
    yield from field_map_mistakes(collection)
    yield from text_mistakes(collection, embedding)
    yield from _vector_mistakes(collection, embedding)
    yield from _link_mistakes(collection)
    if taken := sorted(dict(flatten_settings(collection.settings)).keys() & OWN_SETTINGS):
        yield f"settings: {', '.join(taken)} is set by the collection (shards, replicas, its pipelines); leave it out"


def repeated(collections: Sequence[Collection | None]) -> Iterator[str]:
    """Yields collections of the same name."""
    seen: set[str] = set()
    for at, collection in enumerate(collections):
        if collection is not None and collection.name in seen:
            yield f"collections[{at}].name: {collection.name} is taken by another collection; choose another name"
        seen |= {collection.name} if collection is not None else set()


def contradictions(collections: Sequence[Collection | None]) -> Iterator[str]:
    """Yields where two collections say different things about one table."""
    first: dict[str, tuple[int, SourceSettings]] = {}
    for at, collection in enumerate(collections):
        if collection is not None and isinstance(collection.source, SourceSettings):
            other, source = first.setdefault(collection.source.table, (at, collection.source))
            for mistake in _against(collection.source, source):
                yield f"collections[{at}].source.{mistake}, as in collections[{other}]"


def _against(one: SourceSettings, other: SourceSettings) -> Iterator[str]:
    if one.primary_key != other.primary_key:
        yield f"primary_key: {one.table} has one; write [{', '.join(other.primary_key)}]"
    for name, text in one.columns.items():
        theirs = other.columns.get(name, text)
        if base_type(theirs) != base_type(text):
            yield f"columns.{name}: {text} cannot be {theirs} too; write {theirs}"


def _mapping_mistakes(collection: Collection) -> Iterator[str]:
    for name, field in collection.mapping.items():
        if name in NO_FIELDS:
            yield f"mapping.{name}: {NO_FIELDS[name]}"
        if not isinstance(field.get("type", "object"), str):
            yield f"mapping.{name}.type: {field['type']!r} is no type; write one such as text"
    if collection.mapping_parameters.get("_routing"):
        yield "mapping._routing: AutoETL writes documents without a routing; leave it out"


def type_mistakes(collection: Collection, columns: Mapping[str, str]) -> Iterator[str]:
    """Yields where a column's type does not fit its field; `columns` has the types, empty for one that is not known."""
    for name, column in collection.fields.items():
        field, kind = collection.mapping.get(name, {}), columns.get(column, "")
        if type_of(field) == "date" and "format" not in field and base_type(kind) in DATETIMES:
            yield f"mapping.{name}: a {kind} is written with a blank; write {{type: date, format: {DATETIME_FORMAT!r}}}"
    yield from column_mistakes(collection, columns)


def _vector_mistakes(collection: Collection, embedding: Embedding | None) -> Iterator[str]:
    for path in vectors_inside(collection.properties):
        yield f"mapping.{path}: a vector field can be at the top level of the mapping alone; move it there"
    filled = {text.vector for text in collection.embedded_texts()}
    for name, field in collection.vector_fields.items():
        if name not in filled:
            yield f"mapping.{name}: no text fills this vector field; name it in field_map, or leave it out"
        if name in collection.fields:
            yield f"fields.{name}: {name} is a vector field, which the pipeline fills; leave it out"
        try:
            vector = vector_of(field, *((embedding.dimension, embedding.vector_type) if embedding else (1, "float")))
        except ValidationError as error:
            yield from (format_error(("mapping", name, *e["loc"]), _reason(e, Vector)) for e in error.errors())
        except ValueError as error:
            yield f"mapping.{name}.{error}"
        else:
            if embedding and vector.dimension != embedding.dimension:
                yield (
                    f"mapping.{name}.dimension: {field['dimension']} is not the model's {embedding.dimension}; "
                    f"write {embedding.dimension}, or leave it out"
                )
            if embedding and (vector.data_type or "float") != embedding.vector_type:
                yield (
                    f"mapping.{name}.data_type: the model's vectors are of {embedding.vector_type}s; leave it out, or "
                    f"write `vector_type` in the embedding block"
                )


def _link_mistakes(collection: Collection) -> Iterator[str]:
    """Yields what the link's backend cannot express, and would refuse once everything else was made."""
    backend, fields, table = collection.backend, collection.fields, collection.source.table
    if collection.source.query is not None and backend in OF_ONE_TABLE:
        yield f"sync.backend: {backend} is documented for one table alone; write search_view or sync_by_sql for a query"
    elif backend == "sync_by_map":
        names = {"name": [collection.name], "source.table": table.split("."), "fields": [*fields, *fields.values()]}
        for place, name in ((place, name) for place, each in names.items() for name in each if MAP_SYNTAX & set(name)):
            yield f"{place}: sync_by_map cannot write {name!r}; use letters, digits, - and _, or another sync.backend"
    elif backend == "sync_by_table" and (renamed := renamed_fields(fields)):
        yield f"fields: sync_by_table cannot rename columns; name {', '.join(renamed)} like them, or use sync_by_map"
    if backend == "search_view" and (loose := unmapped_key_columns(collection.source.key, fields)):
        yield f"fields: a search view must contain its key; add {', '.join(loose)}"


T = TypeVar("T", bound=SettingsBlock)


def _block(model: type[T], raw: Any, place: str, found: list[str]) -> T | None:
    """Returns a block of the configuration, or None, with what is wrong with it added to `found`."""
    if raw is None:
        found.append(f"{place}: is missing; stacks/Pulumi.dev.yaml shows how to write it")
        return None
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        found += [format_error((place, *_path(e["loc"])), _reason(e, model)) for e in error.errors()]
        return None


def _listed(raw: Mapping[str, Any], found: list[str]) -> list[Any]:
    blocks = raw.get("collections")
    if isinstance(blocks, list) and blocks:
        return blocks
    found.append("collections: must be a list with at least one collection; stacks/Pulumi.dev.yaml shows how")
    return []


def _path(place: Sequence[int | str]) -> list[int | str]:
    """Returns an error's place as it is written: parameters of a mapping stand among its fields, and the form of the
    source is no key.
    """
    return ["mapping" if part == "mapping_parameters" else part for part in place if part not in (TABLE, QUERY)]


def _reason(error: Any, model: type[BaseModel]) -> str:
    if error["type"] == "missing":
        return "is missing"
    if error["type"] == "extra_forbidden" and QUERY in error["loc"] and error["loc"][-1] in SourceSettings.model_fields:
        return "a source has a table or a query; leave one out"
    if error["type"] == "extra_forbidden":
        if model is Embedding and (reason := _of_a_credential(str(error["loc"][-1]))):
            return reason
        return f"is no key we know; {suggest(str(error['loc'][-1]), _keys(model), 'leave it out')}"
    if error["type"] == "dict_type" and error["loc"][0] == "mapping":
        return NO_FIELDS.get(error["loc"][-1], "is no mapping of a field; write {type: …}")
    return str(error["msg"])


def _of_a_credential(key: str) -> str:
    """Returns what to write in place of a part of a connector's credential; empty for any other key."""
    plain = key.lower().replace("_", "")
    secrets = {name.replace("_", ""): secret for secret, name in EMBEDDING_SECRETS.items()}
    return ROLE if plain == "rolearn" else _keep_out(secrets[plain]) if plain in secrets else ""


def _keys(model: type[BaseModel]) -> list[str]:
    """Returns the keys of a block and of the blocks inside it."""
    inner = chain.from_iterable(_types(field.annotation) for field in model.model_fields.values())
    blocks = [block for block in inner if isinstance(block, type) and issubclass(block, BaseModel)]
    return [*model.model_fields, *(key for block in blocks for key in _keys(block))]


def _types(annotation: Any) -> Iterator[Any]:
    """Yields a type, or what a composed one is made of."""
    parts = get_args(annotation)
    yield from chain.from_iterable(map(_types, parts)) if parts else [annotation]
