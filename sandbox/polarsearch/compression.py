"""What makes the vectors of a field small, and what of it fits together: `mode`, `compression_level`, an encoder."""

from __future__ import annotations

from typing import Any

from sandbox.polarsearch.errors import ApiError, mapper_parsing

MODES = ("in_memory", "on_disk")
LEVELS = ("1x", "2x", "4x", "8x", "16x", "32x")
_ENGINE_LEVELS = {"faiss": {"1x", "2x", "8x", "16x", "32x"}, "lucene": {"1x", "4x"}, "nmslib": {"1x"}}
_BITS = {1: "32x", 2: "16x", 4: "8x"}
_ENCODED = {"flat": "1x", "sq": "2x", "binary": ""}
_NO_ENCODER = (
    'Cannot invoke "org.opensearch.knn.index.engine.MethodComponent.isTrainingRequired('
    'org.opensearch.knn.index.engine.MethodComponentContext)" because "methodComponent" is null'
)


def check(body: dict[str, Any], method: dict[str, Any] | None) -> None:
    """Raises the refusals of a field's `mode` and `compression_level`; `method` is as GET shows it."""
    for key, empty, known in (("mode", "null", MODES), ("compression_level", "", LEVELS)):
        if key in body and body[key] not in known:
            accepted = ", ".join([empty, *known])
            raise mapper_parsing(f"Unknown value [{body[key]}] for field [{key}] - accepted values are [{accepted}]")
    encoder = (method or {}).get("parameters", {}).get("encoder")
    if encoder and encoder.get("name") not in _ENCODED:
        raise ApiError(500, "null_pointer_exception", _NO_ENCODER)
    if reason := _contradiction(body, (method or {}).get("engine"), encoder):
        raise invalid([reason])


def shown(parameters: dict[str, Any]) -> dict[str, Any]:
    """A method's parameters as GET shows them: an encoder always has some too."""
    encoder = {"parameters": {}, **parameters.get("encoder", {})}
    return {**parameters, "encoder": encoder} if "encoder" in parameters else parameters


def invalid(reasons: list[str]) -> ApiError:
    """HTTP 400 validation_exception, the reasons numbered."""
    listed = "".join(f"{number}: {reason};" for number, reason in enumerate(reasons, 1))
    return ApiError(400, "validation_exception", f"Validation Failed: {listed}")


def _contradiction(body: dict[str, Any], engine: str | None, encoder: dict[str, Any] | None) -> str:
    level = body.get("compression_level")
    if level is None:
        return ""
    if engine and level not in _ENGINE_LEVELS[engine]:
        return f'"{engine}" does not support "{level}" compression'
    if level == "1x" and body.get("mode") == "on_disk":
        return 'Cannot specify "x1" compression level when using "on_disk" mode'
    if encoder and _level_of(encoder) != level:
        return "Cannot specify an encoder that conflicts with the provided compression level"
    return ""


def _level_of(encoder: dict[str, Any]) -> str:
    bits = encoder.get("parameters", {}).get("bits", 1)
    return _BITS.get(bits, "") if encoder["name"] == "binary" else _ENCODED[encoder["name"]]
