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
    Field,
    SkipValidation,
)

from providers.index import validated_index_name
from providers.kit import Json, flatten_settings, pluralize
from providers.search_pipeline import Combination, Normalization, add_up
from providers.services.autoetl import Backend
from providers.services.column_types import base_type, column_type
from providers.services.tables import ColumnNames
from providers.services.texts import CHUNKING_SETTINGS, PASSAGES, EmbeddedText
from providers.services.vector import Vector
from providers.trusted_endpoint import validated_pattern

from .embedding_services import MODEL_STUDIO, UNKNOWN, KnownModel
from .texts import LongTexts, Target, TextSettings

PLAIN_KEYS = frozenset({"smallint", "mediumint", "int", "bigint", "char", "varchar"})
"""Types of keys that are written as they are: not TINYINT(1), which may be a boolean, nor dates and decimals."""

SECRETS = ("searchPassword", "databasePassword", "embeddingApiKey")
"""The stack's secrets, by their names in its configuration."""


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
    `batch_size` is null before OpenSearch 2.16, which embeds one document at a time. `max_tokens` is the most tokens of
    one text that the model takes, for a model that is not in `components.embedding_services`.
    `api_key` is not configuration: a program sets it, as a secret.
    """

    url: Annotated[str, AfterValidator(validated_url)]
    model: str = Field(min_length=1, pattern=r"^[^\[\]]+$")
    dimension: int = Field(ge=1, le=16000)
    batch_size: int | None = Field(default=10, ge=1, le=1000)
    trusted_pattern: Annotated[str, AfterValidator(validated_pattern)] | None = None
    send_dimensions: bool | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    api_key: Annotated[Any, SkipValidation] = Field(default=None, repr=False)

    @property
    def known_model(self) -> KnownModel:
        """What the service's documentation says of the model."""
        return MODEL_STUDIO.get(self.model, UNKNOWN)

    @property
    def token_limit(self) -> int | None:
        """The most tokens of one text that the model takes; None where nobody said."""
        return self.known_model.tokens if self.max_tokens is None else self.max_tokens

    @property
    def pattern(self) -> str:
        """What the URL has to match to be trusted."""
        return self.trusted_pattern or f"^{re.escape(self.url)}$"

    @property
    def requested_dimensions(self) -> int | None:
        """The length to ask for in every request; None for a model that knows only one."""
        wanted = len(self.known_model.dimensions) > 1 if self.send_dimensions is None else self.send_dimensions
        return self.dimension if wanted else None


class SourceSettings(SettingsBlock):
    """The table the rows are in: the columns that are used, with their types, and the primary key."""

    table: Annotated[str, AfterValidator(validated_table)]
    columns: dict[str, Annotated[str, AfterValidator(column_type)]] = Field(min_length=1)
    primary_key: ColumnNames = Field(min_length=1)

    @property
    def document_key(self) -> str | None:
        """The column whose values AutoETL makes the documents' ids; None where they may be written in another way."""
        [column, *others] = self.primary_key
        return column if not others and base_type(self.columns.get(column, "")) in PLAIN_KEYS else None


class SearchSettings(SettingsBlock):
    """How a hybrid query weighs words against meaning."""

    weights: Annotated[list[float], AfterValidator(validated_pair)] = [0.3, 0.7]
    normalization: Normalization = "min_max"
    combination: Combination = "arithmetic_mean"


class SyncSettings(SettingsBlock):
    """Which of AutoETL's ways makes the link, and how it is dropped where the cluster does not tell."""

    backend: Backend = "sync_by_map"
    drop_procedure: str | None = None


class Collection(SettingsBlock):
    """Rows that are to be found by meaning: applications search it by `name`.

    `fields` says which column fills which field of the index, `mapping` how OpenSearch maps them, and `field_map` which
    vector field takes the embedding of which text field; `my_vector: [title, body]` joins texts into one. `texts` says
    how, by vector field, and `long_texts` for all of them what becomes of texts that the model does not take whole.

    Another `revision` builds everything anew beside the old. `cutover_timeout` is in seconds. `description` stands in
    the descriptions of its pipelines.
    """

    name: Annotated[str, AfterValidator(validated_index_name)] = Field(max_length=200)
    description: str = ""
    source: SourceSettings
    fields: dict[str, str] = Field(min_length=1)
    mapping: dict[str, Json] = Field(min_length=1)
    field_map: dict[str, Target] = Field(min_length=1)
    texts: dict[str, TextSettings] = {}
    long_texts: LongTexts | None = None
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
        """Where the vector is that is made of each column, of it alone or with others."""
        return {self.fields[name]: text.vector_path for text in self.embedded_texts() for name in text.fields}

    @property
    def vector_fields(self) -> dict[str, Json]:
        """The fields of the mapping that hold vectors, as written."""
        return {name: field for name, field in self.mapping.items() if field.get("type") == "knn_vector"}

    @property
    def properties(self) -> dict[str, Json]:
        """The fields of the mapping that do not hold vectors, and the nested fields of passages."""
        vectors = self.vector_fields
        plain = {name: field for name, field in self.mapping.items() if name not in vectors}
        return {**plain, **{name: PASSAGES for name in self.chunked if name in vectors}}

    @property
    def chunked(self) -> list[str]:
        """The vector fields whose texts are chunked into passages."""
        return [text.vector for text in self.embedded_texts() if text.chunking]

    @property
    def index_settings(self) -> dict[str, Any]:
        """The settings of the index; a text is chunked however many tokens it has."""
        return {**CHUNKING_SETTINGS, **dict(flatten_settings(self.settings))} if self.chunked else self.settings

    def vectors(self, embedding: Embedding) -> dict[str, Vector]:
        """The vector fields, as long as the model's vectors, where they are in the index."""
        paths = {text.vector: text.vector_path for text in self.embedded_texts()}
        fields = self.vector_fields.items()
        return {paths.get(name, name): vector_of(field, embedding.dimension) for name, field in fields}

    def embedded_texts(self, token_limit: int | None = None) -> list[EmbeddedText]:
        """The text of each vector field, for a model that takes so many tokens in a text; None is not known."""
        pairs = self.field_map.items()
        joined = [(key, target) if isinstance(target, list) else (target, [key]) for key, target in pairs]
        return [self.text_settings(vector).text(vector, names, token_limit) for vector, names in joined]

    def text_settings(self, vector: str) -> TextSettings:
        """How the text of a vector field is made; what is not written of it is what is written for all."""
        written = self.texts.get(vector, TextSettings())
        return written.model_copy(update={"long_texts": written.long_texts or self.long_texts})


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
