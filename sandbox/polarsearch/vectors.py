"""The rules of a `knn_vector` field: what a mapping may say of it, how it is shown, and what a document may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sandbox.polarsearch import compression
from sandbox.polarsearch.compression import invalid
from sandbox.polarsearch.errors import ApiError, illegal_argument, mapper_parsing, not_here
from sandbox.polarsearch.scoring import Floats
from sandbox.polarsearch.settings import java_text
from sandbox.polarsearch.values import not_numeric
from sandbox.polarsearch.versions import Version

MAX_DIMENSION = 16000
_KEYS = {"type", "dimension", "method", "data_type", "space_type", "mode", "compression_level", "meta"}
_OTHER_KEYS = {"model_id", "store", "doc_values", "ignore_malformed", "index", "similarity", "index_options", "boost",
               "copy_to", "fields"}  # fmt: skip
_TYPES: dict[str, tuple[type, ...]] = {"dimension": (int, str), "method": (dict,), "meta": (dict,)}
_METHOD_KEYS, _ENCODER_KEYS = {"name", "engine", "space_type", "parameters"}, {"name", "parameters"}
_SPACES = {"l2", "l1", "linf", "cosinesimil", "innerproduct", "hamming"}
_ENGINES = {"faiss", "lucene", "nmslib"}
_ENGINE_SPACES = {
    "faiss": {"l2", "innerproduct", "cosinesimil", "hamming"},
    "lucene": {"l2", "innerproduct", "cosinesimil", "hamming"},
    "nmslib": {"l2", "innerproduct", "cosinesimil", "l1", "linf"},
}
_METHODS = {
    "faiss": {"hnsw": {"m", "ef_construction", "ef_search", "encoder"}, "ivf": {"nlist", "nprobes", "encoder"}},
    "lucene": {"hnsw": {"m", "ef_construction", "encoder"}},
    "nmslib": {"hnsw": {"m", "ef_construction"}},
}


@dataclass(frozen=True)
class VectorField:
    """What searching needs to know of the field at `path`."""

    path: str
    dimension: int
    space: str
    data_type: str


def declared(name: str, body: dict[str, Any], *, version: Version, settings: dict[str, Any]) -> dict[str, Any]:
    """The field as GET shows it. Raises the refusals of index creation (not yet wrapped)."""
    _check_keys(name, body, version)
    _check_outer_space(body, settings)
    method = _method(body, version) if "method" in body else None
    compression.check(body, method)
    shown: dict[str, Any] = {"type": "knn_vector", "dimension": _dimension(name, body, method, version)}
    if body.get("data_type", "float") != "float":
        shown["data_type"] = str(body["data_type"]).upper()
    if method is not None:
        if settings.get("index.knn") != "true" and version.has("top_level_space_type"):
            raise illegal_argument("Cannot set modelId or method parameters when index.knn setting is false")
        shown["method"] = method
    return shown | {key: body[key] for key in ("space_type", "mode", "compression_level", "meta") if key in body}


def _check_keys(name: str, body: dict[str, Any], version: Version) -> None:
    for key, value in body.items():
        if key in _OTHER_KEYS:
            raise not_here(f"parameter [{key}] of [{name}] is not supported", "mapper_parsing_exception")
        if key not in _KEYS or (
            key in {"space_type", "mode", "compression_level"} and not version.has("top_level_space_type")
        ):
            raise mapper_parsing(f"unknown parameter [{key}] on mapper [{name}] of type [knn_vector]")
        if not isinstance(value, _TYPES.get(key, (str,))):
            raise not_here(f"[{key}] of [{name}] cannot be {java_text(value)}", "mapper_parsing_exception")
    if body.get("data_type", "float") not in {"float", "byte"}:
        raise not_here(f"data_type [{body['data_type']}] of [{name}] is not supported", "mapper_parsing_exception")


def _check_outer_space(body: dict[str, Any], settings: dict[str, Any]) -> None:
    space = body.get("space_type", "l2")
    if space != space.lower():
        raise not_here(f"[space_type] [{space}] is not supported", "mapper_parsing_exception")
    if space not in _SPACES:
        listed = "l2, cosinesimil, l1, linf, innerproduct, hamming"
        raise illegal_argument(f"Unable to find space: {space} . Valid values are: [{listed}]")
    if space == "hamming" and settings.get("index.knn") == "true":
        kind = str(body.get("data_type", "float"))
        raise illegal_argument(f"Space type [hamming] is not supported with [{kind}] data type")


def _dimension(name: str, body: dict[str, Any], method: dict[str, Any] | None, version: Version) -> int:
    if "dimension" not in body:
        raise illegal_argument(f"Dimension value missing for vector: {name}")
    try:
        dimension = int(body["dimension"])
    except (TypeError, ValueError):
        text = f"Unable to parse [dimension] from provided value [{body['dimension']}] for vector [{name}]"
        raise illegal_argument(text) from None
    if dimension <= 0:
        raise illegal_argument(f"Dimension value must be greater than 0 for vector: {name}")
    if dimension > MAX_DIMENSION:
        engine = (method or {}).get("engine") or default_engine(version)
        raise invalid([f"Dimension value cannot be greater than {MAX_DIMENSION} for vector with engine: {engine}"])
    return dimension


def default_engine(version: Version) -> str:
    """faiss, or nmslib up to 2.17."""
    return "faiss" if version.has("faiss_default") else "nmslib"


def _method(body: dict[str, Any], version: Version) -> dict[str, Any]:
    sent = body["method"]
    encoder = (sent.get("parameters") or {}).get("encoder", {})
    odd = sent.keys() - _METHOD_KEYS | (encoder.keys() - _ENCODER_KEYS if isinstance(encoder, dict) else {"encoder"})
    if odd or not isinstance(sent.get("parameters") or {}, dict):
        raise not_here(f"[{', '.join(sorted(odd))}] of a method is not supported", "mapper_parsing_exception")
    engine = sent.get("engine", default_engine(version))
    if engine not in _ENGINES:
        raise mapper_parsing(f"Invalid engine: {engine}")
    if engine == "nmslib" and version.has("nmslib_refused"):
        raise mapper_parsing(
            "nmslib engine is deprecated in OpenSearch  and cannot be used for new index creation in OpenSearch "
            "from  3.0.0."
        )
    space = _space(sent.get("space_type"), body.get("space_type"))
    if "name" not in sent:
        raise mapper_parsing("name needs to be set")
    name, parameters = sent["name"], sent.get("parameters") or {}
    _check_parameters(engine, name, parameters)
    _check_space(engine, name, space, version)
    return {"engine": engine, "space_type": space, "name": name, "parameters": compression.shown(parameters)}


def _space(inner: str | None, outer: str | None) -> str:
    for space in (inner, outer):
        if space is not None and space not in _SPACES:
            raise mapper_parsing(f"Invalid space_type: {space}")
    if inner and outer and inner != outer:
        raise mapper_parsing(f'Cannot specify conflicting space types: "[{inner}]" "[{outer}]"')
    return inner or outer or "l2"


def _check_parameters(engine: str, name: str, parameters: dict[str, Any]) -> None:
    known = _METHODS[engine].get(name)
    if known is None:
        raise illegal_argument(f"Invalid method name: {name}")
    reasons = [f"Unknown parameter '{key}' found" for key in parameters if key not in known]
    reasons += [
        f"parameter validation failed for Integer parameter [{key}]."
        for key, value in parameters.items()
        if key in known - {"encoder"} and not (isinstance(value, int) and value > 0)
    ]
    if reasons:
        raise invalid(reasons)
    if name == "ivf":
        raise invalid(['"method" requires training.'])


def _check_space(engine: str, name: str, space: str, version: Version) -> None:
    known = set(_ENGINE_SPACES[engine])
    if engine == "faiss" and not version.has("faiss_cosine"):
        known.discard("cosinesimil")
    if space not in known:
        raise invalid([f'"{name}" with "{engine}" configuration does not support space type: "{space}".'])


def conflicts(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Each parameter that may not change in place, as the refusal lists them."""
    unset = (("data_type", "FLOAT"), ("space_type", "null"), ("mode", "null"), ("compression_level", ""))
    changes = [(key, old.get(key, default), new.get(key, default)) for key, default in (("dimension", 0), *unset)]
    told = [(key, before, after) for key, before, after in changes if before != after]
    if old.get("method") != new.get("method"):
        before, after = ((field.get("method") or {}).get("name", "null") for field in (old, new))
        told.insert(int(bool(told) and told[0][0] == "dimension"), ("method", before, after))
    return [f"Cannot update parameter [{key}] from [{before}] to [{after}]" for key, before, after in told]


def mapper_class(field: dict[str, Any]) -> str:
    """Lucene's fields are another class than faiss' and nmslib's, though both are of type knn_vector."""
    return "lucene" if (field.get("method") or {}).get("engine") == "lucene" else "method"


def field_of(path: str, shown: dict[str, Any], default_space: str) -> VectorField:
    """From the mapping as shown."""
    method = shown.get("method") or {}
    space = method.get("space_type") or shown.get("space_type") or default_space
    return VectorField(path, shown["dimension"], space, shown.get("data_type", "FLOAT"))


def is_number(value: Any) -> bool:
    """A number of JSON, and not true or false."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def not_a_number(value: Any) -> ApiError:
    """The cause of the refusal of one value of a vector."""
    if isinstance(value, str):
        return ApiError(400, "number_format_exception", f'For input string: "{value}"')
    tokens = {dict: "START_OBJECT", list: "START_ARRAY", bool: f"VALUE_{java_text(value).upper()}"}
    return not_numeric(tokens.get(type(value), "VALUE_NULL"))


def not_bytes(values: list[Any]) -> tuple[Any, ApiError] | None:
    """The first value that is no byte, and why."""
    text = "[data_type] field was set as [byte] in index mapping. But, KNN vector values are "
    for value in values:
        if int(value) != value:
            return value, illegal_argument(f"{text}floats instead of byte integers")
        if not -128 <= value <= 127:
            return value, illegal_argument(f"{text}not within in the byte range [-128, 127]")
    return None


def checked(field: VectorField, values: Any) -> Floats:
    """A document's vector as searched. Raises the (unwrapped) refusal of one that does not fit."""
    given = len(values) if isinstance(values, (list, np.ndarray)) else 1
    if given != field.dimension:
        raise illegal_argument(f"Vector dimension mismatch. Expected: {field.dimension}, Given: {given}")
    array = np.asarray(values, np.float32)
    if not np.isfinite(array).all():
        raise illegal_argument("KNN vector values cannot be NaN or infinite")
    if field.space == "cosinesimil" and not array.any():
        raise illegal_argument("zero vector is not supported when space type is [cosinesimil]")
    return array
