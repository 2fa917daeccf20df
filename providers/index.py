"""Index: where documents and their vectors live.

A mapping only grows: fields can be added to a live index, but neither changed nor taken out. An index is never rebuilt
under its own name, since its sync link would not fill it again; such a change wants another name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import pulumi
from pulumi import Input, Output
from pydantic import AfterValidator, Field, field_validator

from providers.kit import (
    META_KEY,
    Immutable,
    Inputs,
    Json,
    Kind,
    Mark,
    NotFound,
    NotOwned,
    Plan,
    Refused,
    Resource,
    State,
    Version,
    as_declared,
    counted,
    flatten,
    grows,
    handover,
    index_marks,
    meta_mark,
    plan_by_field,
    protected,
    require_ours,
    rewrite_meta,
    with_meta,
)
from providers.kit.backfill import count_documents
from providers.kit.vector import Vector

FORBIDDEN = frozenset(' \\/*?"<>|,#:')
"""Characters no index name may have (OpenSearch, MetadataCreateIndexService)."""

OWN_SETTINGS = frozenset(
    {"knn", "default_pipeline", "search.default_pipeline", "number_of_shards", "number_of_replicas"}
)
"""Settings that have an input of their own."""

STATIC = (
    "analysis.",
    "codec",
    "derived_source.",
    "knn.memory_optimized_search",
    "number_of_routing_shards",
    "replication.",
    "routing_partition_size",
    "soft_deletes.",
    "sort.",
    "store.",
)
"""Settings that are fixed when an index is made (OpenSearch docs, Index settings, static)."""


def allowed_name(name: str) -> str:
    """An index name that OpenSearch takes. Raises ValueError."""
    if name != name.lower():
        raise ValueError(f"index name {name!r} must be lower case; write {name.lower()!r}")
    if bad := sorted(FORBIDDEN & set(name)):
        raise ValueError(
            f"index name {name!r} must not contain {' '.join(map(repr, bad))}; use letters, digits, - and _"
        )
    if not name or name in (".", "..") or name[0] in "_-+" or len(name.encode()) > 255:
        raise ValueError(f"index name {name!r} must start with a letter or digit and have at most 255 bytes")
    return name


class IndexInputs(Inputs):
    """What a person declares. `properties` are the fields that are not vectors, as OpenSearch maps them."""

    name: Immutable[Annotated[str, AfterValidator(allowed_name)]]
    properties: dict[str, Json] = {}
    vectors: dict[str, Vector] = {}
    default_pipeline: str = ""
    search_pipeline: str = ""
    shards: Immutable[int] = Field(default=1, ge=1, le=1024)
    replicas: int = Field(default=1, ge=0)
    settings: dict[str, str | list[str]] = {}
    deletion_protection: bool = True

    @field_validator("settings", mode="before")
    @classmethod
    def _as_shown(cls, settings: Any) -> dict[str, str | list[str]]:
        """Flat and as text, as OpenSearch shows them. Raises ValueError for what has an input of its own."""
        flat = dict(flatten(settings))
        if taken := sorted(flat.keys() & OWN_SETTINGS):
            raise ValueError(f"{', '.join(taken)} has an input of its own; use that")
        return flat

    @field_validator("properties")
    @classmethod
    def _no_vectors(cls, properties: dict[str, Json]) -> dict[str, Json]:
        if vectors := [name for name, mapped in properties.items() if mapped.get("type") == "knn_vector"]:
            raise ValueError(f"{', '.join(vectors)} is a vector field; declare it in `vectors`")
        return properties


class IndexState(IndexInputs, State):
    """What PolarSearch shows of what was declared. `available` is false while a primary shard is missing."""

    available: bool = True


def fixed_changes(old: IndexInputs, new: IndexInputs) -> list[str]:
    """What cannot change in a live index, in a person's words."""
    found = [f"shards {old.shards} → {new.shards}"] if old.shards != new.shards else []
    for name, field in old.properties.items():
        if name not in new.properties or not grows(field, new.properties[name]):
            found.append(f"field {name}")
    if bool(old.vectors) != bool(new.vectors):
        found.append("setting knn")
    found += [f"vector field {name}" for name, vector in old.vectors.items() if new.vectors.get(name) != vector]
    changed = {
        name for name in old.settings.keys() | new.settings.keys() if old.settings.get(name) != new.settings.get(name)
    }
    return found + [f"setting {name}" for name in sorted(changed) if name.startswith(STATIC)]


def body(inputs: IndexInputs, incarnation: str) -> dict[str, Any]:
    """The whole index, as it is made."""
    fixed = {"number_of_shards": inputs.shards, "knn": bool(inputs.vectors)}
    return {
        "settings": {"index": {**fixed, **dynamic_settings(inputs), **inputs.settings}},
        "mappings": {"_meta": meta({}, inputs, incarnation), "properties": fields(inputs)},
    }


def dynamic_settings(inputs: IndexInputs) -> dict[str, Any]:
    """The settings an index may change while it is open; a pipeline that is not named is none."""
    return {
        "number_of_replicas": inputs.replicas,
        "default_pipeline": inputs.default_pipeline or "_none",
        "search.default_pipeline": inputs.search_pipeline or "_none",
        **{name: value for name, value in inputs.settings.items() if not name.startswith(STATIC)},
    }


def fields(inputs: IndexInputs) -> dict[str, Json]:
    """Every field of the mapping."""
    return {**inputs.properties, **{name: vector.mapped() for name, vector in inputs.vectors.items()}}


def meta(kept: Mapping[str, Any], inputs: IndexInputs, incarnation: str) -> dict[str, Any]:
    """`_meta` with our mark and whether the documents are protected; the link and the alias keep theirs there too."""
    protected = "true" if inputs.deletion_protection else None
    return with_meta(kept, index=str(Mark(inputs.owner, incarnation)), protected=protected)


def unsupported(inputs: IndexInputs, version: Version) -> list[str]:
    """What this version of OpenSearch cannot do (k-NN release notes)."""
    found = []
    for name, vector in inputs.vectors.items():
        if vector.engine == "nmslib" and version >= (3, 0, 0):
            found.append(f"{name}: engine nmslib is gone from OpenSearch 3.0; use faiss")
        if vector.engine == "faiss" and vector.space_type == "cosinesimil" and version < (2, 19, 0):
            found.append(f"{name}: faiss knows cosinesimil from OpenSearch 2.19; use innerproduct, or engine lucene")
        if vector.smaller and version < (2, 17, 0):
            found.append(f"{name}: {' and '.join(vector.smaller)} came with OpenSearch 2.17; declare it without")
    return found


class IndexKind(Kind[IndexInputs, IndexState]):
    """Makes, shows, grows and drops indexes. The id is the index's name."""

    inputs_type = IndexInputs
    state_type = IndexState
    identity = frozenset({"name"})

    @classmethod
    def plan(cls, old: IndexInputs, new: IndexInputs) -> Plan:
        if old.name == new.name and (fixed := fixed_changes(old, new)):
            raise Refused(
                f"index {old.name}: {', '.join(fixed)} cannot change in place (a mapping only grows); give the "
                f"collection another `revision`, or the index another name, and it is built beside this one"
            )
        return plan_by_field(old, new)

    @classmethod
    def pending(cls, state: IndexState) -> str | None:
        return (
            None if state.available else f"index {state.name} has no primary shard; check the cluster's disks and nodes"
        )

    def find(self, inputs: IndexInputs) -> str | None:
        try:
            state = self.read(inputs.name, inputs)
        except NotFound:
            return None
        adopt = handover(inputs.name, "index", inputs.owner)
        require_ours(f"index {inputs.name}", Mark(state.owner, state.incarnation), inputs.owner, adopt)
        self.plan(state, inputs)
        return inputs.name

    def require_possible(self, inputs: IndexInputs) -> None:
        if problems := unsupported(inputs, self.search.version):
            raise Refused(f"index {inputs.name}: {'; '.join(problems)}")

    def create(self, inputs: IndexInputs, incarnation: str) -> str:
        self.require_possible(inputs)
        self.search.put(f"/{inputs.name}", body(inputs, incarnation), makes=True)
        return inputs.name

    def read(self, id: str, declared: IndexInputs) -> IndexState:
        index = self.search.get(f"/{id}")
        if id not in index:
            raise NotOwned(f"{id} is an alias of {', '.join(index)}, not an index; choose another name")
        return self._shown(id, index[id], declared)

    def update(self, id: str, old: IndexState, new: IndexInputs, incarnation: str) -> None:
        gone = dict.fromkeys(old.settings.keys() - new.settings.keys())
        self.search.put(f"/{id}/_settings", {"index": {**gone, **dynamic_settings(new)}})
        rewrite_meta(self.search, id, lambda kept: meta(kept, new, incarnation), properties=fields(new))

    def delete(self, id: str, state: IndexState) -> None:
        self._refuse_to_lose_documents(id, state)
        self.search.delete(f"/{id}")

    def _shown(self, id: str, index: Mapping[str, Any], declared: IndexInputs) -> IndexState:
        settings: dict[str, Any] = dict(flatten(index["settings"]["index"]))
        mapping = index["mappings"].get("properties", {})
        kept = index["mappings"].get("_meta", {})
        mark = meta_mark(kept, "index")
        return IndexState.model_construct(
            name=id,
            properties=as_declared(mapping, declared.properties),
            vectors={
                name: Vector.shown(mapping[name], vector)
                for name, vector in declared.vectors.items()
                if name in mapping
            },
            default_pipeline=_pipeline(settings, "default_pipeline"),
            search_pipeline=_pipeline(settings, "search.default_pipeline"),
            shards=int(settings["number_of_shards"]),
            replicas=int(settings["number_of_replicas"]),
            settings={name: settings[name] for name in declared.settings if name in settings},
            deletion_protection=kept.get(META_KEY, {}).get("protected") == "true",
            owner=mark.owner,
            incarnation=mark.incarnation,
            available=self.search.get(f"/_cluster/health/{id}")["status"] != "red",
        )

    def _refuse_to_lose_documents(self, id: str, state: IndexState) -> None:
        if (
            not state.deletion_protection
            or not (documents := count_documents(self.search, id))
            or self._replaced(id, state.owner)
        ):
            return
        aliases = self.search.get(f"/{id}/_alias")[id]["aliases"]
        served = f", served as {', '.join(sorted(aliases))}" if aliases else ""
        raise protected(f"index {id} has {counted(documents, 'document')}{served}")

    def _replaced(self, id: str, owner: str) -> bool:
        """Whether a newer index of the same resource serves the searches now: its alias has moved on."""
        ours = [name for name, mark in index_marks(self.search).items() if mark.owner == owner and name != id]
        aliases = self.search.get("/_alias") if ours else {}
        return any(aliases.get(name, {}).get("aliases") for name in ours)


def _pipeline(settings: Mapping[str, str], name: str) -> str:
    return settings.get(name, "").removeprefix("_none")


class Index(Resource, module="polarsearch", name="Index"):
    """An index with vector fields. Its id is its name.

    `properties` are mapped as in OpenSearch; `vectors` are `{field: {dimension, space_type, engine, method,
    parameters, mode, compression_level}}`. Deleting one with documents is refused while `deletion_protection` is on,
    unless its alias has moved to a newer index of the same resource.

    Example:
        index = Index(
            "documents",
            name="test_index",
            properties={"id": {"type": "integer"}, "my_text": {"type": "text"}},
            vectors={"my_vector": {"dimension": 1024, "space_type": "l2"}},
            default_pipeline=pipeline.name,
            opts=opts,
        )
    """

    kind = IndexKind
    name: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        name: Input[str],
        properties: Input[Mapping[str, Any]] | None = None,
        vectors: Input[Mapping[str, Any]] | None = None,
        default_pipeline: Input[str] = "",
        search_pipeline: Input[str] = "",
        shards: Input[int] = 1,
        replicas: Input[int] = 1,
        settings: Input[Mapping[str, Any]] | None = None,
        deletion_protection: Input[bool] = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "name": name,
            "properties": {} if properties is None else properties,
            "vectors": {} if vectors is None else vectors,
            "default_pipeline": default_pipeline,
            "search_pipeline": search_pipeline,
            "shards": shards,
            "replicas": replicas,
            "settings": {} if settings is None else settings,
            "deletion_protection": deletion_protection,
        }
        super().__init__(resource_name, props, opts)
