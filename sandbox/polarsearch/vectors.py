"""The rules of a `knn_vector` field: what of it fits together, how it is shown, and what a document may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sandbox.polarsearch.errors import not_here
from sandbox.polarsearch.shapes import is_number
from sandbox.polarsearch.versions import Version

_ENGINE_LEVELS = {"faiss": {"1x", "2x", "8x", "16x", "32x"}, "lucene": {"1x", "4x"}, "nmslib": {"1x"}}
_BITS = {1: "32x", 2: "16x", 4: "8x"}
_ENCODED = {"flat": "1x", "sq": "2x", "binary": ""}
_NO_ENCODER = (
    'Cannot invoke "org.opensearch.knn.index.engine.MethodComponent.isTrainingRequired('
    'org.opensearch.knn.index.engine.MethodComponentContext)" because "methodComponent" is null'
)


@dataclass(frozen=True)
class VectorField:
    """What searching needs to know of the field at `path`."""

    path: str
    dimension: int
    space: str
    data_type: str


def declared(body: dict[str, Any], *, version: Version, settings: dict[str, Any]) -> dict[str, Any]:
    """The field as GET shows it, of a body whose shape was checked."""
    shown: dict[str, Any] = {"type": "knn_vector", "dimension": int(body["dimension"])}
    if body.get("data_type", "float") != "float":
        shown["data_type"] = str(body["data_type"]).upper()
    if "method" in body:
        if settings.get("index.knn") != "true" and version.has("top_level_space_type"):
            raise not_here("Cannot set modelId or method parameters when index.knn setting is false")
        shown["method"] = _method(body["method"], body.get("space_type"), version)
    for key in ("space_type", "mode", "compression_level"):
        if key in body and not version.has("top_level_space_type"):
            raise not_here(f"unknown parameter [{key}]")
    _check_level(body, shown.get("method", {}))
    return shown | {key: body[key] for key in ("space_type", "mode", "compression_level") if key in body}


def _method(sent: dict[str, Any], outer: str | None, version: Version) -> dict[str, Any]:
    engine = sent.get("engine", "faiss" if version.has("faiss_default") else "nmslib")
    space, parameters = sent.get("space_type") or outer or "l2", dict(sent.get("parameters") or {})
    if engine == "nmslib" and version.has("nmslib_refused"):
        raise not_here("nmslib engine is deprecated, and cannot be used for new indexes from 3.0.0")
    if outer not in {None, space}:
        raise not_here(f'Cannot specify conflicting space types: "[{space}]" "[{outer}]"')
    if (engine, space) == ("faiss", "cosinesimil") and not version.has("faiss_cosine"):
        raise not_here(f'"hnsw" with "{engine}" configuration does not support space type: "{space}".')
    if (engine != "faiss" and "ef_search" in parameters) or (engine == "nmslib" and "encoder" in parameters):
        raise not_here(f"a parameter of [{engine}] is not supported")
    if "encoder" in parameters:  # one always has parameters, too
        parameters["encoder"] = {"parameters": {}, **parameters["encoder"]}
    return {"engine": engine, "space_type": space, "name": sent["name"], "parameters": parameters}


def _check_level(body: dict[str, Any], method: dict[str, Any]) -> None:
    level, encoder = body.get("compression_level"), method.get("parameters", {}).get("encoder")
    if encoder and encoder["name"] not in _ENCODED:
        raise not_here(_NO_ENCODER)
    if level and method and level not in _ENGINE_LEVELS[method["engine"]]:
        raise not_here(f'"{method["engine"]}" does not support "{level}" compression')
    if level == "1x" and body.get("mode") == "on_disk":
        raise not_here('Cannot specify "x1" compression level when using "on_disk" mode')
    if level and encoder and _level_of(encoder) != level:
        raise not_here("Cannot specify an encoder that conflicts with the provided compression level")


def _level_of(encoder: dict[str, Any]) -> str:
    bits = encoder["parameters"].get("bits", 1)
    return _BITS.get(bits, "") if encoder["name"] == "binary" else _ENCODED[encoder["name"]]


def field_of(path: str, shown: dict[str, Any], default_space: str) -> VectorField:
    """From the mapping as shown."""
    method = shown.get("method") or {}
    space = method.get("space_type") or shown.get("space_type") or default_space
    return VectorField(path, shown["dimension"], space, shown.get("data_type", "FLOAT"))


def check(field: VectorField, values: Any) -> None:
    """Raises ValueError for a vector that does not fit a document's field."""
    if not isinstance(values, np.ndarray) and not (isinstance(values, list) and all(map(is_number, values))):
        raise ValueError("it must be a list of numbers")
    if len(values) != field.dimension:
        raise ValueError(f"Vector dimension mismatch. Expected: {field.dimension}, Given: {len(values)}")
    array = np.asarray(values, np.float32)
    if not np.isfinite(array).all():
        raise ValueError("KNN vector values cannot be NaN or infinite")
    if field.space == "cosinesimil" and not array.any():
        raise ValueError("zero vector is not supported when space type is [cosinesimil]")
    if field.data_type == "BYTE" and not ((array == np.trunc(array)) & (array >= -128) & (array <= 127)).all():
        raise ValueError("[data_type] field was set as [byte] in index mapping")
