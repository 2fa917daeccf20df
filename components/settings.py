"""What a person writes in `stacks/Pulumi.<stack>.yaml`: the blocks of the configuration and their keys.

`components.validation` checks them as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

import pulumi
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SkipValidation,
    Tag,
)

from providers.index import validated_index_name
from providers.kit import Json, pluralize
from providers.search_pipeline import Combination, Normalization, add_up
from providers.services.autoetl import Backend
from providers.services.backfill import PLAIN_KEYS
from providers.services.column_types import base_type, column_type
from providers.services.select import normal_query, read_query
from providers.services.tables import ColumnNames
from providers.services.vector import Vector
from providers.trusted_endpoint import validated_pattern

SECRETS = ("searchPassword", "databasePassword", "embeddingApiKey")
"""The stack's secrets, by their names in its configuration."""

MODEL_STUDIO: Mapping[str, tuple[tuple[int, ...], int]] = {
    "text-embedding-v4": ((2048, 1536, 1024, 768, 512, 256, 128, 64), 10),
    "text-embedding-v3": ((1024, 768, 512, 256, 128, 64), 10),
    "text-embedding-v2": ((1536,), 25),
    "text-embedding-v1": ((1536,), 25),
}
"""Dimensions a model offers, and the most texts it takes in a request (Model Studio docs, text embedding)."""


class SettingsError(pulumi.RunError):
    """The configuration cannot be used. `mistakes` has one line for each thing wrong with it.

    Pulumi shows it without a traceback.
    """

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = [" ".join(mistake.splitlines()) for mistake in mistakes]
        count = f"{pluralize(len(mistakes), 'mistake')} in the configuration"
        super().__init__("\n".join([f"{count}, nothing was touched:", *(f"  {each}" for each in self.mistakes)]))


class SettingsBlock(BaseModel):
    """A block of the configuration. Unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def validated_url(url: str) -> str:
    """Returns the URL, if it is http or https with a host. Raises ValueError."""
    parts = urlsplit(url)
    try:
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # no port number
        valid = False
    if not valid:
        raise ValueError(f"{url!r} is no address; write one such as https://host:3001")
    if parts.username or parts.password:
        raise ValueError("must not contain a user or password; they have settings of their own")
    return url


def validated_table(table: str) -> str:
    """Returns the table, if it is `<database>.<table>`. Raises ValueError."""
    if not re.fullmatch(r"[^`.\s]+\.[^`.\s]+", table):
        raise ValueError(f"{table!r} must name its database too; write database.table")
    return table


def validated_pair(weights: list[float]) -> list[float]:
    """Returns the weights of words and of meaning, if they add up. Raises ValueError."""
    if len(weights) != 2 or not add_up(weights):
        raise ValueError(f"{weights} must be two that add up to 1, of words and meaning; for example [0.3, 0.7]")
    return weights


class ConnectionSettings(SettingsBlock):
    """Where PolarSearch and PolarDB are, and as whom. Passwords are secrets of the stack, not part of this block."""

    search_url: Annotated[str, AfterValidator(validated_url)]
    search_username: str = ""
    search_ca_file: str | None = None
    database_host: str = Field(min_length=1)
    database_port: int = Field(default=3306, ge=1, le=65535)
    database_user: str = Field(min_length=1)
    database_tls: Annotated[str, BeforeValidator(lambda tls: str(tls).lower() if tls is True else tls)] | None = None


class Embedding(SettingsBlock):
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


class SourceSettings(SettingsBlock):
    """The table the rows are in: the columns that are used, with their types, and the primary key."""

    table: Annotated[str, AfterValidator(validated_table)]
    columns: dict[str, Annotated[str, AfterValidator(column_type)]] = Field(min_length=1)
    primary_key: ColumnNames = Field(min_length=1)

    @property
    def tables(self) -> list[str]:
        """The table."""
        return [self.table]

    @property
    def key(self) -> list[str]:
        """The columns that identify a row."""
        return self.primary_key

    @property
    def query(self) -> None:
        """There is none."""

    @property
    def document_key(self) -> str | None:
        """The column whose values AutoETL makes the documents' ids; None where they may be written in another way."""
        [column, *others] = self.primary_key
        return column if not others and base_type(self.columns.get(column, "")) in PLAIN_KEYS else None


class QuerySettings(SettingsBlock):
    """A query over several tables, and the columns of its output that identify a row.

    Its tables must be there: they are never made, nor altered.
    """

    query: Annotated[str, AfterValidator(normal_query)]
    key: ColumnNames = Field(min_length=1)

    @property
    def tables(self) -> list[str]:
        """The tables, once each."""
        return list(dict.fromkeys(table.name for table in read_query(self.query).tables))

    @property
    def table(self) -> str:
        """The first table, each of whose rows gives one document at most."""
        return self.tables[0]

    @property
    def columns(self) -> dict[str, str]:
        """The columns of the output, with the type of what is no text and no column: those are the tables' to tell."""
        outputs = {name: output.kind for name, output in read_query(self.query).outputs.items()}
        return {name: kind.lower() if kind in NUMBERS else "" for name, kind in outputs.items()}

    @property
    def document_key(self) -> str | None:
        """The column whose values AutoETL may make the documents' ids."""
        return self.key[0] if len(self.key) == 1 else None


NUMBERS = frozenset({"BIGINT", "DOUBLE"})
"""Types that an expression of a query may have by itself, other than a text."""

TABLE, QUERY = "rows of a table", "rows of a query"
"""What pydantic calls the two forms of a source in the place of an error."""


def _form(source: Any) -> str:
    has_query = "query" in source if isinstance(source, Mapping) else isinstance(source, QuerySettings)
    return QUERY if has_query else TABLE


Source = Annotated[Annotated[SourceSettings, Tag(TABLE)] | Annotated[QuerySettings, Tag(QUERY)], Discriminator(_form)]


class SearchSettings(SettingsBlock):
    """How a hybrid query weighs words against meaning."""

    weights: Annotated[list[float], AfterValidator(validated_pair)] = [0.3, 0.7]
    normalization: Normalization = "min_max"
    combination: Combination = "arithmetic_mean"


class SyncSettings(SettingsBlock):
    """Which of AutoETL's ways makes the link, and how it is dropped where the cluster does not tell.

    Unless said, `sync_by_map` follows a table and `search_view` a query.
    """

    backend: Backend | None = None
    drop_procedure: str | None = None


class Collection(SettingsBlock):
    """Rows that are to be found by meaning: applications search it by `name`.

    `source` is a table, or a query over several.
    `fields` says which column fills which field of the index, `mapping` how OpenSearch maps them, and `field_map` which
    vector field takes the embedding of which text field. Another `revision` builds everything anew beside the old.
    `cutover_timeout` is in seconds. `description` stands in the descriptions of its pipelines.
    """

    name: Annotated[str, AfterValidator(validated_index_name)] = Field(max_length=200)
    description: str = ""
    source: Source
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
    def backend(self) -> Backend:
        """Which of AutoETL's ways makes the link."""
        return self.sync.backend or ("sync_by_map" if self.source.query is None else "search_view")

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


class Settings(SettingsBlock):
    """Everything a stack is made of."""

    connection: ConnectionSettings
    embedding: Embedding
    collections: list[Collection]


def vector_of(field: Mapping[str, Any], dimension: int) -> Vector:
    """Returns the vector field that a `knn_vector` mapping describes. Raises ValueError.

    `method: hnsw` is taken for `method: {name: hnsw}`.
    """
    method = field.get("method", {})
    method = {"name": method} if isinstance(method, str) else method
    if not isinstance(method, Mapping):
        raise ValueError(f"method: {method!r} is no method; write {{name: hnsw, engine: faiss}}, or leave it out")
    named = {"method" if key == "name" else key: value for key, value in method.items()}
    rest = {key: value for key, value in field.items() if key not in ("type", "method")}
    return Vector.model_validate({"dimension": dimension, **named, **rest})
