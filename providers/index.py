"""Index: where documents and their vectors live.

A mapping only grows: fields can be added to a live index, but neither changed nor removed. An index is never rebuilt
under its own name, since its sync link would not fill it again; such a change needs another name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PrivateAttr, model_validator
from typing_extensions import Self

from providers.kit import (
    Immutable,
    Inputs,
    Json,
    NotFound,
    NotOwned,
    OwnerReference,
    Plan,
    Properties,
    Property,
    Refused,
    Resource,
    State,
    deletion_protected,
    meta_reference,
    plan_by_field,
    pluralize,
    prop,
    require_owned,
    wait_until,
    with_meta,
)
from providers.services import ClusterKind, Inventory, Version
from providers.services.backfill import count_documents
from providers.services.index_meta import alias_place, index_metas, is_protected, meta_of, rewrite_meta
from providers.services.index_names import validated_index_name
from providers.services.index_settings import expands, flat_settings, is_dynamic, without_own
from providers.services.mappings import (
    all_as_shown,
    field_at,
    nested,
    normal_fields,
    shrinks,
    undeclared,
    vectors_inside,
)
from providers.services.orphans import delete_link
from providers.services.vector import Vector
from providers.services.whole_mapping import changes_in_place, fixed_changes, normal_mapping, shown_mapping


def without_vectors(properties: dict[str, Json]) -> dict[str, Json]:
    """Returns the properties, if none is a vector. Raises ValueError."""
    if vectors := list(vectors_inside(properties)):
        inside = ", at the top level of the mapping" if any("." in path for path in vectors) else ""
        raise ValueError(f"{', '.join(vectors)} is a vector field; declare it in `vectors`{inside}")
    return properties


def without_none(pipeline: Any) -> Any:
    """Returns no name for `_none`, as which OpenSearch knows it."""
    return "" if pipeline == "_none" else pipeline


Fields = Annotated[dict[str, Json], AfterValidator(without_vectors), AfterValidator(normal_fields)]
FlatSettings = Annotated[dict[str, str | list[str]], AfterValidator(without_own), BeforeValidator(flat_settings)]
MappingParameters = Annotated[dict[str, Any], AfterValidator(normal_mapping)]
Pipeline = Annotated[str, BeforeValidator(without_none)]


class IndexProperties(Properties):
    """`properties` are the fields that are not vectors, mapped as in OpenSearch.

    `mapping` are parameters of the whole mapping: `dynamic`, `dynamic_templates`, `_source`, ….
    `vectors` are `{field: {dimension, space_type, engine, method, parameters, mode, compression_level, data_type}}`;
    one with a dotted name is inside of a field of `properties`. Deleting an index with documents is refused while
    `deletion_protection` is on, unless its alias has moved to a newer index of the same resource.
    """

    name: Immutable[Annotated[str, AfterValidator(validated_index_name)]]
    properties: Property[Fields, Mapping[str, Any]] = prop(default={})
    vectors: Property[dict[str, Vector], Mapping[str, Any]] = prop(default={})
    mapping: Property[MappingParameters, Mapping[str, Any]] = prop(default={})
    default_pipeline: Property[Pipeline, str] = prop(default="")
    search_pipeline: Property[Pipeline, str] = prop(default="")
    shards: Immutable[int] = prop(default=1, ge=1, le=1024)
    replicas: Property[int] = prop(default=1, ge=0)
    settings: Property[FlatSettings, Mapping[str, Any]] = prop(default={})
    deletion_protection: Property[bool] = prop(default=True)


class IndexInputs(IndexProperties, Inputs):
    """What a person declares."""

    @model_validator(mode="after")
    def _no_field_twice(self) -> Self:
        """Raises ValueError for a field in `properties` and `vectors`."""
        if twice := [name for name in self.vectors if field_at(self.properties, name) is not None]:
            raise ValueError(f"vectors: {', '.join(twice)} is in `properties` too; leave it out there")
        return self


class IndexState(IndexInputs, State):
    """What PolarSearch shows of what was declared. `available` is false while a primary shard is missing."""

    available: Property[bool] = prop(default=True)
    _served: list[str] = PrivateAttr(default_factory=list)
    """The aliases of the same stack that point to it."""
    _declared_protection: bool = PrivateAttr(default=False)
    _has_link: bool = PrivateAttr(default=False)
    _undeclared: list[str] = PrivateAttr(default_factory=list)


def immutable_changes(old: IndexInputs, new: IndexInputs) -> list[str]:
    """Returns what cannot change in a live index."""
    found = [f"shards {old.shards} → {new.shards}"] if old.shards != new.shards else []
    found += [f"field {name}" for name in shrinks(old.properties, new.properties)]
    if bool(old.vectors) != bool(new.vectors):
        found.append("setting knn")
    found += [f"mapping.{name}" for name in fixed_changes(old.mapping, new.mapping)]
    found += [f"vector field {name}" for name, vector in old.vectors.items() if new.vectors.get(name) != vector]
    changed = {
        name for name in old.settings.keys() | new.settings.keys() if old.settings.get(name) != new.settings.get(name)
    }
    return found + [f"setting {name}" for name in sorted(changed) if not is_dynamic(name)]


def body(inputs: IndexInputs, uid: str) -> dict[str, Any]:
    """Returns the whole index, as it is made."""
    fixed = {"number_of_shards": inputs.shards, "knn": bool(inputs.vectors)}
    return {
        "settings": {"index": {**fixed, **dynamic_settings(inputs), **inputs.settings}},
        "mappings": {**inputs.mapping, "_meta": meta({}, inputs, uid), "properties": fields(inputs)},
    }


def dynamic_settings(inputs: IndexInputs) -> dict[str, Any]:
    """Returns the settings that an open index may change; without a name a pipeline is `_none`."""
    return {
        **({} if expands(inputs.settings) else {"number_of_replicas": inputs.replicas}),
        "default_pipeline": inputs.default_pipeline or "_none",
        "search.default_pipeline": inputs.search_pipeline or "_none",
        **{name: value for name, value in inputs.settings.items() if is_dynamic(name)},
    }


def fields(inputs: IndexInputs) -> dict[str, Json]:
    """Returns every field of the mapping."""
    return nested({**inputs.properties, **{name: vector.mapped() for name, vector in inputs.vectors.items()}})


def changed_fields(old: IndexInputs, new: IndexInputs) -> dict[str, Json]:
    """Returns the fields to map: OpenSearch refuses some of its own that are mapped again as they are."""
    known = fields(old)
    return {name: field for name, field in fields(new).items() if field != known.get(name)}


def meta(kept: Mapping[str, Any], inputs: IndexInputs, uid: str) -> dict[str, Any]:
    """Returns `_meta` with our owner reference and the protection; the link and the alias keep theirs there too."""
    protected = "true" if inputs.deletion_protection else None
    return with_meta(kept, index=str(OwnerReference(inputs.owner, uid)), protected=protected)


def unsupported(inputs: IndexInputs, version: Version) -> list[str]:
    """Returns what this version of OpenSearch cannot do (k-NN release notes)."""
    found = []
    for name, vector in inputs.vectors.items():
        if vector.engine == "nmslib" and version >= (3, 0, 0):
            found.append(f"{name}: engine nmslib is removed from OpenSearch 3.0; use faiss")
        if vector.engine == "faiss" and vector.space_type == "cosinesimil" and version < (2, 19, 0):
            found.append(f"{name}: faiss knows cosinesimil from OpenSearch 2.19; use innerproduct, or engine lucene")
        if vector.engine == "faiss" and vector.data_type and version < (2, 17, 0):
            found.append(f"{name}: faiss knows bytes from OpenSearch 2.17; use engine lucene")
        if is_nested(inputs, name) and version < (2, 16, 0):
            instead = "embed texts whole (in a stack's configuration: long_texts: cut)"
            found.append(f"{name}: a query by text alone reaches nested vectors from OpenSearch 2.16; {instead}")
        if vector.smaller and version < (2, 17, 0):
            found.append(f"{name}: {' and '.join(vector.smaller)} came with OpenSearch 2.17; declare it without")
    return found


def is_nested(inputs: IndexInputs, name: str) -> bool:
    """Tells whether a vector field is inside of a nested field."""
    around = field_at(inputs.properties, name.rpartition(".")[0])
    return isinstance(around, Mapping) and around.get("type") == "nested"


class IndexKind(ClusterKind[IndexInputs, IndexState]):
    """Makes, shows, extends and deletes indexes. The id is the index's name."""

    inputs_type = IndexInputs
    state_type = IndexState
    identity = frozenset({"name"})

    @classmethod
    def plan(cls, old: IndexInputs, new: IndexInputs) -> Plan:
        if old.name == new.name and (fixed := immutable_changes(old, new)):
            raise Refused(
                f"index {old.name}: {', '.join(fixed)} cannot change in place (a mapping only grows); give the "
                f"collection another `revision`, or the index another name, and it is built beside this one"
            )
        return plan_by_field(old, new)

    @classmethod
    def not_ready_reason(cls, state: IndexState) -> str | None:
        if state.available:
            return None
        return f"index {state.name} has no primary shard; check the cluster's disks and nodes"

    def find(self, inputs: IndexInputs) -> tuple[str, IndexState] | None:
        try:
            state = self.read_owner(inputs.name, inputs)
        except NotFound:
            return None
        self._require_owned(inputs, OwnerReference(state.owner, state.uid))
        self.plan(state, inputs)
        return inputs.name, state

    def is_ours(self, inputs: IndexInputs, inventory: Inventory) -> bool:
        if inputs.name in inventory.indexes:
            self._require_owned(inputs, inventory.reference(inputs.name, "index"))
            return True
        if behind := [index for index, aliases in inventory.indexes.items() if inputs.name in aliases]:
            raise _is_an_alias(inputs.name, behind)
        return False

    def require_possible(self, inputs: IndexInputs, inventory: Inventory) -> None:
        self._require_version(inputs)

    def create(self, inputs: IndexInputs, uid: str) -> str:
        self._require_version(inputs)
        self.search.put(f"/{inputs.name}", body(inputs, uid), idempotent=False)
        return inputs.name

    def bring_up(self, id: str, inputs: IndexInputs, uid: str) -> IndexState:
        """An index is usable once its primary shards are; it is stored as its write is acknowledged."""
        state = IndexState.model_construct(**dict(inputs), uid=uid)
        return wait_until(
            lambda: self._with_health(id, state),
            self.not_ready_reason,
            timeout=self.timeout,
            clock=self.services.clock,
            report=self.report,
        )

    def read(self, id: str, declared: IndexInputs) -> IndexState:
        """Whether it is available shows where an alias of its stack is read, if one serves it."""
        state = self.read_owner(id, declared)
        if state._undeclared and not self.services.declares:
            self.warn(f"index {id} has fields that nobody declares, and keeps them: {', '.join(state._undeclared)}")
        return state if state._served else self._with_health(id, state)

    def read_owner(self, id: str, state: IndexInputs) -> IndexState:
        """All of the index but whether it is available."""
        index = self.search.get(f"/{id}")
        if id not in index:
            raise _is_an_alias(id, index)
        return shown(id, index[id], state)

    def update(self, id: str, old: IndexState, new: IndexInputs, uid: str) -> None:
        removed = dict.fromkeys(old.settings.keys() - new.settings.keys())
        self.search.put(f"/{id}/_settings", {"index": {**removed, **dynamic_settings(new)}})
        mapping = {**changes_in_place(old.mapping, new.mapping), "properties": changed_fields(old, new)}
        rewrite_meta(self.search, id, lambda kept: meta(kept, new, uid), **mapping)

    def delete(self, id: str, state: IndexState) -> None:
        """An index that an alias of the stack still points to stays until the alias moves; a destroy has deleted it."""
        if state._served and self.services.declares:
            serves = f"index {id} still serves alias {', '.join(state._served)}"
            raise Refused(f"{serves}; run `pulumi up --refresh`: the alias moves first, and then the index is deleted")
        if state.deletion_protection or state._declared_protection:
            self._require_replaceable(id, state)
        if state._has_link:
            delete_link(self.services, id)
        self.search.delete(f"/{id}")

    def _with_health(self, id: str, state: IndexState) -> IndexState:
        status = self.search.get(f"/_cluster/health/{id}")["status"]
        return state.model_copy(update={"available": status != "red"})

    def _require_owned(self, inputs: IndexInputs, reference: OwnerReference) -> None:
        require_owned(f"index {inputs.name}", reference, inputs.owner)

    def _require_version(self, inputs: IndexInputs) -> None:
        if problems := unsupported(inputs, self.search.version):
            raise Refused(f"index {inputs.name}: {'; '.join(problems)}")

    def _require_replaceable(self, id: str, state: IndexState) -> None:
        """Raises Refused while deleting the index would lose documents that no newer index serves."""
        documents = count_documents(self.search, id)
        if not documents or self._is_replaced(id, state.owner):
            return
        aliases = self.search.get(f"/{id}/_alias")[id]["aliases"]
        served = f", served as {', '.join(sorted(aliases))}" if aliases else ""
        raise deletion_protected(f"index {id} has {pluralize(documents, 'document')}{served}")

    def _is_replaced(self, id: str, owner: str) -> bool:
        """Tells whether the alias has moved to a newer index of the same resource."""
        owners = {name: meta_reference(kept, "index").owner for name, kept in index_metas(self.search).items()}
        newer = [name for name, theirs in owners.items() if theirs == owner and name != id]
        aliases = self.search.get("/_alias") if newer else {}
        return any(aliases.get(name, {}).get("aliases") for name in newer)


def shown(id: str, index: Mapping[str, Any], declared: IndexInputs) -> IndexState:
    """Returns what PolarSearch shows of what was declared, all but whether it is available."""
    settings: dict[str, Any] = flat_settings(index["settings"]["index"])
    mapping = normal_fields(index["mappings"].get("properties", {}))
    kept = meta_of(index)
    reference = meta_reference(kept, "index")
    vectors = {name: field for name in declared.vectors if (field := field_at(mapping, name)) is not None}
    expanded = expands(settings) and expands(declared.settings)
    state = IndexState.model_construct(
        name=id,
        properties=all_as_shown(mapping, declared.properties),
        vectors={name: Vector.shown(field, declared.vectors[name]) for name, field in vectors.items()},
        mapping=shown_mapping(index["mappings"], declared.mapping),
        default_pipeline=without_none(settings.get("default_pipeline", "")),
        search_pipeline=without_none(settings.get("search.default_pipeline", "")),
        shards=int(settings["number_of_shards"]),
        replicas=declared.replicas if expanded else int(settings["number_of_replicas"]),
        settings={name: settings[name] for name in declared.settings if name in settings},
        deletion_protection=is_protected(kept),
        owner=reference.owner,
        uid=reference.uid,
    )
    owners = {alias: meta_reference(kept, alias_place(alias)) for alias in index.get("aliases", {})}
    state._declared_protection = declared.deletion_protection
    state._undeclared = undeclared(mapping, fields(declared))
    state._has_link = reference.stack == meta_reference(kept, "link").stack != ""
    state._served = sorted(alias for alias, owner in owners.items() if owner.stack and owner.stack == reference.stack)
    return state


def _is_an_alias(name: str, indexes: Any) -> NotOwned:
    return NotOwned(f"{name} is an alias of {', '.join(indexes)}, not an index; choose another name")


class Index(IndexProperties, Resource, module="polarsearch", name="Index"):
    """An index with vector fields. Its id is its name.

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
