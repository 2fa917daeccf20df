"""The checks of a whole configuration, before anything is touched.

Every mistake is reported at once, with its place and what to write instead: a `field_map` is checked against the
mapping, the mapping against the source's columns, the dimension against the model's, the trusted pattern against the
URL.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from providers.connector import UNEXPANDED
from providers.index import OWN_SETTINGS
from providers.kit import flatten_settings, format_error
from providers.services.autoetl import MAP_SYNTAX, renamed_fields, unmapped_key_columns
from providers.services.column_types import base_type
from providers.services.mappings import vectors_inside
from providers.services.vector import Vector
from providers.trusted_endpoint import python_pattern

from .settings import (
    Collection,
    ConnectionSettings,
    Embedding,
    Settings,
    SettingsBlock,
    SettingsError,
    SourceSettings,
    vector_of,
)
from .text_mistakes import field_map_mistakes, text_mistakes, type_of, unknown

DATETIMES = frozenset({"datetime", "timestamp"})
DATETIME_FORMAT = "yyyy-MM-dd HH:mm:ss||strict_date_optional_time||epoch_millis"
"""AutoETL writes a DATETIME with a blank (Flink CDC docs, MySQL connector), which a `date` takes only with a format."""

WHOLE_MAPPING = frozenset(
    {"date_detection", "dynamic", "dynamic_date_formats", "dynamic_templates", "numeric_detection", "properties"}
    | {"_meta", "_routing", "_source", "_field_names", "_size"}
)
"""Parameters of a mapping that are no fields."""
PLACEHOLDER = "pc-xxx"
KEY_PLACE = "embedding.api_key: keep the key out of the file; `pulumi config set --secret embeddingApiKey` encrypts it"


def parse(raw: Mapping[str, Any], *, api_key: str | None = None, open_secrets: Sequence[str] = ()) -> Settings:
    """Returns the settings of a stack from its configuration, `connection`, `embedding` and `collections`.

    `api_key` is checked, and neither kept nor shown; empty is none. `open_secrets` names the secrets that the file
    holds unencrypted. Raises SettingsError with every mistake.
    """
    found: list[str] = list(secret_mistakes(raw, api_key, open_secrets))
    connection = _block(ConnectionSettings, raw.get("connection"), "connection", found)
    embedding = _block(Embedding, raw.get("embedding"), "embedding", found)
    collections = [
        _block(Collection, block, f"collections[{at}]", found) for at, block in enumerate(_listed(raw, found))
    ]
    if connection is not None:
        found += connection_mistakes(connection)
    if embedding is not None:
        found += embedding_mistakes(embedding)
    for at, collection in enumerate(collections):
        if collection is not None:
            found += [f"collections[{at}].{mistake}" for mistake in collection_mistakes(collection, embedding)]
    found += [*repeated(collections), *contradictions(collections)]
    if found or connection is None or embedding is None:
        raise SettingsError(found)
    return Settings.model_construct(connection=connection, embedding=embedding, collections=collections)


def secret_mistakes(raw: Mapping[str, Any], api_key: str | None, open_secrets: Sequence[str]) -> Iterator[str]:
    """Yields what is wrong with the secrets: one is unencrypted, or is a variable that no shell expanded."""
    for name in open_secrets:
        yield f"{name}: stands in the file as plain text; `pulumi config set --secret {name}` encrypts it"
    if isinstance(raw.get("embedding"), Mapping) and raw["embedding"].get("api_key") is not None:
        yield KEY_PLACE
    if api_key and (what := _no_key(api_key)):
        yield f"embeddingApiKey: {what}; set the key itself: `pulumi config set --secret embeddingApiKey`"


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


def embedding_mistakes(embedding: Embedding) -> Iterator[str]:
    """Yields where model, dimension, batch size, URL and trusted pattern do not fit each other."""
    dimensions, most = embedding.known_model.dimensions, embedding.known_model.texts
    if dimensions and embedding.dimension not in dimensions:
        offered = ", ".join(map(str, dimensions))
        yield f"embedding.dimension: {embedding.model} has no vectors of {embedding.dimension}; write one of {offered}"
    if most and (embedding.batch_size or 0) > most:
        yield f"embedding.batch_size: {embedding.model} takes {most} texts at most; write {most} or less"
    if urlsplit(embedding.url).path.rstrip("/") in ("", "/v1"):
        whole = embedding.url.rstrip("/").removesuffix("/v1") + "/v1/embeddings"
        yield f"embedding.url: {embedding.url} is the service's base; write the whole address, such as {whole}"
    if not re.fullmatch(python_pattern(embedding.pattern), embedding.url):
        yield (
            f"embedding.trusted_pattern: {embedding.pattern} does not match the whole of {embedding.url}; "
            f"write one that does, or leave it out to trust this URL alone"
        )


def collection_mistakes(collection: Collection, embedding: Embedding | None) -> Iterator[str]:
    """Yields where fields, mapping, field map and source of a collection do not fit each other, or the model."""
    columns = collection.source.columns
    for column in collection.source.primary_key:
        if column not in columns:
            yield f"source.primary_key: {unknown(column, columns, 'source.columns')}"
    for name, column in collection.fields.items():
        if column not in columns:
            yield f"fields.{name}: {unknown(column, columns, 'source.columns')}"
        if name not in collection.mapping:
            yield f"fields.{name}: {unknown(name, collection.mapping, 'mapping')}"
    yield from _mapping_mistakes(collection)
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
        if collection is not None:
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
        if name in WHOLE_MAPPING:
            yield f"mapping.{name}: {_NO_FIELD}"
        if not isinstance(field.get("type", "object"), str):
            yield f"mapping.{name}.type: {field['type']!r} is no type; write one such as text"
    for name, column in collection.fields.items():
        field, kind = collection.mapping.get(name, {}), collection.source.columns.get(column, "")
        if type_of(field) == "date" and "format" not in field and base_type(kind) in DATETIMES:
            yield f"mapping.{name}: a {kind} is written with a blank; write {{type: date, format: {DATETIME_FORMAT!r}}}"


_NO_FIELD = "is a parameter of the whole mapping, and no field; leave it out"


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
            vector = vector_of(field, embedding.dimension if embedding else 1)
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


def _link_mistakes(collection: Collection) -> Iterator[str]:
    """Yields what the link's backend cannot express, and would refuse once everything else was made."""
    backend, fields, table = collection.sync.backend, collection.fields, collection.source.table
    if backend == "sync_by_map":
        names = {"name": [collection.name], "source.table": table.split("."), "fields": [*fields, *fields.values()]}
        for place, name in ((place, name) for place, each in names.items() for name in each if MAP_SYNTAX & set(name)):
            yield f"{place}: sync_by_map cannot write {name!r}; use letters, digits, - and _, or another sync.backend"
    if backend == "sync_by_table" and (renamed := renamed_fields(fields)):
        yield f"fields: sync_by_table cannot rename columns; name {', '.join(renamed)} like them, or use sync_by_map"
    if backend == "search_view" and (loose := unmapped_key_columns(collection.source.primary_key, fields)):
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
        found += [format_error((place, *e["loc"]), _reason(e, model)) for e in error.errors()]
        return None


def _listed(raw: Mapping[str, Any], found: list[str]) -> list[Any]:
    blocks = raw.get("collections")
    if isinstance(blocks, list) and blocks:
        return blocks
    found.append("collections: must be a list with at least one collection; stacks/Pulumi.dev.yaml shows how")
    return []


def _reason(error: Any, model: type[BaseModel]) -> str:
    if error["type"] == "missing":
        return "is missing"
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(error["loc"][-1]), _keys(model))
        if not near and model is Embedding:
            return "is no key we know; for a service that needs more, declare a `Connector` in a program of your own"
        return f"is no key we know; {f'did you mean {near[0]}?' if near else 'leave it out'}"
    if error["type"] == "dict_type" and error["loc"][0] == "mapping":
        return _NO_FIELD if error["loc"][-1] in WHOLE_MAPPING else "is no mapping of a field; write {type: …}"
    return str(error["msg"])


def _keys(model: type[BaseModel]) -> list[str]:
    """Returns the keys of a block and of the blocks inside it."""
    inner = [each for field in model.model_fields.values() for each in (field.annotation, *get_args(field.annotation))]
    blocks = [block for block in inner if isinstance(block, type) and issubclass(block, BaseModel)]
    return [*model.model_fields, *(key for block in blocks for key in _keys(block))]
