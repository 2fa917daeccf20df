"""What a person writes in `stacks/Pulumi.<stack>.yaml`, checked as a whole before anything is touched.

Every mistake is reported at once, with its place and what to write instead: a `field_map` is held to the mapping, the
mapping to the source's columns, the dimension to the model's, the trusted pattern to the URL.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SkipValidation,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from providers.connector import UNEXPANDED
from providers.index import OWN_SETTINGS, validated_index_name
from providers.kit import Json, flatten_settings, format_error
from providers.services.autoetl import MAP_SYNTAX, Backend, unmapped_key_columns, renamed_fields
from providers.services.vector import Vector
from providers.search_pipeline import validated_combination
from providers.source_table import as_list, base_type, column_type
from providers.trusted_endpoint import python_pattern, validated_pattern

TEXT_COLUMNS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "json"})
PLAIN_KEYS = frozenset({"smallint", "mediumint", "int", "bigint", "char", "varchar"})
"""Types of keys that are written as they are: not TINYINT(1), which may be a boolean, nor dates and decimals."""

EMBEDDABLE = frozenset({"text", "keyword", "match_only_text", "wildcard"})
KEY_PLACE = "embedding.api_key: keep the key out of the file; `pulumi config set --secret embeddingApiKey` encrypts it"

SECRETS = ("searchPassword", "databasePassword", "embeddingApiKey")
"""The stack's secrets, by their names in its configuration."""

MODEL_STUDIO: Mapping[str, tuple[tuple[int, ...], int]] = {
    "text-embedding-v4": ((2048, 1536, 1024, 768, 512, 256, 128, 64), 10),
    "text-embedding-v3": ((1024, 768, 512, 256, 128, 64), 10),
    "text-embedding-v2": ((1536,), 25),
    "text-embedding-v1": ((1536,), 25),
}
"""Dimensions a model offers, and the most texts it takes in a request (Model Studio docs, text embedding)."""


class SettingsError(Exception):
    """The configuration cannot be used. `mistakes` has one line for each thing wrong with it."""

    def __init__(self, validation_errors: list[str]) -> None:
        count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''} in the configuration"
        super().__init__("\n".join([f"{count}, nothing was touched:", *(f"  {mistake}" for mistake in validation_errors)]))
        self.validation_errors = validation_errors


class Setting(BaseModel):
    """A block of the configuration. Unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def validated_url(url: str) -> str:
    """An http or https URL with a host. Raises ValueError."""
    parts = urlsplit(url)
    try:
        ints_from_floats = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is none
        ints_from_floats = False
    if not ints_from_floats:
        raise ValueError(f"{url!r} is no address; write one such as https://host:3001")
    if parts.username or parts.password:
        raise ValueError("must not contain a user or password; they have settings of their own")
    return url


def validated_table(table: str) -> str:
    """`<database>.<table>`. Raises ValueError."""
    if not re.fullmatch(r"[^`.\s]+\.[^`.\s]+", table):
        raise ValueError(f"{table!r} must name its database too; write database.table")
    return table


class ConnectionSettings(Setting):
    """Where PolarSearch and PolarDB are, and as whom. Passwords are secrets of the stack, not part of this block."""

    search_url: Annotated[str, AfterValidator(validated_url)]
    search_username: str = ""
    search_ca_file: str | None = None
    database_host: str = Field(min_length=1)
    database_port: int = Field(default=3306, ge=1, le=65535)
    database_user: str = Field(min_length=1)
    database_tls: Annotated[str, BeforeValidator(lambda tls: str(tls).lower() if tls is True else tls)] | None = None


class Embedding(Setting):
    """The embedding model: `url` is the whole address of its OpenAI-compatible API, `…/v1/embeddings`.

    `dimension` is the length of its vectors. `trusted_pattern` is a Java regex for the whole URL; by default, this
    URL alone. `send_dimensions` asks for that length in every request, as models with a choice of lengths want.
    `batch_size` is null before OpenSearch 2.16, which embeds one document at a time.
    `api_key` is not configuration: a program sets it, as a secret.
    """

    url: Annotated[str, AfterValidator(validated_url)]
    model: str = Field(min_length=1, pattern=r"^[^\[\]]+$")
    dimension: int = Field(ge=1, le=16000)
    batch_size: int | None = Field(default=10, ge=1, le=1000)
    trusted_pattern: Annotated[str, AfterValidator(validated_pattern)] | None = None
    send_dimensions: bool | None = None
    api_key: Annotated[Any, SkipValidation] = Field(default=None, repr=False)

    @property
    def pattern(self) -> str:
        """What the URL has to match to be trusted."""
        return self.trusted_pattern or f"^{re.escape(self.url)}$"

    @property
    def requested_dimensions(self) -> int | None:
        """The length to ask for in every request; None for a model that knows only one."""
        dimensions, _ = MODEL_STUDIO.get(self.model, ((), 0))
        wanted = len(dimensions) > 1 if self.send_dimensions is None else self.send_dimensions
        return self.dimension if wanted else None


class SourceSettings(Setting):
    """The table the rows are in: the columns that are used, with their types, and the primary key."""

    table: Annotated[str, AfterValidator(validated_table)]
    columns: dict[str, Annotated[str, AfterValidator(column_type)]] = Field(min_length=1)
    primary_key: Annotated[list[str], BeforeValidator(as_list)] = Field(min_length=1)

    @property
    def document_key(self) -> str | None:
        """The column whose values AutoETL makes the documents' ids; None where they may be written in another way."""
        [column, *others] = self.primary_key
        return column if not others and base_type(self.columns.get(column, "")) in PLAIN_KEYS else None


class SearchSettings(Setting):
    """How a hybrid query weighs words against meaning."""

    weights: list[float] = [0.3, 0.7]
    normalization: Literal["min_max", "l2", "z_score"] = "min_max"
    combination: Literal["arithmetic_mean", "geometric_mean", "harmonic_mean"] = "arithmetic_mean"

    @field_validator("combination")
    @classmethod
    def _fits(cls, combination: str, info: ValidationInfo) -> str:
        return validated_combination(combination, info.data.get("normalization"))


class SyncSettings(Setting):
    """Which of AutoETL's ways makes the link, and how it is dropped where the cluster does not tell."""

    backend: Backend = "sync_by_map"
    drop_procedure: str | None = None


class Collection(Setting):
    """Rows that are to be found by meaning: applications search it by `name`.

    `fields` says which column fills which field of the index, `mapping` how OpenSearch maps them, and `field_map` which
    vector field takes the embedding of which text field. Another `revision` builds everything anew beside the old.
    `cutover_timeout` is in seconds.
    """

    name: Annotated[str, AfterValidator(validated_index_name)] = Field(max_length=200)
    description: str = ""
    source: SourceSettings
    fields: dict[str, str] = Field(min_length=1)
    mapping: dict[str, Json] = Field(min_length=1)
    field_map: dict[str, str] = Field(min_length=1)
    search: SearchSettings = SearchSettings()
    sync: SyncSettings = SyncSettings()
    shards: int = Field(default=1, ge=1, le=1024)
    replicas: int = Field(default=1, ge=0)
    settings: dict[str, Any] = {}
    deletion_protection: bool = True
    cutover_timeout: float = Field(default=600, gt=0)
    revision: int = Field(default=1, ge=1)

    @property
    def vector_columns(self) -> dict[str, str]:
        """Which vector field takes the embedding of which column."""
        return {self.fields[text]: vector for text, vector in self.field_map.items()}

    @property
    def vector_fields(self) -> dict[str, Json]:
        """The fields of the mapping that hold vectors, as written."""
        return {name: field for name, field in self.mapping.items() if field.get("type") == "knn_vector"}

    @property
    def properties(self) -> dict[str, Json]:
        """The fields of the mapping that do not hold vectors."""
        return {name: field for name, field in self.mapping.items() if name not in self.vector_fields}

    def vectors(self, embedding: Embedding) -> dict[str, Vector]:
        """The vector fields, as long as the model's vectors."""
        return {name: vector_of(field, embedding.dimension) for name, field in self.vector_fields.items()}


class Settings(Setting):
    """Everything a stack is made of."""

    connection: ConnectionSettings
    embedding: Embedding
    collections: list[Collection]


def vector_of(field: Mapping[str, Any], dimension: int) -> Vector:
    """A `knn_vector` mapping, as OpenSearch writes it, in our words. Raises ValidationError for what it cannot hold."""
    method = dict(field.get("method", {}))
    if "name" in method:
        method["method"] = method.pop("name")
    rest = {key: value for key, value in field.items() if key not in ("type", "method")}
    return Vector.model_validate({"dimension": dimension, **method, **rest})


def parse(raw: Mapping[str, Any], *, api_key: str | None = None, open_secrets: Sequence[str] = ()) -> Settings:
    """The settings of a stack from its configuration, `connection`, `embedding` and `collections`.

    `api_key` is looked at, and neither kept nor shown; empty is none. `open_secrets` names the secrets that stand
    in the file unencrypted. Raises SettingsError with every mistake.
    """
    found: list[str] = list(secret_mistakes(raw, api_key, open_secrets))
    connection = _block(ConnectionSettings, raw.get("connection"), "connection", found)
    embedding = _block(Embedding, raw.get("embedding"), "embedding", found)
    collections = [
        _block(Collection, block, f"collections[{at}]", found) for at, block in enumerate(_listed(raw, found))
    ]
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
    """What is wrong with the secrets: one stands open in the file, or is a variable that no shell expanded."""
    for name in open_secrets:
        yield f"{name}: stands in the file as plain text; `pulumi config set --secret {name}` encrypts it"
    if isinstance(raw.get("embedding"), Mapping) and raw["embedding"].get("api_key") is not None:
        yield KEY_PLACE
    if api_key and (what := _no_key(api_key)):
        yield f"embeddingApiKey: {what}; set the key itself: `pulumi config set --secret embeddingApiKey`"


def _no_key(text: str) -> str:
    """Why a text cannot be an API key; empty when it can."""
    if UNEXPANDED.search(text):
        return "is the name of a variable that no shell expanded"
    if not text.strip():
        return "is blank"
    return "" if re.fullmatch("[!-~]+", text) else "has a blank, a line end or a letter that no HTTP header may have"


def embedding_mistakes(embedding: Embedding) -> Iterator[str]:
    """Where model, dimension, batch size, URL and trusted pattern do not fit each other."""
    dimensions, most = MODEL_STUDIO.get(embedding.model, ((), 0))
    if dimensions and embedding.dimension not in dimensions:
        offered = ", ".join(map(str, dimensions))
        yield f"embedding.dimension: {embedding.model} has no vectors of {embedding.dimension}; write one of {offered}"
    if most and (embedding.batch_size or 0) > most:
        yield f"embedding.batch_size: {embedding.model} takes {most} texts at most; write {most} or less"
    if not re.fullmatch(python_pattern(embedding.pattern), embedding.url):
        yield (
            f"embedding.trusted_pattern: {embedding.pattern} does not match the whole of {embedding.url}; "
            f"write one that does, or leave it out to trust this URL alone"
        )


def collection_mistakes(collection: Collection, embedding: Embedding | None) -> Iterator[str]:
    """Where fields, mapping, field map and source of a collection do not fit each other, or the model."""
    columns = collection.source.columns
    for column in collection.source.primary_key:
        if column not in columns:
            yield f"source.primary_key: {_unknown(column, columns, 'source.columns')}"
    for name, column in collection.fields.items():
        if column not in columns:
            yield f"fields.{name}: {_unknown(column, columns, 'source.columns')}"
        if name not in collection.mapping:
            yield f"fields.{name}: {_unknown(name, collection.mapping, 'mapping')}"
    yield from _field_map_mistakes(collection)
    yield from _vector_mistakes(collection, embedding)
    yield from _link_mistakes(collection)
    if taken := sorted(dict(flatten_settings(collection.settings)).keys() & OWN_SETTINGS):
        yield f"settings: {', '.join(taken)} is set by the collection (shards, replicas, its pipelines); leave it out"
    weights = collection.search.weights
    if len(weights) != 2 or min(weights) < 0 or abs(sum(weights) - 1) > 1e-6:
        yield f"search.weights: {weights} must be two that add up to 1, of words and meaning; for example [0.3, 0.7]"


def repeated(collections: Sequence[Collection | None]) -> Iterator[str]:
    """Collections of one name."""
    seen: set[str] = set()
    for at, collection in enumerate(collections):
        if collection is not None and collection.name in seen:
            yield f"collections[{at}].name: {collection.name} is taken by another collection; choose another name"
        seen |= {collection.name} if collection is not None else set()


def contradictions(collections: Sequence[Collection | None]) -> Iterator[str]:
    """Where two collections say different things about one table."""
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


def _field_map_mistakes(collection: Collection) -> Iterator[str]:
    vectors, columns = collection.vector_fields, collection.source.columns
    for text, vector in collection.field_map.items():
        if vector not in collection.mapping:
            yield f"field_map.{text}: {_unknown(vector, vectors, 'mapping')}"
        elif vector not in vectors:
            kind = collection.mapping[vector].get("type", "object")
            yield f"field_map.{text}: {vector} is mapped as {kind}; map it as {{type: knn_vector}}"
        column = collection.fields.get(text)
        if column is None:
            yield f"field_map.{text}: {_unknown(text, collection.fields, 'fields')}"
        elif column in columns and base_type(columns[column]) not in TEXT_COLUMNS:
            yield f"field_map.{text}: column {column} is {columns[column]}; only text can be embedded"
        if (kind := collection.mapping.get(text, {}).get("type")) is not None and kind not in EMBEDDABLE:
            yield f"field_map.{text}: {text} is mapped as {kind}; only text can be embedded"


def _vector_mistakes(collection: Collection, embedding: Embedding | None) -> Iterator[str]:
    for name, field in collection.vector_fields.items():
        if name not in collection.field_map.values():
            yield f"mapping.{name}: no text fills this vector field; name it in field_map, or leave it out"
        if name in collection.fields:
            yield f"fields.{name}: {name} is a vector field, which the pipeline fills; leave it out"
        if embedding and field.get("dimension", embedding.dimension) != embedding.dimension:
            yield (
                f"mapping.{name}.dimension: {field['dimension']} is not the model's {embedding.dimension}; "
                f"write {embedding.dimension}, or leave it out"
            )
        try:
            vector_of(field, 1)
        except ValidationError as error:
            yield from (format_error(("mapping", name, *e["loc"]), _reason(e, Vector)) for e in error.errors())


def _link_mistakes(collection: Collection) -> Iterator[str]:
    """What the link's backend cannot say, and would refuse once everything else was made."""
    backend, fields, table = collection.sync.backend, collection.fields, collection.source.table
    if backend == "sync_by_map":
        names = {"name": [collection.name], "source.table": table.split("."), "fields": [*fields, *fields.values()]}
        for place, name in ((place, name) for place, each in names.items() for name in each if MAP_SYNTAX & set(name)):
            yield f"{place}: sync_by_map cannot write {name!r}; use letters, digits, - and _, or another sync.backend"
    if backend == "sync_by_table" and (renamed := renamed_fields(fields)):
        yield f"fields: sync_by_table cannot rename columns; name {', '.join(renamed)} like them, or use sync_by_map"
    if backend == "search_view" and (loose := unmapped_key_columns(collection.source.primary_key, fields)):
        yield f"fields: a search view must contain its key; add {', '.join(loose)}"


T = TypeVar("T", bound=Setting)


def _block(model: type[T], raw: Any, place: str, found: list[str]) -> T | None:
    """A block of the configuration, or None with what is wrong with it added to `found`."""
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
        return f"is no key we know; {f'did you mean {near[0]}?' if near else 'leave it out'}"
    return str(error["msg"])


def _keys(model: type[BaseModel]) -> list[str]:
    """The keys of a block and of the blocks inside it."""
    inner = [field.annotation for field in model.model_fields.values()]
    blocks = [block for block in inner if isinstance(block, type) and issubclass(block, BaseModel)]
    return [*model.model_fields, *(key for block in blocks for key in _keys(block))]


def _unknown(name: str, known: Mapping[str, Any], where: str) -> str:
    near = difflib.get_close_matches(name, known)
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known) or 'none'}"
    return f"{name} is not in {where}; {hint}"
