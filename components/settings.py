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
    model_validator,
)

from providers.ingest_pipeline import Processors
from providers.kit import Json, flatten_settings, pluralize, suggest
from providers.search_pipeline import Combination, Normalization, add_up
from providers.search_pipeline import Processors as SearchProcessors
from providers.services.autoetl import Backend
from providers.services.backfill import PLAIN_KEYS
from providers.services.column_types import base_type, column_type
from providers.services.embedding_answers import VectorType
from providers.services.index_names import validated_index_name
from providers.services.pipelines import PIPELINE_NAME
from providers.services.select import normal_query, read_query
from providers.services.tables import ColumnNames
from providers.services.texts import CHUNKING_SETTINGS, PASSAGES, EmbeddedText
from providers.services.vector import Vector
from providers.services.whole_mapping import FIXED, RESET, normal_mapping
from providers.trusted_endpoint import validated_pattern

from .embedding_services import NAMES, OPENAI_COMPATIBLE, UNKNOWN, KnownModel, Service, service_of
from .texts import LongTexts, Target, TextSettings

PARAMETERS = RESET.keys() | FIXED
"""Parameters of a whole mapping."""

WHOLE_NUMBERS = frozenset({"byte", "short", "integer", "long"})
"""Types of fields that hold a key whose order is MySQL's."""

EMBEDDING_SECRETS: Mapping[str, str] = {
    "embeddingApiKey": "api_key",
    "embeddingAccessKey": "access_key",
    "embeddingSecretKey": "secret_key",
    "embeddingSessionToken": "session_token",
}
"""Secrets of the embedding service, and what each is called in a connector's credential."""

SECRETS = ("searchPassword", "databasePassword", *EMBEDDING_SECRETS)
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


InputType = Annotated[str, Field(min_length=1, pattern=r"^[^\[\]/\"\\]+$")]


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


def validated_service(name: str) -> str:
    """Returns the name, if a service is called so. Raises ValueError."""
    if name not in NAMES:
        hint = suggest(name, NAMES, f"write one of {', '.join(NAMES)}")
        raise ValueError(f"{name!r} is no service we know; {hint}")
    return name


class SigningSettings(SettingsBlock):
    """How requests to AWS are signed: its region, and the service's name in the signature."""

    region: str = Field(min_length=1, pattern=r"^[a-z0-9-]+$")
    service: str | None = None


class InputTypes(SettingsBlock):
    """What a service calls texts that are documents, and texts that are queries."""

    document: InputType | None = None
    query: InputType | None = None


Fingerprint = Annotated[str, BeforeValidator(str)]
"""Hexadecimal digits; `pulumi config set` writes eight decimal ones as a number."""


class AdoptedConnector(SettingsBlock):
    """A connector as a person made it, without its key."""

    name: str = Field(min_length=1)
    description: str = ""
    parameters: dict[str, Any] = {}
    action: dict[str, Any]


class AdoptedModel(SettingsBlock):
    """A model, its group and its connector that a person made, as `python -m ops adopt` writes them.

    They hold while the service is called as `call` says, which is the fingerprint of the rest of the `embedding` block.
    """

    call: Fingerprint
    group: str = Field(min_length=1)
    model: str = Field(min_length=1)
    connector: AdoptedConnector


class Embedding(SettingsBlock):
    """The embedding model, at a `service` (a name in `components.embedding_services`), or at any with OpenAI's API.

    `url` is the whole address, `…/v1/embeddings`; a service has its own. `dimension` is the length of its vectors,
    `vector_type` what their numbers are. `trusted_pattern` is a Java regex for the whole URL; by default, this URL
    alone. `send_dimensions` asks for that length in every request, as models with a choice of lengths want.
    `batch_size` is null before OpenSearch 2.16, which embeds one document at a time. `max_tokens` is the most tokens of
    one text that the model takes: without it what the service's table says, and 512 for a model that is in none.
    `private_address` allows a host whose address is private, such as one in the cluster's own VPC.
    `price_per_million_tokens`, in dollars, is for estimates alone. `adopted` is a model that a person made.

    `headers`, `parameters`, `request_body`, `pre_process`, `post_process` and `client_config` are a connector's, and
    override the service's; `aws_sigv4` signs requests. A model that tells documents from queries has `input_type`, or
    `document_prefix` and `query_prefix`, which stand before every text.

    Keys are not configuration: a program sets `api_key`, or `access_key`, `secret_key` and `session_token` of AWS, as
    secrets; a header names one as `${credential.api_key}`.
    """

    service: Annotated[str, AfterValidator(validated_service)] | None = None
    url: Annotated[str, AfterValidator(validated_url)] | None = None
    model: str = Field(min_length=1, pattern=r"^[^\[\]]+$")
    dimension: int = Field(ge=1, le=16000)
    vector_type: VectorType = "float"
    batch_size: int | None = Field(default=10, ge=1, le=1000)
    trusted_pattern: Annotated[str, AfterValidator(validated_pattern)] | None = None
    private_address: bool = False
    send_dimensions: bool | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    price_per_million_tokens: float | None = Field(default=None, ge=0)
    headers: dict[str, str] = {}
    parameters: dict[str, Any] = {}
    request_body: str | None = Field(default=None, min_length=1)
    pre_process: str | None = Field(default=None, min_length=1)
    post_process: str | None = Field(default=None, min_length=1)
    aws_sigv4: SigningSettings | None = None
    client_config: dict[str, Any] | None = None
    document_prefix: str = ""
    query_prefix: str = ""
    input_type: InputTypes = InputTypes()
    adopted: AdoptedModel | None = None
    api_key: Annotated[Any, SkipValidation] = Field(default=None, repr=False)
    access_key: Annotated[Any, SkipValidation] = Field(default=None, repr=False)
    secret_key: Annotated[Any, SkipValidation] = Field(default=None, repr=False)
    session_token: Annotated[Any, SkipValidation] = Field(default=None, repr=False)

    @property
    def preset(self) -> Service:
        """How the service is called, where no key says otherwise."""
        named = service_of(self.service, self.model) if self.service else None
        return named or OPENAI_COMPATIBLE

    @property
    def endpoint(self) -> str:
        """The address of the model; empty where neither `url` nor the service says."""
        region = self.aws_sigv4.region if self.aws_sigv4 else ""
        return self.url or self.preset.address(self.model, region)

    @property
    def known_model(self) -> KnownModel:
        """What the service's documentation says of the model."""
        return self.preset.known(self.model)

    @property
    def token_limit(self) -> int:
        """The most tokens of one text that the model takes, which is assumed where nobody said."""
        return self.known_model.tokens if self.max_tokens is None else self.max_tokens

    @property
    def limit_is_assumed(self) -> bool:
        """Whether neither the configuration nor a table says how much the model takes."""
        return self.max_tokens is None and self.known_model is UNKNOWN

    @property
    def text_limit(self) -> int:
        """What is left of the limit for a document's own text: a byte of its prefix is a token at most."""
        return max(1, self.token_limit - len(self.document_prefix.encode()))

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
    """How a hybrid query weighs words against meaning, and other processors of the search pipeline.

    Without a `normalization` another processor may combine the scores, such as `score-ranker-processor`.
    """

    weights: Annotated[list[float], AfterValidator(validated_pair)] = [0.3, 0.7]
    normalization: Normalization = "min_max"
    combination: Combination = "arithmetic_mean"
    request_processors: SearchProcessors = []
    phase_results_processors: SearchProcessors = []
    response_processors: SearchProcessors = []


class SyncSettings(SettingsBlock):
    """Which of AutoETL's ways makes the link, and how it is dropped where the cluster does not tell.

    Unless said, `sync_by_map` follows a table and `search_view` a query. With `prune`, `up` deletes documents that have
    no row, as a TRUNCATE leaves them, once a refresh has found them.
    """

    backend: Backend | None = None
    drop_procedure: str | None = None
    prune: bool = False


class AdoptedGeneration(SettingsBlock):
    """The names of an index and its pipeline that a person made, as `python -m ops adopt` writes them.

    They hold for the `generation` of that fingerprint; another one has names of its own.
    """

    generation: Fingerprint
    index: Annotated[str, AfterValidator(validated_index_name)]
    ingest_pipeline: str = Field(pattern=PIPELINE_NAME)


class Collection(SettingsBlock):
    """Rows that are to be found by meaning: applications search it by `name`.

    `source` is a table, or a query over several.
    `fields` says which column fills which field of the index, `mapping` how OpenSearch maps them, and `field_map` which
    vector field takes the embedding of which text field; `my_vector: [title, body]` joins texts into one. `texts` says
    how, by vector field, and `long_texts` for all of them what becomes of texts that the model does not take whole.

    A mapping may have parameters of its own among its fields (`dynamic: strict`), or be written as OpenSearch's, with
    `properties`. `before` and `after` are other processors of the ingest pipeline, around the embedding one. Another
    `revision` builds everything anew beside the old. `cutover_timeout` is in seconds. `description` stands in the
    descriptions of its pipelines. `adopted` are objects that a person made.
    """

    name: Annotated[str, AfterValidator(validated_index_name)] = Field(max_length=200)
    description: str = ""
    source: Source
    fields: dict[str, str] = Field(min_length=1)
    mapping: dict[str, Json] = Field(min_length=1)
    mapping_parameters: Annotated[dict[str, Any], AfterValidator(normal_mapping)] = {}
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
    before: Processors = []
    after: Processors = []
    adopted: AdoptedGeneration | None = None

    @model_validator(mode="before")
    @classmethod
    def _split_mapping(cls, written: Any) -> Any:
        """Takes the parameters of the whole mapping from among its fields."""
        if not (isinstance(written, Mapping) and isinstance(written.get("mapping"), Mapping)):
            return written
        fields, parameters = split_mapping(written["mapping"])
        if not parameters:
            return {**written, "mapping": fields}
        return {**written, "mapping": fields, "mapping_parameters": parameters}

    @property
    def backend(self) -> Backend:
        """Which of AutoETL's ways makes the link."""
        return self.sync.backend or ("sync_by_map" if self.source.query is None else "search_view")

    @property
    def key_field(self) -> str | None:
        """The field that holds the documents' key, where it is mapped as a whole number."""
        named = (name for name, column in self.fields.items() if column == self.source.document_key)
        field = next(named, "")
        return field if self.mapping.get(field, {}).get("type") in WHOLE_NUMBERS else None

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
        """The vector fields, as long as the model's vectors and of their type, where they are in the index."""
        kind = embedding.dimension, embedding.vector_type
        paths = {text.vector: text.vector_path for text in self.embedded_texts()}
        fields = self.vector_fields.items()
        return {paths.get(name, name): vector_of(field, *kind) for name, field in fields}

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


def split_mapping(mapping: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the fields and the parameters of a mapping; a field may be called like a parameter, but for `_source`."""
    parameters = {
        name: value
        for name, value in mapping.items()
        if name in PARAMETERS and (name.startswith("_") or not isinstance(value, Mapping))
    }
    fields = {name: value for name, value in mapping.items() if name not in parameters}
    inside = fields.get("properties")
    if fields.keys() == {"properties"} and isinstance(inside, Mapping) and _holds_fields(inside):
        fields = dict(inside)
    return fields, parameters


def _holds_fields(inside: Mapping[str, Any]) -> bool:
    """Tells `{"id": {"type": …}}` from a field that is called `properties`."""
    return all(isinstance(field, Mapping) for field in inside.values())


def vector_of(field: Mapping[str, Any], dimension: int, vector_type: VectorType) -> Vector:
    """Returns the vector field that a `knn_vector` mapping describes. Raises ValueError.

    `method: hnsw` is taken for `method: {name: hnsw}`.
    """
    method = field.get("method", {})
    method = {"name": method} if isinstance(method, str) else method
    if not isinstance(method, Mapping):
        raise ValueError(f"method: {method!r} is no method; write {{name: hnsw, engine: faiss}}, or leave it out")
    named = {"method" if key == "name" else key: value for key, value in method.items()}
    rest = {key: value for key, value in field.items() if key not in ("type", "method")}
    return Vector.model_validate({"dimension": dimension, "data_type": vector_type, **named, **rest})
