"""A vector field, as it is declared and as OpenSearch maps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from providers.kit import Json, Nested, as_declared

FLOATS = frozenset({"confidence_interval"})
"""Parameters that k-NN takes as a float alone, and all others as whole numbers alone (recorded)."""


def with_floats(parameters: Any) -> Any:
    """Returns 1.0 for 1 where k-NN wants it so, at any depth."""
    if not isinstance(parameters, Mapping):
        return parameters
    return {
        name: float(value) if name in FLOATS and isinstance(value, int) else with_floats(value)
        for name, value in parameters.items()
    }


class Vector(Nested):
    """A vector field: `dimension` numbers, compared by `space_type`, found through `method` of `engine`.

    `mode` and `compression_level` keep vectors small (OpenSearch 2.17 and later), as an `encoder` among the method's
    `parameters` does; which of them go together depends on the engine (vectors.jsonl).
    """

    dimension: int = Field(ge=1, le=16000)
    space_type: Literal["cosinesimil", "l2", "innerproduct", "l1", "linf", "hamming"] = "cosinesimil"
    engine: Literal["faiss", "lucene", "nmslib"] = "faiss"
    method: Literal["hnsw"] = "hnsw"
    parameters: Annotated[dict[str, int | Json], AfterValidator(with_floats)] = {}
    mode: Literal["in_memory", "on_disk"] | None = None
    compression_level: Literal["1x", "2x", "4x", "8x", "16x", "32x"] | None = None

    def mapped(self) -> Json:
        """Returns the mapping; `space_type` inside the method works in every version."""
        method = {"name": self.method, "engine": self.engine, "space_type": self.space_type}
        return {
            "type": "knn_vector",
            "dimension": self.dimension,
            "method": {**method, "parameters": dict(self.parameters)},
            **self.smaller,
        }

    @property
    def smaller(self) -> dict[str, str]:
        """What is declared beside the method to keep the vectors small."""
        return self.model_dump(include={"mode", "compression_level"}, exclude_none=True)

    @classmethod
    def shown(cls, field: Mapping[str, Any], declared: Vector) -> Vector:
        """Reads the mapping that OpenSearch shows; of the parameters, which it completes, those that were declared."""
        method = field.get("method", {})
        return cls.model_construct(
            dimension=field.get("dimension", 0),
            space_type=method.get("space_type", ""),
            engine=method.get("engine", ""),
            method=method.get("name", ""),
            parameters=as_declared(method.get("parameters", {}), declared.parameters),
            mode=field.get("mode"),
            compression_level=field.get("compression_level"),
        )
